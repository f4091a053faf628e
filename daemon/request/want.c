// SPDX-License-Identifier: MIT
/*
 * One element of a LEASE or an ALLOC: the questions that both ask, and the words of their refusals.
 * Pure decisions over what the daemon knows.
 */
#include <inttypes.h>
#include <string.h>
#include <common/escape.h>
#include "request/want.h"

/* Of the connection's own peer, unless EXPLAIN says otherwise. */
void wish_init(struct wish *wish, struct call *call, const struct wish_kind *kind)
{
	memset(wish, 0, offsetof(struct wish, buffer));
	wish->buffer[0] = '\0';
	wish->call = call;
	wish->kind = kind;
	wish->subject = &call->connection->peer.subject;
	wish->holder = call->connection->peer.holder;
	wish->created.fd = -1;
}

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

#define LEASE_MIN_MS 100

/* What every window has: rights, cache attribute, width, time. */
enum mmiod_outcome wish_check_form(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;

	if (!memchr(want->region, '\0', sizeof(want->region)))
		return wish_refuse(wish, MMIOD_E_INVALID, "the region's name is not terminated");
	if (want->reserved)
		return wish_refuse(wish, MMIOD_E_INVALID, "a reserved field is not zero");
	if (want->flags & ~MMIOD_LEASE_FLAGS || want->rights & ~RIGHTS_ALL)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED, "unknown flag or right");
	if (want->cache > MMIOD_CACHE_WB || want->share > MMIOD_SHARE_GUEST)
		return wish_refuse(wish, MMIOD_E_UNSUPPORTED,
				   "unknown cache attribute or share mode");
	if (!(want->rights & MMIOD_RIGHT_READ))
		return wish_refuse(wish, MMIOD_E_INVALID, "a lease includes the right to read");
	if (want->share == MMIOD_SHARE_GUEST && want->rights & MMIOD_RIGHT_WRITE)
		return wish_refuse(wish, MMIOD_E_INVALID, "a guest reads, and writes nothing");
	if (want->width > 8 || (want->width & (want->width - 1)))
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "the width is 1, 2, 4 or 8 bytes, or 0 for the region's");
	if (want->lease_ms && want->lease_ms < LEASE_MIN_MS)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "a lease of %u ms is too short: %u ms at least", want->lease_ms,
				   LEASE_MIN_MS);
	return MMIOD_OK;
}

enum mmiod_outcome wish_find_region(struct wish *wish)
{
	struct broker *broker = wish->call->broker;
	char name[4 * MMIOD_WIRE_NAME];

	wish->region = region_find_settled(broker, wish->want.region);
	if (!wish->region)
		wish->region = region_find_address(&broker->regions, wish->want.region,
						   &wish->want.offset);
	/* What lies there may be given back now: then it is as if nothing did. */
	if (wish->region && wish->region->reloaded)
		wish->region = region_find_settled(broker, wish->region->name);
	if (wish->region && wish->region->config)
		return MMIOD_OK;
	if (region_is_address(wish->want.region))
		return wish_refuse(wish, MMIOD_E_NOT_FOUND,
				   "no region has byte 0x%" PRIx64 " of %s", wish->want.offset,
				   wish->want.region);
	common_escape(name, sizeof(name), wish->want.region, sizeof(wish->want.region));
	return wish_refuse(wish, MMIOD_E_NOT_FOUND, "there is no region \"%s\"", name);
}

/*
 * A length of 0 is "to the end", which policy must know. What leaves the region is refused later.
 */
static struct question question_of(const struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	const struct region *region = wish->region;
	bool in_force = region->claimed && !region->stale;
	uint64_t size = in_force ? region->hw.length : region->config->length;
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
	struct broker *broker = wish->call->broker;
	const struct question question = question_of(wish);
	char name[USER_NAME_MAX];

	wish->decision = policy_decide(wish->region->config, wish->subject, &question);
	wish->judged = true;
	if (wish->decision.reason == POLICY_GRANTED) {
		wish->grant = wish->decision.grant;
		wish->share = wish->decision.share;
		if (wish->want.cache == MMIOD_CACHE_DEFAULT)
			wish->want.cache = wish->decision.cache;
		return MMIOD_OK;
	}
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	policy_explain(&wish->text, &wish->decision, wish->region->name,
		       holder_user_name(broker, wish->subject->uid, name, sizeof(name)),
		       wish->subject, &question);
	return MMIOD_E_DENIED;
}

