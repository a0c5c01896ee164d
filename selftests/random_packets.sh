#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whatever a packet's bytes are: NOTRACK, -m untracked, --reply and --related match as an
# oracle in user space expects, in each hook, and exactly the flows of untracked packets that
# left or were delivered, and do not refuse, are remembered.
#   PACKETS=N  how many for each tool and family
#   SEED=N     of the first lot; the same packets each time otherwise
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

lot=5000 # with so few flows in it, a false positive is seen in one lot of hundreds

# A device that swallows what is sent, and one that the storm comes from.
add_range() {
	add_hosts "$r"
	in_ns "$r" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter'
	ip -n "$r" tuntap add dev storm mode tun pi vnet_hdr || skip_all "needs CONFIG_TUN"
	ip -n "$r" link add out type dummy || skip_all "needs CONFIG_DUMMY"
	ip -n "$r" -b - <<-END
		addr add 192.0.2.1/24 dev out
		addr add 192.0.2.2/24 dev out
		addr add 2001:db8:1::1/64 dev out nodad
		addr add 2001:db8:1::2/64 dev out nodad
		link set out up
		link set storm up
		route add default dev out
		route add ::/0 dev out
	END
}

# The results are bits of the nfmark; see packet_storm.c.
match_rules() {
	cat <<-END
		:ask -
		-A ask -m untracked -j MARK --or-mark 1
		-A ask -m untracked ! --untracked -j MARK --or-mark 2
		-A ask -m untracked --reply -j MARK --or-mark 4
		-A ask -m untracked ! --reply -j MARK --or-mark 8
		-A ask -m untracked --related -j MARK --or-mark 16
		-A ask -m untracked ! --related -j MARK --or-mark 32
	END
}

ask() {
	rules "$r" <<-END
		*raw
		$(match_rules)
		-A PREROUTING -m tos --tos 0x80/0x80 -j NOTRACK
		-A PREROUTING -i storm -m tos ! --tos 0x40/0x40 -j ask
		-A PREROUTING -i storm -j NFLOG --nflog-group 1
		-A OUTPUT -m tos --tos 0x80/0x80 -j NOTRACK
		-A OUTPUT -j MARK --set-mark 0
		-A OUTPUT -j ask
		-A OUTPUT -j NFLOG --nflog-group 1
		COMMIT
		*mangle
		$(match_rules)
		:later -
		-A later -j MARK --set-mark 0
		-A later -j ask
		-A later -j NFLOG --nflog-group 1
		-A INPUT -j later
		-A FORWARD -j later
		-A POSTROUTING -j later
		COMMIT
	END
}

# throw SEED: a lot, at a memory that is empty and has a new secret; its counts are in out
throw() {
	reset_rules
	wait_for 10 forgotten "$r" || fail "flows are remembered with no rule left"
	ask
	[ ${#failures[@]} -eq 0 ] || return
	out=$(in_ns "$r" "$storm" "$family" "$lot" "$1" 2>"$work/wrong")
}

# A filter's mistake does not happen again with a new secret.
throw_lot() {
	local seed=$1 status=0
	throw "$seed" || status=$?
	if [ "$status" = 3 ]; then
		mistakes=$((mistakes + 1)) status=0
		throw "$seed" || status=$?
	fi
	[ "$status" = 0 ] || fail "seed $seed: $out"$'\n'"$(<"$work/wrong")"
}

random_packets() {
	local out word mistakes=0 first=${SEED:-1}
	local seed=$first
	local -A sum=()
	until [ $((${sum[sent]:-0})) -ge "$packets" ] || [ ${#failures[@]} -gt 0 ]; do
		throw_lot "$seed"
		for word in $out; do sum[${word%=*}]=$((${sum[${word%=*}]:-0} + ${word#*=})); done
		seed=$((seed + 1))
		progress "${sum[sent]:-0}" "$packets"
	done
	printf '# seeds %d to %d:' "$first" $((seed - 1))
	for word in $out; do
		printf ' %s %d' "${word%=*}" "${sum[${word%=*}]}"
		[ "${sum[${word%=*}]}" -gt 0 ] || [ "${word%=*}" = wrong ] || fail "no packet: $word"
	done
	printf ', the filters erred in %d lots\n' "$mistakes"
	[ "$mistakes" -le $((1 + packets / 100000)) ] || fail "the filters erred in $mistakes lots"
}

packets=${PACKETS:-10000}
storm=${OUTPUT:-$selftests}/packet_storm
[ -x "$storm" ] || skip_all "needs $storm: make -C selftests"
modprobe -q -a tun dummy nfnetlink_log
add_range
storms() { with_window 3600 random_packets; }
claim "$packets random packets: every match agrees with the oracle" storms
run_claims
