/* SPDX-License-Identifier: MIT */
/*
 * LiteX's lists of control and status registers: litex-csv.c and litex-json.c read them, litex.c
 * makes the map.
 */
#ifndef MMIOCTL_REGMAP_LITEX_H
#define MMIOCTL_REGMAP_LITEX_H

#include "regmap/formats.h"

#define LITEX_BASES_MAX 1024

/* A peripheral, or a register. */
struct litex_item {
	char *name; /* owned */
	unsigned int line;
	uint64_t address;
	uint64_t words;
	bool read_only;
};

struct litex_list {
	struct litex_item *items; /* owned */
	size_t count;
};

struct litex {
	struct map_build *build;
	struct litex_list bases, registers;
	uint64_t data_width; /* bits of a word */
	uint64_t alignment; /* bits from a word to the next */
	struct given memory; /* where memory_region csr begins */
};

void litex_add(struct litex *litex, struct litex_list *list, const struct litex_item *item);
/* "ro" or "rw". */
bool litex_type(struct litex *litex, unsigned int line, const char *word, bool *read_only);
void litex_constant(struct litex *litex, const char *name, uint64_t number);
/* Frees what was added. */
void litex_finish(struct litex *litex, const struct map_choice *choice);

#endif
