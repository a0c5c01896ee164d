# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the bench's routers are made of: the rules of each configuration, in the router's
# namespace $r, of $tool and $family.
# shellcheck disable=SC2034,SC2154 # what the benches and selftests/lib.sh read and set

# Forwarded packets never meet INPUT: all that they pay for is what such a rule registers.
remember="-A INPUT -m untracked --related -j ACCEPT"

configure() {
	case $1 in
	none) ;;
	empty) rules "$r" < <(printf '%s\n' '*raw' ':PREROUTING ACCEPT' ':OUTPUT ACCEPT' COMMIT \
		'*filter' ':INPUT ACCEPT' ':FORWARD ACCEPT' ':OUTPUT ACCEPT' COMMIT) ;;
	floor)
		[ -d /sys/module/xt_FLOOR ] || insmod "$floor/xt_FLOOR.ko" || fail "needs bench/floor: LAB_BUILD=bench/floor, or make -C bench/floor"
		untrack "-j FLOOR" "-m floor"
		;;
	ours) untrack "-j NOTRACK" "-m untracked" ;;
	plain) untrack "-j NOTRACK" "" ;;
	memory) untrack "-j NOTRACK" "-m untracked" "$remember" ;;
	both) untrack "-j NOTRACK" "-m untracked" "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT" ;;
	ct) untrack "-j CT --notrack" "-m conntrack --ctstate UNTRACKED" ;;
	state) untrack "-j CT --notrack" "-m state --state UNTRACKED" ;;
	tracked) rules "$r" < <(printf '%s\n' '*filter' "-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT" COMMIT) ;;
	rules[0-9]*) untrack "-j NOTRACK" "-m untracked" "" \
		"$(ports_of "${1#rules}" | sed '$d; s/.*/-A PREROUTING -p udp --dport & -j NOTRACK/')" ;;
	ports[0-9]*)
		ports_of "${1#ports}" | ip_set ports bitmap:port range 0-65535
		untrack "-p udp -m set --match-set ports dst -j NOTRACK" "-m untracked"
		;;
	nets[0-9]*)
		nets_of "${1#nets}" | ip_set "nets$family" hash:net family "$(inet)" "$same_chains"
		untrack "-m set --match-set nets$family dst -j NOTRACK" "-m untracked"
		;;
	# One rule more, in front, than "memory" has: what its match alone costs.
	alone) one_more "" ;;
	untracked) one_more "-m untracked" ;;
	reply) one_more "-m untracked --reply" ;;
	related) one_more "-m untracked --related" ;;
	ctstate) one_more "-m conntrack --ctstate UNTRACKED" ;;
	statematch) one_more "-m state --state UNTRACKED" ;;
	ipset*) with_ipset "$1" ;;
	native*) natively "$1" ;;
	xdp) forward_by_xdp ;;
	*) fail "there is no configuration $1" ;;
	esac
}

# untrack TARGET MATCH [RULE [RULES]]: with that one in filter, too, and those in front in raw
untrack() {
	rules "$r" <<-END
		*raw
		${4:-}
		-A PREROUTING $1
		COMMIT
		*filter
		-A FORWARD $2 -j ACCEPT
		${3:-}
		COMMIT
	END
}

one_more() {
	untrack "-j NOTRACK" "-m untracked" "$remember
-I FORWARD $1"
}

# ports_of N, nets_of N: so many, where those of the measured packets are the last
ports_of() { seq 30001 $((30000 + $1 - 1)); echo 9; }
nets_of() {
	local n
	for ((n = 2; n <= 2 * ($1 - 1); n += 2)); do
		if [ "$family" = 4 ]; then echo "10.$((n >> 8)).$((n & 255)).0/24"; else printf 'fd00:0:0:%x::/64\n' $n; fi
	done
	if [ "$family" = 4 ]; then echo 198.51.100.0/24; else echo 2001:db8:2::/64; fi
}

# ---- sets that remember flows as --reply does

# room CONFIGURATION: for so many flows, as that configuration has it; or as the tool gives it.
room() {
	case $1 in
	*full) echo 1000 ;;
	*default) ;;
	*) echo "${room_for:-$((count * 2))}" ;;
	esac
}

inet() { if [ "$family" = 4 ]; then echo inet; else echo inet6; fi; }

# The seed of ipset's hash tables, which else is random: each boot has the same chains.
same_chains="initval 0x1"

# ip_set NAME TYPE [OPTION...] <ELEMENTS
ip_set() {
	{ echo "create $*" && sed "s/^/add $1 /"; } | in_ns "$r" ipset -exist restore || fail "ipset $*"
}

# No type of set has both ports; the server's would be named by the rules. A packet adds to a
# table that it cannot resize, and is not added where its bucket is full: large from the start.
with_ipset() {
	local room
	room=$(room "$1")
	# shellcheck disable=SC2086 # options or none
	ip_set "flows$family" hash:ip,port,ip family "$(inet)" timeout 3600 $same_chains \
		${room:+maxelem $room hashsize $room} </dev/null
	untrack "-j NOTRACK" "" "$([ "$1" != ipsetreply ] || echo "-I FORWARD -p udp -m set --match-set flows$family dst,dst,src")" \
		"-A PREROUTING -p udp -j SET --add-set flows$family src,src,dst --exist"
}

