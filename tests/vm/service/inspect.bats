#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the inspection verbs show, next to what the kernel itself shows.

load common.bash

teardown()
{
	let_go
	pkill -x holder || true
}

# The holder's process and where it maps its window.
find_window()
{
	pid=$(pgrep -x -n holder)
	addr=0x$(grep -m 1 '/mmiod:' "/proc/$pid/maps" | cut -d- -f1)
}

# By dd, which seeks: od would read all that lies before.
word_at() # FILE INDEX
{
	dd if="$1" bs=8 skip="$2" count=1 status=none | od -A n -t u8 | tr -d ' '
}

@test "translate finds the known physical address of a window, as an uncached 4 KiB leaf" {
	hold shm 0x5000 0x4000 populate
	find_window
	run mmioctl translate "$pid" "$addr"
	[ "$status" = 0 ]
	start=$(mmioctl --no-headings -o NAME,PHYS list | awk '$1 == "shm" { print $2 }')
	contains "$output" "Physical: $(printf 0x%x $((start + 0x5000))) "
	contains "$output" "lease $lease, shm+0x5000"
	contains "$output" "uncached (UC"
	contains "$output" "Leaf: 4K"
	contains "$output" "pcd"
	contains "$output" "nx"
}

@test "windows of RAM are write-back, those of a device are not" {
	hold shm 0x1000 0x1000 populate
	find_window
	device=$(mmioctl --json translate "$pid" "$addr" | grep '"cache"' | tail -n 1)
	stack=$(awk '/\[stack\]/ { split($1, a, "-"); print "0x" a[2] }' "/proc/$pid/maps")
	ram=$(mmioctl --json translate "$pid" $((stack - 4096)) | grep '"cache"' | tail -n 1)
	contains "$device" uc
	contains "$ram" wb
}

@test "a revoked window is not present" {
	hold shm 0x1000 0x1000 populate
	find_window
	mmioctl revoke "$lease"
	run mmioctl translate "$pid" "$addr"
	[ "$status" = 0 ]
	contains "$output" "revoked"
	contains "$output" "Physical: not present"
}

@test "an ordinary user sees the bits of their own entries, no frame, and nothing of others'" {
	hold shm 0x1000 0x1000 populate
	find_window
	run as operator mmioctl translate "$pid" "$addr"
	[ "$status" = 0 ]
	contains "$output" "present,write,user"
	contains "$output" "hidden"
	[[ $output != *frame* && $output != *0x2000* ]]
	run as guest mmioctl translate "$pid" "$addr"
	[ "$status" = 4 ]
	run as operator mmioctl page 0x100
	[ "$status" = 4 ]
	run as operator mmioctl show "$lease"
	contains "$output" "hidden"
}

@test "frames and flags agree with /proc/PID/pagemap and /proc/kpagecount" {
	hold shm 0x1000 0x1000
	find_window
	stack=$(awk '/\[stack\]/ { split($1, a, "-"); print "0x" a[2] }' "/proc/$pid/maps")
	where=$((stack - 4096))
	word=$(word_at "/proc/$pid/pagemap" $((where / 4096)))
	frame=$((word & ((1 << 55) - 1)))
	run mmioctl page "$where@$pid"
	[ "$status" = 0 ]
	contains "$output" "frame $(printf 0x%x $frame),"
	contains "$output" anon
	count=$(word_at /proc/kpagecount $frame)
	contains "$output" "Mappings: $count"
}

@test "the page of a shared file counts a second process that maps it" {
	hold shm 0x1000 0x1000
	find_window
	libc=$(awk '/r-xp.*libmmiod/ { split($1, a, "-"); print "0x" a[1]; exit }' "/proc/$pid/maps")
	one=$(mmioctl page "$libc@$pid" | sed -n 's/.*Mappings: //p')
	coproc SECOND { as operator ./holder shm 0x8000 0x1000 2>&1; }
	read -r -t 60 word second <&"${SECOND[0]}"
	two=$(mmioctl page "$libc@$pid" | sed -n 's/.*Mappings: //p')
	kill "$SECOND_PID"
	[ "$two" = $((one + 1)) ]
}

@test "tree, mappings and show name the process that maps a window, and where" {
	hold shm 0x1000 0x4000
	find_window
	for verb in tree mappings "show $lease"; do
		# shellcheck disable=SC2086 # verb and argument
		run mmioctl $verb
		[ "$status" = 0 ]
		contains "$output" "$addr"
		contains "$output" "$pid"
	done
	run as guest mmioctl mappings
	[[ $output != *"$addr"* ]]
}

@test "devices and iomem show the claim" {
	run mmioctl --no-headings -o M,ADDRESS,DRIVER,REGIONS devices
	[[ $output =~ \*\ 0000:01:00.0\ +mmiod\ +shm ]]
	run mmioctl --no-headings -o NAME,REGION iomem
	contains "$output" "mmiod:shm"
	run as operator mmioctl iomem
	contains "$output" CAP_SYS_ADMIN
}

@test "zones have the figures of /proc/zoneinfo" {
	managed=$(awk '/^Node 0, zone +DMA32/ { in_zone = 1 } in_zone && $1 == "managed" { print $2; exit }' /proc/zoneinfo)
	run mmioctl --no-headings -o ZONE,MANAGED_PAGES zones
	[[ $output =~ DMA32\ +$managed ]]
}

@test "a monitor sees grant and revoke" {
	mmioctl monitor --count 2 >/tmp/monitor.out &
	monitor=$!
	eventually sh -c 'mmioctl clients | grep -q monitor'
	hold shm 0x1000 0x1000
	mmioctl revoke "$lease"
	wait "$monitor"
	contains "$(head -n 1 /tmp/monitor.out)" "granted   lease $lease shm+0x1000/0x1000"
	contains "$(tail -n 1 /tmp/monitor.out)" "revoked by user root"
}

@test "doctor finds nothing to fail on as root and as guest, and the lack when the daemon is away" {
	eventually mmioctl status
	run mmioctl doctor
	[ "$status" = 0 ]
	contains "$output" "0000:01:00.0 is bound to mmiod and decodes memory"
	run as guest mmioctl doctor
	[ "$status" = 0 ]
	contains "$output" "policy gives uid 1001 no region"
	run env MMIOD_SOCKET=/nonexistent mmioctl doctor
	[ "$status" = 1 ]
	contains "$output" "fail"
}
