#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The terms of grants on a real kernel: mappings that end in time, registers that are made safe though their holder was
# killed, and a service that is reloaded as a whole or not at all.

load common.bash

shm=/sys/bus/pci/devices/0000:01:00.0
card=/sys/bus/pci/devices/0000:03:00.0 # in the port that is empty
max_windows=/sys/module/mmiod/parameters/max_windows
access_delay=/sys/module/mmiod/parameters/access_delay

teardown()
{
	let_go
	[ -z "${max_before:-}" ] || echo "$max_before" >$max_windows
	echo 0 >$access_delay
	[ -z "${reader:-}" ] || end_reader
	[ ! -e $card ] || pull
	systemctl start mmiod.socket mmiod.service
	[ ! -e /etc/mmiod/mmiod.conf.d/terms.conf ] || unconfigure terms
}

register_is() # VALUE [OFFSET]
{
	[ "$(as operator mmioctl read "shm+${2:-0x2000}:32" 2>/dev/null)" = "$1" ]
}

# A card with a memory of its own. The port takes the next one when it is through with the last.
plug() # NAME
{
	plugged=$1
	monitor "object_add memory-backend-ram,id=$1-memory,size=1M"
	eventually try_to_plug "$1"
}

try_to_plug() # NAME
{
	[ ! -e $card ] || return 0
	monitor "device_add ivshmem-plain,id=$1,memdev=$1-memory,bus=slot2"
	sleep 1
	[ -e $card ]
}

pull()
{
	monitor "device_del $plugged"
	eventually gone $card
}

word_is() # VALUE REGION+OFFSET
{
	local word
	word=$(as operator mmioctl read "$2:32" 2>&1) || true
	[ "$word" = "$1" ] || { echo "$2: $word"; return 1; }
}

note_is_gone()
{
	[ ! -e "/run/mmiod/state/on-end.$lease" ]
}

