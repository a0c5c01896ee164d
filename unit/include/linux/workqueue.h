/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space: each work is a thread. */
#ifndef _LINUX_WORKQUEUE_H
#define _LINUX_WORKQUEUE_H

#include <pthread.h>
#include <stdlib.h>

struct work_struct {
	void (*func)(struct work_struct *work);
	pthread_t thread;
};

#define INIT_WORK(work, function)	((work)->func = (function))

static inline void *work_thread(void *work)
{
	((struct work_struct *)work)->func(work);
	return NULL;
}

#define system_unbound_wq	NULL

static inline void queue_work(void *queue, struct work_struct *work)
{
	(void)queue;
	if (pthread_create(&work->thread, NULL, work_thread, work))
		exit(2);
}

static inline void flush_work(struct work_struct *work)
{
	pthread_join(work->thread, NULL);
}

#endif /* _LINUX_WORKQUEUE_H */
