#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# NOTRACK and untracked work beside what rule sets are made of: ipset, comment, addrtype,
# multiport, mark, interfaces, user chains, and iptables' own -w and --noflush.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# marks RULE: of two datagrams to ports 9 and 10, RULE marks the one to 9.
marks() {
	rules "$r" <<-END
		*raw
		:own -
		$1
		COMMIT
		*mangle
		-A FORWARD -p udp --dport 9 -m untracked
		-A FORWARD -p udp --dport 10 -m untracked
		COMMIT
	END
	send_udp "$c" "$server" 9
	send_udp "$c" "$server" 10
	is "${1%%$'\n'*}, marked" 1 "$(packets "$r" mangle '--dport 9 ')"
	is "${1%%$'\n'*}, left alone" 0 "$(packets "$r" mangle '--dport 10 ')"
}

in_raw() {
	local inet=inet
	[ "$family" = 4 ] || inet=inet6
	in_ns "$r" ipset create "hosts$family" hash:ip,port family "$inet"
	in_ns "$r" ipset add "hosts$family" "$server,udp:9"
	marks "-A PREROUTING -m set --match-set hosts$family dst,dst -j NOTRACK"
	marks "-A PREROUTING -p udp -m multiport --dports 9,53 -m comment --comment \"two ports\" -j NOTRACK"
	marks "-A PREROUTING -i lan -p udp --dport 9 -m addrtype ! --dst-type LOCAL -j NOTRACK"
	marks "-A PREROUTING -p udp --dport 9 -j MARK --set-mark 7
-A PREROUTING -m mark --mark 7 -j NOTRACK"
	marks "-A PREROUTING -p udp --dport 9 -g own
-A own -j NOTRACK"
	# NOTRACK does not end the traversal: what follows sees the UNTRACKED state.
	marks "-A PREROUTING -p udp --dport 9 -j NOTRACK
-A PREROUTING -m untracked -j own
-A own -j RETURN"
	reset_rules
	in_ns "$r" ipset destroy "hosts$family"
}

in_filter() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 9 -j NOTRACK
		COMMIT
		*filter
		:FORWARD DROP [0:0]
		:transit -
		-A FORWARD -i lan -o wan -m untracked -m comment --comment "to transit" -g transit
		-A transit -p udp -m multiport --dports 9,10 -m addrtype ! --dst-type LOCAL -j ACCEPT
		COMMIT
	END
	send_udp "$c" "$server" 9
	send_udp "$c" "$server" 10
	is "accepted in the user chain" 1 "$(packets "$r" filter '-j ACCEPT')"
}

options() {
	dirty+=("$r")
	succeeds "-w" in_ns "$r" "$ipt" -w 5 -t raw -A PREROUTING -j NOTRACK
	succeeds "-I" in_ns "$r" "$ipt" -t raw -I PREROUTING 1 -m untracked -j ACCEPT
	succeeds "-R" in_ns "$r" "$ipt" -t raw -R PREROUTING 1 -m untracked ! --untracked
	succeeds "--noflush" in_ns "$r" sh -c \
		"printf '%s\n' '*raw' '-A PREROUTING -p udp -j NOTRACK' COMMIT | $ipt-restore --noflush"
	is "rules" "-m untracked ! --untracked,-j NOTRACK,-p udp -j NOTRACK" \
		"$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | sed -n 's/ *$//; s/^-A PREROUTING //p' | paste -sd,)"
	succeeds "-Z" in_ns "$r" "$ipt" -t raw -Z
	succeeds "-F" in_ns "$r" "$ipt" -t raw -F
	is "rules after -F" "" "$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | grep '^-A')"
}

add_topology
command -v ipset >/dev/null || skip_all "needs the program ipset"
claim "NOTRACK beside other matches and in user chains of raw" in_raw
claim "untracked beside other matches and in user chains of filter" in_filter
claim "-w, -I, -R, -Z, -F and --noflush work" options
run_claims
