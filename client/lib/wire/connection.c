/* SPDX-License-Identifier: MIT */
/*
 * The socket's life: connect, HELLO, receive, close. A client has at most one connection; when the
 * daemon goes away the socket is closed at once, so that the program's poll() does not spin on it,
 * and the next request opens another.
 *
 * Nobody waits for the daemon's answer to the first HELLO: the first request follows it at once, and
 * whoever reads the reply to that finds the answer before it. Later HELLOs are waited for, because
 * what a client asks depends on whether its leases are still there.
 *
 * Events and the answer to HELLO are put aside here, before anybody above sees them.
 */
#include "base/error.h"
#include "wire/wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GREETINGS_MAX 4 /* that one call tries, each with a daemon that goes away in it */

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Take the socket out of the epoll set before closing it: the set holds the open file, not the
 * number, and a forked child may have a copy that keeps it in the set for ever.
 */
void connection_close(struct mmiod_client *client)
{
	if (client->sock < 0)
		return;
	if (client->epoll >= 0)
		epoll_ctl(client->epoll, EPOLL_CTL_DEL, client->sock, NULL);
	pending_suspend(client);
	client->greeting = 0;
	client->late_count = 0; /* what it granted ends with it, or with the files that came */
	close(client->sock);
	client->sock = -1;
}

static int fail_connect(struct mmiod_client *client, int err)
{
	switch (err) {
	case ENOENT:
		return client_fail(client, -err, "no daemon: %s does not exist", client->path);
	case ECONNREFUSED:
		return client_fail(client, -err, "no daemon: nobody listens on %s", client->path);
	case EACCES:
		return client_fail(client, -err, "%s: the socket's permissions keep uid %u out",
				   client->path, (unsigned int)geteuid());
	case EPROTOTYPE:
		return client_fail(client, -err, "%s is not a socket of mmiod", client->path);
	case EAGAIN:
		return client_fail(client, -ETIMEDOUT, "%s: the daemon accepts no connection",
				   client->path);
	default:
		return client_fail(client, -err, "cannot connect to %s: %s", client->path,
				   strerror(err));
	}
}

/*
 * SO_SNDTIMEO bounds connect() too: a daemon that hangs leaves its backlog full. SO_RCVTIMEO is for
 * replies that are waited for in recvmsg() itself.
 */
