/* SPDX-License-Identifier: MIT */
/*
 * The daemon's program, run for what it does without being a daemon: by the caller, with the caller's
 * rights. Its output is passed on, its complaints become errors of mmioctl.
 */
#include "output/output.h"
#include "system/run-mmiod.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define OUTPUT_MAX 16384

/* ---- running mmiod ---- */

struct run {
	int out[2], err[2];
	char said[OUTPUT_MAX]; /* its output */
	char complained[OUTPUT_MAX]; /* its error output */
	int status;
};

/* A shell of root's has /usr/sbin in its PATH, but not after every su. */
static int spawn(pid_t *pid, const posix_spawn_file_actions_t *actions, char **words)
{
	int err = posix_spawnp(pid, "mmiod", actions, NULL, words, environ);

	if (err == ENOENT)
		err = posix_spawn(pid, MMIOD_SBINDIR "/mmiod", actions, NULL, words, environ);
	return -err;
}

static int start(struct run *run, pid_t *pid, char **words)
{
	posix_spawn_file_actions_t actions;
	int err;

	if (pipe2(run->out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(run->err, O_CLOEXEC) < 0) {
		err = -errno;
		close(run->out[0]);
		close(run->out[1]);
		return err;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, run->out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, run->err[1], STDERR_FILENO);
	err = spawn(pid, &actions, words);
	posix_spawn_file_actions_destroy(&actions);
	close(run->out[1]);
	close(run->err[1]);
	return err;
}

/* A few lines at most, so one pipe can wait for the end of the other. */
static void read_all(int fd, char *text, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, text + length, size - 1 - length)) > 0 || (n < 0 && errno == EINTR))
		length += n > 0 ? (size_t)n : 0;
	text[length] = '\0';
	close(fd);
}

static int run_words(struct run *run, char **words)
{
	pid_t pid = -1;
	int err = start(run, &pid, words);

	if (err) {
		close(run->out[0]);
		close(run->err[0]);
		return err;
	}
	read_all(run->out[0], run->said, sizeof(run->said));
	read_all(run->err[0], run->complained, sizeof(run->complained));
	while (waitpid(pid, &run->status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* ---- passing on ---- */

static int print_said(const struct context *context, char *said)
{
	json_t *lines;
	char *line;

	if (!context->json) {
		fputs(said, stdout);
		return STATUS_OK;
	}
	lines = json_array();
	while ((line = strsep(&said, "\n")))
		if (line[0])
			json_array_append_new(lines, json_text(line));
	return json_output(json_pack("{s:i, s:o}", "schema", JSON_SCHEMA, "messages", lines));
}

static int errno_of(int status)
{
	switch (status) {
	case STATUS_NOT_FOUND:
		return -ENOENT;
	case STATUS_DENIED:
		return -EACCES;
	case STATUS_BUSY:
		return -EBUSY;
	case STATUS_NO_DAEMON:
		return -ENOTCONN;
	case EXIT_CONFIG:
		return -EINVAL;
	default:
		return -EIO;
	}
}

static int print_complaints(const struct context *context, char *complained, int status)
{
	static const char prefix[] = "mmiod: ";
	char *line;

	while ((line = strsep(&complained, "\n"))) {
		if (!strncmp(line, prefix, strlen(prefix)))
			line += strlen(prefix);
		if (line[0] && status == STATUS_USAGE)
			usage_error(context, "%s", line);
		else if (line[0])
			report(context, errno_of(status), "%s", line);
	}
	return status;
}

/* It is done, and there is something to know about it. */
static void print_warnings(const struct context *context, char *complained)
{
	char *line;

	while ((line = strsep(&complained, "\n")))
		if (line[0])
			note(context, "%s", line);
}

static int pass_on(const struct context *context, struct run *run)
{
	int status = WIFEXITED(run->status) ? WEXITSTATUS(run->status) : STATUS_FAILED;
	int printed = STATUS_OK;

	if (run->said[0] || !status)
		printed = print_said(context, run->said);
	if (!status) {
		print_warnings(context, run->complained);
		return printed;
	}
	if (!run->complained[0])
		return report(context, -EIO, "mmiod ended without a word");
	return print_complaints(context, run->complained, status);
}

/* Its exit status is the caller's. */
int run_mmiod(struct context *context, char **words)
{
	struct run *run = calloc(1, sizeof(*run));
	int err;

	if (!run)
		return out_of_memory(context);
	err = run_words(run, words);
	if (err == -ENOENT)
		err = report(context, -ENOTCONN,
			     "mmiod, which does this, is neither in PATH nor " MMIOD_SBINDIR
			     "/mmiod");
	else if (err)
		err = report(context, err, "cannot run mmiod, which does this: %s", strerror(-err));
	else
		err = pass_on(context, run);
	free(run);
	return err;
}
