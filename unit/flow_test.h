/* SPDX-License-Identifier: GPL-2.0-only */
/* What the suites share. */
#ifndef _FLOW_TEST_H
#define _FLOW_TEST_H

/* In a long loop, now and then: the kernel has more to do. */
#ifdef __KERNEL__
#include <linux/sched.h>
#define flow_test_rest(n)	do { if (!((n) & 4095)) cond_resched(); } while (0)
#else
typedef unsigned short u16;
#define flow_test_rest(n)	((void)(n))
#endif

#endif /* _FLOW_TEST_H */
