// SPDX-License-Identifier: MIT
/*
 * Requests that wait, with nothing granted, and are then
 * tried anew as a whole. Two things are waited for:
 *  - blocks of a pool that must be wiped, so that the daemon need not wipe more than a little while
 *    it answers. Others may be faster, so these tries are counted;
 *  - what others hold, if the client said for how long it waits. Of requests for the same bytes the
 *    older goes first: a younger one that does not go together with it waits behind it, or is
 *    refused if it does not wait, even if it would go together with those who hold them now. So
 *    nobody is starved by a stream of others. Of a pool nobody asks for certain bytes: there the
 *    older is only tried first.
 *
 * Requests are in order of their tickets, which they keep however often they are tried. Their
 * number is bounded for each user and each connection.
 */
#include <inttypes.h>
#include <string.h>
#include "log.h"
#include "wish.h"

#define WAITING_MAX 16 /* requests of one connection that have yet to be answered */
#define TRIES_MAX 64 /* others may take what was wiped for one */

struct waiting {
	struct daemon *daemon;
	struct connection *connection;
	struct charge charge;
	struct event timer; /* if the time is limited */
	bool for_holder; /* else for wiping */
	char region[MMIOD_NAME_MAX];
	uint64_t start; /* what must be wiped, or be free */
	uint64_t end;
	uint32_t rights;
	enum mmiod_share share;
	struct request request; /* its array follows */
	struct waiting *prev, *next;
	uint8_t array[];
};

static const struct timeval at_once = { 0, 0 };

static void waiting_free(struct waiting *waiting)
{
	DL_DELETE(waiting->daemon->waiting, waiting);
	if (waiting->for_holder)
		event_del(&waiting->timer);
	charge_release(&waiting->charge);
	waiting->connection->deferred--;
	free(waiting);
}

/* Takes it from the queue for good, and answers it or queues it again under the same ticket. */
static void try(struct waiting *waiting)
{
	struct daemon *daemon = waiting->daemon;

	DL_DELETE(daemon->waiting, waiting);
	if (waiting->for_holder)
		event_del(&waiting->timer);
	charge_release(&waiting->charge);
	waiting->connection->deferred--;
	request_dispatch(waiting->connection, &waiting->request);
	free(waiting);
}

/* ---- joining --------------------------------------------------------------------------------- */

static void on_time_over(evutil_socket_t fd, short what, void *data)
{
	struct waiting *waiting = data;

	waiting->request.wait_over = true;
	try(waiting);
}

/* What is left of the time that the client gave. */
static void start_timer(struct waiting *waiting)
{
	const struct request *request = &waiting->request;
	uint32_t wait_ms = request->fixed.lease.wait_ms;
	uint64_t waited = daemon_boot_ms() - request->arrived_ms;
	uint64_t left = waited < wait_ms ? wait_ms - waited : 0;
	struct timeval time = { (time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000) };

	evtimer_assign(&waiting->timer, waiting->daemon->host.base, on_time_over, waiting);
	if (wait_ms != UINT32_MAX)
		event_add(&waiting->timer, &time);
}

static void insert(struct daemon *daemon, struct waiting *waiting)
{
	struct waiting *behind = daemon->waiting;

	/* Behind the tail, which is the head's prev, goes every new ticket. */
	if (behind && behind->prev->request.ticket < waiting->request.ticket)
		behind = NULL;
	while (behind && behind->request.ticket < waiting->request.ticket)
		behind = behind->next;
	if (behind)
		DL_PREPEND_ELEM(daemon->waiting, behind, waiting);
	else
		DL_APPEND(daemon->waiting, waiting);
}

static struct waiting *make(struct wish *wish)
{
	const struct request *request = wish->call->request;
	size_t size = (size_t)request->head.count * request->head.stride;
	struct waiting *waiting = calloc(1, sizeof(*waiting) + size);

	if (!waiting)
		return NULL;
	waiting->daemon = wish->call->daemon;
	waiting->connection = wish->call->connection;
	memcpy(waiting->region, wish->region->name, sizeof(waiting->region));
	waiting->for_holder = wish->wait == WISH_WAITS_FOR_HOLDER;
	waiting->start = wish->wait_start;
	waiting->end = wish->wait_end;
	waiting->rights = wish->want.rights;
	waiting->share = wish->share;
	waiting->request = *request;
	memcpy(waiting->array, request->array, size);
	waiting->request.array = waiting->array;
	return waiting;
}

static int refuse_more(struct wish *wish, uint32_t limit)
{
	wish->limit = MMIOD_LIMIT_WAITING;
	wish_refuse(
		wish, MMIOD_E_QUOTA,
		"uid %u has %u requests that wait, as many as waiting-per-user in [daemon] admits",
		wish->call->connection->peer.subject.uid, limit);
	return -EDQUOT;
}

/*
 * Keeps the wish's request. Negative: it cannot wait; -EDQUOT:
 * because its user has too many, and the wish says so.
 */
int wish_wait(struct wish *wish)
{
	struct connection *connection = wish->call->connection;
	struct daemon *daemon = wish->call->daemon;
	uint32_t limit = daemon->config->limits.waiting_per_user;
	struct waiting *waiting;
	bool wipe = wish->wait == WISH_WAITS_FOR_WIPE;

	if (connection->deferred >= WAITING_MAX ||
	    (wipe && wish->call->request->tries >= TRIES_MAX))
		return -EBUSY;
	waiting = make(wish);
	if (!waiting)
		return -ENOMEM;
	if (!wipe && charge_take(&waiting->charge, &connection->host->users,
				 connection->peer.subject.uid, USER_WAITING, limit) < 0) {
		free(waiting);
		return refuse_more(wish, limit);
	}
	waiting->request.tries += wipe;
	if (!waiting->request.ticket) {
		waiting->request.ticket = ++daemon->last_ticket;
		waiting->request.arrived_ms = daemon_boot_ms();
	}
	if (!wipe)
		start_timer(waiting);
	connection->deferred++;
	insert(daemon, waiting);
	return 0;
}

