/* SPDX-License-Identifier: MIT */
/*
 * Sentences of the supervisor. While it writes, no program gets an answer, so it writes only when
 * there is room, and drops and counts the rest. The file may be the programs' own, and a change of
 * its flags would be theirs too: therefore poll() and not O_NONBLOCK. A pipe with POLLOUT takes a
 * page at once; a terminal that stops writers in the background does so by SIGTTOU, which the
 * supervisor ignores.
 */
#include "run/say.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int dropped;

unsigned int say_dropped(void)
{
	return dropped;
}

static void put(const char *line)
{
	struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };
	size_t length = strlen(line);

	if (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT) ||
	    write(STDERR_FILENO, line, length) != (ssize_t)length)
		dropped++;
}

static void put_json(const char *message)
{
	json_t *root =
		json_pack("{s:i, s:o}", "schema", JSON_SCHEMA, "message", json_text(message));
	char *text = json_dumps(root, JSON_ENSURE_ASCII), line[4096];

	if (text) {
		snprintf(line, sizeof(line), "%s\n", text);
		put(line);
	}
	free(text);
	json_decref(root);
}

void say_while_running(const struct context *context, const char *format, ...)
{
	char message[1024], line[1040];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (context->json) {
		put_json(message);
		return;
	}
	snprintf(line, sizeof(line), "run: %s\n", message);
	put(line);
}
