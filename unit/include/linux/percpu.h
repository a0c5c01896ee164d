/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space, which counts for all CPUs at once. */
#ifndef _LINUX_PERCPU_H
#define _LINUX_PERCPU_H

#include <stdlib.h>

#define alloc_percpu(type)	((type *)calloc(1, sizeof(type)))
#define free_percpu(counter)	free(counter)

#endif /* _LINUX_PERCPU_H */
