/* SPDX-License-Identifier: MIT */
/*
 * mmioctl record: samples of registers as CSV, or as objects of JSON, at a fixed rate.
 *
 * Rows wait in memory until the output takes them: a pipe whose reader stands still costs ticks, which are
 * counted, and neither memory nor the answer to a signal.
 */
#include "target/trigger.h"
#include "verb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM (1u << 20)
#define LINE_ROOM \
	8192 /* the longest line: the names of all series take more, and go out by themselves */
#define LAST_MS 1000 /* for what is left at the end */

static struct record_options {
	struct sample_options sample;
	const char *file;
	bool force;
	const char *start, *stop;
	struct given before, after;
	bool on_change;
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
	SAMPLE_OPTIONS(struct record_options, sample),
	{ 0 },
};

struct record {
	struct context *context;
	struct sampling sampling;
	int fd;
	const char *name; /* of the output */
	char *buffer; /* owned; ROOM bytes */
	size_t used;
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
	int err; /* of the output */
};

/* ---- output ---- */

/* What the output takes at once. A pipe that is ready takes PIPE_BUF bytes without waiting. */
static void drain(struct record *record, int timeout)
{
	struct pollfd file = { .fd = record->fd, .events = POLLOUT };
	size_t done = 0;

	while (!record->err && done < record->used && poll(&file, 1, timeout) > 0) {
		size_t size = record->used - done;
		ssize_t n =
			write(record->fd, record->buffer + done, size < PIPE_BUF ? size : PIPE_BUF);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			record->err = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	memmove(record->buffer, record->buffer + done, record->used - done);
	record->used -= done;
}

static bool has_room(struct record *record, size_t size)
{
	if (ROOM - record->used < size)
		drain(record, 0);
	return ROOM - record->used >= size && !record->err;
}

static void put(struct record *record, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Whoever puts has asked for room, or does so at the start or the end. */
static void put(struct record *record, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(record->buffer + record->used, ROOM - record->used, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < ROOM - record->used)
		record->used += (size_t)n;
}

/* ---- CSV ---- */

static void put_names(struct record *record)
{
	const struct sampling *sampling = &record->sampling;

	for (size_t i = 0; i < sampling->count; i++)
		put(record, "# series %zu: %s, %u bits\n", i + 1, sampling->series[i].name,
		    sampling->series[i].high - sampling->series[i].low + 1);
	put(record, "t_s,missed,span_ns");
	for (size_t i = 0; i < sampling->count; i++)
		put(record, ",%s", sampling->series[i].name);
	put(record, "\n");
}

static void put_head(struct record *record)
{
	const struct sampling *sampling = &record->sampling;
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&sampling->started_real.tv_sec, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	put(record, "# mmiod record 1\n# start: %s.%09ldZ, CLOCK_MONOTONIC %lld.%09ld\n", text,
	    sampling->started_real.tv_nsec, (long long)sampling->started.tv_sec,
	    sampling->started.tv_nsec);
	put(record, "# interval: %llu ns\n", (unsigned long long)sampling->interval);
	put_names(record);
}

static void put_row(struct record *record, const struct sample *sample)
{
	put(record, "%llu.%09llu,%llu,%llu", (unsigned long long)(sample->time / 1000000000),
	    (unsigned long long)(sample->time % 1000000000), (unsigned long long)sample->missed,
	    (unsigned long long)sample->span);
	for (size_t i = 0; i < record->sampling.count; i++)
		put(record, ",%llu", (unsigned long long)sample->values[i]);
	put(record, "\n");
}

/* ---- JSON ---- */

static void put_json(struct record *record, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	if (text)
		put(record, "%s\n", text);
	free(text);
	json_decref(line);
}

static json_t *names_json(const struct sampling *sampling)
{
	json_t *names = json_array();

	for (size_t i = 0; i < sampling->count; i++)
		json_array_append_new(
			names,
			json_pack("{s:s, s:i}", "name", sampling->series[i].name, "bits",
				  (int)(sampling->series[i].high - sampling->series[i].low + 1)));
	return names;
}

static json_t *time_json(const struct timespec *time)
{
	return json_number((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
}

static json_t *head_json(const struct sampling *sampling)
{
	return json_pack("{s:i, s:i, s:o, s:o, s:o, s:o}", "schema", JSON_SCHEMA, "record", 1,
			 "start_ns", time_json(&sampling->started_real), "monotonic_ns",
			 time_json(&sampling->started), "interval_ns",
			 json_number(sampling->interval), "series", names_json(sampling));
}

static json_t *row_json(const struct sampling *sampling, const struct sample *sample)
{
	json_t *values = json_array();

	for (size_t i = 0; i < sampling->count; i++)
		json_array_append_new(values, json_number(sample->values[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "t_ns", json_number(sample->time), "missed",
			 json_number(sample->missed), "span_ns", json_number(sample->span),
			 "values", values);
}

/* ---- recording ---- */

static void put_start(struct record *record)
{
	if (record->context->json)
		put_json(record, head_json(&record->sampling));
	else
		put_head(record);
}

static void put_mark(struct record *record, bool suspended)
{
	const char *mark = suspended ? "suspended" : "resumed";

	if (!suspended && !record->suspended)
		put_mark(record, true);
	record->suspended = suspended;
	if (record->context->json)
		put_json(record, json_pack("{s:s}", "mark", mark));
	else
		put(record, "# %s\n", mark);
}

static void put_started(struct record *record)
{
	if (record->context->json)
		put_json(record,
			 json_pack("{s:s, s:s}", "mark", "started", "when", record->start.text));
	else
		put(record, "# started: %s\n", record->start.text);
}

static void put_end(struct record *record)
{
	const struct sampling *sampling = &record->sampling;

	if (record->context->json)
		put_json(record, json_pack("{s:s, s:o, s:o}", "end", sampling_why(sampling),
					   "samples", json_number(record->rows), "missed",
					   json_number(sampling->missed + sampling->missed_now)));
	else
		put(record, "# end: %s, %llu samples, %llu missed\n", sampling_why(sampling),
		    (unsigned long long)record->rows,
		    (unsigned long long)(sampling->missed + sampling->missed_now));
}

static void put_sample(struct record *record, const struct sample *sample)
{
	record->rows++;
	if (record->context->json)
		put_json(record, row_json(&record->sampling, sample));
	else
		put_row(record, sample);
}

/*
 * Without room nothing is read: the ticks until there is some are missed. Leaves some for the last line.
 */
static bool wait_for_room(struct record *record)
{
	struct pollfd files[] = {
		{ .fd = record->fd, .events = POLLOUT },
		{ .fd = record->sampling.signals, .events = POLLIN },
	};

	if (has_room(record, 2 * LINE_ROOM) || record->err)
		return true;
	poll(files, 2, 100);
	return files[1].revents;
}

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

/* Those before the beginning, as the output takes them; a signal ends the wait for that. */
static void put_kept(struct record *record)
{
	const struct sample *sample;

	while (!record->err && (sample = ring_take(&record->ring))) {
		while (!wait_for_room(record))
			;
		if (has_room(record, 2 * LINE_ROOM))
			put_sample(record, sample);
	}
}

static void start(struct record *record)
{
	record->waiting = false;
	record->sampling.begun = now_ns();
	put_kept(record);
	put_started(record);
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
		put_sample(record, &row);
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

static int output_failed(const struct record *record)
{
	if (record->err == -EPIPE)
		return STATUS_OK; /* its reader has had enough */
	if (record->err)
		return report(record->context, record->err, "%s: %s", record->name,
			      strerror(-record->err));
	return report(record->context, -EIO, "%s: its reader does not take the last %zu bytes",
		      record->name, record->used);
}

static int run(struct record *record)
{
	int status;

	put_start(record);
	drain(record, 0);
	while (!record->err && !record->sampling.follow.done) {
		if (!wait_for_room(record))
			continue;
		take(record);
		drain(record, 0);
	}
	put_end(record);
	drain(record, LAST_MS);
	status = record->sampling.follow.status;
	if (record->err || record->used)
		status = status ? status : output_failed(record);
	return status;
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

static int open_output(struct record *record)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (options.force ? O_TRUNC : O_EXCL);

	record->fd = STDOUT_FILENO;
	record->name = "standard output";
	if (!options.file || !strcmp(options.file, "-"))
		return 0;
	record->name = options.file;
	record->fd = open(options.file, flags, 0644);
	if (record->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return report(record->context, -errno,
			      "%s is there already: --force writes over it", options.file);
	return report(record->context, -errno, "%s: %s", options.file, strerror(errno));
}

static int close_output(const struct record *record, int status)
{
	if (record->fd > STDOUT_FILENO && close(record->fd) && !status)
		return report(record->context, -errno, "%s: %s", record->name, strerror(errno));
	return status;
}

static int verb_record(struct context *context, int argc, char **argv)
{
	struct record record = { .context = context, .fd = -1, .buffer = malloc(ROOM) };
	int status = record.buffer ? 0 : out_of_memory(context);

	if (status)
		return status;
	signal(SIGPIPE, SIG_IGN); /* a reader may leave at any time */
	status = sampling_open(context, &record.sampling, &options.sample, argc, argv);
	if (!status)
		status = read_triggers(&record);
	if (!status)
		status = open_output(&record);
	if (!status) {
		record.sampling.reader = record.fd;
		status = run(&record);
	}
	status = close_output(&record, status);
	sampling_close(&record.sampling);
	ring_free(&record.ring);
	free(record.buffer);
	return status;
}

const struct verb record_verb = {
	.name = "record",
	.arguments = "TARGET…",
	.summary = "samples of registers at a fixed rate, as CSV",
	.group = GROUP_LIVE,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_record,
	.examples = { { "record edu+0x20 -o run.csv --rate 1000", "until Ctrl-C" },
		      { "record edu/0x10 --for 10s >run.csv", "four registers, ten a second" },
		      { "record edu --field STATUS.COMPUTING,ID", "by name, from a register map" },
		      { "record edu+0x20 --start-when 'edu+0x20 > 9' --before 50",
			"around a moment" } },
	.more = "Columns: the time from the start in seconds, by CLOCK_MONOTONIC; how many ticks\n"
		"were missed since the row before; how many ns it took to read the row; a value\n"
		"for each series. Comments tell the start in UTC, suspensions, and the end: why,\n"
		"how many samples, how many missed. Exit status 7: revoked, or the device has\n"
		"gone.\n\n"
		"EXPR is a series as the head of the columns has it, then ==, !=, <, <=, >, >=\n"
		"or & (any of these bits) and a value; or the series and \"changes\". --count and\n"
		"--for count from the sample that --start-when begins with.\n",
};
