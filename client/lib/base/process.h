/* SPDX-License-Identifier: MIT */
/*
 * Which process this is, without asking the kernel: a client belongs to the process that made it,
 * and looks at each call.
 */
#ifndef MMIOD_PROCESS_H
#define MMIOD_PROCESS_H

#include <stdint.h>

/* Differs from that of every ancestor, and is never 0. */
uint64_t process_number(void);

#endif
