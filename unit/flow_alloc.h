/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_alloc - flow_generations.h's memory in user space
 *
 * A retired filter stays, and counts, until flow_reap(), as until RCU's grace period ends.
 */
#ifndef _FLOW_ALLOC_H
#define _FLOW_ALLOC_H

#include <stdlib.h>
#include "flow_generations.h"

static bool flow_no_memory; /* from here on */
static unsigned int flow_memory_for = ~0U; /* so many filters more */
static struct flow_filter *flow_retired;

static struct flow_filter *flow_filter_alloc(struct flow_generations *owner, u32 bytes,
					     enum flow_effort effort)
{
	struct flow_filter *filter;

	(void)effort;
	if (flow_no_memory || !flow_memory_for)
		return NULL;
	flow_memory_for--;
	filter = calloc(1, sizeof(*filter));
	filter->bits.line = aligned_alloc(sizeof(struct flow_line), bytes);
	filter->added = calloc(1, sizeof(*filter->added));
	memset(filter->bits.line, 0, bytes);
	flow_filter_init(filter, owner, bytes);
	return filter;
}

static void flow_filter_retire(struct flow_filter *filter)
{
	filter->older = flow_retired;
	flow_retired = filter;
}

static void flow_reap(void)
{
	struct flow_filter *filter;

	while ((filter = flow_retired)) {
		flow_retired = filter->older;
		filter->owner->bytes -= filter->bytes;
		free(filter->bits.line);
		free(filter->added);
		free(filter);
	}
}

static inline void flow_generations_free(struct flow_generations *generations)
{
	struct flow_filter *filter, *older;

	for (filter = generations->newest; filter; filter = older) {
		older = filter->older;
		flow_filter_retire(filter);
	}
	flow_reap();
}

#endif /* _FLOW_ALLOC_H */
