#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2034,SC2154 # what the files that are loaded use and set
# A machine with Secure Boot on, and a module that is signed by a key that it does not know; last, it is told.

load common.bash
load common-secure.bash

setup_file()
{
	take_certificate /opt/rig/modules.der
}

@test "the firmware checks signatures and the kernel is locked down by it" {
	[ "$(od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c | tr -d ' ')" = 1 ]
	contains "$(cat /sys/kernel/security/lockdown)" '[integrity]'
	dmesg | grep -q 'Kernel is locked down from EFI Secure Boot'
}

@test "a module whose key nobody enrolled is not loaded and doctor has it enrolled" {
	run modprobe mmiod
	[ "$status" != 0 ]
	contains "$output" 'Key was rejected by service'
	doctor_says fail 'Secure Boot is on.*signed by /opt/rig/modules.der, whose key the kernel does not know' \
		'mokutil --import /opt/rig/modules.der'
}

@test "the service that has no module says what is missing and who knows why" {
	run journalctl -q --no-pager -u mmiod.service -o cat
	contains "$output" 'there is no /dev/mmiod'
	contains "$output" 'mmioctl doctor'
	contains "$output" 'status=6'
}

@test "a module that nobody signed is not loaded and doctor has it built anew" {
	take_module unsigned
	run modprobe mmiod
	[ "$status" != 0 ]
	[ ! -e /sys/module/mmiod ]
	doctor_says fail 'Secure Boot is on.*the module is not signed' \
		"dkms build --force mmiod/$(mmioctl --version | sed 's/.* //') && dkms install --force mmiod/$(mmioctl --version | sed 's/.* //')"
}

@test "a module that was changed after it was signed is not loaded" {
	take_module modules
	printf '\377' | dd of="$installed" bs=1 seek=1000 conv=notrunc status=none
	run modprobe mmiod
	[ "$status" != 0 ]
	[ ! -e /sys/module/mmiod ]
}

@test "doctor tells the key of a module from another one of the same name" {
	[ "$(modinfo -F signer modules/modules.ko)" = "$(modinfo -F signer modules/stranger.ko)" ]
	take_module stranger
	run modprobe mmiod
	[ "$status" != 0 ]
	doctor_says fail "signed by the certificate with serial 0*$(modinfo -F sig_key modules/stranger.ko | tr -d : | tr '[:upper:]' '[:lower:]' | sed 's/^0*//'), and not by /opt/rig/modules.der, which has serial 0*$(serial modules.der)"
}

@test "the firmware takes the key for one of those that may sign as the manual says" {
	chattr -i /sys/firmware/efi/efivars/db-*
	efi-updatevar -a -f modules.auth db
	[ "$(grep -c "$(openssl x509 -inform DER -in modules.der -noout -subject -nameopt RFC2253 | sed 's/.*CN=//')" \
		/sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f)" = 1 ]
}
