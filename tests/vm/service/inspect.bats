#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the inspection verbs show, next to what the kernel itself shows.

load common.bash

setup_file()
{
	configure memory '[grant memory]' 'region = shm' 'user = operator' 'access = rw' 'memory = pages vmalloc'
}

teardown_file()
{
	unconfigure memory
}

teardown()
{
	let_go
	pkill -x holder || true
	[ ! -e /etc/mmiod/mmiod.conf.d/bigshm.conf ] || give_bigshm_back
}

# No service has it; the module's tests, which follow, bind it themselves.
give_bigshm_back()
{
	unconfigure bigshm
	mmioctl unbind 0000:00:1d.0
}

newer_than() # KERNEL
{
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | tail -n 1)" != "$1" ]
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

# As the page table has it: UC, UC-, WC, WB.
cache_type()
{
	mmioctl translate "$pid" "$addr" | sed -n 's/^ *Cache: .*(\(.*\))$/\1/p'
}

# What windows are mapped as, not what they were asked to be.
@test "an uncached, a write-combining and a RAM window have three different cache types" {
	hold shm 0x1000 0x1000 populate
	find_window
	[[ $(cache_type) = UC* ]]
	let_go
	eventually lease_not_listed "$lease"
	hold shm 0x1000 0x1000 populate wc
	find_window
	[ "$(cache_type)" = WC ]
	let_go
	eventually lease_not_listed "$lease"
	hold memory pages 0x1000 populate
	find_window
	[ "$(cache_type)" = WB ]
}

@test "a window of gigabytes is mapped by leaves of 1 GiB, where the kernel has them" {
	configure bigshm '[region bigshm]' 'device = pci:0000:00:1d.0' 'bind = yes' 'bar = 2' \
		'[grant bigshm]' 'region = bigshm' 'user = operator' 'access = rw'
	eventually region_is bigshm ok
	hold bigshm 0 0x80000000
	find_window
	tell read 0x40000005
	[[ $answer = 0x* ]]
	run mmioctl translate "$pid" $((addr + 0x40000005))
	[ "$status" = 0 ]
	start=$(mmioctl --no-headings -o NAME,PHYS list | awk '$1 == "bigshm" { print $2 }')
	contains "$output" "Physical: $(printf 0x%x $((start + 0x40000005))) "
	contains "$output" "lease $lease, bigshm+0x40000005"
	if newer_than 6.11; then
		contains "$output" "Leaf: 1G"
		contains "$output" large
		[[ $output != *PMD:* && $output != *PTE:* ]]
	else
		contains "$output" "Leaf: 4K"
	fi
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
	read -r -t $((60 * patience)) word second <&"${SECOND[0]}"
	two=$(mmioctl page "$libc@$pid" | sed -n 's/.*Mappings: //p')
	kill "$SECOND_PID"
	[ "$two" = $((one + 1)) ]
}

mappings_of_page() # COUNT
{
	[ "$(mmioctl page "$addr@$pid" | sed -n 's/.*Mappings: //p')" = "$1" ]
}

@test "a buffer's page counts a second process that maps it, and forgets it when it is gone" {
	for kind in pages vmalloc; do
		hold memory $kind 0x4000 populate
		find_window
		mappings_of_page 1
		tell fork
		[[ $answer =~ ^[0-9]+$ ]] || { echo "$answer"; return 1; }
		mappings_of_page 2 || { mmioctl page "$addr@$pid"; return 1; }
		kill "$answer"
		eventually mappings_of_page 1
		let_go
		eventually lease_not_listed "$lease"
	done
}

# By both: start, bytes, bytes present and dirty, of every segment.
segments_of_pmap() # PID
{
	local address size rss dirty mode
	pmap -x "$1" | while read -r address size rss dirty mode _; do
		[[ $address =~ ^[0-9a-f]+$ && $mode =~ ^[r-][w-][x-] ]] || continue
		printf '0x%x %d %d %d\n' "0x$address" $((size * 1024)) $((rss * 1024)) $((dirty * 1024))
	done
}

