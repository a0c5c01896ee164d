// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_filter_fuzz - libFuzzer target: any sequence of steps on two filters that take
 * turns, held against a plain list of what was added
 */
#include <stdlib.h>
#include "flow_filter.h"

#define MOST 4096

struct memory {
	struct flow_filter now, before;
	u64 added[MOST], added_before[MOST];
	size_t keys, keys_before;
};

static void expect(bool good)
{
	if (!good)
		abort();
}

static struct flow_filter filter_of(unsigned int order)
{
	struct flow_filter filter = { order, calloc(1, flow_filter_bytes(order)) };

	expect(filter.line);
	return filter;
}

static void rotate(struct memory *memory, u64 keys, u64 bytes)
{
	unsigned int order = flow_filter_order(keys, bytes);

	expect(order >= FLOW_MIN_ORDER && order <= FLOW_MAX_ORDER);
	expect(order == FLOW_MIN_ORDER || flow_filter_bytes(order) <= bytes);
	free(memory->before.line);
	memory->before = memory->now;
	memcpy(memory->added_before, memory->added, sizeof(memory->added));
	memory->keys_before = memory->keys;
	/* Not the absurd sizes themselves. */
	memory->now = filter_of(order > 14 ? 14 : order);
	memory->keys = 0;
}

static void add(struct memory *memory, u64 hash)
{
	bool had = flow_filter_has(&memory->now, hash);

	if (memory->keys == MOST)
		return;
	expect(flow_filter_add(&memory->now, hash) == !had);
	expect(flow_filter_has(&memory->now, hash));
	memory->added[memory->keys++] = hash;
}

static void check_all(const struct memory *memory)
{
	size_t i;

	for (i = 0; i < memory->keys; i++)
		expect(flow_filter_has(&memory->now, memory->added[i]));
	for (i = 0; i < memory->keys_before; i++)
		expect(flow_filter_has(&memory->before, memory->added_before[i]));
	expect(flow_filter_mistakes(&memory->now) <= 1000000);
}

/* A step is a byte that says which, and three words that say with what. */
struct __attribute__((packed)) step {
	unsigned char what;
	u64 word[3];
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct memory memory = { filter_of(FLOW_MIN_ORDER), filter_of(FLOW_MIN_ORDER), { 0 }, { 0 }, 0, 0 };
	struct flow_secret secret = { { 0 } };
	struct step step;
	u64 key[3];

	for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		memcpy(key, step.word, sizeof(key));
		switch (step.what % 4) {
		case 0:
			add(&memory, flow_hash(&secret, key, step.what / 4 % 4, step.what, 1));
			break;
		case 1: /* a hash that an attacker could only wish for */
			add(&memory, key[0]);
			break;
		case 2:
			rotate(&memory, key[0], key[1]);
			break;
		case 3:
			memcpy(secret.v, key, sizeof(key));
			break;
		}
	}
	check_all(&memory);
	free(memory.now.line);
	free(memory.before.line);
	return 0;
}
