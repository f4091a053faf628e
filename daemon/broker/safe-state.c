// SPDX-License-Identifier: MIT
/*
 * Safe state: register writes that are done when a lease ends, by whatever cause, before anybody
 * else may have its bytes. The writes are settled when the lease is granted: the client's own, then
 * those of the region's "on-end" that lie within the lease, so that the administrator has the last
 * word.
 *
 * A write that fails is not done: the device sleeps, does not answer, or there was no descriptor or
 * window to reach it by. The lease is then ENDING, its bytes are nobody's, and all its writes are
 * tried again, in order, when the device wakes and else every second, for it may have forgotten the
 * earlier ones. Only a device that has gone needs no care.
 *
 * Leases that ended while no daemon was there have notes (safe-note.c). They come back as leases
 * that are ending, on the very bytes that they were of; while those are not claimed, the note
 * waits. Writes that are owed to a device that was unbound meanwhile are owed to nobody: another
 * may be in its place. That holds for every device if the module has been loaded anew; and its ids
 * count from 1 again, so that a note may have the id of another lease, and is then set aside.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "broker/safe-note.h"
#include "connection/journal.h"

static bool needs_note(const struct broker *broker)
{
	return broker->backend->ops->kind == MMIOD_BACKEND_MODULE;
}

/*
 * Under the id of its window, which the lease may have yet to get. A note that was not finished
 * belongs to a lease that its client never got.
 */
int safe_state_note(struct broker *broker, uint64_t id, const struct lease *lease)
{
	if (!lease->on_end || !needs_note(broker))
		return 0;
	turn_spend(&broker->host, WORK_NOTE);
	return safe_note_write(broker, id, lease);
}

void safe_state_forget(struct broker *broker, uint64_t id, const struct lease *lease)
{
	if (!lease->on_end || !needs_note(broker))
		return;
	turn_spend(&broker->host, WORK_NOTE_REMOVED);
	safe_note_remove(broker, id);
}

/* ---- doing it -------------------------------------------------------------------------------- */

static int write_as(struct broker *broker, const struct lease *lease, enum mmiod_memtype memtype,
		    const struct config_write *write)
{
	broker->events.caused++; /* the window that it is done by comes and goes */
	turn_spend(&broker->host, WORK_WRITE);
	return broker->backend->ops->write(broker->backend, lease->region->hw.handle,
					   holder_owner(&lease->holder), memtype, write);
}

/*
 * The descriptor that is kept for this makes room for the window's. Others may have the page with
 * another attribute by now; a single store is the same by either.
 */
static int write_one(struct broker *broker, const struct lease *lease,
		     const struct config_write *write)
{
	int r = write_as(broker, lease, lease->memtype, write);

	if (r == -EBUSY)
		r = write_as(broker, lease,
			     lease->memtype == MMIOD_MEMTYPE_UC ? MMIOD_MEMTYPE_WC
								: MMIOD_MEMTYPE_UC,
			     write);
	if (r != -EMFILE && r != -ENFILE)
		return r;
	fd_closep(&broker->safe_state.reserve_fd);
	r = write_as(broker, lease, lease->memtype, write);
	broker->safe_state.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return r;
}

/* Each failure is told, but not again as long as it is the same. */
static void note_failure(struct broker *broker, struct lease *lease, size_t index, int error)
{
	if (!lease->unsafe)
		broker->host.counters.unsafe_ends++;
	if (lease->unsafe != error || lease->unsafe_write != index)
		journal_unwritten(lease, &lease->on_end->items[index], error);
	lease->unsafe = error;
	lease->unsafe_write = (uint8_t)index;
	lease->region->unsafe_round = broker->safe_state.round;
}

static bool is_gone(int error)
{
	return error == -ENODEV || error == -ENOENT;
}

/* False: it is tried again. */
static bool write_all(struct broker *broker, struct lease *lease)
{
	bool told = lease->unsafe;

	for (size_t i = 0; i < lease->on_end->count; i++) {
		const struct config_write *write = &lease->on_end->items[i];
		int r = write_one(broker, lease, write);

		if (is_gone(r))
			return true;
		if (r < 0) {
			note_failure(broker, lease, i, r);
			return false;
		}
		journal_written(&broker->host, lease, write, told);
	}
	return true;
}

/*
 * The window no longer reaches the device, and nobody else has its bytes yet. While events are read
 * nothing is written, as that makes more of them. Whether the device is still there is not asked
 * for: the write tells, and sysfs lets who reads a device's configuration wait while it is reset.
 * False: it is tried again.
 */
