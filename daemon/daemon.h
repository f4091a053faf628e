/* SPDX-License-Identifier: MIT */
/*
 * The daemon: configuration in force, backend, regions, leases and clients in one place. Everything
 * else is called from here or calls back into here; one thread, so nothing is locked.
 */
#ifndef MMIOD_DAEMON_DAEMON_H
#define MMIOD_DAEMON_DAEMON_H

#include "backend.h"
#include "clock.h"
#include "connection.h"
#include "lease.h"
#include "loader.h"
#include "server.h"

struct daemon;
struct publication;
struct safe_note;
struct revocation;
struct underway;
struct waiting;

/* What of a reload is done in pieces; belongs to settle.c. */
struct settling {
	struct chore chore;
	enum { SETTLE_CLIENTS, SETTLE_CLAIMED, SETTLE_CONFIGURED, SETTLED } stage;
	uint64_t cursor; /* id of the client or the region that was the last */
	size_t next; /* of the configuration's regions */
	uint32_t stale; /* of those that were seen to */
	void (*done)(struct daemon *daemon); /* all have been seen to */
};

/* The tries of those who wait, round by round; belongs to waiting.c. */
struct tries {
	struct chore chore;
	uint64_t round;
	uint64_t next; /* ticket: who has a lower one had its turn in this round */
	uint64_t last; /* ticket of the last whose turn it is in this round; 0: none is under way */
	bool all; /* whatever came free */
	bool due; /* another round is to come */
	bool due_for_all; /* and for all of them: the configuration is another */
};

struct daemon {
	struct connection_host host;
	struct server server;
	const struct config *config; /* in force; owned */
	struct config_paths paths;
	struct backend *backend; /* owned */
	struct regions regions;
	struct region kernel; /* stands for kernel memory; in no table */
	struct leases leases;
	struct lease_list orphans; /* no connection stands for them; their process may come back */
	struct revocation *revocations;
	struct underway *underway; /* requests whose leases are being taken, in many turns */
	uint32_t n_untold; /* windows that were made for these, and are in no table yet */
	struct waiting *waiting; /* requests, in order of their tickets */
	uint64_t last_ticket;
	struct tries tries;
	struct publication *publications; /* in order of their numbers */
	uint64_t last_publication;
	struct loader loader;
	struct event
		names; /* until those of the configuration that nobody has are looked up again */
	struct config *old; /* not in force any more, and being freed; NULL: none */
	struct chore freeing;
	struct settling settling;
	struct chore comparing; /* of leases with the configuration */
	uint64_t compared; /* the lease up to which that is done */
	uint64_t compare_until; /* later leases were granted by this configuration */
	bool reload_asked; /* and whoever did not told yet that it is done */
	void (*reloaded)(void *data); /* after daemon_reload_soon(); NULL: nobody wants to know */
	void *reloaded_data;
	struct event backend_event;
	void (*drain)(struct daemon *daemon); /* daemon_drain_events() */
	unsigned int events_caused; /* since they were read: see daemon_pace_events() */
	bool draining;
	bool reading_events; /* nothing that makes events may be done: it is put off */
	bool reset; /* leases of regions that were reset are to end */
	uint64_t reset_cursor; /* from the one behind this on */
	struct event again; /* until what failed is tried again */
	bool claims_due; /* a region was given back: others may want what it had */
	uint64_t safe_round; /* of tries */
	int reserve_fd; /* makes room for the window by which a register is made safe */
	int notes_fd; /* the directory of notes; -1: not open yet */
	struct safe_note *notes; /* on leases that ended, whose claims are not there */
	uint32_t n_notes;
	struct event terms; /* until a lease with a time limit wants something done */
	struct chore expiring; /* what they want */
	struct event wipe; /* while something waits to be wiped */
	uint64_t wipe_piece; /* bytes that are wiped in one turn */
	uint64_t wiped; /* bytes that were, ever */
	uint64_t wiped_region; /* whose piece was the last, of this round through all */
	bool wipe_failed; /* of one in this round */
	struct event grace; /* after a restart: then leases that end with their connection end */
	struct timeval hello_timeout;
	struct timeval slow_reader_timeout;
	uint64_t epoch;
	uint64_t started_ms; /* CLOCK_BOOTTIME */
	char config_error[TEXT_MAX]; /* of the last reload, empty if it succeeded */
	bool ledger_stale; /* events were lost */
};

int daemon_init(struct daemon *daemon, struct event_base *base, struct backend *backend,
		struct config *config, const struct config_paths *paths);
int daemon_listen(struct daemon *daemon, int fd);
void daemon_clear(struct daemon *daemon);

/* reload.c: what the configuration in force does, and putting another in force. */
int daemon_reload(struct daemon *daemon);
int daemon_loaded(struct daemon *daemon, int error, struct config *config, const char *why);
void daemon_warn_of(const struct config *config);
void daemon_take_limits(struct daemon *daemon);
void daemon_init_reload(struct daemon *daemon);
void daemon_reload_soon(struct daemon *daemon);
void daemon_find_names(struct daemon *daemon);
void daemon_clear_reload(struct daemon *daemon);

/* settle.c: what becomes of regions and clients by a reload. */
void daemon_init_settling(struct daemon *daemon);
void daemon_begin_settling(struct daemon *daemon);
void daemon_settle_all(struct daemon *daemon);
struct region *daemon_find_region(struct daemon *daemon, const char *name);

/* events.c: what the backend tells, and what follows from it. */
void daemon_init_events(struct daemon *daemon);

