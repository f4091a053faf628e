/* SPDX-License-Identifier: MIT */
/*
 * The command line as a process: started with arguments,
 * its output, its messages and its exit status collected.
 */
#ifndef RUN_H
#define RUN_H

#include "fake.h"
#include <stdio.h>

#define CTL BUILD_DIR "/mmioctl"
#define ARGS_MAX 16

struct run {
	pid_t pid;
	FILE *files[2];
	int status; /* -SIGNAL when killed */
	char out[8192];
	char err[4096];
};

void run_start(struct run *run, const char *socket, const char *const *args);
void run_finish(struct run *run);
/* Waits until so much was printed on stdout. */
void run_await(struct run *run, const char *part);
void says(const char *text, const char *part);

#define run_ctl(run, socket, ...)                                         \
	do {                                                              \
		const char *const args[ARGS_MAX] = { __VA_ARGS__, NULL }; \
		run_start(run, socket, args);                             \
		run_finish(run);                                          \
	} while (0)

/* The same against a fake that is started and stopped for it. */
#define run_with(run, script, argument, ...)              \
	do {                                              \
		struct fake run_fake;                     \
		fake_start(&run_fake, script, argument);  \
		run_ctl(run, run_fake.path, __VA_ARGS__); \
		fake_stop(&run_fake);                     \
	} while (0)

#endif
