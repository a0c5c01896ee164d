#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With the plugin installed and the kernel modules missing, -j NOTRACK goes on working
# through the kernel's own target. What becomes of -m untracked: missing_module.sh.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

target() {
	unload xt_NOTRACK xt_CT || return
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -p udp -m conntrack --ctstate UNTRACKED
		COMMIT
	END
	is "uses of xt_CT" 1 "$(uses xt_CT)"
	[ ! -d /sys/module/xt_NOTRACK ] || fail "xt_NOTRACK was loaded"
	send_udp "$c" "$server" 9
	is "packets left untracked" 1 "$(packets "$r" mangle 'ctstate UNTRACKED')"
	is "the rule, saved" "-A PREROUTING -p udp -j NOTRACK" \
		"$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | grep '^-A')"
	succeeds "-C" in_ns "$r" "$ipt" -t raw -C PREROUTING -p udp -j NOTRACK
	succeeds "-D" in_ns "$r" "$ipt" -t raw -D PREROUTING -p udp -j NOTRACK
	uses_become 0 xt_CT
}

add_topology
hide_modules xt_NOTRACK xt_untracked
claim "-j NOTRACK falls back to the kernel's own" target
run_claims
