/* SPDX-License-Identifier: MIT */
/*
 * Options. Those that every verb knows may stand before the verb or behind it, a verb's own only
 * behind it: so that the same word may mean one thing to one verb and another to another.
 */
#include "verb.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

enum kind {
	KIND_FLAG, /* bool */
	KIND_VALUE, /* unsigned int: .value */
	KIND_TEXT, /* const char * */
	KIND_NUMBER, /* struct given */
	KIND_SIZE, /* struct given, with K, M, G */
	KIND_TIME, /* uint32_t, milliseconds */
	KIND_CALL,
};

#define AT(field) .at = offsetof(struct context, field)
#define FLAG(field) .kind = KIND_FLAG, AT(field)
#define VALUE(field, number) .kind = KIND_VALUE, AT(field), .value = (number)
#define TEXT(field) .kind = KIND_TEXT, AT(field)
#define NUMBER(field) .kind = KIND_NUMBER, AT(field)
#define SIZE(field) .kind = KIND_SIZE, AT(field)
#define TIME(field) .kind = KIND_TIME, AT(field)
#define CALL(function) .kind = KIND_CALL, .call = (function)

static int set_color(struct context *context, const char *name, const char *argument);
static int set_timeout(struct context *context, const char *name, const char *argument);
static int set_wait(struct context *context, const char *name, const char *argument);

