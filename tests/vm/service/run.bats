#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # each test is a process; holder_pid: of common.bash
# run on real devices: BARs, /dev/mem and UIO nodes for programs that open them by name, as operator.

load common.bash

SYS=/sys/bus/pci/devices
EDU=$SYS/0000:00:04.0
SHM=$SYS/0000:01:00.0
TESTDEV=$SYS/0000:00:06.0
BIG=$SYS/0000:00:1d.0

teardown()
{
	let_go
	[ ! -e /etc/mmiod/mmiod.conf.d/65-irq.conf ] || unconfigure 65-irq
	[ ! -e /etc/mmiod/mmiod.conf.d/80-big.conf ] || give_bigshm_back
}

inside() # OPTION... -- COMMAND...
{
	run as operator mmioctl run "$@"
}

# Where a BAR lies, as everybody may read it, and so many bytes on.
address() # DEVICE BAR [OFFSET]
{
	printf '0x%x\n' $(($(awk "NR == $2 + 1 { print \$1 }" "$1/resource") + ${3:-0}))
}

is() # TEXT
{
	[ "$output" = "$1" ] || { printf 'is: %s\nshould be: %s\n' "$output" "$1"; return 1; }
}

nothing_leased()
{
	[ -z "$(mmioctl leases --no-headings)" ]
}

said()
{
	grep -q "$1" /tmp/background.out
}

@test "a static and a 32-bit program read the identification of edu by its name in sysfs" {
	inside -- ./opener read $EDU/resource0 0
	is 0x010000ed
	inside -- ./opener-32 read $EDU/resource0 0
	is 0x010000ed
	inside -- sh -c "cd $EDU && exec /opt/rig/opener read ./resource0 0"
	is 0x010000ed
}

@test "what is written through a BAR's name is in the device" {
	inside -- ./opener write $SHM/resource2 0x3204000 0x5ca1ab1e
	[ "$status" = 0 ]
	run as operator mmioctl read shm+0x3204000:32
	contains "$output" 0x5ca1ab1e
	inside -- sh -c "dd if=$SHM/resource2 bs=4 skip=$((0x3204000 / 4)) count=1 2>/dev/null | od -An -tx4"
	is ' 5ca1ab1e'
}

@test "one /dev/mem has the BARs of several devices at their addresses, and nothing else" {
	inside -- busybox devmem "$(address $EDU 0)"
	contains "$output" 0x010000ED
	contains "$output" 'without 1 region (set-aside)'
	inside -- busybox devmem "$(address $SHM 2 0x1008)" 32 0x600d
	[ "$status" = 0 ]
	inside -- busybox devmem "$(address $SHM 2 0x1008)"
	contains "$output" 0x0000600D
	inside -w edu -- busybox devmem "$(address $EDU 0)"
	is 0x010000ED
	inside -w edu -- busybox devmem "$(address $SHM 2)"
	contains "$output" 'Invalid argument'
	inside -w edu -- ./opener stat /dev/mem
	is 'device 0 1:1'
	inside -w set-aside -- ./opener mode rw /dev/mem
	contains "$output" 'the address of region set-aside is not known'
}

@test "a read-only grant opens for reading, and with --downgrade for who opens for writing" {
	inside -- ./opener mode rw $TESTDEV/resource0
	contains "$output" 'only read region testdev'
	contains "$output" EACCES
	inside -- ./opener mode r $TESTDEV/resource0
	is 'r cloexec'
	inside --read-only --downgrade -- ./opener read $TESTDEV/resource0 0
	[ "$status" = 0 ]
	inside --read-only --downgrade -- ./opener write $TESTDEV/resource0 0 1
	[ "$status" = 139 ]
}

@test "a UIO node has its maps by number, and its number is that of its attributes" {
	inside --uio 7=edu,shm+0x2000/0x1000 -- sh -c "./opener read /dev/uio7 0; ./opener write /dev/uio7 4096 0xfeed &&
		./opener read /dev/uio7 4096; ./opener read /dev/uio7 8192"
	is $'0x010000ed\n0x0000feed\nEINVAL'
	run as operator mmioctl read shm+0x2000:32
	contains "$output" 0x0000feed
	inside --uio 7=edu -- sh -c 'exec 3<>/dev/uio7; stat -L -c "%t:%T %F" /proc/self/fd/3; cat /sys/class/uio/uio7/dev'
	contains "$output" 'character special file'
	[ "$((0x$(cut -d: -f1 <<<"${lines[0]}")))" = "$(cut -d: -f1 <<<"${lines[1]}")" ]
	inside --uio 7=edu,shm -- sh -c 'ls -R /sys/class/uio; cat /sys/class/uio/uio7/maps/map1/addr'
	contains "$output" map1
	contains "$output" "$(printf '0x%016x' "$(address $SHM 2)")"
}

