/* SPDX-License-Identifier: MIT */
/*
 * mmioctl regs: see regs.c, regs-access.c and regs-show.c.
 */
#ifndef MMIOCTL_REGS_H
#define MMIOCTL_REGS_H

#include "regmap/regmap.h"
#include "target/place.h"

/* One argument: NAME, NAME.FIELD, with or without =VALUE. */
struct selection {
	const struct map_register *reg;
	const struct map_field *field; /* NULL: the whole register */
	bool writes;
	uint64_t value; /* of the field or the register */
};

struct regs {
	struct context *context;
	struct place place; /* from the first to the last register that is accessed */
	struct regmap *map;
	struct selection *selections;
	size_t count;
	uint64_t base; /* where the map starts, from the start of the region: modulo 2^64 */
};

/* ---- regs-access.c: where registers are, and what they hold ---- */

uint64_t regs_offset(const struct regs *regs, const struct map_register *reg);
uint64_t regs_window_offset(const struct regs *regs, const struct map_register *reg);
bool regs_has(const struct regs *regs, const struct map_register *reg);
int regs_check_width(const struct regs *regs, const struct map_register *reg);
/* Bytes of one access to it, and how far the piece @at bytes behind its start is to be shifted. */
unsigned int regs_access_width(const struct regs *regs, const struct map_register *reg);
unsigned int regs_piece_shift(const struct regs *regs, const struct map_register *reg,
			      unsigned int at);
int regs_load(struct regs *regs, const struct map_register *reg, uint64_t *value);

/* ---- regs-show.c: what that means. @value NULL: the register is not read ---- */

extern const struct column regs_columns[];
extern const size_t regs_column_count;

int regs_show_all(struct regs *regs);
int regs_show_register(const struct regs *regs, const struct map_register *reg,
		       const uint64_t *value);
int regs_show_field(const struct regs *regs, const struct selection *selection, uint64_t value);

#endif
