// SPDX-License-Identifier: MIT
/*
 * The cost of lists of many leases to whoever looks at them: processor time of mmioctl for a row,
 * the time until its first output, and its resident memory. The daemon has as many leases of one
 * process; as it shares the processor with the one who looks, the first output waits for it too.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define LEASES 100000
#define AIM_ROW 5.0 /* us */
#define AIM_FIRST 50.0 /* ms */
#define AIM_MEMORY 20.0 /* MB */

struct look {
	double row_us, first_ms, memory_mb;
};

static const struct list {
	const char *name;
	char *arguments[5];
	bool sums; /* it has nothing to say before the last lease */
} lists[] = {
	{ "leases", { "mmioctl", "leases" }, false },
	{ "leases --json", { "mmioctl", "leases", "--json" }, false },
	{ "show REGION", { "mmioctl", "show", "bench" }, false },
	{ "show REGION --json", { "mmioctl", "show", "bench", "--json" }, false },
	{ "tree", { "mmioctl", "tree" }, false },
	{ "tree --json", { "mmioctl", "tree", "--json" }, false },
	{ "top --once", { "mmioctl", "top", "--once" }, true },
	{ "top --once --json", { "mmioctl", "top", "--once", "--json" }, true },
	{ "complete leases", { "mmioctl", "complete", "leases" }, false },
};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

extern char **environ;

static pid_t start(const char *program, const struct list *list, int *output)
{
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		die("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	if (posix_spawn(&pid, program, &actions, NULL, list->arguments, environ))
		die(program);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*output = ends[0];
	return pid;
}

static double milliseconds(const struct timeval *time)
{
	return (double)time->tv_sec * 1e3 + (double)time->tv_usec / 1e3;
}

static struct look look(const char *program, const struct list *list)
{
	static char buffer[1 << 16];
	struct look look = { 0 };
	struct rusage usage;
	uint64_t began = wall_ns();
	int output, status;
	pid_t pid = start(program, list, &output);

	if (read(output, buffer, sizeof(buffer)) <= 0)
		die("no output");
	look.first_ms = (double)(wall_ns() - began) / 1e6;
	while (read(output, buffer, sizeof(buffer)) > 0)
		;
	close(output);
	if (wait4(pid, &status, 0, &usage) != pid || status)
		die(list->name);
	look.row_us =
		(milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime)) * 1e3 / LEASES;
	look.memory_mb = (double)usage.ru_maxrss / 1024;
	return look;
}

static void print(const struct list *list, const struct look *looks, int rounds)
{
	double rows[ROUNDS_MAX], firsts[ROUNDS_MAX], memories[ROUNDS_MAX], row, first, memory;
	bool met;

	for (int i = 0; i < rounds; i++) {
		rows[i] = looks[i].row_us;
		firsts[i] = looks[i].first_ms;
		memories[i] = looks[i].memory_mb;
	}
	row = quantile(rows, rounds, 0);
	first = quantile(firsts, rounds, 0);
	memory = quantile(memories, rounds, 0.5);
	met = row <= AIM_ROW && memory <= AIM_MEMORY && (list->sums || first <= AIM_FIRST);
	printf("%-24s %8.2f us %8.1f ms %8.1f MB  %s\n", list->name, row, first, memory,
	       met ? "met" : "missed");
}

void lists_measure(struct subject *mmiod, const char *program, int rounds)
{
	static struct look looks[LISTS][ROUNDS_MAX];
	void *connection = mmiod->open(mmiod);

	for (uint64_t taken = 0; taken < LEASES; taken += BATCH_MAX)
		mmiod->lease(connection, taken,
			     LEASES - taken < BATCH_MAX ? LEASES - taken : BATCH_MAX);
	setenv("MMIOD_SOCKET", mmiod->socket, 1);
	for (int round = 0; round < rounds; round++)
		for (size_t i = 0; i < LISTS; i++)
			looks[i][round] = look(program, &lists[i]);
	mmiod->close(connection);
	printf("Lists of %d leases, in simulation; the least of %d rounds in turns.\n"
	       "Aims: %.0f us of processor time a lease, the first output after %.0f ms (but of "
	       "sums), "
	       "%.0f MB.\n\n%-24s %11s %11s %11s\n",
	       LEASES, rounds, AIM_ROW, AIM_FIRST, AIM_MEMORY, "mmioctl", "a lease", "first",
	       "memory");
	for (size_t i = 0; i < LISTS; i++)
		print(&lists[i], looks[i], rounds);
}
