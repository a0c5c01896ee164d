#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/with-nftables.nft, .v4 and .v6: nft filters, by default drop, and a packet mark that
# iptables sets by --reply and --related tells it which packets are replies and errors. nft's
# notrack feeds the flow memory, unless nft drops the packet later. Alone, nft takes replies
# by a dynamic set, and no errors.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=5353
firewall() {
	nft_rules "$c" <"$examples/with-nftables.nft"
	rules "$c" <"$examples/with-nftables.v$family"
}
came() { nft_packets "$c" resolver "input" "meta mark"; }
came_is() { [ "$(came)" = "$1" ]; }

replies() {
	firewall
	udp_echoes "$c" "$server" 53 || fail "no reply"
	is "queries marked untracked" 1 "$(nft_packets "$c" resolver output notrack)"
	is "replies marked untracked" 1 "$(nft_packets "$c" resolver prerouting notrack)"
	is "replies accepted" 1 "$(came)"
	is "entries" 0 "$(entries "$c" -p udp)"
}

unsolicited() {
	firewall
	send_udp "$s" "$client" "$port" 10 53
	is "accepted, nobody asked" 0 "$(came)"
	send_udp "$c" "$router" 53 10 "$port"
	wait_for 5 came_is 1 || fail "no error about a closed port"
	send_udp "$s" "$client" "$port" 10 53
	send_udp "$r" "$client" "$port" 10 54
	is "accepted, with the error" 1 "$(came)"
	send_udp "$r" "$client" "$port" 10 53
	is "accepted, from whom was asked" 2 "$(came)"
}

# learns: true if a long query makes the client learn the path's MTU
learns() {
	in_ns "$c" ip "-$family" route flush cache
	send_udp "$c" "$server" 53 1400 "$port"
	wait_for "${1:-1}" knows_mtu
}
knows_mtu() { ip -n "$c" route get "$server" | grep -q 'mtu 1300'; }

errors() {
	ip -n "$r" link set wan mtu 1300
	firewall
	learns 5 || fail "the path's MTU is not known after the error"
	is "errors accepted" 1 "$(came)"
	in_ns "$s" ping "-$family" -q -n -c 1 -W 1 "$client" >/dev/null && fail "the host replies to ping"
	forge 5353
	is "accepted, with an error about a query" 2 "$(came)"
	forge 5354
	is "accepted, with an error about none" 2 "$(came)"
	rules "$c" <<-END_OF_RULES
		*raw
		COMMIT
	END_OF_RULES
	if learns; then fail "the path's MTU is known without a rule for errors"; fi
	ip -n "$r" link set wan mtu 1500
	in_ns "$c" ip "-$family" route flush cache
}
# forge PORT: what a router would say about a query from there
forge() {
	local type=3
	[ "$family" = 4 ] || type=1
	in_ns "$r" "$icmp_error" "$family" "$router" "$client" "$type" "$client" "$server" 17 "$1" 53 || fail "cannot send an error"
}

rest() {
	firewall
	rest_tracked
	is "accepted by the mark" 0 "$(came)"
}

# Flow memory comes after every filter, nft's too.
dropped_later() {
	firewall
	nft_rules "$c" <<-END_OF_RULES
		table inet strict {
			chain postrouting { type filter hook postrouting priority 300; udp sport $port counter drop; }
		}
	END_OF_RULES
	echo | in_ns "$c" socat -u - "UDP:$(at "$server"):53,shut-none,sourceport=$port,reuseaddr" 2>/dev/null
	is "queries dropped" 1 "$(nft_packets "$c" strict postrouting drop)"
	send_udp "$s" "$client" "$port" 10 53
	is "accepted, from whom was to be asked" 0 "$(came)"
	in_ns "$c" nft delete table inet strict
	send_udp "$c" "$server" 53 10 "$port"
	wait_for 5 came_is 1 || fail "the reply was not accepted"
}

# The example itself is loaded any number of times; what a whole new ruleset does depends on the tool.
loaded_again() {
	local left=1
	[ "$tool" = legacy ] || left="no such rule"
	firewall
	udp_echoes "$c" "$server" 53 || fail "no reply"
	nft_rules "$c" <"$examples/with-nftables.nft"
	is "after the example once more: replies counted" 1 "$(packets "$c" raw --reply)"
	is "its rules" 1 "$(in_ns "$c" nft list ruleset inet | grep -c 'hook input')"
	in_ns "$c" nft flush ruleset
	is "after flush ruleset: replies counted" "$left" "$(packets "$c" raw --reply)"
}

# What nft has for this: a set of flows, filled by the packets that leave.
alone() {
	local ip=ip type=ipv4_addr
	[ "$family" = 4 ] || ip=ip6 type=ipv6_addr
	ip -n "$r" link set wan mtu 1300
	nft_rules "$c" <<-END_OF_RULES
		table inet resolver {
			set queries { type $type . inet_service; flags dynamic,timeout; size 65536; timeout 30s; }
			chain output {
				type filter hook output priority raw;
				udp dport 53 update @queries { $ip daddr . udp sport } notrack
			}
			chain prerouting {
				type filter hook prerouting priority raw;
				udp sport 53 $ip saddr . udp dport @queries counter notrack
			}
			chain input {
				type filter hook input priority filter; policy drop;
				ct state untracked udp sport 53 counter accept
				ct state established,related accept
				icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
			}
		}
	END_OF_RULES
	udp_echoes "$c" "$server" 53 || fail "no reply"
	send_udp "$s" "$client" "$port" 10 53
	is "accepted" 1 "$(nft_packets "$c" resolver input untracked)"
	if learns; then fail "the path's MTU is known"; fi
	ip -n "$r" link set wan mtu 1500
	in_ns "$c" ip "-$family" route flush cache
}

add_topology
[ -x "$icmp_error" ] || skip_all "needs $icmp_error: make -C selftests"
in_ns "$r" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
serve_udp_echo "$s" 53
serve_page "$s" 80
serve_page "$c" 22
serve_page "$c" 8080
claim "queries get their replies, by a packet mark" replies
claim "what is no reply is dropped" unsolicited
claim "path MTU errors about queries come in, and no others" errors
claim "everything else is tracked, and nft's rules say what comes in" rest
claim "what nft drops in postrouting is not remembered" dropped_later
claim "nft loads its part again, and flush ruleset takes iptables-nft's" loaded_again
claim "nft alone takes replies by a dynamic set, and no errors" alone
run_claims
