#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whoever makes up an ICMP error must know a flow that went out lately, and make it well:
# nothing else matches "-m untracked --related".
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

port=5353

listen() {
	base=0 other=0
	rules "$c" <<-END
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*mangle
		-A PREROUTING -p $icmp -m untracked --related
		-A PREROUTING -p $icmp -m untracked ! --related
		COMMIT
	END
	send_udp "$c" "$server" 53 10 "$port"
	pings "$c" "$server" 1 || fail "no reply to ping"
	# Nobody listens there, and the error that says so is the first that matches.
	wait_for 5 first_error || fail "no error about a closed port"
	base=1 other=$(unmatched)
	types="3 4 5 11 12" request=8 error=3 protocol=1 least=28
	[ "$family" = 4 ] || types="1 2 3 4" request=128 error=1 protocol=58 least=48
}

# The quoted header and 8 bytes make $least.
# error TYPE SOURCE DESTINATION PROTOCOL SPORT DPORT [FLAW...]: from the server's host
error() {
	sent=$((sent + 1))
	in_ns "$s" "$icmp_error" "$family" "$server" "$client" "$@" || fail "cannot send: $*"
}
first_error() { [ "$(matched)" = 1 ]; }
matched() { echo $(($(packets "$c" mangle "untracked --related") - base)); }
unmatched() { echo $(($(packets "$c" mangle "! --related") - other)); }

# counted WHAT YES: all that were sent have arrived, and YES of them matched
counted() {
	wait_for 3 eval "[ \$((\$(matched) + \$(unmatched))) -ge $sent ]" ||
		fail "$1: $sent sent, $(matched) + $(unmatched) arrived"
	is "$1: matched" "$2" "$(matched)"
}

good() {
	local type types request error protocol least base other sent=0
	listen
	for type in $types; do error "$type" "$client" "$server" 17 "$port" 53; done
	counted "each type" "$sent"
	error "$error" "$client" "$server" 17 "$port" 53 options
	error "$error" "$client" "$server" 17 "$port" 53 quoted-options
	error "$error" "$client" "$server" 17 "$port" 53 cut="$least"
	counted "with options, quoted options, and cut as short as may be" "$sent"
	error "$error" "$client" "$server" 17 "$port" 53 chain
	error "$error" "$client" "$server" 17 "$port" 53 quoted-chain
	counted "with as many options or headers as fit, and quoted ones" "$sent"
}

never() {
	local types request error protocol least base other sent=0
	listen
	error "$error" "$client" "$server" 17 "$port" 54
	error "$error" "$client" "$server" 17 "$((port + 1))" 53
	error "$error" "$client" "$server" 6 "$port" 53
	error "$error" "$client" "$router_wan" 17 "$port" 53
	error "$error" "$server" "$client" 17 53 "$port"
	error "$error" "$router" "$server" 17 "$port" 53
	counted "never sent, or not by whom it is for" 0
	error "$request" "$client" "$server" 17 "$port" 53
	error "$error" "$client" "$server" 17 "$port" 53 quoted-fragment
	error "$error" "$client" "$server" "$protocol" 1 "$error"
	error "$error" "$client" "$server" "$protocol" 1 "$request"
	error "$error" "$client" "$server" 17 "$port" 53 nested
	counted "no error, about a later fragment, about an error, about no ping of ours" 0
	error "$error" "$client" "$server" 17 "$port" 53 fragment
	counted "a later fragment itself" 0
	error "$error" "$client" "$server" 17 "$port" 53 checksum
	error "$error" "$client" "$server" 17 "$port" 53 checksum chain
	error "$error" "$client" "$server" 17 "$port" 53 checksum quoted-chain
	counted "wrong checksum" 0
}

cut_short() {
	local length types request error protocol least base other sent=0
	listen
	for ((length = 0; length < least; length++)); do
		error "$error" "$client" "$server" 17 "$port" 53 "cut=$length"
	done
	counted "cut at each length" 0
	# The chain takes as many bytes again: 40 of options, three headers of eight.
	[ "$family" = 4 ] && least=68 || least=72
	for ((; length < least; length++)); do
		error "$error" "$client" "$server" 17 "$port" 53 quoted-chain "cut=$length"
	done
	counted "cut at each length of the longest header" 0
}

add_topology
[ -x "$icmp_error" ] || skip_all "needs $icmp_error: make -C selftests"
claim "well made errors match" good
claim "forged errors never match" never
claim "errors that are cut short never match" cut_short
run_claims
