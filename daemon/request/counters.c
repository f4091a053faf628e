// SPDX-License-Identifier: MIT
/*
 * COUNTERS: what happened since the start, how things stand, which limits are in force and how much
 * users have of them. Parts in this order: the daemon's own, the regions', the users', the devices'
 * and their vectors'; the cursor says where the next page begins.
 */
#include <string.h>
#include "request/request.h"

#define PAGE_MAX MMIOD_BATCH_MAX
#define PER_REGION 7 /* at most */
#define PER_KERNEL 25
#define PER_USER 10
#define PER_DEVICE 8
#define LOOKS_MAX 2048u /* regions, told or not */

enum part {
	PART_DAEMON,
	PART_KERNEL,
	PART_REGIONS,
	PART_USERS,
	PART_DEVICES,
	PART_VECTORS,
	PART_END
};

/* The cursor: which part, and the last region of it that was told, or the last uid plus one. */
#define PART_SHIFT 56
#define NEXT_MASK ((1ull << PART_SHIFT) - 1)

struct page {
	struct call *call;
	bool all; /* the caller may see everything */
	size_t n;
	unsigned int looked; /* regions that were looked at */
};

static void add(struct page *page, enum mmiod_counter_kind kind, uint32_t detail,
		const char *region, uint64_t value)
{
	struct mmiod_wire_counter *out = reply_element(page->call->reply, page->n++);

	out->kind = kind;
	out->detail = detail;
	snprintf(out->region, sizeof(out->region), "%s", region);
	out->value = value;
}

static bool has_room(const struct page *page, size_t n)
{
	return page->n + n <= PAGE_MAX;
}

/* ---- the daemon's own: always fits one page -------------------------------------------------- */

static void add_array(struct page *page, enum mmiod_counter_kind kind, const uint64_t *values,
		      uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (values[i])
			add(page, kind, i, "", values[i]);
}

static void add_totals(struct page *page)
{
	const struct counters *counters = &page->call->broker->host.counters;

	add(page, MMIOD_COUNTER_ACCEPTED, 0, "", counters->accepted);
	add(page, MMIOD_COUNTER_UNKNOWN_PEERS, 0, "", counters->unknown_peers);
	add(page, MMIOD_COUNTER_SHORTAGES, 0, "", counters->out_of_resources);
	add_array(page, MMIOD_COUNTER_QUOTA_REFUSALS, counters->quota_refusals, MMIOD_LIMITS);
	add_array(page, MMIOD_COUNTER_REQUESTS, counters->requests, COUNTED_OPCODES);
	add(page, MMIOD_COUNTER_PROTOCOL_ERRORS, 0, "", counters->protocol_errors);
	add(page, MMIOD_COUNTER_HELLO_TIMEOUTS, 0, "", counters->hello_timeouts);
	add(page, MMIOD_COUNTER_SLOW_READERS, 0, "", counters->slow_readers);
	add_array(page, MMIOD_COUNTER_REVOCATIONS, counters->revocations, MMIOD_CAUSES);
	add(page, MMIOD_COUNTER_UNSAFE_ENDS, 0, "", counters->unsafe_ends);
	add(page, MMIOD_COUNTER_EVENTS_LOST, 0, "", counters->events_lost);
	add(page, MMIOD_COUNTER_LINES_HELD_BACK, 0, "", counters->lines_held_back);
	add(page, MMIOD_COUNTER_RELOADS, 0, "", counters->reloads);
	add(page, MMIOD_COUNTER_RELOADS, 1, "", counters->failed_reloads);
}

static void add_states(struct page *page)
{
	uint64_t states[MMIOD_STATES] = { 0 };
	const struct region *region;

	for (region = page->call->broker->regions.table; region; region = region->hh.next)
		states[region_state(region)]++;
	for (uint32_t i = 0; i < MMIOD_STATES; i++)
		if (i != MMIOD_STATE_ENDING)
			add(page, MMIOD_COUNTER_REGIONS, i, "", states[i]);
}

static void add_limits(struct page *page)
{
	const struct config_limits *limits = page->call->broker->host.limits;

	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_CONNECTIONS, "", limits->connections_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_CONNECTION_RATE, "",
	    limits->connection_rate_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_LEASES, "", limits->leases_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_BYTES, "", limits->bytes_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_UNREAD_REPLIES, "",
	    limits->unread_replies_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_UNREAD_DESCRIPTORS, "",
	    limits->unread_descriptors_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_CACHES, "", limits->caches_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_WAITING, "", limits->waiting_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_INTERRUPTS, "", limits->interrupts_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_DEVICES, "", limits->devices_per_user);
	add(page, MMIOD_COUNTER_LIMIT, MMIOD_LIMIT_EXTENTS, "", limits->extents_per_user);
}

