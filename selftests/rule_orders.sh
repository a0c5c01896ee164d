#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Any three rules out of NOTRACK, CT --zone, CT --notrack and untracked, in any order in
# one file, come back as written, are found by -C, go with -D, and use their own module;
# or what stands in for it where ours are missing.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

stand_in="-m conntrack --ctstate UNTRACKED -j ACCEPT"
kinds=("-j NOTRACK" "-j CT --zone 3" "-j CT --notrack" "-m untracked -j ACCEPT")

# rules_of VERB ORDER: the order's three rules, in its chain
rules_of() {
	local i
	for ((i = 0; i < 3; i++)); do echo "$1 order$2 -p udp ${kinds[${2:i:1}]}"; done
}

# restore ORDER VERBS...: in a process of its own, for what it meets first is the point.
# iptables has nothing to say while all is well; a missing module may be a warning.
restore() {
	local order=$1 verb file said
	shift
	file=$(
		echo '*raw'
		for verb in "$@"; do rules_of "$verb" "$order"; done
		echo COMMIT
	)
	said=$(in_ns "$c" "$ipt-restore" --noflush 2>&1 >/dev/null <<<"$file") || fail "order $order, $*: status $?"
	[ "$present" ] || said=$(grep -vE '^Warning: (Extension (NOTRACK|untracked) is not supported, missing kernel module|no kernel module xt_untracked)' <<<"$said")
	is "order $order, $*: what $ipt-restore says" "" "$said"
}

as_saved() { if [ "$present" ]; then cat; else sed "s/${kinds[3]}/$stand_in/"; fi; }

# Counts the uses that $order adds into the caller's ours and theirs.
count_uses() {
	local i
	for ((i = 0; i < 3; i++)); do
		case ${order:i:1} in
		0) if [ "$present" ]; then ours=$((ours + 1)); else theirs=$((theirs + 1)); fi ;;
		1 | 2) theirs=$((theirs + 1)) ;;
		esac
	done
}

uses_are() { { built_in xt_NOTRACK || [ "$(uses xt_NOTRACK)" = "$1" ]; } && [ "$(uses xt_CT)" = "$2" ]; }

# try ORDER...: each in a chain of its own, all at once in the kernel
try() {
	local order ours=0 theirs=0
	dirty+=("$c")
	{
		echo '*raw'
		printf ':order%s -\n' "$@"
		echo COMMIT
	} | in_ns "$c" "$ipt-restore"
	for order in "$@"; do
		restore "$order" -A
		count_uses
		uses_are "$ours" "$theirs" || fail "order $order: expected $ours uses of xt_NOTRACK and $theirs of xt_CT, got $(uses xt_NOTRACK) and $(uses xt_CT)"
		[ ${#failures[@]} -lt 10 ] || return
	done
	is "rules saved" "$(for order in "$@"; do rules_of -A "$order"; done | as_saved)" \
		"$(in_ns "$c" "$ipt-save" -t raw 2>/dev/null | grep '^-A')"
	for order in "$@"; do restore "$order" -C -D; done
	is "rules left" "" "$(in_ns "$c" "$ipt-save" -t raw 2>/dev/null | grep '^-A')"
	wait_for 10 uses_are 0 0 || fail "uses left: $(uses xt_NOTRACK) of xt_NOTRACK, $(uses xt_CT) of xt_CT"
}

with_modules() {
	local present=yes
	try {0..3}{0..3}{0..3}
}

without_modules() {
	local present=''
	hide_modules xt_NOTRACK xt_untracked
	unload xt_NOTRACK xt_untracked || return
	try {0..3}{0..3}{0..3}
	if [ -d /sys/module/xt_NOTRACK ] || [ -d /sys/module/xt_untracked ]; then fail "our modules were loaded"; fi
}

# Or the above says little. Not by -C: ip6tables-legacy 1.8.9's finds anything.
missed() {
	local rule
	rules "$c" <<-END
		*raw
		-A PREROUTING ${kinds[0]}
		-A PREROUTING ${kinds[2]}
		COMMIT
	END
	for rule in "${kinds[1]}" "${kinds[3]}"; do
		# shellcheck disable=SC2086
		refused "-D of a rule that is not there" "." in_ns "$c" "$ipt" -t raw -D PREROUTING $rule
	done
}

add_hosts "$c"
claim "all 64 orders of three rules" with_modules
claim "a rule that is not there is not found" missed
claim "all 64 orders of three rules, our kernel modules missing" without_modules
run_claims
