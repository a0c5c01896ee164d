/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_key - from a packet, which may be anything, to the flow that it belongs to
 *
 * A flow's key is its addresses, the protocol, and ports or an echo's id; all that anybody
 * wants of it is its hash. Nothing is believed that lies behind the packet's end.
 * Context: any.
 */
#ifndef _FLOW_KEY_H
#define _FLOW_KEY_H

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6.h>
#include <linux/skbuff.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "flow_filter.h"

/**
 * enum flow_end - whose flow is asked for
 * @FLOW_OWN:   the packet's own, by its header and 8 bytes, as an ICMP error quotes it
 * @FLOW_SENT:  the packet's own, if replies to it are welcome: see flow_is_refusal()
 * @FLOW_OTHER: the one that it would be a reply to
 */
enum flow_end { FLOW_OWN, FLOW_SENT, FLOW_OTHER };

/* What of a transport header is looked at: as much as an ICMP error quotes (RFC 792). */
union flow_transport {
	u32 ports; /* as they lie in the packet */
	struct icmphdr icmp;
	struct icmp6hdr icmp6;
};

/* Of a key, beside the addresses: ports or echo id, protocol, type of echo. */
#define FLOW_REST_BYTES 6

static inline u64 flow_rest(u32 ports, u8 proto, u8 type)
{
	return ports | (u64)proto << 32 | (u64)type << 40;
}

#define FLOW_NONE (~0ULL) /* more bytes than a rest has */

/*
 * The reply to an echo request is a reply, and never the other way round. Errors and all
 * else that ICMP knows belong to no flow.
 */
static inline u64 flow_echo(u8 type, __be16 id, u8 request, u8 reply, u8 proto,
			    enum flow_end end)
{
	if (type != reply && (type != request || end == FLOW_OTHER))
		return FLOW_NONE;
	return flow_rest((__force u16)id, proto, end == FLOW_OTHER ? request : type);
}

static inline u64 flow_rest_in(const union flow_transport *header, u8 proto, u8 family,
			       enum flow_end end)
{
	u32 ports = header->ports;

	if (proto == IPPROTO_ICMP)
		return family != NFPROTO_IPV4 ? FLOW_NONE :
		       flow_echo(header->icmp.type, header->icmp.un.echo.id,
				 ICMP_ECHO, ICMP_ECHOREPLY, proto, end);
	if (proto == IPPROTO_ICMPV6)
		return family != NFPROTO_IPV6 ? FLOW_NONE :
		       flow_echo(header->icmp6.icmp6_type, header->icmp6.icmp6_identifier,
				 ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, proto, end);
	return flow_rest(end == FLOW_OTHER ? ports << 16 | ports >> 16 : ports, proto, 0);
}

/* Where the header lies in pages or beyond the end; seldom, and kept out of the way. */
static noinline u64 flow_rest_paged(const struct sk_buff *skb, int offset, u8 proto, u8 family,
				    enum flow_end end)
{
	union flow_transport header;

	if (skb_copy_bits(skb, offset, &header, sizeof(header)))
		return FLOW_NONE;
	return flow_rest_in(&header, proto, family, end);
}

static noinline u8 flow_paged_byte_at(const struct sk_buff *skb, int offset, u8 missing)
{
	u8 byte;

	return skb_copy_bits(skb, offset, &byte, sizeof(byte)) ? missing : byte;
}

/* Of the headers below, what they have in byte @offset; or @missing, behind the end. */
static inline u8 flow_byte_at(const struct sk_buff *skb, int offset, u8 missing)
{
	if ((int)skb_headlen(skb) - offset < 1)
		return flow_paged_byte_at(skb, offset, missing);
	return skb->data[offset];
}

/*
 * A RST (RFC 9293, 3.1) ends something or refuses it. REJECT sends it in the name of whoever
 * was called; were it remembered, the refused caller's next SYN would be a reply.
 *
 * Every segment of a process has a socket, and what is forwarded came in by a device. One
 * with neither was made in between, before anybody accepted anything, and often in another
 * host's name: by SYNPROXY, by a tarpit, or as a SYN cookie.
 */
