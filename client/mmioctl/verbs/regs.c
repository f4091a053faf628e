/* SPDX-License-Identifier: MIT */
/*
 * mmioctl regs: registers by name, from a register map: which are meant, and what is done with
 * each. regs-access.c knows where they lie and reads them, regs-show.c decodes and prints them.
 */
#include "target/change.h"
#include "verb.h"
#include "verbs/regs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct regs_options {
	struct lease_options lease;
	struct change_options change;
	const char *map_file;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	LEASE_OPTIONS(struct regs_options, lease),
	VERIFY_OPTION(struct regs_options, change.verify),
	MAP_FILE_OPTION(struct regs_options, map_file),
	DRY_RUN_OPTION(struct regs_options, change.dry_run),
	{ 0 },
};

/* ---- the lease ---- */

/* The registers' bytes, in whole elements of the region's width. */
static void span_register(const struct regs *regs, const struct map_register *reg, uint64_t *start,
			  uint64_t *end)
{
	unsigned int width = regs->map->declared ? regs->map->declared : reg->width;
	uint64_t first = regs_offset(regs, reg) / width * width;
	uint64_t last = regs_offset(regs, reg) + reg->width;

	last = (last + width - 1) / width * width;
	if (first < *start)
		*start = first;
	if (last > *end)
		*end = last;
}

static int lease_span(struct regs *regs, unsigned int rights)
{
	uint64_t start = UINT64_MAX, end = 0;

	for (size_t i = 0; i < regs->map->count && !regs->count; i++)
		if (regs_has(regs, &regs->map->registers[i]))
			span_register(regs, &regs->map->registers[i], &start, &end);
	for (size_t i = 0; i < regs->count; i++)
		span_register(regs, regs->selections[i].reg, &start, &end);
	if (start >= end)
		return report_not_found(regs->context, "no register of %s lies in region %s",
					regs->map->file, regs->place.target.region);
	regs->place.target.offset = start;
	regs->place.target.length = end - start;
	return target_lease(regs->context, &regs->place.target, &options.lease, rights,
			    &regs->place.lease);
}

/* ---- reading ---- */

static int refuse_reading(const struct regs *regs, const struct selection *selection)
{
	bool whole = selection->reg->access == MAP_WO;

	return report(regs->context, -EINVAL, "%s%s%s is write-only: it cannot be read",
		      selection->reg->name, whole ? "" : ".", whole ? "" : selection->field->name);
}

static int read_selection(struct regs *regs, const struct selection *selection)
{
	bool is_read = selection->reg->access != MAP_WO;
	uint64_t value = 0;
	int status;

	if (selection->field && (!is_read || selection->field->access == MAP_WO))
		return refuse_reading(regs, selection);
	status = is_read ? regs_load(regs, selection->reg, &value) : 0;
	if (status)
		return status;
	return selection->field ? regs_show_field(regs, selection, value)
				: regs_show_register(regs, selection->reg, is_read ? &value : NULL);
}

/* ---- writing ---- */

static uint64_t bits_of(const struct map_register *reg, enum map_access access)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < reg->field_count; i++)
		if (reg->fields[i].access == access)
			bits |= bits_mask(reg->fields[i].high, reg->fields[i].low);
	return bits;
}

/*
 * Bits that writing 1 clears must not be written back as they were read; and the bits that are read
 * of a write-only field mean nothing.
 */
static uint64_t clearing_bits(const struct map_register *reg)
{
	return reg->access == MAP_W1C ? UINT64_MAX : bits_of(reg, MAP_W1C) | bits_of(reg, MAP_WO);
}

static int check_writable(const struct regs *regs, const struct selection *selection)
{
	enum map_access access =
		selection->field ? selection->field->access : selection->reg->access;

	if (access == MAP_RO)
		return report(regs->context, -EINVAL, "%s%s%s is read-only (%s:%u)",
			      selection->reg->name, selection->field ? "." : "",
			      selection->field ? selection->field->name : "", regs->map->file,
			      selection->reg->line);
	if (selection->field && selection->reg->access == MAP_WO)
		return report(
			regs->context, -EINVAL,
			"%s is write-only: what its other fields hold cannot be read, so write "
			"all of it",
			selection->reg->name);
	return 0;
}

/* In one access, or else in pieces, the lowest first. */
static int write_pieces(struct regs *regs, const struct selection *selection, uint64_t mask)
{
	unsigned int declared = regs->map->declared, width = selection->reg->width;
	struct change change = { .options = &options.change, .place = &regs->place };
	int status = 0;

	regs->place.width = declared && declared < width ? declared : width;
	for (unsigned int at = 0; !status && at < width; at += regs->place.width) {
		uint64_t all = width_mask(regs->place.width);

		change.at = regs_window_offset(regs, selection->reg) + at;
		change.mask = mask >> 8 * at & all;
		change.value = selection->value << (selection->field ? selection->field->low : 0) >>
				       8 * at &
			       all;
		change.clearing = clearing_bits(selection->reg) >> 8 * at & all;
		change.unreadable = bits_of(selection->reg, MAP_WO) >> 8 * at & all;
		change.blind = selection->reg->access == MAP_WO;
		if (change.mask)
			status = change_register(regs->context, &change);
	}
	return status;
}

