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
		flock 9
		[ ! -e "$dir/.complete" ] || exit 0
		"$@" 9>&-
		touch "$dir/.complete"
	)
}
