// SPDX-License-Identifier: MIT
/*
 * Reads the configuration's files in the order that systemd's users know: the main file, then the
 * drop-ins of all directories sorted by file name; a name in a later directory replaces its
 * namesake in an earlier one; a link to /dev/null or an empty file masks. A file that somebody else
 * could have written is refused: it decides who may touch hardware.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "config-key.h"

#define FILES_MAX 256

struct reader {
	struct config_cursor cursor;
	FILE *stream;
	bool indented;
	bool failed;
};

/* ---- one file -------------------------------------------------------------------------------- */

static void refuse_line(struct reader *reader, const char *why)
{
	config_refuse(&reader->cursor, "%s", why);
	reader->failed = true;
}

static void take_header(struct reader *reader, char *line)
{
	char *end = strchr(line, ']'), *rest;

	if (!end) {
		refuse_line(reader, "a section's name ends with ]");
		return;
	}
	rest = end + 1 + strspn(end + 1, " \t\r\n");
	if (*rest && *rest != ';' && *rest != '#') {
		refuse_line(
			reader,
			"something stands behind the section's name: give it a line of its own");
		return;
	}
	*end = '\0';
	reader->failed = config_enter(&reader->cursor, line + 1) < 0;
	*end = ']';
}

/* One line with its end, as fgets() reads it, but for bytes that would hide the rest of a line. */
static bool fill_line(struct reader *reader, char *buffer, int size)
{
	int length = 0, c = 0;

	while (length < size - 1 && c != '\n' && (c = getc(reader->stream)) > 0)
		buffer[length++] = (char)c;
	buffer[length] = '\0';
	if (length || c != EOF)
		reader->cursor.at.line++;
	if (c == '\0')
		refuse_line(reader, "the line has a byte that is no text");
	else if (length == size - 1 && c != '\n')
		config_refuse(&reader->cursor,
			      "the line is longer than %d characters: go on in an indented line",
			      size - 3);
	reader->failed |= length == size - 1 && c != '\n';
	return length && !reader->failed;
}

/* Some editors begin a file with a byte order mark. */
static char *skip_mark(const struct reader *reader, char *line)
{
	return reader->cursor.at.line == 1 && !strncmp(line, "\xef\xbb\xbf", 3) ? line + 3 : line;
}

/*
 * Hands inih one line. inih tells its handler neither the number of a line nor the start of a
 * section, and splits a line that is longer than its buffer; so all three are seen to here.
 */
static char *read_line(char *buffer, int size, void *data)
{
	struct reader *reader = data;
	char *line, *start;

	if (reader->failed || !fill_line(reader, buffer, size))
		return NULL;
	line = skip_mark(reader, buffer);
	start = line + strspn(line, " \t");
	reader->indented = start != line;
	if (*start == '[')
		take_header(reader, start);
	return reader->failed ? NULL : buffer;
}

static int take_key(void *data, const char *section, const char *name, const char *value)
{
	struct reader *reader = data;

	if (!reader->failed)
		reader->failed = config_set(&reader->cursor, name, value, reader->indented) < 0;
	return 1;
}

static int parse_stream(struct reader *reader)
{
	int line = ini_parse_stream(read_line, reader, take_key, reader);

	if (reader->failed)
		return -EINVAL;
	if (line <= 0)
		return 0;
	reader->cursor.at.line = (unsigned int)line;
	return config_refuse(&reader->cursor,
			     "neither a [section], nor a \"key = value\", nor a comment (; or #)");
}

static int refuse_file(struct text *why, const char *path, const char *what)
{
	text_set(why, "%s:0: %s", path, what);
	return -EINVAL;
}

/* 1: masked. O_NONBLOCK, because a FIFO in the directory must not hang the daemon. */
static int open_file(const char *path, FILE **stream, struct text *why)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0) {
		int error = errno;

		text_set(why, "%s:0: cannot open: %s", path, strerror(error));
		return -error;
	}
	if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
		return 1;
	if (!S_ISREG(status.st_mode))
		return refuse_file(why, path, "not a regular file: remove it");
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return refuse_file(
			why, path,
			"the file belongs neither to root nor to the daemon's user: chown root it");
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return refuse_file(why, path,
				   "the file is writable by its group or by others: chmod go-w it");
	*stream = fdopen(fd, "re");
	if (!*stream)
		return -ENOMEM;
	steal_fd(&fd);
	return 0;
}

