#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/resolver.v4 and .v6: queries get their replies without an entry, nobody else gets in
# by using source port 53, everything else is stateful, and the default is drop. The same where nft
# filters, too.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=5353
resolver_rules() { rules "$c" <"$examples/resolver.v$family"; }
came() { packets "$c" filter "--reply -j ACCEPT"; }

replies() {
	resolver_rules
	udp_echoes "$c" "$server" 53 || fail "no reply"
	is "replies accepted" 1 "$(came)"
	is "and marked" 1 "$(packets "$c" raw "--reply -j NOTRACK")"
	is "entries" 0 "$(entries "$c" -p udp)"
}

unsolicited() {
	resolver_rules
	send_udp "$c" "$router" 53 10 "$port"
	send_udp "$s" "$client" "$port" 10 53
	send_udp "$r" "$client" "$port" 10 54
	is "accepted" 0 "$(came)"
	send_udp "$r" "$client" "$port" 10 53
	is "accepted, from whom was asked" 1 "$(came)"
}

errors() {
	resolver_rules
	send_udp "$c" "$router" 53
	wait_for 5 error_came || fail "no error about a closed port"
	in_ns "$s" ping "-$family" -q -n -c 1 -W 1 "$client" >/dev/null && fail "the host replies to ping"
	is "errors accepted" 1 "$(packets "$c" filter --related)"
}
error_came() { [ "$(packets "$c" filter --related)" = 1 ]; }

# To a resolver on the host itself: both directions are tracked, as one.
on_loopback() {
	local loopback=127.0.0.1
	[ "$family" = 4 ] || loopback=::1
	resolver_rules
	udp_echoes "$c" "$loopback" 53 || fail "no reply"
	is "entries" 1 "$(entries "$c" -p udp)"
	is "entries that are half-open" 0 "$(in_ns "$c" conntrack -L -f "ipv$family" 2>/dev/null | grep -c UNREPLIED)"
}

rest() {
	resolver_rules
	rest_tracked
}

# nft's filter has to accept, too, and has no --reply: but only a reply is untracked. documented.sh sees
# that the texts have this rule, too.
accept="udp sport 53 ct state untracked"
beside_nft() {
	resolver_rules
	in_ns "$c" nft -f - <<-END
		table inet filter {
			chain input { type filter hook input priority 0; policy drop; meta l4proto ipv6-icmp accept; }
		}
	END
	! udp_echoes "$c" "$server" 53 || fail "a reply comes without nft's rule"
	# shellcheck disable=SC2086 # words of a rule
	succeeds "nft's rule" in_ns "$c" nft insert rule inet filter input $accept counter accept
	udp_echoes "$c" "$server" 53 || fail "no reply with nft's rule"
	is "entries" 0 "$(entries "$c" -p udp)"
	send_udp "$r" "$client" "$port" 10 53
	is "accepted by nft's rule" 1 "$(in_ns "$c" nft list table inet filter | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')"
	in_ns "$c" nft delete table inet filter
}

add_topology
serve_udp_echo "$s" 53
serve_udp_echo "$c" 53
serve_page "$s" 80
serve_page "$c" 22
serve_page "$c" 8080
claim "queries get their replies without an entry" replies
claim "what is no reply is dropped" unsolicited
claim "errors about queries come in, other ICMP does not" errors
claim "queries on loopback leave no half-open entries" on_loopback
claim "everything else is tracked" rest
claim "beside nft's filter, replies and nothing else are accepted as untracked" beside_nft
run_claims
