/* SPDX-License-Identifier: MIT */
/*
 * Lines of a batch, from a file, a pipe or a terminal.
 */
#ifndef MMIOCTL_BATCH_INPUT_H
#define MMIOCTL_BATCH_INPUT_H

#include "mmioctl.h"

struct input {
	struct context *context;
	const char *name; /* as errors have it */
	int fd; /* owned */
	char *buffer;
	size_t start, end; /* what is not read yet */
	bool ended;
};

/* @name: of a file; "-": standard input, which verbs then find empty. Returns a status. */
int input_open(struct input *input, struct context *context, const char *name);
void input_close(struct input *input);
/*
 * 1 with the next line, without its end, as long as no other is asked for; 0: there is none any
 * more; negative errno. -E2BIG: the line is longer than LINE_BYTES_MAX.
 */
int input_line(struct input *input, const char **text, size_t *length);

#endif
