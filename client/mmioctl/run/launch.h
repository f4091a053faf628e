/* SPDX-License-Identifier: MIT */
/*
 * The start of the program.
 */
#ifndef MMIOCTL_RUN_LAUNCH_H
#define MMIOCTL_RUN_LAUNCH_H

#include "run/plan.h"
#include "run/signals.h"

#define STATUS_NO_FILTER 125 /* as of env(1) and timeout(1): the program was not started */

/*
 * Starts options->command with a filter, as signals->child. Returns an exit status, with the
 * sentence told; 0: @listener is its filter's.
 */
int launch(const struct context *context, const struct run_options *options, bool stats,
	   struct signals *signals, int *listener);

#endif
