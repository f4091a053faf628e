#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The installed service on a real kernel: who gets what, who is told what, and what survives.

load common.bash

teardown()
{
	let_go
}

@test "systemd starts the socket and the service, and the daemon uses the module" {
	eventually systemctl is-active --quiet mmiod.socket
	run mmioctl status
	[ "$status" = 0 ]
	contains "$output" module
	eventually systemctl is-active --quiet mmiod.service
}

@test "the daemon does not run as root and has no capability but CAP_SYS_RAWIO" {
	pid=$(systemctl show -P MainPID mmiod.service)
	[ "$(stat -c %U "/proc/$pid")" = mmiod ]
	[ "$(sed -n 's/^CapEff:\t0*//p' "/proc/$pid/status")" = 20000 ]
	[ "$(sed -n 's/^CapBnd:\t0*//p' "/proc/$pid/status")" = 20000 ]
}

@test "the operator's list has the four regions with his rights" {
	run as operator mmioctl list
	[ "$status" = 0 ]
	for name in edu shm testdev set-aside; do contains "$output" "$name"; done
	run as operator mmioctl --json list
	contains "$output" '"testdev"'
	contains "$output" '0000:00:04.0'
}

@test "physical addresses are shown to root and to nobody else" {
	local edu
	read -r edu _ </sys/bus/pci/devices/0000:00:04.0/resource
	edu=$(printf '%x' "$edu")
	run mmioctl --no-headings -o NAME,PHYS list
	contains "$output" "$edu"
	contains "$output" 30000000
	run as operator mmioctl --no-headings -o NAME,PHYS list
	contains "$output" edu
	[[ $output != *"$edu"* && $output != *30000000* ]]
}

@test "the guest sees no region and no lease" {
	hold shm 0 0x1000
	run as guest mmioctl list
	[ "$status" = 0 ]
	[[ $output != *shm* && $output != *edu* ]]
	run as guest mmioctl --json leases
	[ "$status" = 4 ]
	[[ $output != *shm* ]]
}

@test "the guest is refused by every verb that needs a grant, and told the rule" {
	run as guest mmioctl read edu
	[ "$status" = 4 ]
	contains "$output" guest
	contains "$output" grant
	run as guest mmioctl write shm 1
	[ "$status" = 4 ]
	run as guest mmioctl dump shm 16
	[ "$status" = 4 ]
	run as guest mmioctl hold shm+0/0x1000 -- true
	[ "$status" = 4 ]
	hold shm 0 0x1000
	run as guest mmioctl revoke "$lease"
	[ "$status" = 4 ] || [ "$status" = 3 ]
	tell read 0
	[ "$answer" != SIGBUS ]
}

@test "neither the operator nor the guest can open the control file" {
	run as operator sh -c 'exec 3<>/dev/mmiod'
	[ "$status" != 0 ]
	contains "$output" "ermission denied"
	run as guest sh -c 'exec 3</dev/mmiod'
	[ "$status" != 0 ]
}

@test "the operator reads edu's identification register" {
	run as operator mmioctl read edu
	[ "$status" = 0 ]
	[ "$output" = 0x010000ed ]
}

@test "a width that the region does not have is refused" {
	run as operator mmioctl read edu:8
	[ "$status" != 0 ]
	contains "$output" 32
	run as operator mmioctl read edu+2
	[ "$status" != 0 ]
}

@test "edu computes 12 factorial through a mapping of the operator's" {
	run as operator ./edu-factorial 12
	[ "$status" = 0 ]
	contains "$output" 479001600
}

@test "the operator may read testdev but not write it" {
	run as operator mmioctl read testdev
	[ "$status" = 0 ]
	run as operator mmioctl write testdev 1
	[ "$status" = 4 ]
	contains "$output" testdev-readers
}

@test "what is written by mediated access is read back" {
	as operator mmioctl write set-aside+0x10 0xdeadbeef
	run as operator mmioctl read set-aside+0x10
	[ "$output" = 0xdeadbeef ]
	run as operator mmioctl dump set-aside+0x10 16
	[ "$status" = 0 ]
	contains "$output" deadbeef
}

@test "a message written through a mapping is there for the host to find" {
	run as operator ./hello-window shm+0x3001000/0x1000 "hello from the guest"
	[ "$status" = 0 ]
}

@test "a 32-bit client leases, maps and writes" {
	run as operator ./hello-window-32 shm+0x3002000/0x1000 "32-bit client was here"
	[ "$status" = 0 ]
	run as operator mmioctl dump shm+0x3002000 32
	contains "$output" "32-bit client"
}

@test "a pattern at an odd place is there for the host to find, and nothing around it" {
	as operator mmioctl write shm+0x3200ffc 0x11223344
	as operator mmioctl write shm+0x3201004:8 0x99
}

@test "a second holder is refused with the name of the first" {
	hold shm 0 0x2000
	run as operator mmioctl hold shm+0x1000/0x1000 -- true
	[ "$status" = 5 ]
	contains "$output" holder
	contains "$output" operator
	run as operator mmioctl hold shm+0x2000/0x1000 -- true
	[ "$status" = 0 ]
}

