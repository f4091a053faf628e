/* SPDX-License-Identifier: MIT */
/*
 * The objects that requests work on: configuration in force, backend, regions, leases and clients
 * in one place, and what follows from what. Nothing here sends: it marks and wakes, and the loop's
 * next turn acts. There is one thread, so nothing is locked.
 */
#ifndef MMIOD_DAEMON_BROKER_BROKER_H
#define MMIOD_DAEMON_BROKER_BROKER_H

#include "backend/backend.h"
#include "base/clock.h"
#include "config/runtime.h"
#include "connection/connection.h"
#include "lease/device.h"
#include "lease/lease.h"

struct broker;
struct published_caches;
struct revocation;
struct safe_note;
struct underway;
struct waiting;

/* The backend's events, and what follows from them; belongs to events.c. */
struct events {
	struct event event;
	void (*drain)(struct broker *broker); /* events_drain() */
	unsigned int caused; /* since they were read: see events_pace() */
	bool draining;
	bool reading; /* nothing that makes events may be done: it is put off */
	bool ledger_stale; /* some were lost */
	bool ledger_is_read; /* again, in pieces */
	struct chore reading_on; /* of the ledger */
	bool reset; /* leases of regions that were reset are to end */
	uint64_t reset_cursor; /* from the one behind this on */
};

/* How far the module's ledger was read, and what follows from it; belongs to ledger.c. */
struct ledger {
	uint64_t read_to; /* id of the last entry that was seen */
	unsigned int adopted; /* leases, this time */
	int result; /* of the last that could not be taken over; 0: all could */
	struct chore ending; /* of leases whose connection did not come back */
	uint64_t ended_to; /* id of the last that was looked at */
};

/* Actions that failed, and are tried again. */
struct wakeup {
	struct event again;
	bool claims_due; /* a region was given back: others may want what it had */
};

/* The part of a reload that is done in pieces; belongs to settle.c. */
struct settling {
	struct chore chore;
	enum { SETTLE_CLIENTS, SETTLE_DEVICES, SETTLE_CLAIMED, SETTLE_CONFIGURED, SETTLED } stage;
	uint64_t cursor; /* id of the client or the region that was the last */
	size_t next; /* of the configuration's regions */
	uint32_t stale; /* of those that were seen to */
	void (*done)(struct broker *broker); /* all have been seen to */
};

/* Blocks that wait to be wiped; belongs to pools.c. */
struct wiping {
	struct event event; /* while there are any */
	uint64_t piece; /* bytes that are wiped in one turn */
	uint64_t total; /* bytes that were, ever */
	uint64_t last_region; /* whose piece was the last, of this round through all */
	bool failed; /* of one in this round */
};

/* Leases with a time limit; belongs to deadlines.c. */
struct deadlines {
	struct event event; /* until one wants something done */
	struct chore expiring; /* the actions that are due */
};

/* Register writes at the end of leases; belongs to safe-state.c. */
struct safe_state {
	uint64_t round; /* of tries */
	int reserve_fd; /* makes room for the window by which a register is made safe */
	int notes_fd; /* the directory of notes; -1: not open yet */
	struct safe_note *notes; /* on leases that ended, whose claims are not there */
	uint32_t n_notes;
	uint64_t next_aside; /* see safe_note_set_aside() */
};

/* The tries of those who wait, round by round. */
struct tries {
	struct chore chore;
	uint64_t round;
	uint64_t next; /* ticket: requests with a lower one had their turn in this round */
	uint64_t last; /* ticket of the last whose turn it is in this round; 0: none is under way */
	bool all; /* whatever came free */
	bool due; /* another round is to come */
	bool due_for_all; /* and for all of them: the configuration is another */
};

/* Requests that wait; belongs to waiting.c. */
struct waitlist {
	struct waiting *head; /* in order of their tickets */
	uint64_t last_ticket;
	struct tries tries;
};

/* Grants that are given while the daemon runs; belongs to granting.c. */
struct granting {
	struct runtime_grants grants;
	struct runtime_grant *over; /* in no table any more; their leases have yet to end */
	struct chore ending; /* of these leases */
	struct event event; /* until the time of one is over */
};

/* The object caches that clients told of; belongs to caches.c. */
struct published {
	struct published_caches *head; /* in order of their numbers */
	uint64_t last; /* number */
};

