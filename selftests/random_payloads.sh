#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whatever bytes a rule's payload has, and whatever size, revision, table and hook: the
# kernel refuses it with an errno, or takes it and gives it back as it was written.
#   PAYLOADS=N  how many for each tool and family
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

offered=${PAYLOADS:-500}

random_rules() {
	local seed=$((RANDOM + 1))
	dirty+=("$c")
	in_ns "$c" "$storm" "$tool" "$family" "$offered" "$seed" 2>&1 | sed -u "s/^/# seed $seed: /"
	[ "${PIPESTATUS[0]}" -eq 0 ] || fail "seed $seed: see above"
}

storm=${OUTPUT:-$selftests}/payload_storm
[ -x "$storm" ] || skip_all "needs $storm: make -C selftests"
add_hosts "$c"
for ipt in iptables-legacy ip6tables-legacy; do # bring in the tables
	for table in raw mangle filter; do in_ns "$c" $ipt -t $table -S >/dev/null; done
done
claim "$offered random rules are refused, or read back as written" random_rules
# All that it takes is loaded: for each unknown revision, the kernel would start a program for nothing.
modprobe -a xt_NOTRACK xt_untracked nft_compat
kernel_asks ""
trap 'clean_up; sleep 6' EXIT # until the log takes refusals again, for the tests that read it
run_claims
