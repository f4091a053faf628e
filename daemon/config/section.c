// SPDX-License-Identifier: MIT
/*
 * The tables of sections and keys, and entering and setting them. Each refusal names the value, the
 * rule and, where there is one, the cure.
 */
#include <string.h>
#include <common/word.h>
#include "config/section.h"
#include "config/setters.h"
#include "config/value.h"

struct config_key {
	enum config_section section;
	const char *name;
	bool list; /* may go on in indented lines */
	int (*set)(struct config_cursor *cursor, const char *value);
	const char *old_name; /* still good; NULL: it has none */
};

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct config_key keys[] = {
	{ CONFIG_SECTION_DAEMON, "connections-per-user", false, limits_set_connections },
	{ CONFIG_SECTION_DAEMON, "connection-rate-per-user", false, limits_set_connection_rate },
	{ CONFIG_SECTION_DAEMON, "unread-replies-per-user", false, limits_set_unread_replies },
	{ CONFIG_SECTION_DAEMON, "unread-descriptors-per-user", false,
	  limits_set_unread_descriptors },
	{ CONFIG_SECTION_DAEMON, "slow-reader-timeout", false, limits_set_slow_reader_timeout },
	{ CONFIG_SECTION_DAEMON, "leases-per-user", false, limits_set_leases },
	{ CONFIG_SECTION_DAEMON, "hello-timeout", false, limits_set_hello_timeout },
	{ CONFIG_SECTION_DAEMON, "bytes-per-user", false, limits_set_bytes },
	{ CONFIG_SECTION_DAEMON, "caches-per-user", false, limits_set_caches },
	{ CONFIG_SECTION_DAEMON, "waiting-per-user", false, limits_set_waiting },
	{ CONFIG_SECTION_DAEMON, "interrupts-per-user", false, limits_set_interrupts },
	{ CONFIG_SECTION_DAEMON, "devices-per-user", false, limits_set_devices },
	{ CONFIG_SECTION_DAEMON, "extents-per-user", false, limits_set_extents },
	{ CONFIG_SECTION_DAEMON, "longest-wait", false, limits_set_longest_wait },
	{ CONFIG_SECTION_DAEMON, "bypass", false, limits_set_bypass },
	{ CONFIG_SECTION_DAEMON, "connections", false, limits_set_all_connections },
	{ CONFIG_SECTION_DAEMON, "leases", false, limits_set_all_leases },
	{ CONFIG_SECTION_DAEMON, "bytes", false, limits_set_all_bytes },
	{ CONFIG_SECTION_DAEMON, "caches", false, limits_set_all_caches },
	{ CONFIG_SECTION_DAEMON, "waiting", false, limits_set_all_waiting },
	{ CONFIG_SECTION_DAEMON, "unread-replies", false, limits_set_all_unread_replies },
	{ CONFIG_SECTION_DAEMON, "unread-descriptors", false, limits_set_all_unread_descriptors },
	{ CONFIG_SECTION_DAEMON, "revoke-on-reload", false, limits_set_revoke_on_reload },
	{ CONFIG_SECTION_DAEMON, "runtime-grants", false, limits_set_runtime_grants },
	{ CONFIG_SECTION_REGION, "device", false, region_set_device },
	{ CONFIG_SECTION_REGION, "ids", false, region_set_ids },
	{ CONFIG_SECTION_REGION, "bar", false, region_set_bar },
	{ CONFIG_SECTION_REGION, "ports", false, region_set_ports },
	{ CONFIG_SECTION_REGION, "bind", false, region_set_bind },
	{ CONFIG_SECTION_REGION, "range", false, region_set_range },
	{ CONFIG_SECTION_REGION, "offset", false, region_set_offset },
	{ CONFIG_SECTION_REGION, "size", false, region_set_size },
	{ CONFIG_SECTION_REGION, "phys", false, region_set_phys },
	{ CONFIG_SECTION_REGION, "width", false, region_set_width },
	{ CONFIG_SECTION_REGION, "memory-type", false, region_set_memtype, "cache" },
	{ CONFIG_SECTION_REGION, "backing", false, region_set_backing },
	{ CONFIG_SECTION_REGION, "pool", false, region_set_pool },
	{ CONFIG_SECTION_REGION, "page", false, region_set_page },
	{ CONFIG_SECTION_REGION, "on-reset", false, region_set_on_reset },
	{ CONFIG_SECTION_REGION, "dma-bits", false, region_set_dma_bits },
	{ CONFIG_SECTION_REGION, "dma-registers", false, region_set_dma_registers },
	{ CONFIG_SECTION_REGION, "wipe", false, region_set_wipe },
	{ CONFIG_SECTION_REGION, "on-end", true, terms_set_on_end },
	{ CONFIG_SECTION_DEVICE, "device", false, device_set_device },
	{ CONFIG_SECTION_DEVICE, "bind", false, device_set_bind },
	{ CONFIG_SECTION_DEVICE, "interrupts", false, device_set_interrupts },
	{ CONFIG_SECTION_DEVICE, "vectors", false, device_set_vectors },
	{ CONFIG_SECTION_DEVICE, "dma-engine", false, device_set_dma_engine },
	{ CONFIG_SECTION_DEVICE, "dma", false, device_set_dma },
	{ CONFIG_SECTION_DEVICE, "dma-bits", false, device_set_dma_bits },
	{ CONFIG_SECTION_DEVICE, "share-dma", false, device_set_share_dma },
	{ CONFIG_SECTION_DEVICE, "reset", false, device_set_reset },
	{ CONFIG_SECTION_DEVICE, "storm", false, device_set_storm },
	{ CONFIG_SECTION_DEVICE, "interrupt-period", false, device_set_period },
	{ CONFIG_SECTION_GRANT, "region", true, grant_set_region },
	{ CONFIG_SECTION_GRANT, "device", true, grant_set_device },
	{ CONFIG_SECTION_GRANT, "interrupts", false, grant_set_interrupts },
	{ CONFIG_SECTION_GRANT, "config", false, grant_set_config },
	{ CONFIG_SECTION_GRANT, "bus-master", false, grant_set_master },
	{ CONFIG_SECTION_GRANT, "reset", false, grant_set_reset },
	{ CONFIG_SECTION_GRANT, "power", false, grant_set_power },
	{ CONFIG_SECTION_GRANT, "dma", false, grant_set_dma },
	{ CONFIG_SECTION_GRANT, "memory", true, grant_set_memory },
	{ CONFIG_SECTION_GRANT, "user", true, grant_set_user },
	{ CONFIG_SECTION_GRANT, "group", true, grant_set_group },
	{ CONFIG_SECTION_GRANT, "access", false, grant_set_access },
	{ CONFIG_SECTION_GRANT, "share", false, grant_set_share },
	{ CONFIG_SECTION_GRANT, "unknown", false, terms_set_unknown },
	{ CONFIG_SECTION_GRANT, "memory-type", false, terms_set_memtype, "cache" },
	{ CONFIG_SECTION_GRANT, "range", false, terms_set_range },
	{ CONFIG_SECTION_GRANT, "lease", false, terms_set_lease },
	{ CONFIG_SECTION_GRANT, "renew", false, terms_set_renew },
	{ CONFIG_SECTION_GRANT, "leases", false, terms_set_leases },
	{ CONFIG_SECTION_GRANT, "bytes", false, terms_set_bytes },
	{ CONFIG_SECTION_GRANT, "wait", false, terms_set_wait },
	{ CONFIG_SECTION_GRANT, "leaves", false, terms_set_leaves },
	{ CONFIG_SECTION_ADMIN, "user", true, admin_set_user },
	{ CONFIG_SECTION_ADMIN, "group", true, admin_set_group },
	{ CONFIG_SECTION_INSPECT, "user", true, admin_set_user },
	{ CONFIG_SECTION_INSPECT, "group", true, admin_set_group },
	{ CONFIG_SECTION_SOCKET, "mode", false, socket_set_mode },
	{ CONFIG_SECTION_SOCKET, "group", false, socket_set_group },
	{ CONFIG_SECTION_SOCKET, "grants", true, socket_set_grants },
};

