// SPDX-License-Identifier: MIT
/*
 * Requests that wait, with nothing granted, and are then tried anew as a whole. Three things are
 * waited for:
 *  - blocks of a pool that must be wiped, so that the daemon need not wipe more than a little while
 *    it answers. Others may be faster, so these tries are counted;
 *  - the end of leases that were parked and are taken for it, likewise;
 *  - what others hold, if the client said for how long it waits.
 *
 * A request that waits for what others hold stands in the queue with all that it asks for, not only
 * with what it lacks. Of requests for the same bytes the older goes first: a younger one that would
 * be in its way waits behind it, or is refused if it does not wait, even if it would go together
 * with those who hold them now. So nobody is starved by a stream of others. "bypass" in [daemon]
 * lets younger ones pass for so long. Of a pool nobody asks for certain bytes: there the older is
 * only tried first. A guest is passed by all.
 *
 * A lease that is waited for is charged as if it were had, so that one user cannot bar others from
 * more than it could have itself.
 *
 * Requests are in order of their tickets, which they keep however often they are tried. Their
 * number is bounded for each user and each connection. All leave the queue by leave(); a request
 * that leaves it for good has those behind it tried, because it may be all that they waited for.
 */
#include <inttypes.h>
#include <string.h>
#include <common/escape.h>
#include "base/log.h"
#include "broker/revocations.h"
#include "request/request.h"
#include "request/want.h"

#define WAITING_MAX 16 /* requests of one connection that have yet to be answered */
#define TRIES_MAX 64 /* others may take what was wiped for one */

/* One element of a request that waits. */
struct awaited {
	struct lease *lease; /* charged, and nothing else; owned; NULL: it will be refused */
	enum region_kind kind; /* of the region: KERNEL has no name */
	char name[MMIOD_NAME_MAX]; /* of the region, or of the device that it is of */
	uint64_t region; /* its id, which is never used again */
	bool blocks; /* that an allocator chooses: of no certain bytes */
	bool taken; /* parked leases that are being taken are in the way */
	struct interval dirty; /* what must be wiped first; empty: nothing */
};

struct waiting {
	struct broker *broker;
	struct connection *connection;
	struct charge charge;
	struct event timer;
	bool for_holder; /* else for wiping or taking, which is soon done */
	struct request request; /* its array follows the elements */
	struct waiting *prev, *next;
	size_t n_awaited;
	struct awaited awaited[];
};

/* ---- leaving --------------------------------------------------------------------------------- */

/* The way out of the queue. It is the caller's then, and charged for nothing. */
static void leave(struct waiting *waiting)
{
	DL_DELETE(waiting->broker->waitlist.head, waiting);
	event_del(&waiting->timer);
	charge_release(&waiting->charge);
	for (size_t i = 0; i < waiting->n_awaited; i++) {
		struct lease *lease = steal_pointer(waiting->awaited[i].lease);

		if (!lease)
			continue;
		lease->account->waiting--;
		lease_unbook(&waiting->broker->leases, lease);
	}
	waiting->connection->deferred--;
}

/* NULL: it has gone, or nothing of it is waited for. */
static struct region *region_of(const struct broker *broker, const struct awaited *awaited)
{
	struct device *device;

	if (awaited->kind == REGION_MEMORY)
		return region_find(&broker->regions, awaited->name);
	if (awaited->kind == REGION_KERNEL)
		return NULL;
	device = device_find(&broker->devices, awaited->name);
	return device ? &device->vectors : NULL;
}

static void wake_behind(const struct waiting *waiting)
{
	struct broker *broker = waiting->broker;

	for (size_t i = 0; i < waiting->n_awaited; i++) {
		struct region *region = region_of(broker, &waiting->awaited[i]);

		if (region)
			wakeup_note_end(broker, region);
	}
}

