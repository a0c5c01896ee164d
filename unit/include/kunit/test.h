/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of KUnit as our suites use, for user space: prints TAP. In a kernel tree the same
 * suites are built with the kernel's own.
 */
#ifndef _KUNIT_TEST_H
#define _KUNIT_TEST_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct kunit {
	int number;
	int failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(function)		{ .run_case = (function) }
#define KUNIT_CASE_SLOW(function)	KUNIT_CASE(function)

#define KUNIT_EXPECT_TRUE_MSG(test, condition, format, ...) do {	\
	bool good = (condition);					\
									\
	printf("%sok %d - " format "\n", good ? "" : "not ",		\
	       ++(test)->number, ##__VA_ARGS__);			\
	(test)->failed += !good;					\
} while (0)

#define KUNIT_ASSERT_TRUE(test, condition) do {				\
	(void)(test);							\
	if (!(condition))						\
		exit(2);						\
} while (0)

#define KUNIT_ASSERT_NOT_NULL(test, pointer)	KUNIT_ASSERT_TRUE(test, pointer)

#define kunit_test_suite(suite)						\
int main(void)								\
{									\
	struct kunit test = { 0, 0 };					\
	struct kunit_case *one;						\
									\
	for (one = (suite).test_cases; one->run_case; one++)		\
		one->run_case(&test);					\
	printf("1..%d\n", test.number);					\
	return !!test.failed;						\
}									\
extern int kunit_test_suite_takes_a_semicolon

#define MODULE_DESCRIPTION(text)	extern int module_takes_a_semicolon
#define MODULE_LICENSE(text)		extern int module_takes_a_semicolon

#endif /* _KUNIT_TEST_H */
