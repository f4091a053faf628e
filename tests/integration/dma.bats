# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# shellcheck disable=SC2016 # what is quoted is for the inner shell
# Memory for DMA in simulation: who may have it, where, how much, how it is shown, and how it ends.
load helper

# card: by an IOMMU; wild: trusted; shy: its grant gives none.
with_devices() {
	cat >>"$T/sim.conf" <<-END
		[device card]
		dma = iommu
		dma-bits = 36
		[device wild]
		dma = trusted
		[device shy]
		dma = iommu
		[grant card-drivers]
		device = card
		config = standard
		bus-master = yes
		dma = iommu
		bytes = 1M
		user = $ME $COLLEAGUE
		[grant wild-drivers]
		device = wild
		bus-master = yes
		dma = trusted
		user = $ME
		[grant shy-drivers]
		device = shy
		bus-master = yes
		user = $ME
	END
	start_daemon
}

memory() { # of kind dma: device, length, address, for each lease
	mmioctl leases -O --json | jq -c '[.leases[] | select(.kind == "dma") | [.region, .length, .iova]]'
}

holds() {
	[ "$(memory)" = "$1" ]
}

told() {
	grep -q "$1" "$T/err"
}

@test "memory for a device is held with it, and tells where the device finds it" {
	with_devices
	background mmioctl operate card --bus-master --dma 64K
	eventually holds '[["card",65536,1048576]]'
	expect_equal "$(grep -c ' card device$' "$T/out")" 1
	expect_equal "$(grep -cE '^lease [0-9]+ dma\+0x0/0x10000 rw wb at 0x100000$' "$T/out")" 1
	expect_equal "$(mmioctl leases -O --json | jq '[.leases[] | select(.kind == "dma") | .operation] == [.leases[] | select(.kind == "device") | .id]')" true
	run mmioctl tree
	expect_match 'card .*master, isolated|card .*isolated'
	expect_equal "$(mmioctl tree --json | jq -c '[.. | objects | select(.iova?) | .iova]')" '[1048576]'
	expect_equal "$(mmioctl export prometheus | grep -c '^mmiod_dma_mapped_bytes{device="card"} 65536$')" 1
}

@test "a command finds the device file and the memory at descriptors of their own" {
	with_devices
	run mmioctl operate card --dma 8K -- sh -c 'echo "$MMIOD_FDS|$MMIOD_TARGETS"; stat -L -c %s /proc/self/fd/3 /proc/self/fd/4;
		echo "$MMIOD_WINDOWS" | grep -c "^4@.*:dma+0x0/0x2000$"; echo "$MMIOD_DEVICES" | grep -c "^3@.*:card$"'
	expect_status 0
	expect_equal "${lines[0]}" '2|card dma+0x0/0x2000'
	expect_equal "${lines[1]} ${lines[2]} ${lines[3]} ${lines[4]}" '4096 8192 1 1'
}

@test "memory ends with the operation, and its holder hears why" {
	with_devices
	background mmioctl operate card --bus-master --dma 4K -- sleep 100
	eventually holds '[["card",4096,1048576]]'
	mmioctl revoke "$(mmioctl leases -O --json | jq '.leases[] | select(.kind == "device") | .id')"
	eventually told 'lease [0-9]* (dma+0x0/0x1000) was revoked: the lease that operates the device has ended'
	eventually holds '[]'
}

@test "who is not granted memory is told which key is missing" {
	with_devices
	run mmioctl operate shy --dma 4K -- true
	expect_status 4
	expect_match '\[grant shy-drivers\].* it does not say "dma = iommu"'
	run mmioctl explain shy dma
	expect_status 4
	expect_match '"dma = iommu"'
	run mmioctl explain card dma,bus-master
	expect_status 0
	expect_match 'ALLOW \[grant card-drivers\].*"bus-master = yes", "dma = iommu"'
}

@test "the grant's bytes bound the memory of each user" {
	with_devices
	run mmioctl operate card --dma 2M -- true
	expect_status 5
	expect_match '\[grant card-drivers\].*"bytes" at .* admits 1048576: 2097152 more are too many'
	run mmioctl operate card --dma 1M -- true
	expect_status 0
	for size in 0 x 4X ""; do
		run mmioctl operate card --dma "$size" -- true
		expect_status 2
		expect_match '\-\-dma'
	done
}

@test "trust in a device is said aloud wherever somebody looks" {
	with_devices
	run mmioctl check-config "$T/sim.conf"
	run mmioctl explain wild dma
	expect_status 0
	expect_match '"dma = trusted" \(nothing bounds the device: it may read and write all memory\)'
	run mmioctl explain card dma-trusted
	expect_status 4
	expect_match '"dma = trusted"'
	run mmioctl status
	expect_match 'device wild is trusted with DMA, and may read and write all memory'
	run mmioctl doctor
	expect_match 'device wild is trusted with DMA: who may write its registers'
	run mmioctl devices --json
	expect_status 0
}

@test "check-config warns of trust, and refuses more than a device may have" {
	cat >"$T/a.conf" <<-END
		[device a]
		device = pci:0000:01:00.0
		dma = trusted
		[grant g]
		device = a
		user = 0
		dma = trusted
		bus-master = yes
	END
	run mmioctl check-config "$T/a.conf"
	expect_status 0
	expect_match 'device a is trusted with DMA: who may write its registers'
	sed -i '0,/dma = trusted/s//dma = iommu/' "$T/a.conf"
	run mmioctl check-config "$T/a.conf"
	expect_status 1
	expect_match 'a.conf:4: grant g gives "dma = trusted", and device a .*a.conf:1\) says "dma = iommu"'
	sed -i '0,/dma = iommu/s//dma = none/' "$T/a.conf"
	run mmioctl check-config "$T/a.conf"
	expect_status 1
	expect_match 'grant g gives'
	sed -i '0,/dma = none/s//dma = maybe/' "$T/a.conf"
	run mmioctl check-config "$T/a.conf"
	expect_status 1
	expect_match 'a.conf:3: "maybe" is not how far the device may reach into memory'
}

@test "doctor says of a device of virtio's what cannot be seen from inside a machine" {
	printf '[device card]\ndevice = 1af4:1041\ndma = iommu\n[device other]\ndevice = 1234:1041\ndma = iommu\n' >>"$T/sim.conf"
	start_daemon
	run mmioctl doctor
	expect_match "note  device card is one of virtio's, which passes by the machine's IOMMU unless it was started with iommu_platform=on"
	[[ $output != *"device other"* ]]
}
