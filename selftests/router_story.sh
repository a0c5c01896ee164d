#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/router.v4 and .v6: the router tracks its own traffic and nothing of what
# is forwarded, and both are filtered as the file says.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

router_rules() { rules "$r" <"$examples/router.v$family"; }

transit() {
	router_rules
	fetch "$c" "$server" || fail "no page through the router"
	fetch "$c" "$server" 22 || fail "nothing from port 22 through the router"
	pings "$c" "$server" 2 || fail "no ping through the router"
	is "entries" 0 "$(entries "$r")"
	at_least "packets to the server" 6 "$(packets "$r" filter '--dports 22,80')"
	at_least "packets from the server" 6 "$(packets "$r" filter '--sports 22,80')"
}

transit_filter() {
	router_rules
	if fetch "$c" "$server" 8080; then fail "a port that is not open came through"; fi
	# The source port alone opens nothing: a connection needs a SYN.
	if in_ns "$s" timeout 3 socat -u "TCP:$(at "$client"):8080,sourceport=80,reuseaddr,connect-timeout=1" - >/dev/null 2>&1; then
		fail "a connection from source port 80 came through"
	fi
	is "entries" 0 "$(entries "$r")"
}

itself() {
	router_rules
	fetch_tracked "$c" "$router" 22 "$r"
	at_least "packets of known connections" 2 "$(packets "$r" filter '--ctstate ESTABLISHED')"
	if fetch "$c" "$router" 8080; then fail "the router's port 8080 is open"; fi
	# Its own connections get replies, because they are tracked.
	fetch_tracked "$r" "$server" 80 "$r"
}

add_topology
for port in 22 80 8080; do serve_page "$s" $port; done
for port in 22 8080; do serve_page "$r" $port; done
serve_page "$c" 8080
claim "web, SSH and ping are forwarded, without an entry" transit
claim "what is not open is not forwarded" transit_filter
claim "its own traffic is tracked, and filtered by state" itself
run_claims
