#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A namespace remembers flows from its first --reply or --related rule to its last, in
# memory of its own, which /proc/net/xt_untracked tells of; parameters keep their ranges.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

value() { in_ns "$1" sed -n "s/^$2: \([0-9]*\).*/\1/p" /proc/net/xt_untracked; }

forgotten() { [ "$(value "$c" bytes)" = 0 ]; }

# An untracked namespace that asks, on loopback.
asking() {
	rules "$1" <<-END
		*raw
		-A OUTPUT -p udp --dport 9 -j NOTRACK
		COMMIT
		*filter
		$2
		COMMIT
	END
}
first="-A INPUT -m untracked --reply"
second="-A INPUT -m untracked --related"

on_and_off() {
	asking "$c" "-A INPUT -m untracked"
	send_udp "$c" "$client" 9
	is "bytes, nobody asking" 0 "$(value "$c" bytes)"
	is "keys, nobody asking" 0 "$(value "$c" keys)"
	asking "$c" "$first
$second"
	is "bytes, somebody asking" 131072 "$(value "$c" bytes)"
	send_udp "$c" "$client" 9
	send_udp "$c" "$client" 9
	send_udp "$c" "$client" 10
	is "keys" 2 "$(value "$c" keys)"
	in_ns "$c" "$ipt" -D INPUT 1
	is "bytes, one rule left" 131072 "$(value "$c" bytes)"
	is "keys, one rule left" 2 "$(value "$c" keys)"
	in_ns "$c" "$ipt" -D INPUT 1
	wait_for 10 forgotten || fail "bytes after the last rule: $(value "$c" bytes)"
}

own_memory() {
	asking "$c" "$first"
	asking "$s" "$first"
	send_udp "$c" "$client" 9
	is "keys here" 1 "$(value "$c" keys)"
	is "keys there" 0 "$(value "$s" keys)"
	is "bytes where there is no rule" 0 "$(value "$r" bytes)"
}

# Packets fly while the table is replaced and the memory comes and goes.
replaced() {
	local flood i
	asking "$c" "$first"
	# Bursts, and pauses in which the machine gets to the rules. Not by sleep, a program.
	# shellcheck disable=SC2016 # for the shell in there
	nsenter "--net=/run/netns/$c" -- bash -c 'exec {never}<> <(:)
		while :; do
			for ((i = 0; i < 10; i++)); do echo >/dev/udp/127.0.0.1/9; done
			read -r -t 0.05 -u "$never"
		done' >/dev/null 2>&1 &
	flood=$!
	background+=("$flood")
	for ((i = 0; i < 5; i++)); do
		asking "$c" "$first"
		asking "$c" ""
	done
	kill "$flood"
	wait "$flood" 2>/dev/null
	wait_for 10 forgotten || fail "bytes left: $(value "$c" bytes)"
}

death() {
	local doomed=doomed-$suffix before
	asking "$c" ""
	before=$(uses xt_untracked)
	ip netns add "$doomed"
	in_ns "$doomed" ip link set lo up
	asking "$doomed" "$first"
	dirty=("$c")
	in_ns "$doomed" bash -c 'echo >/dev/udp/127.0.0.1/9'
	ip netns del "$doomed"
	wait_for 20 eval "[ \$(uses xt_untracked) = $before ]" || fail "uses: $(uses xt_untracked), were $before"
}

parameter() {
	local file=/sys/module/xt_untracked/parameters/$1 usual value
	usual=$(<"$file")
	for value in "${@:4}"; do
		refused "$1=$value" "error" sh -c "echo '$value' >$file"
		is "$1 after $value" "$usual" "$(<"$file")"
	done
	for value in "$2" "$3"; do
		succeeds "$1=$value" sh -c "echo $value >$file"
		is "$1 after $value" "$value" "$(<"$file")"
	done
	echo "$usual" >"$file"
	modinfo -F parm xt_untracked | grep -q "^$1:.*$2 to $3" || fail "modinfo does not tell the range of $1"
	dmesg | grep -q "$1 takes $2 to $3" || fail "the log does not tell the range of $1"
}
parameters() {
	modprobe xt_untracked
	parameter window 1 3600 0 3601 -1 x 4294967296
	parameter memory_kib 128 1048576 127 1048577 -1 ""
}

add_topology
claim "the first rule switches it on, the last one off" on_and_off
claim "namespaces do not see each other's" own_memory
claim "rules come and go while packets fly" replaced
claim "a namespace dies with it" death
claim_once "parameters out of range are refused" parameters
run_claims
