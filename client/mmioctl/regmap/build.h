/* SPDX-License-Identifier: MIT */
/*
 * Making a register map: what all readers of files have in common. Each addition is checked; what is
 * wrong is told with the file and its line. A finding is the error that ends the reading, unless
 * somebody hears of findings: then what cannot be kept is left out, and the reading goes on.
 */
#ifndef MMIOCTL_REGMAP_BUILD_H
#define MMIOCTL_REGMAP_BUILD_H

#include "regmap/regmap.h"

/*
 * A file of some kilobytes can describe arrays of arrays: these bound memory and time whatever it
 * says. Fields of one register, and words of one field, are looked up one by one.
 */
#define MAP_REGISTERS_MAX 65536
#define MAP_THINGS_MAX 262144 /* registers, fields and words together */
#define MAP_FIELDS_MAX 128
#define MAP_WORDS_MAX 1024
#define MAP_FILE_SHOWN "600" /* bytes of a path before a sentence, which is to be seen, too */
#define MAP_TEXT_MAX 256 /* bytes of a description that are kept, with the end */

struct map_build {
	struct regmap *map;
	const struct map_hearing *hearing; /* NULL: a finding is an error */
	size_t things;
	int err;
	char *error;
	size_t size;
};

/* Always an error. The first one counts. */
int build_refuse(struct map_build *build, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void build_find(struct map_build *build, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int build_no_memory(struct map_build *build);

bool map_is_name(const char *name);
/* As a name: what may not stand in one is replaced by an underscore. NULL: told. */
char *build_name(struct map_build *build, unsigned int line, const char *text);
/* Cleaned, blanks made single, and cut to MAP_TEXT_MAX. Frees what was there; "" becomes NULL. */
void build_text(struct map_build *build, const char *text, size_t length, char **out);

/* The pointer is good until the next register is added. NULL: told, or left out. */
struct map_register *build_register(struct map_build *build, unsigned int line, const char *name);
struct map_field *build_field(struct map_build *build, struct map_register *reg, unsigned int line,
			      const char *name);
void build_word(struct map_build *build, struct map_field *field, unsigned int line,
		const struct map_value *value);
void build_finish_register(struct map_build *build, struct map_register *reg);

/* ---- number.c ---- */

/*
 * Decimal, 0x…, 0b… or #… with x for bits that do not matter, or a literal of SystemVerilog, 32'h10.
 * -EINVAL: it is none; -ERANGE: it has more than 64 bits.
 */
int map_number(const char *text, struct map_value *value);

#endif
