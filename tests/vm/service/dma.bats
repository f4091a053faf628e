#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2034,SC2153,SC2154 # each test is a shell of its own; lease, answer and HOLDER_PID are set elsewhere
# DMA behind an IOMMU, for users without any capability: an edu that can be reset, which reaches what its operator has
# allocated for it, and nothing else, whoever had it before.

load common.bash

setup()
{
	edu=$(resettable_edu)
	[ -e "/sys/bus/pci/drivers/mmiod/$edu" ] || mmioctl bind --force "$edu"
	configure 68-dma '[device engine]' "device = pci:$edu" 'interrupts = msi' 'dma = iommu' 'dma-bits = 28' \
		'[region engine-registers]' "device = pci:$edu" 'bar = 0' 'width = 32' \
		'[grant drive]' 'device = engine' 'region = engine-registers' 'access = rw' 'bus-master = yes' 'interrupts = yes' \
		'dma = iommu' 'bytes = 4M' 'user = operator guest' \
		'[grant watch]' 'device = engine' 'config = read' 'user = operator'
}

teardown()
{
	let_go
	take_card_back
	[ ! -e /etc/mmiod/mmiod.conf.d/69-disk.conf ] || unconfigure 69-disk
	[ ! -e /etc/mmiod/mmiod.conf.d/68-dma.conf ] || unconfigure 68-dma
}

# An engine of USER's; ask it with `tell`.
drive() # USER
{
	start_holder "$1" ./engine engine engine-registers
}

# With memory at $iova, of lease $memory; what it copies there are bytes of 90, and there are bytes of 51.
drive_with_memory() # USER
{
	drive "$1"
	allocate_and_master
	tell fill 90
	tell send "$iova"
	[ "$answer" = sent ]
	tell fill 51
}

faults()
{
	dmesg | grep -c 'DMAR:.*fault addr' || true
}

memory() # -> device, kind, address of each lease of such memory
{
	mmioctl leases --no-headings -o region,kind,iova | tr -s ' ' | sed 's/^ *//; s/ *$//' | grep ' dma '
}

# Who has the files may keep them, and has nothing by them.
revoked_with_it()
{
	[ "$(mmioctl leases --no-headings -o kind,state | awk '$1 == "dma" && $2 == "revoked"' | wc -l)" = 2 ]
}

@test "who was handed an operation down has memory that its device reaches" {
	start_holder operator mmioctl operate engine --wait --bus-master --dma 4K -- ./engine engine engine-registers
	allocate_and_master
	tell fill 90
	tell send "$iova"
	[ "$answer" = sent ]
	tell fill 51
	tell receive "$iova"
	[ "$answer" = received ]
	tell byte 100
	[ "$answer" = 90 ]
	tell byte 3000
	[ "$answer" = 51 ]
	# Another user is not let, though he had the file.
	run as guest mmioctl operate engine --bus-master
	[ "$status" = 5 ]
}

@test "an ordinary user's driver has a device copy memory both ways, and hears when it is done" {
	run as operator ./edu-dma engine engine-registers
	[ "$status" = 0 ]
	contains "$output" "2048 bytes went into the device"
	contains "$output" "2048 bytes came back, and are the same"
	contains "$(as operator mmioctl config engine 0x4:16)" 0x
	[ "$(masters "$edu")" = no ]
	[ -z "$(memory)" ]
}

@test "a device writes to the memory of its operator, and to no other address" {
	drive_with_memory operator
	[ "$iova" = 0x100000 ]
	before=$(faults)
	tell receive 0x200000
	[ "$answer" = received ]
	tell byte 0
	[ "$answer" = 51 ]
	[ "$(faults)" -gt "$before" ]
	tell receive "$iova"
	tell byte 0
	[ "$answer" = 90 ]
	tell byte 2048
	[ "$answer" = 51 ]
}

@test "memory is listed with its device and address, and told of wherever the device is" {
	drive_with_memory operator
	[ "$(memory)" = "engine dma 0x100000" ]
	[ "$(mmioctl leases --no-headings -o kind,operation | awk '$1 == "dma" { print $2 }')" = "$lease" ]
	contains "$(mmioctl tree)" "master, isolated, operated by operator"
	contains "$(mmioctl devices -o address,dma,mapped --bytes)" "$edu isolated   4096"
	contains "$(mmioctl export prometheus)" 'mmiod_dma_mapped_bytes{device="engine"} 4096'
}

@test "what is released is not reached any more, though the device runs on" {
	drive_with_memory operator
	tell start "$iova"
	mmioctl revoke "$memory"
	tell idle
	[ "$answer" = idle ]
	tell byte 0
	contains "$answer" "failed 19"
	tell allocate 4096
	read -r word _ again <<<"$answer"
	[ "$word $again" = "memory $iova" ]
	tell byte 0
	[ "$answer" = 0 ]
}

