// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_untracked - match packets that carry conntrack's untracked mark, answers to
 * them, and ICMP errors about them
 *
 * "-m untracked" alone only looks: unlike "-m conntrack --ctstate UNTRACKED" it
 * registers neither conntrack nor defragmentation in the namespace. With the first
 * --reply or --related a namespace begins to remember the flows of marked packets, in
 * two filters of fixed size that take turns, and with the last one it stops.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_untracked.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/proc_fs.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netns/generic.h>
#include "include/compat.h"
#include "include/flow_filter.h"
#include "include/flow_key.h"

MODULE_DESCRIPTION("Xtables: match packets exempt from connection tracking, answers and errors");
MODULE_LICENSE("GPL");
MODULE_VERSION(XT_NOTRACK_VERSION);
MODULE_ALIAS("ipt_untracked");
MODULE_ALIAS("ip6t_untracked");

/* ---- parameters */

static int set_in_range(const char *text, const struct kernel_param *kp,
			unsigned int min, unsigned int max, const char *unit)
{
	int err = param_set_uint_minmax(text, kp, min, max);

	if (err)
		pr_err("%s takes %u to %u %s\n", kp->name, min, max, unit);
	return err;
}

static int set_window(const char *text, const struct kernel_param *kp)
{
	return set_in_range(text, kp, 1, 3600, "seconds");
}

static int set_memory_kib(const char *text, const struct kernel_param *kp)
{
	return set_in_range(text, kp, 128, 1024 * 1024, "KiB");
}

static const struct kernel_param_ops window_ops = {
	.set = set_window, .get = param_get_uint,
};

static const struct kernel_param_ops memory_kib_ops = {
	.set = set_memory_kib, .get = param_get_uint,
};

static unsigned int window __read_mostly = 30;
module_param_cb(window, &window_ops, &window, 0644);
__MODULE_PARM_TYPE(window, "uint");
MODULE_PARM_DESC(window, "seconds that a flow is remembered for at least, and at most twice as long (1 to 3600, default 30; from the next turn on)");

static unsigned int memory_kib __read_mostly = 4096;
module_param_cb(memory_kib, &memory_kib_ops, &memory_kib, 0644);
__MODULE_PARM_TYPE(memory_kib, "uint");
MODULE_PARM_DESC(memory_kib, "KiB that a network namespace may take for flows (128 to 1048576, default 4096; from the next turn on)");

/* ---- memory of flows */

/**
 * struct flow_turn - one of the two filters, and when it was new
 * @filter: the flows
 * @keys:   how many it took, each CPU's own count
 */
struct flow_turn {
	struct flow_filter filter;
	unsigned long __percpu *keys;
};

#define FLOW_HOOKS (IS_ENABLED(CONFIG_IPV6) ? 4 : 2)

/**
 * struct flow_memory - of a namespace
 * @lock:   for @rules; held for as long as switching on or off takes
 * @turns:  for @now, @before and @rotations in process context
 * @rules:  how many ask --reply or --related
 * @secret: new each time that it is switched on
 * @owner:  the cgroup of who switched it on; all of it is charged there
 * @now:    takes flows and is asked. Packets see it under RCU
 * @before: is asked; NULL while there is no memory for two
 * @rotation: makes @now @before, after each window
 * @rotations: since it was switched on
 * @hooks:  where packets are remembered
 */
struct flow_memory {
	struct mutex lock; /* rules, switching on and off */
	struct mutex turns; /* now, before, rotations */
	unsigned int rules;
	struct flow_secret secret;
	struct mem_cgroup *owner;
	struct flow_turn __rcu *now;
	struct flow_turn __rcu *before;
	struct delayed_work rotation;
	u64 rotations;
	struct nf_hook_ops hooks[FLOW_HOOKS];
};

static unsigned int flow_net_id __read_mostly;

static struct flow_memory *flow_memory_of(const struct net *net)
{
	return net_generic(net, flow_net_id);
}

/* A filter may be refused; it is worth neither a line in the log nor anybody's life. */
#define GFP_FLOW (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static struct flow_turn *turn_alloc(unsigned int order)
{
	struct flow_turn *turn = kzalloc(sizeof(*turn), GFP_FLOW);

	if (!turn)
		return NULL;
	turn->filter.order = order;
	turn->filter.line = kvzalloc(flow_filter_bytes(order), GFP_FLOW);
	if (!turn->filter.line)
		goto free_turn;
	turn->keys = alloc_percpu_gfp(unsigned long, GFP_FLOW);
	if (!turn->keys)
		goto free_line;
	return turn;

free_line:
	kvfree(turn->filter.line);
free_turn:
	kfree(turn);
	return NULL;
}

