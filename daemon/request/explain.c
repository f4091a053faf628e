// SPDX-License-Identifier: MIT
/*
 * EXPLAIN: what a LEASE or an ALLOC would be answered now, and by which rule. It is planned as
 * those are, by the same judge, for the caller or for somebody else, and never taken: so what it
 * says is what they come to, whether policy, bounds, quota or others' leases decide.
 *
 * Everybody may ask about himself, administrators about others; names of groups are the asker's
 * affair, who knows them.
 */
#include <inttypes.h>
#include <string.h>
#include "request/request.h"
#include "request/want.h"

/* ---- the want -------------------------------------------------------------------------------- */

/* Of a pool nobody names bytes: its whole stands for the least of its blocks. */
static bool is_of_pool(struct call *call)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;
	const struct region *region = region_find_settled(call->broker, explain->region);

	return !explain->kind && !explain->memory && !explain->offset && !explain->length &&
	       region && region->config && region->config->pool;
}

static void ask_for_memory(struct want *want, const struct mmiod_msg_explain *explain)
{
	want->alloc = (struct mmiod_wire_alloc){
		.memory = explain->memory,
		.length = 1,
		.node = -1,
		.rights = explain->rights,
		.memtype = explain->memtype,
	};
	memcpy(want->alloc.region, explain->region, sizeof(want->alloc.region));
}

static void ask_for_vector(struct want *want, const struct mmiod_msg_explain *explain)
{
	want->interrupt = (struct mmiod_wire_interrupt){ .vector = (uint32_t)explain->offset };
	memcpy(want->interrupt.device, explain->region, sizeof(want->interrupt.device));
}

static void ask_to_operate(struct want *want, const struct mmiod_msg_explain *explain)
{
	want->operate = (struct mmiod_wire_operate){ .rights = explain->operate };
	memcpy(want->operate.device, explain->region, sizeof(want->operate.device));
}

static void ask_for_range(struct want *want, const struct mmiod_msg_explain *explain)
{
	want->asked = (struct mmiod_wire_want){
		.offset = explain->offset,
		.length = explain->length,
		.rights = explain->rights,
		.memtype = explain->memtype,
		.share = explain->share,
	};
	memcpy(want->asked.region, explain->region, sizeof(want->asked.region));
	memcpy(want->asked.grant, explain->grant, sizeof(want->asked.grant));
}

static void begin(struct want *want, struct call *call, const struct subject *subject, bool pool)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;
	bool vector = explain->kind == MMIOD_KIND_INTERRUPT;
	bool operates = explain->kind == MMIOD_KIND_DEVICE;
	bool allocates = !vector && !operates && (pool || explain->memory);

	want_init(want, call,
		  vector      ? &want_interrupt
		  : operates  ? &want_operate
		  : allocates ? &want_alloc
			      : &want_lease);
	want->dry = true;
	if (subject != want->subject)
		want->holder = (struct holder){ .uid = subject->uid };
	want->subject = subject;
	if (vector)
		ask_for_vector(want, explain);
	else if (operates)
		ask_to_operate(want, explain);
	else if (allocates)
		ask_for_memory(want, explain);
	else
		ask_for_range(want, explain);
}

/* Twice, as a LEASE: the obstacle may have gone. */
static enum mmiod_outcome plan(struct want *want, struct call *call, const struct subject *subject)
{
	bool pool = is_of_pool(call);
	enum mmiod_outcome outcome;

	begin(want, call, subject, pool);
	outcome = want_plan(want);
	if (outcome_may_be_stale(outcome)) {
		want_unplan(want);
		events_drain(call->broker);
		begin(want, call, subject, pool);
		outcome = want_plan(want);
	}
	want_unplan(want);
	return outcome;
}

/* ---- in words -------------------------------------------------------------------------------- */

/* Adds the limits on all that a grant gives. */
static void add_limits(struct text *text, const struct config_grant *grant)
{
	if (grant->lease_ms) {
		text_add(text, ", for ");
		text_add_duration(text, grant->lease_ms);
		text_add(text, "%s", grant->renew ? ", may be renewed" : "");
	}
	if (grant->leases)
		text_add(text, ", %u leases", grant->leases);
	if (grant->bytes)
		text_add(text, ", %" PRIu64 " bytes", grant->bytes);
	if (grant->huge)
		text_add(text, ", with huge leaves");
}

/* Adds what a grant gives of a region; of a pool the share mode is nobody's choice. */
static void add_terms(struct text *text, const struct decision *decision, bool allocates)
{
	const struct config_grant *grant = decision->grant;

	text_add(text, "granted by ");
	policy_add_grant(text, grant);
	text_add(text, ": %s, %s, %s", grant->rights & MMIOD_RIGHT_WRITE ? "rw" : "r",
		 share_name(allocates ? MMIOD_SHARE_EXCLUSIVE : decision->share),
		 memtype_name(decision->memtype));
	if (grant->length)
		text_add(text, ", 0x%" PRIx64 "-0x%" PRIx64, grant->offset,
			 grant->offset + grant->length - 1);
	add_limits(text, grant);
}

