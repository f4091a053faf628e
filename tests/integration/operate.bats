# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Operating devices in simulation: configuration space, reset, power, bus mastering, and who may.
load helper

# card: all that there is, with a region of its own; reader: only its configuration space; private: somebody else's.
with_devices() {
	cat >>"$T/sim.conf" <<-END
		[region bar]
		device = pci:0000:01:00.0
		bar = 0
		size = 64K
		[device card]
		device = pci:0000:01:00.0
		interrupts = msix
		vectors = 4
		dma-engine = no
		[device reader]
		[device private]
		[grant card-operators]
		region = bar
		device = card
		config = standard
		bus-master = yes
		reset = yes
		power = yes
		access = rw
		share = shared-write
		user = $ME $COLLEAGUE
		[grant card-readers]
		device = reader
		config = read
		user = $ME
		[grant card-private]
		device = private
		config = standard
		user = $NOBODY_ELSE
	END
	start_daemon
}

operators() {
	mmioctl leases --json | jq -c '[.leases[] | select(.kind == "device") | .region]'
}

listed() {
	[ "$(operators)" = "$1" ]
}

watched() {
	mmioctl clients --json | grep -q '"monitor"'
}

awake() {
	[ "$(mmioctl power card)" = d0 ]
}

told() {
	grep -q "$1" "$T/out"
}

@test "config decodes the header and the capabilities" {
	with_devices
	run mmioctl config card
	expect_status 0
	expect_match 'command +0x0002 +memory'
	expect_match '0x040 +01 +power management: D0'
	expect_match '0x050 +10 +PCI Express: .*resets itself'
	expect_match '0x090 +11 +MSI-X: off, 4 vectors'
	run mmioctl config card --json
	expect_status 0
	expect_equal "$(jq -c '[.schema, .device, .command, .bytes, [.capabilities[].id]]' <<<"$output")" \
		'[1,"card",2,4096,[1,16,17]]'
}

@test "config reads and writes registers" {
	with_devices
	run mmioctl config card 0x4:16 0x91:8 0x0
	expect_status 0
	expect_equal "${lines[0]}" 0x0002
	expect_equal "${lines[1]}" 0x00
	expect_equal "${lines[2]}" 0x00001b36
	mmioctl config card 0x3c:8=0x0b
	expect_equal "$(mmioctl config card 0x3c:8 --json | jq -c '[.offset, .width, .value]')" '[60,8,11]'
	run mmioctl config card --hex
	expect_equal "${#lines[@]}" 256
	expect_equal "${lines[0]}" '00: 36 1b 00 00 02 00 10 00 00 00 00 ff 00 00 00 00'
}

@test "config refuses what is no register, and what nobody grants" {
	with_devices
	for text in x 0x1000 0x4:64 0x2:32 0x4:16=0x10000 0x4= 0x4:; do
		run mmioctl config card "$text"
		expect_status 2
	done
	run mmioctl config nothing
	expect_status 3
	expect_match 'there is no device "nothing"'
	run mmioctl config private
	expect_status 4
	expect_match 'no grant gives user .* the right to operate device private'
	run mmioctl config reader 0x4:16=0
	expect_status 4
	expect_match '\[grant card-readers\].*"config = standard"'
	run mmioctl config card --vendor
	expect_status 4
	expect_match '"config = vendor"'
}

@test "reset zeroes the registers, tells how long it took, and those who hold them hear of it" {
	with_devices
	background mmioctl hold bar
	eventually grep -q '^lease' "$T/out"
	mmioctl write bar+0x10 0x55
	run mmioctl reset card
	expect_status 0
	expect_match '^card was reset in [0-9]+\.[0-9] ms$'
	expect_equal "$(mmioctl read bar+0x10)" 0x00000000
	eventually grep -q 'was suspended with its device' "$T/err"
	eventually grep -q 'was resumed' "$T/err"
	run mmioctl reset card --json
	expect_equal "$(jq -c '[.schema, .device, .duration_us > 0]' <<<"$output")" '[1,"card",true]'
	run mmioctl reset card --force
	expect_status 4
	expect_match '"reset = force"'
	run mmioctl reset reader
	expect_status 4
	expect_match '"reset = yes"'
}

@test "a device has one operator, who is named, and any number who read" {
	with_devices
	background mmioctl operate card
	eventually listed '["card"]'
	run mmioctl reset card
	expect_status 5
	expect_match "device card is operated by .* pid $JOB \(mmioctl\)"
	run mmioctl config card 0x4:16
	expect_status 0
	kill "$JOB"
	wait "$JOB" || true
	run mmioctl reset card --wait=10s
	expect_status 0
}

