#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # what is quoted is for the inner shell
# Operating edu and a controller that can be reset, for users without any capability: configuration space, reset, who may.

load common.bash

nvme=0000:00:0c.0

setup_file()
{
	configure 66-operate '[device edu]' 'device = pci:0000:00:04.0' '[device nvme]' "device = pci:$nvme" \
		'dma-engine = no' 'reset = yes' '[region nvme-registers]' "device = pci:$nvme" 'bar = 0' \
		'[grant card]' 'device = edu' 'config = standard' 'reset = yes' 'user = operator' \
		'[grant operate]' 'device = nvme' 'region = nvme-registers' 'access = rw' 'share = shared-write' \
		'config = standard' 'reset = yes' 'power = yes' 'bus-master = no' 'user = operator guest' \
		'[grant master]' 'device = nvme' 'bus-master = yes' 'config = standard' 'user = operator'
}

teardown_file()
{
	unconfigure 66-operate
}

setup()
{
	[ -e /sys/bus/pci/drivers/mmiod/$nvme ] || mmioctl bind --force $nvme
}

teardown()
{
	let_go
}

operates() # USER
{
	[ "$(mmioctl leases --no-headings -o kind,region,user | tr -s ' ' | sed 's/^ *//' | grep -c "^device nvme $1")" -eq 1 ]
}

# The lease of who operates.
operation()
{
	mmioctl leases --no-headings -o id,kind | awk '$2 == "device" { print $1 }'
}

resets()
{
	mmioctl devices --no-headings -o address,resets | awk -v at=$nvme '$1 == at { print $2 }'
}

can_be_reset()
{
	as guest mmioctl reset nvme
}

@test "a user without any capability reads and writes a card's configuration space, and nothing that harms others" {
	run as operator mmioctl config edu 0x0 0x4:16
	[ "$status" = 0 ]
	[ "${lines[0]}" = 0x11e81234 ]
	run as operator mmioctl config edu
	[ "$status" = 0 ]
	contains "$output" "1234:11e8"
	contains "$output" "MSI"
	as operator mmioctl config edu 0x6:16=0xf910
	bar=$(as operator mmioctl config edu 0x10)
	run as operator mmioctl config edu 0x10=0xe0000000
	[ "$status" = 4 ]
	contains "$output" "configuration space, 0x10: writing 0xe0000000 changes bits that may not be written"
	[ "$(as operator mmioctl config edu 0x10)" = "$bar" ]
	as operator mmioctl config edu "0x10=$bar"
}

@test "what the library decodes is what the kernel shows" {
	as operator mmioctl config nvme --hex >/tmp/ours
	[ "$(head -1 /tmp/ours | cut -c5-27)" = "$(od -An -tx1 -N8 /sys/bus/pci/devices/$nvme/config | cut -c2-)" ]
	contains "$(as operator mmioctl config nvme)" "MSI-X"
	contains "$(as operator mmioctl config nvme)" "PCI Express"
}

@test "who is not granted it gets nothing, and is told what is missing" {
	run as guest mmioctl config edu
	[ "$status" = 4 ]
	run as guest mmioctl operate nvme --bus-master -- true
	[ "$status" = 4 ]
	contains "$output" '"bus-master = yes"'
	run as operator mmioctl explain nvme reset
	[ "$status" = 0 ]
	contains "$output" '"reset = yes"'
	run as operator mmioctl explain nvme reset-others
	[ "$status" = 4 ]
	contains "$output" '"reset = force"'
}

@test "a user resets a controller, and those who watch are told how long it took" {
	before=$(resets)
	background root mmioctl monitor
	eventually eval 'mmioctl clients --json | grep -q \"monitor\"'
	run as operator mmioctl reset nvme
	[ "$status" = 0 ]
	contains "$output" "nvme was reset in"
	[ "$(resets)" = $((before + 1)) ]
	eventually grep -q 'reset .*nvme.*was reset, in' /tmp/background.out
	contains "$(mmioctl export prometheus)" 'mmiod_device_resets_total{device="nvme",result="done"}'
}

