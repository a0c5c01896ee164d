# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the selftests share. A test names its claims, each a function; run_claims runs
# each of them with iptables-legacy and -nft, over IPv4 and IPv6, and prints KTAP.
#
#	client eth0 ------- lan router wan ------- eth0 server
#	     192.0.2.2   192.0.2.1   198.51.100.1   198.51.100.2
#	  2001:db8:1::2 2001:db8:1::1 2001:db8:2::1 2001:db8:2::2
#
# In a claim: $tool (legacy, nft), $family (4, 6), $ipt (the command), $icmp (the
# protocol's name), $client $router $router_wan $server (addresses), and the
# namespaces $c $r $s.

# kselftest runs it in the background of a terminal, where whoever reads from that is stopped.
exec </dev/null
KSFT_PASS=0 KSFT_FAIL=1 KSFT_SKIP=4
export LC_ALL=C.UTF-8
selftests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # the stories use them
examples=${selftests%/*}/examples recipes=${selftests%/*}/doc/recipes.md
# shellcheck disable=SC2034
payload=${OUTPUT:-$selftests}/payload icmp_error=${OUTPUT:-$selftests}/icmp_error # made by the Makefile

work=$(mktemp -d)
suffix=${work##*.}
c=client-$suffix r=router-$suffix s=server-$suffix
namespaces=() dirty=() nft_dirty=() background=()
usual_modprobe=''

clean_up() {
	local pid ns
	for pid in "${background[@]}"; do
		# What it has forked would go on without it. Not by SIGTERM, of which some take no notice.
		pkill -KILL -P "$pid"
		kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	for ns in "${namespaces[@]}"; do ip netns del "$ns"; done
	[ -z "$usual_modprobe" ] || echo "$usual_modprobe" >/proc/sys/kernel/modprobe
	rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

skip_all() {
	printf 'TAP version 13\n1..0 # SKIP %s\n' "$*"
	exit $KSFT_SKIP
}
[ "$(id -u)" -eq 0 ] || skip_all "needs root"
for needed in ip nsenter socat ping conntrack nft; do
	command -v "$needed" >/dev/null || skip_all "needs the program $needed"
done
for needed in xt_NOTRACK xt_untracked; do
	modprobe -n -q "$needed" || skip_all "needs the module $needed"
done
builtin=$(<"/lib/modules/$(uname -r)/modules.builtin")

# Where iptables keeps its plugins, ours among them.
for plugins in /usr/lib/*/xtables /usr/lib64/xtables /usr/lib/xtables /usr/local/lib/xtables; do
	[ ! -e "$plugins/libxt_untracked.so" ] || break
done
[ -e "$plugins/libxt_untracked.so" ] || skip_all "needs the plugin libxt_untracked.so"

# iptables_before VERSION [COMMAND...]: true if this one, or the one that COMMAND runs, is older
iptables_before() {
	local version
	version=$("${@:2}" iptables --version | sed 's/.* v\([0-9.]*\).*/\1/')
	[ "$version" != "$1" ] && [ "$(printf '%s\n' "$version" "$1" | sort -V | head -1)" = "$version" ]
}

# ---- claims and verdicts

claims=() claim_functions=() claim_variants=()
every_variant=${VARIANTS:-legacy-4 legacy-6 nft-4 nft-6}
[[ " $every_variant " =~ ^(\ (legacy|nft)-[46])+\ $ ]] ||
	{ echo "Bail out! VARIANTS are some of legacy-4 legacy-6 nft-4 nft-6, not '$VARIANTS'"; exit $KSFT_FAIL; }
claim() { claims+=("$1") claim_functions+=("$2") claim_variants+=("${3:-$every_variant}"); }
# For what does not depend on the tool or the family.
claim_once() { claim "$1" "$2" legacy-4; }

# progress DONE ALL: what a long claim says of itself, every five minutes
spoke=0
progress() {
	[ $((SECONDS - spoke)) -lt 300 ] || { printf '# %d of %d\n' "$1" "$2"; spoke=$SECONDS; }
}

fail() { failures+=("$*"); }
skip() { skipped="$*"; }

# is WHAT EXPECTED ACTUAL; at_least WHAT LEAST ACTUAL; at_most WHAT MOST ACTUAL
is() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }
at_least() { [ "${3:-0}" -ge "$2" ] 2>/dev/null || fail "$1: expected $2 or more, got '$3'"; }
at_most() { [ "${3:-}" -le "$2" ] 2>/dev/null || fail "$1: expected $2 or less, got '$3'"; }
# succeeds WHAT COMMAND...; refused WHAT PATTERN COMMAND...: fails, and says PATTERN
succeeds() {
	local what=$1 out
	shift
	out=$("$@" 2>&1 </dev/null) || fail "$what: status $?: $out"
}
refused() {
	local what=$1 pattern=$2 out
	shift 2
	if out=$("$@" 2>&1 </dev/null); then
		fail "$what: went through, should be refused"
	elif ! [[ $out =~ $pattern ]]; then
		fail "$what: expected it to say '$pattern', it said '$out'"
	fi
}

