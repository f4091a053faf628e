// SPDX-License-Identifier: MIT
/*
 * What a user may have: of the daemon as a whole, and under one grant. Each refusal names the limit,
 * the key that sets it and what is used of it. A charge belongs to the lease, which releases it;
 * what a request waits for is charged as if it had it.
 */
#include <inttypes.h>
#include "request/want.h"

#define WINDOWS_KEPT 64u /* of the module's, for what the daemon does by windows of its own */

/*
 * Registers are made safe and blocks are wiped by windows, which
 * must be had however many the clients have.
 */
static bool has_window(const struct broker *broker)
{
	uint32_t most = broker->backend->max_windows;
	uint32_t kept = most / 4 < WINDOWS_KEPT ? most / 4 : WINDOWS_KEPT;

	return !most || HASH_COUNT(broker->leases.table) + broker->n_untold < most - kept;
}

static struct users *users_of(const struct wish *wish)
{
	return &wish->call->connection->host->users;
}

static const char *with_waiting(bool waiting)
{
	return waiting ? ", what it waits for included" : "";
}

/* Not this user's limit, but that of all together. */
static enum mmiod_outcome refuse_for_all(struct wish *wish, const char *key)
{
	return wish_refuse(wish, MMIOD_E_QUOTA,
			   "all users together have as much as \"%s\" in [daemon] admits; its last "
			   "tenth is for administrators",
			   key);
}

static enum mmiod_outcome charge_lease(struct wish *wish)
{
	uint32_t limit = wish->call->broker->config->limits.leases_per_user;
	uid_t uid = wish->holder.uid;
	int r;

	if (!has_window(wish->call->broker))
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "there are %u leases, as many as max_windows of the module "
				   "admits beside the windows that the daemon itself needs",
				   HASH_COUNT(wish->call->broker->leases.table) +
					   wish->call->broker->n_untold);
	r = charge_take(&wish->lease->charge, users_of(wish), uid, USER_LEASES, limit);
	if (r == 0)
		return MMIOD_OK;
	wish->limit = MMIOD_LIMIT_LEASES;
	if (r == -EUSERS)
		return refuse_for_all(wish, "leases");
	if (r == -EDQUOT)
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "uid %u has %u leases, as many as leases-per-user in [daemon] "
				   "admits%s",
				   uid, limit,
				   with_waiting(user_uses(users_of(wish), uid, USER_WAITING)));
	return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

static enum mmiod_outcome charge_bytes(struct wish *wish)
{
	uint64_t limit = wish->call->broker->config->limits.bytes_per_user;
	struct users *users = users_of(wish);
	struct lease *lease = wish->lease;
	uid_t uid = wish->holder.uid;
	int r;

	if (!lease->allocated)
		return MMIOD_OK;
	r = charge_take_amount(&lease->bytes, users, uid, USER_BYTES, lease->length, limit);
	if (r == 0)
		return MMIOD_OK;
	wish->limit = MMIOD_LIMIT_BYTES;
	if (r == -EUSERS)
		return refuse_for_all(wish, "bytes");
	if (r == -EDQUOT)
		return wish_refuse(
			wish, MMIOD_E_QUOTA,
			"uid %u has %" PRIu64 " bytes allocated%s, and bytes-per-user in "
			"[daemon] admits %" PRIu64 ": %" PRIu64 " more are too many",
			uid, user_uses(users, uid, USER_BYTES),
			with_waiting(user_uses(users, uid, USER_WAITING)), limit, lease->length);
	return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

/* They are charged when they are sent; what is asked here is whether they may be. */
static enum mmiod_outcome check_descriptors(struct wish *wish)
{
	struct connection *connection = wish->call->connection;

	if (wish->subject != &connection->peer.subject ||
	    connection_has_room(connection, wish->before + 1))
		return MMIOD_OK;
	wish->limit = MMIOD_LIMIT_UNREAD_DESCRIPTORS;
	return wish_refuse(wish, MMIOD_E_QUOTA,
			   "uid %u has %" PRIu64 " windows sent to it that it has not read, and "
			   "unread-descriptors-per-user in [daemon] admits %u: read the replies",
			   connection->peer.subject.uid,
			   connection->charge.user->used[USER_UNREAD_DESCRIPTORS],
			   connection->host->limits->unread_descriptors_per_user);
}

/* What the grant itself admits for each user. */
static enum mmiod_outcome check_grant(struct wish *wish)
{
	const struct config_grant *grant = wish->grant;
	const struct lease *lease = wish->lease;
	const struct account *account =
		account_find(&wish->call->broker->leases,
			     users_owner(users_of(wish), wish->holder.uid), grant->key);
	uint32_t leases = account ? account->leases : 0;
	uint64_t bytes = account ? account->bytes : 0;
	const char *included = with_waiting(account && account->waiting);

	wish->limit = MMIOD_LIMIT_GRANT;
	if (grant->leases && leases >= grant->leases)
		return wish_refuse(
			wish, MMIOD_E_QUOTA,
			"uid %u has %u leases under [grant %s], as many as \"leases\" at "
			"%s:%u admits%s",
			wish->holder.uid, leases, grant->name, grant->origin.file,
			grant->origin.line, included);
	if (grant->bytes && (bytes > grant->bytes || lease->length > grant->bytes - bytes))
		return wish_refuse(
			wish, MMIOD_E_QUOTA,
			"uid %u has %" PRIu64 " bytes under [grant %s]%s, and \"bytes\" at "
			"%s:%u admits %" PRIu64 ": %" PRIu64 " more are too many",
			wish->holder.uid, bytes, grant->name, included, grant->origin.file,
			grant->origin.line, grant->bytes, lease->length);
	wish->limit = 0;
	return MMIOD_OK;
}

enum mmiod_outcome wish_charge(struct wish *wish)
{
	enum mmiod_outcome outcome = check_grant(wish);

	if (outcome == MMIOD_OK)
		outcome = charge_lease(wish);
	if (outcome == MMIOD_OK)
		outcome = charge_bytes(wish);
	if (outcome == MMIOD_OK)
		outcome = check_descriptors(wish);
	return outcome;
}
