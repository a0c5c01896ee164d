/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_filter - a set of flows in a fixed amount of memory: a blocked Bloom filter
 *
 * It may return false positives, never false negatives. A flow's bits all lie in one cache
 * line, so that a look-up costs one cache miss, and a busy flow only reads. A flow cannot be
 * taken out again: flow_generations.h forgets by whole filters.
 *
 * Plain C without kernel calls: the kernel module, the unit tests and the fuzzer share it.
 * Context: any. Add and has may run at the same time on the same filter, without a lock.
 * (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007.)
 */
#ifndef _FLOW_FILTER_H
#define _FLOW_FILTER_H

/*
 * A 32-bit kernel loads and stores a word by halves. A filter's bits are only ever set, each by
 * itself, or all cleared, so that a half is as good as a word. Where atomic64_or() is a spinlock
 * (CONFIG_GENERIC_ATOMIC64), a store that clears may be lost to it: bits that stay are false
 * positives until they are cleared the next time.
 */
#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>
#define flow_load(word)		READ_ONCE(word)
#define flow_store(word, value)	WRITE_ONCE(word, value)
#define flow_or(word, bits)	atomic64_or(bits, (atomic64_t *)&(word))
#define flow_popcount(word)	hweight64(word)
#define flow_from_le64(word)	le64_to_cpu((__force __le64)(word))
#define flow_div(sum, by)	div_u64(sum, by)
#define flow_keep_apart(word)	OPTIMIZER_HIDE_VAR(word)
#else
#include <stdbool.h>
#include <string.h>
typedef unsigned int u32;
typedef unsigned long long u64;
#define flow_load(word)		__atomic_load_n(&(word), __ATOMIC_RELAXED)
#define flow_store(word, value)	__atomic_store_n(&(word), value, __ATOMIC_RELAXED)
#define flow_or(word, bits)	__atomic_fetch_or(&(word), bits, __ATOMIC_RELAXED)
#define flow_popcount(word)	__builtin_popcountll(word)
#define flow_div(sum, by)	((sum) / (by))
#define flow_keep_apart(word)	({ __asm__ ("" : "+r" (word)); })
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define flow_from_le64(word)	(word)
#else
#define flow_from_le64(word)	__builtin_bswap64(word)
#endif
#endif

/*
 * 6 bits a flow, 3 each in two words of a line, and room for 16 flows a line, which is 32
 * bits of filter for each: a full filter returns a false positive for 0.0084 % of the flows
 * that it does not hold, one that is three quarters full for 0.0026 %.
 */
#define FLOW_LINE_FLOWS	16
#define FLOW_MIN_BYTES	65536U
#define FLOW_MAX_BYTES	(512U << 20) /* more lines would want more bits of the hash */

/**
 * struct flow_line - what one memory access brings
 * @word: 512 bits
 */
struct flow_line {
	u64 word[8];
};

/**
 * struct flow_bits - a set of flows
 * @line:  the lines, zero to begin with
 * @lines: how many, up to FLOW_MAX_BYTES of them
 */
struct flow_bits {
	struct flow_line *line;
	u32 lines;
};

/**
 * struct flow_secret - what keeps collisions from being computed
 * @v: 256 random bits, what SipHash's state begins with
 *
 * SipHash itself makes these of 128 bits and constants, each time again.
 */
struct flow_secret {
	u64 v[4];
};

static inline u64 flow_rol(u64 word, int by)
{
	return word << by | word >> (64 - by);
}

static inline void flow_sip_round(u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = flow_rol(v[1], 13) ^ v[0];
	v[3] = flow_rol(v[3], 16) ^ v[2];
	v[0] = flow_rol(v[0], 32) + v[3];
	v[2] += v[1];
	v[1] = flow_rol(v[1], 17) ^ v[2];
	v[3] = flow_rol(v[3], 21) ^ v[0];
	v[2] = flow_rol(v[2], 32);
}

static inline void flow_sip_take(u64 v[4], u64 word)
{
	v[3] ^= word;
	flow_sip_round(v);
	v[0] ^= word;
}

/**
 * flow_hash - SipHash-1-3 of a flow's key
 * @secret: the filters' owner's
 * @key:    its first part, however aligned, in the order of memory
 * @words:  that part's length in 64-bit words, up to 30, a constant
 * @last:   the rest of it, the first byte lowest
 * @bytes:  the rest's length, up to 7; what is above it in @last is zero
 *
 * The variant that the kernel's hsiphash uses on 64 bits: enough where what is hashed
 * is never revealed (Aumasson and Bernstein, "SipHash", 2012).
 *
 * Return: 64 bits, each of them as good as any other.
 */
