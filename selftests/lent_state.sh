#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who else sets the UNTRACKED state, or passes packets on: IPVS and act_ct give up tracking, so
# that theirs counts as untracked, and IPVS leaves NOTRACK's as it is; ipvlan and a bridge leave
# the state to the rules.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

replies() { packets "$r" mangle "untracked --reply"; }
others() { packets "$r" mangle "untracked ! --reply"; }

# ---- IPVS

# balance [RULE]: the router hands UDP port 8 to the server's port 7, and counts what the server says
balance() {
	rules "$r" <<-END
		*mangle
		-A PREROUTING -i wan -p udp --sport 7 -m untracked --reply
		-A PREROUTING -i wan -p udp --sport 7 -m untracked ! --reply
		-A POSTROUTING -o wan -p udp --dport 7
		-A POSTROUTING -o wan -p udp --dport 7 -m untracked ! --untracked
		$1
		COMMIT
	END
	in_ns "$r" sh -c "echo $2 >/proc/sys/net/ipv4/vs/conntrack"
	in_ns "$r" ipvsadm -R <<-END
		-A -u $(at "$router"):8 -s rr
		-a -u $(at "$router"):8 -r $(at "$server"):7 -m
	END
	udp_echoes "$c" "$router" 8 || fail "no echo through IPVS"
	in_ns "$r" ipvsadm -C
}
unmarked() { packets "$r" mangle "POSTROUTING -o wan -p udp -m udp --dport 7 -m untracked ! --untracked"; }

ipvs() {
	local tracks="-A PREROUTING -m conntrack --ctstate INVALID"
	command -v ipvsadm >/dev/null || { skip "needs the program ipvsadm"; return; }
	modprobe -q -a ip_vs ip_vs_rr nf_conntrack || { skip "needs CONFIG_IP_VS"; return; }
	balance "" 0
	is "conntrack off: packets without the state" 1 "$(unmarked)"
	is "conntrack off: replies" 0 "$(replies)"
	reset_rules
	balance "$tracks" 0
	is "conntrack on: packets without the state" 0 "$(unmarked)"
	is "conntrack on: replies" 1 "$(replies)"
	reset_rules
	balance "$tracks" 1
	is "net.ipv4.vs.conntrack=1: packets without the state" 1 "$(unmarked)"
	is "net.ipv4.vs.conntrack=1: replies" 0 "$(replies)"
	is "net.ipv4.vs.conntrack=1: others" 1 "$(others)"
	reset_rules
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 8 -j NOTRACK
		-A PREROUTING -p udp --sport 7 -j NOTRACK
		COMMIT
	END
	balance "$tracks" 1
	is "NOTRACK: packets without the state" 0 "$(unmarked)"
	is "NOTRACK: replies" 1 "$(replies)"
	is "NOTRACK: entries" 0 "$(entries "$r" -p udp)"
}

# ---- act_ct

# classify ACTIONS: by tc, of what the client sends
classify() {
	rules "$r" <<-END
		*mangle
		-A PREROUTING -i lan -p udp --dport 7
		-A PREROUTING -i lan -p udp --dport 7 -m untracked ! --untracked
		-A PREROUTING -i wan -p udp --sport 7 -m untracked --reply
		-A PREROUTING -i wan -p udp --sport 7 -m untracked ! --reply
		COMMIT
	END
	tc -n "$r" qdisc add dev lan ingress
	# shellcheck disable=SC2086
	tc -n "$r" filter add dev lan ingress protocol "$([ "$family" = 4 ] && echo ip || echo ipv6)" matchall $1 || fail "no filter: $1"
	udp_echoes "$c" "$server" || fail "no echo: $1"
	tc -n "$r" qdisc del dev lan ingress
}
unmarked_in() { packets "$r" mangle "PREROUTING -i lan -p udp -m udp --dport 7 -m untracked ! --untracked"; }

act_ct() {
	modprobe -q -a act_ct cls_matchall sch_ingress || { skip "needs CONFIG_NET_ACT_CT"; return; }
	classify "action ct"
	is "ct: packets without the state" 1 "$(unmarked_in)"
	is "ct: replies" 0 "$(replies)"
	is "ct: others" 1 "$(others)"
	reset_rules
	classify "action ct clear"
	is "ct clear of what has no state: packets without it" 1 "$(unmarked_in)"
	is "ct clear of what has no state: replies" 0 "$(replies)"
	reset_rules
	classify "action ct pipe action ct clear"
	is "ct, ct clear: packets without the state" 0 "$(unmarked_in)"
	is "ct, ct clear: replies" 1 "$(replies)"
}

