// SPDX-License-Identifier: GPL-2.0-only
/*
 * libxt_NOTRACK - iptables' side of target NOTRACK and match untracked
 *
 * One object under several names (the Makefile's PLUGIN_LINKS says which): its
 * names are looked for before the distribution's files, none of which it touches.
 */
#define _GNU_SOURCE /* dladdr, strchrnul */
#include <dlfcn.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xtables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_untracked.h>

/* ---- the match */

/* In the order of enum xt_untracked_mode. */
static const struct option untracked_opts[] = {
	{.name = "untracked", .has_arg = no_argument, .val = XT_UNTRACKED_STATE},
	{.name = "reply", .has_arg = no_argument, .val = XT_UNTRACKED_REPLY},
	{.name = "related", .has_arg = no_argument, .val = XT_UNTRACKED_RELATED},
	{ .name = NULL },
};

static void untracked_help(void)
{
	printf(
"untracked match options (only one of them per rule):\n"
"  [!] --untracked    packets in the UNTRACKED state (the default)\n"
"  [!] --reply        replies to recent untracked packets\n"
"  [!] --related      ICMP errors about such packets\n");
}

/* True if option @c is one of them, the first of its rule. */
static bool untracked_is_mode(int c, unsigned int *flags)
{
	if (c < XT_UNTRACKED_STATE || c > XT_UNTRACKED_RELATED)
		return false;
	if (*flags)
		xtables_error(PARAMETER_PROBLEM,
			      "untracked: only one of --untracked, --reply and --related per rule");
	*flags = 1;
	return true;
}

static int untracked_parse(int c, char **argv, int invert, unsigned int *flags,
			   const void *entry, struct xt_entry_match **match)
{
	struct xt_untracked_mtinfo *info = (void *)(*match)->data;

	(void)argv;
	(void)entry;
	if (!untracked_is_mode(c, flags))
		return 0;
	info->mode = c;
	info->invert = !!invert;
	return 1;
}

/* No module of ours has such a rule; what is shown of it must not look like another. */
static bool untracked_unknown(const struct xt_untracked_mtinfo *info)
{
	return info->mode > XT_UNTRACKED_RELATED || info->invert > 1;
}

/* The part that -S and -L share, after "-m untracked" or "untracked". */
static void untracked_show(const struct xt_entry_match *match,
			   const char *dashes)
{
	const struct xt_untracked_mtinfo *info = (const void *)match->data;

	if (untracked_unknown(info))
		printf(" [unknown mode %u, inverted %u]", info->mode, info->invert);
	else if (info->invert || info->mode != XT_UNTRACKED_STATE)
		printf("%s %s%s", info->invert ? " !" : "", dashes,
		       untracked_opts[info->mode].name);
}

static void untracked_print(const void *ip, const struct xt_entry_match *match,
			    int numeric)
{
	(void)ip;
	(void)numeric;
	printf(" untracked");
	untracked_show(match, "");
}

static void untracked_save(const void *ip, const struct xt_entry_match *match)
{
	(void)ip;
	untracked_show(match, "--");
}

/* 0: there is no nft form, and iptables-translate comments the rule out. */
static int untracked_xlate(struct xt_xlate *xl,
			   const struct xt_xlate_mt_params *params)
{
	const struct xt_untracked_mtinfo *info =
		(const void *)params->match->data;

	if (info->mode != XT_UNTRACKED_STATE || untracked_unknown(info))
		return 0;
	xt_xlate_add(xl, "ct state %suntracked", info->invert ? "!= " : "");
	return 1;
}

/*
 * Flagged as an alias (of itself) because libxtables ranks aliases by their revision and
 * takes the first that the kernel has; the next is below.
 */
static struct xtables_match untracked_mt = {
	.version       = XTABLES_VERSION,
	.name          = "untracked",
	.real_name     = "untracked",
	.revision      = 4,
	.ext_flags     = XTABLES_EXT_ALIAS,
	.family        = NFPROTO_UNSPEC,
	.size          = XT_ALIGN(sizeof(struct xt_untracked_mtinfo)),
	.userspacesize = XT_ALIGN(sizeof(struct xt_untracked_mtinfo)),
	.help          = untracked_help,
	.parse         = untracked_parse,
	.print         = untracked_print,
	.save          = untracked_save,
	.xlate         = untracked_xlate,
	.extra_opts    = untracked_opts,
};

/* ---- where the kernel has no xt_untracked: conntrack's match stands in */

/* Every packet has one of these: what belongs to no connection is INVALID. */
#define ANY_STATE (XT_CONNTRACK_STATE_INVALID |				\
		   XT_CONNTRACK_STATE_BIT(IP_CT_NEW) |			\
		   XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) |		\
		   XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |		\
		   XT_CONNTRACK_STATE_UNTRACKED)

/*
 * Nothing is remembered without the module: no packet is a reply or related, and "!
 * --ctstate" with every state is how conntrack says never. So does a state_mask of 0,
 * but that is saved as nothing that an iptables reads back.
 */
static void standin_set(struct xt_conntrack_mtinfo3 *info, int mode, bool invert)
{
	info->match_flags = XT_CONNTRACK_STATE;
	info->state_mask = XT_CONNTRACK_STATE_UNTRACKED;
	if (mode != XT_UNTRACKED_STATE) {
		info->state_mask = ANY_STATE;
		invert = !invert;
	}
	info->invert_flags = invert ? XT_CONNTRACK_STATE : 0;
}

