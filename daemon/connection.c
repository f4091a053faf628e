// SPDX-License-Identifier: MIT
/*
 * One client. The rules that keep a bad client from harming
 * others (those of sending are in connection-send.c):
 *  - at most WORK_PER_WAKE is done for it in one turn of the loop;
 *  - while a reply waits for room in the socket, no further request is read;
 *  - one that does not take its replies for the time of slow-reader-timeout is dropped;
 *  - events wait with the lease that they are about, so they need no queue.
 *
 * The socket's events are edge-triggered because only that tells of room being made: a UNIX socket
 * that was writable before the peer read something is writable after it. The one for writing is
 * added only while something waits, or every reply that a client reads would wake the daemon.
 */
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include "connection.h"
#include "journal.h"
#include "remnant.h"

#define WORK_PER_WAKE 16 /* messages */
#define ELEMENTS_PER_WORK 16 /* of a message's array that make it count as one more */

static const struct timeval at_once = { 0, 0 };
static const struct timeval linger_time = { 2, 0 };

/* ---- receiving ------------------------------------------------------------------------------- */

/*
 * No control buffer: descriptors that a client attaches uninvited are dropped by the kernel and
 * never enter our table. MSG_TRUNC: the length returned is the packet's, even if it is longer than
 * the buffer.
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
	if (outcome == MMIOD_E_PROTOCOL) {
		connection->host->counters.protocol_errors++;
		connection_doom(connection);
	}
}

static void count_request(struct connection_host *host, uint16_t opcode)
{
	host->counters.requests[opcode < COUNTED_OPCODES ? opcode : 0]++;
}

/* Returns how much work it was. */
static unsigned int handle_packet(struct connection *connection, size_t length)
{
	struct decode_error error;
	struct request request;

	if (!request_decode(connection->host->packet, length, &request, &error)) {
		count_request(connection->host, 0);
		refuse(connection, &request.head,
		       connection->greeted ? error.outcome : MMIOD_E_PROTOCOL, error.reason);
	} else if (!connection->greeted && request.head.opcode != MMIOD_OP_HELLO) {
		refuse(connection, &request.head, MMIOD_E_PROTOCOL,
		       "the first message must be HELLO");
	} else {
		count_request(connection->host, request.head.opcode);
		connection->host->request(connection, &request);
	}
	return 1 + request.head.count / ELEMENTS_PER_WORK;
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
	unsigned int work = 0;

	while (connection->readable && !connection->queue && !connection->doomed) {
		ssize_t n;

		if (work >= WORK_PER_WAKE) {
			event_add(&connection->resume, &at_once);
			return;
		}
		n = receive(connection);
		if (n > 0) {
			work += handle_packet(connection, (size_t)n);
		} else if (n == 0) {
			handle_empty(connection);
		} else if (n == -EAGAIN) {
			connection->readable = false; /* until the next edge */
		} else if (n != -EINTR) {
			connection_doom(connection);
		}
	}
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The connection may be gone afterwards. */
static void run(struct connection *connection)
{
	int r = connection_flush(connection);

	if (r == 0 && !connection->doomed)
		r = connection_send_news(connection);
	if (r == 0 && !connection->doomed)
		r = connection_send_notices(connection);
	if (r == 0)
		read_requests(connection);
	if ((r != 0 && r != -EAGAIN) || (connection->doomed && !connection->queue))
		connection_free(connection);
	else
		connection_set_blocked(connection, connection->queue || r == -EAGAIN);
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

/* No HELLO in time, replies that are not read, or the last reply was not taken. */
static void on_timer(evutil_socket_t fd, short what, void *data)
{
	struct connection *connection = data;
	static const struct mmiod_msg hello = { .opcode = MMIOD_OP_HELLO };

	if (!connection->greeted && !connection->doomed) {
		connection->host->counters.hello_timeouts++;
		refuse(connection, &hello, MMIOD_E_TIMEOUT, "no HELLO in time");
	} else if (!connection->doomed) {
		connection->host->counters.slow_readers++;
		journal_dropped(connection, "it did not read its replies in the time of "
					    "slow-reader-timeout in [daemon]");
	}
	connection_free(connection);
}

/*
 * Lets go of the connection in the next turn of the loop,
 * when its last reply is out, or after a while without.
 */
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

/* A client that is greeted has its timer for the time that it leaves replies unread. */
void connection_watch_reader(struct connection *connection)
{
	if (!connection->greeted || connection->doomed)
		return;
	if (connection->queue)
		event_add(&connection->timer, connection->host->slow_reader_timeout);
	else
		event_del(&connection->timer);
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
	DL_APPEND2(charge->user->connections, connection, user_prev, user_next);
	host->n_connections++;
	if (connectionp)
		*connectionp = connection;
	return 0;
}

/*
 * Closes a socket so that the peer can still read what was sent to it: closing with unread packets
 * would give it ECONNRESET first. After the shutdown none can come, so the loop ends.
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
	DL_DELETE2(connection->charge.user->connections, connection, user_prev, user_next);
	/* The events first: epoll must not hear of a descriptor that is somebody else's by then. */
	event_del(&connection->incoming);
	event_del(&connection->outgoing);
	event_del(&connection->resume);
	event_del(&connection->timer);
	connection_drop_queue(connection);
	connection_settle(connection);
	if (!connection->flight.user || remnant_new(connection) < 0)
		connection_hang_up(connection->fd);
	DL_DELETE(host->connections, connection);
	host->n_connections--;
	charge_release(&connection->flight);
	charge_release(&connection->charge);
	peer_clear(&connection->peer);
	free(connection);
}