/* What is claimed is not what the rules of the configuration were written for. */
static enum mmiod_outcome refuse_stale(struct wish *wish)
{
	if (wish->provisional)
		return MMIOD_E_BUSY;
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	region_describe_stale(wish->call->broker, wish->region, &wish->text);
	return MMIOD_E_BUSY;
}

enum mmiod_outcome wish_check_presence(struct wish *wish)
{
	const struct region *region = wish->region;

	if (!region->claimed)
		return wish_refuse(wish, MMIOD_E_GONE, "region %s is not there: %s", region->name,
				   region->missing);
	return region->stale ? refuse_stale(wish) : MMIOD_OK;
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

/* With the module the holder's files decide; a client may have closed its own and wonder. */
static bool ends_by_release_only(const struct wish *wish, const struct lease *holder)
{
	const struct call *call = wish->call;

	return call->broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION &&
	       wish->subject == &call->connection->peer.subject &&
	       holder->list == &call->connection->leases;
}

static const char *what_holds(const struct lease *lease, const char *what)
{
	if (!lease->id)
		return "is being granted to";
	if (lease->state != MMIOD_STATE_ENDING)
		return what;
	/* Its holder has it no more, and can do nothing to free it. */
	return lease->end & LEASE_CUT ? "is being made safe after" : "is being taken from";
}

static bool is_of_same_request(const struct wish *wish, const struct lease *lease)
{
	const struct wish *other = wish->first;

	while (other && other != wish && other->lease != lease)
		other++;
	return other && other != wish;
}

enum mmiod_outcome wish_name_holder(struct wish *wish, const struct lease *holder, const char *what)
{
	if (wish->provisional)
		return MMIOD_E_BUSY;
	if (is_of_same_request(wish, holder)) {
		wish->in_its_own_way = true;
		return wish_refuse(wish, MMIOD_E_BUSY,
				   "0x%" PRIx64 "+0x%" PRIx64 " of region %s is asked for by "
				   "another element of the same request",
				   wish->want.offset, wish->want.length, wish->region->name);
	}
	text_init(&wish->text, wish->buffer, sizeof(wish->buffer));
	text_add(&wish->text, "0x%" PRIx64 "+0x%" PRIx64 " of region %s %s ", wish->want.offset,
		 wish->want.length, wish->region->name, what_holds(holder, what));
	holder_describe(wish->call->broker, holder, &wish->text);
	if (ends_by_release_only(wish, holder))
		text_add(&wish->text, ": your own, which in simulation ends when it is released "
				      "or your connection ends, not when its file is closed");
	return MMIOD_E_BUSY;
}

/* How long it may wait, whatever the client says. */
uint32_t wish_longest_wait_ms(const struct wish *wish)
{
	return wish->grant->wait_ms ? wish->grant->wait_ms
				    : wish->call->broker->config->limits.longest_wait_ms;
}

/* The client's time is over, or that of its grant or of the daemon, which is named. */
static enum mmiod_outcome give_up(struct wish *wish)
{
	const struct request *request = wish->call->request;
	struct text *text = &wish->text;

	*text = (struct text)TEXT_ON(wish->buffer);
	text->length = strlen(wish->buffer);
	text_add(text, "; waited in vain for ");
	text_add_age(text, (clock_boot_ms() - request->arrived_ms) / 1000);
	if (request->fixed.lease.wait_ms <= wish_longest_wait_ms(wish))
		return MMIOD_E_TIMEOUT;
	if (wish->grant->wait_ms)
		text_add(text, ", as long as \"wait\" of [grant %s] at %s:%u admits",
			 wish->grant->name, wish->grant->origin.file, wish->grant->origin.line);
	else
		text_add(text, ", as long as \"longest-wait\" in [daemon] admits");
	return MMIOD_E_TIMEOUT;
}

/*
 * What others hold is waited for, if the client has time for
 * that; if it had, the outcome is that it did not suffice.
 */
enum mmiod_outcome wish_await(struct wish *wish, enum mmiod_outcome outcome)
{
	const struct request *request = wish->call->request;

	if (outcome != MMIOD_E_BUSY || wish->memory != MMIOD_MEMORY_REGION || wish->wait ||
	    wish->in_its_own_way || wish->dry || wish->provisional || !request->fixed.lease.wait_ms)
		return outcome;
	if (request->wait_over)
		return give_up(wish);
	wish->wait = WISH_WAITS_FOR_HOLDER;
	return outcome;
}
