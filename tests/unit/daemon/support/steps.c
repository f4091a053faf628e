// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include "steps.h"

#define MAY_NOT 77 /* how the child ends where nobody may be stepped: some containers */

static _Noreturn void be_watched(void (*work)(void))
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(MAY_NOT);
	raise(SIGSTOP);
	work();
	_exit(0);
}

/* Waking a process on another processor takes longer than a step. */
static void share_a_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* A signal of the child's own is a failed assertion, or worse. */
size_t steps(void (*work)(void))
{
	pid_t child;
	size_t count = 0;
	int status;

	share_a_processor();
	child = fork();
	cr_assert_geq(child, 0);
	if (!child)
		be_watched(work);
	cr_assert_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == MAY_NOT)
		cr_skip_test("no process may be stepped here");
	cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	for (;; count++) {
		cr_assert_eq(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		cr_assert_eq(waitpid(child, &status, 0), child);
		if (WIFEXITED(status))
			break;
		cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP, "status %#x", status);
	}
	cr_assert_eq(WEXITSTATUS(status), 0);
	return count;
}
