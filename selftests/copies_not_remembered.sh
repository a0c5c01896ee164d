#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A copy that TEE or nft's dup makes is marked untracked whatever the original is. It is not
# remembered, wherever it was made: replies to a tracked flow are no --reply, nor are those to a
# spoofed packet that is dropped later. What is marked untracked itself is remembered.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# Flows are known by their port: to 710x they are tracked, to 720x marked; x is the hook.
hooks=(PREROUTING INPUT FORWARD OUTPUT POSTROUTING)

# Counted are replies, where they come in and where the router sends them, and copies.
counters() {
	local i
	cat <<-END
		*raw
		-A PREROUTING -p udp --dport 7200:7204 -j NOTRACK
		-A OUTPUT -p udp --dport 7200:7204 -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -p udp --sport 7100:7104 -m untracked --reply
		-A PREROUTING -p udp --sport 7100:7104 -m untracked ! --reply
		-A PREROUTING -p udp --sport 7200:7204 -m untracked --reply
		-A PREROUTING -p udp --sport 7200:7204 -m untracked ! --reply
		-A OUTPUT -p udp --sport 7100:7104 -m untracked --reply
		-A OUTPUT -p udp --sport 7100:7104 -m untracked ! --reply
		-A OUTPUT -p udp --sport 7200:7204 -m untracked --reply
		-A OUTPUT -p udp --sport 7200:7204 -m untracked ! --reply
		-A INPUT -i lo -p udp --dport 7100:7204 -m untracked
	END
	for i in "${!hooks[@]}"; do
		[ "$1" != TEE ] || echo "-A ${hooks[i]} $(devices "${hooks[i]}") -p udp -m multiport --dports 710$i,720$i -j TEE --gateway $2"
	done
	cat <<-END
		COMMIT
		*filter
		-A FORWARD -m conntrack --ctstate INVALID -j DROP
		COMMIT
	END
}
devices() {
	case $1 in
	PREROUTING | INPUT) echo "-i lan" ;;
	FORWARD) echo "-i lan -o wan" ;;
	*) echo "-o wan" ;;
	esac
}

# The same with nft, whose dup knows no inet table.
nft_dup() {
	local i hook
	echo "table $1 copier {"
	for i in "${!hooks[@]}"; do
		hook=${hooks[i],,}
		echo "chain $hook { type filter hook $hook priority -150; $(nft_devices "$hook") udp dport { 710$i, 720$i } dup to $2; }"
	done
	echo "}"
}
nft_devices() {
	case $1 in
	prerouting | input) echo "iifname lan" ;;
	forward) echo "iifname lan oifname wan" ;;
	*) echo "oifname wan" ;;
	esac
}

# A datagram for each hook, and one back, as nobody listens: the way through the router, to it, from it.
traffic() {
	local i kind from to
	for kind in 71 72; do
		for i in "${!hooks[@]}"; do
			from=$c to=$s source=$client destination=$server
			case ${hooks[i]} in
			INPUT) to=$r destination=$router ;;
			OUTPUT) from=$r source=$router_wan ;;
			esac
			send_udp "$from" "$destination" "${kind}0$i" 10 5000
			send_udp "$to" "$source" 5000 10 "${kind}0$i"
		done
	done
}

# The replies of four flows come in, that of one to the router itself goes out.
judge() {
	is "$1: replies to tracked flows" 0 "$(packets "$r" mangle "--sport 7100:7104 -m untracked --reply")"
	is "$1: replies to tracked flows" 5 "$(packets "$r" mangle "--sport 7100:7104 -m untracked ! --reply")"
	is "$1: replies to untracked flows" 5 "$(packets "$r" mangle "--sport 7200:7204 -m untracked --reply")"
	is "$1: what does not reply to them" 0 "$(packets "$r" mangle "--sport 7200:7204 -m untracked ! --reply")"
}

watch() {
	rules "$w" <<-END
		*mangle
		-A PREROUTING -i eth0 -p udp --dport 7100:7104
		-A PREROUTING -i eth0 -p udp --dport 7200:7204
		COMMIT
	END
}
watched() {
	is "$1: copies of tracked flows" 5 "$(packets "$w" mangle "--dport 7100:7104")"
	is "$1: copies of untracked flows" 5 "$(packets "$w" mangle "--dport 7200:7204")"
}

tee() {
	watch
	rules "$r" <<<"$(counters TEE "$watcher")"
	traffic
	watched TEE
	judge TEE
}

