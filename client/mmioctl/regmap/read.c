/* SPDX-License-Identifier: MIT */
/*
 * A register map from its file; whatever is wrong with that is told with its line.
 *
 *	[map]
 *	title = QEMU's educational device
 *	ids = 1234:11e8
 *	width = 32
 *
 *	[STATUS]
 *	offset = 0x20
 *	access = rw
 *	reset = 0
 *	description = state of the factorial unit
 *	field COMPUTING = 0 ro the factorial is being computed
 *	value COMPUTING 1 = busy
 */
#include "regmap/regmap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <common/ini.h>
#include <common/escape.h>
#include <common/size.h>

struct reader {
	struct regmap *map;
	struct map_register *reg; /* of the section; NULL: [map], or none yet */
	bool in_map;
	unsigned int line;
	int err;
	char *error;
	size_t size;
};

static int refuse(struct reader *reader, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The first complaint counts. */
static int refuse(struct reader *reader, unsigned int line, const char *format, ...)
{
	va_list args;
	int used;

	if (reader->err)
		return reader->err;
	reader->err = -EINVAL;
	used = snprintf(reader->error, reader->size, "%s:%u: ", reader->map->file, line);
	va_start(args, format);
	if (used >= 0 && (size_t)used < reader->size)
		vsnprintf(reader->error + used, reader->size - (size_t)used, format, args);
	va_end(args);
	return reader->err;
}

static void set_text(struct reader *reader, char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy) {
		refuse(reader, reader->line, "out of memory");
		return;
	}
	for (char *at = copy; *at; at++)
		if (*at == '\t')
			*at = ' ';
	common_clean(copy);
	free(*text);
	*text = copy;
}

/* ---- words and numbers ---- */

static bool is_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	size_t length = strlen(name);

	return length && length < MAP_NAME_MAX && strspn(name, letters) == length;
}

static void set_number(struct reader *reader, const char *key, const char *value, uint64_t *number)
{
	if (common_number(value, number))
		refuse(reader, reader->line, "%s \"%s\": it is a number, decimal or 0x…", key,
		       value);
}

static void set_given(struct reader *reader, const char *key, const char *value,
		      struct given *given)
{
	set_number(reader, key, value, &given->value);
	given->is = true;
}

static void set_width(struct reader *reader, const char *value, unsigned int *width)
{
	uint64_t bits = 0;

	set_number(reader, "width", value, &bits);
	if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
		refuse(reader, reader->line, "width \"%s\": it is 8, 16, 32 or 64 bits", value);
	*width = (unsigned int)bits / 8;
}

static void set_access(struct reader *reader, const char *value, enum map_access *access)
{
	if (!access_parse(value, access))
		refuse(reader, reader->line, "access \"%s\": it is rw, ro, wo or w1c", value);
}

/* ---- fields ---- */

static struct map_field *add_field(struct reader *reader, const char *name)
{
	struct map_register *reg = reader->reg;
	struct map_field *fields;

	if (!is_name(name)) {
		refuse(reader, reader->line, "\"%s\" is no name for a field: letters, digits and _",
		       name);
		return NULL;
	}
	if (regmap_field(reg, name, strlen(name))) {
		refuse(reader, reader->line, "%s has a field %s already", reg->name, name);
		return NULL;
	}
	fields = reallocarray(reg->fields, reg->field_count + 1, sizeof(*fields));
	if (!fields) {
		refuse(reader, reader->line, "out of memory");
		return NULL;
	}
	reg->fields = fields;
	fields += reg->field_count++;
	*fields = (struct map_field){ .access = reg->access };
	strcpy(fields->name, name);
	return fields;
}

/* "7" or "31-24". Returns what is behind it. */
static const char *parse_bits(const char *text, struct map_field *field)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	field->high = (unsigned int)strtoul(text, &end, 10);
	field->low = field->high;
	if (*end == '-') {
		if (end[1] < '0' || end[1] > '9')
			return NULL;
		field->low = (unsigned int)strtoul(end + 1, &end, 10);
	}
	if (*end && *end != ' ' && *end != '\t')
		return NULL;
	if (field->low > field->high) {
		unsigned int low = field->high;

		field->high = field->low;
		field->low = low;
	}
	return field->high <= 63 ? end : NULL;
}

