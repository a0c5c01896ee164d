#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "-m untracked --reply" takes the replies to untracked packets that went out lately, whoever
# marked them, and nothing else: no other port, no other host, nothing late.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=5353

# A resolver's host where nothing but the match tells a reply, and by default nothing comes in.
resolver() {
	local mark=$1
	dirty+=("$c")
	if [[ $mark == nft* ]]; then
		nft_notrack "$c" "udp dport 53"
	else
		# shellcheck disable=SC2086
		in_ns "$c" "$ipt" -t raw -A OUTPUT -p udp --dport 53 $mark
	fi
	in_ns "$c" "$ipt" -t raw -A PREROUTING -m untracked --reply -j NOTRACK
	in_ns "$c" "$ipt" -A INPUT -m untracked --reply -j ACCEPT
	in_ns "$c" "$ipt" -A INPUT -m untracked --related -j ACCEPT
	in_ns "$c" "$ipt" -A INPUT -p udp -j DROP
}
asks() { send_udp "$c" "$server" 53 10 "$port"; }
replies() { send_udp "$1" "$client" "$port" 10 "$2"; }
came() { packets "$c" filter "--reply -j ACCEPT"; }
dropped() { packets "$c" filter "-p udp -j DROP"; }

only_replies() {
	resolver "$1"
	replies "$s" 53
	is "$1: before the query: accepted" 0 "$(came)"
	asks
	replies "$s" 53
	is "$1: the reply: accepted" 1 "$(came)"
	is "$1: and marked in raw" 1 "$(packets "$c" raw "--reply -j NOTRACK")"
	replies "$s" 54
	replies "$r" 53
	send_udp "$s" "$client" 5354 10 53
	is "$1: wrong port, wrong host, to another port: accepted" 1 "$(came)"
	is "$1: dropped" 4 "$(dropped)"
	no_nft_notrack "$c"
	reset_rules
}

everyone() {
	local mark
	for mark in "-j NOTRACK" "-j CT --notrack" "nft notrack"; do only_replies "$mark"; done
}

# A tracked query is not remembered.
tracked() {
	resolver "-j ACCEPT"
	asks
	replies "$s" 53
	is "accepted" 0 "$(came)"
	is "dropped" 1 "$(dropped)"
}

# Found for the window, gone after twice that.
late() { with_window 5 late_reply; }
late_reply() {
	resolver "-j NOTRACK"
	asks
	replies "$s" 53
	is "in time: accepted" 1 "$(came)"
	wait_for 30 rotated_twice
	replies "$s" 53
	is "late: accepted" 1 "$(came)"
	is "late: dropped" 1 "$(dropped)"
}
rotated_twice() { [ "$(memory_of "$c" rotations)" -ge 2 ]; }

# Echo and SCTP know no ports, or other ones.
others() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		-A INPUT -p sctp -m untracked --reply
		-A INPUT -p sctp -m untracked ! --reply
		-A INPUT -p $icmp -m untracked --reply
		-A INPUT -p tcp -m untracked --reply
		-A INPUT -p tcp -m untracked ! --reply
		COMMIT
	END
	pings "$c" "$server" 3 || fail "no reply to ping"
	is "echo replies" 3 "$(packets "$c" mangle "-p $icmp")"
	pings "$s" "$client" 3 || fail "no reply to ping"
	is "echo replies, and requests that are no replies" 3 "$(packets "$c" mangle "-p $icmp")"
	fetch "$c" "$server" || fail "no page over TCP"
	at_least "TCP replies" 3 "$(packets "$c" mangle "-p tcp -m untracked --reply")"
	is "TCP that is no reply" 0 "$(packets "$c" mangle "-p tcp -m untracked ! --reply")"
	in_ns "$c" timeout 5 socat -u "SCTP:$(at "$server"):9" - 2>/dev/null | cmp -s - "$page" || fail "no page over SCTP"
	at_least "SCTP replies" 3 "$(packets "$c" mangle "-p sctp -m untracked --reply")"
	is "SCTP that is no reply" 0 "$(packets "$c" mangle "-p sctp -m untracked ! --reply")"
}

# A later fragment has no ports: it is no reply, the first one is.
fragments() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -s $server ! -p $icmp -m untracked --reply
		-A PREROUTING -s $server ! -p $icmp -m untracked ! --reply
		COMMIT
	END
	asks
	send_udp "$s" "$client" "$port" 4000 53
	is "first fragments that match" 1 "$(packets "$c" mangle "untracked --reply")"
	is "later ones that do not" 2 "$(packets "$c" mangle "! --reply")"
}

add_topology
serve_page "$s"
modprobe sctp
serve "$s" -U SCTP6-LISTEN:9,ipv6only=0,reuseaddr,fork "OPEN:$page"
wait_for 10 listening "$s" --sctp 9
modprobe xt_untracked
claim "a resolver gets its replies and nothing else, by NOTRACK, CT or nft" everyone
claim "tracked queries are not remembered" tracked
claim "a late reply is dropped" late
claim "replies by echo, TCP and SCTP match" others
claim "a later fragment is no reply" fragments
run_claims
