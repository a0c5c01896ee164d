// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_generations_test - what flow memory promises, held against its code in simulated time
 *
 * A KUnit suite; unit/ runs it in user space, under sanitizers.
 */
#include <kunit/test.h>
#include "flow_alloc.h"
#include "flow_test.h"

static const struct flow_secret secret = { { 1, 2, 3, 4 } };

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
static void begin(struct kunit *test, struct world *world, u64 kib, u64 late)
{
	*world = (struct world){ .late = late };
	KUNIT_ASSERT_TRUE(test, flow_generations_init(&world->generations, kib << 10));
}

static u64 bytes_of(const struct world *world)
{
	return flow_sum_read(&world->generations.bytes);
}

static struct flow_filter *newest_of(const struct world *world)
{
	return flow_own(world->generations.newest);
}

static void look(struct world *world)
{
	u64 chance = flow_generations_false_positives(&world->generations);

	if (bytes_of(world) > world->most)
		world->most = bytes_of(world);
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
	bool due;

	world->now++;
	flow_test_rest(world->now);
	rcu_read_lock();
	due = flow_generations_add(&world->generations, nth(n));
	rcu_read_unlock();
	if (due && !world->called)
		world->called = world->now;
	if (world->called && world->now >= world->called + world->late)
		grow(world);
	if (flow_retired && world->now >= world->retired + world->late)
		flow_reap();
}

/* So many flows; @n is the first of them. */
static void pass_many(struct world *world, u64 n, u64 flows)
{
	for (u64 end = n + flows; n < end; n++)
		pass(world, n);
}

static void rotate(struct world *world)
{
	flow_generations_rotate(&world->generations, world->generations.limit);
	world->retired = world->now;
	look(world);
}

static bool found(const struct world *world, u64 n)
{
	bool have;

	flow_test_rest(n);
	rcu_read_lock();
	have = flow_generations_have(&world->generations, nth(n));
	rcu_read_unlock();
	return have;
}

/* False positives, in parts per billion. */
static u64 probed(const struct world *world)
{
	const u64 probes = 1000000;
	u64 n, wrong = 0;

	for (n = 1; n <= probes; n++)
		wrong += found(world, ~n);
	return wrong * 1000000000 / probes;
}

/* ---- false positives at every moment */

/* From idle, each packet a flow of its own; the worker comes a fifth of a second late. */
static void step(struct kunit *test, u64 kib, u64 rate)
{
	u64 n = 0, measured, most = 0;
	struct world world;

	begin(test, &world, kib, rate / 5);
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
	KUNIT_EXPECT_TRUE_MSG(test, world.worst <= 1000000 && most <= 1000000 &&
			      !world.limited && world.most <= kib << 10,
			      "%llu new flows a second from idle, %llu KiB: at most %llu in a million false positives at any moment, %llu probed at windows' ends, %llu KiB",
			      rate, kib, world.worst / 1000, most / 1000,
			      world.most >> 10);
	flow_generations_free(&world.generations);
}

static void test_step(struct kunit *test)
{
	step(test, 4096, 10000);
	step(test, 16384, 33000);
}

/* So many within one window, from idle. */
static void surge(struct kunit *test, u64 kib, u64 flows)
{
	struct world world;
	u64 measured;

	begin(test, &world, kib, 2000);
	for (u64 n = 0; n < flows; n++) {
		pass(&world, n);
		if (!(n & 1023))
			look(&world);
	}
	measured = probed(&world);
	KUNIT_EXPECT_TRUE_MSG(test, world.worst <= 1000000 && measured <= 1000000 &&
			      !world.limited,
			      "%llu flows in a window from idle, %llu KiB: %llu in a million false positives, never more than %llu",
			      flows, kib, measured / 1000, world.worst / 1000);
	flow_generations_free(&world.generations);
}

static void test_surge(struct kunit *test)
{
	surge(test, 4096, 15000);
	surge(test, 4096, 60000);
}

static void test_surge_large(struct kunit *test)
{
	surge(test, 4096, 240000);
	surge(test, 4096, 440000);
	surge(test, 8192, 480000);
}

