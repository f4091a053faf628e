# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # what is unused here is used by those who source this file
#
# Firmware with Secure Boot on, and signatures for it and for the kernel that it boots (sourced, never run). A KEY is files:
# KEY.key, and its certificate as KEY.pem or KEY.der.

FIRMWARE=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd
# Debian's test key is in it as owner's key (PK, KEK) and among those that may sign (db); its password is no secret.
FIRMWARE_VARIABLES=/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd
FIRMWARE_KEY=/usr/share/ovmf/PkKek-1-snakeoil

# The key that the firmware knows.
firmware_key() # KEY
{
	openssl rsa -passin pass:snakeoil -in "$FIRMWARE_KEY.key" -out "$1.key" 2>/dev/null
	cp "$FIRMWARE_KEY.pem" "$1.pem"
	openssl x509 -in "$1.pem" -outform DER -out "$1.der"
}

# Debian's signature goes: nobody enrolled Debian's key.
sign_kernel() # KEY FROM TO
{
	cp "$2" "$3"
	sbattach --remove "$3" >/dev/null 2>&1 || true
	sbsign --key "$1.key" --cert "$1.pem" --output "$3" "$3" >/dev/null 2>&1 || die "$2 cannot be signed"
}

sign_module() # BUILD-TREE KEY FILE
{
	"$1/scripts/sign-file" sha256 "$2.key" "$2.der" "$3" || die "$3 cannot be signed"
}
