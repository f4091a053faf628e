/* SPDX-License-Identifier: MIT */
/*
 * mmioctl: the command line of mmiod. This file knows the verbs and the options, and nothing of what the verbs do.
 */
#include "mmioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Options, as bits, so that a verb can say which it knows. */
enum {
	TABLE = 1 << 0, /* -o, -O, --no-headings, --bytes */
	CACHE = 1 << 1, /* --uc, --wc */
	RIGHTS = 1 << 2, /* --read-only, --exclusive, ... */
	DEADLINE = 1 << 3,
	COMMAND = 1 << 4, /* -- COMMAND */
};

static const struct verb {
	const char *name;
	const char *arguments;
	const char *summary;
	unsigned int options;
	int (*run)(struct context *context, int argc, char **argv);
	const char *group; /* starts here */
} verbs[] = {
	{ "status", "", "what the daemon says of itself", 0, verb_status, "See what there is" },
	{ "list", "", "the regions that you may see", TABLE, verb_list, NULL },
	{ "leases", "", "the leases that you may see", TABLE, verb_leases, NULL },
	{ "read", "TARGET", "read a register, or as many as LENGTH holds", CACHE, verb_read,
	  "Access registers" },
	{ "write", "TARGET VALUE", "write a register", CACHE, verb_write, NULL },
	{ "dump", "TARGET [LENGTH]", "show many registers as a hex dump", CACHE, verb_dump, NULL },
	{ "hold", "TARGET… [-- COMMAND ARG…]", "keep leases while the command, or mmioctl, runs",
	  CACHE | RIGHTS | COMMAND, verb_hold, "Hold and take" },
	{ "revoke", "LEASE…", "take leases from their holders (administrators)", DEADLINE,
	  verb_revoke, NULL },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

enum {
	OPT_SOCKET = 256,
	OPT_JSON,
	OPT_BYTES,
	OPT_NO_HEADINGS,
	OPT_READ_ONLY,
	OPT_EXCLUSIVE,
	OPT_SHARED_READ,
	OPT_SHARED_WRITE,
	OPT_UC,
	OPT_WC,
	OPT_DEADLINE,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "output-all", no_argument, NULL, 'O' },
	{ "bytes", no_argument, NULL, OPT_BYTES },
	{ "no-headings", no_argument, NULL, OPT_NO_HEADINGS },
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ "exclusive", no_argument, NULL, OPT_EXCLUSIVE },
	{ "shared-read", no_argument, NULL, OPT_SHARED_READ },
	{ "shared-write", no_argument, NULL, OPT_SHARED_WRITE },
	{ "uc", no_argument, NULL, OPT_UC },
	{ "wc", no_argument, NULL, OPT_WC },
	{ "deadline", required_argument, NULL, OPT_DEADLINE },
	{ NULL, 0, NULL, 0 },
};

static const char *option_name(int code)
{
	for (const struct option *option = long_options; option->name; option++)
		if (option->val == code)
			return option->name;
	return "?";
}

static void print_columns(const char *verb, const struct column *columns, size_t count)
{
	printf("\nColumns of %s (* usual):\n", verb);
	for (size_t i = 0; i < count; i++)
		printf("  %-11s%c %s\n", columns[i].name, columns[i].usual ? '*' : ' ',
		       columns[i].help);
}

