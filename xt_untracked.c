// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_untracked - match packets that carry conntrack's untracked mark
 *
 * Unlike "-m conntrack --ctstate UNTRACKED" it only looks: a rule with it
 * registers neither conntrack nor defragmentation in the namespace.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_untracked.h>
#include <net/netfilter/nf_conntrack.h>

MODULE_DESCRIPTION("Xtables: match packets exempt from connection tracking");
MODULE_LICENSE("GPL");
MODULE_ALIAS("ipt_untracked");
MODULE_ALIAS("ip6t_untracked");

/* Context: softirq, or process with bottom halves off. */
static bool
untracked_mt(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;
	enum ip_conntrack_info ctinfo;

	nf_ct_get(skb, &ctinfo);
	return (ctinfo == IP_CT_UNTRACKED) ^ info->invert;
}

/* Context: process. Distrusts every bit of the payload. */
static int untracked_mt_check(const struct xt_mtchk_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;

	if (info->question > XT_UNTRACKED_RELATED) {
		pr_info_ratelimited("%s table: unknown question %u\n",
				    par->table, info->question);
		return -EINVAL;
	}
	if (info->invert > 1) {
		pr_info_ratelimited("%s table: invert is %u, not 0 or 1\n",
				    par->table, info->invert);
		return -EINVAL;
	}
	if (info->question != XT_UNTRACKED_MARK) {
		pr_info_ratelimited("%s table: --%s is not supported by this version\n",
				    par->table,
				    info->question == XT_UNTRACKED_REPLY ?
				    "reply" : "related");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Never NFPROTO_UNSPEC: nft_compat would offer that to ARP and bridge too. */
static struct xt_match untracked_mt_reg[] __read_mostly = {
	{
		.name       = "untracked",
		.family     = NFPROTO_IPV4,
		.match      = untracked_mt,
		.checkentry = untracked_mt_check,
		.matchsize  = sizeof(struct xt_untracked_mtinfo),
		.me         = THIS_MODULE,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.name       = "untracked",
		.family     = NFPROTO_IPV6,
		.match      = untracked_mt,
		.checkentry = untracked_mt_check,
		.matchsize  = sizeof(struct xt_untracked_mtinfo),
		.me         = THIS_MODULE,
	},
#endif
};

static int __init untracked_mt_init(void)
{
	return xt_register_matches(untracked_mt_reg,
				   ARRAY_SIZE(untracked_mt_reg));
}

static void __exit untracked_mt_exit(void)
{
	xt_unregister_matches(untracked_mt_reg, ARRAY_SIZE(untracked_mt_reg));
}

module_init(untracked_mt_init);
module_exit(untracked_mt_exit);
