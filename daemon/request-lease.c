// SPDX-License-Identifier: MIT
/*
 * LEASE: the daemon's main work. Each element goes the same way: is it well-formed, is there such a region, does the
 * policy let the caller, is it within bounds, is it free, is there room in the account; then the backend makes the
 * window. Every refusal says which of these it was, and names the rule or the holder.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include "log.h"
#include "request.h"

#define RIGHTS_ALL (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

/* One element on its way. */
struct wish {
	struct call *call;
	struct mmiod_wire_want want;
	struct region *region;
	const struct config_grant *grant;
	enum mmiod_share share;
	struct text text; /* why not */
	char buffer[TEXT_MAX];
};

static enum mmiod_outcome refuse(struct wish *wish, enum mmiod_outcome outcome, const char *format,
				 ...) _printf_(3, 4);

static enum mmiod_outcome refuse(struct wish *wish, enum mmiod_outcome outcome, const char *format,
				 ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(wish->buffer, sizeof(wish->buffer), format, arguments);
	va_end(arguments);
	return outcome;
}

/* ---- is it well-formed ------------------------------------------------------------------------------------------ */

static enum mmiod_outcome check_form(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;

	if (!memchr(want->region, '\0', sizeof(want->region)))
		return refuse(wish, MMIOD_E_INVALID, "the region's name is not terminated");
	if (want->reserved)
		return refuse(wish, MMIOD_E_INVALID, "a reserved field is not zero");
	if (want->flags & ~MMIOD_LEASE_FLAGS || want->rights & ~RIGHTS_ALL)
		return refuse(wish, MMIOD_E_UNSUPPORTED, "unknown flag or right");
	if (want->cache > MMIOD_CACHE_WB || want->share > MMIOD_SHARE_WRITE)
		return refuse(wish, MMIOD_E_UNSUPPORTED, "unknown cache attribute or share mode");
	if (!(want->rights & MMIOD_RIGHT_READ))
		return refuse(wish, MMIOD_E_INVALID, "a lease includes the right to read");
	if (want->width > 8 || (want->width & (want->width - 1)))
		return refuse(wish, MMIOD_E_INVALID,
			      "the width is 1, 2, 4 or 8 bytes, or 0 for the region's");
	return MMIOD_OK;
}

/* ---- which region, and may they --------------------------------------------------------------------------------- */

static enum mmiod_outcome find_region(struct wish *wish)
{
	const struct daemon *daemon = wish->call->daemon;
	char name[4 * MMIOD_WIRE_NAME];

	wish->region = region_find(&daemon->regions, wish->want.region);
	if (wish->region && wish->region->config)
		return MMIOD_OK;
	text_escape(name, sizeof(name), wish->want.region, sizeof(wish->want.region));
	return refuse(wish, MMIOD_E_NOT_FOUND, "there is no region \"%s\"", name);
}

static enum mmiod_outcome check_policy(struct wish *wish)
{
	const struct subject *subject = &wish->call->connection->peer.subject;
	const struct mmiod_wire_want *want = &wish->want;
	struct decision decision = policy_decide(wish->region->config, subject, want->rights,
						 (enum mmiod_share)want->share);

	if (decision.reason == POLICY_GRANTED) {
		wish->grant = decision.grant;
		wish->share = decision.share;
		return MMIOD_OK;
	}
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	policy_explain(&wish->text, &decision, wish->region->name,
		       user_name(wish->call->connection->charge.user), subject, want->rights,
		       (enum mmiod_share)want->share);
	return MMIOD_E_DENIED;
}

static enum mmiod_outcome check_presence(struct wish *wish)
{
	const struct region *region = wish->region;

	if (!region->claimed)
		return refuse(wish, MMIOD_E_GONE, "region %s is not there: %s", region->name,
			      region->missing);
	return MMIOD_OK;
}

static const char *const cache_names[] = { "default", "uc", "wc", "wb" };

/* ---- what exactly ----------------------------------------------------------------------------------------------- */

