#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# On loopback a packet meets OUTPUT and then PREROUTING. NOTRACK in OUTPUT marks it;
# in PREROUTING conntrack has seen it, and it stays tracked.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

lo() { if [ "$family" = 4 ]; then echo 127.0.0.1; else echo ::1; fi; }

loopback_rules() {
	rules "$c" <<-END
		*raw
		-A $1 -p udp -j NOTRACK
		COMMIT
		*mangle
		-A OUTPUT -o lo -p udp -m untracked
		-A INPUT -i lo -p udp -m untracked
		-A INPUT -i lo -p udp -m conntrack --ctstate NEW,ESTABLISHED
		COMMIT
	END
	udp_echoes "$c" "$(lo)" || fail "no echo"
}

output() {
	loopback_rules OUTPUT
	is "marked on the way out" 2 "$(packets "$c" mangle '-A OUTPUT')"
	is "marked on arrival" 2 "$(packets "$c" mangle '-A INPUT -i lo -p udp -m untracked')"
	is "entries" 0 "$(entries "$c" -p udp)"
}

prerouting() {
	loopback_rules PREROUTING
	is "marked on arrival" 0 "$(packets "$c" mangle '-A INPUT -i lo -p udp -m untracked')"
	is "tracked on arrival" 2 "$(packets "$c" mangle ESTABLISHED)"
	is "entries" 1 "$(entries "$c" -p udp)"
}

add_hosts "$c"
serve_udp_echo "$c"
claim "NOTRACK in OUTPUT marks loopback packets, both directions" output
claim "NOTRACK in PREROUTING is too late for loopback packets" prerouting
run_claims