/* Nobody may see it any more. */
static void turn_free(struct flow_turn *turn)
{
	if (!turn)
		return;
	free_percpu(turn->keys);
	kvfree(turn->filter.line);
	kfree(turn);
}

static u64 turn_keys(const struct flow_turn *turn)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(turn->keys, cpu));
	return sum;
}

/* Context: softirq, or process with bottom halves off; RCU. */
static bool flow_remembered(struct flow_memory *memory, u64 hash)
{
	const struct flow_turn *now = rcu_dereference(memory->now);
	const struct flow_turn *before = rcu_dereference(memory->before);

	return (now && flow_filter_has(&now->filter, hash)) ||
	       (before && flow_filter_has(&before->filter, hash));
}

static __always_inline void flow_remember(struct flow_memory *memory, u64 hash)
{
	struct flow_turn *now = rcu_dereference(memory->now);

	if (now && flow_filter_add(&now->filter, hash))
		this_cpu_inc(*now->keys);
}

/* The mark is this value where others have a conntrack; xt_conntrack says so, too. */
static bool is_untracked(const struct sk_buff *skb)
{
	return skb_get_nfct(skb) == IP_CT_UNTRACKED;
}

static unsigned int flow_remember4(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	struct flow_memory *memory = priv;
	u64 hash;

	if (is_untracked(skb) && flow_hash4(skb, ip_hdr(skb), skb_network_offset(skb),
					    FLOW_OWN, &memory->secret, &hash))
		flow_remember(memory, hash);
	return NF_ACCEPT;
}

#if IS_ENABLED(CONFIG_IPV6)
static unsigned int flow_remember6(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	struct flow_memory *memory = priv;
	u64 hash;

	if (is_untracked(skb) && flow_hash6(skb, ipv6_hdr(skb), skb_network_offset(skb),
					    FLOW_OWN, &memory->secret, &hash))
		flow_remember(memory, hash);
	return NF_ACCEPT;
}
#endif

static void turn_clear(struct flow_turn *turn)
{
	int cpu;

	memset(turn->filter.line, 0, flow_filter_bytes(turn->filter.order));
	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(turn->keys, cpu), 0);
}

/*
 * An empty filter of @order, out of @last, which nobody sees any more, or in place of
 * it; smaller where memory is short, NULL where there is none.
 */
static struct flow_turn *turn_renew(struct flow_turn *last, unsigned int order)
{
	struct flow_turn *turn = NULL;

	if (last && last->filter.order == order) {
		turn_clear(last);
		return last;
	}
	turn_free(last);
	for (; !turn && order >= FLOW_MIN_ORDER; order--)
		turn = turn_alloc(order);
	return turn;
}

/*
 * The next filter is the smallest that the last one's keys fit in. The oldest goes
 * before it comes: there are never more than two, and each flow of the last window is in
 * one that stays for another. Without memory for two the newest serves on alone.
 */
static void flow_rotate(struct work_struct *work)
{
	struct flow_memory *memory = container_of(to_delayed_work(work),
						  struct flow_memory, rotation);
	struct flow_turn *next, *now, *last;
	struct mem_cgroup *usual;

	mutex_lock(&memory->turns);
	now = rcu_dereference_protected(memory->now, lockdep_is_held(&memory->turns));
	last = rcu_replace_pointer(memory->before, now, lockdep_is_held(&memory->turns));
	synchronize_rcu();
	usual = set_active_memcg(memory->owner);
	next = turn_renew(last, flow_filter_order(turn_keys(now),
						  READ_ONCE(memory_kib) * 512ULL));
	set_active_memcg(usual);
	if (next)
		rcu_assign_pointer(memory->now, next);
	else
		RCU_INIT_POINTER(memory->before, NULL);
	memory->rotations++;
	mutex_unlock(&memory->turns);
	queue_delayed_work(system_power_efficient_wq, &memory->rotation,
			   READ_ONCE(window) * HZ);
}

/* After whatever may drop a packet: only what went its way can be answered. */
#define FLOW_HOOK(family, function, where) {	\
	.hook     = (function),			\
	.pf       = (family),			\
	.hooknum  = (where),			\
	.priority = INT_MAX,			\
}

