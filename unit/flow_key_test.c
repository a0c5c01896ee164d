// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_key_test - which packets have a flow, and whose replies they are
 *
 * A KUnit suite; in user space, unit/include stands in for skbs.
 */
#include <kunit/test.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "flow_key.h"

static const struct flow_secret secret = { { 1, 2, 3, 4 } };

#define HERE	htonl(0xc0000201)
#define THERE	htonl(0xc6336402)

static const struct in6_addr here6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } } };
static const struct in6_addr there6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } } };

/* A packet with @header bytes, and room for @bytes more, all zero. */
static struct sk_buff *packet(struct kunit *test, unsigned int header, unsigned int bytes)
{
	struct sk_buff *skb = alloc_skb(header + bytes, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put_zero(skb, header + bytes);
	skb_reset_network_header(skb);
	skb->skb_iif = 1; /* as if it was forwarded */
	return skb;
}

static struct sk_buff *packet4(struct kunit *test, u8 proto, __be32 from, __be32 to,
			       unsigned int bytes)
{
	struct sk_buff *skb = packet(test, sizeof(struct iphdr), bytes);
	struct iphdr *header = ip_hdr(skb);

	header->version = 4;
	header->ihl = 5;
	header->protocol = proto;
	header->saddr = from;
	header->daddr = to;
	header->tot_len = htons(skb->len);
	return skb;
}

static struct sk_buff *packet6(struct kunit *test, u8 proto, const struct in6_addr *from,
			       const struct in6_addr *to, unsigned int bytes)
{
	struct sk_buff *skb = packet(test, sizeof(struct ipv6hdr), bytes);
	struct ipv6hdr *header = ipv6_hdr(skb);

	header->version = 6;
	header->nexthdr = proto;
	header->saddr = *from;
	header->daddr = *to;
	header->payload_len = htons(bytes);
	return skb;
}

static bool is_ipv4(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4;
}

static void *transport_of(const struct sk_buff *skb)
{
	return skb->data + (is_ipv4(skb) ? ip_hdr(skb)->ihl * 4 : (int)sizeof(struct ipv6hdr));
}

static struct sk_buff *set_ports(struct sk_buff *skb, u16 sport, u16 dport)
{
	struct udphdr *ports = transport_of(skb);

