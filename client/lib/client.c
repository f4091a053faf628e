/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_client: a connection to the daemon, as the program sees it.
 *
 * It belongs to the process that made it. After fork() parent and child would share one socket and
 * steal each other's replies, so in the child every call is refused; freeing there touches nothing
 * that the parent still uses.
 */
#include "base/error.h"
#include "lease/park.h"

#include <string.h>

MMIOD_EXPORT int mmiod_client_connect(const char *path, struct mmiod_client **client)
{
	int err = session_open(path, leases_lose, lone_error, client);

	if (!err)
		err = park_begin(*client);
	if (!err || !*client)
		return err;
	memcpy(lone_error, (*client)->error, ERROR_MAX);
	mmiod_client_free(*client);
	*client = NULL;
	return err;
}

MMIOD_EXPORT void mmiod_client_free(struct mmiod_client *client)
{
	if (!client)
		return;
	leases_disown(client);
	session_close(client);
}

MMIOD_EXPORT const char *mmiod_client_error(const struct mmiod_client *client)
{
	return client ? client->error : lone_error;
}

MMIOD_EXPORT int mmiod_client_event_fd(const struct mmiod_client *client)
{
	return session_event_fd((struct mmiod_client *)client); /* its first call makes it */
}

MMIOD_EXPORT int mmiod_client_next_event_sized(struct mmiod_client *client,
					       struct mmiod_event *event, size_t size)
{
	struct mmiod_event known;
	int n = session_next_event(client, &known);

	if (n == 1)
		sized_give(event, size, &known, sizeof(known));
	return n;
}

MMIOD_EXPORT int mmiod_client_next_notice(struct mmiod_client *client, struct mmiod_notice **notice)
{
	int err = client_check(client);

	*notice = NULL;
	if (err)
		return err;
	*notice = event_queue_take_notice(&client->events);
	if (*notice)
		return 1;
	err = session_drain(client);
	*notice = event_queue_take_notice(&client->events);
	return *notice ? 1 : err;
}

MMIOD_EXPORT void mmiod_client_set_wait(struct mmiod_client *client, uint32_t wait_ms)
{
	client->wait_ms = wait_ms;
}

MMIOD_EXPORT void mmiod_client_set_interruptible(struct mmiod_client *client, int interruptible)
{
	client->interruptible = interruptible != 0;
}

MMIOD_EXPORT void mmiod_client_cancel(struct mmiod_client *client)
{
	cancel_say(client);
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

struct status_call {
	struct mmiod_client *client;
	struct mmiod_status *status;
};

static size_t build_status(void *context, size_t index, void *buffer)
{
	struct mmiod_msg *request = buffer;

	request->opcode = MMIOD_OP_STATUS;
	request->fixed = sizeof(*request);
	return sizeof(*request);
}

static void fill_status(const struct mmiod_client *client,
			const struct mmiod_msg_status_reply *wire, struct mmiod_status *status)
{
	status->backend = wire->backend;
	status->daemon_pid = wire->pid;
	status->started = wire->started;
	status->regions = wire->regions;
	status->regions_missing = wire->regions_missing;
	status->clients = wire->clients;
	status->leases = wire->leases;
	status->module_abi = wire->module_abi;
	status->protocol = client->hello.version;
	status->uid = client->hello.uid;
	status->admin = client->hello.admin;
	status->inspect = wire->inspect || client->hello.admin;
	status->regions_stale = wire->stale_regions;
	status->leases_ending = wire->ending_leases;
	status->page_size = client->hello.page_size;
}

static int read_status(void *context, size_t index, struct reply *reply)
{
	struct mmiod_msg_status_reply wire;
	struct status_call *call = context;
	int err = reply_status(call->client, reply);

	if (!err)
		err = message_fixed(&reply->message, &wire, sizeof(wire), MMIOD_V1_STATUS_REPLY);
	if (!err)
		err = message_text(&reply->message, &wire.version, call->status->version,
				   sizeof(call->status->version));
	if (!err)
		err = message_text(&reply->message, &wire.warning, call->status->warning,
				   sizeof(call->status->warning));
	if (!err)
		fill_status(call->client, &wire, call->status);
	return err;
}

MMIOD_EXPORT int mmiod_client_status_sized(struct mmiod_client *client, struct mmiod_status *status,
					   size_t size)
{
	struct mmiod_status known = { 0 };
	struct status_call call = { .client = client, .status = &known };
	struct exchange exchange = {
		.count = 1, .context = &call, .build = build_status, .reply = read_status
	};
	int err = exchange_run(client, &exchange);

	sized_give(status, size, &known, sizeof(known));
	return err;
}
