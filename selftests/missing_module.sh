#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With the plugin installed and the kernel modules missing, a rules file is loaded all the
# same: -m untracked becomes a rule of conntrack's match, which only closes, says so, comes
# back as it was saved, and is ours again when the file is reloaded with the modules in.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

every="INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED"
options=("" "! --untracked" "--reply" "! --reply" "--related" "! --related")
become=("--ctstate UNTRACKED" "! --ctstate UNTRACKED" "! --ctstate $every" "--ctstate $every"
	"! --ctstate $every" "--ctstate $every")
warning="Warning: no kernel module xt_untracked: -m untracked becomes -m conntrack, --reply and --related match nothing"

# Ports tell the rules apart where options become the same.
asked() { for i in "${!options[@]}"; do echo "-A $1 -p udp -m udp --dport 100$i -m untracked ${options[i]} -j ACCEPT" | tr -s ' '; done; }
fallen() { for i in "${!become[@]}"; do echo "-A $1 -p udp -m udp --dport 100$i -m conntrack ${become[i]} -j ACCEPT"; done; }
file() { echo '*filter'; cat; echo COMMIT; }
saved() { in_ns "$r" "$ipt-save" -t filter 2>/dev/null | sed -n '/^-A/s/ *$//p'; }

missing() { unload xt_untracked xt_NOTRACK; }
still_missing() { [ ! -d /sys/module/xt_untracked ] || fail "xt_untracked was loaded"; }

examples_load() {
	local example name said
	missing || return
	in_ns "$r" ipset -exist restore <"$examples/networks.set"
	for example in "$examples"/*".v$family"; do
		name=${example##*/}
		dirty+=("$r")
		said=$(in_ns "$r" "$ipt-restore" 2>&1 <"$example") || fail "$name: status $?: $said"
		is "$name: warnings" 1 "$(grep -cF "$warning" <<<"$said")"
		is "$name: what else it says" "" \
			"$(grep -vF -e "$warning" -e "is not supported, missing kernel module?" <<<"$said")"
		is "$name: policies" "$(grep -o '^:[A-Z]* [A-Z]*' "$example" | sort)" \
			"$(tables_of "$example" | grep -o '^:[A-Z]* [A-Z]*' | sort)"
		! grep -q '^:INPUT' "$example" ||
			is "$name: INPUT's policy" "-P INPUT DROP" "$(in_ns "$r" "$ipt" -S INPUT 2>/dev/null | head -1)"
		is "$name: rules" "$(grep -c '^-A' "$example")" "$(in_ns "$r" "$ipt-save" 2>/dev/null | grep -c '^-A')"
		in_ns "$r" "$ipt" -P INPUT ACCEPT 2>/dev/null
		reset_rules
	done
	still_missing
}

tables_of() { # EXAMPLE: those that it names, as they are now
	local table
	while read -r table; do in_ns "$r" "$ipt-save" -t "$table" 2>/dev/null; done < <(sed -n 's/^\*//p' "$1")
}

# Packets of each conntrack state: what each option counts of them.
only_closes() {
	local state all=0
	missing || return
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 9 -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -m untracked -m comment --comment is-marked
		-A FORWARD -m untracked ! --untracked -m comment --comment not-marked
		-A FORWARD -m untracked --reply -m comment --comment is-reply
		-A FORWARD -m untracked ! --reply -m comment --comment not-reply
		-A FORWARD -m untracked --related -m comment --comment is-related
		-A FORWARD -m untracked ! --related -m comment --comment not-related
		-A FORWARD -m conntrack --ctstate NEW -m comment --comment state-NEW
		-A FORWARD -m conntrack --ctstate ESTABLISHED -m comment --comment state-ESTABLISHED
		-A FORWARD -m conntrack --ctstate RELATED -m comment --comment state-RELATED
		-A FORWARD -m conntrack --ctstate INVALID -m comment --comment state-INVALID
		-A FORWARD -m conntrack --ctstate UNTRACKED -m comment --comment state-UNTRACKED
		COMMIT
	END
	send_udp "$c" "$server" 9
	wait_for 5 counted INVALID || fail "no error about what is untracked"
	send_udp "$c" "$server" 10
	wait_for 5 counted RELATED || fail "no error about what is tracked"
	udp_echoes "$c" "$server" || fail "no reply"
	for state in NEW ESTABLISHED RELATED INVALID UNTRACKED; do
		counted "$state" || { fail "no packet is $state"; return; }
		all=$((all + $(packets "$r" mangle "state-$state")))
	done
	is "--untracked" "$(packets "$r" mangle state-UNTRACKED)" "$(packets "$r" mangle is-marked)"
	is "! --untracked" $((all - $(packets "$r" mangle state-UNTRACKED))) "$(packets "$r" mangle not-marked)"
	is "--reply" 0 "$(packets "$r" mangle is-reply)"
	is "! --reply" "$all" "$(packets "$r" mangle not-reply)"
	is "--related" 0 "$(packets "$r" mangle is-related)"
	is "! --related" "$all" "$(packets "$r" mangle not-related)"
	still_missing
}
counted() { [ "$(packets "$r" mangle "state-$1")" -gt 0 ] 2>/dev/null; }

