/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_notice: what a monitor is told. Held aside like events until the program takes them,
 * but not without bound: a program that only makes requests and never takes a notice loses them,
 * and is told how many.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>

#define NOTICES_MAX 1024 /* held for a program */

struct mmiod_notice {
	struct link link;
	struct mmiod_msg_notice wire;
	char text[TEXT_MAX];
};

/* Makes the last one tell of the loss of itself, and of @lost more. */
static void lose(struct link *notices, uint64_t lost)
{
	struct mmiod_notice *last = link_entry(notices->prev, struct mmiod_notice, link);

	if (last->wire.type != MMIOD_NOTICE_LOST) {
		last->wire = (struct mmiod_msg_notice){
			.type = MMIOD_NOTICE_LOST,
			.time_us = last->wire.time_us,
			.lost = 1,
			.uid = UINT32_MAX,
		};
		snprintf(last->text, sizeof(last->text), "the program took none");
	}
	if (__builtin_add_overflow(last->wire.lost, lost, &last->wire.lost))
		last->wire.lost = UINT64_MAX;
}

int notice_hold(struct link *notices, size_t *count, const struct message *message)
{
	struct mmiod_notice *notice = calloc(1, sizeof(*notice));
	int err = notice ? 0 : -ENOMEM;

	if (!err)
		err = message_fixed(message, &notice->wire, sizeof(notice->wire), MMIOD_V1_NOTICE);
	if (!err)
		err = message_text(message, &notice->wire.text, notice->text, sizeof(notice->text));
	if (err || *count == NOTICES_MAX) {
		if (!err)
			lose(notices,
			     notice->wire.type == MMIOD_NOTICE_LOST ? notice->wire.lost : 1);
		free(notice);
		return err;
	}
	name_clean(notice->wire.comm, sizeof(notice->wire.comm));
	name_clean(notice->wire.region, sizeof(notice->wire.region));
	link_append(notices, &notice->link);
	++*count;
	return 0;
}

struct mmiod_notice *notice_take(struct link *notices, size_t *count)
{
	struct mmiod_notice *notice;

	if (!*count)
		return NULL;
	notice = link_entry(notices->next, struct mmiod_notice, link);
	link_remove(&notice->link);
	--*count;
	return notice;
}

struct monitor_call {
	struct mmiod_client *client;
	bool on;
};

static size_t build_monitor(void *context, size_t index, void *data)
{
	struct mmiod_msg_monitor *request = data;
	const struct monitor_call *call = context;

	request->msg.opcode = MMIOD_OP_MONITOR;
	request->msg.fixed = sizeof(*request);
	request->on = call->on;
	return sizeof(*request);
}

static int read_monitor(void *context, size_t index, struct reply *reply)
{
	const struct monitor_call *call = context;

	return reply_status(call->client, reply);
}

MMIOD_EXPORT int mmiod_client_monitor(struct mmiod_client *client, int on)
{
	struct monitor_call call = { .client = client, .on = on != 0 };
	struct exchange exchange = {
		.count = 1, .context = &call, .build = build_monitor, .reply = read_monitor
	};

	return exchange_run(client, &exchange);
}

MMIOD_EXPORT void mmiod_notice_free(struct mmiod_notice *notice)
{
	free(notice);
}

MMIOD_EXPORT enum mmiod_notice_type mmiod_notice_type(const struct mmiod_notice *notice)
{
	return notice->wire.type;
}

MMIOD_EXPORT uint64_t mmiod_notice_time(const struct mmiod_notice *notice)
{
	return notice->wire.time_us;
}

MMIOD_EXPORT uint64_t mmiod_notice_lost(const struct mmiod_notice *notice)
{
	return notice->wire.lost;
}

MMIOD_EXPORT uint64_t mmiod_notice_lease(const struct mmiod_notice *notice)
{
	return notice->wire.lease;
}

MMIOD_EXPORT enum mmiod_memory mmiod_notice_memory(const struct mmiod_notice *notice)
{
	return notice->wire.memory;
}

MMIOD_EXPORT const char *mmiod_notice_region(const struct mmiod_notice *notice)
{
	return notice->wire.region;
}

MMIOD_EXPORT uint64_t mmiod_notice_offset(const struct mmiod_notice *notice)
{
	return notice->wire.offset;
}

MMIOD_EXPORT uint64_t mmiod_notice_length(const struct mmiod_notice *notice)
{
	return notice->wire.length;
}

MMIOD_EXPORT unsigned int mmiod_notice_rights(const struct mmiod_notice *notice)
{
	return notice->wire.rights;
}

MMIOD_EXPORT enum mmiod_cache mmiod_notice_cache(const struct mmiod_notice *notice)
{
	return notice->wire.cache;
}

MMIOD_EXPORT uint32_t mmiod_notice_uid(const struct mmiod_notice *notice)
{
	return notice->wire.uid;
}

MMIOD_EXPORT uint32_t mmiod_notice_pid(const struct mmiod_notice *notice)
{
	return notice->wire.pid;
}

MMIOD_EXPORT const char *mmiod_notice_comm(const struct mmiod_notice *notice)
{
	return notice->wire.comm;
}

MMIOD_EXPORT const char *mmiod_notice_text(const struct mmiod_notice *notice)
{
	return notice->text;
}
