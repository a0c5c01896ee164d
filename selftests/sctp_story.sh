#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/sctp.v4 and .v6 on a server with two addresses, and the recipes for its peer and for a
# router on one of two paths: an association uses both paths, goes on when the first one is lost,
# and leaves no entry. With rules for half of the addresses it does not go on.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

at_server() { cat "$examples/sctp.v$family"; }
at_peer() { recipe "SCTP with several addresses" 2; }
at_router() { recipe "SCTP with several addresses" 3; }
load_all() {
	rules "$s" < <(at_server)
	rules "$c" < <(at_peer)
	rules "$r" < <(at_router)
}
second() { if [ "$family" = 4 ]; then echo 203.0.113.1; else echo 2001:db8:3::1; fi; }

# The file comes back in two halves, the second one after the loss of the first path.
survives() {
	load_all
	associate
	echoes 10 || fail "the first half did not come back"
	wait_for 10 paths_in_use 2 || fail "not both paths are in use"
	is "addresses of the association" 4 "$(addresses_in_use)"
	lose_first_path
	echoes 10 || fail "the second half did not come back"
	is "entries at the server, its peer and the router" "0 0 0" "$(entries "$s") $(entries "$c") $(entries "$r")"
	at_least "packets that the router forwarded" 10 "$(packets "$r" filter '-p sctp')"
	at_least "packets from the peer's second address" 10 "$(packets "$s" filter "-s $(second)")"
	part_ways
}

half() {
	load_all
	rules_counting "$s" sctp eval "at_server | grep -v -e '-s $(second) '"
	associate
	echoes 10 || fail "the first half did not come back"
	wait_for 5 has_dropped "$s" 2 || fail "nothing on the second path was dropped"
	paths_in_use 1 || fail "the second path is in use"
	lose_first_path
	echoes 5 && fail "the second half came back without a rule for the second path"
	part_ways
}

# The peer has asked nobody.
others() {
	rules_counting "$s" sctp at_server
	rules_counting "$c" sctp at_peer
	serve "$s" SCTP6-LISTEN:3868,ipv6only=0,reuseaddr PIPE
	calls "$r" "$server" 3868 && fail "somebody else's association is accepted"
	kill "${background[-1]}" 2>/dev/null
	wait "${background[-1]}" 2>/dev/null
	calls "$s" "$client" 4000 3868 && fail "the peer accepts an association from port 3868"
	at_least "packets that the server dropped" 1 "$(dropped "$s")"
	at_least "packets that its peer dropped" 1 "$(dropped "$c")"
}
# calls NAMESPACE ADDRESS PORT [FROM-PORT]
calls() { in_ns "$1" timeout 1 socat -u /dev/null "SCTP:$(at "$2"):$3${4:+,sourceport=$4,reuseaddr}" 2>/dev/null; }

modprobe -q sctp || skip_all "needs CONFIG_IP_SCTP"
add_topology
add_second_path
claim "an association survives the loss of its first path, without an entry" survives
claim "with a rule for one of the peer's addresses it does not" half
claim "nobody else's association is accepted, on either side" others
run_claims
