/* SPDX-License-Identifier: MIT */
/*
 * Mediated access: the kernel does it, one bus access per element, and answers -ENODEV where a load
 * would raise SIGBUS.
 *
 * In simulation the window's file is a memory file that knows no such call. There the library maps
 * what it needs for a moment and keeps the module's rules (bounds, alignment, declared width)
 * itself, so that a program developed in simulation meets the same errors; under a guard, as the
 * file may be cut short at any moment.
 */
#include "lease/lease.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* The rules of MMIOD_IOC_ACCESS. Bulk: width 0, count in bytes. */
struct access {
	const struct mmiod_lease *lease;
	enum mmiod_access_op op;
	uint64_t offset;
	uint64_t count;
	unsigned int width;
	uint8_t value;
	void *buffer;
};

static bool writes(const struct access *access)
{
	return access->op != MMIOD_ACCESS_READ && access->op != MMIOD_ACCESS_COPY_FROM;
}

static uint64_t element_size(const struct access *access)
{
	return access->width ? access->width : 1;
}

static int check_width(const struct access *access)
{
	const struct mmiod_lease *lease = access->lease;
	unsigned int width = access->width;
	bool bulk = access->op >= MMIOD_ACCESS_COPY_FROM;

	if (!bulk && width != 1 && width != 2 && width != 4 && width != 8)
		return lease_fail(lease, -EINVAL, "%u bytes: an access has 1, 2, 4 or 8 bytes",
				  width);
	if (lease->width && bulk)
		return lease_fail(lease, -EINVAL,
				  "its registers are %u bits wide: no bulk copy or fill",
				  lease->width * 8);
	if (lease->width && lease->width != width)
		return lease_fail(lease, -EINVAL,
				  "an access of %u bits: the registers here are %u bits wide",
				  width * 8, lease->width * 8);
	if (!bulk && (lease_start(lease) + access->offset) % width)
		return lease_fail(lease, -EINVAL,
				  "offset 0x%llx is not a multiple of %u bytes, the width",
				  (unsigned long long)access->offset, width);
	return 0;
}

static int check_rules(const struct access *access)
{
	const struct mmiod_lease *lease = access->lease;
	int err = check_width(access);

	if (err)
		return err;
	if (access->offset > lease->length ||
	    access->count > (lease->length - access->offset) / element_size(access))
		return lease_fail(
			lease, -EINVAL,
			"%llu times %llu bytes at offset 0x%llx leave the window of 0x%llx bytes",
			(unsigned long long)access->count, (unsigned long long)element_size(access),
			(unsigned long long)access->offset, (unsigned long long)lease->length);
	if (writes(access) && !(lease->rights & MMIOD_RIGHT_WRITE))
		return lease_fail(lease, -EBADF, "lease %llu is read-only",
				  (unsigned long long)lease->id);
	return 0;
}

/* ---- simulation ---- */

static void load(void *to, const volatile void *from, unsigned int width)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} value;

	switch (width) {
	case 1:
		value.u8 = mmiod_read8(from);
		break;
	case 2:
		value.u16 = mmiod_read16(from);
		break;
	case 4:
		value.u32 = mmiod_read32(from);
		break;
	default:
		value.u64 = mmiod_read64(from);
	}
	memcpy(to, &value, width);
}

static void store(volatile void *to, const void *from, unsigned int width)
{
	union {
		uint8_t u8;
		uint16_t u16;
		uint32_t u32;
		uint64_t u64;
	} value;

	memcpy(&value, from, width);
	switch (width) {
	case 1:
		mmiod_write8(to, value.u8);
		break;
	case 2:
		mmiod_write16(to, value.u16);
		break;
	case 4:
		mmiod_write32(to, value.u32);
		break;
	default:
		mmiod_write64(to, value.u64);
	}
}

static void perform(const struct access *access, volatile uint8_t *window)
{
	uint8_t *buffer = access->buffer;

	switch (access->op) {
	case MMIOD_ACCESS_READ:
		for (size_t i = 0; i < access->count; i++)
			load(buffer + i * access->width, window + i * access->width, access->width);
		break;
	case MMIOD_ACCESS_WRITE:
		for (size_t i = 0; i < access->count; i++)
			store(window + i * access->width, buffer + i * access->width,
			      access->width);
		break;
	case MMIOD_ACCESS_COPY_FROM:
		mmiod_copy_from_window(buffer, window, access->count);
		break;
	case MMIOD_ACCESS_COPY_TO:
		mmiod_copy_to_window(window, buffer, access->count);
		break;
	case MMIOD_ACCESS_FILL:
		for (size_t i = 0; i < access->count; i++)
			mmiod_write8(window + i, access->value);
	}
}

