/* SPDX-License-Identifier: MIT */
/*
 * The register map that fits a region. In each directory of maps, the user's before the
 * administrator's before those that came with mmiod, REGION.ini fits; then any file whose [map]
 * names the region, the device's PCI ids or its class.
 */
#include "regmap/regmap.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <common/size.h>
#include <common/word.h>

#define DIRECTORIES 3
#define PATH_SIZE 512

struct wanted {
	struct context *context;
	const char *name; /* of the region; "": of any */
	const struct mmiod_region *region; /* NULL: it is not ours to see */
	struct map_device device; /* vendor 0: none is known */
	char directories[DIRECTORIES][PATH_SIZE];
	struct regmap *map; /* what was found */
};

/* ---- what to look for ---- */

static void list_directories(struct wanted *wanted)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && config[0] == '/')
		snprintf(wanted->directories[0], PATH_SIZE, "%s/mmiod/maps", config);
	else if (home && home[0] == '/')
		snprintf(wanted->directories[0], PATH_SIZE, "%s/.config/mmiod/maps", home);
	snprintf(wanted->directories[1], PATH_SIZE, "%s", MMIOD_SYSCONFDIR "/mmiod/maps");
	snprintf(wanted->directories[2], PATH_SIZE, "%s", MMIOD_DATADIR "/mmiod/maps");
}

/* As "0x010802". The file is there for PCI functions of this machine only. */
static void read_class(struct wanted *wanted)
{
	char path[128], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class",
		 mmiod_region_device(wanted->region));
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(text, sizeof(text), file)) {
		text[strcspn(text, "\n")] = '\0';
		wanted->device.pci_class.is = !common_number(text, &wanted->device.pci_class.value);
	}
	fclose(file);
}

/* ---- what fits ---- */

static bool names_region(const struct regmap *map, const char *name)
{
	char list[512], *rest = list, *glob;

	snprintf(list, sizeof(list), "%s", map->regions);
	while ((glob = strsep(&rest, " \t,")))
		if (glob[0] && !fnmatch(glob, name, 0))
			return true;
	return false;
}

static bool names_device(const struct regmap *map, const struct wanted *wanted)
{
	const struct map_device *device = &wanted->device;
	char list[512], ids[24], *rest = list, *word;

	if (!device->vendor)
		return false;
	if (map->bar.is && (int)map->bar.value != device->bar)
		return false;
	if (map->pci_class.is && device->pci_class.is &&
	    map->pci_class.value == device->pci_class.value)
		return true;
	snprintf(ids, sizeof(ids), "%04x:%04x", device->vendor, device->product);
	snprintf(list, sizeof(list), "%s", map->ids);
	while ((word = strsep(&rest, " \t,")))
		if (!strcasecmp(word, ids))
			return true;
	return false;
}

/* A map for a device describes its whole BAR, of which the region may be a part. */
static bool take_if_it_fits(struct wanted *wanted, struct regmap *map)
{
	bool device = names_device(map, wanted);

	if (!device && !names_region(map, wanted->name)) {
		regmap_free(map);
		return false;
	}
	if (device && wanted->region)
		map->skip = mmiod_region_offset(wanted->region);
	wanted->map = map;
	return true;
}

/* ---- looking ---- */

/* A map with a mistake is told of, and does not hide the others. */
static struct regmap *load(const struct wanted *wanted, const char *path)
{
	struct regmap *map;
	char error[MAP_ERROR_MAX];

	if (!regmap_load(path, NULL, NULL, &map, error, sizeof(error)))
		return map;
	note(wanted->context, "%s (map skipped)", error);
	return NULL;
}

static int is_map(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && !strcmp(entry->d_name + length - 4, ".ini");
}

