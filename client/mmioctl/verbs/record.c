/* SPDX-License-Identifier: MIT */
/*
 * mmioctl record: samples of registers as CSV, or as objects of JSON, at a fixed rate.
 *
 * Rows wait in memory until the output takes them: a pipe whose reader stands still costs ticks, which are
 * counted, and neither memory nor the answer to a signal.
 */
#include "target/sample.h"
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
} options;

static const struct verb_option option_rows[] = {
	{ "file", 'o', "FILE", "write here (default: to standard output)",
	  TEXT(struct record_options, file) },
	{ "force", 0, NULL, "write over FILE, if it is there", FLAG(struct record_options, force) },
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

static void put_end(struct record *record)
{
	const struct sampling *sampling = &record->sampling;

	if (record->context->json)
		put_json(record, json_pack("{s:s, s:o, s:o}", "end", sampling_why(sampling),
					   "samples", json_number(sampling->samples), "missed",
					   json_number(sampling->missed + sampling->missed_now)));
	else
		put(record, "# end: %s, %llu samples, %llu missed\n", sampling_why(sampling),
		    (unsigned long long)sampling->samples,
		    (unsigned long long)(sampling->missed + sampling->missed_now));
}

static void put_sample(struct record *record, const struct sample *sample)
{
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

static void take(struct record *record)
{
	struct sample sample;

	switch (sampling_next(&record->sampling, &sample)) {
	case SAMPLED_ON:
		put_mark(record, false);
		put_sample(record, &sample);
		break;
	case SAMPLED:
		put_sample(record, &sample);
		break;
	case SAMPLED_PAUSED:
		put_mark(record, true);
		break;
	default:
		break;
	}
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
		status = open_output(&record);
	if (!status) {
		record.sampling.reader = record.fd;
		status = run(&record);
	}
	status = close_output(&record, status);
	sampling_close(&record.sampling);
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
		      { "record edu --field STATUS.COMPUTING,ID",
			"by name, from a register map" } },
	.more = "Columns: the time from the start in seconds, by CLOCK_MONOTONIC; how many ticks\n"
		"were missed since the row before; how many ns it took to read the row; a value\n"
		"for each series. Comments tell the start in UTC, suspensions, and the end: why,\n"
		"how many samples, how many missed. Exit status 7: revoked, or the device has\n"
		"gone.\n",
};
