/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What older kernels lack. The sources are written for the newest; each entry names the
 * version from which on it is needless.
 */
#ifndef _COMPAT_H
#define _COMPAT_H

#include <linux/netfilter.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/version.h>

/* Until Linux 5.14 modules did not get int_active_memcg, which this needs in interrupts. */
#if IS_ENABLED(CONFIG_MEMCG) && LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
static inline struct mem_cgroup *task_set_active_memcg(struct mem_cgroup *memcg)
{
	struct mem_cgroup *usual = current->active_memcg;

	current->active_memcg = memcg;
	return usual;
}

#define set_active_memcg task_set_active_memcg
#endif

/* Is this a copy, on its way out of nf_dup? Until Linux 6.16 that was each CPU's to know. */
static inline bool nf_dup_in_progress(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
	return this_cpu_read(nf_skb_duplicated);
#else
	return current->in_nf_duplicate;
#endif
}

#endif /* _COMPAT_H */
