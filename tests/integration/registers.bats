# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Registers by name and by bit; write's options; verbs that compare, test and measure memory. Text and JSON as they are.
load helper

setup_file() {
	MAPS=$(cd "$BATS_TEST_DIRNAME/../../client/mmioctl/maps" && pwd)
	export MAPS
}

# prints STATUS EXPECTED VERB…: exactly that, on standard output.
prints() {
	run --separate-stderr mmioctl "${@:3}"
	# shellcheck disable=SC2154 # set by run
	[ "$status" -eq "$1" ] || { echo "status $status, not $1: $output $stderr"; return 1; }
	expect_equal "$output" "$2"
}

# fails STATUS PATTERN VERB…: nothing on standard output, and one sentence.
fails() {
	run --separate-stderr mmioctl "${@:3}"
	expect_equal "$output" ""
	output=$stderr
	expect_status "$1"
	expect_match "$2"
}

# holds FILTER VERB…: the filter is true of the verb's JSON, whatever its exit status.
holds() {
	run --separate-stderr mmioctl --json "${@:2}"
	jq -e "$1" <<<"$output" >/dev/null || { echo "not so: $1"; echo "$output $stderr"; return 1; }
}

# map NAME: standard input as a map of the user's own.
map() {
	export XDG_CONFIG_HOME=$T/config
	mkdir -p "$T/config/mmiod/maps"
	cat >"$T/config/mmiod/maps/$1.ini"
}

edu_regs() {
	start_daemon
	mmioctl write regs 0x010000ed
	mmioctl write regs+0x20 0x80
}

# ---- write and read

@test "write says nothing; -v shows what was there, --dry-run what would be" {
	start_daemon
	prints 0 '' write regs+0x10 5
	prints 0 'regs+0x10: 0x00000005 -> 0x00000006' write regs+0x10 6 -v
	prints 0 'regs+0x10: 0x00000007 (not written)' write regs+0x10 7 --dry-run
	prints 0 0x00000006 read regs+0x10
	holds '. == { schema: 1, region: "regs", offset: 16, width: 32, old: { hex: "0x00000006", value: 6 },
		new: { hex: "0x00000008", value: 8 }, written: true }' write regs+0x10 8 -v
	holds '.old == null and .written == false' write regs+0x10 9 -n
	prints 0 '' write regs+0x10 8 --json
}

@test "a dry run asks the policy all the same" {
	start_daemon
	fails 4 'only read region rom' write rom 1 --dry-run
}

@test "write --mask changes those bits only" {
	start_daemon
	mmioctl write regs+0x10 0xabcd
	prints 0 'regs+0x10: 0x0000abcd -> 0x0000ab1d' write regs+0x10 0x10 --mask 0xf0 -v
	fails 2 'value 0x10 has bits outside of mask 0xf' write regs+0x10 0x10 --mask 0xf
	fails 2 'mask 0x100000000 does not fit 32 bits' write regs+0x10 0 --mask 0x100000000
	fails 2 'a mask of 0 changes nothing' write regs+0x10 0 --mask 0
	fails 2 'it is a number' write regs+0x10 0 --mask all
}

@test "write --verify is content with what is there" {
	start_daemon
	prints 0 '' write shm+0x10:32 0x12345678 --verify
	prints 0 '' set shm+0x10:32 0 --verify
	prints 0 0x12345679 read shm+0x10:32
}

@test "read repeats: x3, --repeat, one object a line" {
	start_daemon
	prints 0 $'0x00000000\n0x00000000\n0x00000000' read regs x3
	prints 0 $'regs+0x4: 0x00000000\nregs+0x8: 0x00000000' read regs+4/8 -v
	prints 0 $'0x00\n0x00' read shm -w 8 --repeat 2 --interval 1ms
	mmioctl --json read regs x2 >"$T/lines"
	expect_equal "$(jq -sc 'map(.values[0].value)' "$T/lines")" '[0,0]'
	expect_equal "$(wc -l <"$T/lines")" 2
	fails 2 'how often is written as x10' read regs 10
	fails 2 'say the same' read regs x2 --repeat 2
	fails 2 'to read no times' read regs x0
	fails 2 '8, 16, 32 or 64 bits' read regs -w 24
	fails 2 'regs:32 is 32 bits wide, --width says 16' read regs:32 -w 16
}

