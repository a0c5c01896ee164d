#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What makes no sense is refused, with a line that says why, and leaves no rule.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# refused_rule WHAT SAYS KERNEL-SAYS IPTABLES-ARGUMENTS...: KERNEL-SAYS may be empty
refused_rule() {
	local what=$1 says=$2 kernel=$3 mark=$RANDOM.$RANDOM before after
	shift 3
	echo "refusals $mark" >/dev/kmsg
	before=$(in_ns "$c" "$ipt-save" 2>/dev/null | grep -c '^-A')
	refused "$what" "$says" in_ns "$c" "$ipt" "$@"
	after=$(in_ns "$c" "$ipt-save" 2>/dev/null | grep -c '^-A')
	is "rules after $what" "$before" "$after"
	[ -z "$kernel" ] || dmesg | sed "1,/refusals $mark\$/d" | grep -q "$kernel" ||
		fail "$what: the kernel's log does not say '$kernel'"
}

other_table() {
	local table says="Invalid argument"
	dirty+=("$c")
	for table in filter mangle; do
		refused_rule "NOTRACK in $table" "$says" "NOTRACK.* target: only valid in raw table, not $table" \
			-t "$table" -A OUTPUT -j NOTRACK
	done
}

# A table that is called raw, with a base chain where raw has none: only nftables has
# that, and only the kernel can refuse it, once the chain jumps to where NOTRACK is.
wrong_hook() {
	local ip=ip hook
	[ "$family" = 4 ] || ip=ip6
	rules "$c" <<-END
		*raw
		:marks -
		-A marks -j NOTRACK
		COMMIT
	END
	for hook in input forward postrouting; do
		succeeds "a raw $hook" nft_add chain "$ip" raw "$hook" "{ type filter hook $hook priority -300; }"
		refused "its jump to NOTRACK" "Invalid argument" nft_add rule "$ip" raw "$hook" jump marks
	done
	for hook in prerouting output; do
		succeeds "another raw $hook" nft_add chain "$ip" raw "$hook" "{ type filter hook $hook priority -300; }"
		succeeds "its jump to NOTRACK" nft_add rule "$ip" raw "$hook" jump marks
	done
}
nft_add() { in_ns "$c" nft add "$@"; }

options() {
	dirty+=("$c")
	refused_rule "an option to NOTRACK" 'unknown option.*--zone' "" -t raw -A OUTPUT -j NOTRACK --zone 1
	refused_rule "an unknown option" 'unknown option.*--tracked' "" -A INPUT -m untracked --tracked
	refused_rule "a stray word" "Bad argument|unexpected" "" -A INPUT -m untracked yes
	refused_rule "a value" "Bad argument|doesn't allow an argument|unknown option" "" -A INPUT -m untracked --untracked=1
	for two in "--untracked --reply" "--reply --related" "--untracked ! --untracked"; do
		# shellcheck disable=SC2086
		refused_rule "two options, $two" 'only one of --untracked, --reply and --related per rule' "" \
			-A INPUT -m untracked $two
	done
}

arp_and_bridge() {
	local command
	for command in arptables-nft ebtables-nft; do
		command -v "$command" >/dev/null || { skip "needs the program $command"; return; }
		refused "NOTRACK in $command" . in_ns "$c" "$command" -A INPUT -j NOTRACK
		in_ns "$c" nft flush ruleset
	done
}

add_hosts "$c"
claim "NOTRACK outside of raw is refused" other_table
claim "NOTRACK in another hook of a table called raw is refused" wrong_hook "nft-4 nft-6"
claim "unknown options, stray words and two options are refused" options
claim_once "ARP and bridge families are refused" arp_and_bridge
run_claims