# In the raw table conntrack has seen nothing yet.
raw_closes() {
	missing || return
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp --dport 9 -j NOTRACK
		-A PREROUTING -p udp -m untracked -m comment --comment mark
		-A PREROUTING -p udp -m untracked --reply -m comment --comment replies
		-A PREROUTING -p udp -m untracked ! --reply -m comment --comment others
		COMMIT
	END
	send_udp "$c" "$server" 9
	udp_echoes "$c" "$server" || fail "no reply"
	is "-m untracked" 1 "$(packets "$r" raw mark)"
	is "--reply" 0 "$(packets "$r" raw replies)"
	is "! --reply" 3 "$(packets "$r" raw others)"
}

# The resolver's recipe: replies and unsolicited datagrams stay out, and who is to mend it gets in.
resolver() {
	missing || return
	rules "$c" <"$examples/resolver.v$family"
	send_udp "$c" "$server" 53 10 5353
	wait_for 5 dropped 1 || fail "no reply came, or it was not dropped"
	send_udp "$r" "$client" 5353 10 53
	wait_for 5 dropped 2 || fail "an unsolicited datagram was not dropped"
	is "accepted as replies or errors" 0 "$(packets "$c" filter "! --ctstate $every -j ACCEPT")"
	fetch "$s" "$client" 22 || fail "nothing from port 22"
	fetch "$c" "$server" 80 || fail "no page from elsewhere"
	still_missing
}
dropped() { in_ns "$c" "$ipt-save" -c -t filter 2>/dev/null | grep "^:INPUT DROP \[$1:"; }

round_trip() {
	missing || return
	rules "$r" < <(asked FORWARD | file)
	is "saved rules" "$(fallen FORWARD)" "$(saved)"
	rules "$r" < <(saved | file)
	is "saved, restored, saved" "$(fallen FORWARD)" "$(saved)"
	# shellcheck disable=SC2086
	plugins_without $our_plugins
	is "saved by stock plugins" "$(fallen FORWARD)" "$(saved)"
	rules "$r" < <(saved | file)
	is "restored and saved by stock plugins" "$(fallen FORWARD)" "$(saved)"
	unset XTABLES_LIBDIR
	is "of those, saved by ours" "$(fallen FORWARD)" "$(saved)"
	is "uses of xt_conntrack" "${#options[@]}" "$(uses xt_conntrack)"
	still_missing
}

