#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A flow memory that took far more than it holds takes tracked packets for replies. The
# resolver's recipe names protocol and port, so that other traffic keeps its NAT; the same
# rule without them breaks tracked connections.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# A router that translates TCP, and has untracked datagrams, the client's and its own queries.
router_rules() {
	recipe=$(grep -e '--reply -j NOTRACK' "$examples/resolver.v$family")
	rules "$r" <<-END
		*raw
		-A PREROUTING -i lan -p udp -j NOTRACK
		-A OUTPUT -p udp --dport 53 -j NOTRACK
		$recipe
		COMMIT
		*mangle
		-A PREROUTING -p udp --dport 2000 -m untracked --reply
		COMMIT
		*nat
		-A POSTROUTING -o wan -p tcp -j SNAT --to-source $router_wan
		COMMIT
	END
}

# New flows until of a thousand datagrams that are no replies at least two hundred are false positives.
false_positives() { packets "$r" mangle --reply; }
fill_memory() {
	local took before port end=$((SECONDS + 120))
	for ((port = 1000; SECONDS < end; port++)); do
		flood "$port" 30000
		before=$(false_positives)
		pktgen "$s" 1000 "udp_src_min 1000" "udp_src_max 2000" "udp_dst_min 2000" "udp_dst_max 2000"
		[ $(($(false_positives) - before)) -lt 200 ] || return 0
	done
	fail "30000 flows, $((port - 1000)) times: of 1000 datagrams that are no replies, false positives are only $(($(false_positives) - before))"
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

untracked() { packets "$r" raw '--reply -j NOTRACK'; }

beside_nat() { with_small_memory pages_and_queries; }
pages_and_queries() {
	local recipe before i came=0
	router_rules
	fill_memory
	before=$(untracked) # the flood used each port, 53 among them
	for ((i = 0; i < 10; i++)); do ! fetch "$c" "$server" || came=$((came + 1)); done
	is "tracked pages of 10 with '$recipe'" 10 "$came"
	is "packets made untracked by then" "$before" "$(untracked)"
	is "connections that were translated" 10 "$(packets "$r" nat SNAT)"
	udp_echoes "$r" "$server" 53 || fail "no reply to the router's own query"
	is "packets made untracked with its reply" $((before + 1)) "$(untracked)"

	# What the recipe is spared: what its rule would do without protocol and port.
	before=$(untracked)
	succeeds "a rule for any reply" in_ns "$r" "$ipt" -t raw -A PREROUTING -m untracked --reply -j NOTRACK
	for ((i = 0; i < 20; i++)); do
		fetch "$c" "$server" || break
	done
	[ "$i" -lt 20 ] || fail "20 tracked pages came with a rule for any reply"
	at_least "packets that it made untracked" $((before + 1)) "$(untracked)"
}

add_topology
# What is not translated gets no reply.
ip -n "$s" -4 route del default
ip -n "$s" -6 route del default
serve_page "$s"
serve_udp_echo "$s" 53
modprobe xt_untracked
claim "tracked pages through NAT all arrive with the resolver's recipe, and not with a rule for any reply" beside_nat
run_claims
