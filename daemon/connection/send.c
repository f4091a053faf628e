// SPDX-License-Identifier: MIT
/*
 * Sends, and keeps what a client has yet to read. Descriptors in flight count against the *sender*:
 * a daemon without privileges that has as many of them as it may have open can send none to anybody
 * (ETOOMANYREFS). So
 *  - at most one message with descriptors is unread by a client; the next one waits;
 *  - those in flight and those that wait are charged to the user, and a request beyond the limit is
 *    refused;
 *  - they stay charged when the connection is closed, until they are read or the peer is gone
 *    (linger.c).
 */
#include <string.h>
#include "connection/connection.h"
#include "connection/journal.h"
#include "connection/socket.h"

/* Notices that a packet has, and as many as are a unit of work. */
#define NOTICES_AT_ONCE 64u
#define NOTICES_FOR_WORK 4u

static const struct timeval retry_time = { 0, 20000 }, linger_time = { 2, 0 };

struct packet {
	struct packet *next;
	struct charge charge; /* as an unread reply */
	struct charge descriptors;
	size_t length;
	size_t n_fds;
	int fds[MMIOD_MSG_FDS_MAX];
	uint8_t data[];
};

/*
 * Lets go of the connection in the next turn of the loop, when its last reply is out, or after a
 * while without.
 */
void connection_doom(struct connection *connection)
{
	if (connection->doomed || connection->closed)
		return;
	connection->doomed = true;
	event_add(&connection->timer, &linger_time);
	turn_ask(connection);
}

/* Something waits to be sent. */
void connection_wake(struct connection *connection)
{
	if (!connection->closed)
		turn_ask_later(connection);
}

/* A client that is greeted has its timer for the time that it leaves replies unread. */
static void watch_reader(struct connection *connection)
{
	if (!connection->greeted || connection->doomed)
		return;
	if (connection->queue)
		event_add(&connection->timer, connection->host->slow_reader_timeout);
	else
		event_del(&connection->timer);
}

/*
 * Descriptors that have been read are charged no more. The kernel tells when asked, and not
 * otherwise.
 */
void connection_settle(struct connection *connection)
{
	if (connection->flight.user && socket_all_read(connection->fd))
		charge_release(&connection->flight);
}

static bool may_have(const struct connection_host *host, const struct user *user, size_t n_fds,
		     uint64_t limit)
{
	return user->used[USER_UNREAD_DESCRIPTORS] + n_fds <= limit &&
	       users_have_room(&host->users, user, USER_UNREAD_DESCRIPTORS, n_fds);
}

/* Whether the user may have so many more descriptors unread. */
bool connection_has_room(struct connection *connection, size_t n_fds)
{
	struct connection_host *host = connection->host;
	const struct user *user = connection->charge.user;
	uint64_t limit = host->limits->unread_descriptors_per_user;
	struct connection *other;

	if (may_have(host, user, n_fds, limit))
		return true;
	DL_FOREACH2(user->connections, other, user_next)
		connection_settle(other);
	return may_have(host, user, n_fds, limit);
}

/* The user exists, so this cannot fail; the limit was asked for when the descriptors were made. */
static void charge_descriptors(struct connection *connection, struct charge *charge, size_t n_fds)
{
	*charge = (struct charge){ 0 };
	if (n_fds)
		charge_take_amount(charge, &connection->host->users,
				   holder_payer(&connection->peer.holder), USER_UNREAD_DESCRIPTORS,
				   n_fds, UINT64_MAX);
}

/*
 * 0: sent, and the charge is the connection's. -EAGAIN: later; an edge of the socket, or the timer
 * that is started here, will say when. Other: the connection is lost.
 */
static int try_send(struct connection *connection, const void *data, size_t length, const int *fds,
		    size_t n_fds, struct charge *charge)
{
	int r;

	if (n_fds)
		connection_settle(connection);
	if (n_fds && connection->flight.user)
		return -EAGAIN;
	turn_spend(connection->host, 1);
	r = socket_send(connection->fd, data, length, fds, n_fds);
	if (r == 0 && n_fds) {
		connection->flight = *charge;
		charge->user = NULL;
	}
	/* Our shortage, not the client's fault: nothing will tell when it is over. */
	if (r == -ETOOMANYREFS || r == -ENOBUFS || r == -ENOMEM) {
		event_add(&connection->retry, &retry_time);
		return -EAGAIN;
	}
	return r;
}

static void packet_free(struct packet *packet)
{
	while (packet->n_fds)
		close(packet->fds[--packet->n_fds]);
	charge_release(&packet->descriptors);
	charge_release(&packet->charge);
	free(packet);
}

