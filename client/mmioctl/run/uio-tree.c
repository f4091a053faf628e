/* SPDX-License-Identifier: MIT */
/*
 * The attributes of UIO nodes as files, below the user's own directory for such things, or in /tmp
 * in a directory that nobody else may enter. The machine's own nodes stand beside them as links.
 * A daemon that cannot be asked leaves addresses and sizes 0: programs are then told more when they
 * open the node.
 */
#include "run/uio-tree.h"
#include "run/loans.h"
#include "system/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DYNAMIC_MAJOR 511 /* the kernel gives it out last */
#define DEPTH_MAX 4

unsigned int tree_uio_major(void)
{
	FILE *file = fopen("/proc/devices", "re");
	unsigned int major, found = DYNAMIC_MAJOR;
	char line[128], name[65];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Block", 5))
			break;
		if (sscanf(line, "%u %64s", &major, name) == 2 && !strcmp(name, "uio"))
			found = major;
	}
	if (file)
		fclose(file);
	return found;
}

/* ---- making ---- */

static int put_file(int directory, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int put_file(int directory, const char *name, const char *format, ...)
{
	int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444), err = 0;
	va_list args;

	if (fd < 0)
		return -errno;
	va_start(args, format);
	if (vdprintf(fd, format, args) < 0)
		err = -errno;
	va_end(args);
	close(fd);
	return err;
}

/* The descriptor of a new directory, or -errno. */
static int put_directory(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0755))
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int put_map(int maps, unsigned int index, const struct mmiod_target *target,
		   uint64_t address)
{
	char name[16];
	int map, err;

	snprintf(name, sizeof(name), "map%u", index);
	map = put_directory(maps, name);
	if (map < 0)
		return map;
	err = put_file(map, "name", "%s\n", target->region);
	if (!err)
		err = put_file(map, "addr", "0x%016llx\n", (unsigned long long)address);
	if (!err)
		err = put_file(map, "size", "0x%016llx\n", (unsigned long long)target->length);
	if (!err)
		err = put_file(map, "offset", "0x0\n");
	close(map);
	return err;
}

/* Its device is that of its first map. */
static void link_device(int node, const struct mmiod_region *region)
{
	char path[PATH_MAX], *real;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sys_directory(),
		 mmiod_region_device(region));
	real = realpath(path, NULL);
	/* A node without it is as one of a device that is not PCI. */
	if (real && symlinkat(real, node, "device"))
		errno = 0;
	free(real);
}

static int put_maps(int node, const struct mmiod_region_list *list, const struct plan_uio *uio)
{
	int maps = put_directory(node, "maps"), err = 0;

	if (maps < 0)
		return maps;
	for (size_t i = 0; !err && i < uio->count; i++) {
		struct mmiod_target target = uio->parts[i];
		const struct mmiod_region *region = mmiod_region_list_find(list, &target);
		uint64_t address = region ? loan_address(region) : 0;

		loan_resolve(list, &target);
		if (region && !i)
			link_device(node, region);
		err = put_map(maps, (unsigned int)i, &target,
			      address ? address + target.offset : 0);
	}
	close(maps);
	return err;
}

static int put_node(int top, const struct mmiod_region_list *list, const struct plan_uio *uio,
		    unsigned int major)
{
	char name[16];
	int node, err;

	snprintf(name, sizeof(name), "uio%u", uio->number);
	node = put_directory(top, name);
	if (node < 0)
		return node;
	err = put_file(node, "name", "%s\n", uio->parts[0].region);
	if (!err)
		err = put_file(node, "version", "%s\n", mmiod_version());
	if (!err)
		err = put_file(node, "event", "0\n");
	if (!err)
		err = put_file(node, "dev", "%u:%u\n", major, uio->number);
	if (!err)
		err = put_maps(node, list, uio);
	close(node);
	return err;
}

/* Those that are there already give way to those of the command line. */
static void link_others(int top)
{
	char path[PATH_MAX], *real;
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/class/uio", sys_directory());
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/class/uio/%s", sys_directory(), entry->d_name);
		real = realpath(path, NULL);
		if (real && symlinkat(real, top, entry->d_name))
			errno = 0;
		free(real);
	}
	if (directory)
		closedir(directory);
}

static int fill(struct tree *tree, const struct mmiod_region_list *list, const struct plan *plan,
		unsigned int major)
{
	int top = open(tree->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;

	if (top < 0)
		return -errno;
	for (size_t i = 0; !err && i < plan->uio_count; i++)
		err = put_node(top, list, &plan->uios[i], major);
	link_others(top);
	close(top);
	return err;
}

static int make_top(struct tree *tree)
{
	const char *place = getenv("XDG_RUNTIME_DIR");

	if (!place || place[0] != '/')
		place = "/tmp";
	if (snprintf(tree->name, sizeof(tree->name), "%s/mmioctl-run.XXXXXX", place) >=
		    (int)sizeof(tree->name) ||
	    !mkdtemp(tree->name)) {
		tree->name[0] = '\0';
		return errno ? -errno : -ENAMETOOLONG;
	}
	return 0;
}

int tree_make(struct context *context, const struct plan *plan, unsigned int major,
	      struct tree *tree)
{
	struct mmiod_region_list *list;
	int err;

	tree->name[0] = '\0';
	if (!plan->uio_count)
		return 0;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	err = make_top(tree);
	if (!err)
		err = fill(tree, list, plan, major);
	mmiod_region_list_free(list);
	if (!err)
		return 0;
	tree_remove(tree);
	return report(context, err, "cannot make the files of --uio below %s: %s",
		      getenv("XDG_RUNTIME_DIR") ? "XDG_RUNTIME_DIR" : "/tmp", strerror(-err));
}

/* ---- removing ---- */

static void remove_below(int parent, const char *name, unsigned int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (entry->d_type == DT_DIR && depth < DEPTH_MAX)
			remove_below(fd, entry->d_name, depth + 1);
		else
			unlinkat(fd, entry->d_name, 0);
	}
	if (directory)
		closedir(directory);
	else if (fd >= 0)
		close(fd);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void tree_remove(const struct tree *tree)
{
	if (tree->name[0])
		remove_below(AT_FDCWD, tree->name, 0);
}
