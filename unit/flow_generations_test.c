// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_generations_test - what flow memory promises, held against its code in simulated
 * time; prints TAP. With QUICK=1 in the environment only what takes a second, for lab/mutants
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "flow_alloc.h"

static const struct flow_secret secret = { { 1, 2, 3, 4 } };
static int number, failed;
static bool quick;

static void ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	failed += !good;
}

/* The nth of 2^64 different flows. */
static u64 nth(u64 n)
{
	return flow_hash(&secret, &n, 1, 17, 6);
}

/*
 * struct world - a namespace, a worker who is late, and a clock of packets
 * @now:      packets so far
 * @late:     packets that pass before the worker comes
 * @called:   since when it is called for; 0: it is not
 * @retired:  since when filters wait to be freed
 * @most:     most bytes ever
 * @worst:    most false positives ever, in parts per billion
 * @limited, @short_of: what growth said
 */
struct world {
	struct flow_generations generations;
	u64 now, late, called, retired, most, worst;
	int limited, short_of;
};

/* Filters know their owner's address. */
static void begin(struct world *world, u64 kib, u64 late)
{
	*world = (struct world){ .late = late };
	if (!flow_generations_init(&world->generations, kib << 10))
		exit(2);
}

static void look(struct world *world)
{
	u64 chance = flow_generations_false_positives(&world->generations);

	if (world->generations.bytes > world->most)
		world->most = world->generations.bytes;
	if (chance > world->worst)
		world->worst = chance;
}

static void grow(struct world *world)
{
	world->called = 0;
	switch (flow_generations_grow(&world->generations)) {
	case FLOW_AT_LIMIT:
		world->limited++;
		break;
	case FLOW_NO_MEMORY:
		world->short_of++;
		break;
	default:
		break;
	}
	look(world);
}

static void pass(struct world *world, u64 n)
{
	world->now++;
	if (flow_generations_add(&world->generations, nth(n)) && !world->called)
		world->called = world->now;
	if (world->called && world->now >= world->called + world->late)
		grow(world);
	if (flow_retired && world->now >= world->retired + world->late)
		flow_reap();
}

static void rotate(struct world *world)
{
	flow_generations_rotate(&world->generations, world->generations.limit);
	world->retired = world->now;
	look(world);
}

static bool found(const struct world *world, u64 n)
{
	return flow_generations_have(&world->generations, nth(n));
}

static double percent(u64 parts_per_billion)
{
	return parts_per_billion / 1e7;
}

static double probed(const struct world *world)
{
	const u64 probes = quick ? 100000 : 1000000;
	u64 wrong = 0;

	for (u64 n = 1; n <= probes; n++)
		wrong += found(world, ~n);
	return 100. * wrong / probes;
}

/* ---- false positives at every moment */

/* From idle, each packet a flow of its own; the worker comes a fifth of a second late. */
static void test_step(u64 kib, u64 rate)
{
	struct world world;
	double measured, most = 0;
	char text[200];
	u64 n = 0;

	begin(&world, kib, rate / 5);
	for (int window = 0; window < 5; window++) {
		for (int tick = 0; tick < 300; tick++) {
			for (u64 i = 0; i < rate / 10; i++)
				pass(&world, n++);
			look(&world);
		}
		measured = probed(&world);
		most = measured > most ? measured : most;
		rotate(&world);
	}
	snprintf(text, sizeof(text), "%llu new flows a second from idle, %llu KiB: at most %.4f %% false positives at any moment, %.4f %% probed at windows' ends, %llu KiB",
		 rate, kib, percent(world.worst), most, world.most >> 10);
	ok(world.worst <= 1000000 && most <= 0.1 && !world.limited && world.most <= kib << 10, text);
	flow_generations_free(&world.generations);
}

/* So many within one window, from idle. */
static void test_surge(u64 kib, u64 flows)
{
	struct world world;
	double measured;
	char text[200];

	begin(&world, kib, 2000);
	for (u64 n = 0; n < flows; n++) {
		pass(&world, n);
		if (!(n & 1023))
			look(&world);
	}
	measured = probed(&world);
	snprintf(text, sizeof(text), "%llu flows in a window from idle, %llu KiB: %.4f %% false positives, never more than %.4f %%",
		 flows, kib, measured, percent(world.worst));
	ok(world.worst <= 1000000 && measured <= 0.1 && !world.limited, text);
	flow_generations_free(&world.generations);
}

