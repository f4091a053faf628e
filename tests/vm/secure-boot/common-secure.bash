# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # output: of run
# What the suites under Secure Boot share. They run as root in the rig's guest; working directory /opt/rig, where modules/ has
# the module unsigned, signed by modules.key, and signed by another key of that one's name.

installed=/lib/modules/$(uname -r)/updates/mmiod.ko

# As the module on disk.
take_module() # NAME
{
	cp "modules/$1.ko" "$installed"
	depmod
}

# As mmiod-sign(8) has DKMS, and so doctor, told which certificate modules are signed with.
take_certificate() # FILE
{
	mkdir -p /etc/dkms/framework.conf.d
	printf 'mok_signing_key="/nowhere"\nmok_certificate="%s"\n' "$1" >/etc/dkms/framework.conf.d/modules.conf
}

# What doctor says of signatures: a line of RESULT with WHAT, and the next command, which is the only one of the module.
doctor_says() # RESULT WHAT [FIX]
{
	run command mmioctl doctor 3>&- 4>&-
	grep -qE -- "^$1 +.*$2" <<<"$output" || { printf 'no %s with: %s\n%s\n' "$1" "$2" "$output"; return 1; }
	[ $# -eq 2 ] || [ "$(grep -A 1 -E -- "$2" <<<"$output" | sed -n 's/^ *fix: //p' | head -n 1)" = "$3" ] ||
		{ printf 'the next is not: %s\n%s\n' "$3" "$output"; return 1; }
}

serial() # CERTIFICATE
{
	openssl x509 -inform DER -in "$1" -noout -serial | sed 's/serial=0*//' | tr '[:upper:]' '[:lower:]'
}
