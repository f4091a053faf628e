/* SPDX-License-Identifier: MIT */
/*
 * mmioctl test: whether memory behind a target keeps what is written: its data lines, its address
 * lines, accesses of different widths side by side, and every element of it. The old contents are
 * saved before and restored after, also when a test fails or we are interrupted: the signals that
 * end us wait until then.
 */
#include "output/progress.h"
#include "target/change.h"
#include "verb.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DETAIL 64

static struct test_options {
	struct lease_options lease;
	bool yes;
} options;

static const struct verb_option option_rows[] = {
	LEASE_OPTIONS(struct test_options, lease),
	WIDTH_OPTION(struct test_options, lease),
	YES_OPTION(struct test_options, yes),
	{ 0 },
};

struct probe {
	struct context *context;
	struct place place;
	unsigned int widths[4]; /* of accesses that are allowed, narrowest first */
	size_t width_count;
	uint8_t *saved; /* all of the place */
	bool interrupted;
	json_t *rows;
};

/* ---- signals ---- */

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGPIPE);
	sigaddset(set, SIGTERM);
}

static void hold_signals(int how)
{
	sigset_t set;

	ending_signals(&set);
	sigprocmask(how, &set, NULL);
}

static bool is_interrupted(struct probe *probe)
{
	sigset_t ending, pending, both;

	ending_signals(&ending);
	sigpending(&pending);
	sigandset(&both, &ending, &pending);
	probe->interrupted |= !sigisemptyset(&both);
	return probe->interrupted;
}

/* ---- single elements ---- */

static unsigned int widest(const struct probe *probe)
{
	return probe->widths[probe->width_count - 1];
}

static int put(struct probe *probe, uint64_t at, unsigned int width, uint64_t value)
{
	int err;

	probe->place.width = width;
	err = place_store(&probe->place, at, value & width_mask(width));
	return err ? report_client(probe->context, err) : 0;
}

static int mismatch(const struct probe *probe, const char *test, uint64_t at, unsigned int width,
		    uint64_t wrote, uint64_t read)
{
	char name[PLACE_WORDS], words[2][VALUE_WORDS];

	return report_mismatch(probe->context,
			       "%s: %s:%u should be %s, reads %s: bit %d is the first "
			       "that differs",
			       test, place_words(&probe->place, at, name), width * 8,
			       value_words(wrote, width, words[0]),
			       value_words(read, width, words[1]), __builtin_ctzll(wrote ^ read));
}

static int expect(struct probe *probe, const char *test, uint64_t at, unsigned int width,
		  uint64_t value)
{
	uint64_t found;
	int err;

	value &= width_mask(width);
	probe->place.width = width;
	err = place_load(&probe->place, at, &found);
	if (err)
		return report_client(probe->context, err);
	return found == value ? 0 : mismatch(probe, test, at, width, value, found);
}

/* ---- the tests ---- */

/* Data lines: each bit alone, then each alone missing. */
static int test_walking(struct probe *probe, char detail[DETAIL])
{
	int status = 0;

	for (size_t i = 0; i < probe->width_count; i++)
		for (unsigned int bit = 0; bit < 16 * probe->widths[i]; bit++) {
			unsigned int width = probe->widths[i];
			uint64_t one = 1ull << bit % (8 * width);
			uint64_t value = bit < 8 * width ? one : ~one;

			if (!status)
				status = put(probe, 0, width, value);
			if (!status)
				status = expect(probe, "walking bits", 0, width, value);
		}
	snprintf(detail, DETAIL, "each bit alone, and each missing");
	return status;
}

/* A value written in one width is read in every other. Little-endian, as devices on PCI are. */
static int test_widths(struct probe *probe, char detail[DETAIL])
{
	const uint64_t pattern = 0xf7e6d5c4b3a29180;
	unsigned int size = widest(probe);
	int status = 0;

	for (size_t i = 0; i < probe->width_count; i++)
		for (size_t j = 0; j < probe->width_count; j++) {
			unsigned int to = probe->widths[i], from = probe->widths[j];

			for (unsigned int at = 0; !status && at < size; at += to)
				status = put(probe, at, to, pattern >> 8 * at ^ i * j);
			for (unsigned int at = 0; !status && at < size && from <= to; at += from)
				status = expect(probe, "widths", at, from,
						(pattern >> 8 * (at - at % to) ^ i * j) >>
							8 * (at % to));
		}
	detail[0] = '\0';
	for (size_t i = 0; i < probe->width_count; i++)
		snprintf(detail + strlen(detail), DETAIL - strlen(detail), "%s%u", i ? " " : "",
			 probe->widths[i] * 8);
	return status;
}

