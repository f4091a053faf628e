/* SPDX-License-Identifier: MIT */
/*
 * mmioctl plot: samples of registers as a curve that moves through the terminal, or as a line a sample
 * where there is none. Memory is columns by series, however long it runs.
 */
#include "output/chart.h"
#include "target/sample.h"
#include "verb.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_KEPT 2048 /* of a terminal 1024 characters wide */
#define COLUMNS_SECOND 20 /* at most: of more samples several share one */
#define REDRAW_NS 100000000ull
#define BAR 20

static struct plot_options {
	struct sample_options sample;
	bool plain;
} options;

static const struct verb_option option_rows[] = {
	SAMPLE_OPTIONS(struct plot_options, sample),
	{ "plain", 0, NULL, "a line a sample, as where there is no terminal",
	  FLAG(struct plot_options, plain) },
	{ 0 },
};

struct plot {
	struct context *context;
	struct sampling sampling;
	struct chart *chart;
	const char *names[SERIES_MAX];
	uint64_t in_column; /* samples of the newest column */
	uint64_t a_column; /* samples */
	uint64_t drawn; /* when: time of the sample */
	bool screen; /* it is ours */
	uint64_t least[SERIES_MAX], greatest[SERIES_MAX]; /* --plain: of the bars, ranks */
};

/* ---- the terminal ---- */

static void take_screen(struct plot *plot)
{
	fputs("\033[?1049h\033[?25l\033[H\033[2J", stdout);
	plot->screen = true;
}

/* On every end, and before anything is said that must be seen. */
static void give_screen(void *data)
{
	struct plot *plot = data;

	if (plot->screen)
		fputs("\033[?25h\033[?1049l", stdout);
	plot->screen = false;
	fflush(stdout);
}

static void find_size(struct chart_look *look)
{
	struct winsize size;

	look->width = 80;
	look->height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		return;
	look->width = size.ws_col < COLUMNS_KEPT / 2 ? size.ws_col : COLUMNS_KEPT / 2;
	look->height = size.ws_row < 512 ? size.ws_row : 512;
}

static void draw(struct plot *plot, const char *remark)
{
	struct chart_look look = {
		.braille = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.colored = is_colored(plot->context, stdout),
		.end = "\033[K\r\n",
		.column_ns = plot->sampling.interval * plot->a_column,
		.names = plot->names,
		.kind = plot->sampling.kind,
		.remark = remark,
	};

	if (!plot->screen)
		take_screen(plot);
	find_size(&look);
	fputs("\033[H", stdout);
	chart_draw(plot->chart, &look, stdout);
	fputs("\033[K\033[J", stdout);
	if (output_flush())
		follow_end(&plot->sampling.follow, STATUS_FAILED);
}

/* Ctrl-Z: the shell gets its screen, and we ours when we go on. */
static void handle_terminal(struct plot *plot)
{
	if (!plot->sampling.stopped && !plot->sampling.resized)
		return;
	if (plot->sampling.stopped) {
		give_screen(plot);
		raise(SIGSTOP);
	}
	plot->sampling.stopped = false;
	plot->sampling.resized = false;
	draw(plot, plot->sampling.paused ? "suspended" : "");
}

/* ---- samples ---- */

static void add_sample(struct plot *plot, const struct sample *sample)
{
	if (plot->in_column == plot->a_column) {
		chart_next_column(plot->chart);
		plot->in_column = 0;
	}
	plot->in_column++;
	for (size_t i = 0; i < plot->sampling.count; i++)
		chart_add(plot->chart, i, figure_rank(plot->sampling.kind, sample->values[i]));
	if (plot->drawn && sample->time - plot->drawn < REDRAW_NS)
		return;
	plot->drawn = sample->time;
	draw(plot, "");
}

static void take(struct plot *plot)
{
	struct sample sample;

	switch (sampling_next(&plot->sampling, &sample)) {
	case SAMPLED:
	case SAMPLED_ON:
		add_sample(plot, &sample);
		break;
	case SAMPLED_PAUSED:
		draw(plot, "suspended");
		break;
	case SAMPLED_NOTHING:
		handle_terminal(plot);
		break;
	default:
		break;
	}
}

