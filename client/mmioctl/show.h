/* SPDX-License-Identifier: MIT */
/*
 * mmioctl show: leases are shown by show.c, regions by show-region.c.
 */
#ifndef MMIOCTL_SHOW_H
#define MMIOCTL_SHOW_H

#include "mmioctl.h"

int show_region(struct context *context, const char *text);

#endif
