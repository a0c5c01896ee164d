/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_memory - which untracked flows passed lately, in a network namespace
 *
 *	flow_memory_get		for a rule; the namespace's first one registers the hooks
 *	flow_memory_put		the last one unregisters them
 *	flow_memory_of_rule	the memory that a rule's packets are looked up in
 *	flow_memory_has		did a packet of this flow pass?
 *	flow_memory_init	parameters aside, all that loading the module wants
 *	flow_memory_exit	likewise
 *
 * Packets are remembered by hooks of its own; /proc/net/xt_untracked shows what it has. The
 * packet path allocates nothing and takes no lock; where more memory is due, it queues work.
 */
#ifndef _FLOW_MEMORY_H
#define _FLOW_MEMORY_H

#include <linux/memcontrol.h>
#include <linux/moduleparam.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/proc_fs.h>
#include <linux/random.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/netns/generic.h>
#include "compat.h"
#include "flow_generations.h"
#include "flow_key.h"

/* ---- parameters */

static int flow_set_in_range(const char *text, const struct kernel_param *kp,
			     unsigned int min, unsigned int max, const char *unit)
{
	int err = param_set_uint_minmax(text, kp, min, max);

	if (err)
		pr_err("%s takes %u to %u %s\n", kp->name, min, max, unit);
	return err;
}

static int flow_set_window(const char *text, const struct kernel_param *kp)
{
	return flow_set_in_range(text, kp, 1, 3600, "seconds");
}

static int flow_set_memory_kib(const char *text, const struct kernel_param *kp)
{
	return flow_set_in_range(text, kp, 128, 1024 * 1024, "KiB");
}

static const struct kernel_param_ops flow_window_ops = {
	.set = flow_set_window, .get = param_get_uint,
};

static const struct kernel_param_ops flow_memory_kib_ops = {
	.set = flow_set_memory_kib, .get = param_get_uint,
};

static unsigned int window __read_mostly = 30;
module_param_cb(window, &flow_window_ops, &window, 0644);
__MODULE_PARM_TYPE(window, "uint");
MODULE_PARM_DESC(window, "seconds that a flow is remembered for at least, and at most twice as long (1 to 3600, default 30; from the next generation on)");

static unsigned int memory_kib __read_mostly = 4096;
module_param_cb(memory_kib, &flow_memory_kib_ops, &memory_kib, 0644);
__MODULE_PARM_TYPE(memory_kib, "uint");
MODULE_PARM_DESC(memory_kib, "KiB that a network namespace may take for flows (128 to 1048576, default 4096; from the next generation on)");

static unsigned long flow_window_jiffies(void)
{
	return READ_ONCE(window) * HZ;
}

static u64 flow_limit(void)
{
	return READ_ONCE(memory_kib) * 1024ULL;
}

/* ---- memory */

#define FLOW_HOOKS (IS_ENABLED(CONFIG_IPV6) ? 4 : 2)

/**
 * struct flow_memory - of a namespace, from its first rule to its last
 * @generations: the flows
 * @secret:      for their hashes
 * @lock:        for changes of @generations
 * @rotation:    once a window
 * @growth:      where the newest filter is crowded
 * @owner:       the cgroup of whoever added the first rule; all filters are charged there
 * @rotations:   how many there were
 * @limit_reached: generations that wanted more than memory_kib
 * @failures:    generations that wanted more than there was
 * @users:       one for itself and one for each filter that is not freed yet
 * @free:        frees it once no packet can see it any more
 */
struct flow_memory {
	struct flow_generations generations;
	struct flow_secret secret;
	struct mutex lock; /* generations and counters, for whoever may sleep */
	struct delayed_work rotation;
	struct work_struct growth;
	struct mem_cgroup *owner;
	u64 rotations;
	u64 limit_reached;
	u64 failures;
	refcount_t users;
	struct rcu_work free;
};

