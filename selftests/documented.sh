#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every rule that the README and the manual show is accepted, found and removed as it stands
# there, by iptables and, if it is not about ICMP or fragments of version 4, by ip6tables.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shown FILE PROGRAM: the arguments of its examples, without comments and roff's escapes
shown() { sed -n "s/\\\\//g; s/ *#.*//; s/^ *$2 \(.*-A .*\)/\1/p" "$root/$1"; }

in_file() {
	local rule out examples=()
	mapfile -t examples < <(
		if [ "$family" = 4 ]; then shown "$1" iptables; else
			shown "$1" iptables | grep -v -e '-p icmp' -e ' -f '
			shown "$1" ip6tables
		fi)
	dirty+=("$r")
	at_least "examples in $1" "$2" ${#examples[@]}
	for rule in "${examples[@]}"; do each "$rule"; done
	for rule in "${examples[@]}"; do each "${rule/-A /-D }"; done
	is "rules left" "" "$(in_ns "$r" "$ipt-save" 2>/dev/null | grep '^-A')"
}
each() {
	# shellcheck disable=SC2086
	out=$(in_ns "$r" "$ipt" $1 2>&1) || fail "$ipt $1: $out"
}

readme() { in_file README.md 13; }
manual() { in_file man/xt_NOTRACK.8.in 22; }

root=${selftests%/*}
add_hosts "$r"
claim "each rule of the README is accepted, found and removed" readme
claim "each rule of the manual is accepted, found and removed" manual
run_claims
