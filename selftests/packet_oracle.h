/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet_oracle - what each rule of random_packets.sh must give for a packet, from its bytes
 *
 * By RFC 791, 792, 1122, 4443 and 8200 and by what the manual promises of -m untracked; it
 * shares no line with the kernel module. Flows are in a plain set, which does not err.
 */
#ifndef _PACKET_ORACLE_H
#define _PACKET_ORACLE_H

#include <err.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "checksum.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What the rules know a packet by, and what they give. */
enum { TOS_NOTRACK = 0x80, TOS_ASK_LATER = 0x40 };
enum {
	MARK = 1, NO_MARK = 2, REPLY = 4, NO_REPLY = 8, RELATED = 16, NOT_RELATED = 32,
};

static bool is_v6; /* all packets of a run are of one family */

static int icmp_protocol(void)
{
	return is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static int echo_request(void)
{
	return is_v6 ? 128 : 8;
}

static int echo_reply(void)
{
	return is_v6 ? 129 : 0;
}

static unsigned int get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

struct key {
	unsigned char ends[2][16], protocol, type;
	uint16_t ports[2];
};

/* A transport that begins @length bytes before the end: what else its flow is known by. */
static bool rest_of(const unsigned char *at, size_t length, unsigned int protocol, struct key *key)
{
	key->protocol = protocol;
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (length < 8)
			return false;
		key->ports[0] = get16(at);
		key->ports[1] = get16(at + 2);
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: /* over the other family they mean nothing */
		if ((int)protocol != icmp_protocol() || length < 8 ||
		    (at[0] != echo_request() && at[0] != echo_reply()))
			return false;
		key->ports[0] = get16(at + 4);
		key->type = at[0];
		return true;
	}
	return true;
}

/*
 * RFC 791 and RFC 8200, 4: where the transport begins, and which it is; 0 for nowhere. That
 * the version is right is for the stack to see to, and for us in what is quoted.
 */
static size_t transport4(const unsigned char *ip, size_t length, unsigned int *protocol)
{
	const size_t header = length ? 4 * (ip[0] & 15) : 0;

	if (length < 20 || header < 20 || header > length || get16(ip + 6) & 0x1fff)
		return 0;
	*protocol = ip[9];
	return header;
}

static size_t transport6(const unsigned char *ip, size_t length, unsigned int *protocol)
{
	size_t at = 40, header;

	if (length < 40)
		return 0;
	for (*protocol = ip[6];; *protocol = ip[at], at += header) {
		switch (*protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			header = at + 2 > length ? 8 : 8 * (ip[at + 1] + 1);
			break;
		case IPPROTO_AH:
			header = at + 2 > length ? 8 : 4 * (ip[at + 1] + 2);
			break;
		case IPPROTO_FRAGMENT:
			header = 8;
			if (at + header <= length && get16(ip + at + 2) >> 3)
				return 0;
			break;
		default:
			return at;
		}
		if (at + header > length)
			return 0;
	}
}

static size_t transport(const unsigned char *ip, size_t length, unsigned int *protocol)
{
	return (is_v6 ? transport6 : transport4)(ip, length, protocol);
}

static const unsigned char *source(const unsigned char *ip)
{
	return ip + (is_v6 ? 8 : 12);
}

static size_t address_bytes(void)
{
	return is_v6 ? 16 : 4;
}

static const unsigned char *destination(const unsigned char *ip)
{
	return source(ip) + address_bytes();
}

static bool key_of(const unsigned char *ip, size_t length, struct key *key)
{
	unsigned int protocol;
	size_t at = transport(ip, length, &protocol);

	memset(key, 0, sizeof(*key));
	if (!at || !rest_of(ip + at, length - at, protocol, key))
		return false;
	memcpy(key->ends[0], source(ip), address_bytes());
	memcpy(key->ends[1], destination(ip), address_bytes());
	return true;
}

/*
 * What only refuses is not remembered, nor what is too short to tell: TCP's flags (RFC 9293,
 * 3.1), SCTP's first chunk (RFC 9260, 3.2) and DCCP's type (RFC 4340, 5.1).
 */
static bool is_refusal(const unsigned char *ip, size_t length)
{
	unsigned int protocol;
	size_t at = transport(ip, length, &protocol);

	switch (at ? protocol : IPPROTO_NONE) {
	case IPPROTO_TCP:
		return length < at + 14 || ip[at + 13] & 4;
	case IPPROTO_SCTP:
		return length < at + 13 || ip[at + 12] == 6 || ip[at + 12] == 14;
	case IPPROTO_DCCP:
		return length < at + 9 || (ip[at + 8] & 0x1e) == 0x0e;
	}
	return false;
}

