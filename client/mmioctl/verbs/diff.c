/* SPDX-License-Identifier: MIT */
/*
 * mmioctl diff: a target against a file or another target, element by element. As with diff(1)
 * nothing is printed when they are equal.
 */
#include "output/progress.h"
#include "target/stream.h"
#include "verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SHOWN 16 /* differences, unless --verbose */

static struct diff_options {
	struct lease_options lease;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct diff_options, lease),
	WIDTH_OPTION(struct diff_options, lease),
	{ 0 },
};

struct diff {
	struct context *context;
	struct place one, other; /* other.lease NULL: the file */
	struct stream stream;
	unsigned int width; /* of what is shown */
	uint64_t compared; /* bytes */
	uint64_t differences;
	json_t *rows;
};

/* ---- telling ---- */

static void tell_difference(struct diff *diff, uint64_t at, uint64_t one, uint64_t other)
{
	char name[PLACE_WORDS], words[2][VALUE_WORDS];

	if (++diff->differences > SHOWN && !diff->context->verbose)
		return;
	if (diff->rows)
		json_array_append_new(diff->rows,
				      json_pack("{s:o, s:o, s:o}", "offset",
						json_number(diff->one.target.offset + at), "is",
						json_register(one, diff->width), "other",
						json_register(other, diff->width)));
	else
		printf("%s  %s  %s\n", place_words(&diff->one, at, name),
		       value_words(one, diff->width, words[0]),
		       value_words(other, diff->width, words[1]));
}

static int tell_sum(struct diff *diff)
{
	unsigned long long count = diff->differences;
	int status = STATUS_OK;

	if (diff->context->json)
		status = json_output(json_pack(
			"{s:i, s:s, s:o, s:o, s:i, s:b, s:o, s:O}", "schema", JSON_SCHEMA, "region",
			diff->one.target.region, "offset", json_number(diff->one.target.offset),
			"length", json_number(diff->compared), "width", (int)diff->width * 8,
			"equal", !count, "count", json_number(count), "differences", diff->rows));
	else if (count > SHOWN && !diff->context->verbose)
		printf("… and %llu more, of %llu elements (all: -v)\n", count - SHOWN,
		       (unsigned long long)(diff->compared / diff->width));
	if (status)
		return status;
	return count ? STATUS_MISMATCH : STATUS_OK;
}

/* ---- comparing ---- */

static void compare_chunk(struct diff *diff, const uint8_t *one, const uint8_t *other, size_t size)
{
	if (memcmp(one, other, size))
		for (size_t i = 0; i < size / diff->width; i++) {
			uint64_t a = element_at(one, i, diff->width);
			uint64_t b = element_at(other, i, diff->width);

			if (a != b)
				tell_difference(diff, diff->compared + i * diff->width, a, b);
		}
	diff->compared += size;
}

/* Negative: told already. */
static ssize_t get_other(struct diff *diff, uint64_t at, uint8_t *buffer, size_t size, int *status)
{
	ssize_t n = (ssize_t)size;
	int err = 0;

	if (diff->other.lease)
		err = place_get(&diff->other, at, buffer, size);
	else
		n = stream_read(&diff->stream, buffer, size);
	if (err)
		*status = report_client(diff->context, err);
	else if (n < 0)
		*status = stream_report(diff->context, &diff->stream, (int)n);
	return err ? -1 : n;
}

static int compare(struct diff *diff)
{
	static uint8_t one[CHUNK_BYTES], other[CHUNK_BYTES];
	struct progress progress;
	int status = 0;

	progress_begin(&progress, diff->context, "diff", diff->one.length);
	while (!status && diff->compared < diff->one.length) {
		size_t size = chunk_size(diff->one.length - diff->compared);
		ssize_t n = get_other(diff, diff->compared, other, size, &status);
		int err = n > 0 ? place_get(&diff->one, diff->compared, one, size) : 0;

		if (err)
			status = report_client(diff->context, err);
		if (status || !n)
			break;
		compare_chunk(diff, one, other, (size_t)n - (size_t)n % diff->width);
		progress_step(&progress, diff->compared);
		if ((size_t)n < size)
			break;
	}
	progress_end(&progress);
	return status;
}

