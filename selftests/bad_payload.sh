#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel refuses payloads that it does not know, to the last bit, and says which.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# put HEX: a rule with match untracked and these bytes, in the machine's byte order
put() { in_ns "$c" "$payload" "$family" filter OUTPUT match untracked "${2:-4}" "$1"; }

match() {
	local bit mark=$RANDOM.$RANDOM
	dirty+=("$c")
	succeeds "the mark" put "$(u32 0)$(u32 0)"
	succeeds "the state, inverted" put "$(u32 0)$(u32 1)"
	succeeds "a reply" put "$(u32 1)$(u32 0)"
	succeeds "related, inverted" put "$(u32 2)$(u32 1)"
	is "rules" "-A OUTPUT -m untracked -A OUTPUT -m untracked ! --untracked -A OUTPUT -m untracked --reply -A OUTPUT -m untracked ! --related" \
		"$(in_ns "$c" "$ipt-save" | grep '^-A' | paste -sd' ')"
	echo "payload $mark" >/dev/kmsg
	refused "mode 3" "Invalid argument" put "$(u32 3)$(u32 0)"
	refused "invert 2" "Invalid argument" put "$(u32 0)$(u32 2)"
	for bit in 2 15 16 31; do
		refused "bit $bit of the mode" "Invalid argument" put "$(u32 $((1 << bit)))$(u32 0)"
		refused "bit $bit of invert" "Invalid argument" put "$(u32 0)$(u32 $((1 << bit)))"
	done
	for said in "filter table: unknown mode 3" "filter table: invert is 2, not 0 or 1"; do
		dmesg | sed "1,/payload $mark\$/d" | grep -qF "xt_untracked: $said" || fail "the kernel's log does not say '$said'"
	done
}

size_and_revision() {
	local size revision
	dirty+=("$c")
	for size in "" "$(u32 0)$(u32 0)$(u32 0)$(u32 0)"; do
		refused "a payload of $((${#size} / 2)) bytes" "Invalid argument" put "$size"
	done
	for revision in 0 3 5; do
		refused "revision $revision" "No such file|Invalid|Protocol" put "$(u32 0)$(u32 0)" "$revision"
	done
	is "rules" 0 "$(in_ns "$c" "$ipt-save" | grep -c '^-A')"
}

target() {
	local revision
	dirty+=("$c")
	for revision in 0 3; do
		succeeds "NOTRACK revision $revision" in_ns "$c" "$payload" "$family" raw OUTPUT target NOTRACK "$revision" ""
		refused "NOTRACK revision $revision with 8 bytes" "Invalid argument" \
			in_ns "$c" "$payload" "$family" raw OUTPUT target NOTRACK "$revision" 0000000000000000
		refused "NOTRACK revision $revision in filter" "Invalid argument" \
			in_ns "$c" "$payload" "$family" filter OUTPUT target NOTRACK "$revision" ""
	done
	refused "NOTRACK revision 9" "No such file|Invalid|Protocol" \
		in_ns "$c" "$payload" "$family" raw OUTPUT target NOTRACK 9 ""
	is "rules" 2 "$(in_ns "$c" "$ipt-save" | grep -c '^-A')"
}

[ -x "$payload" ] || skip_all "needs $payload: make -C selftests, with libip4tc-dev and libip6tc-dev"
add_hosts "$c"
for ipt in iptables-legacy ip6tables-legacy; do # bring in the tables
	in_ns "$c" $ipt -t raw -S >/dev/null && in_ns "$c" $ipt -S >/dev/null
done
claim "untracked: unknown modes and bits are refused" match "legacy-4 legacy-6"
claim "untracked: wrong sizes and revisions are refused" size_and_revision "legacy-4 legacy-6"
claim "NOTRACK: wrong sizes, revisions and tables are refused" target "legacy-4 legacy-6"
run_claims
