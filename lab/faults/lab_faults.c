// SPDX-License-Identifier: GPL-2.0-only
/*
 * lab_faults - does on purpose what the kernels "debug" and "kcsan" are built to find
 *
 * Loaded with fault=NAME it commits that one and says that it went well. Never
 * installed but into the machine of lab/faults/prove.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

MODULE_DESCRIPTION("Deliberate faults, to show that they are found");
MODULE_LICENSE("GPL");

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "which one to commit");

static int none(void)
{
	return 0;
}

static int use_after_free(void)
{
	int *number = kzalloc(sizeof(*number), GFP_KERNEL);

	kfree(number);
	OPTIMIZER_HIDE_VAR(number);
	return READ_ONCE(*number) & 0;
}

/* Several, for a stale register or stack slot may still point at one. */
static int leak(void)
{
	int i;

	for (i = 0; i < 10; i++)
		if (!kmalloc(100, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static DEFINE_SPINLOCK(spin);

static int sleep_in_atomic(void)
{
	spin_lock(&spin);
	kfree(kmalloc(100, GFP_KERNEL));
	spin_unlock(&spin);
	return 0;
}

static DEFINE_MUTEX(one);
static DEFINE_MUTEX(two);

static int lock_order(void)
{
	mutex_lock(&one);
	mutex_lock(&two);
	mutex_unlock(&two);
	mutex_unlock(&one);
	mutex_lock(&two);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&two);
	return 0;
}

static int wide_shift(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	return (1 << by) & 0;
}

static void ring(struct timer_list *unused)
{
}

static int freed_timer(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return -ENOMEM;
	timer_setup(timer, ring, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	kfree(timer);
	return 0;
}

static struct task_struct *racers[2];
static int contested;

static int race(void *unused)
{
	while (!kthread_should_stop()) {
		contested++;
		cond_resched();
	}
	return 0;
}

/* On two CPUs, until the module goes. */
static int two_racers(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		racers[i] = kthread_run_on_cpu(race, NULL, i, "race/%u");
		if (IS_ERR(racers[i]))
			return PTR_ERR(racers[i]);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*commit)(void);
} faults[] = {
	{ "none", none },
	{ "use_after_free", use_after_free },
	{ "leak", leak },
	{ "sleep_in_atomic", sleep_in_atomic },
	{ "lock_order", lock_order },
	{ "wide_shift", wide_shift },
	{ "freed_timer", freed_timer },
	{ "data_race", two_racers },
};

static void lab_faults_exit(void)
{
	int i;

	for (i = 0; i < 2; i++)
		if (!IS_ERR_OR_NULL(racers[i]))
			kthread_stop(racers[i]);
}

static int __init lab_faults_init(void)
{
	int i, err;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(faults[i].name, fault))
			continue;
		err = faults[i].commit();
		if (err)
			lab_faults_exit();
		return err;
	}
	return -EINVAL;
}

module_init(lab_faults_init);
module_exit(lab_faults_exit);