@test "a reset suspends the registers of its holder, and others' are not hit" {
	background operator mmioctl hold nvme-registers
	eventually grep -q '^lease' /tmp/background.out
	as operator mmioctl reset nvme
	eventually grep -q 'was resumed' /tmp/background.err
	run as guest mmioctl reset nvme
	[ "$status" = 5 ]
	contains "$output" "of region nvme-registers is held by user operator (uid 1000), pid $holder_pid (mmioctl"
}

@test "a card that cannot be reset says so" {
	run as operator mmioctl reset edu
	[ "$status" = 1 ]
	contains "$output" "cannot be reset by itself"
}

@test "a device has one operator, who is named, and who is killed leaves it to the next" {
	background operator mmioctl operate nvme --reset
	eventually operates operator
	run as guest mmioctl reset nvme
	[ "$status" = 5 ]
	contains "$output" "device nvme is operated by user operator"
	as guest mmioctl config nvme 0x0
	contains "$(mmioctl tree)" "operated by operator"
	kill -KILL "$holder_pid"
	wait "$holder_pid" 2>/dev/null || true
	holder_pid=
	eventually can_be_reset
}

@test "who waits operates when the other has let go" {
	background operator mmioctl operate nvme --reset
	eventually operates operator
	run as guest mmioctl reset nvme --wait=100ms
	[ "$status" = 8 ]
	let_go
	as guest mmioctl reset nvme --wait=60s
}

@test "an operator goes on while the daemon is killed, and is still the only one" {
	background operator mmioctl operate nvme --reset
	eventually operates operator
	lease=$(operation)
	systemctl kill --signal=KILL mmiod.service
	eventually mmioctl status
	eventually operates operator
	[ "$(operation)" = "$lease" ]
	run as guest mmioctl reset nvme
	[ "$status" = 5 ]
	contains "$output" "is operated by user operator"
	mmioctl revoke "$lease"
	eventually can_be_reset
}

@test "a device that is never reset is reset by nobody" {
	configure 67-never '[device never]' "device = pci:0000:00:08.0" 'reset = never' '[grant never]' 'device = never' \
		'reset = yes' 'user = operator' && status=0 || status=$?
	rm -f /etc/mmiod/mmiod.conf.d/67-never.conf
	reread
	[ "$status" != 0 ]
}

@test "without an iommu a device that is to have one gets no memory, and the refusal says what would help" {
	configure 67-dma '[device lonely]' 'device = pci:0000:00:08.0' 'dma = iommu' '[grant lonely]' 'device = lonely' \
		'bus-master = yes' 'dma = iommu' 'user = operator'
	mmioctl bind --force 0000:00:08.0
	run as operator mmioctl operate lonely --dma 4K -- true
	unconfigure 67-dma
	[ "$status" = 4 ]
	contains "$output" "is bounded by no IOMMU"
	contains "$output" '"dma = trusted" in section and grant'
}

@test "the device file goes to a program that knows nothing of mmiod" {
	run as operator mmioctl operate nvme --config read -- sh -c 'od -An -tx1 -N2 <&3; stat -L -c "%F %s" /proc/self/fd/3'
	[ "$status" = 0 ]
	contains "$output" "36 1b"
	contains "$output" "regular file 4096"
	run as operator mmioctl operate nvme --config read -- sh -c 'printf x >&3'
	[ "$status" != 0 ]
}

@test "a device sleeps for whom a grant lets it, and no longer than he operates it" {
	run as operator mmioctl power nvme d3 -- mmioctl power nvme
	[ "$status" = 0 ]
	contains "$output" d3
	[ "$(mmioctl power nvme)" = d0 ]
}

command_of_nvme()
{
	as operator mmioctl config nvme 0x4:16
}

@test "a device masters the bus for whom a grant lets it, and no longer than he operates it" {
	(($(command_of_nvme) & 4)) && return 1
	run as operator mmioctl operate nvme --config standard --bus-master -- sh -c \
		'mmioctl config nvme 0x4:16=$(($(mmioctl config nvme 0x4:16) | 4)) && mmioctl config nvme 0x4:16'
	[ "$status" = 0 ]
	(("$output" & 4))
	(($(command_of_nvme) & 4)) && return 1
	run as guest mmioctl operate nvme --config standard --bus-master -- true
	[ "$status" = 4 ]
	contains "$output" "bus-master"
}
