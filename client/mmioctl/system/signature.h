/* SPDX-License-Identifier: MIT */
/*
 * What decides whether this machine's kernel loads the module that lies on its disk: Secure Boot, the
 * certificate that DKMS signs with, the signature, the kernel's keys. MMIOCTL_SYS names another
 * directory than /sys, MMIOCTL_ROOT another than / for all else.
 */
#ifndef MMIOCTL_SIGNATURE_H
#define MMIOCTL_SIGNATURE_H

#include "output/output.h"

#define SERIAL_SIZE 64 /* 20 bytes in hexadecimal, and some more of those who have longer ones */

enum key_state {
	KEY_UNKNOWN, /* the kernel shows its keys to root only */
	KEY_MISSING,
	KEY_ENROLLED,
};

struct signature {
	bool secure_boot;
	bool pending; /* a key waits to be confirmed at the next boot */
	char certificate[256]; /* its path; there may be no such file */
	bool readable; /* the certificate is there, and openssl understood it */
	bool no_openssl; /* nobody asked it, for it is not installed */
	char serial[SERIAL_SIZE]; /* the certificate's; digits in lower case, as the rest */
	char key_id[SERIAL_SIZE]; /* the identifier of its key; "": it has none */
	enum key_state key;
	char module[512]; /* the file; "": this kernel has none */
	char signed_by
		[SERIAL_SIZE]; /* the serial of the certificate that it is signed by; "": it is not */
};

FILE *open_root(const char *path); /* a file of the machine's, to read */
void read_signature(struct signature *signature, const char *release);
bool signed_by_certificate(const struct signature *signature);

#endif
