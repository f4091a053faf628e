/* SPDX-License-Identifier: MIT */
/*
 * System calls that name a file: their numbers and where their arguments are.
 */
#ifndef MMIOCTL_RUN_CALLS_H
#define MMIOCTL_RUN_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/seccomp.h>

enum call_kind {
	CALL_OPEN,
	CALL_OPENAT2,
	CALL_STAT, /* fills a struct stat of 64-bit programs */
	CALL_STAT64, /* fills a struct stat64 of i386 */
	CALL_STATX,
	CALL_ACCESS,
};

struct call_row {
	uint32_t arch; /* AUDIT_ARCH_ */
	uint32_t number;
	enum call_kind kind;
	int directory; /* which argument; -1: none */
	int path;
	int flags; /* of open, or AT_; -1: none */
	int buffer; /* of stat, or of struct open_how */
	int mode; /* of access */
	uint32_t fixed_flags; /* that the call means without saying so */
};

extern const struct call_row call_rows[];
extern const size_t call_row_count;

struct call {
	enum call_kind kind;
	int directory; /* descriptor of the task, or AT_FDCWD */
	uint64_t path, buffer; /* addresses in the task */
	uint64_t flags;
	uint64_t mode;
	bool narrow; /* of a 32-bit task */
};

/* false: no call that is known here. */
bool call_decode(const struct seccomp_data *data, struct call *call);

#endif
