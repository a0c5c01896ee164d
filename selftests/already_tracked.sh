#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK leaves alone what has conntrack state already: a packet seen before, or
# one that carries a template. What has none it marks.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# The packet's state is set by rules BEFORE NOTRACK in the same chain.
after() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp $1
		-A PREROUTING -p udp -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -p udp -m untracked
		-A FORWARD -p udp -m conntrack --ctstate NEW,ESTABLISHED
		COMMIT
	END
	udp_echoes "$c" "$server" || fail "no echo"
}

template() {
	after "-j CT --zone 7"
	is "marked packets" 0 "$(packets "$r" mangle '-m untracked')"
	is "tracked packets" 2 "$(packets "$r" mangle ESTABLISHED)"
	is "entries in zone 7" 1 "$(entries "$r" -p udp -w 7)"
}

untracked_by_other() {
	after "-j CT --notrack"
	is "marked packets" 2 "$(packets "$r" mangle '-m untracked')"
	is "entries" 0 "$(entries "$r" -p udp)"
}

# With nf_conntrack loaded, be it unused, an error inherits from what it is about.
own_error() {
	local type=--icmp-type
	[ "$family" = 4 ] || type=--icmpv6-type
	modprobe nf_conntrack
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp -j NOTRACK
		-A OUTPUT -p $icmp $type port-unreachable -j NOTRACK
		COMMIT
		*mangle
		-A OUTPUT -p $icmp $type port-unreachable -m untracked
		-A OUTPUT -p $icmp $type port-unreachable -m untracked ! --untracked
		COMMIT
	END
	send_udp "$c" "$router" 99
	wait_for 5 sent_error || fail "no error about a closed port"
	is "unmarked errors" 0 "$(packets "$r" mangle '! --untracked')"
}
sent_error() { [ "$(packets "$r" mangle '-m untracked')" = 1 ]; } # by either rule

add_topology
serve_udp_echo "$s"
claim "a packet with a template from CT --zone keeps it" template
claim "a packet marked by CT --notrack stays marked" untracked_by_other
claim "an error of this host about a marked packet is marked" own_error
run_claims
