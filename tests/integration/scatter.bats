#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Memory of a pool in several extents: who gets it, what is shown of it, and that all of it comes back.

load helper

# vram: a pool of 1 MiB, of which every other page is somebody's.
serve_riddled() {
	{
		printf '%s\n' '[region vram]' 'size = 1M' 'pool = yes' '[grant us]' 'region = vram' "user = $ME" 'access = rw'
		[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME"
		printf '%s\n' "$@"
	} >"$T/sim.conf"
	start_daemon
	cp "$BUILD/tests/integration/pieces" "$BUILD/tests/integration/pieces-old" "$T/"
	piece riddle pieces riddle vram 4096
	says riddle '^riddled 128$'
}

# piece NAME PROGRAM ARGUMENT…: in the background; what it says is in $T/NAME, and tell NAME writes it a line.
piece() {
	local name=$1
	shift
	rm -f "$T/$name" "$T/$name.in"
	mkfifo "$T/$name.in"
	"$T/$1" "${@:2}" <>"$T/$name.in" >"$T/$name" 2>&1 3>&- 4>&- &
	PIECE=$!
	JOBS+=("$PIECE")
}

says() {
	eventually grep -Eq -- "$2" "$T/$1" || { cat "$T/$1"; return 1; }
}

# ask PROGRAM ARGUMENT…: of the pool; until let_go. $LEASE, and the lines of its extents in $T/extents.
ask() {
	piece ask "$1" ask vram "${@:2}"
	says ask '^(refused|written)'
	LEASE=$(awk '$1 == "lease" { print $2 }' "$T/ask")
	grep '^0x' "$T/ask" >"$T/extents" || true
}

let_go() {
	kill "$PIECE" 2>/dev/null || true
	wait "$PIECE" || true
}

free_bytes() {
	value '.pools[] | select(.name == "vram") | .free' pools
}

is_free() {
	[ "$(free_bytes)" = "$1" ]
}

@test "a program that was built before there were extents is refused, and one of today is granted" {
	serve_riddled
	ask pieces-old 8192
	says ask '^refused 16 .*no free block of 8 KiB; the largest that would fit is 4 KiB'
	ask pieces 8192 1
	says ask '^refused 16 .*no free block of 8 KiB'
	ask pieces 20480 4
	says ask '^refused 16 .*more than 4 extents, which is all that was asked for'
	ask pieces 20480
	says ask "^lease $LEASE 5 0xffffffffffffffff$"
	says ask '^found 0$'
	echo >"$T/ask.in"
	says ask '^same$'
	expect_equal "$(free_bytes)" $((524288 - 20480))
	let_go
	eventually is_free 524288
	stop_daemon
}

@test "a lease of several extents is shown in all its places" {
	serve_riddled
	ask pieces 12288
	expect_equal "$(value ".leases[] | select(.id == $LEASE) | \"\(.offset) \(.length) \(.extents)\"" -o ID,OFFSET,LENGTH,EXTENTS leases)" "null 12288 3"
	run mmioctl leases -o ID,OFFSET,LENGTH,EXTENTS
	expect_status 0
	expect_match "$LEASE +- +0x3000 +3"
	value '.extents[] | "\(.offset) \(.length)"' show "$LEASE" >"$T/shown"
	[ "$(wc -l <"$T/shown")" -eq 3 ]
	while read -r offset length; do
		grep -qx "$((offset)) $((length))" "$T/shown"
		expect_equal "$(value ".pools[0].extents[] | select(.offset == $((offset))) | \"\(.length) \(.lease)\"" pools --map)" \
			"$((length)) $LEASE"
	done <"$T/extents"
	run mmioctl show "$LEASE"
	expect_status 0
	expect_match "Region: vram, in 3 extents, allocated from the pool"
	expect_match "Extents: \+0x[0-9a-f]+/0x1000"
	run mmioctl show vram
	expect_status 0
	expect_match "lease $LEASE, 3 extents,/0x3000 rw"
	let_go
	stop_daemon
}

@test "mmioctl alloc takes several extents, and with --contiguous one" {
	serve_riddled
	run mmioctl alloc vram 16K --contiguous -- true
	expect_status 5
	expect_match "no free block of 16 KiB"
	# shellcheck disable=SC2016 # for the shell of the command
	run mmioctl alloc vram 16K -- sh -c 'echo "$MMIOD_WINDOWS"; wc -c <&3'
	expect_status 0
	expect_match "3@[^ ]*:vram"
	expect_match "16384"
	background mmioctl alloc vram 16K --json
	eventually grep -q lease "$T/out"
	expect_equal "$(jq -r '"\(.offset) \(.extents) \(.length)"' "$T/out")" "null 4 16384"
	stop_daemon
}

@test "extents-per-user limits them, and is shown and explained" {
	serve_riddled '[daemon]' 'extents-per-user = 4'
	ask pieces 20480
	says ask '^refused 122 .*has 0 extents, and extents-per-user in \[daemon\] admits 4: 5 more are too many'
	ask pieces 16384
	says ask "^lease $LEASE 4 "
	run mmioctl export prometheus
	expect_match 'mmiod_user_limit\{limit="extents-per-user"\} 4'
	let_go
	stop_daemon
}

@test "all of a pool in pieces can be had, and comes back" {
	serve_riddled
	riddler=$PIECE
	ask pieces 524288
	says ask "^lease $LEASE 128 "
	expect_equal "$(free_bytes)" 0
	let_go
	eventually is_free 524288
	kill "$riddler"
	eventually is_free 1048576
	stop_daemon
}