/* The next place that one address line more selects: 0, W, 2W, 4W, … */
static uint64_t next_line(uint64_t at, unsigned int width)
{
	return at ? at * 2 : width;
}

/* Address lines: one that is stuck makes two of these places the same. */
static int test_address(struct probe *probe, char detail[DETAIL])
{
	const uint64_t mark = 0x9e3779b97f4a7c15; /* differs in every byte for every line */
	unsigned int width = widest(probe), lines = 0;
	uint64_t length = probe->place.length;
	int status = 0;

	for (uint64_t at = 0; !status && at <= length - width; at = next_line(at, width))
		status = put(probe, at, width, mark * ++lines >> (64 - 8 * width));
	lines = 0;
	for (uint64_t at = 0; !status && at <= length - width; at = next_line(at, width))
		status = expect(probe, "address lines", at, width,
				mark * ++lines >> (64 - 8 * width));
	snprintf(detail, DETAIL, "%u", lines ? lines - 1 : 0);
	return status;
}

/* Every element of a chunk has a value of its own, made of its offset. */
static void fill_chunk(uint8_t *chunk, size_t size, unsigned int width, uint64_t at,
		       uint64_t invert)
{
	for (size_t i = 0; i < size / width; i++)
		element_set(chunk, i, width,
			    (((at + i * width) * 0x9e3779b97f4a7c15) >> 7) ^ invert);
}

static int compare_chunk(struct probe *probe, uint64_t at, const uint8_t *is, const uint8_t *should,
			 size_t size)
{
	unsigned int width = probe->place.width;

	for (size_t i = 0; memcmp(is, should, size) && i < size / width; i++)
		if (element_at(is, i, width) != element_at(should, i, width))
			return mismatch(probe, "every element", at + i * width, width,
					element_at(should, i, width), element_at(is, i, width));
	return 0;
}

static int pass(struct probe *probe, struct progress *progress, uint64_t invert, bool check)
{
	static uint8_t should[CHUNK_BYTES], is[CHUNK_BYTES];
	uint64_t length = probe->place.length;
	unsigned int width = widest(probe);
	int status = 0;

	probe->place.width = width;
	length -= length % width;
	for (uint64_t at = 0; !status && at < length && !is_interrupted(probe);) {
		size_t size = chunk_size(length - at);
		int err;

		fill_chunk(should, size, width, at, invert);
		err = check ? place_get(&probe->place, at, is, size)
			    : place_put(&probe->place, at, should, size);
		if (err)
			status = report_client(probe->context, err);
		else if (check)
			status = compare_chunk(probe, at, is, should, size);
		at += size;
		progress_step(progress, at);
	}
	return status;
}

static int test_elements(struct probe *probe, char detail[DETAIL])
{
	struct progress progress;
	char size[16];
	int status = 0;

	progress_begin(&progress, probe->context, "test", probe->place.length);
	for (int i = 0; i < 4 && !status; i++)
		status = pass(probe, &progress, i < 2 ? 0 : UINT64_MAX, i % 2);
	progress_end(&progress);
	size_words(probe->place.length, size, sizeof(size));
	snprintf(detail, DETAIL, "%s, and inverted", size);
	return status;
}

/* ---- running them ---- */

static const struct {
	const char *name;
	int (*run)(struct probe *probe, char detail[DETAIL]);
} tests[] = {
	{ "walking bits", test_walking },
	{ "widths", test_widths },
	{ "address lines", test_address },
	{ "every element", test_elements },
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))

