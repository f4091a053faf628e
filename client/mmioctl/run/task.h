/* SPDX-License-Identifier: MIT */
/*
 * A task that waits in a system call for the supervisor's answer.
 */
#ifndef MMIOCTL_RUN_TASK_H
#define MMIOCTL_RUN_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct task {
	pid_t id; /* of the thread, as the supervisor sees it */
	int proc; /* its directory in /proc */
	int mem;
};

/* false: it cannot be looked into. Nothing is to be closed then. */
bool task_open(struct task *task, pid_t id);
void task_close(struct task *task);
/* false: not readable, or no terminating 0 within @size. */
bool task_read_string(const struct task *task, uint64_t address, char *out, size_t size);
bool task_read(const struct task *task, uint64_t address, void *out, size_t size);
bool task_write(const struct task *task, uint64_t address, const void *data, size_t size);
/* What a link in its directory says, such as "cwd" or "fd/5". */
bool task_link(const struct task *task, const char *name, char *out, size_t size);
pid_t task_group(const struct task *task); /* 0: unknown */
/* Whether all of its user and group numbers are those of this process. */
bool task_is_ours(const struct task *task);

#endif
