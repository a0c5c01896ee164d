// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_generations_fuzz - libFuzzer target: any sequence of packets, rotations, growth and
 * want of memory, held against a plain list of what was added
 */
#include <stdlib.h>
#include "flow_alloc.h"

#define MOST 4096

struct memory {
	struct flow_generations generations;
	u64 now[MOST], before[MOST];
	size_t n_now, n_before;
};

static void expect(bool good)
{
	if (!good)
		abort();
}

static void add(struct memory *memory, u64 hash)
{
	if (memory->n_now == MOST)
		return;
	flow_generations_add(&memory->generations, hash);
	memory->now[memory->n_now++] = hash;
}

static void rotate(struct memory *memory, u64 limit)
{
	flow_generations_rotate(&memory->generations, limit);
	memcpy(memory->before, memory->now, sizeof(memory->now));
	memory->n_before = memory->n_now;
	memory->n_now = 0;
}

/* As if it were crowded, whether it is or not. */
static void grow(struct memory *memory)
{
	struct flow_filter *newest = memory->generations.newest;

	newest->crowded = 0;
	if (flow_generations_grow(&memory->generations) == FLOW_GREW) {
		expect(memory->generations.newest->bytes >= FLOW_MIN_BYTES);
		expect(memory->generations.bytes <= memory->generations.limit);
	} else {
		expect(memory->generations.newest == newest);
	}
}

/* The chain is this generation's filters and then the last one's, and one of each at least. */
static void check(struct memory *memory)
{
	const struct flow_generations *generations = &memory->generations;
	const struct flow_use now = flow_use_of(generations, generations->generation);
	const struct flow_use before = flow_use_of(generations, generations->generation - 1);
	const struct flow_filter *filter;
	unsigned int filters = 0;
	size_t i;

	for (filter = generations->newest; filter; filter = filter->older, filters++)
		expect(!filter->older || filter->older->generation <= filter->generation);
	expect(now.filters && before.filters && filters == now.filters + before.filters);
	expect(now.bytes + before.bytes <= generations->bytes);
	expect(flow_generations_false_positives(generations) <= 1000000000);
	for (i = 0; i < memory->n_now; i++)
		expect(flow_generations_have(generations, memory->now[i]));
	for (i = 0; i < memory->n_before; i++)
		expect(flow_generations_have(generations, memory->before[i]));
}

/* A step is a byte that says which, and three words that say with what. */
struct __attribute__((packed)) step {
	unsigned char what;
	u64 word[3];
};

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct memory memory;
	struct flow_secret secret = { { 0 } };
	struct step step;
	u64 key[3];

	memset(&memory, 0, sizeof(memory));
	expect(flow_generations_init(&memory.generations, 128 << 10));
	for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
		memcpy(&step, data, sizeof(step));
		memcpy(key, step.word, sizeof(key));
		switch (step.what % 8) {
		case 0:
			add(&memory, flow_hash(&secret, key, step.what / 8 % 4, step.what, 1));
			break;
		case 1: /* a hash that an attacker could only wish for */
			add(&memory, key[0]);
			break;
		case 2: /* as much as a parameter may say, though not of the absurd */
			rotate(&memory, (128 + key[0] % 8192) << 10);
			check(&memory);
			break;
		case 3:
			grow(&memory);
			check(&memory);
			break;
		case 4:
			flow_no_memory = key[0] & 1;
			break;
		case 5:
			flow_reap();
			break;
		case 6:
			memcpy(secret.v, key, sizeof(key));
			break;
		case 7: /* many */
			for (u64 i = 0; i < key[1] % 64; i++)
				add(&memory, key[0] + i * 0x9e3779b97f4a7c15ULL);
			break;
		}
	}
	check(&memory);
	flow_no_memory = false;
	flow_generations_free(&memory.generations);
	return 0;
}
