# shellcheck shell=bash
# What the suites share that look at a machine after a boot. They set boot to which one it was.

# is WHAT EXPECTED ACTUAL; more WHAT LEAST ACTUAL; says WHAT PATTERN ACTUAL: a line each. status is
# what the suite exits with.
status=0
# shellcheck disable=SC2034,SC2154
verdict() { if [ "$1" -eq 0 ]; then echo "ok - $boot boot: $2"; else status=1; printf '%s\n' "got '$3'" | sed 's/^/# /'; echo "not ok - $boot boot: $2"; fi; }
is() { [ "$2" = "$3" ]; verdict $? "$1" "$3"; }
more() { [ "$3" -gt "$2" ] 2>/dev/null; verdict $? "$1" "$3"; }
says() { grep -qE -e "$2" <<<"$3"; verdict $? "$1" "$3"; }

counted() { "$1-save" -c -t "$2" 2>/dev/null | sed -n "s/^\[\([0-9]*\):.*-A $3.*/\1/p"; }
# Which module serves the rules: its users, and its path.
from_dkms() { for module in "$@"; do [ "$(</sys/module/"$module"/refcnt)" -gt 0 ] && dirname "$(modinfo -n "$module")"; done | sort -u; }

# replies PEER: how many pings of this host get one
replies() { ping -q -n -c 2 -i 0.2 -W 2 "$1" | sed -n 's/.* \([0-9]*\) received.*/\1/p'; }
# asked TOOL: how many of its UDP packets the rule for untracked ones has counted, after one more
asked() {
	ip netns exec peer bash -c "echo >/dev/udp/$([[ $1 == iptables* ]] && echo 192.0.2.1 || echo 2001:db8::1)/9"
	counted "$1" filter "INPUT -p udp"
}

# What closes: replies and errors are let in by what the modules remember, and by nothing else.
closing_rules() {
	cat <<-END
		*raw
		-A PREROUTING -j NOTRACK
		-A OUTPUT -j NOTRACK
		COMMIT
		*filter
		:INPUT DROP
		-A INPUT -p $1 -m untracked --reply -j ACCEPT
		-A INPUT -p $1 -m untracked --related -j ACCEPT
		-A INPUT -p udp -m untracked -j ACCEPT
		$([ "$1" = icmp ] || printf -- '-A INPUT -p ipv6-icmp --icmpv6-type %s -j ACCEPT\n' 135 136)
		COMMIT
	END
}

# stands_in TOOL PEER PROTOCOL: the closing rules are in, and the modules are not: what they are instead
stands_in() {
	is "$1's rules are in" "-P INPUT DROP" "$("$1" -S INPUT | head -1)"
	"$1" -C INPUT -p udp -m conntrack --ctstate UNTRACKED -j ACCEPT
	is "$1's -m untracked is conntrack's" 0 $?
	is "$1's replies that --reply lets in" 0 "$(replies "$2")"
	is "$1's rules for $3 count" "0 0" "$(counted "$1" filter "INPUT -p $3 -m conntrack" | paste -sd' ')"
	more "$1's untracked UDP is let in" 0 "$(asked "$1")"
}
# at_work TOOL PEER: the same with the modules
at_work() {
	is "$1's replies that --reply lets in" 2 "$(replies "$2")"
	more "$1's untracked UDP is let in" 0 "$(asked "$1")"
}
