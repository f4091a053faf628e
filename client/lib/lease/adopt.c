/* SPDX-License-Identifier: MIT */
/*
 * Windows that this process was given rather than asked for: a lease object of a descriptor, without
 * a client.
 *
 * Nothing is taken for a window because it is said to be one. A window of the module answers QUERY
 * with its id, which is never used again. In simulation a window is a file like any other, so there
 * only its inode tells, and has to be named. Files that are not regular are not even asked: what a
 * driver of something else would do with the call is unknown.
 */
#include "base/error.h"
#include "lease/lease.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <common/size.h>

/* What is between @ and the colon of an entry: WINDOW, or in simulation DEV.INO+OFFSET. */
struct identity {
	bool simulated;
	uint64_t window;
	uint64_t device;
	uint64_t inode;
	uint64_t offset; /* where in its file the window starts */
};

static int parse_identity(const char *text, struct identity *identity)
{
	const char *at = text;
	int err = common_scan_number(&at, &identity->window);

	identity->simulated = !err && *at == '.';
	if (identity->simulated) {
		identity->device = identity->window;
		at++;
		err = common_scan_number(&at, &identity->inode);
		if (!err && *at++ != '+')
			err = -EINVAL;
		if (!err)
			err = common_scan_number(&at, &identity->offset);
	}
	if (!err && !*at)
		return 0;
	return lone_fail(-EINVAL,
			 "\"%s\" is no identity of a window: it is the window's number, or in "
			 "simulation DEV.INO+OFFSET",
			 text);
}

static unsigned int rights_of(int flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return MMIOD_RIGHT_READ;
	case O_WRONLY:
		return MMIOD_RIGHT_WRITE;
	default:
		return MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	}
}

static int check_simulated(int fd, const struct identity *identity, const struct stat *status)
{
	if (status->st_dev != identity->device || status->st_ino != identity->inode)
		return lone_fail(-ESTALE, "descriptor %d is another file than the window was", fd);
	if (identity->offset < (uint64_t)status->st_size)
		return 0;
	return lone_fail(-ENODEV,
			 "descriptor %d: the file has 0x%llx bytes, and the window is to start at "
			 "0x%llx",
			 fd, (unsigned long long)status->st_size,
			 (unsigned long long)identity->offset);
}

static int adopt_simulated(int fd, const struct identity *identity, const struct stat *status,
			   struct mmiod_lease *lease)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int err = check_simulated(fd, identity, status);

	if (err)
		return err;
	if (!lease->length)
		lease->length = (uint64_t)status->st_size - identity->offset;
	lease->simulated = true;
	lease->map_offset = identity->offset;
	lease->memtype = MMIOD_MEMTYPE_UC;
	lease->mappable = !(identity->offset % page) && !(lease->length % page);
	return 0;
}

/*
 * A window of several extents lies in none of the places that a target names; which, the daemon would
 * have to be asked. A kernel without /proc says nothing.
 */
static void know_extents(int fd, struct mmiod_lease *lease)
{
	char path[40], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "mmiod-extents: %" SCNu32, &lease->n_extents) == 1)
			lease->offset = UINT64_MAX;
	if (file)
		fclose(file);
}

static int adopt_window(int fd, const struct identity *identity, struct mmiod_lease *lease)
{
	struct mmiod_window_query query = { .size = sizeof(query) };

	if (ioctl(fd, MMIOD_IOC_QUERY, &query) < 0)
		return identity ? lone_fail(-ESTALE, "descriptor %d is no window any more", fd)
				: lone_fail(-EINVAL,
					    "descriptor %d is no window of the module (in "
					    "simulation, say which file it is to be)",
					    fd);
	if (identity && identity->window != query.window_id)
		return lone_fail(-ESTALE, "descriptor %d is window %llu, not %llu", fd,
				 (unsigned long long)query.window_id,
				 (unsigned long long)identity->window);
	lease->id = query.window_id;
	lease->length = query.length;
	lease->memtype = query.attr;
	lease->width = query.width;
	lease->mappable = query.mmapable;
	lease->iova = query.iova ? query.iova : MMIOD_NO_IOVA;
	know_extents(fd, lease);
	return 0;
}

static int check_file(int fd, bool named, struct stat *status, int *flags)
{
	*flags = fcntl(fd, F_GETFL);
	if (*flags < 0 || fstat(fd, status) < 0)
		return named ? lone_fail(-ESTALE, "descriptor %d is not open any more", fd)
			     : lone_fail(-errno, "descriptor %d: %s", fd, strerror(errno));
	if (!S_ISREG(status->st_mode) || *flags & O_PATH)
		return named ? lone_fail(-ESTALE, "descriptor %d is no window any more", fd)
			     : lone_fail(-EINVAL, "descriptor %d is no window", fd);
	return 0;
}

static int adopt_file(int fd, const struct identity *identity, struct mmiod_lease *lease)
{
	struct stat status;
	int flags, err;

	err = check_file(fd, identity, &status, &flags);
	if (!err)
		err = identity && identity->simulated
			      ? adopt_simulated(fd, identity, &status, lease)
			      : adopt_window(fd, identity, lease);
	if (err)
		return err;
	lease->rights = rights_of(flags);
	lease->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return lease->fd < 0 ? lone_fail(-errno, "descriptor %d: %s", fd, strerror(errno)) : 0;
}

struct mmiod_lease *lease_orphan(const struct mmiod_target *target)
{
	struct mmiod_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	link_init(&lease->link);
	link_init(&lease->users);
	link_init(&lease->renewal.link);
	lease->fd = -1;
	lease->iova = MMIOD_NO_IOVA;
	lease->offset = target ? target->offset : 0;
	lease->length = target ? target->length : 0;
	lease->width = target ? target->width : 0;
	return lease;
}

int lease_adopt(int fd, const char *identity, const struct mmiod_target *target,
		struct mmiod_lease **lease)
{
	struct identity named = { 0 };
	struct mmiod_lease *made;
	int err = identity ? parse_identity(identity, &named) : 0;

	*lease = NULL;
	if (err)
		return err;
	made = lease_orphan(target);
	if (!made)
		return lone_fail(-ENOMEM, "out of memory");
	err = adopt_file(fd, identity ? &named : NULL, made);
	if (err)
		mmiod_lease_free(made);
	else
		*lease = made;
	return err;
}

MMIOD_EXPORT int mmiod_window_adopt(int fd, const char *identity, struct mmiod_lease **lease)
{
	return lease_adopt(fd, identity, NULL, lease);
}

MMIOD_EXPORT int mmiod_lease_identity(const struct mmiod_lease *lease, char *text, size_t size)
{
	struct stat status;
	int length;

	if (!lease->simulated) {
		length = snprintf(text, size, "%llu", (unsigned long long)lease->id);
	} else if (fstat(lease->fd, &status) < 0) {
		return lease_fail(lease, -errno, "lease %llu: %s", (unsigned long long)lease->id,
				  strerror(errno));
	} else {
		length = snprintf(text, size, "%llu.%llu+0x%llx", (unsigned long long)status.st_dev,
				  (unsigned long long)status.st_ino,
				  (unsigned long long)lease->map_offset);
	}
	return length >= 0 && (size_t)length < size
		       ? 0
		       : lease_fail(lease, -ERANGE, "%zu bytes are too few for the identity", size);
}
