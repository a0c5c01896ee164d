# shellcheck shell=bash
# What the lab's scripts share: where things are, how they speak, how they end.
set -euo pipefail
export LC_ALL=C.UTF-8
# The system's programs run the system's: mmdebstrap's helper for each package is in
# Python, and a version manager's python3 takes half a second to start.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
umask 022

lab=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck disable=SC2034 # the scripts use it
tree=${lab%/*}
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/xt_NOTRACK

say() { printf '%s\n' "lab: $*" >&2; }
die() { printf '%s: %s\n' "lab/${0##*/}" "$*" >&2; exit 1; }

releases() { ls "$lab/releases"; }

# releases_of VERB: those that its RELEASES=all means
releases_of() {
	local name
	for name in $(releases); do
		(load_release "$name"; [[ " $verbs " != *" $1 "* ]] || echo "$name")
	done
}

# Whose iptables are at work on each other's tables in lab/suite-containers: hosts, and containers.
# shellcheck disable=SC2034 # lab/check and lab/torture use it
container_releases=bullseye,bookworm,trixie,sid

# The release's data: suites, the one of them that its kernel comes from if apt would
# take another, a release whose root it shares but for the kernel, the options of a kernel
# of its own (lab/kernels), what the kernel is booted with, the verbs whose RELEASES=all
# means it, what lab/check does in it, whether that has all selftests, or which ones it takes there,
# and in which pairs of a tool and a family (all, where none are named). For another architecture: its name, the
# release whose compilers build for it, and its packages, where these are not lab/packages'.
load_release() {
	[[ ${1:-} =~ ^[a-z0-9-]+$ && -f $lab/releases/$1 ]] ||
		die "unknown release '${1:-}'; there are: $(releases | tr '\n' ' ')"
	# shellcheck disable=SC2034 # the scripts use them
	release=$1 suites='' kernel_suite='' base='' kernel_config='' cmdline=''
	# shellcheck disable=SC2034
	verbs='check bench' jobs='suites selftests' variants='' tests='' wide='' paired='' old_tools='' arch=amd64 builder='' packages=''
	# shellcheck source=lab/releases/trixie
	. "$lab/releases/$1"
	architecture
}

# What kbuild, Debian's kernels, compilers and QEMU call the release's architecture. Without an
# emulator it is compiled for alone.
architecture() {
	# shellcheck disable=SC2034
	kernel_arch=$arch flavour=$arch triplet='' emulator='' emulator_package='' tty=ttyS0 cores=2
	# shellcheck disable=SC2034
	case $arch in
	amd64)
		# Emulated, SMAP takes a quarter of the time, and five levels of page tables some more.
		kernel_arch=x86_64 triplet=x86_64-linux-gnu
		emulator="qemu-system-x86_64 -M q35 -cpu max,smap=off,smep=off,la57=off" emulator_package=qemu-system-x86
		;;
	i386)
		flavour=686-pae triplet=i386-linux-gnu
		emulator="qemu-system-x86_64 -M q35 -cpu max,smap=off,smep=off" emulator_package=qemu-system-x86
		;;
	arm64)
		triplet=aarch64-linux-gnu tty=ttyAMA0
		emulator="qemu-system-aarch64 -M virt -cpu cortex-a57" emulator_package=qemu-system-arm
		;;
	armhf)
		kernel_arch=arm flavour=armmp triplet=arm-linux-gnueabihf tty=ttyAMA0 cores=1
		emulator="qemu-system-arm -M virt,highmem=off -cpu cortex-a15" emulator_package=qemu-system-arm
		;;
	s390x)
		kernel_arch=s390 triplet=s390x-linux-gnu tty=ttysclp0
		emulator="qemu-system-s390x -M s390-ccw-virtio -cpu max" emulator_package=qemu-system-misc
		;;
	riscv64) kernel_arch=riscv triplet=riscv64-linux-gnu ;;
	ppc64el) kernel_arch=powerpc flavour=powerpc64le triplet=powerpc64le-linux-gnu ;;
	*) die "$release: lab/lib.sh knows no architecture $arch" ;;
	esac
}

# Whether this machine runs the release's programs.
native() { [ -z "$builder" ]; }

# The layer that the Debian packages are installed over: here, or in the machine where its programs
# do not run here.
system_layer() { "$lab/layer" "$release" "$(native && echo system || echo foreign)"; }

# The folders to lab/enter where the release is built for: its root, or its builder's over it.
build_roots() {
	local own
	own=$("$lab/root" "$release")/root
	native || own=$("$lab/root" "$builder")/root:$own
	echo "$own"
}

# Chroots, mounts and package installation want root. As a user with sudo the
# script starts itself again through it, with the same cache.
need_root() {
	[ "$(uname -m)" = x86_64 ] || die "the lab runs on x86_64 hosts only, this is $(uname -m)"
	[ "$EUID" -eq 0 ] && return
	command -v sudo >/dev/null ||
		die "needs root (it makes chroots and mounts) and found no sudo; run it as root"
	say "needs root (it makes chroots and mounts): going on with sudo"
	exec sudo XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" "$(realpath "$0")" "$@"
}

