/* SPDX-License-Identifier: MIT */
/*
 * Readers of /proc/buddyinfo, /proc/zoneinfo and /proc/slabinfo. The parsers are pure functions
 * over text; lines that they do not understand are passed over, because kernels add to these files.
 */
#include "output/output.h"
#include "system/kernel-file.h"
#include "system/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* MMIOCTL_PROC: another directory than /proc, where a container or a test keeps its own. */
FILE *kernel_open(const struct context *context, const char *name, int *status)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", proc_directory(), name);
	file = fopen(path, "re");
	*status = 0;
	if (file)
		return file;
	if (errno == EACCES || errno == EPERM)
		*status = report(context, -errno, "%s: only root may read it", path);
	else
		*status = report(context, -errno, "%s: %s", path, strerror(errno));
	return NULL;
}

/* "Node 0, zone    DMA32      3      2 …" */
bool parse_buddyinfo(const char *line, struct kernel_free *row)
{
	int used = 0;

	memset(row, 0, sizeof(*row));
	if (sscanf(line, "Node %u, zone %15s%n", &row->node, row->zone, &used) != 2)
		return false;
	line += used;
	while (row->orders < KERNEL_ORDERS_MAX &&
	       sscanf(line, "%" SCNu64 "%n", &row->blocks[row->orders], &used) == 1) {
		row->orders++;
		line += used;
	}
	return row->orders;
}

/* "        spanned  4095": a whole word, so that a CPU's "high: 14" is not the zone's mark. */
static void note_zone_line(const char *line, struct kernel_zone *zone)
{
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {
		{ "pages free", &zone->free }, { "min", &zone->min },
		{ "low", &zone->low },	       { "high", &zone->high },
		{ "spanned", &zone->spanned }, { "present", &zone->present },
		{ "managed", &zone->managed }, { "start_pfn:", &zone->start_pfn },
	};

	line += strspn(line, " ");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t length = strlen(keys[i].key);

		if (!strncmp(line, keys[i].key, length) && line[length] == ' ')
			sscanf(line + length, "%" SCNu64, keys[i].value);
	}
}

/*
 * The next zone with its lines, up to the head of another. Zones that the machine does not have
 * span nothing.
 */
bool next_zone(FILE *file, struct kernel_zone *zone)
{
	bool found = false;
	char line[256];

	memset(zone, 0, sizeof(*zone));
	for (long at = ftell(file); fgets(line, sizeof(line), file); at = ftell(file)) {
		struct kernel_zone head = { 0 };

		if (sscanf(line, "Node %u, zone %15s", &head.node, head.zone) != 2) {
			note_zone_line(line, zone);
			continue;
		}
		if (found && zone->spanned) {
			fseek(file, at, SEEK_SET);
			return true;
		}
		*zone = head;
		found = true;
	}
	return found && zone->spanned;
}

/* "name active objects size per-slab pages : tunables … : slabdata active-slabs slabs …" */
bool parse_slabinfo(const char *line, struct kernel_slab *slab)
{
	const char *data = strstr(line, ": slabdata");

	memset(slab, 0, sizeof(*slab));
	return data &&
	       sscanf(line, "%63s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		      slab->name, &slab->active, &slab->objects, &slab->size, &slab->per_slab,
		      &slab->pages_per_slab) == 6 &&
	       sscanf(data, ": slabdata %*u %" SCNu64, &slab->slabs) == 1;
}
