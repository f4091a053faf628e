/* SPDX-License-Identifier: MIT */
/*
 * One register from one value to another.
 */
#ifndef MMIOCTL_CHANGE_H
#define MMIOCTL_CHANGE_H

#include "target/place.h"

struct change_options {
	bool verify;
	bool dry_run;
};

struct change {
	const struct change_options *options;
	const struct place *place;
	uint64_t at; /* from the start of the place */
	uint64_t mask; /* bits that change; the rest is read first */
	uint64_t value; /* for those bits */
	uint64_t toggled; /* bits that are inverted: of the mask */
	uint64_t clearing; /* bits outside of the mask that are written as 0 */
	uint64_t setting; /* likewise, as 1 */
	uint64_t unreadable; /* bits that mean nothing when they are read */
	bool blind; /* what is there cannot be read */
};

uint64_t width_mask(unsigned int width);
int change_register(struct context *context, const struct change *change);

#endif
