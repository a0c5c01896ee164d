#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SYNPROXY's documented set-up with -j NOTRACK: the proxy replies to SYNs, a real client gets
# through, and a SYN that nobody stands behind never reaches the server.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

proxy() {
	in_ns "$r" sh -c 'echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose'
	rules "$r" <<-END
		*raw
		$1
		COMMIT
		*filter
		-A FORWARD -p tcp --dport 80 -m state --state INVALID,UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1440
		-A FORWARD -m state --state INVALID -j DROP
		COMMIT
	END
	rules "$s" <<-END
		*mangle
		-A PREROUTING -p tcp --dport 80 --syn
		COMMIT
	END
}
mark_syns="-A PREROUTING -i lan -p tcp --dport 80 --syn -j NOTRACK"

syns_at_server() { packets "$s" mangle '--dport 80'; }

handshakes() {
	local i
	proxy "$mark_syns"
	for i in 1 2 3; do fetch "$c" "$server" || fail "page $i did not come"; done
	at_least "packets that SYNPROXY took" 6 "$(packets "$r" filter '-j SYNPROXY')"
	is "handshakes with the server" 3 "$(syns_at_server)"
}

# From an address that nobody has, so that no handshake is completed.
flood() {
	local source=192.0.2.77 foreign=ip-transparent
	[ "$family" = 4 ] || source=2001:db8:1::77 foreign=ip-freebind
	in_ns "$c" timeout 2 socat -u /dev/null "TCP:$(at "$server"):80,bind=$(at "$source"),$foreign" 2>/dev/null
}

no_handshake() {
	proxy "$mark_syns"
	flood
	at_least "packets that SYNPROXY took" 1 "$(packets "$r" filter '-j SYNPROXY')"
	is "SYNs at the server" 0 "$(syns_at_server)"
}

without_notrack() {
	proxy ""
	flood
	is "packets that SYNPROXY took" 0 "$(packets "$r" filter '-j SYNPROXY')"
	at_least "SYNs at the server" 1 "$(syns_at_server)"
	fetch "$c" "$server" || fail "the page did not come"
}

add_topology
serve_page "$s"
claim "clients get through" handshakes
claim "a SYN with nobody behind it stops at the proxy" no_handshake
claim "without NOTRACK the proxy sees none of it" without_notrack
run_claims
