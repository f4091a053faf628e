/* SPDX-License-Identifier: MIT */
/*
 * Making a register map: see build.h. Knows no format of files.
 */
#include "regmap/build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <common/escape.h>
#include <common/size.h>

/* ---- what is wrong ---- */

static void refuse(struct map_build *build, unsigned int line, const char *sentence)
{
	if (build->err)
		return;
	build->err = -EINVAL;
	if (line)
		snprintf(build->error, build->size, "%." MAP_FILE_SHOWN "s:%u: %s",
			 build->map->file, line, sentence);
	else
		snprintf(build->error, build->size, "%." MAP_FILE_SHOWN "s: %s", build->map->file,
			 sentence);
}

int build_refuse(struct map_build *build, unsigned int line, const char *format, ...)
{
	char sentence[MAP_ERROR_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	common_clean(sentence);
	refuse(build, line, sentence);
	return build->err;
}

void build_find(struct map_build *build, unsigned int line, const char *format, ...)
{
	char sentence[MAP_ERROR_MAX];
	va_list args;

	if (build->err)
		return;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	common_clean(sentence);
	if (build->hearing)
		build->hearing->tell(build->hearing->data, line, sentence);
	else
		refuse(build, line, sentence);
}

int build_no_memory(struct map_build *build)
{
	refuse(build, 0, "out of memory");
	build->err = -ENOMEM;
	return build->err;
}

/* ---- names and texts ---- */

static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

bool map_is_name(const char *name)
{
	size_t length = strlen(name);

	return length && length < MAP_NAME_MAX && strspn(name, name_letters) == length;
}

char *build_name(struct map_build *build, unsigned int line, const char *text)
{
	char *name;

	if (!*text || strlen(text) >= MAP_NAME_MAX) {
		build_find(build, line, "name \"%.40s%s\": it has 1 to %d characters", text,
			   *text ? "…" : "", MAP_NAME_MAX - 1);
		return NULL;
	}
	name = strdup(text);
	if (!name) {
		build_no_memory(build);
		return NULL;
	}
	for (char *at = name; *at; at++)
		if (!strchr(name_letters, *at))
			*at = '_';
	return name;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Cut between two characters, if it is too long. */
static size_t squeeze(const char *text, size_t length, char out[MAP_TEXT_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < length && used < MAP_TEXT_MAX - 1; i++) {
		if (!is_blank(text[i]))
			out[used++] = text[i];
		else if (used && out[used - 1] != ' ')
			out[used++] = ' ';
	}
	if (used == MAP_TEXT_MAX - 1)
		while (used && (out[used - 1] & 0xc0) == 0x80)
			used--;
	if (used == MAP_TEXT_MAX - 1 || (used && (unsigned char)out[used - 1] >= 0xc0))
		used--;
	while (used && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return used;
}

void build_text(struct map_build *build, const char *text, size_t length, char **out)
{
	char buffer[MAP_TEXT_MAX];
	char *copy = NULL;

	if (squeeze(text, length, buffer)) {
		common_clean(buffer);
		copy = strdup(buffer);
		if (!copy) {
			build_no_memory(build);
			return;
		}
	}
	free(*out);
	*out = copy;
}

/* ---- room ---- */

static bool has_room(struct map_build *build, unsigned int line)
{
	if (build->things < MAP_THINGS_MAX) {
		build->things++;
		return true;
	}
	build_refuse(build, line, "there are more than %d registers, fields and words in it",
		     MAP_THINGS_MAX);
	return false;
}

/* Arrays have room for the next power of two. */
static void *grown(struct map_build *build, void *array, size_t count, size_t size)
{
	void *larger = array;

	if (!(count & (count - 1)))
		larger = reallocarray(array, count ? count * 2 : 1, size);
	if (!larger)
		build_no_memory(build);
	return larger;
}

/* ---- registers ---- */

static bool add_register(struct map_build *build, unsigned int line, char *name)
{
	struct regmap *map = build->map;
	struct map_register *registers;

	registers = grown(build, map->registers, map->count, sizeof(*registers));
	if (!registers)
		return false;
	map->registers = registers;
	registers[map->count++] = (struct map_register){ .line = line, .name = name };
	if (regmap_index_last(map))
		return true;
	build_no_memory(build);
	return true;
}

static bool may_add_register(struct map_build *build, unsigned int line, const char *name)
{
	const struct map_register *other = regmap_named(build->map, name, strlen(name));

	if (other)
		build_find(build, line, "there is a register %s already, in line %u", name,
			   other->line);
	else if (build->map->count == MAP_REGISTERS_MAX)
		build_refuse(build, line, "there are more than %d registers in it",
			     MAP_REGISTERS_MAX);
	else
		return has_room(build, line);
	return false;
}

struct map_register *build_register(struct map_build *build, unsigned int line, const char *name)
{
	char *copy = build_name(build, line, name);

	if (copy && may_add_register(build, line, copy) && add_register(build, line, copy))
		return &build->map->registers[build->map->count - 1];
	free(copy);
	return NULL;
}

static void check_fields(struct map_build *build, const struct map_register *reg)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < reg->field_count; i++) {
		const struct map_field *field = &reg->fields[i];
		uint64_t mask = bits_mask(field->high, field->low);

		if (field->high >= reg->width * 8)
			build_find(build, field->line, "%s has %u bits: field %s does not fit",
				   reg->name, reg->width * 8, field->name);
		if (seen & mask)
			build_find(build, field->line, "%s: field %s overlaps another", reg->name,
				   field->name);
		seen |= mask;
	}
}

/* Complaints that need the whole map. */
void build_finish_register(struct map_build *build, struct map_register *reg)
{
	if (!reg->width)
		reg->width = build->map->width;
	if (!reg->placed)
		build_find(build, reg->line, "%s has no offset", reg->name);
	else if (reg->offset % reg->width)
		build_find(build, reg->line,
			   "%s: offset 0x%llx is not a multiple of its width, %u bits", reg->name,
			   (unsigned long long)reg->offset, reg->width * 8);
	else if (reg->offset > UINT64_MAX - reg->width)
		build_find(build, reg->line, "%s: offset 0x%llx is too large", reg->name,
			   (unsigned long long)reg->offset);
	if (reg->reset.is && reg->width < 8 && reg->reset.value >> reg->width * 8)
		build_find(build, reg->line, "%s has %u bits: its reset value does not fit",
			   reg->name, reg->width * 8);
	check_fields(build, reg);
}

/* ---- fields ---- */

static bool may_add_field(struct map_build *build, const struct map_register *reg,
			  unsigned int line, const char *name)
{
	if (regmap_field(reg, name, strlen(name)))
		build_find(build, line, "%s has a field %s already", reg->name, name);
	else if (reg->field_count == MAP_FIELDS_MAX)
		build_refuse(build, line, "%s has more than %d fields", reg->name, MAP_FIELDS_MAX);
	else
		return has_room(build, line);
	return false;
}

struct map_field *build_field(struct map_build *build, struct map_register *reg, unsigned int line,
			      const char *name)
{
	struct map_field *fields = NULL;
	char *copy = build_name(build, line, name);

	if (copy && may_add_field(build, reg, line, copy))
		fields = grown(build, reg->fields, reg->field_count, sizeof(*fields));
	if (!fields) {
		free(copy);
		return NULL;
	}
	reg->fields = fields;
	fields += reg->field_count++;
	*fields = (struct map_field){ .access = reg->access, .line = line, .name = copy };
	return fields;
}

static bool has_word(const struct map_field *field, const char *word)
{
	for (size_t i = 0; i < field->value_count; i++)
		if (!strcmp(field->values[i].word, word))
			return true;
	return false;
}

static bool check_word(struct map_build *build, const struct map_field *field, unsigned int line,
		       const struct map_value *value)
{
	uint64_t other;

	if (value->number > field_of(field, UINT64_MAX))
		build_find(build, line, "value: %llu does not fit field %s",
			   (unsigned long long)value->number, field->name);
	else if (!map_is_name(value->word))
		build_find(build, line, "value \"%s\": a word of letters, digits and _",
			   value->word);
	else if (!common_number(value->word, &other))
		build_find(build, line,
			   "value \"%s\": the word is a number, which it would stand in the way of",
			   value->word);
	else if (has_word(field, value->word))
		build_find(build, line, "value: field %s has a value %s already", field->name,
			   value->word);
	else if (field->value_count == MAP_WORDS_MAX)
		build_refuse(build, line, "field %s has more than %d values", field->name,
			     MAP_WORDS_MAX);
	else
		return !build->err;
	return false;
}

void build_word(struct map_build *build, struct map_field *field, unsigned int line,
		const struct map_value *value)
{
	struct map_value *values;
	char *word;

	if (!check_word(build, field, line, value) || !has_room(build, line))
		return;
	values = grown(build, field->values, field->value_count, sizeof(*values));
	if (!values)
		return;
	field->values = values;
	word = strdup(value->word);
	if (!word) {
		build_no_memory(build);
		return;
	}
	values[field->value_count++] = (struct map_value){
		.number = value->number,
		.care = value->care,
		.word = word,
	};
}
