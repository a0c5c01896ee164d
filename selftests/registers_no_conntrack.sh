#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK and "-m untracked" register neither conntrack nor defragmentation in the
# namespace: fragments stay fragments. In-tree's "--ctstate UNTRACKED" does both.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# Three datagrams of 4000 bytes are nine packets, unless somebody puts them together.
# with_match MATCH: the router asks MATCH of each
with_match() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -s $client -d $server -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -i lan -s $client -d $server
		-A FORWARD -i lan -s $client -d $server $1 -m comment --comment asked
		COMMIT
	END
	for _ in 1 2 3; do send_udp "$c" "$server" 9 4000; done
}

ours() {
	with_match "-m untracked"
	is "packets, fragments each" 9 "$(packets "$r" mangle '-A PREROUTING')"
	is "fragments matched" 9 "$(packets "$r" mangle '--comment asked')"
	# The rest of the traffic is not untracked: with conntrack registered it would get an entry.
	pings "$c" "$router" 1 || fail "no reply to ping"
	is "conntrack entries" 0 "$(entries "$r")"
}

in_tree() {
	local match
	for match in "-m conntrack --ctstate" "-m state --state"; do
		with_match "$match UNTRACKED"
		is "$match: packets, put together" 3 "$(packets "$r" mangle '-A PREROUTING')"
		pings "$c" "$router" 1 || fail "no reply to ping"
		is "$match: conntrack entries" 1 "$(entries "$r")"
		reset_rules
	done
}

# Marks do not depend on order: where something else has enabled conntrack, the
# datagrams are whole before NOTRACK sees them.
beside_conntrack() {
	with_match "-m untracked"
	reset_rules
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -s $client -d $server -j NOTRACK
		-A PREROUTING -i lan -s $client -d $server -m untracked
		COMMIT
		*filter
		-A INPUT -m conntrack --ctstate ESTABLISHED
		COMMIT
	END
	for _ in 1 2 3; do send_udp "$c" "$server" 9 4000; done
	is "packets, put together" 3 "$(packets "$r" raw '-m untracked')"
}

add_topology
claim "-m untracked: fragments stay fragments, no entry" ours
claim "-m conntrack and -m state: fragments are put together, entries made" in_tree
claim "beside a stateful rule NOTRACK sees whole datagrams" beside_conntrack
run_claims