segments_of_mmioctl() # PID
{
	local address size rss dirty
	mmioctl --bytes --no-headings -o ADDRESS,SIZE,RSS,DIRTY pmap "$1" | while read -r address size rss dirty; do
		echo "$address $size $rss $dirty"
	done
}

@test "pmap has the segments of pmap -x with the same sizes, and tells what the windows are" {
	hold shm 0x1000 0x4000 populate
	find_window
	segments_of_pmap "$pid" >/tmp/theirs
	segments_of_mmioctl "$pid" >/tmp/ours
	diff /tmp/theirs /tmp/ours
	[ "$(grep -c . /tmp/ours)" -gt 10 ]
	grep -qx "$addr 16384 0 0" /tmp/ours
	run mmioctl --no-headings -o ADDRESS,MODE,LEASE,REGION,OFFSET,RIGHTS,CACHE,STATE pmap "$pid"
	[[ $output =~ $addr\ +rw-s\ +$lease\ +shm\ +0x1000\ +rw\ +uc\ +ok ]]
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

# Within a sixteenth of what the zone has: others take and give meanwhile.
about() # FIGURE EXPECTED MANAGED
{
	local apart=$(($1 - $2))
	[ "${apart#-}" -le $(($3 / 16)) ] || { echo "$1, not about $2, of $3"; return 1; }
}

# Of every zone that has memory: node, name, start_pfn, spanned, present, managed, free pages.
zones_of_kernel()
{
	awk '/^Node/ { node = $2 + 0; zone = $4; seen = 0 }
		$1 == "pages" && $2 == "free" { free = $3; seen = 1 }
		seen && $1 ~ /^(spanned|present|managed)$/ { value[$1] = $2 }
		$1 == "start_pfn:" && value["spanned"] {
			print node, zone, $2, value["spanned"], value["present"], value["managed"], free }' /proc/zoneinfo
}

@test "every zone has the figures of /proc/zoneinfo" {
	zones_of_kernel >/tmp/theirs
	mmioctl --no-headings -o NODE,ZONE,START_PFN,SPANNED_PAGES,PRESENT_PAGES,MANAGED_PAGES,FREE_PAGES zones >/tmp/ours
	diff <(cut -d ' ' -f 1-6 /tmp/theirs) <(while read -r -a row; do echo "${row[*]:0:6}"; done </tmp/ours)
	[ "$(grep -c . /tmp/ours)" -ge 2 ]
	while read -r -a theirs && read -r -a ours <&3; do
		about "${ours[6]}" "${theirs[6]}" "${theirs[5]}"
	done </tmp/theirs 3</tmp/ours
}

# Free pages by blocks: COUNT... of order 0, 1, ...
pages_of()
{
	local sum=0 order=0 count
	for count; do
		sum=$((sum + (count << order++)))
	done
	echo $sum
}

# Nobody takes memory of zone DMA; of the others the sums must do.
@test "buddyinfo has the free blocks of /proc/buddyinfo" {
	sed -n 's/^Node \([0-9]*\), zone/\1/p' /proc/buddyinfo >/tmp/theirs
	mmioctl --no-headings --bytes -o NODE,NAME,FREE,BLOCKS buddyinfo >/tmp/ours
	[ "$(grep -c . /tmp/theirs)" = "$(grep -c . /tmp/ours)" ]
	while read -r -a theirs && read -r -a ours <&3; do
		[ "${theirs[*]:0:2}" = "${ours[*]:0:2}" ]
		[ ${#ours[@]} = $((${#theirs[@]} + 1)) ]
		[ $((ours[2] / 4096)) = "$(pages_of "${ours[@]:3}")" ]
		managed=$(zones_of_kernel | awk -v zone="${theirs[1]}" '$2 == zone { print $6 }')
		about "$(pages_of "${ours[@]:3}")" "$(pages_of "${theirs[@]:2}")" "$managed"
		[ "${theirs[1]}" != DMA ] || [ "${theirs[*]:2}" = "${ours[*]:3}" ]
	done </tmp/theirs 3</tmp/ours
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
