/* SPDX-License-Identifier: MIT */
/*
 * mmioctl top: who uses what how much, redrawn. Mediated accesses and faults are counted by the
 * module; loads and stores through a mapping are counted by nobody.
 *
 * On a terminal it takes the alternate screen, and gives it back whatever signal ends it.
 */
#include "target/target.h"
#include "verb.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <common/word.h>

#define INTERVAL_MS 2000
#define HEAD_LINES 4 /* title, a blank line, headings; the cursor's line at the end */

static struct top_options {
	uint32_t interval_ms;
	struct given count;
	bool once;
	const char *sort;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	INTERVAL_OPTION(struct top_options, interval_ms),
	COUNT_OPTION(struct top_options, count),
	{ "once", 0, NULL, "once, without drawing over", FLAG(struct top_options, once) },
	{ "iterations", 0, "N", "as --count", NUMBER(struct top_options, count) },
	{ "sort", 0, "COLUMN", "greatest first (default: ACCESS/S)",
	  TEXT(struct top_options, sort) },
	{ 0 },
};

enum {
	TOP_USER,
	TOP_PID,
	TOP_COMMAND,
	TOP_REGION,
	TOP_LEASES,
	TOP_SIZE,
	TOP_MAPPINGS,
	TOP_ACCESSES,
	TOP_ACCESS_RATE,
	TOP_FAULTS,
	TOP_FAULT_RATE,
	TOP_COLUMNS,
};

