#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The terms of grants as their users meet them: parts of regions, time limits, quotas, registers that are made safe; and
# the explanations of these.

load helper

terms_config() {
	cat <<-END
		[region regs]
		size = 4K
		width = 32
		backing = $T/regs
		on-end = +0x10:32=0, +0x14:32=7
		[region shm]
		size = 64K
		[grant us]
		region = regs
		user = $ME $COLLEAGUE
		access = rw
		lease = 1s
		[grant part]
		region = shm
		user = $ME $COLLEAGUE
		access = rw
		range = 0x1000-0x1fff
		lease = 400ms
		renew = no
		leases = 1
		[grant readers]
		region = regs
		group = 4242
		access = r
		share = shared-write
	END
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME"
}

register() {
	od -An -tx4 -j "$1" -N 4 "$T/regs" | tr -d ' '
}

is_register() {
	[ "$(register "$1")" = "$2" ]
}

left_is() { # OPERATOR SECONDS
	[ "$(value '.leases[0].left' leases)" "$1" "$2" ]
}

@test "hold renews what may be renewed" {
	terms_config | sed 's/^lease = 1s/lease = 8s/' >"$T/sim.conf"
	start_daemon
	hold regs
	eventually left_is -lt 7
	eventually left_is -ge 7
	kill -0 "$JOB"
	expect_equal "$(value '.leases[0].id' leases -O)" "$LEASE"
	expect_equal "$(value '.leases[0].renews' leases -O)" yes
}

@test "what may not be renewed ends, and its holder hears of it before" {
	terms_config >"$T/sim.conf"
	start_daemon
	hold shm+0x1000/0x1000
	expect_end 7
	expect_match 'ends in [0-9]+ ms: its time is nearly over'
	expect_match 'its time of 400 ms is over'
	leases_are 0
}

lost() {
	leases_are 0 || [ "$(value ".leases[0].state" leases)" = revoked ]
}

@test "a holder that stops calling loses its lease, and the registers are made safe" {
	terms_config >"$T/sim.conf"
	start_daemon
	mmioctl write regs+0x10 0x55
	mmioctl hold regs -- sh -c 'kill -STOP $PPID; sleep 30' 3>&- >"$T/out" 2>"$T/err" &
	JOB=$!
	JOBS+=("$JOB")
	eventually leases_are 1
	eventually lost
	is_register 0x10 00000000
	kill -CONT "$JOB"
	pkill -P "$JOB" sleep || true
}

@test "registers are made safe when the holder is killed" {
	terms_config >"$T/sim.conf"
	start_daemon
	hold regs --on-end +0x20:32=0x1234,+0x10:32=9
	is_register 0x20 00000000
	kill -KILL "$JOB"
	eventually is_register 0x20 00001234
	is_register 0x10 00000000
	is_register 0x14 00000007
}

@test "a client has nothing written beyond its lease" {
	terms_config >"$T/sim.conf"
	start_daemon
	run mmioctl hold regs/0x20 --on-end +0x20:32=1
	expect_status 1
	expect_match 'it lies outside of the lease'
	run mmioctl hold regs --read-only --on-end +0x20:32=1
	expect_status 2
	run mmioctl hold regs --on-end +0x20:32
	expect_status 2
	run mmioctl hold regs --on-end +0x20:8=256
	expect_status 2
	expect_match 'does not fit 8 bits'
}

@test "a part that is granted is granted alone" {
	terms_config >"$T/sim.conf"
	start_daemon
	mmioctl read shm+0x1ffc
	run mmioctl read shm+0x2000
	expect_status 4
	expect_match 'only 0x1000-0x1fff of region shm, not 0x2000-0x2003; grants do not add up'
}

@test "the quota of a grant is named when it is used up" {
	terms_config >"$T/sim.conf"
	sed -i 's/^renew = no/renew = yes/; s/lease = 400ms/lease = 1h/' "$T/sim.conf"
	start_daemon
	hold shm+0x1000/16
	run mmioctl read shm+0x1800
	expect_status 5
	expect_match "uid $ME has 1 leases under \[grant part\], as many as \"leases\" at $T/sim.conf:[0-9]+ admits"
}

