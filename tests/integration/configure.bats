# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2030,SC2031
# A configuration for a PCI function, written from what sysfs shows: here a tree of our own making.
load helper

CARD=0000:01:00.0

# card [ADDRESS [CLASS]]: a function with four BARs. Its configuration space is that which root reads, with an MSI-X table of
# four entries in BAR 0 at 0x2000 and its pending bits at 0x3000.
card() {
	local address=${1:-$CARD}
	local real=$T/sys/devices/pci0000:00/$address

	mkdir -p "$real" "$T/sys/bus/pci/devices" "$T/sys/class/block" "$T/sys/class/net" "$T/proc/self"
	: >"$T/proc/self/mountinfo"
	: >"$T/proc/swaps"
	ln -s "../../../devices/pci0000:00/$address" "$T/sys/bus/pci/devices/$address"
	echo 0x10ee >"$real/vendor"
	echo 0x9038 >"$real/device"
	echo "${2:-0x120000}" >"$real/class"
	cat >"$real/resource" <<-'END'
		0x00000000fe800000 0x00000000fe807fff 0x0000000000040200
		0x000000000000c000 0x000000000000c01f 0x0000000000040101
		0x0000000200000000 0x0000000203ffffff 0x000000000014220c
		0x0000000000000000 0x0000000000000000 0x0000000000000000
		0x00000000fe900000 0x00000000fe9000ff 0x0000000000040200
		0x0000000000000000 0x0000000000000fff 0x0000000000040200
	END
	python3 - "$real/config" <<-'END'
		import sys
		config = bytearray(256)
		config[0:4] = bytes.fromhex("ee103890")
		config[6] = 0x10
		config[0x34] = 0x40
		config[0x40:0x44] = bytes([0x01, 0x50, 0, 0])
		config[0x50:0x5c] = bytes([0x11, 0, 3, 0]) + (0x2000).to_bytes(4, "little") + (0x3000).to_bytes(4, "little")
		open(sys.argv[1], "wb").write(config)
	END
	export MMIOCTL_SYS=$T/sys MMIOCTL_PROC=$T/proc XDG_CONFIG_HOME=$T/config
}

# The directory that --install writes to, with a mmiod that binds nothing but says what it was asked, and a systemctl.
machine() {
	mkdir -p "$T/root/etc/mmiod/mmiod.conf.d" "$T/tools"
	export MMIOCTL_ROOT=$T/root
	cat >"$T/tools/mmiod" <<-END
		#!/bin/sh
		echo "mmiod \$*" >>"$T/asked"
		case "\$1" in --bind) exit 0 ;; esac
		exec "$T/mmiod" "\$@"
	END
	printf '#!/bin/sh\necho "systemctl $*" >>"%s/asked"\n' "$T" >"$T/tools/systemctl"
	chmod 755 "$T"/tools/*
	PATH=$T/tools:$PATH
}

conf() {
	echo "$T/root/etc/mmiod/mmiod.conf.d/$1"
}

installs_not() { # PATTERN [OPTION…]
	run mmioctl configure $CARD --name fpga --install "${@:2}"
	expect_match "$1"
	[ "$status" -ne 0 ]
	expect_equal "$(ls -A "$T/root/etc/mmiod/mmiod.conf.d")" ""
	run ! grep -q -e --bind -e reload "$T/asked"
}

@test "configure writes a region for each BAR, without the pages of MSI-X, and a grant" {
	card
	mmioctl configure 01:00.0 --name fpga --group root >"$T/out"
	expect_equal "$(grep -vE '^(;|$)' "$T/out" | sed 's/ *;.*//')" "[region fpga-bar0-a]
device = pci:0000:01:00.0
ids = 10ee:9038
bar = 0
range = 0x0-0x1fff
memory-type = uc
bind = yes
[region fpga-bar0-b]
device = pci:0000:01:00.0
ids = 10ee:9038
bar = 0
range = 0x4000-0x7fff
memory-type = uc
bind = yes
[region fpga-bar1]
device = pci:0000:01:00.0
ids = 10ee:9038
bar = 1
ports = yes
bind = yes
[region fpga-bar2]
device = pci:0000:01:00.0
ids = 10ee:9038
bar = 2
memory-type = uc wc
bind = yes
[region fpga-bar4]
device = pci:0000:01:00.0
ids = 10ee:9038
bar = 4
memory-type = uc
bind = yes
[grant fpga]
region = fpga-bar*
group = root
access = rw"
	output=$(cat "$T/out")
	expect_match 'BAR 1: 32B at 0x[0-9a-f]+, I/O ports, which are read and written, and never mapped'
	expect_match 'Left out: the pages of the MSI-X table, 0x40 bytes at 0x2000'
	expect_match 'Smaller than a page'
	expect_match 'BAR 5: it has no address'
	mmioctl check-config "$T/out"
	jq -e '.configuration | startswith("; 0000:01:00.0, 10ee:9038")' <<<"$(mmioctl --json configure pci:$CARD)"
}

