// SPDX-License-Identifier: MIT
/*
 * Leases from the module's ledger: after a restart, and when events were lost. The ledger is the
 * truth; what the daemon believes is brought in line with it.
 */
#include <limits.h>
#include <string.h>
#include "base/log.h"
#include "broker/broker.h"
#include "broker/tenant-note.h"
#include "broker/underway.h"
#include "connection/journal.h"
#include "lease/tag.h"

/* Region and kind of memory; NULL: the region has gone. */
static struct region *region_of(struct broker *broker, const struct backend_ledger *entry,
				const struct tag_content *content)
{
	if (entry->kind != MMIOD_KIND_WINDOW) {
		struct device *device = device_adopt(broker, entry->kind == MMIOD_KIND_DEVICE
								     ? entry->operated.device
								     : entry->vector.device);

		return device ? &device->vectors : NULL;
	}
	if (content->memory != MMIOD_MEMORY_REGION)
		return &broker->kernel;
	return region_by_handle(&broker->regions, entry->window.region);
}

/* The lease exists already: no limit applies to it. */
static int charge_adopted(struct broker *broker, struct lease *lease)
{
	struct users *users = &broker->host.users;
	const uint64_t payer = holder_payer(&lease->holder);
	int r = charge_take(&lease->charge, users, payer, USER_LEASES, UINT32_MAX);

	if (r == 0 && lease->allocated && lease->state != MMIOD_STATE_REVOKED)
		r = charge_take_amount(&lease->bytes, users, payer, USER_BYTES, lease->length,
				       UINT64_MAX);
	if (r == 0 && lease->kind == MMIOD_KIND_INTERRUPT && lease->state != MMIOD_STATE_REVOKED)
		r = charge_take(&lease->bytes, users, payer, USER_INTERRUPTS, UINT32_MAX);
	if (r == 0 && lease->kind == MMIOD_KIND_DEVICE && lease->state != MMIOD_STATE_REVOKED)
		r = charge_take(&lease->bytes, users, payer, USER_DEVICES, UINT32_MAX);
	if (r == 0 && lease->parts)
		r = charge_take_amount(&lease->parts->charge, users, payer, USER_EXTENTS,
				       lease->parts->n, UINT64_MAX);
	return r;
}

/* The pool may be there already: its blocks are taken by a lease that it does not know. */
static int claim_blocks(struct lease *lease)
{
	struct blocks *blocks = lease->region->blocks;
	int r;

	if (!blocks || !lease->allocated || lease->state == MMIOD_STATE_REVOKED)
		return 0;
	r = lease_claim_blocks(lease);
	if (r < 0 && r != -ENOMEM)
		log_error("lease %llu of pool %s holds blocks that are not its own",
			  (unsigned long long)lease->id, lease->region->name);
	return r == -ENOMEM ? r : 0;
}

static void forget(struct lease *lease)
{
	if (lease->extents)
		blocks_cancel(lease->region->blocks, lease->extents);
	charge_release(&lease->bytes);
	charge_release(&lease->charge);
	lease_discard(lease);
}

/* Of a window of several extents: where they lie. */
static int adopt_parts(struct broker *broker, struct lease *lease,
		       const struct backend_window *window)
{
	_cleanup_(freep) struct mmiod_window_extent *extents = NULL;
	struct lease_parts *parts;
	int r;

	if (window->n_extents < 2)
		return 0;
	extents = calloc(window->n_extents, sizeof(*extents));
	if (!extents)
		return -ENOMEM;
	r = broker->backend->ops->read_extents(broker->backend, lease->id, extents,
					       window->n_extents);
	if (r < 0)
		return r;
	parts = lease_parts_new(window->n_extents);
	if (!parts)
		return -ENOMEM;
	for (uint32_t i = 0; i < parts->n; i++)
		lease_parts_set(parts, i, extents[i].offset, extents[i].length);
	lease_take_parts(lease, parts);
	return 0;
}

/* One that may be renewed gets time for its holder to find the new daemon. */
static int adopt_term(struct broker *broker, struct lease *lease, const struct tag_content *content)
{
	uint64_t now = clock_boot_ms();

	if (!content->lease_ms || lease_is_over(lease))
		return 0;
	if (lease_set_time_limit(&broker->leases, lease, content->lease_ms, content->renew) < 0)
		return -ENOMEM;
	lease_set_deadline(lease, content->renew ? now + content->lease_ms : content->deadline_ms,
			   now);
	return 0;
}

