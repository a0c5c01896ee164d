// SPDX-License-Identifier: GPL-2.0-only
/*
 * fail_allocations load FILE | netns
 *
 * Load a module, or make a network namespace, again and again, the kernel failing the first
 * allocation in it, then the second and so on, until it goes through without having met one
 * more. Each time that it fails it must go through at the next try. Prints how often it
 * failed, and how often it did not for all that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "fail_nth.h"

#define MOST 10000

enum { WENT_THROUGH, FAILED, NOT_REACHED };

/* ---- what is done, and undone */

static int file = -1;

static int load(char **argument)
{
	(void)argument;
	return syscall(SYS_finit_module, file, "", 0);
}

static void unload(char **argument)
{
	char name[64], *end;

	snprintf(name, sizeof(name), "%s", strrchr(argument[0], '/') + 1);
	end = strchr(name, '.');
	if (end)
		*end = '\0';
	if (syscall(SYS_delete_module, name, O_NONBLOCK))
		err(2, "cannot unload %s", name);
}

static int new_netns(char **argument)
{
	(void)argument;
	return unshare(CLONE_NEWNET);
}

static void nothing(char **argument)
{
	(void)argument;
}

static const struct {
	const char *name;
	int (*act)(char **argument);
	void (*undo)(char **argument);
} acts[] = {
	{ "load", load, unload },
	{ "netns", new_netns, nothing },
};

/* In a process of its own, so that nothing is left of one try at the next. */
static int try_nth(unsigned int act, char **argument, unsigned int n)
{
	int fd = fail_nth_open(), status, error;
	bool reached;

	fail_nth(fd, n);
	status = acts[act].act(argument);
	error = errno;
	reached = fail_nth_met(fd);
	if (status && !reached)
		errx(2, "allocation %u was not reached: %s", n, strerror(error));
	if (status && acts[act].act(argument))
		err(2, "allocation %u: the next try", n);
	acts[act].undo(argument);
	return !reached ? NOT_REACHED : status ? FAILED : WENT_THROUGH;
}

static int in_child(unsigned int act, char **argument, unsigned int n)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		err(2, "fork");
	if (!child)
		_exit(16 + try_nth(act, argument, n));
	if (waitpid(child, &status, 0) != child)
		err(2, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) < 16)
		errx(1, "allocation %u: status %x", n, status);
	return WEXITSTATUS(status) - 16;
}

int main(int argc, char **argv)
{
	unsigned int act = 0, n, counts[3] = { 0 };

	while (argc > 1 && act < 2 && strcmp(argv[1], acts[act].name))
		act++;
	if (argc < 2 || act == 2 || argc != (act ? 2 : 3) || (!act && !strchr(argv[2], '/')))
		errx(2, "usage: fail_allocations load FILE | netns");
	if (!act) {
		file = open(argv[2], O_RDONLY | O_CLOEXEC);
		if (file < 0)
			err(2, "%s", argv[2]);
	}
	for (n = 1; n < MOST && !counts[NOT_REACHED]; n++)
		counts[in_child(act, argv + 2, n)]++;
	printf("failed %u, went through %u\n", counts[FAILED], counts[WENT_THROUGH]);
	return counts[NOT_REACHED] ? 0 : 1;
}
