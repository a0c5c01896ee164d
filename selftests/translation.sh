#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Stateless translation of one address into another, for what is not tracked: by
# examples/translation.nft, by tc's action nat (IPv4), by SNPT and DNPT (IPv6). Connections work in
# both directions, with each checksum checked. Path MTU errors come through action nat and
# DNPT, and not through nft, which has MSS clamping instead.
#
#	client ------- lan router wan ------- server behind ------- far
#	inside = outside                             router of far
#
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

set_addresses() {
	outside=203.0.113.2
	[ "$family" = 4 ] || outside=2001:db8:3::2
}

# The router forwards untracked packets, counts errors about them, and the server who calls it.
router_rules() {
	rules "$r" <"$examples/router.v$family"
	in_ns "$r" "$ipt-restore" -n <<-END
		*mangle
		-A FORWARD -i wan -p $icmp -m untracked --related
		COMMIT
		*raw
		-I PREROUTING -i wan -p $icmp -m untracked --related
		COMMIT
	END
	rules "$s" <<-END
		*mangle
		-A INPUT -p tcp --dport 80 ! -s $outside
		-A INPUT -p tcp --dport 80 -s $outside
		COMMIT
	END
}

# narrow LINK: the one behind the router's lan, or the server's behind, that alone; or none
narrow() {
	local ns
	ip -n "$r" link set lan mtu "$([ "$1" = lan ] && echo 1300 || echo 1500)"
	ip -n "$s" link set behind mtu "$([ "$1" = behind ] && echo 1300 || echo 1500)"
	for ns in "$c" "$s"; do
		in_ns "$ns" ip "-$family" route flush cache
		in_ns "$ns" ip tcp_metrics flush all
	done
}

outwards() { fetch "$c" "$server"; }
inwards() { fetch "$far" "$outside"; }
# The same with less patience
page_comes() { in_ns "$1" timeout 3 socat -u "TCP:$(at "$2"):80,connect-timeout=1" - 2>/dev/null | cmp -s - "$page"; }

connections() {
	outwards || fail "no page from outside"
	inwards || fail "no page from inside"
	is "entries" 0 "$(entries "$r")"
	at_least "packets from the address outside" 3 "$(packets "$s" mangle "-A INPUT -s $outside")"
	is "packets from other addresses" 0 "$(packets "$s" mangle "! -s")"
	is "segments with a wrong checksum" "0 0" "$(wrong "$c") $(wrong "$s")"
}
wrong() { in_ns "$1" sed -n '/^Tcp: [0-9]/s/.* //p' /proc/net/snmp; }

by_nft() {
	set_addresses
	router_rules
	nft_rules "$r" <"$examples/translation.nft"
	connections
	narrow lan
	outwards || fail "no page from outside, with MSS clamping"
	narrow behind
	inwards || fail "no page from inside, with MSS clamping"
	in_ns "$r" nft flush chain inet translation forward
	narrow lan
	if page_comes "$c" "$server"; then fail "a page came from outside without MSS clamping"; fi
	narrow behind
	if page_comes "$far" "$outside"; then fail "a page came from inside without MSS clamping"; fi
	at_least "errors, before they are translated" 1 "$(packets "$r" raw --related)"
	is "errors, after that" 0 "$(packets "$r" mangle --related)"
	narrow none
}

by_tc() {
	set_addresses
	modprobe -q -a act_nat cls_matchall sch_ingress || { skip "needs CONFIG_NET_ACT_NAT"; return; }
	router_rules
	tc -n "$r" qdisc add dev wan clsact
	tc -n "$r" filter add dev wan ingress protocol ip matchall action nat ingress "$outside/32" "$client" || fail "no action nat"
	tc -n "$r" filter add dev wan egress protocol ip matchall action nat egress "$client/32" "$outside" || fail "no action nat"
	connections
	narrow lan
	outwards || fail "no page from outside over a narrow link"
	narrow behind
	inwards || fail "no page from inside over a narrow link"
	at_least "errors in raw" 1 "$(packets "$r" raw --related)"
	at_least "errors in FORWARD" 1 "$(packets "$r" mangle --related)"
	narrow none
	tc -n "$r" qdisc del dev wan clsact
}

by_npt() {
	set_addresses
	modprobe -n -q ip6t_NPT || { skip "needs the module ip6t_NPT"; return; }
	outside=2001:db8:3:0:fffd::2 # so that the checksum stays right (RFC 6296)
	router_rules
	in_ns "$r" "$ipt-restore" -n <<-END
		*mangle
		-A PREROUTING -i wan -d 2001:db8:3::/64 -j DNPT --src-pfx 2001:db8:3::/64 --dst-pfx 2001:db8:1::/64
		-A POSTROUTING -o wan -s 2001:db8:1::/64 -j SNPT --src-pfx 2001:db8:1::/64 --dst-pfx 2001:db8:3::/64
		COMMIT
	END
	connections
	narrow behind
	inwards || fail "no page from inside over a narrow link"
	at_least "errors in raw" 1 "$(packets "$r" raw --related)"
	narrow lan
	# The router's own errors are not from inside, so that SNPT leaves them alone.
	if page_comes "$c" "$server"; then fail "a page came from outside over the router's own narrow link"; fi
	narrow none
}

no_offload=${OUTPUT:-$selftests}/no_offload
[ -x "$no_offload" ] || skip_all "needs $no_offload: make -C selftests"
add_topology
far=far-$suffix
add_host_behind "$s" "$far"
ip -n "$r" route add 10.9.0.0/24 via 198.51.100.2
ip -n "$r" route add fd00:9::/64 via 2001:db8:2::2
in_ns "$s" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
for ns in "$r" "$s"; do
	in_ns "$ns" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
done
for ns in "$c" "$s" "$far"; do in_ns "$ns" "$no_offload" eth0 || skip_all "cannot disable checksum offload"; done
serve_page "$s"
serve_page "$c"
claim "nft translates addresses, and what an error quotes it does not" by_nft
claim "tc's action nat translates both, for IPv4" by_tc "legacy-4 nft-4"
claim "SNPT and DNPT translate both, but for the router's own errors, for IPv6" by_npt "legacy-6 nft-6"
run_claims
