/* SPDX-License-Identifier: MIT */
/*
 * What is behind --mmio=: targets with commas between them, each with words behind it that say how.
 * Read where the job is submitted, so that a slip of the pen costs no place in the queue, and again on
 * its nodes. Whether there are such regions, only the daemon of the node knows.
 */
#include "plugin.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool take_word(struct wish *wish, const char *word)
{
	if (!strcmp(word, "ro"))
		wish->read_only = true;
	else if (strcmp(word, "rw") && !share_read(word, &wish->share))
		return false;
	return true;
}

/* Words are cut off from the end on; what is left is a target, in which digits follow a colon. */
static int read_wish(struct wish *wish, char *text, char *error)
{
	char said[160], *colon;

	memset(wish, 0, sizeof(*wish));
	snprintf(said, sizeof(said), "%s", text);
	while ((colon = strrchr(text, ':')) && isalpha((unsigned char)colon[1])) {
		if (!take_word(wish, colon + 1))
			return fail(error, -EINVAL,
				    "--mmio=%s: \"%s\" says nothing: write rw, ro, exclusive, "
				    "shared-read, shared-write or guest behind a region",
				    said, colon + 1);
		*colon = '\0';
	}
	if (mmiod_target_parse(text, &wish->target, error, SENTENCE_MAX)) {
		char why[SENTENCE_MAX];

		snprintf(why, sizeof(why), "%s", error);
		return fail(error, -EINVAL, "--mmio=%s: %s", said, why);
	}
	return 0;
}

static int read_list(struct wishes *wishes, char *rest, char *error)
{
	char *text;
	int err = 0;

	while (!err && (text = strsep(&rest, ","))) {
		if (wishes->count == WISHES_MAX)
			return fail(error, -EINVAL, "--mmio=: more than %d regions", WISHES_MAX);
		if (!text[0])
			return fail(error, -EINVAL, "--mmio=: there is a comma too many");
		err = read_wish(&wishes->list[wishes->count++], text, error);
	}
	return err;
}

int wishes_read(struct wishes *wishes, const char *text, char *error)
{
	char copy[WISHES_MAX * 128];

	memset(wishes, 0, sizeof(*wishes));
	if (text && !strcmp(text, "none"))
		return 0;
	wishes->given = true;
	wishes->all = !text || !text[0];
	if (wishes->all)
		return 0;
	if (strlen(text) >= sizeof(copy))
		return fail(error, -EINVAL, "--mmio=: more than %zu characters", sizeof(copy) - 1);
	strcpy(copy, text);
	return read_list(wishes, copy, error);
}
