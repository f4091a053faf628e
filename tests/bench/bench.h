/* SPDX-License-Identifier: MIT */
/*
 * The cost of a lease. A subject is a server process and a client that asks it for windows; all
 * subjects do the same work in turns, so that whatever else the machine does hits them alike.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BATCH_MAX 64
#define PER_MESSAGE \
	16 /* descriptors with one message: mmiod's limit, and the echo's for likeness */

struct subject {
	const char *name;
	pid_t pid; /* of the server */
	/* A connection; it ends what was leased through it. */
	void *(*open)(struct subject *subject);
	void (*close)(void *connection);
	/* `count` more windows, in one call; closes their files. */
	void (*lease)(void *connection, uint64_t first, size_t count);
	const char *socket; /* for open() */
};

void die(const char *what) __attribute__((noreturn));
uint64_t wall_ns(void);
uint64_t cpu_ns(pid_t pid);
void settle(pid_t pid); /* until the server has come to rest */
double quantile(const double *values, int count, double q);

#define ROUNDS_MAX 99

/* memory.c, blocks.c, bystander.c, lists.c: a table each, on standard output. */
void memory_measure(struct subject *mmiod, struct subject *echo);
void blocks_measure(struct subject *mmiod, struct subject *echo, int rounds);
void bystander_measure(struct subject *mmiod, const char *config, int rounds, const char *json);
void lists_measure(struct subject *mmiod, const char *program, int rounds); /* mmioctl */

/*
 * echo.c: the least that a server could do, with a new file for each element, as mmiod does, or a
 * duplicate of one.
 */
enum echo_file { ECHO_REOPENS, ECHO_DUPLICATES };
void echo_start(struct subject *subject, enum echo_file file, const char *socket);

/* daemon.c: mmiod in simulation, asked through libmmiod. */
void daemon_start(struct subject *subject, const char *program, const char *directory);

#endif