static void bound_waits(struct mmiod_client *client)
{
	struct timeval limit = { .tv_sec = client->timeout_ms / 1000,
				 .tv_usec = client->timeout_ms % 1000 * 1000 };

	setsockopt(client->sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(client->sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	client->bound_ms = client->timeout_ms;
}

static int connect_socket(struct mmiod_client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event interest = { .events = EPOLLIN };
	int err = 0;

	if (strlen(client->path) >= sizeof(address.sun_path))
		return fail_connect(client, ENAMETOOLONG);
	strcpy(address.sun_path, client->path);
	client->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (client->sock < 0)
		return fail_connect(client, errno);
	bound_waits(client);
	if (connect(client->sock, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (client->epoll >= 0 &&
	     epoll_ctl(client->epoll, EPOLL_CTL_ADD, client->sock, &interest) < 0))
		err = fail_connect(client, errno);
	if (err)
		connection_close(client);
	return err;
}

/*
 * Until the socket is readable (or closed): 0, -ETIMEDOUT. @breakable: -ECANCELED, the program said
 * that it waits no more; -EINTR, a signal came and the program wants to be told.
 */
int connection_wait(struct mmiod_client *client, int64_t deadline_ms, bool breakable)
{
	struct pollfd files[] = { { .fd = client->sock, .events = POLLIN },
				  { .fd = breakable ? client->cancel : -1, .events = POLLIN } };

	for (;;) {
		int64_t left = deadline_ms - clock_ms();
		int n = poll(files, 2, left > INT_MAX ? INT_MAX : left > 0 ? (int)left : 0);

		if (n > 0 && files[0].revents)
			return 0;
		if (n > 0 && cancel_take(client))
			return client_fail(client, -ECANCELED, "cancelled while it waited");
		if (n == 0 && left <= INT_MAX)
			return client_fail(client, -ETIMEDOUT,
					   "the daemon did not answer within its time");
		if (n < 0 && errno == EINTR && breakable && client->interruptible)
			return client_fail(client, -EINTR, "interrupted while it waited");
		if (n < 0 && errno != EINTR)
			return client_fail(client, -errno, "poll: %s", strerror(errno));
	}
}

/*
 * A daemon that hangs up with something unread makes the kernel tell of that first, and only then of
 * what it had said: why a client was not let in, when a request was behind its HELLO.
 */
static int receive(struct mmiod_client *client, bool block, struct packet *packet)
{
	int err = packet_receive(client->sock, client->buffer, MMIOD_MSG_MAX, block, packet);

	if (err == -ECONNRESET && client->greeting)
		err = packet_receive(client->sock, client->buffer, MMIOD_MSG_MAX, false, packet);
	if (err && err != -EAGAIN && err != -ECONNRESET && err != -EPROTO)
		client_fail(client, err, "cannot receive from the daemon: %s", strerror(-err));
	return err;
}

/* Of one that the program has freed and the daemon has taken. */
static bool is_of_parked(struct mmiod_client *client, const struct message *message)
{
	struct mmiod_msg_event wire;

	return !message_fixed(message, &wire, sizeof(wire), MMIOD_V1_EVENT) &&
	       wire.type >= MMIOD_EVENT_REVOKE_ASKED && wire.type <= MMIOD_EVENT_STORM &&
	       client->parking.hears(client, wire.lease);
}

static int hold_event(struct mmiod_client *client, const struct message *message)
{
	int err;

	if (client->parking.hears && is_of_parked(client, message))
		return 0;
	err = event_queue_hold(&client->events, message);

	if (err == -ENOMEM)
		client_fail(client, err, "out of memory: an event of the daemon's is lost");
	return err;
}

static bool is_of_events(const struct packet *packet)
{
	struct mmiod_msg head;

	if (packet->size < sizeof(head))
		return false;
	memcpy(&head, packet->data, sizeof(head));
	return head.flags & MMIOD_MSG_EVENT;
}

/* As many files came as all events say, the @last among them. */
static bool has_files(const struct packet *packet, size_t told, bool last)
{
	return packet->files_lost || told == packet->files || (told < packet->files && !last);
}

/* If there is no memory for one, there may be for the next. */
static int hold_events(struct mmiod_client *client, const struct packet *packet)
{
	size_t offset = 0, files = 0;
	struct message event;
	int err, result = 0;

	while (!(err = message_next_event(packet->data, packet->size, &offset, &event))) {
		files += event.head.fds;
		if (!has_files(packet, files, offset >= packet->size))
			return -EPROTO;
		err = hold_event(client, &event);
		if (err && err != -ENOMEM)
			return err;
		result = err ?: result;
	}
	return err == -ENOENT ? result : err;
}

static int parse(const struct packet *packet, struct message *message)
{
	int err = message_parse(packet->data, packet->size, message);

	if (!err && !packet->files_lost && message->head.fds != packet->files)
		err = -EPROTO;
	return err ?: message->head.flags & MMIOD_MSG_REPLY ? 0 : -EPROTO;
}

/* The next reply, whatever it answers; events are put aside on the way. As connection_next(). */
static int next_reply(struct mmiod_client *client, bool block, struct packet *packet,
		      struct message *message)
{
	for (;;) {
		int err = receive(client, block, packet);

		block = false;
		if (err)
			return err;
		if (is_of_events(packet)) {
			err = hold_events(client, packet);
		} else {
			err = parse(packet, message);
			if (!err)
				return 0;
		}
		packet_release(packet);
		if (err)
			return err;
	}
}

/* ---- HELLO ---- */

/*
 * The last daemon's greeting stays in force until another has been understood. The module's leases
 * outlive connection and daemon; those of simulation end with either.
 */
static int check_hello(struct mmiod_client *client, const struct reply *reply)
{
	struct mmiod_msg_hello_reply hello;
	int err = reply_status(client, reply);

	if (err)
		return err;
	err = message_fixed(&reply->message, &hello, sizeof(hello), MMIOD_V1_HELLO_REPLY);
	if (err || reply->message.head.opcode != MMIOD_OP_HELLO ||
	    reply->message.head.id != client->greeting || !hello.max_fds)
		return client_fail(client, -EPROTO, "%s: the daemon's greeting is malformed",
				   client->path);
	if (hello.version != MMIOD_PROTOCOL_VERSION)
		return client_fail(client, -EPROTONOSUPPORT,
				   "the daemon chose protocol %u, this library speaks %u",
				   hello.version, MMIOD_PROTOCOL_VERSION);
	if (client_was_greeted(client))
		client->reconnected(client, client->hello.epoch != hello.epoch);
	client->hello = hello;
	client->greeting = 0;
	return 0;
}

/* It knows not all of HELLO, and there is no other reason for it to say so. */
static bool is_older(const struct mmiod_client *client, const struct message *message)
{
	return !client->nameless && message->head.opcode == MMIOD_OP_HELLO &&
	       (message->head.status == MMIOD_E_PROTOCOL ||
		message->head.status == MMIOD_E_UNSUPPORTED);
}

static int open_once(struct mmiod_client *client);

/* Once and for all: the daemons that follow are greeted in the same way. */
static int greet_older(struct mmiod_client *client)
{
	int err;

	connection_close(client);
	client->nameless = true;
	err = open_once(client);
	return err ? err : -ERESTART;
}

/*
 * The first reply, which has to be that to HELLO. If it is another, or a refusal, that was all.
 * -ERESTART: there is a new connection, whose HELLO has no answer yet.
 */
static int take_hello(struct mmiod_client *client, struct packet *packet,
		      const struct message *message)
{
	struct reply reply = { .message = *message, .packet = packet };
	int err;

	if (is_older(client, message)) {
		packet_release(packet);
		return greet_older(client);
	}
	err = check_hello(client, &reply);
	packet_release(packet);
	if (err)
		connection_close(client);
	client->refused = err;
	return err;
}

static int fail_greeting(struct mmiod_client *client, int err)
{
	client->refused = err;
	if (err == -EPROTO)
		return client_fail(client, err, "%s: the daemon does not speak this protocol",
				   client->path);
	if (err == -ECONNRESET)
		return client_fail(client, err, "%s: the daemon closed the connection",
				   client->path);
	return err;
}

/*
 * The next reply to a request; events and the answer to HELLO are put aside on the way. @block: the
 * first packet is waited for, and that behind the answer to HELLO, each for the client's timeout at
 * most. 0 with a packet that the caller releases; -EAGAIN; -ECONNRESET or -EPROTO (what arrived is
 * not of this protocol) when the connection is of no more use; -ERESTART when there is another, on
 * which nothing was asked yet; why the daemon did not let the client in, with its sentence and the
 * connection closed; or what is wrong here, with a sentence.
 */
int connection_next(struct mmiod_client *client, bool block, struct packet *packet,
		    struct message *message)
{
	int err = next_reply(client, block, packet, message);

	if (!client->greeting)
		return err;
	if (!err)
		err = take_hello(client, packet, message);
	else if (err == -EPROTO)
		fail_greeting(client, err);
	return err ? err : next_reply(client, block, packet, message);
}

static int receive_hello(struct mmiod_client *client)
{
	int64_t deadline = clock_ms() + client->timeout_ms;
	struct message message;
	struct packet packet;
	int err = next_reply(client, true, &packet, &message);

	/* It was bounded when it was made; after a packet that is no reply the rest is waited for. */
	while (err == -EAGAIN) {
		err = connection_wait(client, deadline, false);
		if (!err)
			err = next_reply(client, false, &packet, &message);
	}
	if (!err)
		return take_hello(client, &packet, &message);
	fail_greeting(client, err);
	connection_close(client);
	return err;
}

/*
 * As /proc has it, which is the main thread's; the daemon would have to read it there. The names of
 * other threads say what they do, and not whose they are.
 */
static void put_own_name(const struct mmiod_client *client, char name[16])
{
	if (gettid() != client->owner_pid || prctl(PR_GET_NAME, name) < 0)
		snprintf(name, 16, "%s", program_invocation_short_name);
}

static int send_hello(struct mmiod_client *client)
{
	size_t size = client->nameless ? MMIOD_V1_HELLO : sizeof(struct mmiod_msg_hello);
	struct mmiod_msg_hello hello = {
		.msg = { .size = (uint32_t)size,
			 .opcode = MMIOD_OP_HELLO,
			 .id = ++client->last_id,
			 .fixed = (uint32_t)size },
		.version_min = MMIOD_PROTOCOL_VERSION,
		.version_max = MMIOD_PROTOCOL_VERSION,
		.features = MMIOD_HELLO_FEATURES,
		.max_message = MMIOD_MSG_MAX,
	};
	int err;

	put_own_name(client, hello.comm);
	err = packet_send(client->sock, &hello, size, 0);
	/* A daemon that refuses connections may have said why before it closed. */
	if (err && err != -ECONNRESET)
		return client_fail(client, err, "%s: %s", client->path, strerror(-err));
	client->greeting = hello.msg.id;
	client->connections++;
	return 0;
}

static int open_once(struct mmiod_client *client)
{
	int err = connect_socket(client);

	if (!err)
		err = send_hello(client);
	if (err)
		connection_close(client);
	client->refused = err;
	return err;
}

/*
 * Until there is a connection, and the daemon has said that it lets the client in. A daemon may be
 * restarted between its accept() and its greeting; its socket has the next one answer.
 */
int connection_greeted(struct mmiod_client *client)
{
	int tries = 0, err;

	if (client->sock >= 0 && !client->greeting)
		return 0;
	do {
		err = client->sock < 0 ? open_once(client) : 0;
		if (!err)
			err = receive_hello(client);
	} while (err == -ERESTART || (err == -ECONNRESET && ++tries < GREETINGS_MAX));
	if (!err)
		pending_resume(client);
	return err;
}

/* A first one on which requests may be sent, but that need not be greeted yet. */
int connection_open(struct mmiod_client *client)
{
	return client_was_greeted(client) ? connection_greeted(client) : open_once(client);
}
