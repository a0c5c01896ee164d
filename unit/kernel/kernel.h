/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel - as much of a kernel as flow_memory.h asks for, in user space
 *
 * Time passes when a test says so, and an allocation fails where one says so. What a kernel would
 * do harm by, or keep for ever, ends the test here: a lock that is not free or not held, work
 * that was never set up, memory that is freed with work in it, or by another's function.
 * The headers of this folder are all this one.
 */
#ifndef _KERNEL_H
#define _KERNEL_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if.h>
#include <linux/ip.h>
#include_next <linux/netfilter.h>

typedef unsigned int u32;
typedef unsigned long long u64;

#define __force
#define __init
#define __net_init
#define __net_exit
#define __percpu
#define __rcu
#define __read_mostly

#define IS_ENABLED(option)	1
#define READ_ONCE(word)			__atomic_load_n(&(word), __ATOMIC_RELAXED)
#define WRITE_ONCE(word, value)		__atomic_store_n(&(word), value, __ATOMIC_RELAXED)
#define OPTIMIZER_HIDE_VAR(word)	({ __asm__ ("" : "+r" (word)); })
#define container_of(pointer, type, member)	\
	((type *)((char *)(pointer) - offsetof(type, member)))
#define min(one, other)			((one) < (other) ? (one) : (other))
#define hweight64(word)			__builtin_popcountll(word)
#define le64_to_cpu(word)		__le64_to_cpu(word)
#define div_u64(sum, by)		((sum) / (by))

/* Ends a test that cannot go on. */
#define must(condition) do {							\
	if (condition)								\
		break;								\
	printf("not ok - %s: %s\n", __func__, #condition);			\
	exit(1);								\
} while (0)

/* ---- what it says */

#define KBUILD_MODNAME	"xt_untracked"

static char said[256]; /* last */
static unsigned int lines_said;

#define say(format, ...) do {							\
	lines_said++;								\
	snprintf(said, sizeof(said), format, ##__VA_ARGS__);			\
} while (0)

#define pr_err			say
#define pr_warn_ratelimited	say

/* ---- numbers */

typedef struct { long long n; } atomic64_t;

#define atomic64_read(sum)		((sum)->n)
#define atomic64_set(sum, value)	((sum)->n = (value))
#define atomic64_sub(value, sum)	((sum)->n -= (value))
#define atomic64_add_return(value, sum)	((sum)->n += (value))
#define atomic64_or(bits, sum)		((sum)->n |= (bits))

typedef struct { int n; } refcount_t;

static inline void refcount_set(refcount_t *count, int n)
{
	count->n = n;
}

static inline void refcount_inc(refcount_t *count)
{
	must(count->n > 0);
	count->n++;
}

static inline bool refcount_dec_and_test(refcount_t *count)
{
	must(count->n > 0);
	return !--count->n;
}

static inline void get_random_bytes(void *bytes, size_t length)
{
	unsigned char *at = bytes;

	while (length--)
		*at++ = rand() >> 8;
}

/* ---- cgroups: each counts who holds it */

struct mem_cgroup { int holders; };

static struct task {
	struct mem_cgroup *mm, *active;
	bool in_nf_duplicate;
} task, *current = &task;

static inline struct mem_cgroup *get_mem_cgroup_from_mm(struct mem_cgroup *mm)
{
	mm->holders++;
	return mm;
}

static inline void mem_cgroup_put(struct mem_cgroup *cgroup)
{
	must(cgroup->holders > 0);
	cgroup->holders--;
}

static inline struct mem_cgroup *set_active_memcg(struct mem_cgroup *cgroup)
{
	struct mem_cgroup *usual = current->active;

	current->active = cgroup;
	return usual;
}

/* ---- locks */

struct mutex { bool ready, held; };

static int locks_held;

static inline void mutex_init(struct mutex *lock)
{
	*lock = (struct mutex){ .ready = true };
}

static inline void mutex_lock(struct mutex *lock)
{
	must(lock->ready && !lock->held);
	lock->held = true;
	locks_held++;
}

static inline void mutex_unlock(struct mutex *lock)
{
	must(lock->held);
	lock->held = false;
	locks_held--;
}

#define lockdep_is_held(lock)	((lock)->held)

