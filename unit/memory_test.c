// SPDX-License-Identifier: GPL-2.0-only
/*
 * memory_test - a namespace's memory from the first rule to the last, where kernel/ stands
 * in for the kernel: what is left behind, freed too early, or done without its lock ends a test
 */
#include <kunit/test.h>
#include <kernel.h>
#define __KERNEL__
#include "flow_memory.h"

#define HERE	htonl(0xc0000201)
#define THERE	htonl(0xc6336402)

static const struct in6_addr here6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } } };
static const struct in6_addr there6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } } };

static struct net *const net = &nets[0], *const other_net = &nets[1];
static struct mem_cgroup one_cgroup, other_cgroup;
static const struct net_device eth = { 0, false }, lo = { IFF_LOOPBACK, false }, vrf = { 0, true };

/* ---- packets */

#define ACK	0x10
#define RST	0x04

struct packet {
	struct sk_buff skb;
	u8 data[80];
};

static u8 *transport_of(struct packet *packet, u8 family)
{
	return packet->data + (family == NFPROTO_IPV4 ? sizeof(struct iphdr) :
							 sizeof(struct ipv6hdr));
}

/* Untracked and forwarded, with 20 bytes of transport; those of TCP have @flags. */
static void make(struct packet *packet, u8 family, u8 proto, u16 sport, u16 dport, u8 flags)
{
	struct iphdr *ip = (struct iphdr *)packet->data;
	struct ipv6hdr *ip6 = (struct ipv6hdr *)packet->data;
	u16 *ports = (u16 *)transport_of(packet, family);

	memset(packet, 0, sizeof(*packet));
	packet->skb = (struct sk_buff){ .data = packet->data, .skb_iif = 1,
					.nfct = IP_CT_UNTRACKED };
	packet->skb.len = (u8 *)ports + 20 - packet->data;
	if (family == NFPROTO_IPV4) {
		ip->version = 4;
		ip->ihl = 5;
		ip->protocol = proto;
		ip->saddr = HERE;
		ip->daddr = THERE;
	} else {
		ip6->version = 6;
		ip6->nexthdr = proto;
		ip6->saddr = here6;
		ip6->daddr = there6;
	}
	ports[0] = htons(sport);
	ports[1] = htons(dport);
	if (proto == IPPROTO_TCP)
		((u8 *)ports)[FLOW_TCP_FLAGS] = flags;
}

/* Through the hooks of @family at @where. Return: how many there were; all have to accept. */
static int pass(struct packet *packet, u8 family, unsigned int where,
		const struct net_device *device)
{
	const struct nf_hook_state state = { where == NF_INET_LOCAL_IN ? device : NULL,
					     where == NF_INET_LOCAL_IN ? NULL : device };
	int i, met = 0;

	for (i = 0; net->hooks && i < MOST_HOOKS; i++) {
		const struct nf_hook_ops *ops = &net->hooks[i];

		if (ops->pf != family || ops->hooknum != where)
			continue;
		must(ops->priority == NF_IP_PRI_LAST);
		must(ops->hook(ops->priv, &packet->skb, &state) == NF_ACCEPT);
		met++;
	}
	return met;
}

/* Would a rule say that a packet of this flow passed? */
static bool is_known(struct packet *packet, u8 family)
{
	const struct flow_memory *memory = flow_memory_of_rule(net);
	u64 hash;

	if (!memory)
		return false;
	if (family == NFPROTO_IPV4)
		must(flow_hash4(&packet->skb, ip_hdr(&packet->skb), 0, FLOW_OWN, &memory->secret,
				&hash));
	else
		must(flow_hash6(&packet->skb, ipv6_hdr(&packet->skb), 0, FLOW_OWN,
				&memory->secret, &hash));
	return flow_memory_has(memory, hash);
}

static bool is_known_after(struct packet *packet, u8 family, unsigned int where,
			   const struct net_device *device)
{
	must(!is_known(packet, family));
	must(pass(packet, family, where, device) == 1);
	return is_known(packet, family);
}