static const struct known {
	const char *name;
	int letter;
	const char *argument; /* NULL: takes none */
	const char *help;
	unsigned int with; /* 0: every verb */
	enum kind kind;
	size_t at; /* in struct context */
	unsigned int value;
	int (*call)(struct context *context, const char *name, const char *argument);
} known[] = {
	{ "socket", 0, "PATH", "of the daemon (or MMIOD_SOCKET; /run/mmiod/mmiod.sock)", 0,
	  TEXT(socket) },
	{ "json", 0, NULL, "output and errors for programs", 0, FLAG(json) },
	{ "color", 0, "WHEN", "always, never, or auto: on a terminal, unless NO_COLOR", 0,
	  CALL(set_color) },
	{ "verbose", 'v', NULL, "say more of what is done", 0, FLAG(verbose) },
	{ "help", 'h', NULL, "this text; behind a verb: all of that verb", 0, FLAG(help) },
	{ "version", 'V', NULL, "which mmioctl this is", 0, FLAG(version) },

	{ "output", 'o', "COLUMNS", "columns of the table, with commas between them", WITH_TABLE,
	  TEXT(columns) },
	{ "output-all", 'O', NULL, "all columns", WITH_TABLE, FLAG(all_columns) },
	{ "no-headings", 0, NULL, "no line of headings", WITH_TABLE, FLAG(no_headings) },
	{ "bytes", 0, NULL, "sizes in bytes, not in K, M, G", WITH_TABLE, FLAG(bytes) },
	{ "uc", 0, NULL, "uncached (default: as configured)", WITH_CACHE,
	  VALUE(cache, MMIOD_CACHE_UC) },
	{ "wc", 0, NULL, "write-combining", WITH_CACHE, VALUE(cache, MMIOD_CACHE_WC) },
	{ "read-only", 0, NULL, "no right to write", WITH_READ_ONLY, FLAG(read_only) },
	{ "exclusive", 0, NULL, "nobody else may hold it (default: as configured)", WITH_SHARE,
	  VALUE(share, MMIOD_SHARE_EXCLUSIVE) },
	{ "shared-read", 0, NULL, "others may read it", WITH_SHARE,
	  VALUE(share, MMIOD_SHARE_READ) },
	{ "shared-write", 0, NULL, "others may read and write it", WITH_SHARE,
	  VALUE(share, MMIOD_SHARE_WRITE) },
	{ "guest", 0, NULL, "read-only, in nobody's way; ends for one that is alone", WITH_SHARE,
	  VALUE(share, MMIOD_SHARE_GUEST) },
	{ "wait", 0, "[TIME]", "until others have given it back, at most for TIME", WITH_CACHE,
	  CALL(set_wait) },
	{ "lease", 0, "TIME", "no longer than TIME, unless renewed, which is done",
	  WITH_TERMS | WITH_ALLOC, TIME(lease_ms) },
	{ "on-end", 0, "WRITES", "register writes when it ends, as +0x10:32=0,+0x14:32=1",
	  WITH_TERMS, CALL(on_end_option) },
	{ "user", 0, "USER", "about this user (default: about oneself)", WITH_WHO, TEXT(user) },
	{ "group", 0, "GROUPS", "as if also in these groups", WITH_WHO, TEXT(groups) },
	{ "width", 'w', "BITS", "of an access: 8, 16, 32 or 64, as :WIDTH of the target",
	  WITH_WIDTH, NUMBER(width) },
	{ "repeat", 0, "N", "so often, as xN", WITH_REPEAT, NUMBER(repeat) },
	{ "mask", 0, "MASK", "only these bits; the others stay, or do not count", WITH_MASK,
	  NUMBER(mask) },
	{ "equals", 0, "VALUE", "what is waited for", WITH_EQUALS, NUMBER(equals) },
	{ "timeout", 0, "TIME", "give up after TIME, as 500ms, 2s, 1min (default: never)",
	  WITH_TIMEOUT, CALL(set_timeout) },
	{ "interval", 0, "TIME", "from one look to the next", WITH_INTERVAL, TIME(interval_ms) },
	{ "count", 0, "N", "end after so many", WITH_COUNT, NUMBER(count) },
	{ "verify", 0, NULL, "read back; exit status 9 if it differs", WITH_VERIFY, FLAG(verify) },
	{ "raw", 0, "FILE", "the bytes into FILE (-: standard output) and no dump", WITH_RAW,
	  TEXT(raw) },
	{ "map", 0, "FILE", "the register map (default: the first that fits)", WITH_MAP_FILE,
	  TEXT(map_file) },
	{ "yes", 'y', NULL, "do not ask", WITH_YES, FLAG(yes) },
	{ "deadline", 0, "TIME", "ask first, take after TIME, as 500ms, 2s, 1min", WITH_DEADLINE,
	  TIME(deadline_ms) },
	{ "pid", 0, "N", "only of this process", WITH_PID, TEXT(pid) },
	{ "device", 0, "DEVICE", "only of this device, or of this region", WITH_ON_DEVICE,
	  TEXT(on_device) },
	{ "once", 0, NULL, "once, without drawing over", WITH_TOP, FLAG(once) },
	{ "iterations", 0, "N", "as --count", WITH_TOP, NUMBER(count) },
	{ "sort", 0, "COLUMN", "greatest first (default: ACCESS/S)", WITH_TOP, TEXT(sort) },
	{ "lines", 'n', "N", "so many of the last (default: 50)", WITH_LOG, NUMBER(lines) },
	{ "journal", 0, NULL, "the lines of the daemon's unit, by journalctl", WITH_LOG,
	  FLAG(journal) },
	{ "svg", 0, "FILE", "as an SVG into FILE (-: standard output)", WITH_SVG, TEXT(svg) },
	{ "force", 0, NULL, "whoever uses the device", WITH_FORCE, FLAG(force) },
	{ "dry-run", 'n', NULL, "only say what would be done", WITH_DRY_RUN, FLAG(dry_run) },
	{ "map", 0, NULL, "draw them", WITH_MAP, FLAG(map) },
	{ "textfile", 0, "PATH", "into this file, which is replaced as a whole", WITH_TEXTFILE,
	  TEXT(textfile) },
	{ "align", 0, "N", "pool: at a multiple of N, a power of two", WITH_ALLOC,
	  CALL(alloc_option) },
	{ "below", 0, "N", "pool: end by offset N; else: below address N", WITH_ALLOC,
	  CALL(alloc_option) },
	{ "above", 0, "N", "pool: start at offset N or above", WITH_ALLOC, CALL(alloc_option) },
	{ "power-of-two", 0, NULL, "pool: round SIZE up to a power of two", WITH_ALLOC,
	  CALL(alloc_option) },
	{ "zero", 0, NULL, "pool: zeroed (kernel memory always is)", WITH_ALLOC,
	  CALL(alloc_option) },
	{ "zone", 0, "ZONE", "dma (below 16M), dma32 (below 4G, not kmalloc), any", WITH_ALLOC,
	  CALL(alloc_option) },
	{ "node", 0, "N", "kernel memory: on that NUMA node", WITH_ALLOC, CALL(alloc_option) },
	{ "no-wait", 0, NULL, "kernel memory: fail rather than wait until some is free", WITH_ALLOC,
	  CALL(alloc_option) },
	{ "contiguous", 0, NULL, "pages: in one physical piece", WITH_ALLOC, CALL(alloc_option) },
	{ "device", 0, "REGION", "dma: for the device that has that region", WITH_ALLOC | WITH_WHO,
	  CALL(alloc_option) },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

/* Tables too: "mmioctl -o NAME list" is as good as "mmioctl list -o NAME". */
const unsigned int with_common = WITH_TABLE;

static bool applies(const struct known *option, unsigned int with)
{
	return !option->with || option->with & with;
}

/* ---- setting ---- */

static int set_color(struct context *context, const char *name, const char *argument)
{
	static const char *const words[] = {
		[COLOR_AUTO] = "auto",
		[COLOR_ALWAYS] = "always",
		[COLOR_NEVER] = "never",
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(argument, words[i])) {
			context->color = i;
			return 0;
		}
	return usage_error(context, "--color \"%s\": it is auto, always or never", argument);
}

static int set_timeout(struct context *context, const char *name, const char *argument)
{
	uint32_t milliseconds;

	if (parse_duration(argument, &milliseconds))
		return usage_error(context, "\"%s\" is not a time: 500ms, 2s or 1min", argument);
	context->timeout = (struct given){ .is = true, .value = milliseconds };
	return 0;
}

static int set_wait(struct context *context, const char *name, const char *argument)
{
	context->waits = true;
	context->wait_ms = UINT32_MAX;
	if (argument && (parse_duration(argument, &context->wait_ms) || !context->wait_ms))
		return usage_error(context, "--wait=\"%s\": it is a time: 500ms, 2s or 1min",
				   argument);
	return 0;
}

static bool is_optional(const struct known *option)
{
	return option->argument && option->argument[0] == '[';
}

static int set_number(const struct context *context, const struct known *option,
		      struct given *given, const char *text)
{
	bool size = option->kind == KIND_SIZE;
	int err = size ? parse_size(text, &given->value) : parse_number(text, &given->value);

	given->is = true;
	if (!err)
		return 0;
	return usage_error(context, "--%s \"%s\": it is a number, decimal or 0x…%s", option->name,
			   text, size ? ", with K, M or G" : "");
}

static int set_option(struct context *context, const struct known *option, const char *argument)
{
	void *field = (char *)context + option->at;

	switch (option->kind) {
	case KIND_FLAG:
		*(bool *)field = true;
		return 0;
	case KIND_VALUE:
		*(unsigned int *)field = option->value;
		return 0;
	case KIND_TEXT:
		*(const char **)field = argument;
		return 0;
	case KIND_NUMBER:
	case KIND_SIZE:
		return set_number(context, option, field, argument);
	case KIND_TIME:
		if (parse_duration(argument, field))
			return usage_error(context, "\"%s\" is not a time: 500ms, 2s or 1min",
					   argument);
		return 0;
	default:
		return option->call(context, option->name, argument);
	}
}

/* ---- unknown ones ---- */

/* NULL: @with has no option of that letter. */
static const struct known *find_letter(unsigned int with, int letter)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].letter == letter && applies(&known[i], with))
			return &known[i];
	return NULL;
}

