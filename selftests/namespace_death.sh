#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A network namespace may be deleted with live rules in it: they go, and let the
# modules go, and other namespaces keep theirs.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

both_uses() { echo "$(uses xt_NOTRACK) $(uses xt_untracked)"; }

live_rules() {
	rules "$1" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*filter
		-A OUTPUT -m untracked
		COMMIT
	END
}

death() {
	local doomed=doomed-$suffix before more
	live_rules "$c"
	before=$(both_uses)
	ip netns add "$doomed"
	in_ns "$doomed" ip link set lo up
	live_rules "$doomed"
	dirty=("$c")
	pings_self "$doomed" || fail "no reply to ping on loopback"
	more="$((${before% *} + 1)) $((${before#* } + 1))"
	built_in xt_NOTRACK || is "uses, with the second namespace's rules" "$more" "$(both_uses)"
	ip netns del "$doomed"
	wait_for 20 eval "[ \"\$(both_uses)\" = '$before' ]" || fail "uses were '$before' and are '$(both_uses)' after the namespace's death"
	pings_self "$c" || fail "no reply to ping on loopback"
	at_least "packets marked in the other namespace" 1 "$(packets "$c" filter '-m untracked')"
}
pings_self() {
	local lo=127.0.0.1
	[ "$family" = 4 ] || lo=::1
	pings "$1" "$lo" 2
}

modprobe -a xt_NOTRACK xt_untracked
add_hosts "$c"
claim "a namespace with live rules is deleted, another keeps its rules" death
run_claims