/**
 * struct flow_net - what each namespace has
 * @lock:   for all but packets
 * @rules:  how many have --reply or --related
 * @memory: NULL where there is no such rule. Packets see it under RCU
 * @parked: what the last rule left, if the next one comes soon
 * @hooks:  where packets are remembered; registered with the first rule
 * @hooked: they are registered
 * @dying:  no rule will come any more
 * @idle:   cleans up a while after the last rule, see flow_idle()
 * @net:    the namespace
 */
struct flow_net {
	struct mutex lock; /* all but packets */
	unsigned int rules;
	struct flow_memory __rcu *memory;
	struct flow_memory *parked;
	struct nf_hook_ops hooks[FLOW_HOOKS];
	bool hooked;
	bool dying;
	struct delayed_work idle;
	struct net *net;
};

static unsigned int flow_net_id __read_mostly;
static struct workqueue_struct *flow_workqueue __read_mostly;

static struct flow_net *flow_net(const struct net *net)
{
	return net_generic(net, flow_net_id);
}

static struct flow_memory *flow_memory_of(struct flow_generations *generations)
{
	return container_of(generations, struct flow_memory, generations);
}

static void flow_memory_release(struct flow_memory *memory)
{
	if (!refcount_dec_and_test(&memory->users))
		return;
	mem_cgroup_put(memory->owner);
	kfree(memory);
}

static void flow_filter_free(struct flow_filter *filter)
{
	struct flow_memory *memory = flow_memory_of(filter->owner);

	atomic64_sub(filter->bytes, &memory->generations.bytes);
	free_percpu(filter->added);
	vfree(filter->bits.line);
	kfree(filter);
	flow_memory_release(memory);
}

static void flow_filter_free_work(struct work_struct *work)
{
	flow_filter_free(container_of(to_rcu_work(work), struct flow_filter, free));
}

static void flow_filter_retire(struct flow_filter *filter)
{
	INIT_RCU_WORK(&filter->free, flow_filter_free_work);
	queue_rcu_work(flow_workqueue, &filter->free);
}

/*
 * Pages of the smallest order: a filter is not worth compacting memory for. It is worth
 * neither a line in the log nor anybody's life.
 */
static struct flow_filter *flow_filter_alloc(struct flow_generations *owner, u32 bytes,
					     enum flow_effort effort)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_ZERO |
			  (effort == FLOW_LITTLE ? __GFP_NORETRY : __GFP_RETRY_MAYFAIL);
	struct flow_memory *memory = flow_memory_of(owner);
	struct mem_cgroup *usual = set_active_memcg(memory->owner);
	struct flow_filter *filter = kmalloc(sizeof(*filter), gfp);

	if (!filter)
		goto out;
	filter->bits.line = __vmalloc(bytes, gfp);
	if (!filter->bits.line)
		goto free_filter;
	filter->added = alloc_percpu_gfp(unsigned long, gfp);
	if (!filter->added)
		goto free_line;
	flow_filter_init(filter, owner, bytes);
	refcount_inc(&memory->users);
	goto out;

free_line:
	vfree(filter->bits.line);
free_filter:
	kfree(filter);
	filter = NULL;
out:
	set_active_memcg(usual);
	return filter;
}

/* ---- work */

static void flow_rotate(struct work_struct *work)
{
	struct flow_memory *memory = container_of(to_delayed_work(work),
						  struct flow_memory, rotation);

	mutex_lock(&memory->lock);
	flow_generations_rotate(&memory->generations, flow_limit());
	memory->rotations++;
	mutex_unlock(&memory->lock);
	queue_delayed_work(flow_workqueue, &memory->rotation, flow_window_jiffies());
}

static void flow_grow(struct work_struct *work)
{
	struct flow_memory *memory = container_of(work, struct flow_memory, growth);

	mutex_lock(&memory->lock);
	switch (flow_generations_grow(&memory->generations)) {
	case FLOW_AT_LIMIT:
		memory->limit_reached++;
		pr_warn_ratelimited("a network namespace has more untracked flows than memory_kib=%llu has room for: --reply and --related may return more false positives than one in a thousand. Raise /sys/module/xt_untracked/parameters/memory_kib\n",
				    memory->generations.limit >> 10);
		break;
	case FLOW_NO_MEMORY:
		memory->failures++;
		pr_warn_ratelimited("no memory for more untracked flows of a network namespace: --reply and --related may return more false positives than one in a thousand\n");
		break;
	default:
		break;
	}
	mutex_unlock(&memory->lock);
}

