#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# iptables-translate knows the nft form of what has one, and says so of what has none.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# The two files give the pairs: a command, then what it becomes.
in_file() {
	local command expected translate=iptables-translate
	[ "$family" = 4 ] || translate=ip6tables-translate
	while read -r command && read -r expected; do
		command=${command#iptables-translate } expected=${expected//\'/}
		[ "$family" = 4 ] || expected=${expected/ ip / ip6 }
		# shellcheck disable=SC2086
		is "$command" "$expected" "$($translate $command 2>&1 | sed "s/'//g; s/ *\$//")"
		read -r _
	done <"$selftests/$1"
}

notrack() { in_file libxt_NOTRACK.txlate; }
untracked() { in_file libxt_untracked.txlate; }

command -v iptables-translate ip6tables-translate >/dev/null || skip_all "needs the program iptables-translate"
claim "NOTRACK becomes notrack" notrack "nft-4 nft-6"
claim "-m untracked becomes ct state, --reply and --related are left out as comments" untracked "nft-4 nft-6"
run_claims
