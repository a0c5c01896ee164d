# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the benches share, in a machine whose clock counts instructions: hosts with a router
# between them for each configuration, and packets counted on their way through it.
# shellcheck disable=SC2034,SC2154 # what is set or read here alone, the benches read or set
# shellcheck source=selftests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../selftests/lib.sh"
# shellcheck source=bench/routers.sh
. "$(dirname "${BASH_SOURCE[0]}")/routers.sh"

read -r -a variants <<<"${BENCH_VARIANTS:-legacy nft}"
read -r -a families <<<"${BENCH_FAMILIES:-4 6}"
count=${BENCH_PACKETS:-10000} # packets a measurement, from all cores
cores=${BENCH_CORES:-1}
floor=/bench # where the lab has bench/floor
[ -d $floor ] || floor=${BASH_SOURCE[0]%/*}/floor
export XTABLES_LIBDIR=$plugins:$floor
declare -A configured=()
failures=()
# set_to FILE VALUE: until the bench ends
usual_settings=()
set_to() { usual_settings+=("$1 $(<"$1")") && echo "$2" >"$1"; }
as_before() {
	local setting file value
	for setting in "${usual_settings[@]}"; do
		read -r file value <<<"$setting"
		echo "$value" >"$file"
	done
	clean_up
}
trap as_before EXIT
# The sender never waits for the router; whatever it is behind by must find room.
set_to /proc/sys/net/core/netdev_max_backlog 100000
# What has passed is remembered for as long as the bench takes.
modprobe xt_untracked
set_to "$window" 3600
# All hosts share the tables of neighbours, which grow and never shrink. In small ones it is
# each boot's chance who comes behind whom, and costs six instructions more for it.
{ ip link add crowd type dummy && ip link set crowd up; } || fail "no dummy device"
for ((n = 0; n < 4096; n++)); do
	printf 'neigh add %s%x lladdr 02:00:00:00:00:01 dev crowd nud permanent\n' 2001:db8:ff:: $n
	printf 'neigh add 10.0.%d.%d lladdr 02:00:00:00:00:01 dev crowd nud permanent\n' $((n >> 8)) $((n & 255))
done | ip -b - || fail "no neighbours"
ip link del crowd

stop_if_failed() {
	[ ${#failures[@]} -gt 0 ] || return 0
	printf 'bench: %s\n' "${failures[@]}" >&2
	exit 1
}

# ---- configurations

# Each has hosts of its own, for what a table or a rule registers may stay.
set_up() {
	local family of=$1-$variant
	c=c-$of-$suffix r=r-$of-$suffix s=s-$of-$suffix
	[ -z "${configured[$of]:-}" ] || return 0
	configured[$of]=yes
	add_topology
	for family in "${families[@]}"; do
		set_variant "$variant" "$family"
		# One that the router asks after now and then costs more while it does.
		ip -n "$r" neigh replace "$server" lladdr "$(mac_of "$s" eth0)" dev wan nud permanent
		configure "$1"
		set_variant legacy "$family"
		in_ns "$s" "$ipt" -t raw -A PREROUTING -s "$client" -j DROP
	done
	stop_if_failed
}

# ---- measuring

arrived_at() { ipt=${ipt%-*}-legacy packets "$1" raw "-j DROP"; }
arrived() { arrived_at "$s"; }
# What the router's rules have: the last accepted, and the match of one_more's taken. What none
# have where there are none.
counted() {
	case $configuration in
	none | empty | xdp) arrived ;;
	native*) in_ns "$r" nft list chain "$(nft_family)" bench forward | awk '{
			for (i = 1; i < NF; i++)
				if ($i == "packets" && $NF == "accept") accepted = $(i + 1)
				else if ($i == "packets") taken = $(i + 1)
		} END {print accepted, taken}' ;;
	*) in_ns "$r" "$ipt-save" -c -t filter 2>/dev/null | awk '/ -A FORWARD/ {
			split(substr($1, 2), count, ":")
			if (/-j ACCEPT$/) accepted = count[1]; else taken = count[1]
		} END {print accepted, taken}' ;;
	esac
}
# matches FLOW: whether the match is to take such packets
matches() {
	case $configuration in
	*reply) [ "$1" = reply ] ;;
	related) [ "$1" = error ] ;;
	*) true ;;
	esac
}

# At times each packet takes some 280 instructions more, for one row or for many; that the allocator
# of packet buffers alternates between two slabs that are nearly full is a guess. So many datagrams that
# nobody takes, all given back at once, leave it a slab with room, and do not always end it.
room_in_slabs() {
	local holder
	nsenter "--net=/run/netns/$c" socat -u UDP4-RECV:7,bind=127.0.0.1 - >/dev/null &
	holder=$!
	wait_for 5 listening "$c" -u 7
	kill -STOP $holder
	in_ns "$c" bash -c 'exec 3>/dev/udp/127.0.0.1/7 && for ((n = 0; n < 200; n++)); do echo >&3; done'
	kill -KILL $holder
	wait $holder 2>/dev/null
}

# meets_rules PACKETS: so many of them; those of an offloaded flow meet none
meets_rules() { if [ "${offloaded:-}" ]; then echo 0; else echo "$1"; fi; }

# The machine's, which are one a packet while the router keeps up with the sender.
soft_interrupts() { awk '/NET_RX:/ {print $2}' /proc/softirqs; }

# send PACKETS FLOWS OPTION...: by pktgen to the server, by all cores together; FLOWS of them
# conntrack has not seen, where it tracks. Sets instructions, a packet's, or nanoseconds on its core,
# where the clock counts these; once it is sure that all went the way that they should, and
# keeping_up.
send() {
	local took what="$variant, IPv$family, $row:" arrived accepted taken all_accepted all_taken interrupts
	[[ $configuration != tracked && $configuration != nativeflowtable ]] || expected=$((expected + $2))
	arrived=$(arrived)
	read -r accepted taken < <(counted)
	interrupts=$(soft_interrupts)
	pktgen "$c" $(($1 / cores)) "${@:3}"
	# On more than one core the last may be on their way still.
	wait_for 5 eval "[ \$((\$(arrived) - $arrived)) -ge $1 ]"
	[ $(($(soft_interrupts) - interrupts)) -ge "$1" ] && keeping_up=yes || keeping_up=''
	instructions=$((took * 1000 * cores / $1))
	is "$what packets that arrived" "$1" $(($(arrived) - arrived))
	read -r all_accepted all_taken < <(counted)
	is "$what packets that the rule accepted" "$(meets_rules "$1")" $((all_accepted - accepted))
	[ -z "$taken" ] || is "$what packets that the match took" \
		"$(if matches "$flow"; then echo "$1"; else echo 0; fi)" $((all_taken - taken))
	is "$what conntrack entries" "$expected" "$(in_ns "$r" conntrack -C)"
	stop_if_failed
}

# evaluate FIGURE...: sets least, and spread in thousandths of a percent. Whatever else goes on in the
# machine adds to a figure, for one row or for many: where it did not in one round, that is the packet's.
evaluate() {
	local sorted
	mapfile -t sorted < <(printf '%s\n' "$@" | sort -n)
	least=${sorted[0]}
	spread=$(((sorted[-1] - least) * 100000 / least))
}
# Of thousandths, with a mark where it is more than 0.5 %
percent() { printf '%d.%03d%s\n' $(($1 / 1000)) $(($1 % 1000)) "$([ "$1" -le 500 ] || echo ' !')"; }

# ports FLOWS TO: sets flows, pktgen's options for so many, from as many ports to one, or one for
# each core
ports() {
	flows=("udp_src_min 1" "udp_src_max $((1 + $1 / cores))" "udp_dst_min $2" "udp_dst_max $2")
	[ "$cores" -eq 1 ] || flows[2]+="+1000*CORE" flows[3]+="+1000*CORE"
}
one_flow=("udp_src_min 9+CORE" "udp_src_max 9+CORE" "udp_dst_min 9" "udp_dst_max 9")

# in_lots FLOWS COMMAND...: with lot and flows set, for so many flows, as many at a time as the
# router's queue has room for and a port has neighbours
in_lots() {
	local lot=$(($1 < 50000 ? $1 : 50000)) flows n
	for ((n = 0; n < $1 / lot; n++)); do
		ports "$lot" $((20000 + n))
		"${@:2}"
	done
}
send_lot() { send "$lot" "$lot" "${flows[@]}"; }

# for_each COMMAND ROW...: COMMAND with row, family and variant set
for_each() {
	local variant family row
	for variant in "${variants[@]}"; do
		for family in "${families[@]}"; do
			for row in "${@:2}"; do "$1"; done
		done
	done
}