static int load_file(struct config *config, const char *path, unsigned int number, struct text *why)
{
	_cleanup_(fclosep) FILE *stream = NULL;
	struct reader reader = { 0 };
	int r = open_file(path, &stream, why);

	if (r != 0)
		return r < 0 ? r : 0;
	reader.stream = stream;
	reader.cursor = (struct config_cursor){
		.config = config,
		.file_number = number,
		.at.file = config_add_file(config, path),
		.why = why,
	};
	if (!reader.cursor.at.file)
		return -ENOMEM;
	return parse_stream(&reader);
}

/* ---- the set of files ------------------------------------------------------------------------ */

struct file_name {
	char *path;
	const char *name; /* within path */
};

struct file_list {
	struct file_name items[FILES_MAX];
	size_t count;
};

static void file_list_clear(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	list->count = 0;
}

static int add_drop_in(struct file_list *list, const char *directory, const char *name)
{
	char *path;
	size_t i;

	for (i = 0; i < list->count && strcmp(list->items[i].name, name); i++)
		;
	if (i == FILES_MAX)
		return -E2BIG;
	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	if (i == list->count)
		list->count++;
	else
		free(list->items[i].path);
	list->items[i].path = path;
	list->items[i].name = strrchr(path, '/') + 1;
	return 0;
}

static int check_directory(DIR *directory, const char *path, struct text *why)
{
	struct stat status;

	if (fstat(dirfd(directory), &status) < 0)
		return -errno;
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return refuse_file(why, path,
				   "the directory belongs neither to root nor to the daemon's "
				   "user: chown root it");
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return refuse_file(
			why, path,
			"the directory is writable by its group or by others: chmod go-w it");
	return 0;
}

static int scan_directory(struct file_list *list, const char *path, struct text *why)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int r;

	if (!directory)
		return errno == ENOENT ? 0 : refuse_file(why, path, strerror(errno));
	r = check_directory(directory, path, why);
	while (r == 0 && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);

		if (length > 5 && entry->d_name[0] != '.' &&
		    !strcmp(entry->d_name + length - 5, ".conf"))
			r = add_drop_in(list, path, entry->d_name);
	}
	closedir(directory);
	if (r == -E2BIG)
		return refuse_file(why, path, "more drop-ins than 256: join some");
	return r;
}

static int compare_names(const void *a, const void *b)
{
	const struct file_name *first = a, *second = b;

	return strcmp(first->name, second->name);
}

static int load_drop_ins(struct config *config, const struct config_paths *paths,
			 unsigned int *number, struct text *why)
{
	_cleanup_(file_list_clear) struct file_list list = { .count = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_size(paths->directories); i++)
		if (paths->directories[i])
			r = scan_directory(&list, paths->directories[i], why);
	qsort(list.items, list.count, sizeof(list.items[0]), compare_names);
	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = load_file(config, list.items[i].path, ++*number, why);
	return r;
}

static int load_all(struct config *config, const struct config_paths *paths, struct text *why)
{
	unsigned int number = 0;
	int r = 0;

	if (paths->main) {
		r = load_file(config, paths->main, ++number, why);
		if (r == -ENOENT && !paths->main_required)
			r = 0;
	}
	if (r == 0)
		r = load_drop_ins(config, paths, &number, why);
	if (r == 0 && paths->simulation)
		r = load_file(config, paths->simulation, ++number, why);
	if (r == 0)
		r = config_finish(config, paths->simulation != NULL, why);
	return r;
}

/* On failure `why` says FILE:LINE and what to do; nothing is left behind. */
int config_load(const struct config_paths *paths, struct config **configp, struct text *why)
{
	_cleanup_(config_freep) struct config *config = config_new();
	int r = config ? 0 : -ENOMEM;

	text_reset(why);
	if (r == 0)
		r = load_all(config, paths, why);
	if (r == -ENOMEM)
		text_set(why, "out of memory");
	if (r < 0)
		return r;
	text_reset(why);
	*configp = steal_pointer(config);
	return 0;
}
