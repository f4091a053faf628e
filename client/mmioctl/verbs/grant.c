/* SPDX-License-Identifier: MIT */
/*
 * mmioctl grant, ungrant and policy: what an administrator, or a scheduler on his behalf, lets users
 * have beside what the files of the configuration say.
 */
#include "verb.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <common/size.h>

#define REGIONS_MAX 64
#define DEADLINE_MS 1000 /* the time that holders have, unless something else is said */

/* ---- grant ---- */

static struct grant_options {
	const char *regions;
	const char *user;
	const char *tenant;
	const char *access;
	const char *share;
	uint32_t last_ms;
} options;

static const struct verb_option grant_rows[] = {
	{ "region", 0, "REGIONS", "names or patterns, with commas between them",
	  TEXT(struct grant_options, regions) },
	{ "user", 0, "USER", "whom it is for, by name or number",
	  TEXT(struct grant_options, user) },
	{ "tenant", 0, "TENANT", "or whoever connects to this tenant's socket",
	  TEXT(struct grant_options, tenant) },
	{ "access", 0, "ACCESS", "r or rw (default: r)", TEXT(struct grant_options, access) },
	{ "share", 0, "SHARE", "exclusive, shared-read, shared-write or guest",
	  TEXT(struct grant_options, share) },
	{ "for", 0, "TIME", "it ends after TIME, as 30min or 2h (default: never)",
	  TIME(struct grant_options, last_ms) },
	{ 0 },
};

static int find_user(const struct context *context, uint32_t *uid)
{
	const struct passwd *user = getpwnam(options.user);
	uint64_t number;

	if (user) {
		*uid = user->pw_uid;
		return 0;
	}
	if (common_number(options.user, &number) || number >= UINT32_MAX)
		return report_not_found(context, "there is no user \"%s\"", options.user);
	*uid = (uint32_t)number;
	return 0;
}

static int find_holder(const struct context *context, struct mmiod_grant *grant)
{
	if (!options.user == !options.tenant)
		return usage_error(context, "whom is it for? write --user USER or --tenant TENANT");
	grant->tenant = options.tenant;
	return options.user ? find_user(context, &grant->uid) : 0;
}

static int read_access(const struct context *context, unsigned int *rights)
{
	const char *word = options.access ? options.access : "r";

	*rights = MMIOD_RIGHT_READ;
	if (!strcmp(word, "rw"))
		*rights |= MMIOD_RIGHT_WRITE;
	else if (strcmp(word, "r") && strcmp(word, "ro"))
		return usage_error(context, "\"%s\" is not an access: write r or rw", word);
	return 0;
}

static int read_share(const struct context *context, enum mmiod_share *share)
{
	for (int i = MMIOD_SHARE_EXCLUSIVE; options.share && i <= MMIOD_SHARE_GUEST; i++) {
		*share = (enum mmiod_share)i;
		if (!strcmp(options.share, share_word(*share)))
			return 0;
	}
	*share = MMIOD_SHARE_DEFAULT;
	return !options.share ? 0
			      : usage_error(context,
					    "\"%s\" is not a share mode: write exclusive, "
					    "shared-read, shared-write or guest",
					    options.share);
}

/* @copy: is cut into words, which @regions points to. */
static int read_regions(const struct context *context, char *copy, const char **regions,
			size_t *count)
{
	char *rest = copy, *word;

	*count = 0;
	while ((word = strsep(&rest, ", "))) {
		if (!word[0])
			continue;
		if (*count == REGIONS_MAX)
			return usage_error(context, "--region: a grant has at most %d regions",
					   REGIONS_MAX);
		regions[(*count)++] = word;
	}
	return *count ? 0 : usage_error(context, "of what? write --region REGION");
}

static int give(struct context *context, struct mmiod_grant *grant)
{
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_grant(context->client, grant);
	return err ? report_client(context, err) : 0;
}

