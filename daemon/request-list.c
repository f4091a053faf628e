// SPDX-License-Identifier: MIT
/*
 * The two lists: regions and leases, in pages. Who has the inspect right sees all; others see the
 * regions that a grant gives them and the leases of their own uid, and no physical addresses.
 */
#include <string.h>
#include "request.h"

#define PAGE_MAX MMIOD_BATCH_MAX

bool call_may_see(const struct call *call, const struct region *region, bool all)
{
	return all ||
	       (region->config && policy_rights(region->config, &call->connection->peer.subject));
}

static void fill_region(struct call *call, const struct region *region,
			struct mmiod_wire_region *out, bool all)
{
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
	out->state = region->claimed ? hw->state : MMIOD_STATE_REVOKED;
	if (config) {
		out->caches = config->caches;
		out->cache = config->cache;
		out->rights = policy_rights(config, &call->connection->peer.subject);
	}
	if (all || hw->bar != UINT32_MAX)
		out->offset = hw->offset;
	if (all)
		out->phys = hw->phys;
}

static struct region *region_after(const struct daemon *daemon, uint64_t cursor)
{
	struct region *region = daemon->regions.table;

	while (region && region->id <= cursor)
		region = region->hh.next;
	return region;
}

/*
 * Text lies behind the array, whose length must be settled
 * first; so the names of the models come in a second round.
 */
static void add_models(struct call *call, struct region *const *listed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mmiod_wire_region *out = reply_element(call->reply, i);

		if (listed[i]->hw.model[0])
			out->model = reply_text(call->reply, "%s", listed[i]->hw.model);
	}
}

enum request_result request_regions(struct call *call)
{
	struct region *listed[PAGE_MAX], *region;
	struct mmiod_msg_list_reply *reply;
	bool all = call_may_inspect(call);
	size_t n = 0;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), PAGE_MAX,
			    sizeof(struct mmiod_wire_region));
	reply->cursor = call->request->fixed.list.cursor;
	region = region_after(call->daemon, reply->cursor);
	for (; region && n < PAGE_MAX; region = region->hh.next) {
		if (!call_may_see(call, region, all))
			continue;
		fill_region(call, region, reply_element(call->reply, n), all);
		reply->cursor = region->id;
		listed[n++] = region;
	}
	if (region)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	add_models(call, listed, n);
	return REQUEST_REPLY;
}

static void fill_lease(struct call *call, const struct lease *lease, struct mmiod_wire_lease *out)
{
	struct backend *backend = call->daemon->backend;
	struct backend_ledger entry;

	out->id = lease->id;
	out->memory = lease->memory;
	out->allocated = lease->allocated;
	if (lease->memory == MMIOD_MEMORY_REGION)
		memcpy(out->region, lease->region->name, sizeof(lease->region->name));
	out->offset = lease->offset;
	out->length = lease->length;
	out->started = lease->started;
	out->rights = lease->rights;
	out->cache = lease->cache;
	out->width = lease->width;
	out->share = lease->share;
	out->state = lease->state;
	out->uid = lease->holder.uid;
	out->pid = lease->holder.pid;
	memcpy(out->comm, lease->holder.comm, sizeof(out->comm));
	out->left_ms = lease_left_ms(lease, daemon_boot_ms());
	out->lease_ms = lease->term ? lease->term->lease_ms : 0;
	out->renew = lease->term && lease->term->renew;
	if (backend->ops->next_window(backend, lease->id - 1, &entry) < 0 || entry.id != lease->id)
		return;
	out->mappings = entry.mappings;
	out->faults = entry.faults;
	out->populated = entry.populated;
	memcpy(out->fault_leaves, entry.fault_leaves, sizeof(out->fault_leaves));
	memcpy(out->populated_leaves, entry.populated_leaves, sizeof(out->populated_leaves));
	out->reads = entry.reads;
	out->writes = entry.writes;
}

static bool have_one_holder(const struct lease *a, const struct lease *b)
{
	return a->list == b->list && a->holder.pid == b->holder.pid &&
	       !strcmp(a->holder.comm, b->holder.comm);
}

/*
 * As with models: in a second round. The leases of a process mostly stand together, and share the
 * text: there is no room for each to have its own, and of an orphan /proc has to be asked.
 */
static void add_units(struct call *call, struct lease *const *listed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct mmiod_wire_lease *out = reply_element(call->reply, i);
		char unit[PEER_UNIT_MAX];

		if (i && have_one_holder(listed[i], listed[i - 1])) {
			out->unit = out[-1].unit;
			continue;
		}
		daemon_unit_of(call->daemon, listed[i], unit, sizeof(unit));
		if (unit[0])
			out->unit = reply_text(call->reply, "%s", unit);
	}
}

/* Who may not see all is not made to look through all. */
static struct lease *next_lease(const struct call *call, uint64_t cursor, bool all)
{
	return all ? lease_after(&call->daemon->leases, cursor)
		   : lease_after_of(call->connection->user, cursor);
}

enum request_result request_leases(struct call *call)
{
	struct mmiod_msg_list_reply *reply;
	bool all = call_may_inspect(call);
	struct lease *lease, *shown[PAGE_MAX];
	size_t n = 0;

	/* What a client closed a moment ago is not to be listed any more. */
	daemon_drain_events(call->daemon);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), PAGE_MAX,
			    sizeof(struct mmiod_wire_lease));
	reply->cursor = call->request->fixed.list.cursor;
	lease = next_lease(call, reply->cursor, all);
	for (; lease && n < PAGE_MAX; lease = next_lease(call, lease->id, all)) {
		if (!all && !call_holds(call, lease))
			continue;
		shown[n] = lease;
		fill_lease(call, lease, reply_element(call->reply, n++));
		reply->cursor = lease->id;
	}
	if (lease)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	add_units(call, shown, n);
	return REQUEST_REPLY;
}
