// SPDX-License-Identifier: MIT
/*
 * The making of a lease: the object, and its window in the backend. Both are their maker's until
 * the lease stands in the table.
 */
#include <inttypes.h>
#include <string.h>
#include "broker/tenant-note.h"
#include "lease/tag.h"
#include "machine/pci.h"
#include "request/want.h"

/* Of several extents. False: out of memory. */
static bool take_parts(struct lease *lease, const struct extent *list)
{
	const struct extent *extent;
	struct lease_parts *parts;
	uint32_t n = 0, i = 0;

	DL_COUNT(list, extent, n);
	parts = lease_parts_new(n);
	if (!parts)
		return false;
	DL_FOREACH(list, extent)
		lease_parts_set(parts, i++, extent->span.start, extent_length(extent));
	lease_take_parts(lease, parts);
	return true;
}

struct lease *want_make_lease(struct want *want)
{
	const struct mmiod_wire_want *wire = &want->wire;
	struct lease *lease = zalloc(sizeof(*lease));

	if (!lease)
		return NULL;
	if (want->extents && want->extents->next && !take_parts(lease, want->extents)) {
		free(lease);
		return NULL;
	}
	lease->region = want->region;
	lease->kind = want->lease_kind;
	lease->memory = want->memory;
	lease->allocated = want->allocated;
	lease->offset = wire->offset;
	lease->length = wire->length;
	lease->rights = wire->rights;
	lease->memtype = (enum mmiod_memtype)wire->memtype;
	lease->width = wire->width;
	lease->share = want->share;
	lease->operates = want->lease_kind == MMIOD_KIND_DEVICE ? want_operates(want) : 0;
	lease->device_lease = want->alloc.device_lease;
	lease->flags = wire->flags;
	lease->huge = want->memory == MMIOD_MEMORY_REGION && want->grant->huge;
	lease->holder = want->holder;
	lease->started_ms = clock_boot_ms();
	lease->grant = want->grant->key;
	return lease;
}

static void encode_tag(const struct lease *lease, uint8_t tag[MMIOD_TAG_SIZE])
{
	const struct tag_content content = {
		.holder = lease->holder,
		.started_ms = lease->started_ms,
		.rights = lease->rights,
		.share = lease->share,
		.flags = lease->flags,
		.memory = lease->memory,
		.allocated = lease->allocated,
		.renew = lease->time_limit && lease->time_limit->renew,
		.deadline_ms = lease->time_limit ? lease->time_limit->deadline_ms : 0,
		.lease_ms = lease->time_limit ? lease->time_limit->lease_ms : 0,
		.grant = lease->grant,
		.tenant = lease->holder.tenant,
	};

	tag_encode(&content, tag);
}

/* The sharing would do, but pages have one memory type. */
static enum mmiod_outcome name_memtype(struct want *want, const struct lease *holder)
{
	char what[64];

	snprintf(what, sizeof(what), "has memory type %s, not %s, for",
		 memtype_name(holder->memtype),
		 memtype_name((enum mmiod_memtype)want->wire.memtype));
	return want_name_holder(want, holder, what);
}

/*
 * Vectors of MSI-X are set up, and who writes their table has the device write anywhere. Whoever has
 * one of them keeps the window away.
 */
static enum mmiod_outcome name_vector(struct want *want, const struct lease *holder)
{
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	want_describe(want, &want->text);
	text_add(&want->text,
		 " has the table of MSI-X of device %s, of which vector %" PRIu64 " is held by ",
		 holder->region->name, holder->offset);
	holder_describe(want->call->broker, holder, &want->text);
	return MMIOD_E_BUSY;
}

/* He has let the device master the bus, and who writes its registers says where it writes. */
static enum mmiod_outcome name_operator(struct want *want, const struct lease *holder)
{
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	want_describe(want, &want->text);
	text_add(&want->text,
		 " may have registers that start DMA, and device %s masters the bus for ",
		 holder->region->name);
	holder_describe(want->call->broker, holder, &want->text);
	return MMIOD_E_BUSY;
}

/*
 * Which link of the chain is broken is in configuration spaces. To read one waits while its function
 * is being reset, and for a completion timeout if that is dead: whoever asks may wait, and all
 * others would with the daemon.
 */
static enum mmiod_outcome refuse_silent(struct want *want)
{
	return want_refuse(
		want, MMIOD_E_GONE,
		"the device of region %s does not answer: \"mmioctl doctor\" says whether "
		"it decodes its %s, and each bridge above it",
		want->region->name, want->region->hw.ports ? "ports" : "memory");
}

