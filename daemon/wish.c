// SPDX-License-Identifier: MIT
/*
 * One element of a LEASE or an ALLOC: the questions that both ask, and the making of the lease. The
 * account is charged first, then the backend makes the window; whatever fails undoes what went
 * before.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "wish.h"

#define WIPE_NOW (4u << 20) /* bytes that are wiped while the request is answered */

enum mmiod_outcome wish_refuse(struct wish *wish, enum mmiod_outcome outcome, const char *format,
			       ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(wish->buffer, sizeof(wish->buffer), format, arguments);
	va_end(arguments);
	return outcome;
}

/* ---- may they -------------------------------------------------------------------------------- */

/* What every window has: rights, cache attribute, width. */
enum mmiod_outcome wish_check_form(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;

	if (!memchr(want->region, '\0', sizeof(want->region)))
		return wish_refuse(wish, MMIOD_E_INVALID, "the region's name is not terminated");
	if (want->reserved)
		return wish_refuse(wish, MMIOD_E_INVALID, "a reserved field is not zero");
	if (want->flags & ~MMIOD_LEASE_FLAGS || want->rights & ~RIGHTS_ALL)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED, "unknown flag or right");
	if (want->cache > MMIOD_CACHE_WB || want->share > MMIOD_SHARE_WRITE)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED,
				   "unknown cache attribute or share mode");
	if (!(want->rights & MMIOD_RIGHT_READ))
		return wish_refuse(wish, MMIOD_E_INVALID, "a lease includes the right to read");
	if (want->width > 8 || (want->width & (want->width - 1)))
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "the width is 1, 2, 4 or 8 bytes, or 0 for the region's");
	return MMIOD_OK;
}

enum mmiod_outcome wish_find_region(struct wish *wish)
{
	const struct daemon *daemon = wish->call->daemon;
	char name[4 * MMIOD_WIRE_NAME];

	wish->region = region_find(&daemon->regions, wish->want.region);
	if (!wish->region)
		wish->region = region_find_address(&daemon->regions, wish->want.region,
						   &wish->want.offset);
	if (wish->region && wish->region->config)
		return MMIOD_OK;
	if (region_is_address(wish->want.region))
		return wish_refuse(wish, MMIOD_E_NOT_FOUND,
				   "no region has byte 0x%" PRIx64 " of %s", wish->want.offset,
				   wish->want.region);
	text_escape(name, sizeof(name), wish->want.region, sizeof(wish->want.region));
	return wish_refuse(wish, MMIOD_E_NOT_FOUND, "there is no region \"%s\"", name);
}

/*
 * A length of 0 is "to the end", which policy must know. What leaves the region is refused later.
 */
static struct question question_of(const struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	const struct region *region = wish->region;
	uint64_t size = region->claimed ? region->hw.length : region->config->length;
	struct question question = {
		.rights = want->rights,
		.share = (enum mmiod_share)want->share,
		.cache = (enum mmiod_cache)want->cache,
	};

	if (wish->allocated)
		return question;
	question.offset = want->offset;
	question.length = want->length;
	if (!question.length)
		question.length = (size > want->offset ? size : UINT64_MAX) - want->offset;
	if (!question.length)
		question.length = 1;
	return question;
}

enum mmiod_outcome wish_check_policy(struct wish *wish)
{
	const struct subject *subject = &wish->call->connection->peer.subject;
	const struct question question = question_of(wish);
	struct decision decision = policy_decide(wish->region->config, subject, &question);

	if (decision.reason == POLICY_GRANTED) {
		wish->grant = decision.grant;
		wish->share = decision.share;
		if (wish->want.cache == MMIOD_CACHE_DEFAULT)
			wish->want.cache = decision.cache;
		return MMIOD_OK;
	}
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	policy_explain(&wish->text, &decision, wish->region->name,
		       user_name(wish->call->connection->charge.user), subject, &question);
	return MMIOD_E_DENIED;
}

enum mmiod_outcome wish_check_presence(struct wish *wish)
{
	const struct region *region = wish->region;

