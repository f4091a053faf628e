/* SPDX-License-Identifier: MIT */
/*
 * From the text of a path to the file that it names for the task: from its working directory, its
 * root, its own /proc/self, and through links. Directories are opened below the task's root by
 * openat2(), never by this process's own root, and no magic link of /proc is followed on the way.
 *
 * Most paths are none of ours, and are told by their text alone: nothing is looked up for them.
 * That is for speed, and also because a look-up in a file system that a program of this very run
 * serves (FUSE) would wait for that program, which may be waiting for us.
 */
#include "run/pathname.h"
#include "system/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINKS_MAX 8
#define RACES_MAX 16

/* ---- text ---- */

const char *path_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (strncmp(path, directory, length))
		return NULL;
	if (path[length] == '/')
		return path + length + 1;
	return path[length] ? NULL : path + length;
}

void path_simplify(const char *path, char *out, size_t size)
{
	size_t used = 0;

	while (*path) {
		size_t length = strcspn(path, "/");

		if (length == 2 && !strncmp(path, "..", 2)) {
			while (used && out[--used] != '/')
				;
		} else if (length && !(length == 1 && *path == '.') && used + length + 2 <= size) {
			out[used++] = '/';
			memcpy(out + used, path, length);
			used += length;
		}
		path += length + (path[length] == '/');
	}
	if (!used)
		out[used++] = '/';
	out[used] = '\0';
}

static bool join(char out[PATH_MAX], const char *directory, const char *name)
{
	const char *slash = directory[0] && directory[strlen(directory) - 1] == '/' ? "" : "/";

	return snprintf(out, PATH_MAX, "%s%s%s", directory, slash, name) < PATH_MAX;
}

/* /proc/self/…, /proc/thread-self/… and /dev/fd/… are the task's own, and not this process's. */
static bool replace_self(const struct task *task, const char *path, char out[PATH_MAX])
{
	static const struct {
		const char *place, *below;
	} selves[] = {
		{ "/proc/self", "" },
		{ "/proc/thread-self", "" },
		{ "/dev/fd", "fd/" },
	};

	for (size_t i = 0; i < sizeof(selves) / sizeof(selves[0]); i++) {
		const char *rest = path_below(path, selves[i].place);

		if (rest)
			return snprintf(out, PATH_MAX, "/proc/%d/%s%s", task->id, selves[i].below,
					rest) < PATH_MAX;
	}
	return snprintf(out, PATH_MAX, "%s", path) < PATH_MAX;
}

/* "config", which others are called as well; "resource0" to "resource5", and with "_wc" behind it. */
static bool is_of_function(const char *path)
{
	const char *last = strrchr(path, '/');

	last = last ? last + 1 : path;
	if (!strcmp(last, "config"))
		return true;
	if (strncmp(last, "resource", 8) || !isdigit((unsigned char)last[8]))
		return false;
	return !last[9] || !strcmp(last + 9, "_wc");
}

static bool in_class_uio(const char *path)
{
	return (path_below(path, sys_directory()) || path_below(path, "/sys")) &&
	       strstr(path, "/uio");
}

static bool matters(const struct task *task, const char *path,
		    const struct pathname_interest *interest)
{
	char descriptors[40], simple[PATH_MAX];

	if (is_of_function(path) || path_below(path, "/dev") || in_class_uio(path))
		return true;
	snprintf(descriptors, sizeof(descriptors), "/proc/%d/fd", task->id);
	if (path_below(path, descriptors))
		return true;
	path_simplify(path, simple, sizeof(simple));
	for (size_t i = 0; i < interest->count; i++)
		if (!strcmp(simple, interest->names[i]))
			return true;
	return false;
}

/* ---- the task's places ---- */

/* From the task's root; links in /proc are told from ours. */
static bool task_place(const struct task *task, const char *link, char out[PATH_MAX])
{
	char root[PATH_MAX], place[PATH_MAX];
	const char *rest;

	if (!task_link(task, "root", root, sizeof(root)) ||
	    !task_link(task, link, place, sizeof(place)))
		return false;
	rest = strcmp(root, "/") ? path_below(place, root) : place + 1;
	return rest && place[0] == '/' && snprintf(out, PATH_MAX, "/%s", rest) < PATH_MAX;
}

static bool make_absolute(const struct task *task, int directory, const char *text,
			  char out[PATH_MAX])
{
	char link[24] = "cwd", base[PATH_MAX];

	if (text[0] == '/')
		return snprintf(out, PATH_MAX, "%s", text) < PATH_MAX;
	if (directory != AT_FDCWD)
		snprintf(link, sizeof(link), "fd/%d", directory);
	return task_place(task, link, base) && join(out, base, text);
}

static bool is_foreign(const struct task *task)
{
	char ours[64] = "", theirs[64];
	struct stat root, their_root;
	ssize_t n = readlink("/proc/self/ns/mnt", ours, sizeof(ours) - 1);

	return n < 0 || !task_link(task, "ns/mnt", theirs, sizeof(theirs)) ||
	       strcmp(ours, theirs) || stat("/", &root) ||
	       fstatat(task->proc, "root", &their_root, 0) || root.st_dev != their_root.st_dev ||
	       root.st_ino != their_root.st_ino;
}

/* ---- finding ---- */