static int verb_grant(struct context *context, int argc, char **argv)
{
	const char *regions[REGIONS_MAX];
	struct mmiod_grant grant = { .name = argv[0],
				     .regions = regions,
				     .last_ms = options.last_ms };
	char *copy = strdup(options.regions ? options.regions : "");
	int status = copy ? 0 : out_of_memory(context);

	if (!status)
		status = read_regions(context, copy, regions, &grant.region_count);
	if (!status)
		status = find_holder(context, &grant);
	if (!status)
		status = read_access(context, &grant.rights);
	if (!status)
		status = read_share(context, &grant.share);
	if (!status)
		status = give(context, &grant);
	free(copy);
	return status;
}

const struct verb grant_verb = {
	.name = "grant",
	.arguments = "NAME",
	.summary = "let a user have regions (administrators)",
	.group = GROUP_HOLD,
	.options = grant_rows,
	.values = &options,
	.least = 1,
	.most = 1,
	.run = verb_grant,
	.examples = { { "grant job-7 --region 'fpga0-*' --user alice --access rw --for 2h",
			"for two hours" },
		      { "policy", "what was given so" },
		      { "ungrant job-7", "no longer" } },
	.more = "Beside what the files of the configuration give. It outlives the daemon, but not\n"
		"the machine, and its leases end with it. The same again is no error, and its\n"
		"time begins anew; another one by the same name is refused.\n",
};

/* ---- ungrant ---- */

static struct ungrant_options {
	uint32_t deadline_ms;
	bool now;
} ungrant_options = { .deadline_ms = DEADLINE_MS };

static const struct verb_option ungrant_rows[] = {
	{ "now", 0, NULL, "do not ask the holders first", FLAG(struct ungrant_options, now) },
	{ "deadline", 0, "TIME", "how long the holders have to give back (default: 1s)",
	  TIME(struct ungrant_options, deadline_ms) },
	{ 0 },
};

static int end_grant(struct context *context, const char *name)
{
	uint32_t deadline_ms = ungrant_options.now ? 0 : ungrant_options.deadline_ms;
	size_t ended;
	int err = mmiod_client_ungrant(context->client, name, deadline_ms, &ended);

	if (err)
		return report_client(context, err);
	if (ended)
		note(context, "%s: %zu lease%s ended", name, ended, ended == 1 ? "" : "s");
	return 0;
}

/* All are tried; the exit status is that of the first that failed. */
static int verb_ungrant(struct context *context, int argc, char **argv)
{
	int result = client_open(context);

	if (result)
		return result;
	for (int i = 0; i < argc; i++) {
		int status = end_grant(context, argv[i]);

		if (!result)
			result = status;
	}
	return result;
}

const struct verb ungrant_verb = {
	.name = "ungrant",
	.arguments = "NAME…",
	.summary = "end grants and their leases (administrators)",
	.group = GROUP_HOLD,
	.options = ungrant_rows,
	.values = &ungrant_options,
	.least = 1,
	.most = ARGUMENTS_ANY,
	.run = verb_ungrant,
	.examples = { { "ungrant job-7", "after a second to give back what it gave" },
		      { "ungrant job-7 --now", "at once" } },
	.more = "Lasts until nobody reaches the bytes any more. That there is no such grant is no\n"
		"error, so it may be done twice. A [grant] of the files is ended there.\n",
};

/* ---- policy ---- */

enum {
	POLICY_GRANT,
	POLICY_USER,
	POLICY_UID,
	POLICY_TENANT,
	POLICY_REGIONS,
	POLICY_ACCESS,
	POLICY_SHARE,
	POLICY_LEASES,
	POLICY_UNTIL,
	POLICY_LEFT,
	POLICY_BY,
	POLICY_COLUMNS,
};

