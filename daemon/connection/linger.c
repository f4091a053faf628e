// SPDX-License-Identifier: MIT
/* Sockets of closed connections whose descriptors are still in flight. */
#include <sys/socket.h>
#include "connection/linger.h"
#include "connection/socket.h"

struct lingering {
	struct connection_host *host;
	int fd;
	struct event event;
	struct charge connection;
	struct charge flight;
	struct lingering *prev, *next;
};

static void lingering_free(struct lingering *lingering)
{
	event_del(&lingering->event);
	socket_hang_up(lingering->fd);
	charge_release(&lingering->flight);
	charge_release(&lingering->connection);
	DL_DELETE(lingering->host->lingering, lingering);
	free(lingering);
}

/*
 * The kernel makes an edge when the last message is read, and when the peer's end is closed with
 * messages in it.
 */
static void on_edge(evutil_socket_t fd, short what, void *data)
{
	struct lingering *lingering = data;

	if (socket_all_read(fd))
		lingering_free(lingering);
}

/* Takes over the socket, which no event watches any more, and the charges; nothing if it fails. */
int lingering_new(struct connection *connection)
{
	struct connection_host *host = connection->host;
	struct lingering *lingering = calloc(1, sizeof(*lingering));

	if (!lingering)
		return -ENOMEM;
	lingering->host = host;
	lingering->fd = connection->fd;
	event_assign(&lingering->event, host->base, lingering->fd, EV_WRITE | EV_ET | EV_PERSIST,
		     on_edge, lingering);
	if (event_add(&lingering->event, NULL) < 0) {
		free(lingering);
		return -ENOMEM;
	}
	shutdown(lingering->fd, SHUT_RDWR);
	lingering->connection = connection->charge;
	lingering->flight = connection->flight;
	connection->charge.user = connection->flight.user = NULL;
	DL_APPEND(host->lingering, lingering);
	return 0;
}

void lingering_clear(struct connection_host *host)
{
	while (host->lingering)
		lingering_free(host->lingering);
}
