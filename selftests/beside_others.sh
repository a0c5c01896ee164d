#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Packets that others handle, too: TPROXY takes untracked ones, NFQUEUE gives them back untracked
# and remembered once accepted, and policy routing chooses a route by -m untracked.
# For SYNPROXY, IPVS, TEE, VRFs and bridges see doc/verification.md, "Beside others".
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- TPROXY: whoever calls the server's port 80 gets a page from the router, in the server's name

tproxy() {
	modprobe -n -q xt_TPROXY || { skip "needs the module xt_TPROXY"; return; }
	ip -n "$r" "-$family" rule add fwmark 1 lookup 100
	ip -n "$r" "-$family" route add local default dev lo table 100
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -p tcp --dport 80 -j NOTRACK
		-A OUTPUT -o lan -p tcp --sport 80 -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -i lan -p tcp --dport 80 -m untracked --reply
		-A PREROUTING -i lan -p tcp --dport 80 -j TPROXY --on-port 8080 --tproxy-mark 1
		-A INPUT -d $server -p tcp --dport 80 -m untracked
		-A INPUT -d $server -p tcp --dport 80 -m untracked ! --untracked
		COMMIT
		*filter
		-A INPUT -m conntrack --ctstate ESTABLISHED
		-A FORWARD -j DROP
		COMMIT
	END
	fetch "$c" "$server" || fail "no page through the proxy"
	at_least "packets for the proxy" 3 "$(packets "$r" mangle "-A INPUT -d")"
	is "of these not untracked" 0 "$(packets "$r" mangle "! --untracked")"
	at_least "replies to the proxy's packets" 2 "$(packets "$r" mangle "--reply")"
	is "entries" 0 "$(entries "$r")"
	is "packets forwarded" 0 "$(packets "$r" filter "-A FORWARD -j DROP")"
	ip -n "$r" "-$family" rule del fwmark 1
	ip -n "$r" "-$family" route flush table 100
}

# ---- NFQUEUE

nfqueue() {
	local listener
	modprobe -n -q -a xt_NFQUEUE nfnetlink_queue || { skip "needs the module xt_NFQUEUE"; return; }
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 7 -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -i wan -p udp -m untracked --reply
		-A PREROUTING -i wan -p udp -m untracked ! --reply
		-A POSTROUTING -o wan -p udp --dport 7 -m untracked
		-A POSTROUTING -o wan -p udp --dport 9 -m untracked ! --untracked
		COMMIT
		*filter
		-A FORWARD -i lan -p udp -j NFQUEUE --queue-num 5
		-A FORWARD -m conntrack --ctstate ESTABLISHED
		COMMIT
	END
	# With nobody at the queue the packet is dropped, and not remembered.
	send_udp "$c" "$server" 7 10 5353
	send_udp "$s" "$client" 5353 10 7
	is "queued" 1 "$(packets "$r" filter NFQUEUE)"
	is "replies to what was dropped" 0 "$(packets "$r" mangle "untracked --reply")"
	is "others" 1 "$(packets "$r" mangle "! --reply")"
	nsenter "--net=/run/netns/$r" -- "$accept_queued" 5 >"$work/queue" 2>&1 &
	listener=$!
	wait_for 5 grep -q listening "$work/queue" || fail "no listener: $(<"$work/queue")"
	udp_echoes "$c" "$server" 7 || fail "no reply through the queue"
	is "untracked after the queue" 1 "$(packets "$r" mangle "--dport 7 -m untracked")"
	is "replies to it" 1 "$(packets "$r" mangle "untracked --reply")"
	udp_echoes "$c" "$server" 9 || fail "no reply through the queue, tracked"
	is "tracked: after the queue" 1 "$(packets "$r" mangle "--dport 9")"
	is "tracked: not untracked after it" 1 "$(packets "$r" mangle "--dport 9 -m untracked ! --untracked")"
	is "queued" 3 "$(packets "$r" filter NFQUEUE)"
	is "others" 2 "$(packets "$r" mangle "! --reply")"
	kill "$listener"
	wait "$listener" 2>/dev/null
}

# ---- policy routing: a second host has the server's address, and what is untracked goes there

policy_routing() {
	local gateway=10.9.0.2 ns
	[ "$family" = 4 ] || gateway=fd00:9::2
	ip -n "$r" "-$family" rule add fwmark 2 lookup 101
	ip -n "$r" "-$family" route add default via "$gateway" dev behind table 101
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 7 -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -i lan -m untracked -j MARK --set-mark 2
		-A PREROUTING -i behind -p udp --sport 7 -m untracked --reply
		COMMIT
		*filter
		-A FORWARD -m conntrack --ctstate ESTABLISHED
		COMMIT
	END
	for ns in "$s" "$second"; do
		rules "$ns" <<-END
			*mangle
			-A INPUT -p udp --dport 7
			-A INPUT -p udp --dport 9
			COMMIT
		END
	done
	udp_echoes "$c" "$server" 7 || fail "no reply"
	udp_echoes "$c" "$server" 9 || fail "no reply, tracked"
	is "untracked packets by the table" 1 "$(packets "$second" mangle "--dport 7")"
	is "untracked packets by the main table" 0 "$(packets "$s" mangle "--dport 7")"
	is "tracked packets by the table" 0 "$(packets "$second" mangle "--dport 9")"
	is "tracked packets by the main table" 1 "$(packets "$s" mangle "--dport 9")"
	is "replies" 1 "$(packets "$r" mangle "--reply")"
	ip -n "$r" "-$family" rule del fwmark 2
	ip -n "$r" "-$family" route flush table 101
}
add_second() {
	second=second-$suffix
	add_host_behind "$r" "$second"
	ip -n "$second" -b - <<-END
		addr add 198.51.100.2/32 dev lo
		addr add 2001:db8:2::2/128 dev lo nodad
		route replace default via 10.9.0.1 src 198.51.100.2
		route replace ::/0 via fd00:9::1 src 2001:db8:2::2
	END
	in_ns "$r" sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/behind/rp_filter'
}

accept_queued=${OUTPUT:-$selftests}/accept_queued
[ -x "$accept_queued" ] || skip_all "needs $accept_queued: make -C selftests"
add_topology
add_second
serve "$r" -U "TCP6-LISTEN:8080,ipv6only=0,ip-transparent,reuseaddr,fork" "OPEN:$page"
wait_for 10 listening "$r" -t 8080
for port in 7 9; do for ns in "$s" "$second"; do serve_udp_echo "$ns" $port; done; done
serve_page "$s"
claim "TPROXY takes untracked packets, and leaves no entry" tproxy
claim "NFQUEUE leaves the state, and what it drops is not remembered" nfqueue
claim "policy routing by a packet mark of -m untracked" policy_routing
run_claims
