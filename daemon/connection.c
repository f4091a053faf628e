// SPDX-License-Identifier: MIT
/*
 * One client. The rules that keep a bad client from harming others:
 *  - at most WORK_PER_WAKE requests are answered in one turn of the loop;
 *  - while a reply waits for room in the socket, no further request is read;
 *  - at most one message with descriptors is unread: descriptors in flight count against the *sender*, and an
 *    unprivileged daemon whose limit is used up could send none to anybody (ETOOMANYREFS);
 *  - events wait with the lease that they are about, so they need no queue.
 *
 * The socket's events are edge-triggered because only that tells of room being made: a UNIX socket that was writable
 * before the peer read something is writable after it. The one for writing is added only while something waits, or
 * every reply that a client reads would wake the daemon.
 */
#include <assert.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include "connection.h"

#define WORK_PER_WAKE 16

static const struct timeval at_once = { 0, 0 };
static const struct timeval linger_time = { 2, 0 };
static const struct timeval retry_time = { 0, 20000 };

struct packet {
	struct packet *next;
	size_t length;
	size_t n_fds;
	int fds[MMIOD_MSG_FDS_MAX];
	uint8_t data[];
};

/* ---- sending ---------------------------------------------------------------------------------------------------- */

/* The kernel's bookkeeping of a message that is just being freed may still count 1; a whole one counts hundreds. */
static bool all_read(int fd)
{
	int unread;

	return ioctl(fd, SIOCOUTQ, &unread) < 0 || unread <= 1;
}

static int send_packet(int fd, const void *data, size_t length, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * MMIOD_MSG_FDS_MAX)];
	} control;
	struct iovec vector = { .iov_base = (void *)data, .iov_len = length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (n_fds) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		memset(&control, 0, header.msg_controllen);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * 0: sent. -EAGAIN: later; an edge of the socket, or the timer that is started here, will say when. Other: the
 * connection is lost.
 */
static int try_send(struct connection *connection, const void *data, size_t length, const int *fds,
		    size_t n_fds)
{
	int r;

	if (n_fds && connection->fds_in_flight && !all_read(connection->fd))
		return -EAGAIN;
	r = send_packet(connection->fd, data, length, fds, n_fds);
	if (r == 0 && n_fds)
		connection->fds_in_flight = true;
	/* Our shortage, not the client's fault: nothing will tell when it is over. */
	if (r == -ETOOMANYREFS || r == -ENOBUFS || r == -ENOMEM) {
		event_add(&connection->resume, &retry_time);
		return -EAGAIN;
	}
	return r;
}

static void packet_free(struct packet *packet)
{
	while (packet->n_fds)
		close(packet->fds[--packet->n_fds]);
	free(packet);
}

static int enqueue(struct connection *connection, struct message *message)
{
	struct packet *packet = malloc(sizeof(*packet) + message->length);

	if (!packet)
		return -ENOMEM;
	packet->length = message->length;
	memcpy(packet->data, message->data, message->length);
	packet->n_fds = message->n_fds;
	memcpy(packet->fds, message->fds, sizeof(packet->fds));
	message->n_fds = 0;
	LL_APPEND(connection->queue, packet);
	return 0;
}

static void set_blocked(struct connection *connection, bool blocked)
{
	if (connection->blocked == blocked)
		return;
	connection->blocked = blocked;
	if (blocked)
		event_add(&connection->outgoing, NULL);
	else
		event_del(&connection->outgoing);
}

/* Sends or queues the message; its descriptors are gone in any case. A client that cannot be answered is dropped. */
int connection_send(struct connection *connection, struct message *message)
{
	int r = -EAGAIN;

	message_seal(message);
	if (!connection->queue)
		r = try_send(connection, message->data, message->length, message->fds,
			     message->n_fds);
	if (r == -EAGAIN)
		r = enqueue(connection, message);
	if (connection->queue)
		set_blocked(connection, true);
	if (r < 0)
		connection_doom(connection);
	message_close_fds(message);
	return r;
}

static int flush_queue(struct connection *connection)
{
	while (connection->queue) {
		struct packet *packet = connection->queue;
		int r = try_send(connection, packet->data, packet->length, packet->fds,
				 packet->n_fds);

		if (r < 0)
			return r;
		LL_DELETE(connection->queue, packet);
		packet_free(packet);
	}
	return 0;
}

static int send_news(struct connection *connection)
{
	struct message *message = &connection->host->message;
	struct lease *lease;
	int r;

	while ((lease = connection->leases.head) && lease_has_news(lease)) {
		struct lease_news before = lease->news;
		struct mmiod_msg_event event = { .lease = lease->id };

		event.type = lease_take_news(lease, &event.deadline_ms);
		event_begin(message, &event, lease->news.why);
		message_seal(message);
		r = try_send(connection, message->data, message->length, NULL, 0);
		if (r == 0)
			continue;
		lease->news = before;
		lease_attach(lease, &connection->leases);
		return r;
	}
	return 0;
}

/* A monitor that does not read makes its socket full; what then passes it by in the ring is lost to it. */
static int send_notices(struct connection *connection)
{
	struct message *message = &connection->host->message;
	struct monitor *monitor = &connection->host->monitor;
	int r;

	while (monitor_peek(monitor, &connection->subscription, message)) {
		message_seal(message);
		r = try_send(connection, message->data, message->length, NULL, 0);
		if (r < 0)
			return r;
		monitor_take(monitor, &connection->subscription);
	}
	return 0;
}

/* Messages that the socket has not taken yet. */
unsigned int connection_unread(const struct connection *connection)
{
	const struct packet *packet;
	unsigned int n = 0;

	for (packet = connection->queue; packet; packet = packet->next)
		n++;
	return n + monitor_backlog(&connection->host->monitor, &connection->subscription);
}

/* ---- receiving -------------------------------------------------------------------------------------------------- */

/*
 * No control buffer: descriptors that a client attaches uninvited are dropped by the kernel and never enter our table.
 * MSG_TRUNC: the length returned is the packet's, even if it is longer than the buffer.
 */
static ssize_t receive(struct connection *connection)
{
	ssize_t n = recv(connection->fd, connection->host->packet, sizeof(connection->host->packet),
			 MSG_DONTWAIT | MSG_TRUNC);

	return n < 0 ? -errno : n;
}

/* An empty packet and the end of the stream both read as 0. */
static bool has_hung_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };

	return poll(&poll_fd, 1, 0) != 0;
}

