/* SPDX-License-Identifier: MIT */
/*
 * mmioctl fill, load, save and copy: many bytes.
 *
 * Where registers have a declared width, or the target names one, every element is one bus access
 * of that width. Elsewhere the bytes go in bulk, by the copies that are safe for devices: through a
 * mapping if they are many.
 */
#include "output/progress.h"
#include "target/stream.h"
#include "verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FILL_BYTES (1u << 20) /* filled at once, so that there is progress to show */

/* Of all four verbs. */
static struct bulk_options {
	struct lease_options lease;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct bulk_options, lease),
	WIDTH_OPTION(struct bulk_options, lease),
	{ 0 },
};

/* ---- fill ---- */

static int fill_elements(const struct place *place, uint64_t value, struct progress *progress)
{
	static uint8_t chunk[CHUNK_BYTES];

	for (size_t i = 0; i < sizeof(chunk) / place->width; i++)
		element_set(chunk, i, place->width, value);
	for (uint64_t at = 0; at < place->length; at += chunk_size(place->length - at)) {
		int err = place_put(place, at, chunk, chunk_size(place->length - at));

		if (err)
			return err;
		progress_step(progress, at);
	}
	return 0;
}

static int fill_bytes(const struct place *place, uint8_t value, struct progress *progress)
{
	for (uint64_t at = 0; at < place->length;) {
		uint64_t left = place->length - at;
		size_t size = left < FILL_BYTES ? (size_t)left : FILL_BYTES;
		int err = place_fill(place, at, value, size);

		if (err)
			return err;
		at += size;
		progress_step(progress, at);
	}
	return 0;
}

static int fill_place(struct context *context, struct place *place, const char *text,
		      uint64_t value)
{
	int status = place_lease(context, place, READ_WRITE), err = 0;
	struct progress progress;

	if (!status)
		status = check_fit(context, text, value, place->width ? place->width : 1);
	progress_begin(&progress, context, "fill", place->length);
	if (!status)
		place_map(place);
	if (!status)
		err = place->width ? fill_elements(place, value, &progress)
				   : fill_bytes(place, (uint8_t)value, &progress);
	progress_end(&progress);
	if (err)
		status = report_client(context, err);
	place_close(place);
	return status;
}

static int verb_fill(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	uint64_t value;
	int status = place_read(context, argv[0], &options.lease, &place);

	if (!status)
		status = place_need_length(context, &place);
	if (!status)
		status = parse_value(context, argv[1], &value);
	return status ? status : fill_place(context, &place, argv[1], value);
}

const struct verb fill_verb = {
	.name = "fill",
	.arguments = "TARGET VALUE",
	.summary = "write one value everywhere",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = 2,
	.run = verb_fill,
	.examples = { { "fill shm/4K 0", "zeros" },
		      { "fill shm/4K:32 0xdeadbeef", "the same word everywhere" } },
};

/* ---- load and save ---- */

/*
 * Returns how many bytes of the chunk were stored, 0 at the end of the stream; -1 with @status set.
 */
static ssize_t load_chunk(struct context *context, const struct stream *stream,
			  const struct place *place, uint64_t at, int *status)
{
	static uint8_t chunk[CHUNK_BYTES];
	ssize_t n = stream_read(stream, chunk, chunk_size(place->length - at));
	size_t rest = place->width && n > 0 ? (size_t)n % place->width : 0;
	int err;

	if (n < 0) {
		*status = stream_report(context, stream, (int)n);
		return -1;
	}
	err = n ? place_put(place, at, chunk, (size_t)n - rest) : 0;
	if (err)
		*status = report_client(context, err);
	else if (rest)
		*status = report(context, -EINVAL, "%s ends in the middle of a register of %u bits",
				 stream->name, place->width * 8);
	return err || rest ? -1 : n;
}

/* A target that names its length says how much is taken; else all of it must fit. */
static int check_end(struct context *context, const struct stream *stream,
		     const struct place *place)
{
	int more = place->target.length ? 0 : stream_goes_on(stream);

	if (more < 0)
		return stream_report(context, stream, more);
	if (!more)
		return 0;
	return report(context, -EINVAL,
		      "%s has more than the 0x%llx bytes of %s, which were all written",
		      stream->name, (unsigned long long)place->length, place->text);
}

