#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whichever allocation fails while a module is loaded, a network namespace made or a rule
# added: it is refused, leaves nothing, and the next try works.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

u32() { printf '%08x' "$1" | fold -w2 | tac | tr -d '\n'; }

modules() {
	local module out
	for module in xt_NOTRACK xt_untracked; do
		unload "$module" || return
		out=$("$fail" load "$(modinfo -n "$module")" 2>&1) || fail "$module: $out"
		printf '# %s: %s\n' "$module" "$out"
	done
}

networks() {
	local out
	modprobe xt_untracked
	out=$("$fail" netns 2>&1) || fail "$out"
	printf '# %s\n' "$out"
}

# A rule that switches the memory on: with the memory on it is there, and goes. In one
# process, for there are a hundred allocations. $0 is iptables, then comes payload's line.
# shellcheck disable=SC2016 # for the shell in there
each_allocation='
	bytes() { while read -r name value; do [ "$name" != bytes: ] || echo "$value"; done </proc/net/xt_untracked; }
	n=0 status=0 failed=0
	while [ $status -ne 3 ] && [ $n -lt 1000 ]; do
		n=$((n + 1)) status=0
		out=$("$@" $n 2>&1) || status=$?
		case $status:$out in
		0: | 3:) [ "$(bytes)" -gt 0 ] || exit 1 ;;
		1:*"Cannot allocate memory") failed=$((failed + 1)) ;;
		*) echo "allocation $n: status $status: $out"; exit 1 ;;
		esac
		[ "$(bytes)" = 0 ] || "$0" -F INPUT || exit
		[ "$(bytes)" = 0 ] || { echo "allocation $n: $(bytes) bytes are left"; exit 1; }
	done
	echo "failed $failed, went through $((n - 1 - failed))"
	[ $status -eq 3 ] && [ $failed -ge 5 ]'

rule() {
	local out
	dirty+=("$c")
	out=$(in_ns "$c" bash -c "$each_allocation" "$ipt" "$payload" "$family" filter INPUT match untracked 0 \
		"$(u32 1)$(u32 0)" 2>&1) || fail "$out"
	is "rules" 0 "$(in_ns "$c" "$ipt-save" -t filter | grep -c '^-A')"
	printf '# %s\n' "$out"
}

fail=${OUTPUT:-$selftests}/fail_allocations
[ -e /proc/self/fail-nth ] || skip_all "needs a kernel with CONFIG_FAULT_INJECTION and /proc/PID/fail-nth"
for needed in "$fail" "$payload"; do [ -x "$needed" ] || skip_all "needs $needed: make -C selftests"; done
# What sleeps for memory may fail, too, and pages.
for kind in failslab fail_page_alloc; do
	echo N >/sys/kernel/debug/$kind/ignore-gfp-wait
done
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
add_hosts "$c"
for ipt in iptables-legacy ip6tables-legacy; do in_ns "$c" $ipt -S >/dev/null; done # bring in the tables
claim_once "a module is loaded" modules
claim_once "a network namespace is made" networks
claim "a rule is added" rule "legacy-4 legacy-6"
run_claims