/* Windows that are alike: the ends of the sixth, when both generations are as full as ever. */
static void test_steady(struct kunit *test)
{
	u64 flows, worst = 0, worst_at = 0, at;

	for (flows = 1000; flows <= 450000; flows = flows * 5 / 4) {
		struct world world;
		u64 n = 0;

		begin(test, &world, 4096, 1000);
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
	KUNIT_EXPECT_TRUE_MSG(test, worst <= 200000,
			      "steady loads of 1,000 to 450,000 flows a window, 4096 KiB: at most %llu in a million false positives (%llu flows)",
			      worst / 1000, worst_at);
}

/* ---- the limit */

/* How many different flows it holds before it says so, once each or all of them forever. */
static u64 held(struct kunit *test, u64 kib, bool lasting, u64 *most)
{
	struct world world;
	u64 n = 0, i;

	begin(test, &world, kib, 0);
	while (!world.limited) {
		pass(&world, n++);
		/* Everybody goes on whenever there is a new filter. */
		if (lasting && flow_filter_flows(newest_of(&world)) == 1)
			for (i = 0; i < n && !world.limited; i++)
				pass(&world, i);
	}
	*most = world.most;
	flow_generations_free(&world.generations);
	return n;
}

static void capacity(struct kunit *test, u64 from, u64 to)
{
	u64 least[2] = { 100, 100 }, share, kib, most;
	bool within = true;

	for (kib = from; kib <= to; kib = kib * 9 / 8) {
		for (int lasting = 0; lasting < 2; lasting++) {
			share = held(test, kib, lasting, &most) * 100 / flow_room(kib << 9);
			least[lasting] = share < least[lasting] ? share : least[lasting];
			within &= most <= kib << 10;
		}
	}
	KUNIT_EXPECT_TRUE_MSG(test, least[0] >= 60 && least[1] >= 60,
			      "%llu to %llu KiB: before the limit counts as reached, %llu %% of a pair of filters' room is used, %llu %% if all flows last",
			      from, to, least[0], least[1]);
	KUNIT_EXPECT_TRUE_MSG(test, within, "and never more bytes than the limit");
}

static void test_capacity(struct kunit *test)
{
	capacity(test, 128, 600);
}

static void test_capacity_large(struct kunit *test)
{
	capacity(test, 600, 70000);
}

/* A row of the manual's table. */
static void size_up(struct kunit *test, u64 rate, unsigned int seconds, u64 kib)
{
	const u64 flows = rate * seconds;
	struct world world;

	begin(test, &world, kib, rate / 5);
	for (int window = 0; window < 4; window++) {
		pass_many(&world, window * flows, flows);
		rotate(&world);
	}
	KUNIT_EXPECT_TRUE_MSG(test, !world.limited && world.worst <= 1000000,
			      "the manual's %llu KiB have room for %llu new flows a second, %u seconds long",
			      kib, rate, seconds);
	flow_generations_free(&world.generations);
}

static void test_sizes(struct kunit *test)
{
	size_up(test, 100, 10, 128);
	size_up(test, 100, 30, 128);
	size_up(test, 100, 120, 144);
	size_up(test, 1000, 10, 128);
	size_up(test, 1000, 30, 360);
}

/* As far as it takes no minutes. */
static void test_sizes_large(struct kunit *test)
{
	size_up(test, 1000, 120, 1440);
	size_up(test, 10000, 10, 1200);
	size_up(test, 10000, 30, 3600);
	size_up(test, 10000, 120, 14400);
	size_up(test, 33000, 10, 4000);
	size_up(test, 33000, 30, 12000);
	size_up(test, 100000, 10, 12000);
}

static void test_beyond(struct kunit *test)
{
	u64 n, missed = 0, measured;
	struct world world;

	begin(test, &world, 128, 0);
	for (n = 0; n < 100000; n++)
		pass(&world, n);
	for (n = 0; n < 100000; n++)
		missed += !found(&world, n);
	measured = probed(&world);
	KUNIT_EXPECT_TRUE_MSG(test, measured > 10000000 && measured < 900000000 && !missed &&
			      world.limited == 1,
			      "beyond the limit there are more false positives (%llu in a million at six times the room), no false negative, and it is said once a generation",
			      measured / 1000);
	rotate(&world);
	for (n = 100000; n < 200000; n++)
		pass(&world, n);
	KUNIT_EXPECT_TRUE_MSG(test, world.limited == 2, "and again in the next one");
	flow_generations_free(&world.generations);
}

/*
 * A limit that the second window reaches, and the first did not; then the next call is not
 * soon.
 */
static void test_beyond_later(struct kunit *test)
{
	struct flow_filter *newest;
	struct world world;
	u64 n = 1000;

	begin(test, &world, 128, 0);
	pass_many(&world, 0, n);
	rotate(&world);
	while (!world.limited && n < 100000)
		pass(&world, n++);
	newest = newest_of(&world);
	KUNIT_EXPECT_TRUE_MSG(test, world.limited == 1,
			      "it is said of a generation that is not the first one");
	KUNIT_EXPECT_TRUE_MSG(test, newest->crowded >= flow_filter_flows(newest) +
			      flow_room(newest->bytes) / 8 - 100,
			      "and growth is tried again after an eighth more flows");
	flow_generations_free(&world.generations);
}

static void test_next(struct kunit *test)
{
	struct world world;
	u64 first, n = 0;

	begin(test, &world, 16384, 0);
	first = newest_of(&world)->bytes;
	while (newest_of(&world)->bytes == first && n < 1000000)
		pass(&world, n++);
	KUNIT_EXPECT_TRUE_MSG(test, newest_of(&world)->bytes == 4 * first,
			      "a crowded filter is followed by one four times as large");
	flow_generations_free(&world.generations);
}

static void test_lowered(struct kunit *test)
{
	struct world world;
	int windows = 0;
	u64 n = 0;

	begin(test, &world, 16384, 0);
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
	} while (bytes_of(&world) > 256 << 10 && windows < 10);
	KUNIT_EXPECT_TRUE_MSG(test, windows <= 3,
			      "a lowered limit holds after three windows at the most");
	flow_generations_free(&world.generations);
}

