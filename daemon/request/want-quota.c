// SPDX-License-Identifier: MIT
/*
 * The limits of a user: of the daemon as a whole, and under one grant. Each refusal names the
 * limit, the key that sets it and what is used of it. A charge belongs to the lease, which releases
 * it; a lease that a request waits for is charged as if it had it.
 */
#include <inttypes.h>
#include "request/want.h"

#define WINDOWS_KEPT 64u /* of the module's, for what the daemon does by windows of its own */

/*
 * Registers are made safe and blocks are wiped by windows, which must be had however many the
 * clients have.
 */
static bool has_window(const struct broker *broker)
{
	uint32_t most = broker->backend->max_windows;
	uint32_t kept = most / 4 < WINDOWS_KEPT ? most / 4 : WINDOWS_KEPT;

	return !most || leases_count(&broker->leases) + broker->n_untold < most - kept;
}

static struct users *users_of(const struct want *want)
{
	return &want->call->connection->host->users;
}

static const char *with_waiting(bool waiting)
{
	return waiting ? ", what it waits for included" : "";
}

/* Whose limit it is: a tenant's is that of all who come by its socket. */
static const char *payer_words(const struct want *want, char buffer[USER_NAME_MAX + 8])
{
	const struct holder *holder = &want->holder;

	if (holder->tenant)
		snprintf(buffer, USER_NAME_MAX + 8, "tenant %s",
			 holder_tenant_name(want->call->broker, holder->tenant));
	else
		snprintf(buffer, USER_NAME_MAX + 8, "uid %u", holder->uid);
	return buffer;
}

/* Not this user's limit, but that of all together. */
static enum mmiod_outcome refuse_for_all(struct want *want, const char *key)
{
	return want_refuse(want, MMIOD_E_QUOTA,
			   "all users together have as much as \"%s\" in [daemon] admits; its last "
			   "tenth is for administrators",
			   key);
}

static enum mmiod_outcome charge_lease(struct want *want)
{
	uint32_t limit = want->call->broker->config->limits.leases_per_user;
	char payer[USER_NAME_MAX + 8];
	int r;

	if (!has_window(want->call->broker))
		return want_refuse(want, MMIOD_E_QUOTA,
				   "there are %u leases, as many as max_windows of the module "
				   "admits beside the windows that the daemon itself needs",
				   leases_count(&want->call->broker->leases) +
					   want->call->broker->n_untold);
	r = charge_take(&want->lease->charge, users_of(want), holder_payer(&want->holder),
			USER_LEASES, limit);
	if (r == 0)
		return MMIOD_OK;
	want->limit = MMIOD_LIMIT_LEASES;
	if (r == -EUSERS)
		return refuse_for_all(want, "leases");
	if (r == -EDQUOT)
		return want_refuse(
			want, MMIOD_E_QUOTA,
			"%s has %u leases, as many as leases-per-user in [daemon] "
			"admits%s",
			payer_words(want, payer), limit,
			with_waiting(user_uses(users_of(want), holder_payer(&want->holder),
					       USER_WAITING)));
	return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

static enum mmiod_outcome charge_bytes(struct want *want)
{
	uint64_t limit = want->call->broker->config->limits.bytes_per_user;
	struct users *users = users_of(want);
	struct lease *lease = want->lease;
	const uint64_t payer = holder_payer(&want->holder);
	char words[USER_NAME_MAX + 8];
	int r;

