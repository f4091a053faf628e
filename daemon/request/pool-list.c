// SPDX-License-Identifier: MIT
/*
 * To watch allocation: the pools, what lies where in one of them, and the pages behind a buffer.
 * Physical, kernel and bus addresses are for clients with the inspect right. The holders of blocks
 * are not secret to those who may use the pool: a refusal would name the holders as well.
 */
#include <inttypes.h>
#include <string.h>
#include <common/escape.h>
#include "request/request.h"

#define POOLS_MAX \
	((MMIOD_MSG_MAX - sizeof(struct mmiod_msg_list_reply)) / sizeof(struct mmiod_wire_pool))
#define EXTENTS_MAX MMIOD_BATCH_MAX

static bool may_see(const struct call *call, const struct region *region)
{
	return region->config && (call_may_inspect(call) ||
				  policy_rights(region->config, &call->connection->peer.subject));
}

/* ---- POOLS ----------------------------------------------------------------------------------- */

static uint32_t count_orders(const struct blocks *blocks)
{
	uint32_t order = 0;

	while (blocks->page << order < pool_size(blocks->pool) && order + 1 < POOL_ORDERS)
		order++;
	return order + 1;
}

static void fill_pool(const struct region *region, struct mmiod_wire_pool *out)
{
	struct blocks *blocks = region->blocks;
	uint64_t counts[POOL_ORDERS];

	out->id = region->id;
	memcpy(out->name, region->name, sizeof(region->name));
	out->leases = region->n_leases;
	out->length = region->claimed ? region->hw.length : 0;
	if (!blocks)
		return;
	out->page = blocks->page;
	out->free = pool_free_bytes(blocks->pool);
	out->largest = pool_largest(blocks->pool);
	out->wiping = blocks->wiping;
	out->orders = count_orders(blocks);
	pool_blocks(blocks->pool, counts);
	memcpy(out->blocks, counts, sizeof(counts));
}

enum request_result request_pools(struct call *call)
{
	struct mmiod_msg_list_reply *reply;
	struct region *region;
	size_t n = 0;

	events_drain(call->broker);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), POOLS_MAX,
			    sizeof(struct mmiod_wire_pool));
	reply->cursor = call->request->fixed.list.cursor;
	for (region = call->broker->regions.table; region; region = region->hh.next) {
		if (region->id <= reply->cursor || !may_see(call, region) || !region->config->pool)
			continue;
		if (n == POOLS_MAX)
			break;
		fill_pool(region, reply_element(call->reply, n++));
		reply->cursor = region->id;
	}
	if (region)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	return REQUEST_REPLY;
}

/* ---- POOL_MAP -------------------------------------------------------------------------------- */

static void fill_extent(const struct lease *lease, struct mmiod_wire_extent *out)
{
	out->lease = lease->id;
	out->uid = lease->holder.uid;
	out->pid = lease->holder.pid;
	memcpy(out->comm, lease->holder.comm, sizeof(out->comm));
}

/*
 * The extent that has the byte at `offset`: a lease's, or without a lease one that waits to be wiped.
 * NULL: it is free.
 */
static const struct interval *taken_at(const struct region *region, uint64_t offset,
				       const struct lease **lease)
{
	static const enum lease_class classes[] = { LEASE_EXCLUSIVE, LEASE_SCATTERED };
	const struct interval *found;

	for (size_t i = 0; i < array_size(classes); i++) {
		found = interval_overlap(&region->occupied[classes[i]], offset, offset + 1);
		*lease = found ? lease_of_span(found, classes[i]) : NULL;
		if (found)
			return found;
	}
	return interval_overlap(&region->blocks->dirty, offset, offset + 1);
}

/* The first byte from `offset` on that is not free; UINT64_MAX: there is none. */
static uint64_t next_taken(const struct region *region, uint64_t offset)
{
	struct pool_extent extent;
	bool is_free;

	while (pool_walk(region->blocks->pool, offset, &extent, &is_free)) {
		if (!is_free)
			return offset;
		offset = extent.offset + extent.length;
	}
	return UINT64_MAX;
}

