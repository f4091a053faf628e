/* SPDX-License-Identifier: MIT */
/*
 * The plugin that Slurm loads: the option --mmio, a grant for the time of a job, and windows for its
 * steps. mmiod-slurm(7) says how it is set up.
 *
 * Loaded by srun, sbatch and salloc, which read the option; by slurmd, which only has the arguments
 * checked; by the process of slurmd's that runs prologs and epilogs, as root; and by slurmstepd, one for
 * a step. Slurm takes a node out of service for a batch job whose step fails before its tasks are there,
 * and that is nothing which a user may bring about, not even by an option that no command of ours let
 * through. So what goes wrong is said in slurm_spank_user_init, and ends the tasks in
 * slurm_spank_task_init, where it is theirs.
 * A prolog or an epilog that fails does take the node out of service, and is to: its cards would be in
 * an unknown state.
 */
#include "plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <slurm/slurm.h>
#include <slurm/spank.h>

#define EXPORTED __attribute__((visibility("default")))

#pragma GCC visibility push(default)
SPANK_PLUGIN(mmiod, 1)
#pragma GCC visibility pop

static struct settings settings;
static struct wishes wishes;
static struct windows windows;
static char malformed[SENTENCE_MAX]; /* what is wrong with the option of a step; "": nothing */
static bool failed; /* the step does not get its windows */

static int say(int err, const char *sentence)
{
	if (err)
		slurm_error("mmiod: %s", sentence);
	return err ? -1 : 0;
}

static int read_settings(int argc, char **argv)
{
	char error[SENTENCE_MAX];
	int err = settings_read(&settings, argc, argv, error);

	if (err)
		slurm_error("mmiod: plugstack.conf: %s", error);
	return err ? -1 : 0;
}

static int read_option(int value, const char *argument, int remote)
{
	char error[SENTENCE_MAX];
	int err = wishes_read(&wishes, argument, error);

	if (!remote)
		return say(err, error);
	strcpy(malformed, err ? error : "");
	return 0;
}

static struct spank_option option = {
	.name = "mmio",
	.arginfo = "REGION[:ro],...",
	.usage = "device memory for the tasks: REGION[+OFFSET][/LENGTH][:WIDTH][:ro][:SHARE],... "
		 "or all that the job's GRES give",
	.has_arg = 2,
	.cb = read_option,
};

EXPORTED int slurm_spank_init(spank_t spank, int argc, char **argv)
{
	enum spank_context context = spank_context();

	if (read_settings(argc, argv))
		return -1;
	if (context != S_CTX_LOCAL && context != S_CTX_ALLOCATOR && context != S_CTX_REMOTE)
		return 0;
	return spank_option_register(spank, &option) == ESPANK_SUCCESS ? 0 : -1;
}

/* ---- prolog and epilog, before which Slurm does not call slurm_spank_init() ---- */

static int read_job(spank_t spank, uint32_t *job, uid_t *uid)
{
	spank_err_t err = spank_get_item(spank, S_JOB_ID, job);

	if (err == ESPANK_SUCCESS)
		err = spank_get_item(spank, S_JOB_UID, uid);
	return say(err != ESPANK_SUCCESS, spank_strerror(err));
}

EXPORTED int slurm_spank_job_prolog(spank_t spank, int argc, char **argv)
{
	char error[SENTENCE_MAX];
	uint32_t job;
	uid_t uid;

	if (read_settings(argc, argv) || read_job(spank, &job, &uid))
		return -1;
	return say(job_begin(&settings, job, uid, error), error);
}

EXPORTED int slurm_spank_job_epilog(spank_t spank, int argc, char **argv)
{
	char error[SENTENCE_MAX];
	size_t ended;
	uint32_t job;
	uid_t uid;
	int err;

	if (read_settings(argc, argv) || read_job(spank, &job, &uid))
		return -1;
	err = job_end(&settings, job, &ended, error);
	if (!err && ended)
		slurm_info("mmiod: job %u left %zu lease%s, which ended", job, ended,
			   ended == 1 ? "" : "s");
	return say(err, error);
}

/* ---- steps ---- */

/* The step that only waits for processes which others bring along has no tasks. */
static bool has_tasks(spank_t spank)
{
	uint32_t step;

	return spank_get_item(spank, S_JOB_STEPID, &step) != ESPANK_SUCCESS ||
	       step != SLURM_EXTERN_CONT;
}

/* Also for steps without windows: a program may ask the node's daemon itself. */
static void set_socket(spank_t spank)
{
	const char *node = getenv("SLURMD_NODENAME"), *socket = NULL;
	char path[128];

	if (!settings_socket(&settings, node ? node : "localhost", path, sizeof(path), &socket) &&
	    socket)
		spank_setenv(spank, "MMIOD_SOCKET", socket, 1);
}

/* What was set where the job was submitted is about descriptors of another process. */
static void clear_environment(spank_t spank)
{
	static const char *const names[] = { "MMIOD_WINDOWS", "MMIOD_DEVICES", "MMIOD_FDS",
					     "MMIOD_TARGETS", "MMIOD_LEASES",  "MMIOD_OFFSETS" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		spank_unsetenv(spank, names[i]);
}

static int set_windows(spank_t spank)
{
	if (spank_setenv(spank, "MMIOD_WINDOWS", windows.environment, 1) == ESPANK_SUCCESS)
		return 0;
	return say(-ENOMEM, "the environment of the tasks cannot be changed");
}

EXPORTED int slurm_spank_user_init(spank_t spank, int argc, char **argv)
{
	char error[SENTENCE_MAX];
	uint32_t job;
	uid_t uid;

	clear_environment(spank);
	set_socket(spank);
	if (!wishes.given || !has_tasks(spank))
		return 0;
	failed = say(malformed[0], malformed) || read_job(spank, &job, &uid) ||
		 say(windows_take(&windows, &settings, &wishes, job, error), error) ||
		 set_windows(spank);
	return 0;
}

EXPORTED int slurm_spank_task_init(spank_t spank, int argc, char **argv)
{
	return failed ? -1 : 0;
}

EXPORTED int slurm_spank_exit(spank_t spank, int argc, char **argv)
{
	windows_free(&windows);
	return 0;
}