static const struct column policy_columns[] = {
	[POLICY_GRANT] = { "GRANT", CELL_TEXT, true, "its name" },
	[POLICY_USER] = { "USER", CELL_TEXT, true, "whom it is for" },
	[POLICY_UID] = { "UID", CELL_NUMBER, false, "likewise, as a number" },
	[POLICY_TENANT] = { "TENANT", CELL_TEXT, false, "or the tenant that it is for" },
	[POLICY_REGIONS] = { "REGIONS", CELL_LIST, true, "names and patterns", true },
	[POLICY_ACCESS] = { "ACCESS", CELL_TEXT, true, "r or rw" },
	[POLICY_SHARE] = { "SHARE", CELL_TEXT, true, "how far a holder may keep others out" },
	[POLICY_LEASES] = { "LEASES", CELL_NUMBER, true, "that are held under it" },
	[POLICY_UNTIL] = { "UNTIL", CELL_TIME, true, "when it ends" },
	[POLICY_LEFT] = { "LEFT", CELL_AGE, false, "in how many seconds it ends" },
	[POLICY_BY] = { "BY", CELL_TEXT, true, "who gave it" },
};
static const size_t policy_column_count = POLICY_COLUMNS;

static const struct verb_option policy_rows[] = {
	TABLE_OPTIONS,
	{ 0 },
};

static void fill_holder(const struct mmiod_grant_info *info, struct cell *cells)
{
	const char *tenant = mmiod_grant_info_tenant(info);
	char name[64];

	if (tenant[0]) {
		cell_text(&cells[POLICY_TENANT], tenant);
		cells[POLICY_USER].none = cells[POLICY_UID].none = true;
		return;
	}
	user_name(mmiod_grant_info_uid(info), name, sizeof(name));
	cell_text(&cells[POLICY_USER], name);
	cell_number(&cells[POLICY_UID], mmiod_grant_info_uid(info));
	cells[POLICY_TENANT].none = true;
}

static void fill_time(const struct mmiod_grant_info *info, struct cell *cells)
{
	uint64_t left = (mmiod_grant_info_left_ms(info) + 999) / 1000;

	cells[POLICY_UNTIL].none = cells[POLICY_LEFT].none = !left;
	if (!left)
		return;
	cell_number(&cells[POLICY_UNTIL], (uint64_t)time(NULL) + left);
	cell_number(&cells[POLICY_LEFT], left);
}

static void fill_grant(const struct mmiod_grant_info *info, struct cell *cells)
{
	char *text = cells[POLICY_REGIONS].text, by[64];

	fill_holder(info, cells);
	fill_time(info, cells);
	cell_text(&cells[POLICY_GRANT], mmiod_grant_info_name(info));
	cell_text(&cells[POLICY_REGIONS], mmiod_grant_info_regions(info));
	while ((text = strchr(text, ' ')))
		*text = ',';
	cell_text(&cells[POLICY_ACCESS], rights_word(mmiod_grant_info_rights(info)));
	cell_text(&cells[POLICY_SHARE], share_word(mmiod_grant_info_share(info)));
	cell_number(&cells[POLICY_LEASES], mmiod_grant_info_leases(info));
	user_name(mmiod_grant_info_by(info), by, sizeof(by));
	cell_text(&cells[POLICY_BY], by);
}

static int print_grants(const struct context *context, const struct mmiod_grant_list *list)
{
	struct table table;
	int status = table_begin(&table, context, policy_columns, policy_column_count, "grants");

	for (size_t i = 0; !status && i < mmiod_grant_list_count(list); i++) {
		struct cell cells[POLICY_COLUMNS] = { 0 };

		fill_grant(mmiod_grant_list_get(list, i), cells);
		status = table_row(&table, cells);
	}
	return table_end(&table, status);
}

static int verb_policy(struct context *context, int argc, char **argv)
{
	struct mmiod_grant_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_grants(context->client, &list);
	if (err)
		return report_client(context, err);
	status = print_grants(context, list);
	mmiod_grant_list_free(list);
	return status;
}

const struct verb policy_verb = {
	.name = "policy",
	.arguments = "",
	.summary = "the grants that no file has",
	.group = GROUP_TROUBLE,
	.options = policy_rows,
	.run = verb_policy,
	.columns = policy_columns,
	.column_count = &policy_column_count,
	.examples = { { "policy", "what \"mmioctl grant\" gave, to whom, until when" } },
	.more = "Users see the grants that are for them; administrators, and those that an\n"
		"[inspect] section names, see all. Those of the files are in the files; which\n"
		"one decides about a request, \"mmioctl explain\" says.\n",
};
