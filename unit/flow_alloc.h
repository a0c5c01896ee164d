/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_alloc - flow_generations.h's memory for tests, who say when there is none
 *
 * A retired filter stays, and counts, until flow_reap(), as until RCU's grace period ends.
 */
#ifndef _FLOW_ALLOC_H
#define _FLOW_ALLOC_H

#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/vmalloc.h>
#include "flow_generations.h"

static bool flow_no_memory; /* from here on */
static unsigned int flow_memory_for = ~0U; /* so many filters more */
static struct flow_filter *flow_retired;

static void flow_filter_free(struct flow_filter *filter)
{
	vfree(filter->bits.line);
	free_percpu(filter->added);
	vfree(filter);
}

static struct flow_filter *flow_filter_alloc(struct flow_generations *owner, u32 bytes,
					     enum flow_effort effort)
{
	struct flow_filter *filter;

	(void)effort;
	if (flow_no_memory || !flow_memory_for)
		return NULL;
	flow_memory_for--;
	filter = vzalloc(sizeof(*filter));
	if (!filter)
		return NULL;
	filter->bits.line = vzalloc(bytes);
	filter->added = alloc_percpu(unsigned long);
	if (!filter->bits.line || !filter->added) {
		flow_filter_free(filter);
		return NULL;
	}
	flow_filter_init(filter, owner, bytes);
	return filter;
}

static void flow_filter_retire(struct flow_filter *filter)
{
	flow_publish(filter->older, flow_retired);
	flow_retired = filter;
}

static void flow_reap(void)
{
	struct flow_filter *filter;

	while ((filter = flow_retired)) {
		flow_retired = flow_own(filter->older);
		flow_sum_add(&filter->owner->bytes, -(u64)filter->bytes);
		flow_filter_free(filter);
	}
}

static inline void flow_generations_free(struct flow_generations *generations)
{
	struct flow_filter *filter, *older;

	for (filter = flow_own(generations->newest); filter; filter = older) {
		older = flow_own(filter->older);
		flow_filter_retire(filter);
	}
	flow_reap();
}

#endif /* _FLOW_ALLOC_H */
