/* SPDX-License-Identifier: MIT */
/*
 * What lies where, of regions and devices, from the daemon's lists: pictures to be drawn or told.
 */
#ifndef MMIOCTL_LAYOUT_H
#define MMIOCTL_LAYOUT_H

#include "output/picture.h"
#include "target/target.h"

struct layout {
	struct picture
		*pictures; /* of a device one for each BAR; of no PCI function, for each region */
	size_t count;
	char *texts; /* names of pictures */
};

/* One picture. What is not there is reported. Returns a status; layout_free() follows anyway. */
int layout_region(const struct context *context, const struct mmiod_region *region,
		  struct layout *layout);
/* @address: as regions have it. */
int layout_device(const struct context *context, const struct mmiod_region_list *regions,
		  const char *address, struct layout *layout);
void layout_free(struct layout *layout);

#endif
