#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Windows of several extents through the installed service on a real kernel: the memory set aside is a pool of which every other
# 64 KiB are guest's.

load common.bash

RIG=/etc/mmiod/mmiod.conf.d/50-rig.conf

# The rig's region with these keys, in place of the drop-in that makes it an ordinary one.
serve_region() # KEY...
{
	{ sed '/^\[region set-aside\]/,$ d' $RIG.before; printf '[region set-aside]\n'; printf '%s\n' "$@"
		sed '1,/^\[region set-aside\]/ d' $RIG.before
		printf '[grant allocators]\nregion = set-aside\nuser = operator guest\naccess = rw\n'; } >$RIG
	reread
}

setup_file()
{
	cp $RIG $RIG.before
	serve_region 'pool = yes'
	eventually mmioctl pools
}

teardown_file()
{
	mv $RIG.before $RIG
	reread
}

setup()
{
	mkdir -p /tmp/pieces
	start riddle guest pieces riddle set-aside 65536
	riddler=$started
	says riddle '^riddled 128$'
}

teardown()
{
	pkill -KILL -x pieces || true
	pkill -KILL -x pieces-old || true
	wait
	rm -rf /tmp/pieces
	serve_region 'pool = yes'
	eventually is_free 16777216
}

# What it says is in /tmp/pieces/NAME; its process is $started.
start() # NAME USER PROGRAM ARGUMENT...
{
	local name=$1 user=$2
	shift 2
	rm -f "/tmp/pieces/$name" "/tmp/pieces/$name.in"
	mkfifo "/tmp/pieces/$name.in"
	setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all "./$1" "${@:2}" \
		<>"/tmp/pieces/$name.in" >"/tmp/pieces/$name" 2>&1 3>&- 4>&- &
	started=$!
}

says() # NAME PATTERN
{
	eventually grep -Eq -- "$2" "/tmp/pieces/$1" || { cat "/tmp/pieces/$1"; return 1; }
}

# Of the pool, for operator.
ask() # PROGRAM BYTES
{
	start ask operator "$1" ask set-aside "$2"
	says ask '^(refused|written)'
	lease=$(awk '$1 == "lease" { print $2 }' /tmp/pieces/ask)
}

end() # PID
{
	kill "$1"
	wait "$1" || true
}

is_free() # BYTES
{
	[ "$(mmioctl --no-headings --bytes -o FREE pools | tr -d ' ')" = "$1" ]
}

@test "a program that knows of no extents is refused, and one that does is granted" {
	ask pieces-old 131072
	says ask '^refused 16 .*no free block of 128 KiB'
	ask pieces 1048576
	says ask "^lease $lease 16 0xffffffffffffffff$"
	is_free $((8388608 - 1048576))
	grep -q "$(printf 'mmiod-extents:\t16')" /proc/"$started"/fdinfo/*
	end "$started"
	eventually is_free 8388608
}

@test "each page lies where the program is told that it does" {
	ask pieces 1310720
	serve_region 'pool = yes' 'wipe = no'
	echo >/tmp/pieces/ask.in
	says ask '^same$'
	is_free $((8388608 - 1310720))
	end "$started"
	end "$riddler"
	eventually is_free 16777216
	serve_region
	page=0
	grep '^0x' /tmp/pieces/ask >/tmp/pieces/extents
	[ "$(wc -l </tmp/pieces/extents)" = 20 ]
	while read -r offset length; do
		for ((at = 0; at < length; at += 4096, page++)); do
			printf 'set-aside+0x%x:32 0x%x\n' $((offset + at)) $((0x5ca77e00 + page))
		done
	done </tmp/pieces/extents >/tmp/pieces/expected
	[ "$page" = 320 ]
	awk 'NR % 16 < 2 { print $1, $2 }' /tmp/pieces/expected | while read -r target value; do
		[ "$(as operator mmioctl read "$target")" = "$value" ]
	done
}

@test "another daemon has each extent once, and gives it back once" {
	ask pieces 4194304
	says ask "^lease $lease 64 "
	for _ in 1 2 3; do
		before=$(systemctl show -P MainPID mmiod.service)
		kill -KILL "$before"
		eventually lease_listed "$lease"
		is_free 4194304
	done
	echo >/tmp/pieces/ask.in
	says ask '^same$'
	[ "$(mmioctl --json pools --map set-aside | grep -Eo "\"lease\": *$lease\b" | wc -l)" = 64 ]
	kill -KILL "$started"
	wait "$started" || true
	eventually is_free 8388608
	end "$riddler"
	eventually is_free 16777216
}

@test "each extent is wiped before another user gets it" {
	ask pieces 8388608
	says ask "^lease $lease 128 "
	is_free 0
	kill -KILL "$started" "$riddler"
	wait "$started" "$riddler" || true
	eventually is_free 16777216
	start next guest pieces ask set-aside 16777216
	says next '^written$'
	grep -qx 'found 0' /tmp/pieces/next
}

@test "what the module has no room for is refused by the name of its parameter" {
	before=$(cat /sys/module/mmiod/parameters/max_extents)
	echo 8 >/sys/module/mmiod/parameters/max_extents
	ask pieces 1048576
	echo "$before" >/sys/module/mmiod/parameters/max_extents
	says ask '^refused 122 .*16 extents more are too many for the module: its max_extents'
	is_free 8388608
}