	ports->source = htons(sport);
	ports->dest = htons(dport);
	return skb;
}

static struct sk_buff *udp4(struct kunit *test, __be32 from, __be32 to, u16 sport, u16 dport)
{
	return set_ports(packet4(test, IPPROTO_UDP, from, to, sizeof(struct udphdr)), sport, dport);
}

static struct sk_buff *udp6(struct kunit *test, const struct in6_addr *from,
			    const struct in6_addr *to, u16 sport, u16 dport)
{
	return set_ports(packet6(test, IPPROTO_UDP, from, to, sizeof(struct udphdr)), sport, dport);
}

/* All but the first @bytes go to another place, and something else is left where they were. */
static void lay_apart(struct kunit *test, struct sk_buff *skb, unsigned int bytes)
{
	struct sk_buff *rest = alloc_skb(skb->len - bytes, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, rest);
	skb_put_zero(rest, skb->len - bytes);
	for (i = 0; i < rest->len; i++) {
		rest->data[i] = skb->data[bytes + i];
		skb->data[bytes + i] ^= 0xff;
	}
	skb_trim(skb, bytes);
	skb_shinfo(skb)->frag_list = rest;
	skb->len += rest->len;
	skb->data_len += rest->len;
}

static bool has_hash(const struct sk_buff *skb, enum flow_end end, u64 *hash)
{
	return is_ipv4(skb) ? flow_hash4(skb, ip_hdr(skb), 0, end, &secret, hash) :
			      flow_hash6(skb, ipv6_hdr(skb), 0, end, &secret, hash);
}

static bool has_flow(const struct sk_buff *skb, enum flow_end end)
{
	u64 hash;

	return has_hash(skb, end, &hash);
}

static bool same_flow(const struct sk_buff *a, const struct sk_buff *b)
{
	u64 one, other;

	return has_hash(a, FLOW_SENT, &one) && has_hash(b, FLOW_SENT, &other) && one == other;
}

/* Is @b one that @a would be a reply to? */
static bool is_reply(const struct sk_buff *a, const struct sk_buff *b)
{
	u64 reply, sent;

	return has_hash(a, FLOW_OTHER, &reply) && has_hash(b, FLOW_SENT, &sent) && reply == sent;
}

static bool is_quick(const struct sk_buff *skb)
{
	u64 hash;

	return is_ipv4(skb) ? flow_quick_hash4(skb, &secret, &hash) :
			      flow_quick_hash6(skb, &secret, &hash);
}

/* The short way comes to the same flow as the long one. */
static bool is_quick_and_right(const struct sk_buff *skb)
{
	u64 quick, full;

	return has_hash(skb, FLOW_SENT, &full) &&
	       (is_ipv4(skb) ? flow_quick_hash4(skb, &secret, &quick) :
			       flow_quick_hash6(skb, &secret, &quick)) && quick == full;
}

/* Of UDP or what is like it. */
static void expect_replies(struct kunit *test, struct sk_buff *query, struct sk_buff *reply,
			   struct sk_buff *other)
{
	KUNIT_EXPECT_TRUE(test, is_reply(reply, query));
	KUNIT_EXPECT_TRUE(test, is_reply(query, reply));
	KUNIT_EXPECT_FALSE(test, is_reply(other, query));
	KUNIT_EXPECT_FALSE(test, is_reply(query, query));
	KUNIT_EXPECT_FALSE(test, same_flow(reply, other));
	kfree_skb(query);
	kfree_skb(reply);
	kfree_skb(other);
}

static void test_replies(struct kunit *test)
{
	struct sk_buff *query = udp4(test, HERE, THERE, 1024, 53), *lite, *tcp;

	lite = udp4(test, THERE, HERE, 53, 1024);
	ip_hdr(lite)->protocol = IPPROTO_UDPLITE;
	KUNIT_EXPECT_TRUE(test, has_flow(lite, FLOW_OTHER));
	KUNIT_EXPECT_FALSE(test, is_reply(lite, query));
	kfree_skb(lite);
	expect_replies(test, query, udp4(test, THERE, HERE, 53, 1024),
		       udp4(test, THERE, HERE, 53, 1025));
	expect_replies(test, udp6(test, &here6, &there6, 1024, 53),
		       udp6(test, &there6, &here6, 53, 1024),
		       udp6(test, &there6, &here6, 53, 1025));
	tcp = packet4(test, IPPROTO_TCP, HERE, THERE, sizeof(struct tcphdr));
	expect_replies(test, set_ports(tcp, 1024, 80),
		       set_ports(packet4(test, IPPROTO_TCP, THERE, HERE, 20), 80, 1024),
		       set_ports(packet4(test, IPPROTO_TCP, THERE, HERE, 20), 80, 1025));
}

/* Of another host's there is none. */
static void test_addresses(struct kunit *test)
{
	const struct in6_addr else6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 3 } } };
	struct sk_buff *query = udp4(test, HERE, THERE, 53, 53);
	struct sk_buff *other = udp4(test, htonl(0xc6336403), HERE, 53, 53);
	struct sk_buff *query6 = udp6(test, &here6, &there6, 53, 53);
	struct sk_buff *other6 = udp6(test, &else6, &here6, 53, 53);

	KUNIT_EXPECT_FALSE(test, is_reply(other, query));
	ip_hdr(other)->saddr = THERE;
	KUNIT_EXPECT_TRUE(test, is_reply(other, query));
	ip_hdr(other)->daddr = THERE;
	KUNIT_EXPECT_FALSE(test, is_reply(other, query));
	KUNIT_EXPECT_FALSE(test, is_reply(other6, query6));
	ipv6_hdr(other6)->saddr = there6;
	KUNIT_EXPECT_TRUE(test, is_reply(other6, query6));
	ipv6_hdr(other6)->daddr = there6;
	KUNIT_EXPECT_FALSE(test, is_reply(other6, query6));
	kfree_skb(query);
	kfree_skb(other);
	kfree_skb(query6);
	kfree_skb(other6);
}

