#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Devices that come and go, are bound and taken, and are reset, under clients that hold and map their memory.

load common.bash

shm=/sys/bus/pci/devices/0000:01:00.0
testdev=/sys/bus/pci/devices/0000:00:06.0
hold_resets=/sys/module/mmiod/parameters/hold_resets # the module here is built for tests

teardown()
{
	let_go
	echo N >$hold_resets
	[ ! -e /etc/mmiod/mmiod.conf.d/60-within.conf ] || unconfigure 60-within
}

bound_to() # DRIVER DEVICE
{
	[ "$(basename "$(readlink "$2/driver")")" = "$1" ]
}

@test "a device that is pulled out takes its leases along, and another in its place is new" {
	hold shm 0 0x1000
	tell write 0 1
	background operator mmioctl hold shm+0x1000/0x1000
	second=$!
	eventually grep -q ^lease /tmp/background.out
	generation=$(region_column GENERATION shm)

	monitor device_del shm
	tell wait
	contains "$answer" "event 5 lease $lease"
	tell read 0
	[ "$answer" = SIGBUS ]
	tell mediated 0
	[ "$answer" = ENODEV ]
	wait $second || code=$?
	[ "${code:-0}" = 7 ]
	eventually gone $shm
	region_is shm missing
	eventually status_says "region shm is missing: there is no PCI function 0000:01:00.0"
	run as operator mmioctl read shm
	[ "$status" = 7 ]
	contains "$output" "0000:01:00.0"
	run as operator mmioctl read edu
	[ "$output" = 0x010000ed ]

	# Bound by its configuration, as udev tells of it.
	monitor device_add ivshmem-plain,id=shm,memdev=shm-again,bus=slot0
	eventually region_is shm ok
	[ "$(region_column GENERATION shm)" -gt "$generation" ]
	tell read 0
	[ "$answer" = SIGBUS ]
	run as operator mmioctl hold shm+0/0x1000 -- true
	[ "$status" = 0 ]
}

@test "a device that is removed in sysfs leaves a dummy page, and a rescan brings it back" {
	hold shm 0 0x1000 dummy
	tell write 5 1
	echo 1 >$shm/remove
	tell read 5
	[ "$answer" = 0xff ]
	tell wait
	contains "$answer" "event 5 lease $lease"
	region_is shm missing
	echo 1 >/sys/bus/pci/rescan
	eventually region_is shm ok
	tell read 5
	[ "$answer" = 0xff ]
	run as operator mmioctl hold shm+0/0x1000 -- true
	[ "$status" = 0 ]
}

@test "unbind spares a device with leases unless it is forced" {
	hold shm 0 0x1000
	run mmioctl unbind 01:00.0
	[ "$status" = 5 ]
	contains "$output" "as $lease of shm, held by user operator"
	tell write 0 1
	[ "$answer" = ok ]
	run mmioctl unbind 01:00.0 --force
	[ "$status" = 0 ]
	tell read 0
	[ "$answer" = SIGBUS ]
	tell wait
	contains "$answer" "event 5 lease $lease"
	run mmioctl bind 01:00.0
	[ "$status" = 0 ]
	contains "$output" "0000:01:00.0 is bound to mmiod"
	eventually region_is shm ok
}

@test "bind names the driver that has the device, and takes it from there by force" {
	modprobe uio_pci_generic || skip "this kernel has no uio_pci_generic"
	mmioctl unbind 00:06.0
	eventually status_says "0000:00:06.0 is bound to no driver"
	run as operator mmioctl bind 00:06.0
	[ "$status" = 4 ]
	contains "$output" root
	echo uio_pci_generic >$testdev/driver_override
	echo 0000:00:06.0 >/sys/bus/pci/drivers_probe
	# Nothing but the kernel's own event tells of this.
	eventually status_says "0000:00:06.0 is bound to driver uio_pci_generic"
	status_says "mmioctl bind --force 0000:00:06.0"
	run mmioctl bind 00:06.0
	[ "$status" = 5 ]
	contains "$output" uio_pci_generic
	contains "$output" --force
	run mmioctl bind 00:06.0 --force --dry-run
	[ "$status" = 0 ]
	bound_to uio_pci_generic $testdev
	run mmioctl --json bind 00:06.0 --force
	[ "$status" = 0 ]
	contains "$output" "no longer to uio_pci_generic"
	bound_to mmiod $testdev
	eventually region_is testdev ok
}

@test "a reload binds what the configuration says by now, and from whom it says" {
	modprobe uio_pci_generic || skip "this kernel has no uio_pci_generic"
	mmioctl unbind 00:06.0
	echo uio_pci_generic >$testdev/driver_override
	echo 0000:00:06.0 >/sys/bus/pci/drivers_probe
	bound_to uio_pci_generic $testdev
	systemctl reload mmiod.service
	bound_to uio_pci_generic $testdev
	journalctl -u mmiod.service | grep -q 'region testdev: 0000:00:06.0 is bound to driver uio_pci_generic'
	configure 60-force '[region testdev]' 'bind = force'
	bound_to mmiod $testdev
	eventually region_is testdev ok
	unconfigure 60-force
}

