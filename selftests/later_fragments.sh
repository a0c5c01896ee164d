#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Later fragments of a reply are no reply. IPv4 is whole again before INPUT. IPv6 is not, where
# nothing defragments: a large reply is lost, unless two rules let later fragments in, which
# let in no datagram whose first fragment was dropped. In FORWARD both families want such rules.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=5353 size=4000

# A client that nothing but replies to its queries comes in to, and RULES before the end.
resolver() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		-A PREROUTING -p udp --sport 53 -m untracked --reply -j NOTRACK
		COMMIT
		*filter
		:INPUT DROP
		$([ "$family" = 4 ] || echo "-A INPUT -p ipv6-icmp -j ACCEPT")
		-A INPUT -p udp --sport 53 -m untracked --reply -j ACCEPT
		$1
		COMMIT
	END
}
in_input="-A INPUT -p udp -m frag --fragfirst -j DROP
-A INPUT -p udp -m frag -j ACCEPT"

# The same for a client behind the router, which forwards nothing else.
forwarding() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -p udp --dport 53 -j NOTRACK
		-A PREROUTING -p udp --sport 53 -m untracked --reply -j NOTRACK
		COMMIT
		*filter
		:FORWARD DROP
		$([ "$family" = 4 ] || echo "-A FORWARD -p ipv6-icmp -j ACCEPT")
		-A FORWARD -i lan -p udp --dport 53 -j ACCEPT
		-A FORWARD -p udp --sport 53 -m untracked --reply -j ACCEPT
		$1
		COMMIT
	END
}
in_forward() { if [ "$family" = 4 ]; then echo "-A FORWARD -p udp -f -j ACCEPT"; else echo "${in_input//INPUT/FORWARD}"; fi; }

# large_reply: how many bytes of a datagram come to the client's socket that asked, from the
# server's port 53, and then from port 54, which was not asked
large_reply() {
	local out=$work/reply listener solicited unsolicited
	rm -f "$out"
	send_udp "$c" "$server" 53 10 "$port"
	nsenter "--net=/run/netns/$c" -- socat -u -b 65536 "UDP$family-RECV:$port,reuseaddr" "CREATE:$out" 2>/dev/null &
	listener=$!
	background+=("$listener")
	wait_for 10 listening "$c" -u "$port" || fail "nobody listens on port $port"
	send_udp "$s" "$client" "$port" "$size" 53
	wait_for 1 [ -s "$out" ]
	solicited=$(stat -c %s "$out" 2>/dev/null || echo 0)
	send_udp "$s" "$client" "$port" $((size + 1)) 54
	sleep 0.3
	unsolicited=$(($(stat -c %s "$out" 2>/dev/null || echo 0) - solicited))
	kill "$listener"
	wait "$listener" 2>/dev/null
	echo "$solicited $unsolicited"
}

needs_frag() { [ "$family" = 4 ] || modprobe -n -q ip6t_frag || { skip "needs the module ip6t_frag"; return 1; }; }

without_rules() {
	resolver ""
	if [ "$family" = 4 ]; then
		is "bytes of the reply, and of what is none" "$size 0" "$(large_reply)"
	else
		is "bytes of the reply, and of what is none" "0 0" "$(large_reply)"
	fi
	is "first fragments, or datagrams, accepted" 1 "$(packets "$c" filter '--reply -j ACCEPT')"
}

with_rules() {
	needs_frag || return
	resolver "$in_input"
	is "bytes of the reply, and of what is none" "$size 0" "$(large_reply)"
	is "first fragments accepted" 1 "$(packets "$c" filter '--reply -j ACCEPT')"
	is "first fragments dropped" 1 "$(packets "$c" filter '--fragfirst -j DROP')"
	is "later fragments accepted, of both" 4 "$(packets "$c" filter '-m frag -j ACCEPT')"
}

forwarded() {
	needs_frag || return
	forwarding ""
	is "bytes without the rules" "0 0" "$(large_reply)"
	forwarding "$(in_forward)"
	is "bytes of the reply, and of what is none" "$size 0" "$(large_reply)"
}

# Whoever registers defragmentation, makes it whole before any rule.
defragmented() {
	resolver "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
	is "bytes of the reply, and of what is none" "$size 0" "$(large_reply)"
	is "datagrams accepted" 1 "$(packets "$c" filter '--reply -j ACCEPT')"
}

add_topology
modprobe xt_untracked
claim "a large reply comes in over IPv4, and not over IPv6" without_rules
claim "two rules accept its later fragments over IPv6, and no datagram that is no reply" with_rules "legacy-6 nft-6"
claim "the router forwards it with rules for later fragments only" forwarded
claim "where conntrack is registered, it comes in as a whole" defragmented
run_claims
