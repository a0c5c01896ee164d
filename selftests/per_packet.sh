#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK marks a packet, not the connection that it belongs to.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

every_other() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -d $server -p $icmp -m statistic --mode nth --every 2 --packet 0 -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -i lan -p $icmp -m untracked
		-A FORWARD -i lan -p $icmp -m untracked ! --untracked
		COMMIT
	END
	pings "$c" "$server" 10 || fail "no reply to ping"
	is "packets" 10 "$(packets "$r" mangle '-m untracked')"
	is "packets without the mark" 5 "$(packets "$r" mangle '! --untracked')"
}

# What the other direction then looks like is the classic mistake: the replies
# are the first that conntrack sees, and leave a half-open entry behind.
one_direction() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -p udp --dport 7 -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -i lan -p udp -m conntrack --ctstate UNTRACKED
		-A FORWARD -i wan -p udp -m conntrack --ctstate NEW
		COMMIT
	END
	udp_echoes "$c" "$server" || fail "no echo"
	is "queries without state" 1 "$(packets "$r" mangle UNTRACKED)"
	is "replies taken for new" 1 "$(packets "$r" mangle NEW)"
	is "entries from the server" 1 "$(entries "$r" -p udp -s "$server")"
	is "entries from the client" 0 "$(entries "$r" -p udp -s "$client")"
}

add_topology
serve_udp_echo "$s"
claim "every other packet of one flow is marked untracked, the rest is not" every_other
claim "one direction marked untracked leaves the other tracked" one_direction
run_claims
