/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_generations - the flows of the last one to two windows, within a limit of bytes
 *
 * A generation is the filters that took flows in one window. There are two, and all their
 * filters are one chain, from the newest, which takes flows, to the oldest:
 *
 *	newest -> ... -> first of this generation -> ... -> first of the previous one
 *
 * A look-up tests all of the chain. A filter that is nearly full gets a larger one in front
 * of it (flow_generations_grow), so that false positives stay as rare as a full filter's,
 * times the filters. Once a window the previous generation goes and this one takes its place
 * (flow_generations_rotate): a flow is found for one window at least and two at most.
 *
 * Either generation may have 7/16 of the limit; the rest is for a new filter while an old one
 * is not freed yet. Filters grow by steps of four, and the last one takes all that is left
 * where a step would leave less than three more of its size. So it holds, by itself, at least
 * 3 / (3 + 4/3) of its generation's share, which is 60 % of half the limit, even if each flow
 * goes on and is added to each filter.
 *
 * Plain C, shared with the unit tests: who includes this defines flow_filter_alloc() and
 * flow_filter_retire(), and says by macros what RCU and a CPU's counters are.
 *
 * Context: add and has, any, under RCU and beside all others. The rest, one at a time
 * (a mutex of the owner's), where it may sleep.
 */
#ifndef _FLOW_GENERATIONS_H
#define _FLOW_GENERATIONS_H

#include "flow_filter.h"

#ifdef __KERNEL__
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>
#define flow_next(pointer)	rcu_dereference(pointer)
#define flow_own(pointer)	rcu_dereference_protected(pointer, true)
#define flow_publish(pointer, filter)	rcu_assign_pointer(pointer, filter)
#define flow_count(counter)	this_cpu_inc(*(counter))
#define flow_rest_a_while()	cond_resched()
#define flow_sum		atomic64_t
#define flow_sum_set(sum, n)	atomic64_set(sum, n)
#define flow_sum_read(sum)	((u64)atomic64_read(sum))
#define flow_sum_add(sum, n)	((u64)atomic64_add_return(n, sum))

/* What all CPUs have counted. */
static inline u64 flow_counted(const unsigned long __percpu *counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(counter, cpu));
	return sum;
}

static inline void flow_count_anew(unsigned long __percpu *counter)
{
	int cpu;

	for_each_possible_cpu(cpu)
		WRITE_ONCE(*per_cpu_ptr(counter, cpu), 0);
}
#else
#define __rcu
#define __percpu
#define flow_next(pointer)	__atomic_load_n(&(pointer), __ATOMIC_ACQUIRE)
#define flow_own(pointer)	(pointer)
#define flow_publish(pointer, filter)	__atomic_store_n(&(pointer), filter, __ATOMIC_RELEASE)
#define flow_count(counter)	((void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED))
#define flow_rest_a_while()	((void)0)
#define flow_sum		u64
#define flow_sum_set(sum, n)	__atomic_store_n(sum, n, __ATOMIC_RELAXED)
#define flow_sum_read(sum)	__atomic_load_n(sum, __ATOMIC_RELAXED)
#define flow_sum_add(sum, n)	__atomic_add_fetch(sum, n, __ATOMIC_RELAXED)
#define flow_counted(counter)	flow_load(*(counter))
#define flow_count_anew(counter)	flow_store(*(counter), 0)
#endif

struct flow_generations;

/**
 * struct flow_filter - one of a generation's
 * @bits:       its flows
 * @older:      the next in the chain; NULL ends it
 * @added:      how many flows each CPU added
 * @estimate:   all of them, by a sample
 * @crowded:    how many are enough to call for a larger filter
 * @bytes:      of @bits
 * @generation: the number of the one that it belongs to
 * @owner:      whose it is
 * @free:       frees it once no packet can see it any more
 */
struct flow_filter {
	struct flow_bits bits;
	struct flow_filter __rcu *older;
	unsigned long __percpu *added;
	flow_sum estimate;
	u64 crowded;
	u32 bytes;
	unsigned int generation;
	struct flow_generations *owner;
#ifdef __KERNEL__
	struct rcu_work free;
#endif
};

/**
 * struct flow_generations - a namespace's flows
 * @newest:     takes flows; begins the chain
 * @generation: its number
 * @limit:      bytes that all filters may have together
 * @bytes:      that they have, those not freed yet included
 * @refused:    the last generation that wanted more than it could have
 */
struct flow_generations {
	struct flow_filter __rcu *newest;
	unsigned int generation;
	u64 limit;
	flow_sum bytes;
	unsigned int refused;
};