static void send_many(unsigned int from, unsigned int flows)
{
	struct packet packet;

	for (; flows; flows--, from++) {
		make(&packet, NFPROTO_IPV4, IPPROTO_UDP, from, 1 + (from >> 16), 0);
		pass(&packet, NFPROTO_IPV4, NF_INET_POST_ROUTING, &eth);
	}
}

/* ---- what is there */

static const char *proc_of(struct net *of)
{
	static struct seq_file seq;

	seq.net = of;
	seq.text[0] = 0;
	must(!proc_show(&seq, NULL) && !locks_held);
	return seq.text;
}

/* A line of it that says so. */
static bool says(struct net *of, const char *line)
{
	const char *at = strstr(proc_of(of), line);

	return at && (at == proc_of(of) || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void load(void)
{
	task = (struct task){ .mm = &one_cgroup };
	must(!set_window("30") && !set_memory_kib("128"));
	must(!flow_memory_init());
}

static bool nothing_is_left(void)
{
	return !things_alive() && !locks_held && !task.active && !the_queue &&
	       !one_cgroup.holders && !other_cgroup.holders && !net->has_proc && !net->hooks;
}

static void unload(struct kunit *test)
{
	flow_memory_exit();
	KUNIT_EXPECT_TRUE(test, nothing_is_left());
}

static void add_rule(void)
{
	must(!flow_memory_get(net) && !locks_held);
}

static void delete_rule(void)
{
	flow_memory_put(net);
	must(!locks_held);
}

/* ---- cases */

static void test_parameters(struct kunit *test)
{
	load();
	lines_said = 0;
	KUNIT_EXPECT_TRUE(test, !set_window("1") && window == 1);
	KUNIT_EXPECT_TRUE(test, !set_window("3600") && window == 3600);
	KUNIT_EXPECT_TRUE(test, !set_memory_kib("128") && memory_kib == 128);
	KUNIT_EXPECT_TRUE(test, !set_memory_kib("1048576") && memory_kib == 1048576);
	KUNIT_EXPECT_TRUE(test, lines_said == 0);
	KUNIT_EXPECT_TRUE(test, set_window("0") == -EINVAL && lines_said == 1);
	KUNIT_EXPECT_FALSE(test, strcmp(said, "window takes 1 to 3600 seconds\n"));
	KUNIT_EXPECT_TRUE(test, set_window("3601") == -EINVAL && window == 3600);
	KUNIT_EXPECT_TRUE(test, set_memory_kib("127") == -EINVAL && lines_said == 3);
	KUNIT_EXPECT_FALSE(test, strcmp(said, "memory_kib takes 128 to 1048576 KiB\n"));
	KUNIT_EXPECT_TRUE(test, set_memory_kib("1048577") == -EINVAL && memory_kib == 1048576);
	unload(test);
}

/* Hooks and memory are there from the first rule to the last, and a while longer. */
static void test_rules(struct kunit *test)
{
	unsigned int idle;

	load();
	idle = things_alive();
	KUNIT_EXPECT_TRUE(test, says(net, "bytes: 0") && says(net, "limit: 131072") && !net->hooks);
	add_rule();
	KUNIT_EXPECT_TRUE(test, net->hooks && says(net, "bytes: 131072"));
	KUNIT_EXPECT_TRUE(test, says(net, "filters: 2") && says(other_net, "filters: 0"));
	KUNIT_EXPECT_TRUE(test, !other_net->hooks && !flow_memory_of_rule(other_net));
	add_rule();
	delete_rule();
	KUNIT_EXPECT_TRUE(test, flow_memory_of_rule(net));
	send_many(1, 1);
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 1") && one_cgroup.holders == 1);
	delete_rule();
	KUNIT_EXPECT_TRUE(test, !flow_memory_of_rule(net) && says(net, "bytes: 0"));
	KUNIT_EXPECT_TRUE(test, things_alive() > idle);
	grace();
	KUNIT_EXPECT_TRUE(test, things_alive() == idle && !one_cgroup.holders);
	send_many(1, 1);
	pass_time(HZ / 2 - 1);
	KUNIT_EXPECT_TRUE(test, net->hooks);
	pass_time(1);
	KUNIT_EXPECT_FALSE(test, net->hooks);
	add_rule();
	KUNIT_EXPECT_TRUE(test, net->hooks && says(net, "bytes: 131072"));
	delete_rule();
	unload(test);
}

/* One that nothing was remembered in waits for the next rule, with counters of its own. */
static void test_parked(struct kunit *test)
{
	const struct flow_memory *memory;
	unsigned int idle, before;

	load();
	idle = things_alive();
	add_rule();
	memory = flow_memory_of_rule(net);
	pass_time(30 * HZ);
	delete_rule();
	before = allocations;
	add_rule();
	KUNIT_EXPECT_TRUE(test, flow_memory_of_rule(net) == memory && allocations == before);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 0"));
	pass_time(30 * HZ - 1);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 0") && net->hooks);
	pass_time(1);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 1") && one_cgroup.holders == 1);
	delete_rule();
	pass_time(HZ / 4);
	add_rule();
	delete_rule();
	pass_time(HZ / 2 - 1);
	KUNIT_EXPECT_TRUE(test, net->hooks && things_alive() > idle);
	pass_time(1);
	grace();
	KUNIT_EXPECT_TRUE(test, !net->hooks && things_alive() == idle);
	unload(test);
}

/* What flows are in, another limit or another's is not what the next rule gets. */
static void test_not_parked(struct kunit *test)
{
	load();
	add_rule();
	send_many(1, 1);
	pass_time(30 * HZ);
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 0") && says(net, "previous flows: 1"));
	delete_rule();
	grace();
	KUNIT_EXPECT_TRUE(test, !one_cgroup.holders);
	add_rule();
	KUNIT_EXPECT_TRUE(test, says(net, "previous flows: 0"));
	delete_rule();
	must(!set_memory_kib("256"));
	add_rule();
	grace();
	KUNIT_EXPECT_TRUE(test, says(net, "limit: 262144") && one_cgroup.holders == 1);
	delete_rule();
	task.mm = &other_cgroup;
	add_rule();
	grace();
	KUNIT_EXPECT_TRUE(test, !one_cgroup.holders && other_cgroup.holders == 1);
	/* A packet that was in the hooks still when the rule went. */
	delete_rule();
	rcu_assign_pointer(flow_net(net)->memory, flow_net(net)->parked);
	send_many(1, 1);
	rcu_assign_pointer(flow_net(net)->memory, NULL);
	add_rule();
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 0"));
	delete_rule();
	unload(test);
}

static void expect_remembered(struct kunit *test, u8 family)
{
	struct packet packet;

	make(&packet, family, IPPROTO_UDP, 1, 9, 0);
	packet.skb.nfct = 0;
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_LOCAL_IN, &eth));
	packet.skb.nfct = IP_CT_UNTRACKED + 8;
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	packet.skb.nfct = IP_CT_UNTRACKED;
	task.in_nf_duplicate = true;
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	task.in_nf_duplicate = false;
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &vrf));
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_LOCAL_IN, &lo));
	KUNIT_EXPECT_TRUE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	make(&packet, family, IPPROTO_UDP, 2, 9, 0);
	KUNIT_EXPECT_TRUE(test, is_known_after(&packet, family, NF_INET_LOCAL_IN, &eth));
	make(&packet, family, IPPROTO_UDP, 3, 9, 0);
	KUNIT_EXPECT_TRUE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &lo));
	/* Not of the usual kind. */
	make(&packet, family, IPPROTO_GRE, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	/* Refusals are not remembered, wherever they pass. */
	make(&packet, family, IPPROTO_TCP, 4, 9, ACK | RST);
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	KUNIT_EXPECT_FALSE(test, is_known_after(&packet, family, NF_INET_LOCAL_IN, &eth));
	make(&packet, family, IPPROTO_TCP, 4, 9, ACK);
	KUNIT_EXPECT_TRUE(test, is_known_after(&packet, family, NF_INET_POST_ROUTING, &eth));
	KUNIT_EXPECT_TRUE(test, pass(&packet, family, NF_INET_PRE_ROUTING, &eth) == 0);
}