@test "another memory type on the same page is refused both ways" {
	for pair in wc:uc uc:wc; do
		background operator mmioctl hold --${pair%:*} --shared-write shm+0/0x1000
		eventually cache_leased ${pair%:*}
		run as operator mmioctl hold --${pair#*:} --shared-write shm+0/0x1000 -- true
		let_go
		[ "$status" = 5 ]
		contains "$output" ${pair%:*}
		eventually cache_not_leased ${pair%:*}
	done
}

@test "the lease of a process that dies ends" {
	hold shm 0 0x1000
	lease_listed "$lease"
	kill -KILL "$holder_pid"
	pkill -KILL -x holder || true
	wait "$holder_pid" 2>/dev/null || true
	eventually lease_not_listed "$lease"
}

@test "a revoked holder gets SIGBUS, an event that says why, and ENODEV" {
	hold shm 0 0x1000
	tell write 0 1
	[ "$answer" = ok ]
	mmioctl revoke "$lease"
	tell read 0
	[ "$answer" = SIGBUS ]
	tell mediated 0
	[ "$answer" = ENODEV ]
	tell wait
	contains "$answer" "event 2 lease $lease"
}

@test "a populated window is revoked just the same" {
	hold shm 0 0x10000 populate
	tell write 0x8000 1
	mmioctl revoke "$lease"
	tell read 0x8000
	[ "$answer" = SIGBUS ]
}

@test "a window with a dummy page reads ones after revocation" {
	hold shm 0 0x1000 dummy
	tell write 5 1
	mmioctl revoke "$lease"
	tell read 5
	[ "$answer" = 0xff ]
}

@test "mmioctl hold exits with 7 when its lease is revoked" {
	background operator mmioctl hold shm+0x1000/0x1000
	eventually grep -q lease /tmp/background.out
	mmioctl revoke "$(sed -n 's/^lease \([0-9]*\) .*/\1/p' /tmp/background.out)"
	wait "$holder_pid" || code=$?
	[ "${code:-0}" = 7 ]
	contains "$(cat /tmp/background.err)" revoked
}

@test "the operator cannot revoke another's lease" {
	configure 60-guest '[grant guests]' 'region = shm' 'user = guest' 'access = r'
	background guest mmioctl hold --read-only shm+0x3000/0x1000
	eventually grep -q lease /tmp/background.out
	lease=$(sed -n 's/^lease \([0-9]*\) .*/\1/p' /tmp/background.out)
	run as operator mmioctl revoke "$lease"
	unconfigure 60-guest
	[ "$status" = 4 ] || [ "$status" = 3 ]
	lease_listed "$lease"
}

@test "a daemon killed with -9 loses no mapping, lists the lease again and can revoke it" {
	hold shm 0x4000 0x1000
	tell write 0 0x5a
	before=$(systemctl show -P MainPID mmiod.service)
	kill -KILL "$before"
	tell read 0
	[ "$answer" = 0x5a ]
	eventually lease_listed "$lease"
	[ "$(systemctl show -P MainPID mmiod.service)" != "$before" ]
	run mmioctl leases
	contains "$output" operator
	contains "$output" holder
	run as operator mmioctl hold shm+0x4000/0x1000 -- true
	[ "$status" = 5 ]
	tell write 0 0x5b
	[ "$answer" = ok ]
	mmioctl revoke "$lease"
	tell read 0
	[ "$answer" = SIGBUS ]
}

@test "a restarted daemon keeps leases and a lease that ended meanwhile is gone" {
	hold shm 0x4000 0x1000
	systemctl stop mmiod.socket mmiod.service
	tell read 0
	[ "$answer" != SIGBUS ]
	let_go
	pkill -KILL -x holder || true
	systemctl start mmiod.socket
	eventually mmioctl status
	lease_not_listed "$lease"
}

@test "a second daemon on the same module is refused" {
	eventually systemctl is-active --quiet mmiod.service
	run timeout 600 mmiod --socket /tmp/second.sock
	[ "$status" != 0 ] && [ "$status" != 124 ]
	contains "$output" "another daemon"
	run as operator mmioctl read edu
	[ "$output" = 0x010000ed ]
}

@test "a mapping outlives the connection it was made through" {
	hold shm 0x5000 0x1000
	tell disconnect
	tell write 0 7
	[ "$answer" = ok ]
	lease_listed "$lease"
}

@test "a bad configuration is refused with file and line, and the old one stays in force" {
	printf '[region edu2]\ndevice = pci:0000:00:04.0\nbra = 0\n' >/etc/mmiod/mmiod.conf.d/99-bad.conf
	run mmiod --check-config
	[ "$status" != 0 ]
	contains "$output" "/etc/mmiod/mmiod.conf.d/99-bad.conf:3"
	contains "$output" bra
	contains "$output" bar
	systemctl reload mmiod.service || true
	eventually sh -c 'journalctl -u mmiod.service | grep -q "99-bad.conf:3"'
	run as operator mmioctl read edu
	rm /etc/mmiod/mmiod.conf.d/99-bad.conf
	systemctl reload mmiod.service
	[ "$status" = 0 ]
	[ "$output" = 0x010000ed ]
}

@test "a new grant counts after a reload" {
	run as guest mmioctl read edu
	[ "$status" = 4 ]
	configure 60-guest '[grant guests]' 'region = edu' 'user = guest' 'access = r'
	run as guest mmioctl read edu
	unconfigure 60-guest
	[ "$output" = 0x010000ed ]
	run as guest mmioctl read edu
	[ "$status" = 4 ]
}

@test "a device that is unbound takes its region away and brings it back" {
	hold shm 0 0x1000
	tell write 0 1
	echo 0000:01:00.0 >/sys/bus/pci/drivers/mmiod/unbind
	tell read 0
	[ "$answer" = SIGBUS ]
	run as operator mmioctl read shm
	[ "$status" = 7 ]
	echo 0000:01:00.0 >/sys/bus/pci/drivers/mmiod/bind
	eventually as operator mmioctl read shm
	tell read 0
	[ "$answer" = SIGBUS ]
}

# The last line of that kind, as JSON. Journald stores when it gets round to it.
journal_line() # MESSAGE_ID FIELD=VALUE...
{
	local line
	for _ in $(seq 100); do
		line=$(journalctl -q -u mmiod.service -n 1 -o json "MESSAGE_ID=$1" "${@:2}")
		[ -z "$line" ] || break
		sleep 0.2
	done
	echo "$line"
	[ -n "$line" ]
}

@test "the journal has grants, denials and revocations with their fields" {
	hold shm 0x3000 0x1000
	line=$(journal_line 8d2f5c1b6f0e4d6c9a3b7e5041d2c8a1 MMIOD_LEASE="$lease")
	contains "$line" '"MMIOD_ACCESS":"rw"'
	contains "$line" '"MMIOD_RULE":"'
	contains "$line" '"MMIOD_REGION":"shm"'
	contains "$line" '"MMIOD_OFFSET":"12288"'
	contains "$line" '"MMIOD_LENGTH":"4096"'
	contains "$line" "\"MMIOD_UID\":\"$(id -u operator)\""
	contains "$line" '"MMIOD_COMM":"holder"'
	mmioctl revoke "$lease"
	line=$(journal_line f1c6e83a5b2d4790a8e4d90b36172c5d MMIOD_LEASE="$lease")
	contains "$line" '"MMIOD_CAUSE":"administrator"'
	as guest mmioctl read edu || true
	line=$(journal_line 3b7a90e2c4d845f1b6e80d1f7c2a5594 MMIOD_UID="$(id -u guest)")
	contains "$line" '"MMIOD_REGION":"edu"'
}

@test "a journal that does not read stops neither the daemon nor its clients" {
	systemctl kill -s STOP systemd-journald.service
	for _ in $(seq 60); do as guest timeout 600 mmioctl read edu >/dev/null 2>&1 || [ $? -eq 4 ] || failed=1; done
	systemctl kill -s CONT systemd-journald.service
	[ -z "${failed:-}" ]
	mmioctl status
}

@test "a clock that jumps forth and back ends no lease and keeps nobody out" {
	hold shm 0x3000 0x1000
	before=$(date +%s)
	date -s "@$((before + 86400))"
	as operator mmioctl list
	date -s "@$((before - 86400))"
	as operator mmioctl list
	mmioctl leases --json
	run mmioctl leases
	date -s "@$before"
	contains "$output" "$lease"
}

@test "what the daemon counts can be exported, with revocations by cause" {
	hold shm 0x3000 0x1000
	mmioctl revoke "$lease"
	run mmioctl export prometheus
	[ "$status" = 0 ]
	contains "$output" 'mmiod_revocations_total{cause="administrator"}'
	contains "$output" 'mmiod_regions{state="ok"}'
}

@test "the unit's sandbox scores at most 1.5" {
	run systemd-analyze security mmiod.service --no-pager
	score=$(grep -oE 'Overall exposure level for mmiod.service: [0-9.]+' <<<"$output" | grep -oE '[0-9.]+$')
	echo "score $score"
	[ "$(awk -v s="$score" 'BEGIN { print (s <= 1.5) }')" = 1 ]
}

@test "iomem names the regions" {
	run cat /proc/iomem
	for name in edu shm testdev set-aside; do contains "$output" "mmiod:$name"; done
}

@test "clients of a daemon that cannot start hear why, and it starts once it can" {
	systemctl stop mmiod.service
	systemctl reset-failed mmiod.service # and with it the count of starts, of which five in ten seconds are the limit
	echo nonsense >/etc/mmiod/mmiod.conf.d/99-bad.conf
	for _ in 1 2 3 4 5 6; do
		run mmioctl status
		[ "$status" = 6 ]
		contains "$output" "cannot start"
		contains "$output" "99-bad.conf:1"
	done
	run as guest mmioctl status
	[ "$status" = 6 ]
	contains "$output" "cannot start"
	[[ $output != *99-bad* ]]
	systemctl is-active --quiet mmiod.socket
	rm /etc/mmiod/mmiod.conf.d/99-bad.conf
	eventually mmioctl status
	eventually systemctl is-active --quiet mmiod.service
}
