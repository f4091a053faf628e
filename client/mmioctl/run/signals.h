/* SPDX-License-Identifier: MIT */
/*
 * Signals and children of the supervisor.
 */
#ifndef MMIOCTL_RUN_SIGNALS_H
#define MMIOCTL_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#define SIGNALS_CHANGED 4

struct signals {
	int fd; /* readable when there is something to do */
	sigset_t inherited; /* the mask we were started with */
	struct sigaction changed[SIGNALS_CHANGED]; /* what our caller had for those we changed */
	pid_t child; /* the program; 0: none yet */
	bool ended; /* it has */
	int status; /* then: to exit with */
	bool stopped; /* it was, and we are to follow */
	int deadly; /* a signal that ends us, since the program is no more */
};

int signals_take(struct signals *signals);
/* As our caller had them: for the program. */
void signals_restore(const struct signals *signals);
/* Reaps what has ended, passes on what was sent. */
void signals_read(struct signals *signals);
/* Stops this process until it is continued, and then the program. */
void signals_stop(struct signals *signals);

#endif
