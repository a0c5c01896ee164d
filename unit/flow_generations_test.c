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

static void test_capacity(struct kunit *test)
{
	u64 least[2] = { 100, 100 }, share, kib, most;
	bool within = true;

	for (kib = 128; kib <= 70000; kib = kib * 9 / 8) {
		for (int lasting = 0; lasting < 2; lasting++) {
			share = held(test, kib, lasting, &most) * 100 / flow_room(kib << 9);
			least[lasting] = share < least[lasting] ? share : least[lasting];
			within &= most <= kib << 10;
		}
	}
	KUNIT_EXPECT_TRUE_MSG(test, least[0] >= 60 && least[1] >= 60,
			      "128 KiB to 70 MiB: before the limit counts as reached, %llu %% of what a pair of filters could hold is held, %llu %% if all flows last",
			      least[0], least[1]);
	KUNIT_EXPECT_TRUE_MSG(test, within, "and never more bytes than the limit");
}

/* The manual's table, as far as it takes no minutes: new flows a second, window, memory_kib. */
static void test_sizes(struct kunit *test)
{
	static const unsigned int sizes[][3] = {
		{ 100, 10, 128 }, { 100, 30, 128 }, { 100, 120, 144 },
		{ 1000, 10, 128 }, { 1000, 30, 360 }, { 1000, 120, 1440 },
		{ 10000, 10, 1200 }, { 10000, 30, 3600 }, { 10000, 120, 14400 },
		{ 33000, 10, 4000 }, { 33000, 30, 12000 }, { 100000, 10, 12000 },
	};
	bool fits = true;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		u64 n = 0, flows = (u64)sizes[i][0] * sizes[i][1];
		struct world world;

		begin(test, &world, sizes[i][2], sizes[i][0] / 5);
		for (int window = 0; window < 4; window++) {
			for (u64 end = n + flows; n < end; n++)
				pass(&world, n);
			rotate(&world);
		}
		fits &= !world.limited && world.worst <= 1000000;
		flow_generations_free(&world.generations);
	}
	KUNIT_EXPECT_TRUE_MSG(test, fits,
			      "the manual's sizes of memory_kib have room for what it says");
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

static void test_window(struct kunit *test)
{
	struct world world;
	int sizes = pass_windows(test, &world, 10000000, false, "a load that rises and falls");

	KUNIT_EXPECT_TRUE_MSG(test, sizes > 2, "while filters grow and shrink with the load");
}

static void test_starved(struct kunit *test)
{
	struct world world;

	pass_windows(test, &world, 2000000, true, "where memory is short");
	KUNIT_EXPECT_TRUE_MSG(test, world.short_of, "and growth says that there was no memory");
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
}

static struct kunit_case flow_generations_cases[] = {
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE_SLOW(test_step),
	KUNIT_CASE(test_surge),
	KUNIT_CASE_SLOW(test_steady),
	KUNIT_CASE_SLOW(test_capacity),
	KUNIT_CASE_SLOW(test_sizes),
	KUNIT_CASE(test_beyond),
	KUNIT_CASE(test_lowered),
	KUNIT_CASE_SLOW(test_window),
	KUNIT_CASE_SLOW(test_starved),
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
