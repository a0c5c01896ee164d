#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every rule that the README and the manual show is accepted, found and removed as it stands
# there, by iptables and, if it is not about ICMP or fragments of version 4, by ip6tables. Every
# rule set of doc/recipes.md is restored. The recipes that have a file in examples/ show all of it.
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

# tables FILE: those that it shows for iptables-restore, without comments
tables() { sed -n 's/\\//g; s/^ *//; /^\*[a-z]*$/,/^COMMIT$/{/^#/!p}' "$root/$1"; }
# Without what has addresses or protocols of version 4, and with the other family's set
for_family() {
	if [ "$family" = 4 ]; then cat; else
		grep -v -e '-p icmp' -e '198\.51\.' -e '192\.0\.' -e ' -f ' | sed 's/--match-set untracked /--match-set untracked6 /'
	fi
}

# restored FILE LEAST: each of its tables, and as many rules are there afterwards
restored() {
	local line table='' count=0
	modprobe nf_conntrack_ftp # for a helper
	in_ns "$r" ipset -exist restore <"$root/examples/networks.set"
	while read -r line; do
		table+=$line$'\n'
		[ "$line" = COMMIT ] || continue
		rules "$r" <<<"$table"
		is "rules of$(printf '\n%s' "$table")" "$(grep -c '^-A' <<<"$table")" \
			"$(in_ns "$r" "$ipt-save" -t "$(sed -n '1s/^.//p' <<<"$table")" 2>/dev/null | grep -c '^-A')"
		count=$((count + 1)) table=''
	done < <(tables "$1" | for_family)
	at_least "tables in $1" "$2" "$count"
}
recipes_restored() { restored doc/recipes.md 17; }

# plain FILE: without comments, blank lines and indentation
plain() { sed 's/^[ \t]*//; /^#/d; /^$/d' "$root/$1"; }
as_examples() {
	local recipes name
	recipes=$(plain doc/recipes.md)
	for name in {router,webserver,resolver,with-nftables,networks,overlay}.v4 with-nftables.nft networks.set translation.nft; do
		[[ $recipes == *"$(plain "examples/$name")"* ]] || fail "doc/recipes.md does not show examples/$name as it is"
	done
}

root=${selftests%/*}
add_hosts "$r"
claim "each rule of the README is accepted, found and removed" readme
claim "each rule of the manual is accepted, found and removed" manual
claim "each rule set of the recipes is restored whole" recipes_restored
claim_once "the recipes show the examples as they are" as_examples
run_claims