# Whatever a script has begun ends with it, also on ^C: processes, then folders.
# Some are asked to end and clean up themselves, alone or with their process group;
# unshare and sleepers are not worth asking. One that has ended is let be: its number may be
# another program's by now.
arm() {
	doomed_groups=() doomed_asked=() doomed_killed=() doomed_dirs=()
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}
clean_up() {
	local status=$? pid running
	set +e
	trap '' INT TERM HUP
	running=$(jobs -rp)
	for pid in $(running_of "${doomed_killed[@]}"); do kill -KILL "$pid"; done 2>/dev/null
	for pid in $(running_of "${doomed_asked[@]}"); do kill -TERM "$pid"; done 2>/dev/null
	for pid in $(running_of "${doomed_groups[@]}"); do kill -TERM -- "-$pid"; done 2>/dev/null
	wait
	[ ${#doomed_dirs[@]} -eq 0 ] || rm -rf --one-file-system "${doomed_dirs[@]}"
	exit "$status"
}
running_of() { printf '%s\n' "$@" | grep -Fx "$running"; }
arm

# begin COMMAND...: in the background, as a process group of its own. A process and not
# a function call also because bash forgets "set -e" where a status is looked at.
# Sets begun to its process.
begin() {
	set -m
	(set +m; arm; "$@") </dev/null &
	set +m
	begun=$!
	doomed_groups+=("$begun")
}

# in_parallel FUNCTION ARGUMENTS...: FUNCTION once for each, whose words it gets, some side
# by side. Each is one core's work, and waits a third of its time.
at_once=$(($(nproc) + 1))
in_parallel() {
	local function=$1 arguments
	for arguments in "${@:2}"; do
		while [ "$(jobs -rp | wc -l)" -ge $at_once ]; do wait -n || :; done
		# shellcheck disable=SC2086 # words, as said
		begin "$function" $arguments
	done
	wait
}

# A folder that goes when the script ends. Sets REPLY.
temp_dir() {
	mkdir -p "$1" || die "cannot write to $1"
	REPLY=$(mktemp -d "$1/.new.XXXXXX") || die "cannot write to $1"
	doomed_dirs+=("$REPLY")
}

# Whether its kernel counts what runs of our modules, for lab/coverage.
counts() { [ "$kernel_config" ] && grep -q '^CONFIG_GCOV_KERNEL=y' "$lab/kernels/$kernel_config"; }

# remove_made DIR NAME [TEST...]: what is called NAME and a key there, and passes these tests of find.
# Another name may begin like it, or its lock.
remove_made() {
	find "$1" -mindepth 1 -maxdepth 1 -regextype posix-extended -regex ".*/$2-[0-9a-f]{12}" "${@:3}" \
		-exec rm -rf --one-file-system {} +
}

# copy_sources DIR: what is built and tried, and nothing else that lies in the tree
copy_sources() { (cd "$tree" && cp -r Makefile Kbuild dkms.conf COPYING ./*.md .shellcheckrc ./*.c include modprobe.d modules-load.d man doc tools tree examples unit selftests bench lab .ci debian "$1/"); }

# One file's lines, as they are among those of many.
as_claims() { sed -u 's/^/# /'; }

# Run a command that dies with this script, with every process it started.
# Mounts that it makes are seen by nobody else and vanish with it.
contained() {
	unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		-- "$@" </dev/null &
	doomed_killed+=($!)
	wait $!
}

# One cause, in a line, for what a log says went wrong.
cause_of() {
	local name
	if grep -qi 'no space left on device' "$1"; then
		echo "the disk is full (df -h $cache)"
	elif name=$(grep -oP 'Failed to fetch \S*/\K\S+(?= +(404|Hash Sum|File has unexpected size))' "$1" | head -1) && [ -n "$name" ]; then
		echo "the mirror lacks $name"
	elif name=$(grep -oP '(Unable to locate package|no installation candidate for) \K\S+|Package \S+(?= has no installation candidate)' "$1" | head -1) && [ -n "$name" ]; then
		echo "package '$name' is not to be had"
	elif grep -qiE 'Could not (resolve|connect)|Failed to fetch|Connection (failed|refused|timed out)|Temporary failure|does not have a Release file|Network is unreachable' "$1"; then
		echo "the package mirror is out of reach"
	else
		grep -iE '(^|[^a-z])(error|E:)|: \*\*\*' "$1" | tail -1 | grep . || tail -1 "$1"
	fi
}

# step TEXT COMMAND...: a long step; says that it runs, how long it took, or why
# it failed. What it prints goes to a log, kept when it fails.
step() {
	local text=$1 log start=$SECONDS ticker worker status=0
	shift
	mkdir -p "$cache/logs" || die "cannot write to $cache"
	log=$cache/logs/${text//[^a-zA-Z0-9]/_}.$$
	say "$text ..."
	begin "$@" >"$log" 2>&1
	worker=$begun
	# Not by sleep, which would outlive this and hold its locks.
	(exec {never}<> <(:); until read -r -t 20 -u "$never"; do say "$text: $((SECONDS - start)) s, $(last_words "$log")"; done) &
	ticker=$!
	doomed_killed+=("$ticker")
	wait "$worker" || status=$?
	kill -KILL "$ticker"
	wait "$ticker" 2>/dev/null || :
	[ $status -eq 0 ] || die "$text failed: $(cause_of "$log") (log: $log)"
	rm -f "$log"
	say "$text: done in $((SECONDS - start)) s"
}
last_words() { tail -c 200 "$1" | tr '\r' '\n' | tail -1 | cut -c1-60; }

# need_space DIR MIB: refuse early rather than fill the disk.
need_space() {
	local free
	mkdir -p "$1" || die "cannot write to $1"
	free=$(df --output=avail -m "$1" | tail -1 | tr -d ' ')
	[ "$free" -ge "$2" ] ||
		die "$1 has $free MiB free and this takes $2: make room, or set XDG_CACHE_HOME to a larger disk"
}