nft_family() { if [ "$family" = 4 ]; then echo ip; else echo ip6; fi; }

# nft_flow FROM TO: a flow's key, as a datagram that way has it
nft_flow() {
	local ip
	ip=$(nft_family)
	echo "$ip ${1}addr . $ip ${2}addr . udp ${1}port . udp ${2}port"
}

# Once a second the kernel would look for elements that have expired, in all buckets of a set, and
# it were chance which packets meet that. The seed of nft's tables cannot be chosen; these are so
# large that a few elements hardly share a bucket.
natively() {
	local object='' raw=notrack first='' last="ct state untracked" type=ipv4_addr room
	[ "$family" = 4 ] || type=ipv6_addr
	case $1 in
	native) ;;
	nativeplain) last='' ;;
	nativeset*)
		room=$(room "$1")
		object="set flows { type $type . $type . inet_service . inet_service; flags dynamic,timeout; gc-interval 1h; ${room:+size $room;} }"
		raw="update @flows { $(nft_flow d s) timeout 1h } notrack" last=''
		[ "$1" != nativesetreply ] || first="$(nft_flow s d) @flows counter"
		;;
	nativeflowtable)
		object="flowtable fast { hook ingress priority 0; devices = { lan, wan }; }"
		raw='' first="ct state established flow add @fast" last=''
		;;
	nativeports[0-9]*)
		object="set ports { type inet_service; elements = { $(ports_of "${1#nativeports}" | paste -sd,) }; }"
		raw="udp dport @ports notrack"
		;;
	nativenets[0-9]*)
		object="set nets { type $type; flags interval; elements = { $(nets_of "${1#nativenets}" | paste -sd,) }; }"
		raw="$(nft_family) daddr @nets notrack"
		;;
	*) fail "there is no configuration $1" ;;
	esac
	in_ns "$r" nft -f - <<-END || fail "nft"
		table $(nft_family) bench
		delete table $(nft_family) bench
		table $(nft_family) bench {
			$object
			chain raw { type filter hook prerouting priority -300; $raw; }
			chain forward { type filter hook forward priority 0; $first; $last counter accept; }
		}
	END
}

# remembered CONFIGURATION: how many flows the router knows of
remembered() {
	case $1 in
	memory*) memory_of "$r" flows ;;
	ipset*) in_ns "$r" ipset list -t "flows$family" | sed -n 's/^Number of entries: //p' ;;
	nativeset*) in_ns "$r" nft list set "$(nft_family)" bench flows | tr , '\n' | grep -c expires ;;
	esac
}

# forget CONFIGURATION: all flows. A full set stays full. One of nft's is made anew: flushed, its
# hash table shrinks to four buckets, and grows again behind the packets, when it gets to it.
forget() {
	local ipt
	case $1 in
	memory*)
		for ipt in "iptables-$tool" "ip6tables-$tool"; do in_ns "$r" "$ipt" -F INPUT 2>/dev/null; done
		set_variant "$variant" "$family"
		wait_for 10 forgotten "$r" || fail "flow memory: $(memory_of "$r" bytes) bytes"
		# shellcheck disable=SC2086 # a rule
		in_ns "$r" "$ipt" $remember || fail "$ipt $remember"
		;;
	*full) ;;
	ipset*) in_ns "$r" ipset flush "flows$family" ;;
	nativeset*) natively "$1" ;;
	tracked* | nativeflowtable)
		in_ns "$r" conntrack -F >/dev/null 2>&1
		wait_for 10 eval "[ \$(in_ns $r conntrack -C) = 0 ]" || fail "conntrack entries stay"
		;;
	esac
}

# ---- what goes around netfilter

# offload: each core's flow, from port 9 and on, is established, and in the flowtable. Sets
# offloaded, and expected to their entries.
offload() {
	local port
	for ((port = 9; port < 9 + cores; port++)); do
		send_udp "$c" "$server" 9 10 $port
		send_udp "$s" "$client" $port 10 9
		send_udp "$c" "$server" 9 10 $port
	done
	wait_for 10 eval "[ \$(in_ns $r conntrack -L -f ipv$family 2>/dev/null | grep -c OFFLOAD) = $cores ]" ||
		fail "flows are not offloaded"
	offloaded=yes expected=$cores
}

has_xdp() { command -v xdp-forward >/dev/null; }

# Generic XDP, behind the allocation of an skb. A veth's own would make an XDP frame of each skb
# and an skb again, and costs more than it spares.
forward_by_xdp() {
	mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
	in_ns "$r" xdp-forward load -m skb lan wan >/dev/null 2>&1 || fail "xdp-forward"
}