static int write_selection(struct regs *regs, const struct selection *selection)
{
	return write_pieces(regs, selection,
			    selection->field
				    ? bits_mask(selection->field->high, selection->field->low)
				    : width_mask(selection->reg->width));
}

/* ---- arguments ---- */

/* A number, or for a field one of its words. */
static int parse_written(struct regs *regs, struct selection *selection, const char *text)
{
	const struct map_field *field = selection->field;
	uint64_t most = field ? field_of(field, UINT64_MAX) : width_mask(selection->reg->width);
	int status;

	for (size_t i = 0; field && i < field->value_count; i++)
		if (!strcmp(field->values[i].word, text)) {
			selection->value = field->values[i].number;
			return 0;
		}
	status = parse_value(regs->context, text, &selection->value);
	if (!status && selection->value > most)
		return usage_error(regs->context,
				   "value %s does not fit %s%s%s: the greatest is 0x%llx", text,
				   selection->reg->name, field ? "." : "", field ? field->name : "",
				   (unsigned long long)most);
	return status;
}

static int parse_selection(struct regs *regs, const char *text, struct selection *selection)
{
	size_t length = strcspn(text, ".=");
	const char *value = strchr(text, '=');
	char field[MAP_NAME_MAX] = "";
	int status = regmap_find_register(regs->context, regs->map, text, length, &selection->reg);

	if (!status && !regs_has(regs, selection->reg))
		return report_not_found(regs->context, "%s does not lie in region %s",
					selection->reg->name, regs->place.target.region);
	if (!status && text[length] == '.') {
		snprintf(field, sizeof(field), "%.*s", (int)strcspn(text + length + 1, "="),
			 text + length + 1);
		status = regmap_find_field(regs->context, regs->map, selection->reg, field,
					   &selection->field);
	}
	if (!status)
		status = regs_check_width(regs, selection->reg);
	selection->writes = value != NULL;
	if (!status && value)
		status = parse_written(regs, selection, value + 1);
	if (!status && value)
		status = check_writable(regs, selection);
	return status;
}

static int parse_selections(struct regs *regs, int argc, char **argv, unsigned int *rights)
{
	int status = 0;

	*rights = MMIOD_RIGHT_READ;
	regs->selections = argc ? calloc((size_t)argc, sizeof(*regs->selections)) : NULL;
	if (argc && !regs->selections)
		return out_of_memory(regs->context);
	for (int i = 0; !status && i < argc; i++) {
		status = parse_selection(regs, argv[i], &regs->selections[i]);
		regs->count++;
		if (!status && regs->selections[i].writes)
			*rights = READ_WRITE;
	}
	return status;
}

static int run_regs(struct regs *regs, int argc, char **argv)
{
	unsigned int rights;
	int status = parse_selections(regs, argc, argv, &rights);

	if (!status)
		status = lease_span(regs, rights);
	if (status)
		return status;
	if (!regs->count)
		return regs_show_all(regs);
	for (size_t i = 0; !status && i < regs->count; i++)
		status = regs->selections[i].writes ? write_selection(regs, &regs->selections[i])
						    : read_selection(regs, &regs->selections[i]);
	return status;
}

static int verb_regs(struct context *context, int argc, char **argv)
{
	struct regs regs = { .context = context };
	struct mmiod_target *target = &regs.place.target;
	int status = place_read(context, argv[0], &options.lease, &regs.place);

	if (!status && (target->length || target->width))
		return usage_error(context,
				   "%s: lengths and widths are in the register map: leave "
				   "them out",
				   argv[0]);
	if (!status)
		status = lease_open(context, &options.lease);
	if (!status)
		status = regmap_find(context, options.map_file, target, &regs.map);
	if (!status) {
		regs.base = target->offset - regs.map->skip;
		status = run_regs(&regs, argc - 1, argv + 1);
	}
	place_close(&regs.place);
	regmap_free(regs.map);
	free(regs.selections);
	return status;
}

const struct verb regs_verb = {
	.name = "regs",
	.arguments = "TARGET [NAME[.FIELD][=VALUE]…]",
	.summary = "registers by name, decoded",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_regs,
	.columns = regs_columns,
	.column_count = &regs_column_count,
	.examples = { { "regs edu", "all of them" },
		      { "regs edu STATUS", "one, with all that is known of it" },
		      { "regs edu FACTORIAL=12 STATUS", "write one, read another" },
		      { "regs edu STATUS.RAISE_IRQ=1 -v", "one field; the others stay" } },
	.more = "The names come from a register map: REGION.ini, or a map that names the region\n"
		"or its device, in ~/.config/mmiod/maps, " MMIOD_SYSCONFDIR
		"/mmiod/maps or\n" MMIOD_DATADIR "/mmiod/maps:\n"
		"  [map]\n"
		"  regions = fpga-*        ; or ids = 10ee:9038, class = 0x010802, bar = 0\n"
		"  [CONTROL]\n"
		"  offset = 0x10\n"
		"  width = 32              ; access = rw, ro, wo or w1c; reset = 0\n"
		"  field MODE = 3-0 rw how it runs\n"
		"  value MODE 2 = fast\n"
		"Registers that are write-only (wo) are not read.\n",
};
