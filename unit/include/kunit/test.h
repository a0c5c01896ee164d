/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of KUnit as our suites use, for user space: prints TAP. With QUICK=1 in the
 * environment it leaves out the slow cases. In a kernel tree the same suites are built with the
 * kernel's own, which leaves them out for kunit.filter="speed>slow".
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
	bool slow;
};

struct kunit_suite {
	const char *name;
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(function)		{ .run_case = (function) }
#define KUNIT_CASE_SLOW(function)	{ .run_case = (function), .slow = true }

static inline void kunit_say(struct kunit *test, bool good)
{
	printf("%sok %d - ", good ? "" : "not ", ++test->number);
	test->failed += !good;
}

/* No variable of its own: the condition may name one like it. */
#define KUNIT_EXPECT_TRUE_MSG(test, condition, format, ...) do {	\
	kunit_say(test, condition);					\
	printf(format "\n", ##__VA_ARGS__);				\
} while (0)

#define KUNIT_EXPECT_TRUE(test, condition)				\
	KUNIT_EXPECT_TRUE_MSG(test, condition, "%s", #condition)
#define KUNIT_EXPECT_FALSE(test, condition)				\
	KUNIT_EXPECT_TRUE_MSG(test, !(condition), "not %s", #condition)

#define KUNIT_ASSERT_TRUE(test, condition) do {				\
	(void)(test);							\
	if (!(condition))						\
		exit(2);						\
} while (0)

#define KUNIT_ASSERT_NOT_NULL(test, pointer)	KUNIT_ASSERT_TRUE(test, pointer)

#define kunit_test_suite(suite)						\
int main(void)								\
{									\
	const char *quick = getenv("QUICK");				\
	struct kunit test = { 0, 0 };					\
	struct kunit_case *one;						\
									\
	for (one = (suite).test_cases; one->run_case; one++)		\
		if (!one->slow || !quick || !*quick)			\
			one->run_case(&test);				\
	printf("1..%d\n", test.number);					\
	return !!test.failed;						\
}									\
extern int kunit_test_suite_takes_a_semicolon

#define MODULE_DESCRIPTION(text)	extern int module_takes_a_semicolon
#define MODULE_LICENSE(text)		extern int module_takes_a_semicolon

#endif /* _KUNIT_TEST_H */
