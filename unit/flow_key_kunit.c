// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_key_kunit - which packets have a flow, and whose replies they are
 *
 * A KUnit suite, for a kernel's tree alone: it wants skbs.
 */
#include <kunit/test.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "flow_key.h"

static const struct flow_secret secret = { { 1, 2, 3, 4 } };

#define HERE	htonl(0xc0000201)
#define THERE	htonl(0xc6336402)

/* A packet with an IPv4 header and room for @bytes more, all zero. */
static struct sk_buff *packet4(struct kunit *test, u8 proto, __be32 from, __be32 to,
			       unsigned int bytes)
{
	struct sk_buff *skb = alloc_skb(sizeof(struct iphdr) + bytes, GFP_KERNEL);
	struct iphdr *header;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	header = skb_put_zero(skb, sizeof(*header));
	skb_put_zero(skb, bytes);
	skb_reset_network_header(skb);
	skb->skb_iif = 1; /* as if it was forwarded */
	header->version = 4;
	header->ihl = 5;
	header->protocol = proto;
	header->saddr = from;
	header->daddr = to;
	header->tot_len = htons(skb->len);
	return skb;
}

static void *transport_of(const struct sk_buff *skb)
{
	return skb->data + sizeof(struct iphdr);
}

static struct sk_buff *udp4(struct kunit *test, __be32 from, __be32 to, u16 sport, u16 dport)
{
	struct sk_buff *skb = packet4(test, IPPROTO_UDP, from, to, sizeof(struct udphdr));
	struct udphdr *udp = transport_of(skb);

	udp->source = htons(sport);
	udp->dest = htons(dport);
	return skb;
}

static bool hash4(const struct sk_buff *skb, enum flow_end end, u64 *hash)
{
	return flow_hash4(skb, ip_hdr(skb), 0, end, &secret, hash);
}

/* Is @b one that @a would be a reply to? */
static bool is_reply(const struct sk_buff *a, const struct sk_buff *b)
{
	u64 reply, sent;

	return hash4(a, FLOW_OTHER, &reply) && hash4(b, FLOW_SENT, &sent) && reply == sent;
}

static bool has_flow(const struct sk_buff *skb, enum flow_end end)
{
	u64 hash;

	return hash4(skb, end, &hash);
}

static void test_replies(struct kunit *test)
{
	struct sk_buff *query = udp4(test, HERE, THERE, 1024, 53);
	struct sk_buff *reply = udp4(test, THERE, HERE, 53, 1024);
	struct sk_buff *other = udp4(test, THERE, HERE, 53, 1025);
	u64 quick, full;

	KUNIT_EXPECT_TRUE(test, is_reply(reply, query));
	KUNIT_EXPECT_TRUE(test, is_reply(query, reply));
	KUNIT_EXPECT_FALSE(test, is_reply(other, query));
	KUNIT_EXPECT_FALSE(test, is_reply(query, query));
	ip_hdr(reply)->protocol = IPPROTO_UDPLITE;
	KUNIT_EXPECT_FALSE(test, is_reply(reply, query));
	KUNIT_EXPECT_TRUE(test, flow_quick_hash4(query, &secret, &quick) &&
			  hash4(query, FLOW_SENT, &full) && quick == full);
	kfree_skb(query);
	kfree_skb(reply);
	kfree_skb(other);
}

/* Later fragments, and what ends before its ports do. */
static void test_no_flow(struct kunit *test)
{
	struct sk_buff *skb = udp4(test, HERE, THERE, 1024, 53);

	ip_hdr(skb)->frag_off = htons(IP_MF);
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	ip_hdr(skb)->frag_off = htons(1);
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	ip_hdr(skb)->frag_off = 0;
	skb_trim(skb, skb->len - 1);
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_OTHER));
	ip_hdr(skb)->protocol = IPPROTO_GRE;
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	kfree_skb(skb);
}

/* What only refuses is the packet's own flow, and no reply to it is welcome. */
static void test_refusals(struct kunit *test)
{
	struct sk_buff *skb = packet4(test, IPPROTO_TCP, HERE, THERE, sizeof(struct tcphdr));
	struct tcphdr *tcp = transport_of(skb);
	u64 hash;

	tcp->ack = 1;
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_TRUE(test, flow_quick_hash4(skb, &secret, &hash));
	skb->skb_iif = 0; /* no socket's, nor forwarded */
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, flow_quick_hash4(skb, &secret, &hash));
	skb->skb_iif = 1;
	tcp->rst = 1;
	KUNIT_EXPECT_FALSE(test, has_flow(skb, FLOW_SENT));
	KUNIT_EXPECT_FALSE(test, flow_quick_hash4(skb, &secret, &hash));
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_OWN));
	KUNIT_EXPECT_TRUE(test, has_flow(skb, FLOW_OTHER));
	kfree_skb(skb);
}

