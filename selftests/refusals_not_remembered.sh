#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What only refuses opens no way: whoever is refused and calls again from the same port is no
# --reply. Not after REJECT, nor after what the stack says for a closed port, in any protocol.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=20000 # a new one for each caller

# calls NAMESPACE ADDRESS PORT FROM-PORT [PROTOCOL]: true if it was let in
calls() {
	in_ns "$1" timeout 5 socat -u "${5:-TCP}:$(at "$2"):$3,sourceport=$4,reuseaddr,connect-timeout=2" /dev/null 2>/dev/null
}

# refused_twice WHAT ADDRESS PORT [PROTOCOL]
refused_twice() {
	local i
	port=$((port + 1))
	for i in 1 2; do
		if calls "$c" "$2" "$3" "$port" "${@:4}"; then fail "$1: call $i was let in"; fi
	done
}

# ---- REJECT

# rejecting_host [RULE]; rejecting_router likewise
rejecting_host() {
	rules "$s" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*filter
		-A INPUT -p tcp -m untracked --reply -j ACCEPT
		$1
		-A INPUT -p tcp -j REJECT --reject-with tcp-reset
		COMMIT
	END
}
rejecting_router() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -j NOTRACK
		-A OUTPUT -j NOTRACK
		COMMIT
		*filter
		-A FORWARD -i wan -j ACCEPT
		-A FORWARD -p tcp -m untracked --reply -j ACCEPT
		$1
		-A FORWARD -p tcp -j REJECT --reject-with tcp-reset
		COMMIT
	END
}

# The refused come again, and the server's own calls get replies.
only_own_calls() {
	refused_twice "$1" "$server" 80
	is "$1: the refused client's packets accepted" 0 "$(packets "$2" filter "--reply -j ACCEPT")"
	is "$1: and refused" 2 "$(packets "$2" filter "-j REJECT")"
	fetch "$s" "$client" || fail "$1: no page for the server itself"
	at_least "$1: replies to the server accepted" 3 "$(packets "$2" filter "--reply -j ACCEPT")"
	reset_rules
}

conntrack_in() { echo "-A $1 -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT"; }
reject() {
	rejecting_host
	only_own_calls "conntrack off" "$s"
	rejecting_host "$(conntrack_in INPUT)"
	only_own_calls "conntrack on" "$s"
}
reject_on_router() {
	rejecting_router
	only_own_calls "conntrack off" "$r"
	rejecting_router "$(conntrack_in FORWARD)"
	only_own_calls "conntrack on" "$r"
}

# counted NAMESPACE CHAIN PROTOCOL [RULE]: all that it sends is marked untracked; what comes to CHAIN is counted
counted() {
	rules "$1" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		-A $2 -p $3 -m untracked --reply
		-A $2 -p $3 -m untracked ! --reply
		$4
		COMMIT
	END
}
replies() { packets "${1:-$s}" mangle "untracked --reply"; }
others() { packets "${1:-$s}" mangle "untracked ! --reply"; }
conntrack_on="-A INPUT -m conntrack --ctstate ESTABLISHED"

nft_rejects() {
	local hook
	for hook in input forward; do
		local ns=$s device=eth0
		[ "$hook" = input ] || ns=$r device=lan
		counted "$ns" PREROUTING "tcp -i $device"
		in_ns "$ns" nft -f - <<-END
			table inet rejecter {
				chain $hook { type filter hook $hook priority 10; iifname $device tcp dport 80 reject with tcp reset; }
			}
		END
		refused_twice "$hook" "$server" 80
		is "$hook: replies" 0 "$(replies "$ns")"
		is "$hook: others" 2 "$(others "$ns")"
		in_ns "$ns" nft delete table inet rejecter
		reset_rules
	done
}

# ---- closed ports

closed_tcp() {
	local rule
	for rule in "" "$conntrack_on"; do
		counted "$s" INPUT tcp "$rule"
		refused_twice "closed port" "$server" 81
		is "replies at a closed port" 0 "$(replies)"
		is "others there" 2 "$(others)"
		fetch "$s" "$client" || fail "no page"
		at_least "replies to a call of the host's" 3 "$(replies)"
		is "others still" 2 "$(others)"
		reset_rules
	done
}