/* Keys that say the same thing in two ways; both in one file is a contradiction. */
static const char *const exclusive_keys[][2] = {
	{ "range", "offset" },
	{ "range", "size" },
	{ "device", "phys" },
};

static const struct {
	enum config_section section;
	const char *kind;
	bool named;
} sections[] = {
	{ CONFIG_SECTION_DAEMON, "daemon", false }, { CONFIG_SECTION_REGION, "region", true },
	{ CONFIG_SECTION_DEVICE, "device", true },  { CONFIG_SECTION_GRANT, "grant", true },
	{ CONFIG_SECTION_ADMIN, "admin", true },    { CONFIG_SECTION_INSPECT, "inspect", true },
	{ CONFIG_SECTION_SOCKET, "socket", true },
};

static bool is_called(const struct config_key *key, const char *name)
{
	return !strcmp(key->name, name) || (key->old_name && !strcmp(key->old_name, name));
}

static const char *other_name(const struct config_key *key, const char *name)
{
	return strcmp(key->name, name) ? key->name : key->old_name;
}

static const struct config_key *find_key(enum config_section section, const char *name)
{
	for (size_t i = 0; i < array_size(keys); i++)
		if (keys[i].section == section && is_called(&keys[i], name))
			return &keys[i];
	return NULL;
}