/* BITS [ACCESS] [DESCRIPTION] */
static void take_field(struct reader *reader, const char *name, const char *value)
{
	struct map_field *field = add_field(reader, name);
	const char *rest = field ? parse_bits(value, field) : NULL;
	char word[8] = "";
	size_t length;

	if (!field)
		return;
	if (!rest) {
		refuse(reader, reader->line,
		       "field %s: \"%s\" does not start with its bits: 7 or 31-24", name, value);
		return;
	}
	rest += strspn(rest, " \t");
	length = strcspn(rest, " \t");
	if (length < sizeof(word))
		memcpy(word, rest, length);
	if (access_parse(word, &field->access))
		rest += length + strspn(rest + length, " \t");
	if (*rest)
		set_text(reader, &field->description, rest);
}

static bool named(const struct map_field *field, const char *word)
{
	for (size_t i = 0; i < field->value_count; i++)
		if (!strcmp(field->values[i].word, word))
			return true;
	return false;
}

/* value FIELD NUMBER = WORD */
static void take_value(struct reader *reader, const char *name, const char *word)
{
	size_t length = strcspn(name, " \t");
	struct map_field *field = regmap_field(reader->reg, name, length);
	struct map_value *values;
	uint64_t number, other;

	if (!field) {
		refuse(reader, reader->line, "value: %s has no field \"%.*s\" above",
		       reader->reg->name, (int)length, name);
		return;
	}
	set_number(reader, "value", name + length + strspn(name + length, " \t"), &number);
	if (number > field_of(field, UINT64_MAX))
		refuse(reader, reader->line, "value: %llu does not fit field %s",
		       (unsigned long long)number, field->name);
	if (!is_name(word))
		refuse(reader, reader->line, "value \"%s\": a word of letters, digits and _", word);
	else if (!common_number(word, &other))
		refuse(reader, reader->line,
		       "value \"%s\": the word is a number, which it would stand in the way of",
		       word);
	else if (named(field, word))
		refuse(reader, reader->line, "value: field %s has a value %s already", field->name,
		       word);
	if (reader->err)
		return;
	values = reallocarray(field->values, field->value_count + 1, sizeof(*values));
	if (!values) {
		refuse(reader, reader->line, "out of memory");
		return;
	}
	field->values = values;
	values += field->value_count++;
	values->number = number;
	strcpy(values->word, word);
}

/* ---- registers ---- */

static void check_fields(struct reader *reader, const struct map_register *reg)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < reg->field_count; i++) {
		const struct map_field *field = &reg->fields[i];
		uint64_t mask = bits_mask(field->high, field->low);

		if (field->high >= reg->width * 8)
			refuse(reader, reg->line, "%s has %u bits: field %s does not fit",
			       reg->name, reg->width * 8, field->name);
		if (seen & mask)
			refuse(reader, reg->line, "%s: field %s overlaps another", reg->name,
			       field->name);
		seen |= mask;
	}
}

/* Complaints that need the whole map. */
static void finish_register(struct reader *reader)
{
	struct map_register *reg = reader->reg;

	if (!reg)
		return;
	if (!reg->width)
		reg->width = reader->map->width;
	if (!reg->placed)
		refuse(reader, reg->line, "%s has no offset", reg->name);
	else if (reg->offset % reg->width)
		refuse(reader, reg->line,
		       "%s: offset 0x%llx is not a multiple of its width, %u bits", reg->name,
		       (unsigned long long)reg->offset, reg->width * 8);
	else if (reg->offset > UINT64_MAX - reg->width)
		refuse(reader, reg->line, "%s: offset 0x%llx is too large", reg->name,
		       (unsigned long long)reg->offset);
	if (reg->reset.is && reg->width < 8 && reg->reset.value >> reg->width * 8)
		refuse(reader, reg->line, "%s has %u bits: its reset value does not fit", reg->name,
		       reg->width * 8);
	check_fields(reader, reg);
	reader->reg = NULL;
}

static void add_register(struct reader *reader, const char *name)
{
	struct regmap *map = reader->map;
	struct map_register *registers;

	if (!is_name(name)) {
		refuse(reader, reader->line,
		       "\"%s\" is no name for a register: letters, digits and _", name);
		return;
	}
	if (regmap_named(map, name, strlen(name))) {
		refuse(reader, reader->line, "there is a register %s already", name);
		return;
	}
	registers = reallocarray(map->registers, map->count + 1, sizeof(*registers));
	if (!registers) {
		refuse(reader, reader->line, "out of memory");
		return;
	}
	map->registers = registers;
	reader->reg = registers + map->count++;
	*reader->reg = (struct map_register){ .line = reader->line };
	strcpy(reader->reg->name, name);
}

