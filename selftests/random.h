/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * random - numbers that are the same for the same seed everywhere: Marsaglia's xorshift64*
 */
#include <stdint.h>

static uint64_t random_state; /* the seed, which is not 0 */

static uint32_t any(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dULL >> 32;
}

static unsigned int below(unsigned int n)
{
	return any() % n;
}
