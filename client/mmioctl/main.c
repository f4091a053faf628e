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
	READ_ONLY = 1 << 2,
	SHARE = 1 << 3, /* --exclusive, ... */
	DEADLINE = 1 << 4,
	ALLOC = 1 << 5, /* --align, ... */
	MAP = 1 << 6,
	LAST_GROUP = MAP,
	COMMAND = 1 << 7, /* -- COMMAND */
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
	{ "show", "LEASE [PAGE]", "one lease, with each kind of address that it has", 0, verb_show,
	  NULL },
	{ "pools", "[--map [POOL]]", "the pools; --map draws who has what of them", TABLE | MAP,
	  verb_pools, NULL },
	{ "buffers", "", "the leases of kernel memory", TABLE, verb_buffers, NULL },
	{ "buddyinfo", "", "free blocks by order, of the pools and of the kernel's zones", TABLE,
	  verb_buddyinfo, NULL },
	{ "zones", "", "the kernel's memory zones", TABLE, verb_zones, NULL },
	{ "slabinfo", "[NAME-GLOB]", "the kernel's slab caches", TABLE, verb_slabinfo, NULL },
	{ "read", "TARGET", "read a register, or as many as LENGTH holds", CACHE, verb_read,
	  "Access registers and memory" },
	{ "write", "TARGET VALUE", "write a register", CACHE, verb_write, NULL },
	{ "dump", "TARGET [LENGTH]", "show many registers as a hex dump", CACHE, verb_dump, NULL },
	{ "fill", "TARGET VALUE", "write one value everywhere", CACHE, verb_fill, NULL },
	{ "load", "TARGET FILE", "write a file's bytes; -: standard input", CACHE, verb_load,
	  NULL },
	{ "save", "TARGET FILE", "read into a file; -: standard output", CACHE, verb_save, NULL },
	{ "copy", "FROM TO", "from one target to another", CACHE, verb_copy, NULL },
	{ "hold", "TARGET… [-- COMMAND ARG…]", "keep leases while the command, or mmioctl, runs",
	  CACHE | READ_ONLY | SHARE | COMMAND, verb_hold, "Hold, allocate and take" },
	{ "alloc", "KIND|POOL SIZE [-- COMMAND ARG…]", "allocate memory, and hold it likewise",
	  CACHE | READ_ONLY | ALLOC | COMMAND, verb_alloc, NULL },
	{ "free", "LEASE…", "give leases back, whoever still uses them", 0, verb_free, NULL },
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
	OPT_MAP,
	OPT_ALIGN, /* alloc's, from here to OPT_DEVICE */
	OPT_BELOW,
	OPT_ABOVE,
	OPT_ZONE,
	OPT_NODE,
	OPT_CONTIGUOUS,
	OPT_POWER_OF_TWO,
	OPT_ZERO,
	OPT_NO_WAIT,
	OPT_DEVICE,
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
	{ "map", no_argument, NULL, OPT_MAP },
	{ "align", required_argument, NULL, OPT_ALIGN },
	{ "below", required_argument, NULL, OPT_BELOW },
	{ "above", required_argument, NULL, OPT_ABOVE },
	{ "zone", required_argument, NULL, OPT_ZONE },
	{ "node", required_argument, NULL, OPT_NODE },
	{ "contiguous", no_argument, NULL, OPT_CONTIGUOUS },
	{ "power-of-two", no_argument, NULL, OPT_POWER_OF_TWO },
	{ "zero", no_argument, NULL, OPT_ZERO },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "device", required_argument, NULL, OPT_DEVICE },
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

