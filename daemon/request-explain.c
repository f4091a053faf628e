// SPDX-License-Identifier: MIT
/*
 * EXPLAIN: which rule decides about somebody's access, and what would be allowed instead. Everybody
 * may ask about himself, administrators about others; names of groups are the asker's affair, who
 * knows them.
 */
#include <inttypes.h>
#include <string.h>
#include "request.h"

static struct question question_of(const struct region *region,
				   const struct mmiod_msg_explain *explain)
{
	uint64_t size = region->claimed ? region->hw.length : region->config->length;
	struct question question = {
		.rights = explain->rights,
		.share = (enum mmiod_share)explain->share,
		.cache = (enum mmiod_cache)explain->cache,
		.offset = explain->offset,
		.length = explain->length,
	};

	if (explain->memory == MMIOD_MEMORY_DMA)
		question.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	if (region->config->pool || explain->memory) /* whose bytes nobody names */
		question.offset = question.length = 0;
	else if (!question.length && size > question.offset)
		question.length = size - question.offset;
	return question;
}

/* Those that are of all that a grant gives. */
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
}

static void add_terms(struct text *text, const struct decision *decision)
{
	const struct config_grant *grant = decision->grant;

	text_add(text, ": %s, %s, %s", grant->rights & MMIOD_RIGHT_WRITE ? "rw" : "r",
		 share_name(decision->share), cache_name(decision->cache));
	if (grant->length)
		text_add(text, ", 0x%" PRIx64 "-0x%" PRIx64, grant->offset,
			 grant->offset + grant->length - 1);
	add_limits(text, grant);
}

/* Whom the nearest grant is for, who is not this one. */
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

/* Nobody that the nearest grant is for. */
static void add_nearest(struct text *text, const struct config_grant *grant)
{
	text_add(text, "[grant %s] at %s:%u", grant->name, grant->origin.file, grant->origin.line);
	add_needs(text, grant);
}

static struct mmiod_msg_text explain_decision(struct call *call, const struct region *region,
					      const struct subject *subject, const char *user,
					      const struct decision *decision,
					      const struct question *question)
{
	char buffer[2 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	if (decision->reason == POLICY_NO_GRANT && decision->grant) {
		add_nearest(&text, decision->grant);
		return reply_text(call->reply, "%s", buffer);
	}
	policy_explain(&text, decision, region->name, user, subject, question);
	if (decision->reason == POLICY_GRANTED)
		add_terms(&text, decision);
	return reply_text(call->reply, "%s", buffer);
}

/* The same with fewer rights, or in the way that its grant proposes. */
static struct mmiod_msg_text explain_instead(struct call *call, const struct region *region,
					     const struct subject *subject, const char *user,
					     const struct question *question)
{
	struct question less = { .rights = question->rights };
	struct decision decision = policy_decide(region->config, subject, &less);
	char buffer[2 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	if (decision.reason != POLICY_GRANTED) {
		less.rights = MMIOD_RIGHT_READ;
		decision = policy_decide(region->config, subject, &less);
	}
	if (decision.reason != POLICY_GRANTED)
		return (struct mmiod_msg_text){ 0 };
	text_reset(&text);
	policy_explain(&text, &decision, region->name, user, subject, &less);
	add_terms(&text, &decision);
	return reply_text(call->reply, "%s", buffer);
}

/* The answer but for its sentences. */
static struct mmiod_msg_explain_reply *begin_answer(struct call *call,
						    const struct decision *decision)
{
	struct mmiod_msg_explain_reply *reply;

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	reply->allowed = decision->reason == POLICY_GRANTED;
	if (!decision->grant)
		return reply;
	reply->line = decision->grant->origin.line;
	snprintf(reply->grant, sizeof(reply->grant), "%s", decision->grant->name);
	reply->file = reply_text(call->reply, "%s", decision->grant->origin.file);
	return reply;
}

static void answer(struct call *call, const struct region *region, const struct subject *subject)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;
	const struct question question = question_of(region, explain);
	struct decision decision = policy_decide(region->config, subject, &question);
	struct mmiod_msg_explain_reply *reply;
	char buffer[USER_NAME_MAX];
	const char *user;

	reply = begin_answer(call, &decision);
	user = daemon_user_name(call->daemon, subject->uid, buffer, sizeof(buffer));
	reply->text = explain_decision(call, region, subject, user, &decision, &question);
	if (!reply->allowed && explain->memory == MMIOD_MEMORY_REGION)
		reply->instead = explain_instead(call, region, subject, user, &question);
}

/* Of the kernel's memory every grant gives all rights; nothing but its kind can be denied. */
static void answer_memory(struct call *call, enum mmiod_memory memory,
			  const struct subject *subject)
{
	struct decision decision = policy_decide_memory(call->daemon->config, subject, memory);
	struct mmiod_msg_explain_reply *reply = begin_answer(call, &decision);
	char buffer[2 * TEXT_MAX], name[USER_NAME_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	if (decision.reason == POLICY_GRANTED) {
		text_add(&text, "granted by [grant %s] at %s:%u: %s", decision.grant->name,
			 decision.grant->origin.file, decision.grant->origin.line,
			 memory_name(memory));
		add_limits(&text, decision.grant);
	} else if (decision.reason == POLICY_NO_GRANT && decision.grant) {
		add_nearest(&text, decision.grant);
	} else {
		policy_explain_memory(
			&text, &decision, memory,
			daemon_user_name(call->daemon, subject->uid, name, sizeof(name)), subject);
	}
	reply->text = reply_text(call->reply, "%s", buffer);
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_REPLY;
}

static bool is_well_formed(const struct mmiod_msg_explain *explain)
{
	return explain->memory <= MMIOD_MEMORY_DMA && explain->rights & MMIOD_RIGHT_READ &&
	       !(explain->rights & ~(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)) &&
	       explain->cache <= MMIOD_CACHE_WB && explain->share <= MMIOD_SHARE_WRITE;
}

static bool is_of_kind(const struct mmiod_msg_explain *explain)
{
	if (explain->memory == MMIOD_MEMORY_REGION)
		return true;
	return !explain->offset && !explain->length && !explain->cache && !explain->share &&
	       (explain->memory == MMIOD_MEMORY_DMA || !explain->region[0]);
}

/* The subject that is asked about, with its groups in `gids`; NULL: refused already. */
static const struct subject *subject_of(struct call *call, struct subject *other, gid_t *gids)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;

	if (explain->flags & MMIOD_EXPLAIN_SELF)
		return &call->connection->peer.subject;
	if (!call_is_admin(call)) {
		refuse(call, MMIOD_E_DENIED,
		       "denied: only root and those that an [admin] section names may ask what "
		       "others may do; everybody may ask about himself");
		return NULL;
	}
	for (size_t i = 0; i < call->request->head.count; i++)
		request_element(call->request, i, &gids[i], sizeof(gids[i]));
	*other = (struct subject){
		.uid = explain->uid,
		.gids = gids,
		.n_gids = call->request->head.count,
		.known = true,
	};
	return other;
}

/*
 * Kernel memory, unless the device that DMA memory is for is what is denied: whoever may have it
 * write to memory is one who may write to the device.
 */
static bool is_kernels(struct call *call, const struct region *region,
		       const struct subject *subject)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;
	const struct question question = { .rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE };

	if (explain->memory == MMIOD_MEMORY_REGION)
		return false;
	return !explain->region[0] ||
	       (region && region->config &&
		policy_decide(region->config, subject, &question).reason == POLICY_GRANTED);
}

