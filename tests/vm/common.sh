# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what is unused here is used by those who source this file
#
# Shared by the scripts of the rig (sourced, never run): where things are, how they speak, how they cache.
#
# Everything that costs minutes or megabytes (kernels, root file systems, the verdict on KVM) is kept outside the tree in
# $MMIOD_CACHE. An entry is made at its final path under a lock and counts only once its stamp exists, so that two
# callers never make the same thing twice and an interrupted one leaves nothing that looks finished.

set -euo pipefail

RIG=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$RIG/../.." && pwd)
# For those who are not root: depmod, modprobe.
PATH=$PATH:/usr/sbin:/sbin

CACHE=${MMIOD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mmiod}

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$*"
	exit 1
}

# once DIRECTORY FUNCTION [ARGUMENT...]: has FUNCTION fill DIRECTORY unless that was done before.
once()
{
	local dir=$1
	shift
	[ ! -e "$dir/.complete" ] || return 0
	mkdir -p "$dir"
	(
		# Closed for the children: a build that outlives us must not keep the lock.
		exec 9>"$dir.lock"
		if ! flock -n 9; then
			say "waiting for another run, which is making ${dir##*/}"
			flock 9
		fi
		[ ! -e "$dir/.complete" ] || exit 0
		"$@" 9>&-
		touch "$dir/.complete"
	)
}

# Notes that an entry was used, for those that look for what is not.
used() # DIRECTORY
{
	touch "$1/.used" 2>/dev/null || true
}

# Removes what was not used for so many days, with a line: another tree may build with an older kernel or by another recipe.
# The stamp goes first, so that a removal that is interrupted leaves nothing that looks finished.
forget_unused() # DAYS DIRECTORY...
{
	local days=$1 dir
	shift
	for dir; do
		[ -z "$(find "$dir/.used" "$dir/.complete" -mmin "-$((days * 1440))" 2>/dev/null)" ] || continue
		(
			exec 9>"$dir.lock"
			flock -n 9 && [ -e "$dir/.complete" ] || exit 0
			say "removing ${dir##*/} from the cache: it was superseded, and not used for more than $days days"
			rm -f "$dir/.complete"
			rm -rf "$dir"
		) || true
	done
}

# Entries of a kind but the one that is in use now.
others_than() # DIRECTORY PATTERN
{
	find "$CACHE" -mindepth 2 -maxdepth 2 -name .complete -printf '%h\n' | grep -E "^$CACHE/$2\$" | grep -vxF -- "$1" || true
}

# attempt COMMAND [ARGUMENT...]: its exit status is in $status, and errors inside it end it as they end a script of its
# own. (In "if", "||" and the like, the shell would go on after them, and so it does here if a caller stands there.)
attempt()
{
	set +e
	(set -e; "$@")
	status=$?
	set -e
}

duration()
{
	if [ "$1" -lt 60 ]; then
		echo "$1 s"
	else
		echo "$(($1 / 60)) min $(($1 % 60)) s"
	fi
}

# step SENTENCE COMMAND [ARGUMENT...]: one line for what takes a while: what it is and, when it is over, how long it took.
# What COMMAND says is shown only if it fails, and then all of it, unless $STEP_LOG names a file to keep it in. Where
# others write at the same time, $STEP_WHOLE has the line come out in one piece, at the end.
step()
{
	local status log=${STEP_LOG:-} start=$SECONDS line ticker=''
	line="${STEP_NAME:-${0##*/}}: $1"
	shift
	[ -n "$log" ] || log=$(mktemp)
	: >"$log"
	[ -n "${STEP_WHOLE:-}" ] || printf '%s...' "$line" >&2
	if [ -t 2 ] && [ -z "${STEP_WHOLE:-}" ]; then
		tick "$line" "$log" "$BASHPID" &
		ticker=$!
	fi
	attempt "$@" >"$log" 2>&1
	if [ -n "$ticker" ]; then
		kill "$ticker" 2>/dev/null || true
		wait "$ticker" 2>/dev/null || true
		printf '\r\033[K%s...' "$line" >&2
	fi
	printf '%s%s %s\n' "${STEP_WHOLE:+$line...}" "$([ "$status" = 0 ] || echo ' failed after')" \
		"$(duration $((SECONDS - start)))" >&2
	[ "$status" = 0 ] || [ -n "${STEP_LOG:-}" ] || cat "$log" >&2
	[ -n "${STEP_LOG:-}" ] || rm -f "$log"
	return "$status"
}

# What a terminal shows of a step that takes more than five seconds: for how long, and the last that was said.
tick() # LINE LOG PARENT
{
	local start=$SECONDS columns text
	columns=$(stty size <&2 2>/dev/null | cut -d' ' -f2) || true
	sleep 5
	while kill -0 "$3" 2>/dev/null; do
		text="$1... $(duration $((SECONDS - start)))  $(tail -n 1 "$2" | tail -c 200 | tr -c '[:print:]' ' ')"
		printf '\r\033[K%s' "${text:0:$((${columns:-80} - 1))}" >&2
		sleep 1
	done
}
