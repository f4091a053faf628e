/* SPDX-License-Identifier: MIT */
/*
 * Mappings of windows: found in the processes that the caller may look into, and named by the
 * module.
 */
#ifndef MMIOCTL_WINDOW_MAPPING_H
#define MMIOCTL_WINDOW_MAPPING_H

#include "system/process.h"

struct window_mapping {
	uint32_t pid, uid;
	char comm[32];
	struct segment segment;
	struct window_name window;
	uint64_t lease; /* 0: unknown, or not asked */
	enum mmiod_memtype memtype;
	enum mmiod_state state;
};

struct window_mappings {
	struct window_mapping *items;
	size_t count;
	size_t closed; /* processes that the caller may not look into */
};

/*
 * @only: of this process; 0: of all. The context's client, if it has one, is asked for the leases.
 */
int find_window_mappings(const struct context *context, uint32_t only,
			 struct window_mappings *mappings);
void free_window_mappings(struct window_mappings *mappings);

#endif
