// SPDX-License-Identifier: MIT
/*
 * bench [leases|blocks|memory|bystander] DAEMON [JSON], bench lists DAEMON MMIOCTL: rounds in turns,
 * medians, one table each.
 *
 * Processor time is the servers' (by their CPU clocks), and the figure to go by: the rate depends
 * on how fast the machine wakes processes. Clients and servers share one processor, so that it is
 * not a matter of which. Clients ask one after the other: many of them cost only what the server
 * has to look through to find the one that asked.
 */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define WINDOWS 8192 /* leased in one round, all held until its end */
#define AIM_RATIO 1.5 /* of a window's time to echo's, in batches of 16 */
#define AIM_NS 4000 /* of the daemon's processor time for a window, in batches of 16 */

enum { MMIOD, ECHO, ECHO_DUP, SUBJECTS };

static const size_t batches[] = { 1, 16, 64 };
#define BATCHES (sizeof(batches) / sizeof(batches[0]))
static const size_t crowds[] = { 1, 10, 1000 }; /* clients */
#define CROWDS (sizeof(crowds) / sizeof(crowds[0]))
#define CROWD_MAX 1000

struct sample {
	double cpu[ROUNDS_MAX]; /* ns of the server for each window */
	double rate[ROUNDS_MAX]; /* windows in a second */
	double end_cpu[ROUNDS_MAX]; /* ns for each window when the connection ends */
};

struct result {
	struct sample samples[SUBJECTS][CROWDS][BATCHES];
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

uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock))
		die("no CPU clock of another process");
	return clock_ns(clock);
}

/* ---- measuring ---- */

/* Until the server has dealt with the end of the connection: it comes to rest. */
void settle(pid_t pid)
{
	const struct timespec rest = { .tv_nsec = 2000000 };
	uint64_t last = 0, now;

	for (int i = 0; i < 100 && (now = cpu_ns(pid)) != last; i++) {
		last = now;
		nanosleep(&rest, NULL);
	}
}

static void measure(struct subject *subject, size_t crowd, size_t batch, struct sample *sample,
		    int round)
{
	void *connections[CROWD_MAX];
	uint64_t cpu, wall;
	size_t turn = 0;

	for (size_t i = 0; i < crowd; i++)
		connections[i] = subject->open(subject);
	settle(subject->pid);
	cpu = cpu_ns(subject->pid);
	wall = wall_ns();
	for (uint64_t done = 0; done < WINDOWS; done += batch)
		subject->lease(connections[turn++ % crowd], done, batch);
	wall = wall_ns() - wall;
	sample->cpu[round] = (double)(cpu_ns(subject->pid) - cpu) / WINDOWS;
	sample->rate[round] = WINDOWS * 1e9 / (double)wall;
	cpu = cpu_ns(subject->pid);
	for (size_t i = 0; i < crowd; i++)
		subject->close(connections[i]);
	settle(subject->pid);
	sample->end_cpu[round] = (double)(cpu_ns(subject->pid) - cpu) / WINDOWS;
}

static void run_rounds(struct result *result)
{
	static struct sample warm;

	for (int s = 0; s < SUBJECTS; s++)
		measure(&subjects[s], 1, batches[1], &warm, 0);
	for (int round = 0; round < result->rounds; round++)
		for (size_t c = 0; c < CROWDS; c++)
			for (size_t b = 0; b < BATCHES; b++)
				for (int s = 0; s < SUBJECTS; s++)
					measure(&subjects[s], crowds[c], batches[b],
						&result->samples[s][c][b], round);
}

/* ---- telling ---- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double quantile(const double *values, int count, double q)
{
	double sorted[ROUNDS_MAX];

	memcpy(sorted, values, (size_t)count * sizeof(*values));
	qsort(sorted, (size_t)count, sizeof(*sorted), compare);
	return sorted[(int)(q * (count - 1) + 0.5)];
}

static double ratio_of(const double *values, const double *base, int rounds)
{
	double ratios[ROUNDS_MAX];

	/* Of each round's own pair, so that what disturbs a round disturbs both. */
	for (int i = 0; i < rounds; i++)
		ratios[i] = values[i] / base[i];
	return quantile(ratios, rounds, 0.5);
}

static double cpu_ratio(const struct result *result, int s, size_t c, size_t b)
{
	return ratio_of(result->samples[s][c][b].cpu, result->samples[ECHO][c][b].cpu,
			result->rounds);
}

/* Of the time that a window takes, whoever's. */
static double time_ratio(const struct result *result, int s, size_t c, size_t b)
{
	return ratio_of(result->samples[ECHO][c][b].rate, result->samples[s][c][b].rate,
			result->rounds);
}

static void print_row(const struct result *result, int s, size_t c, size_t b)
{
	const struct sample *sample = &result->samples[s][c][b];
	int n = result->rounds;

	printf("%7zu %6zu %-10s %10.0f %8.2f %8.2f us %6.2f to %5.2f %8.2f %8.2f us\n", crowds[c],
	       batches[b], subjects[s].name, quantile(sample->rate, n, 0.5),
	       time_ratio(result, s, c, b), quantile(sample->cpu, n, 0.5) / 1e3,
	       quantile(sample->cpu, n, 0.1) / 1e3, quantile(sample->cpu, n, 0.9) / 1e3,
	       cpu_ratio(result, s, c, b), quantile(sample->end_cpu, n, 0.5) / 1e3);
}

