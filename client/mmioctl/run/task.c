/* SPDX-License-Identifier: MIT */
/*
 * A task's memory and what it is, through descriptors that stay that task's whoever gets its number
 * later. The caller opens it, then asks whether the notification is still valid: from then on the
 * descriptors are known to be of the task that asked. Nothing here names it by its number again.
 */
#include "run/task.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096

bool task_open(struct task *task, pid_t id)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", id);
	*task = (struct task){ .id = id, .mem = -1 };
	task->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (task->proc < 0)
		return false;
	task->mem = openat(task->proc, "mem", O_RDWR | O_CLOEXEC);
	if (task->mem >= 0)
		return true;
	close(task->proc);
	return false;
}

void task_close(struct task *task)
{
	close(task->mem);
	close(task->proc);
}

/* To the end of a page at a time: what lies behind the string may not be there. */
bool task_read_string(const struct task *task, uint64_t address, char *out, size_t size)
{
	size_t length = 0;

	while (length < size) {
		size_t part = PAGE - (size_t)((address + length) % PAGE);
		ssize_t n;

		if (part > size - length)
			part = size - length;
		n = pread(task->mem, out + length, part, (off_t)(address + length));
		if (n <= 0)
			return false;
		if (memchr(out + length, '\0', (size_t)n))
			return true;
		length += (size_t)n;
	}
	return false;
}

bool task_read(const struct task *task, uint64_t address, void *out, size_t size)
{
	return pread(task->mem, out, size, (off_t)address) == (ssize_t)size;
}

bool task_write(const struct task *task, uint64_t address, const void *data, size_t size)
{
	return pwrite(task->mem, data, size, (off_t)address) == (ssize_t)size;
}

bool task_link(const struct task *task, const char *name, char *out, size_t size)
{
	ssize_t n = readlinkat(task->proc, name, out, size);

	if (n <= 0 || (size_t)n >= size)
		return false;
	out[n] = '\0';
	return true;
}

static FILE *open_status(int directory)
{
	int fd = openat(directory, "status", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

pid_t task_group(const struct task *task)
{
	FILE *file = open_status(task->proc);
	char line[128];
	int group = 0;

	while (file && !group && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &group) != 1)
			group = 0;
	if (file)
		fclose(file);
	return group;
}

/* The lines of /proc/TID/status that say whose it is, one after the other. Owned by the caller. */
static char *identity(int directory)
{
	char *line = NULL, *text = NULL;
	FILE *file = open_status(directory), *out;
	size_t space = 0, size;

	if (!file)
		return NULL;
	out = open_memstream(&text, &size);
	while (out && getline(&line, &space, file) > 0)
		if (!strncmp(line, "Uid:", 4) || !strncmp(line, "Gid:", 4) ||
		    !strncmp(line, "Groups:", 7))
			fputs(line, out);
	if (out)
		fclose(out);
	free(line);
	fclose(file);
	return text;
}

/* Read once: this process stays whose it is. */
static const char *own_identity(void)
{
	static char *ours;
	int self = ours ? -1 : open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (self >= 0) {
		ours = identity(self);
		close(self);
	}
	return ours;
}

/*
 * As texts: the kernel writes the numbers of both for the user namespace of who reads, and keeps
 * groups in order.
 */
bool task_is_ours(const struct task *task)
{
	const char *ours = own_identity();
	char *theirs = ours ? identity(task->proc) : NULL;
	bool same = theirs && ours[0] && !strcmp(ours, theirs);

	free(theirs);
	return same;
}
