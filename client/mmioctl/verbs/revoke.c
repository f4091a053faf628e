/* SPDX-License-Identifier: MIT */
/*
 * mmioctl revoke and free: an administrator takes leases from their holders; holders give theirs
 * back.
 */
#include "target/target.h"
#include "verb.h"

static struct revoke_options {
	uint32_t deadline_ms;
} options;

static const struct verb_option option_rows[] = {
	{ "deadline", 0, "TIME", "ask first, take after TIME, as 500ms, 2s, 1min, 1h",
	  TIME(struct revoke_options, deadline_ms) },
	{ 0 },
};

/* All are tried; the exit status is that of the first that failed. */
static int end_leases(struct context *context, int argc, char **argv, bool revoke)
{
	int status = 0, result = 0;
	uint64_t lease;

	for (int i = 0; !status && i < argc; i++)
		status = parse_lease(context, argv[i], &lease);
	if (!status)
		status = client_open(context);
	if (status)
		return status;
	for (int i = 0; i < argc; i++) {
		int err;

		parse_lease(context, argv[i], &lease);
		err = revoke ? mmiod_client_revoke(context->client, lease, options.deadline_ms)
			     : mmiod_client_release(context->client, lease);
		if (!err)
			continue;
		status = report_client(context, err);
		if (!result)
			result = status;
	}
	return result;
}

static int verb_revoke(struct context *context, int argc, char **argv)
{
	return end_leases(context, argc, argv, true);
}

const struct verb revoke_verb = {
	.name = "revoke",
	.arguments = "LEASE…",
	.summary = "take leases from their holders (administrators)",
	.group = GROUP_HOLD,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_revoke,
	.examples = { { "revoke 17", "now" },
		      { "revoke 17 --deadline 2s", "after two seconds to give it back" } },
};

static int verb_free(struct context *context, int argc, char **argv)
{
	return end_leases(context, argc, argv, false);
}

const struct verb free_verb = {
	.name = "free",
	.arguments = "LEASE…",
	.summary = "give leases back, whoever still uses them",
	.group = GROUP_HOLD,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_free,
	.examples = { { "free 17", "lease 17, if it is yours" } },
};
