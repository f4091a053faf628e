// SPDX-License-Identifier: MIT
/*
 * The making of a lease: the object, and its window in the backend. Both are their maker's until
 * the lease stands in the table.
 */
#include <inttypes.h>
#include <string.h>
#include "lease/tag.h"
#include "machine/pci.h"
#include "request/want.h"

struct lease *wish_make_lease(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->region = wish->region;
	lease->memory = wish->memory;
	lease->allocated = wish->allocated;
	lease->offset = want->offset;
	lease->length = want->length;
	lease->rights = want->rights;
	lease->cache = (enum mmiod_cache)want->cache;
	lease->width = want->width;
	lease->share = wish->share;
	lease->flags = want->flags;
	lease->holder = wish->holder;
	lease->started_ms = clock_boot_ms();
	lease->grant = wish->grant->key;
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
		.renew = lease->term && lease->term->renew,
		.deadline_ms = lease->term ? lease->term->deadline_ms : 0,
		.lease_ms = lease->term ? lease->term->lease_ms : 0,
		.grant = lease->grant,
	};

	tag_encode(&content, tag);
}

/* The sharing would do, but pages have one cache attribute. */
static enum mmiod_outcome name_cache(struct wish *wish, const struct lease *holder)
{
	char what[64];

	snprintf(what, sizeof(what), "is cached as %s, not %s, for", cache_name(holder->cache),
		 cache_name((enum mmiod_cache)wish->want.cache));
	return wish_name_holder(wish, holder, what);
}

/* The device does not answer: which link of the chain is broken is in the configuration space. */
static enum mmiod_outcome refuse_silent(struct wish *wish)
{
	char buffer[128] = "";
	struct text why = TEXT_ON(buffer);

	pci_explain_silence("/sys", wish->region->hw.pci, &why);
	return wish_refuse(wish, MMIOD_E_GONE, "the device of region %s does not answer: %s",
			   wish->region->name, buffer);
}

static enum mmiod_outcome refuse_create(struct wish *wish, int error, uint64_t conflict)
{
	const struct lease *holder =
		conflict ? lease_find(&wish->call->broker->leases, conflict) : NULL;

	switch (error) {
	case -EBUSY:
		if (holder)
			return name_cache(wish, holder);
		return wish_refuse(wish, MMIOD_E_BUSY,
				   "a window with another cache attribute is in the way");
	case -ENODEV:
	case -ENOENT:
		return wish_refuse(wish, MMIOD_E_GONE, "the device of region %s has gone",
				   wish->region->name);
	case -EIO:
		return refuse_silent(wish);
	case -EINVAL:
		return wish_refuse(wish, MMIOD_E_INVALID, "the module refuses such a window");
	case -EOPNOTSUPP:
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED,
				   "this cache attribute cannot be had here");
	case -ENOSPC:
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "the module has as many windows as max_windows admits");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return wish_refuse(wish, MMIOD_E_RESOURCES, "no window: %s", strerror(-error));
	default:
		return wish_refuse(wish, MMIOD_E_INTERNAL, "no window: %s", strerror(-error));
	}
}

/* What a device cannot do that is to write to a buffer. */
static enum mmiod_outcome refuse_dma(struct wish *wish, int error)
{
	const char *region = wish->alloc.region;

	switch (error) {
	case -ENODEV:
		return wish_refuse(wish, MMIOD_E_GONE, "the device of region %s has gone", region);
	case -EIO:
		return wish_refuse(wish, MMIOD_E_GONE,
				   "the device of region %s has not come back from an error on its "
				   "bus: it must be bound anew",
				   region);
	case -EBUSY:
		return wish_refuse(wish, MMIOD_E_BUSY,
				   "the device of region %s has buffers that were made with other "
				   "\"dma-bits\", of another of its regions or before a reload",
				   region);
	case -ENOSPC:
		return wish_refuse(
			wish, MMIOD_E_QUOTA,
			"64 MiB of released memory wait until the device of region %s can "
			"no longer write to them, or the module has as many windows as "
			"max_windows admits",
			region);
	case -EOPNOTSUPP:
		return wish_refuse(
			wish, MMIOD_E_UNSUPPORTED,
			"this machine has no memory that the device of region %s reaches "
			"with so few \"dma-bits\"",
			region);
	case -EPERM:
		return wish_refuse(
			wish, MMIOD_E_DENIED,
			"the kernel is locked down, and no IOMMU bounds what the device of "
			"region %s may write to",
			region);
	default:
		return refuse_create(wish, error, 0);
	}
}

