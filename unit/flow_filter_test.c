// SPDX-License-Identifier: GPL-2.0-only
/*
 * flow_filter_test - what a flow filter promises, held against it
 *
 * A KUnit suite; unit/ runs it in user space, under sanitizers.
 */
#include <kunit/test.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include "flow_filter.h"
#include "flow_test.h"

static const struct flow_secret secret = { {
	0x0123456789abcdefULL, 0xfedcba9876543210ULL, 0x0f1e2d3c4b5a6978ULL, 0x8796a5b4c3d2e1f0ULL
} };

/* IPv4 over UDP as the kernel module packs it: addresses, ports and protocol. */
static u64 hash_of(u32 from, u32 to, u16 sport, u16 dport)
{
	const u32 key[2] = { from, to };

	return flow_hash(&secret, key, 1, 17ULL << 32 | (u64)dport << 16 | sport, 6);
}

/* The nth of 2^64 different keys. */
static u64 nth(u64 n)
{
	return flow_hash(&secret, &n, 1, 17, 6);
}

static struct flow_bits bits_of(struct kunit *test, u32 bytes)
{
	struct flow_bits bits = { vzalloc(bytes), bytes / sizeof(struct flow_line) };

	KUNIT_ASSERT_NOT_NULL(test, bits.line);
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

static void test_hash(struct kunit *test)
{
	/* Of the paper's appendix A: what key 00..0f begins with; the message is 00..0e. */
	const u64 paper[4] = {
		0x0706050403020100ULL ^ 0x736f6d6570736575ULL,
		0x0f0e0d0c0b0a0908ULL ^ 0x646f72616e646f6dULL,
		0x0706050403020100ULL ^ 0x6c7967656e657261ULL,
		0x0f0e0d0c0b0a0908ULL ^ 0x7465646279746573ULL,
	};
	unsigned char message[40];
	bool same = true;
	unsigned int i;

	for (i = 0; i < sizeof(message); i++)
		message[i] = i;
	KUNIT_EXPECT_TRUE_MSG(test, siphash(2, 4, paper, message, 15) == 0xa129ca6149be45e5ULL,
			      "the rounds are SipHash's, by the paper's vector");
	for (i = 0; i < sizeof(message); i++) {
		unsigned int words = i / 8, bytes = i % 8;
		u64 last = 0;

		memcpy(&last, message + 8 * words, bytes);
		last = flow_from_le64(last);
		same &= flow_hash(&secret, message, words, last, bytes) ==
			siphash(1, 3, secret.v, message, i);
	}
	KUNIT_EXPECT_TRUE_MSG(test, same, "flow_hash is SipHash-1-3 of 0 to 39 bytes");
}

/* ---- one filter */

static void test_add(struct kunit *test)
{
	struct flow_bits bits = bits_of(test, FLOW_MIN_BYTES);
	u64 n, had = 0, again = 0, missed = 0;

	for (n = 0; n < 16000; n++)
		had += flow_bits_have(&bits, nth(n));
	KUNIT_EXPECT_TRUE_MSG(test, !had, "an empty filter has nothing");
	for (n = 0; n < 16000; n++) {
		flow_bits_add(&bits, nth(n));
		missed += !flow_bits_have(&bits, nth(n));
		again += flow_bits_add(&bits, nth(n));
	}
	KUNIT_EXPECT_TRUE_MSG(test, !missed, "what was added is there at once");
	KUNIT_EXPECT_TRUE_MSG(test, !again, "what is there is not new");
	vfree(bits.line);
}

/* Of a sum of squares over its degrees of freedom, in thousandths: 1000 for chance. */
static u64 chi_square(const u32 *count, u64 n, u64 expected)
{
	u64 sum = 0, i;

	for (i = 0; i < n; i++)
		sum += (count[i] - expected) * (count[i] - expected);
	return sum * 1000 / (expected * n);
}

static bool is_about(u64 value, u64 expected, u64 tolerance)
{
	return value + tolerance >= expected && value <= expected + tolerance;
}

/* How often each bit of a line is one of a word's three. */
static void count_bits(u32 *count, u64 set)
{
	for (; set; set &= set - 1)
		count[flow_popcount((set & -set) - 1)]++;
}

/* The nth flow of one of three shapes. */
static u64 shaped(int shape, u64 n)
{
	switch (shape) {
	case 0:
		return hash_of(0x0a000000 + n, 0xc0000201, 1024, 53);
	case 1:
		return hash_of(0x0a000001 + (n >> 16), 0xc0000201, n, 53);
	default:
		return hash_of(0x0a000000 + n, 0xc0000201 + n, n, n);
	}
}

/*
 * Lines and bits must not follow from what an address range or a port scan looks like; nor
 * bits from the line, whose number of lines is none of two's powers here.
 */
static void test_distribution(struct kunit *test)
{
	static const char * const name[] = { "sequential addresses", "sequential ports", "both" };
	const u64 lines = 20011, keys = 16 * lines;
	struct flow_bits bits = bits_of(test, lines * sizeof(struct flow_line));
	u32 *load = vzalloc(lines * sizeof(*load)), *count = vzalloc(512 * sizeof(*count));
	u64 n, of_lines, of_bits;
	int shape;

	KUNIT_ASSERT_NOT_NULL(test, load);
	KUNIT_ASSERT_NOT_NULL(test, count);
	for (shape = 0; shape < 3; shape++) {
		memset(load, 0, lines * sizeof(*load));
		memset(count, 0, 512 * sizeof(*count));
		for (n = 0; n < keys; n++) {
			u64 hash = shaped(shape, n);
			struct flow_line *line = flow_line_of(&bits, hash);

			load[line - bits.line]++;
			count_bits(count + 64 * (flow_even_word(line, hash) - line->word),
				   flow_three_bits(hash));
			count_bits(count + 64 * (flow_odd_word(line, hash) - line->word),
				   flow_three_bits(hash >> FLOW_ODD_SHIFT));
		}
		of_lines = chi_square(load, lines, 16);
		/* Three bits of 64, drawn at random, are 64 - 63^3 / 64^2 different ones. */
		of_bits = chi_square(count, 512, keys * 2 * 12097 / 4096 / 512);
		KUNIT_EXPECT_TRUE_MSG(test, is_about(of_lines, 1000, 60) &&
				      is_about(of_bits, 1000, 300),
				      "%s spread as chance would (lines %llu, bits %llu of 1000)",
				      name[shape], of_lines, of_bits);
	}
	vfree(count);
	vfree(load);
	vfree(bits.line);
}

/* Two writers at the same few lines at a time, of many such sets, each with half of the flows. */
#define SETS		1024
#define SET_LINES	4
#define SET_FLOWS	(SET_LINES * FLOW_LINE_FLOWS)

static struct flow_line *shared;
static u32 at[2]; /* the set that each of them is at */

static struct flow_bits set_of(u32 i)
{
	return (struct flow_bits){ shared + i * SET_LINES, SET_LINES };
}

static void add_every_other(u32 self)
{
	u32 i, n, tries;

	for (i = 0; i < SETS; i++) {
		struct flow_bits bits = set_of(i);

		flow_store(at[self], i);
		/* Both begin a set together, if there is a processor for each. */
		for (tries = 0; tries < 200000 && flow_load(at[!self]) < i; tries++)
			;
		for (n = self; n < SET_FLOWS; n += 2)
			flow_bits_add(&bits, nth(i * SET_FLOWS + n));
	}
}

static void add_odd(struct work_struct *unused)
{
	(void)unused;
	add_every_other(1);
}

static void test_two_writers(struct kunit *test)
{
	static struct work_struct other;
	u32 n, missed = 0;

	shared = vzalloc(SETS * SET_LINES * sizeof(*shared));
	KUNIT_ASSERT_NOT_NULL(test, shared);
	INIT_WORK(&other, add_odd);
	queue_work(system_unbound_wq, &other);
	add_every_other(0);
	flush_work(&other);
	for (n = 0; n < SETS * SET_FLOWS; n++) {
		struct flow_bits bits = set_of(n / SET_FLOWS);

		missed += !flow_bits_have(&bits, nth(n));
	}
	KUNIT_EXPECT_TRUE_MSG(test, !missed, "two writers lose nothing of each other's");
	vfree(shared);
}

/* ---- false positives */

static void test_fill(struct kunit *test, u32 bytes, unsigned int percent)
{
	const u64 probes = 4000000, flows = flow_room(bytes) * percent / 100;
	struct flow_bits bits = bits_of(test, bytes);
	u64 n, wrong = 0, measured, estimated;

	for (n = 0; n < flows; n++) {
		flow_bits_add(&bits, nth(n));
		flow_test_rest(n);
	}
	for (n = 0; n < probes; n++) {
		wrong += flow_bits_have(&bits, nth(~n));
		flow_test_rest(n);
	}
	measured = wrong * 1000000000 / probes;
	estimated = flow_bits_false_positives(&bits);
	KUNIT_EXPECT_TRUE_MSG(test, (percent > 100 || measured <= 100000) &&
			      is_about(estimated, measured, measured / 4 + 5000),
			      "%u bytes, %u %% full: %llu in a billion false positives, %llu estimated",
			      bytes, percent, measured, estimated);
	vfree(bits.line);
}

static void test_fills(struct kunit *test, u32 bytes)
{
	static const unsigned int percent[] = { 25, 75, 100, 150, 300 };
	size_t i;

	for (i = 0; i < sizeof(percent) / sizeof(*percent); i++)
		test_fill(test, bytes, percent[i]);
}

/* The size that comes before a whole number of lines is looked at as a sample, too. */
static void test_false_positives(struct kunit *test)
{
	struct flow_bits empty = bits_of(test, sizeof(struct flow_line));

	test_fills(test, FLOW_MIN_BYTES);
	test_fills(test, 1000000 / 64 * 64);
	KUNIT_EXPECT_TRUE_MSG(test, !flow_bits_false_positives(&empty), "none in an empty filter");
	vfree(empty.line);
}

static void test_false_positives_large(struct kunit *test)
{
	test_fills(test, 64 << 20);
}

/* Words with 1 to 8 bits, and a line with all of them behind it. */
static void test_chance(struct kunit *test)
{
	struct flow_line line[2];
	const struct flow_bits full = { line + 1, 1 };
	int i;

	memset(line, 0xff, sizeof(line));
	for (i = 0; i < 8; i++)
		line[0].word[i] = (2ULL << i) - 1;
	KUNIT_EXPECT_TRUE_MSG(test, flow_line_chance(line) ==
			      (1 + 27 + 125 + 343) * (8 + 64 + 216 + 512),
			      "a line's chance is the product of its even and its odd words'");
	KUNIT_EXPECT_TRUE_MSG(test, flow_bits_false_positives(&full) == 1000000000,
			      "a line with all bits has every flow");
}

/* As many lines as are looked at, and one more than twice as many; the first one has all bits. */
static void test_sample(struct kunit *test)
{
	struct flow_bits bits = bits_of(test, 8193 * sizeof(struct flow_line));

	memset(bits.line, 0xff, sizeof(struct flow_line));
	KUNIT_EXPECT_TRUE_MSG(test, flow_bits_false_positives(&bits) == 1000000000 / 4096,
			      "of more lines each second one is looked at");
	bits.lines = 4096;
	KUNIT_EXPECT_TRUE_MSG(test, flow_bits_false_positives(&bits) == 1000000000 / 4096,
			      "of 4096 lines each one is looked at");
	vfree(bits.line);
}

static struct kunit_case flow_filter_cases[] = {
	KUNIT_CASE(test_hash),
	KUNIT_CASE(test_add),
	KUNIT_CASE(test_distribution),
	KUNIT_CASE(test_two_writers),
	KUNIT_CASE(test_chance),
	KUNIT_CASE(test_sample),
	KUNIT_CASE(test_false_positives),
	KUNIT_CASE_SLOW(test_false_positives_large),
	{}
};

static struct kunit_suite flow_filter_suite = {
	.name = "flow_filter",
	.test_cases = flow_filter_cases,
};

kunit_test_suite(flow_filter_suite);

MODULE_DESCRIPTION("KUnit tests of xt_untracked's flow filter");
MODULE_LICENSE("GPL");
