#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A price of NOTRACK: helpers see no untracked packet. FTP's makes no expectation,
# and the data connection stays outside.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# A real FTP server behind a router that lets control connections in and, beyond
# that, only what conntrack relates to them. $1 is what raw does with port 21, $2 and
# $3 what admits the control connection.
guard_ftp() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -p tcp --dport 21 $1
		-A PREROUTING -p tcp --sport 21 $2
		COMMIT
		*filter
		:FORWARD DROP [0:0]
		-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
		-A FORWARD -p tcp --dport 21 -j ACCEPT
		-A FORWARD -p tcp --sport 21 -j ACCEPT
		COMMIT
	END
}

get() { ftp_gets "$server" --connect-timeout 5; }
# with_expectations COMMAND...: sets REPLY to how many were made meanwhile
with_expectations() {
	local watcher
	nsenter "--net=/run/netns/$r" -- conntrack -E expect >"$work/expect" 2>/dev/null &
	watcher=$!
	wait_for 10 in_ns "$r" grep -q " 12 *$watcher " /proc/net/netlink || fail "conntrack -E does not listen"
	"$@"
	sleep 0.2
	kill -INT "$watcher"
	wait "$watcher"
	REPLY=$(grep -c NEW "$work/expect")
}

with_helper() {
	guard_ftp "-j CT --helper ftp" "-j ACCEPT"
	with_expectations get || fail "no file over FTP with the helper"
	is "expectations" 1 "$REPLY"
}

untracked() {
	guard_ftp "-j NOTRACK" "-j NOTRACK"
	with_expectations eval 'if get; then fail "the data connection came through"; fi'
	is "expectations" 0 "$REPLY"
	at_least "packets of the control connection" 5 "$(packets "$r" filter '--dport 21')"
}

# The static accept rules of the README: a passive port range, both directions.
static_accept() {
	guard_ftp "-j NOTRACK" "-j NOTRACK"
	in_ns "$r" "$ipt" -A FORWARD -d "$server" -p tcp --dport 50000:50010 -j ACCEPT
	in_ns "$r" "$ipt" -A FORWARD -s "$server" -p tcp --sport 50000:50010 ! --syn -j ACCEPT
	get || fail "no file over FTP with static accept rules for the ports"
}

command -v vsftpd curl >/dev/null || skip_all "needs the programs vsftpd and curl"
modprobe nf_conntrack_ftp || skip_all "needs the module nf_conntrack_ftp"
add_topology
serve_ftp "$s"
claim "tracked with the FTP helper, a file comes through" with_helper
claim "untracked, no expectation is made and no file comes through" untracked
claim "untracked, with static accept rules for the passive ports, a file comes through" static_accept
run_claims
