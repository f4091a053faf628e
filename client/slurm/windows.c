/* SPDX-License-Identifier: MIT */
/*
 * The windows of a step on this node: leased once, by the process that watches over the step, with the
 * job's user as its effective one, for all tasks of the step here. They stand at descriptors that were
 * free, and that no exec() closes; MMIOD_WINDOWS tells the tasks which. That process keeps the
 * connection until the step is over, so no other is needed, and in simulation, where a lease ends with
 * its connection, it lasts as long.
 *
 * What the job got is leased under the job's own grant, so that of two jobs of one user on one card
 * neither loses its windows by the other's end. A user may lease what any grant gives him, by a program
 * of his own: here it is seen to that a job does not take by mistake what another of his was given.
 */
#include "plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define IDENTITY_MAX 64 /* of a window, as mmiod_lease_identity() has it */

/* What is asked for on behalf of a job. */
struct asking {
	struct mmiod_client *client;
	struct windows *windows;
	uint32_t job;
	char grant[NAME_MAX_HERE]; /* the job's */
	char patterns[PATTERNS_MAX * 64]; /* of it, with blanks between them; "": there is none */
	struct mmiod_region_list *regions;
	struct mmiod_want wants[PATTERNS_MAX];
	char *error;
};

static bool covers(const char *patterns, const char *region)
{
	char pattern[64];

	while (*patterns) {
		size_t length = strcspn(patterns, " ");

		snprintf(pattern, sizeof(pattern), "%.*s", (int)length, patterns);
		if (!fnmatch(pattern, region, 0))
			return true;
		patterns += length + strspn(patterns + length, " ");
	}
	return false;
}

static int client_failed(const struct asking *asking, int err)
{
	return fail(asking->error, err, "%s", mmiod_client_error(asking->client));
}

static int find_grant(struct asking *asking)
{
	struct mmiod_grant_list *list;
	int err = mmiod_client_list_grants(asking->client, &list);

	if (err)
		return client_failed(asking, err);
	job_grant_name(asking->job, asking->grant);
	for (size_t i = 0; i < mmiod_grant_list_count(list); i++) {
		const struct mmiod_grant_info *info = mmiod_grant_list_get(list, i);

		if (!strcmp(mmiod_grant_info_name(info), asking->grant))
			snprintf(asking->patterns, sizeof(asking->patterns), "%s",
				 mmiod_grant_info_regions(info));
	}
	mmiod_grant_list_free(list);
	return 0;
}

/* Behind the sentence that is there already. Who has no grant at all may not even connect. */
static int no_grant(const struct asking *asking)
{
	char why[SENTENCE_MAX];

	snprintf(why, sizeof(why), "%s", asking->error);
	return fail(asking->error, -EACCES,
		    "%s. Job %u has no grant on this node: ask for a card by --gres, as "
		    "--gres=mmio:TYPE. If it did, the prolog gave none: see gres= in "
		    "plugstack.conf, and PrologFlags=Alloc in slurm.conf",
		    why, asking->job);
}

/* ---- all that the job got ---- */