/* The hooks are there still, and remember nothing. */
static void expect_harmless(struct kunit *test, u8 family)
{
	struct packet packet;

	make(&packet, family, IPPROTO_UDP, 1, 9, 0);
	KUNIT_EXPECT_TRUE(test, pass(&packet, family, NF_INET_POST_ROUTING, &eth) == 1);
	KUNIT_EXPECT_TRUE(test, pass(&packet, family, NF_INET_LOCAL_IN, &eth) == 1);
}

static void test_packets(struct kunit *test)
{
	struct packet packet;

	load();
	add_rule();
	expect_remembered(test, NFPROTO_IPV4);
	expect_remembered(test, NFPROTO_IPV6);
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 10"));
	/* Errors have no flow. */
	make(&packet, NFPROTO_IPV4, IPPROTO_ICMP, ICMP_DEST_UNREACH << 8, 0, 0);
	pass(&packet, NFPROTO_IPV4, NF_INET_POST_ROUTING, &eth);
	make(&packet, NFPROTO_IPV6, IPPROTO_ICMPV6, ICMPV6_DEST_UNREACH << 8, 0, 0);
	pass(&packet, NFPROTO_IPV6, NF_INET_POST_ROUTING, &eth);
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 10"));
	delete_rule();
	expect_harmless(test, NFPROTO_IPV4);
	expect_harmless(test, NFPROTO_IPV6);
	unload(test);
}

