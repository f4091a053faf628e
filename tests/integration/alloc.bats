#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Allocation from the command line: pools and kernel memory, the verbs that show them, and every way to ask for nonsense.

load helper

# vram: a pool of 1 MiB. page: one with pages of 16 KiB. theirs: a pool that is not ours.
pool_config() {
	cat <<-END
		[region vram]
		size = 1M
		pool = yes
		cache = wc uc
		[region page]
		size = 256K
		pool = yes
		page = 16K
		[region theirs]
		size = 64K
		pool = yes
		[region shm]
		size = 64K
		[grant us]
		region = vram page shm
		user = $ME $COLLEAGUE
		access = rw
		[grant others]
		region = theirs
		user = $NOBODY_ELSE
		access = rw
		[grant memory]
		memory = pages kmalloc vmalloc
		user = $ME $COLLEAGUE
	END
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME"
}

serve_pools() {
	{ pool_config; printf '%s\n' "$@"; } >"$T/sim.conf"
	start_daemon
}

# allocate ARGUMENT…: mmioctl alloc in the background; $LEASE is its lease.
allocate() {
	: >"$T/out"
	background mmioctl alloc "$@"
	eventually grep -q '^lease ' "$T/out" || { cat "$T/err"; return 1; }
	LEASE=$(awk '{ print $2; exit }' "$T/out")
}

# refused STATUS SENTENCE ARGUMENT…
refused() {
	run mmioctl alloc "${@:3}" -- true
	expect_status "$1"
	expect_match "$2"
}

# Files of the kernel's, to be written by the test.
own_proc() {
	mkdir "$T/proc"
	export MMIOCTL_PROC=$T/proc
}

pool_value() {
	value ".pools[] | select(.name == \"vram\") | .$1" pools
}

pool_is_whole() {
	[ "$(pool_value free)" -eq 1048576 ] && [ "$(pool_value leases)" -eq 0 ]
}

@test "a pool gives exactly the pages asked for, and has them back afterwards" {
	serve_pools
	allocate vram 12K
	expect_equal "$(pool_value free)" $((1048576 - 12288))
	expect_equal "$(value '.leases[0] | "\(.region) \(.offset) \(.length)"' -O leases)" "vram 0 12288"
	kill "$JOB"
	eventually pool_is_whole
}

@test "pools as a table and as JSON" {
	serve_pools
	allocate vram 256K
	run mmioctl pools
	expect_status 0
	expect_match "NAME +SIZE USED FREE LARGEST WIPING LEASES"
	expect_match "vram +1M 256K 768K +512K +0B +1"
	expect_match "page +256K +0B 256K +256K +0B +0"
	expect_equal "$(value '[.pools[].name] | join(" ")' pools)" "vram page$([ "$ME" -ne 0 ] || echo ' theirs')"
	expect_equal "$(value '.pools[0] | "\(.size) \(.used) \(.free) \(.largest) \(.leases)"' pools)" "1048576 262144 786432 524288 1"
}

@test "the map of a pool shows whose each block is, as text and as JSON" {
	serve_pools
	allocate vram 256K
	run mmioctl pools --map vram
	expect_status 0
	expect_equal "${lines[0]}" "vram 1M"
	expect_match "0x000000 A+$(printf '\n')?"
	expect_match "A [^ ]+ $JOB mmioctl 256K in 1, 25.0%"
	expect_match "free 768K, largest 512K"
	expect_equal "$(value '.pools[] | select(.name == "vram") | .extents[0] | "\(.offset) \(.length) \(.lease) \(.pid) \(.command)"' \
		pools --map)" "0 262144 $LEASE $JOB mmioctl"
}

@test "buddyinfo counts free blocks by order, of pools and of the kernel" {
	serve_pools
	allocate vram 256K
	own_proc
	echo "Node 0, zone      DMA      1      0      2" >"$T/proc/buddyinfo"
	expect_equal "$(value '.buddyinfo[] | select(.name == "vram") | .blocks | join(" ")' buddyinfo)" "0 0 0 0 0 0 1 1 0"
	expect_equal "$(value '.buddyinfo[] | select(.kind == "zone") | "\(.name) \(.free) \(.blocks | join(" "))"' buddyinfo)" "DMA $((9 * $(getconf PAGESIZE))) 1 0 2"
	run mmioctl buddyinfo
	expect_status 0
	expect_match "pool vram +- +4K 768K"
	expect_match "zone DMA +0"
}

