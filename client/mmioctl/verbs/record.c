/* SPDX-License-Identifier: MIT */
/*
 * mmioctl record: samples of registers, at a fixed rate or at interrupts, to a sheet (record-sheet.c).
 */
#include "verbs/record.h"
#include "target/trigger.h"
#include "verb.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static struct record_options {
	struct sample_options sample;
	const char *file;
	bool force;
	const char *start, *stop;
	struct given before, after;
	bool on_change;
	bool gnuplot;
} options;

static const struct verb_option option_rows[] = {
	{ "file", 'o', "FILE", "write here (default: to standard output)",
	  TEXT(struct record_options, file) },
	{ "force", 0, NULL, "write over FILE, if it is there", FLAG(struct record_options, force) },
	{ "start-when", 0, "EXPR", "begin with the first sample of which EXPR holds",
	  TEXT(struct record_options, start) },
	{ "before", 0, "N", "write the last N samples before that one, too",
	  NUMBER(struct record_options, before) },
	{ "stop-when", 0, "EXPR", "end with the first sample of which EXPR holds",
	  TEXT(struct record_options, stop) },
	{ "after", 0, "N", "write the next N samples after that one, too",
	  NUMBER(struct record_options, after) },
	{ "on-change", 0, NULL, "write only samples that differ from the row before",
	  FLAG(struct record_options, on_change) },
	{ "irq", 0, "DEVICE:VECTOR", "a sample at each interrupt, instead of each tick",
	  TEXT(struct record_options, sample.irq) },
	{ "gnuplot", 0, NULL, "columns for gnuplot, with its command in the head",
	  FLAG(struct record_options, gnuplot) },
	SAMPLE_OPTIONS(struct record_options, sample),
	{ 0 },
};

struct record {
	struct context *context;
	struct sampling sampling;
	struct sheet sheet;
	bool suspended; /* and it is told */
	struct trigger start, stop;
	struct ring ring; /* --before */
	bool waiting; /* for --start-when */
	bool ending; /* --stop-when held */
	uint64_t after; /* samples that are to be written then */
	uint64_t rows;
	uint64_t owed; /* missed ticks of samples that were not written */
	uint64_t last[SERIES_MAX]; /* --on-change: of the row before */
	bool has_last;
};

/* ---- which samples become rows ---- */

/* --on-change: as the one before, of which it is asked likewise. */
static bool is_known(struct record *record, const struct sample *sample)
{
	size_t size = record->sampling.count * sizeof(record->last[0]);
	bool known = record->has_last && !memcmp(record->last, sample->values, size);

	memcpy(record->last, sample->values, size);
	record->has_last = true;
	return known && options.on_change;
}

/* What it and those before it that are no rows have missed. */
static struct sample with_owed(struct record *record, const struct sample *sample)
{
	struct sample row = *sample;

	row.missed += record->owed;
	record->owed = 0;
	return row;
}

static void pass_over(struct record *record, const struct sample *sample)
{
	record->owed += sample->missed;
	record->sampling.samples--;
}

static void keep(struct record *record, const struct sample *sample)
{
	struct sample row;

	if (is_known(record, sample)) {
		pass_over(record, sample);
		return;
	}
	row = with_owed(record, sample);
	ring_add(&record->ring, &row);
	record->sampling.samples--;
}

static void put_row(struct record *record, const struct sample *sample)
{
	record->rows++;
	sheet_row(&record->sheet, sample);
}

static void put_mark(struct record *record, bool suspended)
{
	if (!suspended && !record->suspended)
		sheet_mark(&record->sheet, "suspended");
	record->suspended = suspended;
	sheet_mark(&record->sheet, suspended ? "suspended" : "resumed");
}

/* Those before the beginning, as the output takes them; a signal ends the wait for that. */
static void put_kept(struct record *record)
{
	const struct sample *sample;

	while (!record->sheet.err && (sample = ring_take(&record->ring))) {
		while (!sheet_wait(&record->sheet))
			;
		if (sheet_has_room(&record->sheet))
			put_row(record, sample);
	}
}

static void start(struct record *record)
{
	record->waiting = false;
	record->sampling.begun = now_ns();
	put_kept(record);
	sheet_started(&record->sheet, record->start.text);
}

/* After the first sample of which --stop-when holds, as many as --after says. */
static void look_for_end(struct record *record, bool stops)
{
	if (record->ending)
		record->after--;
	record->ending |= stops;
	if (record->ending && !record->after)
		sampling_end(&record->sampling, "--stop-when");
}

