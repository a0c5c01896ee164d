// SPDX-License-Identifier: GPL-2.0-only
/*
 * plugin_test - what plugin_fuzz.c holds the plugin to, over all short sequences of the words that
 * mean something, and over payloads at the borders; and what its constructor asks of the machine,
 * loads and registers: what this is, is in the environment here
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xtables.h>

static char done[4 * 4096]; /* what the constructor did, in order */

static void note(const char *what, const char *name)
{
	snprintf(done + strlen(done), sizeof(done) - strlen(done), "%s %s;", what, name);
}

static bool says(const char *variable, const char *word)
{
	return getenv(variable) && strstr(getenv(variable), word);
}

static int fake_access(const char *path, int mode) { return mode == F_OK && says("THERE", path) ? 0 : -1; }
static uid_t fake_geteuid(void) { return says("USER_IS", "root") ? 0 : 1000; }

static int fake_insmod(const char *module, const char *program, bool quiet)
{
	if (!program && quiet)
		note("insmod", module);
	return 0;
}

static int fake_dladdr(const void *address, Dl_info *info)
{
	(void)address;
	info->dli_fname = "/plugins/libxt_untracked.so";
	return !says("ADDRESS", "unknown");
}

static void *fake_dlopen(const char *file, int flags)
{
	if (flags == (RTLD_NOW | RTLD_NOLOAD))
		return says("ADDRESS", file) ? done : NULL;
	note("open", file);
	return flags != RTLD_NOW ? NULL : says("OURS", file) ? done : says("STOCK", file) ? done + 1 : NULL;
}

#define access(path, mode) fake_access(path, mode)
#define geteuid() fake_geteuid()
#define xtables_insmod(module, program, quiet) fake_insmod(module, program, quiet)
#define dladdr(address, info) fake_dladdr(address, info)
#define dlopen(file, flags) fake_dlopen(file, flags)
#include "plugin_fuzz.c"
#undef access
#undef dlopen

/* Which revisions this kernel has, as "NAME REVISION;" each. */
static const char *kernel = "";

static int kernel_has(const char *name, uint8_t revision, int option)
{
	char entry[64];

	(void)option;
	snprintf(entry, sizeof(entry), "%s %u;", name, revision);
	return strstr(kernel, entry) != NULL;
}

/* Digits: see check_words(). The letter "a" is a word that nobody knows. */
static void try_words(unsigned int n)
{
	static const char digits[] = "01234567a";
	unsigned char data[2 * MOST_WORDS + 1] = { 1 };
	unsigned int words, rest, i;
	unsigned int all = 1;

	for (words = 0; words <= n; words++, all *= 9) {
		for (i = 0; i < all; i++) {
			rest = i;
			for (unsigned int word = 0; word < words; word++, rest /= 9) {
				data[1 + 2 * word] = digits[rest % 9];
				data[2 + 2 * word] = '\n';
			}
			LLVMFuzzerTestOneInput(data, words ? 2 * words : 1);
		}
	}
}

static void try_payloads(void)
{
	static const uint32_t values[] = { 0, 1, 2, 3, 4, 255, 256, 65536, 1U << 31, ~0U };
	const unsigned int count = sizeof(values) / sizeof(*values);
	unsigned char data[1 + sizeof(struct xt_untracked_mtinfo)] = { 0 };

	for (unsigned int i = 0; i < count * count; i++) {
		struct xt_untracked_mtinfo info = { values[i / count], values[i % count] };

		memcpy(data + 1, &info, sizeof(info));
		LLVMFuzzerTestOneInput(data, sizeof(data));
	}
}

/* What is behind a name, for a kernel that has these. */
static void expect_match(const char *revisions, const char *real_name, int revision)
{
	struct xtables_match *found;

	kernel = revisions;
	found = xtables_find_match("untracked", XTF_DONT_LOAD, NULL);
	expect(!found == !real_name);
	expect(!found || (!strcmp(found->real_name, real_name) && found->revision == revision));
}

/* In a process of its own: libxtables decides once. */
static void in_child(void (*function)(void))
{
	int status;
	pid_t child = fork();

	if (!child) {
		globals.compat_rev = kernel_has;
		function();
		_exit(0);
	}
	expect(waitpid(child, &status, 0) == child && status == 0);
}

/* What parses says whether an option was its own. */
static void try_parse(struct xtables_match *by)
{
	struct xt_entry_match *entry = new_match(sizeof(struct xt_conntrack_mtinfo3));
	unsigned int flags;

	for (int c = -2; c < 6; c++) {
		flags = 0;
		expect(by->parse(c, NULL, 0, &flags, NULL, &entry) == (c >= 0 && c <= 2));
		expect(!flags == (c < 0 || c > 2));
	}
	free(entry);
}

/* constructed DONE NAME VALUE...: a process that begins with these in its environment */
static void constructed(const char *expected, ...)
{
	const char *name;
	va_list list;
	int status;
	pid_t child = fork();

	if (!child) {
		va_start(list, expected);
		while ((name = va_arg(list, const char *)))
			setenv(name, va_arg(list, const char *), 1);
		va_end(list);
		execl("/proc/self/exe", "plugin_test", expected, NULL);
		_exit(1);
	}
	expect(waitpid(child, &status, 0) == child && status == 0);
}

#define STOCK_OF(folder) "open " folder "/libxt_CT.so;"
#define CT "/sys/module/xt_CT"