/* Two memories do not know each other's hashes. */
static void test_secret(struct kunit *test)
{
	struct flow_secret before;

	load();
	add_rule();
	before = flow_memory_of_rule(net)->secret;
	KUNIT_EXPECT_TRUE(test, before.v[0] && before.v[3] && before.v[0] != before.v[1]);
	must(!flow_memory_get(other_net));
	KUNIT_EXPECT_TRUE(test, memcmp(&before, &flow_memory_of_rule(other_net)->secret,
				       sizeof(before)));
	flow_memory_put(other_net);
	delete_rule();
	unload(test);
}

/* A flow is found for one window at least, and two at most. */
static void test_rotations(struct kunit *test)
{
	struct packet packet;

	load();
	must(!set_window("2"));
	add_rule();
	make(&packet, NFPROTO_IPV4, IPPROTO_UDP, 1, 9, 0);
	pass(&packet, NFPROTO_IPV4, NF_INET_POST_ROUTING, &eth);
	pass_time(2 * HZ - 1);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 0") && says(net, "flows: 1"));
	pass_time(1);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 1") && says(net, "flows: 0"));
	KUNIT_EXPECT_TRUE(test, says(net, "previous flows: 1") && is_known(&packet, NFPROTO_IPV4));
	must(!set_window("3") && !set_memory_kib("256"));
	KUNIT_EXPECT_TRUE(test, says(net, "limit: 131072") && says(other_net, "limit: 262144"));
	pass_time(2 * HZ);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 2") && says(net, "window: 3"));
	KUNIT_EXPECT_TRUE(test, says(net, "limit: 262144") && !is_known(&packet, NFPROTO_IPV4));
	pass_time(3 * HZ - 1);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 2"));
	pass_time(1);
	KUNIT_EXPECT_TRUE(test, says(net, "rotations: 3"));
	delete_rule();
	pass_time(10 * HZ);
	unload(test);
}

/* So many flows are more than its first filter has room for. */
#define CROWD	20000

