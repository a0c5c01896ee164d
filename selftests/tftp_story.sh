#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The recipes for a TFTP server and for a router before one. The reply to a request comes from a new
# port: of a range that is the server's, or to a port that an ipset has from the request. Files come
# and go whole, without an entry, and others reach none of these ports.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

at_server() { recipe "TFTP" 1; }
at_router() { recipe "TFTP" 2; }
load() { rules_counting "$1" udp "${@:2}"; }

gets() {
	in_ns "$c" curl -sS -g -m 30 -o "$work/got" "tftp://$(at "$server")/file" >"$work/curl" 2>&1 &&
		cmp -s "$work/got" "$work/tftp/file"
}
puts() {
	rm -f "$work/tftp/new"
	in_ns "$c" curl -sS -g -m 30 -T "$work/tftp/file" "tftp://$(at "$server")/new" >"$work/curl" 2>&1 &&
		cmp -s "$work/tftp/new" "$work/tftp/file"
}
# stuck HOST: true if no file has come; the server does not go on sending it into the next claim: its
# child takes no notice of SIGTERM.
stuck() {
	local status=0
	gets_stuck "$1" gets || status=1
	pkill -KILL -P "$tftpd"
	wait_for 10 eval "! pgrep -P $tftpd" || fail "the server still sends"
	return "$status"
}
# transfers HOST TEXT: both, with 60 blocks of 512 bytes each, through the rule with TEXT
transfers() {
	gets || fail "no file came: $(<"$work/curl")"
	puts || fail "no file went: $(<"$work/curl")"
	is "entries" 0 "$(entries "$1")"
	is "packets dropped" 0 "$(dropped "$1")"
	at_least "packets accepted by $2" 120 "$(packets "$1" filter "$2")"
}

server_transfers() { load "$s" at_server; transfers "$s" "--reply"; }
server_drops() {
	load "$s" eval "at_server | grep -v -e '--reply'"
	stuck "$s" || fail "a file came without the rule for replies"
	load "$s" at_server
	send_udp "$c" "$server" 30000
	send_udp "$c" "$server" 30099
	is "packets dropped" 2 "$(dropped "$s")"
	is "packets accepted" 0 "$(packets "$s" filter --reply)"
}

router_transfers() {
	make_set
	load "$r" at_router
	transfers "$r" "--match-set tftp"
}
# To a port that has not asked, and to one that has, from another host.
router_drops() {
	local port other=198.51.100.77
	[ "$family" = 4 ] || other=2001:db8:2::77
	make_set
	load "$r" eval "at_router | grep -v -e '-A FORWARD.*tftp dst,dst'"
	stuck "$r" || fail "a file came without the rule for what is in the set"
	port=$(in_ns "$r" ipset list tftp | sed -n 's/.*,udp:\([0-9]*\) .*/\1/p' | head -1)
	load "$r" at_router
	send_udp "$s" "$client" $((port ^ 1)) 10 30000
	echo hello | in_ns "$s" socat -u - "UDP:$(at "$client"):$port,bind=$(at "$other"):30000,shut-none"
	is "packets dropped" 2 "$(dropped "$r")"
	send_udp "$s" "$client" "$port" 10 30000
	is "packets dropped, from the server to the port that asked" 2 "$(dropped "$r")"
}
# Anew for each claim, and of its family. nft lets go of a deleted rule's set a little later.
make_set() {
	local inet=inet
	[ "$family" = 4 ] || inet=inet6
	wait_for 10 no_set || fail "the set is in use"
	succeeds "ipset create" in_ns "$r" ipset create tftp hash:ip,port timeout 600 family "$inet"
}

no_set() { ! in_ns "$r" ipset list tftp || in_ns "$r" ipset destroy tftp; }

for needed in in.tftpd curl ipset; do
	command -v "$needed" >/dev/null || skip_all "needs the program $needed"
done
curl --version | grep -q '^Protocols:.* tftp' || skip_all "needs a curl that speaks TFTP"
add_topology
ip -n "$s" addr add 198.51.100.77/24 dev eth0
ip -n "$s" addr add 2001:db8:2::77/64 dev eth0 nodad preferred_lft 0 # no source unless asked for
mkdir "$work/tftp"
chmod 755 "$work"
chmod 777 "$work/tftp"
head -c 30720 /dev/urandom >"$work/tftp/file"
nsenter "--net=/run/netns/$s" -- in.tftpd -L -c -s -u nobody --port-range 30000:30099 "$work/tftp" &
tftpd=$!
background+=("$tftpd")
wait_for 10 listening "$s" -u 69
claim "at the server files come and go, without an entry" server_transfers
claim "to its ports come requests and replies only" server_drops
claim "through a router with an ipset files come and go, without an entry" router_transfers
claim "to the client's ports comes what the server sends to one that has asked" router_drops
run_claims
