/* SPDX-License-Identifier: MIT */
/*
 * From words to a verb that runs: which verb it is, whether its arguments can be right, and its
 * options. Called for the command line and for each line of a batch.
 */
#include "verb.h"

#include <string.h>
#include <common/word.h>

#define VERBS_MAX 128 /* that a misspelt name is compared with */

/* NULL, with the error told, when there is none of that name. */
const struct verb *find_verb(const struct context *context, const char *name)
{
	const char *names[VERBS_MAX], *nearest;
	size_t count = 0;

	for (const struct verb *const *verb = context->verbs; *verb; verb++) {
		if (!strcmp((*verb)->name, name))
			return *verb;
		if ((*verb)->group != GROUP_HIDDEN && count < VERBS_MAX)
			names[count++] = (*verb)->name;
	}
	nearest = common_nearest(name, names, count);
	if (nearest)
		usage_error(context, "no verb \"%s\"; did you mean \"%s\"?", name, nearest);
	else
		usage_error(context, "no verb \"%s\" (see mmioctl --help)", name);
	return NULL;
}

static bool prints_tables(const struct verb *verb)
{
	const struct verb_option *option = verb->options;

	while (option && option->name && !option->common)
		option++;
	return option && option->name;
}

/* @command: the words behind "--"; NULL: there is none. */
static int check_arguments(const struct context *context, const struct verb *verb, int argc,
			   char **argv, char **command)
{
	const struct table_options *table = &context->table;
	bool told = table->columns || table->all_columns || table->no_headings || table->bytes;

	if (told && !prints_tables(verb))
		return usage_error(context,
				   "%s prints no table: it knows none of -o, -O, "
				   "--no-headings and --bytes",
				   verb->name);
	if (command && !verb->command)
		return usage_error(context, "%s runs no command: leave \"--\" out", verb->name);
	if (command && !command[0])
		return usage_error(context, "no command behind \"--\"");
	if (argc > verb->most)
		return usage_error(context, "%s takes no \"%s\"", verb->name, argv[verb->most]);
	if (argc < verb->least)
		return usage_error(context, "usage: mmioctl %s %s", verb->name, verb->arguments);
	return 0;
}

/* getopt moves arguments about, across "--" too: part the command before. */
char **part_command(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

/* @before: as it was before the options were read. */
int check_socket(const struct context *context, const char *before)
{
	if (!context->kept || context->socket == before)
		return 0;
	return usage_error(context, "--socket goes with the batch, which has one connection");
}

static char dash_dash[] = "--";

int dispatch_verb(struct context *context, const struct verb *verb, int argc, char **argv,
		  char **command)
{
	const char *socket = context->socket;
	int used, status = read_verb_options(context, verb, argc, argv, &used);

	if (status >= 0)
		return status;
	status = check_socket(context, socket);
	if (status)
		return status;
	if (context->help)
		return print_verb_help(verb);
	if (context->version)
		return print_version();
	argc -= used;
	argv += used;
	status = check_arguments(context, verb, argc, argv, command);
	if (status)
		return status;
	/* A "--" among the words of a command that none precedes is one of them. */
	if (command && verb->runs_arguments && argc)
		argv[argc] = dash_dash;
	else if (command)
		*verb->command = command;
	return verb->run(context, argc, argv);
}