closed_sctp() {
	modprobe -q sctp || { skip "needs CONFIG_IP_SCTP"; return; }
	counted "$s" INPUT sctp
	refused_twice "closed port" "$server" 10 SCTP
	is "replies at a closed port" 0 "$(replies)"
	at_least "others there" 2 "$(others)"
	# The listener's INIT ACK is a reply that opens: a socket's.
	in_ns "$c" timeout 5 socat -u "SCTP:$(at "$server"):9" - 2>/dev/null | cmp -s - "$page" || fail "no page over SCTP"
	at_least "packets of an association that are replies" 3 "$(replies)"
}

# Sockets by their numbers, for older socats have no name for DCCP; without their family, too.
dccp_address() { # PORT NETWORK: of the server or client: its address, or its network's number
	if [ "$family" = 4 ]; then
		# shellcheck disable=SC2086 # four numbers
		printf 'x%04x%02x%02x%02x%02x%016x' "$1" ${2//./ } 0
	else
		printf 'x%04x%08x20010db8%04x%016x%04x%08x' "$1" 0 "$2" 0 2 0
	fi
}
calls_dccp() {
	local domain=2 to=198.51.100.2 from=192.0.2.2
	[ "$family" = 4 ] || domain=10 to=2 from=1
	in_ns "$c" timeout 5 socat -u "SOCKET-CONNECT:$domain:33:$(dccp_address 81 "$to"),type=6,bind=$(dccp_address "$1" "$from"),reuseaddr" - 2>&1
}
closed_dccp() {
	local said
	modprobe -q -a dccp_ipv4 dccp_ipv6 || { skip "needs CONFIG_IP_DCCP, which Linux 6.16 took out"; return; }
	counted "$s" INPUT dccp
	port=$((port + 1))
	said=$(calls_dccp "$port")
	[[ $said == *"onnection refused"* ]] || fail "DCCP call: $said"
	send_raw "$c" "$server" 33 "$(printf %04x0051 "$port")0000000000000000" # the socket's port rests
	is "replies at a closed port" 0 "$(replies)"
	at_least "others there" 2 "$(others)"
}

# ICMP errors, of the stack and of REJECT, are marked like all that the host sends; the host's
# own datagrams get replies.
closed_udp() {
	local refused type=icmp-port-unreachable
	[ "$family" = 4 ] || type=icmp6-port-unreachable
	for refused in "" "-A INPUT -m conntrack --ctstate ESTABLISHED" "-A INPUT -p udp --dport 81 -j REJECT --reject-with $type"; do
		rules "$s" <<-END
			*raw
			-A OUTPUT -j NOTRACK
			COMMIT
			*mangle
			-A INPUT -p udp -m untracked --reply
			-A INPUT -p udp -m untracked ! --reply
			-A OUTPUT -p $icmp --${icmp/ipv6-icmp/icmpv6}-type port-unreachable -m untracked
			COMMIT
			*filter
			$refused
			COMMIT
		END
		port=$((port + 1))
		send_udp "$c" "$server" 81 10 "$port"
		send_udp "$c" "$server" 81 10 "$port"
		is "marked errors about a closed port" 2 "$(packets "$s" mangle "-A OUTPUT")"
		is "replies at a closed port" 0 "$(replies)"
		is "others there" 2 "$(others)"
		send_udp "$s" "$client" 82 10 "$port"
		send_udp "$c" "$server" "$port" 10 82
		is "replies to the host's own" 1 "$(replies)"
		reset_rules
	done
}

# ---- any segment, whoever made it

# send_raw NAMESPACE ADDRESS PROTOCOL HEX
send_raw() {
	# shellcheck disable=SC2001,SC2059 # these are bytes
	printf "$(sed 's/../\\x&/g' <<<"$4")" | in_ns "$1" socat -u - "IP$family-SENDTO:$(at "$2"):$3" ||
		fail "cannot send $4 of protocol $3"
}

# from_server_and_back [PROTOCOL HEX]...: HEX begins behind the ports
from_server_and_back() {
	while [ $# -gt 0 ]; do
		port=$((port + 1))
		send_raw "$s" "$client" "$1" "$(printf '%04x%04x' 900 "$port")$2"
		send_raw "$c" "$server" "$1" "$(printf '%04x%04x' "$port" 900)$2"
		shift 2
	done
}
segments() {
	local tcp=0000000100000001 # both numbers
	rules "$s" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		-A INPUT ! -p $icmp -m untracked --reply
		-A INPUT ! -p $icmp -m untracked ! --reply
		COMMIT
	END
	# RST, RST and ACK, and cut before the flags; ABORT, SHUTDOWN COMPLETE, and cut before the
	# chunk; Reset with short and long numbers, and cut before the type.
	from_server_and_back \
		6 "${tcp}5004200000000000" 6 "${tcp}5014200000000000" 6 "${tcp}50" \
		132 000000000000000006000004 132 00000000000000000e000004 132 0000000000000000 \
		33 000000000e000000 33 000000000f000000 33 00000000
	is "replies to refusals" 0 "$(replies)"
	is "others" 9 "$(others)"
	# SYN and ACK, FIN; INIT, and DATA's first byte; Request, Close; UDP and UDP-Lite, GRE.
	from_server_and_back \
		6 "${tcp}5012200000000000" 6 "${tcp}5001" \
		132 000000000000000001000004 132 000000000000000000 \
		33 0000000000000000 33 000000000d \
		17 00080000 136 00080000 47 00000000
	is "replies to what refuses nothing" 9 "$(replies)"
	is "others still" 9 "$(others)"
}

# Once the flow is remembered, the RST that ends it changes nothing: what was on its way still matches.
ended() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		-A OUTPUT -p tcp --dport 80 --tcp-flags RST RST -m untracked
		-A INPUT -p tcp --sport 80 -m untracked --reply
		-A INPUT -p tcp --sport 80 -m untracked ! --reply
		COMMIT
	END
	# Closed with most of the page unread.
	# shellcheck disable=SC2016 # for the shell in there
	in_ns "$c" timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/80" && read -r -n 1 <&3' "$server" || fail "no call"
	wait_for 5 reset_was_sent || fail "no RST was sent"
	at_least "replies" 2 "$(replies "$c")"
	is "others" 0 "$(others "$c")"
}
reset_was_sent() { [ "$(packets "$c" mangle "RST RST")" -ge 1 ]; }

# The kernel replies to anybody's echo request: that makes no later packet of his a reply.
echoes() {
	local request=0800e5ca12340001 reply=0000edca12340001 protocol=1
	[ "$family" = 4 ] || request=8000000012340001 reply=8100000012340001 protocol=58
	rules "$s" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		-A OUTPUT -p $icmp -d $client -m untracked
		-A INPUT -s $client -m untracked --reply
		COMMIT
	END
	send_raw "$c" "$server" "$protocol" "$request"
	wait_for 5 echoed || fail "no echo"
	send_raw "$c" "$server" "$protocol" "$reply"
	send_raw "$c" "$server" "$protocol" "$request"
	send_udp "$c" "$server" 80
	calls "$c" "$server" 81 $((port += 1)) && fail "a call to a closed port was let in"
	is "replies" 0 "$(replies)"
	pings "$s" "$client" 2 || fail "no reply to ping"
	is "replies to pings of the host's" 2 "$(replies)"
}
echoed() { [ "$(packets "$s" mangle "-A OUTPUT")" -ge 1 ]; }

add_topology
serve_page "$s"
serve_page "$c"
if modprobe -q sctp; then
	serve "$s" -U SCTP6-LISTEN:9,ipv6only=0,reuseaddr,fork "OPEN:$page"
	wait_for 10 listening "$s" --sctp 9
fi
for ns in "$r" "$s"; do
	in_ns "$ns" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
done
claim "REJECT on a host opens nothing" reject
claim "REJECT on a router opens nothing" reject_on_router
claim "nft's reject with tcp reset opens nothing" nft_rejects
claim "a closed TCP port opens nothing" closed_tcp
claim "a closed SCTP port opens nothing" closed_sctp
claim "a closed DCCP port opens nothing" closed_dccp
claim "a closed UDP port opens nothing" closed_udp
claim "RST, ABORT, SHUTDOWN COMPLETE and Reset are known by their bytes" segments
claim "after a RST the replies to what went before it still match" ended
claim "the kernel's echo replies open nothing" echoes
run_claims
