// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include "daemon/machine/pci.h"
#include "fake.h"

static struct fake *fake_of(struct backend *backend)
{
	return container_of(backend, struct fake, backend);
}

static void fake_close(struct backend *backend)
{
}

/* Its BARs are 16 MiB apart. */
static void put_on_card(const struct config_region *config, struct backend_region *region)
{
	pci_format(config->pci, region->device);
	region->pci = config->pci;
	region->bar = (uint32_t)config->bar;
	region->offset = config->offset;
	region->phys = 0x80000000 + (config->pci << 16) + 0x1000000u * region->bar + config->offset;
}

static int fake_claim(struct backend *backend, const struct config_region *config,
		      struct backend_region *region, struct text *why)
{
	struct fake *fake = fake_of(backend);

	if (config->device == CONFIG_DEVICE_SLOT && fake->absent & 1u << (config->pci >> 8 & 0xff))
		return -ENODEV;
	if (fake->claim_error) {
		text_add(why, "the fake says no");
		return fake->claim_error;
	}
	for (size_t i = 0; i < fake->n_regions; i++) {
		if (!strcmp(fake->regions[i].name, config->name))
			return -EEXIST;
		if (fake->exclusive_cards && fake->regions[i].pci == config->pci)
			return -EBUSY;
	}
	*region = (struct backend_region){
		.handle = ++fake->last_region,
		.device = "range",
		.length = config->length ? config->length : 1 << 20,
		.phys = config->phys,
		.bar = UINT32_MAX,
		.width = config->width,
		.generation = fake->generation,
		.revoke_on_reset = config->revoke_on_reset,
	};
	if (config->device != CONFIG_DEVICE_RANGE)
		put_on_card(config, region);
	memcpy(region->name, config->name, sizeof(region->name));
	fake->regions[fake->n_regions++] = *region;
	return 0;
}

static int fake_release(struct backend *backend, uint64_t handle)
{
	struct fake *fake = fake_of(backend);

	if (fake->release_error)
		return fake->release_error;
	for (size_t i = 0; i < fake->n_windows; i++)
		if (fake->windows[i].window.region == handle &&
		    fake->windows[i].state != MMIOD_STATE_REVOKED)
			return -EBUSY;
	for (size_t i = 0; i < fake->n_regions; i++) {
		if (fake->regions[i].handle != handle)
			continue;
		memmove(&fake->regions[i], &fake->regions[i + 1],
			(--fake->n_regions - i) * sizeof(fake->regions[0]));
		return 0;
	}
	return -ENOENT;
}

static int fake_next_region(struct backend *backend, uint64_t handle, struct backend_region *region)
{
	struct fake *fake = fake_of(backend);

	for (size_t i = 0; i < fake->n_regions; i++) {
		if (fake->regions[i].handle <= handle)
			continue;
		*region = fake->regions[i];
		return 0;
	}
	return -ENOENT;
}

static bool fake_matches(struct backend *backend, const struct backend_region *region,
			 const struct config_region *config)
{
	if (region->width != config->width || region->revoke_on_reset != config->revoke_on_reset ||
	    (config->length && region->length != config->length))
		return false;
	if (config->device == CONFIG_DEVICE_RANGE)
		return region->bar == UINT32_MAX && region->phys == config->phys;
	return region->bar == (uint32_t)config->bar && region->pci == config->pci &&
	       region->offset == config->offset;
}

