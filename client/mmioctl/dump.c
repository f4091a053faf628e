/* SPDX-License-Identifier: MIT */
/*
 * mmioctl dump: many registers as a hex dump, in elements of the access width, with the bytes as text beside them.
 * Lines that repeat the one before are shown as one "*".
 */
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 16
#define CHUNK_BYTES 4096

struct dump {
	const struct context *context;
	const struct mmiod_target *target;
	uint64_t at; /* offset in the region of the next line */
	uint8_t last[LINE_BYTES];
	bool any; /* last is filled */
	bool starred;
	json_t *values;
};

static void print_line(const struct dump *dump, const uint8_t *line, size_t size)
{
	unsigned int width = dump->target->width;
	size_t columns = LINE_BYTES / width;

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
	bool repeats = dump->any && size == LINE_BYTES && !memcmp(line, dump->last, LINE_BYTES);

	if (!repeats)
		print_line(dump, line, size);
	else if (!dump->starred)
		printf("*\n");
	dump->starred = repeats;
	dump->any = size == LINE_BYTES;
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
	for (size_t i = 0; i < size; i += LINE_BYTES)
		dump_line(dump, chunk + i, size - i < LINE_BYTES ? size - i : LINE_BYTES);
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
	uint64_t chunk[CHUNK_BYTES / sizeof(uint64_t)];
	int status;

	dump.values = json_array();
	for (uint64_t done = 0; done < target->length; done += CHUNK_BYTES) {
		uint64_t left = target->length - done;
		size_t size = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
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
	if (parse_size(text, &target->length) || !target->length)
		return usage_error(context,
				   "\"%s\" is not a length: it is decimal or 0x…, with K, M or G",
				   text);
	return 0;
}

static int verb_dump(struct context *context, int argc, char **argv)
{
	struct mmiod_target target;
	struct mmiod_lease *lease;
	int status;

	status = target_read(context, argv[0], &target);
	if (!status)
		status = read_length(context, argc == 2 ? argv[1] : NULL, &target);
	if (!status)
		status = client_open(context);
	if (!status)
		status = target_resolve_width(context, &target);
	if (!status)
		status = target_check_alignment(context, argv[0], &target);
	if (!status)
		status = target_lease(context, &target, MMIOD_RIGHT_READ, &lease);
	if (status)
		return status;
	status = dump_lease(context, &target, lease);
	mmiod_lease_release(lease);
	return status;
}

const struct verb dump_verb = {
	.name = "dump",
	.arguments = "TARGET [LENGTH]",
	.summary = "show many registers as a hex dump",
	.group = GROUP_ACCESS,
	.options = WITH_CACHE,
	.least = 1,
	.most = 2,
	.run = verb_dump,
	.examples = { { "dump shm+0x1000/256", "256 bytes" } },
};
