#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A SYN/ACK that no socket has sent is not remembered: SYNPROXY's and a SYN cookie are sent
# before anybody has accepted. A listener's is, also where it is only forwarded.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# acks NAMESPACE CHAIN: rules that count what the client sends to port 80 and 81 with ACK and no more
acks() {
	echo "-A $1 -s $client -p tcp --dport 80:81 --tcp-flags SYN,FIN,RST,PSH,ACK ACK -m untracked --reply"
	echo "-A $1 -s $client -p tcp --dport 80:81 --tcp-flags SYN,FIN,RST,PSH,ACK ACK -m untracked ! --reply"
}
acks_that_reply() { packets "$1" mangle "untracked --reply"; }
unsolicited_acks() { packets "$1" mangle "untracked ! --reply"; }

# ---- SYNPROXY

# proxy NAMESPACE CHAIN: port 80 is behind it; all that this host makes is marked untracked
proxy() {
	in_ns "$1" sh -c 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose'
	rules "$1" <<-END
		*raw
		-A PREROUTING -p tcp --dport 80 --syn -j NOTRACK
		-A PREROUTING -p tcp --dport 81 -j NOTRACK
		-A PREROUTING -p tcp --sport 81 -j NOTRACK
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		$(acks PREROUTING)
		-A POSTROUTING -p tcp --sport 80 --tcp-flags SYN,ACK SYN,ACK -m untracked
		COMMIT
		*filter
		-A $2 -p tcp --dport 80 -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1440
		-A $2 -p tcp --dport 80 -m conntrack --ctstate INVALID -j DROP
		COMMIT
	END
}
untracked_syn_acks() { packets "$1" mangle "POSTROUTING"; }

proxy_on_router() {
	modprobe -a nf_conntrack
	proxy "$r" FORWARD
	fetch "$c" "$server" || fail "no page through SYNPROXY"
	at_least "packets that SYNPROXY took" 2 "$(packets "$r" filter "-j SYNPROXY")"
	at_least "its SYN/ACKs that were marked untracked" 1 "$(untracked_syn_acks "$r")"
	is "the client's ACKs that reply" 0 "$(acks_that_reply "$r")"
	at_least "and that do not" 1 "$(unsolicited_acks "$r")"
	fetch "$c" "$server" 81 || fail "no page past SYNPROXY"
	at_least "ACKs that reply to an untracked server" 2 "$(acks_that_reply "$r")"
}

# Nobody listens behind it, for what a listener sends would be remembered.
proxy_on_host() {
	modprobe -a nf_conntrack
	proxy "$r" INPUT
	in_ns "$c" timeout 5 socat -u /dev/null "TCP:$(at "$router"):80" 2>/dev/null
	at_least "packets that SYNPROXY took" 2 "$(packets "$r" filter "-j SYNPROXY")"
	at_least "its SYN/ACKs that were marked untracked" 1 "$(untracked_syn_acks "$r")"
	is "the client's ACKs that reply" 0 "$(acks_that_reply "$r")"
	at_least "and that do not" 1 "$(unsolicited_acks "$r")"
	fetch "$c" "$router" 81 || fail "no page past SYNPROXY"
	at_least "ACKs that reply to a listener" 2 "$(acks_that_reply "$r")"
}

# ---- SYN cookies

marked_server() {
	in_ns "$s" sh -c "echo $1 >/proc/sys/net/ipv4/tcp_syncookies"
	rules "$s" <<-END
		*raw
		-A OUTPUT -p tcp --sport 81 -j NOTRACK
		COMMIT
		*mangle
		$(acks INPUT)
		COMMIT
	END
	rules "$r" <<-END
		*raw
		-A PREROUTING -i wan -p tcp --sport 81 -j NOTRACK
		COMMIT
		*mangle
		$(acks FORWARD)
		COMMIT
	END
	# The client sends ACKs alone, the first of them before the server has sent anything else.
	fetch "$c" "$server" 81 || fail "no page with tcp_syncookies=$1"
	at_least "ACKs that reply" 1 "$(acks_that_reply "$s")"
	is "through the router, ACKs that do not reply" 0 "$(unsolicited_acks "$r")"
	at_least "through the router, ACKs that do" 2 "$(acks_that_reply "$r")"
}
listener() {
	marked_server 0
	is "ACKs that do not reply" 0 "$(unsolicited_acks "$s")"
}
cookie() {
	marked_server 2
	is "ACKs to a cookie that do not reply" 1 "$(unsolicited_acks "$s")"
}

add_topology
serve_page "$s"
serve_page "$s" 81
serve_page "$r" 81
claim "SYNPROXY's SYN/ACK on a router is not remembered" proxy_on_router
claim "SYNPROXY's SYN/ACK on a host is not remembered" proxy_on_host
claim "a listener's SYN/ACK is remembered" listener
claim "a SYN cookie is not remembered" cookie
run_claims