/* Work that packets call for makes room, as long as there is any; what was there is freed. */
static void test_growth(struct kunit *test)
{
	unsigned int before;

	load();
	must(!set_memory_kib("4096"));
	add_rule();
	lines_said = 0;
	send_many(1, CROWD / 2);
	KUNIT_EXPECT_FALSE(test, work_once(false));
	KUNIT_EXPECT_TRUE(test, says(net, "filters: 2") && says(net, "bytes: 131072"));
	send_many(1 + CROWD / 2, CROWD / 2);
	KUNIT_EXPECT_TRUE(test, work_once(false));
	KUNIT_EXPECT_TRUE(test, says(net, "filters: 3") && says(net, "bytes: 393216"));
	KUNIT_EXPECT_TRUE(test, last_gfp & __GFP_RETRY_MAYFAIL);
	KUNIT_EXPECT_TRUE(test, !lines_said && says(net, "limit reached: 0"));
	KUNIT_EXPECT_TRUE(test, says(net, "allocation failures: 0"));
	before = things_alive();
	pass_time(30 * HZ);
	KUNIT_EXPECT_TRUE(test, last_gfp & __GFP_NORETRY);
	grace();
	pass_time(60 * HZ);
	grace();
	KUNIT_EXPECT_TRUE(test, things_alive() < before && says(net, "filters: 2"));
	KUNIT_EXPECT_TRUE(test, says(net, "bytes: 131072") && says(net, "rotations: 3"));
	delete_rule();
	unload(test);
}

static void test_limit(struct kunit *test)
{
	load();
	add_rule();
	lines_said = 0;
	send_many(1, 2 * CROWD);
	work_now();
	send_many(1 + 2 * CROWD, CROWD);
	work_now();
	KUNIT_EXPECT_TRUE(test, says(net, "limit reached: 1") && says(net, "filters: 2"));
	KUNIT_EXPECT_TRUE(test, says(net, "allocation failures: 0") && lines_said == 1);
	KUNIT_EXPECT_TRUE(test, strstr(said, "memory_kib=128 has room for"));
	/* What is parked then says so no more. */
	pass_time(30 * HZ);
	pass_time(30 * HZ);
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 0") && says(net, "previous flows: 0"));
	delete_rule();
	add_rule();
	KUNIT_EXPECT_TRUE(test, says(net, "limit reached: 0") && says(net, "rotations: 0"));
	delete_rule();
	unload(test);
}

static void test_no_memory(struct kunit *test)
{
	load();
	must(!set_memory_kib("4096"));
	add_rule();
	lines_said = 0;
	no_memory = true;
	send_many(1, 2 * CROWD);
	work_now();
	send_many(1 + 2 * CROWD, CROWD);
	work_now();
	no_memory = false;
	KUNIT_EXPECT_TRUE(test, says(net, "allocation failures: 1") && says(net, "filters: 2"));
	KUNIT_EXPECT_TRUE(test, says(net, "limit reached: 0") && lines_said == 1);
	KUNIT_EXPECT_TRUE(test, strstr(said, "no memory for more untracked flows"));
	pass_time(30 * HZ);
	pass_time(30 * HZ);
	grace();
	pass_time(30 * HZ);
	KUNIT_EXPECT_TRUE(test, says(net, "previous flows: 0"));
	delete_rule();
	add_rule();
	KUNIT_EXPECT_TRUE(test, says(net, "allocation failures: 0") && !locks_held);
	delete_rule();
	unload(test);
}