/* ---- without a terminal ---- */

static void print_bar(struct plot *plot, size_t i, uint64_t value)
{
	enum figure_kind kind = plot->sampling.kind;
	uint64_t rank = figure_rank(kind, value), range;
	char words[FIGURE_WORDS];
	size_t length;

	if (rank < plot->least[i])
		plot->least[i] = rank;
	if (rank > plot->greatest[i])
		plot->greatest[i] = rank;
	range = plot->greatest[i] - plot->least[i];
	length = range ? (size_t)((unsigned __int128)(rank - plot->least[i]) * BAR / range) : 0;
	printf("  %s %-10s [", plot->names[i], figure_words(kind, value, words));
	for (size_t at = 0; at < BAR; at++)
		putchar(at < length ? '#' : ' ');
	putchar(']');
}

static void print_sample(struct plot *plot, const struct sample *sample)
{
	printf("%llu.%03llu", (unsigned long long)(sample->time / 1000000000),
	       (unsigned long long)(sample->time / 1000000 % 1000));
	for (size_t i = 0; i < plot->sampling.count; i++)
		print_bar(plot, i, sample->values[i]);
	putchar('\n');
	if (output_flush())
		follow_end(&plot->sampling.follow, STATUS_FAILED);
}

static void print_next(struct plot *plot)
{
	struct sample sample;
	enum sampled sampled = sampling_next(&plot->sampling, &sample);

	if (sampled == SAMPLED || sampled == SAMPLED_ON)
		print_sample(plot, &sample);
}

/* ---- the verb ---- */

static int begin(struct plot *plot)
{
	struct sampling *sampling = &plot->sampling;

	plot->a_column = 1000000000 / COLUMNS_SECOND / sampling->interval;
	plot->a_column += !plot->a_column;
	for (size_t i = 0; i < sampling->count; i++) {
		plot->names[i] = sampling->series[i].name;
		plot->least[i] = UINT64_MAX;
	}
	plot->chart = chart_new(sampling->count, COLUMNS_KEPT);
	sampling->reader = STDOUT_FILENO;
	sampling->follow.tells = give_screen;
	sampling->follow.tell_data = plot;
	return plot->chart ? 0 : out_of_memory(plot->context);
}

static int run(struct plot *plot, bool screen)
{
	if (screen)
		take_screen(plot);
	while (!plot->sampling.follow.done) {
		if (screen)
			take(plot);
		else
			print_next(plot);
	}
	give_screen(plot);
	return plot->sampling.follow.status;
}

static int verb_plot(struct context *context, int argc, char **argv)
{
	bool screen = !options.plain && isatty(STDOUT_FILENO);
	struct plot plot = { .context = context };
	int status;

	if (context->json)
		return usage_error(context,
				   "a curve is no JSON: mmioctl record --json has samples");
	setlocale(LC_CTYPE, "");
	options.sample.screen = screen;
	status = sampling_open(context, &plot.sampling, &options.sample, argc, argv);
	if (!status)
		status = begin(&plot);
	if (!status)
		status = run(&plot, screen);
	sampling_close(&plot.sampling);
	chart_free(plot.chart);
	return status;
}

const struct verb plot_verb = {
	.name = "plot",
	.arguments = "TARGET…",
	.summary = "registers as a curve that moves",
	.group = GROUP_LIVE,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_plot,
	.examples = { { "plot edu+0x20", "ten samples a second, until Ctrl-C" },
		      { "plot edu+0x4 edu+0x8 --interval 10ms", "two series, more often" },
		      { "plot edu --field STATUS.COMPUTING", "by name, from a register map" },
		      { "plot edu+0x20 --for 2s | cat", "a line a sample" } },
	.more = "Each column has the least and the greatest value of its time. The scale is that\n"
		"of what is seen; the lines below have each series' value, and the least and the\n"
		"greatest since the beginning. Ends as record does, which writes files for other\n"
		"programs to draw.\n",
};
