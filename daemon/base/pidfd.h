/* SPDX-License-Identifier: MIT */
/*
 * Somebody else's process, looked at without mistaking it for another one that got its number
 * meanwhile.
 */
#ifndef MMIOD_DAEMON_BASE_PIDFD_H
#define MMIOD_DAEMON_BASE_PIDFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	int pidfd;
	uint32_t pid;
};

int process_open(struct process *process, uint32_t pid);
void process_close(struct process *process);
bool process_lives(const struct process *process);
bool process_belongs_to(const struct process *process, uid_t uid);

#endif
