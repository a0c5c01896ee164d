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

# counting RULE [TARGET]: what the client sends is marked untracked by TARGET, and errors are counted
counting() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p udp --dport 9 ${2:--j NOTRACK}
		-A OUTPUT -p udp --dport 33434:33534 ${2:--j NOTRACK}
		-A OUTPUT -p $icmp ${2:--j NOTRACK}
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
	counting "$@"
	send_udp "$c" "$server" 9
	wait_for 5 one_related || fail "port unreachable: expected 1, got $(related)"
	send_udp "$c" "$server" 10
	pings "$c" "$server" 1 || fail "no reply to ping"
	is "errors about what was not marked, and replies" 1 "$(related)"
}
without_conntrack() { closed_port ""; }
with_conntrack() { closed_port "-A INPUT -m conntrack --ctstate ESTABLISHED"; }

# Whoever marked what the error is about.
marked_by_ct() { closed_port "" "-j CT --notrack"; }
marked_by_nft() {
	nft_notrack "$c" "udp dport 9"
	closed_port "" "-j ACCEPT"
	no_nft_notrack "$c"
}

# Through an untracked router, to a host that takes no errors, or those of its own alone.
trace() {
	local drop
	if [ "$family" = 4 ]; then
		drop="-A INPUT -p icmp --icmp-type 3 -j DROP
-A INPUT -p icmp --icmp-type 11 -j DROP"
	else
		drop="-A INPUT -p icmpv6 --icmpv6-type 1 -j DROP
-A INPUT -p icmpv6 --icmpv6-type 3 -j DROP"
	fi
	rules "$r" <<-END
		*raw
		-A PREROUTING -j NOTRACK
		COMMIT
	END
	counting "$drop"
	is "hops seen behind a firewall that drops errors" "* *" "$(hops)"
	counting "-A INPUT -m untracked --related -j ACCEPT
$drop"
	is "hops seen with --related" "$router $server" "$(hops)"
}
hops() { in_ns "$c" traceroute "-$family" -n -q 1 -w 1 -m 2 "$server" | awk 'NR > 1 {print $2}' | paste -sd' '; }

add_topology
serve_page "$s"
# As many errors as the claims ask for.
for ns in "$r" "$s"; do
	in_ns "$ns" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
done
claim "a download over a link with a small MTU recovers" path_mtu
claim "port unreachable is related" without_conntrack
claim "port unreachable is related, with conntrack registered" with_conntrack
claim "port unreachable is related, marked untracked by CT --notrack" marked_by_ct
claim "port unreachable is related, marked untracked by nft" marked_by_nft
claim "traceroute works through an untracked router" trace
run_claims
