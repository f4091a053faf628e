/* SPDX-License-Identifier: MIT */
/*
 * The process that answers when the supervisor is gone.
 */
#ifndef MMIOCTL_RUN_KEEPER_H
#define MMIOCTL_RUN_KEEPER_H

#include "run/uio-tree.h"

#include <sys/types.h>

#define KEEPER_HANDS 64 /* notifications that may wait for an answer at a time */

/* In memory that both share: what the supervisor has received and not answered. */
struct hands {
	uint64_t highest; /* the highest id that it has seen */
	uint64_t ids[KEEPER_HANDS]; /* 0: free */
};

struct keeper {
	pid_t pid;
	int socket; /* its end means that the supervisor's has come */
	struct hands *hands;
};

int keeper_start(const struct tree *tree, struct keeper *keeper);
/* Hands it the listener that the program's filter has made. */
int keeper_give(const struct keeper *keeper, int listener);
/* Waits until it has cleaned up. */
void keeper_end(struct keeper *keeper);

/* ---- descriptors over a socket, for who starts the program as well ---- */

/* One int, and a descriptor if @fd is not negative. */
int pass_send(int socket, int value, int fd);
/* @fd: -1: none came. */
int pass_receive(int socket, int *value, int *fd);

#endif
