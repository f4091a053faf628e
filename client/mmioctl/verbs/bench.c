/* SPDX-License-Identifier: MIT */
/*
 * mmioctl bench: how long a read takes, in each width, mapped and mediated; and how fast writes go,
 * uncached and write-combining. Writes overwrite the target, so they need a yes; what was there is
 * restored.
 */
#include "target/place.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES 100000
#define READ_NS 300000000 /* for one width */
#define WRITE_NS 300000000 /* for one memory type */
#define WRITE_BYTES (1u << 20) /* written again and again */

static struct bench_options {
	struct lease_options lease;
	struct given count;
	bool yes;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	LEASE_OPTIONS(struct bench_options, lease),
	WIDTH_OPTION(struct bench_options, lease),
	COUNT_OPTION(struct bench_options, count),
	YES_OPTION(struct bench_options, yes),
	{ 0 },
};

enum bench_column {
	BENCH_WHAT,
	BENCH_HOW,
	BENCH_WIDTH,
	BENCH_P50,
	BENCH_P99,
	BENCH_SAMPLES,
	BENCH_RATE,
	BENCH_COLUMNS,
};

static const struct column bench_columns[] = {
	[BENCH_WHAT] = { "WHAT", CELL_TEXT, true, "read or write" },
	[BENCH_HOW] = { "HOW", CELL_TEXT, true, "mapped or mediated; uc or wc" },
	[BENCH_WIDTH] = { "WIDTH", CELL_NUMBER, true, "bits of an access" },
	[BENCH_P50] = { "P50", CELL_NANOSECONDS, true,
			"half of the reads take no longer; JSON: ns" },
	[BENCH_P99] = { "P99", CELL_NANOSECONDS, true, "99 of 100 reads take no longer; JSON: ns" },
	[BENCH_SAMPLES] = { "SAMPLES", CELL_NUMBER, true, "how many were measured" },
	[BENCH_RATE] = { "RATE", CELL_RATE, true, "bytes written in a second" },
};
static const size_t bench_column_count = BENCH_COLUMNS;

struct bench {
	struct context *context;
	struct lease_options lease; /* as asked for, but for the memory type */
	struct place place;
	struct mmiod_mapping *mapping; /* NULL: sub-page, mediated access only */
	struct table table;
	unsigned int memtypes; /* that the region allows, 1 << enum mmiod_memtype */
	enum mmiod_memtype usual;
	uint32_t *samples; /* ns */
	size_t most, count;
	unsigned int width;
	uint64_t written, took; /* bytes, ns */
};

/* ---- reads ---- */

static void read_mapped(const volatile void *address, unsigned int width)
{
	switch (width) {
	case 1:
		mmiod_read8(address);
		break;
	case 2:
		mmiod_read16(address);
		break;
	case 4:
		mmiod_read32(address);
		break;
	default:
		mmiod_read64(address);
	}
}

/* The cost of a look at the clock by itself: the least of many. */
static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t start = now_ns(), took = now_ns() - start;

		if (took < least)
			least = took;
	}
	return least;
}

/* Reads as long as there is room and time. Runs under mmiod_guard() when mapped. */
static int sample_reads(void *argument)
{
	struct bench *bench = argument;
	const volatile void *address =
		bench->mapping ? mmiod_mapping_address(bench->mapping) : NULL;
	uint64_t cost = clock_cost(), begin = now_ns(), start, took;
	uint64_t element;
	int err = 0;

	for (bench->count = 0; !err && bench->count < bench->most; bench->count++) {
		start = now_ns();
		if (start - begin > READ_NS && bench->count)
			break;
		if (address)
			read_mapped(address, bench->width);
		else
			err = mmiod_lease_read(bench->place.lease, 0, bench->width, 1, &element);
		took = now_ns() - start;
		took = took > cost ? took - cost : 0;
		bench->samples[bench->count] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	}
	return err;
}

