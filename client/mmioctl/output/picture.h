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
};

struct picture {
	const char *name;
	uint64_t length;
	uint64_t page; /* the least that a cell stands for */
	uint64_t free, largest;
	struct piece *pieces;
	size_t count;
};

int picture_draw(const struct context *context, const struct picture *picture);
int picture_write_svg(const struct context *context, const struct picture *picture,
		      const char *path);

#endif
