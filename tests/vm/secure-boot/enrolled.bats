#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154 # what the files that are loaded use and set
# A machine with Secure Boot on that knows the key of the module: what works there, and what the lockdown forbids.

load common.bash
load common-secure.bash

setup_file()
{
	take_certificate /opt/rig/modules.der
}

teardown()
{
	let_go
}

@test "the kernel is locked down and knows the key among those of the firmware" {
	contains "$(cat /sys/kernel/security/lockdown)" '[integrity]'
	dmesg | grep -q 'Kernel is locked down from EFI Secure Boot'
	dmesg | grep -q "Loaded X.509 cert '$(openssl x509 -inform DER -in modules.der -noout -subject -nameopt RFC2253 | sed 's/.*CN=//'): "
}

@test "the service has loaded the module, which the kernel knows the signer of" {
	eventually systemctl is-active --quiet mmiod.service
	[ "$(cat /sys/module/mmiod/taint)" = O ]
	doctor_says ok 'is loaded and signed with a key that the kernel knows'
	doctor_says note 'lockdown is integrity: regions by physical address are refused, devices are not'
}

@test "what the lockdown closes to root is closed: dev mem, a resource of sysfs, configuration space" {
	(! dd if=/dev/mem of=/dev/null bs=4096 count=1)
	run setpci -s 0000:00:04.0 COMMAND=0
	contains "$output" 'Operation not permitted'
	run perl -e 'open(F, "+<", "/sys/bus/pci/devices/0000:00:06.0/resource0") or die "$!\n";
		syscall(9, 0, 4096, 3, 1, fileno(F), 0) == -1 and die "$!\n"'
	contains "$output" 'Operation not permitted'
}

@test "an unprivileged user maps and writes the memory of a card" {
	as operator ./hello-window shm+0x3000000/4K 'written under lockdown'
	run as operator mmioctl read shm+0x3000000:8
	[ "$output" = 0x77 ]
}

@test "an unprivileged user has registers of a device compute" {
	run as operator ./edu-factorial 7
	contains "$output" 5040
}

@test "a window is revoked and a device bound anew as without lockdown" {
	hold shm 0 0x1000
	tell write 0 1
	[ "$answer" = ok ]
	mmioctl revoke "$lease"
	tell read 0
	[ "$answer" = SIGBUS ]
	mmioctl unbind 0000:00:04.0
	(! as operator mmioctl read edu+0)
	mmioctl bind 0000:00:04.0
	eventually as operator mmioctl read edu+0
}

@test "a region by physical address is refused and whoever asks is told of the lockdown" {
	run as operator mmioctl read set-aside
	[ "$status" != 0 ]
	contains "$output" 'locked down (integrity)'
	run journalctl -q --no-pager -u mmiod.service -o cat
	contains "$output" 'locked down (integrity)'
}

@test "bus mastering that nothing bounds is refused and whoever asks is told of the lockdown" {
	configure 66-trusted '[device card]' 'device = pci:0000:00:06.0' 'dma = trusted' \
		'[grant card]' 'device = card' 'config = standard' 'bus-master = yes' 'user = operator'
	run as operator mmioctl config card 0x0
	[ "$output" = 0x00051b36 ]
	run as operator mmioctl operate card --bus-master -- true
	[ "$status" = 4 ]
	contains "$output" 'says "dma = trusted", may not have it: the kernel is locked down, and nothing bounds the device'
	unconfigure 66-trusted
}

@test "a module that nobody signed is refused still, and the signed one comes back by doctors word" {
	systemctl stop mmiod.socket mmiod.service
	rmmod mmiod
	take_module unsigned
	(! modprobe mmiod)
	take_module modules
	doctor_says ok 'signed by /opt/rig/modules.der, whose key the kernel knows'
	doctor_says fail 'installed, but not loaded' 'modprobe mmiod'
	modprobe mmiod
	systemctl start mmiod.socket mmiod.service
	as operator mmioctl read edu+0
}
