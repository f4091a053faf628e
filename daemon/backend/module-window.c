// SPDX-License-Identifier: MIT
/*
 * Windows of the module, buffers among them. A window that is made here belongs to whoever holds
 * its file; those that wipe or write are the daemon's own, and gone when the call returns.
 */
#include <endian.h>
#include <string.h>
#include <sys/ioctl.h>
#include "backend/module.h"
#include "base/util.h"

/* A module that does not know of owners, which no feature tells, refuses to be told of one. */
static int create_for(struct backend *backend, struct mmiod_window_create *create, uint64_t owner)
{
	struct module *module = container_of(backend, struct module, backend);
	int r;

	create->owner = module->knows_owners ? owner : 0;
	r = module_control(backend, MMIOD_IOC_WINDOW_CREATE, create);
	if (r != -E2BIG || !create->owner)
		return r;
	module->knows_owners = false;
	create->owner = 0;
	return module_control(backend, MMIOD_IOC_WINDOW_CREATE, create);
}

/* Whether so many more extents are too many for the module, and not just one more window. */
static bool are_too_many(struct backend *backend, uint32_t n)
{
	struct mmiod_control_info info = { .size = sizeof(info) };

	return n > 1 && module_control(backend, MMIOD_IOC_INFO, &info) == 0 &&
	       (uint64_t)info.extents + n > info.max_extents;
}

int module_create(struct backend *backend, const struct backend_window *window,
		  struct backend_created *created)
{
	struct mmiod_window_create create = {
		.size = sizeof(create),
		.region_id = window->region,
		.offset = window->offset,
		.length = window->length,
		.attr = (uint32_t)window->memtype,
		.width = window->width,
	};
	int r;

	if (window->n_extents > 1) {
		create.offset = 0;
		create.nr_extents = window->n_extents;
		create.extents = (uintptr_t)window->extents;
	}
	if (!(window->rights & MMIOD_RIGHT_WRITE))
		create.flags |= MMIOD_WINDOW_READONLY;
	if (window->flags & MMIOD_LEASE_DUMMY)
		create.flags |= MMIOD_WINDOW_DUMMY;
	if (window->huge)
		create.flags |= MMIOD_WINDOW_HUGE;
	memcpy(create.tag, window->tag, sizeof(create.tag));
	r = create_for(backend, &create, window->owner);
	created->conflict = create.conflict_id;
	created->extents_are_short = r == -ENOSPC && are_too_many(backend, window->n_extents);
	if (r < 0)
		return r;
	created->id = create.window_id;
	created->fd = create.fd;
	created->map_offset = 0;
	return 0;
}

int module_create_buffer(struct backend *backend, const struct backend_buffer *buffer,
			 struct backend_created *created)
{
	struct mmiod_buffer_create create = {
		.size = sizeof(create),
		.kind = (uint32_t)buffer->memory,
		.zone = (uint32_t)buffer->zone,
		.node = buffer->node,
		.pci = (uint32_t)buffer->pci,
		.domain_high = (uint32_t)(buffer->pci >> 32),
		.dma_bits = buffer->dma_bits,
		.length = buffer->length,
		.limit = buffer->limit,
	};
	int r;

	if (buffer->device_file) {
		create.pci = create.domain_high = create.dma_bits = 0;
		create.device_file = buffer->device_file;
		create.iova = buffer->iova;
		create.dma_flags = buffer->dma_flags;
	}
	if (buffer->flags & MMIOD_ALLOC_CONTIGUOUS)
		create.flags |= MMIOD_BUFFER_CONTIGUOUS;
	if (buffer->flags & MMIOD_ALLOC_NOWAIT)
		create.flags |= MMIOD_BUFFER_NOWAIT;
	if (!(buffer->rights & MMIOD_RIGHT_WRITE))
		create.flags |= MMIOD_BUFFER_READONLY;
	memcpy(create.tag, buffer->tag, sizeof(create.tag));
	r = module_control(backend, MMIOD_IOC_BUFFER_CREATE, &create);
	*created = (struct backend_created){ .fd = -1, .iova = create.iova };
	if (r < 0)
		return r;
	created->id = create.window_id;
	created->fd = create.fd;
	return 0;
}

int module_buffer_info(struct backend *backend, uint64_t id, uint64_t page,
		       struct mmiod_buffer_info *info)
{
	*info = (struct mmiod_buffer_info){
		.size = sizeof(*info),
		.window_id = id,
		.page = page,
	};
	return module_control(backend, MMIOD_IOC_BUFFER_INFO, info);
}

/*
 * Through a window of the daemon's own, which nobody else ever holds: it goes with the file, so
 * also with a daemon that is killed. A client's window would not do: it may be read-only.
 */
