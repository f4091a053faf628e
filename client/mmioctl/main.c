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

static int run(struct context *context, int argc, char **argv)
{
	const struct verb *verb;
	char **command;
	int used, status;

	command = part_command(&argc, argv);
	status = read_common_options(context, argc, argv, &used);
	if (status >= 0)
		return status;
	if (context->version)
		return print_version();
	if (used == argc)
		return context->help
			       ? print_help(context)
			       : usage_error(context, "what? Give a verb: see mmioctl --help");
	/* As other programs that have verbs: "help", and "help VERB". */
	if (!strcmp(argv[used], "help")) {
		context->help = true;
		if (++used == argc)
			return print_help(context);
	}
	verb = find_verb(context, argv[used]);
	return verb ? dispatch_verb(context, verb, argc - used, argv + used, command)
		    : STATUS_USAGE;
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
