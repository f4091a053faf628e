/* SPDX-License-Identifier: MIT */
/*
 * Options. The options that every verb knows may stand before the verb or behind it, a verb's own
 * only behind it: so that the same word may mean one thing to one verb and another to another.
 */
#include "verb.h"

#include <assert.h>
#include <ctype.h>
#include <getopt.h>
#include <string.h>
#include <common/size.h>
#include <common/word.h>

static int set_color(const struct context *context, void *field, const char *name,
		     const char *argument);

/* Of every verb; they fill the context. */
static const struct verb_option common[] = {
	{ "socket", 0, "PATH", "of the daemon (or MMIOD_SOCKET; /run/mmiod/mmiod.sock)",
	  .common = true, TEXT(struct context, socket) },
	{ "json", 0, NULL, "output and errors for programs", .common = true,
	  FLAG(struct context, json) },
	{ "color", 0, "WHEN", "always, never, or auto: on a terminal, unless NO_COLOR",
	  .common = true, CALL(struct context, color, set_color) },
	{ "verbose", 'v', NULL, "say more of what is done", .common = true,
	  FLAG(struct context, verbose) },
	{ "help", 'h', NULL, "this text; behind a verb: all of that verb", .common = true,
	  FLAG(struct context, help) },
	{ "version", 'V', NULL, "which mmioctl this is", .common = true,
	  FLAG(struct context, version) },
	{ 0 },
};

/* The options that are known at some place: those of every verb, then a verb's own. */
struct known {
	const struct verb_option *rows[OPTIONS_MAX];
	size_t count;
};

static void add_rows(struct known *known, const struct verb_option *rows)
{
	for (; rows && rows->name; rows++) {
		assert(known->count < OPTIONS_MAX);
		known->rows[known->count++] = rows;
	}
}

/* Tables too before the verb: "mmioctl -o NAME list" is as good as "mmioctl list -o NAME". */
static struct known known_to(const struct verb *verb)
{
	struct known known = { .count = 0 };

	add_rows(&known, common);
	add_rows(&known, verb ? verb->options : table_options);
	return known;
}

static const struct verb_option *find_name(const struct known *known, const char *name)
{
	for (size_t i = 0; i < known->count; i++)
		if (!strcmp(known->rows[i]->name, name))
			return known->rows[i];
	return NULL;
}

static const struct verb_option *find_letter(const struct known *known, int letter)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->rows[i]->letter == letter)
			return known->rows[i];
	return NULL;
}

/* ---- setting ---- */

static int set_color(const struct context *context, void *field, const char *name,
		     const char *argument)
{
	static const char *const words[] = {
		[COLOR_AUTO] = "auto",
		[COLOR_ALWAYS] = "always",
		[COLOR_NEVER] = "never",
	};

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(argument, words[i])) {
			*(enum color_when *)field = i;
			return 0;
		}
	return usage_error(context, "--color \"%s\": it is auto, always or never", argument);
}

static int set_time(const struct context *context, uint32_t *milliseconds, const char *argument)
{
	if (!parse_duration(argument, milliseconds))
		return 0;
	return usage_error(context, "\"%s\" is not a time: 500ms, 2s, 1min or 1h", argument);
}

static int set_timeout(const struct context *context, struct given *given, const char *argument)
{
	uint32_t milliseconds = 0;
	int status = set_time(context, &milliseconds, argument);

	*given = (struct given){ .is = true, .value = milliseconds };
	return status;
}

static int set_wait(const struct context *context, struct given *given, const char *argument)
{
	uint32_t milliseconds = UINT32_MAX;

	if (argument && (parse_duration(argument, &milliseconds) || !milliseconds))
		return usage_error(context, "--wait=\"%s\": it is a time: 500ms, 2s, 1min or 1h",
				   argument);
	*given = (struct given){ .is = true, .value = milliseconds };
	return 0;
}

static int set_number(const struct context *context, const char *name, struct given *given,
		      const char *argument)
{
	given->is = true;
	if (!common_number(argument, &given->value))
		return 0;
	return usage_error(context, "--%s \"%s\": it is a number, decimal or 0x…", name, argument);
}

static int set_option(const struct context *context, const struct verb_option *option, void *field,
		      const char *argument)
{
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
		return set_number(context, option->name, field, argument);
	case KIND_TIME:
		return set_time(context, field, argument);
	case KIND_TIMEOUT:
		return set_timeout(context, field, argument);
	case KIND_WAIT:
		return set_wait(context, field, argument);
	default:
		return option->call(context, field, option->name, argument);
	}
}

/* ---- unknown ones ---- */

/* Whether any verb has such an option. */
static bool anybody_knows(const struct context *context, const char *name, int letter)
{
	for (const struct verb *const *verb = context->verbs; *verb; verb++) {
		struct known known = known_to(*verb);

		if (name ? find_name(&known, name) : find_letter(&known, letter))
			return true;
	}
	return false;
}