/* Adds whom the nearest grant is for, which is not for this subject. */
static void add_needs(struct text *text, const struct config_grant *grant)
{
	const char *comma = " needs ";

	for (size_t i = 0; i < grant->groups.count; i++, comma = " or ")
		text_add(text, "%sgroup %s", comma, grant->groups.items[i].name);
	for (size_t i = 0; i < grant->users.count; i++, comma = " or ")
		text_add(text, "%suser %s", comma, grant->users.items[i].name);
	if (grant->unknown && !grant->users.count && !grant->groups.count)
		text_add(text, " is for unknown peers");
}

static void add_vectors(struct text *text, const struct want *want)
{
	static const char *const kinds[] = { "none", "intx", "msi", "msix" };
	const struct device *device = device_of(want->region);

	text_add(text, "granted by ");
	policy_add_grant(text, want->grant);
	text_add(text, ": interrupts, %s", kinds[device->interrupt]);
	if (device->n_vectors > 1)
		text_add(text, ", vectors 0 to %u", device->n_vectors - 1);
	add_limits(text, want->grant);
}

static void add_operation(struct text *text, const struct want *want)
{
	text_add(text, "granted by ");
	policy_add_grant(text, want->grant);
	text_add(text, ": ");
	policy_add_device_rights(text, want->operate.rights);
	if (want->operate.rights & MMIOD_MAY_DMA_TRUSTED)
		text_add(text, " (nothing bounds the device: it may read and write all memory)");
	add_limits(text, want->grant);
}

static void add_permission(struct text *text, const struct want *want)
{
	if (want->lease_kind == MMIOD_KIND_DEVICE) {
		add_operation(text, want);
		return;
	}
	if (want->lease_kind == MMIOD_KIND_INTERRUPT) {
		add_vectors(text, want);
		return;
	}
	if (want->memory == MMIOD_MEMORY_REGION) {
		add_terms(text, &want->decision, want->allocated);
		return;
	}
	text_add(text, "granted by ");
	policy_add_grant(text, want->grant);
	text_add(text, ": %s", memory_name(want->memory));
	add_limits(text, want->grant);
}

