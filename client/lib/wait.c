/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_wait: leases that are asked for and waited for without blocking, for programs with an
 * event loop. Its descriptor is readable when the answer may be there.
 *
 * The request is one of the client's connection. Whoever reads its reply from the socket hands it
 * on here; when the connection is lost, the next one sends the request again, at the end of the
 * queue. The client has a list of those without an answer; the wait is the program's.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mmiod_wait {
	struct link link; /* in client->waits while there is no answer */
	struct lease_call call; /* its client is NULL once that was freed */
	uint64_t id; /* of the request; 0: to be sent */
	bool answered;
	int result; /* then: of the exchange */
	int epoll; /* the program's descriptor: the client's socket, and done */
	int done; /* eventfd: readable when there is nothing more to wait for */
	struct mmiod_lease *leases[MMIOD_MSG_FDS_MAX];
	int errors[MMIOD_MSG_FDS_MAX];
	union {
		struct mmiod_msg msg;
		uint8_t bytes[REQUEST_MAX];
	} request;
};

static struct mmiod_wait *wait_of(struct link *link)
{
	return link_entry(link, struct mmiod_wait, link);
}

static void settle(struct mmiod_wait *wait, int result)
{
	link_remove(&wait->link);
	link_init(&wait->link);
	wait->answered = true;
	wait->result = result;
	eventfd_write(wait->done, 1);
}

/* ---- the connection ---- */

static void watch(const struct mmiod_wait *wait, int sock)
{
	struct epoll_event interest = { .events = EPOLLIN };

	epoll_ctl(wait->epoll, EPOLL_CTL_ADD, sock, &interest);
}

static int send_request(struct mmiod_wait *wait)
{
	struct mmiod_client *client = wait->call.client;

	wait->id = ++client->last_id;
	wait->request.msg.id = wait->id;
	return packet_send(client->sock, &wait->request, wait->request.msg.size, 0);
}

/* There is a connection again. */
void waits_watch(struct mmiod_client *client)
{
	for (struct link *link = client->waits.next; link != &client->waits; link = link->next)
		watch(wait_of(link), client->sock);
}

void waits_resend(struct mmiod_client *client)
{
	for (struct link *link = client->waits.next; link != &client->waits; link = link->next)
		if (!wait_of(link)->id)
			send_request(wait_of(link));
}

/* The connection goes, with what waited on it. Programs are woken, so that they come and look. */
void waits_unwatch(struct mmiod_client *client)
{
	for (struct link *link = client->waits.next; link != &client->waits; link = link->next) {
		struct mmiod_wait *wait = wait_of(link);

		eventfd_write(wait->done, 1);
		wait->id = 0;
		epoll_ctl(wait->epoll, EPOLL_CTL_DEL, client->sock, NULL);
	}
}

void waits_disown(struct mmiod_client *client)
{
	while (client->waits.next != &client->waits) {
		struct mmiod_wait *wait = wait_of(client->waits.next);

		settle(wait, -ENOTCONN);
		wait->call.client = NULL;
	}
}

/* True: the reply was one that is waited for here. */
bool waits_take(struct mmiod_client *client, struct reply *reply)
{
	for (struct link *link = client->waits.next; link != &client->waits; link = link->next) {
		struct mmiod_wait *wait = wait_of(link);

		if (wait->id != reply->message.head.id)
			continue;
		settle(wait, lease_call_read(&wait->call, 0, reply));
		return true;
	}
	return false;
}

/* ---- the program's calls ---- */

static void wait_free(struct mmiod_wait *wait)
{
	link_remove(&wait->link);
	for (size_t i = 0; i < wait->call.count; i++)
		mmiod_lease_free(wait->leases[i]);
	free(wait->call.lost);
	if (wait->epoll >= 0)
		close(wait->epoll);
	if (wait->done >= 0)
		close(wait->done);
	free(wait);
}

static int build(struct mmiod_wait *wait)
{
	int err = lease_call_begin(&wait->call);

	if (err)
		return err;
	wait->request.msg.size = (uint32_t)lease_call_build(&wait->call, 0, &wait->request);
	wait->call.wants = NULL; /* they are the program's */
	return 0;
}

