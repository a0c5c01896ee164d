#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What --reply and --related do not look at: TCP's flags and sequence numbers, interfaces and
# VRFs. What they do not find: replies to groups, translated prefixes, errors about what was
# refused. And a router's own untracked queries share their ports with SNAT.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=5353 first=first-$suffix second=second-$suffix

# The client asks, untracked; what comes for $port is counted.
client_rules() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		COMMIT
		*mangle
		-A POSTROUTING -p udp --dport 53 -m untracked
		-A INPUT -p udp --dport $port -m untracked --reply
		-A INPUT -p udp --dport $port -m untracked ! --reply
		COMMIT
	END
}
# came WHAT REPLIES OTHERS: to the client so far
came() {
	is "$1: replies" "$2" "$(packets "$c" mangle "untracked --reply")"
	is "$1: others" "$3" "$(packets "$c" mangle "! --reply")"
}

# refused_tcp NAMESPACE ADDRESS PORT FROM-PORT: one SYN, to a port that is closed
refused_tcp() {
	in_ns "$1" timeout 5 socat -u /dev/null \
		"TCP:$(at "$2"):$3,sourceport=$4,reuseaddr,connect-timeout=3" 2>/dev/null
}

# From the port that was asked, to the one that asked, even a SYN is a reply.
syn() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p tcp --dport 81 --syn -j NOTRACK
		COMMIT
		*mangle
		-A INPUT -p tcp --sport 81 --syn -m untracked --reply
		COMMIT
		*filter
		-A INPUT -p tcp --sport 81 ! --syn -m untracked --reply -j ACCEPT
		COMMIT
	END
	refused_tcp "$s" "$client" "$port" 81
	is "SYNs that are replies, nobody asked" 0 "$(packets "$c" mangle --reply)"
	refused_tcp "$c" "$server" 81 "$port"
	is "replies that ! --syn lets in" 1 "$(packets "$c" filter --reply)"
	refused_tcp "$s" "$client" "$port" 81
	is "SYNs that are replies" 1 "$(packets "$c" mangle --reply)"
	is "packets that ! --syn lets in, after the SYN" 1 "$(packets "$c" filter --reply)"
}

# icmp_error quotes 524288, and the SYN had a random number.
sequence() {
	local type=3
	[ -x "$icmp_error" ] || { skip "needs $icmp_error: make -C selftests"; return; }
	[ "$family" = 4 ] || type=1
	rules "$c" <<-END
		*raw
		-A OUTPUT -p tcp -j NOTRACK
		COMMIT
		*mangle
		-A INPUT -p $icmp -m untracked --related
		COMMIT
	END
	refused_tcp "$c" "$server" 81 "$port"
	quote 82
	is "errors about another port" 0 "$(packets "$c" mangle --related)"
	quote 81
	is "errors that quote a wrong sequence number" 1 "$(packets "$c" mangle --related)"
}
quote() {
	in_ns "$s" "$icmp_error" "$family" "$server" "$client" "$type" "$client" "$server" 6 "$port" "$1" ||
		fail "cannot send an error"
}