/* Sets length, cache and width to what the defaults stand for. */
static enum mmiod_outcome check_extent(struct wish *wish)
{
	const struct region *region = wish->region;
	struct mmiod_wire_want *want = &wish->want;
	uint64_t size = region->hw.length;

	if (want->offset >= size || want->length > size - want->offset)
		return refuse(wish, MMIOD_E_INVALID,
			      "0x%" PRIx64 "+0x%" PRIx64
			      " is outside of region %s, which has 0x%" PRIx64 " bytes",
			      want->offset, want->length, region->name, size);
	if (!want->length)
		want->length = size - want->offset;
	if (want->width && region->hw.width && want->width != region->hw.width)
		return refuse(wish, MMIOD_E_INVALID, "region %s is accessed by %u bits, not %u",
			      region->name, 8 * region->hw.width, 8 * want->width);
	if (!want->width)
		want->width = region->hw.width;
	if (want->width && (want->offset % want->width || want->length % want->width))
		return refuse(wish, MMIOD_E_INVALID,
			      "offset and length must be multiples of the width, %u bits",
			      8 * want->width);
	return MMIOD_OK;
}

static enum mmiod_outcome check_cache(struct wish *wish)
{
	const struct config_region *config = wish->region->config;
	struct mmiod_wire_want *want = &wish->want;

	if (want->cache == MMIOD_CACHE_DEFAULT)
		want->cache = config->cache;
	if (!(config->caches & 1u << want->cache))
		return refuse(
			wish, MMIOD_E_INVALID,
			"region %s may not be cached as %s: \"cache\" at %s:%u does not list it",
			wish->region->name, cache_names[want->cache], config->origin.file,
			config->origin.line);
	return MMIOD_OK;
}

static enum mmiod_outcome name_holder(struct wish *wish, const struct lease *holder,
				      const char *what)
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

	snprintf(what, sizeof(what), "is cached as %s, not %s, for", cache_names[holder->cache],
		 cache_names[wish->want.cache]);
	return name_holder(wish, holder, what);
}

static enum mmiod_outcome check_conflict(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	struct lease *holder =
		lease_conflict(wish->region, want->offset, want->length, want->rights, wish->share);

	return holder ? name_holder(wish, holder, "is held by") : MMIOD_OK;
}

/* ---- make it ---------------------------------------------------------------------------------------------------- */

static struct lease *make_lease(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->region = wish->region;
	lease->offset = want->offset;
	lease->length = want->length;
	lease->rights = want->rights;
	lease->cache = (enum mmiod_cache)want->cache;
	lease->width = want->width;
	lease->share = wish->share;
	lease->flags = want->flags;
	lease->holder = wish->call->connection->peer.holder;
	lease->started = (uint64_t)time(NULL);
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
		return refuse(wish, MMIOD_E_BUSY,
			      "a window with another cache attribute is in the way");
	case -ENODEV:
	case -ENOENT:
		return refuse(wish, MMIOD_E_GONE, "the device of region %s has gone",
			      wish->region->name);
	case -EIO:
		return refuse(wish, MMIOD_E_GONE,
			      "the device of region %s does not answer: its memory decoding is off",
			      wish->region->name);
	case -EINVAL:
		return refuse(wish, MMIOD_E_INVALID, "the module refuses such a window");
	case -EOPNOTSUPP:
		return refuse(wish, MMIOD_E_UNSUPPORTED, "this cache attribute cannot be had here");
	case -ENOSPC:
		return refuse(wish, MMIOD_E_QUOTA,
			      "the module has as many windows as max_windows admits");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return refuse(wish, MMIOD_E_RESOURCES, "no window: %s", strerror(-error));
	default:
		return refuse(wish, MMIOD_E_INTERNAL, "no window: %s", strerror(-error));
	}
}