/* ---- time */

static int log2_of(u64 number)
{
	int log = 0;

	while (number >>= 1)
		log++;
	return log;
}

/*
 * A load that rises and falls a thousandfold, over so many flows: each is found for a window
 * and not for longer than two, whether there is memory or not. Returns how many sizes, as powers
 * of two, its generations began with.
 */
static int pass_windows(struct kunit *test, struct world *world, u64 flows, bool starved,
			const char *when)
{
	u64 missed = 0, late = 0, expected = 0, sizes = 0, n = 0, first[3] = { 0, 0, 0 }, i, share;

	begin(test, world, 65536, 500);
	for (int window = 0; n < flows; window++) {
		share = 1000 << (window % 8 < 4 ? window % 8 * 3 : (8 - window % 8) * 3);
		share = share > 1000000 ? 1000000 : share;
		flow_no_memory = starved && window % 5;
		for (i = 0; i < share; i++)
			pass(world, n++);
		for (i = first[1]; i < n; i++)
			missed += !found(world, i);
		for (i = first[0]; i < first[1]; i++)
			late += found(world, i);
		expected += (first[1] - first[0]) *
			    flow_generations_false_positives(&world->generations);
		rotate(world);
		first[0] = first[1];
		first[1] = first[2];
		first[2] = n;
		if (window)
			sizes |= 1ULL << log2_of(newest_of(world)->bytes);
	}
	flow_no_memory = false;
	expected /= 1000000000;
	KUNIT_EXPECT_TRUE_MSG(test, !missed,
			      "%s: no flow is lost inside the window, over %llu of them", when, n);
	KUNIT_EXPECT_TRUE_MSG(test, late <= expected * 11 / 10 + 30,
			      "and none is found after two, but for false positives (%llu, %llu expected)",
			      late, expected);
	flow_generations_free(&world->generations);
	return flow_popcount(sizes);
}

static void rise_and_fall(struct kunit *test, u64 flows)
{
	struct world world;
	int sizes = pass_windows(test, &world, flows, false, "a load that rises and falls");

	KUNIT_EXPECT_TRUE_MSG(test, sizes > 2, "while filters grow and shrink with the load");
}

static void test_window(struct kunit *test)
{
	rise_and_fall(test, 1250000);
}

static void test_window_large(struct kunit *test)
{
	rise_and_fall(test, 10000000);
}

static void starve(struct kunit *test, u64 flows)
{
	struct world world;

	pass_windows(test, &world, flows, true, "where memory is short");
	KUNIT_EXPECT_TRUE_MSG(test, world.short_of, "and growth says that there was no memory");
}

static void test_starved(struct kunit *test)
{
	starve(test, 250000);
}

static void test_starved_large(struct kunit *test)
{
	starve(test, 2000000);
}

