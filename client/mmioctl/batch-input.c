/* SPDX-License-Identifier: MIT */
/*
 * Before it waits for more, what was printed goes out: who writes a line may wait for its answer.
 * While it waits, the leases that are kept are given back when somebody asks for them, or when
 * nothing has come for a second.
 */
#include "batch-input.h"
#include "batch-line.h"
#include "target/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SILENCE_MS 1000

/* Verbs that read standard input themselves would take the lines that follow for it. */
static int take_standard_input(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ? -errno : 0;

	if (nothing >= 0)
		close(nothing);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int input_open(struct input *input, struct context *context, const char *name)
{
	bool standard = !strcmp(name, "-");

	*input = (struct input){ .context = context, .name = standard ? "-" : name };
	input->buffer = malloc(LINE_BYTES_MAX);
	input->fd = standard ? take_standard_input() : open(name, O_RDONLY | O_CLOEXEC);
	if (input->fd < 0)
		return report(context, standard ? input->fd : -errno, "%s: %s", name,
			      strerror(standard ? -input->fd : errno));
	return input->buffer ? 0 : out_of_memory(context);
}

void input_close(struct input *input)
{
	if (input->fd >= 0)
		close(input->fd);
	free(input->buffer);
}

static void wait_for_input(struct input *input)
{
	struct pollfd polls[2] = { { .fd = input->fd, .events = POLLIN }, { .fd = -1 } };
	struct context *context = input->context;

	if (poll(polls, 1, 0) > 0)
		return;
	output_flush();
	for (;;) {
		int n;

		polls[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
		if (context->client)
			polls[1].fd = mmiod_client_event_fd(context->client);
		n = poll(polls, 2, SILENCE_MS);
		if (n == 0 || !context->client)
			kept_release(context->kept);
		if (n > 0 && polls[1].revents)
			kept_listen(context->kept);
		if ((n < 0 && errno != EINTR) || polls[0].revents)
			return;
		/* Nothing is kept that somebody could ask for, nor renewed. */
		if (n == 0 && poll(polls, 1, -1) > 0)
			return;
	}
}

static int read_more(struct input *input)
{
	ssize_t n;

	memmove(input->buffer, input->buffer + input->start, input->end - input->start);
	input->end -= input->start;
	input->start = 0;
	if (input->end == LINE_BYTES_MAX)
		return -E2BIG;
	wait_for_input(input);
	n = read(input->fd, input->buffer + input->end, LINE_BYTES_MAX - input->end);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	input->ended = n == 0;
	input->end += (size_t)n;
	return 0;
}

int input_line(struct input *input, const char **text, size_t *length)
{
	for (;;) {
		char *start = input->buffer + input->start;
		size_t have = input->end - input->start;
		const char *newline = memchr(start, '\n', have);
		int err;

		if (newline || (input->ended && have)) {
			*text = start;
			*length = newline ? (size_t)(newline - start) : have;
			input->start += *length + (newline ? 1 : 0);
			return 1;
		}
		if (input->ended)
			return 0;
		err = read_more(input);
		if (err)
			return err;
	}
}
