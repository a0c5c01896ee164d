#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "-m untracked" is our match whenever our module is there, and conntrack's when it is
# missing, whether xt_conntrack is loaded before, after, or never.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# load MODULE...: in this order and freshly, or skip; nothing else is ours to have
load() {
	local module
	unload xt_conntrack xt_untracked || return
	modprobe -a nf_conntrack x_tables
	for module in "$@"; do
		insmod "$(modinfo -n "$module")" || fail "cannot load $module"
	done
}

put_rules() {
	rules "$r" <<-END
		*filter
		-A FORWARD -p udp -m untracked --reply -j ACCEPT
		-A FORWARD -p udp -m untracked -j ACCEPT
		COMMIT
	END
}
saved_as() { is "saved rules" "$(printf -- '-A FORWARD -p udp -m %s -j ACCEPT\n' "$@")" "$(in_ns "$r" "$ipt-save" -t filter 2>/dev/null | sed -n '/^-A/s/  */ /gp')"; }

is_ours() {
	put_rules
	saved_as "untracked --reply" "untracked"
	is "uses of xt_untracked" 2 "$(uses xt_untracked)"
	is "uses of xt_conntrack" 0 "$(uses xt_conntrack)"
}
before() { load xt_conntrack xt_untracked && is_ours; }
after() { load xt_untracked xt_conntrack && is_ours; }
never() { load xt_untracked && is_ours; }
autoloaded() { load && is_ours; }
autoloaded_after() { load xt_conntrack && is_ours; }

is_conntracks() {
	put_rules
	saved_as "conntrack ! --ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED" "conntrack --ctstate UNTRACKED"
	[ ! -d /sys/module/xt_untracked ] || fail "xt_untracked was loaded"
	is "uses of xt_conntrack" 2 "$(uses xt_conntrack)"
}
missing() { load && hide_modules xt_untracked && is_conntracks && kernel_asks "$usual_modprobe"; }
missing_after() { load xt_conntrack && hide_modules xt_untracked && is_conntracks && kernel_asks "$usual_modprobe"; }

add_hosts "$r"
claim "-m untracked is ours, xt_conntrack loaded before" before
claim "-m untracked is ours, xt_conntrack loaded after" after
claim "-m untracked is ours, xt_conntrack never loaded" never
claim "-m untracked is ours, loaded by the rule" autoloaded
claim "-m untracked is ours, loaded by the rule, xt_conntrack before" autoloaded_after
claim "-m untracked is conntrack's where ours is missing, xt_conntrack loaded by the rule" missing
claim "-m untracked is conntrack's where ours is missing, xt_conntrack loaded before" missing_after
run_claims
