// SPDX-License-Identifier: MIT
/* Tells the journal. */
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "connection/connection.h"
#include "connection/journal-rate.h"
#include "connection/journal.h"

/* Writes to registers at the end of leases: lines that are too many are counted. */
static bool may_audit(struct connection_host *host, uid_t uid)
{
	return journal_may_audit(host, uid, true);
}

static const char *limit_key(enum mmiod_limit limit)
{
	static const char *const keys[MMIOD_LIMITS] = {
		[MMIOD_LIMIT_CONNECTIONS] = "connections-per-user",
		[MMIOD_LIMIT_CONNECTION_RATE] = "connection-rate-per-user",
		[MMIOD_LIMIT_LEASES] = "leases-per-user",
		[MMIOD_LIMIT_BYTES] = "bytes-per-user",
		[MMIOD_LIMIT_UNREAD_REPLIES] = "unread-replies-per-user",
		[MMIOD_LIMIT_UNREAD_DESCRIPTORS] = "unread-descriptors-per-user",
		[MMIOD_LIMIT_CACHES] = "caches-per-user",
		[MMIOD_LIMIT_GRANT] = "leases or bytes of the grant",
		[MMIOD_LIMIT_WAITING] = "waiting-per-user",
		[MMIOD_LIMIT_INTERRUPTS] = "interrupts-per-user",
		[MMIOD_LIMIT_DEVICES] = "devices-per-user",
		[MMIOD_LIMIT_EXTENTS] = "extents-per-user",
	};

	return keys[limit];
}

/* ---- connections ----------------------------------------------------------------------------- */

void journal_turned_away(struct connection_host *host, const struct peer *peer,
			 enum mmiod_limit limit, const char *why)
{
	struct holder holder = peer->holder;
	const struct log_fields fields = {
		.message_id = limit ? LOG_ID_QUOTA : LOG_ID_DENIAL,
		.holder = &holder,
		.connected = true,
		.limit = limit_key(limit),
	};

	if (!journal_may(host, peer->subject.uid))
		return;
	peer_read_comm(&holder); /* its HELLO is not read */
	log_line(LOG_NOTICE, &fields, "turned away pid %u: %s", holder.pid, why);
}

void journal_dropped(struct connection *connection, const char *why)
{
	const struct holder *holder = &connection->peer.holder;
	const struct log_fields fields = { .message_id = LOG_ID_DROPPED,
					   .holder = holder,
					   .connected = true };

	if (!journal_may(connection->host, holder->uid))
		return;
	if (!connection->greeted)
		peer_read_comm(&connection->peer.holder);
	log_line(LOG_WARNING, &fields, "dropped the connection of uid %u, pid %u: %s", holder->uid,
		 holder->pid, why);
}

/* ---- leases ---------------------------------------------------------------------------------- */

static const char *access_word(uint32_t rights)
{
	return rights & MMIOD_RIGHT_WRITE ? "rw" : "r";
}

static const char *describe_leased(const struct lease *lease, char *buffer, size_t size)
{
	const char *name = lease->region->name;

	if (lease->kind == MMIOD_KIND_INTERRUPT)
		snprintf(buffer, size, "vector %" PRIu64 " of device %s,", lease->offset, name);
	else if (lease->kind == MMIOD_KIND_DEVICE)
		snprintf(buffer, size, "device %s, to %s,", name,
			 lease->rights & MMIOD_RIGHT_WRITE ? "operate it"
							   : "read its configuration");
	else if (lease->parts)
		snprintf(buffer, size, "0x%" PRIx64 " bytes in %u extents of %s, %s,",
			 lease->length, lease->parts->n, name,
			 lease->rights & MMIOD_RIGHT_WRITE ? "read-write" : "read-only");
	else
		snprintf(buffer, size, "0x%" PRIx64 "+0x%" PRIx64 " of %s, %s,", lease->offset,
			 lease->length, name,
			 lease->rights & MMIOD_RIGHT_WRITE ? "read-write" : "read-only");
	return buffer;
}

/* A lease to write, or the first of several to read. `rule`: name of the grant that let them. */
void journal_granted(struct connection *connection, const struct lease *lease, size_t others,
		     const char *rule)
{
	const struct holder *holder = &lease->holder;
	bool writes = lease->rights & MMIOD_RIGHT_WRITE;
	const struct log_fields fields = {
		.message_id = LOG_ID_GRANT,
		.holder = holder,
		.connected = true,
		.region = lease->region->name,
		.rule = rule,
		.access = access_word(lease->rights),
		.lease = lease->id,
		.offset = lease_told(lease->kind, lease->offset),
		.length = lease_told(lease->kind, lease->length),
	};
	char more[32] = "", what[128];

	if (!audit_admit(connection->host, lease, writes ? AUDIT_WRITER : AUDIT_READER, rule,
			 others + 1))
		return;
	if (others)
		snprintf(more, sizeof(more), ", and %zu more", others);
	log_line(LOG_INFO, &fields, "uid %u, pid %u, leased %s by grant %s: lease %" PRIu64 "%s",
		 holder->uid, holder->pid, describe_leased(lease, what, sizeof(what)), rule,
		 lease->id, more);
}

void journal_refused(struct connection *connection, const struct journal_refusal *refusal)
{
	const struct log_fields fields = {
		.message_id = refusal->limit ? LOG_ID_QUOTA : LOG_ID_DENIAL,
		.holder = &connection->peer.holder,
		.connected = true,
		.region = refusal->region[0] ? refusal->region : NULL,
		.access = access_word(refusal->rights),
		.limit = limit_key(refusal->limit),
		.offset = refusal->offset,
		.length = refusal->length,
	};

	if (!journal_may(connection->host, connection->peer.holder.uid))
		return;
	log_line(LOG_NOTICE, &fields, "%s", refusal->why);
}