/* ---- whose turn it is ------------------------------------------------------------------------ */

static bool is_for(const struct waiting *waiting, const struct region *region, uint64_t start,
		   uint64_t end)
{
	return waiting->for_holder && waiting->start < end && start < waiting->end &&
	       !strcmp(waiting->region, region->name);
}

/*
 * A request with a lower ticket that waits for some of
 * these bytes and does not go together with this; or NULL.
 */
static const struct waiting *find_ahead(const struct daemon *daemon, const struct region *region,
					uint64_t start, uint64_t end, uint32_t rights,
					enum mmiod_share share, uint64_t ticket)
{
	const struct waiting *waiting = region->blocks ? NULL : daemon->waiting;

	for (; waiting && (!ticket || waiting->request.ticket < ticket); waiting = waiting->next)
		if (is_for(waiting, region, start, end) &&
		    !lease_goes_with(waiting->rights, waiting->share, rights, share))
			return waiting;
	return NULL;
}

/* Refuses the wish if an older request waits for its bytes. */
enum mmiod_outcome wish_check_turn(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	const struct waiting *ahead = find_ahead(wish->call->daemon, wish->region, want->offset,
						 want->offset + want->length, want->rights,
						 wish->share, wish->call->request->ticket);
	const struct holder *holder;
	char comm[64], name[USER_NAME_MAX];
	uint64_t waited;

	if (!ahead)
		return MMIOD_OK;
	holder = &ahead->connection->peer.holder;
	waited = (daemon_boot_ms() - ahead->request.arrived_ms) / 1000;
	text_escape(comm, sizeof(comm), holder->comm, sizeof(holder->comm));
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	text_add(&wish->text,
		 "0x%" PRIx64 "+0x%" PRIx64
		 " of region %s is wanted by user %s (uid %u), pid %u (%s), "
		 "%s, who has waited for it for ",
		 want->offset, want->length, wish->region->name,
		 daemon_user_name(wish->call->daemon, holder->uid, name, sizeof(name)), holder->uid,
		 holder->pid, comm, share_name(ahead->share));
	text_add_age(&wish->text, waited);
	return MMIOD_E_BUSY;
}

static bool is_wiped(const struct waiting *waiting, const struct region *region)
{
	return !region->blocks ||
	       !interval_overlap(&region->blocks->dirty, waiting->start, waiting->end);
}

/* Cheap: most of those who wait are not helped by what has just ended. */
static bool is_free(const struct waiting *waiting, const struct region *region)
{
	if (!region->config || !region->claimed || waiting->daemon->try_all)
		return true; /* to be told so */
	if (!region->freed)
		return false;
	return region->blocks ||
	       (!lease_conflict(region, waiting->start, waiting->end - waiting->start,
				waiting->rights, waiting->share) &&
		!find_ahead(waiting->daemon, region, waiting->start, waiting->end, waiting->rights,
			    waiting->share, waiting->request.ticket));
}

static bool is_ready(const struct daemon *daemon, const struct waiting *waiting)
{
	const struct region *region = region_find(&daemon->regions, waiting->region);

	if (!region)
		return true;
	return waiting->for_holder ? is_free(waiting, region) : is_wiped(waiting, region);
}

/*
 * Called from the loop's own turn, never from within a
 * request. One that waits again stands where it stood.
 */
void waiting_try(struct daemon *daemon)
{
	struct waiting *last = daemon->waiting ? daemon->waiting->prev : NULL, *waiting, *next;

	for (waiting = daemon->waiting; waiting; waiting = next) {
		next = waiting == last ? NULL : waiting->next;
		if (is_ready(daemon, waiting))
			try(waiting);
	}
	for (struct region *region = daemon->regions.table; region; region = region->hh.next)
		region->freed = false;
	daemon->try_all = false;
}

static void on_freed(evutil_socket_t fd, short what, void *data)
{
	waiting_try(data);
}

/* Bytes of the region came free, or what kept a request from being tried has changed. */
void waiting_note_end(struct daemon *daemon, struct region *region)
{
	region->freed = true;
	if (daemon->waiting)
		event_add(&daemon->freed, &at_once);
}

/* After a reload: those who may no longer have it, or whose region has gone, are to be told. */
void waiting_try_soon(struct daemon *daemon)
{
	daemon->try_all = true;
	if (daemon->waiting)
		event_add(&daemon->freed, &at_once);
}

/* ---- life ------------------------------------------------------------------------------------ */

void waiting_init(struct daemon *daemon)
{
	evtimer_assign(&daemon->freed, daemon->host.base, on_freed, daemon);
}

/* The connection goes; NULL: all do. Those behind it may have waited for it alone. */
void waiting_forget(struct daemon *daemon, const struct connection *connection)
{
	struct waiting *waiting, *next;

	for (waiting = daemon->waiting; waiting; waiting = next) {
		struct region *region;

		next = waiting->next;
		if (connection && waiting->connection != connection)
			continue;
		region = region_find(&daemon->regions, waiting->region);
		waiting_free(waiting);
		if (connection && region)
			waiting_note_end(daemon, region);
	}
}
