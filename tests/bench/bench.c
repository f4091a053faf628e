// SPDX-License-Identifier: MIT
/*
 * bench DAEMON JSON: rounds in turns, medians, one table.
 *
 * Processor time is the servers' (by their CPU clocks), and the figure to go by: the rate depends on how fast the
 * machine wakes processes. Client and servers share one processor, so that it is not a matter of which.
 */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WINDOWS 8192 /* leased in one round, all held until its end */
#define ROUNDS_MAX 99
#define AIM_NS 4000 /* of the daemon's processor time for a window, in batches of 16 */

enum { MMIOD, ECHO, ECHO_DUP, SUBJECTS };

static const size_t batches[] = { 1, 16, 64 };
#define BATCHES (sizeof(batches) / sizeof(batches[0]))

struct sample {
	double cpu[ROUNDS_MAX]; /* ns of the server for each window */
	double rate[ROUNDS_MAX]; /* windows in a second */
	double end_cpu[ROUNDS_MAX]; /* ns for each window when the connection ends */
};

struct result {
	struct sample samples[SUBJECTS][BATCHES];
	int rounds;
};

static struct subject subjects[SUBJECTS];
static pid_t self;
static char directory[] = "/tmp/mmiod-bench.XXXXXX";

_Noreturn void die(const char *what)
{
	fprintf(stderr, "bench: %s: %m\n", what);
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) < 0)
		die("a server is gone");
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t wall_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock))
		die("no CPU clock of another process");
	return clock_ns(clock);
}

/* ---- measuring ---- */

/* Until the server has dealt with the end of the connection: it comes to rest. */
static void settle(pid_t pid)
{
	const struct timespec rest = { .tv_nsec = 2000000 };
	uint64_t last = 0, now;

	for (int i = 0; i < 100 && (now = cpu_ns(pid)) != last; i++) {
		last = now;
		nanosleep(&rest, NULL);
	}
}

static void measure(struct subject *subject, size_t batch, struct sample *sample, int round)
{
	void *connection = subject->open(subject);
	uint64_t cpu = cpu_ns(subject->pid), wall = wall_ns();

	for (uint64_t done = 0; done < WINDOWS; done += batch)
		subject->lease(connection, done, batch);
	wall = wall_ns() - wall;
	sample->cpu[round] = (double)(cpu_ns(subject->pid) - cpu) / WINDOWS;
	sample->rate[round] = WINDOWS * 1e9 / (double)wall;
	cpu = cpu_ns(subject->pid);
	subject->close(connection);
	settle(subject->pid);
	sample->end_cpu[round] = (double)(cpu_ns(subject->pid) - cpu) / WINDOWS;
}

static void run_rounds(struct result *result)
{
	static struct sample warm;

	for (int s = 0; s < SUBJECTS; s++)
		measure(&subjects[s], batches[1], &warm, 0);
	for (int round = 0; round < result->rounds; round++)
		for (size_t b = 0; b < BATCHES; b++)
			for (int s = 0; s < SUBJECTS; s++)
				measure(&subjects[s], batches[b], &result->samples[s][b], round);
}

/* ---- telling ---- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double quantile(const double *values, int count, double q)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, (size_t)count * sizeof(*values));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare);
	return sorted[(int)(q * (count - 1) + 0.5)];
}

static void print_table(const struct result *result)
{
	int n = result->rounds;

	printf("Leasing %d windows, a file each, in simulation; medians of %d rounds in turns.\n"
	       "echo: a bare SEQPACKET server that opens a file for each element; echo-dup: that "
	       "duplicates one.\n\n"
	       "%-10s %6s %12s %14s %16s %14s\n",
	       WINDOWS, n, "server", "batch", "windows/s", "CPU/window", "(10% to 90%)",
	       "CPU to end it");
	for (size_t b = 0; b < BATCHES; b++)
		for (int s = 0; s < SUBJECTS; s++) {
			const struct sample *sample = &result->samples[s][b];

			printf("%-10s %6zu %12.0f %11.2f us %7.2f to %5.2f %11.2f us\n",
			       subjects[s].name, batches[b], quantile(sample->rate, n, 0.5),
			       quantile(sample->cpu, n, 0.5) / 1e3,
			       quantile(sample->cpu, n, 0.1) / 1e3,
			       quantile(sample->cpu, n, 0.9) / 1e3,
			       quantile(sample->end_cpu, n, 0.5) / 1e3);
		}
}

/* Of each round's own pair, so that what disturbs a round disturbs both. */
static double ratio(const struct result *result, int subject, int base, size_t b)
{
	double ratios[ROUNDS_MAX];

	for (int i = 0; i < result->rounds; i++)
		ratios[i] = result->samples[subject][b].cpu[i] / result->samples[base][b].cpu[i];
	return quantile(ratios, result->rounds, 0.5);
}

