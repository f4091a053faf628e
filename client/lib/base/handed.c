/* SPDX-License-Identifier: MIT */
/*
 * The words of MMIOD_WINDOWS and MMIOD_DEVICES: see handed.h.
 */
#include "base/handed.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <common/size.h>

static int part(struct handed *handed)
{
	const char *at = handed->parts;
	char *identity, *colon;
	uint64_t fd;

	if (common_scan_number(&at, &fd) || fd > INT32_MAX || *at != '@')
		return -EINVAL;
	identity = handed->parts + (at - handed->parts) + 1;
	colon = strchr(identity, ':');
	if (!colon || colon == identity || !colon[1])
		return -EINVAL;
	*colon = '\0';
	handed->fd = (int)fd;
	handed->identity = identity;
	handed->name = colon + 1;
	return 1;
}

int handed_next(const char **at, struct handed *handed)
{
	const char *word;
	size_t length;

	if (!*at)
		return 0;
	word = *at + strspn(*at, " ");
	length = strcspn(word, " ");
	*at = word + length;
	if (!length)
		return 0;
	snprintf(handed->word, sizeof(handed->word), "%.*s", (int)length, word);
	memcpy(handed->parts, handed->word, sizeof(handed->parts));
	return length < sizeof(handed->parts) ? part(handed) : -EINVAL;
}
