#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every rule that the README and the manual show is accepted, found and removed as it stands
# there, by iptables and, if it has no address of version 4 and is not about its ICMP or fragments,
# by ip6tables. Every rule set of doc/recipes.md is restored. The recipes that have a file in
# examples/ show all of it, and what the manual shows of each subject is in them, too.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# shown FILE PROGRAM: the arguments of its examples, without comments and roff's escapes
shown() { sed -n "s/\\\\//g; s/ *#.*//; s/^ *$2 \(.*-A .*\)/\1/p" "$root/$1"; }

in_file() {
	local rule out examples=()
	mapfile -t examples < <(
		if [ "$family" = 4 ]; then shown "$1" iptables; else
			shown "$1" iptables | for_family
			shown "$1" ip6tables
		fi)
	dirty+=("$r")
	make_sets
	at_least "examples in $1" "$2" ${#examples[@]}
	for rule in "${examples[@]}"; do each "$rule"; done
	for rule in "${examples[@]}"; do each "${rule/-A /-D }"; done
	is "rules left" "" "$(in_ns "$r" "$ipt-save" 2>/dev/null | grep '^-A')"
}
each() {
	# shellcheck disable=SC2086
	out=$(in_ns "$r" "$ipt" $1 2>&1) || fail "$ipt $1: $out"
}

readme() { in_file README.md 4; }
manual() { in_file man/xt_NOTRACK.8.in 22; }

# tables FILE: those that it shows for iptables-restore, without comments
tables() { sed -n 's/\\//g; s/^ *//; /^\*[a-z]*$/,/^COMMIT$/{/^#/!p}' "$root/$1"; }
# Without what has addresses or protocols of version 4, and with the other family's set
for_family() {
	if [ "$family" = 4 ]; then cat; else
		grep -v -e '-p icmp' -e '[0-9]\.[0-9]' -e ' -f ' | sed 's/--match-set untracked /--match-set untracked6 /'
	fi
}
# Those that rules name.
make_sets() {
	local inet=inet
	[ "$family" = 4 ] || inet=inet6
	in_ns "$r" ipset -q destroy tftp # the other family's
	{ echo "create tftp hash:ip,port family $inet timeout 600" && cat "$root/examples/networks.set"; } |
		in_ns "$r" ipset -exist restore || fail "cannot make the sets"
}

# restored FILE LEAST: each of its tables, and as many rules are there afterwards
restored() {
	local line table='' count=0
	modprobe nf_conntrack_ftp # for a helper
	make_sets
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
recipes_restored() { restored doc/recipes.md 36; }

# plain FILE: without comments, blank lines and indentation
plain() { sed 's/^[ \t]*//; /^#/d; /^$/d' "$root/$1"; }
as_examples() {
	local recipes name
	recipes=$(plain doc/recipes.md)
	for name in {router,webserver,resolver,ftp-server,sctp,containers,with-nftables,networks,overlay}.v4 with-nftables.nft \
		networks.set translation.nft; do
		[[ $recipes == *"$(plain "examples/$name")"* ]] || fail "doc/recipes.md does not show examples/$name as it is"
	done
}

# section FROM TO: the manual's rules between these two lines, as a rules file has them
section() {
	sed -n "/^$1/,/^$2/p" "$root/man/xt_NOTRACK.8.in" |
		sed -n 's/\\//g; s/^iptables \(-t raw \)\?\(-A .*\)/\2/p'
}
manual_as_recipes() {
	local rule rules known
	known=$(tables doc/recipes.md)
	mapfile -t rules < <(section ".SH EXAMPLES" ".SH LIMITS"; section "FTP$" "Path MTU")
	at_least "rules" 60 ${#rules[@]}
	for rule in "${rules[@]}"; do
		grep -qxF -e "$rule" <<<"$known" || fail "not in doc/recipes.md: $rule"
	done
}
# And the other way round: a rule set of examples/ is in the manual as a whole.
examples_in_manual() {
	local name rule shown
	shown=$(section ".SH EXAMPLES" ".SH LIMITS")
	for name in router webserver resolver ftp-server sctp; do
		while read -r rule; do
			grep -qxF -e "$rule" <<<"$shown" || fail "examples/$name.v4, not in the manual: $rule"
		done < <(grep '^-A' "$root/examples/$name.v4")
	done
}
rule_for_nft() {
	local file tried
	tried="nft insert rule inet filter input $(sed -n 's/^accept="\(.*\)"/\1/p' "$selftests/resolver_story.sh") accept"
	for file in README.md doc/{recipes,troubleshooting}.md; do is "$file's" "$tried" "$(nft_inserts "$file")"; done
}
nft_inserts() { sed -n 's/^ *\(nft insert rule .*\)/\1/p' "$root/$1"; }

root=${selftests%/*}
command -v ipset >/dev/null || skip_all "needs the program ipset"
add_hosts "$r"
claim "each rule of the README is accepted, found and removed" readme
claim "each rule of the manual is accepted, found and removed" manual
claim "each rule set of the recipes is restored whole" recipes_restored
claim_once "the recipes show the examples as they are" as_examples
claim_once "the manual's rule sets are the recipes'" manual_as_recipes
claim_once "and each of examples/ is in the manual" examples_in_manual
claim_once "their rule for nft is the one that resolver_story.sh tries" rule_for_nft
run_claims
