/* SPDX-License-Identifier: MIT */
/*
 * Registers as regs shows them: all in a table, one with all that is known of it, or one field;
 * decoded, and as JSON.
 */
#include "verbs/regs.h"

#include <errno.h>
#include <string.h>

/* ---- what fields mean ---- */

static void number_words(uint64_t number, char out[VALUE_WORDS])
{
	snprintf(out, VALUE_WORDS, number < 10 ? "%llu" : "0x%llx", (unsigned long long)number);
}

static void add_words(char *out, size_t size, const char *name, const char *value)
{
	size_t used = strlen(out);

	snprintf(out + used, size - used, "%s%s=%s", used ? " " : "", name, value);
}

static void fields_words(const struct map_register *reg, uint64_t value, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < reg->field_count; i++) {
		uint64_t number = field_of(&reg->fields[i], value);
		const char *word = field_word(&reg->fields[i], number);
		char words[VALUE_WORDS];

		number_words(number, words);
		if (!access_reads(reg->fields[i].access))
			word = "-";
		add_words(out, size, reg->fields[i].name, word ? word : words);
	}
}

/* The bits that are read of a write-only field mean nothing. */
static const uint64_t *readable(const struct map_field *field, const uint64_t *value)
{
	return access_reads(field->access) ? value : NULL;
}

static json_t *field_json(const struct map_field *field, const uint64_t *of)
{
	const uint64_t *value = readable(field, of);
	uint64_t number = value ? field_of(field, *value) : 0;

	return json_pack(
		"{s:s, s:i, s:i, s:s, s:o, s:s?, s:s?}", "name", field->name, "high",
		(int)field->high, "low", (int)field->low, "access", access_word(field->access),
		"value", value ? json_number(number) : json_null(), "meaning",
		value ? field_word(field, number) : NULL, "description", field->description);
}

static json_t *fields_json(const struct map_register *reg, const uint64_t *value)
{
	json_t *fields = json_array();

	for (size_t i = 0; i < reg->field_count; i++)
		json_array_append_new(fields, field_json(&reg->fields[i], value));
	return fields;
}

/* ---- all of them ---- */

enum reg_column {
	REG_NAME,
	REG_OFFSET,
	REG_WIDTH,
	REG_ACCESS,
	REG_VALUE,
	REG_RESET,
	REG_FIELDS,
	REG_DESCRIPTION,
	REG_COLUMNS,
};

const struct column regs_columns[] = {
	[REG_NAME] = { "NAME", CELL_TEXT, true, "name of the register" },
	[REG_OFFSET] = { "OFFSET", CELL_HEX, true, "from the start of the region" },
	[REG_WIDTH] = { "WIDTH", CELL_NUMBER, false, "bits" },
	[REG_ACCESS] = { "ACCESS", CELL_TEXT, true, "rw, ro, wo (not read), w1c, …" },
	[REG_VALUE] = { "VALUE", CELL_VALUE, true, "what it holds" },
	[REG_RESET] = { "RESET", CELL_VALUE, false, "what it holds after a reset" },
	[REG_FIELDS] = { "FIELDS", CELL_OBJECT, true, "what that means", true },
	[REG_DESCRIPTION] = { "DESCRIPTION", CELL_TEXT, false, "what it is", true },
};
const size_t regs_column_count = REG_COLUMNS;

static int register_row(struct regs *regs, struct table *table, const struct map_register *reg)
{
	struct cell cells[REG_COLUMNS] = { 0 };
	bool is_read = access_reads(reg->access) && !register_reads_act(reg);
	uint64_t value = 0;
	int status = regs_check_width(regs, reg);

	if (!status && is_read)
		status = regs_load(regs, reg, &value);
	if (status)
		return status;
	cell_text(&cells[REG_NAME], reg->name);
	cell_number(&cells[REG_OFFSET], regs_offset(regs, reg));
	cell_number(&cells[REG_WIDTH], reg->width * 8);
	cell_text(&cells[REG_ACCESS], access_word(reg->access));
	cells[REG_VALUE] = (struct cell){ .none = !is_read, .number = value, .width = reg->width };
	cells[REG_RESET] = (struct cell){ .none = !reg->reset.is,
					  .number = reg->reset.value,
					  .width = reg->width };
	if (is_read)
		fields_words(reg, value, cells[REG_FIELDS].text, sizeof(cells->text));
	cells[REG_FIELDS].none = !cells[REG_FIELDS].text[0];
	cells[REG_FIELDS].json = fields_json(reg, is_read ? &value : NULL);
	cell_text(&cells[REG_DESCRIPTION], reg->description ? reg->description : "");
	return table_row(table, cells);
}

