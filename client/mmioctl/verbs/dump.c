/* SPDX-License-Identifier: MIT */
/*
 * mmioctl dump: many registers as a hex dump, in elements of the access width, with the bytes as
 * text beside them. Lines that repeat the one before are shown as one "*".
 */
#include "target/stream.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <common/size.h>

#define LINE_BYTES 16
#define DUMP_BYTES 4096 /* read at once */

static struct dump_options {
	struct lease_options lease;
	const char *raw;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct dump_options, lease),
	WIDTH_OPTION(struct dump_options, lease),
	{ "raw", 0, "FILE", "the bytes into FILE (-: standard output) and no dump",
	  TEXT(struct dump_options, raw) },
	{ 0 },
};

struct dump {
	const struct context *context;
	const struct mmiod_target *target;
	uint64_t at; /* offset in the region of the next line */
	uint8_t last[LINE_BYTES];
	bool any; /* last is filled */
	bool starred;
	size_t line; /* bytes shown in one */
	json_t *values;
};

static void print_line(const struct dump *dump, const uint8_t *line, size_t size)
{
	unsigned int width = dump->target->width;
	size_t columns = dump->line / width;

	printf("%08llx ", (unsigned long long)dump->at);
	for (size_t i = 0; i < columns; i++) {
		if (i * width < size)
			printf(" %0*llx", (int)width * 2,
			       (unsigned long long)element_at(line, i, width));
		else
			printf(" %*s", (int)width * 2, "");
	}
	printf("  |");
	for (size_t i = 0; i < size; i++)
		putchar(line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '.');
	printf("|\n");
}

static void dump_line(struct dump *dump, const uint8_t *line, size_t size)
{
	bool repeats = dump->any && size == dump->line && !memcmp(line, dump->last, size);

	if (!repeats)
		print_line(dump, line, size);
	else if (!dump->starred)
		printf("*\n");
	dump->starred = repeats;
	dump->any = size == dump->line;
	memcpy(dump->last, line, size);
	dump->at += size;
}

static void dump_chunk(struct dump *dump, const uint8_t *chunk, size_t size)
{
	unsigned int width = dump->target->width;

	if (dump->context->json) {
		for (size_t i = 0; i < size / width; i++)
			json_array_append_new(dump->values,
					      json_register(element_at(chunk, i, width), width));
		return;
	}
	for (size_t i = 0; i < size; i += dump->line)
		dump_line(dump, chunk + i, size - i < dump->line ? size - i : dump->line);
}

/* A line has as many bytes as the terminal has room for; elsewhere always 16. */
static size_t line_bytes(unsigned int width)
{
	struct winsize size;
	size_t bytes = LINE_BYTES;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return bytes;
	while (bytes > width && 13 + bytes / width * (2 * width + 1) + bytes > size.ws_col)
		bytes /= 2;
	return bytes;
}

static int end_dump(struct dump *dump)
{
	const struct mmiod_target *target = dump->target;

	if (!dump->context->json) {
		printf("%08llx\n", (unsigned long long)dump->at);
		return STATUS_OK;
	}
	return json_output(json_pack("{s:i, s:s, s:I, s:I, s:i, s:O}", "schema", JSON_SCHEMA,
				     "region", target->region, "offset", (json_int_t)target->offset,
				     "length", (json_int_t)target->length, "width",
				     (int)target->width * 8, "values", dump->values));
}

static int dump_lease(struct context *context, const struct mmiod_target *target,
		      struct mmiod_lease *lease)
{
	struct dump dump = { .context = context, .target = target, .at = target->offset };
	uint64_t chunk[DUMP_BYTES / sizeof(uint64_t)];
	int status;

	dump.line = line_bytes(target->width);
	dump.values = json_array();
	for (uint64_t done = 0; done < target->length; done += DUMP_BYTES) {
		uint64_t left = target->length - done;
		size_t size = left < DUMP_BYTES ? (size_t)left : DUMP_BYTES;
		int err = mmiod_lease_read(lease, done, target->width, size / target->width, chunk);

		if (err) {
			json_decref(dump.values);
			fflush(stdout);
			return report_client(context, err);
		}
		dump_chunk(&dump, (const uint8_t *)chunk, size);
		if (ferror(stdout))
			break;
	}
	status = end_dump(&dump);
	json_decref(dump.values);
	return status;
}

static int read_length(struct context *context, const char *text, struct mmiod_target *target)
{
	if (!text)
		return target->length ? 0
				      : usage_error(context,
						    "how much of %s? Give it a length: "
						    "%s+0x%llx/0x100",
						    target->region, target->region,
						    (unsigned long long)target->offset);
	if (target->length)
		return usage_error(context, "length %s: the target has one already", text);
	if (common_size(text, &target->length) || !target->length)
		return usage_error(
			context, "\"%s\" is not a length: it is decimal or 0x…, with K, M, G or T",
			text);
	return 0;
}

static int dump_place(struct context *context, const struct place *place)
{
	struct stream stream;
	int status;

	if (!options.raw)
		return dump_lease(context, &place->target, place->lease);
	status = stream_open(context, &stream, options.raw, true);
	if (status)
		return status;
	status = stream_save(context, &stream, place);
	return stream_close(context, &stream, status);
}

static int verb_dump(struct context *context, int argc, char **argv)
{
	struct place place = { 0 };
	int status = place_read(context, argv[0], &options.lease, &place);

	if (!status)
		status = read_length(context, argc == 2 ? argv[1] : NULL, &place.target);
	if (!status)
		status = place_lease_registers(context, &place, MMIOD_RIGHT_READ);
	if (!status)
		status = dump_place(context, &place);
	place_close(&place);
	return status;
}

const struct verb dump_verb = {
	.name = "dump",
	.arguments = "TARGET [LENGTH]",
	.summary = "show many registers as a hex dump",
	.group = GROUP_ACCESS,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 2,
	.run = verb_dump,
	.examples = { { "dump shm+0x1000/256", "256 bytes" },
		      { "dump shm 256 -w 8", "as single bytes" },
		      { "dump edu/0x100 --raw file", "into a file, by accesses of the width" } },
	.more = "Lines that repeat the one before are shown as one \"*\".\n",
};
