# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # lease, answer: for the tests; HOLDER_PID: made by coproc; output: by run
# What the service tests share. They run as root in the rig's guest; working directory /opt/rig.

as() # USER COMMAND...
{
	local user=$1
	shift
	setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all "$@" 3>&- 4>&-
}

# bats has descriptors of its own open, where a command that mmioctl runs finds its windows.
mmioctl()
{
	command mmioctl "$@" 3>&- 4>&-
}

# Start PROGRAM as USER, which takes a lease, $lease. Ask it with `tell`. The process is ours to kill: of one that was started by
# a shell in between, it would be that shell.
start_holder() # USER PROGRAM ARGUMENT...
{
	local user=$1
	shift
	coproc HOLDER { exec setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all "$@" 2>&1 3>&- 4>&-; }
	holder_in=${HOLDER[1]} holder_out=${HOLDER[0]} holder_pid=$HOLDER_PID
	read -r -t 600 word lease <&"$holder_out"
	[ "$word" = lease ] || { echo "${1#./}: $word $lease"; return 1; }
}

hold()
{
	start_holder operator ./holder "$@"
}

# Have an engine that was started allocate memory, of lease $memory at $iova, and master the bus.
allocate_and_master()
{
	tell allocate 4096
	read -r word memory iova <<<"$answer"
	[ "$word" = memory ] || { echo "$answer"; return 1; }
	tell master 1
	[ "$answer" = mastering ]
}

# The addresses of the functions of a kind that lie behind a port.
behind_port() # VENDOR DEVICE
{
	local at vendor device
	for at in /sys/bus/pci/devices/*; do
		read -r vendor <"$at/vendor"
		read -r device <"$at/device"
		[ "$vendor $device" = "$1 $2" ] || continue
		[ "$(readlink -f "$at/..")" = /sys/devices/pci0000:00 ] || echo "${at##*/}"
	done
}

# The edu that is alone behind its port, which resets it.
resettable_edu()
{
	local at
	for at in $(behind_port 0x1234 0x11e8); do
		[ -e "/sys/bus/pci/devices/${at%.0}.1" ] || echo "$at"
	done
}

