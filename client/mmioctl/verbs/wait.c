/* SPDX-License-Identifier: MIT */
/*
 * mmioctl wait: until a register has a value, or some bits of it do.
 */
#include "target/change.h"
#include "verb.h"

#include <errno.h>

#define INTERVAL_MS 1

static struct wait_options {
	struct lease_options lease;
	struct given mask;
	struct given equals;
	struct given timeout;
	uint32_t interval_ms;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct wait_options, lease),
	WIDTH_OPTION(struct wait_options, lease),
	MASK_OPTION(struct wait_options, mask),
	{ "equals", 0, "VALUE", "what is waited for", NUMBER(struct wait_options, equals) },
	{ "timeout", 0, "TIME", "give up after TIME, as 500ms, 2s, 1min, 1h; else never",
	  TIMEOUT(struct wait_options, timeout) },
	INTERVAL_OPTION(struct wait_options, interval_ms),
	{ 0 },
};

/* Prints as mmioctl read does. */
static int tell_value(const struct context *context, const struct place *place, uint64_t value)
{
	char name[PLACE_WORDS], words[VALUE_WORDS];

	if (context->json)
		return json_output(json_pack(
			"{s:i, s:s, s:o, s:i, s:[o]}", "schema", JSON_SCHEMA, "region",
			place->target.region, "offset", json_number(place->target.offset), "width",
			(int)place->width * 8, "values", json_register(value, place->width)));
	if (context->verbose)
		printf("%s: ", place_words(place, 0, name));
	puts(value_words(value, place->width, words));
	return STATUS_OK;
}

static int tell_timeout(const struct context *context, const struct place *place, uint64_t mask,
			uint64_t value)
{
	char name[PLACE_WORDS], words[3][VALUE_WORDS];
	unsigned int width = place->width;

	return report(context, -ETIMEDOUT, "%s is %s after %llu ms: %s%s is not %s",
		      place_words(place, 0, name), value_words(value, width, words[0]),
		      (unsigned long long)options.timeout.value, options.mask.is ? "masked " : "",
		      value_words(value & mask, width, words[1]),
		      value_words(options.equals.value, width, words[2]));
}

/* The register is looked at once more when the time is over: who waits is not always on time. */
static int wait_for(struct context *context, const struct place *place, uint64_t mask)
{
	uint32_t interval = options.interval_ms ? options.interval_ms : INTERVAL_MS;
	uint64_t started = now_ms(), value;

	for (;;) {
		uint64_t elapsed = now_ms() - started;
		int err = place_load(place, 0, &value);

		if (err)
			return report_client(context, err);
		if ((value & mask) == options.equals.value)
			return tell_value(context, place, value);
		if (options.timeout.is && elapsed >= options.timeout.value)
			return tell_timeout(context, place, mask, value);
		if (options.timeout.is && options.timeout.value - elapsed < interval)
			interval = (uint32_t)(options.timeout.value - elapsed);
		pause_ms(interval);
	}
}

static int check_values(const struct context *context, const struct place *place, uint64_t mask)
{
	uint64_t equals = options.equals.value, all = width_mask(place->width);

	if ((mask | equals) & ~all)
		return usage_error(
			context, "%s 0x%llx does not fit %u bits", mask & ~all ? "mask" : "value",
			(unsigned long long)(mask & ~all ? mask : equals), place->width * 8);
	if (equals & ~mask)
		return usage_error(context,
				   "value 0x%llx has bits outside of mask 0x%llx: it will never be",
				   (unsigned long long)equals, (unsigned long long)mask);
	return 0;
}

static int verb_wait(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	uint64_t mask = options.mask.value;
	int status = place_read(context, argv[0], &options.lease, &place);

	if (!status && place.target.length)
		return usage_error(context, "%s: wait looks at one register: leave the length out",
				   argv[0]);
	if (!status && !options.equals.is)
		return usage_error(context, "wait for what? Say --equals VALUE, with --mask MASK");
	if (!status)
		status = place_lease_registers(context, &place, MMIOD_RIGHT_READ);
	if (!options.mask.is)
		mask = width_mask(place.width);
	if (!status)
		status = check_values(context, &place, mask);
	if (!status)
		status = wait_for(context, &place, mask);
	place_close(&place);
	return status;
}

const struct verb wait_verb = {
	.name = "wait",
	.arguments = "TARGET --equals VALUE",
	.summary = "until a register, or bits of it, have a value",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_wait,
	.examples = { { "wait edu+0x20 --mask 1 --equals 0", "until bit 0 is clear" },
		      { "wait edu+0x4 --equals 7 --timeout 2s", "for two seconds at most" } },
	.more = "Prints the register when it is so. Exit status 8: the time was over first. It is\n"
		"read every millisecond, or as --interval says.\n",
};
