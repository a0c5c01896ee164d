#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A flow memory that took far more than it holds takes tracked packets for replies. The
# resolver's recipe names protocol and port, so that other traffic keeps its NAT; the same
# rule without them breaks tracked connections.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# A router that translates TCP and has untracked datagrams, its own queries and others'. $1 is
# its raw rule for replies.
router_rules() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -p udp -j NOTRACK
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		$1
		COMMIT
		*mangle
		-A PREROUTING -p udp --dport 2000 -m untracked --reply
		COMMIT
		*nat
		-A POSTROUTING -o wan -p tcp -j SNAT --to-source $router_wan
		COMMIT
	END
	fill_memory
}

# New flows until of a thousand strangers' datagrams at least three hundred are taken for replies.
strangers() { packets "$r" mangle --reply; }
fill_memory() {
	local took before port end=$((SECONDS + 120))
	for ((port = 1000; SECONDS < end; port++)); do
		flood "$port" 30000
		before=$(strangers)
		pktgen "$s" 1000 "udp_src_min 1000" "udp_src_max 2000" "udp_dst_min 2000" "udp_dst_max 2000"
		[ $(($(strangers) - before)) -lt 300 ] || return 0
	done
	fail "after $((port - 1000)) times 30000 flows only $(($(strangers) - before)) of 1000 strangers are taken for replies"
}

# with_small_memory COMMAND...: as much as may be filled soon, which forgets nothing meanwhile
memory_kib=/sys/module/xt_untracked/parameters/memory_kib
with_small_memory() {
	local usual
	usual=$(<"$memory_kib")
	echo 128 >"$memory_kib"
	with_window 3600 "$@"
	echo "$usual" >"$memory_kib"
}

recipe() { with_small_memory recipe_beside_nat; }
recipe_beside_nat() {
	local rule i before came=0
	rule=$(grep -e '--reply -j NOTRACK' "$examples/resolver.v$family")
	router_rules "$rule"
	before=$(packets "$r" raw '--reply -j NOTRACK') # the flood used each port, 53 among them
	for ((i = 0; i < 10; i++)); do ! fetch "$c" "$server" || came=$((came + 1)); done
	is "tracked pages of 10 with '$rule'" 10 "$came"
	is "packets made untracked by then" "$before" "$(packets "$r" raw '--reply -j NOTRACK')"
	is "connections that were translated" 10 "$(packets "$r" nat SNAT)"
	udp_echoes "$r" "$server" 53 || fail "no answer to the router's own query"
	is "packets made untracked with its answer" $((before + 1)) "$(packets "$r" raw '--reply -j NOTRACK')"
}

# What the recipe is spared: what its rule would do without protocol and port.
anything() { with_small_memory anything_beside_nat; }
anything_beside_nat() {
	local i before
	router_rules "-A PREROUTING -m untracked --reply -j NOTRACK"
	before=$(packets "$r" raw '--reply -j NOTRACK')
	for ((i = 0; i < 20; i++)); do
		fetch "$c" "$server" || break
	done
	[ "$i" -lt 20 ] || fail "20 tracked pages came"
	at_least "packets made untracked, with those of a tracked page" $((before + 1)) "$(packets "$r" raw '--reply -j NOTRACK')"
}

add_topology
serve_page "$s"
serve_udp_echo "$s" 53
modprobe xt_untracked
claim "tracked pages through NAT all arrive with the resolver's recipe, and its answers do" recipe
claim "with a rule for any reply they do not" anything
run_claims