/* What packets may see is freed by grace(). */
#define rcu_dereference(pointer)	READ_ONCE(pointer)
#define rcu_dereference_protected(pointer, condition)	({ must(condition); (pointer); })
#define rcu_assign_pointer(pointer, value)	((pointer) = (value))
#define rcu_replace_pointer(pointer, value, condition)	({			\
	__typeof__(pointer) usual = rcu_dereference_protected(pointer, condition);	\
	(pointer) = (value);							\
	usual;									\
})

/* ---- work */

#define HZ	1000

struct work_struct {
	void (*func)(struct work_struct *work);
	bool queued;
	bool after_grace;
	long due;
	struct work_struct *next;
};

struct delayed_work { struct work_struct work; };
struct rcu_work { struct work_struct work; };
struct workqueue_struct { struct work_struct *first; };

#define INIT_WORK(item, function)	(*(item) = (struct work_struct){ .func = (function) })
#define INIT_DELAYED_WORK(item, function)	INIT_WORK(&(item)->work, function)
#define INIT_RCU_WORK(item, function)		INIT_WORK(&(item)->work, function)
#define to_delayed_work(item)		container_of(item, struct delayed_work, work)
#define to_rcu_work(item)		container_of(item, struct rcu_work, work)
#define WQ_UNBOUND	2

static long now; /* jiffies */
static struct workqueue_struct *the_queue;

static inline void unqueue(struct work_struct *work)
{
	struct work_struct **at = &the_queue->first;

	must(work->func);
	if (!work->queued)
		return;
	while (*at != work)
		at = &(*at)->next;
	*at = work->next;
	work->queued = false;
}

static inline void queue_at(struct workqueue_struct *queue, struct work_struct *work, long due)
{
	must(queue && queue == the_queue && work->func);
	if (work->queued)
		return;
	work->due = due;
	work->next = queue->first;
	work->queued = true;
	queue->first = work;
}

#define queue_work(queue, item)			queue_at(queue, item, now)
#define queue_delayed_work(queue, item, delay)	queue_at(queue, &(item)->work, now + (delay))
#define mod_delayed_work(queue, item, delay) do {				\
	unqueue(&(item)->work);							\
	queue_delayed_work(queue, item, delay);					\
} while (0)
#define queue_rcu_work(queue, item) do {					\
	must(!(item)->work.queued);						\
	(item)->work.after_grace = true;					\
	queue_delayed_work(queue, item, 0);					\
} while (0)
#define cancel_work_sync(item)			unqueue(item)
#define cancel_delayed_work_sync(item)		unqueue(&(item)->work)

/* One that is due, if any. */
static inline bool work_once(bool grace)
{
	struct work_struct *work;

	for (work = the_queue ? the_queue->first : NULL; work; work = work->next) {
		if (work->due > now || (work->after_grace && !grace))
			continue;
		unqueue(work);
		work->func(work);
		must(!locks_held);
		return true;
	}
	return false;
}

static inline void work_now(void)
{
	while (work_once(false))
		;
}

/* Nobody looks at what was there before any more. */
static inline void grace(void)
{
	while (work_once(true))
		;
}

static inline void pass_time(long jiffies)
{
	for (; jiffies; jiffies--) {
		now++;
		work_now();
	}
}

#define rcu_barrier()	grace()
#define cond_resched()	((void)0)

/* ---- memory */

enum { NOT_LIVE, BY_KFREE, BY_VFREE, BY_FREE_PERCPU, BY_DESTROY };

#define MOST_LIVE	100

static struct live {
	void *memory;
	size_t bytes;
	int how;
} live[MOST_LIVE];

static bool no_memory;
static int allocations_until_failure = -1; /* of one, then there is memory again; or never */
static unsigned int allocations;

static inline bool may_allocate(void)
{
	allocations++;
	if (allocations_until_failure >= 0 && !allocations_until_failure--)
		return false;
	return !no_memory;
}

#define GFP_ACCOUNT		1
#define __GFP_NOWARN		2
#define __GFP_ZERO		4
#define __GFP_NORETRY		8
#define __GFP_RETRY_MAYFAIL	16
typedef unsigned int gfp_t;

static gfp_t last_gfp;

static inline struct live *live_at(const void *memory)
{
	struct live *at;

	for (at = live; at < live + MOST_LIVE; at++)
		if (at->memory == memory)
			return at;
	must(!"known memory");
	return NULL;
}

