/* SPDX-License-Identifier: MIT */
/*
 * What mmioctl run tells on the standard error that it shares with its programs.
 */
#ifndef MMIOCTL_RUN_SAY_H
#define MMIOCTL_RUN_SAY_H

#include "output/output.h"

void say_while_running(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How many sentences found no room so far. */
unsigned int say_dropped(void);

#endif
