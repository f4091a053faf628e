/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void run_start(struct run *run, const char *socket, const char *const *args)
{
	posix_spawn_file_actions_t actions;
	char *argv[ARGS_MAX + 2] = { "mmioctl" };

	for (size_t i = 0; i < ARGS_MAX && args[i]; i++)
		argv[i + 1] = (char *)args[i];
	setenv("MMIOD_SOCKET", socket, 1);
	run->files[0] = tmpfile();
	run->files[1] = tmpfile();
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(run->files[0]), 1);
	posix_spawn_file_actions_adddup2(&actions, fileno(run->files[1]), 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3); /* where windows are put */
	cr_assert_eq(posix_spawn(&run->pid, CTL, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
}

static void collect(FILE *file, char *text, size_t size)
{
	rewind(file);
	text[fread(text, 1, size - 1, file)] = '\0';
}

void run_finish(struct run *run)
{
	int status;

	waitpid(run->pid, &status, 0);
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	collect(run->files[0], run->out, sizeof(run->out));
	collect(run->files[1], run->err, sizeof(run->err));
	fclose(run->files[0]);
	fclose(run->files[1]);
}

void run_await(struct run *run, const char *part)
{
	for (int i = 0; i < 60000; i++) {
		fseek(run->files[0], 0, SEEK_SET);
		collect(run->files[0], run->out, sizeof(run->out));
		if (strstr(run->out, part))
			return;
		usleep(10000);
	}
	cr_assert_fail("\"%s\" does not say \"%s\"", run->out, part);
}

void says(const char *text, const char *part)
{
	cr_assert(strstr(text, part), "\"%s\" does not say \"%s\"", text, part);
}
