/* SPDX-License-Identifier: GPL-2.0-only */
/* For user space, where tests free nothing that somebody looks at. */
#ifndef _LINUX_RCUPDATE_H
#define _LINUX_RCUPDATE_H

#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)

#endif /* _LINUX_RCUPDATE_H */
