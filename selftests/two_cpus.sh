#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two CPUs remember and ask at once, while filters are looked at and rotate: no reply is
# missed, nothing else is taken for one, and each flow is counted once.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# router SELECTOR...: marks all that either side sends, and tells for each what is a reply.
router() {
	local selector host
	rules "$r" < <(
		printf '%s\n' '*raw' '-A PREROUTING -j NOTRACK' COMMIT '*mangle'
		for selector; do
			echo "-A FORWARD $selector -m untracked --reply"
			echo "-A FORWARD $selector -m untracked ! --reply"
		done
		echo COMMIT
	)
	for host in "$c" "$s"; do
		rules "$host" <<-END
			*raw
			-A PREROUTING -p udp -j DROP
			COMMIT
		END
	done
}
replies() { packets "$r" mangle "$1 -m untracked --reply"; }
no_replies() { packets "$r" mangle "$1 -m untracked ! --reply"; }

# sends NAMESPACE COUNT FROM-PORT HOW-MANY TO-PORT HOW-MANY: through these ports in turn
sends() { pktgen "$1" "$2" "udp_src_min $3" "udp_src_max $(($3 + $4))" "udp_dst_min $5" "udp_dst_max $(($5 + $6))"; }

# The same flows all the time, replied to all the time; each other packet of the server, from
# port 8, is no reply.
flows=20 # few enough for a slow machine to send each of them in each window
busy() { with_window 2 busy_flows; }
busy_flows() {
	local took previous
	router "-i wan -p udp -m udp --sport 7" "-i wan -p udp -m udp --sport 8"
	sends "$c" 0 5000 "$flows" 7 1 &
	background+=($!)
	wait_for 60 reaches flows "$flows"
	sends "$s" 0 7 2 5000 "$flows" &
	background+=($!)
	wait_for 60 reaches flows $((2 * flows))
	wait_for 60 reaches rotations $(($(memory_of "$r" rotations) + 2)) || fail "filters do not rotate"
	previous=$(memory_of "$r" "previous flows")
	pktgen_stops "$s"
	pktgen_stops "$c"
	wait "${background[@]: -2}"
	is "flows in the generation before" $((2 * flows)) "$previous"
	at_least "replies" "$flows" "$(replies "--sport 7")"
	is "replies that were missed" 0 "$(no_replies "--sport 7")"
	is "false positives" 0 "$(replies "--sport 8")"
	at_least "packets that are no replies" "$flows" "$(no_replies "--sport 8")"
}

# Each packet is a new flow, which both write to one small filter. That may
# return a false positive once in a thousand.
new=6000
fresh() { with_window 3600 new_flows; }
new_flows() {
	local took before
	router "-p udp"
	sends "$c" "$new" 5000 "$new" 8 1 &
	background+=($!)
	sends "$s" "$new" 7 1 20000 "$new" &
	background+=($!)
	while kill -0 "${background[@]: -2}" 2>/dev/null; do memory_of "$r" flows; done >/dev/null
	wait "${background[@]: -2}"
	at_least "flows" $((2 * new - new / 1000)) "$(memory_of "$r" flows)"
	before=$(no_replies "-p udp")
	at_least "packets that are no replies" $((2 * new - new / 1000)) "$before"
	sends "$s" "$new" 8 1 5000 "$new"
	sends "$c" "$new" 20000 "$new" 7 1
	at_least "replies" $((2 * new)) "$(replies "-p udp")"
	is "replies that were missed" 0 $(($(no_replies "-p udp") - before))
}

[ "$(nproc)" -ge 2 ] || skip_all "needs two CPUs"
add_topology
claim "busy flows are found while filters rotate" busy
claim "new flows are found while their filter is read" fresh
run_claims