/* Tried as a whole: it is answered, or stands where it stood. */
static void try(struct waiting *waiting)
{
	leave(waiting);
	if (waiting->connection->host->request(waiting->connection, &waiting->request))
		wake_behind(waiting);
	free(waiting);
}

static void on_time_over(evutil_socket_t fd, short what, void *data)
{
	struct waiting *waiting = data;

	waiting->request.wait_over = true;
	waiting->broker->host.turn.spent = 0;
	try(waiting);
}

/* ---- joining --------------------------------------------------------------------------------- */

/*
 * The timer runs for the rest of the time: the client's, or the shortest that its grants or the
 * daemon admit.
 */
static void start_timer(struct waiting *waiting, uint32_t longest_ms)
{
	const struct request *request = &waiting->request;
	uint32_t wait_ms = request->fixed.lease.wait_ms;
	uint64_t waited = clock_boot_ms() - request->arrived_ms, left;
	struct timeval time;

	if (wait_ms > longest_ms)
		wait_ms = longest_ms;
	left = waited < wait_ms ? wait_ms - waited : 0;
	time = (struct timeval){ (time_t)(left / 1000), (suseconds_t)(left % 1000 * 1000) };
	event_add(&waiting->timer, &time);
}

static void insert(struct broker *broker, struct waiting *waiting)
{
	struct waiting *behind = broker->waitlist.head;

	/* Behind the tail, which is the head's prev, goes every new ticket. */
	if (behind && behind->prev->request.ticket < waiting->request.ticket)
		behind = NULL;
	while (behind && behind->request.ticket < waiting->request.ticket)
		behind = behind->next;
	if (behind)
		DL_PREPEND_ELEM(broker->waitlist.head, behind, waiting);
	else
		DL_APPEND(broker->waitlist.head, waiting);
}

static struct waiting *make(const struct want *want, size_t n)
{
	const struct request *request = want->call->request;
	size_t size = (size_t)request->head.count * request->head.stride;
	struct waiting *waiting =
		calloc(1, sizeof(*waiting) + n * sizeof(waiting->awaited[0]) + size);

	if (!waiting)
		return NULL;
	waiting->broker = want->call->broker;
	waiting->connection = want->call->connection;
	waiting->request = *request;
	waiting->request.array = memcpy(&waiting->awaited[n], request->array, size);
	waiting->n_awaited = n;
	evtimer_assign(&waiting->timer, waiting->broker->host.base, on_time_over, waiting);
	return waiting;
}

/* The want's charges become the entry's; its bytes it gives back. */
static void take_over(struct awaited *awaited, struct want *want)
{
	awaited->kind = REGION_KERNEL;
	if (!want->lease)
		return;
	want_vacate(want);
	awaited->lease = steal_pointer(want->lease);
	awaited->lease->account->waiting++;
	awaited->blocks = want->allocated;
	awaited->taken = want->wait == WANT_WAITS_FOR_TAKEN;
	if (want->wait == WANT_WAITS_FOR_WIPE)
		awaited->dirty = (struct interval){ want->wait_start, want->wait_end };
	awaited->kind = want->region->kind;
	if (awaited->kind == REGION_KERNEL)
		return;
	memcpy(awaited->name, want->region->name, sizeof(awaited->name));
	awaited->region = want->region->id;
}

static bool any_waits_for(const struct want *wants, size_t n, enum want_wait what)
{
	for (size_t i = 0; i < n; i++)
		if (wants[i].wait == what)
			return true;
	return false;
}

static uint32_t longest_wait_ms(const struct want *wants, size_t n)
{
	uint32_t longest = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		if (wants[i].wait == WANT_WAITS_FOR_HOLDER &&
		    want_longest_wait_ms(&wants[i]) < longest)
			longest = want_longest_wait_ms(&wants[i]);
	return longest;
}

