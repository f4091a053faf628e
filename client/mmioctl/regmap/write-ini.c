/* SPDX-License-Identifier: MIT */
/*
 * A register map as a file of our own: what is read from it is what was written.
 */
#include "regmap/regmap.h"

#include <string.h>

/* A semicolon behind a blank would begin a comment. */
static void print_text(FILE *out, const char *text)
{
	for (; *text; text++)
		putc(*text == ';' ? ',' : *text, out);
}

static void print_key(FILE *out, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(out, "%s = ", key);
	print_text(out, text);
	putc('\n', out);
}

/* With an x for each bit that does not matter. */
static void print_number(FILE *out, const struct map_field *field, const struct map_value *value)
{
	uint64_t all = field_of(field, UINT64_MAX);

	if ((value->care & all) == all) {
		fprintf(out, value->number < 10 ? "%llu" : "0x%llx",
			(unsigned long long)value->number);
		return;
	}
	fputs("0b", out);
	for (unsigned int bit = field->high - field->low + 1; bit--;)
		putc(!(value->care >> bit & 1) ? 'x' : value->number >> bit & 1 ? '1' : '0', out);
}

static void print_field(FILE *out, const struct map_field *field)
{
	fprintf(out, "field %s = %u", field->name, field->high);
	if (field->high != field->low)
		fprintf(out, "-%u", field->low);
	fprintf(out, " %s", access_word(field->access));
	if (field->description) {
		putc(' ', out);
		print_text(out, field->description);
	}
	putc('\n', out);
	if (field->read)
		fprintf(out, "read-action %s = %s\n", field->name, read_word(field->read));
	for (size_t i = 0; i < field->value_count; i++) {
		fprintf(out, "value %s ", field->name);
		print_number(out, field, &field->values[i]);
		fprintf(out, " = %s\n", field->values[i].word);
	}
}

static void print_register(FILE *out, const struct map_register *reg)
{
	fprintf(out, "\n[%s]\noffset = 0x%llx\nwidth = %u\naccess = %s\n", reg->name,
		(unsigned long long)reg->offset, reg->width * 8, access_word(reg->access));
	if (reg->read)
		fprintf(out, "read-action = %s\n", read_word(reg->read));
	if (reg->alternate)
		fputs("alternate = yes\n", out);
	if (reg->reset.is)
		fprintf(out, "reset = 0x%llx\n", (unsigned long long)reg->reset.value);
	print_key(out, "description", reg->description);
	for (size_t i = 0; i < reg->field_count; i++)
		print_field(out, &reg->fields[i]);
}

static void print_heading(FILE *out, const struct regmap *map)
{
	fputs("[map]\n", out);
	print_key(out, "title", map->title);
	print_key(out, "regions", map->regions);
	print_key(out, "ids", map->ids);
	if (map->pci_class.is)
		fprintf(out, "class = 0x%06llx\n", (unsigned long long)map->pci_class.value);
	if (map->bar.is)
		fprintf(out, "bar = %llu\n", (unsigned long long)map->bar.value);
	fprintf(out, "width = %u\n", map->width * 8);
	if (map->word)
		fprintf(out, "word = %u\norder = %s%s\n", map->word * 8,
			map->big ? "big" : "little",
			map->big ? "  ; of wider registers, the first word is the most significant"
				 : "");
}

void regmap_write_ini(const struct regmap *map, FILE *out)
{
	print_heading(out, map);
	for (size_t i = 0; i < map->count; i++)
		print_register(out, &map->registers[i]);
}