/* Of the keys of one section, which are told apart in 64 bits. */
static uint64_t bit_of(const struct config_key *key)
{
	size_t first = 0;

	while (keys[first].section != key->section)
		first++;
	return 1ull << (size_t)(key - keys - (ptrdiff_t)first);
}

static int refuse_key(struct config_cursor *cursor, const char *name)
{
	const char *candidates[array_size(keys)], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < array_size(keys); i++)
		if (keys[i].section == cursor->section)
			candidates[n++] = keys[i].name;
	nearest = common_nearest(name, candidates, n);
	if (nearest)
		return config_refuse(cursor, "unknown key \"%s\": did you mean \"%s\"?", name,
				     nearest);
	return config_refuse(cursor, "unknown key \"%s\" in this section", name);
}

static int refuse_section(struct config_cursor *cursor, const char *kind)
{
	const char *candidates[array_size(sections)], *nearest;

	for (size_t i = 0; i < array_size(sections); i++)
		candidates[i] = sections[i].kind;
	nearest = common_nearest(kind, candidates, array_size(candidates));
	if (nearest)
		return config_refuse(cursor, "unknown section [%s]: did you mean [%s%s]?", kind,
				     nearest, strcmp(nearest, "daemon") ? " NAME" : "");
	return config_refuse(cursor,
			     "unknown section [%s]: there are [daemon], [region NAME], "
			     "[device NAME], [grant NAME], [admin NAME], [inspect NAME], "
			     "[socket NAME]",
			     kind);
}

static uint64_t *seen_bits(struct config_cursor *cursor, unsigned int **file)
{
	switch (cursor->section) {
	case CONFIG_SECTION_DAEMON:
		*file = &cursor->limits->seen_file;
		return &cursor->limits->seen;
	case CONFIG_SECTION_REGION:
		*file = &cursor->region->seen_file;
		return &cursor->region->seen;
	case CONFIG_SECTION_DEVICE:
		*file = &cursor->function->seen_file;
		return &cursor->function->seen;
	case CONFIG_SECTION_GRANT:
		*file = &cursor->grant->seen_file;
		return &cursor->grant->seen;
	case CONFIG_SECTION_SOCKET:
		*file = &cursor->socket->seen_file;
		return &cursor->socket->seen;
	default:
		*file = &cursor->admin->seen_file;
		return &cursor->admin->seen;
	}
}

static int open_section(struct config_cursor *cursor, const char *name)
{
	struct config_origin *origin = NULL;

	switch (cursor->section) {
	case CONFIG_SECTION_REGION:
		cursor->region = config_need_region(cursor->config, name);
		origin = cursor->region ? &cursor->region->origin : NULL;
		break;
	case CONFIG_SECTION_DEVICE:
		cursor->function = config_need_function(cursor->config, name);
		origin = cursor->function ? &cursor->function->origin : NULL;
		break;
	case CONFIG_SECTION_GRANT:
		cursor->grant = config_need_grant(cursor->config, name);
		origin = cursor->grant ? &cursor->grant->origin : NULL;
		break;
	case CONFIG_SECTION_ADMIN:
		cursor->admin = config_need_admin(cursor->config, name);
		origin = cursor->admin ? &cursor->admin->origin : NULL;
		break;
	case CONFIG_SECTION_INSPECT:
		cursor->admin = config_need_inspector(cursor->config, name);
		origin = cursor->admin ? &cursor->admin->origin : NULL;
		break;
	case CONFIG_SECTION_SOCKET:
		cursor->socket = config_need_socket(cursor->config, name);
		origin = cursor->socket ? &cursor->socket->origin : NULL;
		break;
	default:
		cursor->limits = &cursor->config->limits;
		return 0;
	}
	if (!origin)
		return config_refuse(cursor, "out of memory");
	*origin = cursor->at;
	return 0;
}

