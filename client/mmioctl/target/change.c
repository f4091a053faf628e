/* SPDX-License-Identifier: MIT */
/*
 * One register from one value to another: what write, set, clear, toggle and regs have in common. A
 * register is read only when something asks for it (a mask, --verbose, --verify): reading may have
 * effects of its own.
 */
#include "target/change.h"

uint64_t width_mask(unsigned int width)
{
	return width >= 8 ? UINT64_MAX : (1ull << width * 8) - 1;
}

static bool is_whole(const struct change *change)
{
	return change->mask == width_mask(change->place->width) && !change->toggled;
}

static uint64_t changed_value(const struct change *change, uint64_t old)
{
	uint64_t kept = ((old & ~change->clearing) | change->setting) & ~change->mask;

	return kept | (change->value & change->mask) | (~old & change->toggled);
}

/* @old NULL: not read. */
static int tell_json(const struct context *context, const struct change *change,
		     const uint64_t *old, uint64_t value)
{
	const struct mmiod_target *target = &change->place->target;
	unsigned int width = change->place->width;

	return json_output(json_pack(
		"{s:i, s:s, s:o, s:i, s:o, s:o, s:b}", "schema", JSON_SCHEMA, "region",
		target->region, "offset", json_number(target->offset + change->at), "width",
		(int)width * 8, "old", old ? json_register(*old, width) : json_null(), "new",
		json_register(value, width), "written", !change->options->dry_run));
}

static int tell(const struct context *context, const struct change *change, const uint64_t *old,
		uint64_t value)
{
	char name[PLACE_WORDS], before[VALUE_WORDS], after[VALUE_WORDS];
	unsigned int width = change->place->width;

	if (context->json)
		return tell_json(context, change, old, value);
	printf("%s: %s%s%s%s\n", place_words(change->place, change->at, name),
	       old ? value_words(*old, width, before) : "", old ? " -> " : "",
	       value_words(value, width, after), change->options->dry_run ? " (not written)" : "");
	return STATUS_OK;
}

static int verify(const struct context *context, const struct change *change, uint64_t value)
{
	char name[PLACE_WORDS], words[2][VALUE_WORDS];
	unsigned int width = change->place->width;
	uint64_t found, differs;
	int err = place_load(change->place, change->at, &found);

	if (err)
		return report_client(context, err);
	differs = (found ^ value) & change->mask & ~change->unreadable;
	if (!differs)
		return 0;
	return report_mismatch(context, "%s: wrote %s, reads %s: bit %d differs",
			       place_words(change->place, change->at, name),
			       value_words(value, width, words[0]),
			       value_words(found, width, words[1]), __builtin_ctzll(differs));
}

int change_register(struct context *context, const struct change *change)
{
	bool look = !change->blind && (context->verbose || !is_whole(change));
	uint64_t old = 0, value;
	int err = 0, status = 0;

	if (look)
		err = place_load(change->place, change->at, &old);
	if (err)
		return report_client(context, err);
	value = changed_value(change, old);
	if (!change->options->dry_run)
		err = place_store(change->place, change->at, value);
	if (err)
		return report_client(context, err);
	if (context->verbose || change->options->dry_run)
		status = tell(context, change, look ? &old : NULL, value);
	if (!status && change->options->verify && !change->options->dry_run)
		status = verify(context, change, value);
	return status;
}