@test "what is configured without a group grants nothing, and is good all the same" {
	card
	mmioctl configure $CARD >"$T/out"
	run mmioctl check-config "$T/out"
	expect_status 0
	expect_match 'good: 5 regions, 0 grants'
	grep -q '^\[region accelerator-01-00.0-bar2\]' "$T/out" || { cat "$T/out"; false; }
	grep -q '^; decide: who may have it' "$T/out"
}

@test "without the right to read capabilities configure says that it cannot know" {
	card
	truncate -s 64 "$T/sys/devices/pci0000:00/$CARD/config"
	run mmioctl configure $CARD --name x
	expect_match 'decide: an MSI-X table may lie in a BAR'
	expect_match 'x-bar0\]'
	# Without a list of capabilities there is none.
	printf '\0' | dd of="$T/sys/devices/pci0000:00/$CARD/config" bs=1 seek=6 conv=notrunc status=none
	run mmioctl configure $CARD --name x
	expect_equal "${output/MSI-X/}" "$output"
	# One that goes in a circle ends.
	python3 -c 'c = bytearray(256); c[6] = 16; c[0x34] = 0x40; c[0x41] = 0x40; open("'"$T/sys/devices/pci0000:00/$CARD/config"'", "wb").write(c)'
	run timeout 10 mmioctl configure $CARD --name x
	expect_status 0
}

@test "a table at the edge of the BAR, or beyond it, leaves what is left" {
	card
	local config=$T/sys/devices/pci0000:00/$CARD/config
	# The table is at 0, the pending bits are in the last page.
	printf '\0\0\0\0\0\160\0\0' | dd of="$config" bs=1 seek=84 conv=notrunc status=none
	run mmioctl configure $CARD --name x
	expect_match 'x-bar0-a\]'
	expect_match 'range = 0x1000-0x6fff'
	[[ $output != *bar0-b* ]]
	# All of BAR 4, which has 256 bytes.
	printf '\4\0\0\0\4\0\0\0' | dd of="$config" bs=1 seek=84 conv=notrunc status=none
	run mmioctl configure $CARD --name x
	[[ $output != *x-bar4* ]]
	# Behind the end.
	printf '\0\0\0\360\0\0\0\360' | dd of="$config" bs=1 seek=84 conv=notrunc status=none
	run mmioctl configure $CARD --name x
	expect_match 'x-bar0-a\]|x-bar0\]'
}

@test "the width is that of a register map for the device" {
	card
	mkdir -p "$T/config/mmiod/maps"
	printf '[map]\nids = 10ee:9038\nbar = 4\nwidth = 16\n[A]\noffset = 0\n' >"$T/config/mmiod/maps/card.ini"
	run mmioctl configure $CARD --name x
	expect_match 'width = 16 +; from the register map .*card.ini'
	expect_equal "$(grep -c '^width' <<<"$output")" 1
}

@test "configure refuses what is no function, no name and no group" {
	card
	run mmioctl configure 0000:09:00.0
	expect_status 3
	expect_match 'there is no PCI function "0000:09:00.0"'
	run mmioctl configure ../../etc
	expect_status 3
	run mmioctl configure $CARD --name ../x
	expect_status 2
	expect_match 'name "../x": it has 1 to 20'
	run mmioctl configure $CARD --name a23456789012345678901
	expect_status 2
	run mmioctl configure $CARD --group no-such-group
	expect_status 3
	expect_match 'there is no group "no-such-group"'
	run mmioctl configure $CARD --force
	expect_status 2
	echo 0xgarbage >"$T/sys/devices/pci0000:00/$CARD/resource"
	run mmioctl configure $CARD
	expect_status 3
	expect_match 'has no BAR that could be handed out'
}

