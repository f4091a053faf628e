/* SPDX-License-Identifier: MIT */
/*
 * mmioctl log: the last grants, which the daemon itself keeps: nobody who is audited can push them
 * out of sight by much, and no right to the journal is needed. With --journal all lines of its unit
 * instead; journalctl does that work, and this knows what to ask it for.
 */
#include "verb.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LINES 50
#define LINES_TEXT "50"

static struct log_options {
	struct given lines;
	bool journal;
} options;

static const struct verb_option option_rows[] = {
	TABLE_OPTIONS,
	{ "lines", 'n', "N", "so many of the last (default: 50)",
	  NUMBER(struct log_options, lines) },
	{ "journal", 0, NULL, "the lines of the daemon's unit, by journalctl",
	  FLAG(struct log_options, journal) },
	{ 0 },
};

enum {
	LOG_TIME,
	LOG_TIME_US,
	LOG_NUMBER,
	LOG_LEASE,
	LOG_KIND,
	LOG_REGION,
	LOG_OFFSET,
	LOG_LENGTH,
	LOG_RIGHTS,
	LOG_SHARE,
	LOG_USER,
	LOG_UID,
	LOG_PID,
	LOG_COMMAND,
	LOG_GRANT,
	LOG_COLUMNS,
};

static const struct column log_columns[] = {
	[LOG_TIME] = { "TIME", CELL_TIME, true, "when it was granted" },
	[LOG_TIME_US] = { "TIME-US", CELL_NUMBER, false, "likewise, in microseconds since 1970" },
	[LOG_NUMBER] = { "NUMBER", CELL_NUMBER, false, "of the grant, since the daemon started" },
	[LOG_LEASE] = { "LEASE", CELL_NUMBER, true, "number of the lease, which may have ended" },
	[LOG_KIND] = { "KIND", CELL_TEXT, true, "region, or pages, kmalloc, vmalloc, dma" },
	[LOG_REGION] = { "REGION", CELL_TEXT, true, "name of the region; kernel memory has none" },
	[LOG_OFFSET] = { "OFFSET", CELL_HEX, true, "where the window starts in it" },
	[LOG_LENGTH] = { "LENGTH", CELL_HEX, true, "length of the window" },
	[LOG_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "r or rw" },
	[LOG_SHARE] = { "SHARE", CELL_TEXT, true, "what others may do meanwhile" },
	[LOG_USER] = { "USER", CELL_TEXT, true, "who got it" },
	[LOG_UID] = { "UID", CELL_NUMBER, false, "likewise, as a number" },
	[LOG_PID] = { "PID", CELL_NUMBER, true, "process that asked for it" },
	[LOG_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[LOG_GRANT] = { "GRANT", CELL_TEXT, true, "section of the configuration that gave it" },
};
static const size_t log_column_count = LOG_COLUMNS;

static void fill_entry(const struct mmiod_log_entry *entry, struct cell *cells)
{
	char user[64];

	user_name(mmiod_log_entry_uid(entry), user, sizeof(user));
	cell_number(&cells[LOG_TIME], mmiod_log_entry_time(entry) / 1000000);
	cell_number(&cells[LOG_TIME_US], mmiod_log_entry_time(entry));
	cell_number(&cells[LOG_NUMBER], mmiod_log_entry_number(entry));
	cell_number(&cells[LOG_LEASE], mmiod_log_entry_lease(entry));
	cell_text(&cells[LOG_KIND],
		  lease_kind_word(mmiod_log_entry_kind(entry), mmiod_log_entry_memory(entry)));
	cell_text(&cells[LOG_REGION], mmiod_log_entry_region(entry));
	cell_place(&cells[LOG_OFFSET], mmiod_log_entry_offset(entry));
	cell_number(&cells[LOG_LENGTH], mmiod_log_entry_length(entry));
	cell_text(&cells[LOG_RIGHTS], rights_word(mmiod_log_entry_rights(entry)));
	cell_text(&cells[LOG_SHARE], share_word(mmiod_log_entry_share(entry)));
	cell_text(&cells[LOG_USER], user);
	cell_number(&cells[LOG_UID], mmiod_log_entry_uid(entry));
	cell_optional(&cells[LOG_PID], mmiod_log_entry_pid(entry));
	cell_text(&cells[LOG_COMMAND], mmiod_log_entry_comm(entry));
	cell_text(&cells[LOG_GRANT], mmiod_log_entry_grant(entry));
}

static int print_entries(struct context *context, const struct mmiod_log_list *list)
{
	uint64_t lines = options.lines.is ? options.lines.value : LINES;
	size_t count = mmiod_log_list_count(list);
	struct table table;
	int status = table_begin(&table, context, log_columns, log_column_count, "grants");

	for (size_t i = count > lines ? count - (size_t)lines : 0; !status && i < count; i++) {
		struct cell cells[LOG_COLUMNS] = { 0 };

		fill_entry(mmiod_log_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	return table_end(&table, status);
}

static int show_grants(struct context *context)
{
	struct mmiod_log_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_log(context->client, &list);
	if (err == -EOPNOTSUPP)
		return report(context, err,
			      "the daemon is older than this mmioctl and keeps no list of grants: "
			      "mmioctl log --journal has what it wrote");
	if (err)
		return report_client(context, err);
	status = print_entries(context, list);
	mmiod_log_list_free(list);
	return status;
}

static void print_command(char *const *words)
{
	for (; *words; words++)
		fprintf(stderr, "%s%s", *words, words[1] ? " " : "\n");
}

static int show_journal(struct context *context)
{
	char count[24] = LINES_TEXT;
	char *words[] = { "journalctl", "--unit=mmiod.service",
			  "--no-pager", "-n",
			  count,	context->json ? "--output=json" : "--output=short",
			  NULL };

	if (options.lines.is)
		snprintf(count, sizeof(count), "%llu", (unsigned long long)options.lines.value);
	if (context->verbose)
		print_command(words);
	execvp(words[0], words);
	return report(context, errno == ENOENT ? -EIO : -errno, "cannot run journalctl: %s",
		      strerror(errno));
}

static int verb_log(struct context *context, int argc, char **argv)
{
	if (options.lines.value > INT32_MAX)
		return usage_error(context, "--lines %llu: there are not so many",
				   (unsigned long long)options.lines.value);
	if (!options.journal)
		return show_grants(context);
	if (context->table.columns || context->table.all_columns)
		return usage_error(context, "--journal: its lines have no columns");
	return show_journal(context);
}

const struct verb log_verb = {
	.name = "log",
	.arguments = "",
	.summary = "who was granted what, or the journal",
	.group = GROUP_LIVE,
	.options = option_rows,
	.values = &options,
	.run = verb_log,
	.columns = log_columns,
	.column_count = &log_column_count,
	.examples = { { "log", "the last " LINES_TEXT " grants" },
		      { "log -n 1000 --json", "all that the daemon keeps, for programs" },
		      { "log --journal", "also denials, revocations, configuration, ..." },
		      { "log --journal -v", "the journalctl line as well, to go on from there" } },
	.more = "The daemon keeps the last 1024 grants since it started. A user sees their own;\n"
		"all are for administrators and for those that an [inspect] section names. The\n"
		"journal shows the service's lines to root and to the groups adm and\n"
		"systemd-journal.",
};