static const struct column top_columns[] = {
	[TOP_USER] = { "USER", CELL_TEXT, true, "who holds the leases" },
	[TOP_PID] = { "PID", CELL_NUMBER, true, "process that asked for them" },
	[TOP_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[TOP_REGION] = { "REGION", CELL_TEXT, true, "of which region, or kind of kernel memory" },
	[TOP_LEASES] = { "LEASES", CELL_NUMBER, true, "how many" },
	[TOP_SIZE] = { "SIZE", CELL_SIZE, true, "of them together" },
	[TOP_MAPPINGS] = { "MAPPINGS", CELL_NUMBER, true, "mappings of them now" },
	[TOP_ACCESSES] = { "ACCESSES", CELL_NUMBER, true, "mediated reads and writes so far" },
	[TOP_ACCESS_RATE] = { "ACCESS/S", CELL_NUMBER, true, "of them a second, lately" },
	[TOP_FAULTS] = { "FAULTS", CELL_NUMBER, true, "pages mapped on fault so far" },
	[TOP_FAULT_RATE] = { "FAULT/S", CELL_NUMBER, true, "of them a second, lately" },
};
static const size_t top_column_count = TOP_COLUMNS;

/* All leases of one process on one region. */
struct line {
	uint32_t uid, pid;
	char comm[16];
	char region[32];
	uint64_t leases, size, mappings, accesses, faults;
	uint64_t access_rate, fault_rate;
};

struct lines {
	struct line *items;
	size_t count, capacity;
	size_t *slots; /* index and 1 of lines, by hash_of(); 0: free; twice the capacity */
	struct timespec when;
};

static volatile sig_atomic_t stopped, suspended;

static void stop(int signal)
{
	if (signal == SIGTSTP)
		suspended = signal;
	else
		stopped = signal;
}

/* ---- gathering ---- */

static bool is_like(const struct line *line, const struct line *like)
{
	return line->uid == like->uid && line->pid == like->pid &&
	       !strcmp(line->comm, like->comm) && !strcmp(line->region, like->region);
}

/* FNV-1a. Processes whose names are chosen to collide slow down who looks, and nobody else. */
static size_t hash_of(const struct line *line)
{
	uint64_t hash = 0xcbf29ce484222325u ^ ((uint64_t)line->uid << 32 | line->pid);

	for (const char *at = line->comm; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
	for (const char *at = line->region; *at; at++)
		hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

/* Its slot, or the free one that it belongs into. */
static size_t *slot_of(const struct lines *lines, const struct line *like)
{
	size_t mask = 2 * lines->capacity - 1, at = hash_of(like) & mask;

	while (lines->slots[at] && !is_like(&lines->items[lines->slots[at] - 1], like))
		at = (at + 1) & mask;
	return &lines->slots[at];
}

static const struct line *find_line(const struct lines *lines, const struct line *like)
{
	size_t slot = lines->count ? *slot_of(lines, like) : 0;

	return slot ? &lines->items[slot - 1] : NULL;
}

static void free_lines(struct lines *lines)
{
	free(lines->items);
	free(lines->slots);
}

/* Room for one more. */
static int make_room(struct lines *lines)
{
	size_t wanted = lines->capacity ? 2 * lines->capacity : 64;
	struct line *grown;

	if (lines->count < lines->capacity)
		return 0;
	grown = reallocarray(lines->items, wanted, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lines->items = grown;
	free(lines->slots);
	lines->capacity = wanted;
	lines->slots = calloc(2 * wanted, sizeof(lines->slots[0]));
	if (!lines->slots)
		return -ENOMEM;
	for (size_t i = 0; i < lines->count; i++)
		*slot_of(lines, &lines->items[i]) = i + 1;
	return 0;
}

static struct line *need_line(struct lines *lines, const struct line *like)
{
	size_t *slot;

	if (make_room(lines))
		return NULL;
	slot = slot_of(lines, like);
	if (!*slot) {
		lines->items[lines->count++] = *like;
		*slot = lines->count;
	}
	return &lines->items[*slot - 1];
}

struct gathering {
	const struct context *context;
	struct lines *lines;
};

static int add_lease(void *data, const struct mmiod_lease_info *info)
{
	const struct gathering *gathering = data;
	enum mmiod_memory memory = mmiod_lease_info_memory(info);
	struct line key = { .uid = mmiod_lease_info_uid(info), .pid = mmiod_lease_info_pid(info) };
	struct line *line;

	snprintf(key.comm, sizeof(key.comm), "%s", mmiod_lease_info_comm(info));
	snprintf(key.region, sizeof(key.region), "%s",
		 memory == MMIOD_MEMORY_REGION ? mmiod_lease_info_region(info)
					       : memory_word(memory));
	line = need_line(gathering->lines, &key);
	if (!line)
		return out_of_memory(gathering->context);
	line->leases++;
	line->size += mmiod_lease_info_kind(info) == MMIOD_KIND_INTERRUPT
			      ? 0 /* of a device file the length is 0 */
			      : mmiod_lease_info_length(info);
	line->mappings += mmiod_lease_info_mappings(info);
	line->accesses += mmiod_lease_info_reads(info) + mmiod_lease_info_writes(info);
	line->faults += mmiod_lease_info_faults(info);
	return STATUS_OK;
}

static uint64_t a_second(uint64_t now, uint64_t before, double seconds)
{
	return now > before && seconds > 0 ? (uint64_t)((double)(now - before) / seconds + 0.5) : 0;
}

static void add_rates(struct lines *lines, const struct lines *before)
{
	double seconds = (double)(lines->when.tv_sec - before->when.tv_sec) +
			 (double)(lines->when.tv_nsec - before->when.tv_nsec) / 1e9;

	for (size_t i = 0; i < lines->count; i++) {
		struct line *line = &lines->items[i];
		const struct line *old = find_line(before, line);

		line->access_rate = old ? a_second(line->accesses, old->accesses, seconds) : 0;
		line->fault_rate = old ? a_second(line->faults, old->faults, seconds) : 0;
	}
}

static int gather(const struct context *context, struct lines *lines)
{
	struct gathering gathering = { .context = context, .lines = lines };

	*lines = (struct lines){ 0 };
	clock_gettime(CLOCK_MONOTONIC, &lines->when);
	return each_lease(context, add_lease, &gathering);
}

/* ---- sorting ---- */

static size_t sort_column;

static uint64_t number_of(const struct line *line, size_t column)
{
	switch (column) {
	case TOP_PID:
		return line->pid;
	case TOP_LEASES:
		return line->leases;
	case TOP_SIZE:
		return line->size;
	case TOP_MAPPINGS:
		return line->mappings;
	case TOP_ACCESSES:
		return line->accesses;
	case TOP_FAULTS:
		return line->faults;
	case TOP_FAULT_RATE:
		return line->fault_rate;
	default:
		return line->access_rate;
	}
}

static int compare(const void *a, const void *b)
{
	const struct line *first = a, *second = b;
	uint64_t one = number_of(first, sort_column), other = number_of(second, sort_column);

	if (sort_column == TOP_COMMAND)
		return strcmp(first->comm, second->comm);
	if (sort_column == TOP_REGION)
		return strcmp(first->region, second->region);
	if (sort_column == TOP_USER)
		return first->uid < second->uid ? -1 : first->uid > second->uid;
	if (one == other)
		return first->pid < second->pid ? -1 : first->pid > second->pid;
	return one > other ? -1 : 1;
}

static int choose_order(const struct context *context)
{
	const char *names[TOP_COLUMNS], *nearest;
	char word[32] = "";

	sort_column = TOP_ACCESS_RATE;
	if (!options.sort)
		return 0;
	for (size_t i = 0; i < TOP_COLUMNS; i++) {
		names[i] = top_columns[i].name;
		if (!strcasecmp(names[i], options.sort)) {
			sort_column = i;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(word) - 1 && options.sort[i]; i++)
		word[i] = (char)toupper((unsigned char)options.sort[i]);
	nearest = common_nearest(word, names, TOP_COLUMNS);
	return usage_error(context, "--sort \"%s\": it is a column%s%s", options.sort,
			   nearest ? "; did you mean " : "", nearest ? nearest : "");
}

/* ---- showing ---- */

static int add_row(struct table *table, const struct line *line)
{
	struct cell cells[TOP_COLUMNS] = { 0 };
	char user[64];

	user_name(line->uid, user, sizeof(user));
	cell_text(&cells[TOP_USER], user);
	cell_optional(&cells[TOP_PID], line->pid);
	cell_text(&cells[TOP_COMMAND], line->comm);
	cell_text(&cells[TOP_REGION], line->region);
	cell_number(&cells[TOP_LEASES], line->leases);
	cell_number(&cells[TOP_SIZE], line->size);
	cell_number(&cells[TOP_MAPPINGS], line->mappings);
	cell_number(&cells[TOP_ACCESSES], line->accesses);
	cell_number(&cells[TOP_ACCESS_RATE], line->access_rate);
	cell_number(&cells[TOP_FAULTS], line->faults);
	cell_number(&cells[TOP_FAULT_RATE], line->fault_rate);
	return table_row(table, cells);
}

static int show(const struct context *context, const struct lines *lines)
{
	struct table table;
	int status = table_begin(&table, context, top_columns, top_column_count, "top");

	for (size_t i = 0; !status && i < lines->count; i++)
		status = add_row(&table, &lines->items[i]);
	return table_end(&table, status);
}

static void take_screen(void)
{
	printf("\033[?1049h\033[?25l");
}

static void give_screen(void)
{
	printf("\033[?25h\033[?1049l");
	fflush(stdout);
}

/* Shows as many as there is room for: the first are the greatest, and must not scroll away. */
static struct lines that_fit(const struct lines *lines)
{
	struct winsize window = { 0 };
	struct lines shown = *lines;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > HEAD_LINES &&
	    shown.count > (size_t)window.ws_row - HEAD_LINES)
		shown.count = window.ws_row - HEAD_LINES;
	return shown;
}

static int show_on_screen(const struct context *context, const struct lines *lines)
{
	struct lines shown = that_fit(lines);
	uint64_t leases = 0, size = 0;
	char words[32];
	int status;

	for (size_t i = 0; i < lines->count; i++) {
		leases += lines->items[i].leases;
		size += lines->items[i].size;
	}
	size_words(size, words, sizeof(words));
	printf("\033[H\033[2Jmmioctl top: leases %llu, %s; by %s; Ctrl-C ends it\n\n",
	       (unsigned long long)leases, words, top_columns[sort_column].name);
	status = show(context, &shown);
	fflush(stdout);
	return status;
}

/* ---- the verb ---- */

/* They are found again where they then stand. */
static void sort(struct lines *lines)
{
	if (!lines->count)
		return;
	qsort(lines->items, lines->count, sizeof(lines->items[0]), compare);
	memset(lines->slots, 0, 2 * lines->capacity * sizeof(lines->slots[0]));
	for (size_t i = 0; i < lines->count; i++)
		*slot_of(lines, &lines->items[i]) = i + 1;
}

static int go_round(struct context *context, struct lines *before, bool screen)
{
	struct lines lines;
	int status = gather(context, &lines);

	if (status) {
		free_lines(&lines);
		return status;
	}
	add_rates(&lines, before);
	sort(&lines);
	status = screen ? show_on_screen(context, &lines) : show(context, &lines);
	free_lines(before);
	*before = lines;
	return status ? status : ferror(stdout) ? STATUS_FAILED : 0;
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct sigaction action = { .sa_handler = stop };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* Ctrl-Z: the shell gets its screen, and we ours when we go on. */
static void pause_if_told(bool screen)
{
	if (!suspended)
		return;
	suspended = 0;
	if (screen)
		give_screen();
	raise(SIGSTOP);
	if (screen)
		take_screen();
}

static int run(struct context *context, uint64_t rounds, bool screen)
{
	uint32_t interval = options.interval_ms ? options.interval_ms : INTERVAL_MS;
	struct lines before = { 0 };
	int status = 0;

	for (uint64_t i = 0; !status && !stopped && i < rounds; i++) {
		if (i)
			poll(NULL, 0, (int)interval);
		pause_if_told(screen);
		if (!stopped)
			status = go_round(context, &before, screen);
	}
	free_lines(&before);
	return status;
}

static int verb_top(struct context *context, int argc, char **argv)
{
	uint64_t rounds = options.once ? 1 : options.count.is ? options.count.value : UINT64_MAX;
	bool screen = !context->json && !options.once && isatty(STDOUT_FILENO);
	int status = choose_order(context);

	if (!status && !rounds)
		return usage_error(context, "to look no times is to do nothing");
	if (!status)
		status = client_open(context);
	if (status)
		return status;
	catch_signals();
	if (screen)
		take_screen();
	status = run(context, rounds, screen);
	if (screen)
		give_screen();
	return status;
}

const struct verb top_verb = {
	.name = "top",
	.arguments = "",
	.summary = "who uses what how much, redrawn",
	.group = GROUP_LIVE,
	.endless = true,
	.options = option_rows,
	.values = &options,
	.run = verb_top,
	.columns = top_columns,
	.column_count = &top_column_count,
	.examples = { { "top", "until Ctrl-C" },
		      { "top --once --sort faults", "once, for scripts" },
		      { "top --iterations 3 --interval 1s --json", "three times" } },
	.more = "Mediated accesses and faults are counted; loads and stores through a mapping\n"
		"cannot be.",
};
