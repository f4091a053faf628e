// SPDX-License-Identifier: MIT
/* Sockets of closed connections whose descriptors are still in flight. */
#include <sys/socket.h>
#include "connection/linger.h"
#include "connection/socket.h"

struct remnant {
	struct connection_host *host;
	int fd;
	struct event event;
	struct charge connection;
	struct charge flight;
	struct remnant *prev, *next;
};

static void remnant_free(struct remnant *remnant)
{
	event_del(&remnant->event);
	socket_hang_up(remnant->fd);
	charge_release(&remnant->flight);
	charge_release(&remnant->connection);
	DL_DELETE(remnant->host->remnants, remnant);
	free(remnant);
}

/*
 * The kernel makes an edge when the last message is read,
 * and when the peer's end is closed with messages in it.
 */
static void on_edge(evutil_socket_t fd, short what, void *data)
{
	struct remnant *remnant = data;

	if (socket_all_read(fd))
		remnant_free(remnant);
}

/* Takes over the socket, which no event watches any more, and the charges; nothing if it fails. */
int remnant_new(struct connection *connection)
{
	struct connection_host *host = connection->host;
	struct remnant *remnant = calloc(1, sizeof(*remnant));

	if (!remnant)
		return -ENOMEM;
	remnant->host = host;
	remnant->fd = connection->fd;
	event_assign(&remnant->event, host->base, remnant->fd, EV_WRITE | EV_ET | EV_PERSIST,
		     on_edge, remnant);
	if (event_add(&remnant->event, NULL) < 0) {
		free(remnant);
		return -ENOMEM;
	}
	shutdown(remnant->fd, SHUT_RDWR);
	remnant->connection = connection->charge;
	remnant->flight = connection->flight;
	connection->charge.user = connection->flight.user = NULL;
	DL_APPEND(host->remnants, remnant);
	return 0;
}

void remnants_clear(struct connection_host *host)
{
	while (host->remnants)
		remnant_free(host->remnants);
}
