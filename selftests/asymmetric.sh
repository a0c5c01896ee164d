#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/router.v4 and .v6 on a router that sees one direction of each connection, and another
# path has the other one: connections work, whichever direction it is, where conntrack
# finds them INVALID. --reply has nothing to compare with there.
#
#	client eth0 ------- lan router wan ------- eth0 server
#	       back ------------------------------ back
#
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# What many stateful routers have, as a comparison.
stateful() {
	rules "$r" <<-END
		*filter
		:FORWARD DROP
		-A FORWARD -m conntrack --ctstate INVALID -j DROP
		-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
		-A FORWARD -p tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
		COMMIT
	END
}
stateless() {
	rules "$r" <"$examples/router.v$family"
	in_ns "$r" "$ipt" -t mangle -A FORWARD -m untracked --reply
}

# by_back NAMESPACE ADDRESS: what goes there, goes past the router
by_back() {
	local via=10.9.0.1 own=$server
	[ "$1" = "$s" ] || via=10.9.0.2 own=$client
	[ "$family" = 4 ] || via=fd00:9::${via##*.}
	ip -n "$1" route add "$2" via "$via" dev back src "$own"
}
seen() { packets "$r" filter "$1"; }

# past NAMESPACE ADDRESS RULE OTHER-RULE: the router sees, of the two, only what RULE counts
past() {
	by_back "$1" "$2"
	stateful
	if page_comes; then fail "the page came through the stateful router"; fi
	at_least "packets that are INVALID" 1 "$(seen "INVALID -j DROP")"
	reset_rules
	stateless
	fetch "$c" "$server" || fail "no page"
	at_least "packets of that direction" 3 "$(seen "$3")"
	is "packets of the other one" 0 "$(seen "$4")"
	is "packets that are --reply" 0 "$(packets "$r" mangle --reply)"
	is "entries" 0 "$(entries "$r")"
	ip -n "$1" route del "$2"
}
# fetch with less patience
page_comes() { in_ns "$c" timeout 2 socat -u "TCP:$(at "$server"):80,connect-timeout=1" - 2>/dev/null | cmp -s - "$page"; }

requests_only() { past "$s" "$client" "--dports 22,80" "--sports 22,80"; }
replies_only() { past "$c" "$server" "--sports 22,80" "--dports 22,80"; }

add_topology
ip link add back netns "$c" type veth peer name back netns "$s"
number=1
for ns in "$c" "$s"; do
	# shellcheck disable=SC2016 # for the shell in there
	in_ns "$ns" sh -c 'for c in all eth0 back; do echo 0 >/proc/sys/net/ipv4/conf/$c/rp_filter; done'
	ip -n "$ns" -b - <<-END
		addr add 10.9.0.$number/24 dev back
		addr add fd00:9::$number/64 dev back nodad
		link set back up
	END
	number=2
done
serve_page "$s"
claim "a router that sees requests alone" requests_only
claim "a router that sees replies alone" replies_only
run_claims
