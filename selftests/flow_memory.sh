#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A namespace remembers flows from its first --reply or --related rule to its last, in
# memory of its own, which /proc/net/xt_untracked tells of; parameters keep their ranges.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

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
	is "bytes, nobody asking" 0 "$(memory_of "$c" bytes)"
	is "flows, nobody asking" 0 "$(memory_of "$c" flows)"
	asking "$c" "$first
$second"
	is "bytes, somebody asking" 131072 "$(memory_of "$c" bytes)"
	send_udp "$c" "$client" 9
	send_udp "$c" "$client" 9
	send_udp "$c" "$client" 10
	is "flows" 2 "$(memory_of "$c" flows)"
	asking "$c" "$first
$second"
	is "flows, the tables replaced" 2 "$(memory_of "$c" flows)"
	in_ns "$c" "$ipt" -D INPUT 1
	is "bytes, one rule left" 131072 "$(memory_of "$c" bytes)"
	is "flows, one rule left" 2 "$(memory_of "$c" flows)"
	in_ns "$c" "$ipt" -D INPUT 1
	wait_for 10 forgotten "$c" || fail "bytes after the last rule: $(memory_of "$c" bytes)"
}

own_memory() {
	asking "$c" "$first"
	asking "$s" "$first"
	send_udp "$c" "$client" 9
	is "flows here" 1 "$(memory_of "$c" flows)"
	is "flows there" 0 "$(memory_of "$s" flows)"
	is "bytes where there is no rule" 0 "$(memory_of "$r" bytes)"
}

# Packets fly while the table is replaced and the memory comes and goes.
replaced() {
	local i
	asking "$c" "$first"
	traffic_in "$c"
	for ((i = 0; i < 5; i++)); do
		asking "$c" "$first"
		asking "$c" ""
	done
	end_traffic
	wait_for 10 forgotten "$c" || fail "bytes left: $(memory_of "$c" bytes)"
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

# A router that marks all, and remembers it on behalf of the cgroup $group.
routing_for_group() {
	cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -1)
	group=$cgroups/flow_memory-$suffix
	if [ -z "$cgroups" ] || ! echo +memory >"$cgroups/cgroup.subtree_control"; then
		skip "needs cgroup2 with its memory controller"
		return 1
	fi 2>/dev/null
	mkdir "$group"
	rules "$s" <<-END
		*raw
		-A PREROUTING -p udp -j DROP
		COMMIT
	END
	rules "$r" <<-END
		*raw
		-A PREROUTING -j NOTRACK
		COMMIT
	END
	# shellcheck disable=SC2016 # for the shell in there
	succeeds "the rule" sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		nsenter "--net=/run/netns/$r" "$ipt" -A INPUT -m untracked --related -j ACCEPT
}

# What the group has been charged for. The kernel keeps some more at hand for it, which
# a limit makes it give back.
charged() { cat "$group/memory.current"; }
settle() {
	echo 0 >"$group/memory.high"
	echo max >"$group/memory.high"
}

small_again() { [ "$(memory_of "$r" bytes)" = 131072 ]; }

# As large as the load wants within a window, and small again after it.
charge() { with_window_for 20000 charge_for_load; }
charge_for_load() {
	local cgroups group i
	routing_for_group || return
	at_least "charged for the first filters" 131072 "$(charged)"
	for ((i = 0; i < 2; i++)); do
		flood_until bytes 200000
		at_least "charged for larger ones" "$(memory_of "$r" bytes)" "$(charged)"
		wait_for $((30 + 6 * $(<"$window"))) small_again || fail "bytes after the load: $(memory_of "$r" bytes)"
	done
	settle
	printf '# charged %d for %d bytes\n' "$(charged)" "$(memory_of "$r" bytes)"
	in_ns "$r" "$ipt" -D INPUT 1
	wait_for 10 eval "settle; [ \$(charged) -lt 65536 ]" || fail "charged after the last rule: $(charged)"
	printf '# charged at last: %d\n' "$(charged)"
	rmdir "$group"
}

# Where the group may have no more, filters stay small, nobody is killed for them, generations
# come and go, and packets are remembered all the same.
shortage() { with_window_for 20000 shortage_under_load; }
shortage_under_load() {
	local cgroups group rotations
	routing_for_group || return
	settle
	echo $(($(charged) + 50000)) >"$group/memory.max"
	rotations=$(memory_of "$r" rotations)
	flood_until "allocation failures" 2
	wait_for $((20 + 4 * $(<"$window"))) reaches rotations $((rotations + 3)) || fail "filters do not rotate"
	at_least "times it was at its limit" 1 "$(sed -n 's/^max //p' "$group/memory.events")"
	is "killed" 0 "$(sed -n 's/^oom_kill //p' "$group/memory.events")"
	is "bytes" 131072 "$(memory_of "$r" bytes)"
	at_most "charged" "$(<"$group/memory.max")" "$(charged)"
	flood 999 1000
	at_least "flows" 900 "$(($(memory_of "$r" flows) + $(memory_of "$r" "previous flows")))"
	in_ns "$r" "$ipt" -D INPUT 1
	rmdir "$group"
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
claim "the first rule allocates flow memory, the last one frees it" on_and_off
claim "namespaces do not see each other's flow memory" own_memory
claim "rules come and go under traffic" replaced
claim "a namespace with flow memory can be deleted" death
claim_once "memory is charged to the cgroup of the first rule, and all is given back" charge
claim_once "where memory is short, filters stay small" shortage
claim_once "parameters out of range are refused" parameters
run_claims