/* As in the module: the list is read while the window is made. */
static int copy_extents(struct backend_window *window)
{
	struct mmiod_window_extent *copy;
	uint64_t length = 0;

	if (window->n_extents < 2)
		return 0;
	copy = calloc(window->n_extents, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (uint32_t i = 0; i < window->n_extents; i++) {
		copy[i] = window->extents[i];
		length += copy[i].length;
	}
	cr_assert_eq(length, window->length, "the sum is the window's length");
	window->offset = 0;
	window->extents = copy;
	return 0;
}

static void free_extents(const struct backend_window *window)
{
	if (window->n_extents > 1)
		free((void *)window->extents);
}

static int fake_create(struct backend *backend, const struct backend_window *window,
		       struct backend_created *created)
{
	struct fake *fake = fake_of(backend);
	struct backend_window made = *window;
	int error = fake->create_error;

	created->conflict = fake->create_conflict;
	if (error && !fake->creates_left) {
		if (fake->create_failures && --fake->create_failures == 0)
			fake->create_error = 0;
		return error;
	}
	fake->creates_left -= fake->creates_left > 0;
	if (fake->n_windows == FAKE_MAX)
		return -ENOSPC;
	created->extents_are_short = fake->max_extents && window->n_extents > fake->max_extents;
	if (created->extents_are_short)
		return -ENOSPC;
	if (copy_extents(&made) < 0)
		return -ENOMEM;
	created->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (created->fd < 0) {
		error = -errno;
		free_extents(&made);
		return error;
	}
	created->id = ++fake->last_window;
	created->map_offset = 0;
	fake->windows[fake->n_windows++] =
		(struct backend_ledger){ .id = created->id, .window = made };
	return 0;
}

static bool meets(const struct mmiod_window_extent *extent, uint64_t offset, uint64_t length)
{
	return extent->offset < offset + length && offset < extent->offset + extent->length;
}

static bool window_meets(const struct backend_window *window, uint64_t offset, uint64_t length)
{
	const struct mmiod_window_extent whole = { window->offset, window->length };

	if (window->n_extents < 2)
		return meets(&whole, offset, length);
	for (uint32_t i = 0; i < window->n_extents; i++)
		if (meets(&window->extents[i], offset, length))
			return true;
	return false;
}

const struct backend_ledger *fake_window_at(const struct fake *fake, uint64_t region,
					    uint64_t offset, uint64_t length)
{
	for (size_t i = 0; i < fake->n_windows; i++) {
		const struct backend_ledger *entry = &fake->windows[i];

		if (entry->state != MMIOD_STATE_REVOKED && entry->window.region == region &&
		    window_meets(&entry->window, offset, length))
			return entry;
	}
	return NULL;
}

/* The first with an id above this, or the end. Quick, for tests count what the daemon does. */
static struct backend_ledger *window_above(struct fake *fake, uint64_t id)
{
	size_t low = 0, high = fake->n_windows;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (fake->windows[middle].id > id)
			high = middle;
		else
			low = middle + 1;
	}
	return &fake->windows[low];
}

struct backend_ledger *fake_window(struct fake *fake, uint64_t id)
{
	struct backend_ledger *window = window_above(fake, id - 1);

	return window < fake->windows + fake->n_windows && window->id == id ? window : NULL;
}

static int fake_create_buffer(struct backend *backend, const struct backend_buffer *buffer,
			      struct backend_created *created)
{
	struct fake *fake = fake_of(backend);
	struct backend_window window = {
		.length = buffer->length,
		.memtype = MMIOD_MEMTYPE_WB,
		.rights = buffer->rights,
	};
	int r;

	memcpy(window.tag, buffer->tag, sizeof(window.tag));
	if (buffer->device_file) {
		window.device_file = buffer->device_file;
		window.iova = buffer->iova ? buffer->iova : fake->last_iova + 0x100000;
	}
	r = fake_create(backend, &window, created);
	created->iova = r < 0 ? fake->free_iova : window.iova;
	if (r < 0)
		return r;
	fake->last_iova = window.iova;
	fake->buffers[created->id % FAKE_MAX] = *buffer;
	return 0;
}

static int fake_buffer_info(struct backend *backend, uint64_t id, uint64_t page,
			    struct mmiod_buffer_info *info)
{
	if (!fake_window(fake_of(backend), id))
		return -ENOENT;
	*info = fake_of(backend)->info;
	if (page >= 16)
		return -EINVAL;
	info->page = page;
	return 0;
}

