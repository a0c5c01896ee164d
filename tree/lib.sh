# shellcheck shell=bash
# What "make tree" and "make iptables-tree" share: a scratch repository that holds the files
# of a source tree which change, and no more. Each commit becomes a patch; all of them are
# applied to the source tree at once, or nothing is. A script sets verb (how it is called), usage
# (with what) and tested (the source that it was tried with).
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

own=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

: "${verb:?} ${usage:?} ${tested:?}"
die() { printf '%s: %s\n' "$verb" "$*" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
set -E
trap 'die "${BASH_SOURCE[0]##*/}, line $LINENO: failed; nothing was changed"' ERR
scratch=$work/scratch

# Not the repository that the source tree may lie in, unless it is one itself.
in_source() { GIT_CEILING_DIRECTORIES=${source%/*} git -C "$source" "$@"; }

# Whoever commits, or the project.
author() {
	local name email
	name=$(git config user.name || sed -n 's/^Maintainer: \(.*\) <.*/\1/p' "$own/debian/control")
	email=$(git config user.email || sed -n 's/^Maintainer: .*<\(.*\)>/\1/p' "$own/debian/control")
	git -C "$scratch" config user.name "$name"
	git -C "$scratch" config user.email "$email"
	git -C "$scratch" config commit.gpgsign false
}

# open_source DIR WHAT FILE...: that tree of WHAT, of which those files change
open_source() {
	local what=$2 file
	command -v git >/dev/null || die "no git: apt install git"
	[ -n "$1" ] || die "say where the source of $what is: $verb $usage"
	[ -d "$1" ] || die "there is no folder $1"
	source=$(cd "$1" && pwd -P)
	shift 2
	for file in "$@"; do
		[ -f "$source/$file" ] || die "$source is no source tree of $what: it has no $file"
		[ -w "$source/$file" ] || die "cannot write to $source/$file"
	done
	if [ -e "$source/.git" ] && [ -n "$(in_source status --porcelain -- "$@")" ]; then
		die "$source has changes of its own in $(in_source status --porcelain -- "$@" | cut -c4- | paste -sd' '):" \
			"commit them, or put them away"
	fi
	git init -q -b main "$scratch"
	author
	(cd "$source" && cp --parents "$@" "$scratch/")
	commit "as it was" </dev/null
	git -C "$scratch" tag base
}

# is_new FILE...: of the source tree's, what is ours
is_new() {
	local file
	for file in "$@"; do
		[ ! -e "$source/$file" ] || die "$source has a $file already: it was put there before, or is another's"
	done
}

# after FILE PATTERN <LINES; before FILE PATTERN <LINES: there, once
insert() {
	local lines
	lines=$(cat; echo .)
	LINES=${lines%.} awk -v where="$1" -v pattern="$3" '
		where == "before" && !found && $0 ~ pattern { printf "%s", ENVIRON["LINES"]; found = 1 }
		{ print }
		where == "after" && !found && $0 ~ pattern { printf "%s", ENVIRON["LINES"]; found = 1 }
		END { exit !found }' "$scratch/$2" >"$work/new" ||
		die "cannot tell where in $source/$2 to insert: it has no line like $3. Tested with $tested"
	cat "$work/new" >"$scratch/$2"
}
after() { insert after "$@"; }
before() { insert before "$@"; }

# copy FILE... FOLDER: ours, as they are
copy() { mkdir -p "$scratch/${*: -1}" && cp "${@:1:$#-1}" "$scratch/${*: -1}"; }

# commit SUBJECT <BODY
commit() {
	git -C "$scratch" add -A
	(printf '%s\n\n' "$1"; cat) | git -C "$scratch" commit -q -s -F -
}

# deliver PATCHES: write them there, and change the source tree
deliver() {
	local patches=$1
	git -C "$scratch" diff base HEAD >"$work/all"
	in_source apply --check "$work/all" || die "the patches do not apply to $source; nothing was changed"
	mkdir -p "$patches" || die "cannot write to $patches"
	patches=$(cd "$patches" && pwd -P)
	rm -f "$patches"/[0-9][0-9][0-9][0-9]-*.patch
	git -C "$scratch" format-patch -q --no-signature -o "$patches" base
	in_source apply "$work/all" || die "the patches were applied in part only; take them out: $(undo "$patches")"
	printf '%s: %d files of %s changed or new\n' "$verb" "$(grep -c '^diff ' "$work/all")" "$source"
	printf '%s: patches in %s\n' "$verb" "$patches"
	printf '%s: to take them out again: %s\n' "$verb" "$(undo "$patches")"
}
undo() { echo "cd $source && ls -r $1/*.patch | GIT_CEILING_DIRECTORIES=${source%/*} xargs -n 1 git apply -R"; }