bool safe_state_end(struct broker *broker, struct lease *lease)
{
	if (!lease->on_end || !lease->region->claimed)
		return true;
	if (!broker->events.reading && write_all(broker, lease))
		return true;
	lease_enter_unsafe(&broker->leases, lease);
	wakeup_try_again(broker, false);
	return false;
}

/* ---- life ------------------------------------------------------------------------------------ */

void safe_state_init(struct broker *broker)
{
	broker->safe_state.notes_fd = -1;
	broker->safe_state.reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void safe_state_clear(struct broker *broker)
{
	struct safe_note *note, *next;

	event_del(&broker->wakeup.again);
	DL_FOREACH_SAFE(broker->safe_state.notes, note, next) {
		DL_DELETE(broker->safe_state.notes, note);
		free(note);
	}
	fd_closep(&broker->safe_state.notes_fd);
	fd_closep(&broker->safe_state.reserve_fd);
}

/* ---- settling it ----------------------------------------------------------------------------- */

static int set_on_end(struct lease *lease, const struct config_writes *writes)
{
	lease->on_end = malloc(sizeof(*writes));
	if (!lease->on_end)
		return -ENOMEM;
	*lease->on_end = *writes;
	return 0;
}

/* `own` are the client's, already checked. */
int safe_state_settle(struct lease *lease, const struct config_writes *own)
{
	const struct config_writes *fixed = NULL;
	struct config_writes all;

	if (lease->memory == MMIOD_MEMORY_REGION && lease->region->config)
		fixed = &lease->region->config->on_end;
	if (!(lease->rights & MMIOD_RIGHT_WRITE) || (!own->count && (!fixed || !fixed->count)))
		return 0;
	all = *own;
	for (size_t i = 0; fixed && i < fixed->count; i++)
		if (lease_covers(lease, fixed->items[i].offset, fixed->items[i].width))
			all.items[all.count++] = fixed->items[i];
	return all.count ? set_on_end(lease, &all) : 0;
}

/* ---- after a restart ------------------------------------------------------------------------- */

static bool fits(const struct safe_note *note, const struct region *region)
{
	return note->length && note->offset < region->hw.length &&
	       note->length <= region->hw.length - note->offset;
}

/* Its bytes are nobody's until then. */
static void write_soon(struct broker *broker, struct lease *lease)
{
	lease_enter_unsafe(&broker->leases, lease);
	wakeup_try_again(broker, true);
}

/* A lease that has ended but for what is to be written. Its holder cannot be told anything. */
static int make_ending(struct broker *broker, const struct safe_note *note, struct region *region)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return -ENOMEM;
	lease->id = note->id;
	lease->region = region;
	lease->offset = fits(note, region) ? note->offset : 0;
	lease->length = fits(note, region) ? note->length : region->hw.length;
	lease->rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	lease->memtype = note->memtype;
	lease->share = MMIOD_SHARE_EXCLUSIVE;
	lease->state = MMIOD_STATE_ENDING;
	lease->end = LEASE_CUT | LEASE_CLOSED;
	lease->holder =
		(struct holder){ .uid = note->uid, .pid = note->pid, .tenant = note->tenant };
	lease->started_ms = clock_boot_ms();
	if (set_on_end(lease, &note->writes) < 0 ||
	    charge_take(&lease->charge, &broker->host.users, holder_payer(&lease->holder),
			USER_LEASES, UINT32_MAX) < 0 ||
	    lease_add(&broker->leases, lease) < 0) {
		charge_release(&lease->charge);
		lease_discard(lease);
		return -ENOMEM;
	}
	write_soon(broker, lease);
	return 0;
}

static struct region *region_for(struct broker *broker, const struct safe_note *note)
{
	struct region *region;

	for (region = broker->regions.table; region; region = region->hh.next)
		if (safe_note_is_for(note, region))
			return region;
	return NULL;
}

static bool is_late(struct broker *broker, const struct safe_note *note)
{
	struct region *region;

	for (region = broker->regions.table; region; region = region->hh.next)
		if (safe_note_is_late(note, region))
			return true;
	return false;
}

static void drop_late(struct broker *broker, const struct safe_note *note)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_GONE,
		.region = note->region,
		.lease = note->id,
		.device = note->device,
	};

	log_line(LOG_NOTICE, &fields,
		 "lease %" PRIu64
		 " of region %s ended while no daemon was there, and its device %s has gone since: "
		 "nothing is written at its end",
		 note->id, note->region, note->device);
	safe_note_remove(broker, note->id);
}

