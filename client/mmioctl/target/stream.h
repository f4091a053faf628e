/* SPDX-License-Identifier: MIT */
/*
 * Files, and standard input and output.
 */
#ifndef MMIOCTL_STREAM_H
#define MMIOCTL_STREAM_H

#include "target/place.h"

struct stream {
	const char *name;
	int fd;
};

int stream_open(const struct context *context, struct stream *stream, const char *name,
		bool output);
int stream_close(const struct context *context, struct stream *stream, int status);
ssize_t stream_read(const struct stream *stream, uint8_t *buffer, size_t size);
int stream_goes_on(const struct stream *stream);
int stream_report(const struct context *context, const struct stream *stream, int err);
int stream_check_size(const struct context *context, const struct stream *stream,
		      struct place *place);
int stream_save(struct context *context, const struct stream *stream, const struct place *place);

#endif