/* Windows that are alike: the ends of the sixth, when both generations are as full as ever. */
static void test_steady(void)
{
	u64 flows, worst = 0, worst_at = 0, at;
	char text[200];

	for (flows = 1000; flows <= 450000; flows = flows * 5 / 4) {
		struct world world;
		u64 n = 0;

		begin(&world, 4096, 1000);
		for (int window = 0; window < 6; window++) {
			if (window)
				rotate(&world);
			for (u64 i = 0; i < flows; i++)
				pass(&world, n++);
		}
		at = flow_generations_false_positives(&world.generations);
		if (at > worst) {
			worst = at;
			worst_at = flows;
		}
		flow_generations_free(&world.generations);
	}
	snprintf(text, sizeof(text), "steady loads of 1,000 to 450,000 flows a window, 4096 KiB: at most %.4f %% false positives (%llu flows)",
		 percent(worst), worst_at);
	ok(worst <= 200000, text);
}

/* ---- the limit */

/* How many different flows it holds before it says so, once each or all of them forever. */
static u64 held(u64 kib, bool lasting, u64 *most)
{
	struct world world;
	u64 n = 0, i;

	begin(&world, kib, 0);
	while (!world.limited) {
		pass(&world, n++);
		/* Everybody goes on whenever there is a new filter. */
		if (lasting && flow_filter_flows(world.generations.newest) == 1)
			for (i = 0; i < n && !world.limited; i++)
				pass(&world, i);
	}
	*most = world.most;
	flow_generations_free(&world.generations);
	return n;
}

static void test_capacity(void)
{
	double least[2] = { 1, 1 }, share;
	bool within = true;
	char text[200];
	u64 kib, most;

	for (kib = 128; kib <= (quick ? 600 : 70000); kib = kib * 9 / 8) {
		for (int lasting = 0; lasting < 2; lasting++) {
			share = (double)held(kib, lasting, &most) / flow_room(kib << 9);
			least[lasting] = share < least[lasting] ? share : least[lasting];
			within &= most <= kib << 10;
		}
	}
	snprintf(text, sizeof(text), "128 KiB to 70 MiB: before the limit counts as reached, %.0f %% of what a pair of filters could hold is held, %.0f %% if all flows last",
		 100 * least[0], 100 * least[1]);
	ok(least[0] >= 0.6 && least[1] >= 0.6, text);
	ok(within, "and never more bytes than the limit");
}

/* The manual's table, as far as it takes no minutes: new flows a second, window, memory_kib. */
static void test_sizes(void)
{
	const unsigned int sizes[][3] = {
		{ 100, 10, 128 }, { 100, 30, 128 }, { 100, 120, 144 },
		{ 1000, 10, 128 }, { 1000, 30, 360 }, { 1000, 120, 1440 },
		{ 10000, 10, 1200 }, { 10000, 30, 3600 }, { 10000, 120, 14400 },
		{ 33000, 10, 4000 }, { 33000, 30, 12000 }, { 100000, 10, 12000 },
	};
	bool fits = true;
	size_t i;

	for (i = 0; i < (quick ? 5 : sizeof(sizes) / sizeof(*sizes)); i++) {
		u64 n = 0, flows = (u64)sizes[i][0] * sizes[i][1];
		struct world world;

		begin(&world, sizes[i][2], sizes[i][0] / 5);
		for (int window = 0; window < 4; window++) {
			for (u64 end = n + flows; n < end; n++)
				pass(&world, n);
			rotate(&world);
		}
		fits &= !world.limited && world.worst <= 1000000;
		flow_generations_free(&world.generations);
	}
	ok(fits, "the manual's sizes of memory_kib have room for what it says");
}

static void test_beyond(void)
{
	struct world world;
	u64 n, missed = 0;
	double measured;
	char text[200];

	begin(&world, 128, 0);
	for (n = 0; n < 100000; n++)
		pass(&world, n);
	for (n = 0; n < 100000; n++)
		missed += !found(&world, n);
	measured = probed(&world);
	snprintf(text, sizeof(text), "beyond the limit there are more false positives (%.1f %% at six times the room), no false negative, and it is said once a generation",
		 measured);
	ok(measured > 1 && measured < 90 && !missed && world.limited == 1, text);
	rotate(&world);
	for (n = 100000; n < 200000; n++)
		pass(&world, n);
	ok(world.limited == 2, "and again in the next one");
	flow_generations_free(&world.generations);
}

