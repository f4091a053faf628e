/* SPDX-License-Identifier: MIT */
/*
 * What a process was handed down, as variables of its environment name it: MMIOD_WINDOWS and
 * MMIOD_DEVICES, of FD@IDENTITY:NAME with blanks between.
 */
#ifndef MMIOD_HANDED_H
#define MMIOD_HANDED_H

#include <stddef.h>

#define HANDED_MAX 192

struct handed {
	char word[HANDED_MAX]; /* as it stands there, cut if there is no room */
	int fd;
	const char *identity; /* in parts */
	const char *name;
	char parts[HANDED_MAX];
};

/*
 * The next word of a variable, behind which @at then is. 1; 0: there is none; -EINVAL: it is not
 * written so, and only its word is filled in. NULL is a variable that is not set.
 */
int handed_next(const char **at, struct handed *handed);

#endif