/* One that ends a byte before its ports do; without ports, it need not have them. */
static void expect_whole_ports(struct kunit *test, struct sk_buff *skb)
{
	skb_trim(skb, skb->len - 1);
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_OTHER));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	if (is_ipv4(skb))
		ip_hdr(skb)->protocol = IPPROTO_GRE;
	else
		ipv6_hdr(skb)->nexthdr = IPPROTO_GRE;
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
}

/* Later fragments, and what ends before its ports do. */
static void test_no_flow(struct kunit *test)
{
	struct sk_buff *skb = udp4(test, HERE, THERE, 1024, 53);
	struct sk_buff *udp = udp6(test, &here6, &there6, 1024, 53);

	ip_hdr(skb)->frag_off = htons(IP_MF);
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_TRUE(test, is_quick_and_right(skb));
	ip_hdr(skb)->frag_off = htons(1);
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	ip_hdr(skb)->frag_off = 0;
	expect_whole_ports(test, skb);
	kfree_skb(skb);
	KUNIT_EXPECT_TRUE(test, has_flow(udp, FLOW_SENT));
	expect_whole_ports(test, udp);
	kfree_skb(udp);
}

/* As the hook asks, before it takes the long way. */
static void test_quick(struct kunit *test)
{
	struct sk_buff *skb = udp4(test, HERE, THERE, 1024, 53);
	struct sk_buff *udp = udp6(test, &here6, &there6, 1024, 53);
	struct sk_buff *options = packet4(test, IPPROTO_UDP, HERE, THERE, 4 + 8);

	KUNIT_EXPECT_TRUE(test, is_quick_and_right(skb));
	KUNIT_EXPECT_TRUE(test, is_quick_and_right(udp));
	ip_hdr(options)->ihl = 6;
	set_ports(options, 1024, 53);
	KUNIT_EXPECT_TRUE(test, is_quick_and_right(options));
	KUNIT_EXPECT_TRUE(test, same_flow(options, skb));
	kfree_skb(skb);
	kfree_skb(udp);
	kfree_skb(options);
	skb = set_ports(packet4(test, IPPROTO_TCP, HERE, THERE, 14), 1024, 80);
	KUNIT_EXPECT_TRUE(test, is_quick_and_right(skb));
	skb_trim(skb, skb->len - 1);
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT)); /* too short to tell */
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_OTHER));
	kfree_skb(skb);
}

/* Bytes that do not lie where the others do are the same flow's. */
static void test_in_pieces(struct kunit *test)
{
	struct sk_buff *skb = udp4(test, HERE, THERE, 1024, 53);
	struct sk_buff *apart = udp4(test, HERE, THERE, 1024, 53), *tcp;

	lay_apart(test, apart, sizeof(struct iphdr) + 7);
	KUNIT_EXPECT_TRUE(test, same_flow(apart, skb));
	KUNIT_EXPECT_FALSE(test, is_quick(apart));
	kfree_skb(skb);
	kfree_skb(apart);
	tcp = packet4(test, IPPROTO_TCP, HERE, THERE, sizeof(struct tcphdr));
	((struct tcphdr *)transport_of(tcp))->ack = 1;
	lay_apart(test, tcp, sizeof(struct iphdr) + FLOW_TCP_FLAGS);
	KUNIT_EXPECT_TRUE(test, has_flow(tcp, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, is_quick(tcp));
	kfree_skb(tcp);
	tcp = packet4(test, IPPROTO_TCP, HERE, THERE, sizeof(struct tcphdr));
	((struct tcphdr *)transport_of(tcp))->rst = 1;
	lay_apart(test, tcp, sizeof(struct iphdr) + FLOW_TCP_FLAGS);
	KUNIT_EXPECT_FALSE(test, has_flow(tcp, FLOW_SENT));
	kfree_skb(tcp);
}

/* What only refuses is the packet's own flow, and no reply to it is welcome. */
static void test_refusals(struct kunit *test)
{
	struct sk_buff *skb = packet4(test, IPPROTO_TCP, HERE, THERE, sizeof(struct tcphdr));
	struct tcphdr *tcp = transport_of(skb);

	tcp->ack = 1;
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_TRUE(test, is_quick_and_right(skb));
	skb->skb_iif = 0; /* no socket's, nor forwarded */
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	skb->skb_iif = 1;
	tcp->rst = 1;
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_OWN));
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_OTHER));
	kfree_skb(skb);
}