@test "--install writes, checks, binds and reloads" {
	card
	machine
	run mmioctl configure $CARD --name fpga --group root --install
	expect_status 0
	expect_match 'fpga.conf is written'
	expect_equal "$(stat -c %a "$(conf fpga.conf)")" 644
	expect_equal "$(cat "$T/asked")" "mmiod --check-config --config $T/root/etc/mmiod
mmiod --bind -- $CARD
systemctl --quiet is-active mmiod.service
systemctl reload mmiod.service"
	before=$(cat "$(conf fpga.conf)")
	run mmioctl configure $CARD --name fpga --install
	expect_status 1
	expect_match 'fpga.conf is there already: nothing is written over'
	expect_equal "$(cat "$(conf fpga.conf)")" "$before"
	expect_equal "$(ls -A "$T/root/etc/mmiod/mmiod.conf.d")" fpga.conf
}

@test "--install takes away what does not go with the rest of the configuration" {
	card
	machine
	printf '[region other]\ndevice = pci:0000:01:00.0\nbar = 2\n' >"$(conf other.conf)"
	run mmioctl configure $CARD --name fpga --install
	expect_status 1
	expect_match 'fpga.conf is taken away again'
	expect_equal "$(ls -A "$T/root/etc/mmiod/mmiod.conf.d")" other.conf
	run ! grep -q -e --bind -e reload "$T/asked"
}

@test "--install says how to start a mmiod that does not run, and tells when a reload fails" {
	card
	machine
	# shellcheck disable=SC2016 # the script expands it
	printf '#!/bin/sh\n[ "$1" = reload ]\n' >"$T/tools/systemctl"
	run mmioctl configure $CARD --name a --install
	expect_status 0
	expect_match 'mmiod is not running: start it by systemctl enable --now mmiod.socket mmiod.service'
	rm "$(conf a.conf)"
	# shellcheck disable=SC2016 # the script expands it
	printf '#!/bin/sh\n[ "$1" != reload ]\n' >"$T/tools/systemctl"
	run mmioctl configure $CARD --name b --install
	expect_status 1
	expect_match 'systemctl reload mmiod failed'
}

@test "--install refuses what the machine uses" {
	card
	machine
	: >"$T/asked"
	local real=$T/sys/devices/pci0000:00/$CARD
	mkdir -p "$T/sys/bus/pci/drivers/xdma"
	ln -s "$T/sys/bus/pci/drivers/xdma" "$real/driver"
	installs_not 'has the driver xdma, which would lose it; --force takes it all the same'
	mkdir -p "$real/net/eth7"
	echo up >"$real/net/eth7/operstate"
	ln -s "$real/net/eth7" "$T/sys/class/net/eth7"
	installs_not 'has the network eth7, which is up'
	mkdir -p "$real/block/sdq/sdq1/holders"
	echo 8:17 >"$real/block/sdq/sdq1/dev"
	ln -s "$real/block/sdq/sdq1" "$T/sys/class/block/sdq1"
	ln -s /nowhere "$real/block/sdq/sdq1/holders/dm-3"
	installs_not 'has sdq1, which is a part of dm-3'
	echo '/dev/sdq1 partition 1 0 -2' >"$T/proc/swaps"
	installs_not 'has sdq1, which the machine swaps to'
	echo '36 35 8:17 / /srv rw - ext4 /dev/sdq1 rw' >"$T/proc/self/mountinfo"
	installs_not 'has sdq1, which is mounted at /srv'
	run mmioctl configure $CARD --name fpga --install --force
	expect_status 0
	grep -q -e "--bind --force -- $CARD" "$T/asked"
	grep -q 'bind = force' "$(conf fpga.conf)"
}

@test "--install refuses a bridge and a display" {
	card $CARD 0x060400
	machine
	: >"$T/asked"
	installs_not 'is a PCI bridge, through which others are reached'
	echo 0x030000 >"$T/sys/devices/pci0000:00/$CARD/class"
	installs_not 'is a display, which the console may be on'
}

@test "--install leaves nothing where it may not write" {
	card
	machine
	rmdir "$T/root/etc/mmiod/mmiod.conf.d"
	run mmioctl configure $CARD --name fpga --install
	expect_status 3
	expect_match 'No such file or directory'
	[ ! -e "$T/asked" ]
}
