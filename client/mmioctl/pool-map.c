/* SPDX-License-Identifier: MIT */
/*
 * mmioctl pools --map: what lies where in a pool, to scale, one letter per owner.
 *
 * A cell of the drawing stands for the same number of bytes everywhere. It shows the owner who has most of it: a capital
 * where that owner has all of it, a small letter where not. Colours only add to the letters, and only on a terminal.
 */
#include "mmioctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINES_MAX 12 /* of one pool's drawing */
#define LETTERS 26
#define WIPING LETTERS /* an owner of its own */
#define OTHERS (LETTERS + 1) /* those for whom there is no letter */
#define OWNERS (LETTERS + 2)

struct owner {
	uint32_t uid;
	uint32_t pid;
	char comm[16];
	uint64_t bytes;
	size_t extents;
};

struct drawing {
	const struct mmiod_pool *pool;
	const struct mmiod_pool_map *map;
	struct owner owners[OWNERS];
	size_t letters; /* in use */
	size_t columns; /* cells in a line */
	size_t cells;
	uint64_t cell; /* bytes */
	uint64_t (*used)[OWNERS]; /* bytes in each cell */
	bool colour;
};

static size_t owner_of(struct drawing *drawing, const struct mmiod_extent *extent)
{
	struct owner *owner = drawing->owners;
	size_t i;

	if (!mmiod_extent_lease(extent))
		return WIPING;
	for (i = 0; i < drawing->letters; i++, owner++)
		if (owner->uid == mmiod_extent_uid(extent) &&
		    owner->pid == mmiod_extent_pid(extent) &&
		    !strcmp(owner->comm, mmiod_extent_comm(extent)))
			return i;
	if (i == LETTERS)
		return OTHERS;
	drawing->letters++;
	owner->uid = mmiod_extent_uid(extent);
	owner->pid = mmiod_extent_pid(extent);
	snprintf(owner->comm, sizeof(owner->comm), "%s", mmiod_extent_comm(extent));
	return i;
}

static void add_extent(struct drawing *drawing, const struct mmiod_extent *extent)
{
	uint64_t at = mmiod_extent_offset(extent), end = at + mmiod_extent_length(extent);
	size_t owner = owner_of(drawing, extent);

	drawing->owners[owner].bytes += end - at;
	drawing->owners[owner].extents++;
	while (at < end && at / drawing->cell < drawing->cells) {
		uint64_t edge = (at / drawing->cell + 1) * drawing->cell;
		uint64_t stop = edge < end ? edge : end;

		drawing->used[at / drawing->cell][owner] += stop - at;
		at = stop;
	}
}

static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width = 80;

	if (columns && !parse_number(columns, &width))
		return width < 20 ? 20 : width > 400 ? 400 : (size_t)width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

static int offset_digits(const struct drawing *drawing)
{
	return snprintf(NULL, 0, "%llx", (unsigned long long)mmiod_pool_length(drawing->pool));
}

/* A cell is a power of two of pages, so that blocks do not straddle cells for nothing. */
static void scale(struct drawing *drawing)
{
	uint64_t length = mmiod_pool_length(drawing->pool), lines;
	size_t width = terminal_width(), margin = (size_t)offset_digits(drawing) + 5;

	drawing->columns = width > margin + 8 ? width - margin : 8;
	for (size_t power = 8; power <= drawing->columns; power *= 2)
		if (power * 2 > drawing->columns)
			drawing->columns = power;
	drawing->cell = mmiod_pool_page(drawing->pool);
	do {
		lines = (length - 1) / drawing->cell / drawing->columns + 1;
		if (lines > LINES_MAX)
			drawing->cell *= 2;
	} while (lines > LINES_MAX);
	drawing->cells = (size_t)((length - 1) / drawing->cell + 1);
}

/* ---- text ---- */

static char cell_letter(const struct drawing *drawing, size_t index, size_t *owner)
{
	uint64_t length = mmiod_pool_length(drawing->pool), most = 0;
	uint64_t start = index * drawing->cell, whole = drawing->cell;

	*owner = OWNERS;
	if (whole > length - start)
		whole = length - start;
	for (size_t i = 0; i < OWNERS; i++) {
		if (drawing->used[index][i] <= most)
			continue;
		most = drawing->used[index][i];
		*owner = i;
	}
	if (*owner == OWNERS)
		return '.';
	if (*owner == WIPING)
		return '~';
	if (*owner == OTHERS)
		return '#';
	return (char)((most == whole ? 'A' : 'a') + (int)*owner);
}

static void print_cell(const struct drawing *drawing, size_t index)
{
	static const int colours[] = { 32, 33, 34, 35, 36, 31, 92, 93, 94, 95, 96, 91 };
	size_t owner;
	char letter = cell_letter(drawing, index, &owner);

	if (drawing->colour && owner < LETTERS)
		printf("\033[%dm%c\033[0m", colours[owner % (sizeof(colours) / sizeof(colours[0]))],
		       letter);
	else
		putchar(letter);
}

static void print_cells(const struct drawing *drawing)
{
	int digits = offset_digits(drawing);

	for (size_t line = 0; line < drawing->cells; line += drawing->columns) {
		printf("0x%0*llx ", digits, (unsigned long long)(line * drawing->cell));
		for (size_t i = line; i < line + drawing->columns && i < drawing->cells; i++)
			print_cell(drawing, i);
		putchar('\n');
	}
}

