# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# read, write and dump; programs that use the library.
load helper

@test "what was written is read" {
	start_daemon
	mmioctl write regs+0x10 0xdeadbeef
	run mmioctl read regs+0x10
	expect_equal "$output" 0xdeadbeef
}

@test "a write touches the bytes of its register and no others" {
	start_daemon
	mmioctl write shm+0x100:16 0xffff
	run mmioctl dump shm+0xf8/16
	expect_equal "${lines[0]}" "000000f8  00000000 00000000 0000ffff 00000000  |................|"
}

@test "reads and writes come in 8, 16, 32 and 64 bits" {
	start_daemon
	mmioctl write shm+0x20:64 0x1122334455667788
	expect_equal "$(mmioctl read shm+0x20:8)" 0x88
	expect_equal "$(mmioctl read shm+0x22:16)" 0x5566
	expect_equal "$(mmioctl read shm+0x24:32)" 0x11223344
	expect_equal "$(mmioctl read shm+0x20:64)" 0x1122334455667788
}

@test "the width is the region's unless the target says otherwise" {
	printf '[region bytes]\nsize = 4K\nwidth = 8\n[grant bytes]\nregion = bytes\nuser = %s\naccess = rw\n' \
		"$ME" >>"$T/sim.conf"
	start_daemon
	expect_equal "$(mmioctl read bytes)" 0x00
	expect_equal "$(mmioctl read regs)" 0x00000000
}

@test "another width than the declared one is refused" {
	start_daemon
	run mmioctl read regs:8
	expect_status 1
	expect_match 'region regs is accessed by 32 bits, not 8'
}

@test "misaligned offsets and lengths are usage errors that name the width" {
	start_daemon
	run mmioctl read regs+0x2
	expect_status 2
	expect_match 'offset 0x2 is not a multiple of 4 bytes'
	run mmioctl dump regs 10
	expect_status 2
	expect_match 'length 0xa is not a multiple of 4 bytes'
}

@test "a value that does not fit the register is refused before anything is written" {
	start_daemon
	run mmioctl write regs 0x100000000
	expect_status 2
	expect_match 'does not fit 32 bits: the greatest is 0xffffffff'
	expect_equal "$(mmioctl read regs)" 0x00000000
}

@test "read of a length prints one value per register" {
	start_daemon
	mmioctl write regs+4 1
	run mmioctl read regs/12
	expect_equal "$output" $'0x00000000\n0x00000001\n0x00000000'
}

@test "dump shows text beside the bytes and folds lines that repeat" {
	start_daemon
	mmioctl write shm:64 0x0021216f6c6c6548
	run mmioctl dump shm:8 64
	expect_match '\|Hello!!\.\.\.\.\.\.\.\.\.\|'
	expect_equal "${lines[2]}" '*'
	expect_equal "${lines[3]}" 00000040
}

@test "dump of a whole region of 64 KiB has every value" {
	start_daemon
	mmioctl write shm+0xfffc 0x12345678
	expect_equal "$(value '.values | length' dump shm 64K)" 16384
	expect_equal "$(value '.values[-1].hex' dump shm 64K)" 0x12345678
}

@test "the last register can be read, the one behind it cannot" {
	start_daemon
	mmioctl read regs+0xffc
	run mmioctl read regs+0x1000
	expect_status 1
	expect_match '0x1000\+0x4 is outside of region regs, which has 0x1000 bytes'
	run mmioctl read regs+0xfffffffffffffffc
	expect_status 1
	expect_match 'is outside of region regs'
}

@test "what others share can be read and written meanwhile by whoever shares it" {
	start_daemon
	hold shm --shared-write
	head -c 16 /dev/zero >"$T/zeros"
	for verb in "read shm:32" "dump shm/16" "save shm/16 $T/out16" "diff shm/16 $T/zeros" "wait shm:8 --equals 0" \
		"bench shm/4K --count 1"; do
		# shellcheck disable=SC2086 # split into words
		run timeout 10 mmioctl $verb </dev/null
		expect_status 0
	done
	for verb in "write shm:32 0" "fill shm/16 0" "load shm/16 $T/zeros" "copy shm/16 shm+0x10/16" "set shm:8 0" \
		"clear shm:8 0" "toggle shm+1:8 0" "test shm/64 --yes" "watch shm+1:8 --interval 1ms --count 1 --exclusive"; do
		# shellcheck disable=SC2086 # split into words
		run timeout 600 mmioctl $verb </dev/null
		expect_status 5
		expect_match 'is held by user .* shared-write'
		[[ $verb != watch* ]] || continue
		# shellcheck disable=SC2086 # split into words
		run timeout 600 mmioctl $verb --shared-write
		expect_status 0
	done
	background mmioctl watch shm+1:8 --interval 1ms --count 1 --shared-write
	eventually grep -q 0x01 "$T/out"
	mmioctl write shm+1:8 2 --shared-write
	expect_end 0
	run mmioctl read shm:32 --shared-read
	expect_status 5
}

@test "a region that may only be read refuses writes and leaves its memory alone" {
	start_daemon
	run mmioctl write rom 1
	expect_status 4
	expect_match '\[grant readers\] at .*/sim.conf:15 lets user .* only read region rom'
	expect_equal "$(mmioctl read rom)" 0x00000000
}

@test "the file of a read-only window cannot be written" {
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	run mmioctl hold rom --read-only --shared-read -- bash -c 'echo x >&3'
	expect_status 1
	expect_equal "$(mmioctl read rom)" 0x00000000
}