notes_are_gone()
{
	[ -z "$(ls /run/mmiod/state)" ]
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

# A holder is told as soon as nothing new is done for it; what is mapped a kernel thread takes after that.
is_taken()
{
	tell read 0
	[ "$answer" = SIGBUS ]
}

# How long a lease lasts is real time, of which a busy machine may need all before a test has looked: then with a longer one.
in_time() # FUNCTION SECONDS..., which is told the time of a lease and fails if it came too late
{
	local seconds
	for seconds in "${@:2}"; do
		"$1" "$seconds" && return 0
		let_go
	done
	echo "$1: too late even with $seconds s: $answer"
	return 1
}

# What is written while the lease lasts is written.
written_in() # SECONDS
{
	terms '[grant operators]' "lease = $1s" 'renew = no' && hold shm 0x10000 0x1000 populate && tell write 0 0x5a &&
		[ "$answer" = ok ]
}

@test "a deadline takes a live mapping from a holder who may not renew" {
	in_time written_in 2 10 60
	tell wait
	contains "$answer" "event 6 lease $lease its time is nearly over"
	tell wait
	contains "$answer" "event 2 lease $lease its time of "
	eventually is_taken
	as operator mmioctl read shm+0x10000
}

kept_over() # SECONDS
{
	terms '[grant operators]' "lease = $1s"
	background operator mmioctl hold shm+0x10000/0x1000
	eventually grep -q '^lease ' /tmp/background.out || return
	answer=$(</tmp/background.out)
	lease=$(awk '{ print $2; exit }' /tmp/background.out)
	sleep $(($1 * 3))
	lease_listed "$lease"
}

@test "a holder who calls the library keeps its mapping beyond the time" {
	in_time kept_over 2 10 60
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

@test "what is owed to a range is not written to the range that has its name by now" {
	terms '[region set-aside]' 'on-end = +0x2000:32=0xdead'
	as operator mmioctl write set-aside+0x802000:32 0x11111111
	hold set-aside 0x2000 0x1000
	systemctl stop mmiod.socket mmiod.service
	tell write 0 0x5a
	[ "$answer" = ok ]
	printf '%s\n' '[region set-aside]' 'phys = 0x30800000' 'size = 8M' >/etc/mmiod/mmiod.conf.d/terms.conf
	kill -KILL "$holder_pid"
	systemctl start mmiod.socket mmiod.service
	eventually note_is_gone
	eventually region_is set-aside ok
	word_is 0x11111111 set-aside+0x2000
	unconfigure terms
	eventually word_is 0x0000dead set-aside+0x2000
	word_is 0x11111111 set-aside+0x802000
}

@test "what is owed to a card is not written to the card that is in its place by now" {
	terms '[region card]' 'device = pci:0000:03:00.0' 'bind = yes' 'bar = 2' 'on-end = +0x2000:32=0xdead' \
		'[grant cards]' 'region = card' 'user = operator' 'access = rw'
	plug first
	eventually region_is card ok
	hold card 0x2000 0x1000
	tell write 0 0x5a
	[ "$answer" = ok ]
	systemctl stop mmiod.socket mmiod.service
	pull
	plug second
	kill -KILL "$holder_pid"
	systemctl start mmiod.socket mmiod.service
	eventually region_is card ok
	word_is 0x00000000 card+0x2000
	note_is_gone
	contains "$(journalctl -u mmiod.service -o cat)" \
		"lease $lease of region card ended while no daemon was there, and its device 0000:03:00.0 has gone since"
}

reload_module()
{
	systemctl stop mmiod.socket mmiod.service
	let_go
	pkill -KILL -x holder || true
	eventually rmmod mmiod
	modprobe mmiod
	systemctl start mmiod.socket mmiod.service
}

# The device's bindings are counted from 1 by each, so that alone does not tell them apart.
@test "what is owed to a device is owed to nobody when the module has been loaded again" {
	terms '[region shm]' 'on-end = +0x2000:32=0xdead'
	reload_module
	eventually region_is shm ok
	hold shm 0x2000 0x1000
	tell write 0 0x5a
	[ "$answer" = ok ]
	generation=$(region_column GENERATION shm)
	note=/run/mmiod/state/on-end.$lease
	[ -e "$note" ]
	reload_module
	eventually region_is shm ok
	[ "$(region_column GENERATION shm)" = "$generation" ]
	[ ! -e "$note" ]
	[ "$(as operator mmioctl read shm+0x2000:8)" = 0x5a ]
}

@test "what is owed to a range is written though the module has been loaded again, and gives others its lease's id" {
	terms '[region set-aside]' 'on-end = +0x2000:32=0xdead'
	reload_module
	eventually region_is set-aside ok
	hold set-aside 0x2000 0x1000
	tell write 0 0x5a
	[ "$answer" = ok ]
	note=/run/mmiod/state/on-end.$lease first=$lease
	printf '%s\n' '[region set-aside]' 'phys = 0x30800000' 'size = 8M' >/etc/mmiod/mmiod.conf.d/terms.conf
	reload_module
	eventually region_is set-aside ok
	eventually status_says 'waits for the claim'
	lease=0
	while [ "$lease" -lt "$first" ]; do
		let_go
		hold set-aside 0x4000 0x1000
	done
	[ "$lease" = "$first" ]
	systemctl restart mmiod.service
	let_go
	eventually lease_not_listed "$lease"
	status_says 'waits for the claim'
	unconfigure terms
	eventually word_is 0x0000dead set-aside+0x2000
	eventually notes_are_gone
}

owed() # LEASE VALUE, of shm+0x2000
{
	journalctl -u mmiod.service -o cat |
		grep "^lease $1 of region shm has ended, but $2 could not be written to +0x2000: .* nobody's until it is"
}

# Whose accesses a reset waits for.
start_reader()
{
	mkfifo /tmp/reader /tmp/no-one
	exec {reader_in}<>/tmp/reader
	setpriv --reuid=operator --regid=operator --init-groups ./holder shm 0x8000 0x1000 \
		</tmp/reader >/tmp/reader.out 2>&1 &
	reader=$!
	eventually grep -q '^lease ' /tmp/reader.out
}

# Until it has spent time of the kernel's, which it does for as long as its access takes.
is_reading() # TICKS
{
	local stat
	read -r -a stat <"/proc/$reader/stat"
	[ "${stat[14]}" -ge "$1" ]
}

start_to_read()
{
	local stat
	read -r -a stat <"/proc/$reader/stat"
	echo 'mediated 0' >/tmp/reader
	eventually is_reading $((stat[14] + 3))
}

end_reader()
{
	kill "$reader"
	wait "$reader" || true
	exec {reader_in}>&-
	rm /tmp/reader /tmp/reader.out /tmp/no-one
}

# The module here is built for tests: an access takes as long as it is told, and the reset with it.
@test "registers whose holder is killed within a reset are made safe when the device is back" {
	terms '[region shm]' 'on-end = +0x2000:32=0xfade'
	start_reader
	# On a machine that is busy a reset may yet be over before the lease has ended: the next one takes longer.
	for ((round = 0; round < 10; round++)); do
		hold shm 0x2000 0x1000
		tell write 0 0x5a
		[ "$answer" = ok ]
		echo $((1900 * (round + 1))) >$access_delay
		start_to_read
		echo 1 >$shm/reset &
		read -r -t 0.2 <>/tmp/no-one || true
		kill -KILL "$holder_pid"
		echo 0 >$access_delay
		wait $! "$holder_pid" || true
		holder_pid=
		eventually register_is 0x0000fade
		note_is_gone
		! owed "$lease" 0xfade || break
	done
	[ $round -lt 10 ]
}

# Nothing tells the daemon that there is room again.
@test "a write that fails is tried again, and the status says what is owed until it is done" {
	terms '[region shm]' 'on-end = +0x2000:32=0xfeed'
	hold shm 0x2000 0x1000
	tell write 0 0x5a
	[ "$answer" = ok ]
	max_before=$(<$max_windows)
	echo 0 >$max_windows
	kill -KILL "$holder_pid"
	still_owed="lease $lease of region shm has ended, but 0xfeed could not be written to +0x2000 yet: No space left on device"
	eventually status_says "$still_owed"
	sleep 3
	status_says "$still_owed"
	lease_is "$lease" ending
	run as operator mmioctl read shm+0x2000:32
	[ "$status" = 5 ]
	contains "$output" "is being made safe after user operator"
	[ "$(owed "$lease" 0xfeed | wc -l)" = 1 ]
	echo "$max_before" >$max_windows
	eventually register_is 0x0000feed
	note_is_gone
	lease_not_listed "$lease"
	run mmioctl status
	[[ $output != *"could not be written"* ]]
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

survives_in() # SECONDS
{
	terms '[grant operators]' "lease = $1s" 'renew = no' && hold shm 0x10000 0x1000 populate || return
	kill -KILL "$(main_pid)"
	eventually mmioctl status && lease_listed "$lease" && tell read 0 && [ "$answer" != SIGBUS ]
}

@test "a deadline that may not be renewed survives a daemon that is killed" {
	in_time survives_in 6 30 120
	eventually is_taken
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
