#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where conntrack is on, what NOTRACK marked gets no conntrack entry, and only that.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# A rule that enables conntrack, and counts what it leaves alone.
tracked_router() {
	rules "$r" <<-END
		*raw
		$1
		COMMIT
		*mangle
		-A FORWARD -m conntrack --ctstate UNTRACKED -m comment --comment left-alone
		-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED,RELATED -m comment --comment tracked
		COMMIT
	END
}

traffic() {
	fetch "$c" "$server" || fail "no page"
	udp_echoes "$c" "$server" || fail "no echo"
	pings "$c" "$server" 3 || fail "no reply to ping"
}

none() {
	tracked_router "-A PREROUTING -j NOTRACK"
	traffic
	is "entries" 0 "$(entries "$r")"
	is "tracked packets" 0 "$(packets "$r" mangle '--comment tracked')"
	at_least "packets left alone" 10 "$(packets "$r" mangle '--comment left-alone')"
}

control() {
	tracked_router ""
	traffic
	is "TCP entries" 1 "$(entries "$r" -p tcp)"
	is "UDP entries" 1 "$(entries "$r" -p udp)"
	at_least "entries" 3 "$(entries "$r")"
	is "packets left alone" 0 "$(packets "$r" mangle '--comment left-alone')"
}

selective() {
	tracked_router $'-A PREROUTING -p udp --dport 7 -j NOTRACK\n-A PREROUTING -p udp --sport 7 -j NOTRACK'
	traffic
	is "UDP entries" 0 "$(entries "$r" -p udp)"
	is "TCP entries" 1 "$(entries "$r" -p tcp)"
}

own() {
	rules "$r" <<-END
		*raw
		-A OUTPUT -p udp --dport 7 -j NOTRACK
		-A PREROUTING -p udp --sport 7 -j NOTRACK
		COMMIT
		*mangle
		-A OUTPUT -m conntrack --ctstate NEW
		COMMIT
	END
	udp_echoes "$r" "$server" || fail "no echo"
	fetch "$r" "$server" || fail "no page"
	is "UDP entries" 0 "$(entries "$r" -p udp)"
	is "TCP entries" 1 "$(entries "$r" -p tcp)"
}

add_topology
serve_page "$s"
serve_udp_echo "$s"
claim "no entry for what a router with NOTRACK forwards" none
claim "entries for the same traffic without NOTRACK" control
claim "a rule for one service leaves the others tracked" selective
claim "no entry for the host's own packets with NOTRACK in OUTPUT" own
run_claims
