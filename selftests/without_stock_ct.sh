#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Without the distribution's libxt_CT.so our plugin stands alone: NOTRACK and untracked
# work, and -j CT is refused.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

alone() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -p udp -m untracked
		COMMIT
	END
	at_least "uses of xt_NOTRACK" 1 "$(uses xt_NOTRACK)"
	send_udp "$c" "$server" 9
	is "untracked packets" 1 "$(packets "$r" mangle '-m untracked')"
	succeeds "-C" in_ns "$r" "$ipt" -t raw -C PREROUTING -p udp -j NOTRACK
	succeeds "-D" in_ns "$r" "$ipt" -t raw -D PREROUTING -p udp -j NOTRACK
}

ct() {
	dirty+=("$r")
	refused "-j CT" "CT|unknown option" in_ns "$r" "$ipt" -t raw -A PREROUTING -j CT --zone 3
	is "rules" 0 "$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | grep -c '^-A')"
}

add_topology
plugins_without libxt_CT libxt_NOTRACK
claim "NOTRACK and untracked work without it" alone
claim "-j CT is refused without it" ct
run_claims
