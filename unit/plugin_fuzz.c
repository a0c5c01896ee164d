// SPDX-License-Identifier: GPL-2.0-only
/*
 * plugin_fuzz - libFuzzer target: any words for -m untracked to parse, and any payload for
 * it to print, save and translate, as a kernel that is not ours might hand it out
 *
 * What is accepted is held against a grammar of its own. What -S prints of a payload must
 * be read back as just that payload, or, where no words mean it, be refused. What stands in
 * for a missing module accepts the same words, and may match no packet that it should not.
 */
#include "../libxt_NOTRACK.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#define MOST_WORDS 8
#define MOST_BYTES 256

struct words {
	int n;
	char *word[MOST_WORDS + 1];
	char bytes[MOST_BYTES];
};

static jmp_buf refused;
static struct option *options;
static struct xtables_match match, standin;

static void expect(bool good)
{
	if (!good)
		abort();
}

/* A match as it lies in a rule, and nothing behind it. */
static struct xt_entry_match *new_match(size_t payload)
{
	struct xt_entry_match *entry = calloc(1, sizeof(*entry) + payload);

	expect(entry != NULL);
	return entry;
}

static void __attribute__((noreturn, format(printf, 2, 3)))
refuse(enum xtables_exittype status, const char *format, ...)
{
	char text[256];
	va_list list;

	(void)status;
	va_start(list, format);
	expect(vsnprintf(text, sizeof(text), format, list) > 0);
	va_end(list);
	longjmp(refused, 1);
}

static int any_revision(const char *name, uint8_t revision, int option)
{
	(void)name;
	(void)revision;
	(void)option;
	return 1;
}

/* Some of iptables' own: abbreviations may mean these, too. */
static struct option usual_options[] = {
	{ .name = "jump", .has_arg = required_argument, .val = 'j' },
	{ .name = "replace", .has_arg = required_argument, .val = 'R' },
	{ .name = "numeric", .has_arg = no_argument, .val = 'n' },
	{ .name = NULL },
};

static struct xtables_globals globals = {
	.program_name = "plugin_fuzz", .program_version = "1", .orig_opts = usual_options,
	.exit_err = refuse, .compat_rev = any_revision,
};

/* Before the plugin's own constructor, as iptables does. */
static void __attribute__((constructor(101))) begin(void)
{
	expect(!xtables_init_all(&globals, NFPROTO_IPV4));
	match = untracked_mt;
	standin = standin_mt;
	options = xtables_merge_options(usual_options, NULL, match.extra_opts, &match.option_offset);
	expect(options != NULL);
	standin.option_offset = match.option_offset;
	opterr = 0;
}

/* The part of iptables' command line loop that an extension sees; false if it was refused. */
static bool parse_words(struct xtables_match *by, struct words *words, struct xt_entry_match *entry)
{
	char *argv[MOST_WORDS + 2] = { "iptables" };
	bool invert = false;
	int c;

	memcpy(argv + 1, words->word, sizeof(words->word));
	by->m = entry;
	by->mflags = 0;
	if (by->init)
		by->init(entry);
	optind = 0;
	while ((c = getopt_long(words->n + 1, argv, "-:j:R:n", options, NULL)) != -1) {
		if (c == 1 && !invert && !strcmp(optarg, "!")) {
			invert = true;
			continue;
		}
		if (c < (int)by->option_offset)
			return false;
		xtables_option_mpcall(c, argv, invert, by, NULL);
		invert = false;
	}
	if (invert || optind != words->n + 1)
		return false;
	xtables_option_mfcall(by);
	return true;
}

static bool parse_by(struct xtables_match *by, struct words *words, void *info, size_t size)
{
	struct xt_entry_match *entry = new_match(size);
	volatile bool accepted = false;

	if (!setjmp(refused))
		accepted = parse_words(by, words, entry);
	memcpy(info, entry->data, size);
	free(entry);
	return accepted;
}

static bool parse(struct words *words, struct xt_untracked_mtinfo *info)
{
	return parse_by(&match, words, info, sizeof(*info));
}

static bool same(const struct xt_untracked_mtinfo *a, const struct xt_untracked_mtinfo *b)
{
	return a->mode == b->mode && a->invert == b->invert;
}

/* ---- what there is to expect */

static const char *const names[] = { "--untracked", "--reply", "--related" };

/* In full, or so much that nothing else begins like it; -1 for none. */
static int mode_of(const char *word)
{
	static const size_t least[] = { 3, 7, 5 }; /* iptables has --replace */
	const size_t length = strlen(word);

	for (int i = 0; i < 3; i++)
		if (length >= least[i] && !strncmp(word, names[i], length))
			return i;
	return -1;
}

/* "[!] MODE", or nothing for --untracked; "--" may end it. */
static bool grammar(const struct words *words, struct xt_untracked_mtinfo *info)
{
	int n = words->n, mode = 0;

	if (n && !strcmp(words->word[n - 1], "--"))
		n--;
	info->invert = n && !strcmp(words->word[0], "!");
	n -= info->invert;
	if (n > 1 || (info->invert && !n))
		return false;
	if (n)
		mode = mode_of(words->word[info->invert]);
	info->mode = mode;
	return mode >= 0;
}

