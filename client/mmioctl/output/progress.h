/* SPDX-License-Identifier: MIT */
/*
 * A progress bar: how far it is, for who waits at a terminal.
 */
#ifndef MMIOCTL_PROGRESS_H
#define MMIOCTL_PROGRESS_H

#include "mmioctl.h"

struct progress {
	bool shown; /* there is a terminal */
	bool drawn; /* something to wipe off */
	const char *what;
	uint64_t total; /* bytes; 0: not known */
	uint64_t started, last; /* ms */
};

void progress_begin(struct progress *progress, const struct context *context, const char *what,
		    uint64_t total);
void progress_step(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

#endif
