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
