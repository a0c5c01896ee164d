// SPDX-License-Identifier: GPL-2.0-only
/*
 * icmp_error FAMILY FROM TO TYPE SOURCE DESTINATION PROTOCOL SPORT DPORT [FLAW...]
 *
 * Send one ICMP error from FROM to TO, about a packet of PROTOCOL (a number) from SOURCE
 * to DESTINATION that need never have been. For ICMP, SPORT is the echo's id and DPORT
 * the quoted type. Flaws:
 *   checksum   a wrong one         cut=N    N bytes are quoted and no more
 *   options    in the IP header    quoted-options    in the quoted one (v6: a header)
 *   fragment   this is a later one quoted-fragment   the quoted packet is one
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

struct packet {
	unsigned char bytes[512];
	size_t length;
};

static int family, quoted_protocol;
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

/* Four bytes of IPv4 options, or an IPv6 extension header of eight. */
static void put_ip4(struct packet *packet, const char *from, const char *to, int protocol,
		    bool options, bool fragment)
{
	const unsigned char nops[4] = { IPOPT_NOP, IPOPT_NOP, IPOPT_NOP, IPOPT_EOL };
	struct ip header = {
		.ip_v = 4, .ip_hl = options ? 6 : 5, .ip_ttl = 64, .ip_p = protocol,
		.ip_len = htons(200), .ip_off = htons(fragment ? 64 : 0),
	};

	address(from, &header.ip_src);
	address(to, &header.ip_dst);
	put(packet, &header, sizeof(header));
	if (options)
		put(packet, nops, sizeof(nops));
}

static void put_ip6(struct packet *packet, const char *from, const char *to, int protocol,
		    bool options, bool fragment)
{
	const unsigned char padding[8] = { protocol, 0, 1, 4 };
	struct ip6_frag later = { .ip6f_nxt = protocol, .ip6f_offlg = htons(64 << 3), .ip6f_ident = 1 };
	struct ip6_hdr header = { .ip6_flow = htonl(6 << 28), .ip6_hops = 64 };

	header.ip6_nxt = fragment ? IPPROTO_FRAGMENT : options ? IPPROTO_DSTOPTS : protocol;
	header.ip6_plen = htons(200);
	address(from, &header.ip6_src);
	address(to, &header.ip6_dst);
	put(packet, &header, sizeof(header));
	if (fragment)
		put(packet, &later, sizeof(later));
	else if (options)
		put(packet, padding, sizeof(padding));
}

static void put_ip(struct packet *packet, const char *from, const char *to, int protocol,
		   bool options, bool fragment)
{
	(family == AF_INET ? put_ip4 : put_ip6)(packet, from, to, protocol, options, fragment);
}

static unsigned long sum(const unsigned char *bytes, size_t length)
{
	unsigned long total = 0;
	size_t i;

	for (i = 0; i < length; i++)
		total += i % 2 ? bytes[i] : bytes[i] << 8;
	return total;
}

/* RFC 792; RFC 4443 with the addresses, the length and the protocol in front. */
static unsigned int checksum(const struct packet *packet, size_t icmp)
{
	unsigned long total = sum(packet->bytes + icmp, packet->length - icmp);

	if (family == AF_INET6)
		total += sum(packet->bytes + 8, 32) + (packet->length - icmp) + IPPROTO_ICMPV6;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return ~total & 0xffff;
}

static void put_error(struct packet *packet, char **argv)
{
	const int icmp_protocol = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t icmp, quoted;
	unsigned int value;
	char **each;

	put_ip(packet, argv[2], argv[3], icmp_protocol, flaw("options"), flaw("fragment"));
	icmp = packet->length;
	put_word(packet, atoi(argv[4]) << 8, 0);
	put_word(packet, 0, 1280);
	quoted = packet->length;
	put_ip(packet, argv[5], argv[6], quoted_protocol, flaw("quoted-options"), flaw("quoted-fragment"));
	if (quoted_protocol == icmp_protocol) {
		put_word(packet, atoi(argv[9]) << 8, 0);
		put_word(packet, atoi(argv[8]), 1);
	} else {
		put_word(packet, atoi(argv[8]), atoi(argv[9]));
		put_word(packet, 8, 0);
	}
	for (each = flaws; *each; each++)
		if (sscanf(*each, "cut=%u", &value) == 1 && quoted + value < packet->length)
			packet->length = quoted + value;
	if (family == AF_INET6)
		((struct ip6_hdr *)packet->bytes)->ip6_plen = htons(packet->length - sizeof(struct ip6_hdr));
	value = checksum(packet, icmp) ^ (flaw("checksum") ? 1 : 0);
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
	quoted_protocol = atoi(argv[7]);
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
