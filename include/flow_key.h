/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_key - from a packet, which may be anything, to the flow that it belongs to
 *
 * Nothing is believed that lies behind the packet's end. Context: any.
 */
#ifndef _FLOW_KEY_H
#define _FLOW_KEY_H

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

/**
 * struct flow_key - a flow in one direction
 * @word: addresses, then ports or echo id and protocol, as flow_hash() takes them
 */
struct flow_key {
	u64 word[5];
};

/* IPv4's addresses make one word, IPv6's four. */
static inline unsigned int flow_key_words(u8 family)
{
	return family == NFPROTO_IPV4 ? 2 : 5;
}

/**
 * enum flow_end - whose flow is asked for
 * @FLOW_OWN:   the packet's own
 * @FLOW_OTHER: the one that it would be an answer to
 */
enum flow_end { FLOW_OWN, FLOW_OTHER };

static inline u64 flow_last_word(__be16 first, __be16 second, u8 kind, u8 proto)
{
	return (u64)(__force u16)first << 48 | (u64)(__force u16)second << 32 |
	       kind << 8 | proto;
}

/*
 * An echo request's answer is a reply and never the other way round. Errors and all
 * else that ICMP knows belong to no flow.
 */
static inline bool flow_echo_word(u8 type, __be16 id, u8 request, u8 reply,
				  u8 proto, enum flow_end end, u64 *word)
{
	if (type != reply && (type != request || end == FLOW_OTHER))
		return false;
	if (end == FLOW_OTHER)
		type = request;
	*word = flow_last_word(id, 0, type, proto);
	return true;
}

/* The last word, from a transport header at @offset. */
static inline bool flow_transport_word(const struct sk_buff *skb, int offset, u8 proto,
				       u8 family, enum flow_end end, u64 *word)
{
	union {
		__be16 port[2];
		struct icmphdr icmp;
		struct icmp6hdr icmp6;
		u8 bytes[8];
	} buffer, *header;

	switch (proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		break;
	default:
		*word = proto;
		return true;
	}

	/* Each of them has 8 bytes, and an ICMP error quotes as many (RFC 792). */
	header = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!header)
		return false;
	if (proto == IPPROTO_ICMP)
		return family == NFPROTO_IPV4 &&
		       flow_echo_word(header->icmp.type, header->icmp.un.echo.id,
				      ICMP_ECHO, ICMP_ECHOREPLY, proto, end, word);
	if (proto == IPPROTO_ICMPV6)
		return family == NFPROTO_IPV6 &&
		       flow_echo_word(header->icmp6.icmp6_type,
				      header->icmp6.icmp6_identifier,
				      ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, proto,
				      end, word);
	*word = flow_last_word(header->port[end == FLOW_OTHER],
			       header->port[end == FLOW_OWN], 0, proto);
	return true;
}

static inline bool flow_key4(const struct sk_buff *skb, int offset,
			     enum flow_end end, struct flow_key *key)
{
	struct iphdr buffer, *header;
	u32 from, to;

	header = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!header || header->version != 4 || header->ihl < 5)
		return false;
	if (header->frag_off & htons(IP_OFFSET))
		return false; /* no ports in it */
	from = (__force u32)(end == FLOW_OWN ? header->saddr : header->daddr);
	to = (__force u32)(end == FLOW_OWN ? header->daddr : header->saddr);
	key->word[0] = (u64)from << 32 | to;
	return flow_transport_word(skb, offset + header->ihl * 4, header->protocol,
				   NFPROTO_IPV4, end, &key->word[1]);
}

#if IS_ENABLED(CONFIG_IPV6)
static inline bool flow_key6(const struct sk_buff *skb, int offset,
			     enum flow_end end, struct flow_key *key)
{
	struct ipv6hdr buffer, *header;
	unsigned int transport = offset;
	unsigned short fragment = 0;
	int proto;