static void try_constructor(void)
{
	char longer[6000];

	constructed(STOCK_OF("/plugins"), "USER_IS", "root", NULL);
	constructed("insmod xt_NOTRACK;" STOCK_OF("/plugins"), "USER_IS", "root", "THERE", CT, NULL);
	constructed(STOCK_OF("/plugins"), "USER_IS", "nobody", "THERE", CT, NULL);
	constructed(STOCK_OF("/plugins"), "USER_IS", "root", "THERE", "/sys/module/xt_NOTRACK " CT, NULL);
	constructed(STOCK_OF("/a") STOCK_OF("/b"), "XTABLES_LIBDIR", "/a:/b:/c", "STOCK", "/b/libxt_CT.so", NULL);
	constructed(STOCK_OF("/a") STOCK_OF("/b") STOCK_OF("/c"), "XTABLES_LIBDIR", "/a:/b:/c", NULL);
	constructed(STOCK_OF("/a") STOCK_OF("/b"), "XTABLES_LIBDIR", "/a:/b:/c", "STOCK", "/b/libxt_CT.so",
		    "OURS", "/a/libxt_CT.so", "ADDRESS", "/plugins/libxt_untracked.so", NULL);
	constructed(STOCK_OF("/x"), "XTABLES_LIBDIR", "/x", "IPTABLES_LIB_DIR", "/y", "IP6TABLES_LIB_DIR", "/z", NULL);
	constructed(STOCK_OF("/y"), "IPTABLES_LIB_DIR", "/y", "IP6TABLES_LIB_DIR", "/z", NULL);
	constructed(STOCK_OF("/z"), "IP6TABLES_LIB_DIR", "/z", NULL);
	constructed("", "ADDRESS", "unknown", NULL);
	memset(longer, 'x', sizeof(longer));
	strcpy(longer + sizeof(longer) - 4, ":/b");
	constructed(STOCK_OF("/b"), "XTABLES_LIBDIR", longer, NULL);
	memset(longer, 'x', sizeof(longer)); /* a byte too long with its file */
	strcpy(longer + PATH_MAX - strlen("/libxt_CT.so"), ":/b");
	constructed(STOCK_OF("/b"), "XTABLES_LIBDIR", longer, NULL);
	/* The module of 1.0.0, whose match is revision 0, and a kernel without any. */
	constructed(STOCK_OF("/plugins"), "THERE", "/sys/module/xt_untracked", "KERNEL", "untracked 0;conntrack 3;",
		    "MATCH", "untracked 0", NULL);
	constructed(STOCK_OF("/plugins"), "KERNEL", "untracked 0;conntrack 3;", "MATCH", "conntrack 3", NULL);
}

/* As a process that constructed() began: did the constructor do just that? */
static int was_constructed(const char *expected)
{
	char real_name[20] = "";
	int revision = 0;

	globals.compat_rev = kernel_has;
	if (getenv("MATCH")) {
		expect(sscanf(getenv("MATCH"), "%19s %d", real_name, &revision) == 2);
		expect_match(getenv("KERNEL"), real_name, revision);
	}
	return strcmp(done, expected) != 0;
}

static void ours(void) { expect_match("untracked 4;conntrack 3;", "untracked", 4); }
static void conntracks(void) { expect_match("conntrack 1;conntrack 2;conntrack 3;", "conntrack", 3); }

static void target(void)
{
	struct xtables_target *found;

	kernel = "NOTRACK 0;NOTRACK 3;CT 0;CT 1;CT 2;";
	found = xtables_find_target("NOTRACK", XTF_DONT_LOAD);
	expect(found && !strcmp(found->real_name, "NOTRACK") && found->revision == 3 && !found->size && !found->userspacesize);
}

/* The warning comes once. */
static void warned(void)
{
	struct xt_entry_match *entry = new_match(sizeof(struct xt_conntrack_mtinfo3));
	struct shown said = { 0 };
	FILE *usual = stderr;

	stderr = open_memstream(&said.text, &said.length);
	standin_mt.init(entry);
	fflush(stderr);
	expect(said.length);
	standin_mt.init(entry);
	fclose(stderr);
	stderr = usual;
	expect(!strncmp(said.text, "Warning: no kernel module xt_untracked", 38));
	expect(strchr(said.text, '\n') == said.text + said.length - 1);
	free(said.text);
	free(entry);
}

static void translated(void)
{
	struct xt_xlate *translation = xt_xlate_alloc(256);

	expect(notrack_tg.xlate(translation, NULL) == 1);
	expect(strstr(xt_xlate_get(translation), "notrack"));
	xt_xlate_free(translation);
}

static void helps(const struct xt_entry_match *head) { (void)head; notrack_tg.help(); }

static void helped(void)
{
	struct shown of_target = shown_by(helps, NULL), of_match = shown_by(help, NULL);

	expect(strstr(of_target.text, "NOTRACK takes no options"));
	for (int i = 0; i < 3; i++)
		expect(strstr(of_match.text, names[i]));
	free(of_target.text);
	free(of_match.text);
}

int main(int argc, char **argv)
{
	FILE *usual = stderr;

	if (argc > 1)
		return was_constructed(argv[1]);
	in_child(warned);
	stderr = fopen("/dev/null", "w"); /* what stands in warns, if only once */
	expect(stderr != NULL);
	try_words(4);
	fclose(stderr);
	stderr = usual;
	printf("ok 1 - any four words are accepted or refused as the grammar says\n");
	try_payloads();
	printf("ok 2 - any payload is shown in words that mean it, or as unknown\n");
	in_child(ours);
	in_child(conntracks);
	in_child(target);
	printf("ok 3 - match and target are ours, or conntrack's where the kernel has no module\n");
	translated();
	helped();
	printf("ok 4 - translation, help, and one warning\n");
	try_parse(&untracked_mt);
	try_parse(&standin_mt);
	try_constructor();
	printf("ok 5 - the constructor loads our module, finds the stock plugin, and knows 1.0.0's module\n1..5\n");
	return 0;
}
