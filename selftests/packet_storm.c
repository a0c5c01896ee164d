// SPDX-License-Identifier: GPL-2.0-only
/*
 * packet_storm 4|6 COUNT [SEED]
 *
 * Throw COUNT random packets at this network namespace: whole ones, malformed, cut short,
 * fragmented, with options and chains of headers, and ICMP errors about all of these. They
 * come in by the tun device "storm" in linear and in paged skbs, or leave by raw sockets.
 * The rules that random_packets.sh loads leave each rule's result in the packet's mark and
 * log it to group 1, whence it is read back and held against packet_oracle.h, which
 * reads the packet as the log shows it.
 *
 * Prints counts. Exit status 0 if all was right, 3 if nothing was wrong but a "yes" to
 * what was not remembered, which is what a Bloom filter may say by mistake.
 */
#define _GNU_SOURCE /* sched_setaffinity */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "packet_oracle.h"
#include "random.h"

#define MOST_BYTES 8192
#define PAGE 4096

struct packet {
	unsigned char bytes[MOST_BYTES];
	size_t length;
	size_t icmp; /* where the outermost ICMP message is; 0 for none */
};

static int tun_fd, raw_fd, log_fd;
static struct {
	unsigned long sent, refused, hook[NF_INET_NUMHOOKS], dropped, reply, related, refusals, wrong,
		mistaken;
} count;

/* ---- bytes */

static bool one_in(unsigned int n)
{
	return !below(n);
}

static void put(struct packet *packet, const void *bytes, size_t length)
{
	if (packet->length + length > MOST_BYTES)
		errx(2, "a packet became too long");
	memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += length;
}

static void put8(struct packet *packet, unsigned int value)
{
	const unsigned char byte = value;

	put(packet, &byte, 1);
}

static void put16(struct packet *packet, unsigned int value)
{
	put8(packet, value >> 8);
	put8(packet, value);
}

static void put_noise(struct packet *packet, size_t length)
{
	while (length--)
		put8(packet, any());
}

