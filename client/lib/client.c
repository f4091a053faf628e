/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_client: a connection to the daemon, as the program sees it.
 *
 * It belongs to the process that made it. After fork() parent and child would share one socket and
 * steal each other's replies, so in the child every call is refused; freeing there touches nothing
 * that the parent still uses.
 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 30000

/* For mmiod_client_connect(), which leaves no client to ask. */
static __thread char connect_error[ERROR_MAX];

static int open_poll_set(struct mmiod_client *client)
{
	struct epoll_event interest = { .events = EPOLLIN };

	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	client->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	event_queue_init(&client->events, client->wake);
	if (client->epoll < 0 || client->wake < 0 || client->cancel < 0 ||
	    epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->wake, &interest) < 0)
		return client_fail(client, -errno, "cannot make the event descriptor: %s",
				   strerror(errno));
	return 0;
}

static const char *socket_path(const char *path)
{
	if (!path)
		path = secure_getenv("MMIOD_SOCKET");
	return path && path[0] ? path : MMIOD_SOCKET_PATH;
}

static struct mmiod_client *client_new(const char *path)
{
	struct mmiod_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->owner = getpid();
	client->sock = client->epoll = client->wake = client->timer = client->cancel = -1;
	client->timeout_ms = TIMEOUT_MS;
	link_init(&client->leases);
	link_init(&client->renewals);
	link_init(&client->pending);
	event_queue_init(&client->events, -1);
	publish_begin(client);
	client->path = strdup(socket_path(path));
	client->buffer = malloc(MMIOD_MSG_MAX);
	if (client->path && client->buffer)
		return client;
	mmiod_client_free(client);
	return NULL;
}

MMIOD_EXPORT int mmiod_client_connect(const char *path, struct mmiod_client **client)
{
	struct mmiod_client *made = client_new(path);
	int err;

	*client = NULL;
	if (!made) {
		snprintf(connect_error, sizeof(connect_error), "out of memory");
		return -ENOMEM;
	}
	err = open_poll_set(made);
	if (!err)
		err = connection_open(made);
	if (!err) {
		*client = made;
		return 0;
	}
	memcpy(connect_error, made->error, sizeof(connect_error));
	mmiod_client_free(made);
	return err;
}

/* The epoll set is shared with a parent or child: close it, but change nothing in it. */
MMIOD_EXPORT void mmiod_client_free(struct mmiod_client *client)
{
	if (!client)
		return;
	leases_disown(client);
	pending_disown(client);
	event_queue_clear(&client->events);
	renew_stop(client);
	if (client->epoll >= 0)
		close(client->epoll);
	if (client->wake >= 0)
		close(client->wake);
	if (client->cancel >= 0)
		close(client->cancel);
	if (client->sock >= 0)
		close(client->sock);
	free(client->late);
	free(client->buffer);
	free(client->path);
	free(client);
}

MMIOD_EXPORT const char *mmiod_client_error(const struct mmiod_client *client)
{
	return client ? client->error : connect_error;
}

MMIOD_EXPORT int mmiod_client_event_fd(const struct mmiod_client *client)
{
	return client->epoll;
}

/*
 * Whatever the socket has is read: replies that nobody waits for are given back, events are put
 * aside. Events come before the end of their connection: as long as there are any, the socket stays,
 * readable, to tell of its end in its turn.
 */
int client_drain(struct mmiod_client *client)
{
	struct packet packet;
	struct reply reply = { .packet = &packet };
	int err;

	if (client->sock < 0)
		return 0;
	while (!(err = connection_next(client, &packet, &reply.message))) {
		late_take(client, &reply);
		packet_release(&packet);
	}
	if (err == -EAGAIN)
		return 0;
	if (err != -ECONNRESET && err != -EPROTO)
		return err;
	if (!event_queue_empty(&client->events)) {
		shutdown(client->sock, SHUT_RDWR);
		return 0;
	}
	connection_close(client);
	return client_fail(client, err,
			   err == -EPROTO
				   ? "what the daemon sent breaks the protocol"
				   : "the daemon went away; the next request connects again");
}

static int next_event(struct mmiod_client *client, struct mmiod_event *event)
{
	int err = client_check(client);

	if (err)
		return err;
	renew_due(client);
	if (event_queue_take(&client->events, event))
		return 1;
	err = client_drain(client);
	if (event_queue_take(&client->events, event))
		return 1;
	if (!err && client->after_exchange && client->sock >= 0)
		client->after_exchange(client);
	return err;
}

MMIOD_EXPORT int mmiod_client_next_event_sized(struct mmiod_client *client,
					       struct mmiod_event *event, size_t size)
{
	struct mmiod_event known;
	int n = next_event(client, &known);

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
	err = client_drain(client);
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

/* Nothing but write(): signal handlers call it. The counter is never full. */
MMIOD_EXPORT void mmiod_client_cancel(struct mmiod_client *client)
{
	int saved = errno;

	eventfd_write(client->cancel, 1);
	errno = saved;
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
