// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_filter_test - what the flow filter promises, held against it; prints TAP
 */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "flow_filter.h"

/* SipHash's state for a key of 128 bits, as the paper begins. */
#define STATE(low, high) { \
	(low) ^ 0x736f6d6570736575ULL, (high) ^ 0x646f72616e646f6dULL, \
	(low) ^ 0x6c7967656e657261ULL, (high) ^ 0x7465646279746573ULL }

static const struct flow_secret secret = { STATE(0x0123456789abcdefULL, 0xfedcba9876543210ULL) };
static int number, failed;

static void ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, what);
	failed += !good;
}

/* IPv4 over UDP as the kernel module packs it: addresses, ports and protocol. */
static u64 hash_of(uint32_t from, uint32_t to, uint16_t sport, uint16_t dport)
{
	const uint32_t key[2] = { from, to };

	return flow_hash(&secret, key, 1, 17ULL << 32 | (u64)dport << 16 | sport, 6);
}

/* The nth of 2^64 different keys. */
static u64 nth(u64 n)
{
	return flow_hash(&secret, &n, 1, 17, 6);
}

static struct flow_filter filter_of(unsigned int order)
{
	struct flow_filter filter = { order, aligned_alloc(64, flow_filter_bytes(order)) };

	if (!filter.line)
		exit(2);
	memset(filter.line, 0, flow_filter_bytes(order));
	return filter;
}

/* ---- the hash */

