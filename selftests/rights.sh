#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who has no rights gets none by these modules; who is root in a user namespace of its own has
# them in its own network namespace, and there alone.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# nobody COMMAND...: without any capability; in_own COMMAND...: as root of namespaces of its own
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@"; }
# shellcheck disable=SC2016 # for the shell in there
in_own() {
	nobody unshare --user --map-root-user --net --mount sh -c '
		mount -t tmpfs run /run && ip link set lo up && exec "$@"' - "$@"
}

# What the user does there: rules, a ping, and what they counted, on standard output.
# shellcheck disable=SC2016
use='
	"$0-restore" <<-END || exit
		*raw
		-A OUTPUT -j NOTRACK
		COMMIT
		*filter
		-A INPUT -m untracked
		-A INPUT -m untracked --reply
		COMMIT
	END
	ping -q -c 1 -W 5 "$1" >/dev/null || echo "no reply"
	"$0-save" -c -t filter | sed -n "s/^\[\([0-9]*\):.* -A INPUT.*/\1/p"
	cat /proc/net/xt_untracked'

own() {
	local out lo=127.0.0.1
	[ "$family" = 4 ] || lo=::1
	rules "$c" <<<$'*filter\n-A INPUT -m untracked --reply\nCOMMIT'
	out=$(in_own bash -c "$use" "$ipt" "$lo" 2>&1) || fail "rules of its own: $out"
	# A request and its reply: both marked, one of them a reply.
	[[ $out == *$'\n2\n1\n'* || $out == $'2\n1\n'* ]] || fail "counters: $out"
	[[ $out == *$'\nflows: 2\n'* ]] || fail "memory of its own: $out"
	is "flows of another namespace" 0 "$(memory_of "$c" flows)"
}

another() {
	succeeds "another's, as root of the machine" nsenter --net=/dev/fd/9 true
	refused "another's, by a name that is open" "Operation not permitted" \
		in_own nsenter --net=/dev/fd/9 true
	refused "the machine's own" "Operation not permitted|Permission denied" \
		in_own nsenter "--net=/proc/1/ns/net" true
} 9<"/run/netns/$c"

# iptables-nft 1.8.7 asks the kernel for the match first, and does not pass on why it got none.
nothing() {
	refused "a rule of NOTRACK" "Permission denied|Operation not permitted" \
		in_ns "$c" setpriv --reuid=65534 --clear-groups -- env XTABLES_LOCKFILE="$work/lock" "$ipt" -t raw -A OUTPUT -j NOTRACK
	refused "a rule of untracked" "Permission denied|Operation not permitted|Couldn't load match" \
		in_ns "$c" setpriv --reuid=65534 --clear-groups -- env XTABLES_LOCKFILE="$work/lock" "$ipt" -A INPUT -m untracked --reply
	is "rules" 0 "$(in_ns "$c" "$ipt-save" 2>/dev/null | grep -c '^-A')"
}

limits() {
	local name value file
	for name in window memory_kib; do
		file=/sys/module/xt_untracked/parameters/$name
		value=$(<"$file")
		# shellcheck disable=SC2016
		refused "$name, written by root of a namespace" "Permission denied" \
			in_own sh -c 'echo 1000 >"$0"' "$file"
		is "$name" "$value" "$(<"$file")"
	done
	is_module xt_NOTRACK xt_untracked || return
	refused "a module loaded" "Operation not permitted" in_own insmod "$(modinfo -n xt_untracked)"
	uses_become 0 xt_NOTRACK # or rmmod finds a reason of its own: the namespaces of the claims before die in their own time
	refused "a module unloaded" "Operation not permitted" in_own rmmod xt_NOTRACK
}

# Lines of a name and a number; no room for an address or a port.
tells_nothing() {
	rules "$c" <<<$'*raw\n-A OUTPUT -j NOTRACK\nCOMMIT\n*filter\n-A INPUT -m untracked --related\nCOMMIT'
	send_udp "$c" "$client" 9
	is "flows" 1 "$(memory_of "$c" flows)"
	is "/proc/net/xt_untracked" "window: N|limit: N|bytes: N|filters: N|flows: N|previous flows: N|false positive rate: N|rotations: N|limit reached: N|allocation failures: N" \
		"$(in_ns "$c" sed 's/: [0-9.]*$/: N/' /proc/net/xt_untracked | paste -sd'|')"
	is "mode" 444 "$(in_ns "$c" stat -c %a /proc/net/xt_untracked)"
}

for needed in setpriv unshare; do command -v $needed >/dev/null || skip_all "needs the program $needed"; done
nobody unshare --user --net true 2>/dev/null || skip_all "needs user namespaces for everybody: sysctl kernel.unprivileged_userns_clone=1"
modprobe -a xt_NOTRACK xt_untracked
add_hosts "$c"
ip -n "$c" addr add 192.0.2.2/32 dev lo
ip -n "$c" addr add 2001:db8:1::2/128 dev lo nodad
for ipt in iptables-legacy ip6tables-legacy; do # bring in the tables, which only root of the machine can
	in_ns "$c" $ipt -t raw -S >/dev/null && in_ns "$c" $ipt -S >/dev/null
done
claim "root of a user namespace can use both modules in its own network namespace" own
claim_once "another user's namespace is out of reach" another
claim "without CAP_NET_ADMIN no rule is accepted" nothing
claim_once "a user can change neither parameters nor modules" limits
claim "/proc/net/xt_untracked shows no address and no port" tells_nothing
run_claims
