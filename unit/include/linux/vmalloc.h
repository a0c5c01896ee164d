/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space, where tests want zeroed memory. */
#ifndef _LINUX_VMALLOC_H
#define _LINUX_VMALLOC_H

#include <stdlib.h>
#include <string.h>

/* In whole cache lines, each where one of a processor's begins. */
static inline void *vzalloc(size_t bytes)
{
	size_t rounded = (bytes + 63) / 64 * 64;
	void *memory = aligned_alloc(64, rounded);

	return memory ? memset(memory, 0, rounded) : NULL;
}

static inline void vfree(void *memory)
{
	free(memory);
}

#endif /* _LINUX_VMALLOC_H */