struct broker {
	struct connection_host host;
	const struct config *config; /* in force; the daemon's, as the backend */
	struct backend *backend;
	const char *state; /* the folder of notes; NULL: there is none */
	struct regions regions;
	struct devices devices;
	struct region kernel; /* stands for kernel memory; in no table */
	struct leases leases;
	struct lease_list orphans; /* no connection stands for them; their process may come back */
	struct events events;
	struct ledger ledger;
	struct wakeup wakeup;
	struct settling settling;
	struct wiping wiping;
	struct deadlines deadlines;
	struct safe_state safe_state;
	struct revocation *revocations;
	struct underway *underway; /* requests whose leases are being taken, in many turns */
	uint32_t n_untold; /* windows that were made for these, and are in no table yet */
	struct waitlist waitlist;
	struct event quiet; /* somebody waits until a device is quiet; belongs to quiet.c */
	struct published published;
	struct granting granting;
	struct chore taking; /* of leases that were parked; belongs to parked.c */
	uint64_t epoch;
	uint64_t started_ms; /* CLOCK_BOOTTIME */
	char config_error[TEXT_MAX]; /* of the last reload, empty if it succeeded */
};

/* settle.c: what becomes of regions and clients by a reload. */
void settling_init(struct broker *broker);
void settling_begin(struct broker *broker);
void settling_finish(struct broker *broker);
struct region *region_find_settled(struct broker *broker, const char *name);

/* events.c: what the backend tells, and what follows from it. */
void events_init(struct broker *broker);

/*
 * drain.c: each window that ends makes an event, and the backend's queue is bounded: code that ends
 * leases in a row calls events_pace() between two of them.
 */
#define EVENTS_DRAIN_EVERY 32 /* events caused; one lease's end causes 34 at most */
void events_drain(struct broker *broker);
void events_pace(struct broker *broker);

/* regions.c: what the configuration wants of the backend. */
uint32_t regions_missing(const struct broker *broker);
void regions_claim(struct broker *broker);
int regions_adopt(struct broker *broker);
uint32_t regions_stale(const struct broker *broker);
bool regions_retry(struct broker *broker);
void region_settle(struct broker *broker, struct region *region);
void region_look_at(struct broker *broker, struct region *region);
void regions_add_configured(struct broker *broker);
struct region *region_add_configured(struct broker *broker, const struct config_region *config);
void regions_link(struct broker *broker);
void region_freed(struct broker *broker, struct region *region);
void region_describe_stale(struct broker *broker, const struct region *region, struct text *text);

/* devices.c: functions as a whole. */
void devices_link(struct broker *broker);
void devices_claim(struct broker *broker);
void device_settle(struct broker *broker, struct device *device);
struct device *device_find_settled(struct broker *broker, const char *name);
void device_freed(struct broker *broker, struct device *device);
void device_gone(struct broker *broker, struct device *device);
struct device *device_adopt(struct broker *broker, uint64_t number);
bool device_is_there(struct broker *broker, const struct device *device);

/* quiet.c: devices that are reset, master the bus, or are made quiet. */
void quiet_init(struct broker *broker);
void quiet_clear(struct broker *broker);
void quiet_await(struct broker *broker, struct device *device);
void quiet_take_event(struct broker *broker, const struct mmiod_control_event *event);

/* presence.c */
bool region_is_there(struct broker *broker, const struct region *region);

/* wakeup.c: what is to be tried again. */
void wakeup_note_end(struct broker *broker, struct region *region);
void wakeup_note_wiped(struct broker *broker);
void wakeup_all(struct broker *broker);
void wakeup_try_again(struct broker *broker, bool now);

/* pools.c: regions that are pools. */
void pools_init(struct broker *broker);
void pools_clear(struct broker *broker);
void pools_fit(struct broker *broker, struct region *region);
int pools_wipe_queue(struct broker *broker, struct region *region, uint64_t most);
int pools_wipe_suspects(struct broker *broker, struct region *region, const struct extent *list,
			uint64_t *most);
int pools_zero_extents(struct broker *broker, struct region *region, const struct extent *list,
		       uint64_t *zeroed, uint64_t *most);

