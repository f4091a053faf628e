# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Interrupts in simulation: who may have them, as they come, and where they are shown.
load helper

# card: four vectors that nobody fires; clock: a line that fires by itself; private: somebody else's.
with_devices() {
	cat >>"$T/sim.conf" <<-END
		[device card]
		interrupts = msix
		vectors = 4
		dma-engine = no
		[device clock]
		interrupts = auto
		interrupt-period = 10ms
		[device private]
		interrupts = auto
		[grant interrupts]
		device = card clock
		interrupts = yes
		user = $ME $COLLEAGUE
		[grant private]
		device = private
		interrupts = yes
		user = $NOBODY_ELSE
	END
	start_daemon
}

vectors() {
	mmioctl irq --json | jq -c '[.vectors[] | [.device, .vector]]'
}

listed() {
	[ "$(vectors)" = "$1" ]
}

@test "irq tells each interrupt with its vector, the count and what is new" {
	with_devices
	run mmioctl irq clock --count 3
	expect_status 0
	expect_equal "${#lines[@]}" 3
	for output in "${lines[@]}"; do
		expect_match '^[0-9:]{8}\.[0-9]{3}  clock:0  [0-9]+  \+[0-9]+$'
	done
	run mmioctl --json irq clock --count 1
	expect_equal "$(jq -c '[.schema, .device, .vector, .count == .delta, .time_us > 0]' <<<"$output")" \
		'[1,"clock",0,true,true]'
}

@test "irq trigger makes an interrupt come without the device" {
	with_devices
	run mmioctl --json irq card:3 --trigger --count 2
	expect_status 0
	expect_equal "$(jq -c '[.vector, .count, .delta]' <<<"$output")" $'[3,1,1]\n[3,2,1]'
	run mmioctl irq card --oneshot --trigger --count 1
	expect_status 0
}

@test "status 8: irq gives up when none comes" {
	with_devices
	run mmioctl irq card:1 --timeout 20ms
	expect_status 8
	expect_match 'vector 1 of card did not come within 20 ms'
}

@test "irq refuses what is no vector and what nobody grants" {
	with_devices
	run mmioctl irq card:4
	expect_status 1
	expect_match 'vectors 0 to 3, not 4'
	run mmioctl irq clock:1
	expect_status 1
	expect_match 'vector 0 only'
	run mmioctl irq nothing
	expect_status 3
	run mmioctl irq card:x
	expect_status 2
	run mmioctl irq :1
	expect_status 2
	run mmioctl irq card:99999999999
	expect_status 2
	run mmioctl irq --count 3
	expect_status 2
	expect_match 'whose interrupt'
	run mmioctl irq private
	expect_status 4
	expect_match 'no grant gives user .* interrupts of device private'
}

@test "a vector has one holder, and is given back when he is gone" {
	with_devices
	background mmioctl irq card:2
	eventually listed '[["card",2]]'
	run mmioctl irq card:2 --count 1
	expect_status 5
	expect_match "vector 2 of device card is held by .* pid $JOB \(mmioctl\)"
	run mmioctl irq card:1 --trigger --count 1
	expect_status 0
	kill "$JOB"
	wait "$JOB" || true
	run mmioctl irq card:2 --wait=10s --trigger --count 1
	expect_status 0
}

@test "status 7: an administrator takes a vector" {
	with_devices
	background mmioctl irq card:2
	eventually listed '[["card",2]]'
	mmioctl revoke "$(value '.vectors[0].lease' irq)"
	expect_end 7
	grep -q 'vector 2 of card: revoked by user' "$T/err"
	eventually listed '[]'
}

@test "leases, tree and log show interrupts for what they are" {
	with_devices
	background mmioctl irq card:2
	eventually listed '[["card",2]]'
	run mmioctl leases --json
	expect_equal "$(jq -c '.leases[] | [.kind, .region, .offset, .length, .rights]' <<<"$output")" \
		'["interrupt","card",2,1,"r"]'
	run mmioctl tree
	expect_match '─card +ok +msix, 4 vectors'
	expect_match '─vector 2 +ok +lease [0-9]+, 0 so far'
	run mmioctl tree --json
	expect_equal "$(jq -c '[.. | objects | select(.kind == "vector") | [.vector, .interrupt, .command]]' <<<"$output")" \
		'[[2,"msix","mmioctl"]]'
}

watched() {
	value 'any(.clients[]; .flags == ["monitor"])' clients
}

@test "monitor names the vector" {
	with_devices
	background mmioctl monitor
	eventually watched
	mmioctl irq card:3 --trigger --count 1
	eventually grep -q 'granted   lease [0-9]* card:3  ' "$T/out"
	run mmioctl irq private:0
	eventually grep -q 'denied  .* private:0  ' "$T/out"
}

@test "explain says who may have interrupts" {
	with_devices
	run mmioctl explain card interrupts
	expect_status 0
	expect_match '^ALLOW \[grant interrupts\] at .*: interrupts, msix, vectors 0 to 3'
	run mmioctl --json explain card:1 interrupts
	expect_equal "$(jq -c '[.allowed, .target, .access, .rule.grant]' <<<"$output")" \
		'[true,"card:1","interrupts","interrupts"]'
	run mmioctl explain private interrupts
	expect_status 4
	expect_match '^DENY .*needs user'
	run mmioctl explain card interrupt
	expect_status 2
	expect_match 'interrupts'
	run mmioctl explain --wc card interrupts
	expect_status 2
}

@test "status and export have interrupts among limits and counters" {
	with_devices
	run mmioctl export prometheus
	expect_match 'mmiod_interrupt_storms_total\{device="card"\} 0'
	expect_match 'mmiod_user_limit\{limit="interrupts-per-user"\} 256'
}

@test "a reload that gives no interrupts any more takes them if it says so" {
	with_devices
	background mmioctl irq card:2
	eventually listed '[["card",2]]'
	printf '[daemon]\nrevoke-on-reload = yes\n' >>"$T/sim.conf"
	sed -i "s/^device = card clock/device = clock/" "$T/sim.conf"
	kill -HUP "$DAEMON"
	expect_end 7
	grep -q 'no grant gives it any more' "$T/err"
}

@test "a user has no more vectors than the limit" {
	printf '[daemon]\ninterrupts-per-user = 1\n' >>"$T/sim.conf"
	with_devices
	background mmioctl irq card:2
	eventually listed '[["card",2]]'
	run mmioctl irq card:1
	expect_status 5
	expect_match '1 vectors leased, as many as interrupts-per-user'
}

@test "check-config refuses messages that nothing bounds" {
	cat >"$T/a.conf" <<-END
		[device a]
		device = pci:0000:01:00.0
		interrupts = msix
	END
	run mmioctl check-config "$T/a.conf"
	expect_status 1
	expect_match 'a.conf:1: MSI and MSI-X are writes to memory'
	sed -i 's/^interrupts = msix/interrupts = msix\ndma-engine = no/' "$T/a.conf"
	run mmioctl check-config "$T/a.conf"
	expect_status 0
}