@test "a command waits for its turn, and says at whom if it does not come" {
	start_daemon
	hold regs
	run mmioctl read regs --wait=300ms
	expect_status 8
	expect_match "is held by user .*uid $ME.*pid $JOB \(mmioctl.*waited in vain"
	mmioctl read regs --wait >"$T/read" 3>&- &
	READER=$!
	mmioctl hold regs --wait=1min -- true 3>&- &
	HOLDER=$!
	sleep 0.2
	kill -0 "$READER"
	kill -TERM "$JOB"
	wait "$READER"
	wait "$HOLDER"
	expect_equal "$(cat "$T/read")" 0x00000000
	run mmioctl read regs --wait=soon
	expect_status 2
}

@test "a holder asks for less time than the grant gives" {
	terms_config | sed 's/^lease = 1s/lease = 1h/' >"$T/sim.conf"
	start_daemon
	hold regs --lease 1min
	left_is -gt 0
	left_is -le 60
}

@test "explain names the rule that lets somebody" {
	terms_config >"$T/sim.conf"
	start_daemon
	run mmioctl explain regs rw
	expect_status 0
	expect_match "^ALLOW \[grant us\] at $T/sim.conf:[0-9]+: rw, exclusive, uc, for 1 s, may be renewed"
}

@test "explain says what is missing, and what would be allowed" {
	terms_config >"$T/sim.conf"
	start_daemon
	run mmioctl explain --user "$STRANGER" regs
	expect_status 4
	expect_match "^DENY  \[grant us\] at $T/sim.conf:[0-9]+ needs user $ME or user $COLLEAGUE; $STRANGER has: no group"
	run mmioctl explain --user "$STRANGER" --group 4242 regs rw
	expect_status 4
	expect_match "only read region regs; $STRANGER has: 4242"
	expect_match "would be allowed by \[grant readers\] at $T/sim.conf:[0-9]+: r, shared-write"
	expect_equal "$(json explain --user "$STRANGER" --group 4242 regs rw | jq -r '[.allowed, .rule.grant, .access] | join(" ")')" \
		'false readers rw'
	expect_equal "$(json explain --user "$STRANGER" --group 4242 regs | jq .allowed)" true
}

@test "explain knows the kinds of kernel memory as well" {
	{ terms_config; printf '[grant pages]\nmemory = pages dma\nuser = %s\nlease = 1min\n' "$ME"; } >"$T/sim.conf"
	start_daemon
	run mmioctl explain pages
	expect_status 0
	expect_match "^ALLOW \[grant pages\] at $T/sim.conf:[0-9]+: pages, for 1 min, may be renewed"
	run mmioctl explain kmalloc
	expect_status 4
	expect_match "no grant gives user .* kernel memory of kind kmalloc"
	run mmioctl explain dma --device regs
	expect_status 0
	run mmioctl explain dma --device nothing
	expect_status 3
	run mmioctl explain regs --device regs
	expect_status 2
	expect_equal "$(json explain --user "$STRANGER" pages | jq -r '[.allowed, .rule.grant, .target] | join(" ")')" 'false pages pages'
}

@test "only administrators ask about others" {
	need_root
	terms_config >"$T/sim.conf"
	start_daemon
	run as "$COLLEAGUE" mmioctl explain regs rw
	expect_status 0
	run as "$COLLEAGUE" mmioctl explain --user "$COLLEAGUE" regs rw
	expect_status 0
	run as "$COLLEAGUE" mmioctl explain --user 0 regs rw
	expect_status 4
	expect_match 'everybody may ask about himself'
	run as "$COLLEAGUE" mmioctl explain --group 4242 regs rw
	expect_status 4
}

@test "explain knows no region that is not there, and no access that is none" {
	start_daemon
	run mmioctl explain nothing
	expect_status 3
	run mmioctl explain regs wr
	expect_status 2
	run mmioctl explain --user nobody-of-that-name regs
	expect_status 3
}

@test "check-config tells good from bad without a daemon" {
	printf '[grant a]\nmemory = pages\nuser = %s\nlease = 10min\n' "$ME" >"$T/good.conf"
	run mmioctl check-config "$T/good.conf"
	expect_status 0
	expect_match 'good: 0 regions, 1 grants'
	printf '[grant a]\nmemory = pages\nuser = %s\nleese = 10min\n' "$ME" >"$T/bad.conf"
	run mmioctl check-config "$T/bad.conf"
	expect_status 1
	expect_match "$T/bad.conf:4: unknown key \"leese\": did you mean \"lease\"\?"
	run mmioctl --json check-config "$T/bad.conf"
	expect_status 1
	expect_equal "$(jq -c '[.error.errno, .error.exit]' <<<"$output")" '["EINVAL",1]'
	run mmioctl check-config "$T/none.conf"
	expect_status 1
}