static void refuse(struct connection *connection, const struct mmiod_msg *head,
		   enum mmiod_outcome outcome, const char *reason)
{
	struct message *message = &connection->host->message;

	reply_error(message, head, outcome, "%s", reason);
	connection_send(connection, message);
	if (outcome == MMIOD_E_PROTOCOL)
		connection_doom(connection);
}

static void handle_packet(struct connection *connection, size_t length)
{
	struct decode_error error;
	struct request request;

	if (!request_decode(connection->host->packet, length, &request, &error))
		refuse(connection, &request.head,
		       connection->greeted ? error.outcome : MMIOD_E_PROTOCOL, error.reason);
	else if (!connection->greeted && request.head.opcode != MMIOD_OP_HELLO)
		refuse(connection, &request.head, MMIOD_E_PROTOCOL,
		       "the first message must be HELLO");
	else
		connection->host->request(connection, &request);
}

static void handle_empty(struct connection *connection)
{
	static const struct mmiod_msg none;

	if (has_hung_up(connection->fd))
		connection_doom(connection);
	else
		refuse(connection, &none, MMIOD_E_PROTOCOL, "an empty packet is no message");
}

/* Answers requests until there are none, a reply has to wait, or others must have their turn. */
static void read_requests(struct connection *connection)
{
	for (int i = 0; connection->readable && !connection->queue && !connection->doomed; i++) {
		ssize_t n;

		if (i == WORK_PER_WAKE) {
			event_add(&connection->resume, &at_once);
			return;
		}
		n = receive(connection);
		if (n > 0) {
			handle_packet(connection, (size_t)n);
		} else if (n == 0) {
			handle_empty(connection);
		} else if (n == -EAGAIN) {
			connection->readable = false; /* until the next edge */
		} else if (n != -EINTR) {
			connection_doom(connection);
		}
	}
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

/* The connection may be gone afterwards. */
static void run(struct connection *connection)
{
	int r = flush_queue(connection);

	if (r == 0 && !connection->doomed)
		r = send_news(connection);
	if (r == 0 && !connection->doomed)
		r = send_notices(connection);
	if (r == 0)
		read_requests(connection);
	if ((r != 0 && r != -EAGAIN) || (connection->doomed && !connection->queue))
		connection_free(connection);
	else
		set_blocked(connection, connection->queue || r == -EAGAIN);
}

static void on_incoming(evutil_socket_t fd, short what, void *data)
{
	struct connection *connection = data;

	connection->readable = true;
	run(connection);
}

static void on_room(evutil_socket_t fd, short what, void *data)
{
	run(data);
}

/* No HELLO in time, or the last reply was not taken. */
static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct connection *connection = data;
	static const struct mmiod_msg hello = { .opcode = MMIOD_OP_HELLO };

	if (!connection->greeted && !connection->doomed)
		refuse(connection, &hello, MMIOD_E_TIMEOUT, "no HELLO in time");
	connection_free(connection);
}

