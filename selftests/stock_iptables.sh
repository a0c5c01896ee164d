#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Without our plugin, on a kernel without xt_CT: iptables 1.8.7 writes NOTRACK revision 0,
# which is ours. Later ones insist on xt_CT; they are refused and leave nothing.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

stock() {
	unload xt_CT || return
	modprobe -a xt_NOTRACK xt_untracked
	dirty+=("$r")
	if iptables_before 1.8.8; then ours; else none; fi
}

ours() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 9 -j NOTRACK
		COMMIT
	END
	is "uses of xt_NOTRACK" 1 "$(uses xt_NOTRACK)"
	unset XTABLES_LIBDIR # for a match that tests the UNTRACKED state
	in_ns "$r" "$ipt" -t mangle -A FORWARD -p udp -m untracked
	send_udp "$c" "$server" 9
	send_udp "$c" "$server" 10
	is "untracked packets" 1 "$(packets "$r" mangle '-m untracked')"
	export XTABLES_LIBDIR=$work/plugins
	is "the rule, saved" "-A PREROUTING -p udp -m udp --dport 9 -j NOTRACK" \
		"$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | grep '^-A')"
	succeeds "-D" in_ns "$r" "$ipt" -t raw -D PREROUTING -p udp --dport 9 -j NOTRACK
}

none() {
	refused "-j NOTRACK" "CT.*missing kernel module" in_ns "$r" "$ipt" -t raw -A PREROUTING -p udp -j NOTRACK
	is "rules" "" "$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | grep '^-A')"
	is "uses of xt_NOTRACK" 0 "$(uses xt_NOTRACK)"
}

add_topology
hide_modules xt_CT
# shellcheck disable=SC2086
plugins_without $our_plugins
claim "-j NOTRACK of a stock iptables is ours, or is refused" stock
run_claims