static int compare_samples(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int add_row(struct bench *bench, const char *what, const char *how)
{
	struct cell cells[BENCH_COLUMNS] = { 0 };
	bool reads = !strcmp(what, "read");

	cell_text(&cells[BENCH_WHAT], what);
	cell_text(&cells[BENCH_HOW], how);
	cell_number(&cells[BENCH_WIDTH], bench->width * 8);
	if (reads) {
		qsort(bench->samples, bench->count, sizeof(bench->samples[0]), compare_samples);
		cell_number(&cells[BENCH_P50], bench->samples[bench->count / 2]);
		cell_number(&cells[BENCH_P99], bench->samples[bench->count * 99 / 100]);
		cell_number(&cells[BENCH_SAMPLES], bench->count);
	} else {
		cell_number(&cells[BENCH_RATE],
			    (uint64_t)((double)bench->written * 1e9 /
				       (double)(bench->took ? bench->took : 1)));
	}
	cells[BENCH_P50].none = cells[BENCH_P99].none = cells[BENCH_SAMPLES].none = !reads;
	cells[BENCH_RATE].none = reads;
	return table_row(&bench->table, cells);
}

static bool is_allowed(const struct bench *bench, unsigned int width)
{
	unsigned int only = mmiod_lease_width(bench->place.lease);

	return (!only || only == width) && bench->place.length >= width &&
	       !(mmiod_lease_offset(bench->place.lease) % width);
}

static int bench_reads(struct bench *bench)
{
	struct mmiod_mapping *mapping = bench->mapping;
	int status = 0;

	for (unsigned int width = 1; !status && width <= 8; width *= 2) {
		int err = 0;

		if (!is_allowed(bench, width))
			continue;
		bench->width = width;
		if (mapping) {
			err = mmiod_guard(sample_reads, bench);
			status = err ? 0 : add_row(bench, "read", "mapped");
		}
		bench->mapping = NULL;
		if (!err && !status) {
			err = sample_reads(bench);
			status = err ? 0 : add_row(bench, "read", "mediated");
		}
		bench->mapping = mapping;
		if (err)
			status = report_client(bench->context, err);
	}
	return status;
}

/* ---- writes ---- */

static void write_mapped(volatile uint8_t *address, unsigned int width, uint64_t value)
{
	switch (width) {
	case 1:
		mmiod_write8(address, (uint8_t)value);
		break;
	case 2:
		mmiod_write16(address, (uint16_t)value);
		break;
	case 4:
		mmiod_write32(address, (uint32_t)value);
		break;
	default:
		mmiod_write64(address, value);
	}
}

/* In order, over and over; done when a read has pushed all of it to the device. */
static int time_writes(void *argument)
{
	struct bench *bench = argument;
	volatile uint8_t *start = mmiod_mapping_address(bench->mapping);
	size_t length = bench->place.length < WRITE_BYTES ? bench->place.length : WRITE_BYTES;
	uint64_t begin = now_ns(), value = 0;

	length -= length % bench->width;
	bench->written = 0;
	do {
		for (size_t at = 0; at < length; at += bench->width)
			write_mapped(start + at, bench->width, value++);
		bench->written += length;
	} while (now_ns() - begin < WRITE_NS);
	mmiod_wc_flush();
	read_mapped(start, bench->width);
	bench->took = now_ns() - begin;
	return 0;
}

static int write_and_restore(struct bench *bench, const char *how)
{
	size_t length = bench->place.length < WRITE_BYTES ? bench->place.length : WRITE_BYTES;
	uint8_t *saved = malloc(length);
	int err, restored, status = 0;

	if (!saved)
		return out_of_memory(bench->context);
	err = place_get(&bench->place, 0, saved, length);
	if (!err) {
		err = mmiod_guard(time_writes, bench);
		restored = place_put(&bench->place, 0, saved, length);
		err = err ? err : restored;
	}
	free(saved);
	if (err)
		status = report_client(bench->context, err);
	return status ? status : add_row(bench, "write", how);
}

static void close_bench(struct bench *bench)
{
	mmiod_mapping_free(bench->mapping);
	bench->mapping = NULL;
	place_close(&bench->place);
}

/*
 * A window that shares its page with another has no mapping; reads can be mediated, writes are not
 * worth it.
 */
static int open_bench(struct bench *bench, enum mmiod_memtype memtype, unsigned int rights)
{
	struct context *context = bench->context;
	int status, err;

	bench->lease.memtype = memtype;
	status = place_lease(context, &bench->place, rights);
	if (status || !mmiod_lease_mappable(bench->place.lease))
		return status;
	err = mmiod_lease_map(bench->place.lease, MMIOD_MAP_POPULATE, &bench->mapping);
	return err ? report_client(context, err) : 0;
}

static int bench_writes(struct bench *bench, enum mmiod_memtype memtype)
{
	int status = open_bench(bench, memtype, READ_WRITE);

	if (!status && !bench->mapping)
		status = report(bench->context, -EINVAL,
				"%s has no whole page: writes are measured in whole pages only",
				bench->place.text);
	for (unsigned int width = 8; !status && width; width /= 2)
		if (is_allowed(bench, width)) {
			bench->width = width;
			status = write_and_restore(bench, memtype_word(memtype));
			break;
		}
	close_bench(bench);
	return status;
}

/* ---- all of it ---- */

static int find_memtypes(struct bench *bench)
{
	struct context *context = bench->context;
	const struct mmiod_region *region;
	struct mmiod_region_list *list;
	int err = mmiod_client_list_regions(context->client, &list);

	if (err)
		return report_client(context, err);
	region = mmiod_region_list_find(list, &bench->place.target);
	if (region) {
		bench->memtypes = mmiod_region_memtypes(region);
		bench->usual = mmiod_region_memtype(region);
	}
	mmiod_region_list_free(list);
	return 0;
}

static int measure(struct bench *bench)
{
	enum mmiod_memtype asked = options.lease.memtype;
	int status = open_bench(bench, asked, MMIOD_RIGHT_READ);

	if (!status)
		status = bench_reads(bench);
	close_bench(bench);
	if (!options.yes)
		return status;
	for (enum mmiod_memtype memtype = MMIOD_MEMTYPE_UC; !status && memtype <= MMIOD_MEMTYPE_WC;
	     memtype++)
		if (asked ? asked == memtype : bench->memtypes & 1u << memtype)
			status = bench_writes(bench, memtype);
	return status;
}

static int run_bench(struct bench *bench)
{
	int status = table_begin(&bench->table, bench->context, bench_columns, bench_column_count,
				 "results");

	if (!status)
		status = measure(bench);
	return table_end(&bench->table, status);
}

static int verb_bench(struct context *context, int argc, char **argv)
{
	struct bench bench = { .context = context, .lease = options.lease, .most = SAMPLES };
	int status = place_read(context, argv[0], &bench.lease, &bench.place);

	if (options.count.is)
		bench.most = options.count.value <= 100 * SAMPLES ? options.count.value : 0;
	if (!status && !bench.most)
		return usage_error(context, "--count is from 1 to %d", 100 * SAMPLES);
	if (!status)
		status = lease_open(context, &bench.lease);
	if (!status)
		status = find_memtypes(&bench);
	if (status)
		return status;
	bench.samples = calloc(bench.most, sizeof(*bench.samples));
	status = bench.samples ? run_bench(&bench) : out_of_memory(context);
	free(bench.samples);
	if (!status && !options.yes && !context->json)
		note(context, "writes are measured with --yes only: they overwrite and restore");
	return status;
}

const struct verb bench_verb = {
	.name = "bench",
	.arguments = "TARGET",
	.summary = "how long reads take, how fast writes go",
	.group = GROUP_TROUBLE,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_bench,
	.columns = bench_columns,
	.column_count = &bench_column_count,
	.examples = { { "bench edu", "reads only, of its first register" },
		      { "bench shm/1M --yes", "writes too; what was there is restored" },
		      { "bench shm --wc --yes", "write-combining only" } },
	.more = "Reads are measured one by one at the start of TARGET, through a mapping and\n"
		"through the kernel. Writes go in order over the first 1M of it.\n",
};