static int unknown_letters(const struct context *context, const struct verb *verb,
			   unsigned int with, const char *letters)
{
	for (const char *at = letters + 1; verb && *at; at++)
		if (!find_letter(with, *at) && find_letter(UINT_MAX, *at))
			return usage_error(context, "%s does not know -%c", verb->name, *at);
	if (isdigit((unsigned char)letters[1]))
		return usage_error(context, "\"%s\": no number here is negative", letters);
	return usage_error(context, "unknown option %s (see mmioctl --help)", letters);
}

/* The option of that name: one that @with has, or else any. */
static const struct known *find_option(unsigned int with, const char *name)
{
	const struct known *other = NULL;

	for (size_t i = 0; i < KNOWN; i++) {
		if (strcmp(known[i].name, name))
			continue;
		if (applies(&known[i], with))
			return &known[i];
		other = &known[i];
	}
	return other;
}

static int suggest_option(const struct context *context, const struct verb *verb, unsigned int with,
			  const char *word)
{
	const char *names[KNOWN], *nearest;
	size_t count = 0;

	for (size_t i = 0; i < KNOWN; i++)
		if (applies(&known[i], with))
			names[count++] = known[i].name;
	nearest = nearest_word(word, names, count);
	if (nearest)
		return usage_error(context, "unknown option --%s; did you mean --%s?", word,
				   nearest);
	return usage_error(context, "unknown option --%s (see mmioctl %s%s--help)", word,
			   verb ? verb->name : "", verb ? " " : "");
}