static void test_lowered(void)
{
	struct world world;
	int windows = 0;
	u64 n = 0;

	begin(&world, 16384, 0);
	for (; n < 1000000; n++)
		pass(&world, n);
	rotate(&world);
	for (; n < 2000000; n++)
		pass(&world, n);
	world.generations.limit = 256 << 10;
	do {
		rotate(&world);
		flow_reap();
		windows++;
	} while (world.generations.bytes > 256 << 10 && windows < 10);
	ok(windows <= 3, "a lowered limit holds after three windows at the most");
	flow_generations_free(&world.generations);
}

/* ---- time */

/*
 * A load that rises and falls a thousandfold, over 10 million flows: each is found for a
 * window and not for longer than two, whether there is memory or not.
 */
static void test_window(bool starved)
{
	u64 missed = 0, late = 0, sizes = 0, n = 0, first[3] = { 0, 0, 0 }, i, share;
	double expected = 0;
	struct world world;
	char text[200];

	begin(&world, 65536, 500);
	for (int window = 0; n < (starved ? 2000000 : 10000000) / (quick ? 8 : 1); window++) {
		share = 1000 << (window % 8 < 4 ? window % 8 * 3 : (8 - window % 8) * 3);
		share = share > 1000000 ? 1000000 : share;
		flow_no_memory = starved && window % 5;
		for (i = 0; i < share; i++)
			pass(&world, n++);
		for (i = first[1]; i < n; i++)
			missed += !found(&world, i);
		for (i = first[0]; i < first[1]; i++)
			late += found(&world, i);
		expected += (first[1] - first[0]) * percent(flow_generations_false_positives(&world.generations)) / 100;
		rotate(&world);
		first[0] = first[1];
		first[1] = first[2];
		first[2] = n;
		if (window)
			sizes |= 1ULL << (63 - __builtin_clzll(world.generations.newest->bytes));
	}
	flow_no_memory = false;
	snprintf(text, sizeof(text), "%s: no flow is lost inside the window, over %llu of them",
		 starved ? "where memory is short" : "a load that rises and falls", n);
	ok(!missed, text);
	snprintf(text, sizeof(text), "and none is found after two, but for false positives (%llu, %.0f expected)",
		 late, expected);
	ok(late <= expected * 1.1 + 30, text);
	if (!starved)
		ok(__builtin_popcountll(sizes) > 2, "while filters grow and shrink with the load");
	else
		ok(world.short_of, "and growth says that there was no memory");
	flow_generations_free(&world.generations);
}

/* A quarter at most in each window, so that a load that comes back finds room. */
static void test_quiet(void)
{
	struct world world;
	bool slowly = true;
	int windows = 0;
	u64 last;

	begin(&world, 4096, 0);
	for (u64 n = 0; n < 300000; n++)
		pass(&world, n);
	rotate(&world);
	flow_reap();
	do {
		last = world.generations.newest->bytes;
		rotate(&world);
		flow_reap();
		slowly &= world.generations.newest->bytes >= last / 4;
	} while (++windows < 20 && world.generations.bytes > 2 * flow_least(&world.generations));
	ok(slowly && windows <= 8, "in quiet windows it shrinks to the smallest, by a quarter at a time");
	flow_generations_free(&world.generations);
}

static void test_no_memory(void)
{
	struct flow_generations generations = { 0 };

	flow_no_memory = true;
	ok(!flow_generations_init(&generations, 1 << 20) && !generations.bytes,
	   "without memory there is nothing to begin with, and nothing left");
	flow_no_memory = false;
	flow_memory_for = 1;
	ok(!flow_generations_init(&generations, 1 << 20), "nor with memory for one filter alone");
	flow_reap();
	ok(!generations.bytes, "which is given back");
	flow_memory_for = ~0U;
}

