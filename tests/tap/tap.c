// SPDX-License-Identifier: MIT
/* The harness of tap.h. Arguments select tests by a part of their names; --list names them only. */
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

enum { EXIT_SKIPPED = 77 };

static struct test *tests;
static struct test **last = &tests;

void tap_register(struct test *test)
{
	*last = test;
	last = &test->next;
}

static void comment(const char *format, va_list args)
{
	printf("# ");
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
}

void tap_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("# %s:%d:\n", file, line);
	va_start(args, format);
	comment(format, args);
	va_end(args);
	_exit(1);
}

void tap_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	comment(format, args);
	va_end(args);
	_exit(EXIT_SKIPPED);
}

static void print_sentence(const char *name)
{
	for (; *name; name++)
		putchar(*name == '_' ? ' ' : *name);
}

int tap_rounds(int all)
{
	const char *share = getenv("TAP_ROUNDS");
	int rounds = share ? all * atoi(share) / 100 : all;

	return rounds > 0 ? rounds : 1;
}

/*
 * What a test is given on a machine with nothing else to do, several times: the limit ends what
 * hangs, and no test because others want the processor as well. Still more by TAP_PATIENCE, a
 * factor, for a kernel with sanitizers say.
 */
static unsigned int limit_of(const struct test *test)
{
	enum { TIMES = 5 };
	const char *patience = getenv("TAP_PATIENCE");

	return test->seconds * TIMES * (patience ? (unsigned int)atoi(patience) : 1);
}

/*
 * In a process group of its own, which is killed
 * afterwards: a test's forgotten children end with it.
 */
static int run_one(const struct test *test)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		alarm(limit_of(test));
		test->run();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	return status;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static bool report(const struct test *test, int number, int status, double seconds)
{
	bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;
	bool passed = skipped || (WIFEXITED(status) && !WEXITSTATUS(status));

	if (seconds >= 1)
		printf("# it took %.1f s\n", seconds);
	if (WIFSIGNALED(status))
		printf("# killed by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	printf("%s %d - ", passed ? "ok" : "not ok", number);
	print_sentence(test->name);
	printf(skipped ? " # SKIP\n" : "\n");
	fflush(stdout);
	return passed;
}

static bool selected(const struct test *test, char **filters)
{
	if (!*filters)
		return true;
	for (; *filters; filters++)
		if (strstr(test->name, *filters))
			return true;
	return false;
}

static int count(char **filters)
{
	int n = 0;

	for (struct test *test = tests; test; test = test->next)
		n += selected(test, filters);
	return n;
}

static int list(char **filters)
{
	for (struct test *test = tests; test; test = test->next) {
		if (!selected(test, filters))
			continue;
		print_sentence(test->name);
		putchar('\n');
	}
	return 0;
}

/* The plan comes first: who is cut off has said how many tests there would have been. */
static int run(char **filters)
{
	int number = 0, failed = 0;

	printf("1..%d\n", count(filters));
	for (struct test *test = tests; test; test = test->next) {
		double begin = now();
		int status;

		if (!selected(test, filters))
			continue;
		status = run_one(test);
		failed += !report(test, ++number, status, now() - begin);
	}
	return failed ? 1 : 0;
}

/* Whole lines are out at once: a test ends by _exit() or by a signal, and what it printed counts. */
int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "--list"))
		return list(argv + 2);
	return run(argv + 1);
}
