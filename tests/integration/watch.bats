# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# Waiting for registers to change: wait and watch, through revocations and a daemon that dies.
load helper

# Leases are exclusive unless it is said otherwise; a client that watches must let others write.
shared() {
	cat >>"$T/sim.conf" <<-END
		[region common]
		size = 4K
		width = 32
		[grant common]
		region = common
		user = $ME
		access = rw
		share = shared-write
	END
	start_daemon
}

said() {
	grep -q "$1" "$T/out"
}

@test "wait prints the register when it is so" {
	shared
	mmioctl write common+8 0x85
	run mmioctl wait common+8 --equals 0x85
	expect_status 0
	expect_equal "$output" 0x00000085
	run mmioctl wait common+8 --mask 0xf0 --equals 0x80 -v
	expect_equal "$output" "common+0x8: 0x00000085"
	run mmioctl --json wait common+8 --mask 1 --equals 1
	expect_equal "$(jq -c '[.schema, .region, .offset, .width, .values]' <<<"$output")" \
		'[1,"common",8,32,[{"hex":"0x00000085","value":133}]]'
	background mmioctl wait common+8 --equals 1
	mmioctl write common+8 1
	expect_end 0
	said '^0x00000001$'
}

@test "status 8: wait gives up and says what is there" {
	shared
	mmioctl write common+8 0x85
	run mmioctl wait common+8 --mask 0x0f --equals 4 --timeout 20ms
	expect_status 8
	expect_equal "$output" "mmioctl: common+0x8 is 0x00000085 after 20 ms: masked 0x00000005 is not 0x00000004"
	run --separate-stderr mmioctl --json wait common+8 --equals 4 --timeout 0
	# shellcheck disable=SC2154 # set by run
	expect_equal "$(jq -c '[.error.errno, .error.exit]' <<<"$stderr")" '["ETIMEDOUT",8]'
}

@test "wait refuses what can never be" {
	shared
	run mmioctl wait common+8
	expect_status 2
	expect_match 'wait for what'
	run mmioctl wait common+8 --mask 1 --equals 2
	expect_status 2
	expect_match 'it will never be'
	run mmioctl wait common+8 --equals 0x100000000
	expect_status 2
	expect_match 'does not fit 32 bits'
}

@test "watch shows what is there and then changes only, with the time" {
	shared
	background mmioctl watch common+4 common+8/8 --interval 1ms --count 2
	eventually said 'common+0xc  0x00000000$'
	mmioctl write common+8 7
	eventually said 'common+0x8  0x00000000 -> 0x00000007$'
	mmioctl write common+4 1
	expect_end 0
	expect_equal "$(sed 's/^[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9][0-9][0-9]  //' "$T/out")" \
'common+0x4  0x00000000
common+0x8  0x00000000
common+0xc  0x00000000
common+0x8  0x00000000 -> 0x00000007
common+0x4  0x00000000 -> 0x00000001'
}

@test "watch --json is one object a line" {
	shared
	background mmioctl --json watch common+4 --interval 1ms --count 1
	eventually said '"offset":4'
	mmioctl write common+4 9
	expect_end 0
	expect_equal "$(jq -sc 'map([.schema, .region, .offset, .width, .old.value, .value.value])' "$T/out")" \
		'[[1,"common",4,32,null,0],[1,"common",4,32,0,9]]'
	now=$(date +%s)
	jq -se --argjson now "$now" 'all(.time_us / 1000000 > $now - 60 and .time_us / 1000000 < $now + 60)' "$T/out"
}

@test "status 7: a revocation ends watch and names who did it" {
	shared
	background mmioctl watch common+4 --interval 1ms
	eventually said 'common+0x4'
	mmioctl revoke "$(value '.leases[0].id' leases)"
	expect_end 7
	expect_match 'common\+4: revoked by'
}

@test "a revocation of any of several targets ends watch" {
	shared
	background mmioctl watch common+4 regs shm:32 --interval 1ms
	eventually said 'shm+0x0'
	mmioctl revoke "$(value '.leases[] | select(.region == "regs") | .id' leases)"
	expect_end 7
	expect_match 'regs: revoked by'
	expect_equal "$(value '.leases | length' leases)" 0
}

@test "status 7: a daemon that is killed in the middle of watch" {
	shared
	background mmioctl watch common+4 --interval 1ms
	eventually said 'common+0x4'
	kill_daemon
	expect_end 7
	expect_match 'the daemon went away, and its simulated memory with it'
	expect_equal "$(wc -l <"$T/err")" 1
}

@test "watch ends with the reader of its output, though nothing changes any more" {
	shared
	# shellcheck disable=SC2016 # the inner shell expands it
	background bash -c 'mmioctl watch common+4 --interval 1ms 2>"$0/watch.err" | head -n 1; echo "${PIPESTATUS[0]}"' "$T"
	eventually said 'common+0x4'
	expect_end 0
	said '^0$'
	[ ! -s "$T/watch.err" ]
}

@test "watch refuses to be held up by nothing" {
	run mmioctl watch common --count 0
	expect_status 2
	run mmioctl watch
	expect_status 2
	expect_match 'usage: mmioctl watch TARGET…'
}
