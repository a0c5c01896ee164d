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

# One that switches the memory on; its table's chain had none.
rule() {
	local n=0 status=0 failed=0 stands out
	dirty+=("$c")
	while [ "$status" -ne 3 ] && [ "$n" -lt 1000 ] && [ ${#failures[@]} -eq 0 ]; do
		n=$((n + 1)) status=0
		out=$(in_ns "$c" "$payload" "$family" filter INPUT match untracked 0 "$(u32 1)$(u32 0)" "$n" 2>&1) || status=$?
		[ "$status" -ne 1 ] || failed=$((failed + 1))
		case $status:$out in
		0:* | 3:* | 1:*"Cannot allocate memory") ;;
		*) fail "allocation $n: status $status: $out" ;;
		esac
		stands=$(in_ns "$c" "$ipt-save" -t filter | grep -c '^-A')
		is "allocation $n: bytes for flows" $((stands * 131072)) "$(memory_of "$c" bytes)"
		in_ns "$c" "$ipt" -F INPUT
		is "allocation $n: bytes after the rule" 0 "$(memory_of "$c" bytes)"
	done
	is "the last one's status" 3 "$status"
	at_least "failures" 5 "$failed"
	printf '# failed %d, went through %d\n' "$failed" $((n - 1 - failed))
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
