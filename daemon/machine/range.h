/* SPDX-License-Identifier: MIT */
/* Names the rule by which the kernel refuses a claim by address. From below @sys, and for looking only. */
#ifndef MMIOD_DAEMON_MACHINE_RANGE_H
#define MMIOD_DAEMON_MACHINE_RANGE_H

#include <stdint.h>
#include "base/text.h"

void range_explain_denial(const char *sys, uint64_t start, struct text *why);

#endif