/* Is a packet of @proto whose byte @at is @value remembered? It has a flow in any case. */
static bool is_remembered(struct kunit *test, u8 proto, unsigned int at, u8 value)
{
	struct sk_buff *skb = packet4(test, proto, HERE, THERE, 16);
	bool remembered;

	((u8 *)transport_of(skb))[at] = value;
	remembered = has_flow(skb, FLOW_SENT);
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_OWN));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	skb_trim(skb, sizeof(struct iphdr) + at);
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT)); /* too short to tell */
	kfree_skb(skb);
	return remembered;
}

static void test_other_refusals(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, is_remembered(test, IPPROTO_SCTP, 12, 0)); /* DATA */
	KUNIT_EXPECT_TRUE(test, is_remembered(test, IPPROTO_SCTP, 12, 7)); /* SHUTDOWN */
	KUNIT_EXPECT_FALSE(test, is_remembered(test, IPPROTO_SCTP, 12, 6)); /* ABORT */
	KUNIT_EXPECT_FALSE(test, is_remembered(test, IPPROTO_SCTP, 12, 14)); /* SHUTDOWN COMPLETE */
	KUNIT_EXPECT_TRUE(test, is_remembered(test, IPPROTO_DCCP, 8, 2 << 1)); /* Data */
	KUNIT_EXPECT_TRUE(test, is_remembered(test, IPPROTO_DCCP, 8, 6 << 1 | 1)); /* Close */
	KUNIT_EXPECT_FALSE(test, is_remembered(test, IPPROTO_DCCP, 8, 7 << 1)); /* Reset */
	KUNIT_EXPECT_FALSE(test, is_remembered(test, IPPROTO_DCCP, 8, 0xe1 | 7 << 1));
}

/* ICMP's and ICMPv6's echo are alike. */
static struct sk_buff *echo4(struct kunit *test, u8 proto, __be32 from, __be32 to, u8 type, u16 id)
{
	struct sk_buff *skb = packet4(test, proto, from, to, sizeof(struct icmphdr));
	struct icmphdr *icmp = transport_of(skb);

	icmp->type = type;
	icmp->un.echo.id = htons(id);
	return skb;
}

static struct sk_buff *echo6(struct kunit *test, u8 proto, const struct in6_addr *from,
			     const struct in6_addr *to, u8 type, u16 id)
{
	struct sk_buff *skb = packet6(test, proto, from, to, sizeof(struct icmp6hdr));
	struct icmp6hdr *icmp = transport_of(skb);

	icmp->icmp6_type = type;
	icmp->icmp6_identifier = htons(id);
	return skb;
}

/* An echo reply is a reply to a request, and nothing to a reply. */
static void expect_echo(struct kunit *test, struct sk_buff *request, struct sk_buff *reply,
			struct sk_buff *other, struct sk_buff *from_here)
{
	KUNIT_EXPECT_TRUE(test, is_reply(reply, request));
	KUNIT_EXPECT_FALSE(test, is_reply(other, request));
	KUNIT_EXPECT_FALSE(test, has_flow(request, FLOW_OTHER));
	KUNIT_EXPECT_TRUE(test, has_flow(request, FLOW_OWN));
	KUNIT_EXPECT_TRUE(test, has_flow(reply, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, same_flow(request, from_here));
	KUNIT_EXPECT_FALSE(test, is_reply(reply, from_here));
	KUNIT_EXPECT_FALSE(test, is_quick(request));
	kfree_skb(request);
	kfree_skb(reply);
	kfree_skb(other);
	kfree_skb(from_here);
}

static void expect_no_flow(struct kunit *test, struct sk_buff *skb)
{
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_OWN));
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_OTHER));
	kfree_skb(skb);
}

