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
#define ENTRY_MAX 128

struct entry {
	int fd;
	char text[ENTRY_MAX]; /* with zeros between its parts */
	const char *identity;
	const char *device;
};

static int parse(const char *text, size_t length, struct entry *entry)
{
	const char *at = entry->text;
	char *identity, *device;
	uint64_t fd;

	if (length >= sizeof(entry->text))
		return -EINVAL;
	memcpy(entry->text, text, length);
	entry->text[length] = '\0';
	if (common_scan_number(&at, &fd) || fd > INT32_MAX || *at != '@')
		return -EINVAL;
	identity = entry->text + (at - entry->text) + 1;
	device = strchr(identity, ':');
	if (!device || !device[1] || device - identity < 1)
		return -EINVAL;
	*device++ = '\0';
	entry->fd = (int)fd;
	entry->identity = identity;
	entry->device = device;
	return 0;
}

/* ---- is it still there ---- */

static int adopt_simulated(const struct entry *entry, const struct stat *status, int flags,
			   struct mmiod_operation *operation)
{
	unsigned long long device, inode;
	char behind;

	if (sscanf(entry->identity, "%llu.%llu+0x%*x%c", &device, &inode, &behind) != 2 ||
	    status->st_dev != device || status->st_ino != inode)
		return lone_fail(-ESTALE, "descriptor %d is another file than it was", entry->fd);
	operation->lease->simulated = true;
	/* Simulation enforces no more than this. */
	operation->rights = MMIOD_MAY_READ_CONFIG;
	if ((flags & O_ACCMODE) == O_RDWR)
		operation->rights = MMIOD_MAY_OPERATE;
	return 0;
}

static int adopt_module(const struct entry *entry, struct mmiod_operation *operation)
{
	struct mmiod_device_query query = { .size = sizeof(query) };
	uint64_t id;

	if (common_number(entry->identity, &id))
		return lone_fail(-EINVAL, "\"%s\" is no identity of a device file",
				 entry->identity);
	if (ioctl(entry->fd, MMIOD_IOC_DEVICE_QUERY, &query) < 0 || query.id != id)
		return lone_fail(-ESTALE, "descriptor %d is another file than it was", entry->fd);
	operation->lease->id = id;
	operation->rights = query.rights << MMIOD_OPERATE_SHIFT & MMIOD_MAY_OPERATE;
	return 0;
}

static int adopt(const struct entry *entry, struct mmiod_operation *operation)
{
	int flags = fcntl(entry->fd, F_GETFL), err;
	struct stat status;

	if (flags < 0 || flags & O_PATH || fstat(entry->fd, &status) < 0 ||
	    !S_ISREG(status.st_mode))
		return lone_fail(-ESTALE, "descriptor %d is no device file any more", entry->fd);
	err = strchr(entry->identity, '.') ? adopt_simulated(entry, &status, flags, operation)
					   : adopt_module(entry, operation);
	if (err)
		return err;
	operation->lease->fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 3);
	return operation->lease->fd < 0
		       ? lone_fail(-errno, "descriptor %d: %s", entry->fd, strerror(errno))
		       : 0;
}

static int take(const struct entry *entry, struct mmiod_operation **operation)
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
	err = adopt(entry, made);
	if (err)
		mmiod_operation_free(made);
	else
		*operation = made;
	return err;
}

/* ---- what programs call ---- */

/* 1: found; 0: not this one; else why it does not count. */
static int try_entry(const char *text, size_t length, const char *device, size_t *index,
		     struct mmiod_operation **operation)
{
	struct entry entry;
	int err;

	if (parse(text, length, &entry))
		return lone_fail(-EINVAL,
				 DEVICES ", \"%.*s\": it is not written as FD@IDENTITY:DEVICE",
				 (int)(length < ENTRY_MAX ? length : ENTRY_MAX), text);
	if (device && strcmp(device, entry.device))
		return 0;
	err = take(&entry, operation);
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
	int err = 0;

	*operation = NULL;
	while (at && *at) {
		size_t length;
		int found = 0;

		at += strspn(at, " ");
		length = strcspn(at, " ");
		if (length)
			found = try_entry(at, length, device, &index, operation);
		if (found > 0)
			return 0;
		err = err ? err : found;
		at += length;
	}
	if (err)
		return err;
	return lone_fail(-ENOENT, "no device file%s%s was handed down: " DEVICES " has \"%s\"",
			 device ? " of " : "", device ?: "", secure_getenv(DEVICES) ?: "");
}
