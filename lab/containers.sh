# shellcheck shell=bash
# What the suites of containers share: releases of LAB_GUESTS, each in a container of the selftests'
# server, with an iptables of its own.
# shellcheck source=selftests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../selftests/lib.sh"

# What an engine makes of an image: writable, on the host's network.
start_container() {
	local root=/run/guests/$1 dir
	mkdir -p "$root" "$root".{upper,work}
	mount -t overlay -o "lowerdir=/guests/$1,upperdir=$root.upper,workdir=$root.work" overlay "$root" || exit
	for dir in proc sys dev; do mount --rbind "/$dir" "$root/$dir"; done
	mount -t tmpfs run "$root/run"
}

# shellcheck disable=SC2154 # the suites set guest
# container COMMAND...: in the one of $guest; $i is the tool that it uses, $shared where it has plugins
container() { in_ns "$s" chroot "/run/guests/$guest" env ${shared:+"XTABLES_LIBDIR=$shared"} "i=${i:-}" "$@"; }

# make_plugin TARGET...: ours, in the container of $guest, by its own compiler
make_plugin() {
	cp -r "$selftests"/../{Makefile,libxt_NOTRACK.c,include,man,modprobe.d,examples} "/run/guests/$guest/tmp/"
	container make -C /tmp "$@" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
}