static void test_echo(struct kunit *test)
{
	const u8 icmp = IPPROTO_ICMP, icmp6 = IPPROTO_ICMPV6;

	expect_echo(test, echo4(test, icmp, HERE, THERE, ICMP_ECHO, 7),
		    echo4(test, icmp, THERE, HERE, ICMP_ECHOREPLY, 7),
		    echo4(test, icmp, THERE, HERE, ICMP_ECHOREPLY, 8),
		    echo4(test, icmp, HERE, THERE, ICMP_ECHOREPLY, 7));
	expect_echo(test, echo6(test, icmp6, &here6, &there6, ICMPV6_ECHO_REQUEST, 7),
		    echo6(test, icmp6, &there6, &here6, ICMPV6_ECHO_REPLY, 7),
		    echo6(test, icmp6, &there6, &here6, ICMPV6_ECHO_REPLY, 8),
		    echo6(test, icmp6, &here6, &there6, ICMPV6_ECHO_REPLY, 7));
	expect_no_flow(test, echo4(test, icmp, THERE, HERE, ICMP_DEST_UNREACH, 7));
	expect_no_flow(test, echo6(test, icmp6, &there6, &here6, ICMPV6_DEST_UNREACH, 7));
	/* Over the other family they mean nothing. */
	expect_no_flow(test, echo4(test, icmp6, THERE, HERE, ICMPV6_ECHO_REPLY, 7));
	expect_no_flow(test, echo4(test, icmp6, THERE, HERE, ICMP_ECHOREPLY, 7));
	expect_no_flow(test, echo6(test, icmp, &there6, &here6, ICMP_ECHOREPLY, 7));
	expect_no_flow(test, echo6(test, icmp, &there6, &here6, ICMPV6_ECHO_REPLY, 7));
}

/* A UDP datagram behind 8 bytes of the extension header @type, and what may be @at 2 in it. */
static struct sk_buff *extended(struct kunit *test, u8 type, u8 proto, u8 length, u16 at2)
{
	struct sk_buff *skb = packet6(test, type, &here6, &there6, 8 + sizeof(struct udphdr));
	u8 *header = transport_of(skb);

	header[0] = proto;
	header[1] = length;
	header[2] = at2 >> 8;
	header[3] = at2;
	((struct udphdr *)(header + 8))->source = htons(1024);
	((struct udphdr *)(header + 8))->dest = htons(53);
	return skb;
}

static void test_extension_headers(struct kunit *test)
{
	struct sk_buff *udp = udp6(test, &here6, &there6, 1024, 53);
	struct sk_buff *skb = extended(test, IPPROTO_DSTOPTS, IPPROTO_UDP, 0, 0);

	KUNIT_EXPECT_TRUE(test, same_flow(skb, udp));
	KUNIT_EXPECT_FALSE(test, is_quick(skb));
	kfree_skb(skb);
	skb = extended(test, IPPROTO_FRAGMENT, IPPROTO_UDP, 0, 1);
	KUNIT_EXPECT_TRUE(test, same_flow(skb, udp));
	kfree_skb(skb);
	expect_no_flow(test, extended(test, IPPROTO_FRAGMENT, IPPROTO_UDP, 0, 8));
	expect_no_flow(test, extended(test, IPPROTO_FRAGMENT, IPPROTO_GRE, 0, 8));
	/* To the packet's end, and beyond. */
	skb = extended(test, IPPROTO_DSTOPTS, IPPROTO_GRE, 1, 0);
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	kfree_skb(skb);
	expect_no_flow(test, extended(test, IPPROTO_DSTOPTS, IPPROTO_GRE, 2, 0));
	expect_no_flow(test, packet6(test, IPPROTO_DSTOPTS, &here6, &there6, 1));
	kfree_skb(udp);
}

