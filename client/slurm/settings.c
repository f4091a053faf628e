/* SPDX-License-Identifier: MIT */
/*
 * The arguments that plugstack.conf gives the plugin, the same in all of a cluster. An unknown one is
 * an error: a node that overlooked gres= would let no job have its card.
 */
#include "plugin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <common/size.h>

#define GRACE_MIN 5 /* for an epilog that is late */
#define GRACE_MAX (366 * 24 * 60)

/* @text up to @end, or the whole; false: it does not fit, or is empty. */
static bool take(char *into, size_t size, const char *text, const char *end)
{
	size_t length = end ? (size_t)(end - text) : strlen(text);

	if (!length || length >= size)
		return false;
	memcpy(into, text, length);
	into[length] = '\0';
	return true;
}

static int read_map(struct settings *settings, const char *value, char *error)
{
	struct map *map = &settings->maps[settings->map_count];
	const char *type = strchr(value, ':'), *regions = type ? strchr(type + 1, ':') : NULL;

	if (settings->map_count == MAPS_MAX)
		return fail(error, -EINVAL, "gres=%s: there are more than %d of them", value,
			    MAPS_MAX);
	if (!regions || strchr(regions + 1, ':') ||
	    !take(map->name, sizeof(map->name), value, type) ||
	    !take(map->type, sizeof(map->type), type + 1, regions) ||
	    !take(map->patterns, sizeof(map->patterns), regions + 1, NULL))
		return fail(error, -EINVAL,
			    "gres=%s: it is NAME:TYPE:REGIONS, as gres=mmio:fpga0:fpga0-*, with * "
			    "as TYPE for any",
			    value);
	settings->map_count++;
	return 0;
}

static int read_access(struct settings *settings, const char *value, char *error)
{
	settings->rights = MMIOD_RIGHT_READ;
	if (!strcmp(value, "rw"))
		settings->rights |= MMIOD_RIGHT_WRITE;
	else if (strcmp(value, "r"))
		return fail(error, -EINVAL, "access=%s: write r or rw", value);
	return 0;
}

static int read_share(struct settings *settings, const char *value, char *error)
{
	if (share_read(value, &settings->share))
		return 0;
	return fail(error, -EINVAL, "share=%s: write exclusive, shared-read, shared-write or guest",
		    value);
}

static int read_grace(struct settings *settings, const char *value, char *error)
{
	uint64_t minutes;

	settings->no_limit = !strcmp(value, "never");
	if (settings->no_limit)
		return 0;
	if (common_number(value, &minutes) || minutes > GRACE_MAX)
		return fail(error, -EINVAL, "grace=%s: write minutes, at most %d, or never", value,
			    GRACE_MAX);
	settings->grace_min = (uint32_t)minutes;
	return 0;
}

static int read_socket(struct settings *settings, const char *value, char *error)
{
	settings->socket = value;
	return value[0] == '/' ? 0
			       : fail(error, -EINVAL, "socket=%s: write a path from / on", value);
}

static const struct {
	const char *key;
	int (*read)(struct settings *settings, const char *value, char *error);
} keys[] = {
	{ "gres=", read_map },	  { "socket=", read_socket }, { "access=", read_access },
	{ "share=", read_share }, { "grace=", read_grace },
};

int settings_read(struct settings *settings, int argc, char **argv, char *error)
{
	int err = 0;

	memset(settings, 0, sizeof(*settings));
	settings->rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	settings->grace_min = GRACE_MIN;
	for (int i = 0; !err && i < argc; i++) {
		err = fail(error, -EINVAL,
			   "there is no \"%s\": write gres=, socket=, access=, share= or grace=",
			   argv[i]);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (!strncmp(argv[i], keys[k].key, strlen(keys[k].key)))
				err = keys[k].read(settings, argv[i] + strlen(keys[k].key), error);
	}
	return err;
}

int settings_socket(const struct settings *settings, const char *node, char *path, size_t size,
		    const char **socket)
{
	const char *mark = settings->socket ? strstr(settings->socket, "%n") : NULL;
	int length;

	*socket = settings->socket;
	if (!mark)
		return 0;
	length = snprintf(path, size, "%.*s%s%s", (int)(mark - settings->socket), settings->socket,
			  node, mark + 2);
	*socket = path;
	return length >= 0 && (size_t)length < size ? 0 : -ENAMETOOLONG;
}