@test "a reload that takes a grant away takes its leases only if told to" {
	terms_config >"$T/sim.conf"
	start_daemon
	hold regs
	sed -i "s/^user = $ME $COLLEAGUE/user = $NOBODY_ELSE/" "$T/sim.conf"
	kill -HUP "$DAEMON"
	eventually grep -q 'configuration loaded' "$T/log"
	run mmioctl read regs
	expect_status 4
	kill -0 "$JOB"
	printf '[daemon]\nrevoke-on-reload = yes\n' >>"$T/sim.conf"
	kill -HUP "$DAEMON"
	expect_end 7
	expect_match 'no grant gives it any more'
}

@test "a region that is to be another card is stale until its holder has let go, and everything says so" {
	printf '[region card]\ndevice = pci:0000:01:00.0\nbar = 0\nsize = 64K\n[grant all]\nregion = *\nuser = *\naccess = rw\nshare = shared-write\n' \
		>"$T/sim.conf"
	[ "$ME" -eq 0 ] || printf '[admin us]\nuser = %s\n' "$ME" >>"$T/sim.conf"
	start_daemon
	hold card+0x8000/0x1000
	sed -i -e 's/0000:01:00.0/0000:02:00.0/' -e 's/64K/16K/' "$T/sim.conf"
	kill -HUP "$DAEMON"
	eventually grep -q 'configuration loaded: 1 regions, 1 grants; 1 region waits for its leases to end' "$T/log"
	run mmioctl list
	expect_match '0000:01:00.0 .* stale'
	expect_equal "$(value '.regions[0].state' list)" stale
	expect_equal "$(value .regions_stale status)" 1
	run mmioctl status
	expect_match 'regions 1 \(0 missing, 1 stale\)'
	expect_match "region card is to become 0000:02:00.0 BAR 0 0x0\+0x4000, as $T/sim.conf:1 says"
	expect_match 'mmioctl revoke'
	run mmioctl doctor
	expect_match 'region card is stale'
	mmioctl export prometheus | grep -q '^mmiod_regions{state="stale"} 1$'
	run mmioctl read card+0x8000
	expect_status 5
	expect_match 'region card is to become'
	mmioctl revoke "$LEASE"
	expect_equal "$(value '.regions[0].state' list)" ok
	expect_equal "$(value '.regions[0].size' list)" 16384
	run mmioctl read card+0x8000
	expect_status 1
}

@test "a reload that makes a region other bytes ends its leases only if told to" {
	printf '[region a]\nsize = 64K\n[grant all]\nregion = *\nuser = *\naccess = rw\n[daemon]\nrevoke-on-reload = yes\n' >"$T/sim.conf"
	start_daemon
	hold a+0x8000/0x1000
	sed -i 's/64K/16K/' "$T/sim.conf"
	kill -HUP "$DAEMON"
	expect_end 7
	expect_match 'its region is another, or accessed otherwise'
	expect_equal "$(value '.regions[0].size' list)" 16384
}

@test "a peer from a foreign pid namespace gets what a grant for unknown peers gives, and no more" {
	need_root
	terms_config >"$T/sim.conf"
	printf '[grant strangers]\nregion = shm\nunknown = yes\nshare = shared-read\n' >>"$T/sim.conf"
	launch unshare --pid --fork mmiod --simulate "$T/sim.conf" --socket "$MMIOD_SOCKET"
	run mmioctl status
	expect_match "you are uid $(cat /proc/sys/kernel/overflowuid)"
	mmioctl read shm
	run mmioctl write shm 1
	expect_status 4
	run mmioctl read regs
	expect_status 4
	expect_match 'the peer is unknown .*, and no grant with "unknown = yes" gives this'
	run mmioctl revoke 1
	expect_status 4
	hold shm --read-only
	leases_are 0
	run mmioctl free "$LEASE"
	expect_status 4
	kill -TERM "$JOB"
	expect_end 0
	pkill -TERM -P "$DAEMON"
	wait "$DAEMON"
	DAEMON=
}