static struct sk_buff *echo4(struct kunit *test, __be32 from, __be32 to, u8 type, u16 id)
{
	struct sk_buff *skb = packet4(test, IPPROTO_ICMP, from, to, sizeof(struct icmphdr));
	struct icmphdr *icmp = transport_of(skb);

	icmp->type = type;
	icmp->un.echo.id = htons(id);
	return skb;
}

/* An echo reply is a reply to a request, and nothing to a reply. */
static void test_echo(struct kunit *test)
{
	struct sk_buff *request = echo4(test, HERE, THERE, ICMP_ECHO, 7);
	struct sk_buff *reply = echo4(test, THERE, HERE, ICMP_ECHOREPLY, 7);
	struct sk_buff *other = echo4(test, THERE, HERE, ICMP_ECHOREPLY, 8);
	struct sk_buff *error = echo4(test, THERE, HERE, ICMP_DEST_UNREACH, 7);

	KUNIT_EXPECT_TRUE(test, is_reply(reply, request));
	KUNIT_EXPECT_FALSE(test, is_reply(other, request));
	KUNIT_EXPECT_FALSE(test, has_flow(request, FLOW_OTHER));
	KUNIT_EXPECT_FALSE(test, has_flow(error, FLOW_SENT));
	ip_hdr(reply)->protocol = IPPROTO_ICMPV6;
	KUNIT_EXPECT_FALSE(test, has_flow(reply, FLOW_SENT));
	kfree_skb(request);
	kfree_skb(reply);
	kfree_skb(other);
	kfree_skb(error);
}

/* Error @skb is about @about, as far as it may be believed where packets come in. */
static bool is_about(const struct sk_buff *skb, const struct sk_buff *about)
{
	u64 quoted, sent;

	return flow_hash_quoted4(skb, NF_INET_PRE_ROUTING, &secret, &quoted) &&
	       hash4(about, FLOW_SENT, &sent) && quoted == sent;
}

static void test_errors(struct kunit *test)
{
	struct sk_buff *query = udp4(test, HERE, THERE, 1024, 53), *error;
	struct icmphdr *icmp;

	/* From a router between, with all of the query. */
	error = packet4(test, IPPROTO_ICMP, htonl(0x0a000001), HERE, sizeof(*icmp) + query->len);
	icmp = transport_of(error);
	icmp->type = ICMP_DEST_UNREACH;
	memcpy(icmp + 1, query->data, query->len);
	icmp->checksum = csum_fold(csum_partial(icmp, sizeof(*icmp) + query->len, 0));
	KUNIT_EXPECT_TRUE(test, is_about(error, query));
	ip_hdr(error)->daddr = THERE; /* not to whom it quotes */
	KUNIT_EXPECT_FALSE(test, is_about(error, query));
	ip_hdr(error)->daddr = HERE;
	icmp->checksum ^= htons(1);
	KUNIT_EXPECT_FALSE(test, is_about(error, query));
	icmp->checksum ^= htons(1);
	icmp->type = ICMP_ECHO;
	KUNIT_EXPECT_FALSE(test, is_about(error, query));
	icmp->type = ICMP_DEST_UNREACH;
	skb_trim(error, error->len - 1); /* of 8 bytes that it has to quote */
	KUNIT_EXPECT_FALSE(test, is_about(error, query));
	kfree_skb(error);
	kfree_skb(query);
}

static struct kunit_case flow_key_cases[] = {
	KUNIT_CASE(test_replies),
	KUNIT_CASE(test_no_flow),
	KUNIT_CASE(test_refusals),
	KUNIT_CASE(test_echo),
	KUNIT_CASE(test_errors),
	{}
};

static struct kunit_suite flow_key_suite = {
	.name = "flow_key",
	.test_cases = flow_key_cases,
};

kunit_test_suite(flow_key_suite);

MODULE_DESCRIPTION("KUnit tests of how xt_untracked finds a packet's flow");
MODULE_LICENSE("GPL");
