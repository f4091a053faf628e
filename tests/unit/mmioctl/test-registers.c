/* SPDX-License-Identifier: MIT */
/*
 * Memory that does not keep what is written: behind the
 * window is /dev/zero, and each access maps it anew.
 */
#include "store.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(forgetful, .timeout = 1200);

static struct store forgetful(unsigned int width)
{
	struct store store = { .width = width, .file = open("/dev/zero", O_RDWR | O_CLOEXEC) };

	cr_assert_gt(store.file, 0);
	return store;
}

Test(forgetful, write_that_is_verified_ends_with_9_and_names_the_bit)
{
	struct store store = forgetful(4);
	struct run run;

	store_run(&store, &run, "write", "ram+0x10", "0x18", "--verify");
	cr_assert_eq(run.status, 9);
	cr_assert_str_empty(run.out);
	cr_assert_str_eq(run.err,
			 "mmioctl: ram+0x10: wrote 0x00000018, reads 0x00000000: bit 3 differs\n");
	cr_assert_eq(store.releases, 1);
}

Test(forgetful, only_the_bits_of_the_mask_are_verified)
{
	struct store store = forgetful(4);
	struct run run;

	store_run(&store, &run, "clear", "ram", "3", "--verify");
	cr_assert_eq(run.status, 0, "%s", run.err);
	store_run(&store, &run, "set", "ram", "3-2", "--verify");
	cr_assert_eq(run.status, 9);
	says(run.err, "bit 2 differs");
}

Test(forgetful, test_says_which_bit_of_which_element_in_which_test)
{
	struct store store = forgetful(0);
	struct run run;

	store_run(&store, &run, "test", "ram+0x100/0x100", "--yes");
	cr_assert_eq(run.status, 9);
	cr_assert_str_eq(run.out, "FAILED walking bits   \n");
	says(run.err, "walking bits: ram+0x100:8 should be 0x01, reads 0x00: bit 0 is the first "
		      "that differs");
	cr_assert_eq(store.releases, 1);
}

Test(forgetful, test_as_json_says_what_failed_on_both_outputs)
{
	struct store store = forgetful(4);
	json_t *out, *err;
	struct run run;

	store_run(&store, &run, "--json", "test", "ram/0x100", "--yes");
	cr_assert_eq(run.status, 9);
	out = json_loads(run.out, 0, NULL);
	err = json_loads(run.err, 0, NULL);
	cr_assert(out && err);
	cr_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(out, "tests"), 0), "result")),
			 "FAILED");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(err, "error"), "exit")), 9);
	cr_assert(!json_object_get(json_object_get(err, "error"), "errno"));
	json_decref(out);
	json_decref(err);
}

TestSuite(registers, .timeout = 1200);

/* Until it is in the midst of its patterns, or through with them. */
static void await_change(const struct run *run, int file, const uint8_t *before)
{
	static uint8_t now[STORE_SIZE];
	siginfo_t ended = { 0 };

	do {
		usleep(1000);
		cr_assert_eq(pread(file, now, sizeof(now), 0), (ssize_t)sizeof(now));
		waitid(P_PID, (id_t)run->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
	} while (!memcmp(before, now, sizeof(now)) && !ended.si_pid);
}

/* Interrupted, it must put back what was there. */
Test(registers, test_that_is_interrupted_restores_and_then_ends)
{
	static uint8_t before[STORE_SIZE], after[STORE_SIZE];
	struct store store = { .file = memory_file(STORE_SIZE) };
	const char *const args[ARGS_MAX] = { "test", "ram", "--yes", NULL };
	struct run run;

	memset(before, 0x5a, sizeof(before));
	cr_assert_eq(pwrite(store.file, before, sizeof(before), 0), (ssize_t)sizeof(before));
	store_start(&store);
	run_start(&run, store.fake.path, args);
	await_change(&run, store.file, before);
	kill(run.pid, SIGTERM);
	run_finish(&run);
	store_stop(&store);
	cr_assert(run.status == -SIGTERM || run.status == 0, "%d %s", run.status, run.err);
	cr_assert_eq(pread(store.file, after, sizeof(after), 0), (ssize_t)sizeof(after));
	cr_assert_eq(memcmp(before, after, sizeof(before)), 0);
}