static enum mmiod_outcome create_window(struct wish *wish, struct lease *lease,
					struct backend_created *created)
{
	struct daemon *daemon = wish->call->daemon;
	struct backend_window window = {
		.region = wish->region->hw.handle,
		.offset = lease->offset,
		.length = lease->length,
		.cache = lease->cache,
		.width = lease->width,
		.rights = lease->rights,
		.flags = lease->flags,
	};
	int r;

	encode_tag(lease, window.tag);
	r = daemon->backend->ops->create(daemon->backend, &window, created);
	if (r < 0)
		return refuse_create(wish, r, created->conflict);
	lease->id = created->id;
	r = lease_add(&daemon->leases, lease);
	if (r == 0)
		return MMIOD_OK;
	daemon->backend->ops->set_state(daemon->backend, created->id, MMIOD_STATE_REVOKED);
	close(created->fd);
	return refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
}

static enum mmiod_outcome take(struct wish *wish, struct lease **leasep,
			       struct backend_created *created)
{
	struct connection *connection = wish->call->connection;
	uint32_t limit = wish->call->daemon->config->limits.leases_per_user;
	struct lease *lease = make_lease(wish);
	enum mmiod_outcome outcome;
	int r;

	if (!lease)
		return refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	r = charge_take(&lease->charge, &connection->host->users, lease->holder.uid, USER_LEASES,
			limit);
	if (r == 0)
		outcome = create_window(wish, lease, created);
	else if (r == -EDQUOT)
		outcome = refuse(
			wish, MMIOD_E_QUOTA,
			"uid %u has %u leases, as many as leases-per-user in [daemon] admits",
			lease->holder.uid, limit);
	else
		outcome = refuse(wish, MMIOD_E_RESOURCES, "the daemon is out of memory");
	if (outcome != MMIOD_OK) {
		charge_release(&lease->charge);
		free(lease);
		return outcome;
	}
	lease_attach(lease, &connection->leases);
	*leasep = lease;
	return MMIOD_OK;
}

static enum mmiod_outcome try_once(struct wish *wish, struct lease **leasep,
				   struct backend_created *created)
{
	enum mmiod_outcome outcome = find_region(wish);

	if (outcome == MMIOD_OK)
		outcome = check_policy(wish);
	if (outcome == MMIOD_OK)
		outcome = check_presence(wish);
	if (outcome == MMIOD_OK)
		outcome = check_extent(wish);
	if (outcome == MMIOD_OK)
		outcome = check_cache(wish);
	if (outcome == MMIOD_OK)
		outcome = check_conflict(wish);
	return outcome == MMIOD_OK ? take(wish, leasep, created) : outcome;
}

/*
 * What stands in the way may have gone without the daemon having been told yet: a client that closes a window and asks
 * for the same bytes again must not be refused because its request was read before the module's event.
 */
static enum mmiod_outcome try_grant(struct wish *wish, struct lease **leasep,
				    struct backend_created *created)
{
	const struct mmiod_wire_want want = wish->want;
	enum mmiod_outcome outcome = check_form(wish);

	if (outcome != MMIOD_OK)
		return outcome;
	outcome = try_once(wish, leasep, created);
	if (outcome != MMIOD_E_BUSY && outcome != MMIOD_E_QUOTA && outcome != MMIOD_E_GONE)
		return outcome;
	daemon_drain_events(wish->call->daemon);
	wish->want = want;
	return try_once(wish, leasep, created);
}

/* ---- the reply -------------------------------------------------------------------------------------------------- */

/* What one request came to. */
struct batch {
	struct lease *leases[MMIOD_MSG_FDS_MAX]; /* NULL: refused */
	size_t n_granted;
	size_t failed; /* the first that was refused */
	enum mmiod_outcome outcome; /* of that one */
	struct wish wish; /* likewise */
};

static bool owns_pages(const struct lease *lease)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = lease->region->hw.phys + lease->offset;

	return start % page == 0 && lease->length % page == 0;
}