/* Fills elements from *offset on, and leaves there where to go on. Returns how many. */
static size_t fill_map(struct call *call, const struct region *region, uint64_t *offset)
{
	const struct interval *found;
	const struct lease *lease;
	size_t n = 0;

	while (n < EXTENTS_MAX && (*offset = next_taken(region, *offset)) != UINT64_MAX) {
		struct mmiod_wire_extent *out = reply_element(call->reply, n);

		found = taken_at(region, *offset, &lease);
		if (!found) {
			*offset += region->blocks->page;
			continue;
		}
		out->offset = found->start;
		out->length = found->end - found->start;
		if (lease)
			fill_extent(lease, out);
		*offset = found->end;
		n++;
	}
	return n;
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *what,
				  const char *name)
{
	char escaped[4 * MMIOD_WIRE_NAME];

	common_escape(escaped, sizeof(escaped), name, MMIOD_WIRE_NAME);
	reply_error(call->reply, &call->request->head, outcome, "%s \"%s\"", what, escaped);
	return REQUEST_REPLY;
}

enum request_result request_pool_map(struct call *call)
{
	const struct mmiod_msg_pool_map *map = &call->request->fixed.pool_map;
	struct mmiod_msg_list_reply *reply;
	struct region *region;
	uint64_t offset = map->cursor;
	size_t n = 0;

	events_drain(call->broker);
	region = region_find_settled(call->broker, map->region);
	if (!region || !may_see(call, region) || !region->config->pool)
		return refuse(call, MMIOD_E_NOT_FOUND, "there is no pool", map->region);
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), EXTENTS_MAX,
			    sizeof(struct mmiod_wire_extent));
	if (region->blocks)
		n = fill_map(call, region, &offset);
	reply->cursor = offset;
	if (region->blocks && n == EXTENTS_MAX && next_taken(region, offset) != UINT64_MAX)
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	return REQUEST_REPLY;
}

/* ---- BUFFER ---------------------------------------------------------------------------------- */

static void fill_buffer(const struct call *call, const struct mmiod_buffer_info *info,
			struct mmiod_msg_buffer_reply *reply)
{
	reply->zone = info->zone;
	reply->node = info->node;
	if (info->flags & MMIOD_BUFFER_CONTIGUOUS)
		reply->flags |= MMIOD_ALLOC_CONTIGUOUS;
	if (info->flags & MMIOD_BUFFER_NOWAIT)
		reply->flags |= MMIOD_ALLOC_NOWAIT;
	reply->present = info->allocated;
	reply->capacity = info->capacity;
	reply->runs = info->runs;
	if (!call_may_inspect(call))
		return;
	reply->phys = info->phys;
	reply->kernel = info->kernel;
	reply->bus = info->bus;
}

/* NULL: the reply says why. */
static struct lease *find_buffer(struct call *call, uint64_t id)
{
	const struct mmiod_msg *head = &call->request->head;
	struct lease *lease = lease_find(&call->broker->leases, id);

	if (!lease)
		reply_error(call->reply, head, MMIOD_E_NOT_FOUND, "there is no lease %" PRIu64, id);
	else if (!call_holds(call, lease) && !call_may_inspect(call))
		reply_error(call->reply, head, MMIOD_E_DENIED,
			    "denied: the lease is another user's");
	else if (lease->memory == MMIOD_MEMORY_REGION)
		reply_error(call->reply, head, MMIOD_E_INVALID,
			    "lease %" PRIu64 " is of region %s, not a buffer", id,
			    lease->region->name);
	else
		return lease;
	return NULL;
}

enum request_result request_buffer(struct call *call)
{
	const struct mmiod_msg_buffer *ask = &call->request->fixed.buffer;
	struct backend *backend = call->broker->backend;
	struct mmiod_msg_buffer_reply *reply;
	struct mmiod_buffer_info info;
	struct lease *lease;
	int r;

	events_drain(call->broker);
	lease = find_buffer(call, ask->lease);
	if (!lease)
		return REQUEST_REPLY;
	r = backend->ops->buffer_info(backend, ask->lease, ask->page, &info);
	if (r < 0 && r != -EOPNOTSUPP) {
		reply_error(call->reply, &call->request->head,
			    r == -EINVAL ? MMIOD_E_INVALID : MMIOD_E_GONE,
			    r == -EINVAL ? "the buffer has no page %" PRIu64
					 : "the memory behind page %" PRIu64 " has gone",
			    ask->page);
		return REQUEST_REPLY;
	}
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->memory = lease->memory;
	reply->length = lease->length;
	reply->capacity = lease->length;
	reply->node = -1;
	reply->present = 1;
	if (r == 0)
		fill_buffer(call, &info, reply);
	return REQUEST_REPLY;
}
