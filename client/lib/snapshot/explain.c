/* SPDX-License-Identifier: MIT */
/*
 * Asking which rule of the policy decides.
 */
#include "base/error.h"
#include "lease/lease.h"

#include <stdlib.h>
#include <string.h>
#include <common/escape.h>

#define GROUPS_MAX 16000 /* so that they fit one message */
static_assert(sizeof(struct mmiod_msg_explain) + GROUPS_MAX * sizeof(uint32_t) <= MMIOD_MSG_MAX,
	      "a request fits");

struct explain_call {
	struct mmiod_client *client;
	struct mmiod_policy_answer *answer;
};

static int read_answer(void *context, size_t index, struct reply *reply)
{
	struct mmiod_msg_explain_reply wire;
	struct explain_call *call = context;
	struct mmiod_policy_answer *answer = call->answer;
	const struct message *message = &reply->message;
	int err = reply_status(call->client, reply);

	if (!err)
		err = message_fixed(message, &wire, sizeof(wire), MMIOD_V1_EXPLAIN_REPLY);
	if (!err)
		err = message_text(message, &wire.file, answer->file, sizeof(answer->file));
	if (!err)
		err = message_text(message, &wire.text, answer->text, sizeof(answer->text));
	if (!err)
		err = message_text(message, &wire.instead, answer->instead,
				   sizeof(answer->instead));
	if (err)
		return err;
	answer->allowed = wire.allowed != 0;
	/* A daemon of the first version says nothing but what its policy does. */
	if (!answer->allowed)
		answer->error = outcome_errno(wire.outcome ? wire.outcome : MMIOD_E_DENIED);
	answer->line = wire.line;
	memcpy(answer->grant, wire.grant, sizeof(answer->grant));
	answer->grant[sizeof(answer->grant) - 1] = '\0';
	common_clean(answer->grant);
	return 0;
}

static struct mmiod_msg_explain *build(const struct mmiod_policy_question *question)
{
	size_t groups = question->other ? question->group_count : 0;
	/* Members that older daemons do not know are sent only if they are asked for. */
	bool of_device =
		question->kind == MMIOD_KIND_INTERRUPT || question->kind == MMIOD_KIND_DEVICE;
	bool named = question->grant && question->grant[0];
	size_t fixed = named			       ? sizeof(struct mmiod_msg_explain)
		       : question->operate	       ? offsetof(struct mmiod_msg_explain, grant)
		       : question->memory || of_device ? offsetof(struct mmiod_msg_explain, operate)
						       : MMIOD_V1_EXPLAIN;
	size_t size = fixed + groups * sizeof(uint32_t);
	struct mmiod_msg_explain *request = calloc(1, sizeof(*request) + groups * sizeof(uint32_t));

	if (!request)
		return NULL;
	request->msg = (struct mmiod_msg){ .size = (uint32_t)size,
					   .opcode = MMIOD_OP_EXPLAIN,
					   .fixed = (uint32_t)fixed,
					   .count = (uint32_t)groups,
					   .stride = sizeof(uint32_t) };
	request->memory = question->memory;
	request->kind = of_device ? question->kind : 0;
	if (question->operate)
		request->operate = question->operate;
	if (question->region)
		strcpy(request->region, question->region);
	if (named)
		strcpy(request->grant, question->grant);
	request->offset = question->offset;
	request->length = question->length;
	request->rights = question->rights ? question->rights : MMIOD_RIGHT_READ;
	request->memtype = question->cache;
	request->share = question->share;
	request->flags = question->other ? 0 : MMIOD_EXPLAIN_SELF;
	request->uid = question->other ? question->uid : 0;
	if (groups)
		memcpy((uint8_t *)request + fixed, question->groups, groups * sizeof(uint32_t));
	return request;
}

static int ask(struct mmiod_client *client, const struct mmiod_policy_question *question,
	       struct mmiod_policy_answer *answer)
{
	struct explain_call call = { .client = client, .answer = answer };
	struct exchange exchange = { .count = 1, .context = &call, .reply = read_answer };
	struct mmiod_msg_explain *request;
	bool needs_region = question->memory == MMIOD_MEMORY_REGION;
	int err = 0;

	if (needs_region || (question->region && question->region[0]))
		err = lease_check_region(client, question->region);
	if (!err && !question->operate != (question->kind != MMIOD_KIND_DEVICE))
		err = client_fail(client, -EINVAL,
				  "rights to operate belong to a question of kind "
				  "MMIOD_KIND_DEVICE, which needs some");
	if (!err)
		err = lease_check_grant(client, question->grant);
	if (!err && question->reserved)
		err = client_fail(client, -EINVAL, "what is reserved must be zero");
	if (!err && question->other && question->group_count > GROUPS_MAX)
		err = client_fail(client, -EINVAL, "%zu groups: %d at most", question->group_count,
				  GROUPS_MAX);
	if (err)
		return err;
	request = build(question);
	if (!request)
		return client_fail(client, -ENOMEM, "out of memory");
	exchange.prepared = &request->msg;
	err = exchange_run(client, &exchange);
	free(request);
	return err;
}

static const struct sized question_struct = SIZED(mmiod_policy_question, reserved);

MMIOD_EXPORT int mmiod_client_explain_sized(struct mmiod_client *client,
					    const struct mmiod_policy_question *question,
					    size_t question_size,
					    struct mmiod_policy_answer *answer, size_t answer_size)
{
	struct mmiod_policy_question asked;
	struct mmiod_policy_answer known = { 0 };
	int err = client_check(client);

	if (!err)
		err = sized_take(&question_struct, &asked, question, question_size, client->error,
				 sizeof(client->error));
	if (!err)
		err = ask(client, &asked, &known);
	sized_give(answer, answer_size, &known, sizeof(known));
	return err;
}