/* printf() counts bytes, a terminal characters. */
static int padding(const char *text, int width)
{
	for (; *text; text++)
		width -= (*text & 0xc0) != 0x80;
	return width > 0 ? width : 0;
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
	       "  mmioctl alloc vram 2M --align 2M        2 MiB of the pool vram\n"
	       "  mmioctl alloc pages 64K --zone dma32    64 KiB of RAM below 4 GiB\n"
	       "  mmioctl pools --map vram                who has what of it\n"
	       "  mmioctl leases --json                   who holds what, for programs\n");
	for (size_t i = 0; i < VERBS; i++) {
		if (verbs[i].group)
			printf("\n%s:\n", verbs[i].group);
		printf("  %-10s%s%*s %s\n", verbs[i].name, verbs[i].arguments,
		       padding(verbs[i].arguments, 33), "", verbs[i].summary);
	}
	printf("\nTARGET is REGION[+OFFSET][/LENGTH][:WIDTH]; WIDTH is 8, 16, 32 or 64 bits. "
	       "Numbers are decimal or 0x…,\n"
	       "in targets with K, M or G behind them.\n"
	       "KIND is pages, kmalloc, vmalloc or dma (kernel memory); POOL is a region that is "
	       "one.\n"
	       "\nOptions:\n"
	       "      --socket PATH     of the daemon (or MMIOD_SOCKET; /run/mmiod/mmiod.sock)\n"
	       "      --json            output and errors for programs (schema %d)\n"
	       "  -o, --output COLUMNS  columns of a table, with commas between them\n"
	       "  -O, --output-all      all columns\n"
	       "      --no-headings     no line of headings\n"
	       "      --bytes           sizes in bytes, not in K, M, G\n"
	       "      --uc, --wc        uncached or write-combining (default: as configured)\n"
	       "      --read-only       hold, alloc: no right to write\n"
	       "      --exclusive, --shared-read, --shared-write\n"
	       "                        hold: what others may do meanwhile (default: as "
	       "configured)\n"
	       "      --deadline TIME   revoke: ask first, take after TIME: 500ms, 2s, 1min "
	       "(default: take now)\n"
	       "      --map             pools: draw them\n"
	       "\nOptions of alloc; sizes and addresses with K, M or G behind them if you like:\n"
	       "      --align N         pool: at a multiple of N, a power of two (default: a "
	       "page)\n"
	       "      --below N         pool: end at or below offset N; pages, vmalloc: below "
	       "physical address N\n"
	       "      --above N         pool: start at offset N or above\n"
	       "      --power-of-two    pool: round SIZE up to a power of two\n"
	       "      --zero            pool: zeroed (kernel memory always is)\n"
	       "      --zone ZONE       pages, vmalloc, kmalloc: dma (below 16 MiB), dma32 (below "
	       "4 GiB; "
	       "not kmalloc)\n"
	       "                        or any\n"
	       "      --node N          kernel memory: on that NUMA node\n"
	       "      --no-wait         kernel memory: fail rather than wait until some is free\n"
	       "      --contiguous      pages: in one physical piece\n"
	       "      --device REGION   dma: for the device that has that region\n"
	       "\n  -h, --help            this text\n"
	       "  -V, --version\n",
	       JSON_SCHEMA);
	print_columns("list", region_columns, region_column_count);
	print_columns("leases", lease_columns, lease_column_count);
	print_columns("pools", pool_columns, pool_column_count);
	print_columns("buffers", buffer_columns, buffer_column_count);
	print_columns("buddyinfo", buddy_columns, buddy_column_count);
	print_columns("zones", zone_columns, zone_column_count);
	print_columns("slabinfo", slab_columns, slab_column_count);
	printf("\nExit status: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 busy or quota, 6 "
	       "no daemon,\n"
	       "7 revoked or device gone, 8 timeout; hold, alloc: that of their command\n");
	return STATUS_OK;
}

/* Which group of verbs an option belongs to; 0: all. */
static unsigned int option_group(int code)
{
	if (code >= OPT_ALIGN && code <= OPT_DEVICE)
		return ALLOC;
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
		return READ_ONLY;
	case OPT_EXCLUSIVE:
	case OPT_SHARED_READ:
	case OPT_SHARED_WRITE:
		return SHARE;
	case OPT_MAP:
		return MAP;
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
	case OPT_MAP:
		context->map = true;
		break;
	default:
		return alloc_option(context, option_name(code), argument);
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
	for (unsigned int group = 1; group <= LAST_GROUP; group <<= 1)
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
	unsigned int groups[LAST_GROUP + 1] = { 0 };
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
