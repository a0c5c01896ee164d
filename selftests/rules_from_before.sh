#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK rules made before the plugin was installed, which are xt_CT's, go on working and
# are listed as ever; -D takes them by number, and a restore of what is saved makes them ours.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

text="-A PREROUTING -p udp -j NOTRACK"

saved() { in_ns "$r" "$ipt-save" -t raw 2>/dev/null | grep '^-A'; }

# The plugin comes after the rule.
old_rule() {
	unload xt_NOTRACK xt_CT || return
	# shellcheck disable=SC2086
	plugins_without $our_plugins
	rules "$r" <<-END
		*raw
		$text
		COMMIT
		*mangle
		-A FORWARD -p udp -m conntrack --ctstate UNTRACKED
		COMMIT
	END
	unset XTABLES_LIBDIR
	is "uses of xt_CT" 1 "$(uses xt_CT)"
	is "uses of xt_NOTRACK" 0 "$(uses xt_NOTRACK)"
}

listed() {
	old_rule || return
	is "the rule, saved" "$text" "$(saved)"
	[[ $(in_ns "$r" "$ipt" -t raw -n -L PREROUTING 2>/dev/null) == *NOTRACK* ]] || fail "-L shows no NOTRACK"
	send_udp "$c" "$server" 9
	is "packets left untracked" 1 "$(packets "$r" mangle 'ctstate UNTRACKED')"
}

deleted() {
	old_rule || return
	succeeds "-D by number" in_ns "$r" "$ipt" -t raw -D PREROUTING 1
	is "rules left" "" "$(saved)"
}

converted() {
	old_rule || return
	in_ns "$r" "$ipt-save" 2>/dev/null | in_ns "$r" "$ipt-restore"
	uses_become 0 xt_CT
	is "uses of xt_NOTRACK" 1 "$(uses xt_NOTRACK)"
	is "the rule, saved" "$text" "$(saved)"
	# shellcheck disable=SC2086
	succeeds "-D" in_ns "$r" "$ipt" -t raw -D ${text#-A }
}

add_topology
claim "rules of xt_CT are listed, and work" listed
claim "rules of xt_CT are deleted by number" deleted
claim "saving and restoring makes them ours" converted
run_claims
