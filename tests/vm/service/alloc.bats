#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Allocation through the installed service on a real kernel: a pool on the memory set aside, and kernel buffers.

load common.bash

setup_file()
{
	# The rig's region, as a pool; in place of the drop-in that makes it an ordinary one.
	sed -e '/^\[region set-aside\]/a pool = yes' -e '$a [grant allocators]\nuser = operator guest\nregion = set-aside edu\naccess = rw\nmemory = pages kmalloc vmalloc dma' \
		-i.before /etc/mmiod/mmiod.conf.d/50-rig.conf
	reread
	eventually mmioctl pools
}

teardown_file()
{
	mv /etc/mmiod/mmiod.conf.d/50-rig.conf.before /etc/mmiod/mmiod.conf.d/50-rig.conf
	reread
}

teardown()
{
	let_go
	# What a test that failed has left would make the next ones fail.
	pkill -KILL -x mmioctl || true
	pkill -KILL -x object-cache || true
	rm -rf /tmp/cache
}

# Allocate in the background as USER; $lease is its id.
allocate() # USER ARGUMENT...
{
	local user=$1
	shift
	background "$user" mmioctl alloc "$@"
	eventually grep -q ^lease /tmp/background.out || { cat /tmp/background.err; return 1; }
	lease=$(sed -n 's/^lease \([0-9]*\) .*/\1/p' /tmp/background.out)
}

@test "half of a pool leaves one block of the other half, and freeing leaves one whole" {
	eventually sh -c 'mmioctl buddyinfo | grep set-aside | grep -q " 1$"'
	allocate operator set-aside 8M
	run mmioctl pools
	contains "$output" 8M
	let_go
	eventually sh -c 'mmioctl pools | grep set-aside | grep -q 16M'
}

@test "two users never get the same bytes" {
	allocate operator set-aside 1M
	one=$(cat /tmp/background.out) first=$holder_pid
	allocate guest set-aside 1M
	two=$(cat /tmp/background.out)
	kill "$first"
	[ "${one#* * }" != "${two#* * }" ]
}

@test "memory is wiped before another user gets it" {
	run as operator mmioctl alloc set-aside 16M -- sh -c 'head -c 4096 /dev/zero | tr "\0" S >&3'
	[ "$status" = 0 ]
	eventually as guest mmioctl alloc set-aside 16M -- sh -c 'head -c 4096 <&3 | tr -d "\0" | wc -c >/tmp/found'
	[ "$(cat /tmp/found)" = 0 ]
}

@test "a restarted daemon knows what is taken and gives it to nobody" {
	allocate operator set-aside 8M
	kill -KILL "$(systemctl show -P MainPID mmiod.service)"
	eventually lease_listed "$lease"
	run as guest mmioctl alloc set-aside 16M -- true
	[ "$status" != 0 ]
	contains "$output" "8 MiB"
	run as guest mmioctl alloc set-aside 8M -- true
	[ "$status" = 0 ]
}

@test "an exhausted pool refuses and recovers" {
	allocate operator set-aside 16M
	run as guest mmioctl alloc set-aside 4K -- true
	[ "$status" = 5 ]
	let_go
	eventually as guest mmioctl alloc set-aside 16M -- true
}

# How many leases were granted since the daemon started.
granted()
{
	mmioctl --no-headings -o NUMBER log --lines 1
}

# Some more than COUNT, so that it is killed in the midst of allocations.
more_granted() # COUNT
{
	[ "$(granted)" -ge $(($1 + 4)) ]
}

pool_is_whole()
{
	mmioctl pools | grep -Eq '^set-aside +16M +0B +16M +16M +0B +0'
}

@test "a daemon killed under allocation load loses and doubles nothing" {
	allocate operator set-aside 2M
	kept=$lease
	rm -f /tmp/over
	for user in operator guest operator guest; do
		(until [ -e /tmp/over ]; do as $user mmioctl alloc set-aside 64K -- true || sleep 0.2; done) >/dev/null 2>&1 &
		loops+=($!)
	done
	for ((k = 0; k < 4; k++)); do
		before=$(main_pid) seen=$(granted)
		eventually more_granted "$seen"
		kill -KILL "$before"
		eventually another_than "$before"
	done
	touch /tmp/over
	wait "${loops[@]}"
	eventually lease_listed "$kept"
	[ "$(mmioctl --no-headings -o ID leases | grep -c .)" = 1 ]
	let_go
	eventually pool_is_whole
}

@test "bad sizes and alignments are refused with the rule" {
	run as operator mmioctl alloc set-aside 0 -- true
	[ "$status" != 0 ]
	run as operator mmioctl alloc set-aside 32M -- true
	[ "$status" != 0 ]
	contains "$output" "16 MiB"
	run as operator mmioctl alloc set-aside 4K --align 3K -- true
	[ "$status" != 0 ]
	contains "$output" align
}

@test "kernel memory lies in the zone that was asked for, and only root sees where" {
	allocate operator pages 64K --zone dma
	run mmioctl show "$lease"
	[ "$status" = 0 ]
	phys=$(sed -n 's/.*Physical.*\(0x[0-9a-f]*\).*/\1/p' <<<"$output")
	[ $((phys)) -gt 0 ] && [ $((phys)) -lt $((16 << 20)) ]
	run as operator mmioctl show "$lease"
	[ "$status" = 0 ]
	[[ $output != *"$phys"* ]]
}

runs()
{
	mmioctl --json show "$lease" | sed -n 's/.*"runs": *\([0-9]*\).*/\1/p'
}

