/* SPDX-License-Identifier: MIT */
/*
 * What one open() and close() of a file costs: the best of some rounds, in microseconds.
 *
 *	opens PATH...
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 9
#define OPENS 1000

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double round_us(const char *path)
{
	double start = now_us();

	for (int i = 0; i < OPENS; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return -1;
		close(fd);
	}
	return (now_us() - start) / OPENS;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		double best = round_us(argv[i]);

		for (int j = 1; best >= 0 && j < ROUNDS; j++) {
			double us = round_us(argv[i]);

			if (us < best)
				best = us;
		}
		if (best < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
			return 1;
		}
		printf("%8.1f  %s\n", best, argv[i]);
	}
	return 0;
}
