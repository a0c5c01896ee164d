#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The stock libxt_CT.so is found in any folder of XTABLES_LIBDIR, before ours or behind it,
# and through links: -j CT works, and -j NOTRACK is ours wherever ours is found first.
# shellcheck source=selftests/lib.sh
. "$(dirname "$0")/lib.sh"

# Our plugin alone; all others; all together; and ours under the name of the stock one.
mkdir "$work/ours" "$work/stock" "$work/named"
for plugin in "$plugins"/*.so; do
	name=${plugin##*/}
	case " $our_plugins " in
	*" ${name%.so} "*) cp -a "$plugin" "$work/ours/" ;;
	*) ln -s "$plugin" "$work/stock/" ;;
	esac
done
cp -a "$work"/ours/* "$work/named/"
ln -s libxt_untracked.so "$work/named/libxt_CT.so"
ln -s "$plugins" "$work/linked"
ln -s "$work/ours" "$work/linked-ours"

declare -A rule=([CT]="-p tcp -j CT --notrack" [NOTRACK]="-p udp -j NOTRACK")

# along CT NOTRACK: so many rules of a file with both, whichever comes first, are the module's
along() {
	local order file target
	for order in "CT NOTRACK" "NOTRACK CT"; do
		file=$(
			echo '*raw'
			for target in $order; do echo "-A PREROUTING ${rule[$target]}"; done
			echo "-A PREROUTING -m untracked -j ACCEPT"
			echo COMMIT
		)
		rules "$r" <<<"$file"
		is "$order: uses of xt_CT and xt_NOTRACK" "$1 $2" "$(uses xt_CT) $(uses xt_NOTRACK)"
		succeeds "$order: -D CT" in_ns "$r" "$ipt" -t raw -D PREROUTING -p tcp -j CT --notrack
		succeeds "$order: -D NOTRACK" in_ns "$r" "$ipt" -t raw -D PREROUTING -p udp -j NOTRACK
		succeeds "$order: -D untracked" in_ns "$r" "$ipt" -t raw -D PREROUTING -m untracked -j ACCEPT
		uses_become 0 xt_CT
		uses_become 0 xt_NOTRACK
	done
}

path() { export XTABLES_LIBDIR=$1; }
ours_first() { path "$work/ours:$work/stock" && along 1 1; }
far_behind() { path "$work/ours:$work/none:/:$work/stock" && along 1 1; }
through_links() { path "$work/linked" && along 1 1 && path "$work/linked-ours:$work/stock" && along 1 1; }
named_like_it() { path "$work/named:$work/stock" && along 1 1; }
# As ever: the first folder that has a target NOTRACK says what it is.
stock_first() { path "$work/stock:$work/ours" && along 2 0; }
usual() { unset XTABLES_LIBDIR && along 1 1; }

old_variable() {
	unset XTABLES_LIBDIR
	export "$1=$work/ours:$work/stock"
	succeeds "$1: -j CT" in_ns "$r" "$ipt" -t raw -A PREROUTING -j CT --zone 3
	unset "$1"
}
old_variables() {
	dirty+=("$r")
	old_variable IPTABLES_LIB_DIR
	old_variable IP6TABLES_LIB_DIR
}

# Or the above says little.
nowhere() {
	dirty+=("$r")
	for path in "$work/ours" "$work/named" "$work/ours:$work/none"; do
		path "$path"
		refused "-j CT with $path" "CT|unknown option" in_ns "$r" "$ipt" -t raw -A PREROUTING -j CT --notrack
		succeeds "NOTRACK and untracked with $path" in_ns "$r" "$ipt" -t raw -A PREROUTING -m untracked -j NOTRACK
	done
	is "uses of xt_CT and xt_NOTRACK" "0 3" "$(uses xt_CT) $(uses xt_NOTRACK)"
}

add_hosts "$r"
claim "the stock libxt_CT.so is in a folder behind ours" ours_first
claim "the stock libxt_CT.so is in the fourth folder" far_behind
claim "the folders are links" through_links
claim "our plugin has the name of the stock one, too" named_like_it
claim "the stock libxt_CT.so is in a folder before ours" stock_first
claim "XTABLES_LIBDIR is not set" usual
claim "the path is in IPTABLES_LIB_DIR or IP6TABLES_LIB_DIR" old_variables
claim "-j CT is refused where no folder has it" nowhere
run_claims
