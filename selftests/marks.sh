#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK marks packets of any protocol, forwarded ones in PREROUTING and the
# host's own in OUTPUT. Without the rule nothing is UNTRACKED.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# protocol: what sends it from namespace $1, past or out of the router, to the server
send_tcp() { fetch "$1" "$server" || fail "no page over TCP"; }
send_udp_echo() { udp_echoes "$1" "$server" || fail "no echo over UDP"; }
send_icmp() { pings "$1" "$server" 3 || fail "no reply to ping"; }
send_sctp() {
	in_ns "$1" timeout 5 socat -u "SCTP:$(at "$server"):9" - 2>/dev/null | cmp -s - "$page" ||
		fail "no page over SCTP"
}
# A tunnel's packets have no sender and no receiver here: protocol 47 is just carried.
send_gre() {
	local kind=gre tunnel=gre-$family from=$client
	[ "$family" = 4 ] || kind=ip6gre
	[ "$1" = "$c" ] || from=$router_wan
	in_ns "$1" sh -c "ip link add $tunnel type $kind local $from remote $server ttl 64 &&
		ip link set $tunnel up && ip -4 route add 203.0.113.$family dev $tunnel &&
		ping -c 1 -W 0.1 203.0.113.$family; ip link del $tunnel" >/dev/null 2>&1
}

names=(tcp udp icmp sctp gre)
numbers=(6 17 1 132 47)
senders=(send_tcp send_udp_echo send_icmp send_sctp send_gre)

# Two counters a protocol in the router's CHAIN, marked and not.
count_rules() {
	local i
	for i in "${!names[@]}"; do
		echo "-A $1 -p ${numbers[i]} -m untracked -m comment --comment ${names[i]}-marked"
		echo "-A $1 -p ${numbers[i]} -m untracked ! --untracked -m comment --comment ${names[i]}-unmarked"
	done
}

# with_raw_rule RULE CHAIN NAMESPACE YES NO: with RULE in raw, traffic of each protocol
# from NAMESPACE meets CHAIN; there are some packets of kind YES, and none of kind NO.
with_raw_rule() {
	local i
	[ "$family" = 4 ] && numbers[2]=1 || numbers[2]=58
	rules "$r" <<-END
		*raw
		$1
		COMMIT
		*mangle
		$(count_rules "$2")
		COMMIT
	END
	for i in "${!names[@]}"; do "${senders[i]}" "$3"; done
	for i in "${!names[@]}"; do
		at_least "$4 ${names[i]} packets" 1 "$(packets "$r" mangle "${names[i]}-$4")"
		is "$5 ${names[i]} packets" 0 "$(packets "$r" mangle "${names[i]}-$5")"
	done
}

forwarded() { with_raw_rule "-A PREROUTING -j NOTRACK" FORWARD "$c" marked unmarked; }
own() { with_raw_rule "-A OUTPUT -j NOTRACK" POSTROUTING "$r" marked unmarked; }
unruled() { with_raw_rule "" FORWARD "$c" unmarked marked; }

add_topology
serve_page "$s"
serve_udp_echo "$s"
serve "$s" -U SCTP6-LISTEN:9,ipv6only=0,reuseaddr,fork "OPEN:$page"
wait_for 10 listening "$s" --sctp 9
claim "TCP, UDP, ICMP, SCTP and GRE are marked untracked in PREROUTING" forwarded
claim "TCP, UDP, ICMP, SCTP and GRE are marked untracked in OUTPUT" own
claim "nothing is marked untracked without the rule" unruled
run_claims