@test "buffers are listed, shown, and gone when their holder is" {
	serve_pools
	allocate pages 10000
	expect_equal "$(value '.buffers[0] | "\(.lease) \(.kind) \(.size) \(.state) \(.pid)"' buffers)" "$LEASE pages 12288 ok $JOB"
	run mmioctl show "$LEASE"
	expect_status 0
	expect_match "Buffer: pages"
	expect_match "Length: 12K"
	expect_equal "$(value '"\(.kind) \(.length) \(.allocated) \(.buffer.zone) \(.addresses.physical | keys[0])"' show "$LEASE")" "pages 12288 true any none"
	kill "$JOB"
	eventually leases_are 0
	run mmioctl show "$LEASE"
	expect_status 3
}

@test "show of a pool's block, and of what is no lease" {
	serve_pools
	allocate vram 4K
	run mmioctl show "$LEASE"
	expect_status 0
	expect_match "vram\+0x0, allocated from the pool"
	expect_equal "$(value '"\(.kind) \(.region) \(.offset) \(.buffer)"' show "$LEASE")" "region vram 0 null"
	run mmioctl show 999
	expect_status 3
	run mmioctl show x
	expect_status 3
	expect_match 'no region "x"'
}

@test "the command finds its memory at descriptor 3" {
	serve_pools
	run mmioctl alloc vram 8K -- sh -c 'stat -L -c %F /dev/fd/3'
	expect_status 0
	expect_match "regular file"
}

@test "alignment, bounds and powers of two are kept" {
	serve_pools
	allocate vram 4K
	allocate vram 12K --align 64K --power-of-two
	expect_equal "$(value ".leases[] | select(.id == $LEASE) | \"\(.offset) \(.length)\"" -O leases)" "65536 16384"
	allocate vram 4K --above 512K --below 0x90000
	expect_equal "$(value ".leases[] | select(.id == $LEASE) | .offset" -O leases)" 524288
	allocate page 1
	expect_equal "$(value ".leases[] | select(.id == $LEASE) | .length" -O leases)" 16384
}

@test "what cannot be is refused with what would have fitted" {
	serve_pools
	refused 1 "length of 0 bytes .* the least is 1" vram 0
	refused 1 "length 2 MiB is more than the pool has: 1 MiB; the largest free block is 1 MiB" vram 2M
	refused 1 "more than the pool has" vram 0xffffffffffffffff
	refused 1 "alignment 0xc00 is not a power of two: 0x800 would be" vram 4K --align 3K
	refused 1 "alignment 0x200000 is larger than the pool.*; the largest free block is 1 MiB" vram 4K --align 2M
	refused 1 "lower bound 0x2000 is not below upper bound 0x1000; the largest" vram 4K --above 8K --below 4K
	refused 1 "no room for the length.*; the largest free block is 1 MiB" vram 64K --below 32K
	refused 1 "not within the pool" vram 4K --above 0xfffffffffffff000
	refused 1 "not within the pool" vram 4K --below 0xffffffffffffffff
	pool_is_whole
}

@test "what a pool or a kind of kernel memory does not know is refused" {
	serve_pools
	refused 1 "a pool has no zones" vram 4K --zone dma
	refused 1 "a pool knows no no-wait" vram 4K --no-wait
	refused 1 "aligned to pages" pages 4K --align 8K
	refused 1 "no kmalloc below 4 GiB" kmalloc 4K --zone dma32
	refused 1 "contiguous is a choice of pages only" vmalloc 4K --contiguous
	refused 1 "region shm is no pool: .*sim.conf" shm 4K
	refused 3 "no region \"none\"" none 4K
	refused 2 "NUMA node" pages 4K --node 999999999999
	refused 2 "" vram
	refused 2 "" vram lots
	[ "$ME" -ne 0 ] || refused 4 "dma" dma 4K --device shm
	expect_equal "$(leases)" 0
}