	if (!lease->allocated)
		return MMIOD_OK;
	r = charge_take_amount(&lease->bytes, users, payer, USER_BYTES, lease->length, limit);
	if (r == 0)
		return MMIOD_OK;
	want->limit = MMIOD_LIMIT_BYTES;
	if (r == -EUSERS)
		return refuse_for_all(want, "bytes");
	if (r == -EDQUOT)
		return want_refuse(want, MMIOD_E_QUOTA,
				   "%s has %" PRIu64 " bytes allocated%s, and bytes-per-user in "
				   "[daemon] admits %" PRIu64 ": %" PRIu64 " more are too many",
				   payer_words(want, words), user_uses(users, payer, USER_BYTES),
				   with_waiting(user_uses(users, payer, USER_WAITING)), limit,
				   lease->length);
	return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

/* `most`: of these `things`, as `key` says. */
static enum mmiod_outcome charge_one(struct want *want, enum user_slot slot, enum mmiod_limit limit,
				     uint32_t most, const char *things, const char *key)
{
	const uint64_t payer = holder_payer(&want->holder);
	int r = charge_take(&want->lease->bytes, users_of(want), payer, slot, most);
	char words[USER_NAME_MAX + 8];

	if (r == 0)
		return MMIOD_OK;
	want->limit = limit;
	if (r == -EDQUOT)
		return want_refuse(want, MMIOD_E_QUOTA,
				   "%s has %u %s, as many as %s in [daemon] admits%s",
				   payer_words(want, words), most, things, key,
				   with_waiting(user_uses(users_of(want), payer, USER_WAITING)));
	return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

static enum mmiod_outcome charge_device_file(struct want *want)
{
	const struct config_limits *limits = &want->call->broker->config->limits;

	switch (want->lease_kind) {
	case MMIOD_KIND_INTERRUPT:
		return charge_one(want, USER_INTERRUPTS, MMIOD_LIMIT_INTERRUPTS,
				  limits->interrupts_per_user, "vectors leased",
				  "interrupts-per-user");
	case MMIOD_KIND_DEVICE:
		return charge_one(want, USER_DEVICES, MMIOD_LIMIT_DEVICES, limits->devices_per_user,
				  "leases that operate devices", "devices-per-user");
	default:
		return MMIOD_OK;
	}
}

/* As long as the window has them: the module has room for so many of all users. */
static enum mmiod_outcome charge_extents(struct want *want)
{
	uint32_t limit = want->call->broker->config->limits.extents_per_user;
	const uint64_t payer = holder_payer(&want->holder);
	struct lease_parts *parts = want->lease->parts;
	char words[USER_NAME_MAX + 8];
	int r;

	if (!parts)
		return MMIOD_OK;
	r = charge_take_amount(&parts->charge, users_of(want), payer, USER_EXTENTS, parts->n,
			       limit);
	if (r == 0)
		return MMIOD_OK;
	want->limit = MMIOD_LIMIT_EXTENTS;
	if (r == -EDQUOT)
		return want_refuse(want, MMIOD_E_QUOTA,
				   "pool %s is in pieces: %s has %" PRIu64
				   " extents, and extents-per-user in [daemon] admits %u: %u more "
				   "are too many",
				   want->region->name, payer_words(want, words),
				   user_uses(users_of(want), payer, USER_EXTENTS), limit, parts->n);
	return want_refuse(want, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

/* They are charged when they are sent; here it is only asked whether they may be. */
static enum mmiod_outcome check_descriptors(struct want *want)
{
	struct connection *connection = want->call->connection;

	if ((want->dry && want->subject != &connection->peer.subject) ||
	    connection_has_room(connection, want->before + 1))
		return MMIOD_OK;
	want->limit = MMIOD_LIMIT_UNREAD_DESCRIPTORS;
	return want_refuse(want, MMIOD_E_QUOTA,
			   "uid %u has %" PRIu64 " windows sent to it that it has not read, and "
			   "unread-descriptors-per-user in [daemon] admits %u: read the replies",
			   connection->peer.subject.uid,
			   connection->charge.user->used[USER_UNREAD_DESCRIPTORS],
			   connection->host->limits->unread_descriptors_per_user);
}

/* Checks what the grant itself admits for each user. */
static enum mmiod_outcome check_grant(struct want *want)
{
	const struct config_grant *grant = want->grant;
	const uint64_t more = lease_bytes(want->lease);
	const struct account *account =
		account_find(&want->call->broker->leases,
			     users_owner(users_of(want), holder_payer(&want->holder)), grant->key);
	uint32_t leases = account ? account->leases - account->taken : 0;
	uint64_t bytes = account ? account->bytes - account->taken_bytes : 0;
	const char *included = with_waiting(account && account->waiting);
	char payer[USER_NAME_MAX + 8];

	want->limit = MMIOD_LIMIT_GRANT;
	if (grant->leases && leases >= grant->leases)
		return want_refuse(want, MMIOD_E_QUOTA,
				   "%s has %u leases under [grant %s], as many as \"leases\" at "
				   "%s:%u admits%s",
				   payer_words(want, payer), leases, grant->name,
				   grant->origin.file, grant->origin.line, included);
	if (grant->bytes && (bytes > grant->bytes || more > grant->bytes - bytes))
		return want_refuse(want, MMIOD_E_QUOTA,
				   "%s has %" PRIu64 " bytes under [grant %s]%s, and \"bytes\" at "
				   "%s:%u admits %" PRIu64 ": %" PRIu64 " more are too many",
				   payer_words(want, payer), bytes, grant->name, included,
				   grant->origin.file, grant->origin.line, grant->bytes, more);
	want->limit = 0;
	return MMIOD_OK;
}

enum mmiod_outcome want_charge(struct want *want)
{
	enum mmiod_outcome outcome;

	do {
		outcome = check_grant(want);
		if (outcome == MMIOD_OK)
			outcome = charge_lease(want);
	} while (outcome == MMIOD_E_QUOTA && !want->dry && want_relieve(want));
	if (outcome == MMIOD_E_QUOTA && want->dry && want_is_relieved(want))
		outcome = MMIOD_OK;
	if (outcome == MMIOD_OK)
		outcome = charge_bytes(want);
	if (outcome == MMIOD_OK)
		outcome = charge_device_file(want);
	if (outcome == MMIOD_OK)
		outcome = charge_extents(want);
	if (outcome == MMIOD_OK)
		outcome = check_descriptors(want);
	return outcome;
}
