/* SPDX-License-Identifier: MIT */
/*
 * How much work something is, counted rather than timed: the instructions that a child of the test
 * takes for it, step by step, those of the kernel not among them. What the child does is undone
 * with it.
 */
#ifndef TEST_STEPS_H
#define TEST_STEPS_H

#include <stddef.h>

size_t steps(void (*work)(void));

#endif
