/* SPDX-License-Identifier: MIT */
/*
 * Whose lease is in the way of what an operation was told to do. The module knows leases by their
 * numbers alone, so the daemon is asked, for a moment at most: what was refused is refused whether
 * it answers or not, and while it is away the number has to do.
 */
#include "base/error.h"
#include "base/process.h"
#include "device/device.h"

#include <stddef.h>

#define PATIENCE_MS 1000

struct conflict_call {
	struct mmiod_client *client;
	char *text;
	size_t size;
};

static int read_answer(void *context, size_t index, struct reply *reply)
{
	struct conflict_call *call = context;
	struct mmiod_msg_explain_reply wire;
	int err = reply_status(call->client, reply);

	(void)index;
	if (!err)
		err = message_fixed(&reply->message, &wire, sizeof(wire), MMIOD_V1_EXPLAIN_REPLY);
	if (!err)
		err = message_text(&reply->message, &wire.text, call->text, call->size);
	return err;
}

static int ask(struct mmiod_client *client, struct exchange *exchange)
{
	int timeout_ms = client->timeout_ms, err;

	if (timeout_ms > PATIENCE_MS)
		client->timeout_ms = PATIENCE_MS;
	err = exchange_run(client, exchange);
	client->timeout_ms = timeout_ms;
	return err;
}

bool device_name_conflict(const struct mmiod_operation *operation, uint64_t conflict, char *text,
			  size_t size)
{
	struct mmiod_client *client = operation->lease->client;
	struct conflict_call call = { .client = client, .text = text, .size = size };
	struct mmiod_msg_explain request = {
		.msg = { .size = offsetof(struct mmiod_msg_explain, grant),
			 .opcode = MMIOD_OP_EXPLAIN,
			 .fixed = offsetof(struct mmiod_msg_explain, grant),
			 .stride = sizeof(uint32_t) },
		.offset = conflict,
		.length = operation->lease->id,
		.rights = MMIOD_RIGHT_READ,
		.flags = MMIOD_EXPLAIN_SELF,
		.kind = MMIOD_KIND_DEVICE,
	};
	struct exchange exchange = {
		.count = 1, .context = &call, .reply = read_answer, .prepared = &request.msg
	};

	text[0] = '\0';
	return client && !client_check(client) && !ask(client, &exchange) && text[0];
}