@test "what is contiguous lies in one piece, and vmalloc in many" {
	allocate operator pages 256K --contiguous
	[ "$(runs)" = 1 ]
	let_go
	allocate operator kmalloc 64K
	[ "$(runs)" = 1 ]
	let_go
	allocate operator vmalloc 1M
	# From 7.0 on the kernel takes as large blocks as there are.
	[ "$(runs)" -gt 1 ] || { [ "$(runs)" = 1 ] && [ "$(uname -r | cut -d. -f1)" -ge 7 ]; }
	run mmioctl show "$lease"
	contains "$output" "Kernel virtual: 0x"
}

@test "memory below 4 GiB is below 4 GiB" {
	allocate operator pages 1M --zone dma32
	for page in 0 100 255; do
		phys=$(mmioctl show "$lease" "$page" | sed -n 's/.*Physical.*\(0x[0-9a-f]*\).*/\1/p')
		[ $((phys)) -gt 0 ] && [ $((phys)) -lt $((1 << 32)) ]
	done
}

available()
{
	awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo
}

nothing_is_left()
{
	[ -z "$(mmioctl --no-headings leases)" ] && [ -z "$(mmioctl --no-headings buffers)" ] && pool_is_whole
}

# The kernel keeps tens of MiB of freed pages on per-CPU lists: half of what was allocated in all is far more than that.
memory_is_back()
{
	[ "$(available)" -ge $((before - 128)) ]
}

@test "a client that is killed leaves neither blocks nor memory behind" {
	eventually pool_is_whole
	before=$(available)
	allocate operator set-aside 4M
	first=$holder_pid
	allocate operator pages 32M
	second=$holder_pid
	contains "$(mmioctl --no-headings -o KIND,SIZE,PRESENT buffers)" "32M"
	allocate operator vmalloc 1M
	kill -KILL "$first" "$second" "$holder_pid"
	for _ in 1 2 3 4 5 6 7; do
		allocate operator pages 32M
		kill -KILL "$holder_pid"
	done
	eventually nothing_is_left || { mmioctl leases; mmioctl buffers; mmioctl pools; return 1; }
	eventually memory_is_back || { echo "$before MiB before"; cat /proc/meminfo; return 1; }
}

@test "memory that is revoked is gone for its holder, and back at once" {
	allocate operator pages 64K
	mmioctl revoke "$lease"
	status=0
	wait "$holder_pid" || status=$?
	[ "$status" = 7 ]
	[ -z "$(mmioctl --no-headings buffers)" ]
}

published()
{
	mmioctl --json slabinfo 'mess*' | grep -q object-cache
}

# A program of the operator's with objects in the pool, which it keeps until a line comes from /tmp/cache/go.
start_cache()
{
	mkdir /tmp/cache
	mkfifo -m 666 /tmp/cache/go
	background operator sh -c 'exec ./object-cache -w -p set-aside <>/tmp/cache/go'
	eventually published || { cat /tmp/background.out /tmp/background.err; return 1; }
}

not_published()
{
	! published
}

@test "an object cache leases its slabs, is shown by slabinfo, and dies with its program" {
	start_cache
	run mmioctl slabinfo
	contains "$output" operator
	contains "$output" kmalloc-64
	run as guest mmioctl slabinfo
	[[ $output != *message* ]]
	[ "$(mmioctl --no-headings -o ID leases | grep -c .)" = 1 ]
	kill -KILL "$holder_pid"
	eventually not_published
	eventually pool_is_whole
}

@test "an object cache goes on when the daemon is killed under it" {
	start_cache
	kill -KILL "$(systemctl show -P MainPID mmiod.service)"
	eventually mmioctl status
	echo >/tmp/cache/go
	status=0
	wait "$holder_pid" || status=$?
	[ "$status" = 0 ]
	contains "$(cat /tmp/background.out)" "0 of 0 objects in use"
	eventually pool_is_whole
}

@test "buffers of every kind are listed, and gone when their holder is" {
	for kind in pages kmalloc vmalloc; do
		allocate operator $kind 128K
		run mmioctl buffers
		contains "$output" $kind
		let_go
		eventually lease_not_listed "$lease"
	done
	allocate operator dma 64K --device edu
	run mmioctl buffers
	contains "$output" dma
}

@test "a client whose cgroup is full is refused, and the daemon's does not grow" {
	pid=$(systemctl show -P MainPID mmiod.service)
	group=/sys/fs/cgroup$(sed 's/^0:://' "/proc/$pid/cgroup")
	[ -e "$group/memory.current" ] || skip "the unit has no memory accounting"
	before=$(cat "$group/memory.current")
	mkdir -p /sys/fs/cgroup/client
	echo 33554432 >/sys/fs/cgroup/client/memory.max
	run sh -c 'echo $$ >/sys/fs/cgroup/client/cgroup.procs; exec setpriv --reuid=operator --regid=operator --init-groups mmioctl alloc pages 64M -- true 3>&- 4>&-'
	[ "$status" != 0 ]
	after=$(cat "$group/memory.current")
	[ $((after - before)) -lt $((4 << 20)) ]
	run sh -c 'echo $$ >/sys/fs/cgroup/client/cgroup.procs; exec setpriv --reuid=operator --regid=operator --init-groups mmioctl alloc pages 8M -- true 3>&- 4>&-'
	[ "$status" = 0 ]
}

@test "who has no grant gets no kernel memory" {
	run setpriv --reuid=daemon --regid=daemon --clear-groups mmioctl alloc pages 4K -- true 3>&- 4>&-
	[ "$status" = 4 ]
	contains "$output" "user daemon"
	contains "$output" grant
}

@test "zones and buddyinfo agree with the kernel" {
	run mmioctl zones
	for zone in DMA DMA32; do contains "$output" $zone; done
	run mmioctl buddyinfo
	contains "$output" DMA32
}
