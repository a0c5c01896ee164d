#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/ftp-server.v4 and .v6, and the recipe for a router before such a server: files come and
# go whole, over active and passive data connections, without an entry. Each kind of data
# connection needs its rules, and these let in no more than they say.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

at_server() { cat "$examples/ftp-server.v$family"; }
at_router() { recipe "FTP, active and passive" 2; }
load() { rules_counting "$1" tcp "${@:2}"; }
passive_only() { "$1" | grep -v -e '--sport 20 '; }
active_only() { "$1" | sed 's/,50000:50010//'; }

# Each command that FTP has for a data connection; IPv6 has EPSV and EPRT alone.
transfers() {
	local way options
	for way in "EPSV --disable-eprt" "EPRT -P -" "PASV --disable-epsv" "PORT --disable-eprt -P -"; do
		[[ $family = 4 || $way = EP* ]] || continue
		read -ra options <<<"${way#* }"
		ftp_gets "$server" "${options[@]}" || fail "${way% -*}: no file came: $(<"$work/curl")"
		ftp_puts "$server" "${options[@]}" || fail "${way% -*}: no file went: $(<"$work/curl")"
	done
}

whole() {
	local host
	load "$s" at_server
	load "$r" at_router
	transfers
	for host in "$s" "$r"; do
		is "entries at the ${host%%-*}" 0 "$(entries "$host")"
		is "packets that the ${host%%-*} dropped" 0 "$(dropped "$host")"
		at_least "replies to port 20 at the ${host%%-*}" 10 "$(packets "$host" filter '--dport 20 ')"
	done
	fetch_tracked "$r" "$server" 22 "$s"
}

half() {
	load "$1" passive_only "$2"
	ftp_gets "$server" || fail "passive: no file came: $(<"$work/curl")"
	is "packets dropped" 0 "$(dropped "$1")"
	gets_stuck "$1" ftp_gets "$server" -P - || fail "active: a file came without the rule for port 20"

	load "$1" active_only "$2"
	ftp_gets "$server" -P - || fail "active: no file came: $(<"$work/curl")"
	is "packets dropped" 0 "$(dropped "$1")"
	gets_stuck "$1" ftp_gets "$server" || fail "passive: a file came without the rules for its ports"
}
half_at_the_server() { half "$s" at_server; }
half_through_the_router() { half "$r" at_router; }

# A passive port has nobody but the server behind it, and port 20 takes replies alone. For what is
# no SYN, a connection from before the rules.
others_at_the_server() {
	local talker listener
	mkfifo "$work/say"
	nsenter "--net=/run/netns/$s" -- socat -u TCP6-LISTEN:20,ipv6only=0,reuseaddr - >"$work/heard" 2>/dev/null &
	listener=$!
	background+=("$listener")
	wait_for 10 listening "$s" -t 20
	nsenter "--net=/run/netns/$c" -- socat -u "PIPE:$work/say" "TCP:$(at "$server"):20" 2>/dev/null &
	talker=$!
	background+=("$talker")
	exec {say}>"$work/say"
	wait_for 10 connected || fail "no connection to port 20"
	load "$s" at_server
	echo hello >&"$say"
	wait_for 5 has_dropped "$s" 1 || fail "nothing was dropped"
	is "what came to port 20 without being a reply" "" "$(<"$work/heard")"
	exec {say}>&-
	kill "$talker" "$listener" 2>/dev/null
	wait "$talker" "$listener" 2>/dev/null
	rm -f "$work/say"

	load "$s" at_server
	opens "$c" "$server" 50011 && fail "port 50011 is open"
	opens "$c" "$server" 20 && fail "port 20 is open"
	opens "$s" "$client" 8080 "bind=$(at "$server"):50000,reuseaddr" && fail "the server can connect out from a passive port"
	opens "$s" "$client" 22 "bind=$(at "$server"):20,reuseaddr" && fail "the server can connect from port 20 to low ports"
	at_least "packets dropped" 4 "$(dropped "$s")"
}
connected() { [ "$(in_ns "$s" ss -H -t -n state established "sport = :20")" ]; }

others_through_the_router() {
	local other=198.51.100.77
	[ "$family" = 4 ] || other=2001:db8:2::77
	load "$r" at_router
	opens "$c" "$server" 50011 && fail "port 50011 is open"
	opens "$s" "$client" 8080 "bind=$(at "$server"):50000,reuseaddr" && fail "the server can connect from a passive port"
	opens "$s" "$client" 22 "bind=$(at "$server"):20,reuseaddr" && fail "the server can connect from port 20 to low ports"
	opens "$s" "$client" 8080 "bind=$(at "$other"):20,reuseaddr" && fail "another host can connect from port 20"
	at_least "packets dropped" 4 "$(dropped "$r")"
	is "packets from port 20 accepted" 0 "$(packets "$r" filter '--sport 20 ')"
	opens "$s" "$client" 8080 "bind=$(at "$server"):20,reuseaddr" || fail "the server cannot connect from port 20"
}

# A flow that is silent for longer than the window is forgotten. A control connection is, while a
# file passes: it has no --reply in the example. An upload over an active connection may stall.
silence() { with_window 1 with_silence; }
with_silence() {
	head -c 2000000 /dev/urandom >"$work/ftp/file"
	# Or the sockets may hold all of it, and there is no silence.
	in_ns "$s" sh -c 'echo 4096 16384 65536 >/proc/sys/net/ipv4/tcp_wmem'
	in_ns "$c" sh -c 'echo 4096 65536 65536 >/proc/sys/net/ipv4/tcp_rmem'
	load "$s" at_server
	ftp_gets "$server" --limit-rate 300000 || fail "no file came slowly: $(<"$work/curl")"
	rm -f "$work/ftp/in/file"
	(echo begun; sleep 3; echo finished) | in_ns "$c" curl -sS -m 5 -P - -T - "ftp://$server/in/file" 2>/dev/null
	is "an active upload that stalls" "begun" "$(<"$work/ftp/in/file")"
	rm -f "$work/ftp/in/file"
	(echo begun; sleep 3; echo finished) | in_ns "$c" curl -sS -m 20 -T - "ftp://$server/in/file" 2>/dev/null
	is "a passive upload that stalls" $'begun\nfinished' "$(<"$work/ftp/in/file")"

	load "$s" eval 'at_server | sed "s/! --syn -m untracked -j/! --syn -m untracked --reply -j/"'
	ftp_gets "$server" --limit-rate 300000 -m 12 && fail "a file came slowly with --reply for the control connection"
}

command -v vsftpd curl >/dev/null || skip_all "needs the programs vsftpd and curl"
add_topology
ip -n "$s" addr add 198.51.100.77/24 dev eth0
ip -n "$s" addr add 2001:db8:2::77/64 dev eth0 nodad preferred_lft 0 # no source unless asked for
serve_ftp "$s"
for port in 22 50011; do serve_page "$s" $port; done
for port in 22 8080; do serve_page "$c" $port; done
claim "files come and go, active and passive, through a router to a server, without an entry" whole
claim "without the rules for its data connections, neither kind works, and the other one does" half_at_the_server
claim "so it is through a router" half_through_the_router
claim "to the server's data ports come passive connections and replies only" others_at_the_server
claim "through a router comes what the server connects from port 20 to high ports only" others_through_the_router
claim_once "a silent control connection goes on, a stalled active upload does not" silence
run_claims