# A UIO node whose interrupt is edu's line; descriptor 3 of the commands.
with_interrupt() # COMMANDS
{
	inside --uio 7=edu,edu/irq0 -- sh -c "exec 3<>/dev/uio7; count() { dd bs=4 count=1 <&3 2>/dev/null | od -An -tu4 | tr -d ' '; }; $1"
}

@test "a UIO node tells interrupts of its device and unmasks them, and nobody has the vector afterwards" {
	configure 65-irq '[device edu]' 'device = pci:0000:00:04.0' 'interrupts = intx' \
		'[grant irq]' 'device = edu' 'interrupts = yes' 'user = operator'
	raise='./opener write /dev/uio7 0x60 1 >/dev/null' acknowledge='./opener write /dev/uio7 0x64 0xffffffff >/dev/null'
	with_interrupt "$raise; count; $acknowledge; printf '\1\0\0\0' >&3; $raise; count; $acknowledge"
	is $'1\n2'
	eventually vector_free
	# Others who open it meanwhile have the same.
	with_interrupt "exec 4<>/dev/uio7; $raise; dd bs=4 count=1 <&4 2>/dev/null | od -An -tu4 | tr -d ' '; $acknowledge"
	is 1
	run as guest mmioctl run --uio 7=edu,edu/irq0 -- ./opener mode r /dev/uio7
	contains "$output" EACCES
	unconfigure 65-irq
}

vector_free()
{
	[ -z "$(mmioctl irq --no-headings)" ]
}

@test "a BAR of I/O ports is left to the kernel, and a user is told why that refuses" {
	inside -- ./opener mode r $TESTDEV/resource1
	contains "$output" 'BAR 1 is of I/O ports, and no region of yours is all of it'
	contains "$output" EACCES
	run mmioctl run --as-root -- ./opener mode r $TESTDEV/resource1
	is 'r cloexec'
}

# No service has it; the module's tests, which follow, bind it themselves.
give_bigshm_back()
{
	unconfigure 80-big
	mmioctl unbind 0000:00:1d.0
}

# Regions of one page in a BAR of 4 GiB, each 64 KiB behind the one before.
cut_bigshm() # COUNT
{
	local i lines=()
	for ((i = 0; i < $1; i++)); do
		lines+=("[region big$i]" 'device = pci:0000:00:1d.0' 'bind = yes' 'bar = 2'
			"range = $(printf '0x%x-0x%x' $((i << 16)) $(((i << 16) + 0xfff)))")
	done
	configure 80-big "${lines[@]}" '[grant big]' 'region = big*' 'user = operator' 'access = rw'
	eventually as operator mmioctl read "big$(($1 - 1))"
}

@test "a BAR of which only parts are leased is as long as ever, and is there where they are" {
	cut_bigshm 2
	inside -- sh -c "./opener write $BIG/resource2 0x10000 0x1dea; ./opener read $BIG/resource2 0x10000
		./opener read $BIG/resource2 0; ./opener read $BIG/resource2 0x1000; ./opener read $BIG/resource2 0x8000
		exec 3<>$BIG/resource2; stat -L -c '%F %s' /proc/self/fd/3"
	is $'0x00001dea\n0x00000000\nEINVAL\nEINVAL\nregular file 4294967296'
}

# Which they are is as the daemon has them, in places that others had before.
@test "/dev/mem has 64 regions, and says which it has not" {
	local i=65 last missing
	cut_bigshm 66
	inside -- busybox devmem "$(address $BIG 2 0)"
	[[ $output =~ "run: /dev/mem: without 6 regions ("([a-z0-9, -]+)")" ]] || { echo "$output"; return 1; }
	missing=", ${BASH_REMATCH[1]},"
	[ "$(tr -cd , <<<"$missing")" = ,,,,,,, ]
	while [[ $missing = *" big$i,"* ]]; do
		i=$((i - 1))
	done
	last=$(address $BIG 2 $((i << 16)))
	inside -- busybox devmem "$last" 32 0xcafe
	inside -- busybox devmem "$last"
	contains "$output" 0x0000CAFE
}

