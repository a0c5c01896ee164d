// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_NOTRACK - raw table target that exempts packets from connection tracking
 *
 * Needs no symbol of nf_conntrack: the UNTRACKED state is a value in the skb,
 * at no cost for a kernel that never loads conntrack.
 */
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <net/netfilter/nf_conntrack.h>

MODULE_DESCRIPTION("Xtables: exempt packets from connection tracking");
MODULE_LICENSE("GPL");
MODULE_VERSION(XT_NOTRACK_VERSION);
MODULE_ALIAS("ipt_NOTRACK");
MODULE_ALIAS("ip6t_NOTRACK");

/* Context: softirq, or process with bottom halves off. */
static unsigned int
notrack_tg(struct sk_buff *skb, const struct xt_action_param *par)
{
	/*
	 * Seen before (loopback), or given a template: not ours to take away.
	 *
	 * The test is for a conntrack and not, as in xt_CT, for all of skb->_nfct: an ICMP error
	 * or REJECT's RST about an untracked packet inherits, where nf_conntrack is loaded,
	 * RELATED without a conntrack (nf_ct_attach). That is no state, but enough for xt_CT to
	 * skip it, and then conntrack finds it INVALID: path MTU errors of an untracked router
	 * would be dropped. So it is marked untracked like every other packet of the rule.
	 * This opens nothing: --reply and --related never remember what refuses.
	 */
	if (!skb_nfct(skb))
		nf_ct_set(skb, NULL, IP_CT_UNTRACKED);
	return XT_CONTINUE;
}

/* Never NFPROTO_UNSPEC: nft_compat would offer that to ARP and bridge too. */
#define NOTRACK_TG(fam, rev) {						\
	.name     = "NOTRACK",						\
	.family   = (fam),						\
	.revision = (rev),						\
	.table    = "raw",						\
	/* nft_compat looks at the table's name alone, so the hooks too. */ \
	.hooks    = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT,	\
	.target   = notrack_tg,						\
	.me       = THIS_MODULE,					\
}

/*
 * Revision 0 is the interface that NOTRACK always had; where xt_CT serves it too,
 * and both are loaded, it is the one that came last. Our plugin uses 3, which
 * ranks above xt_CT's aliases (revisions 0 to 2): "-j NOTRACK" means this
 * module whatever was loaded first.
 */
static struct xt_target notrack_tg_reg[] __read_mostly = {
	NOTRACK_TG(NFPROTO_IPV4, 0),
	NOTRACK_TG(NFPROTO_IPV4, 3),
#if IS_ENABLED(CONFIG_IPV6)
	NOTRACK_TG(NFPROTO_IPV6, 0),
	NOTRACK_TG(NFPROTO_IPV6, 3),
#endif
};

static int __init notrack_tg_init(void)
{
	return xt_register_targets(notrack_tg_reg, ARRAY_SIZE(notrack_tg_reg));
}

static void __exit notrack_tg_exit(void)
{
	xt_unregister_targets(notrack_tg_reg, ARRAY_SIZE(notrack_tg_reg));
}

module_init(notrack_tg_init);
module_exit(notrack_tg_exit);
