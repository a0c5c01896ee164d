/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space: RFC 8200. */
#ifndef _NET_IPV6_H
#define _NET_IPV6_H

#include <linux/skbuff.h>

static inline bool ipv6_addr_equal(const struct in6_addr *one, const struct in6_addr *other)
{
	return !memcmp(one, other, sizeof(*one));
}

/*
 * The transport of what begins at @offset, which moves there; of a later fragment, its place in
 * the packet instead. No other @target is asked for.
 */
static inline int ipv6_find_hdr(const struct sk_buff *skb, unsigned int *offset, int target,
				unsigned short *fragment, int *flags)
{
	unsigned int at = *offset + sizeof(struct ipv6hdr);
	unsigned int bytes = 0;
	u8 buffer[4], *header, proto;

	(void)flags;
	header = skb_header_pointer(skb, *offset + offsetof(struct ipv6hdr, nexthdr), 1, buffer);
	if (target >= 0 || !header)
		return -EBADMSG;
	*fragment = 0;
	for (proto = *header;; proto = header[0], at += bytes) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING &&
		    proto != IPPROTO_FRAGMENT && proto != IPPROTO_AH && proto != IPPROTO_DSTOPTS)
			break;
		header = skb_header_pointer(skb, at, sizeof(buffer), buffer);
		if (!header)
			return -EBADMSG;
		bytes = proto == IPPROTO_AH ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
		if (proto != IPPROTO_FRAGMENT)
			continue;
		bytes = 8;
		*fragment = (header[2] << 8 | header[3]) & ~7;
		if (*fragment)
			return header[0];
	}
	*offset = at;
	return proto;
}

#endif /* _NET_IPV6_H */