/* Like the module, it lets nobody wipe below a window that lives. */
static int fake_wipe(struct backend *backend, uint64_t region, enum mmiod_memtype cache,
		     uint64_t offset, uint64_t length)
{
	struct fake *fake = fake_of(backend);

	cr_assert_null(fake_window_at(fake, region, offset, length), "wiped below a window");
	if (fake->wipe_error)
		return fake->wipe_error;
	fake->wipes[fake->n_wipes++ % FAKE_MAX] = (struct fake_wipe){ offset, length };
	return 0;
}

/* By a window of its own, as in the module. */
static int fake_write(struct backend *backend, uint64_t region, uint64_t owner,
		      enum mmiod_memtype cache, const struct config_write *write)
{
	struct fake *fake = fake_of(backend);
	int error = fake->write_error, fd;

	if (error && fake->write_failures && --fake->write_failures == 0)
		fake->write_error = 0;
	if (error)
		return error;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close(fd);
	fake_event(fake, MMIOD_CONTROL_WINDOW_RELEASED, 0, UINT64_MAX);
	fake->write_regions[fake->n_writes % FAKE_MAX] = region;
	fake->write_owners[fake->n_writes % FAKE_MAX] = owner;
	for (size_t i = 0; i < fake->n_regions; i++)
		if (fake->regions[i].handle == region)
			fake->write_phys[fake->n_writes % FAKE_MAX] = fake->regions[i].phys;
	fake->writes[fake->n_writes++ % FAKE_MAX] = *write;
	return 0;
}

static int fake_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	struct fake *fake = fake_of(backend);
	struct backend_ledger *window = fake_window(fake, id);

	if (fake->state_error)
		return fake->state_error;
	if (!window)
		return -ENOENT;
	window->state = state;
	fake_event(fake, MMIOD_CONTROL_WINDOW_STATE, state, id);
	return 0;
}

static int fake_revoke(struct backend *backend, uint64_t id)
{
	struct fake *fake = fake_of(backend);
	struct backend_ledger *window = fake_window(fake, id);

	if (!fake->later || fake->state_error || !window)
		return fake_set_state(backend, id, MMIOD_STATE_REVOKED);
	window->state = MMIOD_STATE_REVOKED;
	return 1;
}

static int next_of_kind(struct fake *fake, uint64_t id, enum mmiod_lease_kind kind,
			struct backend_ledger *entry)
{
	const struct backend_ledger *window = window_above(fake, id);

	while (window < fake->windows + fake->n_windows && window->kind != kind)
		window++;
	if (window == fake->windows + fake->n_windows)
		return -ENOENT;
	*entry = *window;
	entry->window.extents = NULL; /* the ledger has their number alone */
	return 0;
}

static int fake_next_window(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return next_of_kind(fake_of(backend), id, MMIOD_KIND_WINDOW, entry);
}

static int fake_read_extents(struct backend *backend, uint64_t id,
			     struct mmiod_window_extent *extents, uint32_t n)
{
	const struct backend_ledger *window = fake_window(fake_of(backend), id);

	if (fake_of(backend)->extents_error)
		return fake_of(backend)->extents_error;
	cr_assert_not_null(window);
	cr_assert_eq(window->window.n_extents, n);
	memcpy(extents, window->window.extents, n * sizeof(*extents));
	return 0;
}

static int fake_next_interrupt(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return next_of_kind(fake_of(backend), id, MMIOD_KIND_INTERRUPT, entry);
}

static struct backend_device *fake_device(struct fake *fake, uint64_t number)
{
	for (size_t i = 0; i < fake->n_devices; i++)
		if (fake->devices[i].number == number)
			return &fake->devices[i];
	return NULL;
}

static int fake_find_device(struct backend *backend, const struct config_function *config,
			    struct backend_device *device, struct text *why)
{
	struct fake *fake = fake_of(backend);
	struct backend_device *found = fake_device(fake, config->pci);

	if (fake->absent & 1u << (config->pci >> 8 & 0xff)) {
		text_add(why, "the fake has no such card");
		return -ENODEV;
	}
	if (!found) {
		cr_assert_lt(fake->n_devices, array_size(fake->devices));
		found = &fake->devices[fake->n_devices++];
	}
	*found = (struct backend_device){
		.number = config->pci,
		.flags = MMIOD_FUNCTION_INTX,
		.generation = 1,
		.group = 7,
		.msi_vectors = fake->msi_vectors,
		.msix_vectors = fake->msix_vectors,
	};
	pci_format(config->pci, found->address);
	*device = *found;
	return 0;
}