/* Takes the message's descriptors and their charge over if it succeeds. */
static int enqueue(struct connection *connection, struct message *message, struct charge *charge)
{
	struct connection_host *host = connection->host;
	struct packet *packet = malloc(sizeof(*packet) + message->length);
	int r;

	if (!packet)
		return -ENOMEM;
	r = charge_take(&packet->charge, &host->users, holder_payer(&connection->peer.holder),
			USER_UNREAD_REPLIES, host->limits->unread_replies_per_user);
	if (r < 0) {
		free(packet);
		return r;
	}
	packet->length = message->length;
	memcpy(packet->data, message->data, message->length);
	packet->n_fds = message->n_fds;
	memcpy(packet->fds, message->fds, sizeof(packet->fds));
	packet->descriptors = *charge;
	charge->user = NULL;
	message->n_fds = 0;
	LL_APPEND(connection->queue, packet);
	return 0;
}

void connection_drop_queue(struct connection *connection)
{
	while (connection->queue) {
		struct packet *packet = connection->queue;

		LL_DELETE(connection->queue, packet);
		packet_free(packet);
	}
}

void connection_set_blocked(struct connection *connection, bool blocked)
{
	if (connection->blocked == blocked)
		return;
	connection->blocked = blocked;
	if (blocked)
		event_add(&connection->outgoing, NULL);
	else
		event_del(&connection->outgoing);
}

static int queue_up(struct connection *connection, struct message *message, struct charge *charge)
{
	bool first = !connection->queue;
	int r = enqueue(connection, message, charge);

	if (r == -EDQUOT || r == -EUSERS) {
		connection->host->counters.quota_refusals[MMIOD_LIMIT_UNREAD_REPLIES]++;
		journal_dropped(connection, "as many replies as unread-replies-per-user in "
					    "[daemon] admits wait for its user to read them");
	}
	if (r == 0 && first)
		watch_reader(connection);
	return r;
}

/*
 * Sends or queues the message; its descriptors are gone in any case. A client that cannot be
 * answered is dropped.
 */
int connection_send(struct connection *connection, struct message *message)
{
	struct charge charge;
	int r = -EAGAIN;

	message_seal(message);
	charge_descriptors(connection, &charge, message->n_fds);
	if (!connection->queue)
		r = try_send(connection, message->data, message->length, message->fds,
			     message->n_fds, &charge);
	if (r == -EAGAIN)
		r = queue_up(connection, message, &charge);
	if (connection->queue)
		connection_set_blocked(connection, true);
	if (r < 0)
		connection_doom(connection);
	charge_release(&charge);
	message_close_fds(message);
	return r;
}

/* Sends what waits, as far as the socket takes it. */
int connection_flush(struct connection *connection)
{
	while (connection->queue) {
		struct packet *packet = connection->queue;
		int r = try_send(connection, packet->data, packet->length, packet->fds,
				 packet->n_fds, &packet->descriptors);

		if (r < 0)
			return r;
		LL_DELETE(connection->queue, packet);
		packet_free(packet);
		watch_reader(connection);
	}
	return 0;
}

/* Events; those that the socket does not take, or that are too many, stay with their leases. */
int connection_send_events(struct connection *connection)
{
	struct message *message = &connection->host->message;
	struct lease *lease;
	int r;

	while ((lease = connection->leases.head) && lease_has_pending_event(lease) &&
	       !turn_is_over(connection->host)) {
		struct lease_pending_event before = lease->pending;
		struct mmiod_msg_event event = { .lease = lease->id };

		event.type = lease_take_event(lease, &event.deadline_ms);
		event_begin(message, &event, sizeof(event), lease_why(lease));
		r = try_send(connection, message->data, message->length, NULL, 0, NULL);
		if (r == 0)
			continue;
		lease->pending = before;
		lease_attach(lease, &connection->leases);
		return r;
	}
	return 0;
}

/*
 * A monitor that does not read makes its socket full; notices that then pass it by in the ring are
 * lost to it. One that knows of it gets several in a packet, which is most of what one costs.
 */
int connection_send_notices(struct connection *connection)
{
	struct message *message = &connection->host->message;
	struct monitor *monitor = &connection->host->monitor;
	const unsigned int most = connection->takes_many ? NOTICES_AT_ONCE : 1;
	unsigned int n;
	int r;

	while (!turn_is_over(connection->host) &&
	       (n = monitor_peek(monitor, &connection->subscription, message, most))) {
		turn_spend(connection->host, n / NOTICES_FOR_WORK);
		r = try_send(connection, message->data, message->length, NULL, 0, NULL);
		if (r < 0)
			return r;
		monitor_take(monitor, &connection->subscription, n);
	}
	return 0;
}

/* Whether there are events or notices that it has yet to be sent. */
bool connection_has_pending(const struct connection *connection)
{
	const struct lease *first = connection->leases.head;

	return (first && lease_has_pending_event(first)) ||
	       (connection->subscription.on &&
		monitor_backlog(&connection->host->monitor, &connection->subscription));
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