int module_wipe(struct backend *backend, uint64_t region, enum mmiod_memtype memtype,
		uint64_t offset, uint64_t length)
{
	const struct backend_window window = {
		.region = region,
		.offset = offset,
		.length = length,
		.memtype = memtype,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	struct mmiod_window_access fill = {
		.size = sizeof(fill),
		.op = MMIOD_ACCESS_FILL,
	};
	struct backend_created created = { .fd = -1 };
	int r = module_create(backend, &window, &created);

	if (r < 0)
		return r;
	while (r == 0 && fill.offset < length) {
		fill.count = length - fill.offset;
		r = ioctl(created.fd, MMIOD_IOC_ACCESS, &fill) < 0 ? -errno : 0;
		if (r == 0 && !fill.count)
			r = -EIO;
		fill.offset += fill.count;
	}
	close(created.fd);
	return r;
}

/*
 * Through a window of the daemon's own, as for wiping: the client's is revoked or gone. As the
 * client's it is in nobody's way who operates the device for the same owner, and waits for others.
 */
int module_write(struct backend *backend, uint64_t region, uint64_t owner,
		 enum mmiod_memtype memtype, const struct config_write *write)
{
	const struct backend_window window = {
		.region = region,
		.offset = write->offset,
		.length = write->width,
		.owner = owner,
		.memtype = memtype,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	const union {
		uint64_t number;
		uint8_t bytes[8];
	} value = { .number = htole64(write->value) };
	struct mmiod_window_access access = {
		.size = sizeof(access),
		.op = MMIOD_ACCESS_WRITE,
		.count = 1,
		.width = write->width,
		.buffer = (uintptr_t)value.bytes,
	};
	struct backend_created created = { .fd = -1 };
	int r = module_create(backend, &window, &created);

	if (r < 0)
		return r;
	r = ioctl(created.fd, MMIOD_IOC_ACCESS, &access) < 0 ? -errno : 0;
	close(created.fd);
	return r == 0 && access.count != 1 ? -EIO : r;
}

int module_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	struct mmiod_window_set_state set = {
		.size = sizeof(set),
		.state = (uint32_t)state,
		.window_id = id,
	};

	return module_control(backend, MMIOD_IOC_WINDOW_SET_STATE, &set);
}

/* An older module does it at once, and this process pays for it. */
int module_revoke(struct backend *backend, uint64_t id)
{
	const struct module *module = container_of(backend, struct module, backend);
	struct mmiod_window_set_state set = {
		.size = sizeof(set),
		.state = MMIOD_WINDOW_REVOKED,
		.window_id = id,
		.flags = module->revokes_later ? MMIOD_SET_STATE_LATER : 0,
	};
	int r = module_control(backend, MMIOD_IOC_WINDOW_SET_STATE, &set);

	return r == 0 && set.flags & MMIOD_SET_STATE_LATER ? 1 : r;
}

/* They are constant while the window lives; if it goes meanwhile, that is the error. */
int module_read_extents(struct backend *backend, uint64_t id, struct mmiod_window_extent *extents,
			uint32_t n)
{
	struct mmiod_window_extents arg = {
		.size = sizeof(arg),
		.count = n,
		.window_id = id,
		.extents = (uintptr_t)extents,
	};
	int r = module_control(backend, MMIOD_IOC_WINDOW_EXTENTS, &arg);

	return r == 0 && (arg.count != n || arg.nr_extents != n) ? -EIO : r;
}

int module_next_window(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	struct mmiod_window_info info = { .size = sizeof(info), .window_id = id };
	int r = module_control(backend, MMIOD_IOC_WINDOW_NEXT, &info);
	bool writable = !(info.flags & MMIOD_WINDOW_READONLY);

	if (r < 0)
		return r;
	*entry = (struct backend_ledger){
		.id = info.window_id,
		.window = {
			.region = info.region_id,
			.offset = info.offset,
			.length = info.length,
			.memtype = (enum mmiod_memtype)info.attr,
			.width = info.width,
			.rights = MMIOD_RIGHT_READ | (writable ? MMIOD_RIGHT_WRITE : 0),
			.flags = info.flags & MMIOD_WINDOW_DUMMY ? MMIOD_LEASE_DUMMY : 0,
			.device_file = info.device_file,
			.iova = info.device_file ? info.iova : MMIOD_IOVA_NONE,
			.huge = info.flags & MMIOD_WINDOW_HUGE,
			.n_extents = info.nr_extents,
		},
		.state = (enum mmiod_state)info.state,
		.mappings = info.mappings,
		.faults = info.faults,
		.populated = info.populated,
		.reads = info.reads,
		.writes = info.writes,
	};
	memcpy(entry->fault_leaves, info.fault_leaves, sizeof(info.fault_leaves));
	memcpy(entry->populated_leaves, info.populate_leaves, sizeof(info.populate_leaves));
	memcpy(entry->window.tag, info.tag, sizeof(info.tag));
	return 0;
}