static void fill_granted(struct mmiod_wire_granted *out, const struct lease *lease,
			 const struct backend_created *created)
{
	out->cache = lease->cache;
	out->lease = lease->id;
	out->offset = lease->offset;
	out->length = lease->length;
	out->map_offset = created->map_offset;
	out->rights = lease->rights;
	out->width = lease->width;
	out->share = lease->share;
	out->mmapable = owns_pages(lease);
}

static void grant_element(struct call *call, struct batch *batch, size_t index)
{
	struct mmiod_wire_granted *out = reply_element(call->reply, index);
	struct backend_created created = { .fd = -1 };
	struct wish wish = { .call = call };
	enum mmiod_outcome outcome;

	request_element(call->request, index, &wish.want, sizeof(wish.want));
	outcome = try_grant(&wish, &batch->leases[index], &created);
	out->status = outcome;
	if (outcome == MMIOD_OK) {
		fill_granted(out, batch->leases[index], &created);
		reply_fd(call->reply, created.fd);
		batch->n_granted++;
		return;
	}
	out->text = reply_text(call->reply, "%s", wish.buffer);
	if (batch->outcome == MMIOD_OK) {
		batch->outcome = outcome;
		batch->failed = index;
		batch->wish = wish;
	}
}

/* All or none: gives back what was granted, and has every other element say why. */
static void undo(struct call *call, struct batch *batch)
{
	struct daemon *daemon = call->daemon;

	message_close_fds(call->reply);
	batch->n_granted = 0;
	for (size_t i = 0; i < call->request->head.count; i++) {
		struct mmiod_wire_granted *out = reply_element(call->reply, i);
		struct lease *lease = batch->leases[i];

		if (i == batch->failed)
			continue;
		*out = (struct mmiod_wire_granted){ .status = batch->outcome };
		out->text = reply_text(call->reply, "all or none: element %zu was refused",
				       batch->failed);
		if (!lease)
			continue;
		daemon->backend->ops->set_state(daemon->backend, lease->id, MMIOD_STATE_REVOKED);
		lease_remove(&daemon->leases, lease);
		batch->leases[i] = NULL;
	}
}

static const struct lease *first_granted(const struct batch *batch)
{
	size_t i = 0;

	while (!batch->leases[i])
		i++;
	return batch->leases[i];
}

/* One line for the request, however many windows: a datagram to the journal costs more than a lease. */
static void log_batch(struct call *call, const struct batch *batch)
{
	const struct holder *holder = &call->connection->peer.holder;
	struct log_fields fields = { .message_id = LOG_ID_GRANT, .holder = holder };
	const struct lease *lease;

	if (batch->n_granted && call_may_log(call)) {
		lease = first_granted(batch);
		fields.region = lease->region->name;
		fields.lease = lease->id;
		log_line(LOG_INFO, &fields,
			 "uid %u, pid %u, leased %zu window%s, the first lease %" PRIu64
			 " of region %s",
			 holder->uid, holder->pid, batch->n_granted,
			 batch->n_granted > 1 ? "s" : "", lease->id, lease->region->name);
	}
	if (batch->outcome == MMIOD_E_DENIED && call_may_log(call)) {
		fields.message_id = LOG_ID_DENIAL;
		fields.lease = 0;
		fields.region = batch->wish.want.region;
		log_line(LOG_NOTICE, &fields, "%s", batch->wish.buffer);
	}
}

enum request_result request_lease(struct call *call)
{
	bool all_or_none = call->request->fixed.lease.flags & MMIOD_LEASE_ALL_OR_NONE;
	uint32_t count = call->request->head.count;
	struct batch batch = { .outcome = MMIOD_OK };
	uint32_t i;

	reply_begin(call->reply, &call->request->head, sizeof(struct mmiod_msg), count,
		    sizeof(struct mmiod_wire_granted));
	for (i = 0; i < count && (batch.outcome == MMIOD_OK || !all_or_none); i++)
		grant_element(call, &batch, i);
	if (all_or_none && batch.outcome != MMIOD_OK)
		undo(call, &batch);
	log_batch(call, &batch);
	return REQUEST_REPLY;
}
