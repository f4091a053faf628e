/* SPDX-License-Identifier: MIT */
/*
 * mmioctl read and write: one register, or a few in a row, by mediated access of exact width.
 */
#include "target/change.h"
#include "verb.h"

#include <stdlib.h>
#include <string.h>
#include <common/size.h>

/* ---- read ---- */

static struct read_options {
	struct lease_options lease;
	struct given repeat;
	uint32_t interval_ms;
} read_options;

static const struct verb_option read_rows[] = {
	LEASE_OPTIONS(struct read_options, lease),
	WIDTH_OPTION(struct read_options, lease),
	{ "repeat", 0, "N", "so often, as xN", NUMBER(struct read_options, repeat) },
	INTERVAL_OPTION(struct read_options, interval_ms),
	{ 0 },
};

struct reading {
	struct place place;
	uint64_t times;
	size_t count; /* of elements */
	void *buffer;
};

static void print_values(const struct context *context, const struct reading *reading)
{
	const struct place *place = &reading->place;
	char name[PLACE_WORDS], value[VALUE_WORDS];

	for (size_t i = 0; i < reading->count; i++) {
		if (context->verbose)
			printf("%s: ", place_words(place, i * place->width, name));
		puts(value_words(element_at(reading->buffer, i, place->width), place->width,
				 value));
	}
}

/* A target that is read more than once is one object a line. */
static int print_json(const struct reading *reading)
{
	const struct place *place = &reading->place;
	json_t *values = json_array(), *root;

	for (size_t i = 0; i < reading->count; i++)
		json_array_append_new(
			values,
			json_register(element_at(reading->buffer, i, place->width), place->width));
	root = json_pack("{s:i, s:s, s:o, s:i, s:o}", "schema", JSON_SCHEMA, "region",
			 place->target.region, "offset", json_number(place->target.offset), "width",
			 (int)place->width * 8, "values", values);
	return reading->times > 1 ? json_line(root) : json_output(root);
}

static int read_once(struct context *context, const struct reading *reading)
{
	const struct place *place = &reading->place;
	int err = mmiod_lease_read(place->lease, 0, place->width, reading->count, reading->buffer);

	if (err)
		return report_client(context, err);
	if (context->json)
		return print_json(reading);
	print_values(context, reading);
	return STATUS_OK;
}

static int read_place(struct context *context, struct reading *reading)
{
	int status = place_lease_registers(context, &reading->place, MMIOD_RIGHT_READ);

	if (status)
		return status;
	reading->count = (size_t)(reading->place.length / reading->place.width);
	reading->buffer = calloc(reading->count, reading->place.width);
	if (!reading->buffer)
		status = out_of_memory(context);
	for (uint64_t i = 0; !status && i < reading->times; i++) {
		if (i)
			pause_ms(read_options.interval_ms);
		status = read_once(context, reading);
		if (read_options.interval_ms)
			fflush(stdout);
		if (ferror(stdout))
			break;
	}
	free(reading->buffer);
	place_close(&reading->place);
	return status;
}

/* x10 behind the target, as pcimem has it, or --repeat 10. */
static int parse_times(const struct context *context, const char *text, uint64_t *times)
{
	*times = read_options.repeat.is ? read_options.repeat.value : 1;
	if (text && read_options.repeat.is)
		return usage_error(context, "%s and --repeat say the same", text);
	if (text && (text[0] != 'x' || common_number(text + 1, times)))
		return usage_error(context, "\"%s\": how often is written as x10", text);
	return *times ? 0 : usage_error(context, "to read no times is to do nothing");
}

static int verb_read(struct context *context, int argc, char **argv)
{
	struct reading reading = { 0 };
	int status = place_read(context, argv[0], &read_options.lease, &reading.place);

	if (!status)
		status = parse_times(context, argc == 2 ? argv[1] : NULL, &reading.times);
	return status ? status : read_place(context, &reading);
}

const struct verb read_verb = {
	.name = "read",
	.arguments = "TARGET [xN]",
	.summary = "read a register, or as many as LENGTH holds",
	.group = GROUP_ACCESS,
	.options = read_rows,
	.values = &read_options,
	.least = 1,
	.most = 2,
	.run = verb_read,
	.examples = { { "read edu+0x8", "the register at 0x8" },
		      { "read edu/16 -v", "four registers, with their places" },
		      { "read edu+0x8 x10 --interval 1s", "ten times, once a second" } },
	.more = "Prints values only, in the width of the access. With --json, what is read\n"
		"repeatedly is one object a line.\n",
};

/* ---- write ---- */

static struct write_options {
	struct lease_options lease;
	struct given mask;
	struct change_options change;
} write_options;

static const struct verb_option write_rows[] = {
	LEASE_OPTIONS(struct write_options, lease),
	WIDTH_OPTION(struct write_options, lease),
	MASK_OPTION(struct write_options, mask),
	VERIFY_OPTION(struct write_options, change.verify),
	DRY_RUN_OPTION(struct write_options, change.dry_run),
	{ 0 },
};

static int check_mask(const struct context *context, const char *text, uint64_t value,
		      unsigned int width)
{
	uint64_t mask = write_options.mask.value;

	if (!write_options.mask.is)
		return 0;
	if (mask & ~width_mask(width))
		return usage_error(context, "mask 0x%llx does not fit %u bits",
				   (unsigned long long)mask, width * 8);
	if (!mask)
		return usage_error(context, "a mask of 0 changes nothing");
	if (value & ~mask)
		return usage_error(context, "value %s has bits outside of mask 0x%llx", text,
				   (unsigned long long)mask);
	return 0;
}

static int write_place(struct context *context, struct place *place, const char *text,
		       uint64_t value)
{
	struct change change = { .options = &write_options.change, .place = place, .value = value };
	int status = check_fit(context, text, value, place->width);

	change.mask = write_options.mask.is ? write_options.mask.value : width_mask(place->width);
	if (!status)
		status = check_mask(context, text, value, place->width);
	return status ? status : change_register(context, &change);
}

static int verb_write(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	uint64_t value;
	int status = place_read(context, argv[0], &write_options.lease, &place);

	if (!status && place.target.length)
		return usage_error(context, "%s: write stores one value: leave the length out",
				   argv[0]);
	if (!status)
		status = parse_value(context, argv[1], &value);
	if (!status)
		status = place_lease_registers(context, &place, READ_WRITE);
	if (!status)
		status = write_place(context, &place, argv[1], value);
	place_close(&place);
	return status;
}

const struct verb write_verb = {
	.name = "write",
	.arguments = "TARGET VALUE",
	.summary = "write a register",
	.group = GROUP_ACCESS,
	.options = write_rows,
	.values = &write_options,
	.least = 2,
	.most = 2,
	.run = verb_write,
	.examples = { { "write edu+0x8 12", "12 into the register at 0x8" },
		      { "write edu+0x20 0x80 --mask 0x80", "only that bit; the rest stays" },
		      { "write edu+0x4 1 --verify", "and read back: status 9 if it differs" },
		      { "write edu+0x4 1 --dry-run", "may I? What would change?" } },
	.more = "Says nothing unless asked: -v shows what was there before, which is read for\n"
		"that. Without --mask, --verify and -v the register is not read.\n",
};
