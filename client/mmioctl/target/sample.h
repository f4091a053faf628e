/* SPDX-License-Identifier: MIT */
/*
 * Samples of registers at a fixed rate, or at interrupts: what record and plot have in common.
 *
 * A tick is a point on CLOCK_MONOTONIC, or an interrupt; at each all series are read back to back, by
 * mediated access. Ticks that passed meanwhile are counted and never made up for. While a device sleeps, or
 * a guest waits for its place, there are neither samples nor missed ticks.
 */
#ifndef MMIOCTL_SAMPLE_H
#define MMIOCTL_SAMPLE_H

#include "output/figure.h"
#include "regmap/regmap.h"
#include "target/follow.h"
#include "target/pulse.h"

#include <signal.h>
#include <time.h>

#define SERIES_MAX 64
#define SERIES_NAME_MAX (2 * MAP_NAME_MAX + 2)

struct sample_options {
	struct lease_options lease;
	struct given rate; /* a second */
	uint32_t interval_ms;
	const char *irq; /* NULL: at ticks */
	bool with_sign;
	bool delta;
	struct given count;
	uint32_t time_ms; /* --for; 0: no end */
	const char *fields; /* with commas between them; NULL: the targets themselves */
	const char *map_file;
	struct map_choice choice;
	bool screen; /* who samples has the terminal: SIGTSTP and SIGQUIT are for it to handle */
};

/* clang-format off */
#define SAMPLE_OPTIONS(type, field) \
	LEASE_OPTIONS(type, field.lease), \
	WIDTH_OPTION(type, field.lease), \
	{ "rate", 0, "N", "samples a second, 1 to 20000 (default: 10)", \
	  NUMBER(type, field.rate) }, \
	{ "interval", 0, "TIME", "from one sample to the next, instead", \
	  TIME(type, field.interval_ms) }, \
	COUNT_OPTION(type, field.count), \
	{ "for", 0, "TIME", "end after so long", TIME(type, field.time_ms) }, \
	{ "field", 0, "NAMES", "of TARGET's map: REGISTER[.FIELD], with commas", \
	  TEXT(type, field.fields) }, \
	{ "signed", 0, NULL, "the highest bit is a sign", FLAG(type, field.with_sign) }, \
	{ "delta", 0, NULL, "the change in a second, instead of the value", \
	  FLAG(type, field.delta) }, \
	MAP_FILE_OPTION(type, field.map_file), \
	MAP_CHOICE_OPTIONS(type, field.choice)
/* clang-format on */

struct series {
	char name[SERIES_NAME_MAX];
	size_t place;
	uint64_t at; /* in the place, in elements */
	unsigned int width; /* bytes of the element */
	unsigned int high, low; /* bits of it */
};

struct sample {
	uint64_t time; /* ns from the start of the first tick */
	uint64_t span; /* ns until the last series was read */
	uint64_t missed; /* ticks since the sample before */
	const uint64_t *values; /* one of each series, a figure of the sampling's kind */
};

enum sampled {
	SAMPLED, /* there are values */
	SAMPLED_PAUSED, /* the first tick without any */
	SAMPLED_ON, /* values again */
	SAMPLED_NOTHING, /* still without any, or something of the terminal is to be done */
	SAMPLED_END,
};

struct sampling {
	struct follow follow;
	const struct sample_options *options;
	struct series series[SERIES_MAX];
	size_t count;
	enum figure_kind kind;
	uint64_t values[SERIES_MAX];
	uint64_t before[SERIES_MAX]; /* --delta: what was read last */
	uint64_t before_ns; /* when; 0: nothing was */
	void *buffers[SERIES_MAX]; /* owned; of the places */
	uint64_t interval; /* ns */
	uint64_t next; /* tick, of CLOCK_MONOTONIC */
	uint64_t listened; /* ns, when last */
	struct pulse pulse; /* --irq */
	struct timespec started, started_real; /* of the first tick */
	uint64_t begun; /* ns of CLOCK_MONOTONIC, from which --for counts; 0: not yet */
	uint64_t samples, missed; /* in all; --count ends by the former */
	uint64_t missed_now; /* since the last sample */
	bool paused;
	bool resized; /* the terminal: for the caller to clear */
	bool stopped; /* by Ctrl-Z: likewise; with a screen only */
	int signals; /* a signalfd; -1: none yet */
	sigset_t mask; /* before */
	int reader; /* polled for who reads the output: -1: nobody is asked */
};

/* What is to be sampled, leased; and the clock is started. Exit status. */
int sampling_open(struct context *context, struct sampling *sampling,
		  const struct sample_options *options, int argc, char **argv);
void sampling_close(struct sampling *sampling);
/* Waits for the next tick. */
enum sampled sampling_next(struct sampling *sampling, struct sample *sample);
/* Ends it with that word, unless it has ended. */
void sampling_end(struct sampling *sampling, const char *why);
/* The words of the end, such as "interrupted". */
const char *sampling_why(const struct sampling *sampling);

#endif
