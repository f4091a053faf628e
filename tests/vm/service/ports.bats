#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The I/O ports of a card: pci-testdev's BAR 1, where a write to the first port chooses a test, whose name can be read then.

load common.bash

card=/sys/bus/pci/devices/0000:00:06.0

setup()
{
	configure 60-ports '[region ports]' 'device = pci:0000:00:06.0' 'bar = 1' 'ports = yes' 'bind = yes' \
		'[grant ports]' 'region = ports' 'user = operator' 'access = rw'
	eventually region_is ports ok
}

teardown()
{
	let_go
	unconfigure 60-ports
}

@test "an ordinary user reads and writes the ports of a card by exactly the width" {
	run as operator mmioctl write ports:8 0
	[ "$status" = 0 ]
	run as operator mmioctl read ports+0x10:32
	[ "$output" = 0x74726f70 ] # "port"
	run as operator mmioctl read ports+0x14:16
	[ "$output" = 0x6f69 ]
	run as operator mmioctl read ports+0x16:8
	[ "$output" = 0x2d ]
	run as operator mmioctl dump ports+0x10/16
	contains "$output" portio-no-eve
	grep -q 'mmiod:ports' /proc/ioports
}

@test "an unchanged program has the ports by the name of their BAR in sysfs" {
	run as operator mmioctl run -- sh -c "printf '\\0' | dd of=$card/resource1 bs=1 conv=notrunc status=none
		dd if=$card/resource1 bs=4 skip=4 count=1 status=none"
	[ "$status" = 0 ]
	[ "$output" = port ]
	run as guest mmioctl run -- dd if=$card/resource1 bs=4 count=1 status=none
	[ "$status" != 0 ]
	contains "$output" 'BAR 1 is of I/O ports, and no region of yours is all of it'
}

@test "ports are not mapped, and an access of 64 bits is refused with its reason" {
	run as operator mmioctl show ports
	contains "$output" 'I/O ports: read and written, but never mapped'
	run as operator mmioctl read ports:64
	[ "$status" = 1 ]
	contains "$output" 'region ports is of I/O ports, which are accessed by 8, 16 or 32 bits, not 64'
	run as operator mmioctl --json list -o NAME,CACHE,MAPPABLE
	contains "$(tr -d ' \n' <<<"$output")" '"name":"ports","cache":"ports","mappable":"no"'
}

@test "a BAR of the other kind is missing, and the reason says what to change" {
	configure 60-ports '[region ports]' 'device = pci:0000:00:06.0' 'bar = 1' 'bind = yes'
	region_is ports missing
	status_says 'BAR 1 is of I/O ports: add "ports = yes" to its section'
	configure 60-ports '[region ports]' 'device = pci:0000:00:06.0' 'bar = 2' 'ports = yes' 'bind = yes'
	status_says 'the function has no BAR 2'
}

@test "the ports of a card end with its driver, and come back with it" {
	background operator mmioctl hold ports
	eventually grep -q ^lease /tmp/background.out
	basename /sys/bus/pci/devices/0000:00:06.0 >/sys/bus/pci/drivers/mmiod/unbind
	eventually region_is ports missing
	[ -z "$(grep mmiod /proc/ioports)" ]
	basename /sys/bus/pci/devices/0000:00:06.0 >/sys/bus/pci/drivers/mmiod/bind
	eventually region_is ports ok
	run as operator mmioctl read ports+0x10:32
	[ "$status" = 0 ]
}
