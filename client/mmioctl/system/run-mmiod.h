/* SPDX-License-Identifier: MIT */
/*
 * The daemon's program, run for what it does without being a daemon.
 */
#ifndef MMIOCTL_RUN_MMIOD_H
#define MMIOCTL_RUN_MMIOD_H

#include "mmioctl.h"

#define EXIT_CONFIG 78 /* of mmiod: the configuration is bad */

int run_mmiod(struct context *context, char **words);

#endif
