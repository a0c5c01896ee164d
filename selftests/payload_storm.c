// SPDX-License-Identifier: GPL-2.0-only
/*
 * payload_storm legacy|nft 4|6 COUNT [SEED]
 *
 * Offer the kernel COUNT rules whose match "untracked" or target "NOTRACK" has a random or a
 * boundary payload, size, revision, table and hook. An oracle here says which are valid;
 * each other must be refused with an errno, and a valid one must read back as it was
 * written. To be run in a network namespace of its own: its tables are replaced.
 *
 * Prints "N refused, N taken, 0 wrong"; exit status 0 if none was wrong.
 */
#define _GNU_SOURCE /* memmem */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netlink.h>
#include "random.h"

#define MAX_PAYLOAD 64
#define HOOKS 5
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct table {
	const char *name;
	unsigned int hooks; /* a bit each */
	int priority;
};

static const struct table tables[] = {
	{ "raw", 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_OUT, -300 },
	{ "mangle", (1 << HOOKS) - 1, -150 },
	{ "filter", 1 << NF_INET_LOCAL_IN | 1 << NF_INET_FORWARD | 1 << NF_INET_LOCAL_OUT, 0 },
};

static const char *const hook_names[HOOKS] = {
	"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING",
};

/* A rule with one extension. */
struct rule {
	const struct table *table;
	unsigned int hook;
	bool is_target;
	uint8_t revision;
	unsigned int length; /* of the payload */
	unsigned char payload[MAX_PAYLOAD];
};

static bool is_v6, by_nft;
static unsigned long refused, taken, wrong;

static const char *extension(const struct rule *rule)
{
	return rule->is_target ? "NOTRACK" : "untracked";
}

/* ---- what is offered */

/* Mostly what is nearly right: from far off, refusals say little. */
static uint32_t boundary(void)
{
	static const uint32_t values[] = {
		0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x100, 0x10000, 0x1000000, 0x7fffffff,
		0x80000000, 0xfffffffe, 0xffffffff,
	};

	return below(4) ? values[below(ARRAY_SIZE(values))] : any();
}

static void make_rule(struct rule *rule)
{
	unsigned int i;
	uint32_t word;

	memset(rule, 0, sizeof(*rule));
	rule->table = &tables[below(ARRAY_SIZE(tables))];
	do
		rule->hook = below(HOOKS);
	while (!(rule->table->hooks >> rule->hook & 1));
	rule->is_target = below(2);
	rule->revision = below(4) ? (rule->is_target ? below(2) * 3 : 4) : below(256);
	rule->length = rule->is_target ? 0 : 8;
	if (!below(4))
		rule->length = below(MAX_PAYLOAD + 1);
	for (i = 0; i < MAX_PAYLOAD; i += sizeof(word)) {
		word = below(2) ? below(3) : boundary();
		memcpy(rule->payload + i, &word, sizeof(word));
	}
	memset(rule->payload + rule->length, 0, MAX_PAYLOAD - rule->length);
}

/* ---- the oracle */

static bool valid_target(const struct rule *rule)
{
	return (rule->revision == 0 || rule->revision == 3) && rule->length == 0 &&
	       !strcmp(rule->table->name, "raw");
}

/* A payload that is short of its last bytes is filled up by iptables-legacy, not by nft. */
static bool valid_match(const struct rule *rule)
{
	const unsigned int length = by_nft ? rule->length : XT_ALIGN(rule->length);
	uint32_t word[2];

	memcpy(word, rule->payload, sizeof(word));
	return rule->revision == 4 && length == sizeof(word) && word[0] <= 2 && word[1] <= 1;
}

static bool valid(const struct rule *rule)
{
	return rule->is_target ? valid_target(rule) : valid_match(rule);
}

static void complain(const struct rule *rule, const char *what, int error)
{
	unsigned int i;

	wrong++;
	printf("wrong: %s: %s %s, revision %u, %s %s, error %d, payload ", what,
	       rule->is_target ? "target" : "match", extension(rule), rule->revision,
	       rule->table->name, hook_names[rule->hook], error);
	for (i = 0; i < rule->length; i++)
		printf("%02x", rule->payload[i]);
	printf("\n");
}

/* ---- by setsockopt, as iptables-legacy does (linux/netfilter_ipv4/ip_tables.h) */

static int socket_fd, level;
static unsigned int entries_now[ARRAY_SIZE(tables)]; /* the kernel wants room for their counters */

static size_t entry_size(void)
{
	return is_v6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
}

