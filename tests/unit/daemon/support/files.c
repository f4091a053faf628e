// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"

static char directory[64];

void files_make(void)
{
	snprintf(directory, sizeof(directory), "/tmp/mmiod-test-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	return remove(path);
}

void files_remove(void)
{
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *files_path(const char *name)
{
	static char paths[64][160];
	static unsigned int next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

const char *files_write(const char *name, mode_t mode, const char *content)
{
	const char *path = files_path(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

void files_mkdir(const char *name, mode_t mode)
{
	cr_assert_eq(mkdir(files_path(name), 0700), 0);
	cr_assert_eq(chmod(files_path(name), mode), 0);
}

size_t files_count(const char *name)
{
	DIR *stream = opendir(files_path(name));
	struct dirent *entry;
	size_t n = 0;

	while (stream && (entry = readdir(stream)))
		n += entry->d_name[0] != '.';
	if (stream)
		closedir(stream);
	return n;
}
