#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A live rule holds its module; when the last rule is gone the module can go.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

hold() {
	unload xt_NOTRACK xt_untracked || return
	modprobe -a xt_NOTRACK xt_untracked # xt_CT may be in, which keeps a rule from doing it
	rules "$c" <<-END
		*raw
		-A OUTPUT -m untracked -j NOTRACK
		COMMIT
	END
	refused "rmmod xt_NOTRACK" "in use" rmmod xt_NOTRACK
	refused "rmmod xt_untracked" "in use" rmmod xt_untracked
	in_ns "$c" "$ipt" -t raw -F
	gone xt_NOTRACK || fail "xt_NOTRACK cannot be unloaded: $(uses xt_NOTRACK) uses"
	gone xt_untracked || fail "xt_untracked cannot be unloaded: $(uses xt_untracked) uses"
}

# A refused rule leaves no use behind.
refused_leaves_nothing() {
	is_module xt_NOTRACK xt_untracked || return
	modprobe -a xt_NOTRACK xt_untracked
	dirty+=("$c")
	refused "NOTRACK in filter" . in_ns "$c" "$ipt" -A OUTPUT -m untracked -j NOTRACK
	# What the match has registered by then is unregistered again.
	refused "NOTRACK in filter, after --reply" . in_ns "$c" "$ipt" -A OUTPUT -m untracked --reply -j NOTRACK
	is "bytes for flows" "bytes: 0" "$(in_ns "$c" grep ^bytes /proc/net/xt_untracked)"
	gone xt_NOTRACK || fail "xt_NOTRACK cannot be unloaded"
	gone xt_untracked || fail "xt_untracked cannot be unloaded"
}

add_hosts "$c"
claim "a live rule holds both modules, its deletion releases them" hold
claim "a refused rule holds neither" refused_leaves_nothing
run_claims
