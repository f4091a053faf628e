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
void want_init(struct want *want, struct call *call, const struct want_kind *kind)
{
	zero(want, offsetof(struct want, asked));
	want->on_end.count = 0;
	want->buffer[0] = '\0';
	want->call = call;
	want->kind = kind;
	want->subject = &call->connection->peer.subject;
	want->holder = call->connection->peer.holder;
	want->created.fd = -1;
}

enum mmiod_outcome want_refuse(struct want *want, enum mmiod_outcome outcome, const char *format,
			       ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(want->buffer, sizeof(want->buffer), format, arguments);
	va_end(arguments);
	return outcome;
}

/* ---- may they -------------------------------------------------------------------------------- */

#define LEASE_MIN_MS 100

/* Checks what every window has: rights, memory type, width, time. */
enum mmiod_outcome want_check_form(struct want *want)
{
	const struct mmiod_wire_want *wire = &want->wire;

	if (!memchr(wire->region, '\0', sizeof(wire->region)))
		return want_refuse(want, MMIOD_E_INVALID, "the region's name is not terminated");
	if (!wire_name_is_graphic(wire->grant))
		return want_refuse(
			want, MMIOD_E_INVALID,
			"the name of a grant is not terminated, or has bytes that are no "
			"printable ASCII");
	if (wire->reserved)
		return want_refuse(want, MMIOD_E_INVALID, "a reserved field is not zero");
	if (wire->flags & ~MMIOD_LEASE_FLAGS || wire->rights & ~RIGHTS_ALL)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown flag or right");
	if (wire->memtype > MMIOD_MEMTYPE_WB || wire->share > MMIOD_SHARE_GUEST)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown memory type or share mode");
	if (!(wire->rights & MMIOD_RIGHT_READ))
		return want_refuse(want, MMIOD_E_INVALID, "a lease includes the right to read");
	if (wire->share == MMIOD_SHARE_GUEST && wire->rights & MMIOD_RIGHT_WRITE)
		return want_refuse(want, MMIOD_E_INVALID, "a guest reads, and writes nothing");
	if (wire->width > 8 || (wire->width & (wire->width - 1)))
		return want_refuse(want, MMIOD_E_INVALID,
				   "the width is 1, 2, 4 or 8 bytes, or 0 for the region's");
	if (wire->lease_ms && wire->lease_ms < LEASE_MIN_MS)
		return want_refuse(want, MMIOD_E_INVALID,
				   "a lease of %u ms is too short: %u ms at least", wire->lease_ms,
				   LEASE_MIN_MS);
	return MMIOD_OK;
}

enum mmiod_outcome want_find_region(struct want *want)
{
	struct broker *broker = want->call->broker;
	char name[4 * MMIOD_WIRE_NAME];

	want->region = region_find_settled(broker, want->wire.region);
	if (!want->region)
		want->region = region_find_address(&broker->regions, want->wire.region,
						   &want->wire.offset);
	/* The region that lies there may be given back now: then it is as if none did. */
	if (want->region && want->region->reloaded)
		want->region = region_find_settled(broker, want->region->name);
	if (want->region && want->region->config)
		return MMIOD_OK;
	if (region_is_address(want->wire.region))
		return want_refuse(want, MMIOD_E_NOT_FOUND,
				   "no region has byte 0x%" PRIx64 " of %s", want->wire.offset,
				   want->wire.region);
	common_escape(name, sizeof(name), want->wire.region, sizeof(want->wire.region));
	return want_refuse(want, MMIOD_E_NOT_FOUND, "there is no region \"%s\"", name);
}

/*
 * A length of 0 is "to the end", which policy must know. A range that leaves the region is refused
 * later.
 */
static struct question question_of(const struct want *want)
{
	const struct mmiod_wire_want *wire = &want->wire;
	const struct region *region = want->region;
	bool in_force = region->claimed && !region->stale;
	uint64_t size = in_force ? region->hw.length : region->config->length;
	struct question question = {
		.rights = wire->rights,
		.share = (enum mmiod_share)wire->share,
		.memtype = (enum mmiod_memtype)wire->memtype,
		.grant = want_named_grant(want),
	};

	if (want->allocated)
		return question;
	question.offset = wire->offset;
	question.length = wire->length;
	if (!question.length)
		question.length = (size > wire->offset ? size : UINT64_MAX) - wire->offset;
	if (!question.length)
		question.length = 1;
	return question;
}

enum mmiod_outcome want_check_policy(struct want *want)
{
	struct broker *broker = want->call->broker;
	const struct question question = question_of(want);
	char name[USER_NAME_MAX];

	want->decision = policy_decide(want->region->config, want->subject, &question);
	want->judged = true;
	if (want->decision.reason == POLICY_GRANTED) {
		want->grant = want->decision.grant;
		want->share = want->decision.share;
		if (want->wire.memtype == MMIOD_MEMTYPE_DEFAULT)
			want->wire.memtype = want->decision.memtype;
		return MMIOD_OK;
	}
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	policy_explain(&want->text, &want->decision, want->region->name,
		       holder_user_name(broker, want->subject->uid, name, sizeof(name)),
		       want->subject, &question);
	return MMIOD_E_DENIED;
}

/* The claim is not what the rules of the configuration were written for. */
static enum mmiod_outcome refuse_stale(struct want *want)
{
	if (want->provisional)
		return MMIOD_E_BUSY;
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	region_describe_stale(want->call->broker, want->region, &want->text);
	return MMIOD_E_BUSY;
}

