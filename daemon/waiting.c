// SPDX-License-Identifier: MIT
/*
 * Requests that wait until blocks of a pool have been wiped, so that the daemon need not wipe more than a little while it
 * answers. Such a request has nothing granted; when the blocks are clean it is tried anew, as if it came then. Others may
 * be faster, so the tries are counted.
 */
#include <string.h>
#include "log.h"
#include "wish.h"

#define WAITING_MAX 16 /* requests of one connection that have yet to be answered */
#define TRIES_MAX 64 /* others may take what one waits for */

struct waiting {
	struct connection *connection;
	char region[MMIOD_NAME_MAX];
	uint64_t start; /* what must be wiped */
	uint64_t end;
	struct request request; /* its array follows */
	struct waiting *prev, *next;
	uint8_t array[];
};

static void waiting_free(struct daemon *daemon, struct waiting *waiting)
{
	DL_DELETE(daemon->waiting, waiting);
	waiting->connection->deferred--;
	free(waiting);
}

/* Keeps the wish's request. Negative: it cannot wait. */
int wish_wait(struct wish *wish)
{
	const struct request *request = wish->call->request;
	size_t size = (size_t)request->head.count * request->head.stride;
	struct daemon *daemon = wish->call->daemon;
	struct waiting *waiting;

	if (wish->call->connection->deferred >= WAITING_MAX || request->tries >= TRIES_MAX)
		return -EBUSY;
	waiting = calloc(1, sizeof(*waiting) + size);
	if (!waiting)
		return -ENOMEM;
	waiting->connection = wish->call->connection;
	memcpy(waiting->region, wish->region->name, sizeof(waiting->region));
	waiting->start = wish->wait_start;
	waiting->end = wish->wait_end;
	waiting->request = *request;
	memcpy(waiting->array, request->array, size);
	waiting->request.array = waiting->array;
	waiting->request.tries++;
	waiting->connection->deferred++;
	DL_APPEND(daemon->waiting, waiting);
	return 0;
}

static bool is_ready(const struct daemon *daemon, const struct waiting *waiting)
{
	const struct region *region = region_find(&daemon->regions, waiting->region);

	return !region || !region->blocks ||
	       !interval_overlap(&region->blocks->dirty, waiting->start, waiting->end);
}

/* Called from the loop's own turn, never from within a request. One that waits again stands at the tail. */
void waiting_try(struct daemon *daemon)
{
	struct waiting *last = daemon->waiting ? daemon->waiting->prev : NULL, *waiting, *next;

	for (waiting = daemon->waiting; waiting; waiting = next) {
		next = waiting == last ? NULL : waiting->next;
		if (!is_ready(daemon, waiting))
			continue;
		DL_DELETE(daemon->waiting, waiting);
		waiting->connection->deferred--;
		request_dispatch(waiting->connection, &waiting->request);
		free(waiting);
	}
}

/* The connection goes; NULL: all do. */
void waiting_forget(struct daemon *daemon, const struct connection *connection)
{
	struct waiting *waiting, *next;

	for (waiting = daemon->waiting; waiting; waiting = next) {
		next = waiting->next;
		if (!connection || waiting->connection == connection)
			waiting_free(daemon, waiting);
	}
}
