/* SPDX-License-Identifier: MIT */
/*
 * mmioctl slabinfo: the object caches that programs publish, and below them the kernel's slab
 * caches.
 */
#include "system/kernel-file.h"
#include "verb.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

enum slab_column {
	SLAB_NAME,
	SLAB_ACTIVE,
	SLAB_OBJECTS,
	SLAB_OBJECT_SIZE,
	SLAB_PER_SLAB,
	SLAB_SLAB_SIZE,
	SLAB_SLABS,
	SLAB_SIZE,
	SLAB_USER,
	SLAB_PID,
	SLAB_COMMAND,
	SLAB_UID,
	SLAB_ALIGN,
	SLAB_HOST,
	SLAB_DEBUG,
	SLAB_COLUMNS,
};

static const struct column slab_columns[] = {
	[SLAB_NAME] = { "NAME", CELL_TEXT, true, "name of the cache" },
	[SLAB_ACTIVE] = { "ACTIVE", CELL_NUMBER, true, "objects in use" },
	[SLAB_OBJECTS] = { "OBJECTS", CELL_NUMBER, true, "objects, free ones included" },
	[SLAB_OBJECT_SIZE] = { "OBJSIZE", CELL_NUMBER, true, "bytes of one object" },
	[SLAB_PER_SLAB] = { "PERSLAB", CELL_NUMBER, true, "objects in one slab" },
	[SLAB_SLAB_SIZE] = { "SLABSIZE", CELL_SIZE, true, "size of one slab" },
	[SLAB_SLABS] = { "SLABS", CELL_NUMBER, true, "how many slabs" },
	[SLAB_SIZE] = { "SIZE", CELL_SIZE, true, "of all slabs together" },
	[SLAB_USER] = { "USER", CELL_TEXT, true, "whose program has it; none: the kernel's own" },
	[SLAB_PID] = { "PID", CELL_NUMBER, true, "of that program" },
	[SLAB_COMMAND] = { "COMMAND", CELL_TEXT, true, "its name" },
	[SLAB_UID] = { "UID", CELL_NUMBER, false, "USER as a number" },
	[SLAB_ALIGN] = { "ALIGN", CELL_NUMBER, false, "bytes that objects are aligned to" },
	[SLAB_HOST] = { "HOST", CELL_SIZE, false, "bookkeeping, in the program's own memory" },
	[SLAB_DEBUG] = { "DEBUG", CELL_TEXT, false, "letters of MMIOD_CACHE_DEBUG in force" },
};
static const size_t slab_column_count = SLAB_COLUMNS;