#define FLOW_TCP_FLAGS	13
#define FLOW_TCP_RST	0x04

static inline bool flow_tcp_is_refusal(const struct sk_buff *skb, int offset)
{
	return flow_byte_at(skb, offset + FLOW_TCP_FLAGS, FLOW_TCP_RST) & FLOW_TCP_RST ||
	       (!skb->sk && !skb->skb_iif);
}

/* RFC 9260, 3.2: the type of the first chunk; a refusal is a packet of one. */
#define FLOW_SCTP_CHUNK			12
#define FLOW_SCTP_ABORT			6
#define FLOW_SCTP_SHUTDOWN_COMPLETE	14

static noinline bool flow_sctp_is_refusal(const struct sk_buff *skb, int offset)
{
	u8 type = flow_byte_at(skb, offset + FLOW_SCTP_CHUNK, FLOW_SCTP_ABORT);

	return type == FLOW_SCTP_ABORT || type == FLOW_SCTP_SHUTDOWN_COMPLETE;
}

/* RFC 4340, 5.1: bits 1 to 4 are the packet's type. */
#define FLOW_DCCP_TYPE	8
#define FLOW_DCCP_RESET	7

static noinline bool flow_dccp_is_refusal(const struct sk_buff *skb, int offset)
{
	return (flow_byte_at(skb, offset + FLOW_DCCP_TYPE, FLOW_DCCP_RESET << 1) >> 1 & 15) ==
	       FLOW_DCCP_RESET;
}

/*
 * Does this packet only refuse, or reply before anybody has accepted? Firewall, kernel and
 * proxies send such ones to anybody who calls, so they must not let him in. Nor must one
 * that is too short to tell. ICMP's errors have no flow to begin with, an echo reply's is never
 * looked up by --reply, and what else the kernel sends by itself (neighbour discovery, IGMP,
 * tunnels) goes to whom it was configured for.
 */
static __always_inline bool flow_is_refusal(const struct sk_buff *skb, int offset, u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return flow_tcp_is_refusal(skb, offset);
	case IPPROTO_SCTP:
		return flow_sctp_is_refusal(skb, offset);
	case IPPROTO_DCCP:
		return flow_dccp_is_refusal(skb, offset);
	default:
		return false;
	}
}

/*
 * The usual ones, UDP and TCP in the linear part of the skb, before they go on their way:
 * FLOW_NONE says to ask flow_rest_of(), and costs the others little. No call: on the packet
 * path, saving registers for one costs as much as a filter.
 */
static __always_inline u64 flow_quick_rest(const struct sk_buff *skb, const u8 *transport,
					   u8 proto)
{
	const u8 *end = skb_tail_pointer(skb);

	if (proto == IPPROTO_UDP) {
		if (transport + sizeof(union flow_transport) > end)
			return FLOW_NONE;
	} else if (proto != IPPROTO_TCP || transport + FLOW_TCP_FLAGS >= end ||
		   transport[FLOW_TCP_FLAGS] & FLOW_TCP_RST || (!skb->sk && !skb->skb_iif)) {
		return FLOW_NONE;
	}
	return flow_rest(*(const u32 *)transport, proto, 0);
}

/* From a transport header at @offset; FLOW_NONE where there is none that has a flow. */
static __always_inline u64 flow_rest_of(const struct sk_buff *skb, int offset, u8 proto,
					u8 family, enum flow_end end)
{
	/* The usual one first: a switch alone asks for it last. */
	if (proto != IPPROTO_UDP) {
		if (end == FLOW_SENT && flow_is_refusal(skb, offset, proto))
			return FLOW_NONE;
		switch (proto) {
		case IPPROTO_TCP:
		case IPPROTO_UDPLITE:
		case IPPROTO_SCTP:
		case IPPROTO_DCCP:
		case IPPROTO_ICMP:
		case IPPROTO_ICMPV6:
			break;
		default:
			return flow_rest(0, proto, 0);
		}
	}
	if ((int)skb_headlen(skb) - offset < (int)sizeof(union flow_transport))
		return flow_rest_paged(skb, offset, proto, family, end);
	return flow_rest_in((void *)(skb->data + offset), proto, family, end);
}

