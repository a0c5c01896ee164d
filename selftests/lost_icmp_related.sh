#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A price of NOTRACK: an ICMP error about an untracked packet is INVALID to
# conntrack, not RELATED.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# The client asks a port of the server's that is closed; $1 is the router's raw rule.
closed_port() {
	rules "$r" <<-END
		*raw
		$1
		COMMIT
		*mangle
		-A FORWARD -i wan -p $icmp -m conntrack --ctstate RELATED
		-A FORWARD -i wan -p $icmp -m conntrack --ctstate INVALID
		-A FORWARD -i wan -p $icmp -m conntrack --ctstate UNTRACKED
		COMMIT
	END
	send_udp "$c" "$server" 9
	wait_for 5 error_came
	is RELATED "$2" "$(packets "$r" mangle RELATED)"
	is INVALID "$3" "$(packets "$r" mangle INVALID)"
	is UNTRACKED "$4" "$(packets "$r" mangle UNTRACKED)"
}

error_came() { [ "$(packets "$r" mangle "-A FORWARD")" -gt 0 ]; }
tracked() { closed_port "" 1 0 0; }
untracked() { closed_port "-A PREROUTING -p udp -j NOTRACK" 0 1 0; }
both_untracked() { closed_port "-A PREROUTING -j NOTRACK" 0 0 1; }

add_topology
claim "tracked, the error is RELATED" tracked
claim "with NOTRACK for UDP alone, the error is INVALID" untracked
claim "with NOTRACK for all, the error is UNTRACKED as any packet" both_untracked
run_claims
