#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/overlay.v4 and .v6, on the server, which is one end of an overlay: its outer packets are
# untracked in both directions, inner ones are tracked and filtered by state, and path MTU errors
# about outer packets come in by --related alone.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- each kind, as device "overlay": NAMESPACE OWN-ADDRESS OTHER-ADDRESS. Over IPv4, VXLAN and Geneve
# set no DF unless told to, and WireGuard never does.

if_4() { if [ "$family" = 4 ]; then echo "$1"; else echo "$2"; fi; }
vxlan() {
	# shellcheck disable=SC2046
	ip -n "$1" link add overlay type vxlan id 9 local "$2" remote "$3" dstport 4789 $(if_4 "df set" "")
}
geneve() {
	# shellcheck disable=SC2046
	ip -n "$1" link add overlay type geneve id 9 remote "$3" dstport 6081 $(if_4 "df set" "")
}
gre() { ip -n "$1" link add overlay type "$(if_4 gre ip6gre)" local "$2" remote "$3" ttl 64; }
wireguard() {
	local other=$c
	[ "$1" != "$c" ] || other=$s
	ip -n "$1" link add overlay type wireguard || return
	in_ns "$1" wg set overlay listen-port 51820 private-key "$work/$1.key" peer "$(wg pubkey <"$work/$other.key")" \
		endpoint "$(at "$3"):51820" allowed-ips 0.0.0.0/0,::/0
}
esp() {
	local any
	any=$(if_4 0.0.0.0/0 ::/0)
	ip -n "$1" link add overlay type xfrm dev eth0 if_id 9 || return
	ip -n "$1" -b - <<-END_OF_BATCH
		$(association "$2" "$3") if_id 9
		$(association "$3" "$2") if_id 9
		xfrm policy add src $any dst $any dir out tmpl src $2 dst $3 proto esp mode tunnel if_id 9
		xfrm policy add src $any dst $any dir in tmpl src $3 dst $2 proto esp mode tunnel if_id 9
	END_OF_BATCH
}
association() { # FROM TO; any key will do, and each its own
	local key
	key=$(printf '%s' "$1 $2" | sha256sum | head -c 40)
	echo "xfrm state add src $1 dst $2 proto esp spi 0x${key:0:7} mode tunnel aead rfc4106(gcm(aes)) 0x$key 128"
}

# add_overlay KIND: between the client and the server, with addresses inside
add_overlay() {
	local ns own=$client other=$server number=1
	inside=$(if_4 10.9.0. fd00:9::)
	for ns in "$c" "$s"; do
		"$1" "$ns" "$own" "$other" 2>"$work/said" || { skip "no $1: $(<"$work/said")"; return 1; }
		ip -n "$ns" -b - <<-END_OF_BATCH
			addr add $inside$number/$(if_4 24 "64 nodad") dev overlay
			link set overlay up
		END_OF_BATCH
		own=$server other=$client number=2
	done
	in_ns "$c" ping "-$family" -q -c 1 -W 5 "${inside}2" >/dev/null || fail "$1: no ping through it"
}
del_overlay() {
	local ns
	for ns in "$c" "$s"; do
		ip -n "$ns" link del overlay
		ip -n "$ns" xfrm policy flush
		ip -n "$ns" xfrm state flush
	done
}

# ---- what is shown of each

through() { # KIND
	add_overlay "$1" || { del_overlay 2>/dev/null; return; }
	rules "$s" <"$examples/overlay.v$family"
	in_ns "$s" conntrack -F 2>/dev/null
	tracked_inside
	mtu_is_learnt "$1"
	del_overlay
}

tracked_inside() {
	fetch "$c" "${inside}2" 22 || fail "no page through the overlay"
	is "entries of inner packets" 1 "$(entries "$s" -p tcp --dport 22)"
	is "entries in all" 1 "$(entries "$s")"
	at_least "outer packets untracked" 12 "$(packets "$s" raw "-j NOTRACK")"
	at_least "of these came" 6 "$(packets "$s" raw "PREROUTING -s")"
	at_least "of these left" 6 "$(packets "$s" raw "OUTPUT -d")"
	at_least "outer packets accepted" 6 "$(packets "$s" filter "-m untracked -j ACCEPT")"
	in_ns "$s" "$ipt" -t mangle -A INPUT -i overlay -p udp --dport 9 -m conntrack --ctstate NEW
	send_udp "$c" "${inside}2" 9
	is "inner packets to a closed port" 1 "$(packets "$s" mangle "--ctstate NEW")"
	is "entries of it, as nobody accepted it" 0 "$(entries "$s" -p udp)"
}

# The link between the router and the client is narrow. Of WireGuard's packets over IPv4 the router
# makes fragments, all others it refuses to forward.
mtu_is_learnt() {
	ip -n "$r" link set lan mtu 1400
	if [ "$1$family" != wireguard4 ]; then
		succeeds "-D of the rule for errors" in_ns "$s" "$ipt" -D INPUT -m untracked --related -j ACCEPT
		if learns 1; then fail "the path's MTU is known without a rule for errors"; fi
		in_ns "$s" "$ipt" -I INPUT -m untracked --related -j ACCEPT
		learns 5 || fail "the path's MTU is not known after the error"
		at_least "errors accepted" 1 "$(packets "$s" filter --related)"
	fi
	fetch "$c" "${inside}2" 22 || fail "no page over the narrow link"
	[ "$1$family" != wireguard4 ] || is "errors accepted" 0 "$(packets "$s" filter --related)"
	ip -n "$r" link set lan mtu 1500
	in_ns "$s" ip "-$family" route flush cache
}
# learns SECONDS: true if the server learns by then that its packet was too long
learns() {
	in_ns "$s" ip "-$family" route flush cache
	send_udp "$s" "${inside}1" 9 1370
	wait_for "$1" knows_mtu
}
knows_mtu() { ip -n "$s" route get "$client" | grep -q 'mtu 1400'; }

over_vxlan() { through vxlan; }
over_geneve() { through geneve; }
over_wireguard() {
	command -v wg >/dev/null || { skip "needs the program wg"; return; }
	through wireguard
}
over_gre() { through gre; }
over_esp() { through esp; }

add_topology
in_ns "$r" sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
serve_page "$s" 22
for ns in "$c" "$s"; do head -c 32 /dev/urandom | base64 >"$work/$ns.key"; done
claim "VXLAN: outer packets are untracked, inner ones tracked" over_vxlan
claim "Geneve: outer packets are untracked, inner ones tracked" over_geneve
claim "WireGuard: outer packets are untracked, inner ones tracked" over_wireguard
claim "GRE: outer packets are untracked, inner ones tracked" over_gre
claim "ESP: outer packets are untracked, inner ones tracked" over_esp
run_claims