/* Both families' entries end alike. */
static void set_offsets(unsigned char *entry, unsigned int target, unsigned int next)
{
	if (is_v6) {
		((struct ip6t_entry *)entry)->target_offset = target;
		((struct ip6t_entry *)entry)->next_offset = next;
	} else {
		((struct ipt_entry *)entry)->target_offset = target;
		((struct ipt_entry *)entry)->next_offset = next;
	}
}

static size_t put_extension(unsigned char *at, const char *name, unsigned int revision,
			    const void *payload, size_t length)
{
	struct xt_entry_target *target = (void *)at;

	target->u.target_size = XT_ALIGN(sizeof(*target)) + XT_ALIGN(length);
	target->u.user.revision = revision;
	strcpy(target->u.user.name, name);
	memcpy(target->data, payload, length);
	return target->u.target_size;
}

/* An entry that says ACCEPT, with a match in front where there is one. */
static size_t put_accept(unsigned char *entry, const struct rule *rule)
{
	const int verdict = -NF_ACCEPT - 1;
	size_t target = entry_size(), next;

	if (rule)
		target += put_extension(entry + target, extension(rule), rule->revision,
					rule->payload, rule->length);
	next = target + put_extension(entry + target, XT_STANDARD_TARGET, 0, &verdict, sizeof(verdict));
	set_offsets(entry, target, next);
	return next;
}

static size_t put_target(unsigned char *entry, const char *name, unsigned int revision,
			 const void *payload, size_t length)
{
	size_t next = entry_size() + put_extension(entry + entry_size(), name, revision, payload, length);

	set_offsets(entry, entry_size(), next);
	return next;
}

static size_t put_rule(unsigned char *entry, const struct rule *rule)
{
	if (!rule->is_target)
		return put_accept(entry, rule);
	return put_target(entry, extension(rule), rule->revision, rule->payload, rule->length);
}

/* The table with this one rule in it, or none; 0 or an errno. */
static int replace_table(const struct table *table, const struct rule *rule)
{
	static struct {
		struct ipt_replace head; /* ip6t_replace is laid out alike */
		unsigned char entries[4096];
	} blob;
	struct xt_counters counters[2 * HOOKS];
	unsigned int *entries = &entries_now[table - tables];
	char error_name[XT_FUNCTION_MAXNAMELEN] = XT_ERROR_TARGET;
	size_t size = 0;
	unsigned int hook;

	memset(&blob, 0, sizeof(blob));
	strcpy(blob.head.name, table->name);
	blob.head.valid_hooks = table->hooks;
	blob.head.num_counters = *entries;
	blob.head.counters = counters;
	for (hook = 0; hook < HOOKS; hook++) {
		if (!(table->hooks >> hook & 1))
			continue;
		blob.head.hook_entry[hook] = size;
		if (rule && rule->hook == hook) {
			size += put_rule(blob.entries + size, rule);
			blob.head.num_entries++;
		}
		blob.head.underflow[hook] = size;
		size += put_accept(blob.entries + size, NULL);
		blob.head.num_entries++;
	}
	size += put_target(blob.entries + size, XT_ERROR_TARGET, 0, error_name, sizeof(error_name));
	blob.head.num_entries++;
	blob.head.size = size;
	if (setsockopt(socket_fd, level, IPT_SO_SET_REPLACE, &blob, sizeof(blob.head) + size))
		return errno;
	*entries = blob.head.num_entries;
	return 0;
}

static void open_legacy(void)
{
	struct ipt_getinfo info;
	socklen_t length;
	unsigned int i;

	level = is_v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	socket_fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		length = sizeof(info);
		memset(&info, 0, sizeof(info));
		strcpy(info.name, tables[i].name);
		if (getsockopt(socket_fd, level, IPT_SO_GET_INFO, &info, &length))
			err(2, "table %s", tables[i].name);
		entries_now[i] = info.num_entries;
	}
}

/* Where in @bytes the rule's extension stands as it was written; its first is best. */
static bool found_in(const struct rule *rule, const unsigned char *bytes, size_t size)
{
	unsigned char extension_bytes[MAX_PAYLOAD + 64] = { 0 };
	size_t length = put_extension(extension_bytes, extension(rule), rule->revision,
				      rule->payload, rule->length);

	return memmem(bytes, size, extension_bytes, length) != NULL;
}

static bool legacy_reads_back(const struct rule *rule)
{
	static struct {
		struct ipt_get_entries head;
		unsigned char entries[4096];
	} blob;
	struct ipt_getinfo info = { 0 };
	socklen_t length = sizeof(info);

	strcpy(info.name, rule->table->name);
	if (getsockopt(socket_fd, level, IPT_SO_GET_INFO, &info, &length))
		return false;
	memset(&blob, 0, sizeof(blob));
	strcpy(blob.head.name, info.name);
	blob.head.size = info.size;
	length = sizeof(blob.head) + info.size;
	return !getsockopt(socket_fd, level, IPT_SO_GET_ENTRIES, &blob, &length) &&
	       found_in(rule, blob.entries, info.size);
}

