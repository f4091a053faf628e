/* SPDX-License-Identifier: MIT */
/*
 * struct pending: a request that is sent and not waited for, with a descriptor that is readable
 * when its answer may be there.
 *
 * The request is one of the client's connection. The function that reads its reply from the socket
 * hands it on here; when the connection is lost, the next one sends the request again, at the end
 * of the daemon's queue. The client has a list of those without an answer; each is owned by whoever
 * asked.
 */
#include "base/error.h"
#include "wire/wire.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct pending *pending_of(struct link *link)
{
	return link_entry(link, struct pending, link);
}

static void watch(const struct pending *pending, int fd)
{
	struct epoll_event interest = { .events = EPOLLIN };

	epoll_ctl(pending->epoll, EPOLL_CTL_ADD, fd, &interest);
}

static int send_request(struct pending *pending)
{
	struct mmiod_client *client = pending->client;

	pending->id = ++client->last_id;
	pending->request.msg.id = pending->id;
	return packet_send(client->sock, &pending->request, pending->request.msg.size, 0);
}

/* Nothing more is waited for. */
void pending_settle(struct pending *pending, int result)
{
	link_remove(&pending->link);
	pending->answered = true;
	pending->result = result;
	eventfd_write(pending->done, 1);
}

/* ---- the client's side ---- */

/* There is a connection again. */
void pending_resume(struct mmiod_client *client)
{
	for (struct link *link = client->pending.next; link != &client->pending; link = link->next)
		watch(pending_of(link), client->sock);
	for (struct link *link = client->pending.next; link != &client->pending; link = link->next)
		if (!pending_of(link)->id)
			send_request(pending_of(link));
}

/* The connection goes, with what waited on it. Programs are woken, so that they come and look. */
void pending_suspend(struct mmiod_client *client)
{
	for (struct link *link = client->pending.next; link != &client->pending;
	     link = link->next) {
		struct pending *pending = pending_of(link);

		eventfd_write(pending->done, 1);
		pending->id = 0;
		epoll_ctl(pending->epoll, EPOLL_CTL_DEL, client->sock, NULL);
	}
}

/* The client goes. */
void pending_disown(struct mmiod_client *client)
{
	while (client->pending.next != &client->pending) {
		struct pending *pending = pending_of(client->pending.next);

		pending_settle(pending, -ENOTCONN);
		pending->client = NULL;
	}
}

/* True: the reply was one that is waited for here. */
bool pending_take(struct mmiod_client *client, struct reply *reply)
{
	for (struct link *link = client->pending.next; link != &client->pending;
	     link = link->next) {
		struct pending *pending = pending_of(link);

		if (pending->id != reply->message.head.id)
			continue;
		pending_settle(pending, pending->reply(pending, reply));
		return true;
	}
	return false;
}

/* ---- the asker's side ---- */

void pending_init(struct pending *pending, struct mmiod_client *client,
		  int (*reply)(struct pending *pending, struct reply *reply))
{
	link_init(&pending->link);
	pending->client = client;
	pending->reply = reply;
	pending->epoll = pending->done = -1;
}

/* From now on the client's next connection sends it. */
int pending_open(struct pending *pending)
{
	pending->epoll = epoll_create1(EPOLL_CLOEXEC);
	pending->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pending->epoll < 0 || pending->done < 0)
		return client_fail(pending->client, -errno, "cannot make a descriptor: %s",
				   strerror(errno));
	watch(pending, pending->done);
	link_append(&pending->client->pending, &pending->link);
	return 0;
}

/* On the connection that there is. */
int pending_send(struct pending *pending)
{
	watch(pending, pending->client->sock);
	return send_request(pending);
}

/* It may still be on its way. */
void pending_end(struct pending *pending)
{
	link_remove(&pending->link);
	if (pending->epoll >= 0)
		close(pending->epoll);
	if (pending->done >= 0)
		close(pending->done);
}