# twins LINK LINK PREFIX4 PREFIX6 [VRF]...: two hosts with one address, .2 and ::2, each on a link
# of its own to the client, which is .1 and ::1 on both
twins() {
	local i hosts=("$first" "$second") links=("$1" "$2") vrfs=("${@:5}") device
	for i in 0 1; do
		device=${links[i]}
		ip link add "$device" netns "$c" type veth peer name "$device" netns "${hosts[i]}"
		[ $# -eq 4 ] || ip -n "$c" link set "$device" master "${vrfs[i]}"
		echo 0 | in_ns "$c" tee "/proc/sys/net/ipv4/conf/$device/rp_filter" >/dev/null
		ip -n "$c" -b - <<-END
			link set $device addrgenmode none
			addr add $3.1/24 dev $device
			addr add $4::1/64 dev $device nodad
			link set $device up
		END
		ip -n "${hosts[i]}" -b - <<-END
			link set $device addrgenmode none
			addr add $3.2/24 dev $device
			addr add $4::2/64 dev $device nodad
			link set $device up
		END
		# Neighbours know each other; over IPv4 the other twin may get the reply.
		in_ns "${hosts[i]}" ping -4 -q -c 1 -W 1 -I "$device" "$3.1" >/dev/null 2>&1
		in_ns "${hosts[i]}" ping -6 -q -c 1 -W 5 -I "$device" "$4::1" >/dev/null 2>&1
	done
}

# asks_one_twin OURS THEIRS DEVICE LINK LINK: by DEVICE; the other's reply is a reply, too.
asks_one_twin() {
	client_rules
	send_udp "$second" "$1" "$port" 10 "53,so-bindtodevice=$5"
	came "before the query" 0 1
	send_udp "$c" "$2" 53 10 "$port,so-bindtodevice=$3"
	send_udp "$first" "$1" "$port" 10 "53,so-bindtodevice=$4"
	came "from the host that was asked" 1 1
	send_udp "$second" "$1" "$port" 10 "54,so-bindtodevice=$5"
	came "from the other one's wrong port" 1 2
	send_udp "$second" "$1" "$port" 10 "53,so-bindtodevice=$5"
	came "from the other one" 2 2
}

other_link() {
	if [ "$family" = 4 ]; then
		asks_one_twin 10.0.1.1 10.0.1.2 one one two
	else
		asks_one_twin fe80::1 fe80::2 one one two
	fi
}

other_vrf() {
	[ "$has_vrf" ] || { skip "needs the module vrf"; return; }
	if [ "$family" = 4 ]; then
		asks_one_twin 10.0.2.1 10.0.2.2 red three four
	else
		asks_one_twin 2001:db8:4::1 2001:db8:4::2 red three four
	fi
}

# To one of its groups, or all on the link, from where it asks others.
ask_group() {
	head -c 10 /dev/zero |
		in_ns "$c" socat -u - "UDP$family-DATAGRAM:$(at "$1"):53,shut-none,bind=$(at "$client"):$port,reuseaddr,so-bindtodevice=eth0,broadcast" ||
		fail "cannot ask $1"
}
groups() {
	local group all=(224.0.0.251 192.0.2.255)
	[ "$family" = 4 ] || all=(ff02::fb ff02::1)
	for group in "${all[@]}"; do
		client_rules
		ask_group "$group"
		at_least "to $group: untracked" 1 "$(packets "$c" mangle POSTROUTING)"
		send_udp "$r" "$client" "$port" 10 53
		came "to $group" 0 1
		send_udp "$c" "$router" 53 10 "$port"
		send_udp "$r" "$client" "$port" 10 53
		came "to one host" 1 1
		reset_rules
	done
}

# The query is remembered as it leaves, translated. Its reply is a reply until it is translated
# back, so that raw is where to ask, and to mark it for later.
prefixes() {
	modprobe -n -q ip6t_NPT || { skip "needs the module ip6t_NPT"; return; }
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -p udp --dport 53 -j NOTRACK
		-A PREROUTING -i wan -p udp --sport 53 -m untracked --reply -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -i wan -j DNPT --src-pfx 2001:db8:3::/64 --dst-pfx 2001:db8:1::/64
		-A POSTROUTING -o wan -j SNPT --src-pfx 2001:db8:1::/64 --dst-pfx 2001:db8:3::/64
		-A FORWARD -i wan -p udp -m untracked --reply
		COMMIT
		*filter
		:FORWARD DROP
		-A FORWARD -i lan -p udp --dport 53 -j ACCEPT
		-A FORWARD -i wan -p udp --sport 53 -m untracked -j ACCEPT
		COMMIT
	END
	rules "$s" <<-END
		*mangle
		-A INPUT -s 2001:db8:3::/64 -p udp --dport 53
		COMMIT
	END
	udp_echoes "$c" "$server" 53 || fail "no reply through the translation"
	is "queries with the other prefix" 1 "$(packets "$s" mangle 2001:db8:3::/64)"
	is "replies in raw" 1 "$(packets "$r" raw "--reply -j NOTRACK")"
	is "replies in FORWARD" 0 "$(packets "$r" mangle "--reply")"
	is "untracked packets in FORWARD" 1 "$(packets "$r" filter "-m untracked -j ACCEPT")"
}

# What comes in is remembered as it is delivered: what is refused before, is not.
refused_before() {
	local unreachable="--icmp-type 3"
	[ "$family" = 4 ] || unreachable="--icmpv6-type 1"
	rules "$s" <<-END
		*raw
		-A PREROUTING -p udp -j NOTRACK
		COMMIT
		*filter
		-A INPUT -p udp --dport 10 -j REJECT
		-A OUTPUT -p $icmp $unreachable -m untracked --related -j ACCEPT
		-A OUTPUT -p $icmp $unreachable -j DROP
		COMMIT
	END
	send_udp "$c" "$server" 10
	is "errors about what was refused: related" 0 "$(packets "$s" filter --related)"
	is "errors about what was refused: others" 1 "$(packets "$s" filter "-j DROP")"
	send_udp "$c" "$server" 9
	is "errors about what was delivered, to a closed port: related" 1 "$(packets "$s" filter --related)"
	is "errors about what was delivered: others" 1 "$(packets "$s" filter "-j DROP")"
}

# asks_from NAMESPACE: true if the reply to a query from $port came
asks_from() {
	[ "$(echo ping | in_ns "$1" socat -t 1 - "UDP:$(at "$server"):53,shut-none,sourceport=$port,reuseaddr" 2>/dev/null)" = ping ]
}
# snat_beside_queries PORTS: the router asks, untracked, and translates the client's, tracked
snat_beside_queries() {
	rules "$r" <<-END
		*raw
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		-A PREROUTING -p udp --sport 53 -m untracked --reply -j NOTRACK
		COMMIT
		*nat
		-A POSTROUTING -o wan -p udp -j SNAT --to-source $(if [ "$1" ]; then at "$router_wan"; else echo "$router_wan"; fi)$1
		COMMIT
	END
	asks_from "$r" || fail "no reply to the router's own query"
	is "replies to it" 1 "$(packets "$r" raw --reply)"
}
shared_port() {
	snat_beside_queries ""
	! asks_from "$c" || fail "the client's reply came through the port that the router asked from"
	is "replies, the client's reply among them" 2 "$(packets "$r" raw --reply)"
	reset_rules
	snat_beside_queries :61000-65535
	asks_from "$c" || fail "no reply to the client, with a range of its own"
	is "replies, with a range of its own" 1 "$(packets "$r" raw --reply)"
}

add_topology
add_hosts "$first" "$second"
echo 0 | in_ns "$c" tee /proc/sys/net/ipv4/conf/all/rp_filter >/dev/null
in_ns "$s" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
serve_udp_echo "$s" 53
twins one two 10.0.1 fe80
has_vrf=''
if modprobe -q vrf; then
	has_vrf=yes
	ip -n "$c" -b - <<-END
		link add red type vrf table 10
		link add blue type vrf table 11
		link set red up
		link set blue up
	END
	twins three four 10.0.2 2001:db8:4 red blue
fi
claim "a SYN is a reply, and ! --syn keeps it out" syn
claim "an error with a wrong TCP sequence number is related" sequence
claim "a reply by another interface, from a host with the same address, is a reply" other_link
claim "a reply by another VRF is a reply" other_vrf
claim "a reply to a multicast or broadcast query is none" groups
claim "with translated prefixes, a reply is a reply in raw and not later" prefixes "legacy-6 nft-6"
claim "errors about what was refused are not related" refused_before
claim "a router's own queries and SNAT want ports of their own" shared_port
run_claims