/* ---- what is remembered */

/* The state is this value where others have a conntrack; xt_conntrack says so, too. */
static bool is_untracked(const struct sk_buff *skb)
{
	return skb_get_nfct(skb) == IP_CT_UNTRACKED;
}

/* Each generation calls for the next filter a few times at the most. */
static noinline unsigned int flow_call_for_growth(struct flow_memory *memory)
{
	queue_work(flow_workqueue, &memory->growth);
	return NF_ACCEPT;
}

static __always_inline unsigned int flow_remember(struct flow_memory *memory, u64 hash)
{
	if (flow_generations_add(&memory->generations, hash))
		return flow_call_for_growth(memory);
	return NF_ACCEPT;
}

/*
 * Not every packet in the UNTRACKED state was sent on its way by somebody who gave up
 * tracking it.
 *
 * A copy made by TEE or nft's dup is marked untracked for its own sake (nf_dup_ipv4.c),
 * whatever the packet is that it was made of: its flow may be tracked, or be dropped a
 * moment later. And to what leaves by a VRF device the driver only lends the state for as
 * long as it is in there (drivers/net/vrf.c): it comes once more, by the real device.
 */
static bool flow_leaves(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return is_untracked(skb) && !nf_dup_in_progress() &&
	       !netif_is_l3_master(state->out);
}

/*
 * What the loopback device brings was remembered when it left; or it is a copy, for TEE's
 * gateway may be this host.
 */
static bool flow_arrives(const struct sk_buff *skb, const struct nf_hook_state *state)
{
	return is_untracked(skb) && !(state->in->flags & IFF_LOOPBACK);
}

/* NULL where the last rule has gone a moment ago. */
static __always_inline struct flow_memory *flow_memory_here(const struct flow_net *flows)
{
	return rcu_dereference(flows->memory);
}

/* Any packet. */
static noinline unsigned int flow_remember4(struct flow_memory *memory,
					    const struct sk_buff *skb)
{
	u64 hash;

	if (flow_hash4(skb, ip_hdr(skb), skb_network_offset(skb), FLOW_SENT,
		       &memory->secret, &hash))
		return flow_remember(memory, hash);
	return NF_ACCEPT;
}

static unsigned int flow_leaves4(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct flow_memory *memory;
	u64 hash;

	if (!flow_leaves(skb, state))
		return NF_ACCEPT;
	memory = flow_memory_here(priv);
	if (!memory)
		return NF_ACCEPT;
	if (flow_quick_hash4(skb, &memory->secret, &hash))
		return flow_remember(memory, hash);
	return flow_remember4(memory, skb);
}

static unsigned int flow_arrives4(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct flow_memory *memory;

	if (!flow_arrives(skb, state))
		return NF_ACCEPT;
	memory = flow_memory_here(priv);
	return memory ? flow_remember4(memory, skb) : NF_ACCEPT;
}

#if IS_ENABLED(CONFIG_IPV6)
static noinline unsigned int flow_remember6(struct flow_memory *memory,
					    const struct sk_buff *skb)
{
	u64 hash;

	if (flow_hash6(skb, ipv6_hdr(skb), skb_network_offset(skb), FLOW_SENT,
		       &memory->secret, &hash))
		return flow_remember(memory, hash);
	return NF_ACCEPT;
}

static unsigned int flow_leaves6(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	struct flow_memory *memory;
	u64 hash;

	if (!flow_leaves(skb, state))
		return NF_ACCEPT;
	memory = flow_memory_here(priv);
	if (!memory)
		return NF_ACCEPT;
	if (flow_quick_hash6(skb, &memory->secret, &hash))
		return flow_remember(memory, hash);
	return flow_remember6(memory, skb);
}

