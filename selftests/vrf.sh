#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Through a VRF: what vrf marks while a packet passes its device is not remembered, so that
# tracked connections stay what they are; what the rules mark is, and its replies match.
#
#	client eth0 (blue) ------- eth0 router
#
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

add_vrf() {
	ip link add eth0 netns "$c" type veth peer name eth0 netns "$r"
	ip -n "$c" link add blue type vrf table 10 || skip_all "needs CONFIG_NET_VRF"
	ip -n "$c" -b - <<-END
		link set blue up
		link set eth0 master blue
		addr add 192.0.2.2/24 dev eth0
		addr add 2001:db8:1::2/64 dev eth0 nodad
		link set eth0 up
	END
	ip -n "$r" -b - <<-END
		addr add 192.0.2.1/24 dev eth0
		addr add 2001:db8:1::1/64 dev eth0 nodad
		link set eth0 up
	END
	in_ns "$c" ping -4 -q -c 1 -W 5 -I blue 192.0.2.1 >/dev/null 2>&1
	in_ns "$c" ping -6 -q -c 1 -W 5 -I blue 2001:db8:1::1 >/dev/null 2>&1
}

# A host that marks its DNS queries, in the widest form of the recipe, and tracks all else.
resolver() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		-A OUTPUT -p tcp --dport 53 -j NOTRACK
		-A OUTPUT -p tcp --sport 53 -j NOTRACK
		-A PREROUTING -m untracked --reply -j NOTRACK
		COMMIT
		*mangle
		-A OUTPUT -o blue -p udp --dport 7 -m untracked
		-A OUTPUT -o blue -p udp --dport 7 -m untracked ! --untracked
		-A OUTPUT -o eth0 -p udp --dport 7 -m untracked
		-A OUTPUT -o eth0 -p udp --dport 7 -m untracked ! --untracked
		-A POSTROUTING -o eth0 -p udp --dport 53 -m untracked
		-A PREROUTING -i eth0 -p udp --sport 53 -m untracked --reply
		-A PREROUTING -i eth0 -p udp --sport 53 -m untracked ! --reply
		-A PREROUTING -i eth0 -p tcp --sport 53 -m untracked --reply
		-A PREROUTING -i eth0 -p tcp --sport 53 -m untracked ! --reply
		-A PREROUTING -i eth0 -p tcp --dport 53 -m untracked --reply
		-A PREROUTING -i eth0 -p udp --sport 7 -m untracked --reply
		-A PREROUTING -i eth0 -p tcp --sport 80 -m untracked --reply
		COMMIT
		*filter
		-A INPUT -p tcp --dport 53 -j ACCEPT
		-A INPUT -p udp -m untracked --reply -j ACCEPT
		-A INPUT -p tcp ! --syn -m untracked --reply -j ACCEPT
		-A INPUT -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT
		-A INPUT -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT
		-A INPUT -p udp -j DROP
		-A INPUT -p tcp -j DROP
		COMMIT
	END
}
came() { packets "$c" mangle "PREROUTING -i eth0 $*"; }

vrf_page() { # ADDRESS PORT
	in_ns "$c" timeout 10 socat -u "TCP:$(at "$1"):$2,so-bindtodevice=blue,connect-timeout=3" - 2>/dev/null | cmp -s - "$page"
}
vrf_echo() { # ADDRESS PORT
	[ "$(echo ping | in_ns "$c" socat -t 5 - "UDP:$(at "$1"):$2,so-bindtodevice=blue,shut-none,readbytes=5" 2>/dev/null)" = ping ]
}

through_vrf() {
	resolver
	vrf_echo "$router" 7 || fail "no echo over tracked UDP"
	vrf_page "$router" 80 || fail "no page over tracked TCP"
	is "replies to tracked UDP" 0 "$(came "-p udp -m udp --sport 7 ")"
	is "replies to tracked TCP" 0 "$(came "-p tcp -m tcp --sport 80 ")"
	at_least "conntrack entries" 2 "$(entries "$c")"
	vrf_echo "$router" 53 || fail "no echo over marked UDP"
	is "replies to marked UDP" 1 "$(came "-p udp -m udp --sport 53 -m untracked --reply")"
	is "replies that are none" 0 "$(came "-p udp -m udp --sport 53 -m untracked ! --reply")"
	vrf_page "$router" 53 || fail "no page over marked TCP"
	at_least "replies to marked TCP" 3 "$(came "-p tcp -m tcp --sport 53 -m untracked --reply")"
	is "segments that are none" 0 "$(came "-p tcp -m tcp --sport 53 -m untracked ! --reply")"
	fetch "$r" "$client" 53 || fail "no page from a marked server in the VRF"
	at_least "replies to a marked server" 3 "$(came "-p tcp -m tcp --dport 53 -m untracked --reply")"
}

# With a queue of its own the device takes another way through vrf.
with_queue() {
	tc -n "$c" qdisc add dev blue root pfifo || { fail "no qdisc"; return; }
	through_vrf
	tc -n "$c" qdisc del dev blue root
}

# What is tracked is UNTRACKED while it is in there.
seen_with_o() {
	resolver
	vrf_echo "$router" 7 || fail "$1: no echo"
	is "$1: -o blue: packets" 1 "$(packets "$c" mangle "-o blue -p udp -m udp --dport 7 -m untracked")"
	is "$1: -o blue: not marked" 0 "$(packets "$c" mangle "-o blue -p udp -m udp --dport 7 -m untracked ! --untracked")"
	is "$1: -o eth0: packets" 1 "$(packets "$c" mangle "-o eth0 -p udp -m udp --dport 7")"
	is "$1: -o eth0: not marked" 1 "$(packets "$c" mangle "-o eth0 -p udp -m udp --dport 7 -m untracked ! --untracked")"
	reset_rules
}
with_o() {
	seen_with_o "no qdisc"
	tc -n "$c" qdisc add dev blue root pfifo || { fail "no qdisc"; return; }
	seen_with_o "pfifo"
	tc -n "$c" qdisc del dev blue root
}

add_hosts "$c" "$r"
modprobe -q vrf
add_vrf
serve_page "$r"
serve_page "$r" 53
serve_udp_echo "$r"
serve_udp_echo "$r" 53
serve "$c" -U TCP6-LISTEN:53,ipv6only=0,reuseaddr,fork,so-bindtodevice=blue "OPEN:$page"
wait_for 10 listening "$c" -t 53
claim "tracked flows stay tracked, and replies to untracked ones match" through_vrf
claim "the same where the VRF device has a qdisc" with_queue
claim "-m untracked with -o VRF is always true" with_o
run_claims
