/* SPDX-License-Identifier: MIT */
/*
 * Sheets of samples: see record.h. As CSV, as columns for gnuplot, or as objects of JSON.
 *
 * Rows wait in memory until the output takes them: a pipe whose reader stands still costs ticks, which are
 * counted, and neither memory nor the answer to a signal.
 */
#include "verbs/record.h"
#include "output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOM (1u << 20)
#define LINE_ROOM \
	8192 /* the longest line: the names of all series take more, and go out by themselves */
#define LAST_MS 1000 /* for what is left at the end */
#define HURRY_NS 50000000ull /* how long a row waits for others to go out with */

/* ---- output ---- */

/* What the output takes at once. A pipe that is ready takes PIPE_BUF bytes without waiting. */
static void drain(struct sheet *sheet, int timeout)
{
	struct pollfd file = { .fd = sheet->fd, .events = POLLOUT };
	size_t done = 0;

	while (!sheet->err && done < sheet->used && poll(&file, 1, timeout) > 0) {
		size_t size = sheet->used - done;
		ssize_t n =
			write(sheet->fd, sheet->buffer + done, size < PIPE_BUF ? size : PIPE_BUF);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			sheet->err = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	memmove(sheet->buffer, sheet->buffer + done, sheet->used - done);
	sheet->used -= done;
	sheet->drained = now_ns();
}

bool sheet_has_room(struct sheet *sheet)
{
	if (ROOM - sheet->used < 2 * LINE_ROOM)
		drain(sheet, 0);
	return ROOM - sheet->used >= 2 * LINE_ROOM && !sheet->err;
}

bool sheet_wait(struct sheet *sheet)
{
	struct pollfd files[] = {
		{ .fd = sheet->fd, .events = POLLOUT },
		{ .fd = sheet->sampling->signals, .events = POLLIN },
	};

	/* Leaves some for the last line. */
	if (sheet_has_room(sheet) || sheet->err)
		return true;
	poll(files, 2, 100);
	return files[1].revents;
}

/* A row that comes alone goes out at once; of many in a moment, many at a time. */
void sheet_hurry(struct sheet *sheet)
{
	if (sheet->used >= PIPE_BUF || (sheet->used && now_ns() - sheet->drained >= HURRY_NS))
		drain(sheet, 0);
}

static void put(struct sheet *sheet, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whoever puts has asked for room, or does so at the start or the end. */
static void put(struct sheet *sheet, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(sheet->buffer + sheet->used, ROOM - sheet->used, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < ROOM - sheet->used)
		sheet->used += (size_t)n;
}

/* ---- CSV, and columns for gnuplot ---- */

static unsigned int bits_of(const struct series *series)
{
	return series->high - series->low + 1;
}

static char separator(const struct sheet *sheet)
{
	return sheet->form == SHEET_GNUPLOT ? ' ' : ',';
}

/* For whoever opens the file: "" is, for gnuplot, the one that it has just drawn. */
static void put_command(struct sheet *sheet)
{
	const char *file = sheet->fd == STDOUT_FILENO ? "FILE" : sheet->name;
	const struct sampling *sampling = sheet->sampling;

	put(sheet, "# plot");
	for (size_t i = 0; i < sampling->count; i++)
		put(sheet, "%s \"%s\" using 1:%zu with steps title \"%s\" noenhanced", i ? "," : "",
		    i ? "" : file, i + 4, sampling->series[i].name);
	put(sheet, "\n");
}

static void put_names(struct sheet *sheet)
{
	const struct sampling *sampling = sheet->sampling;
	bool gnuplot = sheet->form == SHEET_GNUPLOT;
	char between = separator(sheet);

	for (size_t i = 0; i < sampling->count; i++)
		put(sheet, "# series %zu: %s, %u bits\n", i + 1, sampling->series[i].name,
		    bits_of(&sampling->series[i]));
	if (sampling->options->with_sign || sampling->options->delta)
		put(sheet, "# values: %s%s\n", sampling->options->with_sign ? "signed" : "unsigned",
		    sampling->options->delta ? ", change per second" : "");
	if (gnuplot)
		put_command(sheet);
	put(sheet, "%st_s%cmissed%cspan_ns", gnuplot ? "# " : "", between, between);
	for (size_t i = 0; i < sampling->count; i++)
		put(sheet, "%c%s", between, sampling->series[i].name);
	put(sheet, "\n");
}

static void put_head(struct sheet *sheet)
{
	const struct sampling *sampling = sheet->sampling;
	char text[64] = "";
	struct tm tm;

	if (gmtime_r(&sampling->started_real.tv_sec, &tm))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	put(sheet, "# mmiod record 1\n# start: %s.%09ldZ, CLOCK_MONOTONIC %lld.%09ld\n", text,
	    sampling->started_real.tv_nsec, (long long)sampling->started.tv_sec,
	    sampling->started.tv_nsec);
	if (sampling->options->irq)
		put(sheet, "# interrupt: %s\n", sampling->pulse.name);
	else
		put(sheet, "# interval: %llu ns\n", (unsigned long long)sampling->interval);
	put_names(sheet);
}

static void put_row(struct sheet *sheet, const struct sample *sample)
{
	char between = separator(sheet), words[FIGURE_WORDS];

	put(sheet, "%llu.%09llu%c%llu%c%llu", (unsigned long long)(sample->time / 1000000000),
	    (unsigned long long)(sample->time % 1000000000), between,
	    (unsigned long long)sample->missed, between, (unsigned long long)sample->span);
	for (size_t i = 0; i < sheet->sampling->count; i++)
		put(sheet, "%c%s", between,
		    figure_words(sheet->sampling->kind, sample->values[i], words));
	put(sheet, "\n");
}

/* ---- JSON ---- */

static void put_json(struct sheet *sheet, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

	if (text)
		put(sheet, "%s\n", text);
	free(text);
	json_decref(line);
}

static json_t *names_json(const struct sampling *sampling)
{
	json_t *names = json_array();

	for (size_t i = 0; i < sampling->count; i++)
		json_array_append_new(names,
				      json_pack("{s:s, s:i}", "name", sampling->series[i].name,
						"bits", (int)bits_of(&sampling->series[i])));
	return names;
}

static json_t *time_json(const struct timespec *time)
{
	return json_number((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
}

static json_t *head_json(const struct sampling *sampling)
{
	const struct sample_options *sample = sampling->options;
	json_t *head =
		json_pack("{s:i, s:i, s:o, s:o, s:b, s:b, s:o}", "schema", JSON_SCHEMA, "record", 1,
			  "start_ns", time_json(&sampling->started_real), "monotonic_ns",
			  time_json(&sampling->started), "signed", (int)sample->with_sign, "delta",
			  (int)sample->delta, "series", names_json(sampling));

	if (sample->irq)
		json_object_set_new(head, "interrupt", json_string(sampling->pulse.name));
	else
		json_object_set_new(head, "interval_ns", json_number(sampling->interval));
	return head;
}

static json_t *row_json(const struct sampling *sampling, const struct sample *sample)
{
	json_t *values = json_array();

	for (size_t i = 0; i < sampling->count; i++)
		json_array_append_new(values, figure_json(sampling->kind, sample->values[i]));
	return json_pack("{s:o, s:o, s:o, s:o}", "t_ns", json_number(sample->time), "missed",
			 json_number(sample->missed), "span_ns", json_number(sample->span),
			 "values", values);
}

/* ---- what is told ---- */

void sheet_head(struct sheet *sheet)
{
	if (sheet->form == SHEET_JSON)
		put_json(sheet, head_json(sheet->sampling));
	else
		put_head(sheet);
	drain(sheet, 0);
}

void sheet_row(struct sheet *sheet, const struct sample *sample)
{
	if (sheet->form == SHEET_JSON)
		put_json(sheet, row_json(sheet->sampling, sample));
	else
		put_row(sheet, sample);
}

/* An empty line is a gap in gnuplot's curve. */
void sheet_mark(struct sheet *sheet, const char *mark)
{
	if (sheet->form == SHEET_JSON)
		put_json(sheet, json_pack("{s:s}", "mark", mark));
	else
		put(sheet, "%s# %s\n", sheet->form == SHEET_GNUPLOT ? "\n" : "", mark);
}

void sheet_started(struct sheet *sheet, const char *when)
{
	if (sheet->form == SHEET_JSON)
		put_json(sheet, json_pack("{s:s, s:s}", "mark", "started", "when", when));
	else
		put(sheet, "# started: %s\n", when);
}

static void put_end(struct sheet *sheet, uint64_t rows)
{
	const char *why = sampling_why(sheet->sampling);
	uint64_t missed = sheet->sampling->missed + sheet->sampling->missed_now;

	if (sheet->form == SHEET_JSON)
		put_json(sheet, json_pack("{s:s, s:o, s:o}", "end", why, "samples",
					  json_number(rows), "missed", json_number(missed)));
	else
		put(sheet, "# end: %s, %llu samples, %llu missed\n", why, (unsigned long long)rows,
		    (unsigned long long)missed);
}

static int output_failed(const struct sheet *sheet)
{
	const struct context *context = sheet->sampling->follow.context;

	if (sheet->err == -EPIPE)
		return STATUS_OK; /* its reader has had enough */
	if (sheet->err)
		return report(context, sheet->err, "%s: %s", sheet->name, strerror(-sheet->err));
	return report(context, -EIO, "%s: its reader does not take the last %zu bytes", sheet->name,
		      sheet->used);
}

int sheet_end(struct sheet *sheet, uint64_t rows)
{
	put_end(sheet, rows);
	drain(sheet, LAST_MS);
	return sheet->err || sheet->used ? output_failed(sheet) : STATUS_OK;
}

/* ---- files ---- */

static int open_file(struct sheet *sheet, const char *file, bool force)
{
	const struct context *context = sheet->sampling->follow.context;
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);

	sheet->name = file;
	sheet->fd = open(file, flags, 0644);
	if (sheet->fd >= 0)
		return 0;
	if (errno == EEXIST)
		return report(context, -errno, "%s is there already: --force writes over it", file);
	return report(context, -errno, "%s: %s", file, strerror(errno));
}

int sheet_open(struct sheet *sheet, struct sampling *sampling, enum sheet_form form,
	       const char *file, bool force)
{
	int status = 0;

	*sheet = (struct sheet){ .sampling = sampling,
				 .form = form,
				 .fd = STDOUT_FILENO,
				 .name = "standard output",
				 .buffer = malloc(ROOM) };
	if (!sheet->buffer)
		return out_of_memory(sampling->follow.context);
	if (file && strcmp(file, "-"))
		status = open_file(sheet, file, force);
	sampling->reader = sheet->fd;
	return status;
}

int sheet_close(struct sheet *sheet, int status)
{
	int err = sheet->fd > STDOUT_FILENO && close(sheet->fd) ? -errno : 0;

	free(sheet->buffer);
	if (!err || status)
		return status;
	return report(sheet->sampling->follow.context, err, "%s: %s", sheet->name, strerror(-err));
}
