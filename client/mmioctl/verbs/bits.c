/* SPDX-License-Identifier: MIT */
/*
 * mmioctl set, clear and toggle: bits of a register, by number, by range, or by the name of a field
 * in the region's register map. The register is read, changed and written under one lease.
 */
#include "regmap/regmap.h"
#include "target/change.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <common/size.h>

enum action { SET, CLEAR, TOGGLE };

/* Of all three verbs. */
static struct bits_options {
	struct lease_options lease;
	struct change_options change;
	const char *map_file;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct bits_options, lease),
	WIDTH_OPTION(struct bits_options, lease),
	VERIFY_OPTION(struct bits_options, change.verify),
	MAP_FILE_OPTION(struct bits_options, map_file),
	DRY_RUN_OPTION(struct bits_options, change.dry_run),
	{ 0 },
};

static int parse_bit(const char *text, size_t length, unsigned int *bit)
{
	char digits[4];
	uint64_t number;

	if (!length || length >= sizeof(digits))
		return -1;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (common_number(digits, &number) || number > 63)
		return -1;
	*bit = (unsigned int)number;
	return 0;
}

/* "7" or "7-4", either way round. Not a number: false. */
static bool parse_bits(const char *text, uint64_t *mask)
{
	size_t first = strspn(text, "0123456789");
	unsigned int a, b;

	if (parse_bit(text, first, &a))
		return false;
	b = a;
	if (text[first] == '-' && parse_bit(text + first + 1, strlen(text + first + 1), &b))
		return false;
	if (text[first] && text[first] != '-')
		return false;
	*mask = bits_mask(a > b ? a : b, a > b ? b : a);
	return true;
}

static int field_mask(struct context *context, const struct place *place, const char *name,
		      uint64_t *mask)
{
	struct mmiod_target target = place->target;
	const struct map_register *reg;
	const struct map_field *field = NULL;
	struct regmap *map;
	int status = regmap_find(context, options.map_file, NULL, &target, &map);

	if (status)
		return status;
	reg = regmap_at(map, target.offset);
	if (!reg)
		status = report_not_found(context, "%s has no register at 0x%llx, so no field %s",
					  map->file, (unsigned long long)target.offset, name);
	else
		status = regmap_find_field(context, map, reg, name, &field);
	if (!status && register_reads_act(reg))
		status = report(
			context, -EINVAL,
			"%s acts when it is read, which changing some of its bits does: write all "
			"of it",
			reg->name);
	if (!status && field)
		*mask = bits_mask(field->high, field->low);
	regmap_free(map);
	return status;
}

static int no_such_bits(const struct context *context, const struct place *place, const char *text)
{
	return usage_error(context, "%s: there are only bits 0 to %u", text, place->width * 8 - 1);
}

static int read_bits(struct context *context, const struct place *place, const char *text,
		     uint64_t *mask)
{
	int status = 0;

	if (!text[0])
		return usage_error(context, "\"\": give bits as 7 or 7-4, or the name of a field");
	if (!parse_bits(text, mask)) {
		if (!text[strspn(text, "0123456789-")]) /* no field has such a name */
			return no_such_bits(context, place, text);
		status = field_mask(context, place, text, mask);
	}
	if (!status && *mask & ~width_mask(place->width))
		return no_such_bits(context, place, text);
	return status;
}

static int change_bits(struct context *context, struct place *place, char **texts,
		       enum action action)
{
	struct change change = { .options = &options.change, .place = place };
	int status = 0;

	for (; !status && *texts; texts++) {
		uint64_t mask = 0;

		status = read_bits(context, place, *texts, &mask);
		if (!status)
			change.mask |= mask;
	}
	change.value = action == SET ? change.mask : 0;
	change.toggled = action == TOGGLE ? change.mask : 0;
	return status ? status : change_register(context, &change);
}

static int run_bits(struct context *context, int argc, char **argv, enum action action)
{
	struct place place = { 0 };
	int status = place_read(context, argv[0], &options.lease, &place);

	if (!status && place.target.length)
		return usage_error(context, "%s: bits of one register: leave the length out",
				   argv[0]);
	if (!status)
		status = place_lease_registers(context, &place, READ_WRITE);
	if (!status)
		status = change_bits(context, &place, argv + 1, action);
	place_close(&place);
	return status;
}

static int verb_set(struct context *context, int argc, char **argv)
{
	return run_bits(context, argc, argv, SET);
}

static int verb_clear(struct context *context, int argc, char **argv)
{
	return run_bits(context, argc, argv, CLEAR);
}

static int verb_toggle(struct context *context, int argc, char **argv)
{
	return run_bits(context, argc, argv, TOGGLE);
}

#define BITS_ARGUMENTS "TARGET BIT|BIT-BIT|FIELD…"
#define BITS_MORE                                                                         \
	"FIELD is a name in the register map: see mmioctl regs --help. The register is\n" \
	"read, changed and written; -v shows both values.\n"

const struct verb set_verb = {
	.name = "set",
	.arguments = BITS_ARGUMENTS,
	.summary = "set bits of a register",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = ARGUMENTS_ANY,
	.run = verb_set,
	.examples = { { "set edu+0x20 7", "bit 7; the others stay" },
		      { "set edu+0x20 RAISE_IRQ -v", "likewise, by the name of the field" },
		      { "set card+0x10 15-8 0", "bits 8 to 15, and bit 0" } },
	.more = BITS_MORE,
};

const struct verb clear_verb = {
	.name = "clear",
	.arguments = BITS_ARGUMENTS,
	.summary = "clear bits of a register",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = ARGUMENTS_ANY,
	.run = verb_clear,
	.examples = { { "clear edu+0x20 7", "bit 7; the others stay" } },
	.more = BITS_MORE,
};

const struct verb toggle_verb = {
	.name = "toggle",
	.arguments = BITS_ARGUMENTS,
	.summary = "invert bits of a register",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = ARGUMENTS_ANY,
	.run = verb_toggle,
	.examples = { { "toggle card+0x40 0", "the LED" } },
	.more = BITS_MORE,
};
