/* SPDX-License-Identifier: MIT */
/*
 * Where the extents of a lease lie, as the daemon says, a part at a time.
 */
#include "base/error.h"
#include "lease/lease.h"

#include <limits.h>

struct extents_call {
	struct mmiod_client *client;
	uint64_t lease;
	struct mmiod_lease_extent *extents;
	size_t room;
	uint64_t told; /* extents so far, of which the first are in the array */
	bool more;
};

static size_t build_extents(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_extents *request = buffer;
	const struct extents_call *call = context;

	request->msg.opcode = MMIOD_OP_EXTENTS;
	request->msg.fixed = sizeof(*request);
	request->cursor = call->told;
	request->lease = call->lease;
	return sizeof(*request);
}

static int take_part(struct extents_call *call, const struct message *message, size_t index)
{
	struct mmiod_wire_part part;
	int err = message_element(message, index, &part, sizeof(part), MMIOD_V1_PART);

	if (err)
		return err;
	if (!part.length || part.length > UINT64_MAX - part.offset)
		return -EPROTO;
	if (call->told < call->room)
		call->extents[call->told] = (struct mmiod_lease_extent){ part.offset, part.length };
	call->told++;
	return 0;
}

static int read_extents(void *context, size_t index, struct reply *reply)
{
	struct mmiod_msg_list_reply fixed;
	struct extents_call *call = context;
	int err = reply_status(call->client, reply);

	if (!err)
		err = message_fixed(&reply->message, &fixed, sizeof(fixed), MMIOD_V1_LIST);
	if (err)
		return err;
	call->more = fixed.msg.flags & MMIOD_MSG_MORE;
	for (size_t i = 0; !err && i < reply->message.head.count; i++)
		err = take_part(call, &reply->message, i);
	if (!err && (fixed.cursor != call->told || !call->told || call->told > MMIOD_EXTENTS_MAX))
		return -EPROTO;
	return err || !call->more || reply->message.head.count ? err : -EPROTO;
}

/* A window's extents never change, so whichever daemon answers goes on with the same list. */
MMIOD_EXPORT int mmiod_client_lease_extents(struct mmiod_client *client, uint64_t lease,
					    struct mmiod_lease_extent *extents, size_t count)
{
	struct extents_call call = {
		.client = client, .lease = lease, .extents = extents, .room = count
	};
	int err;

	do {
		struct exchange exchange = {
			.count = 1, .context = &call, .build = build_extents, .reply = read_extents
		};

		err = exchange_run(client, &exchange);
	} while (!err && call.more);
	return err ? err : (int)call.told;
}

MMIOD_EXPORT int mmiod_lease_extents(const struct mmiod_lease *lease,
				     struct mmiod_lease_extent *extents, size_t count)
{
	if (lease->n_extents < 2) {
		if (count)
			extents[0] = (struct mmiod_lease_extent){ lease->offset, lease->length };
		return 1;
	}
	if (!count)
		return (int)lease->n_extents;
	if (!lease->client)
		return lease_fail(
			lease, -ENOTCONN,
			"lease %llu: where its extents lie is the daemon's to say, and its "
			"client was freed",
			(unsigned long long)lease->id);
	return mmiod_client_lease_extents(lease->client, lease->id, extents, count);
}