static unsigned int flow_arrives6(void *priv, struct sk_buff *skb,
				  const struct nf_hook_state *state)
{
	struct flow_memory *memory;

	if (!flow_arrives(skb, state))
		return NF_ACCEPT;
	memory = flow_memory_here(priv);
	return memory ? flow_remember6(memory, skb) : NF_ACCEPT;
}
#endif

/* After whatever may drop a packet: only what went its way has replies. */
#define FLOW_HOOK(family, function, where) {	\
	.hook     = (function),			\
	.pf       = (family),			\
	.hooknum  = (where),			\
	.priority = NF_IP_PRI_LAST, /* and IPv6's */ \
}

static const struct nf_hook_ops flow_hooks[FLOW_HOOKS] = {
	FLOW_HOOK(NFPROTO_IPV4, flow_arrives4, NF_INET_LOCAL_IN),
	FLOW_HOOK(NFPROTO_IPV4, flow_leaves4, NF_INET_POST_ROUTING),
#if IS_ENABLED(CONFIG_IPV6)
	FLOW_HOOK(NFPROTO_IPV6, flow_arrives6, NF_INET_LOCAL_IN),
	FLOW_HOOK(NFPROTO_IPV6, flow_leaves6, NF_INET_POST_ROUTING),
#endif
};

/* ---- on and off */

static void flow_memory_free(struct work_struct *work)
{
	struct flow_memory *memory = container_of(to_rcu_work(work), struct flow_memory, free);
	struct flow_filter *filter, *older;

	cancel_work_sync(&memory->growth); /* packets may have called for it until now */
	for (filter = flow_own(memory->generations.newest); filter; filter = older) {
		older = flow_own(filter->older);
		flow_filter_free(filter);
	}
	flow_memory_release(memory);
}

/* Nobody waits for packets that are in the hooks still: a namespace dies fast. */
static void flow_memory_retire(struct flow_memory *memory)
{
	INIT_RCU_WORK(&memory->free, flow_memory_free);
	queue_rcu_work(flow_workqueue, &memory->free);
}

static struct flow_memory *flow_memory_alloc(void)
{
	struct flow_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT);

	if (!memory)
		return NULL;
	refcount_set(&memory->users, 1);
	memory->owner = get_mem_cgroup_from_mm(current->mm);
	mutex_init(&memory->lock);
	INIT_DELAYED_WORK(&memory->rotation, flow_rotate);
	INIT_WORK(&memory->growth, flow_grow);
	get_random_bytes(&memory->secret, sizeof(memory->secret));
	if (flow_generations_init(&memory->generations, flow_limit()))
		return memory;
	flow_memory_release(memory);
	return NULL;
}

/*
 * To register a hook that no other one of the machine is like, and to unregister it, the kernel
 * patches its code; and memory takes its time, too. That is too much for each table of a file
 * that is loaded table by table, or for a rule that is replaced. So for a moment after the last
 * rule the hooks stay, which remember nothing then, and so does memory that nothing was
 * remembered in.
 */
#define FLOW_IDLE (HZ / 2)

static void flow_unpark(struct flow_net *flows)
{
	if (flows->parked)
		flow_memory_retire(flows->parked);
	flows->parked = NULL;
}

static void flow_unhook(struct flow_net *flows)
{
	if (flows->hooked)
		nf_unregister_net_hooks(flows->net, flows->hooks, FLOW_HOOKS);
	flows->hooked = false;
}

static void flow_idle(struct work_struct *work)
{
	struct flow_net *flows = container_of(to_delayed_work(work), struct flow_net, idle);

	mutex_lock(&flows->lock);
	flow_unpark(flows);
	if (!flows->rules)
		flow_unhook(flows);
	mutex_unlock(&flows->lock);
}

/* Was nothing ever remembered in it, as far as a look-up could tell? */
static bool flow_memory_is_empty(const struct flow_memory *memory)
{
	const struct flow_filter *filter = flow_own(memory->generations.newest);

	for (; filter; filter = flow_own(filter->older))
		if (flow_filter_flows(filter))
			return false;
	return true;
}

