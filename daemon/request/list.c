// SPDX-License-Identifier: MIT
/*
 * The two lists: regions and leases, in pages. A client with the inspect right sees all; others see
 * the regions that a grant gives them and the leases of their own uid, and no physical addresses.
 */
#include <string.h>
#include "request/pager.h"
#include "request/request.h"

/* ---- REGIONS --------------------------------------------------------------------------------- */

static const void *next_region(const struct call *call, uint64_t cursor, bool all)
{
	return region_after(&call->broker->regions, cursor);
}

static uint64_t region_id(const void *item)
{
	const struct region *region = item;

	return region->id;
}

static bool shows_region(const struct call *call, const void *item, bool all)
{
	return call_may_see(call, item, all);
}

static void fill_region(const struct call *call, const void *item, void *element, bool all)
{
	const struct region *region = item;
	struct mmiod_wire_region *out = element;
	const struct backend_region *hw = &region->hw;
	const struct config_region *config = region->config;

	out->id = region->id;
	memcpy(out->name, region->name, sizeof(region->name));
	snprintf(out->device, sizeof(out->device), "%s", hw->device);
	out->length = hw->length;
	out->bar = hw->bar;
	out->width = hw->width;
	out->generation = hw->generation;
	out->vendor = hw->vendor;
	out->product = hw->product;
	out->leases = region->n_leases;
	out->state = region_state(region);
	out->flags = hw->ports ? MMIOD_REGION_IS_PORTS : 0;
	if (config) {
		out->memtypes = config->memtypes;
		out->memtype = config->memtype;
		out->rights = policy_rights(config, &call->connection->peer.subject);
	}
	if (all || hw->bar != UINT32_MAX)
		out->offset = hw->offset;
	if (all)
		out->phys = hw->phys;
}

static void add_model(struct call *call, const void *item, void *element, const void *before)
{
	const struct region *region = item;
	struct mmiod_wire_region *out = element;

	if (region->hw.model[0])
		out->model = reply_text(call->reply, "%s", region->hw.model);
}

enum request_result request_regions(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_region),
		.work = 1,
		.next = next_region,
		.id = region_id,
		.shows = shows_region,
		.fill = fill_region,
		.text = add_model,
	};

	return pager_reply(call, &pager);
}

/* ---- LEASES ---------------------------------------------------------------------------------- */

static bool shows_lease(const struct call *call, const void *item, bool all)
{
	return all || call_holds(call, item);
}

/* DMA memory of a device file: whose, and where the device finds it. */
static void fill_dma(const struct call *call, const struct lease *lease,
		     struct mmiod_wire_lease *out)
{
	const struct lease *operation = lease_find(&call->broker->leases, lease->device_lease);

	out->device_lease = lease->device_lease;
	out->iova = lease->iova;
	if (operation)
		memcpy(out->region, operation->region->name, sizeof(operation->region->name));
}

static void fill_lease(const struct call *call, const void *item, void *element, bool all)
{
	const struct lease *lease = item;
	struct mmiod_wire_lease *out = element;
	struct backend *backend = call->broker->backend;
	struct backend_ledger entry;

	out->id = lease->id;
	out->memory = lease->memory;
	out->allocated = lease->allocated;
	out->kind = lease->memory == MMIOD_MEMORY_REGION ? lease->kind : MMIOD_KIND_BUFFER;
	if (lease->memory == MMIOD_MEMORY_REGION)
		memcpy(out->region, lease->region->name, sizeof(lease->region->name));
	out->iova = MMIOD_IOVA_NONE;
	if (lease->device_lease)
		fill_dma(call, lease, out);
	out->offset = lease_told(lease->kind, lease->offset);
	out->length = lease_told(lease->kind, lease->length);
	out->started = clock_since_1970(lease->started_ms);
	out->rights = lease->rights;
	out->memtype = lease->memtype;
	out->width = lease->width;
	out->share = lease->share;
	out->state = lease->state;
	out->parked = !lease_is_over(lease) && parking_is_parked(lease);
	out->uid = lease->holder.uid;
	out->pid = lease->holder.pid;
	memcpy(out->comm, lease->holder.comm, sizeof(out->comm));
	out->left_ms = lease_left_ms(lease, clock_boot_ms());
	out->lease_ms = lease->time_limit ? lease->time_limit->lease_ms : 0;
	out->renew = lease->time_limit && lease->time_limit->renew;
	if (!lease_has_window(lease))
		return;
	out->n_extents = lease_extents(lease);
	if (backend->ops->next_window(backend, lease->id - 1, &entry) < 0 || entry.id != lease->id)
		return;
	if (lease->device_lease)
		out->iova = entry.window.iova;
	out->mappings = entry.mappings;
	out->faults = entry.faults;
	out->populated = entry.populated;
	memcpy(out->fault_leaves, entry.fault_leaves, sizeof(out->fault_leaves));
	memcpy(out->populated_leaves, entry.populated_leaves, sizeof(out->populated_leaves));
	out->reads = entry.reads;
	out->writes = entry.writes;
}

static void add_tenant(struct call *call, const struct lease *lease, struct mmiod_wire_lease *out)
{
	if (lease->holder.tenant)
		out->tenant = reply_text(call->reply, "%s",
					 holder_tenant_name(call->broker, lease->holder.tenant));
}

static bool have_one_holder(const struct lease *a, const struct lease *b)
{
	return a->list == b->list && a->holder.tenant == b->holder.tenant &&
	       a->holder.pid == b->holder.pid && !strcmp(a->holder.comm, b->holder.comm);
}

/*
 * The leases of a process mostly stand together, and share the text: there is no room for each to
 * have its own, and of an orphan /proc has to be asked.
 */
static void add_texts(struct call *call, const void *item, void *element, const void *before)
{
	struct mmiod_wire_lease *out = element;
	char unit[PEER_UNIT_MAX];

	if (before && have_one_holder(item, before)) {
		out->unit = out[-1].unit;
		out->tenant = out[-1].tenant;
		return;
	}
	add_tenant(call, item, out);
	holder_unit(call->broker, item, unit, sizeof(unit));
	if (unit[0])
		out->unit = reply_text(call->reply, "%s", unit);
}

enum request_result request_leases(struct call *call)
{
	static const struct pager pager = {
		.stride = sizeof(struct mmiod_wire_lease),
		.work = 1 + WORK_IOCTL,
		.next = pager_next_lease,
		.id = pager_lease_id,
		.shows = shows_lease,
		.fill = fill_lease,
		.text = add_texts,
	};

	/* A window that a client closed a moment ago is not to be listed any more. */
	events_drain(call->broker);
	return pager_reply(call, &pager);
}
