/* SPDX-License-Identifier: MIT */
/*
 * mmioctl batch: verbs line by line, over one connection. Each line runs as a command of its own
 * would, with nothing left of the options of the lines before it; leases are kept from one to the
 * next (target/kept.h).
 */
#include "batch-input.h"
#include "batch-line.h"
#include "batch-terminal.h"
#include "target/kept.h"
#include "verb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct batch_options {
	bool keep_going;
} options;

static const struct verb_option option_rows[] = {
	{ "keep-going", 'k', NULL, "go on after a line that fails",
	  FLAG(struct batch_options, keep_going) },
	{ 0 },
};

struct batch {
	struct context *context;
	struct line line;
	char copy[LINE_BYTES_MAX + 1];
	int status; /* of the first line that failed */
};

/* Whoever lists leases or looks at devices is not to see those of earlier lines. */
static void prepare_leases(const struct batch *batch, const struct verb *verb)
{
	if (verb->group == GROUP_ACCESS)
		kept_listen(batch->context->kept);
	else
		kept_release(batch->context->kept);
}

static int check_verb(const struct context *context, const struct verb *verb)
{
	if (verb->endless)
		return usage_error(context, "%s does not end by itself: not in a batch",
				   verb->name);
	if (verb->group == GROUP_HIDDEN)
		return usage_error(context, "%s is not for batches", verb->name);
	return 0;
}

/* Options that stand before the verb are this line's only, as those behind it. */
static int run_words(struct batch *batch, struct context *context)
{
	const char *socket = context->socket;
	char *argv[LINE_WORDS_MAX + 1],
		**command; /* a copy, which getopt puts into another order */
	int argc = (int)batch->line.count, used, status;
	const struct verb *verb;

	memcpy(argv, batch->line.words, sizeof(argv));
	command = part_command(&argc, argv);
	status = read_common_options(context, argc, argv, &used);
	if (status >= 0)
		return status;
	status = check_socket(context, socket);
	if (status)
		return status;
	if (used == argc)
		return context->help ? print_help(context)
				     : usage_error(context, "a verb is missing");
	verb = find_verb(context, argv[used]);
	if (!verb)
		return STATUS_USAGE;
	status = check_verb(context, verb);
	if (status)
		return status;
	prepare_leases(batch, verb);
	forget_options(verb);
	return dispatch_verb(context, verb, argc - used, argv + used, command);
}

static int run_line(struct batch *batch, const char *text, size_t length)
{
	struct context context = *batch->context;
	const char *problem;
	int status;

	if (length >= LINE_BYTES_MAX)
		problem = "the line is too long";
	else
		problem = line_split(&batch->line, text, length, batch->copy);
	if (problem)
		return usage_error(&context, "%s", problem);
	if (batch->line.count == 1)
		return 0;
	status = run_words(batch, &context);
	batch->context->client = context.client;
	kept_rest(context.kept);
	/* A lease that is no more fails every line that uses it: the next one takes a new one. */
	if (status)
		kept_release(context.kept);
	return status;
}

static void note_status(struct batch *batch, int status)
{
	if (status && !batch->status)
		batch->status = status;
}

static int run_lines(struct batch *batch, struct input *input)
{
	const char *text;
	size_t length;
	int n;

	batch->line.position.file = input->name;
	output_position = &batch->line.position;
	while ((n = input_line(input, &text, &length)) > 0) {
		batch->line.position.line++;
		note_status(batch, run_line(batch, text, length));
		if (ferror(stdout) || (batch->status && !options.keep_going))
			break;
	}
	output_position = NULL;
	if (n < 0)
		note_status(batch, report(batch->context, n, "%s:%lu: %s", input->name,
					  batch->line.position.line + 1,
					  n == -E2BIG ? "the line is too long" : strerror(-n)));
	return batch->status;
}

static int run_batch(struct batch *batch, const char *name)
{
	struct input input;
	int status = input_open(&input, batch->context, name);

	if (!status)
		status = run_lines(batch, &input);
	input_close(&input);
	return status;
}

/* What is typed is no file: errors have no position, and none ends it. */
static int run_typed(struct batch *batch)
{
	struct terminal *terminal = terminal_open(batch->context);
	const char *text;
	size_t length;

	if (!terminal)
		return STATUS_FAILED;
	while ((text = terminal_line(terminal, &length)))
		run_line(batch, text, length);
	terminal_close(terminal);
	return STATUS_OK;
}

static bool is_typed(int argc, char **argv)
{
	return (!argc || !strcmp(argv[0], "-")) && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int verb_batch(struct context *context, int argc, char **argv)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	int status;

	context->kept = kept_new(&context->client);
	if (!batch || !context->kept) {
		free(batch);
		return out_of_memory(context);
	}
	batch->context = context;
	if (is_typed(argc, argv)) {
		status = run_typed(batch);
	} else {
		setvbuf(stdout, NULL, _IOFBF, LINE_BYTES_MAX);
		status = run_batch(batch, argc ? argv[0] : "-");
	}
	kept_free(context->kept);
	context->kept = NULL;
	free(batch);
	return status;
}

const struct verb batch_verb = {
	.name = "batch",
	.arguments = "[FILE|-]",
	.summary = "run a verb a line, over one connection",
	.group = GROUP_ACCESS,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.least = 0,
	.most = 1,
	.run = verb_batch,
	.examples = { { "batch setup.txt", "what the file says, to the first error" },
		      { "batch --json <asked >answers",
			"an object a line, with the line's number" } },
	.more = "A line is what stands behind \"mmioctl\": a verb, its arguments and options.\n"
		"Words are quoted as in a shell, nothing is expanded, and # begins a comment.\n"
		"Errors say FILE:LINE:COLUMN, and the first one ends the batch with its status.\n"
		"Verbs that do not end by themselves (hold, alloc, watch, record, plot, top,\n"
		"monitor) are refused. Leases of read, write and the like are kept for the lines\n"
		"after them, until somebody asks for them or nothing has come for a second.\n"
		"On a terminal, lines are edited, kept in a history and completed by tab.\n",
};