/* Is it what a rule that is added now would get? */
static bool flow_memory_fits(const struct flow_memory *memory)
{
	struct mem_cgroup *owner = get_mem_cgroup_from_mm(current->mm);

	mem_cgroup_put(owner); /* its address is enough */
	return owner == memory->owner && memory->generations.limit == flow_limit() &&
	       flow_memory_is_empty(memory);
}

/* What is parked, or another one. */
static struct flow_memory *flow_memory_take(struct flow_net *flows)
{
	struct flow_memory *memory = flows->parked;

	if (!memory || !flow_memory_fits(memory)) {
		flow_unpark(flows);
		return flow_memory_alloc();
	}
	flows->parked = NULL;
	memory->rotations = 0;
	memory->limit_reached = 0;
	memory->failures = 0;
	return memory;
}

static int flow_memory_on(struct flow_net *flows)
{
	struct flow_memory *memory = flow_memory_take(flows);
	int err = 0;

	if (!memory)
		return -ENOMEM;
	if (!flows->hooked)
		err = nf_register_net_hooks(flows->net, flows->hooks, FLOW_HOOKS);
	if (err) {
		flow_memory_retire(memory);
		return err;
	}
	flows->hooked = true;
	queue_delayed_work(flow_workqueue, &memory->rotation, flow_window_jiffies());
	rcu_assign_pointer(flows->memory, memory);
	return 0;
}

static void flow_memory_off(struct flow_net *flows)
{
	struct flow_memory *memory;

	memory = rcu_replace_pointer(flows->memory, NULL, lockdep_is_held(&flows->lock));
	cancel_delayed_work_sync(&memory->rotation);
	if (flow_memory_is_empty(memory) && !flows->dying)
		flows->parked = memory;
	else
		flow_memory_retire(memory);
	if (!flows->dying)
		mod_delayed_work(flow_workqueue, &flows->idle, FLOW_IDLE);
}

/**
 * flow_memory_get - a rule is added
 * @net: its namespace
 *
 * Context: process; may sleep.
 * Return: 0, or -ENOMEM and nothing has changed.
 */
static int flow_memory_get(struct net *net)
{
	struct flow_net *flows = flow_net(net);
	int err = 0;

	mutex_lock(&flows->lock);
	if (!flows->rules)
		err = flow_memory_on(flows);
	if (!err)
		flows->rules++;
	mutex_unlock(&flows->lock);
	return err;
}

/**
 * flow_memory_put - a rule is gone
 * @net: its namespace, which may be dying
 *
 * Context: process; may sleep.
 */
static void flow_memory_put(struct net *net)
{
	struct flow_net *flows = flow_net(net);

	mutex_lock(&flows->lock);
	if (!--flows->rules)
		flow_memory_off(flows);
	mutex_unlock(&flows->lock);
}

/**
 * flow_memory_of_rule - what a rule looks up in
 * @net: its namespace
 *
 * Context: RCU.
 * Return: the memory; a rule that flow_memory_get() was called for has one.
 */
static const struct flow_memory *flow_memory_of_rule(const struct net *net)
{
	return rcu_dereference(flow_net(net)->memory);
}

/**
 * flow_memory_has - did a packet of this flow pass in the last one or two windows?
 * @memory: of the rule's namespace
 * @hash:   flow_hash() of the flow's key with the memory's secret
 *
 * Context: RCU.
 * Return: see flow_generations_have().
 */
static bool flow_memory_has(const struct flow_memory *memory, u64 hash)
{
	return flow_generations_have(&memory->generations, hash);
}

/* ---- /proc/net/xt_untracked */

/* What it shows; zero where no rule has --reply or --related. */
struct flow_state {
	u64 limit;
	u64 bytes;
	u64 chance; /* of a false positive, in parts per billion */
	u64 rotations;
	u64 limit_reached;
	u64 failures;
	struct flow_use now;
	struct flow_use before;
};

