/* SPDX-License-Identifier: MIT */
/*
 * mmioctl hold: leases on targets, held while the command, or mmioctl itself, runs.
 */
#include "verb.h"

#include <errno.h>
#include <stdlib.h>

struct target_hold {
	struct holding holding;
	struct mmiod_target *targets;
	struct mmiod_want *wants;
	int *errors;
};

static const char *target_label(const struct holding *holding, size_t index)
{
	return ((const struct target_hold *)holding)->targets[index].region;
}

/* Not by MMIOD_LEASE_ALL, which is for at most 16. */
static int take_targets(struct context *context, const struct holding *holding,
			struct mmiod_lease **leases)
{
	const struct target_hold *hold = (const struct target_hold *)holding;
	unsigned int rights = MMIOD_RIGHT_READ | (context->read_only ? 0 : MMIOD_RIGHT_WRITE);

	for (size_t i = 0; i < holding->count; i++)
		hold->wants[i] = (struct mmiod_want){
			.region = hold->targets[i].region,
			.offset = hold->targets[i].offset,
			.length = hold->targets[i].length,
			.width = hold->targets[i].width,
			.rights = rights,
			.cache = context->cache,
			.share = context->share,
		};
	mmiod_client_lease_many(context->client, hold->wants, holding->count, 0, leases,
				hold->errors);
	for (size_t i = 0; i < holding->count; i++)
		if (!leases[i])
			return report_client(context, hold->errors[i]);
	return 0;
}

static int hold_targets(struct context *context, struct target_hold *hold, char **targets)
{
	int status = 0;

	if (!hold->targets || !hold->wants || !hold->errors)
		return out_of_memory(context);
	for (size_t i = 0; !status && i < hold->holding.count; i++)
		status = target_read(context, targets[i], &hold->targets[i]);
	if (!status)
		status = client_open(context);
	return status ? status : hold_leases(context, &hold->holding);
}

static int verb_hold(struct context *context, int argc, char **argv)
{
	struct target_hold hold = {
		.holding = { .count = (size_t)argc, .take = take_targets, .label = target_label }
	};
	int status;

	hold.targets = calloc(hold.holding.count, sizeof(*hold.targets));
	hold.wants = calloc(hold.holding.count, sizeof(*hold.wants));
	hold.errors = calloc(hold.holding.count, sizeof(*hold.errors));
	status = hold_targets(context, &hold, argv);
	free(hold.targets);
	free(hold.wants);
	free(hold.errors);
	return status;
}

const struct verb hold_verb = {
	.name = "hold",
	.arguments = "TARGET… [-- COMMAND ARG…]",
	.summary = "keep leases while the command, or mmioctl, runs",
	.group = GROUP_HOLD,
	.options = WITH_CACHE | WITH_READ_ONLY | WITH_SHARE | WITH_COMMAND,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_hold,
	.examples = { { "hold shm/0x1000 -- CMD", "run CMD with the window as descriptor 3" },
		      { "hold edu --exclusive", "until interrupted" } },
};