static void consider(struct record *record, const struct sample *sample, bool resumed)
{
	bool starts = trigger_holds(&record->start, sample);
	bool stops = trigger_holds(&record->stop, sample), first = record->waiting && starts;
	struct sample row;

	if (record->waiting && !starts) {
		keep(record, sample);
		return;
	}
	if (first)
		start(record);
	else if (resumed)
		put_mark(record, false);
	if (is_known(record, sample) && !first) {
		pass_over(record, sample);
	} else {
		row = with_owed(record, sample);
		put_row(record, &row);
	}
	look_for_end(record, stops);
}

static void take(struct record *record)
{
	struct sample sample;
	enum sampled sampled = sampling_next(&record->sampling, &sample);

	if (sampled == SAMPLED || sampled == SAMPLED_ON)
		consider(record, &sample, sampled == SAMPLED_ON);
	else if (sampled == SAMPLED_PAUSED && record->waiting)
		record->ring.count = 0; /* what was before that is not just before the beginning */
	else if (sampled == SAMPLED_PAUSED)
		put_mark(record, true);
}

static int run(struct record *record)
{
	struct sheet *sheet = &record->sheet;
	int status;

	sheet_head(sheet);
	while (!sheet->err && !record->sampling.follow.done)
		if (sheet_wait(sheet)) {
			take(record);
			sheet_hurry(sheet);
		}
	status = sheet_end(sheet, record->rows);
	return record->sampling.follow.status ? record->sampling.follow.status : status;
}

/* ---- the verb ---- */

static int read_triggers(struct record *record)
{
	struct context *context = record->context;
	int status = 0;

	if (options.before.is && !options.start)
		return usage_error(context, "--before is for --start-when");
	if (options.after.is && !options.stop)
		return usage_error(context, "--after is for --stop-when");
	if (options.start)
		status = trigger_read(&record->sampling, "--start-when", options.start,
				      &record->start);
	if (!status && options.stop)
		status =
			trigger_read(&record->sampling, "--stop-when", options.stop, &record->stop);
	if (!status)
		status = ring_make(&record->sampling, options.before.value, &record->ring);
	record->after = options.after.value;
	record->waiting = options.start;
	if (record->waiting)
		record->sampling.begun = 0;
	return status;
}

static int verb_record(struct context *context, int argc, char **argv)
{
	struct record record = { .context = context };
	enum sheet_form form = context->json	 ? SHEET_JSON
			       : options.gnuplot ? SHEET_GNUPLOT
						 : SHEET_CSV;
	int status;

	if (context->json && options.gnuplot)
		return usage_error(context, "--gnuplot and --json: only one of them");
	signal(SIGPIPE, SIG_IGN); /* a reader may leave at any time */
	status = sampling_open(context, &record.sampling, &options.sample, argc, argv);
	if (!status)
		status = read_triggers(&record);
	if (!status)
		status = sheet_open(&record.sheet, &record.sampling, form, options.file,
				    options.force);
	if (!status)
		status = run(&record);
	status = sheet_close(&record.sheet, status);
	sampling_close(&record.sampling);
	ring_free(&record.ring);
	return status;
}

const struct verb record_verb = {
	.name = "record",
	.arguments = "TARGET…",
	.summary = "samples at a fixed rate or at interrupts, as CSV",
	.group = GROUP_LIVE,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_record,
	.examples = { { "record edu+0x20 -o run.csv --rate 1000", "until Ctrl-C" },
		      { "record edu --field STATUS.COMPUTING,ID", "by name, from a register map" },
		      { "record edu+0x20 --start-when 'edu+0x20 > 9' --before 50",
			"around a moment" },
		      { "record edu+0x24 --irq edu:0", "what it has at each interrupt" } },
	.more = "Columns: the time from the start in seconds, by CLOCK_MONOTONIC; how many ticks\n"
		"were missed since the row before; how many ns it took to read the row; a value\n"
		"for each series. Comments tell the start in UTC, suspensions, and the end: why,\n"
		"how many samples, how many missed. Exit status 7: revoked, or the device has\n"
		"gone.\n\n"
		"EXPR is a series as the head of the columns has it, then ==, !=, <, <=, >, >=\n"
		"or & (any of these bits) and a value; or the series and \"changes\". --count and\n"
		"--for count from the sample that --start-when begins with.\n\n"
		"With --irq a tick is an interrupt, and missed are those that came together with\n"
		"another one. With --delta a series is the change per second since the sample\n"
		"before, of a counter that wraps; with --signed it may as well be negative.\n",
};
