/* SPDX-License-Identifier: MIT */
/*
 * The places of a map's registers in a region and in the window that is leased, and how they are
 * read.
 */
#include "verbs/regs.h"

#include <errno.h>

/* Of a register, from the start of the region. */
uint64_t regs_offset(const struct regs *regs, const struct map_register *reg)
{
	return reg->offset + regs->base;
}

/* Whether it lies in the region at all: a region may be a part of what the map describes. */
bool regs_has(const struct regs *regs, const struct map_register *reg)
{
	uint64_t offset = regs_offset(regs, reg);

	if (reg->offset < regs->map->skip)
		return false;
	return !regs->map->room ||
	       (offset < regs->map->room && reg->width <= regs->map->room - offset);
}

/* Of a register, from the start of the window. */
uint64_t regs_window_offset(const struct regs *regs, const struct map_register *reg)
{
	return regs_offset(regs, reg) - regs->place.target.offset;
}

int regs_check_width(const struct regs *regs, const struct map_register *reg)
{
	unsigned int declared = regs->map->declared;

	if (!declared || declared <= reg->width)
		return 0;
	return report(regs->context, -EINVAL,
		      "%s (%s:%u) is %u bits wide, but region %s is accessed by %u bits", reg->name,
		      regs->map->file, reg->line, reg->width * 8, regs->place.target.region,
		      declared * 8);
}

unsigned int regs_access_width(const struct regs *regs, const struct map_register *reg)
{
	unsigned int width = reg->width;

	if (regs->map->word && regs->map->word < width)
		width = regs->map->word;
	if (regs->map->declared && regs->map->declared < width)
		width = regs->map->declared;
	return width;
}

/* Of words whose order is big, the first is the most significant; within a word nothing changes. */
unsigned int regs_piece_shift(const struct regs *regs, const struct map_register *reg,
			      unsigned int at)
{
	unsigned int word = regs->map->word;

	if (!regs->map->big || !word || word >= reg->width)
		return 8 * at;
	return 8 * (reg->width - word - at / word * word + at % word);
}

/* A register that is wider than an access is read in pieces, by rising address. */
int regs_load(struct regs *regs, const struct map_register *reg, uint64_t *value)
{
	int err = 0;

	regs->place.width = regs_access_width(regs, reg);
	*value = 0;
	for (unsigned int at = 0; !err && at < reg->width; at += regs->place.width) {
		uint64_t piece;

		err = place_load(&regs->place, regs_window_offset(regs, reg) + at, &piece);
		*value |= piece << regs_piece_shift(regs, reg, at);
	}
	return err ? report_client(regs->context, err) : 0;
}