static inline u64 flow_hash(const struct flow_secret *secret, const void *key,
			    unsigned int words, u64 last, unsigned int bytes)
{
	u64 v[4] = { secret->v[0], secret->v[1], secret->v[2], secret->v[3] };
	unsigned int i;

#pragma GCC unroll 4
	for (i = 0; i < words; i++) {
		u64 word;

		memcpy(&word, (const char *)key + sizeof(word) * i, sizeof(word));
		flow_sip_take(v, flow_from_le64(word));
	}
	flow_sip_take(v, last | (u64)(sizeof(u64) * words + bytes) << 56);
	v[2] ^= 0xff;
	flow_sip_round(v);
	flow_sip_round(v);
	flow_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * The upper half of the hash names the line, whatever number of lines there is. Of the rest,
 * 36 bits name three bits each in two words, and two bits each which of the line's four even
 * and four odd words these are; that these four lie in the upper half's lowest byte has no
 * influence on the line.
 */
static inline struct flow_line *flow_line_of(const struct flow_bits *bits, u64 hash)
{
	return &bits->line[(hash >> 32) * bits->lines >> 32];
}

static inline u64 *flow_even_word(struct flow_line *line, u64 hash)
{
	return &line->word[hash >> 35 & 6];
}

static inline u64 *flow_odd_word(struct flow_line *line, u64 hash)
{
	return &line->word[1] + (hash >> 37 & 6);
}

/*
 * Processors test or set a bit in one instruction; compilers that see several at once make
 * masks of them, which takes more. So they are kept apart.
 */
static inline bool flow_has_three_bits(u64 word, u64 hash)
{
	int i;

#pragma GCC unroll 3
	for (i = 0; i < 3; i++) {
		if (!(word & 1ULL << (hash & 63)))
			return false;
		flow_keep_apart(word);
		hash >>= 6;
	}
	return true;
}

static inline u64 flow_three_bits(u64 hash)
{
	u64 word = 0;
	int i;

#pragma GCC unroll 3
	for (i = 0; i < 3; i++) {
		flow_keep_apart(word);
		word |= 1ULL << (hash & 63);
		hash >>= 6;
	}
	return word;
}

#define FLOW_ODD_SHIFT 18 /* of the hash, for the odd word's three bits */

static inline bool flow_line_has(struct flow_line *line, u64 hash)
{
	return flow_has_three_bits(flow_load(*flow_even_word(line, hash)), hash) &&
	       flow_has_three_bits(flow_load(*flow_odd_word(line, hash)), hash >> FLOW_ODD_SHIFT);
}

static inline void flow_line_add(struct flow_line *line, u64 hash)
{
	flow_or(*flow_even_word(line, hash), flow_three_bits(hash));
	flow_or(*flow_odd_word(line, hash), flow_three_bits(hash >> FLOW_ODD_SHIFT));
}

/**
 * flow_bits_have - is this flow among them?
 * @bits: the set
 * @hash: flow_hash() of the flow's key
 *
 * Return: true if it is, and now and then if it is not.
 */
static inline bool flow_bits_have(const struct flow_bits *bits, u64 hash)
{
	return flow_line_has(flow_line_of(bits, hash), hash);
}

/**
 * flow_bits_add - from now on this flow is among them
 * @bits: the set
 * @hash: flow_hash() of the flow's key
 *
 * Writes nothing if all of it is there already.
 *
 * Return: true if it was not among them before.
 */
static __always_inline bool flow_bits_add(const struct flow_bits *bits, u64 hash)
{
	struct flow_line *line = flow_line_of(bits, hash);

	if (flow_line_has(line, hash))
		return false;
	flow_line_add(line, hash);
	return true;
}

/* How many flows so many bytes have room for. */
static inline u64 flow_room(u64 bytes)
{
	return bytes / sizeof(struct flow_line) * FLOW_LINE_FLOWS;
}

/* Of a line: 2^40 times the chance that a flow which is not there finds all of its bits. */
static inline u64 flow_line_chance(const struct flow_line *line)
{
	u64 sum[2] = { 0, 0 }, set;
	int i;

	for (i = 0; i < 8; i++) {
		set = flow_popcount(flow_load(line->word[i]));
		sum[i & 1] += set * set * set;
	}
	return sum[0] * sum[1];
}

/**
 * flow_bits_false_positives - how often flows are found that are not among them
 * @bits: the set
 *
 * Looks at 4096 lines at most, evenly spaced: they tell it to a few percent, for flows
 * spread at random.
 *
 * Return: the expectation, in parts per billion.
 */
static inline u64 flow_bits_false_positives(const struct flow_bits *bits)
{
	const u32 looked_at = bits->lines < 4096 ? bits->lines : 4096;
	const u32 stride = bits->lines / looked_at;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < looked_at; i++)
		sum += flow_line_chance(&bits->line[i * stride]);
	return (flow_div(sum, looked_at) >> 10) * 1000000000 >> 30;
}

#endif /* _FLOW_FILTER_H */