static int unknown_letters(const struct context *context, const struct verb *verb,
			   const struct known *known, const char *letters)
{
	for (const char *at = letters + 1; verb && *at; at++)
		if (!find_letter(known, *at) && anybody_knows(context, NULL, *at))
			return usage_error(context, "%s does not know -%c", verb->name, *at);
	if (isdigit((unsigned char)letters[1]))
		return usage_error(context, "\"%s\": no number here is negative", letters);
	return usage_error(context, "unknown option %s (see mmioctl --help)", letters);
}

static int suggest_option(const struct context *context, const struct verb *verb,
			  const struct known *known, const char *word)
{
	const char *names[OPTIONS_MAX], *nearest;

	for (size_t i = 0; i < known->count; i++)
		names[i] = known->rows[i]->name;
	nearest = common_nearest(word, names, known->count);
	if (nearest)
		return usage_error(context, "unknown option --%s; did you mean --%s?", word,
				   nearest);
	return usage_error(context, "unknown option --%s (see mmioctl %s%s--help)", word,
			   verb ? verb->name : "", verb ? " " : "");
}

/* An option that only other verbs know, one that was misspelt, or nothing at all. */
static int unknown_option(const struct context *context, const struct verb *verb,
			  const struct known *known, const char *text)
{
	char word[64];

	if (strncmp(text, "--", 2))
		return unknown_letters(context, verb, known, text);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text + 2, "="), text + 2);
	if (find_name(known, word))
		return usage_error(context, "option --%s takes no argument", word);
	if (!anybody_knows(context, word, 0))
		return suggest_option(context, verb, known, word);
	if (verb)
		return usage_error(context, "%s does not know --%s", verb->name, word);
	return usage_error(context, "--%s goes behind the verb", word);
}

/* ---- reading ---- */

static bool is_optional(const struct verb_option *option)
{
	return option->argument && option->argument[0] == '[';
}

struct tables {
	struct option longs[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
};

/* getopt's tables of what is known. @first: "+" to stop at the first argument that is no option. */
static void prepare(struct tables *tables, const struct known *known, const char *first)
{
	char *letter = stpcpy(stpcpy(tables->letters, first), ":");

	for (size_t i = 0; i < known->count; i++) {
		const struct verb_option *option = known->rows[i];

		tables->longs[i] = (struct option){
			.name = option->name,
			.has_arg = is_optional(option) ? optional_argument
				   : option->argument  ? required_argument
						       : no_argument,
			.val = 256 + (int)i,
		};
		if (!option->letter)
			continue;
		*letter++ = (char)option->letter;
		if (option->argument)
			*letter++ = ':';
	}
	*letter = '\0';
	tables->longs[known->count] = (struct option){ 0 };
}

/* The argument that getopt stumbled over: it does not leave one whose letters it has not all seen. */
static const char *stumbled_over(char **argv)
{
	const char *text = argv[optind - 1];
	bool letter = optopt > 0 && optopt < 256;

	return letter && (text[0] != '-' || !strchr(text, optopt)) ? argv[optind] : text;
}

/* @code: what getopt found. */
static int read_option(struct context *context, const struct verb *verb, const struct known *known,
		       int code)
{
	const struct verb_option *option =
		code >= 256 ? known->rows[code - 256] : find_letter(known, code);
	void *fills = option->common ? context : verb->values;

	return set_option(context, option, (char *)fills + option->at, optarg);
}

static int read_options(struct context *context, const struct verb *verb, int argc, char **argv,
			int *used)
{
	struct known known = known_to(verb);
	struct tables tables;
	int code, status;

	prepare(&tables, &known, verb && !verb->runs_arguments ? "" : "+");
	opterr = 0;
	optind = 0;
	while ((code = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		if (code == ':')
			return usage_error(context, "option %s needs an argument",
					   argv[optind - 1]);
		if (code == '?')
			return unknown_option(context, verb, &known, stumbled_over(argv));
		status = read_option(context, verb, &known, code);
		if (status)
			return status;
	}
	*used = optind;
	return -1;
}

/* As if none had been read: verbs of a batch are run more than once. Defaults are zero. */
void forget_options(const struct verb *verb)
{
	for (const struct verb_option *row = verb->options; row && row->name; row++)
		if (!row->common)
			memset((char *)verb->values + row->at, 0, row->size);
	if (verb->command)
		*verb->command = NULL;
}

/* Reads the options before the verb. */
int read_common_options(struct context *context, int argc, char **argv, int *used)
{
	return read_options(context, NULL, argc, argv, used);
}

/* Reads the options behind the verb, which is argv[0], and moves the arguments behind them. */
int read_verb_options(struct context *context, const struct verb *verb, int argc, char **argv,
		      int *used)
{
	return read_options(context, verb, argc, argv, used);
}

/* ---- help ---- */

void print_options(const struct verb_option *rows)
{
	for (const struct verb_option *option = rows ? rows : common; option->name; option++) {
		char name[40];

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

void print_option_names(const struct verb *verb, bool arguments)
{
	struct known known = known_to(verb);

	for (size_t i = 0; i < known.count; i++) {
		const struct verb_option *option = known.rows[i];

		if (arguments && !option->argument)
			continue;
		printf("--%s\n", option->name);
		if (arguments && option->letter)
			printf("-%c\n", option->letter);
	}
}
