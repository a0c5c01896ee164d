// SPDX-License-Identifier: GPL-2.0-only
/*
 * payload - append a rule whose match or target is given byte by byte
 *
 *	payload 4|6 TABLE CHAIN match|target NAME REVISION HEX
 *
 * For what iptables would not write. Exit status 0, or 1 with the kernel's errno
 * named on standard error; 2 if the command line makes no sense.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libiptc/libiptc.h>
#include <libiptc/libip6tc.h>

#define MAX_PAYLOAD 64

static _Noreturn void usage(void)
{
	fputs("usage: payload 4|6 TABLE CHAIN match|target NAME REVISION HEX\n", stderr);
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

static int append4(const char *table, const char *chain, struct ipt_entry *e)
{
	struct xtc_handle *h = iptc_init(table);

	return h && iptc_append_entry(chain, e, h) && iptc_commit(h);
}

static int append6(const char *table, const char *chain, struct ip6t_entry *e)
{
	struct xtc_handle *h = ip6tc_init(table);

	return h && ip6tc_append_entry(chain, e, h) && ip6tc_commit(h);
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
	int is6, is_match;

	if (argc != 8)
		usage();
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
	if (!(is6 ? append6(argv[2], argv[3], &rule.v6) : append4(argv[2], argv[3], &rule.v4))) {
		fprintf(stderr, "payload: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