# The last first, so that each step sees what the others left. By -D, too, whether rules
# are told apart: ip6tables-legacy 1.8.9's -C finds anything.
check_and_delete() {
	local i n=${#options[@]} line lines
	missing || return
	rules "$r" < <(asked FORWARD | file)
	mapfile -t lines < <(asked FORWARD)
	refused "-D of a port's other option" "." \
		in_ns "$r" "$ipt" -D FORWARD -p udp --dport 1000 -m untracked --reply -j ACCEPT
	for ((i = n - 1; i >= 0; i--)); do
		line=${lines[i]#-A }
		# shellcheck disable=SC2086
		succeeds "-C $line" in_ns "$r" "$ipt" -C $line
		# shellcheck disable=SC2086
		succeeds "-D $line" in_ns "$r" "$ipt" -D $line
		is "rules left" "$i" "$(saved | wc -l)"
		# shellcheck disable=SC2086
		refused "-D $line once more" "." in_ns "$r" "$ipt" -D $line
	done
	still_missing
}

# beside MATCH OPTION: what "-m untracked ! --related" becomes, and conntrack's own, in one rule
# and in one file, in either order, come back as they should, are found, and go.
beside() {
	local written line
	written=("-A FORWARD -m conntrack --ctstate NEW -j ACCEPT" "-A FORWARD -m $1 $2 -j ACCEPT"
		"-A FORWARD -m conntrack --ctstate NEW -m $1 $2 -j DROP" "-A FORWARD -m $1 $2 -m conntrack --ctstate NEW -j DROP"
		"-A OUTPUT -m $1 $2 -j ACCEPT" "-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT")
	rules "$r" < <(printf '%s\n' "${written[@]//$1 $2/untracked ! --related}" | file)
	is "saved rules" "$(printf '%s\n' "${written[@]}")" "$(saved)"
	for line in "${written[@]//$1 $2/untracked ! --related}"; do
		# shellcheck disable=SC2086
		succeeds "-D ${line#-A }" in_ns "$r" "$ipt" -D ${line#-A }
	done
	is "rules left" "" "$(saved)"
}
beside_conntrack() { missing && beside conntrack "--ctstate $every" && still_missing; }
beside_conntrack_ours() { modprobe -a xt_untracked xt_NOTRACK && beside untracked "! --related"; }

# What was saved meanwhile stays conntrack's; the file from before it is ours again.
reload() {
	local fell
	missing || return
	rules "$r" < <(asked FORWARD | file)
	fell=$(saved)
	modprobe -a xt_NOTRACK xt_untracked
	rules "$r" < <(file <<<"$fell")
	is "what was saved meanwhile" "$(fallen FORWARD)" "$(saved)"
	is "uses of xt_untracked" 0 "$(uses xt_untracked)"
	rules "$r" < <(asked FORWARD | file)
	is "the file from before" "$(asked FORWARD)" "$(saved)"
	is "uses of xt_untracked" "${#options[@]}" "$(uses xt_untracked)"
	uses_become 0 xt_conntrack
}

# Once a run of iptables, from the first rule on; not a word while all is well.
warns() {
	missing || return
	dirty+=("$r")
	is "one rule" "$warning" "$(in_ns "$r" "$ipt" -A FORWARD -m untracked 2>&1)"
	is "a file" 1 "$(asked FORWARD | file | in_ns "$r" "$ipt-restore" 2>&1 | grep -cF "$warning")"
	modprobe -a xt_NOTRACK xt_untracked
	is "a file, and all is well" "" "$(asked FORWARD | file | in_ns "$r" "$ipt-restore" 2>&1)"
}

# As ever where the kernel has neither, and no rule is half there.
neither() {
	unload xt_conntrack xt_untracked xt_NOTRACK || return
	dirty+=("$r")
	hide_modules xt_NOTRACK xt_untracked xt_conntrack
	refused "-m untracked" "untracked.*missing kernel module|Couldn't load match .untracked'" \
		in_ns "$r" "$ipt" -A FORWARD -m untracked -j ACCEPT
	hide_modules xt_NOTRACK xt_untracked
	is "rules" "" "$(saved)"
}

mistakes() {
	missing || return
	dirty+=("$r")
	refused "two options" "only one of --untracked" in_ns "$r" "$ipt" -A FORWARD -m untracked --reply --related
	refused "an unknown option" "unknown option" in_ns "$r" "$ipt" -A FORWARD -m untracked --tracked
	refused "conntrack's option" "unknown option" in_ns "$r" "$ipt" -A FORWARD -m untracked --ctstate NEW
	is "rules" "" "$(saved)"
}

add_topology
serve_udp_echo "$s" 7
serve_udp_echo "$s" 53
serve_page "$s" 80
serve_page "$c" 22
hide_modules xt_NOTRACK xt_untracked
claim "all examples are loaded, and INPUT is closed where they filter" examples_load
claim "--reply and --related match nothing, --untracked matches untracked packets" only_closes
claim "so they do in the raw table" raw_closes
claim "the resolver's recipe drops replies, and accepts SSH" resolver
claim "rules are saved as conntrack's, and restored by any iptables" round_trip
claim "-C finds and -D removes these rules" check_and_delete
claim "they stand beside conntrack's own rules" beside_conntrack
claim "so do ours, with the modules loaded" beside_conntrack_ours
claim "the original file, loaded again, makes them ours" reload
claim "each run of iptables warns once" warns
claim "-m untracked is refused where the kernel has no xt_conntrack either" neither
claim "mistakes in a rule are refused as with the module" mistakes
run_claims