static enum mmiod_outcome refuse_create(struct want *want, int error, uint64_t conflict)
{
	const struct lease *holder =
		conflict ? lease_find(&want->call->broker->leases, conflict) : NULL;

	switch (error) {
	case -EBUSY:
		if (holder && holder->kind == MMIOD_KIND_INTERRUPT)
			return name_vector(want, holder);
		if (holder && holder->kind == MMIOD_KIND_DEVICE)
			return name_operator(want, holder);
		if (holder)
			return name_memtype(want, holder);
		return want_refuse(want, MMIOD_E_BUSY,
				   "a window with another memory type is in the way");
	case -ENODEV:
	case -ENOENT:
		return want_refuse(want, MMIOD_E_GONE, "the device of region %s has gone",
				   want->region->name);
	case -EIO:
		return refuse_silent(want);
	case -EINVAL:
		return want_refuse(want, MMIOD_E_INVALID, "the module refuses such a window");
	case -EOPNOTSUPP:
		return want_refuse(want, MMIOD_E_UNSUPPORTED,
				   "this memory type cannot be had here");
	case -ENOSPC:
		if (want->created.extents_are_short)
			return want_refuse(want, MMIOD_E_QUOTA,
					   "pool %s is in pieces, and %u extents more are too many "
					   "for the module: its max_extents admits no more for all "
					   "windows of several together",
					   want->region->name, lease_extents(want->lease));
		return want_refuse(want, MMIOD_E_QUOTA,
				   "the module has as many windows as max_windows admits");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return want_refuse(want, MMIOD_E_RESOURCES, "no window: %s", strerror(-error));
	default:
		return want_refuse(want, MMIOD_E_INTERNAL, "no window: %s", strerror(-error));
	}
}

/* Says what a device cannot do that is to write to a buffer. */
static enum mmiod_outcome refuse_dma(struct want *want, int error)
{
	const char *region = want->alloc.region;

	switch (error) {
	case -ENODEV:
		return want_refuse(want, MMIOD_E_GONE, "the device of region %s has gone", region);
	case -EIO:
		return want_refuse(want, MMIOD_E_GONE,
				   "the device of region %s has not come back from an error on its "
				   "bus: it must be bound anew",
				   region);
	case -EBUSY:
		return want_refuse(want, MMIOD_E_BUSY,
				   "the device of region %s has buffers that were made with other "
				   "\"dma-bits\", of another of its regions or before a reload; or "
				   "interrupts of it rest on the IOMMU letting it write to nothing",
				   region);
	case -ENOSPC:
		return want_refuse(
			want, MMIOD_E_QUOTA,
			"64 MiB of released memory wait until the device of region %s can "
			"no longer write to them, or the module has as many windows as "
			"max_windows admits",
			region);
	case -EOPNOTSUPP:
		return want_refuse(
			want, MMIOD_E_UNSUPPORTED,
			"this machine has no memory that the device of region %s reaches "
			"with so few \"dma-bits\", or other functions share its group of the "
			"IOMMU",
			region);
	case -EPERM:
		return want_refuse(
			want, MMIOD_E_DENIED,
			"the kernel is locked down, and no IOMMU bounds what the device of "
			"region %s may write to",
			region);
	default:
		return refuse_create(want, error, 0);
	}
}

/* Memory of the kernel's kinds that this machine cannot have is known only to its kernel. */
static enum mmiod_outcome refuse_buffer(struct want *want, int error)
{
	int outcome = want->alloc.device_lease ? want_refuse_dma(want, error) : -1;

	if (outcome >= 0)
		return (enum mmiod_outcome)outcome;
	if (error == -EINVAL)
		return want_refuse(want, MMIOD_E_INVALID,
				   "the kernel has no such memory: 0x%" PRIx64
				   " bytes are more than the machine has, there is no node %d, or "
				   "no zone ends at or below 0x%" PRIx64,
				   want->wire.length, want->alloc.node, want->alloc.high);
	return want->memory == MMIOD_MEMORY_DMA ? refuse_dma(want, error)
						: refuse_create(want, error, 0);
}

/* Of a lease of several; NULL: out of memory. */
static struct mmiod_window_extent *list_extents(const struct lease *lease)
{
	struct mmiod_window_extent *extents = calloc(lease->parts->n, sizeof(*extents));