static inline unsigned int things_alive(void)
{
	unsigned int count = 0;
	struct live *at;

	for (at = live; at < live + MOST_LIVE; at++)
		count += !!at->memory;
	return count;
}

/* What was not asked to be zero is not. */
static inline void *allocate(size_t bytes, gfp_t gfp, int how)
{
	struct live *at;
	void *memory;

	if (!may_allocate())
		return NULL;
	at = live_at(NULL);
	memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	must(memory);
	memset(memory, gfp & __GFP_ZERO ? 0 : 0xa5, bytes);
	*at = (struct live){ memory, bytes, how };
	last_gfp = gfp;
	return memory;
}

static inline void release(const void *memory, int how)
{
	struct work_struct *work;
	struct live *at;

	if (!memory)
		return;
	at = live_at(memory);
	must(at->how == how);
	for (work = the_queue ? the_queue->first : NULL; work; work = work->next)
		must((char *)work < (char *)memory || (char *)work >= (char *)memory + at->bytes);
	memset(at->memory, 0xa5, at->bytes);
	free(at->memory);
	*at = (struct live){ NULL, 0, NOT_LIVE };
}

/* A filter's memory is its owner's, is nobody's life, and there is no line about it. */
static inline void *allocate_for_filter(size_t bytes, gfp_t gfp, int how)
{
	must(gfp & GFP_ACCOUNT && gfp & __GFP_NOWARN && gfp & __GFP_ZERO);
	must(!(gfp & __GFP_NORETRY) != !(gfp & __GFP_RETRY_MAYFAIL));
	must(current->active);
	return allocate(bytes, gfp, how);
}

#define GFP_KERNEL_ACCOUNT		GFP_ACCOUNT
#define kmalloc(bytes, gfp)		allocate_for_filter(bytes, gfp, BY_KFREE)
#define __vmalloc(bytes, gfp)		allocate_for_filter(bytes, gfp, BY_VFREE)
#define alloc_percpu_gfp(type, gfp)	\
	((type *)allocate_for_filter(sizeof(type), gfp, BY_FREE_PERCPU))
#define kzalloc(bytes, gfp)		allocate(bytes, (gfp) | __GFP_ZERO, BY_KFREE)
#define kfree(memory)			release(memory, BY_KFREE)
#define vfree(memory)			release(memory, BY_VFREE)
#define free_percpu(memory)		release(memory, BY_FREE_PERCPU)

/* There is one CPU. */
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define per_cpu_ptr(counter, cpu)	((counter) + (cpu))
#define this_cpu_inc(counter)		((void)(counter)++)

static inline struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
						       int most)
{
	must(!the_queue && !strcmp(name, KBUILD_MODNAME) && flags == WQ_UNBOUND && !most);
	the_queue = allocate(sizeof(*the_queue), __GFP_ZERO, BY_DESTROY);
	return the_queue;
}

/* Timers and RCU would queue more in it. */
static inline void destroy_workqueue(struct workqueue_struct *queue)
{
	must(queue && queue == the_queue);
	work_now();
	must(!queue->first);
	the_queue = NULL;
	release(queue, BY_DESTROY);
}

/* ---- parameters */

struct kernel_param {
	const char *name;
	unsigned int *value;
};

struct kernel_param_ops {
	int (*set)(const char *text, const struct kernel_param *kp);
	int (*get)(char *text, const struct kernel_param *kp);
};