/* It waits until there is a claim of the bytes that it is for. */
static void keep_note(struct broker *broker, const struct safe_note *note)
{
	struct safe_note *kept = malloc(sizeof(*kept));

	if (kept) {
		*kept = *note;
		DL_APPEND(broker->safe_state.notes, kept);
		broker->safe_state.n_notes++;
	}
	log_error("lease %" PRIu64
		  " of region %s ended while no daemon was there, and what is to be written at its "
		  "end waits: nothing is claimed that is %s, %s 0x%" PRIx64 "+0x%" PRIx64,
		  note->id, note->region, note->device[0] ? note->device : "known to be its device",
		  note->bar == UINT32_MAX ? "by address" : "in its BAR",
		  note->bar == UINT32_MAX ? note->phys : note->claim_offset, note->claim_length);
}

/* An older daemon noted no more than the name; its claim by that name is still the same. */
static void complete(struct broker *broker, struct safe_note *note)
{
	const struct region *region = region_find(&broker->regions, note->region);

	if (note->device[0] || !region || !region->claimed)
		return;
	memcpy(note->device, region->hw.device, sizeof(note->device));
	note->bar = region->hw.bar;
	note->claim_offset = region->hw.offset;
	note->claim_length = region->hw.length;
	note->phys = region->hw.bar == UINT32_MAX ? region->hw.phys : 0;
}

static void give_to(struct broker *broker, struct lease *lease, const struct safe_note *note)
{
	if (set_on_end(lease, &note->writes) < 0)
		log_error("lease %" PRIu64 ": out of memory for what is to be done at its end",
			  lease->id);
}

/* There is no lease that it is on. It must not be in the way of one that gets its id. */
static bool make_way(struct broker *broker, struct safe_note *note)
{
	bool unsure = !note->load && broker->backend->load;
	uint64_t id = note->id;
	int r;

	if (!note->other_load && !unsure && !lease_find(&broker->leases, id))
		return true;
	r = safe_note_set_aside(broker, note);
	if (r < 0)
		log_error("the note on a lease %" PRIu64
			  " of an earlier load of the module cannot be renamed: %s",
			  id, strerror(-r));
	return r == 0;
}

static void take_left(struct broker *broker, struct safe_note *note)
{
	struct region *region;

	if (!note->region[0] || !note->writes.count) {
		safe_note_remove(broker, note->id);
		return;
	}
	complete(broker, note);
	region = region_for(broker, note);
	if (!region && is_late(broker, note))
		drop_late(broker, note);
	else if (!make_way(broker, note))
		return;
	else if (!region)
		keep_note(broker, note);
	else if (make_ending(broker, note, region) < 0)
		log_error("lease %" PRIu64 ": out of memory for what is to be done at its end",
			  note->id);
}

static void take_note(struct broker *broker, uint64_t id)
{
	struct lease *lease = lease_find(&broker->leases, id);
	struct safe_note note = { 0 };
	int r = safe_note_read(broker, id, &note);
	bool left = r == 0 && !(lease && safe_note_is_on(&note, lease));

	if (r < 0)
		log_error("the note on lease %" PRIu64 " cannot be read: %s", id, strerror(-r));
	else if (!left)
		give_to(broker, lease, &note);
	if (lease && lease->state == MMIOD_STATE_ENDING)
		write_soon(broker, lease);
	if (left)
		take_left(broker, &note);
}

/*
 * Leases that ended while no daemon was there. Before anything is granted, claimed or given back.
 */
void safe_state_recover(struct broker *broker)
{
	int r = needs_note(broker) && broker->state ? safe_note_each(broker, take_note) : 0;

	if (r < 0)
		log_error("the notes in %s cannot be read: %s", broker->state, strerror(-r));
}

/* A lease of the ledger that is revoked, but whose end was not finished. */
bool safe_state_is_owed(struct broker *broker, uint64_t id)
{
	return needs_note(broker) && safe_note_exists(broker, id);
}

/* The region has been claimed: notes may have waited for it. Nobody has a lease of it yet. */
void safe_state_place(struct broker *broker, struct region *region)
{
	struct safe_note *note, *next;

	DL_FOREACH_SAFE(broker->safe_state.notes, note, next) {
		if (safe_note_is_late(note, region))
			drop_late(broker, note);
		else if (!safe_note_is_for(note, region) || make_ending(broker, note, region) < 0)
			continue;
		DL_DELETE(broker->safe_state.notes, note);
		broker->safe_state.n_notes--;
		free(note);
	}
}
