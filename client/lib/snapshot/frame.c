/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_frame: what the kernel knows of a page frame. Owned by the program.
 */
#include "base/error.h"
#include "base/getter.h"
#include "wire/wire.h"

#include <stdlib.h>

struct mmiod_frame {
	struct mmiod_msg_page_reply wire;
};

struct frame_call {
	struct mmiod_client *client;
	uint64_t where;
	uint32_t pid; /* 0: where is a frame's number */
	struct mmiod_frame *frame;
};

static size_t build_page(void *context, size_t index, void *data)
{
	struct mmiod_msg_page *request = data;
	const struct frame_call *call = context;

	request->msg.opcode = MMIOD_OP_PAGE;
	request->msg.fixed = sizeof(*request);
	request->where = call->where;
	request->pid = call->pid;
	return sizeof(*request);
}

static int read_page(void *context, size_t index, struct reply *reply)
{
	struct frame_call *call = context;
	int err = reply_status(call->client, reply);

	return err ? err
		   : message_fixed(&reply->message, &call->frame->wire, sizeof(call->frame->wire),
				   MMIOD_V1_PAGE_REPLY);
}

static int ask(struct frame_call *call, struct mmiod_frame **frame)
{
	struct exchange exchange = {
		.count = 1, .context = call, .build = build_page, .reply = read_page
	};
	int err;

	*frame = NULL;
	call->frame = calloc(1, sizeof(*call->frame));
	if (!call->frame)
		return client_fail(call->client, -ENOMEM, "out of memory");
	err = exchange_run(call->client, &exchange);
	if (err)
		free(call->frame);
	else
		*frame = call->frame;
	return err;
}

MMIOD_EXPORT int mmiod_client_frame(struct mmiod_client *client, uint64_t pfn,
				    struct mmiod_frame **frame)
{
	struct frame_call call = { .client = client, .where = pfn };

	return ask(&call, frame);
}

MMIOD_EXPORT int mmiod_client_frame_at(struct mmiod_client *client, uint32_t pid, uint64_t address,
				       struct mmiod_frame **frame)
{
	struct frame_call call = { .client = client, .where = address, .pid = pid };

	*frame = NULL;
	if (!pid)
		return client_fail(client, -EINVAL, "there is no process 0");
	return ask(&call, frame);
}

MMIOD_EXPORT void mmiod_frame_free(struct mmiod_frame *frame)
{
	free(frame);
}

GETTER(uint64_t, mmiod_frame_pfn, mmiod_frame, wire.pfn)
GETTER(uint64_t, mmiod_frame_phys, mmiod_frame, wire.phys)

MMIOD_EXPORT int mmiod_frame_described(const struct mmiod_frame *frame)
{
	return frame->wire.described != 0;
}

GETTER(uint64_t, mmiod_frame_flags, mmiod_frame, wire.bits)
GETTER(uint64_t, mmiod_frame_head, mmiod_frame, wire.head)

MMIOD_EXPORT int mmiod_frame_order(const struct mmiod_frame *frame)
{
	return frame->wire.order > 63 ? -1 : (int)frame->wire.order;
}

GETTER(uint32_t, mmiod_frame_references, mmiod_frame, wire.references)
GETTER(uint32_t, mmiod_frame_mappings, mmiod_frame, wire.mappings)
GETTER(enum mmiod_memory_zone, mmiod_frame_zone, mmiod_frame, wire.zone)
GETTER(unsigned int, mmiod_frame_node, mmiod_frame, wire.node)