dup() {
	local table=ip
	[ "$family" = 4 ] || table=ip6
	watch
	rules "$r" <<<"$(counters nft)"
	nft_dup "$table" "$watcher" | in_ns "$r" nft -f - 2>"$work/said" || fail "nft: $(<"$work/said")"
	traffic
	watched "nft dup"
	judge "nft dup"
	in_ns "$r" nft delete table "$table" copier
}

# The gateway is the router itself: its loopback device brings the copies, and INPUT takes them.
tee_to_itself() {
	local gateway loopback=127.0.0.1
	[ "$family" = 4 ] || loopback=::1
	for gateway in "$loopback" "$router"; do
		rules "$r" <<<"$(counters TEE "$gateway")"
		traffic
		is "gateway $gateway: copies" 10 "$(packets "$r" mangle "INPUT -i lo")"
		judge "gateway $gateway"
		reset_rules
	done
}

# send_as SOURCE PORT DESTINATION PORT: from the server's side, in anybody's name
send_as() {
	local foreign=ip-transparent
	[ "$family" = 4 ] || foreign=ip-freebind
	echo | in_ns "$s" socat -u - "UDP:$(at "$3"):$4,bind=$(at "$1"):$2,$foreign,reuseaddr,shut-none" || fail "cannot send as $1"
}

# In the client's name to a neighbour of the server's, and back in his. The copy is made; then the
# packet is dropped, or is marked untracked and passes.
spoofed() {
	local by filter
	for by in "rp_filter" "-m rpfilter" ""; do
		[ "$by $family" != "rp_filter 6" ] || continue
		watch
		rules "$r" <<-END
			*raw
			$([ "$by" ] || echo "-A PREROUTING -i wan -p udp -j NOTRACK")
			COMMIT
			*mangle
			-A PREROUTING -i wan -p udp --dport 7100 -j TEE --gateway $watcher
			$([ "$by" != "-m rpfilter" ] || echo "-A PREROUTING -i wan -p udp -m rpfilter --invert -j DROP")
			-A FORWARD -i wan -p udp --sport 7100 -m untracked --reply
			-A FORWARD -i wan -p udp --sport 7100 -m untracked ! --reply
			COMMIT
		END
		if [ "$by" = rp_filter ]; then filter=1; else filter=0; fi
		reverse_path "$filter"
		send_as "$client" 161 "$neighbour" 7100
		send_as "$neighbour" 7100 "$client" 161
		is "${by:-not dropped}: copies" 1 "$(packets "$w" mangle "--dport 7100:7104")"
		is "${by:-not dropped}: replies" $((${#by} == 0)) "$(packets "$r" mangle "untracked --reply")"
		is "${by:-not dropped}: others" $((${#by} > 0)) "$(packets "$r" mangle "untracked ! --reply")"
		reset_rules
	done
	reverse_path 0
}
reverse_path() { in_ns "$r" sh -c "for c in all wan; do echo $1 >/proc/sys/net/ipv4/conf/\$c/rp_filter; done"; }

add_topology
w=watcher-$suffix
add_hosts "$w"
ip -b - <<-END
	link add eth0 netns $w type veth peer name tap netns $r
END
ip -n "$w" -b - <<-END
	addr add 203.0.113.2/24 dev eth0
	addr add 2001:db8:3::2/64 dev eth0 nodad
	link set eth0 up
END
ip -n "$r" -b - <<-END
	addr add 203.0.113.1/24 dev tap
	addr add 2001:db8:3::1/64 dev tap nodad
	link set tap up
END
in_ns "$r" ping -4 -q -c 1 -W 5 203.0.113.2 >/dev/null
in_ns "$r" ping -6 -q -c 1 -W 5 2001:db8:3::2 >/dev/null
ip -n "$s" route add 198.51.100.9 via 198.51.100.1
ip -n "$s" route add 2001:db8:2::9 via 2001:db8:2::1
in_family() {
	if [ "$family" = 4 ]; then
		watcher=203.0.113.2 neighbour=198.51.100.9
	else
		watcher=2001:db8:3::2 neighbour=2001:db8:2::9
	fi
	"$@"
}
copied_by_tee() { in_family tee; }
copied_by_nft() { in_family dup; }
copied_to_itself() { in_family tee_to_itself; }
copied_spoofed() { in_family spoofed; }
reverse_path 0
claim "copies by TEE in each chain of mangle are not remembered" copied_by_tee
claim "copies by nft's dup in each hook are not remembered" copied_by_nft
claim "copies by TEE to this host itself are not remembered" copied_to_itself
claim "nor is a spoofed packet that is dropped after TEE" copied_spoofed
run_claims
