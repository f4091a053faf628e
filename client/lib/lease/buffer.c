/* SPDX-License-Identifier: MIT */
/*
 * The description of one buffer of kernel memory, as the daemon gives it.
 */
#include "base/sized.h"
#include "wire/wire.h"

struct buffer_call {
	struct mmiod_client *client;
	uint64_t lease;
	uint64_t page;
	struct mmiod_buffer *buffer;
};

static size_t build_buffer(void *context, size_t index, void *data)
{
	struct mmiod_msg_buffer *request = data;
	const struct buffer_call *call = context;

	request->msg.opcode = MMIOD_OP_BUFFER;
	request->msg.fixed = sizeof(*request);
	request->lease = call->lease;
	request->page = call->page;
	return sizeof(*request);
}

static int read_buffer(void *context, size_t index, struct reply *reply)
{
	struct mmiod_msg_buffer_reply wire;
	struct buffer_call *call = context;
	int err = reply_status(call->client, reply);

	if (!err)
		err = message_fixed(&reply->message, &wire, sizeof(wire), MMIOD_V1_BUFFER_REPLY);
	if (err)
		return err;
	*call->buffer = (struct mmiod_buffer){
		.memory = wire.memory,
		.zone = wire.zone,
		.node = wire.node,
		.flags = wire.flags,
		.present = wire.present != 0,
		.length = wire.length,
		.capacity = wire.capacity,
		.runs = wire.runs,
		.phys = wire.phys,
		.kernel = wire.kernel,
		.bus = wire.bus,
	};
	return 0;
}

MMIOD_EXPORT int mmiod_client_buffer_sized(struct mmiod_client *client, uint64_t lease,
					   uint64_t page, struct mmiod_buffer *buffer, size_t size)
{
	struct mmiod_buffer known = { 0 };
	struct buffer_call call = {
		.client = client, .lease = lease, .page = page, .buffer = &known
	};
	struct exchange exchange = {
		.count = 1, .context = &call, .build = build_buffer, .reply = read_buffer
	};
	int err = exchange_run(client, &exchange);

	sized_give(buffer, size, &known, sizeof(known));
	return err;
}
