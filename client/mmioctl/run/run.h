/* SPDX-License-Identifier: MIT */
/*
 * Programs that open device files of their own, with windows in the place of these.
 */
#ifndef MMIOCTL_RUN_H
#define MMIOCTL_RUN_H

#include "run/plan.h"

/* Returns the exit status of the program, or of what kept it from being started. */
int run_command(struct context *context, const struct run_options *options);

#endif
