/* SPDX-License-Identifier: MIT */
/*
 * Tells things by their names. For a task with another root or other mounts a name alone proves
 * nothing: there it must still be the thing, a file of sysfs or a device, or nothing at all.
 */
#include "run/thing.h"
#include "system/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <common/pci-address.h>

/* ---- sysfs ---- */

/* The name of the PCI function whose directory the file lies in. */
static bool function_of(const char *directory, const char *end, char out[20])
{
	const char *start = end, *at;
	struct common_pci_address address;

	while (start > directory && start[-1] != '/')
		start--;
	if (end - start >= 20)
		return false;
	snprintf(out, 20, "%.*s", (int)(end - start), start);
	at = out;
	return !common_scan_pci_address(&at, &address) && !*at;
}

/* "resourceN", "resourceN_wc" */
static bool read_resource(const char *name, struct thing *thing)
{
	if (strncmp(name, "resource", 8) || !isdigit((unsigned char)name[8]))
		return false;
	thing->number = (unsigned int)(name[8] - '0');
	thing->combining = !strcmp(name + 9, "_wc");
	return thing->number < FUNCTION_BARS && (!name[9] || thing->combining);
}

static bool is_sysfs(int directory)
{
	struct statfs status;

	return !fstatfs(directory, &status) && status.f_type == SYSFS_MAGIC;
}

/*
 * A card that is not here, as in simulation, has no directory; its place has a name all the same.
 */
static bool is_in_sysfs(const struct pathname *found)
{
	char place[PATH_MAX];

	if (found->directory < 0) {
		snprintf(place, sizeof(place), "%s/bus/pci/devices", sys_directory());
		return !found->foreign && path_below(found->name, place);
	}
	if (strcmp(sys_directory(), "/sys"))
		return path_below(found->name, sys_directory());
	return is_sysfs(found->directory);
}

static bool find_bar(const struct pathname *found, struct thing *thing)
{
	const char *slash = strrchr(found->name, '/');

	thing->kind = THING_BAR;
	return slash && read_resource(slash + 1, thing) &&
	       function_of(found->name, slash, thing->device) && is_in_sysfs(found);
}

static bool find_config(const struct pathname *found, struct thing *thing)
{
	const char *slash = strrchr(found->name, '/');

	thing->kind = THING_CONFIG;
	return slash && !strcmp(slash + 1, "config") &&
	       function_of(found->name, slash, thing->device) && is_in_sysfs(found);
}

/* ---- devices ---- */

/* Nothing is there, or a character device; with @number only that one. */
static bool is_device_or_nothing(const struct pathname *found, dev_t number)
{
	struct stat status;

	if (!found->foreign || found->directory < 0)
		return true;
	if (fstatat(found->directory, strrchr(found->name, '/') + 1, &status, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT;
	return S_ISCHR(status.st_mode) && (!number || status.st_rdev == number);
}

static bool find_mem(const struct pathname *found, struct thing *thing)
{
	thing->kind = THING_MEM;
	return !strcmp(found->name, "/dev/mem") && is_device_or_nothing(found, makedev(1, 1));
}

static bool find_uio(const struct pathname *found, const struct plan *plan, struct thing *thing)
{
	char name[32];

	thing->kind = THING_UIO;
	for (size_t i = 0; i < plan->uio_count; i++) {
		snprintf(name, sizeof(name), "/dev/uio%u", plan->uios[i].number);
		thing->number = (unsigned int)i;
		if (!strcmp(found->name, name))
			return is_device_or_nothing(found, 0);
	}
	return false;
}

static bool find_map(const struct pathname *found, const struct plan *plan, struct thing *thing)
{
	thing->kind = THING_MAP;
	for (size_t i = 0; i < plan->map_count; i++) {
		thing->number = (unsigned int)i;
		if (!strcmp(found->name, plan->names[i]))
			return is_device_or_nothing(found, 0);
	}
	return false;
}

static bool find_in_tree(const struct pathname *found, const char *tree, struct thing *thing)
{
	thing->kind = THING_TREE;
	return tree[0] && (found->in_tree || path_below(found->name, tree));
}

bool thing_find(const struct pathname *found, const struct plan *plan, const char *tree,
		struct thing *thing)
{
	*thing = (struct thing){ .name = found->name, .in_tree = found->in_tree };
	if (found->descriptor >= 0) {
		thing->kind = THING_VIEW;
		thing->number = (unsigned int)found->descriptor;
		return true;
	}
	return find_map(found, plan, thing) || find_bar(found, thing) ||
	       find_config(found, thing) || find_mem(found, thing) ||
	       find_uio(found, plan, thing) || find_in_tree(found, tree, thing);
}