static int refuse_more(struct want *wants, size_t n, uint32_t limit, int error)
{
	for (size_t i = 0; i < n; i++) {
		struct want *want = &wants[i];

		if (!want->wait)
			continue;
		want->limit = MMIOD_LIMIT_WAITING;
		if (error == -EUSERS)
			want_refuse(want, MMIOD_E_QUOTA,
				    "all users together have as many requests that wait as "
				    "\"waiting\" in [daemon] admits; its last tenth is for "
				    "administrators");
		else
			want_refuse(
				want, MMIOD_E_QUOTA,
				"uid %u has %u requests that wait, as many as waiting-per-user in "
				"[daemon] admits",
				want->holder.uid, limit);
	}
	return -EDQUOT;
}

static void give_ticket(struct waiting *waiting)
{
	struct request *request = &waiting->request;

	if (request->ticket)
		return;
	request->ticket = ++waiting->broker->waitlist.last_ticket;
	request->arrived_ms = clock_boot_ms();
}

/*
 * Keeps the request of these wants, all of its elements, and their charges. Negative: it cannot
 * wait, and nothing has changed; -EDQUOT: because its user has too many, and the wants say so.
 */
int want_wait(struct want *wants, size_t n)
{
	struct connection *connection = wants->call->connection;
	struct broker *broker = wants->call->broker;
	uint32_t limit = broker->config->limits.waiting_per_user;
	bool for_holder = any_waits_for(wants, n, WANT_WAITS_FOR_HOLDER);
	struct waiting *waiting;
	int r = 0;

	if (connection->deferred >= WAITING_MAX ||
	    (!for_holder && wants->call->request->tries >= TRIES_MAX))
		return -EBUSY;
	waiting = make(wants, n);
	if (!waiting)
		return -ENOMEM;
	waiting->for_holder = for_holder;
	if (for_holder)
		r = charge_take(&waiting->charge, &connection->host->users,
				holder_payer(&connection->peer.holder), USER_WAITING, limit);
	if (r < 0) {
		free(waiting);
		return refuse_more(wants, n, limit, r);
	}
	waiting->request.tries += !for_holder;
	give_ticket(waiting);
	if (for_holder)
		start_timer(waiting, longest_wait_ms(wants, n));
	for (size_t i = 0; i < n; i++)
		take_over(&waiting->awaited[i], &wants[i]);
	connection->deferred++;
	insert(broker, waiting);
	return 0;
}

/* ---- whose turn it is ------------------------------------------------------------------------ */

/* The bytes of a region that a request asks for, or would. */
struct claim {
	const struct region *region;
	uint64_t start;
	uint64_t end;
	uint32_t rights;
	enum mmiod_share share;
};

/* Whether who gets this would keep the one who waits from that. */
static bool is_in_its_way(const struct claim *claim, const struct awaited *awaited)
{
	const struct lease *lease = awaited->lease;

	return lease && !awaited->blocks && awaited->region == claim->region->id &&
	       lease->offset < claim->end && claim->start < lease->offset + lease->length &&
	       lease->share != MMIOD_SHARE_GUEST &&
	       lease_bars(claim->rights, claim->share, lease->rights, lease->share);
}

static const struct lease *find_in_way(const struct waiting *waiting, const struct claim *claim)
{
	for (size_t i = 0; i < waiting->n_awaited; i++)
		if (is_in_its_way(claim, &waiting->awaited[i]))
			return waiting->awaited[i].lease;
	return NULL;
}

/* Requests that came a moment ago may be passed. */
static bool may_be_passed(const struct waiting *waiting)
{
	uint32_t bypass_ms = waiting->broker->config->limits.bypass_ms;

	return !waiting->for_holder ||
	       (bypass_ms && clock_boot_ms() - waiting->request.arrived_ms < bypass_ms);
}

/*
 * A request with a lower ticket [0: than any, it is new] in whose way this would be, with the
 * element; or NULL.
 */