@test "status 7: an administrator takes a device" {
	with_devices
	background mmioctl operate card
	eventually listed '["card"]'
	mmioctl revoke "$(value '.leases[0].id' leases)"
	expect_end 7
	grep -q 'revoked by user' "$T/err"
	eventually listed '[]'
}

@test "operate hands the device file to its command, which finds it again" {
	with_devices
	run mmioctl operate card -- sh -c 'echo "$MMIOD_FDS $MMIOD_TARGETS $MMIOD_DEVICES"; od -An -tx1 -N4 <&3'
	expect_status 0
	expect_match '1 card 3@[0-9]+\.[0-9]+\+0x0:card'
	expect_equal "${lines[1]}" ' 36 1b 00 00'
	run mmioctl operate card --config read -- sh -c 'echo x >&3'
	expect_status 1
	run mmioctl operate card --config none
	expect_status 2
	run mmioctl operate card --config all
	expect_status 2
	run mmioctl operate reader --bus-master
	expect_status 4
	expect_match '"bus-master = yes"'
}

@test "verbs within operate go by its device file, if that may do what they do" {
	with_devices
	run mmioctl operate card -- sh -c 'mmioctl reset card && mmioctl config card 0x0:16'
	expect_status 0
	expect_match 'card was reset in'
	run mmioctl operate card --config read -- mmioctl reset card
	expect_status 0
	run mmioctl operate card --power -- mmioctl power card d0
	expect_status 0
}

@test "a hold within operate keeps the device file, and operate within a hold the windows" {
	with_devices
	run mmioctl operate card -- mmioctl hold bar -- sh -c 'echo "$MMIOD_DEVICES;$MMIOD_WINDOWS"'
	expect_status 0
	expect_match '^3@[^ ]*:card;4@[^ ]*:bar\+0x0/0x10000$'
	run mmioctl hold bar -- mmioctl operate card -- sh -c 'echo "$MMIOD_DEVICES;$MMIOD_WINDOWS"'
	expect_status 0
	expect_match '^4@[^ ]*:card;3@[^ ]*:bar\+0x0/0x10000$'
}

@test "a device sleeps as long as somebody has it sleep" {
	with_devices
	expect_equal "$(mmioctl power card)" d0
	run mmioctl power card d3 -- mmioctl power card
	expect_status 0
	expect_equal "${lines[-1]}" d3
	eventually awake
	run mmioctl power card d0
	expect_status 0
	run mmioctl power card d1
	expect_status 2
	expect_match '"d1" is not a power state'
	run mmioctl power card d0 -- true
	expect_status 2
	run mmioctl power nothing
	expect_status 3
	run mmioctl power reader d3
	expect_status 4
}

@test "explain says what operating would come to" {
	with_devices
	run mmioctl explain card reset
	expect_status 0
	expect_match 'ALLOW .*operators.*"reset = yes"'
	run mmioctl explain card config,power,bus-master
	expect_status 0
	expect_match '"config = read", "bus-master = yes", "power = yes"'
	run mmioctl explain card reset-others
	expect_status 4
	expect_match '"reset = force"'
	run mmioctl explain private config
	expect_status 4
	run mmioctl explain card sleep
	expect_status 2
}

@test "tree, leases, status, monitor, log and metrics show who operates and what happens" {
	with_devices
	background mmioctl monitor
	eventually watched
	mmioctl reset card
	eventually told 'reset .*card.*was reset, in'
	background mmioctl operate card
	eventually listed '["card"]'
	mmioctl tree >"$T/tree"
	mmioctl leases >"$T/leases"
	mmioctl export prometheus >"$T/metrics"
	grep -q "card .*operated by .*(pid [0-9]*, mmioctl)" "$T/tree"
	grep -q 'device *card' "$T/leases"
	grep -q 'mmiod_device_resets_total{device="card",result="done"} 1' "$T/metrics"
	grep -q 'mmiod_device_resets_total{device="card",result="failed"} 0' "$T/metrics"
	grep -q 'mmiod_device_bus_master{device="card"} 0' "$T/metrics"
	awk '/^mmiod_device_reset_seconds_total{device="card"} / && $2 >= 0.02 { found = 1 } END { exit !found }' "$T/metrics"
	run mmioctl log
	expect_match 'device card'
	run mmioctl status
	expect_match '64 device files'
}
