// SPDX-License-Identifier: MIT
/*
 * Lines that wait until their user's rate admits them, and the last grants. An entry stays for the
 * hour in which it was written; when there are too many, those of earlier hours go.
 */
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "connection/audit.h"
#include "connection/connection.h"
#include "connection/journal-rate.h"
#include "connection/monitor.h"

#define ENTRIES_MOST 16384u
#define HOUR_MS 3600000u

static const struct timeval later_time = { 1, 0 };

static void forget(struct audits *audits, struct audit *audit)
{
	if (audit->pending)
		DL_DELETE(audits->waiting, audit);
	if (audits->recent == audit)
		audits->recent = NULL;
	HASH_DEL(audits->table, audit);
	free(audit);
}

static void forget_old(struct audits *audits, uint64_t hour)
{
	struct audit *audit, *next;

	HASH_ITER(hh, audits->table, audit, next) {
		if (!audit->pending && audit->hour != hour)
			forget(audits, audit);
	}
}

/* As much of it as there is room for. The name is all zeros so far. */
static void copy_name(char name[MMIOD_WIRE_NAME], const char *text)
{
	memcpy(name, text, strnlen(text, MMIOD_WIRE_NAME - 1));
}

static void fill_key(struct audit_key *key, const struct lease *lease, uint32_t kind,
		     const char *rule)
{
	memset(key, 0, sizeof(*key)); /* a hash is made of all its bytes */
	key->uid = lease->holder.uid;
	key->kind = kind;
	memcpy(key->region, lease->region->name, sizeof(key->region)); /* with zeros behind it */
	copy_name(key->rule, rule);
}

/* NULL: there are too many, or no memory. `is_new`: there was none. */
static struct audit *need(struct audits *audits, const struct audit_key *key, uint64_t hour,
			  bool *is_new)
{
	struct audit *audit;

	/* Mostly it is the same again, and a hash of 72 bytes costs more than to compare them. */
	audit = audits->recent;
	if (!audit || memcmp(&audit->key, key, sizeof(*key)) != 0)
		HASH_FIND(hh, audits->table, key, sizeof(*key), audit);
	*is_new = !audit;
	if (audit)
		return audits->recent = audit;
	if (HASH_COUNT(audits->table) >= ENTRIES_MOST)
		forget_old(audits, hour);
	audit = HASH_COUNT(audits->table) < ENTRIES_MOST ? calloc(1, sizeof(*audit)) : NULL;
	if (!audit)
		return NULL;
	audit->key = *key;
	HASH_ADD(hh, audits->table, key, sizeof(audit->key), audit);
	if (hash_added(audit))
		return audit;
	free(audit);
	return NULL;
}

static void put_off(struct connection_host *host, struct audit *audit, const struct lease *lease,
		    uint64_t count)
{
	if (!host->audits.waiting)
		event_add(&host->audits.later, &later_time);
	if (!audit->pending) {
		DL_APPEND(host->audits.waiting, audit);
		audit->first = lease->id;
	}
	audit->pending += count;
	audit->last = lease->id;
	audit->holder = lease->holder;
}

/*
 * Whether a line about the lease, and `count` - 1 more, may be written now; else it is told later,
 * together with what comes until then. A range of uids that is somebody's has no first of each.
 */
bool audit_admit(struct connection_host *host, const struct lease *lease, uint32_t kind,
		 const char *rule, uint64_t count)
{
	uint64_t hour = clock_coarse_ms() / HOUR_MS;
	uid_t uid = lease->holder.uid;
	struct audit_key key;
	struct audit *audit;
	bool first;

	fill_key(&key, lease, kind, rule);
	audit = need(&host->audits, &key, hour, &first);
	if (!audit)
		return journal_may_audit(host, uid, true);
	first = (first || audit->hour != hour) && kind < AUDIT_END &&
		users_owner(&host->users, uid) == uid;
	if (!audit->pending && (first || journal_may_audit(host, uid, false))) {
		audit->hour = hour;
		return true;
	}
	put_off(host, audit, lease, count);
	return false;
}

/* ---- later ----------------------------------------------------------------------------------- */

static void tell_one(struct connection_host *host, struct audit *audit, uint64_t hour)
{
	host->audits.tell(audit);
	audit->hour = hour;
	audit->pending = 0;
	DL_DELETE(host->audits.waiting, audit);
}

static void on_later(evutil_socket_t fd, short what, void *data)
{
	struct connection_host *host = data;
	uint64_t hour = clock_coarse_ms() / HOUR_MS;
	struct audit *audit, *next;

	DL_FOREACH_SAFE(host->audits.waiting, audit, next) {
		if (journal_may_audit(host, audit->key.uid, false))
			tell_one(host, audit, hour);
	}
	if (host->audits.waiting)
		event_add(&host->audits.later, &later_time);
}

void audit_start(struct connection_host *host, void (*tell)(const struct audit *audit))
{
	host->audits.tell = tell;
	evtimer_assign(&host->audits.later, host->base, on_later, host);
}

/* Lines that wait are told now, whatever the rate. */
void audit_stop(struct connection_host *host)
{
	struct audits *audits = &host->audits;

	event_del(&audits->later);
	while (audits->waiting)
		tell_one(host, audits->waiting, 0);
	while (audits->table)
		forget(audits, audits->table);
}

/* ---- the last grants ------------------------------------------------------------------------- */

void audit_keep(struct connection_host *host, const struct lease *lease, const char *rule)
{
	struct mmiod_wire_logged *kept = &host->audits.kept[++host->audits.last % AUDIT_KEPT];

	host->audits.tenants[kept - host->audits.kept] = lease->holder.tenant;
	*kept = (struct mmiod_wire_logged){
		.number = host->audits.last,
		.time_us = monitor_now_us(),
		.lease = lease->id,
		.offset = lease_told(lease->kind, lease->offset),
		.length = lease_told(lease->kind, lease->length),
		.memory = lease->memory,
		.rights = lease->rights,
		.share = lease->share,
		.uid = lease->holder.uid,
		.pid = lease->holder.pid,
		.kind = lease->kind,
	};
	if (lease->memory == MMIOD_MEMORY_REGION)
		memcpy(kept->region, lease->region->name, sizeof(kept->region));
	copy_name(kept->grant, rule);
	memcpy(kept->comm, lease->holder.comm, sizeof(kept->comm));
}

/* The first that is kept behind this number; NULL: there is none. */
const struct mmiod_wire_logged *audit_after(const struct audits *audits, uint64_t number)
{
	uint64_t oldest = audits->last > AUDIT_KEPT ? audits->last - AUDIT_KEPT + 1 : 1;

	if (number >= audits->last)
		return NULL;
	return &audits->kept[(number + 1 > oldest ? number + 1 : oldest) % AUDIT_KEPT];
}

/* Key of the tenant that was granted it; 0: of none. */
uint32_t audit_tenant(const struct audits *audits, const struct mmiod_wire_logged *kept)
{
	return audits->tenants[kept - audits->kept];
}
