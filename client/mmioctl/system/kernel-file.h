/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own allocators, as files of /proc show them.
 */
#ifndef MMIOCTL_KERNEL_FILE_H
#define MMIOCTL_KERNEL_FILE_H

#include "mmioctl.h"

#include <stdio.h>

#define KERNEL_ORDERS_MAX 32

struct kernel_free {
	unsigned int node;
	char zone[16];
	size_t orders;
	uint64_t blocks[KERNEL_ORDERS_MAX];
};

struct kernel_zone {
	unsigned int node;
	char zone[16];
	uint64_t start_pfn;
	uint64_t spanned, present, managed, free, min, low, high; /* pages */
};

struct kernel_slab {
	char name[64];
	uint64_t active, objects, size, per_slab, pages_per_slab, slabs;
};

FILE *kernel_open(const struct context *context, const char *name, int *status);
bool parse_buddyinfo(const char *line, struct kernel_free *row);
bool next_zone(FILE *file, struct kernel_zone *zone);
bool parse_slabinfo(const char *line, struct kernel_slab *slab);

#endif
