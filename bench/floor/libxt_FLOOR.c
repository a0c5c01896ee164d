// SPDX-License-Identifier: GPL-2.0-only
/*
 * libxt_FLOOR - iptables' side of target FLOOR and match floor, which take no options
 */
#include <stdint.h>
#include <xtables.h>

static struct xtables_target floor_tg = {
	.version = XTABLES_VERSION,
	.name    = "FLOOR",
	.family  = NFPROTO_UNSPEC,
	.size    = XT_ALIGN(0),
};

static struct xtables_match floor_mt = {
	.version = XTABLES_VERSION,
	.name    = "floor",
	.family  = NFPROTO_UNSPEC,
	.size    = XT_ALIGN(2 * sizeof(uint32_t)),
	.userspacesize = XT_ALIGN(2 * sizeof(uint32_t)),
};

static void __attribute__((constructor)) libxt_FLOOR_init(void)
{
	xtables_register_target(&floor_tg);
	xtables_register_match(&floor_mt);
}
