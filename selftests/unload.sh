#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A live rule holds its module; when the last rule is gone the module can go.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# gone MODULE: unloaded, as soon as what used it has died
gone() { wait_for 10 eval "[ ! -d /sys/module/$1 ] || rmmod $1"; }

hold() {
	{ gone xt_NOTRACK && gone xt_untracked; } || { skip "the modules are in use on this machine"; return; }
	modprobe -a xt_NOTRACK xt_untracked # xt_CT may be in, which keeps a rule from doing it
	rules "$c" <<-END
		*raw
		-A OUTPUT -m untracked -j NOTRACK
		COMMIT
	END
	refused "rmmod xt_NOTRACK" "in use" rmmod xt_NOTRACK
	refused "rmmod xt_untracked" "in use" rmmod xt_untracked
	in_ns "$c" "$ipt" -t raw -F
	gone xt_NOTRACK || fail "xt_NOTRACK cannot be unloaded: $(cat /sys/module/xt_NOTRACK/refcnt) uses"
	gone xt_untracked || fail "xt_untracked cannot be unloaded: $(cat /sys/module/xt_untracked/refcnt) uses"
}

# A refused rule leaves no use behind.
refused_leaves_nothing() {
	modprobe -a xt_NOTRACK xt_untracked
	dirty+=("$c")
	refused "NOTRACK in filter" . in_ns "$c" "$ipt" -A OUTPUT -m untracked -j NOTRACK
	refused "--reply" . in_ns "$c" "$ipt" -A OUTPUT -m untracked --reply
	gone xt_NOTRACK || fail "xt_NOTRACK cannot be unloaded"
	gone xt_untracked || fail "xt_untracked cannot be unloaded"
}

add_hosts "$c"
claim "a live rule holds both modules, its end lets them go" hold
claim "a refused rule holds neither" refused_leaves_nothing
run_claims
