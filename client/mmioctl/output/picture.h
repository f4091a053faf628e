/* SPDX-License-Identifier: MIT */
/*
 * Drawings of what lies where: letters for a terminal, SVG for everything else.
 */
#ifndef MMIOCTL_PICTURE_H
#define MMIOCTL_PICTURE_H

#include "output/output.h"

struct piece {
	uint64_t offset, length;
	uint64_t lease; /* 0: being wiped */
	uint32_t uid, pid;
	char comm[16];
	char note[64]; /* rights, memory type; for the SVG */
	size_t part; /* which of the picture's parts it is a window of */
};

/* A region of a BAR. */
struct part {
	const char *name;
	uint64_t offset, length; /* length 0: it is missing */
	char note[64]; /* memory type, width */
};

struct picture {
	const char *name;
	const char *note; /* behind its size; NULL: nothing */
	uint64_t length;
	uint64_t page; /* the least that a cell stands for */
	uint64_t free, largest;
	struct piece *pieces;
	size_t count;
	struct part *parts;
	size_t part_count; /* 0: it is one thing */
};

int picture_draw(const struct context *context, const struct picture *picture);
/* One below the other, in one file. @heading NULL: there is one, and its own will do. */
int picture_write_svg(const struct context *context, const char *heading,
		      const struct picture *pictures, size_t count, const char *path);

#endif
