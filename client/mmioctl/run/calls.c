/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls, for the filter and for the supervisor. Numbers are written out,
 * because a 64-bit build knows those of 32-bit programs by no header. x32 has its own and passes.
 * Of 32-bit ARM, whose struct stat64 is none of i386, stat is left out.
 */
#include "run/calls.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/audit.h>

#define OPEN(arch, number)                                   \
	{                                                    \
		arch, number, CALL_OPEN, -1, 0, 1, -1, -1, 0 \
	}
#define CREAT(arch, number)                                                              \
	{                                                                                \
		arch, number, CALL_OPEN, -1, 0, -1, -1, -1, O_CREAT | O_WRONLY | O_TRUNC \
	}
#define OPENAT(arch, number)                                \
	{                                                   \
		arch, number, CALL_OPEN, 0, 1, 2, -1, -1, 0 \
	}
#define OPENAT2(arch, number)                                  \
	{                                                      \
		arch, number, CALL_OPENAT2, 0, 1, -1, 2, -1, 0 \
	}
#define STAT(arch, number, kind, fixed)                     \
	{                                                   \
		arch, number, kind, -1, 0, -1, 1, -1, fixed \
	}
#define STATAT(arch, number, kind)                    \
	{                                             \
		arch, number, kind, 0, 1, 3, 2, -1, 0 \
	}
#define STATX(arch, number)                                 \
	{                                                   \
		arch, number, CALL_STATX, 0, 1, 2, 4, -1, 0 \
	}
#define ACCESS(arch, number)                                   \
	{                                                      \
		arch, number, CALL_ACCESS, -1, 0, -1, -1, 1, 0 \
	}
#define ACCESSAT(arch, number, flags)                            \
	{                                                        \
		arch, number, CALL_ACCESS, 0, 1, flags, -1, 2, 0 \
	}

/* Rows of one architecture stand together. */
const struct call_row call_rows[] = {
	OPEN(AUDIT_ARCH_X86_64, 2),
	CREAT(AUDIT_ARCH_X86_64, 85),
	OPENAT(AUDIT_ARCH_X86_64, 257),
	OPENAT2(AUDIT_ARCH_X86_64, 437),
	STAT(AUDIT_ARCH_X86_64, 4, CALL_STAT, 0),
	STAT(AUDIT_ARCH_X86_64, 6, CALL_STAT, AT_SYMLINK_NOFOLLOW),
	STATAT(AUDIT_ARCH_X86_64, 262, CALL_STAT),
	STATX(AUDIT_ARCH_X86_64, 332),
	ACCESS(AUDIT_ARCH_X86_64, 21),
	ACCESSAT(AUDIT_ARCH_X86_64, 269, -1),
	ACCESSAT(AUDIT_ARCH_X86_64, 439, 3),
	OPEN(AUDIT_ARCH_I386, 5),
	CREAT(AUDIT_ARCH_I386, 8),
	OPENAT(AUDIT_ARCH_I386, 295),
	OPENAT2(AUDIT_ARCH_I386, 437),
	STAT(AUDIT_ARCH_I386, 195, CALL_STAT64, 0),
	STAT(AUDIT_ARCH_I386, 196, CALL_STAT64, AT_SYMLINK_NOFOLLOW),
	STATAT(AUDIT_ARCH_I386, 300, CALL_STAT64),
	STATX(AUDIT_ARCH_I386, 383),
	ACCESS(AUDIT_ARCH_I386, 33),
	ACCESSAT(AUDIT_ARCH_I386, 307, -1),
	ACCESSAT(AUDIT_ARCH_I386, 439, 3),
	OPENAT(AUDIT_ARCH_AARCH64, 56),
	OPENAT2(AUDIT_ARCH_AARCH64, 437),
	STATAT(AUDIT_ARCH_AARCH64, 79, CALL_STAT),
	STATX(AUDIT_ARCH_AARCH64, 291),
	ACCESSAT(AUDIT_ARCH_AARCH64, 48, -1),
	ACCESSAT(AUDIT_ARCH_AARCH64, 439, 3),
	OPEN(AUDIT_ARCH_ARM, 5),
	CREAT(AUDIT_ARCH_ARM, 8),
	OPENAT(AUDIT_ARCH_ARM, 322),
	OPENAT2(AUDIT_ARCH_ARM, 437),
	STATX(AUDIT_ARCH_ARM, 397),
	ACCESS(AUDIT_ARCH_ARM, 33),
	ACCESSAT(AUDIT_ARCH_ARM, 334, -1),
	ACCESSAT(AUDIT_ARCH_ARM, 439, 3),
};
const size_t call_row_count = sizeof(call_rows) / sizeof(call_rows[0]);

/* The upper halves of a 32-bit task's registers mean nothing. */
static uint64_t argument(const struct seccomp_data *data, int index, bool narrow)
{
	if (index < 0)
		return 0;
	return narrow ? (uint32_t)data->args[index] : data->args[index];
}

bool call_decode(const struct seccomp_data *data, struct call *call)
{
	const struct call_row *row = call_rows, *end = call_rows + call_row_count;
	bool narrow = !(data->arch & __AUDIT_ARCH_64BIT);

	while (row < end && (row->arch != data->arch || row->number != (uint32_t)data->nr))
		row++;
	if (row == end)
		return false;
	*call = (struct call){
		.kind = row->kind,
		.directory = row->directory < 0 ? AT_FDCWD : (int)data->args[row->directory],
		.path = argument(data, row->path, narrow),
		.buffer = argument(data, row->buffer, narrow),
		.flags = (uint32_t)argument(data, row->flags, narrow) | row->fixed_flags,
		.mode = (uint32_t)argument(data, row->mode, narrow),
		.narrow = narrow,
	};
	return true;
}