static int want_all(struct asking *asking)
{
	struct windows *windows = asking->windows;

	if (!asking->patterns[0])
		return fail(asking->error, -EACCES,
			    "--mmio without a region is for all that the job got, which is none");
	for (size_t i = 0; i < mmiod_region_list_count(asking->regions); i++) {
		const struct mmiod_region *region = mmiod_region_list_get(asking->regions, i);
		const char *name = mmiod_region_name(region);

		if (!covers(asking->patterns, name))
			continue;
		if (windows->count == PATTERNS_MAX)
			return fail(asking->error, -EINVAL,
				    "the job got more than %d regions: name some of them, as "
				    "--mmio=%s",
				    PATTERNS_MAX, name);
		snprintf(windows->names[windows->count], NAME_MAX_HERE, "%s", name);
		asking->wants[windows->count].region = windows->names[windows->count];
		asking->wants[windows->count].grant = asking->grant;
		asking->wants[windows->count++].rights =
			mmiod_region_rights(region) & (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	}
	return windows->count ? 0
			      : fail(asking->error, -ENOENT, "no region here is called %s",
				     asking->patterns);
}

/* ---- what is named ---- */

/* Whether it is another job's of the same user. Any other trouble the lease itself will say. */
static int check_whose(const struct asking *asking, const struct mmiod_want *want)
{
	struct mmiod_policy_question question = { .region = want->region,
						  .offset = want->offset,
						  .length = want->length,
						  .rights = want->rights,
						  .share = want->share };
	struct mmiod_policy_answer answer;

	if (mmiod_client_explain(asking->client, &question, &answer) || !answer.allowed ||
	    strncmp(answer.grant, "slurm-", 6) || !strcmp(answer.grant, asking->grant))
		return 0;
	return fail(asking->error, -EACCES,
		    "job %u did not get %s: it is what job %s got, by --gres", asking->job,
		    want->region, answer.grant + 6);
}

static int want_named(struct asking *asking, const struct wish *wish)
{
	const struct mmiod_region *region;
	struct windows *windows = asking->windows;
	struct mmiod_want *want = &asking->wants[windows->count];

	snprintf(windows->names[windows->count], NAME_MAX_HERE, "%s", wish->target.region);
	*want = (struct mmiod_want){
		.region = windows->names[windows->count++],
		.offset = wish->target.offset,
		.length = wish->target.length,
		.width = wish->target.width,
		.rights = MMIOD_RIGHT_READ | (wish->read_only ? 0 : MMIOD_RIGHT_WRITE),
		.share = wish->share,
	};
	region = mmiod_region_list_find(asking->regions, &wish->target);
	if (region && covers(asking->patterns, mmiod_region_name(region))) {
		want->grant = asking->grant;
		return 0;
	}
	return check_whose(asking, want);
}

static int choose(struct asking *asking, const struct wishes *wishes)
{
	int err = find_grant(asking);

	if (!err && mmiod_client_list_regions(asking->client, &asking->regions))
		err = client_failed(asking, -EIO);
	if (!err && wishes->all)
		err = want_all(asking);
	for (size_t i = 0; !err && i < wishes->count; i++)
		err = want_named(asking, &wishes->list[i]);
	mmiod_region_list_free(asking->regions);
	asking->regions = NULL;
	return err;
}

/* ---- leases ---- */

static int take_leases(struct asking *asking)
{
	struct windows *windows = asking->windows;
	int errors[PATTERNS_MAX] = { 0 };

	mmiod_client_lease_many(asking->client, asking->wants, windows->count, 0, windows->leases,
				errors);
	for (size_t i = 0; i < windows->count; i++)
		if (!windows->leases[i])
			return client_failed(asking, errors[i]);
	return 0;
}

/* ---- what the tasks inherit ---- */

static int print_window(const struct windows *windows, size_t index, int fd, char *text,
			size_t size)
{
	const struct mmiod_lease *lease = windows->leases[index];
	char identity[IDENTITY_MAX], width[8] = "";
	int length;

	if (mmiod_lease_identity(lease, identity, sizeof(identity)))
		return -ERANGE;
	if (mmiod_lease_width(lease))
		snprintf(width, sizeof(width), ":%u", mmiod_lease_width(lease) * 8);
	length = snprintf(text, size, "%s%d@%s:%s+0x%llx/0x%llx%s", index ? " " : "", fd, identity,
			  windows->names[index], (unsigned long long)mmiod_lease_offset(lease),
			  (unsigned long long)mmiod_lease_length(lease), width);
	return length >= 0 && (size_t)length < size ? length : -ERANGE;
}

/* A descriptor that is free: one that is in use is somebody's, and no window ever replaces it. */
static int hand_down(struct asking *asking)
{
	struct windows *windows = asking->windows;
	size_t used = 0;

	for (size_t i = 0; i < windows->count; i++) {
		int fd = fcntl(mmiod_lease_fd(windows->leases[i]), F_DUPFD, 3), length;

		if (fd < 0)
			return fail(asking->error, -errno, "a window for the tasks: %s",
				    strerror(errno));
		length = print_window(windows, i, fd, windows->environment + used,
				      sizeof(windows->environment) - used);
		if (length < 0)
			return fail(asking->error, length, "the windows do not fit MMIOD_WINDOWS");
		used += (size_t)length;
	}
	return 0;
}

int windows_take(struct windows *windows, const struct settings *settings,
		 const struct wishes *wishes, uint32_t job, char *error)
{
	struct asking asking = { .windows = windows, .job = job, .error = error };
	int err;

	memset(windows, 0, sizeof(*windows));
	err = node_connect(settings, &windows->client, error);
	asking.client = windows->client;
	if (!err)
		err = choose(&asking, wishes);
	if (!err)
		err = take_leases(&asking);
	if (!err)
		err = hand_down(&asking);
	if (err == -EACCES && !asking.patterns[0])
		no_grant(&asking);
	if (err)
		windows_free(windows);
	return err;
}

void windows_free(struct windows *windows)
{
	for (size_t i = 0; i < windows->count; i++)
		mmiod_lease_free(windows->leases[i]);
	mmiod_client_free(windows->client);
	windows->client = NULL;
	windows->count = 0;
}