/**
 * enum flow_effort - how hard to look for memory
 * @FLOW_LITTLE: a rotation is waiting, and has something to fall back on
 * @FLOW_MUCH:   but nobody is killed for it
 */
enum flow_effort { FLOW_LITTLE, FLOW_MUCH };

/**
 * flow_filter_alloc - an empty filter, counted in its owner's bytes
 * @owner:  whose it is going to be
 * @bytes:  its size
 * @effort: see &enum flow_effort
 *
 * Return: the filter, or NULL without memory.
 */
static struct flow_filter *flow_filter_alloc(struct flow_generations *owner, u32 bytes,
					     enum flow_effort effort);

/**
 * flow_filter_retire - free a filter, once no packet can see it any more
 * @filter: is in no chain now
 *
 * Its bytes count until then.
 */
static void flow_filter_retire(struct flow_filter *filter);

/* ---- packets */

/**
 * flow_generations_have - did a packet of this flow pass lately?
 * @generations: whose
 * @hash:        flow_hash() of the flow's key
 *
 * Return: true if it did in the last window, false if it did not in the last two; true now
 * and then if it never did.
 */
static inline bool flow_generations_have(const struct flow_generations *generations, u64 hash)
{
	const struct flow_filter *filter = flow_next(generations->newest);

	do {
		if (flow_bits_have(&filter->bits, hash))
			return true;
		filter = flow_next(filter->older);
	} while (filter);
	return false;
}

/*
 * A sixteenth of the flows, which any bits of the hash choose, count for all in what CPUs
 * share. Of the 14,336 that a small filter calls for the next one at, its standard error is 3 %.
 */
#define FLOW_SAMPLE 16

static inline bool flow_filter_is_crowded(struct flow_filter *filter, u64 hash)
{
	flow_count(filter->added);
	return !(hash % FLOW_SAMPLE) &&
	       flow_sum_add(&filter->estimate, FLOW_SAMPLE) >= flow_load(filter->crowded);
}

/**
 * flow_generations_add - a packet of this flow passes
 * @generations: whose
 * @hash:        flow_hash() of the flow's key
 *
 * Return: true if a call of flow_generations_grow() is due.
 */
static __always_inline bool flow_generations_add(struct flow_generations *generations,
						 u64 hash)
{
	struct flow_filter *filter = flow_next(generations->newest);

	return flow_bits_add(&filter->bits, hash) && flow_filter_is_crowded(filter, hash);
}

/* ---- filters */

/* When to call for the next one: there is room yet for what comes before it is there. */
static inline u64 flow_filter_first_call(const struct flow_filter *filter)
{
	return flow_room(filter->bytes) * 7 / 8;
}

/**
 * flow_filter_init - what is not memory of its own
 * @filter: zeroed but for @bits.line and @added
 * @owner:  whose it is
 * @bytes:  its size
 */
static inline void flow_filter_init(struct flow_filter *filter, struct flow_generations *owner,
				    u32 bytes)
{
	filter->bits.lines = bytes / sizeof(struct flow_line);
	filter->bytes = bytes;
	filter->owner = owner;
	filter->crowded = flow_filter_first_call(filter);
	flow_sum_add(&owner->bytes, bytes);
}

/* How many flows it took. */
static inline u64 flow_filter_flows(const struct flow_filter *filter)
{
	return flow_counted(filter->added);
}

/*
 * Packets may look on: what they then miss is older than a window, and what they find is
 * as new as the next generation.
 */
static inline void flow_filter_clear(struct flow_filter *filter)
{
	int word;
	u32 i;

	for (i = 0; i < filter->bits.lines; i++) {
		for (word = 0; word < 8; word++)
			flow_store(filter->bits.line[i].word[word], 0);
		if (!(i & 4095))
			flow_rest_a_while();
	}
	flow_count_anew(filter->added);
	flow_sum_set(&filter->estimate, 0);
	flow_store(filter->crowded, flow_filter_first_call(filter));
}

/* ---- generations */

/**
 * struct flow_use - what a generation has
 * @flows:   that it took; one that goes on may be counted in each of its filters
 * @bytes:   of its filters
 * @filters: how many there are
 */
struct flow_use {
	u64 flows;
	u64 bytes;
	unsigned int filters;
};

static inline struct flow_use flow_use_of(const struct flow_generations *generations,
					  unsigned int generation)
{
	const struct flow_filter *filter;
	struct flow_use use = { 0, 0, 0 };

	for (filter = flow_own(generations->newest); filter; filter = flow_own(filter->older)) {
		if (filter->generation != generation)
			continue;
		use.flows += flow_filter_flows(filter);
		use.bytes += filter->bytes;
		use.filters++;
	}
	return use;
}

