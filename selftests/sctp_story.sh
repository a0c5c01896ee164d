#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# examples/sctp.v4 and .v6 on a server with two addresses, and the recipes for its peer and for a
# router on one of two paths: an association uses both paths, goes on when the first one is lost,
# and leaves no entry. With rules for half of the addresses it does not go on.
#
#	client eth0 --- lan router wan --- eth0 server        the first path
#	client eth1 ---------------------- eth1 server        the second one
#	     203.0.113.1            203.0.113.2
#	   2001:db8:3::1          2001:db8:3::2
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

at_server() { cat "$examples/sctp.v$family"; }
at_peer() { recipe "SCTP with several addresses" 2; }
at_router() { recipe "SCTP with several addresses" 3; }
load_all() {
	rules "$s" < <(at_server)
	rules "$c" < <(at_peer)
	rules "$r" < <(at_router)
}
second() { if [ "$family" = 4 ]; then echo 203.0.113.1; else echo 2001:db8:3::1; fi; }

# associate: a server that sends back what it gets, and a client that sends what is written to
# file descriptor say. Sockets without an address have all of the host.
associate() {
	local only=''
	[ "$family" = 4 ] || only=,ipv6only=1
	rm -f "$work/say"
	mkfifo "$work/say"
	serve "$s" "SCTP$family-LISTEN:3868,reuseaddr$only" PIPE
	wait_for 10 listening "$s" --sctp 3868 || fail "no SCTP server"
	nsenter "--net=/run/netns/$c" -- socat -t 10 - "SCTP$family:$(at "$server"):3868$only" \
		<"$work/say" >"$work/came" 2>/dev/null &
	peer=$!
	background+=("$peer")
	exec {say}>"$work/say"
}
part_ways() {
	exec {say}>&-
	kill "$peer" "${background[-2]}" 2>/dev/null
	wait "$peer" "${background[-2]}" 2>/dev/null
	ip -n "$r" link set wan up
}
lose_first_path() { ip -n "$r" link set wan down; }
# in_use COUNT: the client has an association with so many of the server's addresses confirmed
in_use() { [ "$(in_ns "$c" awk 'NR > 1 && $NF == 2' /proc/net/sctp/remaddr | wc -l)" = "$1" ]; }
addresses() { in_ns "$c" grep -E '^ *[0-9a-f]+ .* 3868 ' /proc/net/sctp/assocs | grep -oE '[0-9a-f]+[.:][0-9a-f.:]+' | wc -l; }
came() { cmp -s "$work/came" "$1"; }

# The file comes back in two halves, the second one after the loss of the first path.
survives() {
	local peer say
	load_all
	associate
	cat "$work/half" >&"$say"
	wait_for 10 came "$work/half" || fail "the first half did not come back"
	wait_for 10 in_use 2 || fail "not both paths are in use"
	is "addresses of the association" 4 "$(addresses)"
	lose_first_path
	cat "$work/half" >&"$say"
	wait_for 10 came "$work/whole" || fail "the second half did not come back"
	is "entries at the server, its peer and the router" "0 0 0" "$(entries "$s") $(entries "$c") $(entries "$r")"
	at_least "packets that the router forwarded" 10 "$(packets "$r" filter '-p sctp')"
	at_least "packets from the peer's second address" 10 "$(packets "$s" filter "-s $(second)")"
	part_ways
}

half() {
	local peer say
	load_all
	rules "$s" < <(at_server | grep -v -e "-s $(second) ")
	in_ns "$s" "$ipt" -A INPUT -p sctp -m comment --comment dropped
	associate
	cat "$work/half" >&"$say"
	wait_for 10 came "$work/half" || fail "the first half did not come back"
	wait_for 5 dropped 2 || fail "nothing on the second path was dropped"
	in_use 1 || fail "the second path is in use"
	lose_first_path
	cat "$work/half" >&"$say"
	wait_for 3 came "$work/whole" && fail "the second half came back without a rule for the second path"
	came "$work/half" || fail "it is not the first half that has come"
	part_ways
}
dropped() { [ "$(packets "$s" filter "--comment dropped")" -ge "$1" ]; }

others() {
	load_all
	in_ns "$s" "$ipt" -A INPUT -p sctp -m comment --comment dropped
	in_ns "$c" "$ipt" -A INPUT -p sctp -m comment --comment dropped
	serve "$s" SCTP6-LISTEN:3868,ipv6only=0,reuseaddr PIPE
	calls "$r" "$server" 3868 && fail "somebody else's association is accepted"
	calls "$s" "$client" 4000 3868 && fail "the peer accepts an association from port 3868"
	kill "${background[-1]}" 2>/dev/null
	at_least "packets that the server dropped" 1 "$(packets "$s" filter "--comment dropped")"
	at_least "packets that its peer dropped" 1 "$(packets "$c" filter "--comment dropped")"
}
# calls NAMESPACE ADDRESS PORT [FROM-PORT]
calls() { in_ns "$1" timeout 1 socat -u /dev/null "SCTP:$(at "$2"):$3${4:+,sourceport=$4,reuseaddr}" 2>/dev/null; }

modprobe -q sctp || skip_all "needs CONFIG_IP_SCTP"
add_topology
ip -n "$c" link add eth1 type veth peer name eth1 netns "$s"
for host in "$c 1" "$s 2"; do
	ip -n "${host% *}" -b - <<-END
		addr add 203.0.113.${host#* }/24 dev eth1
		addr add 2001:db8:3::${host#* }/64 dev eth1 nodad
		link set eth1 up
	END
	# A path is lost after two timeouts of less than half a second.
	in_ns "${host% *}" sh -c 'cd /proc/sys/net/sctp && echo 100 >rto_min && echo 200 >rto_initial &&
		echo 400 >rto_max && echo 1 >path_max_retrans && echo 500 >hb_interval'
done
in_ns "$r" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/wan/keep_addr_on_down'
head -c 50000 /dev/urandom >"$work/half"
cat "$work/half" "$work/half" >"$work/whole"
claim "an association survives the loss of its first path, without an entry" survives
claim "with a rule for one of the peer's addresses it does not" half
claim "nobody else's association is accepted, on either side" others
run_claims
