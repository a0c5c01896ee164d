// SPDX-License-Identifier: GPL-2.0-only
/*
 * icmp_error FAMILY FROM TO TYPE SOURCE DESTINATION PROTOCOL SPORT DPORT [FLAW...]
 *
 * Send one ICMP error from FROM to TO, about a packet of PROTOCOL (a number) from SOURCE
 * to DESTINATION that need never have been. For ICMP, SPORT is the echo's id and DPORT
 * the quoted type. Flaws:
 *   checksum   a wrong one         cut=N    N bytes are quoted and no more
 *   options    in the IP header    quoted-options    in the quoted one (v6: a header)
 *   chain      as many as fit      quoted-chain      (v6: three headers)
 *   fragment   this is a later one quoted-fragment   the quoted packet is one
 *   nested     what is quoted is an error itself, about a packet of PROTOCOL
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "checksum.h"

struct packet {
	unsigned char bytes[512];
	size_t length;
};

enum extra { NOTHING, OPTIONS, CHAIN, FRAGMENT };

static int family;
static char **flaws;

static bool flaw(const char *name)
{
	char **each;

	for (each = flaws; *each; each++)
		if (!strcmp(*each, name))
			return true;
	return false;
}

static void put(struct packet *packet, const void *bytes, size_t length)
{
	memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += length;
}

static void put_word(struct packet *packet, unsigned int high, unsigned int low)
{
	uint16_t word[2] = { htons(high), htons(low) };

	put(packet, word, sizeof(word));
}

static void address(const char *text, void *bytes)
{
	if (inet_pton(family, text, bytes) != 1)
		errx(2, "%s is no address of this family", text);
}

/* Flaws that a header has, by the prefix of their names. */
static enum extra extra_of(const char *prefix)
{
	static const char *const names[] = { [OPTIONS] = "options", [CHAIN] = "chain", [FRAGMENT] = "fragment" };
	char name[32];
	int i;

	for (i = OPTIONS; i <= FRAGMENT; i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, names[i]);
		if (flaw(name))
			return i;
	}
	return NOTHING;
}

/* IPv4's options fill up to 40 bytes. */
static void put_ip4(struct packet *packet, const char *from, const char *to, int protocol,
		    enum extra extra)
{
	unsigned char nops[40];
	const size_t options = extra == OPTIONS ? 4 : extra == CHAIN ? sizeof(nops) : 0;
	struct ip header = {
		.ip_v = 4, .ip_hl = 5 + options / 4, .ip_ttl = 64, .ip_p = protocol,
		.ip_len = htons(200), .ip_off = htons(extra == FRAGMENT ? 64 : 0),
	};

	memset(nops, IPOPT_NOP, sizeof(nops));
	address(from, &header.ip_src);
	address(to, &header.ip_dst);
	put(packet, &header, sizeof(header));
	put(packet, nops, options);
}

/* The eight bytes of options that are only padding (RFC 8200, 4.2). */
static void put_padding(struct packet *packet, int next)
{
	const unsigned char padding[8] = { next, 0, 1, 4 };

	put(packet, padding, sizeof(padding));
}

static void put_ip6(struct packet *packet, const char *from, const char *to, int protocol,
		    enum extra extra)
{
	static const int first[] = {
		[OPTIONS] = IPPROTO_DSTOPTS, [CHAIN] = IPPROTO_HOPOPTS, [FRAGMENT] = IPPROTO_FRAGMENT,
	};
	struct ip6_frag later = { .ip6f_nxt = protocol, .ip6f_offlg = htons(64 << 3), .ip6f_ident = 1 };
	struct ip6_hdr header = { .ip6_flow = htonl(6 << 28), .ip6_hops = 64 };
	/* Type 253 is for experiments (RFC 4727); no segment is left. */
	const unsigned char routing[8] = { IPPROTO_DSTOPTS, 0, 253, 0 };

	header.ip6_nxt = extra == NOTHING ? protocol : first[extra];
	header.ip6_plen = htons(200);
	address(from, &header.ip6_src);
	address(to, &header.ip6_dst);
	put(packet, &header, sizeof(header));
	if (extra == FRAGMENT)
		put(packet, &later, sizeof(later));
	if (extra == CHAIN) {
		put_padding(packet, IPPROTO_ROUTING);
		put(packet, routing, sizeof(routing));
	}
	if (extra == OPTIONS || extra == CHAIN)
		put_padding(packet, protocol);
}

static void put_ip(struct packet *packet, const char *from, const char *to, int protocol,
		   enum extra extra)
{
	(family == AF_INET ? put_ip4 : put_ip6)(packet, from, to, protocol, extra);
}

static void put_icmp(struct packet *packet, const char *type)
{
	put_word(packet, atoi(type) << 8, 0);
	put_word(packet, 0, 1280);
}

/* The first bytes of what a packet carries: an echo, or ports and a length. */
static void put_transport(struct packet *packet, int protocol, const char *first, const char *second)
{
	if (protocol == (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		put_word(packet, atoi(second) << 8, 0);
		put_word(packet, atoi(first), 1);
	} else {
		put_word(packet, atoi(first), atoi(second));
		put_word(packet, 8, 0);
	}
}

static void put_error(struct packet *packet, char **argv)
{
	const int icmp_protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	const int protocol = atoi(argv[7]);
	size_t icmp, quoted;
	unsigned int value;
	char **each;

	put_ip(packet, argv[2], argv[3], icmp_protocol, extra_of(""));
	icmp = packet->length;
	put_icmp(packet, argv[4]);
	quoted = packet->length;
	if (flaw("nested")) {
		put_ip(packet, argv[5], argv[6], icmp_protocol, NOTHING);
		put_icmp(packet, argv[4]);
	}
	put_ip(packet, argv[5], argv[6], protocol, extra_of("quoted-"));
	put_transport(packet, protocol, argv[8], argv[9]);
	for (each = flaws; *each; each++)
		if (sscanf(*each, "cut=%u", &value) == 1 && quoted + value < packet->length)
			packet->length = quoted + value;
	if (family == AF_INET6)
		((struct ip6_hdr *)packet->bytes)->ip6_plen = htons(packet->length - sizeof(struct ip6_hdr));
	value = 0xffff & ~icmp_sum(packet->bytes, icmp, packet->length, family == AF_INET6);
	if (flaw("checksum"))
		value ^= 1;
	packet->bytes[icmp + 2] = value >> 8;
	packet->bytes[icmp + 3] = value;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct packet packet = { .length = 0 };
	int fd;

	if (argc < 10)
		errx(2, "usage: icmp_error 4|6 FROM TO TYPE SOURCE DESTINATION PROTOCOL SPORT DPORT [FLAW...]");
	family = *argv[1] == '4' ? AF_INET : AF_INET6;
	flaws = argv + 10;
	put_error(&packet, argv);
	address(argv[3], family == AF_INET ? (void *)&to.sin_addr : (void *)&to6.sin6_addr);
	fd = socket(family, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0 || sendto(fd, packet.bytes, packet.length, 0,
			     family == AF_INET ? (void *)&to : (void *)&to6,
			     family == AF_INET ? sizeof(to) : sizeof(to6)) < 0)
		err(1, "sending");
	return 0;
}
