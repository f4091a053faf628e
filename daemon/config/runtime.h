/* SPDX-License-Identifier: MIT */
/*
 * Grants that an administrator gives while the daemon runs, beside those of the files: a table that
 * the trees of the configuration point to, one after the other. Each is for one user or one tenant, and gives
 * regions by name or by glob. Pure data: who may give them, when they end and what becomes of their
 * leases is decided elsewhere.
 *
 * Their number is bounded, and a decision looks only at those of its subject.
 */
#ifndef MMIOD_DAEMON_CONFIG_RUNTIME_H
#define MMIOD_DAEMON_CONFIG_RUNTIME_H

#include "config/config.h"

#define RUNTIME_GRANTS_MAX 1024u /* of all users together */
#define RUNTIME_PATTERN_MAX 64u /* bytes of a name or glob, with its terminating zero */

struct runtime_grant {
	struct config_grant grant;
	uint64_t id; /* from 1, never used again while the daemon runs */
	enum config_party party;
	uint32_t holder; /* id of the party: a uid, or a tenant's key */
	char *whom; /* its name, or the number */
	uint32_t by; /* uid of who gave it */
	uint64_t until_ms; /* CLOCK_BOOTTIME; 0: no limit */
	uint64_t last_ms; /* the whole time, as it was asked for */
	struct runtime_holder *of; /* in a table: its holder */
	uint64_t cursor; /* in none any more: of its leases those up to this one have ended */
	uint64_t last; /* likewise: those behind this one another grant of that name gave */
	const char *over; /* likewise: why it is */
	struct runtime_grant *prev, *next; /* in order of their ids; or with others that are over */
	struct runtime_grant *holder_prev, *holder_next; /* likewise, of the same holder */
};

/* Whoever has any: a decision looks no further. */
struct runtime_holder {
	struct {
		uint32_t party;
		uint32_t id;
	} key;
	struct runtime_grant *list;
	UT_hash_handle hh;
};

struct runtime_grants {
	struct runtime_grant *list;
	struct config_grant *by_name;
	struct config_grant *by_key;
	struct runtime_holder *holders;
	unsigned int count;
	uint64_t last_id;
};

static inline struct runtime_grant *runtime_grant_of(const struct config_grant *grant)
{
	return container_of(grant, struct runtime_grant, grant);
}

/* As holder_payer() of those that it is for. */
static inline uint64_t runtime_payer(const struct runtime_grant *runtime)
{
	return runtime->party == CONFIG_PARTY_TENANT ? (uint64_t)runtime->holder << 32
						     : runtime->holder;
}

/* One that is in no table; -EINVAL: a name or pattern breaks the rules. NULL: out of memory. */
struct runtime_grant *runtime_grant_new(const char *name);
int runtime_grant_set_user(struct runtime_grant *runtime, uint32_t uid, const char *user);
int runtime_grant_set_tenant(struct runtime_grant *runtime, const char *tenant);
int runtime_grant_add_region(struct runtime_grant *runtime, const char *pattern);
void runtime_grant_free(struct runtime_grant *runtime);
void runtime_grant_freep(struct runtime_grant **runtime);
/* Whether they give the same to the same, for the same time. */
bool runtime_grant_equals(const struct runtime_grant *a, const struct runtime_grant *b);
/* [A-Za-z0-9._-] and what a glob has, at most RUNTIME_PATTERN_MAX - 1 characters. */
bool runtime_is_pattern(const char *pattern);

/* Takes the grant over; -ENOMEM: not. No other may have its name or its key. */
int runtime_add(struct runtime_grants *grants, struct runtime_grant *runtime);
struct runtime_grant *runtime_remove(struct runtime_grants *grants, struct runtime_grant *runtime);
struct runtime_grant *runtime_find(const struct runtime_grants *grants, const char *name);
struct runtime_grant *runtime_after(const struct runtime_grants *grants, uint64_t id);
/* The first that is for this party, others by holder_next; NULL: there is none. */
struct runtime_grant *runtime_first_for(const struct runtime_grants *grants,
					enum config_party party, uint32_t id);
bool runtime_covers(const struct config_grant *grant, const struct config_region *region);
void runtime_clear(struct runtime_grants *grants);

#endif