# ---- bridge and ipvlan

# passing_on DEVICE CHAIN RULES: tracked, then marked, both UDP and TCP; from DEVICE come the replies
passing_on() {
	local mark
	for mark in ACCEPT NOTRACK; do
		rules "$r" <<-END
			*raw
			-A PREROUTING -p udp --dport 7 -j $mark
			-A PREROUTING -p tcp --dport 80 -j $mark
			-A OUTPUT -p udp --dport 7 -j $mark
			-A OUTPUT -p tcp --dport 80 -j $mark
			COMMIT
			*mangle
			-A PREROUTING -p udp --sport 7 -m untracked --reply
			-A PREROUTING -p udp --sport 7 -m untracked ! --reply
			-A PREROUTING -p tcp --sport 80 -m untracked --reply
			-A PREROUTING -p tcp --sport 80 -m untracked ! --reply
			-A PREROUTING -m conntrack --ctstate INVALID
			COMMIT
		END
		udp_echoes "$1" "$2" || fail "$mark: no echo"
		fetch "$1" "$2" || fail "$mark: no page"
		if [ "$mark" = ACCEPT ]; then
			is "tracked: replies" 0 "$(replies)"
			at_least "tracked: others" 4 "$(others)"
		else
			is "marked: UDP replies" 1 "$(packets "$r" mangle "--sport 7 -m untracked --reply")"
			at_least "marked: TCP replies" 3 "$(packets "$r" mangle "--sport 80 -m untracked --reply")"
			is "marked: others" 0 "$(others)"
		fi
		reset_rules
	done
}

# A host whose other namespace is on an ipvlan of its: what that sends passes OUTPUT here.
over_ipvlan() {
	[ "$has_ipvlan" ] || { skip "needs CONFIG_IPVLAN with l3s"; return; }
	passing_on "$v" "$server"
}
add_ipvlan() {
	v=slave-$suffix
	add_hosts "$v"
	has_ipvlan=''
	ip -n "$r" link add ipvl0 link wan type ipvlan mode l3s 2>/dev/null || return
	has_ipvlan=yes
	ip -n "$r" link set ipvl0 netns "$v" name eth0
	ip -n "$v" -b - <<-END
		addr add 203.0.113.7/24 dev eth0
		addr add 2001:db8:3::7/64 dev eth0 nodad
		link set eth0 up
		route add default dev eth0
		route add ::/0 dev eth0
	END
}

# Two hosts on a bridge whose packets iptables sees.
over_bridge() {
	local neighbour=192.0.2.9
	[ "$family" = 4 ] || neighbour=2001:db8:1::9
	modprobe -q br_netfilter || { skip "needs CONFIG_BRIDGE_NETFILTER"; return; }
	passing_on "$c" "$neighbour"
}
add_bridge() {
	n=neighbour-$suffix
	add_hosts "$n"
	modprobe -q -a bridge br_netfilter
	ip link add eth0 netns "$n" type veth peer name port netns "$r"
	ip -n "$r" -b - <<-END
		link add br0 type bridge
		link set br0 up
		link set lan master br0
		link set port master br0
		link set port up
	END
	in_ns "$r" sh -c 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; echo 1 >/proc/sys/net/bridge/bridge-nf-call-ip6tables'
	ip -n "$n" -b - <<-END
		addr add 192.0.2.9/24 dev eth0
		addr add 2001:db8:1::9/64 dev eth0 nodad
		link set eth0 up
	END
	serve_page "$n"
	serve_udp_echo "$n"
	in_ns "$c" ping -4 -q -c 1 -W 5 192.0.2.9 >/dev/null
	in_ns "$c" ping -6 -q -c 1 -W 5 2001:db8:1::9 >/dev/null
}

# The bridge takes the router's link to the client: it is set up once the other claims are through.
bridged=''
bridge_and_go() {
	[ "$bridged" ] || add_bridge
	bridged=yes
	over_bridge
}

add_topology
serve_page "$s"
serve_udp_echo "$s"
add_ipvlan
claim "flows of IPVS are remembered, unless it tracks" ipvs
claim "flows after act_ct clear are remembered" act_ct
claim "ipvlan in l3s mode leaves the state to the rules" over_ipvlan
claim "a bridge with br_netfilter leaves the state to the rules" bridge_and_go
run_claims
