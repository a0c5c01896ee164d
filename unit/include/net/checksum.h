/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space: the Internet's checksum (RFC 1071), of words as they lie in memory. */
#ifndef _NET_CHECKSUM_H
#define _NET_CHECKSUM_H

#include <linux/skbuff.h>
#include <linux/types.h>

static inline __wsum csum_partial(const void *bytes, int length, __wsum sum)
{
	unsigned long long total = sum;
	const u8 *at = bytes;
	u16 word;

	for (; length > 0; length -= 2, at += 2) {
		word = 0;
		memcpy(&word, at, length > 1 ? 2 : 1);
		total += word;
	}
	while (total >> 32)
		total = (total & 0xffffffff) + (total >> 32);
	return total;
}

static inline __sum16 csum_fold(__wsum sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static inline __sum16 csum_ipv6_magic(const struct in6_addr *saddr, const struct in6_addr *daddr,
				      __u32 length, __u8 proto, __wsum sum)
{
	const __be32 rest[2] = { htonl(length), htonl(proto) };

	sum = csum_partial(saddr, sizeof(*saddr), sum);
	sum = csum_partial(daddr, sizeof(*daddr), sum);
	return csum_fold(csum_partial(rest, sizeof(rest), sum));
}

/* The kernel stops where there are fewer bytes. */
static inline __wsum skb_checksum(const struct sk_buff *skb, int offset, int length, __wsum sum)
{
	u8 *bytes = malloc(length);

	if (!bytes || skb_copy_bits(skb, offset, bytes, length))
		abort();
	sum = csum_partial(bytes, length, sum);
	free(bytes);
	return sum;
}

static inline __sum16 nf_ip6_checksum(struct sk_buff *skb, unsigned int hook,
				      unsigned int offset, u8 proto)
{
	const struct ipv6hdr *header = ipv6_hdr(skb);
	const unsigned int length = skb->len - offset;

	(void)hook;
	return skb_csum_unnecessary(skb) ? 0 :
	       csum_ipv6_magic(&header->saddr, &header->daddr, length, proto,
			       skb_checksum(skb, offset, length, 0));
}

#endif /* _NET_CHECKSUM_H */
