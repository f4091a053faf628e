#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # status, output: of run
# Programs that nobody can change, and the ways to a window for them: under run by the device's own name, under hold by the
# path of the window's descriptor, and under hold by the descriptor itself. mmioctl(1) has the table of what works; each cell of it is
# a line here. Programs that Debian does not have are stood for by opener, which makes their calls.

load common.bash

SHM=/sys/bus/pci/devices/0000:01:00.0
TESTDEV=/sys/bus/pci/devices/0000:00:06.0
PAGE=0x4000 # of shm, for these tests

setup()
{
	as operator mmioctl write shm+$PAGE 0x0
	as operator mmioctl write shm+0x4010 0x12345678
}

teardown()
{
	let_go
	[ ! -e /etc/mmiod/mmiod.conf.d/67-config.conf ] || unconfigure 67-config
}

inside() # OPTION... -- COMMAND...
{
	run as operator mmioctl run "$@"
}

holding() # COMMAND...: the window of a page is descriptor 3
{
	run as operator mmioctl hold shm+$PAGE/0x1000 -- "$@"
}

has() # TEXT
{
	[ "$status" = 0 ] || { printf 'status %s: %s\n' "$status" "$output"; return 1; }
	contains "$output" "$1"
}

cannot() # TEXT
{
	[ "$status" != 0 ] || [[ $output == E* ]] || { printf 'it works: %s\n' "$output"; return 1; }
	contains "$output" "$1"
}

written() # OFFSET VALUE
{
	[ "$(as operator mmioctl read "shm+$1:32")" = "$2" ]
}

# Where a BAR lies, as everybody may read it, and so many bytes on.
address() # DEVICE BAR OFFSET
{
	printf '0x%x\n' $(($(awk "NR == $2 + 1 { print \$1 }" "$1/resource") + $3))
}

@test "pcimem's calls, of a static and of a 32-bit program" {
	local program
	for program in ./opener ./opener-32; do
		inside -- $program read $SHM/resource2 0x4010
		has 0x12345678
		inside -- $program write $SHM/resource2 0x4014 0xfeed
		written 0x4014 0x0000feed
		holding $program read /dev/fd/3 0x10
		has 0x12345678
		holding $program write /dev/fd/3 0x14 0xbeef
		written 0x4014 0x0000beef
	done
}

@test "memtool, on a BAR, on a window and at physical addresses" {
	inside -- memtool md -s $SHM/resource2 0x4010+4
	has 12345678
	inside -- memtool mw -d $SHM/resource2 0x4014 0xfeed
	written 0x4014 0x0000feed
	holding memtool md -s /dev/fd/3 0x10+4
	has 12345678
	holding memtool mw -d /dev/fd/3 0x14 0xbeef
	written 0x4014 0x0000beef
	inside -w shm -- memtool md "$(address $SHM 2 0x4010)+4"
	has 12345678
	inside -w shm -- memtool mw "$(address $SHM 2 0x4014)" 0xcafe
	written 0x4014 0x0000cafe
	holding memtool md "$(address $SHM 2 0x4010)+4"
	cannot 'Permission denied'
}

@test "devmem of busybox and devmem2's calls, which know /dev/mem only" {
	inside -w shm -- busybox devmem "$(address $SHM 2 0x4010)"
	has 0x12345678
	inside -w shm -- ./opener read /dev/mem "$(address $SHM 2 0x4010)"
	has 0x12345678
	inside -w shm -- ./opener write /dev/mem "$(address $SHM 2 0x4014)" 0xfeed
	written 0x4014 0x0000feed
	holding busybox devmem "$(address $SHM 2 0x4010)"
	cannot /dev/mem
	holding ./opener read /dev/mem "$(address $SHM 2 0x4010)"
	cannot EACCES
}

@test "dd, xxd, hexdump and od, by path and from a descriptor" {
	inside -- dd if=$SHM/resource2 bs=4 skip=$((0x4010 / 4)) count=1 status=none
	has xV4
	inside -- sh -c "printf '\1\2\3\4' | dd of=$SHM/resource2 bs=4 seek=$((0x4014 / 4)) count=1 conv=notrunc status=none"
	written 0x4014 0x04030201
	inside -- xxd -s 0x4010 -l 4 $SHM/resource2
	has '7856 3412'
	inside -- hexdump -s 0x4010 -n 4 -e '"%08x"' $SHM/resource2
	has 12345678
	holding dd if=/dev/fd/3 bs=4 skip=4 count=1 status=none
	has xV4
	holding sh -c "printf '\5\6\7\10' | dd of=/dev/fd/3 bs=4 seek=5 count=1 status=none"
	written 0x4014 0x08070605
	holding xxd -s 0x10 -l 4 /dev/fd/3
	has '7856 3412'
	holding hexdump -s 0x10 -n 4 -e '"%08x"' /dev/fd/3
	has 12345678
	holding sh -c 'dd bs=4 skip=4 count=1 status=none <&3 | od -An -tx4'
	has 12345678
}

