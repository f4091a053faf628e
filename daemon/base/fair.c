// SPDX-License-Identifier: MIT
/* Two lines, of which the second has every fourth turn. */
#include "base/fair.h"
#include "base/hash.h"

#define SECOND_LINE_EVERY 4

static void stand(struct fair_link **line, struct fair_link *link)
{
	fair_remove(link);
	DL_APPEND(*line, link);
	link->line = line;
}

/* Wherever it stood before, it stands at the end of the first line now. */
void fair_add(struct fair *fair, struct fair_link *link)
{
	stand(&fair->fresh, link);
}

/* It has had its share, or can wait: the second line. */
void fair_add_again(struct fair *fair, struct fair_link *link)
{
	stand(&fair->served, link);
}

/* Whose turn it is, who then stands in no line; NULL: nobody waits. */
struct fair_link *fair_take(struct fair *fair)
{
	bool second = fair->served && (!fair->fresh || fair->taken >= SECOND_LINE_EVERY - 1);
	struct fair_link *link = second ? fair->served : fair->fresh;

	fair->taken = second || !fair->served ? 0 : fair->taken + 1;
	if (link)
		fair_remove(link);
	return link;
}

/* From where it stands; one that stands nowhere may be removed as well. */
void fair_remove(struct fair_link *link)
{
	if (!link->line)
		return;
	DL_DELETE(*link->line, link);
	link->line = NULL;
}