/* An option that only other verbs know, one that was misspelt, or nothing at all. */
static int unknown_option(const struct context *context, const struct verb *verb, unsigned int with,
			  const char *text)
{
	const struct known *option;
	char word[64];

	if (strncmp(text, "--", 2))
		return unknown_letters(context, verb, with, text);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text + 2, "="), text + 2);
	option = find_option(with, word);
	if (!option)
		return suggest_option(context, verb, with, word);
	if (applies(option, with))
		return usage_error(context, "option --%s takes no argument", word);
	if (verb)
		return usage_error(context, "%s does not know --%s", verb->name, word);
	return usage_error(context, "--%s goes behind the verb", word);
}

/* ---- reading ---- */

struct options {
	struct option longs[KNOWN + 1];
	char letters[2 * KNOWN + 3];
};

/*
 * getopt's tables for the options in @with. @first: "+" to stop at the first argument that is none.
 */
static void prepare(struct options *options, unsigned int with, const char *first)
{
	char *letter = stpcpy(stpcpy(options->letters, first), ":");
	size_t count = 0;

	for (size_t i = 0; i < KNOWN; i++) {
		if (!applies(&known[i], with))
			continue;
		options->longs[count++] = (struct option){
			.name = known[i].name,
			.has_arg = is_optional(&known[i]) ? optional_argument
				   : known[i].argument	  ? required_argument
							  : no_argument,
			.val = 256 + (int)i,
		};
		if (!known[i].letter)
			continue;
		*letter++ = (char)known[i].letter;
		if (known[i].argument)
			*letter++ = ':';
	}
	*letter = '\0';
	options->longs[count] = (struct option){ 0 };
}

static const struct known *option_of(int code, unsigned int with)
{
	return code >= 256 ? &known[code - 256] : find_letter(with, code);
}

/* The argument that getopt stumbled over: it does not leave one whose letters it has not all seen. */
static const char *stumbled_over(char **argv)
{
	const char *text = argv[optind - 1];
	bool letter = optopt > 0 && optopt < 256;

	return letter && (text[0] != '-' || !strchr(text, optopt)) ? argv[optind] : text;
}

static int read_options(struct context *context, const struct verb *verb, unsigned int with,
			int argc, char **argv, int *used)
{
	struct options options;
	int code;

	prepare(&options, with, verb ? "" : "+");
	opterr = 0;
	optind = 0;
	while ((code = getopt_long(argc, argv, options.letters, options.longs, NULL)) != -1) {
		int status;

		if (code == ':')
			return usage_error(context, "option %s needs an argument",
					   argv[optind - 1]);
		if (code == '?')
			return unknown_option(context, verb, with, stumbled_over(argv));
		status = set_option(context, option_of(code, with), optarg);
		if (status)
			return status;
	}
	*used = optind;
	return -1;
}

/* What stands before the verb. */
int read_common_options(struct context *context, int argc, char **argv, int *used)
{
	return read_options(context, NULL, with_common, argc, argv, used);
}

/* What stands behind the verb, which is argv[0]. Moves the arguments behind the options. */
int read_verb_options(struct context *context, const struct verb *verb, int argc, char **argv,
		      int *used)
{
	return read_options(context, verb, verb->options, argc, argv, used);
}

/* ---- help ---- */

/* Those that belong to @with; 0: those that every verb knows. */
void print_options(unsigned int with)
{
	for (size_t i = 0; i < KNOWN; i++) {
		const struct known *option = &known[i];
		char name[40];

		if (with ? !(option->with & with) : option->with != 0)
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", option->name,
			 is_optional(option) ? "="
			 : option->argument  ? " "
					     : "",
			 option->argument ? option->argument : "");
		if (option->letter)
			printf("  -%c, %-18s %s\n", option->letter, name, option->help);
		else
			printf("      %-18s %s\n", name, option->help);
	}
}

/* One a line, as they are typed. @arguments: only those that take one, also by their letters. */
void print_option_names(unsigned int with, bool arguments)
{
	for (size_t i = 0; i < KNOWN; i++) {
		if (!applies(&known[i], with) || (arguments && !known[i].argument))
			continue;
		printf("--%s\n", known[i].name);
		if (arguments && known[i].letter)
			printf("-%c\n", known[i].letter);
	}
}
