/* SPDX-License-Identifier: MIT */
/*
 * Files that bytes come from or go to; "-" is standard input or output. A stream owns its
 * descriptor.
 */
#include "output/progress.h"
#include "target/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int stream_open(const struct context *context, struct stream *stream, const char *name, bool output)
{
	stream->name = name;
	if (!strcmp(name, "-")) {
		stream->name = output ? "standard output" : "standard input";
		if (output)
			output_flush(); /* what was printed before */
		stream->fd = fcntl(output ? STDOUT_FILENO : STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else if (output) {
		stream->fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	} else {
		stream->fd = open(name, O_RDONLY | O_CLOEXEC);
	}
	if (stream->fd < 0)
		return report(context, -errno, "%s: %s", name, strerror(errno));
	return 0;
}

/* The kernel may tell only now that a write failed. Returns @status, or that error when it is 0. */
int stream_close(const struct context *context, struct stream *stream, int status)
{
	int fd = stream->fd;

	stream->fd = -1;
	if (fd >= 0 && close(fd) && !status)
		return stream_report(context, stream, -errno);
	return status;
}

/* Reads all there is, up to @size: a pipe gives its bytes in pieces. */
ssize_t stream_read(const struct stream *stream, uint8_t *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(stream->fd, buffer + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Whether bytes are left in it; takes one. Negative: it cannot be read. */
int stream_goes_on(const struct stream *stream)
{
	uint8_t byte;

	return (int)stream_read(stream, &byte, 1);
}

static int write_all(const struct stream *stream, const uint8_t *buffer, size_t size)
{
	while (size) {
		ssize_t n = write(stream->fd, buffer, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buffer += n;
		size -= (size_t)n;
	}
	return 0;
}

int stream_report(const struct context *context, const struct stream *stream, int err)
{
	return report(context, err, "%s: %s", stream->name, strerror(-err));
}

/*
 * A file knows its size: what cannot fit is refused before a byte is written. Its size is the
 * place's unless given.
 */
int stream_check_size(const struct context *context, const struct stream *stream,
		      struct place *place)
{
	struct stat stat;
	uint64_t size;

	if (fstat(stream->fd, &stat) || !S_ISREG(stat.st_mode))
		return 0;
	size = (uint64_t)stat.st_size;
	if (!size)
		return report(context, -EINVAL, "%s is empty", stream->name);
	if (!place->target.length)
		place->target.length = size;
	else if (size < place->target.length)
		return report(context, -EINVAL, "%s has only 0x%llx of the 0x%llx bytes wanted",
			      stream->name, (unsigned long long)size,
			      (unsigned long long)place->target.length);
	return 0;
}

/* All bytes of a place. */
int stream_save(struct context *context, const struct stream *stream, const struct place *place)
{
	static uint8_t chunk[CHUNK_BYTES];
	struct progress progress;
	int status = 0;

	progress_begin(&progress, context, "save", place->length);
	for (uint64_t at = 0; !status && at < place->length; at += chunk_size(place->length - at)) {
		size_t size = chunk_size(place->length - at);
		int err = place_get(place, at, chunk, size);

		if (err) {
			status = report_client(context, err);
			break;
		}
		err = write_all(stream, chunk, size);
		if (err)
			status = stream_report(context, stream, err);
		progress_step(&progress, at + size);
	}
	progress_end(&progress);
	return status;
}
