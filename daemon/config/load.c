// SPDX-License-Identifier: MIT
/*
 * Reads the configuration's files in the order that systemd's users know: the main file, then the
 * drop-ins of all directories sorted by file name; a name in a later directory replaces its
 * namesake in an earlier one; a link to /dev/null or an empty file masks. A file that somebody else
 * could have written is refused: it decides who may touch hardware.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <common/ini.h>
#include "config/section.h"

#define FILES_MAX 256

/* ---- one text -------------------------------------------------------------------------------- */

/* An indented line may be a section's first key, though it had better not be indented. */
static int take_more(struct config_cursor *cursor, struct common_ini_entry *entry)
{
	if (config_continues(cursor))
		return config_continue(cursor, entry->value);
	if (common_ini_split(entry->value, entry))
		return config_set(cursor, entry->name, entry->value);
	return config_refuse(cursor, "an indented line goes on with the value above it, and there "
				     "is none");
}

static int take_entry(struct config_cursor *cursor, struct common_ini_entry *entry)
{
	switch (entry->kind) {
	case COMMON_INI_SECTION:
		return config_enter(cursor, entry->name);
	case COMMON_INI_KEY:
		return config_set(cursor, entry->name, entry->value);
	case COMMON_INI_MORE:
		return take_more(cursor, entry);
	default:
		return config_refuse(cursor, "%s", entry->value);
	}
}

static int parse_source(struct config *config, const struct config_source *source,
			unsigned int number, struct text *why)
{
	struct config_cursor cursor = {
		.config = config,
		.file_number = number,
		.at.file = config_add_file(config, source->path),
		.why = why,
	};
	struct common_ini_entry entry;
	struct common_ini ini;
	int r = 0;

	if (!cursor.at.file)
		return -ENOMEM;
	common_ini_start(&ini, source->text, source->length);
	while (r == 0 && common_ini_next(&ini, &entry) != COMMON_INI_END) {
		cursor.at.line = ini.line;
		r = take_entry(&cursor, &entry);
	}
	return r;
}

/* ---- one file -------------------------------------------------------------------------------- */

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

static int keep_source(struct config_sources *sources, const char *path, FILE *stream,
		       struct text *why)
{
	struct config_source *larger =
		reallocarray(sources->items, sources->count + 1, sizeof(*larger));
	struct config_source *source;

	if (!larger)
		return -ENOMEM;
	sources->items = larger;
	source = larger + sources->count++;
	*source = (struct config_source){ .path = strdup(path) };
	source->text = common_ini_file(stream, &source->length);
	if (!source->path)
		return -ENOMEM;
	return source->text ? 0 : refuse_file(why, path, strerror(errno));
}

static int read_file(struct config_sources *sources, const char *path, struct text *why)
{
	_cleanup_(fclosep) FILE *stream = NULL;
	int r = open_file(path, &stream, why);

	if (r != 0)
		return r < 0 ? r : 0;
	return keep_source(sources, path, stream, why);
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

static int read_drop_ins(struct config_sources *sources, const struct config_paths *paths,
			 struct text *why)
{
	_cleanup_(file_list_clear) struct file_list list = { .count = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < array_size(paths->directories); i++)
		if (paths->directories[i])
			r = scan_directory(&list, paths->directories[i], why);
	qsort(list.items, list.count, sizeof(list.items[0]), compare_names);
	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = read_file(sources, list.items[i].path, why);
	return r;
}

static int read_all(struct config_sources *sources, const struct config_paths *paths,
		    struct text *why)
{
	int r = 0;

	if (paths->main) {
		r = read_file(sources, paths->main, why);
		if (r == -ENOENT && !paths->main_required)
			r = 0;
	}
	if (r == 0)
		r = read_drop_ins(sources, paths, why);
	if (r == 0 && paths->simulation)
		r = read_file(sources, paths->simulation, why);
	sources->simulation = paths->simulation != NULL;
	sources->subuids = paths->subuids;
	return r;
}

/* ---- the tree -------------------------------------------------------------------------------- */

static int build(struct config *config, struct text *why)
{
	const struct config_sources *sources = &config->sources;
	int r = names_learn_user(&config->sources.names, 0);

	for (size_t i = 0; r == 0 && i < sources->count; i++)
		r = parse_source(config, &sources->items[i], (unsigned int)i + 1, why);
	if (r == 0)
		r = config_finish(config, sources->simulation, why);
	return r == 0 ? config_read_subuids(config, sources->subuids) : r;
}

/* Of @paths, or else of @sources. On failure nothing is left behind. */
static int load(const struct config_paths *paths, const struct config_sources *sources,
		bool tolerant, struct config **configp, struct text *why)
{
	_cleanup_(config_freep) struct config *config = config_new();
	int r = config ? 0 : -ENOMEM;

	text_reset(why);
	if (config)
		config->tolerant = tolerant;
	if (r == 0)
		r = paths ? read_all(&config->sources, paths, why)
			  : config_sources_copy(&config->sources, sources);
	if (r == 0)
		r = build(config, why);
	if (r == -ENOMEM)
		text_set(why, "out of memory");
	if (r < 0)
		return r;
	text_reset(why);
	*configp = steal_pointer(config);
	return 0;
}

int config_load(const struct config_paths *paths, struct config **configp, struct text *why)
{
	return load(paths, NULL, false, configp, why);
}

int config_load_tolerant(const struct config_paths *paths, struct config **configp,
			 struct text *why)
{
	return load(paths, NULL, true, configp, why);
}

int config_load_again(const struct config_sources *sources, struct config **configp,
		      struct text *why)
{
	return load(NULL, sources, true, configp, why);
}
