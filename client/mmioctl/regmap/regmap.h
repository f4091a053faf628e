/* SPDX-License-Identifier: MIT */
/*
 * Register maps: names for what lies in a region. regmap.c has the map, read.c its file, find.c finds
 * the one that fits.
 */
#ifndef MMIOCTL_REGMAP_H
#define MMIOCTL_REGMAP_H

#include "output/output.h"

#define MAP_NAME_MAX 48

enum map_access {
	MAP_RW,
	MAP_RO,
	MAP_WO, /* never read */
	MAP_W1C, /* read; writing 1 clears */
	MAP_ACCESSES,
};

struct map_value {
	uint64_t number;
	char word[MAP_NAME_MAX];
};

struct map_field {
	char name[MAP_NAME_MAX];
	unsigned int high, low; /* bits */
	enum map_access access;
	char *description; /* owned; NULL: none */
	struct map_value *values; /* owned */
	size_t value_count;
};

struct map_register {
	char name[MAP_NAME_MAX];
	unsigned int line; /* where it starts in the file */
	uint64_t offset;
	unsigned int width; /* bytes */
	enum map_access access;
	struct given reset;
	char *description; /* owned; NULL: none */
	struct map_field *fields; /* owned */
	size_t field_count;
	bool placed; /* it has an offset */
};

struct regmap {
	char *file; /* owned */
	char *title, *regions, *ids; /* owned; "" if none */
	struct given pci_class;
	struct given bar;
	unsigned int width; /* bytes: of registers that do not say */
	struct map_register *registers; /* owned, in the order of the file */
	size_t count;
	uint64_t skip; /* where in what it describes the region starts */
	uint64_t room; /* length of the region; 0: not known */
	unsigned int declared; /* width of the region's registers, in bytes; 0: any */
};

/* ---- regmap.c ---- */

struct regmap *regmap_new(const char *file);
void regmap_free(struct regmap *map);
const struct map_register *regmap_named(const struct regmap *map, const char *name, size_t length);
const struct map_field *field_named(const struct map_register *reg, const char *name);
struct map_field *regmap_field(const struct map_register *reg, const char *name, size_t length);
/* The register that starts @offset bytes behind the start of the region. */
const struct map_register *regmap_at(const struct regmap *map, uint64_t offset);
const char *access_word(enum map_access access);
bool access_parse(const char *text, enum map_access *access);
uint64_t bits_mask(unsigned int high, unsigned int low);
uint64_t field_of(const struct map_field *field, uint64_t value);
/* The word for a value of the field; NULL: it has none. */
const char *field_word(const struct map_field *field, uint64_t value);

/* ---- read.c ---- */

/* 0, or -errno with a sentence in @error that names file and line. */
int regmap_load(const char *file, struct regmap **map, char *error, size_t size);

/* ---- find.c ---- */

/*
 * The map for the region of @target: that in @file, or if that is NULL the first that fits. Exit
 * status; on failure told.
 */
int regmap_find(struct context *context, const char *file, struct mmiod_target *target,
		struct regmap **map);
int regmap_find_register(const struct context *context, const struct regmap *map, const char *name,
			 size_t length, const struct map_register **reg);
int regmap_find_field(const struct context *context, const struct regmap *map,
		      const struct map_register *reg, const char *name,
		      const struct map_field **field);

#endif
