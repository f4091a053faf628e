// SPDX-License-Identifier: MIT
/*
 * Files of register maps under libFuzzer, of any format. A refusal has a sentence with the file's name before it;
 * a map that is taken can be written in our own format, is read again, and is the same then.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "client/mmioctl/regmap/regmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

/* The file is always the same one, so that its name is. */
static void write_file(const void *data, size_t size)
{
	static int file = -1;

	if (file < 0) {
		file = memfd_create("map", MFD_CLOEXEC);
		cr_assert_geq(file, 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	cr_assert_eq(ftruncate(file, 0), 0);
	cr_assert_eq(pwrite(file, data, size, 0), (ssize_t)size);
}

static void hear(void *data, unsigned int line, const char *sentence)
{
	cr_assert(*sentence);
	++*(size_t *)data;
}

static struct regmap *load(const struct map_choice *choice, const struct map_hearing *hearing)
{
	char error[MAP_ERROR_MAX] = "";
	struct regmap *map = NULL;

	if (regmap_load(path, choice, hearing, &map, error, sizeof(error))) {
		cr_assert(strstr(error, ": ") || !strcmp(error, "out of memory"));
		return NULL;
	}
	cr_assert(map);
	return map;
}

static char *written(const struct regmap *map)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	cr_assert(out);
	regmap_write_ini(map, out);
	fclose(out);
	return text;
}

static void read_again(const struct regmap *map)
{
	char *first = written(map), *second;
	struct regmap *again;

	write_file(first, strlen(first));
	again = load(NULL, NULL);
	cr_assert(again);
	second = written(again);
	cr_assert_eq(strcmp(first, second), 0);
	regmap_free(again);
	free(second);
	free(first);
}

static void use(const struct regmap *map)
{
	FILE *null = fopen("/dev/null", "w");
	char error[MAP_ERROR_MAX];

	cr_assert(null);
	for (size_t i = 0; i < map->count; i++)
		cr_assert_eq(
			regmap_named(map, map->registers[i].name, strlen(map->registers[i].name)),
			&map->registers[i]);
	regmap_write_header(map, "X", null, error, sizeof(error));
	fclose(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct map_choice all = { .all = true };
	size_t count = 0;
	const struct map_hearing hearing = { .tell = hear, .data = &count };
	struct regmap *map;

	write_file(data, size);
	map = load(&all, &hearing);
	if (map) {
		regmap_tell_overlaps(map, &hearing);
		use(map);
	}
	regmap_free(map);
	map = load(NULL, NULL);
	if (map) {
		use(map);
		if (!map->source[0])
			read_again(map);
	}
	regmap_free(map);
	return 0;
}
