#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The last --reply rule of a namespace goes, and a namespace with one dies, without waiting
# for an RCU grace period more than "-m untracked" does: a thousand containers die fast.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

tracing=/sys/kernel/debug/tracing
# What waits for one does so here, whoever it is.
functions=(synchronize_rcu synchronize_rcu_expedited rcu_barrier)
cycles=5

add_probes() {
	local name
	for name in "${functions[@]}"; do
		echo "p:grace/$name $name" >>"$tracing/kprobe_events" && echo 1 >"$tracing/events/grace/$name/enable" || return
	done
} 2>/dev/null
remove_probes() {
	local name
	for name in "${functions[@]}"; do
		echo 0 >"$tracing/events/grace/$name/enable"
		echo "-:grace/$name" >>"$tracing/kprobe_events"
	done
} 2>/dev/null

# waits COMMAND...: sets waited, how often anybody waited meanwhile
waits() {
	echo >"$tracing/trace"
	"$@"
	waited=$(grep -cE '\((synchronize_rcu|rcu_barrier)' "$tracing/trace")
}
# no_more_than COMMAND...: for a --reply rule than for a "-m untracked" one
no_more_than() {
	local waited usual
	waits "$@" "-m untracked"
	usual=$waited
	waits "$@" "-m untracked --reply"
	printf '# %d times, %d with --reply\n' "$usual" "$waited"
	at_most "waits" $((usual + cycles)) "$waited"
}

# In one process, table by table.
rules_come_and_go() {
	rules "$c" < <(for ((i = 0; i < cycles; i++)); do printf '%s\n' '*filter' "-A INPUT $1" COMMIT '*filter' COMMIT; done)
	[ "$tool" != nft ] || uses_become 0 xt_untracked
}
namespaces_die() {
	local i before
	before=$(uses xt_untracked)
	for ((i = 0; i < cycles; i++)); do
		ip netns add "doomed-$i-$suffix"
		# shellcheck disable=SC2086 # a rule
		in_ns "doomed-$i-$suffix" "$ipt" -A INPUT $1 || fail "$ipt -A INPUT $1"
	done
	is "uses" $((before + cycles)) "$(uses xt_untracked)"
	# One by one, for those that die together wait together, as it happens.
	for ((i = 0; i < cycles; i++)); do
		ip netns del "doomed-$i-$suffix"
		uses_become $((before + cycles - i - 1)) xt_untracked
	done
}

# That something waits at all is seen: a module's unloading waits for one.
probes_work() {
	local waited
	unload xt_untracked || return
	modprobe xt_untracked
	waits rmmod xt_untracked
	at_least "waits" 1 "$waited"
	modprobe xt_untracked
}

rules_claim() { no_more_than rules_come_and_go; }
namespaces_claim() { is_module xt_untracked && no_more_than namespaces_die; }

trap 'remove_probes; clean_up' EXIT
add_probes || skip_all "needs a kernel with CONFIG_KPROBE_EVENTS, and debugfs"
add_hosts "$c"
modprobe xt_untracked
claim_once "the probe sees a wait for a grace period" probes_work
claim "rules that come and go wait for no grace period" rules_claim
claim "nor do namespaces that are deleted" namespaces_claim
run_claims