static const struct waiting *find_ahead(struct broker *broker, const struct claim *claim,
					uint64_t ticket, const struct lease **elementp)
{
	const struct waiting *waiting = claim->region->blocks ? NULL : broker->waitlist.head;
	const struct waiting *found = NULL;
	unsigned int looked = 0;

	for (; !found && waiting && (!ticket || waiting->request.ticket < ticket);
	     waiting = waiting->next) {
		looked += (unsigned int)waiting->n_awaited;
		*elementp = find_in_way(waiting, claim);
		if (*elementp && !may_be_passed(waiting))
			found = waiting;
	}
	turn_spend(&broker->host, looked / WORK_LOOKED_AT);
	return found;
}

static void describe_ahead(struct want *want, const struct waiting *ahead, enum mmiod_share share)
{
	const struct holder *holder = &ahead->connection->peer.holder;
	char comm[64], name[USER_NAME_MAX];

	common_escape(comm, sizeof(comm), holder->comm, sizeof(holder->comm));
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	want_describe(want, &want->text);
	text_add(&want->text,
		 " is wanted by user %s (uid %u), pid %u (%s)%s%s, who has waited for it for ",
		 holder_user_name(want->call->broker, holder->uid, name, sizeof(name)), holder->uid,
		 holder->pid, comm, want->lease_kind == MMIOD_KIND_DEVICE ? "" : ", ",
		 want->lease_kind == MMIOD_KIND_DEVICE ? "" : share_name(share));
	text_add_age(&want->text, (clock_boot_ms() - ahead->request.arrived_ms) / 1000);
}

/* Refuses the want if an older request waits for its bytes. */
enum mmiod_outcome want_check_turn(struct want *want)
{
	const struct claim claim = {
		.region = want->region,
		.start = want->wire.offset,
		.end = want->wire.offset + want->wire.length,
		.rights = want->wire.rights,
		.share = want->share,
	};
	const struct lease *element;
	const struct waiting *ahead = find_ahead(
		want->call->broker, &claim, want->dry ? 0 : want->call->request->ticket, &element);

	if (!ahead)
		return MMIOD_OK;
	if (!want->provisional)
		describe_ahead(want, ahead, element->share);
	return MMIOD_E_BUSY;
}

/* ---- trying ---------------------------------------------------------------------------------- */

static bool is_wiped(const struct awaited *awaited, const struct region *region)
{
	const struct interval *dirty = &awaited->dirty;

	return dirty->start == dirty->end || !region->blocks ||
	       !interval_overlap(&region->blocks->dirty, dirty->start, dirty->end);
}

static bool is_free(const struct waiting *waiting, const struct awaited *awaited,
		    const struct region *region)
{
	const struct lease *lease = awaited->lease, *element;
	const struct claim claim = { region, lease->offset, lease->offset + lease->length,
				     lease->rights, lease->share };

	return awaited->blocks ||
	       (!lease_conflict(region, lease->offset, lease->length, lease->rights,
				lease->share) &&
		!find_ahead(waiting->broker, &claim, waiting->request.ticket, &element));
}

/* Cheap: most of those who wait are not helped by what has just ended. */
static bool is_ready(struct broker *broker, const struct waiting *waiting)
{
	bool touched = !waiting->for_holder, ready = true;

	for (size_t i = 0; i < waiting->n_awaited; i++) {
		const struct awaited *awaited = &waiting->awaited[i];
		const struct region *region = region_of(broker, awaited);

		if (!awaited->lease || awaited->kind == REGION_KERNEL)
			continue;
		if (!region || !region_is_configured(region) || !region->claimed)
			return true; /* to be told so */
		touched |= region->freed >= broker->waitlist.tries.round;
		ready = ready &&
			(waiting->for_holder || awaited->taken ? is_free(waiting, awaited, region)
							       : is_wiped(awaited, region));
	}
	return touched && ready;
}

/* Changes from here on are for the next round. */
static void begin_round(struct broker *broker)
{
	struct tries *tries = &broker->waitlist.tries;

	tries->round++;
	tries->next = 0;
	tries->last = broker->waitlist.head ? broker->waitlist.head->prev->request.ticket : 0;
	tries->all = tries->due_for_all;
	tries->due = tries->due_for_all = false;
}