/**
 * flow_hash4 - of an IPv4 packet's flow
 * @skb:    the packet, or what holds a quoted one
 * @header: its header
 * @offset: where that is, from skb->data
 * @end:    see &enum flow_end
 * @secret: of whose filters are asked
 * @hash:   takes the result
 *
 * Return: false if it has no flow: a later fragment, an ICMP message other than echo,
 * a packet too short for its headers.
 */
static __always_inline bool
flow_hash4(const struct sk_buff *skb, const struct iphdr *header, int offset,
	   enum flow_end end, const struct flow_secret *secret, u64 *hash)
{
	const u8 *ends = (const u8 *)header + offsetof(struct iphdr, saddr); /* both addresses */
	const __be32 swapped[2] = { header->daddr, header->saddr };
	u64 rest;

	if (header->frag_off & htons(IP_OFFSET))
		return false;
	rest = flow_rest_of(skb, offset + header->ihl * 4, header->protocol, NFPROTO_IPV4, end);
	if (rest == FLOW_NONE)
		return false;
	*hash = flow_hash(secret, end == FLOW_OTHER ? (const u8 *)swapped : ends, 1,
			  rest, FLOW_REST_BYTES);
	return true;
}

/* flow_hash4() of a packet with FLOW_SENT, if it is a usual one; false if that must tell. */
static __always_inline bool
flow_quick_hash4(const struct sk_buff *skb, const struct flow_secret *secret, u64 *hash)
{
	const struct iphdr *header = ip_hdr(skb);
	u64 rest;

	if (header->frag_off & htons(IP_OFFSET))
		return false;
	rest = flow_quick_rest(skb, (const u8 *)header + header->ihl * 4, header->protocol);
	if (rest == FLOW_NONE)
		return false;
	*hash = flow_hash(secret, (const u8 *)header + offsetof(struct iphdr, saddr), 1,
			  rest, FLOW_REST_BYTES);
	return true;
}

/**
 * flow_hash_quoted4 - of the flow that an ICMP error is about
 * @skb:    the packet; whoever sent it may have made all of it up
 * @hook:   where it is; the checksum is held against it where it comes in, as conntrack does
 * @secret: of whose filters are asked
 * @hash:   takes the result
 *
 * Return: false if this is no ICMP error, or not one that may be believed.
 */
static inline bool flow_hash_quoted4(const struct sk_buff *skb, unsigned int hook,
				     const struct flow_secret *secret, u64 *hash)
{
	const struct iphdr *outer = ip_hdr(skb);
	int icmp = skb_network_offset(skb) + outer->ihl * 4;
	int quoted = icmp + sizeof(struct icmphdr);
	struct iphdr buffer, *inner;
	struct icmphdr head, *error;

	if (outer->protocol != IPPROTO_ICMP || outer->frag_off & htons(IP_OFFSET))
		return false;
	error = skb_header_pointer(skb, icmp, sizeof(head), &head);
	if (!error || !icmp_is_err(error->type))
		return false;
	inner = skb_header_pointer(skb, quoted, sizeof(buffer), &buffer);
	if (!inner || inner->version != 4 || inner->ihl < 5 || inner->saddr != outer->daddr ||
	    quoted + inner->ihl * 4 > skb->len)
		return false;
	if (!flow_hash4(skb, inner, quoted, FLOW_OWN, secret, hash))
		return false;
	/*
	 * Last, for it reads the whole message. nf_ip_checksum() would take in the IP header,
	 * whose own sum is wrong once this host has written into a recorded route.
	 */
	return (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN) ||
	       skb_csum_unnecessary(skb) ||
	       !csum_fold(skb_checksum(skb, icmp, skb->len - icmp, 0));
}

#if IS_ENABLED(CONFIG_IPV6)
/* A packet's or a quoted one's transport: its protocol and its @offset, or negative. */
static noinline int flow_walk6(const struct sk_buff *skb, unsigned int *offset)
{
	unsigned short fragment = 0;
	int proto = ipv6_find_hdr(skb, offset, -1, &fragment, NULL);

	return fragment || *offset > skb->len ? -ENOENT : proto;
}

