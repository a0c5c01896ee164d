#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A rule loads its module by alias, and that one alone: xt_CT, which carries
# NOTRACK's aliases too, and conntrack stay out.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

loaded() { [ -d "/sys/module/$1" ]; }

target() {
	unload xt_NOTRACK xt_CT || return
	rules "$c" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
	END
	loaded xt_NOTRACK || fail "xt_NOTRACK was not loaded"
	at_least "uses of xt_NOTRACK" 1 "$(uses xt_NOTRACK)"
	if iptables_before 1.8.8; then
		# It asks the kernel for each NOTRACK that it knows of, CT's among them.
		is "uses of xt_CT" 0 "$(uses xt_CT)"
	else
		loaded xt_CT && fail "xt_CT was loaded along"
	fi
}

match() {
	unload xt_untracked || return
	rules "$c" <<-END
		*filter
		-A OUTPUT -m untracked
		COMMIT
	END
	loaded xt_untracked || fail "xt_untracked was not loaded"
	at_least "uses of xt_untracked" 1 "$(uses xt_untracked)"
}

depends() {
	is_module xt_NOTRACK xt_untracked || return
	is "what xt_NOTRACK depends on" x_tables "$(modinfo -F depends xt_NOTRACK)"
	is "what xt_untracked depends on" x_tables "$(modinfo -F depends xt_untracked)"
}

aliases() {
	local family_alias
	is_module xt_NOTRACK xt_untracked || return
	for family_alias in ipt ip6t; do
		is "${family_alias}_NOTRACK loads" xt_NOTRACK "$(modprobe -n -v --ignore-install --show-depends "${family_alias}_NOTRACK" | sed -n '$s/.*\/\(xt_[A-Za-z]*\)\.ko.*/\1/p')"
		is "modules under ${family_alias}_NOTRACK" 1 "$(modprobe -R "${family_alias}_NOTRACK" | wc -l)"
		is "modules under ${family_alias}_untracked" xt_untracked "$(modprobe -R "${family_alias}_untracked")"
	done
}

add_hosts "$c"
claim "-j NOTRACK loads xt_NOTRACK, not xt_CT" target
claim "-m untracked loads xt_untracked" match
claim_once "both modules depend on x_tables alone" depends
claim_once "each alias names one module" aliases
run_claims