/*
 * A holder that asks for short times, or that connects and hangs up, may make any number of these.
 */
static bool is_holders_doing(enum mmiod_revoke_cause cause)
{
	return cause == MMIOD_CAUSE_EXPIRED || cause == MMIOD_CAUSE_CONNECTION;
}

static const char *const cause_words[MMIOD_CAUSES] = {
	[MMIOD_CAUSE_ADMIN] = "administrator", [MMIOD_CAUSE_OBEYED] = "obeyed",
	[MMIOD_CAUSE_GONE] = "gone",	       [MMIOD_CAUSE_CONNECTION] = "connection",
	[MMIOD_CAUSE_EXPIRED] = "expired",     [MMIOD_CAUSE_OTHER] = "program",
	[MMIOD_CAUSE_RESET] = "reset",	       [MMIOD_CAUSE_POLICY] = "policy",
};

static void tell_more_ended(const struct audit *audit)
{
	enum mmiod_revoke_cause cause = (enum mmiod_revoke_cause)(audit->key.kind - AUDIT_END);
	const struct log_fields fields = {
		.message_id = LOG_ID_REVOKE,
		.holder = &audit->holder,
		.region = audit->key.region,
		.cause = cause_words[cause],
		.lease = audit->last,
	};

	log_line(LOG_NOTICE, &fields,
		 "%" PRIu64 " more leases of %s, held by uid %u, ended (%s): %" PRIu64
		 " to %" PRIu64,
		 audit->pending, audit->key.region, audit->key.uid, cause_words[cause],
		 audit->first, audit->last);
}

/* Tells the lines that were put off, as one. */
static void tell_pending(const struct audit *audit)
{
	bool writes = audit->key.kind == AUDIT_WRITER;
	const struct log_fields fields = {
		.message_id = LOG_ID_GRANT,
		.holder = &audit->holder,
		.region = audit->key.region,
		.rule = audit->key.rule,
		.access = writes ? "rw" : "r",
		.lease = audit->last,
	};

	if (audit->key.kind >= AUDIT_END) {
		tell_more_ended(audit);
		return;
	}
	log_line(LOG_INFO, &fields,
		 "uid %u, pid %u, leased %" PRIu64 " more of %s, %s, by grant %s: leases %" PRIu64
		 " to %" PRIu64,
		 audit->key.uid, audit->holder.pid, audit->pending, audit->key.region,
		 writes ? "read-write" : "read-only", audit->key.rule, audit->first, audit->last);
}

void journal_revoked(struct connection_host *host, const struct lease *lease,
		     enum mmiod_revoke_cause cause, const char *why)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_REVOKE,
		.holder = &lease->holder,
		.region = lease->region->name,
		.access = access_word(lease->rights),
		.cause = cause_words[cause],
		.lease = lease->id,
		.offset = lease_told(lease->kind, lease->offset),
		.length = lease_told(lease->kind, lease->length),
	};

	host->counters.revocations[cause]++;
	if (is_holders_doing(cause) && !audit_admit(host, lease, AUDIT_END + cause, "", 1))
		return;
	log_line(LOG_NOTICE, &fields, "lease %" PRIu64 " of %s, held by uid %u, pid %u: %s",
		 lease->id, lease->region->name, lease->holder.uid, lease->holder.pid, why);
}

/* Its holder can have the device make any number of these. */
void journal_storm(struct connection_host *host, const struct lease *lease, const char *why)
{
	const struct log_fields fields = {
		.message_id = LOG_ID_STORM,
		.holder = &lease->holder,
		.region = lease->region->name,
		.lease = lease->id,
	};

	if (journal_may(host, lease->holder.uid))
		log_line(LOG_WARNING, &fields, "lease %" PRIu64 " of device %s: %s", lease->id,
			 lease->region->name, why);
}

/* A write that a lease that has ended still owes its device: told whoever caused it. */
void journal_unwritten(const struct lease *lease, const struct config_write *write, int error)
{
	const struct log_fields fields = { .region = lease->region->name, .lease = lease->id };

	log_line(LOG_ERR, &fields,
		 "lease %" PRIu64 " of region %s has ended, but 0x%" PRIx64
		 " could not be written to +0x%" PRIx64 ": %s; its bytes are nobody's until it is",
		 lease->id, lease->region->name, write->value, write->offset, strerror(-error));
}

/*
 * `always`: it is what an error in the journal was about. Else the holder's rate applies, if known.
 */
void journal_written(struct connection_host *host, const struct lease *lease,
		     const struct config_write *write, bool always)
{
	const struct log_fields fields = { .region = lease->region->name, .lease = lease->id };
	uint32_t uid = lease->holder.uid;

	if (!always && uid != UINT32_MAX && !may_audit(host, uid))
		return;
	log_line(LOG_INFO, &fields,
		 "lease %" PRIu64 " of region %s has ended: wrote 0x%" PRIx64 " to +0x%" PRIx64
		 " (%u bits)",
		 lease->id, lease->region->name, write->value, write->offset, 8 * write->width);
}

/* ---- life ------------------------------------------------------------------------------------ */

void journal_start(struct connection_host *host)
{
	journal_rate_start(host);
	audit_start(host, tell_pending);
}

void journal_stop(struct connection_host *host)
{
	audit_stop(host);
	journal_rate_stop(host);
}