static void print_table(const struct result *result)
{
	printf("Leasing %d windows, a file each, in simulation; medians of %d rounds in turns.\n"
	       "echo: a bare SEQPACKET server that opens a file for each element; echo-dup: that "
	       "duplicates one.\nRatios are to echo: of a window's time, and of the server's "
	       "processor time for it.\n\n"
	       "%7s %6s %-10s %10s %8s %11s %15s %8s %11s\n",
	       WINDOWS, result->rounds, "clients", "batch", "server", "windows/s", "ratio",
	       "CPU/window", "(10% to 90%)", "ratio", "to end it");
	for (size_t c = 0; c < CROWDS; c++)
		for (size_t b = 0; b < BATCHES; b++)
			for (int s = 0; s < SUBJECTS; s++)
				print_row(result, s, c, b);
}

static const char *verdict(double value, double aim)
{
	return value <= aim ? "met" : "missed";
}

static void print_verdict(const struct result *result)
{
	printf("\nAims in batches of 16: at most %.1f times echo's time, at most %.1f us of "
	       "processor time a window.\n",
	       AIM_RATIO, AIM_NS / 1e3);
	for (size_t c = 0; c < CROWDS; c++) {
		double cpu = quantile(result->samples[MMIOD][c][1].cpu, result->rounds, 0.5);
		double ratio = time_ratio(result, MMIOD, c, 1);

		printf("%7zu clients: %.2f times: %s; %.2f us: %s\n", crowds[c], ratio,
		       verdict(ratio, AIM_RATIO), cpu / 1e3, verdict(cpu, AIM_NS));
	}
}

static void write_sample(FILE *file, const struct result *result, int s, size_t c, size_t b)
{
	const struct sample *sample = &result->samples[s][c][b];
	bool last = s == SUBJECTS - 1 && c == CROWDS - 1 && b == BATCHES - 1;
	int n = result->rounds;

	fprintf(file,
		"    { \"server\": \"%s\", \"clients\": %zu, \"batch\": %zu, "
		"\"windows_per_second\": %.0f, "
		"\"cpu_ns_per_window\": %.1f, \"cpu_ns_p10\": %.1f, \"cpu_ns_p90\": %.1f, "
		"\"end_cpu_ns_per_window\": %.1f, \"cpu_ratio_to_echo\": %.3f, "
		"\"time_ratio_to_echo\": %.3f }%s\n",
		subjects[s].name, crowds[c], batches[b], quantile(sample->rate, n, 0.5),
		quantile(sample->cpu, n, 0.5), quantile(sample->cpu, n, 0.1),
		quantile(sample->cpu, n, 0.9), quantile(sample->end_cpu, n, 0.5),
		cpu_ratio(result, s, c, b), time_ratio(result, s, c, b), last ? "" : ",");
}

static void write_json(const struct result *result, const char *path)
{
	struct utsname machine;
	FILE *file = fopen(path, "we");

	if (!file)
		die(path);
	uname(&machine);
	fprintf(file,
		"{\n  \"schema\": 2,\n  \"version\": \"%s\",\n  \"kernel\": \"%s\",\n  "
		"\"backend\": \"simulation\",\n"
		"  \"rounds\": %d,\n  \"windows\": %d,\n  \"results\": [\n",
		MMIOD_VERSION, machine.release, result->rounds, WINDOWS);
	for (size_t c = 0; c < CROWDS; c++)
		for (size_t b = 0; b < BATCHES; b++)
			for (int s = 0; s < SUBJECTS; s++)
				write_sample(file, result, s, c, b);
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
	int rounds = setting ? atoi(setting) : 7;

	return rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
}

/* A thousand clients, in this process and in each server. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void start_all(const char *program)
{
	if (!mkdtemp(directory) || chmod(directory, 0755) < 0)
		die(directory);
	self = getpid();
	atexit(clean_up);
	echo_start(&subjects[ECHO], ECHO_REOPENS, in_directory("echo"));
	echo_start(&subjects[ECHO_DUP], ECHO_DUPLICATES, in_directory("echo-dup"));
	daemon_start(&subjects[MMIOD], program, directory);
}

static void measure_leases(const char *json)
{
	static struct result result;

	result.rounds = read_rounds();
	run_rounds(&result);
	print_table(&result);
	print_verdict(&result);
	if (json)
		write_json(&result, json);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (argc > 4 ||
	    (strcmp(what, "leases") && strcmp(what, "blocks") && strcmp(what, "memory") &&
	     strcmp(what, "bystander") && (strcmp(what, "lists") || argc != 4))) {
		fprintf(stderr, "usage: bench leases|blocks|memory|bystander DAEMON [JSON], "
				"bench lists DAEMON MMIOCTL (MMIOD_BENCH_ROUNDS: how many)\n");
		return 2;
	}
	raise_limits();
	share_a_processor();
	start_all(argv[2]);
	if (!strcmp(what, "bystander"))
		bystander_measure(&subjects[MMIOD], in_directory("conf"), read_rounds(),
				  argc > 3 ? argv[3] : NULL);
	else if (!strcmp(what, "lists"))
		lists_measure(&subjects[MMIOD], argv[3], read_rounds());
	else if (!strcmp(what, "memory"))
		memory_measure(&subjects[MMIOD], &subjects[ECHO]);
	else if (!strcmp(what, "blocks"))
		blocks_measure(&subjects[MMIOD], &subjects[ECHO], read_rounds());
	else
		measure_leases(argc > 3 ? argv[3] : NULL);
	return 0;
}
