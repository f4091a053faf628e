/* SPDX-License-Identifier: MIT */
/*
 * The child sets the filter for itself, because only what comes of it is to be watched, and hands
 * the listener to its parent. It opens nothing between that and its program: the supervisor answers
 * only when it has the listener.
 */
#include "run/launch.h"
#include "run/filter.h"
#include "run/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- --root: a user namespace in which the user is called 0 ---- */

static int write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int become_root(void)
{
	char users[40], groups[40];
	int err;

	snprintf(users, sizeof(users), "0 %u 1\n", geteuid());
	snprintf(groups, sizeof(groups), "0 %u 1\n", getegid());
	if (unshare(CLONE_NEWUSER))
		return -errno;
	err = write_file("/proc/self/setgroups", "deny");
	if (!err)
		err = write_file("/proc/self/uid_map", users);
	return err ? err : write_file("/proc/self/gid_map", groups);
}

/* ---- the child ---- */

static void __attribute__((noreturn))
run_program(const struct context *context, const struct run_options *options, bool stats,
	    const struct signals *signals, int socket)
{
	char **command = options->command;
	int err = options->root ? become_root() : 0, listener = -1;

	if (err) {
		pass_send(socket, err, -1);
		_exit(STATUS_NO_FILTER);
	}
	signals_restore(signals);
	listener = filter_install(stats);
	if (pass_send(socket, listener < 0 ? listener : 0, listener) || listener < 0)
		_exit(STATUS_NO_FILTER);
	close(listener);
	execvp(command[0], command);
	err = errno;
	note(context, "cannot run \"%s\": %s", command[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

/* ---- the parent ---- */

static int report_failure(const struct context *context, const struct run_options *options, int err)
{
	if (err == -EBUSY)
		note(context,
		     "these programs have a supervisor already, as inside of another run or "
		     "of some containers, and Linux allows one: mmioctl hold does without");
	else if (options->root)
		note(context, "cannot make a user namespace for --root, or set the filter: %s",
		     strerror(-err));
	else
		note(context, "cannot set the filter that tells what programs open: %s",
		     strerror(-err));
	return STATUS_NO_FILTER;
}

int launch(const struct context *context, const struct run_options *options, bool stats,
	   struct signals *signals, int *listener)
{
	int sockets[2], err, result = 0;

	*listener = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return report_failure(context, options, -errno);
	fflush(NULL);
	signals->child = fork();
	if (!signals->child)
		run_program(context, options, stats, signals, sockets[1]);
	close(sockets[1]);
	err = signals->child < 0 ? -errno : pass_receive(sockets[0], &result, listener);
	close(sockets[0]);
	if (!err)
		err = result;
	if (!err && *listener < 0)
		err = -EMFILE;
	if (err && signals->child > 0)
		waitpid(signals->child, NULL, 0);
	return err ? report_failure(context, options, err) : 0;
}
