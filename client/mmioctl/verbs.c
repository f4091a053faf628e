/* SPDX-License-Identifier: MIT */
/*
 * The table of verbs. The code of each and its help are in the file of its group.
 */
#include "verb.h"

#include <string.h>
#include <common/word.h>

#define POINT_TO_VERB(name) &name##_verb,
const struct verb *const verbs[] = { VERBS(POINT_TO_VERB) NULL };

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* NULL, with the error told, when there is none of that name. */
const struct verb *find_verb(const struct context *context, const char *name)
{
	const char *names[VERB_COUNT], *nearest;
	size_t count = 0;

	for (size_t i = 0; verbs[i]; i++) {
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
		if (verbs[i]->group != GROUP_HIDDEN)
			names[count++] = verbs[i]->name;
	}
	nearest = common_nearest(name, names, count);
	if (nearest)
		usage_error(context, "no verb \"%s\"; did you mean \"%s\"?", name, nearest);
	else
		usage_error(context, "no verb \"%s\" (see mmioctl --help)", name);
	return NULL;
}