/*
 * Of a window that is revoked the earlier daemon may not have seen the end: its pages are taken
 * from processes now, if they are not yet, and if there is a note the end is not over.
 */
static void adopt_end(struct broker *broker, struct lease *lease)
{
	if (lease->state != MMIOD_STATE_REVOKED)
		return;
	broker->backend->ops->set_state(broker->backend, lease->id, MMIOD_STATE_REVOKED);
	lease->end = LEASE_CUT;
	if (safe_state_is_owed(broker, lease->id))
		lease->state = MMIOD_STATE_ENDING;
}

/* A tag says nothing of kinds; a vector is nothing but its holder's, whatever else it says. */
static void read_as_vector(struct tag_content *content)
{
	content->share = MMIOD_SHARE_EXCLUSIVE;
	content->rights = MMIOD_RIGHT_READ;
}

/* Others may read where one operates. */
static void read_as_operation(const struct backend_ledger *entry, struct tag_content *content)
{
	content->share = lease_operate_share(entry->operated.rights);
	content->rights = lease_operate_rights(entry->operated.rights);
}

static void read_as_of_device(const struct backend_ledger *entry, struct tag_content *content)
{
	content->memory = MMIOD_MEMORY_REGION;
	content->allocated = false;
	if (entry->kind == MMIOD_KIND_DEVICE)
		read_as_operation(entry, content);
	else
		read_as_vector(content);
}

/* Where in the row of its device it stands. */
static void place_in_row(const struct backend_ledger *entry, struct lease *lease)
{
	lease->length = 1;
	lease->offset = entry->vector.vector;
	if (entry->kind != MMIOD_KIND_DEVICE)
		return;
	lease->offset = LEASE_OPERATES_AT;
	lease->operates = entry->operated.rights;
}

/* -ENODEV: its region has gone. */
static int adopt(struct broker *broker, const struct backend_ledger *entry)
{
	struct tag_content content;
	struct region *region;
	struct lease *lease;
	int r;

	tag_decode(entry->window.tag, &content);
	if (entry->kind != MMIOD_KIND_WINDOW)
		read_as_of_device(entry, &content);
	region = region_of(broker, entry, &content);
	if (!region)
		return -ENODEV;
	lease = calloc(1, sizeof(*lease));
	if (!lease)
		return -ENOMEM;
	lease->kind = content.memory == MMIOD_MEMORY_REGION ? entry->kind : MMIOD_KIND_BUFFER;
	lease->memory = (enum mmiod_memory)content.memory;
	lease->allocated = content.allocated;
	lease->id = entry->id;
	lease->region = region;
	lease->offset = entry->window.offset;
	lease->length = entry->window.length;
	if (entry->kind != MMIOD_KIND_WINDOW)
		place_in_row(entry, lease);
	lease->memtype = entry->window.memtype;
	lease->width = entry->window.width;
	lease->rights = content.rights & entry->window.rights;
	lease->share = (enum mmiod_share)content.share;
	lease->flags = content.flags;
	lease->huge = entry->window.huge;
	lease->device_lease = entry->window.device_file;
	lease->iova = entry->window.device_file ? entry->window.iova : 0;
	lease->state = entry->state;
	lease->holder = content.holder;
	if (content.tenant)
		lease->holder.tenant = tenant_note_read(broker, entry->id);
	lease->started_ms = content.started_ms;
	lease->grant = content.grant;
	adopt_end(broker, lease);
	r = adopt_parts(broker, lease, &entry->window);
	if (r == 0 &&
	    (charge_adopted(broker, lease) < 0 || claim_blocks(lease) < 0 ||
	     adopt_term(broker, lease, &content) < 0 || lease_add(&broker->leases, lease) < 0))
		r = -ENOMEM;
	if (r < 0) {
		forget(lease);
		return r;
	}
	lease_attach(lease, &broker->orphans);
	return 0;
}

/*
 * Ends leases from this one on whose ids are lower, `*most` of them: their windows are gone. Returns
 * the first that was not looked at. Table and ledger are both in order of id, so one walk along both
 * is enough: somebody who lets go of all at once must not have the daemon look for each of them.
 */