enum mmiod_outcome want_check_presence(struct want *want)
{
	const struct region *region = want->region;

	if (!region->claimed)
		return want_refuse(want, MMIOD_E_GONE, "region %s is not there: %s", region->name,
				   region->missing);
	return region->stale ? refuse_stale(want) : MMIOD_OK;
}

enum mmiod_outcome want_check_memtype(struct want *want)
{
	const struct config_region *config = want->region->config;
	const struct mmiod_wire_want *wire = &want->wire;

	if (config->ports && wire->memtype != MMIOD_MEMTYPE_UC)
		return want_refuse(want, MMIOD_E_INVALID,
				   "region %s is of I/O ports, which have no memory type: ask for "
				   "none, and not for %s",
				   want->region->name,
				   memtype_name((enum mmiod_memtype)wire->memtype));
	if (!(config->memtypes & 1u << wire->memtype))
		return want_refuse(want, MMIOD_E_INVALID,
				   "region %s may not have memory type %s: \"memory-type\" at "
				   "%s:%u does not list it",
				   want->region->name,
				   memtype_name((enum mmiod_memtype)wire->memtype),
				   config->origin.file, config->origin.line);
	return MMIOD_OK;
}

/* With the module the holder's files decide; a client may have closed its own and wonder. */
static bool ends_by_release_only(const struct want *want, const struct lease *holder)
{
	const struct call *call = want->call;

	return call->broker->backend->ops->kind == MMIOD_BACKEND_SIMULATION &&
	       want->subject == &call->connection->peer.subject &&
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

static bool is_of_same_request(const struct want *want, const struct lease *lease)
{
	const struct want *other = want->first;

	while (other && other != want && other->lease != lease)
		other++;
	return other && other != want;
}

/* The bytes, the vector, or the device, of which @name is that of the region or the device. */
void describe_place(enum mmiod_lease_kind kind, const char *name, uint64_t offset, uint64_t length,
		    struct text *text)
{
	if (kind == MMIOD_KIND_INTERRUPT)
		text_add(text, "vector %" PRIu64 " of device %s", offset, name);
	else if (kind == MMIOD_KIND_DEVICE)
		text_add(text, "device %s", name);
	else if (offset == LEASE_NOWHERE)
		text_add(text, "0x%" PRIx64 " bytes in several extents of region %s", length, name);
	else
		text_add(text, "0x%" PRIx64 "+0x%" PRIx64 " of region %s", offset, length, name);
}

void want_describe(const struct want *want, struct text *text)
{
	describe_place(want->lease_kind, want->region->name, want->wire.offset, want->wire.length,
		       text);
}

enum mmiod_outcome want_name_holder(struct want *want, const struct lease *holder, const char *what)
{
	if (want->provisional)
		return MMIOD_E_BUSY;
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	want_describe(want, &want->text);
	if (is_of_same_request(want, holder)) {
		want->in_its_own_way = true;
		text_add(&want->text, " is asked for by another element of the same request");
		return MMIOD_E_BUSY;
	}
	text_add(&want->text, " %s ", what_holds(holder, what));
	holder_describe(want->call->broker, holder, &want->text);
	if (ends_by_release_only(want, holder))
		text_add(&want->text, ": your own, which in simulation ends when it is released "
				      "or your connection ends, not when its file is closed");
	return MMIOD_E_BUSY;
}

/* How long it may wait, whatever the client says. */
uint32_t want_longest_wait_ms(const struct want *want)
{
	return want->grant->wait_ms ? want->grant->wait_ms
				    : want->call->broker->config->limits.longest_wait_ms;
}

/* The client's time is over, or that of its grant or of the daemon, which is named. */
static enum mmiod_outcome give_up(struct want *want)
{
	const struct request *request = want->call->request;
	struct text *text = &want->text;

	*text = (struct text)TEXT_ON(want->buffer);
	text->length = strlen(want->buffer);
	text_add(text, "; waited in vain for ");
	text_add_age(text, (clock_boot_ms() - request->arrived_ms) / 1000);
	if (request->fixed.lease.wait_ms <= want_longest_wait_ms(want))
		return MMIOD_E_TIMEOUT;
	if (want->grant->wait_ms)
		text_add(text, ", as long as \"wait\" of [grant %s] at %s:%u admits",
			 want->grant->name, want->grant->origin.file, want->grant->origin.line);
	else
		text_add(text, ", as long as \"longest-wait\" in [daemon] admits");
	return MMIOD_E_TIMEOUT;
}

/*
 * Bytes that others hold are waited for, if the client has time for that; if it had, the outcome is
 * that it did not suffice. What was parked is waited for in any case, for it is as good as free.
 */
enum mmiod_outcome want_await(struct want *want, enum mmiod_outcome outcome)
{
	const struct request *request = want->call->request;

	if (outcome == MMIOD_E_BUSY && want->takes && !want->wait && !want->provisional) {
		want->wait = WANT_WAITS_FOR_TAKEN;
		return outcome;
	}
	if (outcome != MMIOD_E_BUSY || want->memory != MMIOD_MEMORY_REGION || want->wait ||
	    want->in_its_own_way || want->dry || want->provisional || !request->fixed.lease.wait_ms)
		return outcome;
	if (request->wait_over)
		return give_up(want);
	want->wait = WANT_WAITS_FOR_HOLDER;
	return outcome;
}
