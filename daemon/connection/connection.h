/* SPDX-License-Identifier: MIT */
/*
 * One client: its socket, who it is, what it has yet to be sent. The connection owns the socket and
 * its events.
 *
 * A connection is destroyed only from its own callbacks and turns; everybody else says
 * connection_doom(), which takes effect in the next turn of the loop. So a pointer to one stays
 * good during any callback.
 */
#ifndef MMIOD_DAEMON_CONNECTION_CONNECTION_H
#define MMIOD_DAEMON_CONNECTION_CONNECTION_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include "connection/audit.h"
#include "connection/counters.h"
#include "connection/monitor.h"
#include "connection/peer.h"
#include "connection/turn.h"
#include "connection/user-rate.h"
#include "lease/lease.h"
#include "wire/decode.h"
#include "wire/reply.h"

struct connection;
struct packet;
struct lingering;

/* The part that the connections of a daemon have in common; belongs to the daemon. */
struct connection_host {
	struct event_base *base;
	struct users users;
	struct user_rates user_rates;
	struct counters counters;
	const struct config_limits *limits; /* in force */
	struct turn turn;
	struct connection *connections;
	struct by_id by_id; /* of connections */
	unsigned int n_connections;
	unsigned int n_strangers;
	struct event farewell; /* of strangers, while there are any */
	bool farewell_ready;
	struct connection *closing; /* closed, but the end of their leases is not done */
	uint64_t last_id; /* of a connection */
	struct monitor monitor;
	struct lingering *lingering;
	struct event summary; /* of lines that were not logged */
	struct audits audits;
	struct message message; /* being built: there is one thread */
	_Alignas(8) uint8_t packet[MMIOD_MSG_MAX]; /* being read */
	const struct timeval *hello_timeout;
	const struct timeval *slow_reader_timeout;
	/* Answers a request by connection_send(). False: the reply is owed, and follows in time. */
	bool (*request)(struct connection *connection, const struct request *request);
	/* The connection is about to go; its leases are seen to by `ended`. NULL: nobody cares. */
	void (*closed)(struct connection *connection);
	/*
	 * Sees to some leases of a connection that is closed: takes them out of its list, until
	 * there are none.
	 */
	void (*ended)(struct connection *connection);
	/* Whether it goes before others. */
	bool (*is_admin)(const struct connection *connection);
	void *data;
};

/*
 * A request in the middle. It goes on in the turns of its connection, a share in each, and is whose
 * it is: the connection frees nothing.
 */
struct unfinished {
	struct connection *connection; /* in whose turns; NULL: it has come to its end */
	void (*go_on)(struct unfinished *unfinished); /* a share; it may be gone afterwards */
	/* The connection is closed, and nobody waits for the reply; it goes on to its end. */
	void (*forget)(struct unfinished *unfinished);
	struct unfinished *prev, *next; /* in connection->unfinished, as they were begun */
};

struct connection {
	struct connection_host *host;
	uint64_t id; /* from 1, never used again */
	struct by_id_node of_all; /* in host->by_id */
	uint64_t started_ms; /* CLOCK_BOOTTIME */
	uint64_t accepted_ms; /* clock_coarse_ms() */
	int fd;
	struct event incoming;
	struct event outgoing; /* added while something waits to be sent */
	struct event retry; /* when the kernel had no room, which nothing tells */
	struct event timer; /* until HELLO, and to linger */
	struct fair_link turn; /* in user->ready: it wants something */
	struct peer peer;
	struct user *user; /* pinned */
	struct charge charge;
	struct packet *queue; /* replies that the socket did not take */
	struct charge flight; /* descriptors of the message that may be unread */
	struct lease_list leases;
	struct subscription subscription;
	struct parking *parking; /* NULL: its leases are not parked; belongs to parked.c */
	struct unfinished attaching; /* leases of its process, after a restart */
	uint64_t attached_to; /* id of the last that was looked at */
	unsigned int deferred; /* replies owed for later */
	struct unfinished *unfinished; /* while there is one, nothing is read */
	bool admin;
	bool stranger; /* no section of the configuration could apply to it: let in for a while */
	bool served; /* it had its share, and wants more */
	bool greeted;
	bool knows_extents; /* of leases that have several */
	bool takes_many; /* notices in one packet */
	bool readable; /* the socket may have more */
	bool doomed; /* closed as soon as the queue is empty */
	bool deserted; /* the peer sends no more, and all that it sent was read */
	bool blocked; /* the socket or the client must make room first */
	bool closed; /* its socket is; its leases are left */
	struct connection *prev, *next; /* in host->connections, or host->closing */
	struct connection *user_prev, *user_next; /* in user->connections, until closed */
};

int connection_new(struct connection_host *host, int fd, const struct peer *peer,
		   const struct charge *charge, struct connection **connectionp);
void connection_free(struct connection *connection);
void connections_init(struct connection_host *host);
void connections_clear(struct connection_host *host);
void connection_greeted(struct connection *connection);
void connection_take_class(struct connection *connection);
void connection_mark_stranger(struct connection *connection, bool stranger);
bool connection_is_idle(const struct connection *connection);
void unfinished_begin(struct unfinished *unfinished, struct connection *connection);
void unfinished_end(struct unfinished *unfinished);

/* send.c: what the client has yet to read, and that it is let go. */
void connection_doom(struct connection *connection);
void connection_wake(struct connection *connection);
int connection_send(struct connection *connection, struct message *message);
int connection_flush(struct connection *connection);
int connection_send_events(struct connection *connection);
int connection_send_notices(struct connection *connection);
bool connection_has_pending(const struct connection *connection);
void connection_set_blocked(struct connection *connection, bool blocked);
void connection_drop_queue(struct connection *connection);
void connection_settle(struct connection *connection);
bool connection_has_room(struct connection *connection, size_t n_fds);
unsigned int connection_unread(const struct connection *connection);

#endif
