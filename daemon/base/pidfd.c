// SPDX-License-Identifier: MIT
/*
 * A pidfd stands for one process for ever; its number may be somebody else's once it has ended. So
 * a caller that asks something about a process by its number opens the pidfd first, asks, and then
 * sees whether the process still lives: if it does, the number was its own all the time, and the
 * answers are about it.
 *
 * A process may become another user's by executing a set-uid program. A caller that depends on its
 * owner therefore asks before and after. In between it could turn and turn back only by executing
 * twice, and what it showed then is lost in that moment.
 */
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/pidfd.h"
#include "base/util.h"

/* -ESRCH: there is none. -EINVAL: it is a thread, no process. */
int process_open(struct process *process, uint32_t pid)
{
	*process = (struct process){ .pidfd = -1, .pid = pid };
	if (!pid || pid > INT32_MAX)
		return -ESRCH;
	process->pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	return process->pidfd < 0 ? -errno : 0;
}

void process_close(struct process *process)
{
	if (process->pidfd >= 0)
		close(process->pidfd);
	process->pidfd = -1;
}

/* A pidfd is readable as soon as its process has ended, even while nobody has waited for it. */
bool process_lives(const struct process *process)
{
	struct pollfd poll_fd = { .fd = process->pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 0;
}

/*
 * Real, effective, saved and file system uid: a program that keeps another one in reserve is not
 * its caller's.
 */
static bool all_uids_are(FILE *file, uid_t uid)
{
	unsigned int uids[4];
	char line[128];

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Uid: %u %u %u %u", &uids[0], &uids[1], &uids[2], &uids[3]) == 4)
			return uids[0] == uid && uids[1] == uid && uids[2] == uid && uids[3] == uid;
	return false;
}

/*
 * The file is root's while the kernel would not let the process's own user trace it: a set-uid
 * program, or one that asked for it. (The directory of a process is its user's in any case.)
 */
bool process_belongs_to(const struct process *process, uid_t uid)
{
	_cleanup_(fclosep) FILE *file = NULL;
	struct stat status;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%u/status", process->pid);
	file = fopen(path, "re");
	return file && fstat(fileno(file), &status) == 0 && status.st_uid == uid &&
	       all_uids_are(file, uid);
}