/* The first that has yet to have its turn in this round. */
static struct waiting *find_next(struct broker *broker)
{
	struct waiting *waiting = broker->waitlist.head;
	unsigned int looked = 0;

	for (; waiting && waiting->request.ticket < broker->waitlist.tries.next;
	     waiting = waiting->next)
		looked++;
	turn_spend(&broker->host, looked / WORK_LOOKED_AT);
	return waiting;
}

static void give_turn(struct broker *broker, struct waiting *waiting)
{
	turn_spend(&broker->host, (unsigned int)waiting->n_awaited);
	if (!broker->waitlist.tries.all && !is_ready(broker, waiting))
		return;
	turn_spend(&broker->host, WORK_MESSAGE);
	try(waiting);
}

/*
 * A share of a round: in the loop's own turn, never from within a request. One that waits again
 * stands where it stood.
 */
static bool go_on_trying(struct chore *chore)
{
	struct broker *broker = container_of(chore, struct broker, waitlist.tries.chore);
	struct tries *tries = &broker->waitlist.tries;
	struct waiting *waiting, *next;

	if (!tries->last && tries->due)
		begin_round(broker);
	for (waiting = find_next(broker); waiting && waiting->request.ticket <= tries->last;
	     waiting = next) {
		if (turn_is_over(&broker->host))
			return true;
		next = waiting->next;
		tries->next = waiting->request.ticket + 1;
		give_turn(broker, waiting);
	}
	tries->last = 0;
	return tries->due && broker->waitlist.head;
}

/* ---- life ------------------------------------------------------------------------------------ */

void waiting_init(struct broker *broker)
{
	broker->waitlist.tries.chore.go_on = go_on_trying;
}

/* The connection goes; NULL: all do. */
void waiting_forget(struct broker *broker, const struct connection *connection)
{
	struct waiting *waiting, *next;

	for (waiting = broker->waitlist.head; waiting; waiting = next) {
		next = waiting->next;
		if (connection && waiting->connection != connection)
			continue;
		leave(waiting);
		if (connection)
			wake_behind(waiting);
		free(waiting);
	}
}

/* ---- CANCEL ---------------------------------------------------------------------------------- */

static void answer_cancelled(struct waiting *waiting)
{
	struct message *reply = &waiting->broker->host.message;

	reply_error(reply, &waiting->request.head, MMIOD_E_CANCELLED, "cancelled while it waited");
	connection_send(waiting->connection, reply);
}

/* Ids are the client's: it may have given one to several. */
static bool cancel(struct broker *broker, const struct connection *connection, uint64_t id)
{
	struct waiting *waiting, *next;
	bool found = false;

	for (waiting = broker->waitlist.head; waiting; waiting = next) {
		next = waiting->next;
		if (waiting->connection != connection || waiting->request.head.id != id)
			continue;
		leave(waiting);
		wake_behind(waiting);
		answer_cancelled(waiting);
		free(waiting);
		found = true;
	}
	return found;
}

/* The request's own reply, if it was granted, is before this one in the socket. */
enum request_result request_cancel(struct call *call)
{
	const struct mmiod_msg *head = &call->request->head;
	uint64_t id = call->request->fixed.cancel.request;

	if (cancel(call->broker, call->connection, id))
		reply_begin(call->reply, head, sizeof(struct mmiod_msg), 0, 0);
	else if (revocations_have(call->broker, call->connection, id))
		reply_error(call->reply, head, MMIOD_E_UNSUPPORTED,
			    "a revocation that is under way cannot be cancelled");
	else
		reply_error(call->reply, head, MMIOD_E_NOT_FOUND,
			    "nothing of this connection waits under id %" PRIu64, id);
	return REQUEST_REPLY;
}
