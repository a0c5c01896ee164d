/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
#ifndef _XT_UNTRACKED_H
#define _XT_UNTRACKED_H

#include <linux/types.h>

/**
 * enum xt_untracked_question - what a rule with "-m untracked" asks of a packet
 * @XT_UNTRACKED_MARK:    does it carry the untracked mark?
 * @XT_UNTRACKED_REPLY:   does it answer an untracked packet that passed lately?
 * @XT_UNTRACKED_RELATED: is it an ICMP error about such a packet?
 *
 * The first rule in a network namespace that asks one of the latter two makes it
 * remember flows, or is refused with -ENOMEM. Any other value is refused with -EINVAL.
 */
enum xt_untracked_question {
	XT_UNTRACKED_MARK,
	XT_UNTRACKED_REPLY,
	XT_UNTRACKED_RELATED,
};

/**
 * struct xt_untracked_mtinfo - payload of match "untracked", revision 4
 * @question: one of &enum xt_untracked_question
 * @invert:   0, or 1 to match where the answer is no
 *
 * 8 bytes, the alignment of x_tables: no byte of it goes unchecked. 1.0.0 had the same
 * as revision 0.
 */
struct xt_untracked_mtinfo {
	__u32 question;
	__u32 invert;
};

#endif /* _XT_UNTRACKED_H */