static void set16(unsigned char *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* ---- packets */

enum { LOCALS = 2, HOSTS = 6 };

/* What a packet is about: ends (see put_host), protocol, ports; an echo's id and type. */
struct flow {
	unsigned int from, to, protocol, a, b;
};

/* The first hosts are this one. */
static void put_host(struct packet *packet, unsigned int host)
{
	const unsigned char near4[] = { 192, 0, 2 }, far4[] = { 198, 51, 100 };
	unsigned char prefix6[15] = { 0x20, 0x01, 0x0d, 0xb8, 0, host < LOCALS ? 1 : 2 };

	if (is_v6)
		put(packet, prefix6, sizeof(prefix6));
	else
		put(packet, host < LOCALS ? near4 : far4, 3);
	put8(packet, host + 1);
}

static unsigned int any_port(void)
{
	return one_in(16) ? below(0x10000) : 1000 + below(256);
}

static unsigned int any_echo_type(void)
{
	if (one_in(8))
		return below(256);
	return one_in(2) ? echo_request() : echo_reply();
}

static unsigned int any_protocol(void)
{
	static const unsigned char usual[] = {
		IPPROTO_UDP, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDPLITE, IPPROTO_SCTP,
		IPPROTO_DCCP, IPPROTO_GRE, IPPROTO_ESP, IPPROTO_NONE, IPPROTO_ICMP, IPPROTO_ICMPV6,
	};

	if (one_in(16))
		return below(256);
	return one_in(4) ? icmp_protocol() : usual[below(ARRAY_SIZE(usual))];
}

static void any_flow(struct flow *flow)
{
	flow->from = below(HOSTS);
	flow->to = below(HOSTS);
	flow->protocol = any_protocol();
	flow->a = any_port();
	flow->b = (int)flow->protocol == icmp_protocol() ? any_echo_type() : any_port();
}

static void change_one_thing(struct flow *flow)
{
	switch (below(5)) {
	case 0:
		flow->from = below(HOSTS);
		break;
	case 1:
		flow->to = below(HOSTS);
		break;
	case 2:
		flow->protocol = any_protocol();
		break;
	case 3:
		flow->a ^= 1 << below(16);
		break;
	case 4:
		flow->b = any_echo_type();
		break;
	}
}

static void reverse(struct flow *flow)
{
	struct flow old = *flow;

	flow->from = old.to;
	flow->to = old.from;
	if ((int)flow->protocol == icmp_protocol()) {
		flow->b = (int)old.b == echo_request() ? echo_reply() : echo_request();
	} else {
		flow->a = old.b;
		flow->b = old.a;
	}
}

/* Mostly what there was lately, or nearly that, or its reply. */
static struct flow next_flow(void)
{
	static struct flow lately[32];
	static unsigned int n;
	struct flow flow = lately[below(ARRAY_SIZE(lately))];

	if (one_in(3) || n < ARRAY_SIZE(lately)) {
		any_flow(&flow);
		lately[n++ % ARRAY_SIZE(lately)] = flow;
	}
	if (one_in(4))
		change_one_thing(&flow);
	if (one_in(3))
		reverse(&flow);
	return flow;
}

/* Padding, a recorded route, a timestamp, or anything. */
static void put_options4(struct packet *packet, size_t length)
{
	const size_t end = packet->length + length;
	const unsigned int kind = below(4);

	if (kind == 1 && length >= 8) {
		put8(packet, 7); /* record route */
		put8(packet, 7);
		put8(packet, 4);
		put_noise(packet, 4);
	}
	if (kind == 2 && length >= 8) {
		put8(packet, 68); /* timestamp */
		put8(packet, 8);
		put8(packet, 5);
		put8(packet, 0);
		put_noise(packet, 4);
	}
	while (packet->length < end)
		put8(packet, kind == 3 ? any() : 1);
}

static void put_ip4(struct packet *packet, const struct flow *flow, unsigned int tos,
		    unsigned int fragment)
{
	const unsigned int options = one_in(4) ? below(11) : 0;

	put8(packet, 0x45 + options);
	put8(packet, tos);
	put16(packet, 0); /* length: see end_ip() */
	put16(packet, 1 + below(0xffff));
	put16(packet, fragment);
	put8(packet, 64);
	put8(packet, flow->protocol);
	put16(packet, 0);
	put_host(packet, flow->from);
	put_host(packet, flow->to);
	put_options4(packet, 4 * options);
}

/* An extension header (RFC 8200, 4), and what says in the one before that it comes. */
static void put_header6(struct packet *packet, size_t *next, unsigned int type, unsigned int fragment)
{
	const size_t start = packet->length;
	unsigned int more = one_in(3) ? below(4) : 0;

	packet->bytes[*next] = type;
	*next = start;
	put8(packet, 0);
	switch (type) {
	case IPPROTO_FRAGMENT:
		put8(packet, 0);
		put16(packet, fragment);
		put_noise(packet, 4);
		return;
	case IPPROTO_AH: /* counts in fours, less two */
		put8(packet, 1 + more);
		put_noise(packet, 10 + 4 * more);
		return;
	case IPPROTO_ROUTING: /* of a type for experiments; mostly no segment is left */
		put8(packet, more);
		put8(packet, 253);
		put8(packet, one_in(8));
		put_noise(packet, 4 + 8 * more);
		return;
	default: /* options: one that is padding */
		put8(packet, more);
		put8(packet, 1);
		put8(packet, 4 + 8 * more);
		for (more = 4 + 8 * more; more; more--)
			put8(packet, 0);
	}
}

static void put_ip6(struct packet *packet, const struct flow *flow, unsigned int tos,
		    unsigned int fragment)
{
	static const unsigned char types[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT,
	};
	/* With the two below no more than twelve, where newer kernels give up: IP6_MAX_EXT_HDRS_CNT. */
	unsigned int headers = one_in(3) ? below(5) : one_in(32) ? below(11) : 0;
	size_t next = packet->length + 6;

	put8(packet, 0x60 | tos >> 4);
	put8(packet, tos << 4);
	put16(packet, 0);
	put16(packet, 0); /* length: see end_ip() */
	put16(packet, 64);
	put_host(packet, flow->from);
	put_host(packet, flow->to);
	if (headers && one_in(4))
		put_header6(packet, &next, IPPROTO_HOPOPTS, 0);
	while (headers--)
		put_header6(packet, &next, types[below(ARRAY_SIZE(types) - 1)], 0);
	if (fragment || one_in(16))
		put_header6(packet, &next, IPPROTO_FRAGMENT, fragment);
	packet->bytes[next] = flow->protocol;
}

static void put_ip(struct packet *packet, const struct flow *flow, unsigned int tos, unsigned int fragment)
{
	(is_v6 ? put_ip6 : put_ip4)(packet, flow, tos, fragment);
}

/* What the header that began at @start has not said yet. */
static void end_ip(struct packet *packet, size_t start)
{
	const size_t length = packet->length - start;

	if (!is_v6)
		set16(packet->bytes + start + 2, length);
	else
		set16(packet->bytes + start + 4, length - 40);
}

static void put_transport(struct packet *packet, const struct flow *flow)
{
	if ((int)flow->protocol == icmp_protocol()) {
		if (!packet->icmp)
			packet->icmp = packet->length;
		put8(packet, flow->b);
		put8(packet, one_in(8) ? any() : 0);
		put16(packet, 0);
		put16(packet, flow->a);
		put16(packet, any());
	} else {
		put16(packet, flow->a);
		put16(packet, flow->b);
		put16(packet, flow->protocol == IPPROTO_UDP ? 8 : any());
		put16(packet, 0);
	}
}

/* No fragment, a first one, or a later one, in the form of either family's field. */
static unsigned int any_fragment(void)
{
	const unsigned int offset = one_in(2) ? 1 + below(16) : 1U << below(13);

	if (!one_in(10))
		return 0;
	if (is_v6)
		return one_in(2) ? 1 : offset << 3 | below(2);
	return one_in(3) ? 0x4000 : one_in(2) ? 0x2000 : offset | below(2) << 13;
}

static unsigned int any_tos(void)
{
	return (one_in(2) ? TOS_NOTRACK : 0) | (one_in(4) ? TOS_ASK_LATER : 0);
}

static size_t any_size(void)
{
	return one_in(16) ? below(2 * PAGE - 3000) : one_in(4) ? 0 : below(64);
}

/* What the segment at @transport is, by its noise or by a type there is; often a refusal. */
static void set_type(struct packet *packet, size_t transport, unsigned int protocol)
{
	const bool refuses = one_in(4);
	unsigned int at, type;

	switch (protocol) {
	case IPPROTO_TCP:
		at = 13;
		type = refuses ? any() | 4 : any() & ~4;
		break;
	case IPPROTO_SCTP:
		at = 12;
		type = refuses ? one_in(2) ? 6 : 14 : below(16);
		break;
	case IPPROTO_DCCP:
		at = 8;
		type = (refuses ? 7 : below(10)) << 1 | below(2);
		break;
	default:
		return;
	}
	if (transport + at < packet->length && !one_in(4))
		packet->bytes[transport + at] = type;
}

static void put_datagram(struct packet *packet, const struct flow *flow)
{
	const size_t start = packet->length;
	size_t transport;

	put_ip(packet, flow, any_tos(), any_fragment());
	transport = packet->length;
	put_transport(packet, flow);
	if (one_in(8))
		packet->length -= below(9);
	else if (packet->length < 400) /* a quoted one, if large, stays in bounds */
		put_noise(packet, any_size());
	set_type(packet, transport, flow->protocol);
	end_ip(packet, start);
}

static unsigned int any_error_type(void)
{
	static const unsigned char types4[] = { 3, 4, 5, 11, 12 };

	if (one_in(12))
		return below(20);
	return is_v6 ? 1 + below(4) : types4[below(ARRAY_SIZE(types4))];
}

/* An ICMP error about @flow, to whom it is from; and perhaps about one that is one itself. */
static void put_error(struct packet *packet, const struct flow *flow, unsigned int nested)
{
	const size_t start = packet->length;
	struct flow outer = { below(HOSTS), one_in(12) ? below(HOSTS) : flow->from, icmp_protocol(), 0, 0 };
	size_t quoted;

	put_ip(packet, &outer, any_tos(), one_in(8) ? any_fragment() : 0);
	if (!packet->icmp)
		packet->icmp = packet->length;
	put8(packet, any_error_type());
	put8(packet, below(6));
	put16(packet, 0);
	put16(packet, 0);
	put16(packet, 1280);
	quoted = packet->length;
	if (nested < 4 && one_in(8))
		put_error(packet, flow, nested + 1);
	else
		put_datagram(packet, flow);
	if (one_in(24)) /* of another version */
		packet->bytes[quoted] ^= 0x10 << below(4);
	if (one_in(3))
		packet->length = quoted + below(one_in(2) ? 80 : packet->length - quoted + 1) %
				 (packet->length - quoted + 1);
	end_ip(packet, start);
}

/* Some bytes become others; the header's fields more often than not. */
static void damage(struct packet *packet)
{
	static const unsigned char edges[] = { 0, 1, 2, 4, 5, 0x3f, 0x40, 0x45, 0x46, 0x60, 0x7f, 0x80, 0xfe, 0xff };
	unsigned int times = 1 + below(3);
	size_t at;

	while (times--) {
		at = below(one_in(2) ? packet->length < 60 ? packet->length : 60 : packet->length);
		if (one_in(2))
			packet->bytes[at] ^= 1 << below(8);
		else
			packet->bytes[at] = one_in(2) ? any() : edges[below(ARRAY_SIZE(edges))];
	}
	if (one_in(4))
		packet->length = 1 + below(packet->length);
	if (one_in(4)) /* as if it had been so short from the start */
		end_ip(packet, 0);
}

/* Right checksums; the one of ICMP wrong now and then. */
static void seal_icmp(struct packet *packet)
{
	if (!packet->icmp || packet->icmp + 4 > packet->length)
		return;
	set16(packet->bytes + packet->icmp + 2, 0);
	set16(packet->bytes + packet->icmp + 2, 0xffff & ~icmp_sum(packet->bytes, packet->icmp, packet->length, is_v6));
	if (one_in(10))
		packet->bytes[packet->icmp + 2 + below(2)] ^= 1 << below(8);
}

static void seal_ip4(struct packet *packet)
{
	const size_t length = 4 * (packet->bytes[0] & 15);

	if (is_v6 || packet->length < 20 || packet->length < length)
		return;
	set16(packet->bytes + 10, 0);
	set16(packet->bytes + 10, 0xffff & ~fold(sum(packet->bytes, length)));
	if (one_in(32))
		packet->bytes[10] ^= 1;
}

static void make_packet(struct packet *packet)
{
	const struct flow flow = next_flow();
	const bool bad = one_in(4), early = one_in(2);

	packet->length = packet->icmp = 0;
	if (one_in(3))
		put_error(packet, &flow, 0);
	else
		put_datagram(packet, &flow);
	if (bad && early)
		damage(packet);
	seal_icmp(packet);
	if (bad && !early)
		damage(packet);
	seal_ip4(packet);
}

/* ---- the log */

struct logged {
	unsigned int hook, mark;
	const unsigned char *ip;
	size_t length;
};

static void complain(const char *what, const struct logged *logged, unsigned int expected)
{
	size_t i;

	if (count.wrong++ >= 10 && count.wrong <= 100)
		return;
	fprintf(stderr, "wrong: packet %lu: %s: hook %u, gave %#x, expected %#x: ", count.sent, what,
		logged->hook, logged->mark, expected);
	for (i = 0; i < logged->length && i < 400; i++)
		fprintf(stderr, "%02x", logged->ip[i]);
	fprintf(stderr, "%s (%zu bytes)\n", i < logged->length ? "..." : "", logged->length);
	if (count.wrong > 100) /* and each is waited for */
		errx(1, "gave up");
}

/* What is remembered is asked of the packet first. */
static void judge(const struct logged *logged)
{
	const unsigned int expected = result_of(logged->ip, logged->length, logged->hook);
	const unsigned int more = logged->mark & ~expected, less = expected & ~logged->mark;
	struct key key;

	count.hook[logged->hook]++;
	count.reply += !!(expected & REPLY);
	count.related += !!(expected & RELATED);
	if (logged->mark != expected) {
		complain("result", logged, expected);
		if (more && less == more << 1 && !(more & ~(REPLY | RELATED)))
			count.mistaken++;
	}
	if ((logged->hook == NF_INET_LOCAL_IN || logged->hook == NF_INET_POST_ROUTING) &&
	    tos_of(logged->ip) & TOS_NOTRACK && key_of(logged->ip, logged->length, &key)) {
		if (is_refusal(logged->ip, logged->length))
			count.refusals++;
		else
			remember(&key);
	}
}

/* It may not be within a header; what the kernel reports is. */
static void read_attributes(struct logged *logged, struct nlattr *attribute, const unsigned char *end)
{
	const struct nfulnl_msg_packet_hdr *packet;
	const unsigned char *data;

	memset(logged, 0, sizeof(*logged));
	for (; (unsigned char *)attribute < end;
	     attribute = (void *)((char *)attribute + NLA_ALIGN(attribute->nla_len))) {
		data = (unsigned char *)attribute + NLA_HDRLEN;
		switch (attribute->nla_type & NLA_TYPE_MASK) {
		case NFULA_PACKET_HDR:
			packet = (const void *)data;
			logged->hook = packet->hook;
			break;
		case NFULA_MARK:
			logged->mark = ntohl(*(const uint32_t *)data);
			break;
		case NFULA_PAYLOAD:
			logged->ip = data;
			logged->length = attribute->nla_len - NLA_HDRLEN;
			break;
		}
	}
}

/* One message; false if there is none. */
static bool read_log(struct logged *logged)
{
	static union {
		struct nlmsghdr header;
		unsigned char bytes[1 << 17];
	} message;
	ssize_t got = recv(log_fd, &message, sizeof(message), MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return false;
	if (got < 0)
		err(2, "reading the log");
	if (message.header.nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		return read_log(logged);
	read_attributes(logged, (void *)(message.bytes + NLMSG_SPACE(sizeof(struct nfgenmsg))),
			message.bytes + message.header.nlmsg_len);
	return true;
}

/* All that there is; with @sent also the one that it is in PREROUTING. */
static bool read_results(const struct packet *sent, size_t length)
{
	struct logged logged;
	bool seen = false;

	while (read_log(&logged)) {
		judge(&logged);
		if (logged.hook != NF_INET_PRE_ROUTING)
			continue;
		seen = true;
		if (logged.length != length || memcmp(logged.ip, sent->bytes, length))
			complain("not what was sent", &logged, 0);
	}
	return seen;
}

/* A command for the log of this family or, where @payload is, of group 1. */
static void configure_log(int attribute, const void *payload, size_t length)
{
	struct {
		struct nlmsghdr header;
		struct nfgenmsg generic;
		struct nlattr attribute;
		unsigned char payload[8];
	} message = {
		.header.nlmsg_len = NLMSG_SPACE(sizeof(struct nfgenmsg)) + NLA_HDRLEN + NLA_ALIGN(length),
		.header.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.generic.res_id = htons(1),
		.attribute.nla_type = attribute,
		.attribute.nla_len = NLA_HDRLEN + length,
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		unsigned char rest[256];
	} ack;

	memcpy(message.payload, payload, length);
	if (send(log_fd, &message, message.header.nlmsg_len, 0) < 0 ||
	    recv(log_fd, &ack, sizeof(ack), 0) < 0)
		err(2, "netlink");
	errno = -ack.error.error;
	if (errno)
		err(2, "log group 1");
}

static void open_log(void)
{
	const struct nfulnl_msg_config_cmd bind_group = { NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { htonl(0xffff), NFULNL_COPY_PACKET, 0 };
	const uint32_t at_once = htonl(1);
	const int room = 8 << 20;

	log_fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (log_fd < 0 || setsockopt(log_fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		err(2, "netlink");
	configure_log(NFULA_CFG_CMD, &bind_group, sizeof(bind_group));
	configure_log(NFULA_CFG_MODE, &mode, sizeof(mode));
	configure_log(NFULA_CFG_QTHRESH, &at_once, sizeof(at_once));
}

/* ---- ways in and out */

static void open_tun(void)
{
	struct ifreq request = { .ifr_name = "storm", .ifr_flags = IFF_TUN | IFF_VNET_HDR };

	tun_fd = open("/dev/net/tun", O_RDWR);
	if (tun_fd < 0 || ioctl(tun_fd, TUNSETIFF, &request))
		err(2, "tun device storm");
	raw_fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (raw_fd < 0)
		err(2, "raw socket");
}

/* In an skb whose first @linear bytes only are in its head; 0 for all. */
static void send_tun(const struct packet *packet, unsigned int linear)
{
	struct tun_pi proto = { 0, htons(is_v6 ? ETH_P_IPV6 : ETH_P_IP) };
	struct virtio_net_hdr header = { .hdr_len = linear };
	struct iovec parts[] = {
		{ &proto, sizeof(proto) }, { &header, sizeof(header) }, { (void *)packet->bytes, packet->length },
	};

	if (writev(tun_fd, parts, ARRAY_SIZE(parts)) < 0)
		err(2, "tun device");
}

/* As far as the hooks, in this call: a tun device queues nothing. */
static void come_in(struct packet *packet, bool paged)
{
	struct pollfd more = { .fd = log_fd, .events = POLLIN };
	size_t length;
	enum fate fate;
	bool seen;

	if (paged && packet->length < PAGE) /* what lies behind an IP packet's end is cut off */
		put_noise(packet, PAGE - packet->length);
	else if (one_in(8))
		put_noise(packet, below(40));
	length = packet->length;
	fate = (is_v6 ? fate6 : fate4)(packet->bytes, &length);
	send_tun(packet, paged ? 1 + below(120) : 0);
	seen = read_results(packet, length);
	if (!seen && fate == SEEN && poll(&more, 1, 1000) > 0)
		seen = read_results(packet, length);
	count.dropped += !seen;
	if (fate != EITHER && seen != (fate == SEEN))
		complain(seen ? "seen in PREROUTING" : "not seen in PREROUTING",
			 &(struct logged){ 0, 0, packet->bytes, packet->length }, 0);
}

/*
 * In two fragments, in either order: INPUT sees them together, in an skb that has others
 * hang from it. IPv6 puts them together later, where no rule looks.
 */
static void come_in_pieces(struct packet *packet)
{
	const size_t header = 4 * (packet->bytes[0] & 15);
	static struct packet later;
	size_t length = packet->length, at;

	if (fate4(packet->bytes, &length) != SEEN || length < header + 9 || get16(packet->bytes + 6) & 0x3fff) {
		come_in(packet, false);
		return;
	}
	at = 8 * (1 + below((length - header - 1) / 8));
	later = *packet;
	later.length = header;
	put(&later, packet->bytes + header + at, length - header - at);
	set16(later.bytes + 6, at / 8);
	packet->length = header + at;
	set16(packet->bytes + 6, 0x2000);
	end_ip(packet, 0);
	end_ip(&later, 0);
	seal_ip4(packet);
	seal_ip4(&later);
	if (one_in(2)) {
		come_in(packet, one_in(2));
		come_in(&later, one_in(2));
	} else {
		come_in(&later, one_in(2));
		come_in(packet, one_in(2));
	}
}

/* The socket may refuse it; an IPv4 header of less than its length only newer kernels' does. */
static void go_out(const struct packet *packet)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	const struct sockaddr *address = is_v6 ? (void *)&to6 : (void *)&to;

	if (!is_v6 && (packet->bytes[0] & 15) < 5) {
		count.refused++;
		return;
	}
	if (packet->length >= (is_v6 ? 40 : 20))
		memcpy(is_v6 ? (void *)&to6.sin6_addr : (void *)&to.sin_addr,
		       destination(packet->bytes), address_bytes());
	if (sendto(raw_fd, packet->bytes, packet->length, 0, address, is_v6 ? sizeof(to6) : sizeof(to)) < 0)
		count.refused++;
	read_results(NULL, 0);
}

/* Nothing else of this program's runs while a packet is on its way. */
static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;
	int i;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		err(2, "cpus");
	for (i = 0; !CPU_ISSET(i, &cpus); i++)
		;
	CPU_ZERO(&cpus);
	CPU_SET(i, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(2, "cpus");
}

/* How many the module has remembered. */
static unsigned long flows_in_kernel(void)
{
	FILE *file = fopen("/proc/net/xt_untracked", "r");
	unsigned long n = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "flows: %lu", &n) == 1)
			break;
	if (!file || fclose(file))
		err(2, "/proc/net/xt_untracked");
	return n;
}

static void storm(unsigned long packets)
{
	static struct packet packet;

	for (; count.sent < packets; count.sent++) {
		make_packet(&packet);
		if (one_in(4))
			go_out(&packet);
		else if (!is_v6 && one_in(8))
			come_in_pieces(&packet);
		else
			come_in(&packet, one_in(2));
	}
	if (flows_in_kernel() == n_flows)
		return;
	fprintf(stderr, "wrong: the module has remembered %lu flows, expected %lu\n",
		flows_in_kernel(), n_flows);
	count.wrong++;
	count.mistaken += flows_in_kernel() + 1 == n_flows; /* one more that it took for known */
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4)
		errx(2, "usage: packet_storm 4|6 COUNT [SEED]");
	is_v6 = *argv[1] == '6';
	random_state = argc == 4 ? strtoull(argv[3], NULL, 10) : 1;
	if (!random_state)
		errx(2, "SEED must not be 0");
	stay_on_one_cpu();
	open_log();
	open_tun();
	storm(strtoul(argv[2], NULL, 10));
	printf("sent=%lu refused=%lu dropped=%lu prerouting=%lu input=%lu forward=%lu output=%lu postrouting=%lu",
	       count.sent, count.refused, count.dropped, count.hook[NF_INET_PRE_ROUTING],
	       count.hook[NF_INET_LOCAL_IN], count.hook[NF_INET_FORWARD],
	       count.hook[NF_INET_LOCAL_OUT], count.hook[NF_INET_POST_ROUTING]);
	printf(" flows=%lu refusals=%lu reply=%lu related=%lu wrong=%lu\n",
	       n_flows, count.refusals, count.reply, count.related, count.wrong);
	return count.wrong ? count.wrong == count.mistaken ? 3 : 1 : 0;
}