/* A limit that the second window reaches, and the first did not; then the next call is not soon. */
static void test_beyond_later(void)
{
	struct flow_filter *newest;
	struct world world;
	u64 n;

	begin(&world, 128, 0);
	for (n = 0; n < 1000; n++)
		pass(&world, n);
	rotate(&world);
	while (!world.limited && n < 100000)
		pass(&world, n++);
	newest = world.generations.newest;
	ok(world.limited == 1, "it is said of a generation that is not the first one");
	ok(newest->crowded >= flow_filter_flows(newest) + flow_room(newest->bytes) / 8 - 100,
	   "and growth is tried again after an eighth more flows");
	flow_generations_free(&world.generations);
}

/* The sizes of what was cut off, newest first, and which of them is kept for so many bytes. */
static u64 spare_of(u32 first, u32 second, u32 third, u64 bytes)
{
	struct flow_filter filter[3] = { { .bytes = first, .older = filter + 1 }, { .bytes = second, .older = filter + 2 },
					 { .bytes = third } };

	return flow_spare(filter, bytes)->bytes;
}

static void test_spare(void)
{
	const u32 order[][3] = { { 1, 4, 2 }, { 1, 2, 4 }, { 2, 1, 4 }, { 2, 4, 1 }, { 4, 1, 2 }, { 4, 2, 1 } };
	bool good = true;

	for (int i = 0; i < 6; i++) {
		const u32 *o = order[i];

		good &= spare_of(o[0], o[1], o[2], 1) == 1 && spare_of(o[0], o[1], o[2], 2) == 2 &&
			spare_of(o[0], o[1], o[2], 3) == 4 && spare_of(o[0], o[1], o[2], 4) == 4 &&
			spare_of(o[0], o[1], o[2], 5) == 4;
	}
	ok(good, "what is kept is the smallest filter that is large enough, or the largest");
}

/* ---- rotations, one by one */

/* So many flows in a window of 1024 KiB; @n is the first of them. */
static void pass_many(struct world *world, u64 n, u64 flows)
{
	for (u64 end = n + flows; n < end; n++)
		pass(world, n);
}

static void test_reused(void)
{
	const struct flow_filter *oldest;
	struct world world;
	u64 late = 0;

	begin(&world, 1024, 0);
	oldest = world.generations.newest->older;
	rotate(&world);
	ok(world.generations.newest == oldest && !flow_retired, "a filter of the right size is used again");

	pass_many(&world, 0, 60000);
	flow_no_memory = true;
	rotate(&world);
	ok(world.generations.newest->bytes < flow_previous(&world.generations)->bytes, "what is at hand serves where there is no memory");
	rotate(&world);
	flow_no_memory = false;
	for (u64 n = 0; n < 60000; n++)
		late += found(&world, n);
	ok(late < 10, "and holds nothing of what it held");
	flow_generations_free(&world.generations);
}

static void test_not_freed(void)
{
	struct world world;
	bool within = true;

	begin(&world, 1024, 0);
	for (u64 window = 0; window < 4; window++) {
		pass_many(&world, window * 60000, 60000);
		rotate(&world);
		world.retired = ~0ULL >> 1; /* grace periods do not end */
		within &= world.generations.bytes <= 1024 << 10;
	}
	ok(within && flow_retired, "what is not freed yet counts, and no rotation exceeds the limit");
	flow_generations_free(&world.generations);
}

static void test_all_false(void)
{
	struct flow_line line;
	struct flow_filter filter[2] = { { .bits = { &line, 1 }, .older = filter + 1 }, { .bits = { &line, 1 } } };
	struct flow_generations generations = { .newest = filter };

	memset(&line, 0, sizeof(line));
	ok(!flow_generations_false_positives(&generations), "two empty filters have none");
	memset(&line, 0xff, sizeof(line));
	ok(flow_generations_false_positives(&generations) == 1000000000, "two filters with all bits have every flow, once");
	memset(&line, 0x55, sizeof(line)); /* a half, six times */
	ok(flow_generations_false_positives(&generations) / 1000 == 31005, "two at 1/64 find what one of them does");
}

/* ---- sizes, to the byte */

static u64 share_of(u64 limit) { return flow_share(&(struct flow_generations){ .limit = limit }); }
static u64 least_of(u64 limit) { return flow_least(&(struct flow_generations){ .limit = limit }); }