@test "dump --raw writes the bytes and prints nothing" {
	start_daemon
	mmioctl write shm:64 0x6867666564636261
	prints 0 '' dump shm 8 --raw "$T/raw"
	expect_equal "$(cat "$T/raw")" abcdefgh
	expect_equal "$(mmioctl dump shm 8 --raw -)" abcdefgh
	fails 3 'No such file' dump shm 8 --raw "$T/no/where"
}

# ---- addresses

@test "a region is found by where it lies" {
	printf '[region card]\ndevice = 0000:01:00.0/bar2+0x1000/4K:16\n' >>"$T/sim.conf"
	printf '[grant card]\nregion = card\nuser = %s\naccess = rw\n' "$ME" >>"$T/sim.conf"
	start_daemon
	mmioctl write card+4 0x1234
	prints 0 0x1234 read 0000:01:00.0/bar2+0x1004
	prints 0 '0000:01:00.0/bar2+0x1004: 0x1234' read 01:00.0/bar2+0x1004 -v
	fails 3 'no region has byte 0xfff of 0000:01:00.0/bar2' read 01:00.0/bar2+0xfff:8
	fails 2 'which BAR of it\? Write 01:00.0/bar0' read 01:00.0
	run mmioctl hold 01:00.0/bar2+0x1000/0x1000 -- true
	expect_status 0
}

# ---- bits

@test "set, clear and toggle change the bits that are named" {
	start_daemon
	prints 0 '' set regs+0x20 7
	prints 0 'regs+0x20: 0x00000080 -> 0x0000008e' set regs+0x20 3-1 -v
	prints 0 'regs+0x20: 0x0000008e -> 0x0000000c' clear regs+0x20 7 1 -v
	prints 0 'regs+0x20: 0x0000000c -> 0x000000f3' toggle regs+0x20 0-7 -v
	prints 0 'regs+0x20: 0x000000f3 -> 0x000000f2 (not written)' clear regs+0x20 0 -n
	prints 0 'shm+0x0: 0x0000000000000000 -> 0xffffffffffffffff' set shm:64 63-0 -v
	fails 2 '32: there are only bits 0 to 31' set regs+0x20 32
	fails 2 'leave the length out' set regs/8 1
	fails 2 'usage: mmioctl set' set regs
}

@test "set knows the fields of the register map" {
	edu_regs
	prints 0 'regs+0x20: 0x00000080 -> 0x00000000' clear regs+0x20 RAISE_IRQ -v --map "$MAPS/edu.ini"
	fails 3 'has no field "RAISE_IQ"; did you mean RAISE_IRQ\?' set regs+0x20 RAISE_IQ --map "$MAPS/edu.ini"
	fails 3 'no register at 0x30, so no field X' set regs+0x30 X --map "$MAPS/edu.ini"
	fails 3 'there is no register map for region regs' set regs+0x20 X
}

# ---- regs

@test "regs decodes all registers" {
	edu_regs
	run mmioctl regs regs --map "$MAPS/edu.ini"
	expect_status 0
	expect_equal "$(sed 's/ *$//' <<<"$output" | head -7)" \
'NAME            OFFSET ACCESS VALUE      FIELDS
ID                 0x0 ro     0x010000ed MAJOR=1 MINOR=0 MAGIC=0xed
LIVENESS           0x4 rw     0x00000000 -
FACTORIAL          0x8 rw     0x00000000 -
STATUS            0x20 rw     0x00000080 COMPUTING=done RAISE_IRQ=yes
IRQ_STATUS        0x24 ro     0x00000000 FACTORIAL=0 DMA=0
IRQ_RAISE         0x60 wo     -          -'
	holds '.schema == 1 and (.registers | length) == 11 and .registers[3] == { name: "STATUS", offset: 32, access: "rw",
		value: { hex: "0x00000080", value: 128 }, fields: [
		{ name: "COMPUTING", high: 0, low: 0, access: "ro", value: 0, meaning: "done", description: null },
		{ name: "RAISE_IRQ", high: 7, low: 7, access: "rw", value: 1, meaning: "yes",
		  description: "raise an interrupt when done" }] }' regs regs --map "$MAPS/edu.ini"
	holds '.registers[5].value == null and .registers[5].fields == []' regs regs --map "$MAPS/edu.ini"
	run mmioctl regs regs --map "$MAPS/edu.ini" -o width,reset,name --no-headings
	expect_match '^ *32 0x010000ed ID'
	fails 2 'no column "NAMES": there are NAME, OFFSET, WIDTH' regs regs --map "$MAPS/edu.ini" -o NAMES
}

