// SPDX-License-Identifier: MIT
/*
 * One client. The rules that keep a bad client from harming others (those of sending are in
 * send.c):
 *  - it has its share of a turn of the loop (turn.h); a request that is more than a share goes on
 *    in the next, and its leases end in as many as it takes;
 *  - while a reply waits for room in the socket, no further request is read;
 *  - one that does not take its replies for the time of slow-reader-timeout is dropped;
 *  - events wait with the lease that they are about, so they need no queue.
 *
 * The socket's events are edge-triggered because only that tells of room being made: a UNIX socket
 * that was writable before the peer read something is writable after it. The one for writing is
 * added only while something waits, or every reply that a client reads would wake the daemon.
 */
#include <sys/socket.h>
#include "base/clock.h"
#include "connection/connection.h"
#include "connection/journal.h"
#include "connection/linger.h"
#include "connection/socket.h"

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

/* It has, and there is nothing left that it sent before. */
static bool is_deserted(int fd)
{
	char byte;

	return recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0 &&
	       socket_has_hung_up(fd);
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

static void handle_packet(struct connection *connection, size_t length)
{
	struct decode_error error;
	struct request request;

	turn_spend(connection->host, WORK_MESSAGE);
	if (!request_decode(connection->host->packet, length, &request, &error)) {
		count_request(connection->host, 0);
		refuse(connection, &request.head,
		       connection->greeted ? error.outcome : MMIOD_E_PROTOCOL, error.reason);
	} else if (!connection->greeted && request.head.opcode != MMIOD_OP_HELLO) {
		refuse(connection, &request.head, MMIOD_E_PROTOCOL,
		       "the first message must be HELLO");
	} else {
		count_request(connection->host, request.head.opcode);
		turn_spend(connection->host, request.head.count);
		connection->host->request(connection, &request);
	}
}

static void handle_empty(struct connection *connection)
{
	static const struct mmiod_msg none;

	connection->deserted = socket_has_hung_up(connection->fd);
	if (connection->deserted)
		connection_doom(connection);
	else
		refuse(connection, &none, MMIOD_E_PROTOCOL, "an empty packet is no message");
}

/* Answers requests until there are none, a reply has to wait, or others must have their turn. */
static void read_requests(struct connection *connection)
{
	while (connection->readable && !connection->queue && !connection->doomed &&
	       !connection->unfinished && !turn_is_over(connection->host)) {
		ssize_t n = receive(connection);

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

/* ---- life ------------------------------------------------------------------------------------ */

static void destroy(struct connection *connection);

/*
 * A request is carried out whether the client waits for it or not, and whether it reads what it is
 * told meanwhile or not.
 */
static void go_on(struct connection *connection)
{
	struct unfinished *first = connection->unfinished;

	if (first)
		first->go_on(first);
}

void unfinished_begin(struct unfinished *unfinished, struct connection *connection)
{
	unfinished->connection = connection;
	DL_APPEND(connection->unfinished, unfinished);
}

/* Again does nothing. */
void unfinished_end(struct unfinished *unfinished)
{
	struct connection *connection = steal_pointer(unfinished->connection);

	if (connection)
		DL_DELETE(connection->unfinished, unfinished);
}

static void forget_unfinished(struct connection *connection)
{
	struct unfinished *unfinished;

	DL_FOREACH(connection->unfinished, unfinished) {
		unfinished->forget(unfinished);
	}
}

/* Some leases of one that is closed; it is gone with the last. */
static bool end_leases(struct connection *connection)
{
	go_on(connection);
	if (connection->unfinished)
		return true;
	if (connection->leases.head && connection->host->ended)
		connection->host->ended(connection);
	if (connection->leases.head)
		return true;
	destroy(connection);
	return false;
}

static bool has_more(const struct connection *connection)
{
	if (connection->unfinished)
		return true;
	if (connection->queue || connection->blocked)
		return false; /* an edge of the socket, or a timer, will tell */
	return connection->readable || connection_has_pending(connection);
}

/* Its share of a turn. Returns whether it wants more; if not, the connection may be gone. */
static bool run(struct connection *connection)
{
	int r;

	connection->served = false;
	if (connection->closed)
		return end_leases(connection);
	go_on(connection);
	if (connection->unfinished && connection->readable && is_deserted(connection->fd))
		connection_doom(connection);
	r = connection->queue ? connection_flush(connection) : 0;
	if (r == 0 && !connection->doomed)
		r = connection_send_events(connection);
	if (r == 0 && connection->subscription.on && !connection->doomed)
		r = connection_send_notices(connection);
	if (r == 0)
		read_requests(connection);
	if ((r != 0 && r != -EAGAIN) || (connection->doomed && !connection->queue)) {
		connection_free(connection);
		return false;
	}
	connection_set_blocked(connection, connection->queue || r == -EAGAIN);
	return has_more(connection);
}

static void on_incoming(evutil_socket_t fd, short what, void *data)
{
	struct connection *connection = data;

	connection->readable = true;
	turn_ask_first(connection);
}

static void on_room(evutil_socket_t fd, short what, void *data)
{
	turn_ask(data);
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

void connection_greeted(struct connection *connection)
{
	connection->greeted = true;
	event_del(&connection->timer);
}

/*
 * Whether it goes before others: when it is made, and when the configuration was read again. It
 * stands in no line that is not of its class.
 */
void connection_take_class(struct connection *connection)
{
	const struct connection_host *host = connection->host;
	bool was = connection->admin;
	enum turn_priority priority;

	connection->admin = host->is_admin && host->is_admin(connection);
	connection->user->admins += (unsigned int)connection->admin - (unsigned int)was;
	priority = connection->admin ? TURN_NEXT : TURN_LAST;
	event_priority_set(&connection->incoming, priority);
	event_priority_set(&connection->outgoing, priority);
}

void connection_mark_stranger(struct connection *connection, bool stranger)
{
	connection->host->n_strangers +=
		(unsigned int)stranger - (unsigned int)connection->stranger;
	connection->stranger = stranger;
}

/* Nobody would miss anything but the connection itself. */
bool connection_is_idle(const struct connection *connection)
{
	return !connection->leases.head && !connection->deferred && !connection->queue &&
	       !connection->flight.user && !connection->subscription.on && !connection->admin;
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
	connection->started_ms = clock_boot_ms();
	connection->accepted_ms = clock_coarse_ms();
	connection->fd = fd;
	connection->peer = *peer;
	event_assign(&connection->incoming, host->base, fd, EV_READ | EV_ET | EV_PERSIST,
		     on_incoming, connection);
	event_assign(&connection->outgoing, host->base, fd, EV_WRITE | EV_ET | EV_PERSIST, on_room,
		     connection);
	evtimer_assign(&connection->retry, host->base, on_room, connection);
	evtimer_assign(&connection->timer, host->base, on_timer, connection);
	if (event_add(&connection->incoming, NULL) < 0 ||
	    event_add(&connection->timer, host->hello_timeout) < 0) {
		event_del(&connection->incoming);
		free(connection);
		return -ENOMEM;
	}
	connection->charge = *charge;
	connection->user = charge->user;
	user_pin(connection->user);
	connection_take_class(connection);
	DL_APPEND(host->connections, connection);
	connection->of_all.id = connection->id;
	by_id_insert(&host->by_id, &connection->of_all);
	DL_APPEND2(charge->user->connections, connection, user_prev, user_next);
	host->n_connections++;
	if (connectionp)
		*connectionp = connection;
	return 0;
}

static void destroy(struct connection *connection)
{
	struct connection_host *host = connection->host;

	connection->user->admins -= connection->admin;
	turn_forget(connection);
	DL_DELETE(host->closing, connection);
	peer_clear(&connection->peer);
	charge_release(&connection->charge);
	user_unpin(&host->users, connection->user);
	free(connection);
}

static void let_go(struct connection *connection)
{
	if (connection->deserted)
		close(connection->fd);
	else
		socket_hang_up(connection->fd);
}

/* The events first: epoll must not hear of a descriptor that is somebody else's by then. */
static void close_socket(struct connection *connection)
{
	event_del(&connection->incoming);
	event_del(&connection->outgoing);
	event_del(&connection->retry);
	event_del(&connection->timer);
	connection_drop_queue(connection);
	connection_settle(connection);
	if (!connection->flight.user || lingering_new(connection) < 0)
		let_go(connection);
	charge_release(&connection->flight);
	connection->fd = -1;
}

/*
 * Closes the connection. It is gone at once, or as soon as its leases have been seen to, so many in
 * each turn.
 */
void connection_free(struct connection *connection)
{
	struct connection_host *host = connection->host;

	if (host->closed)
		host->closed(connection);
	forget_unfinished(connection);
	monitor_end(&host->monitor, &connection->subscription);
	connection_mark_stranger(connection, false);
	DL_DELETE2(connection->user->connections, connection, user_prev, user_next);
	close_socket(connection);
	DL_DELETE(host->connections, connection);
	by_id_remove(&host->by_id, &connection->of_all);
	host->n_connections--;
	connection->closed = true;
	connection->readable = false;
	DL_APPEND(host->closing, connection);
	if (end_leases(connection))
		turn_ask_later(connection);
}

/* Before any other event of the base is made (turn.h). */
void connections_init(struct connection_host *host)
{
	turn_start(host, run);
}

/* All of them, at the daemon's end: of leases no more is known afterwards, and nothing is done. */
void connections_clear(struct connection_host *host)
{
	host->closed = host->ended = NULL;
	while (host->closing || host->connections) {
		struct connection *connection = host->closing ?: host->connections;

		while (connection->leases.head)
			lease_detach(connection->leases.head);
		if (connection->closed)
			destroy(connection);
		else
			connection_free(connection);
	}
}