/*
 * A file that ends early differs from there on, and so does one that goes on behind the target's
 * end; what the other lacks cannot be shown.
 */
static int finish(struct diff *diff)
{
	bool all = diff->compared == diff->one.length;
	int more = all && !diff->other.lease ? stream_goes_on(&diff->stream) : 0, status;

	if (more < 0)
		return stream_report(diff->context, &diff->stream, more);
	diff->differences += !all || more;
	status = tell_sum(diff);
	if (status != STATUS_MISMATCH || (all && !more))
		return status;
	if (more)
		return report_mismatch(diff->context,
				       "%s goes on after the 0x%llx bytes that were compared",
				       diff->stream.name, (unsigned long long)diff->compared);
	return report_mismatch(diff->context, "%s ends after 0x%llx of 0x%llx bytes",
			       diff->stream.name, (unsigned long long)diff->compared,
			       (unsigned long long)diff->one.length);
}

/* ---- the two sides ---- */

static bool is_file(const char *text)
{
	return !strcmp(text, "-") || !access(text, F_OK);
}

static int open_file(struct diff *diff, const char *name)
{
	int status = stream_open(diff->context, &diff->stream, name, false);

	if (!status)
		status = stream_check_size(diff->context, &diff->stream, &diff->one);
	if (!status)
		status = place_lease(diff->context, &diff->one, MMIOD_RIGHT_READ);
	return status;
}

static int open_places(struct diff *diff, const char *text)
{
	struct mmiod_target *one = &diff->one.target, *other = &diff->other.target;
	int status = place_read(diff->context, text, &options.lease, &diff->other);

	if (status)
		return status;
	if (one->length && other->length && one->length != other->length)
		return usage_error(diff->context, "0x%llx bytes and 0x%llx are not as many",
				   (unsigned long long)one->length,
				   (unsigned long long)other->length);
	one->length = other->length = one->length ? one->length : other->length;
	status = place_need_length(diff->context, &diff->one);
	if (!status)
		status = place_lease(diff->context, &diff->one, MMIOD_RIGHT_READ);
	if (!status)
		status = place_lease(diff->context, &diff->other, MMIOD_RIGHT_READ);
	return status;
}

static int run_diff(struct diff *diff)
{
	int status;

	diff->width = diff->one.width ? diff->one.width : diff->other.width;
	if (!diff->width)
		diff->width = 1;
	if (diff->context->json)
		diff->rows = json_array();
	status = compare(diff);
	if (!status)
		status = finish(diff);
	json_decref(diff->rows);
	return status;
}

static int verb_diff(struct context *context, int argc, char **argv)
{
	struct diff diff = { .context = context, .stream.fd = -1 };
	int status = place_read(context, argv[0], &options.lease, &diff.one);

	if (!status)
		status = is_file(argv[1]) ? open_file(&diff, argv[1]) : open_places(&diff, argv[1]);
	if (!status)
		status = run_diff(&diff);
	place_close(&diff.other);
	place_close(&diff.one);
	return stream_close(context, &diff.stream, status);
}

const struct verb diff_verb = {
	.name = "diff",
	.arguments = "TARGET FILE|TARGET",
	.summary = "compare with a file or another target",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 2,
	.most = 2,
	.run = verb_diff,
	.examples = { { "diff shm/4K image", "is it what was loaded?" },
		      { "diff shm/4K shm+0x1000", "one part against another" },
		      { "diff edu/0x60:32 before", "registers, against those that were saved" } },
	.more = "The second is a file if there is one of that name (or -), else a target. Each\n"
		"difference is a line: place, what is there, what the other has; the first 16 of\n"
		"them, or all with -v. A file that ends before the target or goes on behind it is\n"
		"different. Exit status: 0 equal, 9 different.\n",
};