/* What a generation may have. */
static inline u64 flow_share(const struct flow_generations *generations)
{
	const u64 share = generations->limit * 7 / 16 & ~(u64)(sizeof(struct flow_line) - 1);

	return share < FLOW_MIN_BYTES ? FLOW_MIN_BYTES :
	       share > FLOW_MAX_BYTES ? FLOW_MAX_BYTES : share;
}

/* A filter's least size: what has more memory to grow into is to expect a steeper rise. */
static inline u64 flow_least(const struct flow_generations *generations)
{
	const u64 least = generations->limit / 64 & ~(u64)(sizeof(struct flow_line) - 1);

	return least < FLOW_MIN_BYTES ? FLOW_MIN_BYTES :
	       least > 16 * FLOW_MIN_BYTES ? 16 * FLOW_MIN_BYTES : least;
}

/* A step of so many bytes, or all that is @left where it would leave too little. */
static inline u64 flow_step(u64 bytes, u64 left)
{
	return left < 4 * bytes ? left : bytes;
}

/* The smallest of the sizes that so many flows, and a quarter more, have room in. */
static inline u64 flow_bytes_for(u64 flows, u64 least)
{
	u64 bytes = least;

	while (bytes < FLOW_MAX_BYTES && flow_room(bytes) < flows + flows / 4)
		bytes *= 2;
	return bytes;
}

/*
 * The first filter of the next generation: all that this one has, or what its flows want if
 * that is more. After one that was less than a quarter full, a quarter of it.
 */
static inline u64 flow_first_bytes(const struct flow_generations *generations,
				   const struct flow_use *use)
{
	const u64 quarter = use->bytes / 4 & ~(u64)(sizeof(struct flow_line) - 1);
	const u64 least = use->flows < flow_room(quarter) ? quarter : use->bytes;
	const u64 wanted = flow_bytes_for(use->flows, flow_least(generations));

	return flow_step(wanted > least ? wanted : least, flow_share(generations));
}

static inline void flow_push(struct flow_generations *generations, struct flow_filter *filter)
{
	filter->generation = generations->generation;
	flow_publish(filter->older, flow_own(generations->newest));
	flow_publish(generations->newest, filter);
}

/**
 * flow_generations_init - two generations with nothing in them
 * @generations: zeroed
 * @limit:       bytes, twice FLOW_MIN_BYTES or more
 *
 * The second filter is what the first rotation falls back on.
 *
 * Return: false without memory, and then nothing is left behind.
 */
static inline bool flow_generations_init(struct flow_generations *generations, u64 limit)
{
	struct flow_filter *previous, *first;

	generations->limit = limit;
	previous = flow_filter_alloc(generations, flow_least(generations), FLOW_MUCH);
	if (!previous)
		return false;
	first = flow_filter_alloc(generations,
				  flow_step(flow_least(generations), flow_share(generations)),
				  FLOW_MUCH);
	if (!first) {
		flow_filter_retire(previous);
		return false;
	}
	flow_push(generations, previous);
	generations->generation++;
	flow_push(generations, first);
	return true;
}

/**
 * enum flow_growth - what came of a call for a larger filter
 * @FLOW_ENOUGH:   none is due, or none was had that somebody must know of
 * @FLOW_GREW:     it is there
 * @FLOW_AT_LIMIT: the limit allows none, and this generation has said so for the first time
 * @FLOW_NO_MEMORY: there was no memory for it, likewise
 */
enum flow_growth { FLOW_ENOUGH, FLOW_GREW, FLOW_AT_LIMIT, FLOW_NO_MEMORY };

/* The size of the filter to come before @newest; 0 if the limit allows none. */
static inline u64 flow_next_bytes(const struct flow_generations *generations,
				  const struct flow_filter *newest)
{
	const u64 used = flow_use_of(generations, generations->generation).bytes;
	const u64 all = flow_sum_read(&generations->bytes);
	const u64 share = flow_share(generations);
	u64 left = used < share ? share - used : 0, bytes;

	bytes = flow_step(4 * (u64)newest->bytes, left);
	/* Retired filters may not be freed yet, or the limit be a lower one. */
	if (bytes < FLOW_MIN_BYTES || all + bytes > generations->limit)
		return 0;
	return bytes;
}

