/* SPDX-License-Identifier: MIT */
/*
 * A session with the daemon: a client's parts opened and closed, and what it reads between its
 * requests. Of leases only whoever opens a session knows, who takes them from it before closing it.
 */
#include "base/error.h"
#include "base/process.h"
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 30000

/* The epoll set is shared with a parent or child: close it, but change nothing in it. */
void session_close(struct mmiod_client *client)
{
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
	free(client->request);
	free(client->path);
	free(client);
}

static int fail_event_fd(struct mmiod_client *client)
{
	int err = -errno;

	if (client->epoll >= 0)
		close(client->epoll);
	if (client->wake >= 0)
		close(client->wake);
	client->epoll = client->wake = client->events.wake = -1;
	return client_fail(client, err, "cannot make the event descriptor: %s", strerror(-err));
}

/*
 * Most programs connect, ask and go, and poll nothing: what they would poll is six of the twenty
 * system calls of a connection.
 */
static int open_event_fd(struct mmiod_client *client)
{
	struct epoll_event interest = { .events = EPOLLIN };

	client->epoll = epoll_create1(EPOLL_CLOEXEC);
	client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->epoll < 0 || client->wake < 0 ||
	    epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->wake, &interest) < 0 ||
	    (client->sock >= 0 &&
	     epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->sock, &interest) < 0))
		return fail_event_fd(client);
	event_queue_wake_by(&client->events, client->wake);
	renew_wake(client);
	return client->epoll;
}

/* Whoever was refused hears so without asking again. */
static int let_in(struct mmiod_client *client)
{
	if (client->refused && client->sock < 0 && !client_was_greeted(client))
		return client_fail(client, client->refused,
				   "%s: the daemon has not let this client in; its next request "
				   "asks again",
				   client->path);
	return client->greeting || !client_was_greeted(client) ? connection_greeted(client) : 0;
}

/*
 * What a program polls is made when it is asked for first, and by then the daemon has let the client
 * in: its answer to HELLO is no event, and would wake the program for nothing.
 */
int session_event_fd(struct mmiod_client *client)
{
	int err = client->epoll < 0 ? client_check(client) : 0;

	if (!err && client->epoll < 0)
		err = let_in(client);
	if (err || client->epoll >= 0)
		return err ? err : client->epoll;
	return open_event_fd(client);
}

static const char *socket_path(const char *path)
{
	if (!path)
		path = secure_getenv("MMIOD_SOCKET");
	return path && path[0] ? path : MMIOD_SOCKET_PATH;
}

static bool wants_publishing(void)
{
	const char *publish = secure_getenv("MMIOD_CACHE_PUBLISH");

	return publish && !strcmp(publish, "1");
}

static struct mmiod_client *client_new(const char *path)
{
	struct mmiod_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->owner = process_number();
	client->owner_pid = getpid();
	client->sock = client->epoll = client->wake = client->timer = client->cancel = -1;
	client->timeout_ms = TIMEOUT_MS;
	link_init(&client->leases);
	link_init(&client->renewals);
	link_init(&client->pending);
	event_queue_init(&client->events);
	link_init(&client->parking.leases);
	client->publishes = wants_publishing();
	client->path = strdup(socket_path(path));
	client->buffer = malloc(MMIOD_MSG_MAX);
	client->request = calloc(1, REQUEST_MAX);
	if (client->path && client->buffer && client->request)
		return client;
	session_close(client);
	return NULL;
}

/*
 * @reconnected: what becomes of the client's leases on each further connection. @error: ERROR_MAX
 * bytes, where the sentence goes, as there is no client then to ask.
 */
int session_open(const char *path, void (*reconnected)(struct mmiod_client *client, bool restarted),
		 char *error, struct mmiod_client **client)
{
	struct mmiod_client *made = client_new(path);
	int err;

	*client = NULL;
	if (!made) {
		snprintf(error, ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	made->reconnected = reconnected;
	err = connection_open(made);
	if (!err) {
		*client = made;
		return 0;
	}
	memcpy(error, made->error, ERROR_MAX);
	session_close(made);
	return err;
}

/*
 * Reads all that the socket has: leases of replies that nobody waits for are given back, events are
 * put aside. Events come before the end of their connection: as long as there are any, the socket
 * stays, readable, to tell of its end in its turn.
 */
int session_drain(struct mmiod_client *client)
{
	struct packet packet;
	struct reply reply = { .packet = &packet };
	int err;

	if (client->sock < 0)
		return 0;
	while (!(err = connection_next(client, false, &packet, &reply.message))) {
		late_take(client, &reply);
		packet_release(&packet);
	}
	if (err == -EAGAIN || err == -ERESTART)
		return 0;
	if ((err != -ECONNRESET && err != -EPROTO) || client->sock < 0)
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

/* 1: there was one; 0: there is none. */
int session_next_event(struct mmiod_client *client, struct mmiod_event *event)
{
	int err = client_check(client);

	if (err)
		return err;
	renew_due(client);
	if (event_queue_take(&client->events, event))
		return 1;
	err = session_drain(client);
	if (event_queue_take(&client->events, event))
		return 1;
	if (!err && client->sock >= 0)
		exchange_after(client);
	return err;
}