#define module_param_cb(what, ops, at, mode)					\
	static int set_##what(const char *text)					\
	{									\
		struct kernel_param param = { #what, at };			\
										\
		return (ops)->set(text, &param);				\
	}									\
	extern int module_param_takes_a_semicolon
#define __MODULE_PARM_TYPE(what, type)	extern int module_param_takes_a_semicolon
#define MODULE_PARM_DESC(what, text)	extern int module_param_takes_a_semicolon
#define param_get_uint			NULL

static inline int param_set_uint_minmax(const char *text, const struct kernel_param *kp,
					unsigned int least, unsigned int most)
{
	unsigned long number = strtoul(text, NULL, 10);

	if (number < least || number > most)
		return -EINVAL;
	*kp->value = number;
	return 0;
}

/* ---- packets, and who sees them */

struct net_device {
	unsigned int flags;
	bool is_vrf;
};

struct nf_hook_state { const struct net_device *in, *out; };
struct sk_buff;

struct nf_hook_ops {
	unsigned int (*hook)(void *priv, struct sk_buff *skb, const struct nf_hook_state *state);
	void *priv;
	int pf;
	unsigned int hooknum;
	int priority;
};

#define MOST_HOOKS	4
#define netif_is_l3_master(device)	((device)->is_vrf)
#define skb_get_nfct(skb)		((skb)->nfct)
#define IP_CT_UNTRACKED			7

/* ---- /proc, and namespaces */

struct net {
	struct net *proc_net; /* itself */
	void *generic;
	const struct nf_hook_ops *hooks;
	bool has_proc;
};

struct seq_file {
	struct net *net;
	char text[1000];
};

struct pernet_operations {
	int (*init)(struct net *net);
	void (*pre_exit)(struct net *net);
	void (*exit)(struct net *net);
	unsigned int *id;
	size_t size;
};

#define NETS	2
#define THE_ID	3

static struct net nets[NETS];
static const struct pernet_operations *the_ops;
static int (*proc_show)(struct seq_file *seq, void *unused);

static inline void *net_generic(const struct net *net, unsigned int id)
{
	must(id == THE_ID && net->generic);
	return net->generic;
}

/* It allocates, too. */
static inline int nf_register_net_hooks(struct net *net, const struct nf_hook_ops *ops,
					unsigned int count)
{
	unsigned int i;

	must(!net->hooks && count == MOST_HOOKS);
	for (i = 0; i < count; i++)
		must(ops[i].hook && ops[i].priv && ops[i].pf);
	if (!may_allocate())
		return -ENOMEM;
	net->hooks = ops;
	return 0;
}

static inline void nf_unregister_net_hooks(struct net *net, const struct nf_hook_ops *ops,
					   unsigned int count)
{
	must(net->hooks == ops && count == MOST_HOOKS);
	net->hooks = NULL;
}

#define seq_file_single_net(seq)	((seq)->net)

static inline void seq_printf(struct seq_file *seq, const char *format, ...)
{
	size_t length = strlen(seq->text);
	va_list words;

	va_start(words, format);
	vsnprintf(seq->text + length, sizeof(seq->text) - length, format, words);
	va_end(words);
}

static inline bool proc_create_net_single(const char *name, int mode, struct net *proc_net,
					  int (*show)(struct seq_file *seq, void *unused),
					  void *data)
{
	must(!strcmp(name, KBUILD_MODNAME) && mode == 0444 && !data && !proc_net->has_proc);
	if (!may_allocate())
		return false;
	proc_show = show;
	proc_net->has_proc = true;
	return true;
}

static inline void remove_proc_entry(const char *name, struct net *proc_net)
{
	must(!strcmp(name, KBUILD_MODNAME) && proc_net->has_proc);
	proc_net->has_proc = false;
}

/* The grace period after it has passed when others are called back for that, or not yet. */
static inline void net_goes(struct net *net)
{
	the_ops->pre_exit(net);
	must(!locks_held && !net->hooks);
}

static inline void net_is_gone(struct net *net)
{
	the_ops->exit(net);
	must(!net->has_proc);
	release(net->generic, BY_KFREE);
	net->generic = NULL;
}

static inline int net_comes(struct net *net)
{
	int err;

	net->proc_net = net;
	net->generic = allocate(the_ops->size, __GFP_ZERO, BY_KFREE);
	if (!net->generic)
		return -ENOMEM;
	err = the_ops->init(net);
	must(!locks_held);
	if (!err)
		return 0;
	release(net->generic, BY_KFREE);
	net->generic = NULL;
	return err;
}

static inline void unregister_pernet_subsys(const struct pernet_operations *ops)
{
	struct net *net;

	must(ops == the_ops);
	for (net = nets; net < nets + NETS; net++) {
		if (!net->generic)
			continue;
		net_goes(net);
		net_is_gone(net);
	}
	the_ops = NULL;
}

static inline int register_pernet_subsys(const struct pernet_operations *ops)
{
	struct net *net;
	int err;

	must(!the_ops);
	the_ops = ops;
	*ops->id = THE_ID;
	for (net = nets; net < nets + NETS; net++) {
		err = net_comes(net);
		if (err) {
			unregister_pernet_subsys(ops);
			return err;
		}
	}
	return 0;
}

#endif /* _KERNEL_H */
