// SPDX-License-Identifier: MIT
/*
 * The directory of notes. It is kept open, so that no shortage of descriptors keeps a note from
 * being written or removed.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "broker/note.h"

/* 0 or -errno: the directory is open afterwards. */
int note_directory(struct broker *broker)
{
	const char *path = broker->state;

	if (!path)
		return -ENOENT;
	if (broker->safe_state.notes_fd >= 0)
		return 0;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	broker->safe_state.notes_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return broker->safe_state.notes_fd < 0 ? -errno : 0;
}

int note_open(struct broker *broker, const char *name)
{
	int r = note_directory(broker), fd;

	if (r < 0)
		return r;
	fd = openat(broker->safe_state.notes_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static int open_to_write(struct broker *broker, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	int r = note_directory(broker), fd;

	if (r < 0)
		return r;
	fd = openat(broker->safe_state.notes_fd, name, flags, 0600);
	return fd < 0 ? -errno : fd;
}

/* Somebody may have removed the directory, and it was made anew or not. */
int note_create(struct broker *broker, const char *name)
{
	int fd = open_to_write(broker, name);

	if (fd != -ENOENT || !broker->state)
		return fd;
	fd_closep(&broker->safe_state.notes_fd);
	broker->safe_state.notes_fd = -1;
	return open_to_write(broker, name);
}

int note_create_stream(struct broker *broker, const char *name, FILE **file)
{
	int fd = note_create(broker, name);

	if (fd < 0)
		return fd;
	*file = fdopen(fd, "w");
	if (*file)
		return 0;
	close(fd);
	return -ENOMEM;
}

void note_remove(struct broker *broker, const char *name)
{
	if (note_directory(broker) == 0)
		unlinkat(broker->safe_state.notes_fd, name, 0);
}

int note_list(struct broker *broker, struct dirent ***entries,
	      int (*is_note)(const struct dirent *entry))
{
	int r = note_directory(broker), n;

	if (r < 0)
		return r;
	n = scandirat(broker->safe_state.notes_fd, ".", entries, is_note, NULL);
	return n < 0 ? -errno : n;
}
