#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # each test is a shell of its own; lease, answer and HOLDER_PID are set elsewhere
# DMA without an IOMMU, for users without any capability whom the administrator trusts with the whole machine: an edu that can
# be reset. Nothing bounds it, so what it may still write to goes back to the kernel after a reset, and never before.

load common.bash

setup()
{
	edu=$(resettable_edu)
	[ -e "/sys/bus/pci/drivers/mmiod/$edu" ] || mmioctl bind --force "$edu"
	configure 68-trusted '[device wild]' "device = pci:$edu" 'interrupts = msi' 'dma = trusted' 'dma-bits = 28' \
		'[region wild-registers]' "device = pci:$edu" 'bar = 0' 'width = 32' \
		'[grant drive]' 'device = wild' 'region = wild-registers' 'access = rw' 'bus-master = yes' 'interrupts = yes' \
		'dma = trusted' 'reset = yes' 'bytes = 4M' 'user = operator guest'
}

teardown()
{
	let_go
	take_card_back
	[ ! -e /etc/mmiod/mmiod.conf.d/68-trusted.conf ] || unconfigure 68-trusted
}

# An engine of USER's with memory at $iova, of lease $memory, that masters the bus; ask it with `tell`.
drive() # USER
{
	start_holder "$1" ./engine wild wild-registers
	allocate_and_master
}

leases_of_memory()
{
	mmioctl leases --no-headings -o kind | grep -c '^ *dma *$' || true
}

no_memory_is_left()
{
	[ "$(leases_of_memory)" = 0 ]
}

@test "an ordinary user who is trusted drives a device by DMA where there is no iommu" {
	[ -z "$(ls /sys/class/iommu)" ]
	run as operator ./edu-dma wild wild-registers
	echo "$output"
	[ "$status" = 0 ]
	contains "$output" "2048 bytes went into the device"
	contains "$output" "2048 bytes came back, and are the same"
	[ "$(masters "$edu")" = no ]
	eventually no_memory_is_left
}

@test "that a device is trusted is said aloud by status, doctor and check-config, and by a taint of the kernel" {
	drive operator
	contains "$(mmioctl status)" "wild is trusted with DMA, and may read and write all memory"
	run mmioctl doctor
	contains "$output" "device wild is trusted with DMA"
	run mmiod --check-config
	contains "$output" "device wild is trusted with DMA"
	(($(cat /proc/sys/kernel/tainted) & 64))
	run as operator mmioctl explain wild dma
	contains "$output" "nothing bounds the device: it may read and write all memory"
}

@test "memory has an address that is the bus's, and another one is refused with the reason" {
	drive operator
	tell fill 90
	tell send "$iova"
	[ "$answer" = sent ]
	tell fill 51
	tell receive "$iova"
	tell byte 0
	[ "$answer" = 90 ]
	tell byte 2048
	[ "$answer" = 51 ]
	tell allocate 4096 0x7000000
	contains "$answer" "failed 95"
	contains "$answer" "0x7000000 cannot be asked for: no IOMMU gives this device addresses of its own"
}

@test "memory that is taken away is kept for its device until a reset, and counted as its user's" {
	drive operator
	mmioctl revoke "$memory"
	tell byte 0
	contains "$answer" "failed 19"
	[ "$(leases_of_memory)" = 1 ]
	tell allocate 4194304
	contains "$answer" "[grant drive]"
	let_go
	eventually no_memory_is_left
}

@test "who is killed with a transfer in flight hits neither the next holder nor his memory" {
	drive operator
	tell fill 90
	tell send "$iova"
	[ "$answer" = sent ]
	tell start "$iova"
	kill -KILL "$holder_pid"
	wait "$holder_pid" 2>/dev/null || true
	holder_pid=
	start_holder guest ./engine wild wild-registers
	tell allocate 4096
	[[ $answer = memory* ]]
	tell fill 51
	what_was_started_is_over
	tell master 1
	[ "$answer" = mastering ]
	tell byte 0
	[ "$answer" = 51 ]
	tell byte 2047
	[ "$answer" = 51 ]
}

@test "memory and device go on while the daemon is killed, and the memory ends with its operator" {
	drive operator
	tell fill 90
	tell send "$iova"
	systemctl kill --signal=KILL mmiod.service
	tell fill 51
	tell receive "$iova"
	tell byte 0
	[ "$answer" = 90 ]
	eventually mmioctl status
	[ "$(leases_of_memory)" = 1 ]
	let_go
	eventually no_memory_is_left
}

@test "a trusted user's driver sends a thousand frames back by a card's two queues" {
	far_end
	grant_card trusted operator
	drive_card operator 1000
	exchange_frames 1000 1
	driver_has_echoed 1000
	[ "$(masters "$card")" = no ]
	eventually no_memory_is_left
}

@test "a trusted user who is killed with frames in flight hits neither the next holder nor his driver" {
	far_end
	grant_card trusted operator guest
	drive_card operator 0
	kill_driver_with_frames_in_flight
	start_holder guest ./engine card card-registers
	is_not_hit
	let_go
	stop_sending
	drive_card guest 0
	exchange_frames 200 3
}

@test "a driver without the grant that trusts it ends with the words of the policy" {
	grant_card trusted operator
	run as guest ./virtio-net-echo card card-registers 1
	echo "$output"
	[ "$status" = 1 ]
	contains "$output" "virtio-net-echo: card: "
	contains "$output" "grant"
}
