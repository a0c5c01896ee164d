#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A price of NOTRACK: NAT rules do not apply to untracked packets.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# The router hides the client; $1 is its raw rule.
hide_client() {
	rules "$r" <<-END
		*raw
		$1
		COMMIT
		*nat
		-A POSTROUTING -o wan -j SNAT --to-source $router_wan
		COMMIT
	END
	rules "$s" <<-END
		*mangle
		-A INPUT -p udp --dport 7 -s $client
		-A INPUT -p udp --dport 7 -s $router_wan
		COMMIT
	END
	udp_echoes "$c" "$server" || fail "no echo"
}

untracked() {
	hide_client "-A PREROUTING -j NOTRACK"
	is "datagrams with the client's own address" 1 "$(packets "$s" mangle "-s $client")"
	is "datagrams with the router's" 0 "$(packets "$s" mangle "-s $router_wan")"
	is "packets that met the NAT rule" 0 "$(packets "$r" nat SNAT)"
}

tracked() {
	hide_client ""
	is "datagrams with the client's own address" 0 "$(packets "$s" mangle "-s $client")"
	is "datagrams with the router's" 1 "$(packets "$s" mangle "-s $router_wan")"
	is "packets that met the NAT rule" 1 "$(packets "$r" nat SNAT)"
}

add_topology
serve_udp_echo "$s"
claim "untracked packets keep their source address" untracked
claim "tracked packets get the router's" tracked
run_claims