static void look_in(struct wanted *wanted, const char *directory)
{
	struct dirent **entries;
	char path[PATH_SIZE + 300];
	struct stat stat_;
	int count;

	snprintf(path, sizeof(path), "%s/%s.ini", directory, wanted->name);
	if (wanted->name[0] && !stat(path, &stat_))
		wanted->map = load(wanted, path);
	count = wanted->map ? 0 : scandir(directory, &entries, is_map, alphasort);
	for (int i = 0; i < count; i++) {
		struct regmap *map;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		map = wanted->map ? NULL : load(wanted, path);
		if (map)
			take_if_it_fits(wanted, map);
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
}

static void look_everywhere(struct wanted *wanted)
{
	list_directories(wanted);
	for (size_t i = 0; !wanted->map && i < DIRECTORIES; i++)
		if (wanted->directories[i][0])
			look_in(wanted, wanted->directories[i]);
}

static void know_device(struct wanted *wanted)
{
	wanted->device.vendor = mmiod_region_vendor(wanted->region);
	wanted->device.product = mmiod_region_product(wanted->region);
	wanted->device.bar = mmiod_region_bar(wanted->region);
	read_class(wanted);
}

static int find_map(struct wanted *wanted)
{
	if (wanted->region)
		know_device(wanted);
	look_everywhere(wanted);
	if (wanted->map)
		return 0;
	return report_not_found(wanted->context,
				"there is no register map for region %s in %s%s%s or %s: give one "
				"with --map FILE",
				wanted->name, wanted->directories[0],
				wanted->directories[0][0] ? ", " : "", wanted->directories[1],
				wanted->directories[2]);
}

static int load_given(struct wanted *wanted, const char *file, const struct map_choice *choice)
{
	char error[MAP_ERROR_MAX];
	int err = regmap_load(file, choice, NULL, &wanted->map, error, sizeof(error));

	return err ? report(wanted->context, err, "%s", error) : 0;
}

/* ---- what verbs call ---- */

/*
 * A target with an address gets the name of the region that lies there: so that both find the same
 * map.
 */
static void name_region(struct wanted *wanted, struct mmiod_target *target)
{
	const struct mmiod_region *region = wanted->region;

	if (!region)
		return;
	if (strcmp(target->region, mmiod_region_name(region))) {
		snprintf(target->region, sizeof(target->region), "%s", mmiod_region_name(region));
		target->offset -= mmiod_region_offset(region);
	}
	wanted->map->room = mmiod_region_length(region);
	wanted->map->declared = mmiod_region_width(region);
}

int regmap_find(struct context *context, const char *file, const struct map_choice *choice,
		struct mmiod_target *target, struct regmap **map)
{
	struct wanted wanted = { .context = context, .name = target->region };
	struct mmiod_region_list *list;
	int status, err;

	if (!file && choice && (choice->peripheral || choice->base.is || choice->order))
		return usage_error(context,
				   "--peripheral, --base and --csr-order are of the map that "
				   "--map names");
	status = context->client ? 0 : client_open(context);
	if (status)
		return status;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	wanted.region = mmiod_region_list_find(list, target);
	if (wanted.region)
		wanted.name = mmiod_region_name(wanted.region);
	status = file ? load_given(&wanted, file, choice) : find_map(&wanted);
	if (!status)
		name_region(&wanted, target);
	mmiod_region_list_free(list);
	*map = wanted.map;
	return status;
}

struct regmap *regmap_of_device(struct context *context, const struct map_device *device)
{
	struct wanted wanted = { .context = context, .name = "", .device = *device };

	look_everywhere(&wanted);
	return wanted.map;
}

#define SUGGESTIONS 256

int regmap_find_register(const struct context *context, const struct regmap *map, const char *name,
			 size_t length, const struct map_register **reg)
{
	const char *names[SUGGESTIONS], *nearest;
	char word[MAP_NAME_MAX];
	size_t count = 0;

	*reg = regmap_named(map, name, length);
	if (*reg)
		return 0;
	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	for (size_t i = 0; i < map->count && count < SUGGESTIONS; i++)
		names[count++] = map->registers[i].name;
	nearest = common_nearest(word, names, count);
	return report_not_found(context, "%s has no register \"%s\"%s%s%s", map->file, word,
				nearest ? "; did you mean " : "", nearest ? nearest : "",
				nearest ? "?" : "");
}

int regmap_find_field(const struct context *context, const struct regmap *map,
		      const struct map_register *reg, const char *name,
		      const struct map_field **field)
{
	const char *names[64], *nearest;
	size_t count = 0;

	*field = field_named(reg, name);
	if (*field)
		return 0;
	for (size_t i = 0; i < reg->field_count && count < 64; i++)
		names[count++] = reg->fields[i].name;
	nearest = common_nearest(name, names, count);
	return report_not_found(context, "%s (%s:%u) has no field \"%s\"%s%s%s", reg->name,
				map->file, reg->line, name, nearest ? "; did you mean " : "",
				nearest ? nearest : "", nearest ? "?" : "");
}
