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

static const char *const action_names[] = {
	[SET] = "set",
	[CLEAR] = "clear",
	[TOGGLE] = "toggle",
};

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

/* The verb whose bits act on a field that takes one kind of bits only; NULL: it takes both. */
static const char *only_verb(enum map_access access)
{
	if (access >= MAP_W1C && access <= MAP_W1T)
		return action_names[SET];
	return access >= MAP_W0C && access <= MAP_W0T ? action_names[CLEAR] : NULL;
}

static int check_field(const struct context *context, const struct regmap *map,
		       const struct map_register *reg, const struct map_field *field,
		       enum action action)
{
	const char *only = only_verb(field->access);

	if (reg->access == MAP_RO || field->access == MAP_RO)
		return report(context, -EINVAL, "%s.%s is read-only (%s:%u)", reg->name,
			      field->name, map->file, field->line);
	if (only && only != action_names[action])
		return report(context, -EINVAL, "%s.%s is %s (%s:%u): only %s acts on it",
			      reg->name, field->name, access_word(field->access), map->file,
			      field->line, only);
	if (register_why_whole(reg))
		return report(context, -EINVAL, "%s %s", reg->name, register_why_whole(reg));
	return 0;
}

/* Of that name, in a register whose other fields stay as they are. */
static int add_field_of(const struct context *context, const struct regmap *map,
			const struct map_register *reg, const char *name, enum action action,
			struct change *change)
{
	const struct map_field *field = NULL;
	int status = regmap_find_field(context, map, reg, name, &field);

	if (!status)
		status = check_field(context, map, reg, field, action);
	if (status)
		return status;
	change->mask |= bits_mask(field->high, field->low);
	change->clearing = register_clearing(reg);
	change->setting = register_setting(reg);
	change->unreadable = register_unreadable(reg);
	return 0;
}

static int add_field(struct context *context, const char *name, enum action action,
		     struct change *change)
{
	struct mmiod_target target = change->place->target;
	const struct map_register *reg;
	struct regmap *map;
	int status = regmap_find(context, options.map_file, NULL, &target, &map);

	if (status)
		return status;
	reg = regmap_at(map, target.offset);
	status = reg ? add_field_of(context, map, reg, name, action, change)
		     : report_not_found(context, "%s has no register at 0x%llx, so no field %s",
					map->file, (unsigned long long)target.offset, name);
	regmap_free(map);
	return status;
}

static int no_such_bits(const struct context *context, const struct place *place, const char *text)
{
	return usage_error(context, "%s: there are only bits 0 to %u", text, place->width * 8 - 1);
}

static int add_bits(struct context *context, const char *text, enum action action,
		    struct change *change)
{
	const struct place *place = change->place;
	uint64_t mask = 0;
	int status = 0;

	if (!text[0])
		return usage_error(context, "\"\": give bits as 7 or 7-4, or the name of a field");
	if (parse_bits(text, &mask))
		change->mask |= mask;
	else if (!text[strspn(text, "0123456789-")]) /* no field has such a name */
		return no_such_bits(context, place, text);
	else
		status = add_field(context, text, action, change);
	if (!status && change->mask & ~width_mask(place->width))
		return no_such_bits(context, place, text);
	return status;
}

static int change_bits(struct context *context, struct place *place, char **texts,
		       enum action action)
{
	struct change change = { .options = &options.change, .place = place };
	int status = 0;

	for (; !status && *texts; texts++)
		status = add_bits(context, *texts, action, &change);
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
	"read, changed and written; -v shows both values. Where a field is named, the\n"  \
	"others stay as they are, also those that writing 1, or 0, would clear or set.\n"

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
