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

	if (region->config->pool) /* whose bytes nobody names */
		question.offset = question.length = 0;
	else if (!question.length && size > question.offset)
		question.length = size - question.offset;
	return question;
}

static void add_terms(struct text *text, const struct decision *decision)
{
	const struct config_grant *grant = decision->grant;

	text_add(text, ": %s, %s, %s", grant->rights & MMIOD_RIGHT_WRITE ? "rw" : "r",
		 share_name(decision->share), cache_name(decision->cache));
	if (grant->length)
		text_add(text, ", 0x%" PRIx64 "-0x%" PRIx64, grant->offset,
			 grant->offset + grant->length - 1);
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

static struct mmiod_msg_text explain_decision(struct call *call, const struct region *region,
					      const struct subject *subject, const char *user,
					      const struct decision *decision,
					      const struct question *question)
{
	char buffer[2 * TEXT_MAX];
	struct text text = TEXT_ON(buffer);

	text_reset(&text);
	if (decision->reason == POLICY_NO_GRANT && decision->grant) {
		text_add(&text, "[grant %s] at %s:%u", decision->grant->name,
			 decision->grant->origin.file, decision->grant->origin.line);
		add_needs(&text, decision->grant);
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

static void answer(struct call *call, const struct region *region, const struct subject *subject)
{
	const struct mmiod_msg_explain *explain = &call->request->fixed.explain;
	const struct question question = question_of(region, explain);
	struct decision decision = policy_decide(region->config, subject, &question);
	struct mmiod_msg_explain_reply *reply;
	char user[USER_NAME_MAX];

	reply = reply_begin(call->reply, &call->request->head, sizeof(*reply), 0, 0);
	daemon_user_name(call->daemon, subject->uid, user, sizeof(user));
	reply->allowed = decision.reason == POLICY_GRANTED;
	if (decision.grant) {
		reply->line = decision.grant->origin.line;
		snprintf(reply->grant, sizeof(reply->grant), "%s", decision.grant->name);
		reply->file = reply_text(call->reply, "%s", decision.grant->origin.file);
	}
	reply->text = explain_decision(call, region, subject, user, &decision, &question);
	if (!reply->allowed)
		reply->instead = explain_instead(call, region, subject, user, &question);
}

static enum request_result refuse(struct call *call, enum mmiod_outcome outcome, const char *reason)
{
	reply_error(call->reply, &call->request->head, outcome, "%s", reason);
	return REQUEST_REPLY;
}

static bool is_well_formed(const struct mmiod_msg_explain *explain)
{
	return explain->rights & MMIOD_RIGHT_READ &&
	       !(explain->rights & ~(MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)) &&
	       explain->cache <= MMIOD_CACHE_WB && explain->share <= MMIOD_SHARE_WRITE;
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
	if (region && region->config) {
		answer(call, region, subject);
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
			      "unknown right, cache attribute or share mode");
	gids = calloc(call->request->head.count + 1u, sizeof(*gids));
	if (!gids)
		return refuse(call, MMIOD_E_RESOURCES, "the daemon is out of memory");
	explain_to(call, gids);
	free(gids);
	return REQUEST_REPLY;
}