static struct key flows[1 << 16];
static unsigned long n_flows;

/* Where it is, or would be. */
static struct key *place_of(const struct key *key)
{
	static const struct key none;
	uint32_t hash = 0;
	size_t i;

	for (i = 0; i < sizeof(*key); i++)
		hash = (hash + ((const unsigned char *)key)[i]) * 0x9e3779b1;
	for (i = hash >> 16;; i = (i + 1) % ARRAY_SIZE(flows))
		if (!memcmp(&flows[i], key, sizeof(*key)) || !memcmp(&flows[i], &none, sizeof(none)))
			return &flows[i];
}

static bool is_remembered(const struct key *key)
{
	return !memcmp(place_of(key), key, sizeof(*key));
}

static void remember(const struct key *key)
{
	if (is_remembered(key))
		return;
	if (++n_flows > ARRAY_SIZE(flows) / 2)
		errx(2, "more flows than there is room for");
	*place_of(key) = *key;
}

/* Only an echo reply is a reply, and only to a request. */
static bool is_reply(const unsigned char *ip, size_t length)
{
	struct key own, other;

	if (!key_of(ip, length, &own))
		return false;
	other = own;
	memcpy(other.ends[0], own.ends[1], sizeof(own.ends[0]));
	memcpy(other.ends[1], own.ends[0], sizeof(own.ends[0]));
	if (own.protocol == icmp_protocol()) {
		if (own.type != echo_reply())
			return false;
		other.type = echo_request();
	} else {
		other.ports[0] = own.ports[1];
		other.ports[1] = own.ports[0];
	}
	return is_remembered(&other);
}

static unsigned int tos_of(const unsigned char *ip)
{
	return is_v6 ? get16(ip) >> 4 & 0xff : ip[1];
}

static bool is_error_type(unsigned int type)
{
	if (is_v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static bool is_related(const unsigned char *ip, size_t length, unsigned int hook)
{
	unsigned int protocol;
	size_t icmp = transport(ip, length, &protocol);
	const unsigned char *quoted = ip + icmp + 8;
	struct key key;

	if (!icmp || (int)protocol != icmp_protocol() || icmp + 8 > length || !is_error_type(ip[icmp]))
		return false;
	if (!key_of(quoted, ip + length - quoted, &key) || !is_remembered(&key))
		return false;
	if (quoted[0] >> 4 != (is_v6 ? 6 : 4) || memcmp(source(quoted), destination(ip), address_bytes()))
		return false;
	return (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN) ||
	       icmp_sum(ip, icmp, length, is_v6) == 0xffff;
}

static unsigned int result_of(const unsigned char *ip, size_t length, unsigned int hook)
{
	if (hook == NF_INET_PRE_ROUTING && tos_of(ip) & TOS_ASK_LATER)
		return 0;
	return (tos_of(ip) & TOS_NOTRACK ? MARK : NO_MARK) |
	       (is_reply(ip, length) ? REPLY : NO_REPLY) |
	       (is_related(ip, length, hook) ? RELATED : NOT_RELATED);
}

/* Does what came in get as far as to PREROUTING (RFC 1122, 3.2.1; RFC 8200, 3)? */
enum fate { DROPPED, SEEN, EITHER };

/* @length becomes what the header says. */
static enum fate fate4(const unsigned char *ip, size_t *length)
{
	const size_t header = 4 * (ip[0] & 15);

	if (*length < 20 || ip[0] >> 4 != 4 || header < 20 || *length < header ||
	    fold(sum(ip, header)) != 0xffff || get16(ip + 2) > *length || get16(ip + 2) < header)
		return DROPPED;
	*length = get16(ip + 2);
	return SEEN;
}

/* Options for each hop, and where no such address should be, are the kernel's business. */
static enum fate fate6(const unsigned char *ip, size_t *length)
{
	static const unsigned char padding[] = { 0, 1, 4, 0, 0, 0, 0 };

	if (*length < 40 || ip[0] >> 4 != 6)
		return DROPPED;
	if (get16(ip + 4) + 40u > *length)
		return DROPPED;
	if (ip[6] == IPPROTO_HOPOPTS && !get16(ip + 4))
		return EITHER;
	*length = get16(ip + 4) + 40;
	if (*source(ip) != 0x20 || *destination(ip) != 0x20)
		return EITHER;
	if (ip[6] != IPPROTO_HOPOPTS)
		return SEEN;
	return *length >= 48 && !memcmp(ip + 41, padding, sizeof(padding)) ? SEEN : EITHER;
}

#endif /* _PACKET_ORACLE_H */