/* libxtables' own warning comes with newer versions alone, and from a second rule on. */
static void standin_init(struct xt_entry_match *match)
{
	static bool warned;

	if (!warned)
		fprintf(stderr,
			"Warning: no kernel module xt_untracked: -m untracked becomes -m conntrack, --reply and --related match nothing\n");
	warned = true;
	standin_set((void *)match->data, XT_UNTRACKED_STATE, false);
}

static int standin_parse(int c, char **argv, int invert, unsigned int *flags,
			 const void *entry, struct xt_entry_match **match)
{
	(void)argv;
	(void)entry;
	if (!untracked_is_mode(c, flags))
		return 0;
	standin_set((void *)(*match)->data, c, invert);
	return 1;
}

/*
 * A rules file is loaded as a whole or not at all: refused, as after a kernel upgrade that
 * left our module behind, it would leave the policies at ACCEPT. What this makes is in all
 * a rule of conntrack's, whose own plugin prints and saves it.
 */
static struct xtables_match standin_mt = {
	.version       = XTABLES_VERSION,
	.name          = "untracked",
	.real_name     = "conntrack",
	.revision      = 3,
	.ext_flags     = XTABLES_EXT_ALIAS,
	.family        = NFPROTO_UNSPEC,
	.size          = XT_ALIGN(sizeof(struct xt_conntrack_mtinfo3)),
	.userspacesize = XT_ALIGN(sizeof(struct xt_conntrack_mtinfo3)),
	.help          = untracked_help,
	.init          = standin_init,
	.parse         = standin_parse,
	.extra_opts    = untracked_opts,
};

/* ---- which of the two is registered */

/*
 * Release 1.0.0's module knows the same payload as revision 0. An upgrade leaves it and
 * its rules in, which have to be listed and saved as ever: there it is what comes second.
 */
static void register_untracked(void)
{
	static struct xtables_match old_mt;

	old_mt = untracked_mt;
	old_mt.revision = 0;
	xtables_register_match(&untracked_mt);
	if (access("/sys/module/xt_untracked", F_OK) == 0)
		xtables_register_match(&old_mt);
	else
		xtables_register_match(&standin_mt);
}

/* ---- the target */

static void notrack_help(void)
{
	printf("NOTRACK takes no options\n");
}

static int notrack_xlate(struct xt_xlate *xl,
			 const struct xt_xlate_tg_params *params)
{
	(void)params;
	xt_xlate_add(xl, "notrack");
	return 1;
}

/*
 * No payload, so nothing to parse, print or save. Flagged as an alias (of
 * itself) because libxtables ranks aliases above plain entries, and the stock
 * libxt_CT.so brings an alias NOTRACK; revision 3 ranks above that one's 0 to 2.
 */
static struct xtables_target notrack_tg = {
	.version       = XTABLES_VERSION,
	.name          = "NOTRACK",
	.real_name     = "NOTRACK",
	.revision      = 3,
	.ext_flags     = XTABLES_EXT_ALIAS,
	.family        = NFPROTO_UNSPEC,
	.size          = XT_ALIGN(0),
	.userspacesize = XT_ALIGN(0),
	.help          = notrack_help,
	.xlate         = notrack_xlate,
};

/* ---- beside the stock plugins, and by their names */

/*
 * Bring in the stock CT target, whose name this object also has, from the first
 * folder of libxtables' path that has it: the path that xtables_init reads, or else the
 * one folder that is built in, which this object then came from. It has to be there when
 * NOTRACK is registered: libxtables then ranks the two aliases side by side. Asking
 * libxtables for CT instead would leave it in the cache of names that are no target. A
 * missing file is no error: -j CT fails as it does without us.
 */
static void load_stock_ct(void)
{
	char own[PATH_MAX], file[PATH_MAX];
	const char *dir, *end;
	void *self, *found;
	Dl_info info;

	if (!dladdr(&notrack_tg, &info))
		return;
	snprintf(own, sizeof(own), "%s", info.dli_fname);
	self = dlopen(own, RTLD_NOW | RTLD_NOLOAD);
	dir = getenv("XTABLES_LIBDIR") ?: getenv("IPTABLES_LIB_DIR") ?:
	      getenv("IP6TABLES_LIB_DIR") ?: dirname(own);
	for (;; dir = end + 1) {
		end = strchrnul(dir, ':');
		found = NULL;
		if (snprintf(file, sizeof(file), "%.*s/libxt_CT.so", (int)(end - dir),
			     dir) < (int)sizeof(file))
			found = dlopen(file, RTLD_NOW);
		/* This object is not the stock one, also where somebody gave it that name. */
		if ((found && found != self) || !*end)
			return;
	}
}

/*
 * modprobe is called for a target only while none of that name is registered. xt_CT has
 * a NOTRACK, too: where that is loaded and ours is not, nothing else loads ours.
 */
static void load_kernel_module(void)
{
	if (geteuid() == 0 && access("/sys/module/xt_CT", F_OK) == 0 &&
	    access("/sys/module/xt_NOTRACK", F_OK) != 0)
		xtables_insmod("xt_NOTRACK", NULL, true);
}

static void __attribute__((constructor)) libxt_NOTRACK_init(void)
{
	load_kernel_module();
	register_untracked();
	load_stock_ct();
	xtables_register_target(&notrack_tg);
}
