/* SPDX-License-Identifier: MIT */
/*
 * mmioctl iomem: the kernel's tree of physical address ranges, with what mmiod has claimed marked.
 */
#include "system/kernel-file.h"
#include "verb.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define CLAIM "mmiod:"

enum {
	IOMEM_START,
	IOMEM_END,
	IOMEM_SIZE,
	IOMEM_NAME,
	IOMEM_DEPTH,
	IOMEM_CLAIM,
	IOMEM_COLUMNS,
};

static const struct column iomem_columns[] = {
	[IOMEM_START] = { "START", CELL_HEX, true, "physical address of its first byte" },
	[IOMEM_END] = { "END", CELL_HEX, true, "of its last byte" },
	[IOMEM_SIZE] = { "SIZE", CELL_SIZE, true, "from the one to the other" },
	[IOMEM_NAME] = { "NAME", CELL_OBJECT, true, "who has it; inner ranges are indented" },
	[IOMEM_DEPTH] = { "DEPTH", CELL_NUMBER, false, "0 for an outermost range" },
	[IOMEM_CLAIM] = { "REGION", CELL_TEXT, true, "the region that mmiod claimed it for" },
};
static const size_t iomem_column_count = IOMEM_COLUMNS;

struct range {
	uint64_t start, end;
	unsigned int depth;
	char name[96];
};

/* "  fea00000-feafffff : mmiod:edu" */
static bool parse_range(const char *line, struct range *range)
{
	size_t indent = strspn(line, " ");
	int at = 0;

	range->depth = (unsigned int)indent / 2;
	if (sscanf(line + indent, "%" SCNx64 "-%" SCNx64 " : %n", &range->start, &range->end, &at) <
		    2 ||
	    !at)
		return false;
	snprintf(range->name, sizeof(range->name), "%s", line + indent + at);
	range->name[strcspn(range->name, "\n")] = '\0';
	return true;
}

static int add_range(struct table *table, const struct range *range, bool hidden)
{
	bool claim = !strncmp(range->name, CLAIM, strlen(CLAIM));
	struct cell cells[IOMEM_COLUMNS] = { 0 };

	cell_number(&cells[IOMEM_START], range->start);
	cell_number(&cells[IOMEM_END], range->end);
	cell_number(&cells[IOMEM_SIZE], range->end - range->start + 1);
	for (int i = IOMEM_START; i <= IOMEM_SIZE; i++)
		cells[i].none = hidden;
	snprintf(cells[IOMEM_NAME].text, sizeof(cells[IOMEM_NAME].text), "%*s%s",
		 (int)range->depth * 2, "", range->name);
	cells[IOMEM_NAME].json = json_text(range->name);
	cell_number(&cells[IOMEM_DEPTH], range->depth);
	cell_text(&cells[IOMEM_CLAIM], claim ? range->name + strlen(CLAIM) : "");
	return table_row(table, cells);
}

/* All zeros: the kernel shows addresses only to who opens the file with CAP_SYS_ADMIN. */
static bool addresses_are_hidden(FILE *file)
{
	struct range range;
	bool hidden = true;
	char line[256];

	while (hidden && fgets(line, sizeof(line), file))
		if (parse_range(line, &range) && range.end)
			hidden = false;
	rewind(file);
	return hidden;
}

static int verb_iomem(struct context *context, int argc, char **argv)
{
	struct range range;
	struct table table;
	char line[256];
	bool hidden;
	int status;
	FILE *file = kernel_open(context, "iomem", &status);

	if (!file)
		return status;
	hidden = addresses_are_hidden(file);
	status = table_begin(&table, context, iomem_columns, iomem_column_count, "iomem");
	while (!status && fgets(line, sizeof(line), file))
		if (parse_range(line, &range))
			status = add_range(&table, &range, hidden);
	fclose(file);
	status = table_end(&table, status);
	if (!status && hidden)
		note(context, "the kernel shows addresses to CAP_SYS_ADMIN only: names are all");
	return status;
}

const struct verb iomem_verb = {
	.name = "iomem",
	.arguments = "",
	.summary = "physical ranges and who has them",
	.group = GROUP_MEMORY,
	.options = table_options,
	.run = verb_iomem,
	.columns = iomem_columns,
	.column_count = &iomem_column_count,
	.examples = { { "iomem", "as /proc/iomem, with mmiod's claims marked" } },
	.more = "What mmiod has claimed is closed to /dev/mem and to sysfs on kernels with\n"
		"IO_STRICT_DEVMEM. Addresses are shown to root; it needs no daemon.",
};