/* A quarter at most in each window, so that a load that comes back finds room. */
static void test_quiet(struct kunit *test)
{
	struct world world;
	bool slowly = true;
	int windows = 0;
	u64 last;

	begin(test, &world, 4096, 0);
	for (u64 n = 0; n < 300000; n++)
		pass(&world, n);
	rotate(&world);
	flow_reap();
	do {
		last = newest_of(&world)->bytes;
		rotate(&world);
		flow_reap();
		slowly &= newest_of(&world)->bytes >= last / 4;
	} while (++windows < 20 && bytes_of(&world) > 2 * flow_least(&world.generations));
	KUNIT_EXPECT_TRUE_MSG(test, slowly && windows <= 8,
			      "in quiet windows it shrinks to the smallest, by a quarter at a time");
	flow_generations_free(&world.generations);
}

static void test_no_memory(struct kunit *test)
{
	struct flow_generations generations = { 0 };

	flow_no_memory = true;
	KUNIT_EXPECT_TRUE_MSG(test, !flow_generations_init(&generations, 1 << 20) &&
			      !flow_sum_read(&generations.bytes),
			      "without memory there is nothing to begin with, and nothing left");
	flow_no_memory = false;
	flow_memory_for = 1;
	KUNIT_EXPECT_TRUE_MSG(test, !flow_generations_init(&generations, 1 << 20),
			      "nor with memory for one filter alone");
	flow_reap();
	KUNIT_EXPECT_TRUE_MSG(test, !flow_sum_read(&generations.bytes), "which is given back");
	flow_memory_for = ~0U;
}

/* ---- rotations, one by one */

/* Of filters of these sizes that are cut off, newest first, the one kept for so many bytes. */
static u32 spare_of(const u32 size[3], u64 bytes)
{
	struct flow_filter cut[3] = {
		{ .bytes = size[0] }, { .bytes = size[1] }, { .bytes = size[2] }
	};

	flow_publish(cut[0].older, &cut[1]);
	flow_publish(cut[1].older, &cut[2]);
	return flow_spare(cut, bytes)->bytes;
}

static void test_spare(struct kunit *test)
{
	static const u32 order[][3] = {
		{ 1, 4, 2 }, { 1, 2, 4 }, { 2, 1, 4 }, { 2, 4, 1 }, { 4, 1, 2 }, { 4, 2, 1 }
	};
	static const u32 kept[] = { 1, 2, 4, 4, 4 }; /* for 1 to 5 bytes */
	bool good = true;

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		for (size_t b = 0; b < sizeof(kept) / sizeof(*kept); b++)
			good &= spare_of(order[i], b + 1) == kept[b];
	KUNIT_EXPECT_TRUE_MSG(test, good,
			      "what is kept is the smallest filter that is large enough, or the largest");
}

static void test_reused(struct kunit *test)
{
	const struct flow_filter *oldest;
	struct world world;
	u64 late = 0;

	begin(test, &world, 1024, 0);
	oldest = flow_previous(&world.generations);
	rotate(&world);
	KUNIT_EXPECT_TRUE_MSG(test, newest_of(&world) == oldest && !flow_retired,
			      "a filter of the right size is used again");

	pass_many(&world, 0, 60000);
	flow_no_memory = true;
	rotate(&world);
	KUNIT_EXPECT_TRUE_MSG(test, newest_of(&world)->bytes <
			      flow_previous(&world.generations)->bytes,
			      "what is at hand serves where there is no memory");
	rotate(&world);
	flow_no_memory = false;
	for (u64 n = 0; n < 60000; n++)
		late += found(&world, n);
	KUNIT_EXPECT_TRUE_MSG(test, late < 10, "and holds nothing of what it held");
	flow_generations_free(&world.generations);
}

static void test_not_freed(struct kunit *test)
{
	struct world world;
	bool within = true;

	begin(test, &world, 1024, 0);
	for (u64 window = 0; window < 4; window++) {
		pass_many(&world, window * 60000, 60000);
		rotate(&world);
		world.retired = ~0ULL >> 1; /* grace periods do not end */
		within &= bytes_of(&world) <= 1024 << 10;
	}
	KUNIT_EXPECT_TRUE_MSG(test, within && flow_retired,
			      "what is not freed yet counts, and no rotation exceeds the limit");
	flow_generations_free(&world.generations);
}

/* Of two filters of one line, each of whose bytes is the same: in parts per billion. */
static u64 chance_of(unsigned char byte)
{
	struct flow_line line;
	struct flow_filter filter[2] = { { .bits = { &line, 1 } }, { .bits = { &line, 1 } } };
	struct flow_generations generations = { .limit = 0 };

	memset(&line, byte, sizeof(line));
	flow_publish(filter[0].older, &filter[1]);
	flow_publish(generations.newest, &filter[0]);
	return flow_generations_false_positives(&generations);
}