static int fake_next_device(struct backend *backend, uint64_t number, struct backend_device *device)
{
	struct backend_device *found = fake_device(fake_of(backend), number);

	if (!found)
		return -ENOENT;
	found->reset_us = fake_of(backend)->reset_us;
	*device = *found;
	return 0;
}

static int fake_create_interrupt(struct backend *backend, const struct backend_interrupt *interrupt,
				 struct backend_created *created)
{
	struct fake *fake = fake_of(backend);
	struct backend_window window = { .rights = MMIOD_RIGHT_READ };
	struct backend_ledger *entry;
	int r;

	memcpy(window.tag, interrupt->tag, sizeof(window.tag));
	r = fake_create(backend, &window, created);
	if (r < 0)
		return r;
	created->vectors = interrupt->vectors;
	entry = fake_window(fake, created->id);
	entry->kind = MMIOD_KIND_INTERRUPT;
	entry->vector = (struct backend_vector){
		.device = interrupt->device,
		.kind = interrupt->kind,
		.vector = interrupt->vector,
	};
	fake->interrupts[created->id % FAKE_MAX] = *interrupt;
	return 0;
}

static int fake_open_device(struct backend *backend, const struct backend_operation *operation,
			    struct backend_created *created)
{
	struct fake *fake = fake_of(backend);
	struct backend_window window = { .rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE };
	struct backend_ledger *entry;
	int r;

	created->conflict = fake->create_conflict;
	if (fake->open_error)
		return fake->open_error;
	memcpy(window.tag, operation->tag, sizeof(window.tag));
	r = fake_create(backend, &window, created);
	if (r < 0)
		return r;
	entry = fake_window(fake, created->id);
	entry->kind = MMIOD_KIND_DEVICE;
	entry->operated = (struct backend_operated){
		.device = operation->device,
		.rights = operation->rights,
		.flags = operation->flags,
	};
	fake->operations[created->id % FAKE_MAX] = *operation;
	return 0;
}

static int fake_next_operation(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return next_of_kind(fake_of(backend), id, MMIOD_KIND_DEVICE, entry);
}

static void fake_read_events(struct backend *backend,
			     void (*event)(void *data, const struct mmiod_control_event *event),
			     void *data)
{
	struct fake *fake = fake_of(backend);

	while (fake->n_events) {
		struct mmiod_control_event first = fake->events[0];

		memmove(&fake->events[0], &fake->events[1], --fake->n_events * sizeof(first));
		event(data, &first);
	}
}

static int fake_translate(struct backend *backend, struct mmiod_translate *translate)
{
	struct fake *fake = fake_of(backend);
	struct mmiod_translate asked = *translate;

	if (fake->translating)
		fake->translating(fake);
	if (fake->translate_error)
		return fake->translate_error;
	*translate = fake->translation;
	translate->pid = asked.pid;
	translate->address = asked.address;
	return 0;
}

static int fake_page(struct backend *backend, struct mmiod_page *page)
{
	uint64_t pfn = page->pfn;

	*page = fake_of(backend)->page;
	page->pfn = pfn;
	return 0;
}

static void fake_rescan(struct backend *backend)
{
	fake_of(backend)->rescans++;
}

static const struct backend_ops fake_ops = {
	.kind = MMIOD_BACKEND_MODULE,
	.close = fake_close,
	.claim = fake_claim,
	.release = fake_release,
	.next_region = fake_next_region,
	.matches = fake_matches,
	.create = fake_create,
	.create_buffer = fake_create_buffer,
	.buffer_info = fake_buffer_info,
	.wipe = fake_wipe,
	.write = fake_write,
	.set_state = fake_set_state,
	.revoke = fake_revoke,
	.next_window = fake_next_window,
	.read_extents = fake_read_extents,
	.find_device = fake_find_device,
	.next_device = fake_next_device,
	.create_interrupt = fake_create_interrupt,
	.next_interrupt = fake_next_interrupt,
	.open_device = fake_open_device,
	.next_operation = fake_next_operation,
	.read_events = fake_read_events,
	.rescan = fake_rescan,
	.translate = fake_translate,
	.page = fake_page,
};

