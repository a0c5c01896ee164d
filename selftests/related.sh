#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "-m untracked --related" takes ICMP errors about untracked packets that went out lately:
# path MTU discovery, closed ports and traceroute work again behind a firewall that
# drops all other ICMP.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# A web server that takes port 80 and, if any, errors by RULE.
strict_server() {
	rules "$s" <<-END
		*raw
		-A PREROUTING -p tcp --dport 80 -j NOTRACK
		-A OUTPUT -p tcp --sport 80 -j NOTRACK
		COMMIT
		*filter
		-A INPUT -p tcp --dport 80 -m untracked -j ACCEPT
		$1
		-A INPUT -p $icmp -m $too_big -j DROP
		COMMIT
	END
	in_ns "$s" ip "-$family" route flush cache
	in_ns "$s" ip tcp_metrics flush all
}

path_mtu() {
	local too_big="icmp --icmp-type 3/4"
	[ "$family" = 4 ] || too_big="icmp6 --icmpv6-type 2"
	ip -n "$r" link set lan mtu 1280
	strict_server ""
	if fetch "$c" "$server"; then fail "the download came through without the error"; fi
	at_least "errors dropped" 1 "$(packets "$s" filter "-j DROP")"
	reset_rules
	strict_server "-A INPUT -m untracked --related -j ACCEPT"
	fetch "$c" "$server" || fail "the download does not recover"
	at_least "errors taken" 1 "$(packets "$s" filter "--related -j ACCEPT")"
	is "errors dropped" 0 "$(packets "$s" filter "-j DROP")"
	ip -n "$r" link set lan mtu 1500
}

counting() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p udp --dport 9 -j NOTRACK
		-A OUTPUT -p $icmp -j NOTRACK
		COMMIT
		*mangle
		-A INPUT -p $icmp -m untracked --related
		$1
		COMMIT
	END
}
related() { packets "$c" mangle --related; }
one_related() { [ "$(related)" = 1 ]; }

closed_port() {
	counting "$1"
	send_udp "$c" "$server" 9
	wait_for 5 one_related || fail "port unreachable: expected 1, got $(related)"
	send_udp "$c" "$server" 10
	pings "$c" "$server" 1 || fail "no answer to ping"
	is "errors about what was not marked, and answers" 1 "$(related)"
}
without_conntrack() { closed_port ""; }
with_conntrack() { closed_port "-A INPUT -m conntrack --ctstate ESTABLISHED"; }

# What traceroute rests on.
time_exceeded() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -j NOTRACK
		COMMIT
	END
	counting ""
	in_ns "$c" ping "-$family" -q -n -c 2 -i 0.2 -W 1 -t 1 "$server" >/dev/null
	is "time exceeded" 2 "$(related)"
}

add_topology
serve_page "$s"
claim "a download over a link with a small MTU recovers" path_mtu
claim "port unreachable" without_conntrack
claim "port unreachable, with conntrack on" with_conntrack
claim "time exceeded" time_exceeded
run_claims
