/* SPDX-License-Identifier: MIT */
/*
 * mmioctl: the command line of mmiod. From the arguments to the verb; verbs.c knows which there
 * are, options.c the options, help.c how to tell of them.
 */
#include "verb.h"

#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

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

/*
 * getopt moves arguments about, across "--" too: part the command before. Returns how many are
 * left.
 */
static int part_command(int argc, char **argv, char ***command)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		*command = argv + i + 1;
		argv[i] = NULL;
		return i;
	}
	return argc;
}

static int print_version(void)
{
	printf("mmioctl %s\n", mmiod_version());
	return STATUS_OK;
}

static char dash_dash[] = "--";

static int call_verb(struct context *context, const struct verb *verb, int argc, char **argv,
		     char **command)
{
	int used, status = read_verb_options(context, verb, argc, argv, &used);

	if (status >= 0)
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

static int run(struct context *context, int argc, char **argv)
{
	const struct verb *verb;
	char **command = NULL;
	int used, status;

	argc = part_command(argc, argv, &command);
	status = read_common_options(context, argc, argv, &used);
	if (status >= 0)
		return status;
	if (context->version)
		return print_version();
	if (used == argc)
		return context->help
			       ? print_help()
			       : usage_error(context, "what? Give a verb: see mmioctl --help");
	/* As other programs that have verbs: "help", and "help VERB". */
	if (!strcmp(argv[used], "help")) {
		context->help = true;
		if (++used == argc)
			return print_help();
	}
	verb = find_verb(context, argv[used]);
	return verb ? call_verb(context, verb, argc - used, argv + used, command) : STATUS_USAGE;
}

/*
 * Started without standard files, the daemon's socket would become one of them, and take what is
 * printed. The files that are put in their place can be neither read nor written, so that the loss
 * is noticed.
 */
static void fill_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_PATH | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct context context = { .verbs = verbs };
	int status;

	setlocale(LC_CTYPE, ""); /* what the terminal can show */
	fill_standard_files();
	/*
	 * So that an error in an earlier option is already told in the form that a later --json
	 * asks for.
	 */
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		context.json |= !strcmp(argv[i], "--json");
	status = run(&context, argc, argv);
	mmiod_client_free(context.client);
	return output_close(&context, status);
}
