/* SPDX-License-Identifier: MIT */
/*
 * The grant of a job on this node, which root gives before the job begins and ends after it. What the
 * job's user asked for by --mmio has no say here: only what slurmctld gave the job counts.
 *
 * Called in the process that slurmd starts for the prolog or the epilog. slurmctld is asked once, with
 * Slurm's own limits of time; the daemon answers each request within the library's, 30 s.
 */
#include "plugin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

#define MINUTE_MS UINT64_C(60000)
#define LONGEST_MS (366 * 24 * 60 * MINUTE_MS) /* that a grant with a limit may last */

void job_grant_name(uint32_t job, char *name)
{
	snprintf(name, NAME_MAX_HERE, "slurm-%" PRIu32, job);
}

/* ---- what the job got here ---- */

/* Where this node stands among the job's, in whose order the details are. */
static int node_index(const job_info_t *info, const char *node)
{
	hostlist_t nodes = slurm_hostlist_create(info->nodes);
	int index = nodes ? slurm_hostlist_find(nodes, node) : -1;

	slurm_hostlist_destroy(nodes);
	return index;
}

static int read_detail(const struct settings *settings, const job_info_t *info,
		       struct patterns *patterns, char *error)
{
	const char *node = getenv("SLURMD_NODENAME");
	int index = node && info->nodes ? node_index(info, node) : -1;

	if (index < 0)
		return fail(error, -ENOENT, "slurmctld says that job %u has the nodes %s, not %s",
			    info->job_id, info->nodes ? info->nodes : "(none)",
			    node ? node : "(SLURMD_NODENAME is not set)");
	if ((uint32_t)index >= info->gres_detail_cnt)
		return 0;
	return gres_patterns(settings, info->gres_detail_str[index], patterns, error);
}

/* @last_ms: how long the grant may last, 0: no limit. */
static int ask_slurmctld(const struct settings *settings, uint32_t job, struct patterns *patterns,
			 uint64_t *last_ms, char *error)
{
	job_info_msg_t *message = NULL;
	const job_info_t *info;
	int err = 0;

	if (slurm_load_job(&message, job, SHOW_DETAIL) != SLURM_SUCCESS)
		return fail(error, -EIO, "slurmctld does not say what job %u got: %s", job,
			    slurm_strerror(errno));
	info = message->record_count ? &message->job_array[0] : NULL;
	if (!info) {
		err = fail(error, -ENOENT, "slurmctld knows no job %u", job);
	} else {
		*last_ms = (info->time_limit + (uint64_t)settings->grace_min) * MINUTE_MS;
		if (settings->no_limit || info->time_limit >= NO_VAL || *last_ms > LONGEST_MS)
			*last_ms = 0;
		err = read_detail(settings, info, patterns, error);
	}
	slurm_free_job_info_msg(message);
	return err;
}

/* ---- the grant ---- */

/* What an earlier run of the job left, or another configuration gave, is ended first. */
static int give(const struct settings *settings, const struct patterns *patterns,
		struct mmiod_grant *grant, char *error)
{
	const char *regions[PATTERNS_MAX];
	struct mmiod_client *client;
	int err = node_connect(settings, &client, error);

	if (err)
		return err;
	for (size_t i = 0; i < patterns->count; i++)
		regions[i] = patterns->text[i];
	grant->regions = regions;
	grant->region_count = patterns->count;
	err = mmiod_client_ungrant(client, grant->name, 0, NULL);
	if (!err)
		err = mmiod_client_grant(client, grant);
	if (err)
		fail(error, err, "no grant for the job: %s", mmiod_client_error(client));
	mmiod_client_free(client);
	return err;
}

int job_begin(const struct settings *settings, uint32_t job, uid_t uid, char *error)
{
	char name[NAME_MAX_HERE];
	struct mmiod_grant grant = {
		.name = name, .uid = uid, .rights = settings->rights, .share = settings->share
	};
	struct patterns patterns = { .count = 0 };
	int err = 0;

	if (settings->map_count)
		err = ask_slurmctld(settings, job, &patterns, &grant.last_ms, error);
	if (err || !patterns.count)
		return err;
	job_grant_name(job, name);
	return give(settings, &patterns, &grant, error);
}

/* A node without a daemon, where no socket is, had nothing to give. */
int job_end(const struct settings *settings, uint32_t job, size_t *ended, char *error)
{
	char name[NAME_MAX_HERE];
	struct mmiod_client *client;
	int err = node_connect(settings, &client, error);

	*ended = 0;
	if (err)
		return err == -ENOENT ? 0 : err;
	job_grant_name(job, name);
	err = mmiod_client_ungrant(client, name, 0, ended);
	if (err)
		fail(error, err, "the grant %s is not over: %s", name, mmiod_client_error(client));
	mmiod_client_free(client);
	return err;
}
