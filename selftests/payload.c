// SPDX-License-Identifier: GPL-2.0-only
/*
 * payload - append a rule whose match or target is given byte by byte
 *
 *	payload 4|6 TABLE CHAIN match|target NAME REVISION HEX [N]
 *
 * For what iptables would not write. Exit status 0, or 1 with the kernel's errno
 * named on standard error; 2 if the command line makes no sense. With N the kernel fails
 * the Nth allocation on the way; exit status 3 if there were fewer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libiptc/libiptc.h>
#include <libiptc/libip6tc.h>
#include "fail_nth.h"

#define MAX_PAYLOAD 64

static _Noreturn void usage(void)
{
	fputs("usage: payload 4|6 TABLE CHAIN match|target NAME REVISION HEX [N]\n", stderr);
	exit(2);
}

static size_t from_hex(const char *hex, unsigned char *bytes)
{
	size_t n = strlen(hex) / 2;

	if (strlen(hex) % 2 || n > MAX_PAYLOAD)
		usage();
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
			usage();
	return n;
}

/* Matches and targets begin alike: size, name, revision, then the payload. */
static size_t put_extension(void *at, const char *name, int revision,
			    const void *bytes, size_t len)
{
	struct xt_entry_target *t = at;

	t->u.target_size = XT_ALIGN(sizeof(*t)) + XT_ALIGN(len);
	strncpy(t->u.user.name, name, sizeof(t->u.user.name) - 1);
	t->u.user.revision = revision;
	memcpy(t->data, bytes, len);
	return t->u.target_size;
}

static int nth_fd = -1;
static unsigned int nth;

static void arm(void)
{
	if (nth)
		fail_nth(nth_fd, nth);
}

static int append4(const char *table, const char *chain, struct ipt_entry *e)
{
	struct xtc_handle *h = iptc_init(table);

	if (!h || !iptc_append_entry(chain, e, h))
		return 0;
	arm();
	return iptc_commit(h);
}

static int append6(const char *table, const char *chain, struct ip6t_entry *e)
{
	struct xtc_handle *h = ip6tc_init(table);

	if (!h || !ip6tc_append_entry(chain, e, h))
		return 0;
	arm();
	return ip6tc_commit(h);
}

int main(int argc, char **argv)
{
	unsigned char bytes[MAX_PAYLOAD] = { 0 };
	union {
		struct ipt_entry v4;
		struct ip6t_entry v6;
		unsigned char room[1024];
	} rule;
	size_t len, head, at;
	int is6, is_match, went_through, error;

	if (argc != 8 && argc != 9)
		usage();
	if (argc == 9) {
		nth = atoi(argv[8]);
		nth_fd = fail_nth_open();
	}
	is6 = !strcmp(argv[1], "6");
	is_match = !strcmp(argv[4], "match");
	len = from_hex(argv[7], bytes);

	memset(&rule, 0, sizeof(rule));
	head = is6 ? sizeof(rule.v6) : sizeof(rule.v4);
	at = head + put_extension(rule.room + head, argv[5], atoi(argv[6]), bytes, len);
	if (is_match) { /* and no target: the standard one with an empty name */
		head = at;
		at += put_extension(rule.room + at, "", 0, "\0\0\0", sizeof(int));
	}
	if (is6) {
		rule.v6.target_offset = head;
		rule.v6.next_offset = at;
	} else {
		rule.v4.target_offset = head;
		rule.v4.next_offset = at;
	}
	went_through = is6 ? append6(argv[2], argv[3], &rule.v6) : append4(argv[2], argv[3], &rule.v4);
	error = errno;
	if (nth && !fail_nth_met(nth_fd))
		return 3;
	if (!went_through) {
		fprintf(stderr, "payload: %s\n", strerror(error));
		return 1;
	}
	return 0;
}
