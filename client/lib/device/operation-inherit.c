/* SPDX-License-Identifier: MIT */
/*
 * Device files that the environment names: MMIOD_DEVICES, of whoever started this process, which has
 * FD@IDENTITY:DEVICE with blanks between, as MMIOD_WINDOWS has windows. They stand in a variable of
 * their own, because nobody who looks for windows there would know what to do with them.
 *
 * Environments outlive descriptors, so an entry counts only if the descriptor still is what the
 * entry says: of the module it answers QUERY with its id, in simulation its inode tells.
 */
#include "base/error.h"
#include "base/handed.h"
#include "device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <common/size.h>

#define DEVICES "MMIOD_DEVICES"

/* ---- is it still there ---- */

static int adopt_simulated(const struct handed *handed, const struct stat *status, int flags,
			   struct mmiod_operation *operation)
{
	unsigned long long device, inode;
	char behind;

	if (sscanf(handed->identity, "%llu.%llu+0x%*x%c", &device, &inode, &behind) != 2 ||
	    status->st_dev != device || status->st_ino != inode)
		return lone_fail(-ESTALE, "descriptor %d is another file than it was", handed->fd);
	operation->lease->simulated = true;
	/* Simulation enforces no more than this. */
	operation->rights = MMIOD_MAY_READ_CONFIG;
	if ((flags & O_ACCMODE) == O_RDWR)
		operation->rights = MMIOD_MAY_OPERATE;
	return 0;
}

static int adopt_module(const struct handed *handed, struct mmiod_operation *operation)
{
	struct mmiod_device_query query = { .size = sizeof(query) };
	uint64_t id;

	if (common_number(handed->identity, &id))
		return lone_fail(-EINVAL, "\"%s\" is no identity of a device file",
				 handed->identity);
	if (ioctl(handed->fd, MMIOD_IOC_DEVICE_QUERY, &query) < 0 || query.id != id)
		return lone_fail(-ESTALE, "descriptor %d is another file than it was", handed->fd);
	operation->lease->id = id;
	operation->rights = query.rights << MMIOD_OPERATE_SHIFT & MMIOD_MAY_OPERATE;
	return 0;
}

static int adopt(const struct handed *handed, struct mmiod_operation *operation)
{
	int flags = fcntl(handed->fd, F_GETFL), err;
	struct stat status;

	if (flags < 0 || flags & O_PATH || fstat(handed->fd, &status) < 0 ||
	    !S_ISREG(status.st_mode))
		return lone_fail(-ESTALE, "descriptor %d is no device file any more", handed->fd);
	err = strchr(handed->identity, '.') ? adopt_simulated(handed, &status, flags, operation)
					    : adopt_module(handed, operation);
	if (err)
		return err;
	operation->lease->fd = fcntl(handed->fd, F_DUPFD_CLOEXEC, 3);
	return operation->lease->fd < 0
		       ? lone_fail(-errno, "descriptor %d: %s", handed->fd, strerror(errno))
		       : 0;
}

static int take(const struct handed *handed, struct mmiod_operation **operation)
{
	struct mmiod_operation *made = calloc(1, sizeof(*made));
	int err;

	*operation = NULL;
	if (made)
		made->lease = lease_orphan(NULL);
	if (!made || !made->lease) {
		free(made);
		return lone_fail(-ENOMEM, "out of memory");
	}
	err = adopt(handed, made);
	if (err)
		mmiod_operation_free(made);
	else
		*operation = made;
	return err;
}

/* ---- what programs call ---- */

/* 1: found; 0: not this one; else why it does not count. */
static int try_handed(const struct handed *handed, int parsed, const char *device, size_t *index,
		      struct mmiod_operation **operation)
{
	int err;

	if (parsed < 0)
		return lone_fail(-EINVAL,
				 DEVICES ", \"%s\": it is not written as FD@IDENTITY:DEVICE",
				 handed->word);
	if (device && strcmp(device, handed->name))
		return 0;
	err = take(handed, operation);
	if (err)
		return err;
	if (!(*index)--)
		return 1;
	mmiod_operation_free(*operation);
	*operation = NULL;
	return 0;
}

MMIOD_EXPORT int mmiod_operation_inherited(const char *device, size_t index,
					   struct mmiod_operation **operation)
{
	const char *at = secure_getenv(DEVICES);
	struct handed handed;
	int parsed, err = 0;

	*operation = NULL;
	while ((parsed = handed_next(&at, &handed))) {
		int found = try_handed(&handed, parsed, device, &index, operation);

		if (found > 0)
			return 0;
		err = err ? err : found;
	}
	if (err)
		return err;
	return lone_fail(-ENOENT, "no device file%s%s was handed down: " DEVICES " has \"%s\"",
			 device ? " of " : "", device ?: "", secure_getenv(DEVICES) ?: "");
}
