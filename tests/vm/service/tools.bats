#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process; holder_pid: of common.bash
# What is configured by a command, recorded over resets, and handed down by the service manager.

load common.bash

SHM=/sys/bus/pci/devices/0000:01:00.0
hold_resets=/sys/module/mmiod/parameters/hold_resets # the module here is built for tests
BIG=/etc/mmiod/mmiod.conf.d/big.conf
RECORD=/tmp/record.csv

teardown()
{
	let_go
	echo N >$hold_resets
	systemctl stop kept.service 2>/dev/null || true
	mmioctl ungrant slurm-7
	mmioctl ungrant slurm-8
	rm -f /run/systemd/system/kept.service $RECORD
	[ ! -e $BIG ] || give_big_back
}

# No service has it; the module's tests, which follow, bind it themselves.
give_big_back()
{
	unconfigure big
	mmioctl unbind 0000:00:1d.0
}

says() # FILE WORDS
{
	grep -q "$2" "$1"
}

# ---- configure --install

@test "configure --install takes a card into use, and who is granted it leases it" {
	run mmioctl configure 00:1d.0 --name big --group operator --install
	[ "$status" = 0 ]
	contains "$output" "$BIG is written"
	[ "$(basename "$(readlink /sys/bus/pci/devices/0000:00:1d.0/driver)")" = mmiod ]
	eventually region_is big-bar2 ok
	as operator mmioctl write big-bar2+0x10:32 0x1234
	[ "$(as operator mmioctl read big-bar2+0x10:32)" = 0x00001234 ]
	run as guest mmioctl read big-bar2+0x10:32
	[ "$status" = 4 ]
	# The picture of a real device has its BARs as they are, also those of which nothing is configured.
	run mmioctl --json map 0000:00:1d.0
	[ "$status" = 0 ]
	contains "$(tr -d ' \n' <<<"$output")" '"bar":"0000:00:1d.0/bar2","size":4294967296'
	# A second time nothing is written over.
	run mmioctl configure 00:1d.0 --name big --group operator --install
	[ "$status" != 0 ]
	contains "$output" "is there already"
}

@test "configure --install refuses what the machine runs on, what has nothing to give, and who is not root" {
	run mmioctl configure 00:02.0 --name disk --install
	[ "$status" != 0 ]
	contains "$output" "--force takes it all the same"
	run mmioctl configure 00:05.0 --name bridge --install
	[ "$status" != 0 ]
	contains "$output" "has no BAR that could be handed out"
	run as operator mmioctl configure 00:1d.0 --name big --install
	[ "$status" != 0 ]
	[ ! -e /sys/bus/pci/devices/0000:00:1d.0/driver ]
	[ "$(find /etc/mmiod/mmiod.conf.d -name '*disk*' -o -name '*bridge*' -o -name '*big*')" = "" ]
}

# ---- record

rows() # SINCE: how many there are behind the last line that begins so
{
	awk -v since="$1" 'index($0, since) == 1 { n = 0; next } /^[0-9]/ { n++ } END { print n + 0 }' $RECORD
}

has_rows() # SINCE NUMBER
{
	[ "$(rows "$1")" -ge "$2" ]
}

@test "a record goes on over a reset, and tells when there was nothing to be read" {
	as operator mmioctl write shm+0x4000:32 0x77
	background operator mmioctl record shm+0x4000/4:32 --wait -o $RECORD --interval 20ms
	eventually has_rows t_s 3
	echo Y >$hold_resets
	echo 1 >$SHM/reset &
	eventually says $RECORD '^# suspended$'
	[ "$(rows '# suspended')" = 0 ]
	echo N >$hold_resets
	wait $!
	eventually says $RECORD '^# resumed$'
	eventually has_rows '# resumed' 3
	kill -INT "$holder_pid"
	wait "$holder_pid"
	holder_pid=
	[ "$(tail -n 1 $RECORD | cut -d, -f1)" = "# end: interrupted" ]
	[ "$(grep -c '^# suspended$' $RECORD)" = 1 ]
	[ "$(awk -F, '/^[0-9]/ { print $4 }' $RECORD | sort -u)" = $((0x77)) ]
}

