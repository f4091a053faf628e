#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Daemons that are killed, restarted and fail to start, while programs go on; and what the service manager knows of them.

load common.bash

setup_file()
{
	# As often as a test likes.
	change_unit '[Unit]' StartLimitIntervalSec=0
}

teardown_file()
{
	forget_unit
}

teardown()
{
	let_go
	[ -z "${go:-}" ] || exec {go}>&-
	[ -z "${steady[*]}" ] || kill "${steady[@]}" 2>/dev/null || true
	rm -f /tmp/go /tmp/steady.*
}

# Programs that go on until let_end.
start_steady() # COUNT
{
	local i
	mkfifo /tmp/go
	steady=()
	for ((i = 0; i < $1; i++)); do
		setpriv --reuid=operator --regid=operator --init-groups ./steady shm $((0x100000 + i * 0x2000)) 100 \
			</tmp/go >/tmp/steady.$i 2>&1 3>&- &
		steady+=($!)
	done
	exec {go}>/tmp/go
	for ((i = 0; i < $1; i++)); do
		eventually grep -q ^lease /tmp/steady.$i
	done
}

# They say how it went, and go on to hold what they hold.
let_end()
{
	local i
	exec {go}>&-
	go=
	for i in "${!steady[@]}"; do
		eventually grep -q '^went round [1-9]' /tmp/steady.$i || { cat /tmp/steady.$i; return 1; }
		sed "s/^/steady $i: /" /tmp/steady.$i
	done
}

# Of the one that answers; in between it waits for the next.
daemon_pid()
{
	mmioctl status | sed -n 's/.* pid \([0-9]*\),.*/\1/p'
}

# The module's ledger, the daemon's list and what the programs hold are the same.
all_agree()
{
	local kept listed ledger
	kept=$(sed -n 's/^lease //p' /tmp/steady.* | sort -n)
	listed=$(mmioctl --no-headings -o ID leases | awk '{ print $1 }' | sort -n)
	ledger=$(./ledger | awk '{ print $1 }' | sort -n)
	[ "$kept" = "$listed" ] && [ "$kept" = "$ledger" ]
}

@test "ten daemons are killed or restarted under load, and no lease is lost or doubled" {
	start_steady 2
	for ((n = 0; n < 10; n++)); do
		before=$(daemon_pid)
		if ((n % 2)); then
			systemctl restart mmiod.service
		else
			kill -KILL "$before"
		fi
		[ "$(daemon_pid)" != "$before" ]
	done
	let_end
	eventually all_agree
	kill "${steady[@]}"
	eventually sh -c '[ -z "$(./ledger)" ]'
}

@test "the socket holds those who come while the service is stopped, and starts it for them" {
	systemctl stop mmiod.service
	run mmioctl list
	[ "$status" = 0 ]
	contains "$output" shm
	systemctl is-active --quiet mmiod.service
}

@test "a reload of a bad configuration fails for whoever asked, and the status says so" {
	echo nonsense >/etc/mmiod/mmiod.conf.d/99-bad.conf
	run systemctl reload mmiod.service
	[ "$status" != 0 ]
	systemctl is-active --quiet mmiod.service
	status_says "99-bad.conf:1"
	rm /etc/mmiod/mmiod.conf.d/99-bad.conf
	systemctl reload mmiod.service
	run mmioctl status
	[[ $output != *99-bad* ]]
}

status_line()
{
	systemctl show -P StatusText mmiod.service | grep -q "$1"
}

@test "the service manager knows that it is ready and how much it holds" {
	[ "$(systemctl show -P Type mmiod.service)" = notify ]
	eventually status_line '^4 regions (0 missing), 0 leases, '
	hold shm 0 0x1000
	eventually status_line ' 1 leases'
}

@test "a daemon that hangs is replaced by the watchdog, and no mapping is lost" {
	change_unit '[Unit]' StartLimitIntervalSec=0 '[Service]' WatchdogSec=2s TimeoutAbortSec=1s
	systemctl restart mmiod.service
	hold shm 0 0x1000
	tell write 0 0x77
	hanging=$(main_pid)
	kill -STOP "$hanging"
	eventually another_than "$hanging"
	journalctl -u mmiod.service | grep -q 'Watchdog timeout'
	tell read 0
	[ "$answer" = 0x77 ]
	lease_listed "$lease"
}