/* Memory of the kernel's kinds that this machine cannot have is known only to its kernel. */
static enum mmiod_outcome refuse_buffer(struct wish *wish, int error)
{
	if (error == -EINVAL)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "the kernel has no such memory: 0x%" PRIx64
				   " bytes are more than the machine has, there is no node %d, or "
				   "no zone ends at or below 0x%" PRIx64,
				   wish->want.length, wish->alloc.node, wish->alloc.high);
	return wish->memory == MMIOD_MEMORY_DMA ? refuse_dma(wish, error)
						: refuse_create(wish, error, 0);
}

static int create_window(struct wish *wish)
{
	const struct lease *lease = wish->lease;
	struct backend *backend = wish->call->broker->backend;
	struct backend_window window = {
		.region = wish->region->hw.handle,
		.offset = lease->offset,
		.length = lease->length,
		.cache = lease->cache,
		.width = lease->width,
		.rights = lease->rights,
		.flags = lease->flags,
	};

	int r;

	encode_tag(lease, window.tag);
	do
		r = backend->ops->create(backend, &window, &wish->created);
	while (r == -EBUSY && wish_end_guest(wish, wish->created.conflict));
	return r;
}

static int create_buffer(struct wish *wish)
{
	const struct lease *lease = wish->lease;
	struct backend *backend = wish->call->broker->backend;
	struct backend_buffer buffer = {
		.memory = lease->memory,
		.length = lease->length,
		.limit = wish->alloc.high,
		.pci = wish->pci,
		.dma_bits = wish->dma_bits,
		.flags = wish->alloc.flags,
		.zone = (enum mmiod_memory_zone)wish->alloc.zone,
		.node = wish->alloc.node,
		.rights = lease->rights,
	};

	encode_tag(lease, buffer.tag);
	return backend->ops->create_buffer(backend, &buffer, &wish->created);
}

/* Nobody had the window, so its blocks are as clean as they were, and nobody is told. */
void wish_untake(struct wish *wish)
{
	struct broker *broker = wish->call->broker;

	if (wish->created.fd < 0)
		return;
	turn_spend(&broker->host, WORK_WINDOW);
	broker->backend->ops->set_state(broker->backend, wish->created.id, MMIOD_STATE_REVOKED);
	safe_state_forget(broker, wish->created.id, wish->lease);
	close(steal_fd(&wish->created.fd));
	broker->n_untold--;
	lease_strip(wish->lease);
}

/* The window's file then is the wish's, and there is a note on what is to be done at its end. */
enum mmiod_outcome wish_create(struct wish *wish)
{
	struct broker *broker = wish->call->broker;
	struct lease *lease = wish->lease;
	bool buffer = lease->memory != MMIOD_MEMORY_REGION;
	int r;

	turn_spend(&broker->host, WORK_WINDOW);
	r = buffer ? create_buffer(wish) : create_window(wish);
	if (r < 0) {
		wish->created.fd = -1;
		return buffer ? refuse_buffer(wish, r)
			      : refuse_create(wish, r, wish->created.conflict);
	}
	broker->n_untold++;
	r = safe_state_note(broker, wish->created.id, lease);
	if (r == 0)
		return MMIOD_OK;
	wish_untake(wish);
	return wish_refuse(wish, MMIOD_E_RESOURCES,
			   "what is to be written when the lease ends cannot be noted: %s",
			   strerror(-r));
}
