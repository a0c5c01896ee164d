#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# There is one UNTRACKED state: whoever sets it (ours, CT --notrack, nft's notrack), whoever
# asks (ours, --ctstate UNTRACKED, nft's ct state untracked) gets the same result.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

markers=("-j NOTRACK" "-j CT --notrack" "nft notrack")
askers=("-m untracked" "-m conntrack --ctstate UNTRACKED" "nft ct state untracked")

# The rule that marks and the one that asks, for iptables or nft, as the case may be.
load() {
	local ip=ip
	[ "$family" = 4 ] || ip=ip6
	rules "$r" < <(
		[[ $1 == nft* ]] || printf '%s\n' '*raw' "-A PREROUTING -p udp --dport 9 $1" COMMIT
		[[ $2 == nft* ]] || printf '%s\n' '*mangle' "-A FORWARD -p udp $2" COMMIT
	)
	[[ $1 != nft* ]] || in_ns "$r" nft -f - <<-END
		table $ip pairs {
			chain marker { type filter hook prerouting priority -300; udp dport 9 ${1#nft }; }
		}
	END
	[[ $2 != nft* ]] || in_ns "$r" nft -f - <<-END
		table $ip pairs {
			chain asker { type filter hook forward priority -150; meta l4proto udp ${2#nft } counter; }
		}
	END
}

hits() {
	if [[ $1 == nft* ]]; then
		in_ns "$r" nft list ruleset 2>/dev/null | sed -n 's/.*untracked counter packets \([0-9]*\).*/\1/p'
	else
		packets "$r" mangle "$1"
	fi
}

agree() {
	local marker asker
	for marker in "${markers[@]}"; do
		for asker in "${askers[@]}"; do
			load "$marker" "$asker"
			send_udp "$c" "$server" 9
			is "$marker, $asker: marked" 1 "$(hits "$asker")"
			send_udp "$c" "$server" 10
			is "$marker, $asker: and not marked" 1 "$(hits "$asker")"
			in_ns "$r" nft flush ruleset
			reset_rules
		done
	done
}

add_topology
claim "each of three marks is matched by each of three matches" agree
run_claims