static void test_chance(struct kunit *test)
{
	KUNIT_EXPECT_TRUE_MSG(test, !chance_of(0), "two empty filters have no flow");
	KUNIT_EXPECT_TRUE_MSG(test, chance_of(0xff) == 1000000000,
			      "two filters with all bits have every flow, once");
	/* Half of the bits, six times. */
	KUNIT_EXPECT_TRUE_MSG(test, chance_of(0x55) / 1000 == 31005,
			      "two at 1/64 find what one of them does");
}

/* ---- sizes, to the byte */

static u64 share_of(u64 limit)
{
	const struct flow_generations generations = { .limit = limit };

	return flow_share(&generations);
}

static u64 least_of(u64 limit)
{
	const struct flow_generations generations = { .limit = limit };

	return flow_least(&generations);
}

/* After a generation of one filter. */
static u64 first_of(u64 limit, u64 flows, u64 bytes)
{
	const struct flow_generations generations = { .limit = limit };
	const struct flow_use use = { flows, bytes, 1 };

	return flow_first_bytes(&generations, &use);
}

static void test_exact_sizes(struct kunit *test)
{
	const u64 kib = 1024, mib = 1024 * kib;

	KUNIT_EXPECT_TRUE_MSG(test, share_of(128 * kib) == FLOW_MIN_BYTES &&
			      share_of(4 * mib) == 1792 * kib && share_of(1000003) == 437440 &&
			      share_of(1024 * mib) == 448 * mib &&
			      share_of(2048 * mib) == FLOW_MAX_BYTES,
			      "a generation's share is 7/16 of the limit, in whole lines, and within the bounds of a filter");
	KUNIT_EXPECT_TRUE_MSG(test, least_of(128 * kib) == 64 * kib &&
			      least_of(4 * mib) == 64 * kib && least_of(10000067) == 156224 &&
			      least_of(64 * mib) == mib && least_of(66 * mib) == mib &&
			      least_of(1024 * mib) == mib,
			      "the smallest filter is 1/64 of it, 64 KiB to 1 MiB");
	KUNIT_EXPECT_TRUE_MSG(test, flow_step(100, 400) == 100 && flow_step(100, 399) == 399 &&
			      flow_step(100, 50) == 50,
			      "a step takes what is left where it would leave less than three more");
	KUNIT_EXPECT_TRUE_MSG(test, flow_bytes_for(0, 64 * kib) == 64 * kib &&
			      flow_bytes_for(26215, 128 * kib) == 128 * kib &&
			      flow_bytes_for(26216, 128 * kib) == 256 * kib &&
			      flow_bytes_for(1ULL << 60, 64 * kib) == FLOW_MAX_BYTES,
			      "flows and a quarter more fit, by doubling");
	KUNIT_EXPECT_TRUE_MSG(test, first_of(64 * mib, 786431, 12 * mib) == 4 * mib &&
			      first_of(64 * mib, 786432, 12 * mib) == 28 * mib &&
			      first_of(64 * mib, 0, 4 * mib + 64) == mib &&
			      first_of(1024 * mib, 3000000, 16 * mib) == 16 * mib &&
			      first_of(1024 * mib, 0, 8 * mib + 64) == 2 * mib,
			      "a generation begins as large as the last one, or with a quarter where that was less than a quarter full");
}

/* The next filter's, where all have @bytes together. */
static u64 next_of(struct world *world, u64 bytes)
{
	flow_sum_set(&world->generations.bytes, bytes);
	return flow_next_bytes(&world->generations, newest_of(world));
}

static void test_next_size(struct kunit *test)
{
	const u64 kib = 1024;
	struct world world;

	begin(test, &world, 1024, 0);
	KUNIT_EXPECT_TRUE_MSG(test, next_of(&world, 128 * kib) == 384 * kib &&
			      next_of(&world, 640 * kib) == 384 * kib &&
			      next_of(&world, 640 * kib + 64) == 0,
			      "the next filter fits into the limit, with those that are not freed yet");
	world.generations.limit = 160 * kib;
	KUNIT_EXPECT_TRUE_MSG(test, next_of(&world, 128 * kib) == 0,
			      "there is none that would be smaller than the smallest");
	flow_generations_free(&world.generations);
}