/* The kernel writes down what a checksum was; here, it is looked at each time. */
static bool has_quoted(struct sk_buff *skb, unsigned int hook, u64 *hash)
{
	const u8 summed = skb->ip_summed;
	bool quoted = is_ipv4(skb) ? flow_hash_quoted4(skb, hook, &secret, hash) :
				     flow_hash_quoted6(skb, hook, &secret, hash);

	skb->ip_summed = summed;
	return quoted;
}

static bool is_believed(struct sk_buff *skb, unsigned int hook)
{
	u64 hash;

	return has_quoted(skb, hook, &hash);
}

/* Error @skb is about @about, as far as it may be believed where packets come in. */
static bool is_about(struct sk_buff *skb, const struct sk_buff *about)
{
	u64 quoted, sent;

	return has_quoted(skb, NF_INET_PRE_ROUTING, &quoted) &&
	       has_hash(about, FLOW_SENT, &sent) && quoted == sent;
}

/* Its checksum is right then. */
static void sum(struct sk_buff *skb)
{
	const struct ipv6hdr *header = ipv6_hdr(skb);
	struct icmphdr *icmp = transport_of(skb);
	int length = skb->data + skb->len - (u8 *)icmp;

	icmp->checksum = 0;
	if (is_ipv4(skb))
		icmp->checksum = csum_fold(csum_partial(icmp, length, 0));
	else
		icmp->checksum = csum_ipv6_magic(&header->saddr, &header->daddr, length,
						 IPPROTO_ICMPV6, csum_partial(icmp, length, 0));
}

/* From a router between, with all of what it is about. */
static struct sk_buff *error_about(struct kunit *test, const struct sk_buff *about, u8 type)
{
	const struct in6_addr router6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 9 } } };
	unsigned int bytes = sizeof(struct icmphdr) + about->len;
	struct sk_buff *skb = is_ipv4(about) ?
		packet4(test, IPPROTO_ICMP, htonl(0x0a000001), ip_hdr(about)->saddr, bytes) :
		packet6(test, IPPROTO_ICMPV6, &router6, &ipv6_hdr(about)->saddr, bytes);
	struct icmphdr *icmp = transport_of(skb);

	icmp->type = type;
	memcpy(icmp + 1, about->data, about->len);
	sum(skb);
	return skb;
}

/* Each byte that may be another; with the checksum that it has then. */
static bool is_believed_with(struct sk_buff *skb, unsigned int at, u8 value)
{
	u8 usual = skb->data[at];
	bool believed;

	skb->data[at] = value;
	sum(skb);
	believed = is_believed(skb, NF_INET_PRE_ROUTING);
	skb->data[at] = usual;
	sum(skb);
	return believed;
}

/* It is looked at where packets come in; later on, this host may have changed what it quotes. */
static void expect_checksum(struct kunit *test, struct sk_buff *error)
{
	struct icmphdr *icmp = transport_of(error);
	u8 *checksum = (u8 *)&icmp->checksum;

	*checksum ^= 1;
	KUNIT_EXPECT_FALSE(test, is_believed(error, NF_INET_PRE_ROUTING));
	KUNIT_EXPECT_FALSE(test, is_believed(error, NF_INET_LOCAL_IN));
	KUNIT_EXPECT_TRUE(test, is_believed(error, NF_INET_FORWARD));
	KUNIT_EXPECT_TRUE(test, is_believed(error, NF_INET_LOCAL_OUT));
	KUNIT_EXPECT_TRUE(test, is_believed(error, NF_INET_POST_ROUTING));
	error->ip_summed = CHECKSUM_UNNECESSARY; /* the device has looked */
	KUNIT_EXPECT_TRUE(test, is_believed(error, NF_INET_PRE_ROUTING));
	error->ip_summed = CHECKSUM_NONE;
	*checksum ^= 1;
	KUNIT_EXPECT_TRUE(test, is_believed(error, NF_INET_PRE_ROUTING));
	KUNIT_EXPECT_TRUE(test, is_believed(error, NF_INET_LOCAL_IN));
}

