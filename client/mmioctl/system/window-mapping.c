/* SPDX-License-Identifier: MIT */
/*
 * Looks for windows in /proc/PID/maps. Processes come and go meanwhile: one that is gone is passed
 * over.
 */
#include "system/window-mapping.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <common/size.h>

/* Which lease it is, the module says. */
static void ask_daemon(const struct context *context, struct window_mapping *mapping)
{
	struct mmiod_translation *found;

	if (!context->client ||
	    mmiod_client_translate(context->client, mapping->pid, mapping->segment.start, &found))
		return;
	if (mmiod_translation_window(found)) {
		mapping->lease = mmiod_translation_lease(found);
		mapping->memtype = mmiod_translation_asked(found);
		mapping->state = mmiod_translation_state(found);
	}
	mmiod_translation_free(found);
}

static int add_mapping(const struct context *context, struct window_mappings *mappings,
		       uint32_t pid, const struct segment *segment)
{
	struct window_mapping *grown, mapping = { .pid = pid, .segment = *segment };

	if (!parse_window_name(segment->name, &mapping.window))
		return 0;
	mapping.uid = process_uid(pid);
	process_comm(pid, mapping.comm, sizeof(mapping.comm));
	ask_daemon(context, &mapping);
	grown = reallocarray(mappings->items, mappings->count + 1, sizeof(*grown));
	if (!grown)
		return out_of_memory(context);
	mappings->items = grown;
	mappings->items[mappings->count++] = mapping;
	return 0;
}

static int search_process(const struct context *context, struct window_mappings *mappings,
			  uint32_t pid)
{
	struct segments segments = { 0 };
	struct segment segment;
	char path[300];
	int status = 0;

	snprintf(path, sizeof(path), "%s/%u/maps", proc_directory(), pid);
	segments.file = fopen(path, "re");
	if (!segments.file) {
		mappings->closed += errno == EACCES || errno == EPERM;
		return 0;
	}
	while (!status && next_segment(&segments, &segment))
		status = add_mapping(context, mappings, pid, &segment);
	/*
	 * That a process may not be looked into is told when its file is read, not when it is
	 * opened.
	 */
	mappings->closed += ferror(segments.file) != 0;
	fclose(segments.file);
	return status;
}

int find_window_mappings(const struct context *context, uint32_t only,
			 struct window_mappings *mappings)
{
	DIR *directory = opendir(proc_directory());
	struct dirent *entry;
	uint64_t pid;
	int status = 0;

	*mappings = (struct window_mappings){ 0 };
	if (!directory)
		return report(context, -errno, "%s: %s", proc_directory(), strerror(errno));
	while (!status && (entry = readdir(directory)))
		if (!common_number(entry->d_name, &pid) && pid && pid <= INT32_MAX &&
		    (!only || pid == only))
			status = search_process(context, mappings, (uint32_t)pid);
	closedir(directory);
	return status;
}

void free_window_mappings(struct window_mappings *mappings)
{
	free(mappings->items);
	*mappings = (struct window_mappings){ 0 };
}
