/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fail_nth - have the kernel fail this thread's nth allocation from now on
 * (Documentation/fault-injection)
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int fail_nth_open(void)
{
	int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(2, "/proc/thread-self/fail-nth");
	return fd;
}

/* 0 for none */
static void fail_nth(int fd, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fd, text, length, 0) != length)
		err(2, "fail-nth");
}

/* Ends it; whether it was met. */
static bool fail_nth_met(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		err(2, "fail-nth");
	fail_nth(fd, 0);
	return atoi(text) == 0;
}