@test "what nobody configured is left alone when it comes" {
	configure 60-none '[region testdev]' 'bind = no'
	echo 1 >$testdev/remove
	echo 1 >/sys/bus/pci/rescan
	udevadm settle
	[ ! -e $testdev/driver ]
	region_is testdev missing
	unconfigure 60-none
	eventually region_is testdev ok
}

@test "a reset suspends the leases of the device and gives them back" {
	hold shm 0x2000 0x1000
	tell write 0 0x66
	echo 1 >$shm/reset
	tell read 0
	[ "$answer" = 0x66 ]
	tell wait
	contains "$answer" "lease $lease"
	[[ $answer = "event 3 "* || $answer = "event 4 "* ]]
	eventually region_is shm ok
	lease_listed "$lease"
}

@test "a reset ends the leases of the device where that is configured" {
	configure 60-reset '[region shm]' 'on-reset = revoke'
	hold shm 0x2000 0x1000
	tell write 0 0x66
	echo 1 >$shm/reset
	tell read 0
	[ "$answer" = SIGBUS ]
	tell wait
	contains "$answer" "event 2 lease $lease"
	contains "$answer" "on-reset = revoke"
	run as operator mmioctl hold shm+0x2000/0x1000 -- true
	[ "$status" = 0 ]
	let_go
	eventually lease_not_listed "$lease"
	unconfigure 60-reset
	eventually region_is shm ok
}

waits_for_reset() # PID
{
	cat /proc/"$1"/task/*/wchan 2>/dev/null | grep -q pci_wait_cfg
}

# The kernel lets whoever reads the device's configuration space wait until the reset is over. One who does is asked.
begin_reset()
{
	echo Y >$hold_resets
	echo 1 >$shm/reset &
	resetting=$!
	eventually region_is shm suspended
	cat $shm/config >/dev/null &
	waiting=$!
	eventually waits_for_reset $waiting
}

end_reset()
{
	waits_for_reset "$waiting"
	echo N >$hold_resets
	wait "$waiting" "$resetting"
	eventually region_is shm ok
}

# However long it takes, unless the daemon waits for the reset itself.
is_done() # COMMAND...
{
	local asking pid
	"$@" >/tmp/asked 2>&1 &
	asking=$!
	while kill -0 $asking 2>/dev/null; do
		for pid in $(pgrep -x mmiod); do
			! waits_for_reset "$pid" || { echo "the daemon waits for the reset: $*"; kill $asking; return 1; }
		done
	done
	wait $asking || { cat /tmp/asked; return 1; }
}

# Which is held.
explain_shm()
{
	as operator mmioctl explain shm r || [ $? = 5 ]
}

@test "leases of others, lists, explanations and the status are answered while a device is being reset" {
	hold shm 0x2000 0x1000
	begin_reset
	for command in status list leases "explain edu r" "read edu" "show shm"; do
		# shellcheck disable=SC2086 # split into words
		is_done as operator mmioctl $command
	done
	is_done explain_shm
	let_go
	is_done eventually lease_not_listed "$lease"
	end_reset
}

reload()
{
	printf '%s\n' '[region within]' 'device = pci:0000:1f:00.0' 'bar = 0' \
		>/etc/mmiod/mmiod.conf.d/60-within.conf
	kill -HUP "$(main_pid)"
	eventually region_is within missing
}

@test "a reload does not wait for a device that is being reset" {
	begin_reset
	is_done reload
	end_reset
}

bind_another()
{
	basename $testdev >/sys/bus/pci/drivers/mmiod/unbind
	eventually region_is testdev missing
	basename $testdev >/sys/bus/pci/drivers/mmiod/bind
	eventually region_is testdev ok
}

@test "a device that goes and comes is seen while another is being reset" {
	begin_reset
	is_done bind_another
	end_reset
}

@test "a lease below a bridge that does not decode is refused, and doctor names the bridge" {
	local command doctor
	command=$(setpci -s 00:05.0 COMMAND)
	setpci -s 00:05.0 COMMAND=0000:0002
	run as operator mmioctl read shm:32
	doctor=$(mmioctl doctor) || true
	setpci -s 00:05.0 COMMAND="$command"
	[ "$status" = 7 ]
	contains "$output" 'region shm does not answer: "mmioctl doctor" says whether it decodes its memory'
	contains "$doctor" "memory decoding of the bridge 0000:00:05.0 above it is off"
	run as operator mmioctl read shm:32
	[ "$status" = 0 ]
}
