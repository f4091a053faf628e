/* SPDX-License-Identifier: MIT */
/*
 * A register map as constants of C, for drivers: PREFIX_REGISTER is an offset, PREFIX_REGISTER_FIELD_MASK
 * and _SHIFT are where a field lies, and PREFIX_REGISTER_FIELD_WORD is a value of it, not shifted.
 */
#include "regmap/regmap.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM (4 * MAP_NAME_MAX)

struct header {
	const struct regmap *map;
	const char *prefix;
	FILE *out;
	void *names; /* a tree of those that are taken */
	int err;
	char *error;
	size_t size;
};

struct taken {
	unsigned int line;
	char name[];
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct taken *)a)->name, ((const struct taken *)b)->name);
}

/* As a name of C: capitals. */
static void append(char *name, const char *part)
{
	size_t used = strlen(name);

	if (used && used < NAME_ROOM - 1)
		name[used++] = '_';
	for (; *part && used < NAME_ROOM - 1; part++)
		name[used++] = (char)(*part >= 'a' && *part <= 'z' ? *part - 32 : *part);
	name[used] = '\0';
}

static void refuse(struct header *header, int err, const char *name, unsigned int line,
		   unsigned int other)
{
	header->err = err;
	if (err == -EEXIST)
		snprintf(header->error, header->size,
			 "%s:%u: the constant %s would be there twice, also for line %u",
			 header->map->file, line, name, other);
	else
		snprintf(header->error, header->size, "out of memory");
}

/* Whether nobody has the name. */
static bool take_name(struct header *header, const char *name, unsigned int line)
{
	size_t length = strlen(name);
	struct taken *taken = malloc(sizeof(*taken) + length + 1), **found;

	if (!taken) {
		refuse(header, -ENOMEM, name, line, 0);
		return false;
	}
	taken->line = line;
	memcpy(taken->name, name, length + 1);
	found = tsearch(taken, &header->names, compare);
	if (found && *found == taken)
		return true;
	refuse(header, found ? -EEXIST : -ENOMEM, name, line, found ? (*found)->line : 0);
	free(taken);
	return false;
}

static void print_constant(struct header *header, const char *stem, const char *suffix,
			   unsigned int line, uint64_t value, bool wide)
{
	char name[NAME_ROOM];

	if (header->err)
		return;
	snprintf(name, sizeof(name), "%s", stem);
	if (*suffix)
		append(name, suffix);
	if (take_name(header, name, line))
		fprintf(header->out, "#define %-40s 0x%llx%s\n", name, (unsigned long long)value,
			wide ? "ull" : "u");
}

/* Within a comment there is neither an end nor a beginning of one. */
static void print_comment(FILE *out, const char *text, const char *tail)
{
	fputs("/* ", out);
	for (; *text; text++) {
		bool mark = !strncmp(text, "*/", 2) || !strncmp(text, "/*", 2);

		putc(mark ? '+' : *text, out);
	}
	fprintf(out, "%s */\n", tail);
}

static void print_field(struct header *header, const char *reg, const struct map_field *field,
			bool wide)
{
	char stem[NAME_ROOM];

	snprintf(stem, sizeof(stem), "%s", reg);
	append(stem, field->name);
	if (field->description)
		print_comment(header->out, field->description, "");
	print_constant(header, stem, "MASK", field->line, bits_mask(field->high, field->low), wide);
	print_constant(header, stem, "SHIFT", field->line, field->low, false);
	for (size_t i = 0; i < field->value_count; i++)
		print_constant(header, stem, field->values[i].word, field->line,
			       field->values[i].number, wide);
}

static void print_register(struct header *header, const struct map_register *reg)
{
	char stem[NAME_ROOM] = "", tail[64];

	append(stem, header->prefix);
	append(stem, reg->name);
	putc('\n', header->out);
	snprintf(tail, sizeof(tail), "%s%u bits, %s", reg->description ? ": " : "", reg->width * 8,
		 access_word(reg->access));
	print_comment(header->out, reg->description ? reg->description : "", tail);
	print_constant(header, stem, "", reg->line, reg->offset, reg->offset > UINT32_MAX);
	if (reg->reset.is)
		print_constant(header, stem, "RESET", reg->line, reg->reset.value, reg->width > 4);
	for (size_t i = 0; i < reg->field_count && !header->err; i++)
		print_field(header, stem, &reg->fields[i], reg->width > 4);
}

int regmap_write_header(const struct regmap *map, const char *prefix, FILE *out, char *error,
			size_t size)
{
	struct header header = {
		.map = map, .prefix = prefix, .out = out, .error = error, .size = size
	};
	char guard[NAME_ROOM] = "";

	append(guard, prefix);
	append(guard, "REGISTERS_H");
	if (map->title[0])
		print_comment(out, map->title, "");
	fprintf(out, "#ifndef %s\n#define %s\n", guard, guard);
	for (size_t i = 0; i < map->count && !header.err; i++)
		print_register(&header, &map->registers[i]);
	fputs("\n#endif\n", out);
	tdestroy(header.names, free);
	return header.err;
}