/* Whichever one fails: nothing has changed, and the next try works. */
static void test_failures(struct kunit *test)
{
	unsigned int before, usual;
	int n, err;

	load();
	usual = things_alive();
	for (n = 0, err = -ENOMEM; err; n++) {
		before = things_alive();
		must(before == usual && n < 20);
		allocations_until_failure = n;
		err = flow_memory_get(net);
		allocations_until_failure = -1;
		must(!locks_held && !task.active);
		if (!err)
			break;
		must(err == -ENOMEM && !net->hooks && !flow_memory_of_rule(net));
		must(says(net, "bytes: 0"));
		grace();
		must(!one_cgroup.holders);
	}
	KUNIT_EXPECT_TRUE(test, n == 8); /* the memory, twice three for filters, the hooks */
	KUNIT_EXPECT_TRUE(test, says(net, "bytes: 131072"));
	delete_rule();
	unload(test);
	/* And while the module is loaded: the queue, and each namespace's own and its file. */
	for (n = 0, err = -ENOMEM; err; n++) {
		must(n < 20);
		allocations_until_failure = n;
		err = flow_memory_init();
		must(!err || (err == -ENOMEM && nothing_is_left()));
	}
	allocations_until_failure = -1;
	KUNIT_EXPECT_TRUE(test, n == 2 + 2 * NETS);
	unload(test);
}

/* A namespace dies, with rules that go only later, or a moment after them. */
static void test_death(struct kunit *test)
{
	unsigned int usual;

	load();
	usual = things_alive();
	add_rule();
	net_goes(net);
	delete_rule();
	KUNIT_EXPECT_TRUE(test, !net->hooks);
	net_is_gone(net);
	grace();
	KUNIT_EXPECT_TRUE(test, things_alive() == usual - 1 && !one_cgroup.holders);
	must(!net_comes(net));
	add_rule();
	delete_rule();
	net_goes(net);
	net_is_gone(net);
	grace();
	KUNIT_EXPECT_TRUE(test, things_alive() == usual - 1 && !one_cgroup.holders);
	must(!net_comes(net));
	add_rule();
	send_many(1, 2 * CROWD); /* growth is queued, and not done */
	delete_rule();
	unload(test);
}

static void test_proc(struct kunit *test)
{
	load();
	add_rule();
	must(!set_memory_kib("4096"));
	pass_time(30 * HZ);
	send_many(1, 2 * CROWD);
	work_now();
	pass_time(30 * HZ);
	grace();
	send_many(1, 3);
	KUNIT_EXPECT_FALSE(test, strcmp(proc_of(other_net),
					"window: 30\n"
					"limit: 4194304\n"
					"bytes: 0\n"
					"filters: 0\n"
					"flows: 0\n"
					"previous flows: 0\n"
					"false positive rate: 0.000000000\n"
					"rotations: 0\n"
					"limit reached: 0\n"
					"allocation failures: 0\n"));
	KUNIT_EXPECT_TRUE(test, says(net, "flows: 3") && says(net, "rotations: 2"));
	KUNIT_EXPECT_TRUE(test, says(net, "filters: 3") && !says(net, "previous flows: 0"));
	KUNIT_EXPECT_FALSE(test, says(net, "false positive rate: 0.000000000"));
	delete_rule();
	unload(test);
}

/* In a filter with all bits set, it is certain. */
static void test_certainty(struct kunit *test)
{
	struct flow_bits *bits;

	load();
	add_rule();
	bits = &flow_own(flow_net(net)->memory->generations.newest)->bits;
	memset(bits->line, 0xff, bits->lines * sizeof(*bits->line));
	KUNIT_EXPECT_TRUE(test, says(net, "false positive rate: 0.999999999"));
	delete_rule();
	unload(test);
}

static struct kunit_case flow_memory_cases[] = {
	KUNIT_CASE(test_parameters),
	KUNIT_CASE(test_rules),
	KUNIT_CASE(test_parked),
	KUNIT_CASE(test_not_parked),
	KUNIT_CASE(test_packets),
	KUNIT_CASE(test_secret),
	KUNIT_CASE(test_rotations),
	KUNIT_CASE(test_growth),
	KUNIT_CASE(test_limit),
	KUNIT_CASE(test_no_memory),
	KUNIT_CASE(test_failures),
	KUNIT_CASE(test_death),
	KUNIT_CASE(test_proc),
	KUNIT_CASE(test_certainty),
	{}
};

static struct kunit_suite flow_memory_suite = {
	.name = "flow_memory",
	.test_cases = flow_memory_cases,
};

kunit_test_suite(flow_memory_suite);
