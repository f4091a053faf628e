/* SPDX-License-Identifier: MIT */
/*
 * mmioctl fill, load, save and copy: many bytes by mediated access.
 *
 * Where registers have a declared width, or the target names one, every element is one bus access of that width.
 * Elsewhere the bytes go in bulk, by the copies that are safe for devices.
 */
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES 65536

struct place {
	struct mmiod_target target;
	const char *text; /* the target as it was given */
	struct mmiod_lease *lease;
	unsigned int width; /* of an element; 0: bytes in bulk */
	uint64_t length;
};

static void close_place(struct place *place)
{
	if (place->lease && mmiod_lease_release(place->lease))
		mmiod_lease_free(place->lease);
	place->lease = NULL;
}

/* The lease says how wide the region's registers are. */
static int open_place(struct context *context, struct place *place, unsigned int rights)
{
	struct mmiod_target checked;
	int status = target_lease(context, &place->target, rights, &place->lease);

	if (status)
		return status;
	place->width = mmiod_lease_width(place->lease);
	place->length = mmiod_lease_length(place->lease);
	checked = place->target;
	checked.width = place->width;
	checked.length = place->length;
	return place->width ? target_check_alignment(context, place->text, &checked) : 0;
}

static int get_bytes(const struct place *place, uint64_t at, void *buffer, size_t size)
{
	if (place->width)
		return mmiod_lease_read(place->lease, at, place->width, size / place->width,
					buffer);
	return mmiod_lease_copy_from(place->lease, at, buffer, size);
}

static int put_bytes(const struct place *place, uint64_t at, const void *buffer, size_t size)
{
	if (place->width)
		return mmiod_lease_write(place->lease, at, place->width, size / place->width,
					 buffer);
	return mmiod_lease_copy_to(place->lease, at, buffer, size);
}

static int read_place(const struct context *context, const char *text, struct place *place)
{
	place->text = text;
	return target_read(context, text, &place->target);
}

static size_t chunk_size(uint64_t left)
{
	return left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
}

/* ---- fill ---- */

static int fill_elements(const struct place *place, uint64_t value)
{
	static uint8_t chunk[CHUNK_BYTES];

	for (size_t i = 0; i < sizeof(chunk) / place->width; i++)
		element_set(chunk, i, place->width, value);
	for (uint64_t at = 0; at < place->length; at += chunk_size(place->length - at)) {
		int err = put_bytes(place, at, chunk, chunk_size(place->length - at));

		if (err)
			return err;
	}
	return 0;
}

static int fill_bytes(const struct place *place, uint8_t value)
{
	for (uint64_t at = 0; at < place->length;) {
		uint64_t left = place->length - at;
		size_t size = left < SIZE_MAX / 2 ? (size_t)left : SIZE_MAX / 2;
		int err = mmiod_lease_fill(place->lease, at, size, value);

		if (err)
			return err;
		at += size;
	}
	return 0;
}

static int fill_place(struct context *context, struct place *place, const char *text,
		      uint64_t value)
{
	int status = open_place(context, place, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE), err = 0;

	if (!status)
		status = check_fit(context, text, value, place->width ? place->width : 1);
	if (!status)
		err = place->width ? fill_elements(place, value)
				   : fill_bytes(place, (uint8_t)value);
	if (err)
		status = report_client(context, err);
	close_place(place);
	return status;
}

static int verb_fill(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	uint64_t value;
	int status;

	status = read_place(context, argv[0], &place);
	if (!status && !place.target.length)
		return usage_error(context, "how much of %s? Give it a length: %s+0x%llx/0x100",
				   place.target.region, place.target.region,
				   (unsigned long long)place.target.offset);
	if (!status)
		status = parse_value(context, argv[1], &value);
	if (!status)
		status = client_open(context);
	return status ? status : fill_place(context, &place, argv[1], value);
}

const struct verb fill_verb = {
	.name = "fill",
	.arguments = "TARGET VALUE",
	.summary = "write one value everywhere",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 2,
	.most = 2,
	.run = verb_fill,
	.examples = { { "fill shm/4K 0", "zeros" } },
};

/* ---- load and save ---- */

struct stream {
	const char *name;
	int fd;
};

