/* SPDX-License-Identifier: MIT */
/*
 * The part of Criterion that the unit tests' helpers use, for builds without Criterion: in a fuzz
 * target a broken assertion ends the process, as a crash does.
 */
#ifndef TEST_FUZZ_CRITERION_H
#define TEST_FUZZ_CRITERION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define cr_assert(condition, ...)                                                                \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
			abort();                                                                 \
		}                                                                                \
	} while (0)
#define cr_assert_not(condition, ...) cr_assert(!(condition))
#define cr_assert_null(pointer, ...) cr_assert(!(pointer))
#define cr_assert_not_null(pointer, ...) cr_assert(pointer)
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b))
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b))
#define cr_assert_lt(a, b, ...) cr_assert((a) < (b))
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b))
#define cr_assert_gt(a, b, ...) cr_assert((a) > (b))
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b))
#define cr_assert_str_eq(a, b, ...) cr_assert(!strcmp(a, b))

#endif
