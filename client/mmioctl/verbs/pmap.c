/* SPDX-License-Identifier: MIT */
/*
 * mmioctl pmap: the segments of a process, as pmap -x has them, with windows named.
 *
 * That a segment is a window its file's name says; which lease it is, and what became of it, only
 * the module knows, so these come from the daemon, and stay empty without one.
 */
#include "system/process.h"
#include "verb.h"

#include <errno.h>
#include <string.h>

enum {
	PMAP_ADDRESS,
	PMAP_SIZE,
	PMAP_RSS,
	PMAP_DIRTY,
	PMAP_MODE,
	PMAP_MAPPING,
	PMAP_LEASE,
	PMAP_REGION,
	PMAP_OFFSET,
	PMAP_RIGHTS,
	PMAP_MEMTYPE,
	PMAP_STATE,
	PMAP_COLUMNS,
};

static const struct column pmap_columns[] = {
	[PMAP_ADDRESS] = { "ADDRESS", CELL_HEX, true, "where it starts" },
	[PMAP_SIZE] = { "SIZE", CELL_SIZE, true, "bytes of address space" },
	[PMAP_RSS] = { "RSS", CELL_SIZE, true, "of them present as RAM; a window's never count" },
	[PMAP_DIRTY] = { "DIRTY", CELL_SIZE, true, "of these written to" },
	[PMAP_MODE] = { "MODE", CELL_TEXT, true, "read, write, execute, shared or private" },
	[PMAP_MAPPING] = { "MAPPING", CELL_TEXT, true, "what is mapped" },
	[PMAP_LEASE] = { "LEASE", CELL_NUMBER, true, "a window's: number of its lease" },
	[PMAP_REGION] = { "REGION", CELL_TEXT, false, "its region, or kind of kernel memory" },
	[PMAP_OFFSET] = { "OFFSET", CELL_HEX, false, "where in it the segment starts" },
	[PMAP_RIGHTS] = { "RIGHTS", CELL_TEXT, true, "what the lease lets its holder do" },
	[PMAP_MEMTYPE] = { "CACHE", CELL_TEXT, true, "its memory type" },
	[PMAP_STATE] = { "STATE", CELL_TEXT, true, "ok, suspended or revoked" },
};
static const size_t pmap_column_count = PMAP_COLUMNS;

struct pmap {
	struct context *context;
	uint32_t pid;
	struct mmiod_lease_list *leases; /* NULL: no daemon */
	struct table table;
	uint64_t size, rss, dirty;
};

static const struct mmiod_lease_info *find_lease(const struct pmap *pmap, uint64_t id)
{
	for (size_t i = 0; pmap->leases && i < mmiod_lease_list_count(pmap->leases); i++)
		if (mmiod_lease_info_id(mmiod_lease_list_get(pmap->leases, i)) == id)
			return mmiod_lease_list_get(pmap->leases, i);
	return NULL;
}

static void fill_from_daemon(const struct pmap *pmap, const struct segment *segment,
			     struct cell *cells)
{
	const struct mmiod_lease_info *info;
	struct mmiod_translation *found;

	if (mmiod_client_translate(pmap->context->client, pmap->pid, segment->start, &found))
		return;
	if (mmiod_translation_window(found)) {
		cell_number(&cells[PMAP_LEASE], mmiod_translation_lease(found));
		cell_text(&cells[PMAP_MEMTYPE], memtype_word(mmiod_translation_asked(found)));
		cell_text(&cells[PMAP_STATE], state_word(mmiod_translation_state(found)));
		info = find_lease(pmap, mmiod_translation_lease(found));
		if (info)
			cell_text(&cells[PMAP_RIGHTS], rights_word(mmiod_lease_info_rights(info)));
	}
	mmiod_translation_free(found);
}

static void fill_window(const struct pmap *pmap, const struct segment *segment, struct cell *cells)
{
	struct window_name name;

	for (int i = PMAP_LEASE; i < PMAP_COLUMNS; i++)
		cells[i].none = true;
	if (!parse_window_name(segment->name, &name))
		return;
	cell_text(&cells[PMAP_REGION], name.origin);
	cell_number(&cells[PMAP_OFFSET], name.start + segment->offset);
	if (pmap->leases)
		fill_from_daemon(pmap, segment, cells);
}

static int add_segment(struct pmap *pmap, const struct segment *segment)
{
	struct cell cells[PMAP_COLUMNS] = { 0 };

	cell_number(&cells[PMAP_ADDRESS], segment->start);
	cell_number(&cells[PMAP_SIZE], segment->end - segment->start);
	cell_number(&cells[PMAP_RSS], segment->rss);
	cell_number(&cells[PMAP_DIRTY], segment->dirty);
	cell_text(&cells[PMAP_MODE], segment->mode);
	cell_text(&cells[PMAP_MAPPING], segment->name[0] ? segment->name : "[anon]");
	fill_window(pmap, segment, cells);
	pmap->size += segment->end - segment->start;
	pmap->rss += segment->rss;
	pmap->dirty += segment->dirty;
	return table_row(&pmap->table, cells);
}

static void print_total(const struct pmap *pmap)
{
	char size[32], rss[32], dirty[32];

	if (pmap->context->json || pmap->context->table.no_headings)
		return;
	if (pmap->context->table.bytes) {
		printf("total %llu, present %llu, dirty %llu\n", (unsigned long long)pmap->size,
		       (unsigned long long)pmap->rss, (unsigned long long)pmap->dirty);
		return;
	}
	size_words(pmap->size, size, sizeof(size));
	size_words(pmap->rss, rss, sizeof(rss));
	size_words(pmap->dirty, dirty, sizeof(dirty));
	printf("total %s, present %s, dirty %s\n", size, rss, dirty);
}

static int print_segments(struct pmap *pmap, FILE *file)
{
	struct segments segments = { .file = file };
	struct segment segment;
	int status = table_begin(&pmap->table, pmap->context, pmap_columns, pmap_column_count,
				 "segments");

	while (!status && next_segment(&segments, &segment))
		status = add_segment(pmap, &segment);
	status = table_end(&pmap->table, status);
	if (!status)
		print_total(pmap);
	return status;
}

static int verb_pmap(struct context *context, int argc, char **argv)
{
	struct pmap pmap = { .context = context };
	FILE *file;
	int status = parse_pid(context, argv[0], &pmap.pid);

	if (status)
		return status;
	file = process_open(context, pmap.pid, "smaps", &status);
	if (!file)
		return status;
	if (!mmiod_client_connect(context->socket, &context->client))
		mmiod_client_list_leases(context->client, &pmap.leases);
	status = print_segments(&pmap, file);
	mmiod_lease_list_free(pmap.leases);
	fclose(file);
	return status;
}

const struct verb pmap_verb = {
	.name = "pmap",
	.arguments = "PID",
	.summary = "a process's segments, with windows named",
	.group = GROUP_MEMORY,
	.options = table_options,
	.least = 1,
	.most = 1,
	.run = verb_pmap,
	.columns = pmap_columns,
	.column_count = &pmap_column_count,
	.examples = { { "pmap 4711", "as pmap -x, but windows have lease, rights and memory type" },
		      { "pmap $$ -o address,size,lease,region,offset", "where each window is" } },
	.more = "Leases, rights, memory type and state come from the daemon; without it windows\n"
		"have only what their file's name says.",
};