# Whether a function masters the bus, by its command register: yes or no.
masters() # ADDRESS
{
	local command
	command=$(setpci -s "$1" COMMAND)
	[[ $command =~ ^[0-9a-f]{4}$ ]] || { echo "setpci says '$command'"; return 1; }
	if ((16#$command & 4)); then echo yes; else echo no; fi
}

# No reset stops edu's engine as it stops a card's: what was started before it runs to its end, within 100 ms, and is only not let
# through. The next operator looks at it before he lets $edu master the bus.
what_was_started_is_over()
{
	tell idle
	[ "$answer" = idle ]
	[ "$(masters "$edu")" = no ]
}

# The network function behind a port, $card, which has the MAC address $near and is granted to USERs, with so many interrupts as
# $rate says; the other one on its wire is the kernel's.
near=52:54:00:6d:6d:01
grant_card() # iommu|trusted USER...
{
	local how=$1
	shift
	card=$(behind_port 0x1af4 0x1041)
	[ -e "/sys/bus/pci/drivers/mmiod/$card" ] || mmioctl bind --force "$card"
	configure 69-card '[device card]' "device = pci:$card" 'interrupts = msix' 'vectors = 2' "dma = $how" \
		"storm = ${rate:-200k/s}" '[region card-registers]' "device = pci:$card" 'bar = 4' \
		'[grant card]' 'device = card' 'region = card-registers' 'access = rw' 'config = read' 'bus-master = yes' \
		'interrupts = yes' "dma = $how" "user = $*"
}

take_card_back()
{
	[ -z "${sender:-}" ] || kill "$sender" 2>/dev/null || true
	[ ! -e /etc/mmiod/mmiod.conf.d/69-card.conf ] || unconfigure 69-card
}

# The kernel's end of the wire, which says nothing by itself: $far. Skips where the kernel has no driver for it.
far_end()
{
	modprobe virtio_net || skip "this kernel has no virtio_net"
	udevadm settle
	far=$(echo /sys/bus/pci/devices/0000:00:11.0/virtio*/net/*)
	far=${far##*/}
	[ ! -e /proc/sys/net/ipv6 ] || echo 1 >"/proc/sys/net/ipv6/conf/$far/disable_ipv6"
}

# The driver of the examples, behind the test, as soon as it has set the card going.
drive_card() # USER FRAMES
{
	background "$1" ./virtio-net-echo card card-registers "$2" 600
	eventually grep -qx "MAC $near" /tmp/background.out || { cat /tmp/background.err; return 1; }
}

# It ends by itself.
driver_has_echoed() # FRAMES
{
	local pid=$holder_pid
	holder_pid=
	wait "$pid" || { cat /tmp/background.err; return 1; }
	contains "$(</tmp/background.out)" "$1 frames were echoed"
}

# Frames of RUN go to the driver, and all of them come back.
exchange_frames() # COUNT RUN
{
	run ./frames "$far" "$near" "$1" "$2"
	echo "$output"
	cat /tmp/background.err
	[ "$output" = "$1 frames were sent, and $1 came back as they were" ]
}

far_end_has_received() # FRAMES
{
	[ "$(<"/sys/class/net/$far/statistics/rx_packets")" -ge "$1" ]
}

# The driver is killed, and what comes next on the wire waits for the next one.
kill_driver_with_frames_in_flight()
{
	local before
	read -r before <"/sys/class/net/$far/statistics/rx_packets"
	./frames "$far" "$near" 1000000 2 >/dev/null 2>&1 3>&- 4>&- &
	sender=$!
	eventually far_end_has_received $((before + 100))
	kill -KILL "$holder_pid"
	wait "$holder_pid" 2>/dev/null || true
	holder_pid=
}

# What is in flight by now is still for the next one, and nothing more comes.
stop_sending()
{
	kill "$sender"
	wait "$sender" 2>/dev/null || true
	sender=
}

# Memory of a holder where the last one had queues and buffers, which stays as it is while his device masters the bus.
is_not_hit()
{
	local i
	tell allocate 139264
	read -r word memory iova <<<"$answer"
	[ "$word" = memory ]
	tell fill 51
	tell master 1
	[ "$answer" = mastering ]
	for i in 3074 7170 {8192..139263..2048}; do
		tell byte "$i"
		[ "$answer" = 51 ]
		tell byte $((i + 20))
		[ "$answer" = 51 ]
	done
}

# Run COMMAND as USER behind the test; let_go ends it. No function in between: the process must be ours to kill.
background() # USER COMMAND...
{
	local user=$1
	shift
	: >/tmp/background.out
	setpriv --reuid="$user" --regid="$user" --init-groups "$@" >/tmp/background.out 2>/tmp/background.err &
	holder_pid=$!
}

# A drop-in in force, and gone again; both return when the daemon has read it.
configure() # NAME LINE...
{
	local name=$1
	shift
	printf '%s\n' "$@" >"/etc/mmiod/mmiod.conf.d/$name.conf"
	reread
}

unconfigure() # NAME
{
	rm "/etc/mmiod/mmiod.conf.d/$1.conf"
	reread
}

# The steps of "systemctl reload" without systemd, which builds the sandbox of the unit once more for them: on an emulated
# processor that takes longer than most tests. Tests of the reload itself say systemctl.
reread()
{
	local pid before
	before=$(reloads) # by one that is ready, and takes the signal for what it is
	read -r pid </sys/fs/cgroup/system.slice/mmiod.service/cgroup.procs || return 1
	kill -HUP "$pid"
	eventually reloaded "$before"
	[ "${before#* }" = "${after#* }" ] || { mmiod --check-config; return 1; }
	mmiod --bind-configured || true
}

# How many the daemon has done, and how many it has failed to do.
reloads()
{
	local metrics
	metrics=$(mmioctl export prometheus) || return 1
	[[ $metrics =~ mmiod_reloads_total\{result=\"done\"\}\ ([0-9]+).*mmiod_reloads_total\{result=\"failed\"\}\ ([0-9]+) ]]
	echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
}

reloaded() # BEFORE -> $after
{
	after=$(reloads) && [ "$after" != "$1" ]
}

tell() # COMMAND... -> $answer
{
	echo "$*" >&"$holder_in"
	read -r -t 600 answer <&"$holder_out"
}

let_go()
{
	[ -n "${holder_pid:-}" ] || return 0
	kill "$holder_pid" 2>/dev/null || true
	wait "$holder_pid" 2>/dev/null || true
	holder_pid=
}

# TAP_PATIENCE is the factor by which a slow kernel is given more time.
patience=${TAP_PATIENCE:-1}

# A pipe that nobody writes to: to wait for a while without a process that does.
exec {never}<> <(:)

# Until COMMAND succeeds. Counted in tries, of which a slow machine makes fewer in a second; they end only what hangs.
eventually()
{
	local i
	for ((i = 0; i < 2000; i++)); do
		"$@" && return 0
		read -r -t 0.1 -u "$never" || true
	done
	echo "never: $*"
	return 1
}

contains() # TEXT PART
{
	[[ $1 == *"$2"* ]] || { printf 'in:\n%s\nnot found: %s\n' "$1" "$2"; return 1; }
}

# Of `mmioctl list`, as root sees it.
region_column() # COLUMN REGION
{
	mmioctl --no-headings -o "NAME,$1" list | awk -v name="$2" '$1 == name { print $2 }'
}

region_is() # REGION STATE
{
	[ "$(region_column STATE "$1")" = "$2" ]
}

status_says() # TEXT
{
	mmioctl status | grep -qF "$1"
}

main_pid()
{
	systemctl show -P MainPID mmiod.service
}

# The daemon that is there now is not the one of that pid, and answers.
another_than() # PID
{
	local pid
	pid=$(main_pid)
	[ "$pid" != 0 ] && [ "$pid" != "$1" ] && systemctl is-active --quiet mmiod.service
}

# To QEMU's monitor, whose answer nobody reads: what it did is seen by what comes of it.
monitor()
{
	echo "$*" >/dev/rig-monitor
}

gone()
{
	[ ! -e "$1" ]
}

# Settings of the unit until the next boot or forget_unit.
change_unit() # SECTION LINE...
{
	mkdir -p /run/systemd/system/mmiod.service.d
	printf '%s\n' "$@" >/run/systemd/system/mmiod.service.d/test.conf
	systemctl daemon-reload
}

forget_unit()
{
	rm -rf /run/systemd/system/mmiod.service.d
	systemctl daemon-reload
	systemctl restart mmiod.service
}

lease_listed() # ID
{
	mmioctl --json leases | grep -Eq "\"id\": *$1\\b"
}

lease_is() # ID STATE
{
	mmioctl --no-headings -o ID,STATE leases | grep -Eqx " *$1 +$2 *"
}

lease_not_listed()
{
	! lease_listed "$1"
}

cache_leased() # wc|uc
{
	mmioctl --json leases | grep -q "\"$1\""
}

cache_not_leased()
{
	! cache_leased "$1"
}