/* The first filter's after a rotation to another limit, where all had @bytes together. */
static u64 rotated(struct kunit *test, u64 limit, u64 bytes)
{
	struct world world;
	u64 first;

	begin(test, &world, 1024, 0);
	flow_sum_set(&world.generations.bytes, bytes);
	flow_generations_rotate(&world.generations, limit);
	first = newest_of(&world)->bytes;
	flow_generations_free(&world.generations);
	return first;
}

static void test_rotated_size(struct kunit *test)
{
	const u64 kib = 1024, mib = 1024 * kib;

	KUNIT_EXPECT_TRUE_MSG(test, rotated(test, 8 * mib, 8 * mib - 128 * kib) == 128 * kib &&
			      rotated(test, 8 * mib, 8 * mib - 128 * kib + 64) == 64 * kib &&
			      rotated(test, 8 * mib, 8 * mib) == 64 * kib &&
			      rotated(test, 8 * mib, 8 * mib + 64) == 128 * kib,
			      "a rotation goes by the new limit, and exceeds it only where it was exceeded");
}

/* How many words of these lines are another one. */
static u64 words_but(const struct flow_line *line, u32 lines, u64 word)
{
	u64 others = 0;

	for (u32 i = 0; i < lines; i++)
		for (int w = 0; w < 8; w++)
			others += line[i].word[w] != word;
	return others;
}

static struct flow_use used(const struct world *world)
{
	return flow_use_of(&world->generations, world->generations.generation);
}

/* But for the last line, which is as if it were behind the filter. */
static void test_clear(struct kunit *test)
{
	struct flow_filter *newest;
	struct flow_line *last;
	struct flow_use use;
	struct world world;

	begin(test, &world, 128, 0);
	newest = newest_of(&world);
	use = used(&world);
	KUNIT_EXPECT_TRUE_MSG(test, use.filters == 1 && use.bytes == newest->bytes && !use.flows,
			      "a generation begins with one filter, and no flow");
	pass_many(&world, 0, 5000);
	use = used(&world);
	KUNIT_EXPECT_TRUE_MSG(test, use.flows > 4900 && use.flows <= 5000,
			      "its flows are counted");

	last = newest->bits.line + --newest->bits.lines;
	memset(last, 0xff, sizeof(*last));
	newest->crowded = 1;
	flow_filter_clear(newest);
	KUNIT_EXPECT_TRUE_MSG(test, !words_but(newest->bits.line, newest->bits.lines, 0) &&
			      !flow_filter_flows(newest) && !flow_sum_read(&newest->estimate) &&
			      newest->crowded == flow_room(newest->bytes) * 7 / 8,
			      "a filter that is cleared is as new");
	KUNIT_EXPECT_TRUE_MSG(test, !words_but(last, 1, ~0ULL), "and nothing behind it is written");
	flow_generations_free(&world.generations);
}

static struct kunit_case flow_generations_cases[] = {
	KUNIT_CASE(test_exact_sizes),
	KUNIT_CASE(test_next_size),
	KUNIT_CASE(test_rotated_size),
	KUNIT_CASE(test_clear),
	KUNIT_CASE(test_spare),
	KUNIT_CASE(test_reused),
	KUNIT_CASE(test_not_freed),
	KUNIT_CASE(test_chance),
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE_SLOW(test_step),
	KUNIT_CASE(test_surge),
	KUNIT_CASE_SLOW(test_surge_large),
	KUNIT_CASE_SLOW(test_steady),
	KUNIT_CASE(test_capacity),
	KUNIT_CASE_SLOW(test_capacity_large),
	KUNIT_CASE(test_sizes),
	KUNIT_CASE_SLOW(test_sizes_large),
	KUNIT_CASE(test_beyond),
	KUNIT_CASE(test_beyond_later),
	KUNIT_CASE(test_next),
	KUNIT_CASE(test_lowered),
	KUNIT_CASE(test_window),
	KUNIT_CASE_SLOW(test_window_large),
	KUNIT_CASE(test_starved),
	KUNIT_CASE_SLOW(test_starved_large),
	KUNIT_CASE(test_quiet),
	{}
};

static struct kunit_suite flow_generations_suite = {
	.name = "flow_generations",
	.test_cases = flow_generations_cases,
};

kunit_test_suite(flow_generations_suite);

MODULE_DESCRIPTION("KUnit tests of xt_untracked's flow memory");
MODULE_LICENSE("GPL");