@test "a holder who is killed leaves nothing to the next one, who finds the same addresses" {
	drive_with_memory operator
	tell start "$iova"
	kill -KILL "$holder_pid"
	wait "$holder_pid" 2>/dev/null || true
	holder_pid=
	first=$iova
	drive guest
	tell allocate 4096
	read -r word _ iova <<<"$answer"
	[ "$word $iova" = "memory $first" ]
	tell fill 51
	what_was_started_is_over
	tell master 1
	[ "$answer" = mastering ]
	tell byte 0
	[ "$answer" = 51 ]
	tell byte 2047
	[ "$answer" = 51 ]
}

@test "memory and device go on while the daemon is killed, and more can be had from the next one" {
	drive_with_memory operator
	systemctl kill --signal=KILL mmiod.service
	tell receive "$iova"
	tell byte 0
	[ "$answer" = 90 ]
	eventually mmioctl status
	[ "$(memory)" = "engine dma 0x100000" ]
	tell allocate 8192
	[ "${answer##* }" = 0x102000 ]
	[ "$(memory | wc -l)" = 2 ]
	mmioctl revoke "$lease"
	eventually revoked_with_it
	tell byte 0
	contains "$answer" "failed 19"
}

@test "an address is had or refused with who has it, and what a grant does not give is refused with its key" {
	drive_with_memory operator
	tell allocate 4096 "$iova"
	contains "$answer" "failed 16"
	contains "$answer" "are taken by 0x100000+0x1000, which is held by user operator"
	contains "$answer" "there is room for it at 0x101000"
	tell allocate 4096 0x7000000
	[ "${answer##* }" = 0x7000000 ]
	tell allocate 4096 0x10000000
	contains "$answer" "failed 22"
	contains "$answer" "the device's 28 bits"
	tell allocate 0x400000
	contains "$answer" "[grant drive]"
	let_go
	run as guest mmioctl operate engine --config read --dma 4K -- true
	[ "$status" = 4 ]
	contains "$output" '"config = read"'
}

@test "who uses a device while another operates it waits, and the operator's memory is his alone" {
	drive_with_memory operator
	run as guest mmioctl operate engine --dma 4K -- true
	[ "$status" = 5 ]
	contains "$output" "is operated by user operator"
	run as operator mmioctl operate engine --config read -- true
	[ "$status" = 0 ]
}

@test "an ordinary user's driver writes and reads blocks of a controller by queues with interrupts of their own" {
	local disk=0000:00:0f.0
	mmioctl bind --force $disk
	configure 69-disk '[device disk]' "device = pci:$disk" 'interrupts = msix' 'vectors = 3' 'dma = iommu' \
		'[region disk-registers]' "device = pci:$disk" 'bar = 0' 'range = 0x0-0x1fff' 'width = 32' \
		'[grant disk]' 'device = disk' 'region = disk-registers' 'access = rw' 'bus-master = yes' 'interrupts = yes' \
		'dma = iommu' 'user = operator'
	run as operator ./nvme-io disk disk-registers 3 "written by a user"
	echo "$output"
	[ "$status" = 0 ]
	contains "$output" "namespace 1: 32768 blocks of 512 bytes"
	contains "$output" "and read by queue 2: written by a user"
}

@test "a device that translates addresses itself gets no memory by isolation, and the refusal says why" {
	local at
	at=$(behind_port 0x1af4 0x1044)
	mmioctl bind --force "$at"
	configure 69-disk '[device translator]' "device = pci:$at" 'dma = iommu' 'reset = no' \
		'[grant translator]' 'device = translator' 'config = read' 'dma = iommu' 'user = operator'
	run as operator mmioctl operate translator --dma 4K -- true
	[ "$status" = 4 ]
	contains "$output" "translates addresses itself (ATS)"
}

@test "an ordinary user's driver sends a thousand frames back by a card's two queues" {
	far_end
	grant_card iommu operator
	drive_card operator 1000
	exchange_frames 1000 1
	driver_has_echoed 1000
	[ "$(masters "$card")" = no ]
	[ -z "$(memory)" ]
}

@test "who is killed with frames in flight leaves nothing to the next one, who drives the card at once" {
	far_end
	grant_card iommu operator guest
	drive_card operator 0
	kill_driver_with_frames_in_flight
	start_holder guest ./engine card card-registers
	is_not_hit
	let_go
	stop_sending
	drive_card guest 0
	exchange_frames 200 3
}

storms_were_counted()
{
	[ "$(mmioctl export prometheus | sed -n 's/^mmiod_interrupt_storms_total{device="card"} //p')" -gt 0 ]
}

@test "a driver whose vectors are silenced after storms looks at its queues unasked" {
	far_end
	rate=10/s grant_card iommu operator
	drive_card operator 200
	exchange_frames 200 4
	driver_has_echoed 200
	eventually storms_were_counted
}

@test "a driver without a grant ends with the words of the policy" {
	grant_card iommu operator
	run as guest ./virtio-net-echo card card-registers 1
	echo "$output"
	[ "$status" = 1 ]
	contains "$output" "virtio-net-echo: card: "
	contains "$output" "grant"
}
