// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_filter_test - what a flow filter promises, held against it; prints TAP. With QUICK=1
 * in the environment only what takes a second, for lab/mutants
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
static bool quick;

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

static struct flow_bits bits_of(u32 bytes)
{
	struct flow_bits bits = { aligned_alloc(64, bytes), bytes / sizeof(struct flow_line) };

	if (!bits.line)
		exit(2);
	memset(bits.line, 0, bytes);
	return bits;
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
	struct flow_bits bits = bits_of(FLOW_MIN_BYTES);
	u64 n, had = 0, again = 0, missed = 0;

	for (n = 0; n < 16000; n++)
		had += flow_bits_have(&bits, nth(n));
	ok(!had, "an empty filter has nothing");
	for (n = 0; n < 16000; n++) {
		flow_bits_add(&bits, nth(n));
		missed += !flow_bits_have(&bits, nth(n));
		again += flow_bits_add(&bits, nth(n));
	}
	ok(!missed, "what was added is there at once");
	ok(!again, "what is there is not new");
	free(bits.line);
}

/* Of a sum of squares over its degrees of freedom: 1 for chance. */
static double chi_square(const unsigned int *count, u64 n, double expected)
{
	double sum = 0;

	for (u64 i = 0; i < n; i++)
		sum += pow(count[i] - expected, 2) / expected / n;
	return sum;
}

/*
 * Lines and bits must not follow from what an address range or a port scan looks like; nor
 * bits from the line, whose number of lines is none of two's powers here.
 */
static void test_distribution(void)
{
	const u64 lines = 20011, keys = 16 * lines;
	struct flow_bits bits = bits_of(lines * sizeof(struct flow_line));
	unsigned int *load = calloc(lines, sizeof(*load)), count[512];
	const char *name[] = { "sequential addresses", "sequential ports", "both" };
	double of_lines, of_bits;
	u64 n, hash, set;
	char text[100];
	int shape, word;

	for (shape = 0; shape < 3; shape++) {
		memset(load, 0, lines * sizeof(*load));
		memset(count, 0, sizeof(count));
		for (n = 0; n < keys; n++) {
			hash = shape == 0 ? hash_of(0x0a000000 + n, 0xc0000201, 1024, 53) :
			       shape == 1 ? hash_of(0x0a000001 + (n >> 16), 0xc0000201, n, 53) :
					    hash_of(0x0a000000 + n, 0xc0000201 + n, n, n);
			struct flow_line *line = flow_line_of(&bits, hash);

			load[line - bits.line]++;
			word = flow_even_word(line, hash) - line->word;
			for (set = flow_three_bits(hash); set; set &= set - 1)
				count[64 * word + __builtin_ctzll(set)]++;
			word = flow_odd_word(line, hash) - line->word;
			for (set = flow_three_bits(hash >> FLOW_ODD_SHIFT); set; set &= set - 1)
				count[64 * word + __builtin_ctzll(set)]++;
		}
		of_lines = chi_square(load, lines, 16);
		/* Three bits drawn at random are a little less than three. */
		of_bits = chi_square(count, 512, keys * 2 * 64 * (1 - pow(63 / 64., 3)) / 512);
		snprintf(text, sizeof(text), "%s spread as chance would (lines %.3f, bits %.3f of 1)",
			 name[shape], of_lines, of_bits);
		ok(fabs(of_lines - 1) < 0.06 && fabs(of_bits - 1) < 0.3, text);
	}
	free(load);
	free(bits.line);
}

/* Two writers at the same lines. */
static struct flow_bits shared;

static void *add_every_other(void *first)
{
	for (u64 n = (u64)(uintptr_t)first; n < 200000; n += 2)
		flow_bits_add(&shared, nth(n));
	return NULL;
}

static void test_threads(void)
{
	pthread_t other;
	u64 n, missed = 0;

	shared = bits_of(FLOW_MIN_BYTES);
	if (pthread_create(&other, NULL, add_every_other, (void *)1))
		exit(2);
	add_every_other(NULL);
	pthread_join(other, NULL);
	for (n = 0; n < 200000; n++)
		missed += !flow_bits_have(&shared, nth(n));
	ok(!missed, "two writers lose nothing of each other's");
	free(shared.line);
}

/* ---- false positives */

/* The size that comes before a whole number of lines is looked at as a sample, too. */
static void test_false_positives(void)
{
	const u32 bytes[] = { FLOW_MIN_BYTES, 1000000 / 64 * 64, 64 << 20 };
	const double fill[] = { 0.25, 0.75, 1, 1.5, 3 };
	const u64 probes = quick ? 1000000 : 4000000;
	double measured, estimated;
	char text[120];
	u64 n, wrong;

	for (size_t b = 0; b < (quick ? 2 : sizeof(bytes) / sizeof(*bytes)); b++) {
		for (size_t f = 0; f < sizeof(fill) / sizeof(*fill); f++) {
			struct flow_bits bits = bits_of(bytes[b]);

			for (n = 0; n < flow_room(bytes[b]) * fill[f]; n++)
				flow_bits_add(&bits, nth(n));
			for (wrong = n = 0; n < probes; n++)
				wrong += flow_bits_have(&bits, nth(~n));
			measured = (double)wrong / probes;
			estimated = flow_bits_false_positives(&bits) / 1e9;
			snprintf(text, sizeof(text), "%u bytes, %.0f %% full: %.4f %% false positives, %.4f %% estimated",
				 bytes[b], fill[f] * 100, measured * 100, estimated * 100);
			ok((fill[f] > 1 || measured <= 0.0001) &&
			   fabs(estimated - measured) <= measured / 4 + 5e-6, text);
			free(bits.line);
		}
	}
	ok(!flow_bits_false_positives(&(struct flow_bits){ &(struct flow_line){ { 0 } }, 1 }),
	   "none in an empty filter");
}

/* Words with 1 to 8 bits, and a line with all of them behind it. */
static void test_chance(void)
{
	struct flow_line line[2];
	u64 all;

	memset(line, 0xff, sizeof(line));
	for (int i = 0; i < 8; i++)
		line[0].word[i] = (2ULL << i) - 1;
	ok(flow_line_chance(line) == (1 + 27 + 125 + 343) * (8 + 64 + 216 + 512),
	   "a line's chance is the product of its even and its odd words'");
	all = flow_bits_false_positives(&(struct flow_bits){ line + 1, 1 });
	ok(all == 1000000000, "a line with all bits has every flow");
}

int main(void)
{
	quick = getenv("QUICK") && *getenv("QUICK");
	test_hash();
	test_add();
	test_distribution();
	test_threads();
	test_chance();
	test_false_positives();
	printf("1..%d\n", number);
	return !!failed;
}