static struct lease *forget_until(struct broker *broker, struct lease *lease, uint64_t id,
				  unsigned int *most)
{
	for (; *most && lease && lease->id < id; (*most)--) {
		struct lease *next = lease_after(&broker->leases, lease->id);

		broker->ledger.read_to = lease->id;
		if (!(lease->end & LEASE_CLOSED))
			lease_gone(broker, lease);
		lease = next;
	}
	return lease;
}

/* Returns 1 for a lease that is new. */
static int take_new(struct broker *broker, const struct backend_ledger *entry)
{
	int r;

	if (underway_have(broker, entry->id))
		return 0;
	r = adopt(broker, entry);
	if (r == 0)
		return 1;
	/* Its extents are asked for by themselves, and meanwhile it has gone. */
	if (r == -ENOENT)
		return 0;
	/* Leases of a region that has gone hold nothing. */
	if (r == -ENODEV && entry->state == MMIOD_STATE_REVOKED)
		return 0;
	log_error("window %llu of the ledger could not be taken over: %s",
		  (unsigned long long)entry->id, strerror(-r));
	return r == -ENODEV ? 0 : r;
}

enum { LEDGER_WINDOWS, LEDGER_INTERRUPTS, LEDGER_OPERATIONS, LEDGERS };

/* All ledgers as one, in order of id, from the one behind some id on. */
struct ledgers {
	struct backend *backend;
	struct backend_ledger next[LEDGERS]; /* of each; behind the last that was taken */
	int result[LEDGERS]; /* 0: it counts */
};

static void read_next(struct ledgers *ledgers, size_t which, uint64_t id)
{
	const struct backend_ops *ops = ledgers->backend->ops;
	int (*const nexts[LEDGERS])(struct backend *, uint64_t, struct backend_ledger *) = {
		[LEDGER_WINDOWS] = ops->next_window,
		[LEDGER_INTERRUPTS] = ops->next_interrupt,
		[LEDGER_OPERATIONS] = ops->next_operation,
	};

	ledgers->result[which] = nexts[which](ledgers->backend, id, &ledgers->next[which]);
}

static void ledgers_open(struct ledgers *ledgers, struct backend *backend, uint64_t behind)
{
	*ledgers = (struct ledgers){ .backend = backend };
	for (size_t i = 0; i < LEDGERS; i++)
		read_next(ledgers, i, behind);
}

/* -ENOENT: that was the last. Any other: not all of it can be read. */
static int ledgers_next(struct ledgers *ledgers, struct backend_ledger *entry)
{
	size_t which = LEDGERS;

	for (size_t i = 0; i < LEDGERS; i++) {
		if (ledgers->result[i] < 0 && ledgers->result[i] != -ENOENT)
			return ledgers->result[i];
		if (ledgers->result[i] == 0 &&
		    (which == LEDGERS || ledgers->next[i].id < ledgers->next[which].id))
			which = i;
	}
	if (which == LEDGERS)
		return -ENOENT;
	*entry = ledgers->next[which];
	read_next(ledgers, which, entry->id);
	return 0;
}

/* Of an entry whose lease there is already, or is not. */
static void take_entry(struct broker *broker, struct lease *lease,
		       const struct backend_ledger *entry)
{
	struct ledger *ledger = &broker->ledger;
	int r;

	ledger->read_to = entry->id;
	if (lease) {
		lease_take_listed(broker, lease, entry->state);
		return;
	}
	r = take_new(broker, entry);
	if (r < 0)
		ledger->result = r;
	else
		ledger->adopted += (unsigned int)r;
}

/* Takes up to `*most` leases and entries until one of both is at its end, which it returns. */
static int take_entries(struct broker *broker, struct lease **lease, unsigned int *most)
{
	struct backend_ledger entry;
	struct ledgers ledgers;
	struct lease *own;
	int r = 0;

	ledgers_open(&ledgers, broker->backend, broker->ledger.read_to);
	while (*most && (r = ledgers_next(&ledgers, &entry)) == 0) {
		*lease = forget_until(broker, *lease, entry.id, most);
		if (!*most)
			break;
		own = *lease && (*lease)->id == entry.id ? *lease : NULL;
		if (own)
			*lease = lease_after(&broker->leases, entry.id);
		take_entry(broker, own, &entry);
		(*most)--;
	}
	return r;
}

