/* SPDX-License-Identifier: MIT */
/*
 * Who uses a PCI function, by what lies below it in sysfs: disks that are mounted, swapped to or part of
 * something else, and networks that are up. MMIOCTL_PROC: another directory than /proc.
 */
#include "system/in-use.h"
#include "system/process.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct look {
	char real[PATH_MAX]; /* directory of the function */
	char *why;
	size_t size;
};

/* ---- what is below a function ---- */

/* What there is of /sys/class/CLASS below it. false: none of it answered true. */
static bool look_below(struct look *look, const char *class,
		       bool (*one)(struct look *look, const char *name, const char *path))
{
	char path[PATH_MAX], real[PATH_MAX];
	size_t length = strlen(look->real);
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/class/%s", sys_directory(), class);
	directory = opendir(path);
	while (directory && !found && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/class/%s/%s", sys_directory(), class,
			     entry->d_name) >= (int)sizeof(path) ||
		    !realpath(path, real))
			continue;
		if (!strncmp(real, look->real, length) && real[length] == '/')
			found = one(look, entry->d_name, real);
	}
	if (directory)
		closedir(directory);
	return found;
}

/* ---- disks ---- */

/* Field 3 of a line of mountinfo is the device's number, and field 5 where it is mounted. */
static bool is_mounted(struct look *look, const char *name, const char *number)
{
	char path[PATH_MAX], line[4096], device[64], where[1024];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/self/mountinfo", proc_directory());
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*s %63s %*s %1023s", device, where) == 2 &&
			!strcmp(device, number);
	if (file)
		fclose(file);
	if (found)
		snprintf(look->why, look->size, "has %s, which is mounted at %.200s", name, where);
	return found;
}

static bool is_swap(struct look *look, const char *name)
{
	char path[PATH_MAX], line[1024], file_name[512];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/swaps", proc_directory());
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%511s", file_name) == 1 && !strncmp(file_name, "/dev/", 5) &&
			!strcmp(file_name + 5, name);
	if (file)
		fclose(file);
	if (found)
		snprintf(look->why, look->size, "has %s, which the machine swaps to", name);
	return found;
}

static bool has_holder(struct look *look, const char *name, const char *path)
{
	char holders[PATH_MAX + 16];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(holders, sizeof(holders), "%s/holders", path);
	directory = opendir(holders);
	while (directory && !found && (entry = readdir(directory)))
		if (entry->d_name[0] != '.') {
			found = true;
			snprintf(look->why, look->size, "has %s, which is a part of %.100s", name,
				 entry->d_name);
		}
	if (directory)
		closedir(directory);
	return found;
}

static bool is_used_disk(struct look *look, const char *name, const char *path)
{
	char attribute[300], number[64];

	snprintf(attribute, sizeof(attribute), "class/block/%s/dev", name);
	return (sys_read(attribute, number, sizeof(number)) && is_mounted(look, name, number)) ||
	       is_swap(look, name) || has_holder(look, name, path);
}

/* ---- networks ---- */

static bool is_used_network(struct look *look, const char *name, const char *path)
{
	char attribute[300], state[32];

	snprintf(attribute, sizeof(attribute), "class/net/%s/operstate", name);
	if (!sys_read(attribute, state, sizeof(state)) || strcmp(state, "up"))
		return false;
	snprintf(look->why, look->size, "has the network %s, which is up", name);
	return true;
}

bool function_in_use(const struct pci_function *function, char *why, size_t size)
{
	struct look look = { .why = why, .size = size };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sys_directory(), function->address);
	if (realpath(path, look.real) &&
	    (look_below(&look, "block", is_used_disk) || look_below(&look, "net", is_used_network)))
		return true;
	if (function->class >> 16 == 6)
		snprintf(why, size, "is a %s, through which others are reached",
			 class_name(function->class));
	else if (function->class >> 16 == 3)
		snprintf(why, size, "is a display, which the console may be on");
	else if (function->driver[0] && strcmp(function->driver, "mmiod"))
		snprintf(why, size, "has the driver %s, which would lose it", function->driver);
	else
		return false;
	return true;
}