@test "a part of a region by a name of one's own is as long as that part" {
	inside --map /dev/part=shm+0x4000/0x2000 -- sh -c './opener write /dev/part 0x1000 0x1dea
		./opener read /dev/part 0x1000; ./opener read /dev/part 0x2000; ./opener stat /dev/part'
	is $'0x00001dea\nEINVAL\nfile 8192 0:0'
	run as operator mmioctl read shm+0x5000:32
	contains "$output" 0x00001dea
}

@test "a region is given back when no program has it, with --keep at the end" {
	background operator mmioctl run -- sh -c "./opener read $SHM/resource2 0; echo ready; exec sleep 1000"
	eventually said ready
	eventually nothing_leased
	inside -- ./opener mode rw $SHM/resource2
	is 'rw cloexec'
	let_go
	background operator mmioctl run --keep -- sh -c "./opener read $SHM/resource2 0; echo ready; exec sleep 1000"
	eventually said ready
	inside -- ./opener mode rw $SHM/resource2
	contains "$output" EBUSY
	contains "$output" 'share = shared-write'
}

@test "a mapping without a descriptor keeps its lease, and a revocation takes it, also through a view" {
	local way
	for way in "$SHM/resource2 0" "/dev/mem $(address $SHM 2)"; do
		# shellcheck disable=SC2086 # two words
		background operator mmioctl run -w shm -- ./opener keep $way
		eventually said 0x
		eventually sh -c '[ "$(mmioctl leases -o MAPPINGS --no-headings | tr -d " ")" = 1 ]'
		sleep 2 # two looks at who has it
		mmioctl revoke "$(mmioctl leases -o ID --no-headings)"
		eventually said SIGBUS
		let_go
		eventually nothing_leased
	done
}

@test "a view that is opened by its descriptor is the same file" {
	inside -w edu -- sh -c 'exec 3<>/dev/mem; ./opener stat /proc/self/fd/3; ./opener mode rw /dev/fd/3'
	is $'device 0 1:1\nrw cloexec'
}

@test "who has no grant is told so, and root is asked whether it means it" {
	run as guest mmioctl run -- ./opener mode r $EDU/resource0
	contains "$output" 'no grant lets user guest (uid 1001) read region edu'
	contains "$output" EACCES
	run mmioctl run -- true
	[ "$status" = 2 ]
	contains "$output" as-root
}

@test "a program with a timer, one that leaves a daemon behind, and threads are served" {
	inside -- ./opener timer $EDU/resource0
	is opened
	inside -- ./opener daemon $EDU/resource0 /tmp/late
	[ "$status" = 3 ]
	[ "$(cat /tmp/late)" = opened ]
	rm /tmp/late
}

@test "Yama's 1 is no hindrance, and 2 is named" {
	[ -e /proc/sys/kernel/yama ] || skip 'this kernel has no Yama'
	local before
	before=$(sysctl -n kernel.yama.ptrace_scope)
	sysctl -q -w kernel.yama.ptrace_scope=1
	inside -- ./opener daemon $EDU/resource0 /tmp/late
	sysctl -q -w kernel.yama.ptrace_scope=2
	[ "$(cat /tmp/late)" = opened ]
	rm /tmp/late
	inside -- true
	sysctl -q -w kernel.yama.ptrace_scope="$before"
	[ "$status" = 125 ]
	contains "$output" 'ptrace_scope is 2'
}

@test "a supervisor that is killed leaves its programs able to go on" {
	background operator mmioctl run -- sh -c "./opener read $EDU/resource0 0; while [ ! -e /tmp/go ]; do sleep 0.1; done
		./opener mode rw $EDU/resource0; ls / >/dev/null && echo on"
	eventually said 0x010000ed
	kill -KILL "$holder_pid"
	touch /tmp/go
	eventually said on
	rm /tmp/go
	said EACCES
	eventually nothing_leased
}