static void debug_letters(unsigned int flags, char letters[static 8])
{
	static const struct {
		unsigned int flag;
		char letter;
	} known[] = {
		{ MMIOD_OBJECT_CACHE_SANITY, 'F' }, { MMIOD_OBJECT_CACHE_RED_ZONE, 'Z' },
		{ MMIOD_OBJECT_CACHE_POISON, 'P' }, { MMIOD_OBJECT_CACHE_USER, 'U' },
		{ MMIOD_OBJECT_CACHE_TRACE, 'T' },  { MMIOD_OBJECT_CACHE_FAILSLAB, 'A' },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (flags & known[i].flag)
			letters[n++] = known[i].letter;
	letters[n] = '\0';
}

static int client_row(struct table *table, const struct mmiod_cache_info *info)
{
	struct cell cells[SLAB_COLUMNS] = { 0 };
	char name[64], letters[8];

	user_name(mmiod_cache_info_uid(info), name, sizeof(name));
	debug_letters(mmiod_cache_info_flags(info), letters);
	cell_text(&cells[SLAB_NAME], mmiod_cache_info_name(info));
	cell_number(&cells[SLAB_ACTIVE], mmiod_cache_info_active(info));
	cell_number(&cells[SLAB_OBJECTS], mmiod_cache_info_objects(info));
	cell_number(&cells[SLAB_OBJECT_SIZE], mmiod_cache_info_object_size(info));
	cell_number(&cells[SLAB_PER_SLAB], mmiod_cache_info_objects_per_slab(info));
	cell_number(&cells[SLAB_SLAB_SIZE], mmiod_cache_info_slab_size(info));
	cell_number(&cells[SLAB_SLABS], mmiod_cache_info_slabs(info));
	cell_number(&cells[SLAB_SIZE], mmiod_cache_info_bytes(info));
	cell_text(&cells[SLAB_USER], name);
	cell_number(&cells[SLAB_PID], mmiod_cache_info_pid(info));
	cell_text(&cells[SLAB_COMMAND], mmiod_cache_info_comm(info));
	cell_number(&cells[SLAB_UID], mmiod_cache_info_uid(info));
	cell_number(&cells[SLAB_ALIGN], mmiod_cache_info_alignment(info));
	cell_number(&cells[SLAB_HOST], mmiod_cache_info_host_bytes(info));
	cell_text(&cells[SLAB_DEBUG], letters);
	cells[SLAB_DEBUG].none = !letters[0];
	return table_row(table, cells);
}

static int kernel_row(struct table *table, const struct kernel_slab *slab)
{
	uint64_t slab_size = slab->pages_per_slab * mmiod_page_size();
	struct cell cells[SLAB_COLUMNS] = { 0 };

	cell_text(&cells[SLAB_NAME], slab->name);
	cell_number(&cells[SLAB_ACTIVE], slab->active);
	cell_number(&cells[SLAB_OBJECTS], slab->objects);
	cell_number(&cells[SLAB_OBJECT_SIZE], slab->size);
	cell_number(&cells[SLAB_PER_SLAB], slab->per_slab);
	cell_number(&cells[SLAB_SLAB_SIZE], slab_size);
	cell_number(&cells[SLAB_SLABS], slab->slabs);
	cell_number(&cells[SLAB_SIZE], slab->slabs * slab_size);
	for (size_t i = SLAB_USER; i < SLAB_COLUMNS; i++)
		cells[i].none = true;
	return table_row(table, cells);
}

struct listing {
	struct table table;
	const char *pattern; /* NULL: all */
	size_t rows;
};

static bool is_wanted(struct listing *listing, const char *name)
{
	if (listing->pattern && fnmatch(listing->pattern, name, 0))
		return false;
	listing->rows++;
	return true;
}

static int add_clients(struct context *context, struct listing *listing)
{
	struct mmiod_cache_list *list;
	int status = client_open(context), err;

	if (status)
		return status;
	err = mmiod_client_list_caches(context->client, &list);
	if (err)
		return report_client(context, err);
	for (size_t i = 0; !status && i < mmiod_cache_list_count(list); i++) {
		const struct mmiod_cache_info *info = mmiod_cache_list_get(list, i);

		if (is_wanted(listing, mmiod_cache_info_name(info)))
			status = client_row(&listing->table, info);
	}
	mmiod_cache_list_free(list);
	return status;
}

static int add_kernel(struct context *context, struct listing *listing)
{
	struct kernel_slab slab;
	char line[512];
	int status;
	FILE *file = kernel_open(context, "slabinfo", &status);

	if (!file)
		return status;
	while (!status && fgets(line, sizeof(line), file))
		if (parse_slabinfo(line, &slab) && is_wanted(listing, slab.name))
			status = kernel_row(&listing->table, &slab);
	fclose(file);
	return status;
}

/*
 * Most users may not see the kernel's, and the kernel's can be seen without a daemon: either half
 * is worth showing, and what keeps the other away is told. It is a failure when neither can be had.
 */
static int verb_slabinfo(struct context *context, int argc, char **argv)
{
	struct listing listing = { .pattern = argc ? argv[0] : NULL };
	int status, clients, kernel;

	status = table_begin(&listing.table, context, slab_columns, slab_column_count, "slabs");
	if (status)
		return status;
	clients = add_clients(context, &listing);
	kernel = add_kernel(context, &listing);
	status = clients && kernel ? kernel : 0;
	if (!status && argc && !listing.rows)
		status = report(context, -ENOENT, "no slab cache \"%s\"", argv[0]);
	return table_end(&listing.table, status);
}

const struct verb slabinfo_verb = {
	.name = "slabinfo",
	.arguments = "[NAME-GLOB]",
	.summary = "object caches of programs, caches of the kernel",
	.group = GROUP_MEMORY,
	.options = table_options,
	.most = 1,
	.run = verb_slabinfo,
	.columns = slab_columns,
	.column_count = &slab_column_count,
	.examples = { { "slabinfo", "those that programs publish, then the kernel's" },
		      { "slabinfo 'kmalloc-*'", "those of kmalloc" } },
};