/*
 * drain.c: each window that ends makes an event, and the backend's queue is bounded: who ends leases
 * in a row calls daemon_pace_events() between two of them.
 */
#define EVENTS_DRAIN_EVERY 32 /* events caused; one lease's end causes 34 at most */
void daemon_drain_events(struct daemon *daemon);
void daemon_pace_events(struct daemon *daemon);
struct lease *daemon_next_lease(struct daemon *daemon, const struct lease *lease);

/* regions.c: what the configuration wants of the backend. */
uint32_t daemon_missing_regions(const struct daemon *daemon);
void daemon_claim_regions(struct daemon *daemon);
int daemon_adopt_regions(struct daemon *daemon);
uint32_t daemon_stale_regions(const struct daemon *daemon);
bool daemon_retry_regions(struct daemon *daemon);
void daemon_settle_region(struct daemon *daemon, struct region *region);
void daemon_look_at_region(struct daemon *daemon, struct region *region);
void daemon_add_regions(struct daemon *daemon);
struct region *daemon_add_region(struct daemon *daemon, const struct config_region *config);
void daemon_link_regions(struct daemon *daemon);
void daemon_region_freed(struct daemon *daemon, struct region *region);
void daemon_describe_stale(struct daemon *daemon, const struct region *region, struct text *text);

/* presence.c */
bool daemon_region_is_there(struct daemon *daemon, const struct region *region);

/* wakeup.c: what is to be tried again. */
void waiting_note_end(struct daemon *daemon, struct region *region);
void waiting_note_wiped(struct daemon *daemon);
void waiting_try_soon(struct daemon *daemon);
void daemon_try_again(struct daemon *daemon, bool now);

/* pools.c: regions that are pools. */
void daemon_init_pools(struct daemon *daemon);
void daemon_clear_pools(struct daemon *daemon);
void daemon_fit_pool(struct daemon *daemon, struct region *region);
int daemon_wipe_queue(struct daemon *daemon, struct region *region, uint64_t most);
int daemon_wipe_suspects(struct daemon *daemon, struct region *region, const struct extent *extent,
			 uint64_t *most);
int daemon_zero_extent(struct daemon *daemon, struct region *region, const struct extent *extent,
		       uint64_t *zeroed, uint64_t *most);

/* ledger.c: leases from the module's list. */
int daemon_read_ledger(struct daemon *daemon);
void daemon_attach_orphans(struct daemon *daemon, struct connection *connection);
void daemon_end_grace(struct daemon *daemon);

/* lease-end.c: the end of a lease, by whatever cause. */
void daemon_lease_gone(struct daemon *daemon, struct lease *lease);
int daemon_lease_revoke(struct daemon *daemon, struct lease *lease, enum mmiod_event_type event,
			enum mmiod_revoke_cause cause, const char *why);
bool daemon_lease_ask(struct daemon *daemon, struct lease *lease, uint32_t deadline_ms,
		      const char *why);
void daemon_lease_tell(struct daemon *daemon, struct lease *lease, enum mmiod_event_type event,
		       uint32_t deadline_ms, const char *why);
void daemon_lease_state(struct daemon *daemon, struct lease *lease, enum mmiod_state state);
void daemon_lease_listed(struct daemon *daemon, struct lease *lease, enum mmiod_state state);
void daemon_lease_advance(struct daemon *daemon, struct lease *lease);

/* holder.c: who holds a lease, in words. */
void daemon_describe_holder(struct daemon *daemon, const struct lease *lease, struct text *text);
void daemon_unit_of(const struct daemon *daemon, const struct lease *lease, char *unit,
		    size_t size);
const char *daemon_user_name(struct daemon *daemon, uid_t uid, char *buffer, size_t size);

/* notice.c: what monitors are told. */
void daemon_note(struct daemon *daemon, enum mmiod_notice_type type, const struct region *region,
		 const char *why);
void daemon_note_lease(struct daemon *daemon, enum mmiod_notice_type type,
		       const struct lease *lease, const char *why);
void daemon_note_denial(struct daemon *daemon, const struct holder *holder,
			const struct mmiod_wire_want *want, enum mmiod_memory memory,
			const char *why);

/* terms.c: leases with a time limit. */
void daemon_init_terms(struct daemon *daemon);
void daemon_arm_terms(struct daemon *daemon);

/* safe.c: register writes at the end of a lease. */
int daemon_safe_settle(struct lease *lease, const struct config_writes *own);
int daemon_safe_note(struct daemon *daemon, uint64_t id, const struct lease *lease);
void daemon_safe_forget(struct daemon *daemon, uint64_t id, const struct lease *lease);
bool daemon_safe_end(struct daemon *daemon, struct lease *lease);
void daemon_safe_recover(struct daemon *daemon);
bool daemon_safe_is_owed(struct daemon *daemon, uint64_t id);
void daemon_safe_place(struct daemon *daemon, struct region *region);
void daemon_init_safe(struct daemon *daemon);
void daemon_clear_safe(struct daemon *daemon);

/* waiting.c: requests that wait until something has been wiped, or is free. */
void waiting_init(struct daemon *daemon);
void waiting_forget(struct daemon *daemon, const struct connection *connection);

/* request-caches.c: what clients tell of their object caches. */
void publications_forget(struct daemon *daemon, const struct connection *connection);

static inline bool daemon_is_settling(const struct daemon *daemon)
{
	return daemon->settling.stage != SETTLED;
}

static inline struct daemon *daemon_of(struct connection *connection)
{
	return connection->host->data;
}

#endif
