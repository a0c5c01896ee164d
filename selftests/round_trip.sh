#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules come back as they went in: saved, listed, found by -C, removed by -D.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

written=(
	"-A PREROUTING -j NOTRACK"
	"-A PREROUTING -p udp -m udp --dport 53 -j NOTRACK"
	"-A PREROUTING -m untracked -j ACCEPT"
	"-A OUTPUT -m untracked ! --untracked -j NOTRACK"
	"-A OUTPUT -m untracked -m comment --comment both -j NOTRACK"
)

load() {
	rules "$c" <<-END
		*raw
		$(printf '%s\n' "${written[@]}")
		COMMIT
	END
}

# Without the blank that iptables-nft 1.8.7 leaves behind a match without options.
saved() { in_ns "$c" "$ipt-save" -t raw 2>/dev/null | sed -n '/^-A/s/ *$//p'; }

save() {
	local first
	load
	first=$(saved)
	is "saved rules" "$(printf '%s\n' "${written[@]}")" "$first"
	in_ns "$c" "$ipt-save" -t raw 2>/dev/null | in_ns "$c" "$ipt-restore"
	is "rules saved, restored and saved" "$first" "$(saved)"
	is "rules by -S" "$first" "$(in_ns "$c" "$ipt" -t raw -S 2>/dev/null | grep '^-A')"
	rules "$c" <<-END
		*raw
		-A OUTPUT -m untracked --untracked
		COMMIT
	END
	is "the default option, spelled out" "-A OUTPUT -m untracked" "$(saved)"
}

# From the last to the first, so that each step sees what the others left.
check_and_delete() {
	local i rule
	load
	for ((i = ${#written[@]} - 1; i >= 0; i--)); do
		rule=${written[i]#-A }
		# shellcheck disable=SC2086
		succeeds "-C $rule" in_ns "$c" "$ipt" -t raw -C $rule
		# shellcheck disable=SC2086
		succeeds "-D $rule" in_ns "$c" "$ipt" -t raw -D $rule
		is "rules left" "$i" "$(saved | wc -l)"
		# shellcheck disable=SC2086
		refused "-D $rule once more" "." in_ns "$c" "$ipt" -t raw -D $rule
	done
}

# -C must tell an option from its inverse.
told_apart() {
	rules "$c" <<-END
		*raw
		-A OUTPUT -m mark --mark 1
		COMMIT
	END
	if in_ns "$c" "$ipt" -t raw -C OUTPUT -m mark --mark 2 2>/dev/null; then
		skip "this $ipt tells no match from another by -C, as 1.8.9's does"
		return
	fi
	rules "$c" <<-END
		*raw
		-A OUTPUT -m untracked
		COMMIT
	END
	refused "-C of the inverse" "." in_ns "$c" "$ipt" -t raw -C OUTPUT -m untracked ! --untracked
	refused "-C with a target" "." in_ns "$c" "$ipt" -t raw -C OUTPUT -m untracked -j NOTRACK
	succeeds "-C of the rule" in_ns "$c" "$ipt" -t raw -C OUTPUT -m untracked
}

list() {
	local out
	load
	out=$(in_ns "$c" "$ipt" -t raw -n -L OUTPUT 2>/dev/null)
	[[ $out =~ NOTRACK.*\ untracked\ !\ untracked ]] || fail "-L shows no inverse: $out"
	[[ $out =~ NOTRACK.*\ untracked\ /\*\ both ]] || fail "-L shows no match: $out"
}

help() {
	local out
	out=$(in_ns "$c" "$ipt" -m untracked -j NOTRACK -h 2>&1)
	for text in "NOTRACK takes no options" "only one" "--untracked" "--reply" "--related"; do
		[[ $out == *"$text"* ]] || fail "-h does not say '$text'"
	done
}

add_hosts "$c"
claim "saved rules equal what was restored" save
claim "-C finds and -D removes each rule" check_and_delete
claim "-C tells rules apart" told_apart
claim "-L shows target and match" list
claim "-h explains both" help
run_claims
