// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_FLOOR - a target and a match that do nothing: what x_tables itself takes
 */
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>

MODULE_DESCRIPTION("Xtables: nothing, for measuring");
MODULE_LICENSE("GPL");
MODULE_ALIAS("ipt_FLOOR");
MODULE_ALIAS("ip6t_FLOOR");
MODULE_ALIAS("ipt_floor");
MODULE_ALIAS("ip6t_floor");

static unsigned int floor_tg(struct sk_buff *skb, const struct xt_action_param *par)
{
	return XT_CONTINUE;
}

static bool floor_mt(const struct sk_buff *skb, struct xt_action_param *par)
{
	return true;
}

static struct xt_target floor_tg_reg __read_mostly = {
	.name   = "FLOOR",
	.family = NFPROTO_UNSPEC,
	.target = floor_tg,
	.me     = THIS_MODULE,
};

/* As much payload as xt_untracked's. */
static struct xt_match floor_mt_reg __read_mostly = {
	.name      = "floor",
	.family    = NFPROTO_UNSPEC,
	.match     = floor_mt,
	.matchsize = 2 * sizeof(u32),
	.me        = THIS_MODULE,
};

static int __init floor_init(void)
{
	int err = xt_register_target(&floor_tg_reg);

	if (err)
		return err;
	err = xt_register_match(&floor_mt_reg);
	if (err)
		xt_unregister_target(&floor_tg_reg);
	return err;
}

static void __exit floor_exit(void)
{
	xt_unregister_match(&floor_mt_reg);
	xt_unregister_target(&floor_tg_reg);
}

module_init(floor_init);
module_exit(floor_exit);
