// SPDX-License-Identifier: MIT
/*
 * What a user may have: of the daemon as a whole, and under one grant. Each refusal names the limit,
 * the key that sets it and what is used of it. A charge belongs to the lease, which releases it.
 */
#include <inttypes.h>
#include "wish.h"

#define WINDOWS_KEPT 64u /* of the module's, for what the daemon does by windows of its own */

/*
 * Registers are made safe and blocks are wiped by windows, which
 * must be had however many the clients have.
 */
static bool has_window(const struct daemon *daemon)
{
	uint32_t most = daemon->backend->max_windows;
	uint32_t kept = most / 4 < WINDOWS_KEPT ? most / 4 : WINDOWS_KEPT;

	return !most || HASH_COUNT(daemon->leases.table) < most - kept;
}

enum mmiod_outcome wish_charge_lease(struct wish *wish, struct lease *lease)
{
	uint32_t limit = wish->call->daemon->config->limits.leases_per_user;
	int r;

	if (!has_window(wish->call->daemon))
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "there are %u leases, as many as max_windows of the module "
				   "admits beside the windows that the daemon itself needs",
				   HASH_COUNT(wish->call->daemon->leases.table));
	r = charge_take(&lease->charge, &wish->call->connection->host->users, lease->holder.uid,
			USER_LEASES, limit);
	if (r == 0)
		return MMIOD_OK;
	wish->limit = MMIOD_LIMIT_LEASES;
	if (r == -EDQUOT)
		return wish_refuse(
			wish, MMIOD_E_QUOTA,
			"uid %u has %u leases, as many as leases-per-user in [daemon] admits",
			lease->holder.uid, limit);
	return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

enum mmiod_outcome wish_charge_bytes(struct wish *wish, struct lease *lease)
{
	struct users *users = &wish->call->connection->host->users;
	uint64_t limit = wish->call->daemon->config->limits.bytes_per_user;
	uid_t uid = lease->holder.uid;
	int r;

	if (!lease->allocated)
		return MMIOD_OK;
	r = charge_take_amount(&lease->bytes, users, uid, USER_BYTES, lease->length, limit);
	if (r == 0)
		return MMIOD_OK;
	wish->limit = MMIOD_LIMIT_BYTES;
	if (r == -EDQUOT)
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "uid %u has %" PRIu64 " bytes allocated, and bytes-per-user in "
				   "[daemon] admits %" PRIu64 ": %" PRIu64 " more are too many",
				   uid, user_uses(users, uid, USER_BYTES), limit, lease->length);
	return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

/* They are charged when they are sent; what is asked here is whether they may be. */
enum mmiod_outcome wish_check_descriptors(struct wish *wish)
{
	struct connection *connection = wish->call->connection;

	if (connection_has_room(connection, wish->call->reply->n_fds + 1))
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
enum mmiod_outcome wish_check_quota(struct wish *wish, const struct lease *lease)
{
	const struct config_grant *grant = wish->grant;
	const struct account *account =
		account_find(&wish->call->daemon->leases, lease->holder.uid, grant->key);
	uint32_t leases = account ? account->leases : 0;
	uint64_t bytes = account ? account->bytes : 0;

	wish->limit = MMIOD_LIMIT_GRANT;
	if (grant->leases && leases >= grant->leases)
		return wish_refuse(
			wish, MMIOD_E_QUOTA,
			"uid %u has %u leases under [grant %s], as many as \"leases\" at "
			"%s:%u admits",
			lease->holder.uid, leases, grant->name, grant->origin.file,
			grant->origin.line);
	if (grant->bytes && (bytes > grant->bytes || lease->length > grant->bytes - bytes))
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "uid %u has %" PRIu64
				   " bytes under [grant %s], and \"bytes\" at "
				   "%s:%u admits %" PRIu64 ": %" PRIu64 " more are too many",
				   lease->holder.uid, bytes, grant->name, grant->origin.file,
				   grant->origin.line, grant->bytes, lease->length);
	wish->limit = 0;
	return MMIOD_OK;
}
