/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * checksum - the Internet's (RFC 1071), over bytes in any order of a machine's
 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

static unsigned long sum(const unsigned char *bytes, size_t length)
{
	unsigned long total = 0;
	size_t i;

	for (i = 0; i < length; i++)
		total += i % 2 ? bytes[i] : bytes[i] << 8;
	return total;
}

/* 0xffff where the checksum in the bytes that were summed is right. */
static unsigned int fold(unsigned long total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

/* Of a packet that ends at @length: RFC 792; RFC 4443 has addresses, length and protocol in front. */
static unsigned int icmp_sum(const unsigned char *ip, size_t icmp, size_t length, bool v6)
{
	unsigned long total = sum(ip + icmp, length - icmp);

	if (v6)
		total += sum(ip + 8, 32) + (length - icmp) + IPPROTO_ICMPV6;
	return fold(total);
}