	for (uint32_t i = 0; extents && i < lease->parts->n; i++)
		extents[i] = lease_extent(lease, i);
	return extents;
}

static int create_window(struct want *want)
{
	const struct lease *lease = want->lease;
	_cleanup_(freep) struct mmiod_window_extent *extents =
		lease->parts ? list_extents(lease) : NULL;
	struct backend *backend = want->call->broker->backend;
	struct backend_window window = {
		.region = want->region->hw.handle,
		.offset = lease->offset,
		.length = lease->length,
		.memtype = lease->memtype,
		.width = lease->width,
		.rights = lease->rights,
		.flags = lease->flags,
		.owner = want_owner(want),
		.huge = lease->huge,
		.n_extents = lease_extents(lease),
		.extents = extents,
	};

	int r;

	if (lease->parts && !extents)
		return -ENOMEM;
	encode_tag(lease, window.tag);
	do
		r = backend->ops->create(backend, &window, &want->created);
	while (r == -EBUSY && (want_end_guest(want, want->created.conflict) ||
			       want_take_window(want, want->created.conflict)));
	return r;
}

static int create_buffer(struct want *want)
{
	struct lease *lease = want->lease;
	struct backend *backend = want->call->broker->backend;
	struct backend_buffer buffer = {
		.memory = lease->memory,
		.length = lease->length,
		.limit = want->alloc.high,
		.pci = want->pci,
		.dma_bits = want->dma_bits,
		.device_file = lease->device_lease,
		.iova = want->alloc.iova,
		.dma_flags = want->alloc.dma_flags,
		.flags = want->alloc.flags,
		.zone = (enum mmiod_memory_zone)want->alloc.zone,
		.node = want->alloc.node,
		.rights = lease->rights,
	};

	int r;

	encode_tag(lease, buffer.tag);
	r = backend->ops->create_buffer(backend, &buffer, &want->created);
	lease->iova = want->created.iova;
	return r;
}

/* Nobody had the window, so its blocks are as clean as they were, and nobody is told. */
void want_untake(struct want *want)
{
	struct broker *broker = want->call->broker;

	if (want->created.fd < 0)
		return;
	turn_spend(&broker->host, WORK_WINDOW);
	broker->backend->ops->set_state(broker->backend, want->created.id, MMIOD_STATE_REVOKED);
	safe_state_forget(broker, want->created.id, want->lease);
	tenant_note_remove(broker, want->created.id, want->lease);
	close(steal_fd(&want->created.fd));
	broker->n_untold--;
	lease_strip(want->lease);
}

/* A file that is no window: of a vector or of a device. */
static enum mmiod_outcome create_handle(struct want *want)
{
	uint8_t tag[MMIOD_TAG_SIZE];
	enum mmiod_outcome outcome;
	int r;

	encode_tag(want->lease, tag);
	outcome = want->lease->kind == MMIOD_KIND_DEVICE ? want_open_device(want, tag)
							 : want_create_interrupt(want, tag);
	if (outcome != MMIOD_OK)
		return outcome;
	r = tenant_note_write(want->call->broker, want->created.id, want->lease);
	if (r == 0)
		return MMIOD_OK;
	want_untake(want);
	return want_refuse(want, MMIOD_E_RESOURCES, "whose lease it is cannot be noted: %s",
			   strerror(-r));
}

/* The window's file then is the want's, and there is a note on what is to be done at its end. */
enum mmiod_outcome want_create(struct want *want)
{
	struct broker *broker = want->call->broker;
	struct lease *lease = want->lease;
	bool buffer = lease->memory != MMIOD_MEMORY_REGION;
	int r;

	turn_spend(&broker->host, WORK_WINDOW);
	if (!lease_has_window(lease))
		return create_handle(want);
	r = buffer ? create_buffer(want) : create_window(want);
	if (r < 0) {
		want->created.fd = -1;
		return buffer ? refuse_buffer(want, r)
			      : refuse_create(want, r, want->created.conflict);
	}
	broker->n_untold++;
	r = safe_state_note(broker, want->created.id, lease);
	if (r == 0)
		r = tenant_note_write(broker, want->created.id, lease);
	if (r == 0)
		return MMIOD_OK;
	want_untake(want);
	return want_refuse(want, MMIOD_E_RESOURCES,
			   "what is to be written when the lease ends, or whose it is, cannot be "
			   "noted: %s",
			   strerror(-r));
}
