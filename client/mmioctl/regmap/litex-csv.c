/* SPDX-License-Identifier: MIT */
/*
 * LiteX's csr.csv: KIND,NAME,ADDRESS,SIZE,TYPE a line.
 */
#include "regmap/litex.h"

#include <string.h>

#define LINE_MAX_ 1024
#define COLUMNS 5

static bool number(struct litex *litex, unsigned int line, const char *what, const char *text,
		   uint64_t *out)
{
	struct map_value value = { 0 };

	if (map_number(text, &value) || value.care != UINT64_MAX)
		build_refuse(litex->build, line, "%s \"%.40s\": it is a number, decimal or 0x…",
			     what, text);
	*out = value.number;
	return !litex->build->err;
}

/* Constants may be words. */
static void take_constant(struct litex *litex, char *columns[COLUMNS])
{
	struct map_value value = { 0 };

	if (!map_number(columns[2], &value))
		litex_constant(litex, columns[1], value.number);
}

static void take_columns(struct litex *litex, unsigned int line, char *columns[COLUMNS])
{
	struct litex_item item = { .name = columns[1], .line = line };

	if (!strcmp(columns[0], "constant")) {
		take_constant(litex, columns);
	} else if (!strcmp(columns[0], "memory_region")) {
		if (!strcmp(columns[1], "csr"))
			litex->memory.is =
				number(litex, line, "address", columns[2], &litex->memory.value);
	} else if (!strcmp(columns[0], "csr_base")) {
		if (number(litex, line, "address", columns[2], &item.address))
			litex_add(litex, &litex->bases, &item);
	} else if (!strcmp(columns[0], "csr_register")) {
		if (number(litex, line, "address", columns[2], &item.address) &&
		    number(litex, line, "size", columns[3], &item.words) &&
		    litex_type(litex, line, columns[4], &item.read_only))
			litex_add(litex, &litex->registers, &item);
	} else {
		build_refuse(litex->build, line,
			     "\"%.40s\": lines are csr_base, csr_register, constant or "
			     "memory_region",
			     columns[0]);
	}
}

static void take_line(struct litex *litex, unsigned int line, const char *text, size_t length)
{
	char copy[LINE_MAX_], empty[1] = "", *rest = copy;
	char *columns[COLUMNS];

	if (length >= sizeof(copy) || memchr(text, '\0', length)) {
		build_refuse(litex->build, line,
			     "the line is longer than %zu characters, or no text",
			     sizeof(copy) - 1);
		return;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	copy[strcspn(copy, "\r")] = '\0';
	if (!copy[0] || copy[0] == '#')
		return;
	for (size_t i = 0; i < COLUMNS; i++) {
		char *column = strsep(&rest, ",");

		columns[i] = column ? column : empty;
	}
	take_columns(litex, line, columns);
}

void map_read_csr_csv(struct map_build *build, const struct map_text *text)
{
	struct litex litex = { .build = build };
	const char *at = text->text, *end = text->text + text->length;

	for (unsigned int line = 1; at < end && !build->err; line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		take_line(&litex, line, at, (size_t)((newline ? newline : end) - at));
		at = newline ? newline + 1 : end;
	}
	litex_finish(&litex, text->choice);
}