@test "a record goes on while the daemon is killed" {
	as operator mmioctl write shm+0x4000:32 0x78
	background operator mmioctl record shm+0x4000/4:32 --wait -o $RECORD --interval 50ms
	eventually has_rows t_s 3
	systemctl kill --signal=KILL mmiod.service
	before=$(rows t_s)
	eventually has_rows t_s $((before + 3))
	eventually mmioctl status
	# A writer, for whom it makes room, suspends it; the daemon's end does not.
	run says $RECORD '^# suspended$'
	[ "$status" = 1 ]
	as operator mmioctl write shm+0x4000:32 0x79
	eventually says $RECORD ',121$'
	kill -INT "$holder_pid"
	wait "$holder_pid"
	holder_pid=
	[ "$(tail -n 1 $RECORD | cut -d, -f1)" = "# end: interrupted" ]
}

@test "a record begins by a condition on a card, and ends with 7 and the name of who took it" {
	as operator mmioctl write shm+0x4000:32 0
	background operator mmioctl record shm+0x4000/4:32 --wait -o $RECORD --interval 20ms --start-when 'shm+0x4000 == 5'
	eventually says $RECORD '^t_s'
	as operator mmioctl write shm+0x4000:32 5
	eventually has_rows '# started' 1
	mmioctl revoke "$(mmioctl --no-headings -o ID leases | tr -d ' ')"
	code=0
	wait "$holder_pid" || code=$?
	holder_pid=
	[ "$code" = 7 ]
	says $RECORD '^# end: .*revoked by user root'
	[ "$(awk -F, '/^[0-9]/ { print $4 }' $RECORD | sort -u)" = 5 ]
}

# ---- what a batch system does

only_mapping_left()
{
	[ "$(mmioctl --no-headings -o MAPPINGS leases | tr -d ' ')" = 1 ]
}

none_leased()
{
	[ -z "$(mmioctl --no-headings -o ID leases)" ]
}

@test "what a killed job left gets SIGBUS by the epilog's ungrant, and the next job has the card" {
	mmioctl grant slurm-7 --region shm --user operator --access rw
	mmioctl grant slurm-8 --region shm --user operator --access rw
	background operator mmioctl hold --grant slurm-7 shm+0x5000/0x1000 -- setsid ./opener keep /dev/fd/3 0
	eventually says /tmp/background.out 0x
	kill -KILL "$holder_pid"
	wait "$holder_pid" || true
	holder_pid=
	only_mapping_left
	mmioctl ungrant slurm-8 --now
	only_mapping_left
	mmioctl ungrant slurm-7 --now
	eventually says /tmp/background.out SIGBUS
	eventually none_leased
	as operator mmioctl write shm+0x5000:32 0x8
	[ "$(as operator mmioctl read shm+0x5000:32)" = 0x00000008 ]
}

# ---- the service manager

service() # LINE...
{
	printf '%s\n' '[Service]' User=operator WorkingDirectory=/opt/rig StandardOutput=append:/tmp/kept.out Type=notify "$@" \
		>/run/systemd/system/kept.service
	: >/tmp/kept.out
	systemctl daemon-reload
}

@test "a service finds its window in the service manager's store after its restart" {
	service 'ExecStart=/opt/rig/kept shm' FileDescriptorStoreMax=2
	systemctl start kept.service
	eventually says /tmp/kept.out '^leased [0-9]*$'
	lease=$(awk '/^leased/ { print $2 }' /tmp/kept.out)
	systemctl restart kept.service
	eventually says /tmp/kept.out "^found $lease 0x600d\$"
	# The store is emptied with the service.
	systemctl stop kept.service
	eventually lease_not_listed "$lease"
}

@test "a service has the window that mmioctl hold took for it, and loses it with its end" {
	service 'ExecStart=mmioctl hold shm -- /opt/rig/kept shm' NotifyAccess=all
	as operator mmioctl write shm:32 0x1ee7
	systemctl start kept.service
	eventually says /tmp/kept.out '^found [0-9]* 0x1ee7$'
	lease=$(awk '{ print $2 }' /tmp/kept.out)
	lease_listed "$lease"
	systemctl stop kept.service
	eventually lease_not_listed "$lease"
}