	if (!region->claimed)
		return wish_refuse(wish, MMIOD_E_GONE, "region %s is not there: %s", region->name,
				   region->missing);
	return MMIOD_OK;
}

enum mmiod_outcome wish_check_cache(struct wish *wish)
{
	const struct config_region *config = wish->region->config;
	const struct mmiod_wire_want *want = &wish->want;

	if (!(config->caches & 1u << want->cache))
		return wish_refuse(
			wish, MMIOD_E_INVALID,
			"region %s may not be cached as %s: \"cache\" at %s:%u does not list it",
			wish->region->name, cache_name((enum mmiod_cache)want->cache),
			config->origin.file, config->origin.line);
	return MMIOD_OK;
}

enum mmiod_outcome wish_name_holder(struct wish *wish, const struct lease *holder, const char *what)
{
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	text_add(&wish->text, "0x%" PRIx64 "+0x%" PRIx64 " of region %s %s ", wish->want.offset,
		 wish->want.length, wish->region->name, what);
	daemon_describe_holder(wish->call->daemon, holder, &wish->text);
	return MMIOD_E_BUSY;
}

/* The sharing would do, but pages have one cache attribute. */
static enum mmiod_outcome name_cache(struct wish *wish, const struct lease *holder)
{
	char what[64];

	snprintf(what, sizeof(what), "is cached as %s, not %s, for", cache_name(holder->cache),
		 cache_name((enum mmiod_cache)wish->want.cache));
	return wish_name_holder(wish, holder, what);
}

/* ---- make it --------------------------------------------------------------------------------- */

static struct lease *make_lease(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->region = wish->region;
	lease->memory = wish->memory;
	lease->allocated = wish->allocated;
	lease->offset = want->offset;
	lease->length = want->length;
	lease->rights = want->rights;
	lease->cache = (enum mmiod_cache)want->cache;
	lease->width = want->width;
	lease->share = wish->share;
	lease->flags = want->flags;
	lease->holder = wish->call->connection->peer.holder;
	lease->started = (uint64_t)time(NULL);
	lease->grant = wish->grant->key;
	return lease;
}

static void encode_tag(const struct lease *lease, uint8_t tag[MMIOD_TAG_SIZE])
{
	const struct tag_content content = {
		.holder = lease->holder,
		.started = lease->started,
		.rights = lease->rights,
		.share = lease->share,
		.flags = lease->flags,
		.memory = lease->memory,
		.allocated = lease->allocated,
		.renew = lease->term && lease->term->renew,
		.deadline_ms = lease->term ? lease->term->deadline_ms : 0,
		.lease_ms = lease->term ? lease->term->lease_ms : 0,
		.grant = lease->grant,
	};

	tag_encode(&content, tag);
}

static enum mmiod_outcome refuse_create(struct wish *wish, int error, uint64_t conflict)
{
	const struct lease *holder =
		conflict ? lease_find(&wish->call->daemon->leases, conflict) : NULL;

	switch (error) {
	case -EBUSY:
		if (holder)
			return name_cache(wish, holder);
		return wish_refuse(wish, MMIOD_E_BUSY,
				   "a window with another cache attribute is in the way");
	case -ENODEV:
	case -ENOENT:
		return wish_refuse(wish, MMIOD_E_GONE, "the device of region %s has gone",
				   wish->region->name);
	case -EIO:
		return wish_refuse(
			wish, MMIOD_E_GONE,
			"the device of region %s does not answer: its memory decoding is off",
			wish->region->name);
	case -EINVAL:
		return wish_refuse(wish, MMIOD_E_INVALID, "the module refuses such a window");
	case -EOPNOTSUPP:
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED,
				   "this cache attribute cannot be had here");
	case -ENOSPC:
		return wish_refuse(wish, MMIOD_E_QUOTA,
				   "the module has as many windows as max_windows admits");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return wish_refuse(wish, MMIOD_E_RESOURCES, "no window: %s", strerror(-error));
	default:
		return wish_refuse(wish, MMIOD_E_INTERNAL, "no window: %s", strerror(-error));
	}
}

