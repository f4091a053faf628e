/* SPDX-License-Identifier: MIT */
/*
 * Tells who was granted what, so that nobody who is audited can keep it out of the journal: a line
 * that there is no room for now is counted, by user, grant and region, and one line tells it as
 * soon as the rate admits. The first of each in an hour is never held back. The last grants are
 * also kept here, for LOG.
 */
#ifndef MMIOD_DAEMON_CONNECTION_AUDIT_H
#define MMIOD_DAEMON_CONNECTION_AUDIT_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <mmiod/protocol.h>
#include "base/hash.h"
#include "base/holder.h"

#define AUDIT_KEPT 1024u /* grants */

struct connection_host;
struct lease;

/* Lines with the same key are put together. */
struct audit_key {
	uint32_t uid;
	uint32_t kind; /* enum audit_kind, or AUDIT_END + enum mmiod_revoke_cause */
	char region[MMIOD_WIRE_NAME];
	char rule[MMIOD_WIRE_NAME]; /* of a grant: its name, or as much as there is room for */
};

enum audit_kind { AUDIT_WRITER, AUDIT_READER, AUDIT_END };

struct audit {
	struct audit_key key;
	uint64_t hour; /* in which the last line was written */
	uint64_t pending; /* that no line has told yet */
	uint64_t first, last; /* leases, of those */
	struct holder holder; /* of the last */
	struct audit *prev, *next; /* those with something pending */
	UT_hash_handle hh;
};

struct audits {
	struct audit *table;
	struct audit *waiting;
	struct audit *recent; /* that was looked for last; NULL: it is there no more */
	void (*tell)(const struct audit *audit); /* what was put off, as one line */
	struct event later;
	struct mmiod_wire_logged kept[AUDIT_KEPT]; /* number N is at N % AUDIT_KEPT */
	uint32_t tenants[AUDIT_KEPT]; /* of those; 0: none */
	uint64_t last; /* number */
};

void audit_start(struct connection_host *host, void (*tell)(const struct audit *audit));
void audit_stop(struct connection_host *host);
bool audit_admit(struct connection_host *host, const struct lease *lease, uint32_t kind,
		 const char *rule, uint64_t count);
void audit_keep(struct connection_host *host, const struct lease *lease, const char *rule);
uint32_t audit_tenant(const struct audits *audits, const struct mmiod_wire_logged *kept);
const struct mmiod_wire_logged *audit_after(const struct audits *audits, uint64_t number);

#endif
