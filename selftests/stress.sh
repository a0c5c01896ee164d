#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Modules, rules and namespaces come and go under traffic, again and again, beside xt_CT that
# does, too: nothing is lost and nothing stays.
#   CYCLES=N  how many of each
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

cycles=${CYCLES:-10}
flowing=$'*raw\n-A OUTPUT -j NOTRACK\nCOMMIT\n*filter\n-A INPUT -m untracked --reply\n-A OUTPUT -m untracked --related\nCOMMIT'
without=$'*raw\nCOMMIT\n*filter\nCOMMIT'

# The other CPU has this to do meanwhile; without our modprobe.d, which would load ours, too.
xt_ct_comes_and_goes() {
	while :; do modprobe -C "$work" xt_CT; rmmod xt_CT; done >/dev/null 2>&1 &
	background+=($!) traffic+=($!)
}

modules() {
	local i
	unload xt_NOTRACK xt_untracked || return
	traffic_in "$s"
	xt_ct_comes_and_goes
	for ((i = 0; i < cycles; i++)); do
		modprobe -a xt_NOTRACK xt_untracked || fail "loaded in cycle $i"
		rmmod xt_NOTRACK xt_untracked || fail "unloaded in cycle $i"
		progress "$i" "$cycles"
	done
	end_traffic
	printf '# %d cycles\n' "$i"
}

# Added, replaced and deleted: each COMMIT is a table replaced.
table_by_table() {
	local i uses
	modprobe -a xt_NOTRACK xt_untracked
	uses="$(uses xt_NOTRACK) $(uses xt_untracked)"
	traffic_in "$c"
	xt_ct_comes_and_goes
	for ((i = 0; i < cycles; i += 10)); do
		rules "$c" < <(for ((j = 0; j < 10; j++)); do echo "$flowing"; echo "$without"; done)
		[ ${#failures[@]} -eq 0 ] || break
		progress "$i" "$cycles"
	done
	end_traffic
	is "rules" 0 "$(in_ns "$c" "$ipt-save" 2>/dev/null | grep -c '^-A')"
	wait_for 20 eval "[ \"\$(uses xt_NOTRACK) \$(uses xt_untracked)\" = '$uses' ]" ||
		fail "uses: $(uses xt_NOTRACK) $(uses xt_untracked), were $uses"
	is "bytes" 0 "$(memory_of "$c" bytes)"
	printf '# %d cycles\n' "$i"
}

# With live rules, remembering.
networks() {
	local i uses
	modprobe -a xt_NOTRACK xt_untracked
	uses="$(uses xt_NOTRACK) $(uses xt_untracked)"
	traffic_in "$s"
	for ((i = 0; i < cycles; i++)); do
		# shellcheck disable=SC2016 # for the shell in there
		unshare --net bash -c 'ip link set lo up && "$0-restore" && echo >/dev/udp/127.0.0.1/9' "$ipt" <<<"$flowing" ||
			fail "cycle $i"
		progress "$i" "$cycles"
	done
	end_traffic
	wait_for 60 eval "[ \"\$(uses xt_NOTRACK) \$(uses xt_untracked)\" = '$uses' ]" ||
		fail "uses: $(uses xt_NOTRACK) $(uses xt_untracked), were $uses"
	printf '# %d cycles\n' "$i"
}

# The last rule and then the module go before, while and after the first
# rotation, a second after the rule came: this takes some hundredths, a rule's way about a tenth.
rotations() { is_module xt_untracked && with_window 1 unload_when_due; }
unload_when_due() {
	local i
	for ((i = 0; i < cycles; i++)); do
		modprobe xt_untracked window=1
		rules "$c" <<<"$flowing"
		in_ns "$c" bash -c 'echo >/dev/udp/127.0.0.1/9'
		sleep "0.$((40 + RANDOM % 60))"
		rules "$c" <<<"$without"
		gone xt_untracked || fail "cycle $i: $(uses xt_untracked) uses"
		progress "$i" "$cycles"
	done
	modprobe xt_untracked
	printf '# %d cycles\n' "$i"
}

add_hosts "$c" "$s"
claim_once "both modules are loaded and unloaded" modules
claim "rules are added, replaced and deleted" table_by_table
claim "namespaces are made and destroyed" networks
claim_once "the last rule goes when a rotation is due" rotations
run_claims