/* Cut off at each byte: it has to quote 8 bytes of UDP. */
static void expect_whole(struct kunit *test, struct sk_buff *error)
{
	bool believed = false;

	while (error->len > (is_ipv4(error) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr))) {
		skb_trim(error, error->len - 1);
		believed = believed || is_believed(error, NF_INET_FORWARD);
	}
	KUNIT_EXPECT_FALSE(test, believed);
}

/* Where the quoted header begins. */
#define QUOTED4	(sizeof(struct iphdr) + sizeof(struct icmphdr))
#define QUOTED6	(sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr))

static void test_errors(struct kunit *test)
{
	struct sk_buff *query = udp4(test, HERE, THERE, 1024, 53);
	struct sk_buff *other = udp4(test, HERE, THERE, 1024, 54);
	struct sk_buff *error = error_about(test, query, ICMP_DEST_UNREACH);

	KUNIT_EXPECT_TRUE(test, is_about(error, query));
	KUNIT_EXPECT_FALSE(test, is_about(error, other));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 6, 1)); /* a later fragment */
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 9, IPPROTO_UDP));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 9, IPPROTO_ICMPV6));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 16, 1)); /* not to whom it quotes */
	KUNIT_EXPECT_TRUE(test, is_believed_with(error, 20, ICMP_PARAMETERPROB));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 20, ICMP_ECHO));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, QUOTED4, 0x55));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, QUOTED4, 0x44));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, QUOTED4 + 6, 1));
	expect_checksum(test, error);
	expect_whole(test, error);
	kfree_skb(error);
	kfree_skb(query);
	kfree_skb(other);
}

/* A quoted header ends within the packet, also where no byte behind it is wanted. */
static void test_quoted_length(struct kunit *test)
{
	struct sk_buff *gre = packet4(test, IPPROTO_GRE, HERE, THERE, 0);
	struct sk_buff *error = error_about(test, gre, ICMP_TIME_EXCEEDED);

	KUNIT_EXPECT_TRUE(test, is_about(error, gre));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, QUOTED4, 0x46));
	kfree_skb(error);
	kfree_skb(gre);
}

static void test_errors6(struct kunit *test)
{
	struct sk_buff *query = udp6(test, &here6, &there6, 1024, 53);
	struct sk_buff *other = udp6(test, &here6, &there6, 1024, 54);
	struct sk_buff *error = error_about(test, query, ICMPV6_DEST_UNREACH);

	KUNIT_EXPECT_TRUE(test, is_about(error, query));
	KUNIT_EXPECT_FALSE(test, is_about(error, other));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 6, IPPROTO_UDP));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 6, IPPROTO_ICMP));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 39, 3)); /* not to whom it quotes */
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 40, 0));
	KUNIT_EXPECT_TRUE(test, is_believed_with(error, 40, ICMPV6_PARAMPROB));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 40, ICMPV6_PARAMPROB + 1));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, 40, ICMPV6_ECHO_REQUEST));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, QUOTED6, 0x70));
	KUNIT_EXPECT_FALSE(test, is_believed_with(error, QUOTED6 + 6, IPPROTO_ICMP));
	expect_checksum(test, error);
	expect_whole(test, error);
	kfree_skb(error);
	kfree_skb(query);
	kfree_skb(other);
}

static struct kunit_case flow_key_cases[] = {
	KUNIT_CASE(test_replies),
	KUNIT_CASE(test_addresses),
	KUNIT_CASE(test_no_flow),
	KUNIT_CASE(test_quick),
	KUNIT_CASE(test_in_pieces),
	KUNIT_CASE(test_refusals),
	KUNIT_CASE(test_other_refusals),
	KUNIT_CASE(test_echo),
	KUNIT_CASE(test_extension_headers),
	KUNIT_CASE(test_errors),
	KUNIT_CASE(test_quoted_length),
	KUNIT_CASE(test_errors6),
	{}
};

static struct kunit_suite flow_key_suite = {
	.name = "flow_key",
	.test_cases = flow_key_cases,
};

kunit_test_suite(flow_key_suite);

MODULE_DESCRIPTION("KUnit tests of how xt_untracked finds a packet's flow");
MODULE_LICENSE("GPL");