static void enter_section(struct reader *reader, const char *name)
{
	finish_register(reader);
	reader->in_map = !strcmp(name, "map");
	if (!reader->in_map)
		add_register(reader, name);
}

/* ---- keys ---- */

static void set_map_key(struct reader *reader, const char *key, const char *value)
{
	struct regmap *map = reader->map;

	if (!strcmp(key, "title"))
		set_text(reader, &map->title, value);
	else if (!strcmp(key, "regions"))
		set_text(reader, &map->regions, value);
	else if (!strcmp(key, "ids"))
		set_text(reader, &map->ids, value);
	else if (!strcmp(key, "class"))
		set_given(reader, key, value, &map->pci_class);
	else if (!strcmp(key, "bar"))
		set_given(reader, key, value, &map->bar);
	else if (!strcmp(key, "width"))
		set_width(reader, value, &map->width);
	else
		refuse(reader, reader->line,
		       "[map] knows no \"%s\": title, regions, ids, class, bar, width", key);
}

static void set_register_key(struct reader *reader, const char *key, const char *value)
{
	struct map_register *reg = reader->reg;

	if (!strcmp(key, "offset")) {
		set_number(reader, key, value, &reg->offset);
		reg->placed = true;
	} else if (!strcmp(key, "width"))
		set_width(reader, value, &reg->width);
	else if (!strcmp(key, "access"))
		set_access(reader, value, &reg->access);
	else if (!strcmp(key, "reset"))
		set_given(reader, key, value, &reg->reset);
	else if (!strcmp(key, "description"))
		set_text(reader, &reg->description, value);
	else if (!strncmp(key, "field ", 6))
		take_field(reader, key + 6 + strspn(key + 6, " \t"), value);
	else if (!strncmp(key, "value ", 6))
		take_value(reader, key + 6 + strspn(key + 6, " \t"), value);
	else
		refuse(reader, reader->line,
		       "a register knows no \"%s\": offset, width, access, reset, description, "
		       "field NAME, value FIELD NUMBER",
		       key);
}

static void take_key(struct reader *reader, const char *key, const char *value)
{
	if (reader->in_map)
		set_map_key(reader, key, value);
	else if (reader->reg)
		set_register_key(reader, key, value);
	else
		refuse(reader, reader->line, "\"%s\" stands before the first [section]", key);
}

/* ---- the file ---- */

static void take_entry(struct reader *reader, const struct common_ini_entry *entry)
{
	switch (entry->kind) {
	case COMMON_INI_SECTION:
		enter_section(reader, entry->name);
		break;
	case COMMON_INI_KEY:
		take_key(reader, entry->name, entry->value);
		break;
	case COMMON_INI_MORE:
		refuse(reader, reader->line, "the line is indented: no entry goes on in a second");
		break;
	default:
		refuse(reader, reader->line, "%s", entry->value);
	}
}

static void read_text(struct reader *reader, const char *text, size_t length)
{
	struct common_ini_entry entry;
	struct common_ini ini;

	common_ini_start(&ini, text, length);
	while (!reader->err && common_ini_next(&ini, &entry) != COMMON_INI_END) {
		reader->line = ini.line;
		take_entry(reader, &entry);
	}
	finish_register(reader);
	if (!reader->map->count)
		refuse(reader, reader->line, "there is no register in it");
}

static void read_file(struct reader *reader, const char *file)
{
	FILE *stream = fopen(file, "re");
	size_t length = 0;
	char *text = stream ? common_ini_file(stream, &length) : NULL;

	if (text) {
		read_text(reader, text, length);
	} else {
		reader->err = -errno;
		snprintf(reader->error, reader->size, "%s: %s", file, strerror(errno));
	}
	free(text);
	if (stream)
		fclose(stream);
}

int regmap_load(const char *file, struct regmap **map, char *error, size_t size)
{
	struct reader reader = { .map = regmap_new(file), .error = error, .size = size };

	if (!reader.map) {
		snprintf(error, size, "out of memory");
		return -ENOMEM;
	}
	read_file(&reader, file);
	if (reader.err)
		regmap_free(reader.map);
	else
		*map = reader.map;
	return reader.err;
}