static const struct nf_hook_ops flow_hooks[FLOW_HOOKS] = {
	FLOW_HOOK(NFPROTO_IPV4, flow_remember4, NF_INET_LOCAL_IN),
	FLOW_HOOK(NFPROTO_IPV4, flow_remember4, NF_INET_POST_ROUTING),
#if IS_ENABLED(CONFIG_IPV6)
	FLOW_HOOK(NFPROTO_IPV6, flow_remember6, NF_INET_LOCAL_IN),
	FLOW_HOOK(NFPROTO_IPV6, flow_remember6, NF_INET_POST_ROUTING),
#endif
};

/* Context: process, under @memory->lock; no hook and no rule asks any more. */
static void flow_forget(struct flow_memory *memory)
{
	struct flow_turn *now, *before;

	mutex_lock(&memory->turns);
	now = rcu_replace_pointer(memory->now, NULL, lockdep_is_held(&memory->turns));
	before = rcu_replace_pointer(memory->before, NULL, lockdep_is_held(&memory->turns));
	memory->rotations = 0;
	mutex_unlock(&memory->turns);
	synchronize_rcu(); /* packets that are in the hooks still */
	turn_free(now);
	turn_free(before);
	mem_cgroup_put(memory->owner);
}

static int flow_switch_on(struct net *net, struct flow_memory *memory)
{
	struct flow_turn *now = turn_alloc(FLOW_MIN_ORDER);
	struct flow_turn *before = turn_alloc(FLOW_MIN_ORDER);
	int err, i;

	if (!now || !before) {
		turn_free(now);
		turn_free(before);
		return -ENOMEM;
	}
	get_random_bytes(&memory->secret, sizeof(memory->secret));
	memory->owner = get_mem_cgroup_from_mm(current->mm);
	mutex_lock(&memory->turns);
	rcu_assign_pointer(memory->before, before);
	rcu_assign_pointer(memory->now, now);
	mutex_unlock(&memory->turns);

	memcpy(memory->hooks, flow_hooks, sizeof(flow_hooks));
	for (i = 0; i < FLOW_HOOKS; i++)
		memory->hooks[i].priv = memory;
	err = nf_register_net_hooks(net, memory->hooks, FLOW_HOOKS);
	if (err) {
		flow_forget(memory);
		return err;
	}
	queue_delayed_work(system_power_efficient_wq, &memory->rotation,
			   READ_ONCE(window) * HZ);
	return 0;
}

/* The namespace's first rule switches it on. Context: process. */
static int flow_memory_get(struct net *net)
{
	struct flow_memory *memory = flow_memory_of(net);
	int err = 0;

	mutex_lock(&memory->lock);
	if (!memory->rules)
		err = flow_switch_on(net, memory);
	if (!err)
		memory->rules++;
	mutex_unlock(&memory->lock);
	return err;
}

/* The last one switches it off; it may come when the namespace is dying. */
static void flow_memory_put(struct net *net)
{
	struct flow_memory *memory = flow_memory_of(net);

	mutex_lock(&memory->lock);
	if (!--memory->rules) {
		nf_unregister_net_hooks(net, memory->hooks, FLOW_HOOKS);
		cancel_delayed_work_sync(&memory->rotation);
		flow_forget(memory);
	}
	mutex_unlock(&memory->lock);
}

/* ---- /proc/net/xt_untracked */

static int flow_proc_show(struct seq_file *seq, void *unused)
{
	struct flow_memory *memory = flow_memory_of(seq_file_single_net(seq));
	u64 bytes = 0, keys[2] = { 0, 0 }, mistakes = 0;
	struct flow_turn *turn[2];
	int i;

	mutex_lock(&memory->turns);
	turn[0] = rcu_dereference_protected(memory->now, lockdep_is_held(&memory->turns));
	turn[1] = rcu_dereference_protected(memory->before, lockdep_is_held(&memory->turns));
	for (i = 0; i < 2 && turn[i]; i++) {
		bytes += flow_filter_bytes(turn[i]->filter.order);
		keys[i] = turn_keys(turn[i]);
		mistakes += flow_filter_mistakes(&turn[i]->filter);
	}
	seq_printf(seq, "window: %u s\n", READ_ONCE(window));
	seq_printf(seq, "bytes: %llu\n", bytes);
	seq_printf(seq, "keys: %llu\n", keys[0]);
	seq_printf(seq, "keys last turn: %llu\n", keys[1]);
	seq_printf(seq, "false positives: %llu ppm\n", mistakes);
	seq_printf(seq, "rotations: %llu\n", memory->rotations);
	mutex_unlock(&memory->turns);
	return 0;
}

