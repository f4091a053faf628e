/* SPDX-License-Identifier: MIT */
/*
 * Puts a configuration in force that configure.c wrote. The file gets its name, by which the daemon reads
 * it, only when it is complete, and loses it again when the check finds anything wrong: there is no moment
 * at which a reload by somebody else would read half of it. MMIOCTL_ROOT: another directory than /.
 */
#include "system/in-use.h"
#include "system/run-mmiod.h"
#include "verbs/configure.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct install {
	struct context *context;
	const struct proposal *proposal;
	char directory[PATH_MAX - 128]; /* of the configuration */
	char path[PATH_MAX]; /* as the daemon reads it */
	char hidden[PATH_MAX]; /* as it does not: the ending is another */
};

/* ---- the file ---- */

static void name_files(struct install *install)
{
	const char *root = getenv("MMIOCTL_ROOT");

	snprintf(install->directory, sizeof(install->directory), "%s" MMIOD_SYSCONFDIR "/mmiod",
		 root ? root : "");
	snprintf(install->path, sizeof(install->path), "%s/mmiod.conf.d/%s.conf",
		 install->directory, install->proposal->name);
	snprintf(install->hidden, sizeof(install->hidden), "%s/mmiod.conf.d/.%s.new",
		 install->directory, install->proposal->name);
}

static int tell(const struct install *install, const char *path, int err)
{
	if (err == -EEXIST)
		return report(install->context, err,
			      "%s is there already: nothing is written over; choose another --name",
			      path);
	return report(install->context, err, "%s: %s", path, strerror(-err));
}

static int write_hidden(const struct install *install)
{
	const struct proposal *proposal = install->proposal;
	int fd = open(install->hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t n;
	int err = 0;

	if (fd < 0)
		return tell(install, install->hidden, -errno);
	n = write(fd, proposal->text, proposal->length);
	if (n != (ssize_t)proposal->length || fchmod(fd, 0644) || fsync(fd))
		err = n < 0 || n == (ssize_t)proposal->length ? -errno : -ENOSPC;
	if (close(fd) && !err)
		err = -errno;
	if (!err)
		return 0;
	unlink(install->hidden);
	return tell(install, install->hidden, err);
}

/* A link, unlike a renaming, fails if somebody else has the name. */
static int show_file(const struct install *install)
{
	int err = link(install->hidden, install->path) ? -errno : 0;

	unlink(install->hidden);
	return err ? tell(install, install->path, err) : 0;
}

static int check_file(const struct install *install)
{
	char *words[] = { "mmiod", "--check-config", "--config", (char *)install->directory, NULL };
	int status = run_mmiod(
		install->context,
		getenv("MMIOCTL_ROOT") ? words : (char *[]){ "mmiod", "--check-config", NULL });

	if (!status)
		return 0;
	unlink(install->path);
	note(install->context, "%s is taken away again", install->path);
	return status == EXIT_CONFIG ? STATUS_FAILED : status;
}

/* ---- in force ---- */

static int bind_function(const struct install *install)
{
	char *words[6] = { "mmiod", "--bind" };
	size_t n = 2;

	if (!strcmp(install->proposal->function->driver, "mmiod"))
		return 0;
	if (install->proposal->force)
		words[n++] = "--force";
	words[n++] = "--";
	words[n] = (char *)install->proposal->function->address;
	return run_mmiod(install->context, words);
}

/* -1: there is no such program. */
static int run_systemctl(char **words)
{
	pid_t pid;
	int status = -1;

	if (posix_spawnp(&pid, "systemctl", NULL, NULL, words, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int reload(const struct install *install)
{
	char *active[] = { "systemctl", "--quiet", "is-active", "mmiod.service", NULL };
	char *words[] = { "systemctl", "reload", "mmiod.service", NULL };

	if (run_systemctl(active)) {
		note(install->context, "mmiod is not running: start it by systemctl enable --now "
				       "mmiod.socket mmiod.service");
		return 0;
	}
	if (!run_systemctl(words))
		return 0;
	return report(install->context, -EIO,
		      "systemctl reload mmiod failed: its journal says why");
}

static int refuse_used(const struct install *install)
{
	char why[512];

	if (install->proposal->force ||
	    !function_in_use(install->proposal->function, why, sizeof(why)))
		return 0;
	return report(install->context, -EBUSY, "%s %s; --force takes it all the same",
		      install->proposal->function->address, why);
}

int install_proposal(struct context *context, const struct proposal *proposal)
{
	struct install install = { .context = context, .proposal = proposal };
	int status;

	name_files(&install);
	status = refuse_used(&install);
	if (!status)
		status = write_hidden(&install);
	if (!status)
		status = show_file(&install);
	if (!status)
		status = check_file(&install);
	if (status)
		return status;
	note(context, "%s is written", install.path);
	status = bind_function(&install);
	return status ? status : reload(&install);
}