static int print_help(void)
{
	printf("mmioctl: device memory through the mmiod daemon\n\n"
	       "Usage: mmioctl [OPTION…] VERB [ARGUMENT…]\n\n"
	       "Examples:\n"
	       "  mmioctl list                            which regions there are\n"
	       "  mmioctl read edu+0x8                    the register at 0x8, as the region's "
	       "width\n"
	       "  mmioctl write edu+0x8:32 12             12 into it, by one 32-bit store\n"
	       "  mmioctl dump shm+0x1000/256             256 bytes as a hex dump\n"
	       "  mmioctl hold shm+0x1000/0x1000 -- CMD   run CMD with the window's file at "
	       "descriptor 3\n"
	       "  mmioctl leases --json                   who holds what, for programs\n");
	for (size_t i = 0; i < VERBS; i++) {
		if (verbs[i].group)
			printf("\n%s:\n", verbs[i].group);
		printf("  %-7s%-27s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].summary);
	}
	printf("\nTARGET is REGION[+OFFSET][/LENGTH][:WIDTH]; WIDTH is 8, 16, 32 or 64 bits. "
	       "Numbers are decimal or 0x…,\n"
	       "in targets with K, M or G behind them.\n"
	       "\nOptions:\n"
	       "      --socket PATH     of the daemon (or MMIOD_SOCKET; /run/mmiod/mmiod.sock)\n"
	       "      --json            output and errors for programs (schema %d)\n"
	       "  -o, --output COLUMNS  columns of a table, with commas between them\n"
	       "  -O, --output-all      all columns\n"
	       "      --no-headings     no line of headings\n"
	       "      --bytes           sizes in bytes, not in K, M, G\n"
	       "      --uc, --wc        uncached or write-combining (default: as configured)\n"
	       "      --read-only       hold: no right to write\n"
	       "      --exclusive, --shared-read, --shared-write\n"
	       "                        hold: what others may do meanwhile (default: as "
	       "configured)\n"
	       "      --deadline TIME   revoke: ask first, take after TIME: 500ms, 2s, 1min "
	       "(default: take now)\n"
	       "  -h, --help            this text\n"
	       "  -V, --version\n",
	       JSON_SCHEMA);
	print_columns("list", region_columns, region_column_count);
	print_columns("leases", lease_columns, lease_column_count);
	printf("\nExit status: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 busy or quota, 6 "
	       "no daemon,\n"
	       "7 revoked or device gone, 8 timeout; hold: that of its command\n");
	return STATUS_OK;
}

/* Which group of verbs an option belongs to; 0: all. */
static unsigned int option_group(int code)
{
	switch (code) {
	case 'o':
	case 'O':
	case OPT_BYTES:
	case OPT_NO_HEADINGS:
		return TABLE;
	case OPT_UC:
	case OPT_WC:
		return CACHE;
	case OPT_READ_ONLY:
	case OPT_EXCLUSIVE:
	case OPT_SHARED_READ:
	case OPT_SHARED_WRITE:
		return RIGHTS;
	case OPT_DEADLINE:
		return DEADLINE;
	default:
		return 0;
	}
}

static int set_deadline(struct context *context, const char *text)
{
	if (parse_duration(text, &context->deadline_ms))
		return usage_error(context, "\"%s\" is not a time: 500ms, 2s or 1min", text);
	return 0;
}

static int set_option(struct context *context, int code, const char *argument)
{
	switch (code) {
	case OPT_SOCKET:
		context->socket = argument;
		break;
	case OPT_JSON:
		context->json = true;
		break;
	case 'o':
		context->columns = argument;
		break;
	case 'O':
		context->all_columns = true;
		break;
	case OPT_BYTES:
		context->bytes = true;
		break;
	case OPT_NO_HEADINGS:
		context->no_headings = true;
		break;
	case OPT_READ_ONLY:
		context->read_only = true;
		break;
	case OPT_EXCLUSIVE:
		context->share = MMIOD_SHARE_EXCLUSIVE;
		break;
	case OPT_SHARED_READ:
		context->share = MMIOD_SHARE_READ;
		break;
	case OPT_SHARED_WRITE:
		context->share = MMIOD_SHARE_WRITE;
		break;
	case OPT_UC:
		context->cache = MMIOD_CACHE_UC;
		break;
	case OPT_WC:
		context->cache = MMIOD_CACHE_WC;
		break;
	case OPT_DEADLINE:
		return set_deadline(context, argument);
	}
	return 0;
}

/* Everything that getopt finds; -1: go on with what is behind the options. */
static int read_options(struct context *context, int argc, char **argv, unsigned int *groups)
{
	int code;

	opterr = 0;
	while ((code = getopt_long(argc, argv, ":hVo:O", long_options, NULL)) != -1) {
		int status;

		if (code == 'h')
			return print_help();
		if (code == 'V')
			return printf("mmioctl %s\n", mmiod_version()) < 0;
		if (code == ':')
			return usage_error(context, "option %s needs an argument",
					   argv[optind - 1]);
		if (code == '?')
			return usage_error(context, "unknown option %s (see mmioctl --help)",
					   argv[optind - 1]);
		status = set_option(context, code, optarg);
		if (status)
			return status;
		groups[option_group(code)] = (unsigned int)code;
	}
	return -1;
}

static const struct verb *find_verb(const struct context *context, const char *name)
{
	const char *names[VERBS], *nearest;

	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
		names[i] = verbs[i].name;
	}
	nearest = nearest_word(name, names, VERBS);
	if (nearest)
		usage_error(context, "no verb \"%s\"; did you mean \"%s\"?", name, nearest);
	else
		usage_error(context, "no verb \"%s\" (see mmioctl --help)", name);
	return NULL;
}

static int check_groups(const struct context *context, const struct verb *verb,
			const unsigned int *groups)
{
	for (unsigned int group = 1; group <= DEADLINE; group <<= 1)
		if (groups[group] && !(verb->options & group))
			return usage_error(context, "%s does not know --%s", verb->name,
					   option_name((int)groups[group]));
	if (context->command && !(verb->options & COMMAND))
		return usage_error(context, "%s runs no command: leave \"--\" out", verb->name);
	if (context->command && !context->command[0])
		return usage_error(context, "no command behind \"--\"");
	return 0;
}

/* getopt moves arguments about, across "--" too: part the command before. Returns how many are left. */
static int part_command(struct context *context, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		context->command = argv + i + 1;
		argv[i] = NULL;
		return i;
	}
	return argc;
}

static int run(struct context *context, int argc, char **argv)
{
	unsigned int groups[DEADLINE + 1] = { 0 };
	const struct verb *verb;
	int status;

	argc = part_command(context, argc, argv);
	status = read_options(context, argc, argv, groups);
	if (status >= 0)
		return status;
	if (optind == argc)
		return usage_error(context, "what? Give a verb: see mmioctl --help");
	verb = find_verb(context, argv[optind]);
	if (!verb)
		return STATUS_USAGE;
	status = check_groups(context, verb, groups);
	if (status)
		return status;
	return verb->run(context, argc - optind - 1, argv + optind + 1);
}

/* A reader that went away is no failure; a full disk is. */
static int close_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	fprintf(stderr, "mmioctl: cannot write the output: %s\n", strerror(errno));
	return status ? status : STATUS_FAILED;
}

/*
 * Started without standard files, the daemon's socket would become one of them, and take what is printed. What is put
 * in their place can be neither read nor written, so that the loss is noticed.
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
	struct context context = { 0 };
	int status;

	fill_standard_files();
	signal(SIGPIPE, SIG_IGN);
	/* So that an error in an earlier option is already told in the form that a later --json asks for. */
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		context.json |= !strcmp(argv[i], "--json");
	status = run(&context, argc, argv);
	mmiod_client_free(context.client);
	return close_output(status);
}
