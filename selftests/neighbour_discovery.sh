#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Conntrack itself marks IPv6 neighbour discovery untracked: "-m untracked" matches it
# where conntrack is on, and does not where it is off.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# $1 is a rule that enables conntrack, or nothing.
solicit() {
	rules "$c" <<-END
		*mangle
		-A INPUT -p ipv6-icmp --icmpv6-type neighbour-advertisement -m untracked -m comment --comment marked
		-A INPUT -p ipv6-icmp --icmpv6-type neighbour-advertisement -m untracked ! --untracked -m comment --comment unmarked
		COMMIT
		*filter
		$1
		COMMIT
	END
	in_ns "$c" ip -6 neigh flush all
	pings "$c" "$router" 1 || fail "no reply to ping"
}

on() {
	solicit "-A INPUT -m conntrack --ctstate ESTABLISHED"
	at_least "marked advertisements" 1 "$(packets "$c" mangle 'comment marked')"
	is "unmarked advertisements" 0 "$(packets "$c" mangle 'comment unmarked')"
}
off() {
	solicit ""
	at_least "unmarked advertisements" 1 "$(packets "$c" mangle 'comment unmarked')"
	is "marked advertisements" 0 "$(packets "$c" mangle 'comment marked')"
}

add_topology
claim "neighbour discovery matches where conntrack is registered" on "legacy-6 nft-6"
claim "neighbour discovery does not match where it is not" off "legacy-6 nft-6"
run_claims
