// SPDX-License-Identifier: MIT
/*
 * Processes tell themselves apart without a system call, however they were made.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

/* Whether the child saw what it should have. */
static bool succeeded(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
}

Test(process, has_one_number_as_long_as_it_lives)
{
	uint64_t number = process_number();

	cr_assert_neq(number, 0);
	cr_assert_eq(process_number(), number);
}

/* A library that makes processes by the system call runs no handler of pthread_atfork(). */
Test(process, differs_from_the_child_that_the_bare_system_call_makes)
{
	uint64_t number = process_number();
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!child)
		_exit(!process_number() || process_number() == number);
	cr_assert(succeeded(child));
	cr_assert_eq(process_number(), number, "the parent's changed");
}

Test(process, differs_from_its_grandparent_even_if_its_parent_never_asked)
{
	uint64_t number = process_number();
	pid_t child = fork();

	if (!child) {
		pid_t grandchild = fork();

		if (!grandchild)
			_exit(!process_number() || process_number() == number);
		_exit(!succeeded(grandchild));
	}
	cr_assert(succeeded(child));
}

Test(process, differs_from_each_of_its_ancestors)
{
	uint64_t first = process_number();
	pid_t child = fork();

	if (!child) {
		uint64_t second = process_number();
		pid_t grandchild = fork();

		if (!grandchild) {
			uint64_t third = process_number();

			_exit(!third || third == first || third == second);
		}
		_exit(second == first || !succeeded(grandchild));
	}
	cr_assert(succeeded(child));
}