@test "an exhausted pool says what would fit, and recovers" {
	serve_pools
	allocate vram 512K
	first=$JOB
	allocate vram 512K
	refused 5 "no free block of 4 KiB; nothing would fit" vram 4K
	kill "$first"
	eventually mmioctl alloc vram 512K -- true
	refused 5 "no free block of 768 KiB; the largest that would fit is 512 KiB, 512 KiB are free in all" vram 768K
	kill "$JOB"
	eventually mmioctl alloc vram 1M -- true
}

@test "freeing gives memory back at once, and twice is said to be once too often" {
	serve_pools
	allocate vram 4K
	run mmioctl free "$LEASE"
	expect_status 0
	eventually pool_is_whole
	run mmioctl free "$LEASE"
	expect_status 3
	expect_match "there is no lease $LEASE"
	run mmioctl free
	expect_status 2
}

@test "nobody frees another's, nor sees it" {
	need_root
	serve_pools
	allocate vram 4K
	run as "$COLLEAGUE" mmioctl free "$LEASE"
	expect_status 4
	expect_match "another user"
	run as "$COLLEAGUE" mmioctl show "$LEASE"
	[ "$status" -ne 0 ]
	expect_equal "$(as "$COLLEAGUE" mmioctl --json buffers | jq '.buffers | length')" 0
	expect_equal "$(pool_value leases)" 1
}

@test "who has no grant gets neither blocks nor kernel memory" {
	need_root
	serve_pools
	run as "$STRANGER" mmioctl alloc vram 4K -- true
	expect_status 4
	expect_match "no grant"
	run as "$STRANGER" mmioctl alloc pages 4K -- true
	expect_status 4
	run as "$STRANGER" mmioctl pools
	expect_status 4
	[[ $output != *vram* ]]
}

@test "two clients in one pool have different blocks, and never each other's bytes" {
	need_root
	serve_pools
	allocate vram 64K
	mine=$(value ".leases[] | select(.id == $LEASE) | .offset" -O leases)
	as "$COLLEAGUE" mmioctl --json alloc vram 64K -- sh -c 'mmioctl --json leases' >"$T/theirs"
	[ "$mine" -ne "$(jq '.leases[] | select(.region == "vram") | .offset' "$T/theirs" | tail -n 1)" ]
	kill "$JOB"
	eventually pool_is_whole
	run mmioctl alloc vram 1M -- sh -c 'head -c 1048576 /dev/zero | tr "\0" S | dd of=/dev/fd/3 conv=notrunc status=none'
	expect_status 0
	eventually pool_is_whole
	run as "$COLLEAGUE" mmioctl alloc vram 1M -- sh -c 'head -c 1048576 <&3 | tr -d "\0" | wc -c'
	expect_status 0
	expect_equal "$output" 0
}

@test "bytes-per-user is named when it is reached" {
	serve_pools "[daemon]" "bytes-per-user = 64K"
	allocate vram 60K
	refused 5 "uid $ME has 61440 bytes allocated.*bytes-per-user" vram 8K
	refused 5 "bytes-per-user" pages 8K
	mmioctl alloc vram 4K -- true
}

@test "fill, save, load and copy move bytes of a region" {
	serve_pools
	run mmioctl fill shm/0x1000 0x5a
	expect_status 0
	mmioctl save shm/0x1000 "$T/saved"
	expect_equal "$(tr -d Z <"$T/saved" | wc -c) $(wc -c <"$T/saved")" "0 4096"
	printf 'greetings' >"$T/short"
	mmioctl load shm+0x2000 "$T/short"
	mmioctl copy shm+0x2000/16 shm+0x3000
	expect_equal "$(mmioctl save shm+0x3000/9 - )" greetings
}

@test "bulk verbs refuse what does not fit or is a pool's" {
	serve_pools
	run mmioctl fill vram/0x1000 1
	expect_status 1
	expect_match "is a pool"
	run mmioctl save shm+0xff00/0x1000 "$T/saved"
	[ "$status" -ne 0 ]
	[ ! -s "$T/saved" ]
	run mmioctl copy shm/0x100
	expect_status 2
}