static int open_stream(const struct context *context, struct stream *stream, const char *name,
		       bool output)
{
	stream->name = name;
	if (!strcmp(name, "-")) {
		stream->name = output ? "standard output" : "standard input";
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

/* As much as there is, up to @size: a pipe gives its bytes in pieces. */
static ssize_t read_full(int fd, uint8_t *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, buffer + done, size - done);

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

static int write_full(int fd, const uint8_t *buffer, size_t size)
{
	while (size) {
		ssize_t n = write(fd, buffer, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buffer += n;
		size -= (size_t)n;
	}
	return 0;
}

static int report_stream(const struct context *context, const struct stream *stream, int err)
{
	return report(context, err, "%s: %s", stream->name, strerror(-err));
}

/* A file knows its size: what cannot fit is refused before a byte is written. */
static int check_file(const struct context *context, const struct stream *stream,
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

static int load_stream(struct context *context, const struct stream *stream, struct place *place)
{
	static uint8_t chunk[CHUNK_BYTES];
	uint64_t at = 0;

	while (at < place->length) {
		ssize_t n = read_full(stream->fd, chunk, chunk_size(place->length - at));
		size_t rest = place->width && n > 0 ? (size_t)n % place->width : 0;
		int err;

		if (n < 0)
			return report_stream(context, stream, (int)n);
		if (!n)
			break;
		err = put_bytes(place, at, chunk, (size_t)n - rest);
		if (err)
			return report_client(context, err);
		at += (uint64_t)n;
		if (rest)
			return report(context, -EINVAL,
				      "%s ends in the middle of a register of %u bits",
				      stream->name, place->width * 8);
	}
	if (at < place->target.length)
		return report(context, -EINVAL, "%s had only 0x%llx of the 0x%llx bytes wanted",
			      stream->name, (unsigned long long)at,
			      (unsigned long long)place->target.length);
	return 0;
}

static int verb_load(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	struct stream stream;
	int status;

	status = read_place(context, argv[0], &place);
	if (!status)
		status = open_stream(context, &stream, argv[1], false);
	if (status)
		return status;
	status = check_file(context, &stream, &place);
	if (!status)
		status = client_open(context);
	if (!status)
		status = open_place(context, &place, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	if (!status)
		status = load_stream(context, &stream, &place);
	close_place(&place);
	close(stream.fd);
	return status;
}

const struct verb load_verb = {
	.name = "load",
	.arguments = "TARGET FILE",
	.summary = "write a file's bytes; -: standard input",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 2,
	.most = 2,
	.run = verb_load,
	.examples = { { "load shm+0x1000 image", "image into it" } },
};

static int save_stream(struct context *context, const struct stream *stream,
		       const struct place *place)
{
	static uint8_t chunk[CHUNK_BYTES];

	for (uint64_t at = 0; at < place->length;) {
		size_t size = chunk_size(place->length - at);
		int err = get_bytes(place, at, chunk, size);

		if (err)
			return report_client(context, err);
		err = write_full(stream->fd, chunk, size);
		if (err)
			return report_stream(context, stream, err);
		at += size;
	}
	return 0;
}

/* The file is opened, and what it held lost, only when the lease is had. */
static int verb_save(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	struct stream stream = { .fd = -1 };
	int status;

	status = read_place(context, argv[0], &place);
	if (!status)
		status = client_open(context);
	if (!status)
		status = open_place(context, &place, MMIOD_RIGHT_READ);
	if (!status)
		status = open_stream(context, &stream, argv[1], true);
	if (!status)
		status = save_stream(context, &stream, &place);
	if (stream.fd >= 0 && close(stream.fd) && !status)
		status = report_stream(context, &stream, -errno);
	close_place(&place);
	return status;
}

const struct verb save_verb = {
	.name = "save",
	.arguments = "TARGET FILE",
	.summary = "read into a file; -: standard output",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 2,
	.most = 2,
	.run = verb_save,
	.examples = { { "save shm/4K image", "its first 4 KiB" } },
};

/* ---- copy ---- */

static int check_copy(const struct context *context, struct mmiod_target *from,
		      struct mmiod_target *to)
{
	if (from->length && to->length && from->length != to->length)
		return usage_error(context, "0x%llx bytes do not fit 0x%llx exactly",
				   (unsigned long long)from->length,
				   (unsigned long long)to->length);
	if (!from->length)
		from->length = to->length;
	to->length = from->length;
	if (!from->length)
		return usage_error(context, "how much of %s? Give it a length: %s+0x%llx/0x100",
				   from->region, from->region, (unsigned long long)from->offset);
	if (strcmp(from->region, to->region))
		return 0;
	if (from->offset < to->offset ? to->offset - from->offset >= from->length
				      : from->offset - to->offset >= from->length)
		return 0;
	return usage_error(context, "the two parts of %s overlap", from->region);
}

static int copy_places(struct context *context, const struct place *from, const struct place *to)
{
	static uint8_t chunk[CHUNK_BYTES];

	for (uint64_t at = 0; at < from->length;) {
		size_t size = chunk_size(from->length - at);
		int err = get_bytes(from, at, chunk, size);

		if (!err)
			err = put_bytes(to, at, chunk, size);
		if (err)
			return report_client(context, err);
		at += size;
	}
	return 0;
}

static int verb_copy(struct context *context, int argc, char **argv)
{
	struct place from = { 0 }, to = { 0 };
	int status;

	status = read_place(context, argv[0], &from);
	if (!status)
		status = read_place(context, argv[1], &to);
	if (!status)
		status = check_copy(context, &from.target, &to.target);
	if (!status)
		status = client_open(context);
	if (!status)
		status = open_place(context, &from, MMIOD_RIGHT_READ);
	if (!status)
		status = open_place(context, &to, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	if (!status)
		status = copy_places(context, &from, &to);
	close_place(&to);
	close_place(&from);
	return status;
}

const struct verb copy_verb = {
	.name = "copy",
	.arguments = "FROM TO",
	.summary = "from one target to another",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 2,
	.most = 2,
	.run = verb_copy,
	.examples = { { "copy shm/4K shm+0x1000", "4 KiB" } },
};
