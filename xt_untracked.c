// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_untracked - match packets in conntrack's UNTRACKED state, replies to them, and ICMP
 * errors about them
 *
 * "-m untracked" alone only tests the packet: unlike "-m conntrack --ctstate UNTRACKED" it
 * registers neither conntrack nor defragmentation in the namespace. From the first --reply or
 * --related of a namespace to the last one it remembers the flows of untracked packets there:
 * see include/flow_memory.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_untracked.h>
#include <linux/netfilter_ipv6.h>
#include "include/flow_memory.h"

MODULE_DESCRIPTION("Xtables: match packets exempt from connection tracking, replies and errors");
MODULE_LICENSE("GPL");
MODULE_VERSION(XT_NOTRACK_VERSION);
MODULE_ALIAS("ipt_untracked");
MODULE_ALIAS("ip6t_untracked");

static bool flow_lookup4(const struct sk_buff *skb, unsigned int hook, u32 mode,
			 const struct flow_secret *secret, u64 *hash)
{
	if (mode == XT_UNTRACKED_RELATED)
		return flow_hash_quoted4(skb, hook, secret, hash);
	return flow_hash4(skb, ip_hdr(skb), skb_network_offset(skb), FLOW_OTHER, secret, hash);
}

#if IS_ENABLED(CONFIG_IPV6)
static bool flow_lookup6(const struct sk_buff *skb, unsigned int hook, u32 mode,
			 const struct flow_secret *secret, u64 *hash)
{
	if (mode == XT_UNTRACKED_RELATED)
		return flow_hash_quoted6(skb, hook, secret, hash);
	return flow_hash6(skb, ipv6_hdr(skb), skb_network_offset(skb), FLOW_OTHER, secret, hash);
}
#endif

/* Not inlined into untracked_mt(), whose usual path is short. */
static noinline bool flow_lookup(const struct sk_buff *skb, const struct xt_action_param *par,
				 const struct xt_untracked_mtinfo *info)
{
	const struct flow_memory *memory = flow_memory_of_rule(xt_net(par));
	bool has_flow;
	u64 hash;

#if IS_ENABLED(CONFIG_IPV6)
	if (xt_family(par) == NFPROTO_IPV6)
		has_flow = flow_lookup6(skb, xt_hooknum(par), info->mode, &memory->secret,
					&hash);
	else
#endif
		has_flow = flow_lookup4(skb, xt_hooknum(par), info->mode, &memory->secret,
					&hash);
	return (has_flow && flow_memory_has(memory, hash)) ^ info->invert;
}

/* Context: softirq, or process with bottom halves off. */
static bool
untracked_mt(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;

	if (likely(info->mode == XT_UNTRACKED_STATE))
		return is_untracked(skb) ^ info->invert;
	return flow_lookup(skb, par, info);
}

/* Context: process. Checks every bit of the payload. */
static int untracked_mt_check(const struct xt_mtchk_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;

	if (info->mode > XT_UNTRACKED_RELATED) {
		pr_info_ratelimited("%s table: unknown mode %u\n",
				    par->table, info->mode);
		return -EINVAL;
	}
	if (info->invert > 1) {
		pr_info_ratelimited("%s table: invert is %u, not 0 or 1\n",
				    par->table, info->invert);
		return -EINVAL;
	}
	return info->mode == XT_UNTRACKED_STATE ? 0 : flow_memory_get(par->net);
}

/* Context: process. */
static void untracked_mt_destroy(const struct xt_mtdtor_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;

	if (info->mode != XT_UNTRACKED_STATE)
		flow_memory_put(par->net);
}

/*
 * Never NFPROTO_UNSPEC: nft_compat would offer that to ARP and bridge too. Revision 4 ranks above
 * conntrack's 3, which the plugin falls back on where this module is missing.
 */
#define UNTRACKED_MT(fam) {					\
	.name       = "untracked",				\
	.revision   = 4,					\
	.family     = (fam),					\
	.match      = untracked_mt,				\
	.checkentry = untracked_mt_check,			\
	.destroy    = untracked_mt_destroy,			\
	.matchsize  = sizeof(struct xt_untracked_mtinfo),	\
	.me         = THIS_MODULE,				\
}

static struct xt_match untracked_mt_reg[] __read_mostly = {
	UNTRACKED_MT(NFPROTO_IPV4),
#if IS_ENABLED(CONFIG_IPV6)
	UNTRACKED_MT(NFPROTO_IPV6),
#endif
};

static int __init untracked_mt_init(void)
{
	int err = flow_memory_init();

	if (err)
		return err;
	err = xt_register_matches(untracked_mt_reg, ARRAY_SIZE(untracked_mt_reg));
	if (err)
		flow_memory_exit();
	return err;
}

static void __exit untracked_mt_exit(void)
{
	xt_unregister_matches(untracked_mt_reg, ARRAY_SIZE(untracked_mt_reg));
	flow_memory_exit();
}

module_init(untracked_mt_init);
module_exit(untracked_mt_exit);