/* The rule, then what is in the way all the same. */
static struct mmiod_msg_text explain(struct call *call, const struct want *want,
				     enum mmiod_outcome outcome)
{
	const struct decision *decision = &want->decision;
	char buffer[3 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	if (decision->reason == POLICY_GRANTED) {
		add_permission(&text, want);
		if (outcome != MMIOD_OK)
			text_add(&text, "; but %s", want->buffer);
	} else if (decision->reason == POLICY_NO_GRANT && decision->grant) {
		policy_add_grant(&text, decision->grant);
		add_needs(&text, decision->grant);
	} else {
		text_add(&text, "%s", want->buffer);
	}
	return reply_text(call->reply, "%s", buffer);
}

/* The same with fewer rights, or in the way that its grant proposes. */
static struct mmiod_msg_text explain_instead(struct call *call, const struct want *want)
{
	struct question less = { .rights = want->wire.rights, .grant = want_named_grant(want) };
	const struct config_region *region = want->region->config;
	struct decision decision = policy_decide(region, want->subject, &less);
	char buffer[2 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	if (decision.reason != POLICY_GRANTED) {
		less.rights = MMIOD_RIGHT_READ;
		decision = policy_decide(region, want->subject, &less);
	}
	if (decision.reason != POLICY_GRANTED)
		return (struct mmiod_msg_text){ 0 };
	text_reset(&text);
	add_terms(&text, &decision, want->allocated);
	return reply_text(call->reply, "%s", buffer);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void answer(struct call *call, const struct want *want, enum mmiod_outcome outcome)
{
	const struct config_grant *grant = want->decision.grant;
	struct mmiod_msg_explain_reply *reply;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->allowed = outcome == MMIOD_OK;
	reply->outcome = outcome;
	if (grant) {
		reply->line = grant->origin.line;
		snprintf(reply->grant, sizeof(reply->grant), "%s", grant->name);
		reply->file = reply_text(call->reply, "%s", grant->origin.file);
	}
	reply->text = explain(call, want, outcome);
	if (outcome == MMIOD_E_DENIED && want->memory == MMIOD_MEMORY_REGION &&
	    want->lease_kind == MMIOD_KIND_WINDOW)
		reply->instead = explain_instead(call, want);
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_REPLY;
}

/* A question that makes no sense is an error; every other outcome is the answer to it. */
static bool is_answer(enum mmiod_outcome outcome)
{
	return outcome == MMIOD_OK || outcome == MMIOD_E_DENIED || outcome == MMIOD_E_BUSY ||
	       outcome == MMIOD_E_QUOTA || outcome == MMIOD_E_GONE;
}

static void explain_to(struct call *call, const struct subject *subject)
{
	struct want want;
	enum mmiod_outcome outcome = plan(&want, call, subject);

	if (is_answer(outcome) && want.judged)
		answer(call, &want, outcome);
	else
		refuse(call, outcome, want.buffer);
}

/* ---- the question ---------------------------------------------------------------------------- */

static bool is_well_formed(const struct mmiod_msg_explain *explain)
{
	return explain->memory <= MMIOD_MEMORY_DMA && explain->rights & MMIOD_RIGHT_READ &&
	       !(explain->rights & ~RIGHTS_ALL) && explain->memtype <= MMIOD_MEMTYPE_WB &&
	       explain->share <= MMIOD_SHARE_GUEST;
}

/* Of a vector nothing can be chosen but which. */
static bool is_vector(const struct mmiod_msg_explain *explain)
{
	return explain->kind == MMIOD_KIND_INTERRUPT && explain->offset <= UINT32_MAX &&
	       explain->length <= 1 && explain->rights == MMIOD_RIGHT_READ && !explain->memtype &&
	       !explain->share && !explain->memory;
}

static bool is_operation(const struct mmiod_msg_explain *explain)
{
	return explain->kind == MMIOD_KIND_DEVICE && !explain->offset && !explain->length &&
	       explain->rights == MMIOD_RIGHT_READ && !explain->memtype && !explain->share &&
	       !explain->memory;
}

/* Of a lease that is in the way of an operation in hand; see conflict.c. */
static bool is_conflict(const struct mmiod_msg_explain *explain)
{
	return explain->kind == MMIOD_KIND_DEVICE && !explain->operate && explain->offset &&
	       explain->length && explain->rights == MMIOD_RIGHT_READ && !explain->memtype &&
	       !explain->share && !explain->memory && !explain->region[0] && !explain->grant[0] &&
	       explain->flags & MMIOD_EXPLAIN_SELF;
}

static bool is_of_kind(const struct mmiod_msg_explain *explain)
{
	if (explain->kind)
		return false;
	if (explain->memory == MMIOD_MEMORY_REGION)
		return true;
	return !explain->offset && !explain->length && !explain->memtype && !explain->share &&
	       (explain->memory == MMIOD_MEMORY_DMA || !explain->region[0]);
}

/* Somebody else, with the groups in `gids`. */
static struct subject other_subject(struct call *call, gid_t *gids)
{
	uid_t uid = call->request->fixed.explain.uid;
	uint32_t count = call->request->head.count;

	for (size_t i = 0; i < count; i++)
		request_element(call->request, i, &gids[i], sizeof(gids[i]));
	return (struct subject){
		.uid = uid,
		.gids = gids,
		.n_gids = count,
		.known = peer_is_known(uid),
	};
}

static enum request_result explain_other(struct call *call)
{
	_cleanup_(freep) gid_t *gids = calloc(call->request->head.count + 1u, sizeof(*gids));
	struct subject subject;

	if (!gids)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	subject = other_subject(call, gids);
	explain_to(call, &subject);
	return REQUEST_REPLY;
}

enum request_result request_explain(struct call *call)
{
	const struct mmiod_msg_explain *question = &call->request->fixed.explain;

	if (!is_well_formed(question))
		return refuse(call, MMIOD_E_INVALID,
			      "unknown right, memory type, share mode or kind of memory");
	if (is_conflict(question))
		return request_conflict(call);
	if (question->kind == MMIOD_KIND_INTERRUPT && !is_vector(question))
		return refuse(call, MMIOD_E_INVALID,
			      "an interrupt is a device's, with the vector as offset, and has no "
			      "other rights, length, memory type, share mode or kind of memory");
	if (question->kind == MMIOD_KIND_DEVICE && !is_operation(question))
		return refuse(
			call, MMIOD_E_INVALID,
			"who operates a device has rights of their own, and no offset, length, "
			"memory type, share mode or kind of memory");
	if (question->kind != MMIOD_KIND_DEVICE && question->operate)
		return refuse(call, MMIOD_E_INVALID, "rights to operate are of devices only");
	if (question->kind > MMIOD_KIND_INTERRUPT)
		return refuse(call, MMIOD_E_UNSUPPORTED, "unknown kind of lease");
	if (question->grant[0] && (question->kind || question->memory || is_of_pool(call)))
		return refuse(call, MMIOD_E_INVALID,
			      "a grant is named for the bytes of a region only");
	if (!is_vector(question) && !is_operation(question) && !is_of_kind(question))
		return refuse(call, MMIOD_E_INVALID,
			      "kernel memory has no offset, length, memory type and share mode, "
			      "and a region only as dma memory for its device");
	if (!(question->flags & MMIOD_EXPLAIN_SELF) && !call_is_admin(call))
		return refuse(
			call, MMIOD_E_DENIED,
			"denied: only root and those that an [admin] section names may ask what "
			"others may do; everybody may ask about himself");
	if (!(question->flags & MMIOD_EXPLAIN_SELF))
		return explain_other(call);
	explain_to(call, &call->connection->peer.subject);
	return REQUEST_REPLY;
}