/* The same; most packets have no extension header to walk over. */
static __always_inline int flow_transport6(const struct sk_buff *skb,
					   const struct ipv6hdr *header, unsigned int *offset)
{
	switch (header->nexthdr) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMPV6:
		*offset += sizeof(*header);
		return header->nexthdr;
	default:
		return flow_walk6(skb, offset);
	}
}

/**
 * flow_hash6 - of an IPv6 packet's flow: see flow_hash4()
 * @skb:    the packet, or what holds a quoted one
 * @header: its header
 * @offset: where that is, from skb->data
 * @end:    see &enum flow_end
 * @secret: of whose filters are asked
 * @hash:   takes the result
 *
 * Return: false if it has no flow.
 */
static __always_inline bool
flow_hash6(const struct sk_buff *skb, const struct ipv6hdr *header, unsigned int offset,
	   enum flow_end end, const struct flow_secret *secret, u64 *hash)
{
	const u8 *ends = (const u8 *)header + offsetof(struct ipv6hdr, saddr); /* both addresses */
	int proto = flow_transport6(skb, header, &offset);
	struct in6_addr swapped[2];
	u64 rest;

	if (proto < 0)
		return false;
	rest = flow_rest_of(skb, offset, proto, NFPROTO_IPV6, end);
	if (rest == FLOW_NONE)
		return false;
	if (end == FLOW_OTHER) {
		swapped[0] = header->daddr;
		swapped[1] = header->saddr;
	}
	*hash = flow_hash(secret, end == FLOW_OTHER ? (const u8 *)swapped : ends, 4,
			  rest, FLOW_REST_BYTES);
	return true;
}

/* flow_hash6() of a packet with FLOW_SENT, if it is a usual one; false if that must tell. */
static __always_inline bool
flow_quick_hash6(const struct sk_buff *skb, const struct flow_secret *secret, u64 *hash)
{
	const struct ipv6hdr *header = ipv6_hdr(skb);
	u64 rest;

	rest = flow_quick_rest(skb, (const u8 *)(header + 1), header->nexthdr);
	if (rest == FLOW_NONE)
		return false;
	*hash = flow_hash(secret, (const u8 *)header + offsetof(struct ipv6hdr, saddr), 4,
			  rest, FLOW_REST_BYTES);
	return true;
}

/**
 * flow_hash_quoted6 - of the flow that an ICMPv6 error is about: see flow_hash_quoted4()
 * @skb:    the packet; whoever sent it may have made all of it up
 * @hook:   where it is
 * @secret: of whose filters are asked
 * @hash:   takes the result
 *
 * Return: false if this is no ICMPv6 error, or not one that may be believed.
 */
static inline bool flow_hash_quoted6(const struct sk_buff *skb, unsigned int hook,
				     const struct flow_secret *secret, u64 *hash)
{
	unsigned int icmp = skb_network_offset(skb), quoted;
	const struct ipv6hdr *outer = ipv6_hdr(skb);
	struct ipv6hdr buffer, *inner;
	struct icmp6hdr head, *error;

	if (flow_transport6(skb, outer, &icmp) != IPPROTO_ICMPV6)
		return false;
	error = skb_header_pointer(skb, icmp, sizeof(head), &head);
	if (!error || error->icmp6_type < ICMPV6_DEST_UNREACH ||
	    error->icmp6_type > ICMPV6_PARAMPROB)
		return false;
	quoted = icmp + sizeof(*error);
	inner = skb_header_pointer(skb, quoted, sizeof(buffer), &buffer);
	if (!inner || inner->version != 6 ||
	    !ipv6_addr_equal(&inner->saddr, &outer->daddr))
		return false;
	if (!flow_hash6(skb, inner, quoted, FLOW_OWN, secret, hash))
		return false;
	return (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN) ||
	       /* It only caches its result in the skb. */
	       !nf_ip6_checksum((struct sk_buff *)skb, hook, icmp, IPPROTO_ICMPV6);
}
#endif

#endif /* _FLOW_KEY_H */