void fake_init(struct fake *fake)
{
	*fake = (struct fake){
		.backend = { .ops = &fake_ops,
			     .event_fd = -1,
			     .abi = 1,
			     .load = 1,
			     .knows_extents = true },
		.generation = 1,
		.msi_vectors = 1,
		.msix_vectors = 64,
	};
}

void fake_reload(struct fake *fake)
{
	uint64_t load = fake->backend.load + 1;

	fake_init(fake);
	fake->backend.load = load;
}

/* As in the module: what does not fit is lost, and OVERFLOW says so. */
void fake_event(struct fake *fake, uint32_t type, uint32_t value, uint64_t id)
{
	struct mmiod_control_event event = { .type = type, .value = value, .id = id };

	size_t most = fake->most_events ? fake->most_events : FAKE_MAX;

	if (fake->n_events == most - 1)
		event = (struct mmiod_control_event){ .type = MMIOD_CONTROL_OVERFLOW };
	if (fake->n_events < most)
		fake->events[fake->n_events++] = event;
}

void fake_close_window(struct fake *fake, uint64_t id)
{
	struct backend_ledger *window = fake_window(fake, id);
	size_t i;

	cr_assert_not_null(window);
	free_extents(&window->window);
	i = (size_t)(window - fake->windows);
	memmove(window, window + 1, (--fake->n_windows - i) * sizeof(*window));
	fake_event(fake, MMIOD_CONTROL_WINDOW_RELEASED, 0, id);
}

void fake_finish(struct fake *fake, uint64_t id)
{
	fake_event(fake, MMIOD_CONTROL_WINDOW_STATE, MMIOD_STATE_REVOKED, id);
}

static struct backend_region *region_named(struct fake *fake, const char *name)
{
	size_t i = 0;

	while (i < fake->n_regions && strcmp(fake->regions[i].name, name) != 0)
		i++;
	cr_assert_lt(i, fake->n_regions, "no region %s", name);
	return &fake->regions[i];
}

/* The module is ending a region: it is listed as revoked until its last window is. */
void fake_begin_removal(struct fake *fake, const char *name)
{
	struct backend_region *region = region_named(fake, name);

	region->state = MMIOD_STATE_REVOKED;
	for (size_t i = 0; i < fake->n_windows; i++)
		if (fake->windows[i].window.region == region->handle)
			fake_set_state(&fake->backend, fake->windows[i].id, MMIOD_STATE_REVOKED);
}

/*
 * In the module's order: first the windows are revoked, then the region is forgotten and its end
 * told.
 */
void fake_remove_device(struct fake *fake, const char *name)
{
	uint64_t handle = region_named(fake, name)->handle;

	fake_begin_removal(fake, name);
	cr_assert_eq(fake_release(&fake->backend, handle), 0);
	fake_event(fake, MMIOD_CONTROL_REGION_GONE, MMIOD_WINDOW_REVOKED, handle);
}

/* In the module's order: the function is listed no more when its interrupts are revoked. */
void fake_remove_function(struct fake *fake, uint64_t number)
{
	struct backend_device *device = fake_device(fake, number);

	cr_assert_not_null(device);
	*device = fake->devices[--fake->n_devices];
	for (size_t i = 0; i < fake->n_windows; i++)
		if ((fake->windows[i].kind == MMIOD_KIND_INTERRUPT &&
		     fake->windows[i].vector.device == number) ||
		    (fake->windows[i].kind == MMIOD_KIND_DEVICE &&
		     fake->windows[i].operated.device == number))
			fake_set_state(&fake->backend, fake->windows[i].id, MMIOD_STATE_REVOKED);
	fake_event(fake, MMIOD_CONTROL_DEVICE_GONE, 0, number);
}