@test "regs shows one register with all that is known, and one field as a number" {
	edu_regs
	prints 0 'regs+0x20 STATUS rw 0x00000080  of the factorial
  0      ro   COMPUTING     0 (done)
  7      rw   RAISE_IRQ     1 (yes)  raise an interrupt when done' regs regs STATUS --map "$MAPS/edu.ini"
	prints 0 1 regs regs STATUS.RAISE_IRQ --map "$MAPS/edu.ini"
	prints 0 '1 (yes)' regs regs status.raise_irq -v --map "$MAPS/edu.ini"
	prints 0 0xed regs regs ID.MAGIC --map "$MAPS/edu.ini"
	holds '.field.value == 237 and .register == "ID"' regs regs ID.MAGIC --map "$MAPS/edu.ini"
	holds '.name == "ID" and .value.value == 16777453 and .reset.hex == "0x010000ed"' regs regs ID --map "$MAPS/edu.ini"
	fails 3 'has no register "STAUS"; did you mean STATUS\?' regs regs STAUS --map "$MAPS/edu.ini"
	fails 1 'IRQ_ACK is write-only' regs regs IRQ_ACK.X --map <(sed '/IRQ_ACK/a field X = 0' "$MAPS/edu.ini")
}

@test "regs writes registers and fields, and keeps the other fields" {
	edu_regs
	prints 0 'regs+0x8: 0x00000000 -> 0x0000000c' regs regs FACTORIAL=12 -v --map "$MAPS/edu.ini"
	mmioctl write regs+0x98 0x4
	prints 0 'regs+0x98: 0x00000004 -> 0x00000006' regs regs DMA_COMMAND.DIRECTION=to_ram -v --map "$MAPS/edu.ini"
	prints 0 'regs+0x60: 0x00000001 (not written)' regs regs IRQ_RAISE=1 -n -v --map "$MAPS/edu.ini"
	fails 2 'value 2 does not fit STATUS.RAISE_IRQ: the greatest is 0x1' regs regs STATUS.RAISE_IRQ=2 --map "$MAPS/edu.ini"
	fails 2 'is not a value' regs regs STATUS.RAISE_IRQ=maybe --map "$MAPS/edu.ini"
}

@test "a read-only register among the arguments is refused before any is written" {
	edu_regs
	fails 1 'ID is read-only \(.*edu.ini:10\)' regs regs FACTORIAL=3 ID=1 --map "$MAPS/edu.ini"
	fails 1 'STATUS.COMPUTING is read-only' regs regs FACTORIAL=3 STATUS.COMPUTING=1 --map "$MAPS/edu.ini"
	prints 0 0x00000000 read regs+8
}

@test "where 1 clears, a write to another field writes 0" {
	map regs <<-END
		[EVENTS]
		offset = 0
		field DONE = 0 w1c
		field ENABLE = 8
	END
	start_daemon
	mmioctl write regs 1
	prints 0 'regs+0x0: 0x00000001 -> 0x00000100' regs regs EVENTS.ENABLE=1 -v
	prints 0 'regs+0x0: 0x00000100 -> 0x00000101' regs regs EVENTS.DONE=1 -v
}

@test "a map is found by the name of its file, by the region's name, by the device" {
	map any <<-END
		[map]
		regions = other-* re?s
		[BY_NAME]
		offset = 0
	END
	start_daemon
	prints 0 'BY_NAME' regs regs -o name --no-headings
	map regs <<-END
		[BY_FILE]
		offset = 0
	END
	prints 0 'BY_FILE' regs regs -o name --no-headings
	fails 3 "there is no register map for region shm in $T/config/mmiod/maps, /etc/mmiod/maps or" regs shm
}

