/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space: a packet in one piece or in two, where a kernel has pages or a list. */
#ifndef _LINUX_SKBUFF_H
#define _LINUX_SKBUFF_H

#include <errno.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;

#define __force
#define noinline		__attribute__((noinline))
#define IS_ENABLED(option)	1
#define htons(number)		__cpu_to_be16(number)
#define htonl(number)		__cpu_to_be32(number)
#define GFP_KERNEL		0
#define CHECKSUM_NONE		0
#define CHECKSUM_UNNECESSARY	1

struct sk_buff {
	u8 *data;
	unsigned int len, data_len;
	int skb_iif, ip_summed, network_header;
	void *sk;
	struct sk_buff *frag_list;
	unsigned long nfct; /* with its state */
};

#define skb_shinfo(skb)		(skb)

static inline struct sk_buff *alloc_skb(unsigned int bytes, int effort)
{
	struct sk_buff *skb = calloc(1, sizeof(*skb));

	(void)effort;
	if (!skb)
		return NULL;
	skb->data = malloc(bytes);
	if (skb->data)
		return skb;
	free(skb);
	return NULL;
}

static inline void kfree_skb(struct sk_buff *skb)
{
	if (!skb)
		return;
	kfree_skb(skb->frag_list);
	free(skb->data);
	free(skb);
}

static inline unsigned int skb_headlen(const struct sk_buff *skb)
{
	return skb->len - skb->data_len;
}

static inline u8 *skb_tail_pointer(const struct sk_buff *skb)
{
	return skb->data + skb_headlen(skb);
}

static inline void *skb_put_zero(struct sk_buff *skb, unsigned int bytes)
{
	void *at = skb_tail_pointer(skb);

	skb->len += bytes;
	return memset(at, 0, bytes);
}

/* Of one piece only. */
static inline void skb_trim(struct sk_buff *skb, unsigned int bytes)
{
	skb->len = bytes;
}

static inline void skb_reset_network_header(struct sk_buff *skb)
{
	skb->network_header = 0;
}

static inline int skb_network_offset(const struct sk_buff *skb)
{
	return skb->network_header;
}

static inline struct iphdr *ip_hdr(const struct sk_buff *skb)
{
	return (struct iphdr *)(skb->data + skb->network_header);
}

static inline struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb)
{
	return (struct ipv6hdr *)(skb->data + skb->network_header);
}

static inline bool skb_csum_unnecessary(const struct sk_buff *skb)
{
	return skb->ip_summed == CHECKSUM_UNNECESSARY;
}

static inline int skb_copy_bits(const struct sk_buff *skb, int offset, void *to, int bytes)
{
	const int head = skb_headlen(skb);
	u8 *at = to;

	if (offset < 0 || offset + bytes > (int)skb->len)
		return -EFAULT;
	for (; bytes; bytes--, offset++)
		*at++ = offset < head ? skb->data[offset] : skb->frag_list->data[offset - head];
	return 0;
}

static inline void *skb_header_pointer(const struct sk_buff *skb, int offset, int bytes,
				       void *buffer)
{
	if (offset >= 0 && offset + bytes <= (int)skb_headlen(skb))
		return skb->data + offset;
	return skb_copy_bits(skb, offset, buffer, bytes) ? NULL : buffer;
}

#endif /* _LINUX_SKBUFF_H */
