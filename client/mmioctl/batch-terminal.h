/* SPDX-License-Identifier: MIT */
/*
 * A batch that somebody types: line editing, history and completion.
 */
#ifndef MMIOCTL_BATCH_TERMINAL_H
#define MMIOCTL_BATCH_TERMINAL_H

#include "mmioctl.h"

struct terminal;

/* NULL, with the error told: it cannot be had. */
struct terminal *terminal_open(struct context *context);
void terminal_close(struct terminal *terminal);
/* The next line, without its end, as long as no other is asked for. NULL: there is none any more. */
const char *terminal_line(struct terminal *terminal, size_t *length);

#endif
