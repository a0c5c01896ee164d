#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whichever allocation fails while a module is loaded, a network namespace made or a rule
# added: it is refused, leaves nothing, and the next try works. Where it fails while flow memory
# grows, what is there serves on.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# set_faults NAME VALUE: of both kinds
faults=(/sys/kernel/debug/failslab /sys/kernel/debug/fail_page_alloc)
set_faults() {
	local kind
	for kind in "${faults[@]}"; do echo "$2" >"$kind/$1"; done
}
# fail_within START END: from here on only allocations made between these addresses, or by
# what is called from there; failures_met says how many have failed since
fail_within() {
	set_faults require-start "0x$1"
	set_faults require-end "0x$2"
	set_faults times "$plenty"
}
fail_in_module() {
	local functions
	modprobe "$1"
	mapfile -t functions < <(sed -n "s/^\([0-9a-f]*\) [tT] .*\[$1\]$/\1/p" /proc/kallsyms | sort)
	fail_within "${functions[0]}" "$(printf '%x' $((0x${functions[-1]} + 4096)))"
}
fail_in_function() {
	# shellcheck disable=SC2046
	fail_within $(sort /proc/kallsyms | awk -v name="$1" '$3 == name { from = $1 } from && $1 != from { print from, $1; exit }')
}
fail_anywhere() { fail_within 0 ffffffffffffffff; }
plenty=1000000
failures_met() { echo $((2 * plenty - $(<"${faults[0]}/times") - $(<"${faults[1]}/times"))); }

# failed LEAST ACT...: so often or more, and fail_allocations finds nothing wrong
failed() {
	local out
	out=$("$fail" "${@:2}" 2>&1) || fail "$*: $out"
	at_least "failed" "$1" "$(sed -n 's/^failed \([0-9]*\),.*/\1/p' <<<"$out")"
	printf '# %s: %s\n' "${*:2}" "$out"
}

# The modules' own; xt_NOTRACK makes none.
modules() {
	unload xt_NOTRACK xt_untracked || return
	fail_in_function do_one_initcall
	failed 0 load "$(modinfo -n xt_NOTRACK)"
	failed 5 load "$(modinfo -n xt_untracked)"
}

networks() {
	is_module xt_untracked || return
	fail_in_module xt_untracked
	failed 1 netns
}

# A rule that allocates flow memory: with the memory allocated it is there, and goes. In one
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
	fail_anywhere
	dirty+=("$c")
	out=$(in_ns "$c" bash -c "$each_allocation" "$ipt" "$payload" "$family" filter INPUT match untracked 4 \
		"$(u32 1)$(u32 0)" 2>&1) || fail "$out"
	is "rules" 0 "$(in_ns "$c" "$ipt-save" -t filter 2>/dev/null | grep -c '^-A')"
	printf '# %s\n' "$out"
}

# By nftables it is a batch over netlink, some of it work for the program alone: where that
# goes on without what failed, the rule is there.
rule_by_netlink() {
	local n out status met=0 refused=0
	dirty+=("$c")
	fail_in_module nfnetlink
	for ((n = 1; n < 1000; n++)); do
		status=0
		# shellcheck disable=SC2016 # for the shell in there
		out=$(in_ns "$c" sh -c 'echo "$0" >/proc/self/fail-nth && exec "$@"' "$n" \
			"$ipt" -A INPUT -m untracked --reply 2>&1) || status=$?
		is "allocation $n: rules, status $status" "$((status == 0))" "$(in_ns "$c" "$ipt-save" -t filter 2>/dev/null | grep -c '^-A')"
		if [ "$status" -eq 0 ]; then
			is "allocation $n: bytes" 131072 "$(memory_of "$c" bytes)"
			in_ns "$c" "$ipt" -F INPUT
		else
			# Where the kernel cannot even say that it has the match, iptables tries another
			# revision of it, which it has not.
			[[ $out == *emory* || $out == *"No such file"* ]] || fail "allocation $n: status $status: $out"
			refused=$((refused + 1))
		fi
		wait_for 10 forgotten "$c" || fail "allocation $n: $(memory_of "$c" bytes) bytes are left"
		if [ "$(failures_met)" -eq "$met" ] || [ ${#failures[@]} -gt 0 ]; then break; fi
		met=$(failures_met)
	done
	printf '# failed %d, went through %d\n' "$refused" $((n - 1 - refused))
	at_least "refused" 5 "$refused"
}

# growth KIND: larger filters are wanted, and no allocation of that kind works. Those that are
# there serve on and rotate, until one does.
growth() {
	local kind=/sys/kernel/debug/$1
	is_module xt_untracked || return
	rules "$s" <<-END
		*raw
		-A PREROUTING -p udp ! --dport 7 -j DROP
		COMMIT
	END
	rules "$r" <<-END
		*raw
		-A PREROUTING -j NOTRACK
		COMMIT
		*filter
		-A FORWARD -m untracked --reply
		COMMIT
	END
	fail_in_module xt_untracked
	echo 100 >"$kind/probability"
	flood_until "allocation failures" 1
	is "bytes" 131072 "$(memory_of "$r" bytes)"
	at_least "allocations that failed" 1 "$(failures_met)"
	wait_for $((30 + 3 * $(<"$window"))) reaches rotations 2 || fail "filters do not rotate"
	is "bytes, after rotations" 131072 "$(memory_of "$r" bytes)"
	udp_echoes "$c" "$server" || fail "no echo"
	at_least "replies recognised" 1 "$(packets "$r" filter '--reply')"
	echo 0 >"$kind/probability"
	flood_until bytes 200000
	udp_echoes "$c" "$server" || fail "no echo"
	at_least "replies recognised" 2 "$(packets "$r" filter '--reply')"
}
of_objects() { with_window_for 20000 growth failslab; }
of_pages() { with_window_for 20000 growth fail_page_alloc; }

fail=${OUTPUT:-$selftests}/fail_allocations
[ -e /proc/self/fail-nth ] || skip_all "needs a kernel with CONFIG_FAULT_INJECTION and /proc/PID/fail-nth"
for needed in "$fail" "$payload"; do [ -x "$needed" ] || skip_all "needs $needed: make -C selftests"; done
trap 'set_faults probability 0; clean_up' EXIT
# What sleeps for memory may fail, too, and pages.
set_faults ignore-gfp-wait N
set_faults verbose 0 # each would be a call trace, and those are looked for
echo N >"${faults[1]}/ignore-gfp-highmem"
echo 0 >"${faults[1]}/min-order"
add_topology
serve_udp_echo "$s"
for ipt in {ip,ip6}tables-{legacy,nft}; do in_ns "$c" "$ipt" -S >/dev/null; done # bring in the tables
claim_once "any allocation fails while a module is loaded" modules
claim_once "any allocation fails while a network namespace is made" networks
claim "any allocation fails while a rule is added" rule "legacy-4 legacy-6"
claim "any allocation fails while a rule is added by netlink" rule_by_netlink "nft-4 nft-6"
claim_once "flow memory grows, and no object can be allocated" of_objects
claim_once "flow memory grows, and no page can be allocated" of_pages
run_claims