/**
 * flow_generations_grow - a larger filter, where the newest is crowded
 * @generations: whose
 *
 * Where none is to be had it is tried again after an eighth more flows: until it is there,
 * false positives are more and more.
 *
 * Return: see &enum flow_growth.
 */
static inline enum flow_growth flow_generations_grow(struct flow_generations *generations)
{
	struct flow_filter *newest = flow_own(generations->newest), *filter = NULL;
	const u64 room = flow_room(newest->bytes), flows = flow_filter_flows(newest);
	u64 bytes;

	if (flows < newest->crowded)
		return FLOW_ENOUGH;
	bytes = flow_next_bytes(generations, newest);
	if (bytes)
		filter = flow_filter_alloc(generations, bytes, FLOW_MUCH);
	if (filter) {
		flow_push(generations, filter);
		return FLOW_GREW;
	}
	flow_store(newest->crowded, flows < room ? room : flows + room / 8);
	if (flows < room || generations->refused == generations->generation)
		return FLOW_ENOUGH;
	generations->refused = generations->generation;
	return bytes ? FLOW_NO_MEMORY : FLOW_AT_LIMIT;
}

/* Takes the previous generation off the chain. Return: its newest filter. */
static inline struct flow_filter *flow_cut(struct flow_generations *generations)
{
	struct flow_filter *last = flow_own(generations->newest), *older;

	while ((older = flow_own(last->older)) && older->generation == generations->generation)
		last = older;
	flow_publish(last->older, NULL);
	return older;
}

/* Of those cut off, the one to go on with: the smallest with so many bytes, or the largest. */
static inline struct flow_filter *flow_spare(struct flow_filter *cut, u64 bytes)
{
	struct flow_filter *filter, *spare = cut;

	for (filter = cut; filter; filter = flow_own(filter->older)) {
		if (spare->bytes < bytes ? filter->bytes > spare->bytes :
		    filter->bytes >= bytes && filter->bytes < spare->bytes)
			spare = filter;
	}
	return spare;
}

static inline void flow_retire_but(struct flow_filter *filter, const struct flow_filter *spare)
{
	struct flow_filter *older;

	for (; filter; filter = older) {
		older = flow_own(filter->older);
		if (filter != spare)
			flow_filter_retire(filter);
	}
}

/* The previous generation, while it is in the chain. */
static inline struct flow_filter *flow_previous(const struct flow_generations *generations)
{
	struct flow_filter *filter = flow_own(generations->newest);

	while (filter->generation == generations->generation)
		filter = flow_own(filter->older);
	return filter;
}

/**
 * flow_generations_rotate - once a window: the previous generation goes, a new one begins
 * @generations: whose
 * @limit:       bytes that they may have from now on, twice FLOW_MIN_BYTES or more
 *
 * Does not wait for memory: where there is none for a filter of the right size, the new
 * generation begins with one of those that go. That one is cleared, and its place in the
 * chain changed, while a packet may be looking at it yet. This does no harm: see
 * flow_filter_clear(), and it then walks the chain once more, which ends.
 */
static inline void flow_generations_rotate(struct flow_generations *generations, u64 limit)
{
	struct flow_filter *spare, *fresh = NULL, *cut;
	struct flow_use use;
	u64 bytes, all;

	generations->limit = limit;
	use = flow_use_of(generations, generations->generation);
	bytes = flow_first_bytes(generations, &use);
	spare = flow_spare(flow_previous(generations), bytes);
	all = flow_sum_read(&generations->bytes);
	/* Over a limit that was lowered, only smaller filters lead below it. */
	if (spare->bytes != bytes && (all + bytes <= limit || all > limit))
		fresh = flow_filter_alloc(generations, bytes, FLOW_LITTLE);

	cut = flow_cut(generations);
	flow_retire_but(cut, fresh ? NULL : spare);
	generations->generation++;
	if (!fresh) {
		flow_filter_clear(spare);
		fresh = spare;
	}
	flow_push(generations, fresh);
}

/**
 * flow_generations_false_positives - how often flows are found that never passed
 * @generations: whose
 *
 * Return: the expectation, in parts per billion.
 */
static inline u64 flow_generations_false_positives(const struct flow_generations *generations)
{
	const struct flow_filter *filter;
	u64 sum = 0, chance;

	for (filter = flow_own(generations->newest); filter; filter = flow_own(filter->older)) {
		chance = flow_bits_false_positives(&filter->bits);
		sum += flow_div((1000000000 - sum) * chance, 1000000000);
		flow_rest_a_while();
	}
	return sum;
}

#endif /* _FLOW_GENERATIONS_H */