static int legacy_add(const struct rule *rule)
{
	return replace_table(rule->table, rule);
}

static void legacy_remove(const struct rule *rule)
{
	int error = replace_table(rule->table, NULL);

	if (error)
		complain(rule, "cannot be removed", error);
}

/* ---- by netlink, as iptables-nft does (linux/netfilter/nf_tables.h) */

struct message {
	unsigned char bytes[8192];
	size_t length;
	struct nlmsghdr *last;
};

static uint32_t sequence;

static void *room_for(struct message *message, size_t length)
{
	void *at = message->bytes + message->length;

	message->length += NLMSG_ALIGN(length);
	return at;
}

static void begin(struct message *message, int type, int flags, int family, int resource)
{
	struct nlmsghdr *header = room_for(message, sizeof(*header));
	struct nfgenmsg *generic = room_for(message, sizeof(*generic));

	message->last = header;
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = ++sequence;
	generic->nfgen_family = family;
	generic->res_id = htons(resource);
}

static void end(struct message *message)
{
	message->last->nlmsg_len = message->bytes + message->length - (unsigned char *)message->last;
}

static void put(struct message *message, int type, const void *bytes, size_t length)
{
	struct nlattr *attribute = room_for(message, NLA_HDRLEN + length);

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + length;
	memcpy((char *)attribute + NLA_HDRLEN, bytes, length);
}

static void put_string(struct message *message, int type, const char *text)
{
	put(message, type, text, strlen(text) + 1);
}

static void put_number(struct message *message, int type, uint32_t number)
{
	number = htonl(number);
	put(message, type, &number, sizeof(number));
}

static struct nlattr *nest(struct message *message, int type)
{
	struct nlattr *attribute = room_for(message, NLA_HDRLEN);

	attribute->nla_type = type | NLA_F_NESTED;
	return attribute;
}

static void close_nest(struct message *message, struct nlattr *attribute)
{
	attribute->nla_len = message->bytes + message->length - (unsigned char *)attribute;
}

