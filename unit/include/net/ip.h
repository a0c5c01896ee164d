/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space: RFC 791 and RFC 792. */
#ifndef _NET_IP_H
#define _NET_IP_H

#include <linux/icmp.h>

#define IP_MF		0x2000
#define IP_OFFSET	0x1fff

static inline bool icmp_is_err(int type)
{
	switch (type) {
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return true;
	default:
		return false;
	}
}

#endif /* _NET_IP_H */