static bool add_daemon(struct page *page, uint64_t *next)
{
	const struct broker *broker = page->call->broker;

	add_totals(page);
	add(page, MMIOD_COUNTER_STARTED, 0, "", clock_since_1970(broker->started_ms));
	add(page, MMIOD_COUNTER_CLIENTS, 0, "", broker->host.n_connections);
	add(page, MMIOD_COUNTER_ENDING, 0, "", broker->leases.n_ending);
	add(page, MMIOD_COUNTER_NOTES, 0, "", broker->safe_state.n_notes);
	add_states(page);
	add_limits(page);
	return true;
}

/* ---- regions --------------------------------------------------------------------------------- */

static void add_tally(struct page *page, uint32_t memory, const char *region,
		      const struct tally *tally)
{
	add(page, MMIOD_COUNTER_GRANTS, memory, region, tally->grants);
	add(page, MMIOD_COUNTER_DENIALS, memory, region, tally->denials);
	add(page, MMIOD_COUNTER_CONFLICTS, memory, region, tally->conflicts);
	add(page, MMIOD_COUNTER_LEASES, memory, region, tally->leases);
	add(page, MMIOD_COUNTER_BYTES, memory, region, tally->bytes);
}

static bool add_kernel(struct page *page, uint64_t *next)
{
	const struct region *kernel = &page->call->broker->kernel;

	if (!has_room(page, PER_KERNEL))
		return false;
	for (uint32_t memory = MMIOD_MEMORY_PAGES; memory <= MMIOD_MEMORY_DMA; memory++)
		add_tally(page, memory, "", &kernel->tallies[memory]);
	return true;
}

static void add_region(struct page *page, const struct region *region)
{
	add_tally(page, MMIOD_MEMORY_REGION, region->name, &region->tallies[MMIOD_MEMORY_REGION]);
	if (!region->blocks)
		return;
	add(page, MMIOD_COUNTER_POOL_FREE, 0, region->name, pool_free_bytes(region->blocks->pool));
	add(page, MMIOD_COUNTER_POOL_WIPING, 0, region->name, region->blocks->wiping);
}

static bool add_regions(struct page *page, uint64_t *next)
{
	const struct regions *regions = &page->call->broker->regions;
	const struct region *region;

	while ((region = region_after(regions, *next))) {
		if (!has_room(page, PER_REGION) || ++page->looked > LOOKS_MAX)
			return false;
		if (call_may_see(page->call, region, page->all))
			add_region(page, region);
		*next = region->id;
	}
	return true;
}

/* ---- users ----------------------------------------------------------------------------------- */

static void add_user(struct page *page, const struct user *user)
{
	struct connection *connection;

	static const struct {
		enum mmiod_limit limit;
		enum user_slot slot;
	} slots[] = {
		{ MMIOD_LIMIT_CONNECTIONS, USER_CONNECTIONS },
		{ MMIOD_LIMIT_LEASES, USER_LEASES },
		{ MMIOD_LIMIT_BYTES, USER_BYTES },
		{ MMIOD_LIMIT_UNREAD_REPLIES, USER_UNREAD_REPLIES },
		{ MMIOD_LIMIT_UNREAD_DESCRIPTORS, USER_UNREAD_DESCRIPTORS },
		{ MMIOD_LIMIT_CACHES, USER_CACHES },
		{ MMIOD_LIMIT_WAITING, USER_WAITING },
		{ MMIOD_LIMIT_INTERRUPTS, USER_INTERRUPTS },
		{ MMIOD_LIMIT_DEVICES, USER_DEVICES },
		{ MMIOD_LIMIT_EXTENTS, USER_EXTENTS },
	};

	static_assert(array_size(slots) == PER_USER, "what a page has room for");
	/* The kernel tells that descriptors have been read when it is asked, and not otherwise. */
	DL_FOREACH2(user->connections, connection, user_next) {
		connection_settle(connection);
	}
	for (size_t i = 0; i < array_size(slots); i++)
		add(page, MMIOD_COUNTER_USER + slots[i].limit, user->uid, "",
		    user->used[slots[i].slot]);
}

