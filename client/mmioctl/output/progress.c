/* SPDX-License-Identifier: MIT */
/*
 * A progress bar on stderr, for what takes longer than a second and only where somebody sees it: a
 * terminal. It is one line that is wiped off again.
 */
#include "output/output.h"
#include "output/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATIENCE_MS 1000
#define REDRAW_MS 100

void progress_begin(struct progress *progress, const struct context *context, const char *what,
		    uint64_t total)
{
	*progress = (struct progress){
		.shown = !context->json && isatty(STDERR_FILENO),
		.what = what,
		.total = total,
		.started = now_ms(),
	};
}

static unsigned int terminal_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
}

static void draw(const struct progress *progress, uint64_t done, uint64_t elapsed)
{
	char size[16], rate[16], text[80], bar[200];
	unsigned int width = terminal_width(), room, filled;
	unsigned int percent = (unsigned int)((double)done * 100 / (double)progress->total);

	size_words(done, size, sizeof(size));
	size_words(done * 1000 / elapsed, rate, sizeof(rate));
	snprintf(text, sizeof(text), "%3u%% %s, %s/s", percent, size, rate);
	room = (unsigned int)(strlen(progress->what) + strlen(text)) + 5;
	room = width > room ? width - room : 0;
	if (room >= sizeof(bar))
		room = sizeof(bar) - 1;
	filled = room * percent / 100;
	memset(bar, '#', filled);
	memset(bar + filled, ' ', room - filled);
	bar[room] = '\0';
	fprintf(stderr, "\r%s [%s] %s\033[K", progress->what, bar, text);
}

void progress_step(struct progress *progress, uint64_t done)
{
	uint64_t now;

	if (!progress->shown || !progress->total)
		return;
	now = now_ms();
	if (now - progress->started < PATIENCE_MS || now - progress->last < REDRAW_MS)
		return;
	progress->last = now;
	progress->drawn = true;
	draw(progress, done, now - progress->started);
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fprintf(stderr, "\r\033[K");
	progress->drawn = false;
}