# What scripts do in three lines; the second argument is where the window begins in the file.
PYTHON='
import mmap, os, sys
path, at = sys.argv[1], int(sys.argv[2], 0)
fd = int(path) if path.isdigit() else os.open(path, os.O_RDWR | os.O_SYNC)
memory = mmap.mmap(fd, 0x1000, offset=at)
words = memoryview(memory).cast("I")
print(hex(words[4]))
words[5] = 0xfeed
words[6:7] = memoryview(b"\xef\xbe\0\0").cast("I")
memory.flush()
'

@test "Python's mmap and memoryview, with flush()" {
	inside -- python3 -c "$PYTHON" $SHM/resource2 $PAGE
	has 0x12345678
	written 0x4014 0x0000feed
	written 0x4018 0x0000beef
	setup
	inside -w shm -- python3 -c "$PYTHON" /dev/mem "$(address $SHM 2 $PAGE)"
	has 0x12345678
	holding python3 -c "$PYTHON" /dev/fd/3 0
	has 0x12345678
	holding python3 -c "$PYTHON" 3 0
	has 0x12345678
	# Without a length it is that of the file: of the BAR, or of the window.
	inside -- python3 -c "import mmap, os; print(len(mmap.mmap(os.open('$SHM/resource2', os.O_RDWR), 0)))"
	has "$((64 << 20))"
	holding python3 -c 'import mmap; print(len(mmap.mmap(3, 0)))'
	has 4096
}

NUMPY='
import mmap, os, sys, numpy
path, at = sys.argv[1], int(sys.argv[2], 0)
if path.isdigit():
    words = numpy.frombuffer(mmap.mmap(int(path), 0x1000), "<u4")
else:
    words = numpy.memmap(path, "<u4", "r+", at, 1024)
print(hex(words[4]))
words[5] = 0xfeed
'

@test "numpy's memmap and frombuffer" {
	inside -- python3 -c "$NUMPY" $SHM/resource2 $PAGE
	has 0x12345678
	written 0x4014 0x0000feed
	setup
	holding python3 -c "$NUMPY" /dev/fd/3 0
	has 0x12345678
	holding python3 -c "$NUMPY" 3 0
	has 0x12345678
	written 0x4014 0x0000feed
}

@test "lspci -xxx, which reads configuration space by the device's name" {
	configure 67-config '[device edu]' 'device = pci:0000:00:04.0' '[grant config]' 'device = edu' 'config = read' \
		'user = operator'
	inside -- lspci -s 00:04.0 -xxx
	has 'f0: '
	contains "$output" '00: 34 12 e8 11'
	run as operator lspci -s 00:04.0 -xxx
	has '30: '
	[[ $output != *'f0: '* ]]
}

@test "a program of libpciaccess" {
	inside -- ./pciaccess 4 0 0
	has '1234 0x010000ed'
	inside -- ./pciaccess 4 0 4 0x5
	[ "$status" = 0 ]
	[ "$(as operator mmioctl read edu+4)" = 0xfffffffa ] # which answers all bits the other way round
	run as operator ./pciaccess 4 0 0
	cannot 'pci_device_map_range'
}

@test "lsuio's calls, on the tree and on each map" {
	# shellcheck disable=SC2016 # the inner shell expands it
	inside --uio 3=edu,shm+$PAGE/0x1000 -- sh -c 'cat /sys/class/uio/uio3/name; for m in /sys/class/uio/uio3/maps/map*; do
		cat $m/size; done; ./opener mode r /dev/uio3; ./opener read /dev/uio3 0; ./opener read /dev/uio3 4112'
	has 0x12345678
	contains "$output" 0x010000ed
	contains "$output" 0x0000000000001000
}

@test "libbcm2835's path, which maps more of /dev/gpiomem than there is" {
	as operator mmioctl write shm+$PAGE 0x600d
	inside --map /dev/gpiomem=shm+$PAGE/0x1000 -- ./opener longer /dev/gpiomem
	has 0x0000600d
	inside --map /dev/other=shm+$PAGE/0x1000 -- ./opener longer /dev/other
	cannot EINVAL
	holding ./opener longer /dev/fd/3
	cannot EINVAL
}

@test "pcimem's calls where the grant only reads" {
	inside -- ./opener read $TESTDEV/resource0 0
	cannot EACCES
	inside --read-only --downgrade -- ./opener read $TESTDEV/resource0 0
	has 0x
	run as operator mmioctl hold --read-only testdev -- ./opener read /dev/fd/3 0
	cannot EACCES
	run as operator mmioctl hold --read-only testdev -- dd if=/dev/fd/3 bs=4 count=1 status=none of=/dev/null
	has ''
}
