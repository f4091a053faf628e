/* SPDX-License-Identifier: MIT */
/*
 * A test harness: each test is a process of its own with a time limit, so that a SIGBUS, a hang or
 * a leak of one does not touch the next; results are TAP. Criterion is not used here because its
 * workers keep descriptors and mappings of their own, which are what these tests count.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
	unsigned int seconds;
	struct test *next;
};

void tap_register(struct test *test);
/* End the test that runs, as failed or skipped, with a reason. */
void tap_fail(const char *file, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void tap_skip(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/*
 * How often a race is run that would be run so often on a machine with nothing else to do: a share
 * of it in percent that TAP_ROUNDS says, once at least. All of it by default.
 */
int tap_rounds(int all);

#define TEST_WITHIN(limit, id)                                                            \
	static void id(void);                                                             \
	__attribute__((constructor)) static void register_##id(void)                      \
	{                                                                                 \
		static struct test test = { .name = #id, .run = id, .seconds = (limit) }; \
		tap_register(&test);                                                      \
	}                                                                                 \
	static void id(void)

#define TEST(id) TEST_WITHIN(60, id)

#define FAIL(...) tap_fail(__FILE__, __LINE__, __VA_ARGS__)

#define EXPECT(condition)                                                            \
	do {                                                                         \
		if (!(condition))                                                    \
			FAIL("%s is false (errno %s)", #condition, strerror(errno)); \
	} while (0)

#define EXPECT_EQ(left, right)                                                                     \
	do {                                                                                       \
		long long tap_left = (long long)(left), tap_right = (long long)(right);            \
		if (tap_left != tap_right)                                                         \
			FAIL("%s is 0x%llx, not 0x%llx (%s)", #left, tap_left, tap_right, #right); \
	} while (0)

/* The call must fail (-1 or MAP_FAILED) with exactly this errno. */
#define EXPECT_ERRNO(call, expected)                                                          \
	do {                                                                                  \
		errno = 0;                                                                    \
		if ((long)(call) != -1)                                                       \
			FAIL("%s succeeded, should fail with %s", #call, strerror(expected)); \
		if (errno != (expected))                                                      \
			FAIL("%s fails with %s, should be %s", #call, strerror(errno),        \
			     strerror(expected));                                             \
	} while (0)

#endif
