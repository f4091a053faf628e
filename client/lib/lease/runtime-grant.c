/* SPDX-License-Identifier: MIT */
/*
 * Grants that an administrator gives while the daemon runs, and their end. The daemon judges; here
 * only what would not fit the request is refused.
 */
#include "base/error.h"
#include "lease/lease.h"

#include <stdlib.h>
#include <string.h>

static int check_name(struct mmiod_client *client, const char *what, const char *name, size_t room)
{
	if (!name || !name[0])
		return client_fail(client, -EINVAL, "the name of a %s is empty", what);
	if (strlen(name) >= room)
		return client_fail(client, -EINVAL,
				   "%.40s: the name of a %s has at most %zu characters", name, what,
				   room - 1);
	return 0;
}

/* ---- giving ---------------------------------------------------------------------------------- */

static int check_grant(struct mmiod_client *client, const struct mmiod_grant *grant)
{
	int err = check_name(client, "grant", grant->name, MMIOD_WIRE_NAME);

	if (!err && grant->reserved)
		err = client_fail(client, -EINVAL, "what is reserved must be zero");
	if (!err && grant->tenant && grant->tenant[0])
		err = check_name(client, "tenant", grant->tenant, MMIOD_WIRE_NAME);
	if (!err && (!grant->region_count || grant->region_count > MMIOD_GRANT_PATTERNS_MAX))
		err = client_fail(client, -EINVAL, "a grant of %zu regions: 1 to %d",
				  grant->region_count, MMIOD_GRANT_PATTERNS_MAX);
	for (size_t i = 0; !err && i < grant->region_count; i++)
		err = check_name(client, "region", grant->regions[i], MMIOD_WIRE_PATTERN);
	return err;
}

struct grant_request {
	struct mmiod_msg_grant fixed;
	struct mmiod_wire_pattern patterns[MMIOD_GRANT_PATTERNS_MAX];
};
static_assert(sizeof(struct grant_request) <= REQUEST_MAX, "a request fits");

static size_t build_grant(void *context, size_t index, void *buffer)
{
	const struct mmiod_grant *grant = context;
	struct grant_request *request = buffer;
	struct mmiod_msg_grant *fixed = &request->fixed;

	fixed->msg.opcode = MMIOD_OP_GRANT;
	fixed->msg.fixed = sizeof(*fixed);
	fixed->msg.count = (uint32_t)grant->region_count;
	fixed->msg.stride = sizeof(request->patterns[0]);
	strcpy(fixed->name, grant->name);
	if (grant->tenant)
		strcpy(fixed->tenant, grant->tenant);
	fixed->uid = grant->uid;
	fixed->rights = grant->rights ? grant->rights : MMIOD_RIGHT_READ;
	fixed->share = grant->share;
	fixed->last_ms = grant->last_ms;
	for (size_t i = 0; i < grant->region_count; i++)
		strcpy(request->patterns[i].region, grant->regions[i]);
	return sizeof(*fixed) + grant->region_count * sizeof(request->patterns[0]);
}

struct grant_call {
	struct mmiod_grant grant; /* first: build_grant() knows no more */
	struct mmiod_client *client;
};

static int read_granted(void *context, size_t index, struct reply *reply)
{
	struct grant_call *call = context;

	return reply_status(call->client, reply);
}

static const struct sized grant_struct = SIZED(mmiod_grant, last_ms);

MMIOD_EXPORT int mmiod_client_grant_sized(struct mmiod_client *client,
					  const struct mmiod_grant *grant, size_t size)
{
	struct grant_call call = { .client = client };
	struct exchange exchange = {
		.count = 1, .context = &call, .build = build_grant, .reply = read_granted
	};
	int err = client_check(client);

	if (!err)
		err = sized_take(&grant_struct, &call.grant, grant, size, client->error,
				 sizeof(client->error));
	if (!err)
		err = check_grant(client, &call.grant);
	return err ? err : exchange_run(client, &exchange);
}

/* ---- ending ---------------------------------------------------------------------------------- */

struct ungrant_call {
	struct mmiod_client *client;
	const char *name;
	uint32_t deadline_ms;
	size_t ended;
};

static size_t build_ungrant(void *context, size_t index, void *buffer)
{
	const struct ungrant_call *call = context;
	struct mmiod_msg_ungrant *request = buffer;

	request->msg.opcode = MMIOD_OP_UNGRANT;
	request->msg.fixed = sizeof(*request);
	strcpy(request->name, call->name);
	request->deadline_ms = call->deadline_ms;
	return sizeof(*request);
}

static int read_ungranted(void *context, size_t index, struct reply *reply)
{
	struct mmiod_msg_ungrant_reply wire = { .ended = 0 };
	struct ungrant_call *call = context;
	int err = reply_status(call->client, reply);

	if (!err)
		err = message_fixed(&reply->message, &wire, sizeof(wire), MMIOD_V1_UNGRANT_REPLY);
	if (!err)
		call->ended = wire.ended;
	return err;
}

MMIOD_EXPORT int mmiod_client_ungrant(struct mmiod_client *client, const char *name,
				      uint32_t deadline_ms, size_t *ended)
{
	struct ungrant_call call = { .client = client, .name = name, .deadline_ms = deadline_ms };
	struct exchange exchange = { .count = 1,
				     .context = &call,
				     .build = build_ungrant,
				     .reply = read_ungranted,
				     .patience_ms = deadline_ms };
	int err = client_check(client);

	if (!err)
		err = check_name(client, "grant", name, MMIOD_WIRE_NAME);
	if (!err)
		err = exchange_run(client, &exchange);
	if (ended)
		*ended = err ? 0 : call.ended;
	return err;
}
