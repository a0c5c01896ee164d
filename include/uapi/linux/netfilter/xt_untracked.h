/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _XT_UNTRACKED_H
#define _XT_UNTRACKED_H

#include <linux/types.h>

/**
 * enum xt_untracked_mode - what a rule with "-m untracked" matches
 * @XT_UNTRACKED_STATE:   packets in the UNTRACKED state
 * @XT_UNTRACKED_REPLY:   replies to recent untracked packets
 * @XT_UNTRACKED_RELATED: ICMP errors about such packets
 *
 * The first rule in a network namespace with one of the latter two makes it
 * remember flows, or is refused with -ENOMEM. Any other value is refused with -EINVAL.
 */
enum xt_untracked_mode {
	XT_UNTRACKED_STATE,
	XT_UNTRACKED_REPLY,
	XT_UNTRACKED_RELATED,
};

/**
 * struct xt_untracked_mtinfo - payload of match "untracked", revision 4
 * @mode:     one of &enum xt_untracked_mode
 * @invert:   0, or 1 to match all other packets
 *
 * 8 bytes, the alignment of x_tables: no byte of it goes unchecked. Revision 0 had the same.
 */
struct xt_untracked_mtinfo {
	__u32 mode;
	__u32 invert;
};

#endif /* _XT_UNTRACKED_H */
