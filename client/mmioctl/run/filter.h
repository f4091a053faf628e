/* SPDX-License-Identifier: MIT */
/*
 * The seccomp filter that has system calls told to the supervisor.
 */
#ifndef MMIOCTL_RUN_FILTER_H
#define MMIOCTL_RUN_FILTER_H

#include <stdbool.h>

/*
 * Sets it for the calling process and all that come of it. @stats: also for calls that only ask for
 * a file, which are frequent. Returns the listener, or -errno; -EBUSY: there is one already.
 */
int filter_install(bool stats);

#endif
