#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Flow memory grows in time: from idle, within one window, no more than one in a thousand
# packets that are no replies match --reply, until memory_kib is used up. Beyond that there
# are more, a line in the kernel log names the parameter to raise, and no reply is missed.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

parameters=${window%/*}
lot=15000 # flows; no port twice

# The client's packets are untracked, and nobody replies to them.
router() {
	local host
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -i wan -p udp -m untracked --reply
		-A FORWARD -i wan -p udp -m untracked ! --reply
		COMMIT
	END
	for host in "$c" "$s"; do
		rules "$host" <<-END
			*raw
			-A PREROUTING -p udp -j DROP
			COMMIT
		END
	done
}
replies() { packets "$r" mangle "untracked --reply"; }
no_replies() { packets "$r" mangle "! --reply"; }

# surge LOTS: from as many ports of the client's, each lot to another port of the server's
surge() {
	local i
	for ((i = 0; i < $1; i++)); do
		pktgen "$c" "$lot" "udp_src_min 1" "udp_src_max $((lot + 1))" "udp_dst_min $((1000 + i))" "udp_dst_max $((1001 + i))"
	done
}
# all_replied LOTS: the replies to the first and the last of them
all_replied() {
	local i before
	for i in 0 $(($1 - 1)); do
		before=$(replies)
		pktgen "$s" "$lot" "udp_src_min $((1000 + i))" "udp_src_max $((1001 + i))" "udp_dst_min 1" "udp_dst_max $((lot + 1))"
		is "replies to lot $i" "$lot" $(($(replies) - before))
	done
}
# probe: sets found, what of 20,000 packets that are no replies is taken for one
probe() {
	local before
	before=$(replies)
	pktgen "$s" 20000 "udp_src_min 60000" "udp_src_max 60001" "udp_dst_min 30000" "udp_dst_max 50000"
	found=$(($(replies) - before))
	printf '# %s of 20000; %s\n' "$found" "$(in_ns "$r" paste -sd' ' /proc/net/xt_untracked)"
}

# with PARAMETER VALUE COMMAND...
with() {
	local usual
	usual=$(<"$parameters/$1")
	echo "$2" >"$parameters/$1"
	"${@:3}"
	echo "$usual" >"$parameters/$1"
}

# The first flows are as few as a small filter holds: it may not have grown by then.
in_time() {
	local found lots least
	router
	least=$(($(memory_of "$r" limit) / 32))
	is "bytes at first" $((least > 131072 ? least : 131072)) "$(memory_of "$r" bytes)"
	for lots; do
		surge "$lots"
		probe
		at_most "false positives of 20000 after $lots lots of $lot" 20 "$found"
		at_least "no replies" 19000 "$(no_replies)"
	done
	at_least "bytes" $((lots * lot * 4)) "$(memory_of "$r" bytes)"
	at_most "bytes" "$(memory_of "$r" limit)" "$(memory_of "$r" bytes)"
	is "limit reached" 0 "$(memory_of "$r" "limit reached")"
	all_replied "$lots"
}
few() { with window 3600 in_time 1 4; }
many() { with window 3600 with memory_kib 8192 in_time 1 4 16 32; }

beyond() {
	local found said
	echo "flow growth $suffix" >/dev/kmsg
	router
	surge 4
	probe
	at_least "false positives of 20000" 21 "$found"
	is "limit reached" 1 "$(memory_of "$r" "limit reached")"
	at_most "bytes" 131072 "$(memory_of "$r" bytes)"
	all_replied 4
	said=$(dmesg | sed -n "/flow growth $suffix/,\$p" | grep "xt_untracked: ")
	[[ $said == *"memory_kib=128 "*"Raise "* ]] || fail "the log has no line with the way out: $said"
}
full() { with window 3600 with memory_kib 128 beyond; }

add_topology
modprobe -a xt_untracked xt_NOTRACK
claim "60,000 flows from idle: false positives stay rare, replies are found" few
claim_once "480,000 flows from idle, with memory_kib=8192" many
claim_once "beyond memory_kib: more false positives, a line and a counter, no reply missed" full
run_claims
