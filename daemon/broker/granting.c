// SPDX-License-Identifier: MIT
/*
 * Grants that an administrator gives while the daemon runs: they are in force at once, noted so
 * that another daemon finds them, and end by their time, by who gave them, or by a configuration
 * that forbids them. Their leases end with them, in as many turns as it takes; a grant that is over
 * gives nothing meanwhile.
 */
#include <string.h>
#include "base/log.h"
#include "broker/grant-note.h"
#include "broker/underway.h"

#define LOOK_AGAIN_MS 60000 /* the loop's clock stands while the machine sleeps */

static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };

/* ---- the leases of a grant ------------------------------------------------------------------- */

static bool is_under(const struct lease *lease, uint32_t key)
{
	return lease->grant == key && !(lease->end & LEASE_CUT);
}

/* The accounts say who has any. */
void granting_each_lease(struct broker *broker, uint32_t key,
			 void (*each)(void *data, const struct lease *lease), void *data)
{
	const struct account *account;

	for (account = broker->leases.accounts; account; account = account->hh.next) {
		const struct user *user = account->key.grant == key ? user_find(&broker->host.users,
										account->key.payer)
								    : NULL;
		struct lease *lease = user ? lease_after_of(user, 0) : NULL;

		for (; lease; lease = lease_after_of(user, lease->id))
			if (is_under(lease, key))
				each(data, lease);
	}
}

static void end_lease(struct broker *broker, struct lease *lease, const struct runtime_grant *under)
{
	char why[LEASE_WHY_MAX];

	snprintf(why, sizeof(why), "revoked: [grant %s], which gave it, is over: %s",
		 under->grant.name, under->over);
	lease_revoke(broker, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_EXPIRED, why);
	events_pace(broker);
}

/* A share of them. Returns whether there are more. */
static bool end_some(struct broker *broker, struct runtime_grant *over)
{
	struct users *users = &broker->host.users;
	const uint64_t owner = users_owner(users, runtime_payer(over));

	while (!turn_is_over(&broker->host)) {
		const struct user *user = user_find(users, owner);
		struct lease *lease = user ? lease_after_of(user, over->cursor) : NULL;

		if (!lease || lease->id > over->last)
			return false;
		turn_spend(&broker->host, 1);
		over->cursor = lease->id;
		if (is_under(lease, over->grant.key))
			end_lease(broker, lease, over);
	}
	return true;
}

static bool go_on_ending(struct chore *chore)
{
	struct broker *broker = container_of(chore, struct broker, granting.ending);
	struct granting *granting = &broker->granting;

	while (granting->over) {
		struct runtime_grant *over = granting->over;

		if (end_some(broker, over))
			return true;
		DL_DELETE(granting->over, over);
		runtime_grant_free(over);
	}
	return false;
}

/* ---- their time ------------------------------------------------------------------------------ */

static uint64_t first_end(const struct granting *granting)
{
	const struct runtime_grant *runtime;
	uint64_t first = UINT64_MAX;

	DL_FOREACH(granting->grants.list, runtime) {
		if (runtime->until_ms && runtime->until_ms < first)
			first = runtime->until_ms;
	}
	return first;
}