static void flow_memory_tell(struct flow_memory *memory, struct flow_state *state)
{
	const struct flow_generations *generations = &memory->generations;

	mutex_lock(&memory->lock);
	state->limit = generations->limit;
	state->bytes = flow_sum_read(&generations->bytes);
	state->chance = flow_generations_false_positives(generations);
	state->rotations = memory->rotations;
	state->limit_reached = memory->limit_reached;
	state->failures = memory->failures;
	state->now = flow_use_of(generations, generations->generation);
	state->before = flow_use_of(generations, generations->generation - 1);
	mutex_unlock(&memory->lock);
}

static int flow_proc_show(struct seq_file *seq, void *unused)
{
	struct flow_net *flows = flow_net(seq_file_single_net(seq));
	struct flow_state state = { .limit = flow_limit() };
	struct flow_memory *memory;

	mutex_lock(&flows->lock);
	memory = rcu_dereference_protected(flows->memory, lockdep_is_held(&flows->lock));
	if (memory)
		flow_memory_tell(memory, &state);
	mutex_unlock(&flows->lock);
	seq_printf(seq, "window: %u\n", READ_ONCE(window));
	seq_printf(seq, "limit: %llu\n", state.limit);
	seq_printf(seq, "bytes: %llu\n", state.bytes);
	seq_printf(seq, "filters: %u\n", state.now.filters + state.before.filters);
	seq_printf(seq, "flows: %llu\n", state.now.flows);
	seq_printf(seq, "previous flows: %llu\n", state.before.flows);
	seq_printf(seq, "false positive rate: 0.%09llu\n", min(state.chance, 999999999ULL));
	seq_printf(seq, "rotations: %llu\n", state.rotations);
	seq_printf(seq, "limit reached: %llu\n", state.limit_reached);
	seq_printf(seq, "allocation failures: %llu\n", state.failures);
	return 0;
}

/* ---- namespaces, and the module */

static int __net_init flow_net_init(struct net *net)
{
	struct flow_net *flows = flow_net(net);
	int i;

	mutex_init(&flows->lock);
	INIT_DELAYED_WORK(&flows->idle, flow_idle);
	flows->net = net;
	memcpy(flows->hooks, flow_hooks, sizeof(flow_hooks));
	for (i = 0; i < FLOW_HOOKS; i++)
		flows->hooks[i].priv = flows;
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net_single(KBUILD_MODNAME, 0444, net->proc_net, flow_proc_show, NULL))
		return -ENOMEM;
	return 0;
}

/*
 * Before a grace period, after which packets see neither hooks nor @flows any more. Rules may
 * go later, in a namespace that dies; no more packets come there.
 */
static void __net_exit flow_net_pre_exit(struct net *net)
{
	struct flow_net *flows = flow_net(net);

	mutex_lock(&flows->lock);
	flows->dying = true;
	flow_unpark(flows);
	flow_unhook(flows);
	mutex_unlock(&flows->lock);
	cancel_delayed_work_sync(&flows->idle);
}

static void __net_exit flow_net_exit(struct net *net)
{
	remove_proc_entry(KBUILD_MODNAME, net->proc_net);
}

static struct pernet_operations flow_net_ops = {
	.init     = flow_net_init,
	.pre_exit = flow_net_pre_exit,
	.exit     = flow_net_exit,
	.id       = &flow_net_id,
	.size     = sizeof(struct flow_net),
};

/**
 * flow_memory_init - before the first rule
 *
 * Context: process; may sleep.
 * Return: 0, or -ENOMEM and nothing is left behind.
 */
static int __init flow_memory_init(void)
{
	int err;

	flow_workqueue = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	if (!flow_workqueue)
		return -ENOMEM;
	err = register_pernet_subsys(&flow_net_ops);
	if (err)
		destroy_workqueue(flow_workqueue);
	return err;
}

/* No rule is left; what they had is freed when this returns. */
static void flow_memory_exit(void)
{
	unregister_pernet_subsys(&flow_net_ops);
	rcu_barrier(); /* after it, all that waits for packets is queued */
	destroy_workqueue(flow_workqueue); /* and runs */
}

#endif /* _FLOW_MEMORY_H */