static void tell(const struct probe *probe, const char *name, const char *result,
		 const char *detail)
{
	const struct context *context = probe->context;
	bool good = !strcmp(result, "ok");

	if (context->json)
		json_array_append_new(probe->rows, json_pack("{s:s, s:s, s:s}", "name", name,
							     "result", result, "detail", detail));
	else
		printf("%s%-6s%s %-14s %s\n", paint(context, good ? PAINT_GOOD : PAINT_BAD), result,
		       paint(context, PAINT_NONE), name, detail);
}

static int run_tests(struct probe *probe)
{
	int status = 0;

	for (size_t i = 0; !status && i < TESTS && !is_interrupted(probe); i++) {
		char detail[DETAIL];

		status = tests[i].run(probe, detail);
		if (status == STATUS_MISMATCH)
			tell(probe, tests[i].name, "FAILED", "");
		else if (!status && !probe->interrupted)
			tell(probe, tests[i].name, "ok", detail);
	}
	return status;
}

/* ---- before and after ---- */

static int transfer(struct probe *probe, bool restore)
{
	unsigned int declared = mmiod_lease_width(probe->place.lease);
	int err = 0;

	probe->place.width = declared;
	for (uint64_t at = 0; !err && at < probe->place.length;) {
		size_t size = chunk_size(probe->place.length - at);

		err = restore ? place_put(&probe->place, at, probe->saved + at, size)
			      : place_get(&probe->place, at, probe->saved + at, size);
		at += size;
	}
	return err ? report_client(probe->context, err) : 0;
}

/* The widths that the region or the target allows, and that fit. */
static int choose_widths(struct probe *probe)
{
	const struct place *place = &probe->place;
	unsigned int only = mmiod_lease_width(place->lease);

	for (unsigned int width = 1; width <= 8; width *= 2)
		if ((!only || only == width) && place->length >= width &&
		    !(mmiod_lease_offset(place->lease) % width))
			probe->widths[probe->width_count++] = width;
	if (!probe->width_count)
		return usage_error(probe->context, "%s holds no element of %u bits", place->text,
				   only * 8);
	return 0;
}

static int run_saved(struct probe *probe)
{
	int status, restored;

	hold_signals(SIG_BLOCK);
	status = transfer(probe, false);
	if (!status) {
		status = run_tests(probe);
		restored = transfer(probe, true);
		if (!status || restored == STATUS_GONE)
			status = restored;
	}
	hold_signals(SIG_UNBLOCK);
	return status;
}

static int tell_sum(const struct probe *probe, int status)
{
	const struct mmiod_target *target = &probe->place.target;

	if (!probe->context->json)
		return status;
	json_output(json_pack("{s:i, s:s, s:o, s:o, s:O}", "schema", JSON_SCHEMA, "region",
			      target->region, "offset", json_number(target->offset), "length",
			      json_number(probe->place.length), "tests", probe->rows));
	return status;
}

static int run_probe(struct probe *probe)
{
	int status = choose_widths(probe);

	if (status)
		return status;
	probe->saved = malloc(probe->place.length);
	probe->rows = json_array();
	if (!probe->saved || !probe->rows)
		status = out_of_memory(probe->context);
	else
		status = tell_sum(probe, run_saved(probe));
	free(probe->saved);
	json_decref(probe->rows);
	return status;
}

static int verb_test(struct context *context, int argc, char **argv)
{
	struct probe probe = { .context = context };
	int status = place_read(context, argv[0], &options.lease, &probe.place);
	char what[128];

	snprintf(what, sizeof(what), "test writes all over %s before it restores it",
		 probe.place.target.region);
	if (!status)
		status = confirm(context, options.yes, what);
	if (!status)
		status = place_lease(context, &probe.place, READ_WRITE);
	if (!status)
		status = run_probe(&probe);
	place_close(&probe.place);
	return status;
}

const struct verb test_verb = {
	.name = "test",
	.arguments = "TARGET",
	.summary = "does this memory keep what is written?",
	.group = GROUP_TROUBLE,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_test,
	.examples = { { "test shm/64K", "after asking" },
		      { "test card-memory --yes", "all of it, from a script" } },
	.more = "Walking bits, accesses of different widths side by side, address lines, every\n"
		"element. What was there is saved and restored, also on failure and when\n"
		"interrupted. It is for memory: registers may have side effects. Exit status 9:\n"
		"something differs, and the first such bit is named.\n",
};
