/* SPDX-License-Identifier: MIT */
/*
 * Registers that have bytes in common. Pure: knows no file.
 */
#include "regmap/regmap.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct map_register *one = *(const struct map_register *const *)a;
	const struct map_register *other = *(const struct map_register *const *)b;

	if (one->offset != other->offset)
		return one->offset < other->offset ? -1 : 1;
	return one->line < other->line ? -1 : one->line > other->line;
}

static void tell(const struct map_register *reg, const struct map_register *before,
		 const struct map_hearing *hearing)
{
	char sentence[2 * MAP_NAME_MAX + 160];

	snprintf(sentence, sizeof(sentence),
		 "%s at 0x%llx overlaps %s at 0x%llx, in line %u, which has %u bits", reg->name,
		 (unsigned long long)reg->offset, before->name, (unsigned long long)before->offset,
		 before->line, before->width * 8);
	hearing->tell(hearing->data, reg->line, sentence);
}

/* By address; each is compared with the one before it that reaches the farthest. */
void regmap_tell_overlaps(const struct regmap *map, const struct map_hearing *hearing)
{
	const struct map_register **sorted = calloc(map->count + 1, sizeof(*sorted));
	const struct map_register *far = NULL;

	if (!sorted) {
		hearing->tell(hearing->data, 0, "out of memory");
		return;
	}
	for (size_t i = 0; i < map->count; i++)
		sorted[i] = &map->registers[i];
	qsort(sorted, map->count, sizeof(*sorted), compare);
	for (size_t i = 0; i < map->count; i++) {
		const struct map_register *reg = sorted[i];

		if (far && reg->offset < far->offset + far->width && !reg->alternate &&
		    !far->alternate)
			tell(reg, far, hearing);
		if (!far || reg->offset + reg->width > far->offset + far->width)
			far = reg;
	}
	free(sorted);
}