static int load_stream(struct context *context, const struct stream *stream, struct place *place)
{
	struct progress progress;
	uint64_t at = 0;
	int status = 0;
	ssize_t n = 1;

	place_map(place);
	progress_begin(&progress, context, "load", place->length);
	while (at < place->length && (n = load_chunk(context, stream, place, at, &status)) > 0) {
		at += (uint64_t)n;
		progress_step(&progress, at);
	}
	progress_end(&progress);
	if (!status && at < place->target.length)
		return report(context, -EINVAL, "%s had only 0x%llx of the 0x%llx bytes wanted",
			      stream->name, (unsigned long long)at,
			      (unsigned long long)place->target.length);
	return status || at < place->length ? status : check_end(context, stream, place);
}

static int verb_load(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	struct stream stream;
	int status = place_read(context, argv[0], &options.lease, &place);

	if (!status)
		status = stream_open(context, &stream, argv[1], false);
	if (status)
		return status;
	status = stream_check_size(context, &stream, &place);
	if (!status)
		status = place_lease(context, &place, READ_WRITE);
	if (!status)
		status = load_stream(context, &stream, &place);
	place_close(&place);
	close(stream.fd);
	return status;
}

const struct verb load_verb = {
	.name = "load",
	.arguments = "TARGET FILE",
	.summary = "write a file's bytes; -: standard input",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = 2,
	.run = verb_load,
	.examples = { { "load shm+0x1000 image", "the whole file" },
		      { "load shm/4K -", "4 KiB from a pipe" } },
};

/* The file is opened, and what it held lost, only when the lease is had. */
static int verb_save(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	struct stream stream = { .fd = -1 };
	int status = place_read(context, argv[0], &options.lease, &place);

	if (!status)
		status = place_lease(context, &place, MMIOD_RIGHT_READ);
	if (!status)
		status = stream_open(context, &stream, argv[1], true);
	if (!status)
		place_map(&place);
	if (!status)
		status = stream_save(context, &stream, &place);
	status = stream_close(context, &stream, status);
	place_close(&place);
	return status;
}

const struct verb save_verb = {
	.name = "save",
	.arguments = "TARGET FILE",
	.summary = "read into a file; -: standard output",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = 2,
	.run = verb_save,
	.examples = { { "save shm/4K image", "its first 4 KiB" },
		      { "save shm - | xxd | less", "all of it" } },
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

static int copy_places(struct context *context, struct place *from, struct place *to)
{
	static uint8_t chunk[CHUNK_BYTES];
	struct progress progress;
	int err = 0;

	place_map(from);
	place_map(to);
	progress_begin(&progress, context, "copy", from->length);
	for (uint64_t at = 0; !err && at < from->length;) {
		size_t size = chunk_size(from->length - at);

		err = place_get(from, at, chunk, size);
		if (!err)
			err = place_put(to, at, chunk, size);
		at += size;
		progress_step(&progress, at);
	}
	progress_end(&progress);
	return err ? report_client(context, err) : 0;
}

static int verb_copy(struct context *context, int argc, char **argv)
{
	struct place from = { 0 }, to = { 0 };
	int status;

	status = place_read(context, argv[0], &options.lease, &from);
	if (!status)
		status = place_read(context, argv[1], &options.lease, &to);
	if (!status)
		status = check_copy(context, &from.target, &to.target);
	if (!status)
		status = place_lease(context, &from, MMIOD_RIGHT_READ);
	if (!status)
		status = place_lease(context, &to, READ_WRITE);
	if (!status)
		status = copy_places(context, &from, &to);
	place_close(&to);
	place_close(&from);
	return status;
}

const struct verb copy_verb = {
	.name = "copy",
	.arguments = "FROM TO",
	.summary = "from one target to another",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = 2,
	.run = verb_copy,
	.examples = { { "copy shm/4K shm+0x1000", "4 KiB" } },
};