/* The least uid that was not told yet. */
static const struct user *user_from(const struct page *page, uint64_t least)
{
	const struct connection *caller = page->call->connection;
	struct by_id_node *node;

	if (!page->all)
		return caller->user->payer >= least ? caller->user : NULL;
	node = by_id_from(&caller->host->users.by_payer, least);
	/* Tenants have no number that would tell others who they are. */
	return node && node->id <= UINT32_MAX ? container_of(node, struct user, of_all) : NULL;
}

static bool add_users(struct page *page, uint64_t *next)
{
	const struct user *user;

	while ((user = user_from(page, *next))) {
		if (!has_room(page, PER_USER))
			return false;
		add_user(page, user);
		*next = user->payer + 1;
	}
	return true;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* What the module counts is as of now; of a device that has just gone it is as it was. */
static void add_device(struct page *page, const struct device *device)
{
	struct backend *backend = page->call->broker->backend;
	const char *name = device->vectors.name;
	struct backend_device now = device->hw;

	add(page, MMIOD_COUNTER_STORMS, 0, name, device->storms);
	if (!device->vectors.claimed)
		return;
	page->looked += WORK_LOOKED_AT;
	if (backend->ops->next_device(backend, device->hw.number, &now) < 0 ||
	    now.number != device->hw.number)
		now = device->hw;
	add(page, MMIOD_COUNTER_RESETS, 0, name, now.resets - now.resets_failed);
	add(page, MMIOD_COUNTER_RESETS, 1, name, now.resets_failed);
	add(page, MMIOD_COUNTER_RESET_US, 0, name, now.reset_us);
	add(page, MMIOD_COUNTER_MASTERS, 0, name, !!(now.flags & MMIOD_FUNCTION_MASTER));
	add(page, MMIOD_COUNTER_QUIET, 0, name, !!(now.flags & MMIOD_FUNCTION_QUIET));
	add(page, MMIOD_COUNTER_DMA_MAPPED, 0, name, now.mapped);
	add(page, MMIOD_COUNTER_DMA_GRAVES, 0, name, now.graves);
}

static bool add_devices(struct page *page, uint64_t *next)
{
	const struct devices *devices = &page->call->broker->devices;
	const struct device *device;

	while ((device = device_after(devices, *next))) {
		if (!has_room(page, PER_DEVICE) || ++page->looked > LOOKS_MAX)
			return false;
		if (call_may_see_device(page->call, device, page->all))
			add_device(page, device);
		*next = device->vectors.id;
	}
	return true;
}

/* The ledger has few entries beside the many leases. */
static bool add_vectors(struct page *page, uint64_t *next)
{
	struct broker *broker = page->call->broker;
	struct backend_ledger entry;

	while (broker->backend->ops->next_interrupt(broker->backend, *next, &entry) == 0) {
		const struct lease *lease = lease_find(&broker->leases, entry.id);

		if (!has_room(page, 1))
			return false;
		page->looked += WORK_LOOKED_AT;
		*next = entry.id;
		if (lease && lease->kind == MMIOD_KIND_INTERRUPT && !lease_is_over(lease) &&
		    (page->all || call_holds(page->call, lease)))
			add(page, MMIOD_COUNTER_INTERRUPTS, entry.vector.vector,
			    lease->region->name, entry.vector.count);
	}
	return true;
}

/* ---- the request ----------------------------------------------------------------------------- */

/* Each adds what fits, and tells where to go on; true: that was all. */
static bool (*const parts[])(struct page *page, uint64_t *next) = {
	[PART_DAEMON] = add_daemon, [PART_KERNEL] = add_kernel,	  [PART_REGIONS] = add_regions,
	[PART_USERS] = add_users,   [PART_DEVICES] = add_devices, [PART_VECTORS] = add_vectors,
};

enum request_result request_counters(struct call *call)
{
	uint64_t cursor = call->request->fixed.list.cursor, next = cursor & NEXT_MASK;
	struct page page = { .call = call, .all = call_may_inspect(call) };
	struct mmiod_msg_list_reply *reply;
	uint64_t part = cursor >> PART_SHIFT;

	events_drain(call->broker);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), PAGE_MAX,
			    sizeof(struct mmiod_wire_counter));
	while (part < PART_END && parts[part](&page, &next)) {
		part++;
		next = 0;
	}
	turn_spend(&call->broker->host, (unsigned int)page.n / 4 + page.looked / WORK_LOOKED_AT);
	reply->cursor = part << PART_SHIFT | next;
	if (part < PART_END)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, page.n);
	return REQUEST_REPLY;
}