/* Memory of the kernel's kinds that this machine cannot have is known only to its kernel. */
static enum mmiod_outcome refuse_buffer(struct wish *wish, int error)
{
	if (error == -EINVAL)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "the kernel has no such memory: 0x%" PRIx64
				   " bytes are more than the machine has, there is no node %d, or "
				   "no zone ends at or below 0x%" PRIx64,
				   wish->want.length, wish->alloc.node, wish->alloc.high);
	if (error == -ENODEV)
		return wish_refuse(wish, MMIOD_E_GONE, "the device of region %s has gone",
				   wish->alloc.region);
	return refuse_create(wish, error, 0);
}

static int create_window(struct wish *wish, const struct lease *lease,
			 struct backend_created *created)
{
	struct backend *backend = wish->call->daemon->backend;
	struct backend_window window = {
		.region = wish->region->hw.handle,
		.offset = lease->offset,
		.length = lease->length,
		.cache = lease->cache,
		.width = lease->width,
		.rights = lease->rights,
		.flags = lease->flags,
	};

	encode_tag(lease, window.tag);
	return backend->ops->create(backend, &window, created);
}

static int create_buffer(struct wish *wish, const struct lease *lease,
			 struct backend_created *created)
{
	struct backend *backend = wish->call->daemon->backend;
	struct backend_buffer buffer = {
		.memory = lease->memory,
		.length = lease->length,
		.limit = wish->alloc.high,
		.pci = wish->pci,
		.flags = wish->alloc.flags,
		.zone = (enum mmiod_memory_zone)wish->alloc.zone,
		.node = wish->alloc.node,
		.rights = lease->rights,
	};

	encode_tag(lease, buffer.tag);
	return backend->ops->create_buffer(backend, &buffer, created);
}

static enum mmiod_outcome create(struct wish *wish, struct lease *lease,
				 struct backend_created *created)
{
	struct daemon *daemon = wish->call->daemon;
	bool buffer = lease->memory != MMIOD_MEMORY_REGION;
	enum mmiod_outcome outcome = MMIOD_OK;
	int r = buffer ? create_buffer(wish, lease, created) : create_window(wish, lease, created);

	if (r < 0)
		return buffer ? refuse_buffer(wish, r) : refuse_create(wish, r, created->conflict);
	lease->id = created->id;
	r = daemon_safe_note(daemon, lease);
	if (r < 0)
		outcome = wish_refuse(wish, MMIOD_E_RESOURCES,
				      "what is to be written when the lease ends cannot be noted: "
				      "%s",
				      strerror(-r));
	else if (lease_add(&daemon->leases, lease) < 0)
		outcome = wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	if (outcome == MMIOD_OK)
		return MMIOD_OK;
	daemon->backend->ops->set_state(daemon->backend, created->id, MMIOD_STATE_REVOKED);
	daemon_safe_forget(daemon, lease);
	close(created->fd);
	return outcome;
}