static void split(struct words *words, const char *text, size_t length, const char *separators)
{
	char *rest = words->bytes, *word;

	memset(words, 0, sizeof(*words));
	memcpy(words->bytes, text, length < MOST_BYTES - 1 ? length : MOST_BYTES - 1);
	while (words->n < MOST_WORDS && (word = strsep(&rest, separators)))
		words->word[words->n++] = word;
}

/* ---- what is shown of a payload */

struct shown {
	char *text;
	size_t length;
};

/* Runs one of the plugin's functions with standard output in memory. */
static struct shown shown_by(void (*show)(const struct xt_entry_match *), const struct xt_entry_match *head)
{
	struct shown shown = { NULL, 0 };
	FILE *usual = stdout;

	stdout = open_memstream(&shown.text, &shown.length);
	expect(stdout != NULL);
	show(head);
	expect(!fclose(stdout));
	stdout = usual;
	return shown;
}

static void save(const struct xt_entry_match *head) { match.save(NULL, head); }
static void print(const struct xt_entry_match *head) { match.print(NULL, head, 0); }
static void help(const struct xt_entry_match *head) { (void)head; match.help(); }

/* The same words as -S has, without dashes. */
static void check_print(const struct shown *printed, const struct shown *saved)
{
	const char *at = printed->text + strlen(" untracked"), *from = saved->text;

	expect(!strncmp(printed->text, " untracked", strlen(" untracked")));
	for (; *from; from++)
		if (*from != '-')
			expect(*at++ == *from);
	expect(!*at);
}

static void check_translation(const struct xt_entry_match *head, const struct xt_untracked_mtinfo *info)
{
	struct xt_xlate_mt_params params = { .match = head };
	struct xt_xlate *translation = xt_xlate_alloc(256);
	const char *text;
	int translated;

	translated = match.xlate(translation, &params);
	text = xt_xlate_get(translation) + strspn(xt_xlate_get(translation), " ");
	expect(translated == (info->mode == XT_UNTRACKED_STATE && info->invert <= 1));
	expect(!strcmp(text, !translated ? "" : info->invert ? "ct state != untracked" : "ct state untracked"));
	xt_xlate_free(translation);
}

static void check_payload(const struct xt_untracked_mtinfo *info)
{
	const bool valid = info->mode <= XT_UNTRACKED_RELATED && info->invert <= 1;
	struct xt_entry_match *entry = new_match(sizeof(*info));
	struct shown saved, printed, helped;
	struct xt_untracked_mtinfo again;
	struct words words;

	memcpy(entry->data, info, sizeof(*info));
	saved = shown_by(save, entry);
	printed = shown_by(print, entry);
	helped = shown_by(help, entry);
	split(&words, saved.text + (*saved.text == ' '), strlen(saved.text + (*saved.text == ' ')), " ");
	if (!*words.bytes && words.n == 1)
		words.n = 0;
	expect(parse(&words, &again) == valid);
	expect(!valid || same(&again, info));
	check_print(&printed, &saved);
	check_translation(entry, info);
	free(saved.text);
	free(printed.text);
	free(helped.text);
	free(entry);
}

/* The kernel's rule for --ctstate: does a packet in just this state match? */
static bool state_matches(const struct xt_conntrack_mtinfo3 *info, unsigned int state)
{
	return !!(info->state_mask & state) != !!(info->invert_flags & XT_CONNTRACK_STATE);
}

static void check_standin(struct words *words, bool good, const struct xt_untracked_mtinfo *expected)
{
	static const unsigned int states[] = {
		XT_CONNTRACK_STATE_INVALID, XT_CONNTRACK_STATE_BIT(IP_CT_NEW),
		XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED),
		XT_CONNTRACK_STATE_UNTRACKED,
	};
	struct xt_conntrack_mtinfo3 info, rest = { .match_flags = XT_CONNTRACK_STATE };
	bool yes;

	expect(parse_by(&standin, words, &info, sizeof(info)) == good);
	for (int i = 0; good && i < 5; i++) {
		yes = expected->mode == XT_UNTRACKED_STATE && states[i] == XT_CONNTRACK_STATE_UNTRACKED;
		expect(state_matches(&info, states[i]) == (yes != expected->invert));
	}
	rest.state_mask = info.state_mask;
	rest.invert_flags = info.invert_flags & XT_CONNTRACK_STATE;
	expect(!good || !memcmp(&info, &rest, sizeof(rest)));
}

/* A digit alone stands for a word that is worth more than most. */
static void check_words(const char *text, size_t length)
{
	static char usual[][16] = { "!", "--untracked", "--reply", "--related", "--re", "--", "-j", "" };
	struct xt_untracked_mtinfo info, expected;
	struct words words;
	bool accepted;

	split(&words, text, length, "\n");
	for (int i = 0; i < words.n; i++)
		if (*words.word[i] >= '0' && *words.word[i] <= '7' && !words.word[i][1])
			words.word[i] = usual[*words.word[i] - '0'];
	accepted = parse(&words, &info);
	expect(accepted == grammar(&words, &expected));
	check_standin(&words, accepted, &expected);
	if (!accepted)
		return;
	expect(same(&info, &expected));
	check_payload(&info);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct xt_untracked_mtinfo info;

	if (size && *data % 2) {
		check_words((const char *)data + 1, size - 1);
	} else if (size > sizeof(info)) {
		memcpy(&info, data + 1, sizeof(info));
		check_payload(&info);
		info.mode %= 4; /* and what is nearly right */
		info.invert %= 3;
		check_payload(&info);
	}
	return 0;
}