@test "zones and the kernel's slab caches come from the kernel's own files" {
	serve_pools
	own_proc
	printf '%s\n' 'slabinfo - version: 2.1' \
		'kmalloc-64 100 128 64 64 1 : tunables 0 0 0 : slabdata 1 2 0' >"$T/proc/slabinfo"
	expect_equal "$(value '.slabs[0] | "\(.name) \(.active) \(.objects) \(.user)"' slabinfo)" "kmalloc-64 100 128 null"
	printf '%s\n' 'Node 0, zone      DMA' '  pages free     9' '        min      1' '        low      2' \
		'        high     3' '        spanned  4095' '        present  3998' '        managed  3840' '  start_pfn:           1' >"$T/proc/zoneinfo"
	expect_equal "$(value '.zones[0] | "\(.zone) \(.free / '"$(getconf PAGESIZE)"')"' zones)" "DMA 9"
}

# A program with an object cache in the pool vram that waits; its standard input is $T/go.
cache_program() {
	mkfifo "$T/go"
	background "$BUILD/examples/object-cache" -w "$@" <>"$T/go"
	eventually published
}

published() {
	[ "$(value '[.slabs[] | select(.user != null)] | length' slabinfo)" -gt 0 ]
}

@test "slabinfo shows the caches that programs publish, until they end" {
	serve_pools
	own_proc
	: >"$T/proc/slabinfo"
	cache_program -p vram
	run mmioctl slabinfo
	expect_status 0
	expect_match "NAME +ACTIVE OBJECTS OBJSIZE PERSLAB SLABSIZE SLABS SIZE USER +PID COMMAND"
	expect_match "message +5 +85 +48 +85 +4K +1 +4K [^ ]+ +$JOB object-cache"
	expect_equal "$(value '.slabs[0] | "\(.name) \(.active) \(.objects) \(.objsize) \(.slabs) \(.size) \(.pid) \(.command)"' slabinfo)" "message 5 85 48 1 4096 $JOB object-cache"
	expect_equal "$(value '.slabs[0] | "\(.uid) \(.align) \(.debug)"' -O slabinfo)" "$ME 8 null"
	run mmioctl slabinfo 'nothing*'
	expect_status 3
	kill "$JOB"
	eventually eval '! published'
}

@test "only administrators see other users' caches" {
	need_root
	serve_pools
	own_proc
	: >"$T/proc/slabinfo"
	cache_program shm
	expect_equal "$(as "$COLLEAGUE" mmioctl --json slabinfo | jq '.slabs | length')" 0
}

@test "a cache in a pool leases what it needs, and gives it back" {
	serve_pools
	cache_program -p vram
	expect_equal "$(pool_value leases)" 1
	echo >"$T/go"
	expect_end 0
	eventually pool_is_whole
	run "$BUILD/examples/object-cache" -p shm
	expect_status 1
	expect_match "region shm is no pool"
}

@test "without a daemon slabinfo shows the kernel's, without either it fails" {
	own_proc
	printf 'kmalloc-64 100 128 64 64 1 : tunables 0 0 0 : slabdata 1 2 0\n' >"$T/proc/slabinfo"
	run mmioctl slabinfo
	expect_status 0
	expect_match "no daemon"
	expect_match "kmalloc-64"
	rm "$T/proc/slabinfo"
	run mmioctl slabinfo
	[ "$status" -ne 0 ]
}

@test "a time limit of allocated memory is renewed while it is held" {
	serve_pools
	allocate vram 4K --lease 8s
	eventually eval '[ "$(value ".leases[0].left" leases)" -lt 7 ]'
	eventually eval '[ "$(value ".leases[0].left" leases)" -ge 7 ]'
	expect_equal "$(value '.leases[0] | "\(.id) \(.renews)"' leases -O)" "$LEASE yes"
	kill "$JOB"
	eventually leases_are 0
	refused 1 'too short: 100 ms at least' vram 4K --lease 50ms
}
