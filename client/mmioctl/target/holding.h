/* SPDX-License-Identifier: MIT */
/*
 * Leases of windows, or of the right to operate a device, for as long as something runs.
 */
#ifndef MMIOCTL_HOLDING_H
#define MMIOCTL_HOLDING_H

#include "mmioctl.h"

struct holding {
	size_t count;
	char **command; /* NULL: none, so until it is ended */
	/* Fills @leases, and reports what could not be had: then what it left there is released. */
	int (*take)(struct context *context, const struct holding *holding,
		    struct mmiod_lease **leases);
	/* Instead of that, for one device file, the first; NULL: they are windows. */
	int (*take_operation)(struct context *context, const struct holding *holding,
			      struct mmiod_operation **operation);
	/* And then for memory that it has, if there is more than the device file. */
	int (*take_memory)(struct context *context, const struct holding *holding,
			   struct mmiod_operation *operation, struct mmiod_lease **lease);
	const char *(*label)(const struct holding *holding, size_t index);
};

int hold_leases(struct context *context, const struct holding *holding);

#endif