static void print_share(const struct drawing *drawing, const struct owner *owner)
{
	char size[32];

	size_words(owner->bytes, size, sizeof(size));
	printf(" %s in %zu, %.1f%%\n", size, owner->extents,
	       100.0 * (double)owner->bytes / (double)mmiod_pool_length(drawing->pool));
}

static void print_legend(const struct drawing *drawing)
{
	char size[32], user[64];

	size_words(drawing->cell, size, sizeof(size));
	printf("a cell is %s; capital: all of it\n", size);
	for (size_t i = 0; i < drawing->letters; i++) {
		const struct owner *owner = &drawing->owners[i];

		user_name(owner->uid, user, sizeof(user));
		printf("%c %s", 'A' + (int)i, user);
		if (owner->pid)
			printf(" %u", owner->pid);
		if (owner->comm[0])
			printf(" %s", owner->comm);
		print_share(drawing, owner);
	}
	if (drawing->owners[OTHERS].extents) {
		printf("# others");
		print_share(drawing, &drawing->owners[OTHERS]);
	}
	if (drawing->owners[WIPING].extents) {
		printf("~ being wiped");
		print_share(drawing, &drawing->owners[WIPING]);
	}
	size_words(mmiod_pool_free(drawing->pool), size, sizeof(size));
	printf(". free %s", size);
	size_words(mmiod_pool_largest(drawing->pool), size, sizeof(size));
	printf(", largest %s\n", size);
}

static int draw(const struct context *context, const struct mmiod_pool *pool,
		const struct mmiod_pool_map *map)
{
	struct drawing drawing = { .pool = pool, .map = map };
	char size[32];

	if (!mmiod_pool_length(pool))
		return 0;
	scale(&drawing);
	drawing.used = calloc(drawing.cells, sizeof(*drawing.used));
	if (!drawing.used)
		return out_of_memory(context);
	drawing.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	for (size_t i = 0; i < mmiod_pool_map_count(map); i++)
		add_extent(&drawing, mmiod_pool_map_get(map, i));
	size_words(mmiod_pool_length(pool), size, sizeof(size));
	printf("%s %s\n", mmiod_pool_name(pool), size);
	print_cells(&drawing);
	print_legend(&drawing);
	free(drawing.used);
	return 0;
}

/* ---- JSON ---- */

static json_t *json_extent(const struct mmiod_extent *extent)
{
	uint64_t lease = mmiod_extent_lease(extent);
	char user[64];

	user_name(mmiod_extent_uid(extent), user, sizeof(user));
	if (!lease)
		return json_pack("{s:I, s:I, s:n, s:b}", "offset",
				 (json_int_t)mmiod_extent_offset(extent), "length",
				 (json_int_t)mmiod_extent_length(extent), "lease", "wiping", 1);
	return json_pack("{s:I, s:I, s:I, s:b, s:I, s:s, s:I, s:s}", "offset",
			 (json_int_t)mmiod_extent_offset(extent), "length",
			 (json_int_t)mmiod_extent_length(extent), "lease", (json_int_t)lease,
			 "wiping", 0, "uid", (json_int_t)mmiod_extent_uid(extent), "user", user,
			 "pid", (json_int_t)mmiod_extent_pid(extent), "command",
			 mmiod_extent_comm(extent));
}

static json_t *json_map(const struct mmiod_pool *pool, const struct mmiod_pool_map *map)
{
	json_t *extents = json_array();

	for (size_t i = 0; i < mmiod_pool_map_count(map); i++)
		json_array_append_new(extents, json_extent(mmiod_pool_map_get(map, i)));
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "name", mmiod_pool_name(pool), "size",
			 (json_int_t)mmiod_pool_length(pool), "page",
			 (json_int_t)mmiod_pool_page(pool), "free",
			 (json_int_t)mmiod_pool_free(pool), "largest",
			 (json_int_t)mmiod_pool_largest(pool), "extents", extents);
}

/* ---- both ---- */

static int print_one(struct context *context, const struct mmiod_pool *pool, json_t *pools,
		     bool first)
{
	struct mmiod_pool_map *map;
	int status = 0;
	int err = mmiod_client_map_pool(context->client, mmiod_pool_name(pool), &map);

	if (err)
		return report_client(context, err);
	if (context->json) {
		json_array_append_new(pools, json_map(pool, map));
	} else {
		if (!first)
			putchar('\n');
		status = draw(context, pool, map);
	}
	mmiod_pool_map_free(map);
	return status;
}

int print_pool_maps(struct context *context, const struct mmiod_pool_list *list, const char *only)
{
	json_t *pools = json_array();
	size_t shown = 0;
	int status = 0;

	for (size_t i = 0; !status && i < mmiod_pool_list_count(list); i++) {
		const struct mmiod_pool *pool = mmiod_pool_list_get(list, i);

		if (only && strcmp(only, mmiod_pool_name(pool)))
			continue;
		status = print_one(context, pool, pools, !shown++);
	}
	if (!status && only && !shown)
		status = report(context, -ENOENT, "no pool \"%s\": see mmioctl pools", only);
	if (status || !context->json) {
		json_decref(pools);
		return status;
	}
	return json_output(json_pack("{s:i, s:o}", "schema", JSON_SCHEMA, "pools", pools));
}
