/* SPDX-License-Identifier: MIT */
/*
 * Register maps: names for what lies in a region. regmap.c has the map, build.c makes one and checks
 * it, load.c reads a file of any format, find.c finds the one that fits, overlap.c and write-*.c do
 * with one what "mmioctl regmap" is asked for.
 */
#ifndef MMIOCTL_REGMAP_H
#define MMIOCTL_REGMAP_H

#include "output/output.h"

#define MAP_NAME_MAX 256 /* bytes, with the end */
#define MAP_ERROR_MAX 1024
#define MAP_ADDRESS_MAX (UINT64_MAX >> 1) /* no sum of offsets and sizes wraps below it */

enum map_access {
	MAP_RW,
	MAP_RO,
	MAP_WO, /* never read */
	MAP_W1C, /* read; writing 1 clears, as do those below with their letters */
	MAP_W1S,
	MAP_W1T,
	MAP_W0C,
	MAP_W0S,
	MAP_W0T,
	MAP_WONCE, /* never read, and written once after a reset */
	MAP_RWONCE, /* read, and written once */
	MAP_WACT, /* read; any write acts, whatever is written */
	MAP_ACCESSES,
};

/* The effect of reading. */
enum map_read {
	MAP_READ_NOTHING,
	MAP_READ_CLEARS,
	MAP_READ_SETS,
	MAP_READ_MODIFIES,
	MAP_READS,
};

struct map_value {
	uint64_t number;
	uint64_t care; /* bits that matter */
	char *word; /* owned */
};

struct map_field {
	char *name; /* owned */
	unsigned int line;
	unsigned int high, low; /* bits */
	enum map_access access;
	enum map_read read;
	char *description; /* owned; NULL: none */
	struct map_value *values; /* owned */
	size_t value_count;
};

struct map_register {
	char *name; /* owned */
	unsigned int line; /* where it starts in the file */
	uint64_t offset;
	unsigned int width; /* bytes */
	enum map_access access;
	enum map_read read;
	struct given reset;
	char *description; /* owned; NULL: none */
	struct map_field *fields; /* owned */
	size_t field_count;
	bool placed; /* it has an offset */
	bool alternate; /* it may lie where another one does */
};

struct regmap {
	char *file; /* owned */
	char *title, *regions, *ids; /* owned; "" if none */
	struct given pci_class;
	struct given bar;
	unsigned int width; /* bytes: of registers that do not say */
	unsigned int
		word; /* bytes: wider registers are accessed by words of so many; 0: as a whole */
	bool big; /* of these words the first is the most significant */
	char *source, *peripheral; /* owned; the registers are in that file; "" if none */
	struct given base;
	struct map_register *registers; /* owned, in the order of the file */
	size_t count;
	uint32_t *index; /* owned; by name, see regmap.c */
	size_t index_size; /* a power of two; 0: none yet */
	uint64_t skip; /* where in what it describes the region starts */
	uint64_t room; /* length of the region; 0: not known */
	unsigned int declared; /* width of the region's registers, in bytes; 0: any */
};

/* Which part of a file is meant that describes more than one. */
struct map_choice {
	const char *peripheral; /* NULL: the only one */
	struct given
		base; /* address that offsets count from; of all peripherals, unless one is named */
	bool all; /* unless one is named: from address 0, unless there is a base */
	const char *order; /* of words: "big" or "little"; NULL: as the file or its format says */
};

/* clang-format off */
#define MAP_CHOICE_OPTIONS(type, field) \
	{ "peripheral", 0, "NAME", "of a map that describes several", \
	  TEXT(type, field.peripheral) }, \
	{ "base", 0, "ADDRESS", "of the map's bus that offsets count from", \
	  NUMBER(type, field.base) }, \
	{ "csr-order", 0, "ORDER", "LiteX: big (the first word is the highest) or little", \
	  TEXT(type, field.order) }
/* clang-format on */

/* ---- regmap.c ---- */

struct regmap *regmap_new(const char *file);
void regmap_free(struct regmap *map);
const struct map_register *regmap_named(const struct regmap *map, const char *name, size_t length);
/* Makes the last register known by its name. false: out of memory. */
bool regmap_index_last(struct regmap *map);
const struct map_field *field_named(const struct map_register *reg, const char *name);
struct map_field *regmap_field(const struct map_register *reg, const char *name, size_t length);
/* The register that starts @offset bytes behind the start of the region. */
const struct map_register *regmap_at(const struct regmap *map, uint64_t offset);
const char *access_word(enum map_access access);
bool access_parse(const char *text, enum map_access *access);
bool access_reads(enum map_access access);
/* Whether something can be written that leaves it alone. */
bool access_has_neutral(enum map_access access);
const char *read_word(enum map_read read);
bool read_parse(const char *text, enum map_read *read);
/* Whether reading the register, or a field of it, has an effect. */
bool register_reads_act(const struct map_register *reg);
/* Why a field of it cannot be written without the others; NULL: it can. */
const char *register_why_whole(const struct map_register *reg);
/*
 * Bits of fields that stay as they are when others are written: those to be written as 0 and as 1
 * whatever was read, because they would act; and those that mean nothing when they are read.
 */
uint64_t register_clearing(const struct map_register *reg);
uint64_t register_setting(const struct map_register *reg);
uint64_t register_unreadable(const struct map_register *reg);
uint64_t bits_mask(unsigned int high, unsigned int low);
uint64_t field_of(const struct map_field *field, uint64_t value);
/* The word for a value of the field; NULL: it has none. */
const char *field_word(const struct map_field *field, uint64_t value);

/* ---- load.c ---- */

/* Hears of each thing that is wrong with a map, in place of the error that it else would be. */
typedef void map_finding(void *data, unsigned int line, const char *sentence);

struct map_hearing {
	map_finding *tell;
	void *data;
};

/*
 * A file of any format: ours, CMSIS-SVD, IP-XACT, LiteX's csr.csv and csr.json. @choice and @hearing
 * may be NULL. 0, or -errno with a sentence in @error that names file and line.
 */
int regmap_load(const char *file, const struct map_choice *choice,
		const struct map_hearing *hearing, struct regmap **map, char *error, size_t size);

/* ---- overlap.c ---- */

/* Registers that have bytes in common without being alternatives of each other. */
void regmap_tell_overlaps(const struct regmap *map, const struct map_hearing *hearing);

/* ---- write-ini.c, write-header.c ---- */

/* As a file of our own. */
void regmap_write_ini(const struct regmap *map, FILE *out);
/* As constants of C, whose names begin with @prefix. -EEXIST: two would be the same, see @error. */
int regmap_write_header(const struct regmap *map, const char *prefix, FILE *out, char *error,
			size_t size);

/* ---- find.c ---- */

/*
 * The map for the region of @target: that in @file, of which @choice is meant (NULL: all), or if @file
 * is NULL the first that fits. Exit status; on failure told.
 */
int regmap_find(struct context *context, const char *file, const struct map_choice *choice,
		struct mmiod_target *target, struct regmap **map);

struct map_device {
	unsigned int vendor, product;
	struct given pci_class;
	int bar;
};

/* The first that names a device of these ids or class; NULL: none does. */
struct regmap *regmap_of_device(struct context *context, const struct map_device *device);
int regmap_find_register(const struct context *context, const struct regmap *map, const char *name,
			 size_t length, const struct map_register **reg);
int regmap_find_field(const struct context *context, const struct regmap *map,
		      const struct map_register *reg, const char *name,
		      const struct map_field **field);

#endif
