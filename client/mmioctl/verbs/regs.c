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
	struct map_choice choice;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	LEASE_OPTIONS(struct regs_options, lease),
	VERIFY_OPTION(struct regs_options, change.verify),
	MAP_FILE_OPTION(struct regs_options, map_file),
	MAP_CHOICE_OPTIONS(struct regs_options, choice),
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
	bool whole = !access_reads(selection->reg->access);

	return report(regs->context, -EINVAL, "%s%s%s is write-only: it cannot be read",
		      selection->reg->name, whole ? "" : ".", whole ? "" : selection->field->name);
}

static int read_selection(struct regs *regs, const struct selection *selection)
{
	bool is_read = access_reads(selection->reg->access);
	uint64_t value = 0;
	int status;

	if (selection->field && (!is_read || !access_reads(selection->field->access)))
		return refuse_reading(regs, selection);
	status = is_read ? regs_load(regs, selection->reg, &value) : 0;
	if (status)
		return status;
	return selection->field ? regs_show_field(regs, selection, value)
				: regs_show_register(regs, selection->reg, is_read ? &value : NULL);
}

/* ---- writing ---- */

static int check_writable(const struct regs *regs, const struct selection *selection)
{
	enum map_access access =
		selection->field ? selection->field->access : selection->reg->access;

	if (access == MAP_RO)
		return report(regs->context, -EINVAL, "%s%s%s is read-only (%s:%u)",
			      selection->reg->name, selection->field ? "." : "",
			      selection->field ? selection->field->name : "", regs->map->file,
			      selection->reg->line);
	if (selection->field && register_why_whole(selection->reg))
		return report(regs->context, -EINVAL, "%s %s", selection->reg->name,
			      register_why_whole(selection->reg));
	return 0;
}

/* In one access, or else in pieces, by rising address. */
static int write_pieces(struct regs *regs, const struct selection *selection, uint64_t mask)
{
	const struct map_register *reg = selection->reg;
	uint64_t value = selection->value << (selection->field ? selection->field->low : 0);
	struct change change = { .options = &options.change, .place = &regs->place };
	int status = 0;

	regs->place.width = regs_access_width(regs, reg);
	for (unsigned int at = 0; !status && at < reg->width; at += regs->place.width) {
		uint64_t all = width_mask(regs->place.width);
		unsigned int shift = regs_piece_shift(regs, reg, at);

		change.at = regs_window_offset(regs, reg) + at;
		change.mask = mask >> shift & all;
		change.value = value >> shift & all;
		change.clearing = register_clearing(reg) >> shift & all;
		change.setting = register_setting(reg) >> shift & all;
		change.unreadable = register_unreadable(reg) >> shift & all;
		change.blind = !access_reads(reg->access) || register_reads_act(reg);
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
		status = regmap_find(context, options.map_file, &options.choice, target, &regs.map);
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
		"Access is also w1s, w1t, w0c, w0s, w0t, wonce, rwonce or wact. Registers that\n"
		"are write-only, or act when they are read, are read only if they are named. Maps\n"
		"may be CMSIS-SVD, IP-XACT or LiteX's csr.csv and csr.json: see mmioctl regmap\n"
		"--help.\n",
};
