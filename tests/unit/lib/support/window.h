/* SPDX-License-Identifier: MIT */
/*
 * A lease on a memory file, without a daemon: what mappings and accesses are tried on.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include "fake.h"

struct window {
	struct mmiod_client client; /* for its sentences only */
	struct mmiod_lease *lease;
};

/* @offset and @length as in a simulated region; the file has one more page behind the window. */
void window_make(struct window *window, uint64_t offset, uint64_t length, unsigned int rights,
		 unsigned int width);
void window_free(struct window *window);

#endif
