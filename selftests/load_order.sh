#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "-j NOTRACK" means our target, whether xt_CT is loaded before it, after it, or never.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# load MODULE...: in this order and freshly, or skip. By insmod, because modprobe's
# configuration has an order of its own.
load() {
	local module
	unload xt_CT xt_NOTRACK || return
	modprobe -a nf_conntrack x_tables
	for module in "$@"; do
		insmod "$(modinfo -n "$module")" || fail "cannot load $module"
	done
}

# The rule uses our module and no other, marks packets, and is found again.
is_ours() {
	rules "$r" <<-END
		*raw
		-A PREROUTING -j NOTRACK
		COMMIT
		*mangle
		-A FORWARD -p udp -m untracked
		COMMIT
	END
	at_least "uses of xt_NOTRACK" 1 "$(uses xt_NOTRACK)"
	is "uses of xt_CT" 0 "$(uses xt_CT)"
	send_udp "$c" "$server" 9
	is "untracked packets" 1 "$(packets "$r" mangle '-m untracked')"
	succeeds "-C" in_ns "$r" "$ipt" -t raw -C PREROUTING -j NOTRACK
	succeeds "-D" in_ns "$r" "$ipt" -t raw -D PREROUTING -j NOTRACK
}

before() { load xt_CT xt_NOTRACK && is_ours; }
after() { load xt_NOTRACK xt_CT && is_ours; }
never() { load && is_ours; }
alone() { load xt_CT && is_ours; }

# Beside CT rules in one file, the same, whichever comes first, and without a word:
# libxtables would say that it converts a rule.
beside() {
	local said
	load || return
	dirty+=("$r")
	said=$(in_ns "$r" "$ipt-restore" 2>&1 <<-END
		*raw
		-A PREROUTING -p udp -j CT --zone 3
		-A PREROUTING -p tcp -j NOTRACK
		-A PREROUTING -p sctp -j CT --notrack
		-A PREROUTING -j NOTRACK
		COMMIT
	END
	) || fail "status $?"
	is "what $ipt-restore says" "" "$said"
	is "saved targets" "CT NOTRACK CT NOTRACK" \
		"$(in_ns "$r" "$ipt-save" -t raw 2>/dev/null | sed -n 's/^-A.*-j \([A-Z]*\).*/\1/p' | paste -sd' ')"
	is "uses of xt_NOTRACK" 2 "$(uses xt_NOTRACK)"
	is "uses of xt_CT" 2 "$(uses xt_CT)"
	succeeds "-D NOTRACK" in_ns "$r" "$ipt" -t raw -D PREROUTING -j NOTRACK
	succeeds "-D CT" in_ns "$r" "$ipt" -t raw -D PREROUTING -p udp -j CT --zone 3
}

# With xt_CT loaded, no module called NOTRACK is requested; the file in modprobe.d
# makes up for it.
autoloaded_after() {
	load || return
	rules "$r" <<-END
		*raw
		-A PREROUTING -p udp -j CT --zone 3
		COMMIT
	END
	is_ours
}

# No iptables of today writes revision 0 (the stock one goes by way of CT), other
# programs may. Served by the module that came last, or by ours: older kernels' xt_CT
# registers for any family, and a family's own target comes first.
# revision_zero FIRST SECOND SERVED-BY...
revision_zero() {
	local module uses=0
	[ -x "$payload" ] || { skip "needs $payload: make -C selftests"; return; }
	load "$1" "$2" || return
	dirty+=("$r")
	succeeds "the raw table" in_ns "$r" "$ipt" -t raw -S
	succeeds "NOTRACK revision 0" in_ns "$r" "$payload" "$family" raw PREROUTING target NOTRACK 0 ""
	for module in "${@:3}"; do uses=$((uses + $(uses "$module"))); done
	is "uses of ${*:3}" 1 "$uses"
	rules "$r" <<-END
		*mangle
		-A FORWARD -p udp -m untracked
		COMMIT
	END
	send_udp "$c" "$server" 9
	is "untracked packets" 1 "$(packets "$r" mangle '-m untracked')"
}
revision_zero_ours() { revision_zero xt_CT xt_NOTRACK xt_NOTRACK; }
revision_zero_either() { revision_zero xt_NOTRACK xt_CT xt_NOTRACK xt_CT; }

add_topology
claim "-j NOTRACK is ours, xt_CT loaded before" before
claim "-j NOTRACK is ours, xt_CT loaded after" after
claim "-j NOTRACK is ours, xt_CT never loaded" never
claim "-j NOTRACK is ours, xt_CT loaded manually before, and ours not" alone
claim "-j NOTRACK is ours, beside CT rules in one file" beside
claim "-j NOTRACK is ours, xt_CT loaded by a rule before" autoloaded_after
claim "revision 0, xt_CT loaded before" revision_zero_ours "legacy-4 legacy-6"
claim "revision 0, xt_CT loaded after" revision_zero_either "legacy-4 legacy-6"
run_claims