static void arm(struct broker *broker)
{
	uint64_t first = first_end(&broker->granting), now = clock_boot_ms(), ms;
	struct timeval wait;

	if (first == UINT64_MAX)
		return;
	ms = first > now ? first - now : 0;
	if (ms > LOOK_AGAIN_MS)
		ms = LOOK_AGAIN_MS;
	wait = (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
	event_add(&broker->granting.event, &wait);
}

/* Nothing new is given under it, and nobody finds it any more; its leases are not seen to. */
static struct runtime_grant *take_out(struct broker *broker, struct runtime_grant *runtime)
{
	grant_note_remove(broker, runtime->grant.name);
	runtime_remove(&broker->granting.grants, runtime);
	/* Requests that it was to give something may be half done, or wait. */
	underway_spoil(broker, NULL);
	wakeup_all(broker);
	return runtime;
}

/*
 * @why lives as long as the daemon. The name may be given again before the last lease has ended: ids
 * rise, so whatever that gives stands behind all leases that there are.
 */
static void end_with_leases(struct broker *broker, struct runtime_grant *runtime, const char *why)
{
	const struct lease *last = lease_last(&broker->leases);

	take_out(broker, runtime);
	log_line(LOG_INFO, &fields, "grant %s to %s %s is over: %s", runtime->grant.name,
		 runtime->party == CONFIG_PARTY_TENANT ? "tenant" : "user", runtime->whom, why);
	runtime->over = why;
	runtime->cursor = 0;
	runtime->last = last ? last->id : 0;
	DL_APPEND(broker->granting.over, runtime);
	turn_do_later(&broker->host, &broker->granting.ending);
}

static void on_time_over(evutil_socket_t fd, short what, void *data)
{
	struct broker *broker = data;
	struct runtime_grant *runtime, *next;
	uint64_t now = clock_boot_ms();

	DL_FOREACH_SAFE(broker->granting.grants.list, runtime, next) {
		if (runtime->until_ms && runtime->until_ms <= now)
			end_with_leases(broker, runtime, "its time has passed");
	}
	arm(broker);
}

/* ---- giving and ending ----------------------------------------------------------------------- */

/* Those who were nobody to the configuration and connected all the same. */
static void welcome(struct broker *broker, uint64_t payer)
{
	struct users *users = &broker->host.users;
	struct user *user = user_find(users, users_owner(users, payer));
	struct connection *connection;

	if (!user)
		return;
	DL_FOREACH2(user->connections, connection, user_next) {
		if (connection->stranger && policy_names(broker->config, &connection->peer.subject))
			connection_mark_stranger(connection, false);
	}
}

/* Takes the grant over, unless it returns an error. */
int granting_add(struct broker *broker, struct runtime_grant *runtime)
{
	int r = grant_note_write(broker, runtime);

	if (r < 0)
		return r;
	r = runtime_add(&broker->granting.grants, runtime);
	if (r < 0) {
		grant_note_remove(broker, runtime->grant.name);
		return r;
	}
	welcome(broker, runtime_payer(runtime));
	arm(broker);
	return 0;
}

int granting_begin_anew(struct broker *broker, struct runtime_grant *runtime, uint64_t until_ms)
{
	uint64_t before = runtime->until_ms;
	int r;

	runtime->until_ms = until_ms;
	r = grant_note_write(broker, runtime);
	if (r < 0)
		runtime->until_ms = before;
	arm(broker);
	return r;
}

/* Its leases are the caller's to end. */
void granting_end(struct broker *broker, struct runtime_grant *runtime)
{
	runtime_grant_free(take_out(broker, runtime));
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool is_in_files(const struct config *config, const struct runtime_grant *runtime)
{
	const struct config_grant *same;

	HASH_FIND(by_key, config->grants_by_key, &runtime->grant.key, sizeof(uint32_t), same);
	return same;
}

void granting_take_config(struct broker *broker, struct config *config)
{
	struct runtime_grant *runtime, *next;

	DL_FOREACH_SAFE(broker->granting.grants.list, runtime, next) {
		if (is_in_files(config, runtime)) {
			log_line(LOG_WARNING, &fields,
				 "the configuration has a grant %s of its own now: what \"mmioctl "
				 "grant\" gave by that name is over",
				 runtime->grant.name);
			granting_end(broker, runtime);
		} else if (config->limits.no_runtime_grants) {
			end_with_leases(broker, runtime, "\"runtime-grants = no\" in [daemon]");
		} else if (runtime->party == CONFIG_PARTY_TENANT &&
			   !config_find_socket(config, runtime->holder)) {
			end_with_leases(broker, runtime, "its tenant is gone");
		}
	}
	config->runtime = &broker->granting.grants;
}

static void recover(struct broker *broker, struct runtime_grant *runtime)
{
	if (runtime_find(&broker->granting.grants, runtime->grant.name) ||
	    broker->granting.grants.count >= RUNTIME_GRANTS_MAX ||
	    runtime_add(&broker->granting.grants, runtime) < 0)
		runtime_grant_free(runtime);
}

/* Those of an earlier daemon, whose leases are in the table by now; of some the time has passed. */
void granting_recover(struct broker *broker)
{
	grant_note_each(broker, recover);
	granting_take_config(broker, (struct config *)broker->config);
	arm(broker);
}

void granting_init(struct broker *broker)
{
	evtimer_assign(&broker->granting.event, broker->host.base, on_time_over, broker);
	event_priority_set(&broker->granting.event, TURN_FIRST);
	broker->granting.ending.go_on = go_on_ending;
}

void granting_clear(struct broker *broker)
{
	event_del(&broker->granting.event);
	turn_drop(&broker->granting.ending);
	while (broker->granting.over) {
		struct runtime_grant *over = broker->granting.over;

		DL_DELETE(broker->granting.over, over);
		runtime_grant_free(over);
	}
	runtime_clear(&broker->granting.grants);
}