int regs_show_all(struct regs *regs)
{
	struct table table;
	int status =
		table_begin(&table, regs->context, regs_columns, regs_column_count, "registers");

	for (size_t i = 0; !status && i < regs->map->count; i++)
		if (regs_has(regs, &regs->map->registers[i]))
			status = register_row(regs, &table, &regs->map->registers[i]);
	return table_end(&table, status);
}

/* ---- one of them ---- */

static int out(const struct regs *regs, json_t *root)
{
	return regs->count > 1 ? json_line(root) : json_output(root);
}

static json_t *register_json(const struct regs *regs, const struct map_register *reg,
			     const uint64_t *value)
{
	return json_pack("{s:i, s:s, s:s, s:o, s:i, s:s, s:o, s:o, s:s?, s:o}", "schema",
			 JSON_SCHEMA, "region", regs->place.target.region, "name", reg->name,
			 "offset", json_number(regs_offset(regs, reg)), "width",
			 (int)reg->width * 8, "access", access_word(reg->access), "value",
			 value ? json_register(*value, reg->width) : json_null(), "reset",
			 reg->reset.is ? json_register(reg->reset.value, reg->width) : json_null(),
			 "description", reg->description, "fields", fields_json(reg, value));
}

static void print_field(const struct map_field *field, const uint64_t *of)
{
	const uint64_t *value = readable(field, of);
	uint64_t number = value ? field_of(field, *value) : 0;
	const char *word = value ? field_word(field, number) : NULL;
	char bits[16], words[VALUE_WORDS] = "-";

	snprintf(bits, sizeof(bits), field->high == field->low ? "%u" : "%u-%u", field->high,
		 field->low);
	if (value)
		number_words(number, words);
	printf("  %-5s  %-3s  %-12s  %s%s%s%s%s%s\n", bits, access_word(field->access), field->name,
	       words, word ? " (" : "", word ? word : "", word ? ")" : "",
	       field->description ? "  " : "", field->description ? field->description : "");
}

int regs_show_register(const struct regs *regs, const struct map_register *reg,
		       const uint64_t *value)
{
	char words[VALUE_WORDS] = "-";

	if (regs->context->json)
		return out(regs, register_json(regs, reg, value));
	if (value)
		value_words(*value, reg->width, words);
	printf("%s+0x%llx %s %s %s%s%s\n", regs->place.target.region,
	       (unsigned long long)regs_offset(regs, reg), reg->name, access_word(reg->access),
	       words, reg->description ? "  " : "", reg->description ? reg->description : "");
	for (size_t i = 0; i < reg->field_count; i++)
		print_field(&reg->fields[i], value);
	return STATUS_OK;
}

/* The number alone, for scripts. */
int regs_show_field(const struct regs *regs, const struct selection *selection, uint64_t value)
{
	uint64_t number = field_of(selection->field, value);
	const char *word = field_word(selection->field, number);
	char words[VALUE_WORDS];

	if (regs->context->json)
		return out(regs,
			   json_pack("{s:i, s:s, s:s, s:o}", "schema", JSON_SCHEMA, "region",
				     regs->place.target.region, "register", selection->reg->name,
				     "field", field_json(selection->field, &value)));
	number_words(number, words);
	printf("%s%s%s%s\n", words, regs->context->verbose && word ? " (" : "",
	       regs->context->verbose && word ? word : "",
	       regs->context->verbose && word ? ")" : "");
	return STATUS_OK;
}
