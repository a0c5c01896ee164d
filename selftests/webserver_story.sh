#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/webserver.v4 and .v6: port 80 on each of the host's addresses is served
# untracked, everything else is stateful, and the default is drop.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

server_rules() { rules "$s" <"$examples/webserver.v$family"; }
second_address() { if [ "$family" = 4 ]; then echo 198.51.100.80; else echo 2001:db8:2::80; fi; }

web() {
	server_rules
	fetch "$c" "$server" || fail "no page"
	fetch "$c" "$(second_address)" || fail "no page from the second address"
	is "entries" 0 "$(entries "$s" -p tcp)"
	at_least "untracked packets in" 6 "$(packets "$s" filter '-A INPUT -p tcp -m tcp --dport 80 -m untracked')"
	at_least "untracked packets out" 6 "$(packets "$s" filter '-A OUTPUT -p tcp -m tcp --sport 80')"
}

rest() {
	server_rules
	fetch_tracked "$c" "$server" 22 "$s"
	pings "$c" "$server" 1 || fail "no reply to ping"
	is "packets that are not TCP's port 80, untracked" 0 "$(packets "$s" raw NOTRACK)"
}

# The host's own calls are tracked, in both directions, as one.
on_loopback() {
	local loopback=127.0.0.1 of
	[ "$family" = 4 ] || loopback=::1
	server_rules
	for of in "$loopback" "$server"; do
		fetch "$s" "$of" || fail "no page from $of"
		is "entries of a call to $of" 1 "$(entries "$s" -p tcp -d "$of")"
		is "of these half-open" 0 "$(in_ns "$s" conntrack -L -f "ipv$family" -p tcp -d "$of" 2>/dev/null | grep -c -e UNREPLIED -e SYN_SENT)"
	done
}

default_drop() {
	server_rules
	if fetch "$c" "$server" 8080; then fail "port 8080 is open"; fi
	if fetch "$s" "$client" 8080; then fail "the server can connect out"; fi
	if in_ns "$s" timeout 3 socat -u "TCP:$(at "$client"):8080,sourceport=80,reuseaddr,connect-timeout=1" - >/dev/null 2>&1; then
		fail "the server can connect out from source port 80"
	fi
}

# Path MTU discovery has a static accept rule in the recipe: the error is not RELATED, and
# comes in all the same.
path_mtu() {
	ip -n "$r" link set lan mtu 1300
	server_rules
	fetch "$c" "$server" || fail "no page over the link with a small MTU"
	at_least "errors let in by the static rule" 1 "$(packets "$s" filter "$(static_accept)")"
	is "errors known as RELATED" 0 "$(entries "$s" -p "$icmp")"
	ip -n "$r" link set lan mtu 1500
	in_ns "$s" ip "-$family" route flush cache
}
static_accept() { if [ "$family" = 4 ]; then echo "--icmp-type 3/4"; else echo "--icmpv6-type 2"; fi; }

add_topology
ip -n "$s" addr add 198.51.100.80/24 dev eth0
ip -n "$s" addr add 2001:db8:2::80/64 dev eth0 nodad
for port in 22 80 8080; do serve_page "$s" $port; done
serve_page "$c" 8080
claim "port 80 is served on all addresses, without an entry" web
claim "SSH and ping are tracked" rest
claim "calls on loopback leave no half-open entries" on_loopback
claim "nothing else gets in or out" default_drop
claim "path MTU discovery works with a static accept rule" path_mtu
run_claims