void ledger_begin(struct broker *broker)
{
	broker->ledger.read_to = 0;
	broker->ledger.adopted = 0;
	broker->ledger.result = 0;
}

/*
 * So many leases and entries more. 1: there may be others. Negative: not all of it was read or taken
 * over. Then nothing is forgotten that may be in the rest.
 */
int ledger_read_some(struct broker *broker, unsigned int most)
{
	struct lease *lease = lease_after(&broker->leases, broker->ledger.read_to);
	int r = take_entries(broker, &lease, &most);

	if (r != -ENOENT)
		return r < 0 ? r : 1;
	if (broker->backend->ops->kind == MMIOD_BACKEND_MODULE &&
	    forget_until(broker, lease, UINT64_MAX, &most))
		return 1;
	if (broker->ledger.adopted)
		log_info("took over %u leases from the module's ledger", broker->ledger.adopted);
	return broker->ledger.result;
}

/* All of it, before anybody is served. */
int ledger_read(struct broker *broker)
{
	ledger_begin(broker);
	return ledger_read_some(broker, UINT_MAX);
}

/* ---- after a restart ------------------------------------------------------------------------- */

static bool is_of(const struct broker *broker, const struct lease *lease,
		  const struct connection *connection)
{
	return lease->list == &broker->orphans &&
	       lease->holder.pid == connection->peer.holder.pid &&
	       lease->holder.tenant == connection->peer.holder.tenant;
}

/* A share of the user's leases is looked at. False: that were all. */
static bool attach_some(struct broker *broker, struct connection *connection)
{
	const struct user *user = connection->charge.user;
	struct lease *lease;

	for (; broker->orphans.head; connection->attached_to = lease->id) {
		if (turn_is_over(&broker->host))
			return true;
		turn_spend(&broker->host, 1);
		lease = lease_after_of(user, connection->attached_to);
		if (!lease)
			return false;
		if (!is_of(broker, lease, connection))
			continue;
		lease_attach(lease, &connection->leases);
		if (lease_has_pending_event(lease))
			connection_wake(connection);
	}
	return false;
}

static void go_on_attaching(struct unfinished *attaching)
{
	struct connection *connection = attaching->connection;

	if (!attach_some(broker_of(connection), connection))
		unfinished_end(attaching);
}

/*
 * A process that lost its connection, because the daemon was restarted or otherwise, hears of its
 * leases again. If the user has many that takes more than one turn, and what the client asks next
 * waits until it is done.
 */
void ledger_attach_orphans(struct broker *broker, struct connection *connection)
{
	if (!connection->peer.subject.known)
		return; /* its pid says nothing */
	if (!attach_some(broker, connection))
		return;
	connection->attaching.go_on = go_on_attaching;
	connection->attaching.forget = unfinished_end;
	unfinished_begin(&connection->attaching, connection);
}

/* It was to end with its connection, and none came back. */
static bool is_forsaken(const struct broker *broker, const struct lease *lease)
{
	return lease->list == &broker->orphans && lease->flags & MMIOD_LEASE_CONNECTION &&
	       !lease_is_over(lease);
}

/* A share of them. False: there are no more. */
static bool end_some(struct broker *broker)
{
	static const char why[] = "it was to end with its connection, and none came back";

	while (!turn_is_over(&broker->host)) {
		struct lease *lease = lease_after(&broker->leases, broker->ledger.ended_to);

		if (!lease)
			return false;
		broker->ledger.ended_to = lease->id;
		turn_spend(&broker->host, 1);
		if (!is_forsaken(broker, lease))
			continue;
		lease_revoke(broker, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_CONNECTION, why);
		events_pace(broker);
	}
	return true;
}

static bool go_on_ending(struct chore *chore)
{
	return end_some(container_of(chore, struct broker, ledger.ending));
}

/* Leases that end with their connection had time to find a new one. */
void ledger_end_grace(struct broker *broker)
{
	broker->ledger.ending.go_on = go_on_ending;
	broker->ledger.ended_to = 0;
	turn_do_later(&broker->host, &broker->ledger.ending);
}
