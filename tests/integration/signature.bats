# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# mmioctl doctor under Secure Boot: on a machine made of files, with certificates, signatures and keys as the real ones are.
load helper

RELEASE=$(uname -r)
MOK=/var/lib/dkms/mok.pub

secure_boot() { # on|off
	mkdir -p "$T/sys/firmware/efi/efivars"
	# shellcheck disable=SC2059 # a byte
	printf "\6\0\0\0\\$([ "$1" = on ] && echo 1 || echo 0)" \
		>"$T/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
}

# As dkms makes one: all have the same name.
key() { # NAME [CERTIFICATE]
	openssl req -new -x509 -nodes -days 36500 -subj "/CN=DKMS module signing key" -newkey rsa:2048 \
		-keyout "$T/$1.key" -out "$T/$1.pem" 2>/dev/null
	[ $# -eq 1 ] || { mkdir -p "$T/root${2%/*}" && openssl x509 -in "$T/$1.pem" -outform DER -out "$T/root$2"; }
}

# The kernel's sign-file does this.
module() { # [KEY]
	local size file=$T/root/lib/modules/$RELEASE/updates/dkms/mmiod.ko
	mkdir -p "${file%/*}"
	echo 'updates/dkms/mmiod.ko:' >"$T/root/lib/modules/$RELEASE/modules.dep"
	printf '.section .modinfo,"a"\n.asciz "license=GPL"\n' | cc -c -x assembler -o "$file" -
	[ $# -eq 1 ] || return 0
	openssl cms -sign -signer "$T/$1.pem" -inkey "$T/$1.key" -binary -in "$file" -outform DER -nocerts -noattr \
		-md sha256 -out "$T/signature"
	size=$(printf '%08x' "$(stat -c %s "$T/signature")")
	# shellcheck disable=SC2059 # bytes
	{
		cat "$T/signature"
		printf "\0\0\2\0\0\0\0\0\x${size:0:2}\x${size:2:2}\x${size:4:2}\x${size:6:2}"
		printf '~Module signature appended~\n'
	} >>"$file"
}

serial() {
	openssl x509 -in "$T/$1.pem" -noout -serial | sed 's/serial=//' | tr '[:upper:]' '[:lower:]' | sed 's/^0*//'
}

# What the kernel shows of the keys that it knows; one that is not ours is always there.
enrolled() { # [KEY]
	mkdir -p "$T/root/proc"
	{
		echo '0881a184 I------     1 perm 0f0b0000     0     0 keyring   .blacklist: empty'
		echo '0a4cd2b1 I------     1 perm 1f030000     0     0 asymmetri Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1: X509.rsa bb419ea1 []'
		[ $# -eq 0 ] || printf '1b7f5a90 I------     1 perm 1f030000     0     0 asymmetri DKMS module signing key: %s: X509.rsa 00 []\n' \
			"$(openssl x509 -in "$T/$1.pem" -noout -ext subjectKeyIdentifier | sed -n '2s/[ :]//gp' | tr '[:upper:]' '[:lower:]')"
	} >"$T/root/proc/keys"
}

doctor() {
	MMIOCTL_ROOT=$T/root MMIOCTL_SYS=$T/sys MMIOD_SOCKET=$T/nobody run mmioctl doctor
	# Whatever is wrong with module and signature, there is one next step.
	[ "$(grep -A1 -E '^fail .*([Ss]igned|module mmiod)' <<<"$output" | grep -c fix:)" -le 1 ] ||
		{ echo "two next steps: $output"; return 1; }
}

# DKMS signs what it builds; what it has built it installs as it is.
again() {
	local module
	module=mmiod/$(mmioctl --version | sed 's/.* //')
	echo "dkms build --force $module && dkms install --force $module"
}

# says RESULT WHAT [FIX]
says() {
	grep -qE -- "^$1 +.*$2" <<<"$output" || { echo "no $1 with: $2"; echo "$output"; return 1; }
	[ $# -eq 2 ] || expect_equal "$(grep -A1 -E -- "$2" <<<"$output" | sed -n 's/^ *fix: //p' | head -n 1)" "$3"
}

@test "doctor says nothing of signatures where there is no module, and that none is needed without secure boot" {
	secure_boot on
	doctor
	expect_match 'has no module mmiod'
	[[ $output != *igned* ]]
	secure_boot off
	module
	doctor
	says ok 'Secure Boot is off'
	says fail 'not loaded' 'modprobe mmiod'
}

@test "doctor has a module signed that is not" {
	secure_boot on
	module
	doctor
	says fail 'the module is not signed, and DKMS.*has no certificate yet' "$(again)"
	key ours $MOK
	doctor
	says fail 'the module is not signed' "$(again)"
}

@test "doctor has the key enrolled that the module is signed by, and then the module loaded" {
	secure_boot on
	key ours $MOK
	module ours
	enrolled
	doctor
	says fail "signed by $MOK, whose key the kernel does not know" "mokutil --import $MOK"
	: >"$T/sys/firmware/efi/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23"
	doctor
	says fail 'waits to be confirmed' 'systemctl reboot, and confirm the key at the console'
	enrolled ours
	doctor
	says ok "signed by $MOK, whose key the kernel knows"
	says fail 'not loaded' 'modprobe mmiod'
}

@test "doctor tells a key from another of the same name" {
	secure_boot on
	key ours $MOK
	key theirs
	module theirs
	enrolled ours
	doctor
	says fail "signed by the certificate with serial 0*$(serial theirs), and not by $MOK, which has serial 0*$(serial ours)" "$(again)"
	module ours
	enrolled theirs
	doctor
	says fail 'whose key the kernel does not know' "mokutil --import $MOK"
}

@test "doctor looks at the certificate that dkms is told to sign with" {
	secure_boot on
	key ours $MOK
	key distribution /var/lib/shim-signed/mok/MOK.der
	key fleet /etc/fleet/cert.der
	module distribution
	enrolled
	doctor
	says fail 'not know' 'mokutil --import /var/lib/shim-signed/mok/MOK.der'
	mkdir -p "$T/root/etc/dkms/framework.conf.d"
	printf '# mok_certificate="/nowhere"\nmok_certificate=/etc/other.der\n' >"$T/root/etc/dkms/framework.conf"
	printf 'mok_signing_key="/etc/fleet/key"\nmok_certificate="/etc/fleet/cert.der"\n' >"$T/root/etc/dkms/framework.conf.d/fleet.conf"
	module fleet
	doctor
	says fail 'not know' 'mokutil --import /etc/fleet/cert.der'
}

@test "doctor says what it cannot compare, be it for a certificate that is none or for want of openssl or of rights" {
	secure_boot on
	key ours $MOK
	module ours
	enrolled ours
	cp "$T/root$MOK" "$T/good"
	echo garbage >"$T/root$MOK"
	doctor
	says warn "serial 0*$(serial ours), and $MOK is none to compare with"
	cp "$T/good" "$T/root$MOK"
	mkdir "$T/tools"
	cp "$T/mmioctl" "$T/tools"
	ln -s "$(command -v modinfo || echo /usr/sbin/modinfo)" "$T/tools/modinfo"
	MMIOCTL_ROOT=$T/root MMIOCTL_SYS=$T/sys MMIOD_SOCKET=$T/nobody PATH=$T/tools run "$T/tools/mmioctl" doctor
	says warn 'without openssl' 'apt-get install openssl'
	need_root
	grep -v asymmetri "$T/root/proc/keys" >"$T/keys"
	mv "$T/keys" "$T/root/proc/keys"
	MMIOCTL_ROOT=$T/root MMIOCTL_SYS=$T/sys MMIOD_SOCKET=$T/nobody run as "$COLLEAGUE" env "PATH=$PATH" mmioctl doctor
	says note 'only root sees' 'mmioctl doctor, as root'
	doctor
	says fail 'not know' "mokutil --import $MOK"
}

@test "doctor says of a loaded module that nobody signed what secure boot will want" {
	secure_boot off
	key ours $MOK
	module ours
	enrolled
	mkdir -p "$T/sys/module/mmiod"
	echo OE >"$T/sys/module/mmiod/taint"
	doctor
	says note 'took the module without knowing who signed it' "mokutil --import $MOK"
	echo O >"$T/sys/module/mmiod/taint"
	doctor
	expect_match 'is loaded and signed with a key that the kernel knows'
	[[ $output != *mokutil* ]]
}
