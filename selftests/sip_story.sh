#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The recipes for a SIP server and for a router before one: a call is set up over port 5060, the RTP
# ports are those that both sides name in SDP, media goes both ways without an entry, and to RTP
# ports comes only what is a reply: from where this side sends to.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

at_server() { recipe "SIP with RTP" 1; }
at_router() { recipe "SIP with RTP" 2; }
load() { rules_counting "$1" udp "${@:2}"; }

# Of either side: "sdp ADDRESS PORT" describes its media, "message" makes one packet of what it reads.
# "opened PORT FILE" has a socket for media, which writes what comes to FILE; "rtp PORT FILE" sends 20
# packets to where the other side's SDP says.
cat >"$work/party" <<'END'
sdp() {
	cat <<-SDP
		Call-ID: 1
		CSeq: 1 INVITE
		Content-Type: application/sdp

		v=0
		o=- 1 1 IN IP$family $1
		s=-
		c=IN IP$family $1
		t=0 0
		m=audio $2 RTP/AVP 0
	SDP
}
message() { sed 's/$/\r/' | dd bs=1400 iflag=fullblock status=none; }
told() { sed -n "s/\r//; s/^$1//p" <<<"$sdp"; }
at() { if [ "$family" = 4 ]; then echo "$1"; else echo "[$1]"; fi; }
opened() {
	socat -u "UDP$family-RECV:$1,reuseaddr" "OPEN:$2,creat,append" >/dev/null 2>&1 &
	receiver=$!
	until [ "$(ss -H -a -n -u "sport = :$1")" ]; do sleep 0.05; done
}
rtp() {
	local i media
	media=$(told 'm=audio ')
	for i in {1..20}; do echo "$1 $i"; sleep 0.03; done |
		socat -t 0.3 - "UDP:$(at "$(told 'c=IN IP. ')"):${media%% *},sourceport=$1,reuseaddr" >>"$2" 2>/dev/null
	kill "$receiver"
}
END
# Its media begins before it says so.
cat >"$work/server" <<'END'
#!/bin/bash
. "$work/party"
sdp=$(cat)
opened 12000 "$work/at_server"
rtp 12000 "$work/at_server" >/dev/null &
sleep 0.2
{ echo "SIP/2.0 200 OK"; sdp "$server" 12000; } | message
END
cat >"$work/client" <<'END'
#!/bin/bash
. "$work/party"
opened 10500 "$work/at_client"
exec 3<>"/dev/udp/$server/5060"
{ echo "INVITE sip:server@$server SIP/2.0"; sdp "$client" 10500; } | message >&3
sdp=$(timeout 20 sed '/^m=audio/q' <&3)
rtp 10500 "$work/at_client"
[[ $sdp == "SIP/2.0 200"* ]]
END
chmod +x "$work/server" "$work/client"

# call: true if it was set up; then at_client and at_server have what came
call() {
	local status uas
	export work family client server
	rm -f "$work"/at_{client,server}
	nsenter "--net=/run/netns/$s" -- socat -t 30 "UDP$family-RECVFROM:5060,reuseaddr,fork" "EXEC:$work/server" 2>/dev/null &
	uas=$!
	background+=("$uas")
	wait_for 10 listening "$s" -u 5060
	in_ns "$c" "$work/client"
	status=$?
	sleep 0.5
	kill "$uas"
	wait "$uas" 2>/dev/null
	return "$status"
}
heard() { grep -c "^$2 " "$work/$1" 2>/dev/null; }

# The side with rules has to send before it hears.
media() {
	load "$1" "$2"
	call || fail "the call was not set up"
	at_least "packets that the client got" "$3" "$(heard at_client 12000)"
	at_least "packets that the server got" "$4" "$(heard at_server 10500)"
	is "entries" 0 "$(entries "$1")"
}
server_talks() { media "$s" at_server 20 15; }
router_talks() { media "$r" at_router 10 20; }

silent() {
	load "$1" eval "$2 | grep -v -e '--reply'"
	call || fail "the call was not set up"
	is "packets that the $3 got" 0 "$(heard "at_$3" "$4")"
	at_least "packets dropped" 15 "$(dropped "$1")"
}
server_hears_nothing() { silent "$s" at_server server 10500; }
client_hears_nothing() { silent "$r" at_router client 12000; }

# During a call, to its ports from elsewhere, and to others.
others() {
	local before
	load "$s" at_server
	call || fail "the call was not set up"
	before=$(dropped "$s")
	send_udp "$c" "$server" 12000 10 10501
	send_udp "$r" "$server" 12000 10 10500
	send_udp "$c" "$server" 15000 10 10500
	is "packets dropped" 3 $(($(dropped "$s") - before))
	send_udp "$c" "$server" 12000 10 10500
	is "packets dropped, of the call" 3 $(($(dropped "$s") - before))
}

add_topology
claim "at the server a call has media both ways, without an entry" server_talks
claim "so it has through a router" router_talks
claim "without the rule for replies the server hears nothing" server_hears_nothing
claim "nor does the client through a router" client_hears_nothing
claim "to RTP ports comes nothing but the call's" others
run_claims