/* ledger.c: leases from the module's list. */
int ledger_read(struct broker *broker);
void ledger_begin(struct broker *broker);
int ledger_read_some(struct broker *broker, unsigned int most);
void ledger_attach_orphans(struct broker *broker, struct connection *connection);
void ledger_end_grace(struct broker *broker);

/* lease-end.c: the end of a lease, by whatever cause. */
void lease_gone(struct broker *broker, struct lease *lease);
int lease_revoke(struct broker *broker, struct lease *lease, enum mmiod_event_type event,
		 enum mmiod_revoke_cause cause, const char *why);
bool lease_ask(struct broker *broker, struct lease *lease, uint32_t deadline_ms, const char *why);
void lease_tell_holder(struct broker *broker, struct lease *lease, enum mmiod_event_type event,
		       uint32_t deadline_ms, const char *why);
void lease_change_state(struct broker *broker, struct lease *lease, enum mmiod_state state);
void lease_take_listed(struct broker *broker, struct lease *lease, enum mmiod_state state);
void lease_advance(struct broker *broker, struct lease *lease);
bool lease_ask_parked(struct broker *broker, struct lease *lease);
void lease_take_parked(struct broker *broker, struct lease *lease);

/* parked.c: leases that their holders have freed and keep. */
void parked_init(struct broker *broker);
int parked_open(struct broker *broker, struct connection *connection, int *fdp);
void parked_close(struct broker *broker, struct connection *connection);
void parked_give(struct broker *broker, struct connection *connection, struct lease *lease);
void parked_take_some(struct broker *broker);
void parked_take_all(struct broker *broker);
struct lease *parked_find(struct broker *broker, const struct user *user, uint32_t grant);
void parked_clear(struct broker *broker);

/* holder.c: who holds a lease, in words. */
void holder_describe(struct broker *broker, const struct lease *lease, struct text *text);
void holder_unit(const struct broker *broker, const struct lease *lease, char *unit, size_t size);
const char *holder_tenant_name(const struct broker *broker, uint32_t key);
const char *holder_user_name(struct broker *broker, uid_t uid, char *buffer, size_t size);

/* notice.c: what monitors are told. */
void notice_region(struct broker *broker, enum mmiod_notice_type type, const struct region *region,
		   const char *why);
void notice_lease(struct broker *broker, enum mmiod_notice_type type, const struct lease *lease,
		  const char *why);
void notice_denial(struct broker *broker, const struct holder *holder,
		   const struct mmiod_wire_want *want, enum mmiod_lease_kind kind,
		   enum mmiod_memory memory, const char *why);

/* deadlines.c: leases with a time limit. */
void deadlines_init(struct broker *broker);
void deadlines_arm(struct broker *broker);

/* safe-state.c: register writes at the end of a lease. */
int safe_state_settle(struct lease *lease, const struct config_writes *own);
int safe_state_note(struct broker *broker, uint64_t id, const struct lease *lease);
void safe_state_forget(struct broker *broker, uint64_t id, const struct lease *lease);
bool safe_state_end(struct broker *broker, struct lease *lease);
void safe_state_recover(struct broker *broker);
bool safe_state_is_owed(struct broker *broker, uint64_t id);
void safe_state_place(struct broker *broker, struct region *region);
void safe_state_init(struct broker *broker);
void safe_state_clear(struct broker *broker);

/* granting.c: grants that are given while the daemon runs. */
void granting_init(struct broker *broker);
void granting_recover(struct broker *broker);
void granting_clear(struct broker *broker);
/* The configuration is another: those that it forbids end, and it knows the others. */
void granting_take_config(struct broker *broker, struct config *config);
int granting_add(struct broker *broker, struct runtime_grant *runtime);
int granting_begin_anew(struct broker *broker, struct runtime_grant *runtime, uint64_t until_ms);
void granting_end(struct broker *broker, struct runtime_grant *runtime);
/* Those in the table under a grant of this key whose bytes somebody may still reach. */
void granting_each_lease(struct broker *broker, uint32_t key,
			 void (*each)(void *data, const struct lease *lease), void *data);

static inline bool settling_is_on(const struct broker *broker)
{
	return broker->settling.stage != SETTLED;
}

static inline struct broker *broker_of(struct connection *connection)
{
	return connection->host->data;
}

#endif
