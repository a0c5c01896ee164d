/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flow_filter - a set of flows in a fixed amount of memory, which may err by "yes"
 *
 * A blocked Bloom filter: a key's bits all lie in one line of 64 bytes, so that asking
 * costs one cache miss and a busy flow only reads. There is no way to take a key out;
 * whoever needs to forget starts a new filter and asks the last one too.
 *
 * Plain C without kernel calls: the kernel module, the unit tests and the fuzzer share
 * it. Every function may run in any context; add and has may run at the same time on
 * the same filter, without a lock.
 */
#ifndef _FLOW_FILTER_H
#define _FLOW_FILTER_H

#ifdef __KERNEL__
#include <linux/bitops.h>
#include <linux/string.h>
#include <linux/types.h>
#define flow_load(word)		READ_ONCE(word)
#define flow_or(word, bits)	atomic64_or(bits, (atomic64_t *)&(word))
#define flow_popcount(word)	hweight64(word)
#else
#include <stdbool.h>
#include <string.h>
typedef unsigned long long u64;
#define flow_load(word)		__atomic_load_n(&(word), __ATOMIC_RELAXED)
#define flow_or(word, bits)	__atomic_fetch_or(&(word), bits, __ATOMIC_RELAXED)
#define flow_popcount(word)	__builtin_popcountll(word)
#endif

/*
 * 4 bits a key, each in a word of its own, and no more than 16 keys a line (32 bits of
 * filter for each): two filters that are full say "yes" by mistake to 0.07 % of what
 * they do not hold.
 */
#define FLOW_BITS	4
#define FLOW_LINE_KEYS	16
#define FLOW_MIN_ORDER	10 /* 64 KiB */
#define FLOW_MAX_ORDER	28 /* as many bits of the hash name the line */

/**
 * struct flow_line - what one memory access brings
 * @word: 512 bits
 */
struct flow_line {
	u64 word[8];
};

/**
 * struct flow_filter - the set
 * @order: log2 of the number of lines, FLOW_MIN_ORDER to FLOW_MAX_ORDER
 * @line:  the lines, zero to begin with
 */
struct flow_filter {
	unsigned int order;
	struct flow_line *line;
};

/**
 * struct flow_secret - keeps outsiders from aiming at collisions
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
 * @secret: the filter owner's
 * @key:    its first part, however aligned, in the order of memory
 * @words:  that part's length in 64-bit words, up to 30, a constant
 * @last:   the rest of it, the first byte lowest
 * @bytes:  the rest's length, up to 7; what is above it in @last is zero
 *
 * The variant that the kernel's hsiphash uses on 64 bits: enough where what is hashed
 * is never revealed (Aumasson and Bernstein, "SipHash", 2012).
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
		flow_sip_take(v, word);
	}
	flow_sip_take(v, last | (u64)(sizeof(u64) * words + bytes) << 56);
	v[2] ^= 0xff;
	flow_sip_round(v);
	flow_sip_round(v);
	flow_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * The upper bits of the hash name the line. Of the lower ones the first says whether the
 * key's bits are in the line's even or odd words, and six each which bit of a word.
 */
static inline u64 *flow_words_of(const struct flow_filter *filter, u64 hash)
{
	return &filter->line[hash >> (64 - filter->order)].word[hash & 1];
}

static inline u64 flow_bit_of(u64 hash, int i)
{
	return 1ULL << (hash >> (6 * i + 1) & 63);
}

/**
 * flow_filter_has - was this added?
 * @filter: the set
 * @hash:   flow_hash() of the key
 *
 * Return: true if it was; by mistake also now and then if it was not.
 */
static inline bool flow_filter_has(const struct flow_filter *filter, u64 hash)
{
	const u64 *word = flow_words_of(filter, hash);
	int i;

#pragma GCC unroll 4
	for (i = 0; i < FLOW_BITS; i++)
		if (!(flow_load(word[2 * i]) & flow_bit_of(hash, i)))
			return false;
	return true;
}

/**
 * flow_filter_add - from now on it has this
 * @filter: the set
 * @hash:   flow_hash() of the key
 *
 * Writes nothing if all of it is there already.
 *
 * Return: true if the filter did not have it before.
 */
static inline bool flow_filter_add(struct flow_filter *filter, u64 hash)
{
	u64 *word = flow_words_of(filter, hash);
	int i;

	if (flow_filter_has(filter, hash))
		return false;
#pragma GCC unroll 4
	for (i = 0; i < FLOW_BITS; i++)
		flow_or(word[2 * i], flow_bit_of(hash, i));
	return true;
}

/* Of one filter, in bytes. */
static inline u64 flow_filter_bytes(unsigned int order)
{
	return (u64)sizeof(struct flow_line) << order;
}

/**
 * flow_filter_order - how large the next filter is to be
 * @keys:  how many the last one took
 * @bytes: the most that one filter may have, not less than FLOW_MIN_ORDER's
 *
 * Room for a quarter more keys than last time.
 *
 * Return: its order.
 */
static inline unsigned int flow_filter_order(u64 keys, u64 bytes)
{
	unsigned int order = FLOW_MIN_ORDER;

	while (order < FLOW_MAX_ORDER && flow_filter_bytes(order + 1) <= bytes &&
	       (u64)FLOW_LINE_KEYS << order < keys + keys / 4)
		order++;
	return order;
}

/**
 * flow_filter_mistakes - how often it says "yes" to what it does not have
 * @filter: the set
 *
 * Looks at each line: a matter of milliseconds for a large filter.
 *
 * Return: the expectation, in parts per million.
 */
static inline u64 flow_filter_mistakes(const struct flow_filter *filter)
{
	const u64 lines = 1ULL << filter->order;
	u64 sum = 0, n, product;
	const u64 *word;
	int half, i;

	/* A stranger meets half a line at random, and in each word of it a bit. */
	for (n = 0; n < lines; n++) {
		for (half = 0; half < 2; half++) {
			word = &filter->line[n].word[half];
			for (product = 1, i = 0; i < FLOW_BITS; i++)
				product *= flow_popcount(flow_load(word[2 * i]));
			sum += product;
		}
	}
	return (sum >> (filter->order + 1)) * 1000000 >> 24;
}

#endif /* _FLOW_FILTER_H */