@test "memory backed by a file keeps what was written, at the right offset and nowhere else" {
	printf '[region disk]\nsize = 16K\nbacking = %s\n[grant disk]\nregion = disk\nuser = %s\naccess = rw\n' \
		"$T/disk" "$ME" >>"$T/sim.conf"
	start_daemon
	mmioctl write disk+0x1230 0x64636261
	expect_equal "$(stat -c %s "$T/disk")" 16384
	expect_equal "$(tr -d '\0' <"$T/disk")" abcd
	expect_equal "$(grep -obUaP abcd "$T/disk" | cut -d: -f1)" $((0x1230))
}

@test "a program maps a window, writes through the mapping, and another reads it" {
	start_daemon
	run "$BUILD/examples/hello-window" shm+0x3000/0x1000 "greetings from afar"
	expect_status 0
	run mmioctl dump shm+0x3000:8 32
	expect_match 'greetings from a'
}

@test "a holder that opens its file with O_TRUNC takes the memory away from nobody" {
	start_daemon
	mmioctl write shm+0x8000 0x12345678
	run mmioctl hold shm/0x1000 -- sh -c 'echo x >/dev/fd/3'
	[ "$status" -ne 0 ]
	expect_match 'not permitted'
	expect_equal "$(mmioctl read shm+0x8000)" 0x12345678
}

@test "a backing file that was cut short is told of, by every verb that reads or maps it" {
	printf '[region disk]\nsize = 64K\nbacking = %s\n[grant disk]\nregion = disk\nuser = *\naccess = rw\n' \
		"$T/disk" >>"$T/sim.conf"
	start_daemon
	mmioctl write disk+0x8000 1
	truncate -s 4K "$T/disk"
	for verb in 'read disk+0x8000' 'dump disk/64K' 'fill disk/64K 0' 'bench disk/64K'; do
		# shellcheck disable=SC2086 # words
		run mmioctl $verb
		expect_status 7
		expect_match 'the file behind its region was cut'
	done
	mmioctl read disk+0xff8
}

@test "diff tells of a file that is longer than what was compared, by a pipe too" {
	start_daemon
	head -c 64 /dev/zero >"$T/file"
	mmioctl diff shm/64 "$T/file"
	printf more >>"$T/file"
	run mmioctl diff shm/64 "$T/file"
	expect_status 9
	expect_match 'file goes on after the 0x40 bytes that were compared'
	run sh -c "cat $T/file | mmioctl diff shm/64 -"
	expect_status 9
	expect_match 'standard input goes on after the 0x40 bytes'
	head -c 64 "$T/file" | mmioctl diff shm/64 -
}

@test "load says of a pipe what it says of a file: more bytes than there is room for" {
	start_daemon
	yes | head -c 70000 >"$T/image"
	run mmioctl load shm "$T/image"
	expect_status 1
	run sh -c "cat $T/image | mmioctl load shm -"
	expect_status 1
	expect_match 'standard input has more than the 0x10000 bytes of shm, which were all written'
	head -c 65536 "$T/image" | mmioctl load shm -
	mmioctl load shm/64 - <"$T/image"
	sh -c "cat $T/image | mmioctl load shm/64 -"
}

@test "show of a region that is missing says why, and map fails with the same reason" {
	printf '[region card]\ndevice = pci:0000:01:00.0\nbar = 0\n[grant card]\nregion = card\nuser = *\naccess = rw\n' \
		>>"$T/sim.conf"
	start_daemon
	run mmioctl show card
	expect_status 0
	expect_match 'missing'
	expect_match 'region card is not there: simulation needs "size = BYTES" for it'
	run mmioctl map card
	expect_status 7
	expect_match 'region card is not there: simulation needs'
	run mmioctl --json show card
	expect_status 0
	run mmioctl show shm+0x10000
	expect_status 1
}

@test "two who only read are not in each other's way" {
	start_daemon
	background mmioctl watch regs --count 1000000
	eventually leases_are 1
	expect_equal "$(mmioctl read regs)" 0x00000000
	expect_equal "$(leases)" 1
}

@test "a region that owns no whole page is shown and listed as one that cannot be mapped" {
	printf '[region small]\nsize = 256\n[grant small]\nregion = small\nuser = *\n' >>"$T/sim.conf"
	start_daemon
	run mmioctl show small
	expect_match 'no whole pages: read and written, but never mapped'
	expect_equal "$(value '.regions[] | select(.name == "small").mappable' list -o NAME,MAPPABLE)" no
	expect_equal "$(value '.regions[] | select(.name == "shm").mappable' list -o NAME,MAPPABLE)" yes
}

# 64 KiB and more go through a mapping where the window can be mapped, and elsewhere by mediated access.
@test "many bytes are loaded, copied, saved and filled, in memory of each kind and at any offset" {
	printf '[region big]\nsize = 1M\ncache = uc wc\n[grant big]\nregion = big\nuser = *\naccess = rw\n' >>"$T/sim.conf"
	start_daemon
	head -c 200003 /dev/urandom >"$T/image"
	for target in 0 0x1000 0x33 0x1fff; do
		for kind in uc wc; do
			mmioctl fill --$kind big/1M 0xa5
			mmioctl load --$kind big+$target "$T/image"
			mmioctl save --$kind big+$target/200003 - | cmp - "$T/image"
			mmioctl copy --$kind big+$target/200003 big+0x80000
			mmioctl save --$kind big+0x80000/200003 - | cmp - "$T/image"
			expect_equal "$(mmioctl save big - | wc -c)" 1048576
			mmioctl save big+0xfff00/256 - | cmp - <(head -c 256 /dev/zero | tr '\0' '\245')
		done
	done
}