@test "mistakes in a map are told with file and line" {
	start_daemon
	local line says
	while IFS='|' read -r line says; do
		printf '[map]\nwidth = 32\n[A]\noffset = 0\n%b\n' "$line" >"$T/bad.ini"
		fails 1 "^mmioctl: $T/bad.ini:$says" regs regs --map "$T/bad.ini"
	done <<-'END'
		access = all|5: access "all": it is rw, ro, wo, w1c, .*or wact
		offset = x|5: offset "x": it is a number
		width = 12|5: width "12": it is 8, 16, 32 or 64 bits
		read-action = all|5: read-action "all": it is none, clear, set or modify
		read-action F = set|5: read-action: A has no field "F" above
		alternate = 1|5: alternate "1": it is yes or no
		colour = red|5: a register knows no "colour"
		field F = x|5: field F: "x" does not start with its bits
		field F = 32|5: A has 32 bits: field F does not fit
		field F = 7-0\nfield G = 4|6: A: field G overlaps another
		field F = 1\nfield f = 2|6: A has a field f already
		value F 0 = x|5: value: A has no field "F" above
		field F = 0\nvalue F 2 = x|6: value: 2 does not fit field F
		reset = 0x100000000|3: A has 32 bits: its reset value does not fit
		[a]|5: there is a register a already
		[B]|5: B has no offset
		[B]\noffset = 2|5: B: offset 0x2 is not a multiple of its width, 32 bits
		[B.C]|5: "B.C" is no name for a register
		[B|5: a section's name ends with ]
		[B] offset = 4|5: something stands behind the section's name
		rubbish|5: neither a \[section\]
		[map]\norder = up|6: order "up": it is big
		[map]\nword = 7|6: word "7": it is 8, 16, 32 or 64 bits
		[map]\nbase = 0|6: peripheral and base are of a source
		[map]\ncolour = red|6: \[map\] knows no "colour"
	END
	: >"$T/empty.ini"
	fails 1 'there is no register in it' regs regs --map "$T/empty.ini"
	fails 3 'No such file' regs regs --map "$T/none.ini"
}

@test "a broken map is told of and does not hide the others" {
	map aaa <<-END
		[A]
		offset = zero
	END
	map good <<-END
		[map]
		regions = regs
		[GOOD]
		offset = 0
	END
	start_daemon
	run --separate-stderr mmioctl regs regs -o name --no-headings
	expect_equal "$output" GOOD
	output=$stderr
	expect_match 'aaa.ini:2: offset "zero".*map skipped'
}

@test "registers behind the end of the region are left out, wide ones are read in pieces" {
	start_daemon
	mmioctl write regs 0x01020304
	mmioctl write regs+4 0x05060708
	holds '.value.hex == "0x0506070801020304"' regs regs CAP --map "$MAPS/nvme.ini"
	holds '[.registers[].name] | index("SQ0TDBL") == null and index("PMRCAP") != null' regs regs --map "$MAPS/nvme.ini"
	fails 3 'SQ0TDBL does not lie in region regs' regs regs SQ0TDBL=1 --map "$MAPS/nvme.ini"
	prints 0 $'regs+0x28: 0x00000000 -> 0x89abcdef\nregs+0x2c: 0x00000000 -> 0x01234567' \
		regs regs ASQ=0x0123456789abcdef -v --map "$MAPS/nvme.ini"
}

@test "a map may start anywhere in the region" {
	start_daemon
	mmioctl write regs+0x120 0x80
	prints 0 1 regs regs+0x100 STATUS.RAISE_IRQ --map "$MAPS/edu.ini"
	fails 2 'are in the register map' regs regs/16 --map "$MAPS/edu.ini"
}

@test "the shipped maps have no mistake" {
	start_daemon
	for file in "$MAPS"/*.ini; do
		mmioctl regs shm --map "$file" >/dev/null
	done
}

# ---- diff

@test "status 9: diff shows what differs, and is silent when nothing does" {
	start_daemon
	mmioctl save shm/64 "$T/before"
	prints 0 '' diff shm/64 "$T/before"
	mmioctl write shm+0x10:32 0x1234
	prints 9 $'shm+0x10  0x34  0x00\nshm+0x11  0x12  0x00' diff shm/64 "$T/before"
	prints 9 'shm+0x10  0x00001234  0x00000000' diff shm:32 "$T/before"
	holds '. == { schema: 1, region: "shm", offset: 0, length: 64, width: 32, equal: false, count: 1, differences:
		[{ offset: 16, is: { hex: "0x00001234", value: 4660 }, other: { hex: "0x00000000", value: 0 } }] }' \
		diff shm:32 "$T/before"
	holds '.equal and .count == 0 and .differences == []' diff shm+0x20/32 shm+0x40
	prints 9 'shm+0x10  0x00001234  0x00000000' diff shm/32:32 shm+0x40
	fails 2 'are not as many' diff shm/8 shm+8/16
	fails 2 'how much of shm' diff shm shm+16
}

@test "diff shows the first sixteen, or all" {
	start_daemon
	head -c 64 /dev/zero >"$T/zeros"
	mmioctl fill shm/64 1
	run mmioctl diff shm "$T/zeros"
	expect_status 9
	expect_equal "${#lines[@]}" 17
	expect_equal "${lines[16]}" '… and 48 more, of 64 elements (all: -v)'
	run mmioctl diff shm "$T/zeros" -v
	expect_equal "${#lines[@]}" 64
}

@test "diff against a pipe that ends early says so" {
	start_daemon
	run bash -c 'head -c 16 /dev/zero | mmioctl diff shm/64 -'
	expect_status 9
	expect_match 'standard input ends after 0x10 of 0x40 bytes'
}

# ---- test and bench

@test "test finds good memory good and leaves it as it was" {
	start_daemon
	head -c 8192 /dev/urandom >"$T/random"
	mmioctl load shm "$T/random"
	prints 0 'ok     walking bits   each bit alone, and each missing
ok     widths         8 16 32 64
ok     address lines  10
ok     every element  8K, and inverted' test shm/8K --yes
	mmioctl diff shm "$T/random"
	holds '.region == "shm" and .length == 8192 and [.tests[].result] == ["ok", "ok", "ok", "ok"]' test shm/8K --yes
	holds '.tests[1].detail == "32"' test regs --yes
}

@test "status 2: test wants a yes where it cannot ask" {
	start_daemon
	fails 2 'test writes all over shm before it restores it: say --yes' test shm/8K
	fails 4 'only read region rom' test rom --yes
}

@test "bench measures reads in every width, and writes when it may" {
	start_daemon
	holds '[.results[] | [.what, .how, .width]] == [["read", "mapped", 32], ["read", "mediated", 32]]' \
		bench regs --count 100
	holds '[.results[] | select(.what == "read") | .samples] | all(. == 100)' bench regs --count 100
	head -c 4096 /dev/urandom >"$T/random"
	mmioctl load shm "$T/random"
	holds '[.results[] | select(.what == "write") | .how] == ["uc", "wc"] and
		([.results[] | select(.what == "write") | .rate] | all(. > 1000))' bench shm/4K --count 10 --yes
	mmioctl diff shm "$T/random"
	run --separate-stderr mmioctl bench regs --count 10
	expect_match 'WHAT +HOW +WIDTH +P50 +P99 +SAMPLES +RATE'
	expect_match 'read +mapped +32 +[0-9.]+[nu]s'
	output=$stderr
	expect_match 'with --yes only'
	fails 2 'is from 1 to' bench regs --count 0
}

@test "a window without a whole page is measured through the kernel alone" {
	start_daemon
	holds '[.results[].how] == ["mediated"]' bench regs/8 --count 10
}

# ---- write-only fields, and what a map cannot say

wo_map() {
	map wo <<-END
		[map]
		regions = shm
		[C]
		offset = 0
		width = 32
		field GO = 0 wo starts the core
		field EN = 8 rw enables
	END
}

@test "a write-only field is not read, and what is read of it is not written back" {
	start_daemon
	wo_map
	mmioctl write shm:32 0x101
	fails 1 'C.GO is write-only: it cannot be read' regs shm C.GO
	run mmioctl regs shm
	expect_match 'GO=- EN=1'
	holds '.registers[0].fields[0].value == null and .registers[0].fields[1].value == 1' regs shm -o FIELDS
	prints 0 'shm+0x0: 0x00000101 -> 0x00000000' regs shm C.EN=0 -v
	prints 0 '' regs shm C.GO=1 --verify
	prints 0 0x00000001 read shm:32
}

@test "a map that begins with a byte order mark and has the line ends of others is read" {
	start_daemon
	printf '\xef\xbb\xbf[map]\r\nregions = shm\r\n[CONTROL]\r\noffset = 0\r\nwidth = 32\r\n' >"$T/map.ini"
	run mmioctl regs shm --map "$T/map.ini"
	expect_status 0
	expect_match 'CONTROL +0x0'
}

@test "a map whose word for a value is a number, or stands for two, is refused" {
	start_daemon
	printf '[map]\nwidth = 32\n[C]\noffset = 0\nfield A = 3-0\nvalue A 2 = 3\n' >"$T/map.ini"
	fails 1 'map.ini:6: value "3": the word is a number' regs shm --map "$T/map.ini"
	printf '[map]\nwidth = 32\n[C]\noffset = 0\nfield A = 3-0\nvalue A 2 = on\nvalue A 3 = on\n' >"$T/map.ini"
	fails 1 'map.ini:7: value: field A has a value on already' regs shm --map "$T/map.ini"
}