/* Numbers in our /proc are not those of another process-id namespace: there our root serves. */
static int open_root(const struct task *task, const char *path, bool ours)
{
	if (ours || path_below(path, "/proc"))
		return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return openat(task->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_below(int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd, tries = 0;

	do {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN && tries++ < RACES_MAX);
	return fd;
}

static bool open_directory(const struct task *task, const char *path, const char *directory,
			   struct pathname *found)
{
	int root = open_root(task, path, found->in_tree);

	if (root < 0)
		return false;
	found->directory = open_below(root, directory);
	close(root);
	if (found->directory >= 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		return false;
	path_simplify(path, found->name, sizeof(found->name));
	return true;
}

/* The name of the directory that was opened, without links in it. */
static bool name_directory(const struct task *task, const char *path, struct pathname *found,
			   char out[PATH_MAX])
{
	char link[40], root[PATH_MAX], place[PATH_MAX];
	const char *rest;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", found->directory);
	n = readlink(link, place, sizeof(place) - 1);
	if (n <= 0 || !task_link(task, "root", root, sizeof(root)))
		return false;
	place[n] = '\0';
	if (found->in_tree || path_below(path, "/proc") || !strcmp(root, "/"))
		return snprintf(out, PATH_MAX, "%s", place) < PATH_MAX;
	rest = path_below(place, root);
	return rest && snprintf(out, PATH_MAX, "/%s", rest) < PATH_MAX;
}

/* Splits before the last component; a path that ends with "..", "." or "/" is all directory. */
static const char *split(const char *path, char directory[PATH_MAX])
{
	const char *last = strrchr(path, '/') + 1;

	if (!*last || !strcmp(last, ".") || !strcmp(last, "..")) {
		snprintf(directory, PATH_MAX, "%s", path);
		return "";
	}
	snprintf(directory, PATH_MAX, "%.*s", (int)(last - path), path);
	return last;
}

/* Where the link @target in directory @base leads. */
static bool follow(const char *base, const char *target, char path[PATH_MAX])
{
	char next[PATH_MAX];

	if (target[0] == '/')
		return snprintf(path, PATH_MAX, "%s", target) < PATH_MAX;
	return join(next, base, target) && snprintf(path, PATH_MAX, "%s", next) < PATH_MAX;
}

/*
 * Descriptors that are links in /proc lead to files that may have no path; views are told by name.
 */
static bool find_descriptor(const struct task *task, const char *base, const char *last,
			    const char *target, struct pathname *found)
{
	char own[40];

	snprintf(own, sizeof(own), "/proc/%d/fd", task->id);
	if (strcmp(base, own) || strncmp(target, "/mmiod:view", 11) ||
	    sscanf(last, "%d", &found->descriptor) != 1)
		return false;
	return snprintf(found->name, sizeof(found->name), "%s", target) < PATH_MAX;
}

/* One round: 1: @path is now where a link leads, 0: found, -1: not to be found out. */
static int find_once(const struct task *task, char path[PATH_MAX], bool follows,
		     struct pathname *found)
{
	char directory[PATH_MAX], base[PATH_MAX], target[PATH_MAX];
	const char *last = split(path, directory);
	ssize_t n;

	if (!open_directory(task, path, directory, found))
		return -1;
	if (found->directory < 0)
		return 0;
	if (!name_directory(task, path, found, base))
		return -1;
	n = *last && follows ? readlinkat(found->directory, last, target, sizeof(target) - 1) : -1;
	if (n < 0)
		return (*last ? join(found->name, base, last)
			      : snprintf(found->name, PATH_MAX, "%s", base) < PATH_MAX)
			       ? 0
			       : -1;
	target[n] = '\0';
	if (path_below(base, "/proc"))
		return find_descriptor(task, base, last, target, found) ? 0 : -1;
	return follow(base, target, path) ? 1 : -1;
}

static void enter_tree(const struct pathname_interest *interest, char path[PATH_MAX],
		       struct pathname *found)
{
	char place[PATH_MAX], simple[PATH_MAX];
	const char *rest;

	if (!interest->tree[0])
		return;
	path_simplify(path, simple, sizeof(simple));
	snprintf(place, sizeof(place), "%s/class/uio", sys_directory());
	rest = path_below(simple, place);
	if (rest && join(path, interest->tree, rest))
		found->in_tree = true;
}

static bool does_follow(const struct call *call)
{
	if (call->kind == CALL_OPEN || call->kind == CALL_OPENAT2)
		return !(call->flags & O_NOFOLLOW);
	return !(call->flags & AT_SYMLINK_NOFOLLOW);
}

bool pathname_find(const struct task *task, const struct call *call, const char *text,
		   const struct pathname_interest *interest, struct pathname *found)
{
	char path[PATH_MAX], absolute[PATH_MAX];
	int more = 1;

	*found = (struct pathname){ .directory = -1, .descriptor = -1 };
	if (!text[0] || !make_absolute(task, call->directory, text, absolute) ||
	    !replace_self(task, absolute, path) || !matters(task, path, interest))
		return false;
	enter_tree(interest, path, found);
	found->foreign = is_foreign(task);
	for (int links = 0; more > 0 && links < LINKS_MAX; links++) {
		pathname_close(found);
		more = find_once(task, path, does_follow(call), found);
		if (more > 0 && !replace_self(task, strcpy(absolute, path), path))
			more = -1;
	}
	if (!more)
		return true;
	pathname_close(found);
	return false;
}

void pathname_close(struct pathname *found)
{
	if (found->directory >= 0)
		close(found->directory);
	found->directory = -1;
}