run_claims() {
	local i variant total=0 number=0 passed=0 skips=0 list
	for list in "${claim_variants[@]}"; do
		# shellcheck disable=SC2086
		set -- $list
		total=$((total + $#))
	done
	printf 'TAP version 13\n1..%d\n' "$total"
	for i in "${!claims[@]}"; do
		for variant in ${claim_variants[i]}; do
			number=$((number + 1))
			run_variant "$number" "$i" "$variant"
		done
	done
	printf '# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n' \
		"$passed" $((total - passed - skips)) "$skips"
	[ $((passed + skips)) -eq "$total" ] || exit $KSFT_FAIL
	[ "$passed" -gt 0 ] || exit $KSFT_SKIP
	exit $KSFT_PASS
}

# Counts into its caller's passed and skips.
run_variant() {
	local failures=() skipped='' title
	set_variant "${3%-*}" "${3#*-}"
	title="${claims[$2]}"
	[ "${claim_variants[$2]}" != "$every_variant" ] || title+=", $tool IPv$family"
	if command -v "$ipt" "$ipt-save" "$ipt-restore" >/dev/null; then
		"${claim_functions[$2]}" </dev/null
	else
		skip "needs the program $ipt"
	fi
	if [ ${#failures[@]} -gt 0 ]; then
		printf '# %s\n' "${failures[@]//$'\n'/$'\n'# }"
		printf 'not ok %d - %s\n' "$1" "$title"
		remains 2>&1 | sed 's/^/#| /'
	elif [ -n "$skipped" ]; then
		skips=$((skips + 1))
		printf 'ok %d - %s # SKIP %s\n' "$1" "$title" "$skipped"
	else
		passed=$((passed + 1))
		printf 'ok %d - %s\n' "$1" "$title"
	fi
	reset_rules
}

# What a failed claim leaves behind, for whoever reads the log.
remains() {
	local ns
	for ns in "${namespaces[@]}"; do
		echo "${ns%%-*}: rules, entries, flow memory, sockets"
		in_ns "$ns" "$ipt-save" -c
		in_ns "$ns" nft list ruleset
		in_ns "$ns" conntrack -L
		in_ns "$ns" cat /proc/net/xt_untracked
		in_ns "$ns" ss -a -n -p -t -u
	done
	echo "kernel's log"
	dmesg | tail -n 20
}

# shellcheck disable=SC2034 # claims use them
set_variant() {
	tool=$1 family=$2
	if [ "$family" = 4 ]; then
		ipt=iptables-$tool icmp=icmp
		client=192.0.2.2 router=192.0.2.1 router_wan=198.51.100.1 server=198.51.100.2
	else
		ipt=ip6tables-$tool icmp=ipv6-icmp
		client=2001:db8:1::2 router=2001:db8:1::1 router_wan=2001:db8:2::1 server=2001:db8:2::2
	fi
}

# ---- hosts

in_ns() { nsenter "--net=/run/netns/$1" -- "${@:2}"; }

# add_hosts NAMESPACE...: empty hosts that speak with nobody yet.
add_hosts() {
	local ns
	for ns in "$@"; do
		ip netns add "$ns"
		namespaces+=("$ns")
		# No duplicate address detection: addresses are good at once.
		in_ns "$ns" sh -c 'cd /proc/sys/net/ipv6/conf && echo 0 >all/accept_dad &&
			echo 0 >default/accept_dad && echo 0 >default/router_solicitations'
		ip -n "$ns" link set lo up
	done
}

# The topology at the top of this file.
add_topology() {
	add_hosts "$c" "$r" "$s"
	in_ns "$r" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -b - <<-END
		link add eth0 netns $c type veth peer name lan netns $r
		link add eth0 netns $s type veth peer name wan netns $r
	END
	ip -n "$c" -b - <<-END
		addr add 192.0.2.2/24 dev eth0
		addr add 2001:db8:1::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 192.0.2.1
		route add ::/0 via 2001:db8:1::1
	END
	ip -n "$r" -b - <<-END
		addr add 192.0.2.1/24 dev lan
		addr add 198.51.100.1/24 dev wan
		addr add 2001:db8:1::1/64 dev lan nodad
		addr add 2001:db8:2::1/64 dev wan nodad
		link set lan up
		link set wan up
	END
	ip -n "$s" -b - <<-END
		addr add 198.51.100.2/24 dev eth0
		addr add 2001:db8:2::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 198.51.100.1
		route add ::/0 via 2001:db8:2::1
	END
	# Neighbours know each other, so that what is sent has arrived by when it is counted.
	in_ns "$c" ping -4 -q -c 1 -W 5 198.51.100.2 >/dev/null
	in_ns "$c" ping -6 -q -c 1 -W 5 2001:db8:2::2 >/dev/null
}

# add_host_behind HOST NAMESPACE: one more, for whom that one is the router
#
#	HOST behind ------- eth0 new host
#	   10.9.0.1         10.9.0.2
#	  fd00:9::1         fd00:9::2
add_host_behind() {
	add_hosts "$2"
	ip link add eth0 netns "$2" type veth peer name behind netns "$1"
	ip -n "$1" -b - <<-END
		addr add 10.9.0.1/24 dev behind
		addr add fd00:9::1/64 dev behind nodad
		link set behind up
	END
	ip -n "$2" -b - <<-END
		addr add 10.9.0.2/24 dev eth0
		addr add fd00:9::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.9.0.1
		route add ::/0 via fd00:9::1
	END
}

# add_second_path: past the router of the topology
#
#	client eth1 ----------------------- eth1 server
#	     203.0.113.1             203.0.113.2
#	   2001:db8:3::1           2001:db8:3::2
#
# SCTP gives a path up after two timeouts of less than half a second, on either side.
add_second_path() {
	local host
	ip -n "$c" link add eth1 type veth peer name eth1 netns "$s"
	for host in "$c 1" "$s 2"; do
		ip -n "${host% *}" -b - <<-END
			addr add 203.0.113.${host#* }/24 dev eth1
			addr add 2001:db8:3::${host#* }/64 dev eth1 nodad
			link set eth1 up
		END
		in_ns "${host% *}" sh -c 'cd /proc/sys/net/sctp && echo 100 >rto_min && echo 200 >rto_initial &&
			echo 400 >rto_max && echo 1 >path_max_retrans && echo 500 >hb_interval'
	done
	in_ns "$r" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/wan/keep_addr_on_down'
}
lose_first_path() { ip -n "$r" link set wan down; }

# ---- rules, counters, conntrack

# u32 NUMBER: as hexadecimal bytes, in the machine's order
u32() { printf '%08x' "$1" | if [ "$(printf '\1\0' | od -An -td2)" -eq 1 ]; then fold -w2 | tac | tr -d '\n'; else cat; fi; }

# rules NAMESPACE <RULES: load them with the claim's tool, comments and all.
rules() {
	local out
	dirty+=("$1")
	out=$(in_ns "$1" "$ipt-restore" 2>&1) || fail "$ipt-restore: $out"
}

# recipe TITLE NUMBER: that rule set, of raw and filter, below this title of doc/recipes.md; for IPv6
# with its addresses, and with neighbour discovery
recipe() {
	sed -n "/^## $1\$/,/^## /s/^    //p" "$recipes" |
		awk -v number="$2" '/^\*raw/ { set++ } set == number && /^\*/,/^COMMIT/ { if (set == number) print }' |
		if [ "$family" = 4 ]; then cat; else
			sed -e 's/192\.0\.2\./2001:db8:1::/g; s/198\.51\.100\./2001:db8:2::/g; s/203\.0\.113\./2001:db8:3::/g' \
				-e '/^-A INPUT -i lo /s/$/\n-A INPUT -p ipv6-icmp -j ACCEPT/'
		fi
}

# rules_counting NAMESPACE PROTOCOL RULES...: loads what these print, and ends the filter's chains whose
# policy is DROP with a rule that counts what it takes; dropped NAMESPACE: how many
rules_counting() {
	local chain
	rules "$1" < <("${@:3}")
	for chain in $(in_ns "$1" "$ipt" -S | sed -n 's/^-P \(.*\) DROP$/\1/p'); do
		in_ns "$1" "$ipt" -A "$chain" -p "$2" -m comment --comment dropped
	done
}
dropped() { packets "$1" filter "--comment dropped"; }
has_dropped() { [ "$(dropped "$1")" -ge "$2" ]; }

# gets_stuck NAMESPACE COMMAND...: true if it has not succeeded when two packets were dropped there,
# the second one mostly the first one, sent again
gets_stuck() {
	local pid
	"${@:2}" &
	pid=$!
	wait_for 20 has_dropped "$1" 2 || fail "less than two packets dropped at the ${1%%-*}"
	pkill -P "$pid"
	! wait "$pid"
}

reset_rules() {
	local ns
	for ns in "${nft_dirty[@]}"; do in_ns "$ns" nft flush ruleset; done
	nft_dirty=()
	for ns in $(printf '%s\n' "${dirty[@]}" | sort -u); do
		if [ "$tool" = nft ]; then
			in_ns "$ns" nft flush ruleset
		else
			empty_tables "$ns" | in_ns "$ns" "$ipt-restore"
		fi
		in_ns "$ns" conntrack -F >/dev/null 2>&1
	done
	dirty=()
}

# Only the tables that are there: naming one would create it.
empty_tables() {
	local table chain names=ip_tables_names
	[ "$family" = 4 ] || names=ip6_tables_names
	in_ns "$1" cat "/proc/net/$names" | while read -r table; do
		echo "*$table"
		if [ "$table" = filter ]; then
			for chain in INPUT FORWARD OUTPUT; do echo ":$chain ACCEPT"; done
		fi
		echo COMMIT
	done
}

# packets NAMESPACE TABLE TEXT: sum of the counters of all rules that contain TEXT.
packets() {
	local line sum=0 found=''
	while read -r line; do
		[[ $line == \[*"$3"* ]] || continue
		found=yes line=${line#[}
		sum=$((sum + ${line%%:*}))
	done < <(in_ns "$1" "$ipt-save" -c -t "$2" 2>/dev/null)
	if [ "$found" ]; then echo $sum; else echo "no such rule"; fi
}

# built_in MODULE: the kernel is never without it, and counts no uses of it; is_module MODULE...: none
# of them is, or a skip, for claims about just that
built_in() { [[ $builtin == *"/$1.ko"* ]]; }
is_module() {
	local module
	for module in "$@"; do
		! built_in "$module" || { skip "$module is built into this kernel"; return 1; }
	done
}

# uses MODULE: how many rules (and others) hold it; 0 where it is not loaded
uses() { if [ -e "/sys/module/$1/refcnt" ]; then echo "$(<"/sys/module/$1/refcnt")"; else echo 0; fi; }

# uses_become N MODULE: nft lets go of a deleted rule's modules a little later
uses_become() {
	wait_for 10 eval "[ \$(uses $2) = $1 ]" || fail "uses of $2: expected $1, got $(uses "$2")"
}

# gone MODULE: unloaded, as soon as what used it has died
gone() { wait_for 10 eval "[ ! -d /sys/module/$1 ] || rmmod $1"; }

# unload MODULE...: where a claim begins without them; false and a skip if it cannot
unload() {
	local module
	for module in "$@"; do
		is_module "$module" || return
		gone "$module" || { skip "$module is in use on this machine"; return 1; }
	done
}

# kernel_asks PROGRAM: for modules, until the test ends; for "", nobody
kernel_asks() {
	[ "$usual_modprobe" ] || usual_modprobe=$(</proc/sys/kernel/modprobe)
	echo "$1" >/proc/sys/kernel/modprobe
}

# hide_modules MODULE...: until the test ends, nothing that iptables or the kernel does
# brings these in, as if they were not installed.
hide_modules() {
	mkdir -p "$work/modprobe.d"
	printf 'install %s /bin/false\n' "$@" >"$work/modprobe.d/hidden.conf"
	printf '#!/bin/sh\nexec modprobe -C %s "$@"\n' "$work/modprobe.d" >"$work/modprobe"
	chmod +x "$work/modprobe"
	kernel_asks "$work/modprobe"
}

# plugins_without NAME...: from here on, iptables finds all its plugins but these
plugins_without() {
	local name
	rm -rf "$work/plugins"
	mkdir "$work/plugins"
	ln -s "$plugins"/*.so "$work/plugins/"
	for name in "$@"; do rm -f "$work/plugins/$name.so"; done
	export XTABLES_LIBDIR=$work/plugins
}
# shellcheck disable=SC2034
our_plugins="libxt_untracked libipt_NOTRACK libip6t_NOTRACK libipt_CT libip6t_CT"

# nft_rules NAMESPACE <RULES: load them with nft, whatever the claim's tool.
nft_rules() {
	local out
	nft_dirty+=("$1")
	out=$(in_ns "$1" nft -f - 2>&1) || fail "nft: $out"
}

# nft_packets NAMESPACE TABLE CHAIN TEXT: counted by the rule of an inet table that contains TEXT
nft_packets() {
	in_ns "$1" nft list chain inet "$2" "$3" | sed -n "/$4/s/.*counter packets \([0-9]*\) .*/\1/p"
}

# nft_notrack NAMESPACE MATCH: nft marks what it sends, in a table of its own
nft_notrack() {
	dirty+=("$1")
	in_ns "$1" nft -f - <<-END
		table inet marker {
			chain output { type filter hook output priority -300; $2 notrack; }
		}
	END
}
no_nft_notrack() { in_ns "$1" nft delete table inet marker 2>/dev/null; }

# memory_of NAMESPACE LINE: what /proc/net/xt_untracked says there
memory_of() { in_ns "$1" sed -n "s/^$2: \([0-9]*\).*/\1/p" /proc/net/xt_untracked; }
forgotten() { [ "$(memory_of "$1" bytes)" = 0 ]; }
# reaches LINE LEAST: so much or more, on the router
reaches() { [ "$(memory_of "$r" "$1")" -ge "$2" ]; }

# with_window SECONDS COMMAND...: flows are remembered for so long, and then as ever
window=/sys/module/xt_untracked/parameters/window
with_window() {
	local usual
	modprobe xt_untracked
	usual=$(<"$window")
	echo "$1" >"$window"
	"${@:2}"
	echo "$usual" >"$window"
}

# entries NAMESPACE [CONNTRACK-OPTIONS...]: how many conntrack entries of this family.
entries() {
	in_ns "$1" conntrack -L -f "ipv$family" "${@:2}" 2>/dev/null | wc -l
}

# ---- traffic

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	until "${@:2}" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

listening() { [ -n "$(in_ns "$1" ss -H -a -n "$2" "sport = :$3")" ]; }

# serve NAMESPACE SOCAT-ARGUMENTS...: a server until the test ends
serve() {
	nsenter "--net=/run/netns/$1" -- socat "${@:2}" >/dev/null 2>&1 </dev/null &
	background+=($!)
}

# serve_page NAMESPACE [PORT]: whoever connects is sent $page
page=$work/page
serve_page() {
	[ -e "$page" ] || head -c 20000 /dev/urandom | base64 >"$page"
	serve "$1" -U "TCP6-LISTEN:${2:-80},ipv6only=0,reuseaddr,fork" "OPEN:$page"
	wait_for 10 listening "$1" -t "${2:-80}" || fail "no server on port ${2:-80}"
}

# serve_udp_echo NAMESPACE [PORT]: sends back what it gets
serve_udp_echo() {
	serve "$1" "UDP6-LISTEN:${2:-7},ipv6only=0,reuseaddr,fork" PIPE
	wait_for 10 listening "$1" -u "${2:-7}" || fail "no UDP echo server"
}

at() { if [ "$family" = 4 ]; then echo "$1"; else echo "[$1]"; fi; }

# fetch NAMESPACE ADDRESS [PORT]: true if the page came whole. Either side sent three packets (SYN,
# ACK, FIN) or more: how many, is up to the machine's speed.
fetch() {
	in_ns "$1" timeout 10 socat -u "TCP:$(at "$2"):${3:-80},connect-timeout=3" - 2>/dev/null | cmp -s - "$page"
}

# fetch_tracked NAMESPACE ADDRESS PORT HOST: the page comes, and this host has an entry for it
fetch_tracked() {
	fetch "$1" "$2" "$3" || fail "no page from port $3 of $2"
	is "entries for port $3" 1 "$(entries "$4" -p tcp --dport "$3")"
}
# rest_tracked: what a client that is a resolver does beside it; only its port 22 is open
rest_tracked() {
	fetch_tracked "$s" "$client" 22 "$c"
	fetch_tracked "$c" "$server" 80 "$c"
	if fetch "$s" "$client" 8080; then fail "port 8080 is open"; fi
}

# pings NAMESPACE ADDRESS COUNT: true if each got a reply
pings() { in_ns "$1" ping "-$family" -q -n -c "$3" -i 0.01 -W 3 "$2" >/dev/null; }

# opens NAMESPACE ADDRESS PORT [SOCAT-OPTIONS]: true if somebody there accepts a TCP connection
opens() {
	in_ns "$1" timeout 5 socat -u /dev/null "TCP:$(at "$2"):$3,connect-timeout=1${4:+,$4}" >/dev/null 2>&1
}

# serve_ftp NAMESPACE: vsftpd there, with a file, and a folder that takes another; passive data
# connections are to 50000:50010, active ones from port 20
serve_ftp() {
	mkdir -p "$work/ftp/in" "$work/empty"
	chmod 755 "$work" "$work/ftp" "$work/empty"
	chown ftp "$work/ftp/in"
	head -c 80000 /dev/urandom >"$work/ftp/file"
	cat >"$work/vsftpd.conf" <<-END
		listen_ipv6=YES
		background=NO
		anonymous_enable=YES
		no_anon_password=YES
		anon_root=$work/ftp
		write_enable=YES
		anon_upload_enable=YES
		anon_umask=022
		secure_chroot_dir=$work/empty
		seccomp_sandbox=NO
		pasv_min_port=50000
		pasv_max_port=50010
		connect_from_port_20=YES
	END
	nsenter "--net=/run/netns/$1" -- vsftpd "$work/vsftpd.conf" </dev/null >/dev/null 2>&1 &
	background+=($!)
	wait_for 10 listening "$1" -t 21 || fail "vsftpd did not start"
}

# ftp_gets ADDRESS CURL-OPTIONS...: true if the file came to the client as it was served; ftp_puts:
# if it came to the server as it was sent
ftp_gets() {
	in_ns "$c" curl -sS -g -m 30 "${@:2}" -o "$work/got" "ftp://$(at "$1")/file" >"$work/curl" 2>&1 &&
		cmp -s "$work/got" "$work/ftp/file"
}
ftp_puts() {
	rm -f "$work/ftp/in/file"
	in_ns "$c" curl -sS -g -m 30 "${@:2}" -T "$work/ftp/file" "ftp://$(at "$1")/in/file" >"$work/curl" 2>&1 &&
		cmp -s "$work/ftp/in/file" "$work/ftp/file"
}

# associate: the client with the server's SCTP port 3868, over all addresses that both have, until
# part_ways; echoes SECONDS: true if what is sent then has come back
associate() {
	local only=''
	[ "$family" = 4 ] || only=,ipv6only=1
	mkfifo "$work/say"
	serve "$s" "SCTP$family-LISTEN:3868,reuseaddr$only" PIPE
	association=("$!")
	wait_for 10 listening "$s" --sctp 3868 || fail "no SCTP server"
	nsenter "--net=/run/netns/$c" -- socat -t 10 - "SCTP$family:$(at "$server"):3868$only" \
		<"$work/say" >"$work/came" 2>/dev/null &
	association+=("$!")
	background+=("$!")
	exec {say}>"$work/say"
	: >"$work/said"
}
echoes() {
	head -c 50000 /dev/urandom | tee -a "$work/said" >&"$say"
	wait_for "$1" cmp -s "$work/said" "$work/came"
}
part_ways() {
	exec {say}>&-
	kill "${association[@]}" 2>/dev/null
	wait "${association[@]}" 2>/dev/null
	rm "$work/say"
	ip -n "$r" link set wan up
}
# paths_in_use COUNT: so many of the server's addresses are confirmed; addresses_in_use: of both sides
paths_in_use() { [ "$(in_ns "$c" grep -c '[.:].* 2$' /proc/net/sctp/remaddr)" = "$1" ]; }
addresses_in_use() { in_ns "$c" grep -oE '[0-9a-f]+[.:][0-9a-f.:]+' /proc/net/sctp/assocs | wc -l; }

# send_udp NAMESPACE ADDRESS PORT [BYTES [FROM-PORT]]: one datagram, no reply awaited
send_udp() {
	head -c "${4:-10}" /dev/zero |
		in_ns "$1" socat -u -b 65536 - "UDP:$(at "$2"):$3,shut-none${5:+,sourceport=$5,reuseaddr}" 2>/dev/null ||
		fail "cannot send UDP to port $3 of $2${5:+ from port $5}"
}

# traffic_in NAMESPACE: packets on its loopback, of a few flows, until end_traffic: bursts, and pauses
# in which the machine gets to other work. Not by sleep, a program.
traffic_in() {
	# shellcheck disable=SC2016 # for the shell in there
	nsenter "--net=/run/netns/$1" -- bash -c 'exec {never}<> <(:)
		while :; do
			for ((i = 0; i < 10; i++)); do echo >"/dev/udp/127.0.0.1/$((9 + i))"; done
			read -r -t 0.05 -u "$never"
		done' >/dev/null 2>&1 &
	traffic+=($!)
	background+=($!)
}
end_traffic() {
	kill "${traffic[@]}"
	wait "${traffic[@]}" 2>/dev/null
	traffic=()
}
traffic=()

# mac_of NAMESPACE DEVICE
mac_of() { ip -n "$1" -o link show "$2" | sed 's|.*link/ether \([^ ]*\).*|\1|'; }

# pktgen NAMESPACE COUNT OPTION...: so many UDP packets (0: until pktgen_stops) from the client or
# the server to the other one, as fast as the kernel's pktgen can; sets took, in microseconds. The
# client's come from the first CPU, or as many each from the first $cores; the server's from the
# second, where there is one. Options are pktgen's (Documentation/networking/pktgen.rst), where a
# number may be a sum with CORE, the CPU's; of a range, the last is not sent.
cores=1
pktgen() {
	local from=$client to=$server via=lan cpus addresses mac result
	cpus=$(seq 0 $((cores - 1)))
	[ "$1" = "$c" ] || from=$server to=$client via=wan cpus=$(($(nproc) > 1))
	addresses=("dst_min $to")
	[ "$family" = 4 ] || addresses=("dst6 $to" "src6 $from")
	modprobe pktgen
	mac=$(mac_of "$r" $via)
	# shellcheck disable=SC2016 # for the shell in there
	result=$(in_ns "$1" bash -c 'cd /proc/net/pktgen && exec {never}<> <(:) || exit
		for cpu in $0; do
			# A thread removes its devices when it gets to it; then it would take a new one, too.
			[[ $(<"kpktgend_$cpu") != *eth0* ]] || echo rem_device_all >"kpktgend_$cpu" || exit
			while [[ $(<"kpktgend_$cpu") == *eth0* ]]; do read -r -t 0.1 -u "$never"; done
			echo "add_device eth0@$cpu" >"kpktgend_$cpu" || exit
			CORE=$cpu
			for option; do
				[[ $option != *CORE* ]] || option="${option%% *} $((${option#* }))"
				echo "$option" >"eth0@$cpu" || exit
			done
		done
		echo start >pgctrl || exit
		# On a busy machine that ends before its threads have begun.
		for cpu in $0; do
			for ((i = 0; i < 3000; i++)); do
				[[ $(<"eth0@$cpu") != *"Result: OK: "[0-9]* ]] || break
				read -r -t 0.1 -u "$never"
			done
			cat "eth0@$cpu"
		done' "${cpus//$'\n'/ }" \
		"count $2" "dst_mac $mac" "delay 0" "pkt_size 100" "${addresses[@]}" "${@:3}" 2>&1)
	# The slowest core's; each has told.
	took=$(sed -n 's/^Result: OK: \([0-9]*\)(.*/\1/p' <<<"$result" | sort -n)
	[ "$(wc -w <<<"$took")" -eq "$(wc -w <<<"$cpus")" ] || fail "pktgen: $result"
	took=${took##*$'\n'}
}
pktgen_stops() { in_ns "$1" sh -c 'echo stop >/proc/net/pktgen/pgctrl'; }

# flood PORT PACKETS: as many new flows for the router; sets took
flood() { pktgen "$c" "$2" "udp_src_min 1" "udp_src_max 60000" "udp_dst_min $1" "udp_dst_max $1"; }

# flood_until WHAT LEAST: new flows until the router's memory tells so much of that
flood_until() {
	local took port=1000 end=$((SECONDS + 60 + 3 * $(<"$window")))
	while [ "$(memory_of "$r" "$1")" -lt "$2" ] && [ "$SECONDS" -lt "$end" ]; do
		flood $port 20000
		port=$((port + 1))
	done
	at_least "$1 under load" "$2" "$(memory_of "$r" "$1")"
}

# with_window_for FLOWS COMMAND...: a window that this machine can forward twice so many in
with_window_for() {
	local took
	flood 999 2000
	with_window $((3 + took * $1 / 1000 / 1000000)) "${@:2}"
}

# udp_echoes NAMESPACE ADDRESS [PORT]: true if one datagram came back
udp_echoes() {
	# shellcheck disable=SC2016 # for the shell in there
	in_ns "$1" timeout 5 bash -c 'exec 3<>"/dev/udp/$0/$1" && echo ping >&3 &&
		[ "$(head -n 1 <&3)" = ping ]' "$2" "${3:-7}" 2>/dev/null
}
