/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_mapping: a window, or a part of it, in the program's address space.
 *
 * It needs its lease's file only to be populated later, so it outlives the lease. Device memory
 * ignores MAP_POPULATE, MADV_POPULATE_* and mlock(): only the module's own POPULATE builds its page
 * tables.
 */
#include "access/access.h"
#include "base/process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int check_range(const struct mmiod_lease *lease, uint64_t offset, size_t length)
{
	size_t page = mmiod_page_size();

	if (!lease->mappable)
		return lease_fail(lease, -EINVAL,
				  "lease %llu does not own whole pages of %zu bytes, or is of I/O "
				  "ports: only mediated access reaches it",
				  (unsigned long long)lease->id, page);
	if (offset % page)
		return lease_fail(lease, -EINVAL,
				  "offset 0x%llx is not a multiple of the page size 0x%zx",
				  (unsigned long long)offset, page);
	if (!length || offset > lease->length || length > lease->length - offset)
		return lease_fail(lease, -EINVAL,
				  "0x%zx bytes at offset 0x%llx leave the window of 0x%llx bytes",
				  length, (unsigned long long)offset,
				  (unsigned long long)lease->length);
	return 0;
}

static int protection(const struct mmiod_lease *lease)
{
	return PROT_READ | (lease->rights & MMIOD_RIGHT_WRITE ? PROT_WRITE : 0);
}

static bool is_suspended(const struct mmiod_lease *lease)
{
	enum mmiod_state state;

	return !mmiod_lease_state(lease, &state) && state == MMIOD_STATE_SUSPENDED;
}

static int fail_map(const struct mmiod_lease *lease, int err)
{
	const char *why = strerror(err);

	if (err == ENODEV)
		why = "it is revoked";
	else if (err == EAGAIN)
		why = is_suspended(lease) ? "its device is suspended"
					  : "more would be locked than RLIMIT_MEMLOCK allows";
	return lease_fail(lease, -err, "lease %llu cannot be mapped: %s",
			  (unsigned long long)lease->id, why);
}

/*
 * A memory file is populated as any other; before Linux 5.14 there is no way that keeps its
 * contents: let it fault.
 */
static int populate_simulated(const struct mmiod_mapping *mapping)
{
#ifdef MADV_POPULATE_WRITE
	int advice = mapping->prot & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	if (madvise(mapping->address, mapping->length, advice) < 0 && errno != EINVAL)
		return -errno;
#endif
	return 0;
}

static int populate_window(const struct mmiod_mapping *mapping)
{
	size_t page = mmiod_page_size();
	struct mmiod_window_populate populate = {
		.size = sizeof(populate),
		.address = (uintptr_t)mapping->address,
		.length = (mapping->length + page - 1) / page * page,
		.flags = mapping->exact ? MMIOD_POPULATE_EXACT : 0,
	};

	return ioctl(mapping->user.lease->fd, MMIOD_IOC_POPULATE, &populate) < 0 ? -errno : 0;
}

MMIOD_EXPORT int mmiod_mapping_populate(struct mmiod_mapping *mapping)
{
	const struct mmiod_lease *lease = mapping->user.lease;
	int err;

	if (!lease)
		return -EBADF;
	err = lease->simulated ? populate_simulated(mapping) : populate_window(mapping);
	return err ? fail_map(lease, -err) : 0;
}

/* What was kept of a lease that may be parked, if it is of these bytes; else NULL. */
static void *take_kept(struct mmiod_lease *lease, uint64_t offset, size_t length)
{
	void *address = lease->kept.address;

	if (!address || lease->kept.offset != offset || lease->kept.length != length)
		return NULL;
	lease->kept.address = NULL;
	return address;
}

/* The next to map the same bytes of the lease finds it there, its page tables filled. */
static bool keep(const struct mmiod_mapping *mapping)
{
	struct mmiod_lease *lease = mapping->user.lease;

	if (!lease || !lease->asked || !lease->client || lease->kept.address ||
	    !lease->client->parking.ms || lease->client->owner != process_number())
		return false;
	lease->kept.address = mapping->address;
	lease->kept.offset = mapping->offset;
	lease->kept.length = mapping->length;
	return true;
}

static int map_range(struct mmiod_lease *lease, uint64_t offset, struct mmiod_mapping *mapping)
{
	void *address = take_kept(lease, offset, mapping->length);

	if (!address)
		address = mmap(NULL, mapping->length, mapping->prot, MAP_SHARED, lease->fd,
			       (off_t)(lease->map_offset + offset));
	if (address == MAP_FAILED)
		return fail_map(lease, errno);
	mapping->address = address;
	mapping->offset = offset;
	lease_use(lease, &mapping->user);
	return 0;
}

MMIOD_EXPORT int mmiod_lease_map_range(struct mmiod_lease *lease, uint64_t offset, size_t length,
				       unsigned int flags, struct mmiod_mapping **mapping)
{
	struct mmiod_mapping *made;
	int err;

	*mapping = NULL;
	if (flags & ~(MMIOD_MAP_POPULATE | MMIOD_MAP_EXACT))
		return lease_fail(
			lease, -EINVAL,
			"flags 0x%x: only MMIOD_MAP_POPULATE and MMIOD_MAP_EXACT are known", flags);
	err = check_range(lease, offset, length);
	if (!err && lease->simulated)
		err = lease_check_memory(lease, offset, length);
	if (err)
		return err;
	made = calloc(1, sizeof(*made));
	if (!made)
		return fail_map(lease, ENOMEM);
	made->length = length;
	made->prot = protection(lease);
	made->exact = flags & MMIOD_MAP_EXACT;
	made->memtype = lease->memtype;
	made->width = lease->width;
	link_init(&made->user.link);
	err = map_range(lease, offset, made);
	if (!err && flags)
		err = mmiod_mapping_populate(made);
	if (err)
		mmiod_mapping_free(made);
	else
		*mapping = made;
	return err;
}

MMIOD_EXPORT int mmiod_lease_map(struct mmiod_lease *lease, unsigned int flags,
				 struct mmiod_mapping **mapping)
{
	*mapping = NULL;
	if (lease->length > SIZE_MAX)
		return fail_map(lease, ENOMEM);
	return mmiod_lease_map_range(lease, 0, (size_t)lease->length, flags, mapping);
}

MMIOD_EXPORT volatile void *mmiod_mapping_address(const struct mmiod_mapping *mapping)
{
	return mapping->address;
}

MMIOD_EXPORT size_t mmiod_mapping_length(const struct mmiod_mapping *mapping)
{
	return mapping->length;
}

MMIOD_EXPORT void mmiod_mapping_free(struct mmiod_mapping *mapping)
{
	if (!mapping)
		return;
	link_remove(&mapping->user.link);
	if (mapping->address && !keep(mapping))
		munmap(mapping->address, mapping->length);
	free(mapping);
}