static u64 first_of(u64 limit, u64 flows, u64 bytes)
{
	return flow_first_bytes(&(struct flow_generations){ .limit = limit }, &(struct flow_use){ flows, bytes, 1 });
}

static void test_exact_sizes(void)
{
	const u64 kib = 1024, mib = 1024 * kib;

	ok(share_of(128 * kib) == FLOW_MIN_BYTES && share_of(4 * mib) == 1792 * kib && share_of(1000003) == 437440 &&
	   share_of(1024 * mib) == 448 * mib && share_of(2048 * mib) == FLOW_MAX_BYTES,
	   "a generation's share is 7/16 of the limit, in whole lines, and within the bounds of a filter");
	ok(least_of(4 * mib) == 64 * kib && least_of(128 * kib) == 64 * kib && least_of(10000003) == 156224 &&
	   least_of(64 * mib) == mib && least_of(1024 * mib) == mib,
	   "the smallest filter is 1/64 of it, 64 KiB to 1 MiB");
	ok(flow_step(100, 400) == 100 && flow_step(100, 399) == 399 && flow_step(100, 50) == 50,
	   "a step takes what is left where it would leave less than three more");
	ok(flow_bytes_for(0, 64 * kib) == 64 * kib && flow_bytes_for(26215, 128 * kib) == 128 * kib &&
	   flow_bytes_for(26216, 128 * kib) == 256 * kib && flow_bytes_for(1ULL << 60, 64 * kib) == FLOW_MAX_BYTES,
	   "flows and a quarter more fit, by doubling");
	ok(first_of(64 * mib, 786431, 12 * mib) == 4 * mib && first_of(64 * mib, 786432, 12 * mib) == 28 * mib &&
	   first_of(64 * mib, 0, 4 * mib + 64) == mib && first_of(1024 * mib, 3000000, 16 * mib) == 16 * mib &&
	   first_of(1024 * mib, 0, 8 * mib + 64) == 2 * mib,
	   "a generation begins as large as the last one, or with a quarter where that was less than a quarter full");
}

static void test_clear(void)
{
	struct flow_filter *newest;
	struct flow_line *last;
	struct flow_use use;
	struct world world;
	u64 left = 0;

	begin(&world, 128, 0);
	newest = world.generations.newest;
	use = flow_use_of(&world.generations, world.generations.generation);
	ok(use.filters == 1 && use.bytes == newest->bytes && !use.flows, "a generation begins with one filter, and no flow");
	for (u64 n = 0; n < 5000; n++)
		pass(&world, n);
	use = flow_use_of(&world.generations, world.generations.generation);
	ok(use.flows > 4900 && use.flows <= 5000, "its flows are counted");
	last = newest->bits.line + --newest->bits.lines;
	memset(last, 0xff, sizeof(*last));
	newest->crowded = 1;
	flow_filter_clear(newest);
	for (u32 i = 0; i < newest->bits.lines; i++)
		for (int word = 0; word < 8; word++)
			left += !!newest->bits.line[i].word[word];
	for (int word = 0; word < 8; word++)
		left += newest->bits.line[newest->bits.lines].word[word] != ~0ULL;
	ok(!left && !flow_filter_flows(newest) && !newest->estimate && newest->crowded == flow_room(newest->bytes) * 7 / 8,
	   "a filter that is cleared is as new, and nothing behind it is written");
	newest->bits.lines++;
	flow_generations_free(&world.generations);
}

int main(void)
{
	const u64 surges[] = { 15000, 60000, 240000, 440000 };

	quick = getenv("QUICK") && *getenv("QUICK");
	test_exact_sizes();
	test_clear();
	test_spare();
	test_reused();
	test_not_freed();
	test_all_false();
	test_beyond_later();
	test_no_memory();
	if (!quick) {
		test_step(4096, 10000);
		test_step(16384, 33000);
	}
	for (int i = 0; i < (quick ? 2 : 4); i++)
		test_surge(4096, surges[i]);
	if (!quick) {
		test_surge(8192, 480000);
		test_steady();
	}
	test_capacity();
	test_sizes();
	test_beyond();
	test_lowered();
	test_window(false);
	test_window(true);
	test_quiet();
	printf("1..%d\n", number);
	return !!failed;
}
