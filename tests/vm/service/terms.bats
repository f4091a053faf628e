#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The terms of grants on a real kernel: mappings that end in time, registers that are made safe though their holder was
# killed, and a service that is reloaded as a whole or not at all.

load common.bash

teardown()
{
	let_go
	systemctl start mmiod.socket mmiod.service
	[ ! -e /etc/mmiod/mmiod.conf.d/terms.conf ] || unconfigure terms
}

register_is() # VALUE [OFFSET]
{
	[ "$(as operator mmioctl read "shm+${2:-0x2000}:32" 2>/dev/null)" = "$1" ]
}

loaded() # since $since
{
	journalctl -u mmiod.service --since "$since" -o cat | grep -q 'configuration loaded'
}

terms() # LINE...
{
	since=$(date '+%F %T')
	configure terms "$@"
	eventually loaded
}

@test "a deadline takes a live mapping from a holder who may not renew" {
	terms '[grant operators]' 'lease = 2s' 'renew = no'
	hold shm 0x10000 0x1000 populate
	tell write 0 0x5a
	[ "$answer" = ok ]
	tell wait
	contains "$answer" "event 6 lease $lease its time is nearly over"
	tell wait
	contains "$answer" "event 2 lease $lease its time of 2 s is over"
	tell read 0
	[ "$answer" = SIGBUS ]
	as operator mmioctl read shm+0x10000
}

@test "a holder who calls the library keeps its mapping beyond the time" {
	terms '[grant operators]' 'lease = 2s'
	background operator mmioctl hold shm+0x10000/0x1000
	eventually grep -q '^lease ' /tmp/background.out
	lease=$(awk '{ print $2; exit }' /tmp/background.out)
	sleep 6
	lease_listed "$lease"
	kill -STOP "$holder_pid"
	eventually lease_is "$lease" revoked
	kill -CONT "$holder_pid"
}

@test "registers are made safe when their holder is killed" {
	terms '[region shm]' 'on-end = +0x3202000:32=0xc0ffee' # which tests/vm/check finds in the backing file
	hold shm 0x3202000 0x1000
	tell write 0 0x5a
	[ "$answer" = ok ]
	kill -KILL "$holder_pid"
	eventually register_is 0x00c0ffee 0x3202000
	contains "$(journalctl -u mmiod.service -o cat)" \
		"lease $lease of region shm has ended: wrote 0xc0ffee to +0x3202000 (32 bits)"
}

@test "registers are made safe when a deadline takes the lease" {
	terms '[region shm]' 'on-end = +0x2000:32=0xdead' '[grant operators]' 'lease = 1s' 'renew = no'
	hold shm 0x2000 0x1000 populate
	tell write 0 0x5a
	eventually register_is 0x0000dead
	tell read 0
	[ "$answer" = SIGBUS ]
}

@test "registers are made safe though the holder was killed while no daemon ran" {
	terms '[region shm]' 'on-end = +0x2000:32=0xbeef'
	hold shm 0x2000 0x1000
	[ -e "/run/mmiod/state/on-end.$lease" ]
	systemctl stop mmiod.socket mmiod.service
	tell write 0 0x5a
	[ "$answer" = ok ]
	kill -KILL "$holder_pid"
	sleep 1
	systemctl start mmiod.socket mmiod.service
	eventually register_is 0x0000beef
	[ ! -e "/run/mmiod/state/on-end.$lease" ]
}

@test "a client's own writes outlive a daemon that is killed, and the client" {
	background operator mmioctl hold shm+0x2000/0x1000 --on-end +0x0:32=0x1234
	eventually grep -q '^lease ' /tmp/background.out
	as operator mmioctl leases >/dev/null
	kill -KILL "$(systemctl show -P MainPID mmiod.service)"
	eventually mmioctl status
	kill -KILL "$holder_pid"
	eventually register_is 0x00001234
}

@test "a deadline that may not be renewed survives a daemon that is killed" {
	terms '[grant operators]' "lease = $((6 * patience))s" 'renew = no'
	hold shm 0x10000 0x1000 populate
	kill -KILL "$(systemctl show -P MainPID mmiod.service)"
	eventually mmioctl status
	lease_listed "$lease"
	tell read 0
	[ "$answer" != SIGBUS ]
	gone()
	{
		tell read 0
		[ "$answer" = SIGBUS ]
	}
	eventually gone
}

@test "a conflict names the holder's unit" {
	systemd-run --quiet --unit=rig-holder --uid=operator mmioctl hold shm+0x3000/0x1000
	eventually eval 'mmioctl -o UNIT --no-headings leases | grep -q rig-holder.service'
	run as operator mmioctl read shm+0x3000
	systemctl stop rig-holder.service
	[ "$status" = 5 ]
	contains "$output" "(mmioctl, rig-holder.service)"
}

@test "a command waits until the unit lets go" {
	systemd-run --quiet --unit=rig-holder --uid=operator mmioctl hold shm+0x3000/0x1000
	eventually eval 'mmioctl -o UNIT --no-headings leases | grep -q rig-holder.service'
	run as operator mmioctl read shm+0x3000 --wait=200ms
	[ "$status" = 8 ]
	background operator mmioctl read shm+0x3000 --wait
	sleep 0.5
	kill -0 "$holder_pid"
	systemctl stop rig-holder.service
	wait "$holder_pid"
	holder_pid=
	contains "$(cat /tmp/background.out)" 0x
}

@test "a bad configuration fails to reload, and the old one stays in force" {
	printf '[grant operators]\nuser = guest\nleese = 2s\n' >/etc/mmiod/mmiod.conf.d/terms.conf
	run systemctl reload mmiod.service
	rm /etc/mmiod/mmiod.conf.d/terms.conf
	[ "$status" != 0 ]
	as operator mmioctl read edu
	run as guest mmioctl read edu
	[ "$status" = 4 ]
	contains "$(journalctl -u mmiod.service -o cat -n 20)" 'unknown key "leese": did you mean "lease"?'
}

@test "explain and check-config tell an administrator what a user may do" {
	run mmioctl explain --user guest edu rw
	[ "$status" = 4 ]
	contains "$output" "needs user operator; guest has: guest"
	run as operator mmioctl explain edu rw
	[ "$status" = 0 ]
	contains "$output" "ALLOW [grant operators] at /"
	run mmioctl check-config
	[ "$status" = 0 ]
	contains "$output" good
}