static int open_descriptor(struct mmiod_wait *wait)
{
	wait->epoll = epoll_create1(EPOLL_CLOEXEC);
	wait->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wait->epoll < 0 || wait->done < 0)
		return client_fail(wait->call.client, -errno, "cannot make a descriptor: %s",
				   strerror(errno));
	watch(wait, wait->done);
	return 0;
}

static int start(struct mmiod_wait *wait)
{
	struct mmiod_client *client = wait->call.client;
	int err = build(wait);

	if (!err)
		err = open_descriptor(wait);
	if (err)
		return err;
	link_remove(&wait->link);
	link_append(&client->waits, &wait->link);
	if (client->sock < 0)
		return connection_open(client); /* which watches and sends */
	watch(wait, client->sock);
	err = send_request(wait);
	if (err != -ECONNRESET)
		return err ? client_fail(client, err, "cannot ask the daemon: %s", strerror(-err))
			   : 0;
	connection_close(client);
	return connection_open(client);
}

MMIOD_EXPORT int mmiod_wait_start_sized(struct mmiod_client *client, const struct mmiod_want *wants,
					size_t size, size_t count, unsigned int flags,
					uint32_t wait_ms, struct mmiod_wait **waitp)
{
	struct mmiod_wait *wait;
	int err = client_check(client);

	*waitp = NULL;
	if (err)
		return err;
	if (count > MMIOD_MSG_FDS_MAX)
		return client_fail(client, -EINVAL, "%zu leases: a wait is for at most %d", count,
				   MMIOD_MSG_FDS_MAX);
	wait = calloc(1, sizeof(*wait));
	if (!wait)
		return client_fail(client, -ENOMEM, "out of memory");
	link_init(&wait->link);
	wait->epoll = wait->done = -1;
	wait->call = lease_call_for(client, wants, size, count, flags);
	wait->call.leases = wait->leases;
	wait->call.errors = wait->errors;
	wait->call.wait_ms = wait_ms;
	err = start(wait);
	if (err)
		wait_free(wait);
	else
		*waitp = wait;
	return err;
}

MMIOD_EXPORT int mmiod_wait_fd(const struct mmiod_wait *wait)
{
	return wait->epoll;
}

/* -EAGAIN: there is no answer yet. */
static int look(struct mmiod_wait *wait)
{
	struct mmiod_client *client = wait->call.client;
	eventfd_t count;
	int err;

	if (wait->answered)
		return 0;
	eventfd_read(wait->done, &count);
	err = client_check(client);
	if (err)
		return err;
	renew_due(client);
	client_drain(client);
	if (!wait->answered && client->sock < 0) {
		err = connection_open(client);
		if (err)
			settle(wait, err);
	}
	return wait->answered ? 0 : -EAGAIN;
}

MMIOD_EXPORT int mmiod_wait_finish(struct mmiod_wait *wait, struct mmiod_lease **leases,
				   int *errors)
{
	int err = look(wait), result;

	if (err == -EAGAIN || err == -EOWNERDEAD)
		return err;
	if (!wait->call.client) {
		wait_free(wait);
		return -ENOTCONN;
	}
	result = lease_call_finish(&wait->call, wait->result);
	wait->call.lost = NULL;
	for (size_t i = 0; i < wait->call.count; i++) {
		leases[i] = wait->leases[i];
		wait->leases[i] = NULL;
		if (errors)
			errors[i] = wait->errors[i];
	}
	wait_free(wait);
	return result;
}

MMIOD_EXPORT void mmiod_wait_cancel(struct mmiod_wait *wait)
{
	struct mmiod_client *client;
	uint64_t id;

	if (!wait)
		return;
	client = wait->call.client;
	if (client && getpid() == client->owner) {
		if (!wait->answered && client->sock >= 0 && wait->id)
			exchange_cancel(client, wait->id, &id);
		for (size_t i = 0; i < wait->call.count; i++)
			if (wait->leases[i] && !mmiod_lease_release(wait->leases[i]))
				wait->leases[i] = NULL;
	}
	wait_free(wait);
}