/* Starts the section that `header`, the text between the brackets, names. */
int config_enter(struct config_cursor *cursor, const char *header)
{
	char kind[48] = "", name[48] = "", rest;
	unsigned int *file;
	uint64_t *seen;
	size_t i;
	int n, r;

	cursor->section = CONFIG_SECTION_NONE;
	cursor->last = NULL;
	n = sscanf(header, " %47s %47s %c", kind, name, &rest);
	for (i = 0; i < array_size(sections) && strcmp(sections[i].kind, kind); i++)
		;
	if (i == array_size(sections))
		return refuse_section(cursor, kind);
	if (n != (sections[i].named ? 2 : 1))
		return config_refuse(cursor,
				     sections[i].named ? "[%s] needs one name: write [%s NAME]"
						       : "[%s] has no name: write [%s]",
				     kind, kind);
	if (sections[i].named && !value_is_name(name))
		return config_refuse(
			cursor, "\"%s\" is not a name: use 1 to 31 of A-Z a-z 0-9 . _ -", name);
	cursor->section = sections[i].section;
	r = open_section(cursor, name);
	if (r < 0)
		return r;
	seen = seen_bits(cursor, &file);
	if (*file == cursor->file_number)
		return config_refuse(
			cursor, "section [%s] occurs twice in this file: put its keys together",
			header);
	*file = cursor->file_number;
	*seen = 0;
	return 0;
}

static int check_exclusive(struct config_cursor *cursor, const struct config_key *key,
			   uint64_t seen)
{
	for (size_t i = 0; i < array_size(exclusive_keys); i++) {
		for (int side = 0; side < 2; side++) {
			const char *other = exclusive_keys[i][1 - side];
			const struct config_key *rival = find_key(cursor->section, other);

			if (rival && !strcmp(key->name, exclusive_keys[i][side]) &&
			    seen & bit_of(rival))
				return config_refuse(
					cursor, "\"%s\" and \"%s\" exclude each other: keep one",
					key->name, other);
		}
	}
	return 0;
}

/* The lists of a section that a later file names again start anew: later wins. */
static void clear_list(struct config_cursor *cursor, const struct config_key *key)
{
	if (key->set == grant_set_region)
		config_names_clear(&cursor->grant->regions);
	else if (key->set == grant_set_device)
		config_names_clear(&cursor->grant->devices);
	else if (key->set == terms_set_on_end)
		cursor->region->on_end.count = 0;
	else if (key->set == grant_set_memory)
		cursor->grant->memory = 0;
	else if (key->set == grant_set_user)
		config_ids_clear(&cursor->grant->users);
	else if (key->set == grant_set_group)
		config_ids_clear(&cursor->grant->groups);
	else if (key->set == socket_set_grants)
		config_names_clear(&cursor->socket->grants);
	else if (key->set == socket_set_group)
		config_ids_clear(&cursor->socket->groups);
	else if (key->set == admin_set_user)
		config_ids_clear(&cursor->admin->users);
	else if (key->set == admin_set_group)
		config_ids_clear(&cursor->admin->groups);
}

static int check_value(struct config_cursor *cursor, const char *value)
{
	if (strstr(value, " #") || strstr(value, "\t#"))
		return config_refuse(cursor, "\"%s\": a comment behind a value begins with ;",
				     value);
	return 0;
}

/* Whether there is a key that an indented line can go on with. */
bool config_continues(const struct config_cursor *cursor)
{
	return cursor->last != NULL;
}

int config_continue(struct config_cursor *cursor, const char *value)
{
	int r = check_value(cursor, value);

	if (r < 0)
		return r;
	if (cursor->last->list)
		return cursor->last->set(cursor, value);
	return config_refuse(cursor,
			     "an indented line goes on with the value of \"%s\", which is no list: "
			     "do not indent keys",
			     cursor->last->name);
}

int config_set(struct config_cursor *cursor, const char *name, const char *value)
{
	const struct config_key *key;
	unsigned int *file;
	uint64_t *seen, bit;
	int r;

	if (cursor->section == CONFIG_SECTION_NONE)
		return config_refuse(cursor, "key \"%s\" stands before the first section", name);
	r = check_value(cursor, value);
	if (r < 0)
		return r;
	key = find_key(cursor->section, name);
	if (!key)
		return refuse_key(cursor, name);
	seen = seen_bits(cursor, &file);
	bit = bit_of(key);
	if (*seen & bit)
		return config_refuse(cursor, "\"%s\" occurs twice in this section: keep one%s%s%s",
				     name, key->old_name ? " (its other name is \"" : "",
				     key->old_name ? other_name(key, name) : "",
				     key->old_name ? "\")" : "");
	r = check_exclusive(cursor, key, *seen);
	if (r < 0)
		return r;
	*seen |= bit;
	clear_list(cursor, key);
	cursor->last = key;
	return key->set(cursor, value);
}