/* ---- namespaces */

static int __net_init flow_net_init(struct net *net)
{
	struct flow_memory *memory = flow_memory_of(net);

	mutex_init(&memory->lock);
	mutex_init(&memory->turns);
	INIT_DELAYED_WORK(&memory->rotation, flow_rotate);
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net_single(KBUILD_MODNAME, 0444, net->proc_net, flow_proc_show, NULL))
		return -ENOMEM;
	return 0;
}

/* Rules may go after this; the last one to go switches the memory off. */
static void __net_exit flow_net_exit(struct net *net)
{
	remove_proc_entry(KBUILD_MODNAME, net->proc_net);
}

static struct pernet_operations flow_net_ops = {
	.init = flow_net_init,
	.exit = flow_net_exit,
	.id   = &flow_net_id,
	.size = sizeof(struct flow_memory),
};

/* ---- the match */

static bool flow_asked4(const struct sk_buff *skb, unsigned int hook, u32 question,
			const struct flow_secret *secret, u64 *hash)
{
	if (question == XT_UNTRACKED_RELATED)
		return flow_hash_quoted4(skb, hook, secret, hash);
	return flow_hash4(skb, ip_hdr(skb), skb_network_offset(skb), FLOW_OTHER, secret, hash);
}

#if IS_ENABLED(CONFIG_IPV6)
static bool flow_asked6(const struct sk_buff *skb, unsigned int hook, u32 question,
			const struct flow_secret *secret, u64 *hash)
{
	if (question == XT_UNTRACKED_RELATED)
		return flow_hash_quoted6(skb, hook, secret, hash);
	return flow_hash6(skb, ipv6_hdr(skb), skb_network_offset(skb), FLOW_OTHER, secret, hash);
}
#endif

/* Not for the compiler to spread out in untracked_mt(), whose usual way is short. */
static noinline bool flow_asked(const struct sk_buff *skb, const struct xt_action_param *par,
				const struct xt_untracked_mtinfo *info)
{
	struct flow_memory *memory = flow_memory_of(xt_net(par));
	bool has_flow;
	u64 hash;

#if IS_ENABLED(CONFIG_IPV6)
	if (xt_family(par) == NFPROTO_IPV6)
		has_flow = flow_asked6(skb, xt_hooknum(par), info->question, &memory->secret,
				       &hash);
	else
#endif
		has_flow = flow_asked4(skb, xt_hooknum(par), info->question, &memory->secret,
				       &hash);
	return (has_flow && flow_remembered(memory, hash)) ^ info->invert;
}

/* Context: softirq, or process with bottom halves off. */
static bool
untracked_mt(const struct sk_buff *skb, struct xt_action_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;

	if (likely(info->question == XT_UNTRACKED_MARK))
		return is_untracked(skb) ^ info->invert;
	return flow_asked(skb, par, info);
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
	return info->question == XT_UNTRACKED_MARK ? 0 : flow_memory_get(par->net);
}

/* Context: process. */
static void untracked_mt_destroy(const struct xt_mtdtor_param *par)
{
	const struct xt_untracked_mtinfo *info = par->matchinfo;

	if (info->question != XT_UNTRACKED_MARK)
		flow_memory_put(par->net);
}

/*
 * Never NFPROTO_UNSPEC: nft_compat would offer that to ARP and bridge too. Revision 4 ranks above
 * conntrack's 3, which the plugin takes where there is no such module.
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
	int err = register_pernet_subsys(&flow_net_ops);

	if (err)
		return err;
	err = xt_register_matches(untracked_mt_reg, ARRAY_SIZE(untracked_mt_reg));
	if (err)
		unregister_pernet_subsys(&flow_net_ops);
	return err;
}

static void __exit untracked_mt_exit(void)
{
	xt_unregister_matches(untracked_mt_reg, ARRAY_SIZE(untracked_mt_reg));
	unregister_pernet_subsys(&flow_net_ops);
}

module_init(untracked_mt_init);
module_exit(untracked_mt_exit);
