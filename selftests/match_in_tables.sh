#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "-m untracked" and its inverse tell untracked packets from others in each table and
# chain that a packet meets after the state is set.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

places=("raw PREROUTING" "mangle PREROUTING" "mangle FORWARD" "mangle POSTROUTING" "filter FORWARD")
own_places=("raw OUTPUT" "mangle OUTPUT" "filter OUTPUT" "mangle POSTROUTING")

# count_in PLACES...: a counter for yes and one for no in each, of UDP to port 9
count_in() {
	local table place
	for table in raw mangle filter; do
		echo "*$table"
		for place in "$@"; do
			[ "${place% *}" = "$table" ] || continue
			[ "$place" != "$notrack_in" ] || echo "-A ${place#* } -p udp --dport 9 -j NOTRACK"
			echo "-A ${place#* } -p udp --dport 9 -m untracked -m comment --comment yes"
			echo "-A ${place#* } -p udp --dport 9 -m untracked ! --untracked -m comment --comment no"
		done
		echo COMMIT
	done
}

# told YES NO PLACES...: three datagrams gave these counts everywhere
told() {
	local yes=$1 no=$2 place
	shift 2
	for place in "$@"; do
		is "$place, matched" "$yes" "$(packets "$r" "${place% *}" "-A ${place#* } -p udp -m udp --dport 9 -m untracked -m comment --comment yes")"
		is "$place, inverse matched" "$no" "$(packets "$r" "${place% *}" "-A ${place#* } -p udp -m udp --dport 9 -m untracked ! --untracked")"
	done
}

three() { for _ in 1 2 3; do send_udp "$1" "$server" 9; done; }

forwarded() {
	notrack_in="raw PREROUTING"
	rules "$r" < <(count_in "${places[@]}")
	three "$c"
	told 3 0 "${places[@]}"
}
forwarded_unmarked() {
	notrack_in=nowhere
	rules "$r" < <(count_in "${places[@]}")
	three "$c"
	told 0 3 "${places[@]}"
}
own() {
	notrack_in="raw OUTPUT"
	rules "$r" < <(count_in "${own_places[@]}")
	three "$r"
	told 3 0 "${own_places[@]}"
}
# Delivered to a socket of the host.
delivered() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 7 -j NOTRACK
		COMMIT
		*mangle
		-A INPUT -p udp --dport 7 -m untracked
		COMMIT
		*filter
		-A INPUT -p udp --dport 7 -m untracked
		-A INPUT -p udp --dport 7 -m untracked ! --untracked -j DROP
		COMMIT
	END
	udp_echoes "$c" "$router" || fail "no echo"
	is "mangle INPUT" 1 "$(packets "$r" mangle '-m untracked')"
	is "filter INPUT, both" 1 "$(packets "$r" filter '-m untracked')"
	is "filter INPUT, inverse" 0 "$(packets "$r" filter '! --untracked')"
}
# The result matters to the verdict, not just to a counter.
verdict() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 9 -j NOTRACK
		COMMIT
		*filter
		-A FORWARD -m untracked -j DROP
		COMMIT
	END
	rules "$s" <<-END
		*filter
		-A INPUT -p udp --dport 9
		-A INPUT -p udp --dport 10
		COMMIT
	END
	three "$c"
	send_udp "$c" "$server" 10
	is "untracked datagrams that arrived" 0 "$(packets "$s" filter '--dport 9')"
	is "other datagrams that arrived" 1 "$(packets "$s" filter '--dport 10')"
}

add_topology
serve_udp_echo "$r"
claim "untracked packets match in raw, mangle and filter while they are forwarded" forwarded
claim "other packets match the inverse there" forwarded_unmarked
claim "the host's own untracked packets match in raw, mangle and filter" own
claim "delivered packets match in INPUT of mangle and filter" delivered
claim "a DROP rule with the match drops the untracked ones alone" verdict
run_claims
