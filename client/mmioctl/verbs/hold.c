/* SPDX-License-Identifier: MIT */
/*
 * mmioctl hold: leases on targets, held while the command, or mmioctl itself, runs.
 */
#include "target/holding.h"
#include "target/target.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <common/size.h>

#define WRITES_MAX 8

static struct hold_options {
	struct lease_options lease;
	bool read_only;
	uint32_t lease_ms;
	struct on_end {
		struct mmiod_register_write writes[WRITES_MAX]; /* from the target's start */
		size_t count;
	} on_end;
	char **command;
} options;

struct target_hold {
	struct holding holding;
	struct mmiod_target *targets;
	struct mmiod_want *wants;
	int *errors;
};

/* +OFFSET:BITS=VALUE */
static int parse_write(const struct context *context, char *text,
		       struct mmiod_register_write *write)
{
	char *width = strchr(text, ':'), *value = width ? strchr(width, '=') : NULL;
	uint64_t bits = 0;

	if (text[0] == '+' && value) {
		*width++ = '\0';
		*value++ = '\0';
		if (!common_size(text + 1, &write->offset) && !common_number(width, &bits) &&
		    !common_number(value, &write->value) &&
		    (bits == 8 || bits == 16 || bits == 32 || bits == 64)) {
			write->width = (unsigned int)bits / 8;
			return check_fit(context, value, write->value, write->width);
		}
	}
	return usage_error(context, "--on-end \"%s…\": it is +OFFSET:BITS=VALUE, as +0x10:32=0",
			   text);
}

static int on_end_option(const struct context *context, void *field, const char *name,
			 const char *argument)
{
	struct on_end *on_end = field;
	char *copy = strdup(argument), *rest = copy, *word;
	int status = copy ? 0 : out_of_memory(context);

	on_end->count = 0;
	while (!status && (word = strsep(&rest, ","))) {
		if (on_end->count == WRITES_MAX)
			status = usage_error(context, "--on-end: more than %d writes", WRITES_MAX);
		else
			status = parse_write(context, word, &on_end->writes[on_end->count++]);
	}
	free(copy);
	return status;
}

static const struct verb_option option_rows[] = {
	MEMTYPE_OPTIONS(struct hold_options, lease),
	READ_ONLY_OPTION(struct hold_options, read_only),
	SHARE_OPTIONS(struct hold_options, lease),
	GRANT_OPTION(struct hold_options, lease),
	WAIT_OPTION(struct hold_options, lease),
	LEASE_TIME_OPTION(struct hold_options, lease_ms),
	{ "on-end", 0, "WRITES", "register writes when it ends, as +0x10:32=0,+0x14:32=1",
	  CALL(struct hold_options, on_end, on_end_option) },
	{ 0 },
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
	unsigned int rights = MMIOD_RIGHT_READ;
	struct mmiod_register_write writes[WRITES_MAX];
	uint64_t start = 0;

	if (!options.read_only && options.lease.share != MMIOD_SHARE_GUEST)
		rights |= MMIOD_RIGHT_WRITE;
	if (options.on_end.count)
		start = hold->targets[0].offset;
	for (size_t i = 0; i < options.on_end.count; i++) {
		writes[i] = options.on_end.writes[i];
		writes[i].offset += start;
	}
	for (size_t i = 0; i < holding->count; i++)
		hold->wants[i] = (struct mmiod_want){
			.region = hold->targets[i].region,
			.offset = hold->targets[i].offset,
			.length = hold->targets[i].length,
			.width = hold->targets[i].width,
			.rights = rights,
			.cache = options.lease.memtype,
			.share = options.lease.share,
			.lease_ms = options.lease_ms,
			.on_end = writes,
			.on_end_count = options.on_end.count,
			.grant = options.lease.grant,
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
		status = lease_open(context, &options.lease);
	return status ? status : hold_leases(context, &hold->holding);
}

static int verb_hold(struct context *context, int argc, char **argv)
{
	struct target_hold hold = { .holding = { .count = (size_t)argc,
						 .command = options.command,
						 .take = take_targets,
						 .label = target_label } };
	int status;

	if (options.on_end.count && argc > 1)
		return usage_error(context, "--on-end goes with one target");
	if (options.on_end.count && options.read_only)
		return usage_error(context, "--on-end needs the right to write: no --read-only");
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
	.endless = true,
	.options = option_rows,
	.values = &options,
	.command = &options.command,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_hold,
	.examples = { { "hold shm/0x1000 -- CMD", "run CMD, the window at descriptor 3" },
		      { "hold edu --wait=1min", "until interrupted" },
		      { "hold motor --on-end +0x10:32=0", "made safe at the end" } },
	.more = "--on-end takes up to 8 writes +OFFSET:BITS=VALUE with commas between them,\n"
		"OFFSET from the start of the target. The daemon does them whatever ends the\n"
		"lease, before anybody else may have it.\n"
		"The command finds its windows at the lowest descriptors from 3 on that are\n"
		"free, and MMIOD_WINDOWS says which and where. If that is from 3 on without a\n"
		"gap, so do MMIOD_FDS (how many), MMIOD_TARGETS, MMIOD_LEASES, and\n"
		"MMIOD_OFFSETS (where in their files the windows start).\n",
};
