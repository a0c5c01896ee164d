#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK leaves alone what has conntrack state already: a packet seen before, or
# one that carries a template. What has none it marks.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# The packet's state is set by rules BEFORE NOTRACK in the same chain.
after() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp $1
		-A PREROUTING -p udp -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -p udp -m untracked
		-A FORWARD -p udp -m conntrack --ctstate NEW,ESTABLISHED
		COMMIT
	END
	udp_echoes "$c" "$server" || fail "no echo"
}

template() {
	after "-j CT --zone 7"
	is "untracked packets" 0 "$(packets "$r" mangle '-m untracked')"
	is "tracked packets" 2 "$(packets "$r" mangle ESTABLISHED)"
	is "entries in zone 7" 1 "$(entries "$r" -p udp -w 7)"
}

untracked_by_other() {
	after "-j CT --notrack"
	is "untracked packets" 2 "$(packets "$r" mangle '-m untracked')"
	is "entries" 0 "$(entries "$r" -p udp)"
}

# With nf_conntrack loaded, be it unused, what refuses an untracked packet inherits RELATED to no
# conntrack from it. That is no state: NOTRACK marks it, where CT --notrack leaves it to
# conntrack, which finds it INVALID.
refusing() { # TARGET [RULE]: of what the router says to the client
	local port_unreachable="-p $icmp --${icmp/ipv6-icmp/icmpv6}-type port-unreachable"
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp -j NOTRACK
		-A PREROUTING -p tcp -j NOTRACK
		-A OUTPUT $port_unreachable -j $1
		-A OUTPUT -p tcp -j $1
		COMMIT
		*mangle
		-A OUTPUT $port_unreachable
		-A OUTPUT $port_unreachable -m untracked ! --untracked
		-A OUTPUT -p tcp --tcp-flags RST RST
		-A OUTPUT -p tcp --tcp-flags RST RST -m untracked ! --untracked
		$2
		COMMIT
		*filter
		-A FORWARD -p tcp --dport 80 -j REJECT --reject-with tcp-reset
		-A FORWARD -p udp --dport 99 -j REJECT
		COMMIT
	END
	send_udp "$c" "$server" 99
	if in_ns "$c" timeout 5 socat -u "TCP:$(at "$server"):80,connect-timeout=3" /dev/null 2>/dev/null; then
		fail "$1: a call through REJECT"
	fi
}
errors() { packets "$r" mangle "-A OUTPUT -p $icmp"; }
resets() { packets "$r" mangle "-A OUTPUT -p tcp"; }
own_refusals() {
	local invalid="-A POSTROUTING -o lan -m conntrack --ctstate INVALID"
	modprobe nf_conntrack
	refusing NOTRACK
	is "conntrack off: errors, and a RST" "1 1" "$(errors) $(resets)"
	is "conntrack off: others" 0 "$(packets "$r" mangle "! --untracked")"
	reset_rules
	refusing NOTRACK "$invalid"
	is "conntrack on: errors, and a RST" "1 1" "$(errors) $(resets)"
	is "conntrack on: others" 0 "$(packets "$r" mangle "! --untracked")"
	is "conntrack on: invalid ones" 0 "$(packets "$r" mangle INVALID)"
	reset_rules
	refusing "CT --notrack" "$invalid"
	is "CT --notrack: others" 2 "$(packets "$r" mangle "! --untracked")"
	is "CT --notrack: invalid ones" 2 "$(packets "$r" mangle INVALID)"
}

add_topology
serve_udp_echo "$s"
claim "a packet with a template from CT --zone keeps it" template
claim "a packet marked untracked by CT --notrack stays so" untracked_by_other
claim "this host's error and RST about untracked packets are marked untracked" own_refusals
run_claims