/* As a LEASE would be refused, whatever the policy says. */
static bool lies_within(const struct region *region, const struct mmiod_msg_explain *explain)
{
	uint64_t size = region->claimed ? region->hw.length : region->config->length;

	return !size || region->config->pool ||
	       (explain->offset < size && explain->length <= size - explain->offset);
}

static void refuse_range(struct call *call, const struct region *region)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;

	reply_error(call->reply, &call->request->head, MMIOD_E_INVALID,
		    "0x%" PRIx64 "+0x%" PRIx64 " is outside of region %s", explain->offset,
		    explain->length, region->name);
}

static void explain_to(struct call *call, gid_t *gids)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;
	const struct region *region = region_find(&call->daemon->regions, explain->region);
	char name[4 * MMIOD_WIRE_NAME];
	const struct subject *subject;
	struct subject other;

	subject = subject_of(call, &other, gids);
	if (!subject)
		return;
	if (is_kernels(call, region, subject)) {
		answer_memory(call, (enum mmiod_memory)explain->memory, subject);
		return;
	}
	if (region && region->config) {
		if (lies_within(region, explain))
			answer(call, region, subject);
		else
			refuse_range(call, region);
		return;
	}
	text_escape(name, sizeof(name), explain->region, sizeof(explain->region));
	reply_error(call->reply, &call->request->head, MMIOD_E_NOT_FOUND,
		    "there is no region \"%s\"", name);
}

enum request_result request_explain(struct call *call)
{
	gid_t *gids;

	if (!is_well_formed(&call->request->fixed.explain))
		return refuse(call, MMIOD_E_INVALID,
			      "unknown right, cache attribute, share mode or kind of memory");
	if (!is_of_kind(&call->request->fixed.explain))
		return refuse(
			call, MMIOD_E_INVALID,
			"kernel memory has no offset, length, cache attribute and share mode, "
			"and a region only as dma memory for its device");
	gids = calloc(call->request->head.count + 1u, sizeof(*gids));
	if (!gids)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	explain_to(call, gids);
	free(gids);
	return REQUEST_REPLY;
}