static int nft_family(void)
{
	return is_v6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static void begin_batch(struct message *message)
{
	memset(message, 0, sizeof(*message));
	begin(message, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	end(message);
}

static void begin_nft(struct message *message, int type, int flags)
{
	begin(message, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, nft_family(), 0);
}

/* Sends the batch; 0, or the errno of the first message that was refused. */
static int commit(struct message *message)
{
	unsigned char reply[8192];
	uint32_t last = sequence;
	struct nlmsghdr *header;
	struct nlmsgerr *error;
	ssize_t got;
	int status = 0;

	begin(message, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	end(message);
	if (send(socket_fd, message->bytes, message->length, 0) < 0)
		return errno;
	for (;;) { /* until what was last is acknowledged, or something refused */
		got = recv(socket_fd, reply, sizeof(reply), 0);
		if (got < 0)
			return errno;
		for (header = (void *)reply; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got)) {
			error = NLMSG_DATA(header);
			if (header->nlmsg_type != NLMSG_ERROR)
				continue;
			if (error->error && !status)
				status = -error->error;
			if (error->error || header->nlmsg_seq == last)
				return status;
		}
	}
}

static void drain(void)
{
	unsigned char reply[8192];

	while (recv(socket_fd, reply, sizeof(reply), MSG_DONTWAIT) > 0)
		;
}

static void make_chains(const struct table *table)
{
	struct message message;
	struct nlattr *hook;
	unsigned int i;

	begin_batch(&message);
	begin_nft(&message, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_string(&message, NFTA_TABLE_NAME, table->name);
	end(&message);
	for (i = 0; i < HOOKS; i++) {
		if (!(table->hooks >> i & 1))
			continue;
		begin_nft(&message, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
		put_string(&message, NFTA_CHAIN_TABLE, table->name);
		put_string(&message, NFTA_CHAIN_NAME, hook_names[i]);
		hook = nest(&message, NFTA_CHAIN_HOOK);
		put_number(&message, NFTA_HOOK_HOOKNUM, i);
		put_number(&message, NFTA_HOOK_PRIORITY, table->priority);
		close_nest(&message, hook);
		put_string(&message, NFTA_CHAIN_TYPE, "filter");
		end(&message);
	}
	errno = commit(&message);
	if (errno)
		err(2, "nft table %s", table->name);
	drain();
}

static void open_nft(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	unsigned int i;

	socket_fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	if (socket_fd < 0 || bind(socket_fd, (void *)&address, sizeof(address)))
		err(2, "netlink");
	for (i = 0; i < ARRAY_SIZE(tables); i++)
		make_chains(&tables[i]);
}

static int nft_add(const struct rule *rule)
{
	struct nlattr *expressions, *element, *data;
	struct message message;
	int error;

	begin_batch(&message);
	begin_nft(&message, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	put_string(&message, NFTA_RULE_TABLE, rule->table->name);
	put_string(&message, NFTA_RULE_CHAIN, hook_names[rule->hook]);
	expressions = nest(&message, NFTA_RULE_EXPRESSIONS);
	element = nest(&message, NFTA_LIST_ELEM);
	put_string(&message, NFTA_EXPR_NAME, rule->is_target ? "target" : "match");
	data = nest(&message, NFTA_EXPR_DATA);
	/* Both kinds' attributes have the same numbers. */
	put_string(&message, NFTA_MATCH_NAME, extension(rule));
	put_number(&message, NFTA_MATCH_REV, rule->revision);
	put(&message, NFTA_MATCH_INFO, rule->payload, rule->length);
	close_nest(&message, data);
	close_nest(&message, element);
	close_nest(&message, expressions);
	end(&message);
	error = commit(&message);
	drain();
	return error;
}

static bool nft_reads_back(const struct rule *rule)
{
	unsigned char reply[8192];
	struct message message;
	bool found = false;
	struct nlmsghdr *header;
	ssize_t got;

	memset(&message, 0, sizeof(message));
	begin(&message, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, nft_family(), 0);
	put_string(&message, NFTA_RULE_TABLE, rule->table->name);
	put_string(&message, NFTA_RULE_CHAIN, hook_names[rule->hook]);
	end(&message);
	if (send(socket_fd, message.bytes, message.length, 0) < 0)
		return false;
	for (;;) {
		got = recv(socket_fd, reply, sizeof(reply), 0);
		if (got < 0)
			return false;
		found |= memmem(reply, got, extension(rule), strlen(extension(rule)) + 1) &&
			 (!rule->length || memmem(reply, got, rule->payload, rule->length));
		for (header = (void *)reply; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got))
			if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
				return found;
	}
}

static void nft_remove(const struct rule *rule)
{
	struct message message;
	int error;

	begin_batch(&message);
	begin_nft(&message, NFT_MSG_DELRULE, 0);
	put_string(&message, NFTA_RULE_TABLE, rule->table->name);
	put_string(&message, NFTA_RULE_CHAIN, hook_names[rule->hook]);
	end(&message);
	error = commit(&message);
	if (error)
		complain(rule, "cannot be removed", error);
	drain();
}

/* ---- */

static const struct way {
	const char *name;
	void (*open)(void);
	int (*add)(const struct rule *rule);
	bool (*reads_back)(const struct rule *rule);
	void (*remove)(const struct rule *rule);
} ways[] = {
	{ "legacy", open_legacy, legacy_add, legacy_reads_back, legacy_remove },
	{ "nft", open_nft, nft_add, nft_reads_back, nft_remove },
};

static void offer(const struct way *way, const struct rule *rule)
{
	int error = way->add(rule);

	if (error) {
		refused++;
		if (valid(rule))
			complain(rule, "valid, was refused", error);
		return;
	}
	taken++;
	if (!valid(rule))
		complain(rule, "not valid, was taken", 0);
	else if (!way->reads_back(rule))
		complain(rule, "does not read back as written", 0);
	way->remove(rule);
}

int main(int argc, char **argv)
{
	unsigned long count, i;
	const struct way *way;
	struct rule rule;

	if (argc < 4 || argc > 5)
		errx(2, "usage: payload_storm legacy|nft 4|6 COUNT [SEED]");
	by_nft = !strcmp(argv[1], "nft");
	way = &ways[by_nft];
	is_v6 = *argv[2] == '6';
	count = strtoul(argv[3], NULL, 10);
	random_state = argc == 5 ? strtoull(argv[4], NULL, 10) : 1;
	if (!random_state)
		errx(2, "SEED must not be 0");
	setlinebuf(stdout); /* a pipe's reader, too, wants to see how far it is */
	way->open();
	for (i = 0; i < count && wrong < 10; i++) {
		make_rule(&rule);
		offer(way, &rule);
		if (i % 5000 == 4999)
			printf("%lu of %lu\n", i + 1, count);
	}
	printf("%lu refused, %lu taken, %lu wrong\n", refused, taken, wrong);
	return wrong || !refused || !taken;
}