/* SipHash-c-d as the paper has it, for any length, one byte at a time. */
static u64 siphash(int c, int d, const u64 state[4], const unsigned char *in, size_t length)
{
	u64 v[4] = { state[0], state[1], state[2], state[3] };
	size_t at, i, rounds;

	for (at = 0; at <= length; at += 8) {
		u64 word = at + 8 > length ? (u64)length << 56 : 0;

		for (i = 0; i < 8 && at + i < length; i++)
			word |= (u64)in[at + i] << (8 * i);
		v[3] ^= word;
		for (rounds = c; rounds; rounds--)
			flow_sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (rounds = d; rounds; rounds--)
		flow_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void test_hash(void)
{
	/* Of the paper's appendix A: key 00..0f, message 00..0e. */
	const u64 paper[4] = STATE(0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL);
	unsigned char message[40];
	bool same = true;
	unsigned int i, words, bytes;
	u64 last;

	for (i = 0; i < sizeof(message); i++)
		message[i] = i;
	ok(siphash(2, 4, paper, message, 15) == 0xa129ca6149be45e5ULL,
	   "the rounds are SipHash's, by the paper's vector");
	for (i = 0; i < sizeof(message); i++) {
		words = i / 8;
		bytes = i % 8;
		last = 0;
		memcpy(&last, message + 8 * words, bytes);
		same &= flow_hash(&secret, message, words, last, bytes) == siphash(1, 3, secret.v, message, i);
	}
	ok(same, "flow_hash is SipHash-1-3 of 0 to 39 bytes");
}

/* ---- one filter */

static void test_add(void)
{
	struct flow_filter filter = filter_of(FLOW_MIN_ORDER);
	u64 n, had = 0, again = 0, missed = 0;

	for (n = 0; n < 16000; n++)
		had += flow_filter_has(&filter, nth(n));
	ok(!had, "an empty filter has nothing");
	for (n = 0; n < 16000; n++) {
		flow_filter_add(&filter, nth(n));
		missed += !flow_filter_has(&filter, nth(n));
		again += flow_filter_add(&filter, nth(n));
	}
	ok(!missed, "what was added is there at once");
	ok(!again, "what is there is not new");
	free(filter.line);
}

/* Line and bits must not follow from what an address range or a port scan looks like. */
static void test_distribution(void)
{
	struct flow_filter filter = filter_of(14);
	const u64 lines = 1 << 14, keys = 16 * lines;
	unsigned int *load = calloc(lines, sizeof(*load)), bits[512] = { 0 };
	double deviation = 0, spread = 0;
	const char *name[] = { "sequential addresses", "sequential ports", "both" };
	char text[100];
	u64 n, hash, at;
	int shape, i;

	for (shape = 0; shape < 3; shape++) {
		memset(load, 0, lines * sizeof(*load));
		memset(bits, 0, sizeof(bits));
		for (n = 0; n < keys; n++) {
			hash = shape == 0 ? hash_of(0x0a000000 + n, 0xc0000201, 1024, 53) :
			       shape == 1 ? hash_of(0x0a000001 + (n >> 16), 0xc0000201, n, 53) :
					    hash_of(0x0a000000 + n, 0xc0000201 + n, n, n);
			at = flow_words_of(&filter, hash) - filter.line[0].word;
			load[at / 8]++;
			for (i = 0; i < FLOW_BITS; i++)
				bits[(at % 8 + 2 * i) * 64 + (hash >> (6 * i + 1) & 63)]++;
		}
		/* Both are chi-square sums over their degrees of freedom: 1 for chance. */
		for (deviation = 0, n = 0; n < lines; n++)
			deviation += pow(load[n] - 16.0, 2) / 16 / lines;
		for (spread = 0, i = 0; i < 512; i++)
			spread += pow(bits[i] - keys * 4 / 512.0, 2) / (keys * 4 / 512.0) / 512;
		snprintf(text, sizeof(text), "%s spread as chance would (lines %.3f, bits %.3f of 1)",
			 name[shape], deviation, spread);
		ok(fabs(deviation - 1) < 0.06 && fabs(spread - 1) < 0.3, text);
	}
	free(load);
	free(filter.line);
}

/* Two writers at the same lines. */
static struct flow_filter shared;

static void *add_every_other(void *first)
{
	for (u64 n = (u64)(uintptr_t)first; n < 200000; n += 2)
		flow_filter_add(&shared, nth(n));
	return NULL;
}

static void test_threads(void)
{
	pthread_t other;
	u64 n, missed = 0;

	shared = filter_of(FLOW_MIN_ORDER);
	if (pthread_create(&other, NULL, add_every_other, (void *)1))
		exit(2);
	add_every_other(NULL);
	pthread_join(other, NULL);
	for (n = 0; n < 200000; n++)
		missed += !flow_filter_has(&shared, nth(n));
	ok(!missed, "two writers lose nothing of each other's");
	free(shared.line);
}

/* ---- sizes */

static void test_sizes(void)
{
	const u64 most = flow_filter_bytes(FLOW_MAX_ORDER);
	unsigned int order = 0, last = 0;
	bool rises = true, fits = true;
	u64 keys;

	ok(flow_filter_bytes(FLOW_MIN_ORDER) == 65536, "the smallest filter has 64 KiB");
	ok(flow_filter_order(0, most) == FLOW_MIN_ORDER, "no keys: the smallest");
	ok(flow_filter_order(~0ULL / 2, most) == FLOW_MAX_ORDER, "absurdly many keys: the largest");
	ok(flow_filter_order(1 << 30, 2 << 20) == 15, "never more than is allowed");
	ok(flow_filter_order(1 << 30, (4 << 20) - 1) == 15, "nor by rounding up");
	for (keys = 1; keys < 1ULL << 31; keys = keys * 9 / 8 + 1) {
		order = flow_filter_order(keys, most);
		rises &= order >= last;
		fits &= keys + keys / 4 <= (u64)FLOW_LINE_KEYS << order;
		last = order;
	}
	ok(rises, "more keys never get a smaller filter");
	ok(fits, "a quarter more keys than last time would fit");
}

/* ---- filters that take turns */

struct memory {
	struct flow_filter now, before;
	u64 keys; /* that now took */
	u64 bytes; /* the most that one may have */
};

static void rotate(struct memory *memory)
{
	free(memory->before.line);
	memory->before = memory->now;
	memory->now = filter_of(flow_filter_order(memory->keys, memory->bytes));
	memory->keys = 0;
}

static bool remembers(const struct memory *memory, u64 hash)
{
	return flow_filter_has(&memory->now, hash) || flow_filter_has(&memory->before, hash);
}

static struct memory memory_of(u64 bytes)
{
	return (struct memory){ filter_of(FLOW_MIN_ORDER), filter_of(FLOW_MIN_ORDER), 0, bytes };
}

static void forget(struct memory *memory)
{
	free(memory->now.line);
	free(memory->before.line);
}

/*
 * 10 million keys through rotations at odd places, with a load that rises and falls a
 * thousandfold: each of the last generation is found until the next one ends.
 */
static void test_window(void)
{
	struct memory memory = memory_of(64 << 20);
	u64 n = 0, i, first = 0, share, missed = 0, sizes = 0;
	int turn;

	for (turn = 0; n < 10000000; turn++) {
		share = turn % 6 < 3 ? 1000 << (turn % 6 * 5) : 1024000 >> (turn % 6 * 3 - 9);
		for (i = 0; i < share; i++)
			memory.keys += flow_filter_add(&memory.now, nth(n++));
		for (i = first; i < n; i++)
			missed += !remembers(&memory, nth(i));
		first = n - share; /* what came before may go now */
		rotate(&memory);
		sizes |= 1 << memory.now.order;
	}
	ok(!missed && n >= 10000000, "no key is lost inside the window, over 10 million keys");
	ok(__builtin_popcountll(sizes) > 4, "while the filter grows and shrinks with the load");
	rotate(&memory);
	rotate(&memory);
	for (i = 0; i < 1000000; i++)
		missed += remembers(&memory, nth(i));
	ok(!missed, "two rotations later all is forgotten");
	forget(&memory);
}

/*
 * Both filters as full as they get with so many keys a generation. A filter that is far
 * too small cannot count what it takes, so that the right size takes some turns.
 */
static double measure(u64 keys, u64 bytes, int *turns, double *estimate)
{
	struct memory memory = memory_of(bytes);
	const u64 strangers = 4000000;
	u64 n = 0, wrong = 0;

	for (*turns = 1; *turns < 10; ++*turns) {
		for (u64 end = n + keys; n < end; n++)
			memory.keys += flow_filter_add(&memory.now, nth(n));
		if (*turns > 1 && memory.now.order == memory.before.order &&
		    memory.now.order == flow_filter_order(memory.keys, bytes))
			break;
		rotate(&memory);
	}
	for (u64 i = 0; i < strangers; i++)
		wrong += remembers(&memory, nth(~i));
	*estimate = (flow_filter_mistakes(&memory.now) + flow_filter_mistakes(&memory.before)) / 1e6;
	forget(&memory);
	return (double)wrong / strangers;
}

static void test_mistakes(void)
{
	/* The worst is a filter just full: 16 keys a line less the spare quarter. */
	const u64 keys[] = { 10000, 13107, 100000, 1000000, 1677721, 10000000 };
	double mistakes, estimate;
	char text[120];
	int turns;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		mistakes = measure(keys[i], 1 << 30, &turns, &estimate);
		snprintf(text, sizeof(text), "%llu keys: %.4f %% mistakes (%.4f %% estimated) in turn %d, at most 0.1 %%",
			 keys[i], mistakes * 100, estimate * 100, turns);
		ok(mistakes <= 0.001 && fabs(estimate - mistakes) <= mistakes / 4 + 2e-5, text);
	}
	mistakes = measure(1000000, 2 << 20, &turns, &estimate);
	snprintf(text, sizeof(text), "over the cap it drifts to yes: 1000000 keys in 2 MiB, %.2f %%",
		 mistakes * 100);
	ok(mistakes > 0.001 && mistakes < 0.2, text);
}

int main(void)
{
	test_hash();
	test_add();
	test_distribution();
	test_threads();
	test_sizes();
	test_window();
	test_mistakes();
	printf("1..%d\n", number);
	return !!failed;
}
