/* SPDX-License-Identifier: MIT */
/* Parts of the daemon, measured in this process: no socket, no client, no kernel module. */
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include <stdint.h>

#define RUNS_MAX 32

struct config;

void die(const char *what) __attribute__((noreturn));
uint64_t cpu_ns(void);
double median(double *values, unsigned int count); /* sorts them */
struct config *load(const char *text); /* as the daemon loads a file with this text in it */

void restart_measure(unsigned int runs);
void policy_measure(unsigned int runs);

#endif
