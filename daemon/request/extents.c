// SPDX-License-Identifier: MIT
/*
 * EXTENTS: where the parts of a lease lie. Who may use the pool sees them in its map as well; here
 * they are in the order in which the window shows them, which is its holder's affair.
 */
#include <inttypes.h>
#include "request/request.h"

#define EXTENTS_MAX MMIOD_BATCH_MAX

/* NULL: the reply says why. */
static const struct lease *find_lease(struct call *call, uint64_t id)
{
	const struct mmiod_msg *head = &call->request->head;
	const struct lease *lease = lease_find(&call->broker->leases, id);

	if (!lease)
		reply_error(call->reply, head, MMIOD_E_NOT_FOUND, "there is no lease %" PRIu64, id);
	else if (!call_holds(call, lease) && !call_may_inspect(call))
		reply_error(call->reply, head, MMIOD_E_DENIED,
			    "denied: the lease is another user's");
	else if (lease->memory != MMIOD_MEMORY_REGION || !lease_has_window(lease))
		reply_error(call->reply, head, MMIOD_E_INVALID,
			    "lease %" PRIu64 " is not of a region's bytes: it has no extents", id);
	else
		return lease;
	return NULL;
}

enum request_result request_extents(struct call *call)
{
	const struct mmiod_msg_extents *ask = &call->request->fixed.extents;
	struct mmiod_msg_list_reply *reply;
	const struct lease *lease;
	uint64_t next = ask->cursor;
	size_t n = 0;

	events_drain(call->broker);
	lease = find_lease(call, ask->lease);
	if (!lease)
		return REQUEST_REPLY;
	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), EXTENTS_MAX,
			    sizeof(struct mmiod_wire_part));
	for (; n < EXTENTS_MAX && next < lease_extents(lease); next++) {
		struct mmiod_window_extent extent = lease_extent(lease, (uint32_t)next);
		struct mmiod_wire_part *out = reply_element(call->reply, n++);

		out->offset = extent.offset;
		out->length = extent.length;
	}
	reply->cursor = next;
	if (next < lease_extents(lease))
		reply->msg.flags |= MMIOD_MSG_MORE;
	reply_truncate(call->reply, n);
	turn_spend(&call->broker->host, (unsigned int)n / WORK_LOOKED_AT);
	return REQUEST_REPLY;
}
