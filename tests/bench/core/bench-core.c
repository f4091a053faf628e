// SPDX-License-Identifier: MIT
/* bench-core [-r RUNS]: one table for each question; medians of processor time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bench-core.h"
#include "daemon/config/config.h"

static char path[] = "/tmp/mmiod-bench-core.XXXXXX";

_Noreturn void die(const char *what)
{
	fprintf(stderr, "bench-core: %s\n", what);
	exit(1);
}

uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void remove_file(void)
{
	unlink(path);
}

struct config *load(const char *text)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	struct config_paths paths = { .simulation = path };
	struct config *config;
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		die(path);
	if (config_load(&paths, &config, &why) < 0)
		die(buffer);
	return config;
}

int main(int argc, char **argv)
{
	unsigned int runs = argc == 3 && !strcmp(argv[1], "-r") ? (unsigned int)atoi(argv[2]) : 5;
	int fd = mkstemp(path);

	if ((argc != 1 && argc != 3) || !runs || runs > RUNS_MAX || fd < 0) {
		fprintf(stderr, "usage: bench-core [-r RUNS]\n");
		return 2;
	}
	close(fd);
	atexit(remove_file);
	restart_measure(runs);
	policy_measure(runs);
	return 0;
}
