/* SPDX-License-Identifier: MIT */
/*
 * Drawings of what lies where in a region, to scale, one letter per owner.
 *
 * A cell of the drawing stands for the same number of bytes everywhere. It shows the owner who has
 * most of it: a capital where that owner has all of it, a small letter where not. Colours only add
 * to the letters, and only on a terminal.
 */
#include "output/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <common/size.h>

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
	const struct picture *picture;
	struct owner owners[OWNERS];
	size_t letters; /* in use */
	size_t columns; /* cells in a line */
	size_t cells;
	uint64_t cell; /* bytes */
	uint64_t (*used)[OWNERS]; /* bytes in each cell */
	bool colour;
};

static size_t owner_of(struct drawing *drawing, const struct piece *piece)
{
	struct owner *owner = drawing->owners;
	size_t i;

	if (!piece->lease)
		return WIPING;
	for (i = 0; i < drawing->letters; i++, owner++)
		if (owner->uid == piece->uid && owner->pid == piece->pid &&
		    !strcmp(owner->comm, piece->comm))
			return i;
	if (i == LETTERS)
		return OTHERS;
	drawing->letters++;
	owner->uid = piece->uid;
	owner->pid = piece->pid;
	snprintf(owner->comm, sizeof(owner->comm), "%s", piece->comm);
	return i;
}

static void add_extent(struct drawing *drawing, const struct piece *piece)
{
	uint64_t at = piece->offset, end = at + piece->length;
	size_t owner = owner_of(drawing, piece);

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

	if (columns && !common_number(columns, &width))
		return width < 20 ? 20 : width > 400 ? 400 : (size_t)width;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
		return 80;
	return size.ws_col;
}

static int offset_digits(const struct drawing *drawing)
{
	return snprintf(NULL, 0, "%llx", (unsigned long long)drawing->picture->length);
}

/* A cell is a power of two of pages, so that blocks do not straddle cells for nothing. */
static void scale(struct drawing *drawing)
{
	uint64_t length = drawing->picture->length, lines;
	size_t width = terminal_width(), margin = (size_t)offset_digits(drawing) + 5;

	drawing->columns = width > margin + 8 ? width - margin : 8;
	for (size_t power = 8; power <= drawing->columns; power *= 2)
		if (power * 2 > drawing->columns)
			drawing->columns = power;
	drawing->cell = drawing->picture->page;
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
	uint64_t length = drawing->picture->length, most = 0;
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
	       100.0 * (double)owner->bytes / (double)drawing->picture->length);
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
	size_words(drawing->picture->free, size, sizeof(size));
	printf(". free %s", size);
	size_words(drawing->picture->largest, size, sizeof(size));
	printf(", largest %s\n", size);
}

static void print_parts(const struct picture *picture)
{
	for (size_t i = 0; i < picture->part_count; i++) {
		const struct part *part = &picture->parts[i];

		if (part->length)
			printf("0x%llx + 0x%llx %s\n", (unsigned long long)part->offset,
			       (unsigned long long)part->length, part->name);
		else
			printf("missing %s\n", part->name);
	}
}

int picture_draw(const struct context *context, const struct picture *picture)
{
	struct drawing drawing = { .picture = picture };
	char size[32];

	if (!picture->length) {
		print_parts(picture);
		return 0;
	}
	scale(&drawing);
	drawing.used = calloc(drawing.cells, sizeof(*drawing.used));
	if (!drawing.used)
		return out_of_memory(context);
	drawing.colour = is_colored(context, stdout);
	for (size_t i = 0; i < picture->count; i++)
		add_extent(&drawing, &picture->pieces[i]);
	size_words(picture->length, size, sizeof(size));
	printf("%s %s\n", picture->name, size);
	print_cells(&drawing);
	print_parts(picture);
	print_legend(&drawing);
	free(drawing.used);
	return 0;
}