static void print_verdict(const struct result *result)
{
	double cpu = quantile(result->samples[MMIOD][1].cpu, result->rounds, 0.5);

	printf("\nmmiod's processor time in units of echo's:");
	for (size_t b = 0; b < BATCHES; b++)
		printf(" %.2f (batch %zu)%s", ratio(result, MMIOD, ECHO, b), batches[b],
		       b + 1 < BATCHES ? "," : "\n");
	printf("Aim: at most %.1f us a window in batches of 16: %s\n", AIM_NS / 1e3,
	       cpu <= AIM_NS ? "met" : "missed");
}

static void write_sample(FILE *file, const struct result *result, int s, size_t b)
{
	const struct sample *sample = &result->samples[s][b];
	int n = result->rounds;

	fprintf(file,
		"    { \"server\": \"%s\", \"batch\": %zu, \"windows_per_second\": %.0f, "
		"\"cpu_ns_per_window\": %.1f, \"cpu_ns_p10\": %.1f, \"cpu_ns_p90\": %.1f, "
		"\"end_cpu_ns_per_window\": %.1f, \"cpu_ratio_to_echo\": %.3f }%s\n",
		subjects[s].name, batches[b], quantile(sample->rate, n, 0.5),
		quantile(sample->cpu, n, 0.5), quantile(sample->cpu, n, 0.1),
		quantile(sample->cpu, n, 0.9), quantile(sample->end_cpu, n, 0.5),
		ratio(result, s, ECHO, b), s == SUBJECTS - 1 && b == BATCHES - 1 ? "" : ",");
}

static void write_json(const struct result *result, const char *path)
{
	struct utsname machine;
	FILE *file = fopen(path, "we");

	if (!file)
		die(path);
	uname(&machine);
	fprintf(file,
		"{\n  \"schema\": 1,\n  \"version\": \"%s\",\n  \"kernel\": \"%s\",\n  "
		"\"backend\": \"simulation\",\n"
		"  \"rounds\": %d,\n  \"windows\": %d,\n  \"results\": [\n",
		MMIOD_VERSION, machine.release, result->rounds, WINDOWS);
	for (size_t b = 0; b < BATCHES; b++)
		for (int s = 0; s < SUBJECTS; s++)
			write_sample(file, result, s, b);
	fprintf(file, "  ]\n}\n");
	if (fclose(file))
		die(path);
}

/* ---- the whole ---- */

static void share_a_processor(void)
{
	cpu_set_t allowed, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static const char *in_directory(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		die("out of memory");
	return path;
}

/* Also when something fails: exit() comes here, that of a server too. */
static void clean_up(void)
{
	static const char *const names[] = { "conf", "sock", "echo", "echo-dup" };

	if (getpid() != self)
		return;
	for (int s = 0; s < SUBJECTS; s++)
		if (subjects[s].pid > 0) {
			kill(subjects[s].pid, SIGTERM);
			waitpid(subjects[s].pid, NULL, 0);
		}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_directory(names[i]));
	rmdir(directory);
}

static int read_rounds(void)
{
	const char *setting = getenv("MMIOD_BENCH_ROUNDS");
	int rounds = setting ? atoi(setting) : 11;

	return rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
}

int main(int argc, char **argv)
{
	static struct result result;

	if (argc != 3) {
		fprintf(stderr, "usage: bench DAEMON JSON (MMIOD_BENCH_ROUNDS: how many)\n");
		return 2;
	}
	share_a_processor();
	result.rounds = read_rounds();
	if (!mkdtemp(directory))
		die(directory);
	self = getpid();
	atexit(clean_up);
	echo_start(&subjects[ECHO], ECHO_REOPENS, in_directory("echo"));
	echo_start(&subjects[ECHO_DUP], ECHO_DUPLICATES, in_directory("echo-dup"));
	daemon_start(&subjects[MMIOD], argv[1], directory);
	run_rounds(&result);
	print_table(&result);
	print_verdict(&result);
	write_json(&result, argv[2]);
	return 0;
}
