/* SPDX-License-Identifier: MIT */
/*
 * mmioctl read and write: one register, or a few in a row, by mediated access of exact width.
 */
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int print_values(const struct context *context, const struct mmiod_target *target,
			const void *buffer, size_t count)
{
	json_t *values;

	if (!context->json) {
		for (size_t i = 0; i < count; i++)
			printf("0x%0*llx\n", (int)target->width * 2,
			       (unsigned long long)element_at(buffer, i, target->width));
		return STATUS_OK;
	}
	values = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			values, json_register(element_at(buffer, i, target->width), target->width));
	return json_output(json_pack("{s:i, s:s, s:I, s:i, s:o}", "schema", JSON_SCHEMA, "region",
				     target->region, "offset", (json_int_t)target->offset, "width",
				     (int)target->width * 8, "values", values));
}

static int read_values(struct context *context, const struct mmiod_target *target)
{
	size_t count = (size_t)(target->length / target->width);
	struct mmiod_lease *lease;
	int status = target_lease(context, target, MMIOD_RIGHT_READ, &lease);
	void *buffer;
	int err;

	if (status)
		return status;
	buffer = calloc(count, target->width);
	err = buffer ? mmiod_lease_read(lease, 0, target->width, count, buffer) : -ENOMEM;
	if (err)
		status = report_client(context, err);
	else
		status = print_values(context, target, buffer, count);
	free(buffer);
	mmiod_lease_release(lease);
	return status;
}

static int verb_read(struct context *context, int argc, char **argv)
{
	struct mmiod_target target;
	int status;

	status = target_read(context, argv[0], &target);
	if (!status)
		status = client_open(context);
	if (!status)
		status = target_resolve_width(context, &target);
	if (!status && !target.length)
		target.length = target.width;
	if (!status)
		status = target_check_alignment(context, argv[0], &target);
	return status ? status : read_values(context, &target);
}

const struct verb read_verb = {
	.name = "read",
	.arguments = "TARGET",
	.summary = "read a register, or as many as LENGTH holds",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 1,
	.most = 1,
	.run = verb_read,
	.examples = { { "read edu+0x8", "the register at 0x8" },
		      { "read edu/16", "the first four, if they are 32 bits wide" } },
};

static int write_value(struct context *context, const struct mmiod_target *target, uint64_t value)
{
	uint64_t element = 0;
	struct mmiod_lease *lease;
	int status = target_lease(context, target, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease);
	int err;

	if (status)
		return status;
	element_set(&element, 0, target->width, value);
	err = mmiod_lease_write(lease, 0, target->width, 1, &element);
	if (err)
		status = report_client(context, err);
	mmiod_lease_release(lease);
	return status;
}

static int verb_write(struct context *context, int argc, char **argv)
{
	struct mmiod_target target;
	uint64_t value;
	int status;

	status = target_read(context, argv[0], &target);
	if (!status && target.length)
		return usage_error(context, "%s: write stores one value: leave the length out",
				   argv[0]);
	if (!status)
		status = parse_value(context, argv[1], &value);
	if (!status)
		status = client_open(context);
	if (!status)
		status = target_resolve_width(context, &target);
	if (!status)
		status = target_check_alignment(context, argv[0], &target);
	if (!status)
		status = check_fit(context, argv[1], value, target.width);
	if (status)
		return status;
	target.length = target.width;
	return write_value(context, &target, value);
}

const struct verb write_verb = {
	.name = "write",
	.arguments = "TARGET VALUE",
	.summary = "write a register",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 2,
	.most = 2,
	.run = verb_write,
	.examples = { { "write edu+0x8 12", "12 into the register at 0x8" } },
};