static enum mmiod_outcome charge_lease(struct wish *wish, struct lease *lease)
{
	uint32_t limit = wish->call->daemon->config->limits.leases_per_user;
	int r = charge_take(&lease->charge, &wish->call->connection->host->users, lease->holder.uid,
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

/* They are charged when they are sent; what is asked here is whether they may be. */
static enum mmiod_outcome check_descriptors(struct wish *wish)
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
static enum mmiod_outcome check_quota(struct wish *wish, const struct lease *lease)
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

/* The client may ask for less time than the grant gives, never for more. */
static enum mmiod_outcome settle_terms(struct wish *wish, struct lease *lease)
{
	uint32_t limit = wish->grant->lease_ms, asked = wish->want.lease_ms;
	uint64_t now = daemon_boot_ms();

	if (asked && (!limit || asked < limit))
		limit = asked;
	if (limit) {
		if (lease_limit(&wish->call->daemon->leases, lease, limit, wish->grant->renew) < 0)
			return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
		lease_set_deadline(lease, now + limit, now);
		daemon_arm_terms(wish->call->daemon);
	}
	if (daemon_safe_settle(lease, &wish->on_end) < 0)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	return MMIOD_OK;
}

static enum mmiod_outcome charge_bytes(struct wish *wish, struct lease *lease)
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

/*
 * What others hold is waited for, if the client has time for
 * that; if it had, the outcome is that it did not suffice.
 */
enum mmiod_outcome wish_await(struct wish *wish, enum mmiod_outcome outcome, uint64_t start,
			      uint64_t end)
{
	const struct request *request = wish->call->request;

	if (outcome != MMIOD_E_BUSY || wish->wait || !request->fixed.lease.wait_ms)
		return outcome;
	if (request->wait_over) {
		wish->text = (struct text)TEXT_ON(wish->buffer);
		wish->text.length = strlen(wish->buffer);
		text_add(&wish->text, "; waited in vain for ");
		text_add_age(&wish->text, (daemon_boot_ms() - request->arrived_ms) / 1000);
		return MMIOD_E_TIMEOUT;
	}
	wish->wait = WISH_WAITS_FOR_HOLDER;
	wish->wait_start = start;
	wish->wait_end = end;
	return outcome;
}

/* More than one turn of the loop may wipe: the request waits for it. */
static enum mmiod_outcome put_off(struct wish *wish)
{
	wish->wait = WISH_WAITS_FOR_WIPE;
	wish->wait_start = wish->extent->span.start;
	wish->wait_end = wish->extent->span.end;
	blocks_give_back(wish->region->blocks, steal_pointer(wish->extent));
	return wish_refuse(wish, MMIOD_E_BUSY,
			   "pool %s: 0x%" PRIx64 "+0x%" PRIx64 " must be wiped first: ask again",
			   wish->region->name, wish->wait_start, wish->wait_end - wish->wait_start);
}

/*
 * After the account was asked: bytes are not wiped for somebody who cannot have them. What is clean
 * in a pool that wipes is zero already.
 */
static enum mmiod_outcome clean_blocks(struct wish *wish)
{
	struct blocks *blocks = wish->region->blocks;
	bool zero = wish->alloc.flags & MMIOD_ALLOC_ZERO && !blocks->wipe;
	int r;

	if (zero && wish->want.length > WIPE_NOW)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "pool %s has \"wipe = no\": the daemon zeroes %u bytes of it at "
				   "most, the holder any number",
				   wish->region->name, WIPE_NOW);
	if (blocks_suspect_bytes(blocks, wish->extent) > WIPE_NOW)
		return put_off(wish);
	r = daemon_wipe_extent(wish->call->daemon, wish->region, wish->extent, zero);
	if (r == 0)
		return MMIOD_OK;
	return wish_refuse(wish, r == -ENOMEM ? MMIOD_E_RESOURCES : MMIOD_E_GONE,
			   "blocks of pool %s cannot be wiped: %s", wish->region->name,
			   strerror(-r));
}

/* Grants what has been found right. The lease then has the extent, if there is one. */
enum mmiod_outcome wish_take(struct wish *wish, struct lease **leasep,
			     struct backend_created *created)
{
	struct lease *lease = make_lease(wish);
	enum mmiod_outcome outcome;

	if (!lease)
		return wish_refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	outcome = check_quota(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = charge_lease(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = charge_bytes(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = check_descriptors(wish);
	if (outcome == MMIOD_OK && wish->extent)
		outcome = clean_blocks(wish);
	if (outcome == MMIOD_OK)
		outcome = settle_terms(wish, lease);
	if (outcome == MMIOD_OK)
		outcome = create(wish, lease, created);
	if (outcome != MMIOD_OK) {
		charge_release(&lease->bytes);
		charge_release(&lease->charge);
		lease_discard(lease);
		return outcome;
	}
	lease->extent = steal_pointer(wish->extent);
	lease_attach(lease, &wish->call->connection->leases);
	*leasep = lease;
	return MMIOD_OK;
}