struct performance {
	const struct access *access;
	volatile uint8_t *window;
};

static int perform_guarded(void *argument)
{
	const struct performance *performance = argument;

	perform(performance->access, performance->window);
	return 0;
}

static int access_simulated(const struct access *access)
{
	const struct mmiod_lease *lease = access->lease;
	uint64_t start = lease->map_offset + access->offset;
	uint64_t base = start & ~(uint64_t)(mmiod_page_size() - 1);
	size_t length = (size_t)(start - base + access->count * element_size(access));
	int prot = writes(access) ? PROT_READ | PROT_WRITE : PROT_READ;
	int err = check_rules(access);
	struct performance performance = { .access = access };
	char *page;

	if (!err)
		err = lease_check_memory(lease, access->offset,
					 access->count * element_size(access));
	if (err || !access->count)
		return err;
	page = mmap(NULL, length, prot, MAP_SHARED, lease->fd, (off_t)base);
	if (page == MAP_FAILED)
		return lease_fail(lease, -errno, "lease %llu: mmap: %s",
				  (unsigned long long)lease->id, strerror(errno));
	performance.window = (volatile uint8_t *)page + (start - base);
	err = mmiod_guard(perform_guarded, &performance);
	munmap(page, length);
	return err ? lease_fail(lease, err, "lease %llu: the file behind its region was cut short",
				(unsigned long long)lease->id)
		   : 0;
}

/* ---- the module ---- */

/* The module says EINVAL; which rule was broken the library can tell. */
static int fail_access(const struct access *access, int err)
{
	const struct mmiod_lease *lease = access->lease;
	unsigned long long id = lease->id;

	switch (err) {
	case ENODEV:
		return lease_fail(lease, -err, "lease %llu is revoked or its device is gone", id);
	case EAGAIN:
		return lease_fail(lease, -err, "the device of lease %llu is suspended", id);
	case EBADF:
		return lease_fail(lease, -err, "lease %llu is read-only", id);
	case EINVAL:
		if (check_rules(access))
			return -err;
		return lease_fail(lease, -err, "lease %llu: the module refuses the access", id);
	default:
		return lease_fail(lease, -err, "lease %llu: %s", id, strerror(err));
	}
}

static int access_window(const struct access *access)
{
	struct mmiod_window_access request = {
		.size = sizeof(request),
		.op = access->op,
		.offset = access->offset,
		.count = access->count,
		.width = access->width,
		.value = access->value,
		.buffer = (uintptr_t)access->buffer,
	};

	if (access->lease->simulated)
		return access_simulated(access);
	if (ioctl(access->lease->fd, MMIOD_IOC_ACCESS, &request) < 0)
		return fail_access(access, errno);
	return 0;
}

MMIOD_EXPORT int mmiod_lease_read(struct mmiod_lease *lease, uint64_t offset, unsigned int width,
				  size_t count, void *buffer)
{
	struct access access = { .lease = lease,
				 .op = MMIOD_ACCESS_READ,
				 .offset = offset,
				 .count = count,
				 .width = width,
				 .buffer = buffer };

	return access_window(&access);
}

MMIOD_EXPORT int mmiod_lease_write(struct mmiod_lease *lease, uint64_t offset, unsigned int width,
				   size_t count, const void *buffer)
{
	struct access access = { .lease = lease,
				 .op = MMIOD_ACCESS_WRITE,
				 .offset = offset,
				 .count = count,
				 .width = width,
				 .buffer = (void *)buffer };

	return access_window(&access);
}

MMIOD_EXPORT int mmiod_lease_fill(struct mmiod_lease *lease, uint64_t offset, size_t length,
				  uint8_t value)
{
	struct access access = { .lease = lease,
				 .op = MMIOD_ACCESS_FILL,
				 .offset = offset,
				 .count = length,
				 .value = value };

	return access_window(&access);
}

MMIOD_EXPORT int mmiod_lease_copy_from(struct mmiod_lease *lease, uint64_t offset, void *buffer,
				       size_t length)
{
	struct access access = { .lease = lease,
				 .op = MMIOD_ACCESS_COPY_FROM,
				 .offset = offset,
				 .count = length,
				 .buffer = buffer };

	return access_window(&access);
}

MMIOD_EXPORT int mmiod_lease_copy_to(struct mmiod_lease *lease, uint64_t offset, const void *buffer,
				     size_t length)
{
	struct access access = { .lease = lease,
				 .op = MMIOD_ACCESS_COPY_TO,
				 .offset = offset,
				 .count = length,
				 .buffer = (void *)buffer };

	return access_window(&access);
}