/* Lets go of the connection in the next turn of the loop, when its last reply is out, or after a while without. */
void connection_doom(struct connection *connection)
{
	if (connection->doomed)
		return;
	connection->doomed = true;
	event_add(&connection->timer, &linger_time);
	event_add(&connection->resume, &at_once);
}

/* Something waits to be sent. */
void connection_wake(struct connection *connection)
{
	event_add(&connection->resume, &at_once);
}

void connection_greeted(struct connection *connection)
{
	connection->greeted = true;
	event_del(&connection->timer);
}

/* Takes over the descriptor, the peer's content and the charge if it succeeds. */
int connection_new(struct connection_host *host, int fd, const struct peer *peer,
		   const struct charge *charge, struct connection **connectionp)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return -ENOMEM;
	connection->host = host;
	connection->id = ++host->last_id;
	connection->started = (uint64_t)time(NULL);
	connection->fd = fd;
	event_assign(&connection->incoming, host->base, fd, EV_READ | EV_ET | EV_PERSIST,
		     on_incoming, connection);
	event_assign(&connection->outgoing, host->base, fd, EV_WRITE | EV_ET | EV_PERSIST, on_room,
		     connection);
	evtimer_assign(&connection->resume, host->base, on_room, connection);
	evtimer_assign(&connection->timer, host->base, on_timer, connection);
	if (event_add(&connection->incoming, NULL) < 0 ||
	    event_add(&connection->timer, host->hello_timeout) < 0) {
		event_del(&connection->incoming);
		free(connection);
		return -ENOMEM;
	}
	connection->peer = *peer;
	connection->charge = *charge;
	DL_APPEND(host->connections, connection);
	host->n_connections++;
	if (connectionp)
		*connectionp = connection;
	return 0;
}

/*
 * Closes a socket so that the peer can still read what was sent to it: closing with unread packets would give it
 * ECONNRESET first. After the shutdown none can come, so the loop ends.
 */
void connection_hang_up(int fd)
{
	char byte;

	shutdown(fd, SHUT_RD);
	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
	close(fd);
}

void connection_free(struct connection *connection)
{
	struct connection_host *host = connection->host;

	if (host->closed)
		host->closed(connection);
	while (connection->leases.head)
		lease_detach(connection->leases.head);
	monitor_end(&host->monitor, &connection->subscription);
	/* The events first: epoll must not hear of a descriptor that is somebody else's by then. */
	event_del(&connection->incoming);
	event_del(&connection->outgoing);
	event_del(&connection->resume);
	event_del(&connection->timer);
	connection_hang_up(connection->fd);
	while (connection->queue) {
		struct packet *packet = connection->queue;

		LL_DELETE(connection->queue, packet);
		packet_free(packet);
	}
	DL_DELETE(host->connections, connection);
	host->n_connections--;
	charge_release(&connection->charge);
	peer_clear(&connection->peer);
	free(connection);
}