	header = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!header || header->version != 6)
		return false;
	memcpy(&key->word[0], end == FLOW_OWN ? &header->saddr : &header->daddr, 16);
	memcpy(&key->word[2], end == FLOW_OWN ? &header->daddr : &header->saddr, 16);
	proto = ipv6_find_hdr(skb, &transport, -1, &fragment, NULL);
	if (proto < 0 || fragment)
		return false;
	return flow_transport_word(skb, transport, proto, NFPROTO_IPV6, end, &key->word[4]);
}
#endif

/**
 * flow_key_of - the flow of a packet
 * @skb:    the packet, or what holds a quoted one
 * @offset: its network header, from skb->data
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @end:    see &enum flow_end
 * @key:    takes flow_key_words() words
 *
 * Return: false if it has none: a later fragment, an ICMP message other than echo,
 * a packet too short for its headers.
 */
static inline bool flow_key_of(const struct sk_buff *skb, int offset, u8 family,
			       enum flow_end end, struct flow_key *key)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (family == NFPROTO_IPV6)
		return flow_key6(skb, offset, end, key);
#endif
	return flow_key4(skb, offset, end, key);
}

static inline bool flow_quoted4(const struct sk_buff *skb, unsigned int hook,
				struct flow_key *key)
{
	const struct iphdr *outer = ip_hdr(skb);
	int icmp = skb_network_offset(skb) + outer->ihl * 4;
	int quoted = icmp + sizeof(struct icmphdr);
	struct icmphdr buffer, *header;
	__be32 from, *source;

	if (outer->protocol != IPPROTO_ICMP || outer->frag_off & htons(IP_OFFSET))
		return false;
	header = skb_header_pointer(skb, icmp, sizeof(buffer), &buffer);
	if (!header || !icmp_is_err(header->type))
		return false;
	source = skb_header_pointer(skb, quoted + offsetof(struct iphdr, saddr),
				    sizeof(from), &from);
	if (!source || *source != outer->daddr)
		return false;
	if (!flow_key4(skb, quoted, FLOW_OWN, key))
		return false;
	/* Last, for it reads the whole packet. It only caches its result in the skb. */
	return (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN) ||
	       !nf_ip_checksum((struct sk_buff *)skb, hook, icmp, IPPROTO_ICMP);
}

#if IS_ENABLED(CONFIG_IPV6)
static inline bool flow_quoted6(const struct sk_buff *skb, unsigned int hook,
				struct flow_key *key)
{
	unsigned int icmp = skb_network_offset(skb);
	struct icmp6hdr buffer, *header;
	struct in6_addr from, *source;
	unsigned short fragment = 0;
	unsigned int quoted;

	if (ipv6_find_hdr(skb, &icmp, -1, &fragment, NULL) != IPPROTO_ICMPV6 || fragment)
		return false;
	header = skb_header_pointer(skb, icmp, sizeof(buffer), &buffer);
	if (!header || header->icmp6_type < ICMPV6_DEST_UNREACH ||
	    header->icmp6_type > ICMPV6_PARAMPROB)
		return false;
	quoted = icmp + sizeof(*header);
	source = skb_header_pointer(skb, quoted + offsetof(struct ipv6hdr, saddr),
				    sizeof(from), &from);
	if (!source || !ipv6_addr_equal(source, &ipv6_hdr(skb)->daddr))
		return false;
	if (!flow_key6(skb, quoted, FLOW_OWN, key))
		return false;
	return (hook != NF_INET_PRE_ROUTING && hook != NF_INET_LOCAL_IN) ||
	       !nf_ip6_checksum((struct sk_buff *)skb, hook, icmp, IPPROTO_ICMPV6);
}
#endif

/**
 * flow_key_quoted - the flow that an ICMP error is about
 * @skb:    the packet; whoever sent it may have made all of it up
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @hook:   where it is; the checksum is held against it where it comes in, as conntrack does
 * @key:    takes flow_key_words() words
 *
 * Return: false if this is no ICMP error, or not one that may be believed.
 */
static inline bool flow_key_quoted(const struct sk_buff *skb, u8 family,
				   unsigned int hook, struct flow_key *key)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (family == NFPROTO_IPV6)
		return flow_quoted6(skb, hook, key);
#endif
	return flow_quoted4(skb, hook, key);
}

#endif /* _FLOW_KEY_H */
