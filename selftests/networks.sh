#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/networks.set, .v4 and .v6: what goes to or comes from 10,000 networks of a set is not
# tracked, and filtered by a set of ports; all else is tracked. The sets change under traffic,
# and no packet falls in between.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# The example's sets; the one of networks stays full for the next claim.
router_rules() {
	untracked=untracked elsewhere=203.0.113.2
	[ "$family" = 4 ] || untracked=untracked6 elsewhere=2001:db8:3::2
	in_ns "$r" ipset flush services 2>/dev/null
	sets restore -exist <"$examples/networks.set"
	fill "$untracked"
	rules "$r" <"$examples/networks.v$family"
}
sets() {
	local out
	out=$(in_ns "$r" ipset "$@" 2>&1) || fail "ipset $*: $out"
}
# fill SET: with 10,000 networks beside the example's, unless it has them
fill() {
	[ "$(size "$1")" = 10001 ] || {
		many "$1"
		sed -n "s/^add $untracked /add $1 /p" "$examples/networks.set"
	} | sets restore -exist
}
# many SET: lines that add them
many() {
	local i
	for i in {0..39}; do
		if [ "$family" = 4 ]; then
			printf "add $1 10.$i.%d.0/24\n" {0..249}
		else
			printf "add $1 fd00:$i:%d::/48\n" {0..249}
		fi
	done
}
size() { in_ns "$r" ipset list -terse "$1" | sed -n 's/^Number of entries: //p'; }

listed() {
	router_rules
	is "networks" 10001 "$(size "$untracked")"
	fetch "$c" "$server" || fail "no page through the router"
	pings "$c" "$server" 2 || fail "no ping through the router"
	is "entries" 0 "$(entries "$r")"
	at_least "packets to a network of the set" 6 "$(packets "$r" raw "$untracked dst -j NOTRACK")"
	at_least "packets from one" 6 "$(packets "$r" raw "$untracked src -j NOTRACK")"
	if fetch "$c" "$server" 8080; then fail "a port that is not in the set came through"; fi
	in_ns "$r" ipset add services 8080
	fetch "$c" "$server" 8080 || fail "no page from a port that was added"
	if fetch "$s" "$client" 8081; then fail "the server can connect to a port that is not in the set"; fi
	is "entries, after all" 0 "$(entries "$r")"
}

unlisted() {
	router_rules
	fetch_tracked "$c" "$elsewhere" 80 "$r"
	is "packets not tracked" 0 "$(packets "$r" raw NOTRACK)"
	fetch_tracked "$c" "$router" 22 "$r"
	is "packets not tracked" 0 "$(packets "$r" raw NOTRACK)"
}

# While packets come and go, a whole new set takes the place of the old one, and that one its place,
# ten times. A rule behind the example's counts what finds no network.
swapped() {
	local i pinging sent received new empty set type
	router_rules
	new=$untracked-new empty=$untracked-empty
	for set in "$new" "$empty"; do
		sets create -exist "$set" hash:net family "$([ "$family" = 4 ] && echo inet || echo inet6)"
	done
	fill "$new"
	for type in echo-request echo-reply; do
		in_ns "$r" "$ipt" -t raw -A PREROUTING -p "$icmp" "--${icmp/ipv6-icmp/icmpv6}-type" "$type" -m untracked ! --untracked -m comment --comment missed
	done
	nsenter "--net=/run/netns/$c" -- ping "-$family" -q -n -A -w 60 "$server" >"$work/pings" & # one at a time
	pinging=$!
	for i in {1..20}; do sets swap "$new" "$untracked"; done
	kill -INT "$pinging"
	wait "$pinging"
	read -r sent received < <(sed -n 's/ packets transmitted, \([0-9]*\) received.*/ \1/p' "$work/pings")
	at_least "pings" 20 "$sent"
	at_least "replies to $sent pings" $((sent - 1)) "$received"
	is "packets that found no network" 0 "$(packets "$r" raw "--comment missed")"
	is "entries" 0 "$(entries "$r")"
	# Without the server's network its traffic is tracked, and with it, no more.
	sets swap "$empty" "$untracked"
	pings "$c" "$server" 1 || fail "no ping while the set is empty"
	is "entries while the set is empty" 1 "$(entries "$r" -p "$icmp")"
	sets swap "$empty" "$untracked"
	in_ns "$r" conntrack -F 2>/dev/null
	pings "$c" "$server" 1 || fail "no ping with the set"
	is "entries with the set" 0 "$(entries "$r")"
}

command -v ipset >/dev/null || skip_all "needs the program ipset"
add_topology
ip -n "$s" addr add 203.0.113.2/32 dev eth0
ip -n "$s" addr add 2001:db8:3::2/128 dev eth0 nodad
ip -n "$r" route add 203.0.113.0/24 via 198.51.100.2
ip -n "$r" route add 2001:db8:3::/64 via 2001:db8:2::2
for port in 80 8080; do serve_page "$s" $port; done
serve_page "$r" 22
serve_page "$c" 8081
claim "traffic of 10,000 networks is not tracked, and filtered by a set of ports" listed
claim "all other traffic is tracked" unlisted
claim "sets are swapped under traffic, and no packet falls in between" swapped
run_claims
