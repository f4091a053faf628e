// SPDX-License-Identifier: MIT
/*
 * The configuration tree: owns every string and array below it. The loader finds or makes sections
 * here; errors in the whole are found by check.c.
 */
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include "config/config.h"
#include "config/runtime.h"

#define CONFIG_CONNECTIONS 64
#define CONFIG_LEASES 16384
#define CONFIG_HELLO_MS 2000
#define CONFIG_CONNECTION_RATE 100
#define CONFIG_UNREAD_REPLIES 256
#define CONFIG_UNREAD_DESCRIPTORS 1024
#define CONFIG_SLOW_READER_MS 30000
#define CONFIG_BYTES (1ull << 30)
#define CONFIG_CACHES 1024
#define CONFIG_WAITING 64
#define CONFIG_INTERRUPTS 256
#define CONFIG_DEVICES 64
#define CONFIG_EXTENTS 65536 /* a quarter of what the module admits to all */
#define CONFIG_LONGEST_WAIT_MS 86400000

#define WARNINGS_MAX 64

struct config *config_new(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config)
		config->limits = (struct config_limits){
			.connections_per_user = CONFIG_CONNECTIONS,
			.connection_rate_per_user = CONFIG_CONNECTION_RATE,
			.unread_replies_per_user = CONFIG_UNREAD_REPLIES,
			.unread_descriptors_per_user = CONFIG_UNREAD_DESCRIPTORS,
			.slow_reader_timeout_ms = CONFIG_SLOW_READER_MS,
			.leases_per_user = CONFIG_LEASES,
			.hello_timeout_ms = CONFIG_HELLO_MS,
			.bytes_per_user = CONFIG_BYTES,
			.caches_per_user = CONFIG_CACHES,
			.waiting_per_user = CONFIG_WAITING,
			.interrupts_per_user = CONFIG_INTERRUPTS,
			.devices_per_user = CONFIG_DEVICES,
			.extents_per_user = CONFIG_EXTENTS,
			.longest_wait_ms = CONFIG_LONGEST_WAIT_MS,
		};
	return config;
}

void config_ids_clear(struct config_ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		free(ids->items[i].name);
	free(ids->items);
	*ids = (struct config_ids){ 0 };
}

void config_names_clear(struct config_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct config_names){ 0 };
}

void config_sources_clear(struct config_sources *sources)
{
	for (size_t i = 0; i < sources->count; i++) {
		free(sources->items[i].path);
		free(sources->items[i].text);
	}
	free(sources->items);
	names_clear(&sources->names);
	*sources = (struct config_sources){ 0 };
}

static int copy_source(struct config_source *to, const struct config_source *from)
{
	to->path = strdup(from->path);
	to->text = malloc(from->length + 1);
	if (!to->path || !to->text)
		return -ENOMEM;
	memcpy(to->text, from->text, from->length);
	to->length = from->length;
	return 0;
}

int config_sources_copy(struct config_sources *to, const struct config_sources *from)
{
	int r;

	*to = (struct config_sources){ .simulation = from->simulation, .subuids = from->subuids };
	r = names_keep(&to->names, &from->names);
	to->items = calloc(from->count + 1, sizeof(*to->items));
	if (!to->items)
		r = -ENOMEM;
	while (r == 0 && to->count < from->count) {
		r = copy_source(&to->items[to->count], &from->items[to->count]);
		to->count++;
	}
	if (r < 0)
		config_sources_clear(to);
	return r;
}

static void region_free(struct config_region *region)
{
	free(region->backing);
	free(region->grants);
	free(region->holders);
	free(region);
}

static void function_free(struct config_function *function)
{
	free(function->grants);
	free(function);
}

static void grant_free(struct config_grant *grant)
{
	config_names_clear(&grant->regions);
	config_names_clear(&grant->devices);
	config_ids_clear(&grant->users);
	config_ids_clear(&grant->groups);
	config_ids_clear(&grant->tenants);
	free(grant->name);
	free(grant);
}

static void admin_free(struct config_admin *admin)
{
	config_ids_clear(&admin->users);
	config_ids_clear(&admin->groups);
	free(admin->name);
	free(admin);
}

static void socket_free(struct config_socket *socket)
{
	config_names_clear(&socket->grants);
	config_ids_clear(&socket->groups);
	free(socket->name);
	free(socket);
}

/* Members that stand in them are no longer to be looked up. */
static void clear_tables(struct config *config)
{
	HASH_CLEAR(hh, config->by_name);
	HASH_CLEAR(hh, config->functions_by_name);
	HASH_CLEAR(by_name, config->grants_by_name);
	HASH_CLEAR(by_key, config->grants_by_key);
}

/* With no regions and grants left in it. */
static void free_rest(struct config *config)
{
	for (size_t i = 0; i < config->n_functions; i++)
		function_free(config->functions[i]);
	for (size_t i = 0; i < config->n_admins; i++)
		admin_free(config->admins[i]);
	for (size_t i = 0; i < config->n_inspectors; i++)
		admin_free(config->inspectors[i]);
	for (size_t i = 0; i < config->n_sockets; i++)
		socket_free(config->sockets[i]);
	for (size_t i = 0; i < config->n_files; i++)
		free(config->files[i]);
	free(config->sockets);
	free(config->regions);
	free(config->functions);
	free(config->grants);
	free(config->admins);
	free(config->inspectors);
	for (size_t i = 0; i < config->n_warnings; i++)
		free(config->warnings[i]);
	config_sources_clear(&config->sources);
	free(config->files);
	free(config->sorted);
	free(config->warnings);
	free(config->unresolved);
	free(config->named);
	free(config->uid_ranges);
	free(config);
}

/* Frees so many regions and grants, from the last on; true: the tree is gone with the last. */
bool config_free_some(struct config *config, unsigned int most)
{
	clear_tables(config);
	for (; most && config->n_regions; most--)
		region_free(config->regions[--config->n_regions]);
	for (; most && config->n_grants; most--)
		grant_free(config->grants[--config->n_grants]);
	if (most)
		free_rest(config);
	return most;
}

struct config *config_free(struct config *config)
{
	while (config && !config_free_some(config, UINT_MAX))
		;
	return NULL;
}

void config_freep(struct config **config)
{
	config_free(*config);
}

/*
 * Makes room for one more pointer in the array at @arrayp; returns where it goes, or NULL. The room
 * is doubled whenever the count is a power of two.
 */
void **config_grow(void *arrayp, size_t *count)
{
	void ***array = arrayp, **larger = *array;

	if (!(*count & (*count - 1)))
		larger = reallocarray(*array, *count ? 2 * *count : 1, sizeof(void *));
	if (!larger)
		return NULL;
	*array = larger;
	larger[*count] = NULL;
	return &larger[(*count)++];
}

/* ---- what will not work ---------------------------------------------------------------------- */

static void add_warning(struct config *config, const struct config_origin *origin,
			const char *sentence)
{
	void **slot;

	if (config->n_warnings >= WARNINGS_MAX)
		return;
	slot = config_grow(&config->warnings, &config->n_warnings);
	if (slot && asprintf((char **)slot, "%s:%u: %s", origin->file, origin->line, sentence) < 0)
		config->warnings[--config->n_warnings] = NULL;
}

/* Without memory for it, or above the most that anybody reads, it is not told. */
void config_warn(struct config *config, const struct config_origin *origin, const char *format, ...)
{
	char sentence[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	add_warning(config, origin, sentence);
}

/* Errors that the author must put right, and those that a start has to live with. */
int config_object(struct config *config, struct text *why, const struct config_origin *origin,
		  const char *format, ...)
{
	char sentence[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (config->tolerant) {
		add_warning(config, origin, sentence);
		return 0;
	}
	text_set(why, "%s:%u: %s", origin->file, origin->line, sentence);
	return -EINVAL;
}

/* ---- sections -------------------------------------------------------------------------------- */

struct config_region *config_find_region(const struct config *config, const char *name)
{
	struct config_region *region;

	HASH_FIND_STR(config->by_name, name, region);
	return region;
}

/* Finds or makes a region. The caller has checked the length of the name. */
struct config_region *config_need_region(struct config *config, const char *name)
{
	struct config_region *region = config_find_region(config, name);
	void **slot;

	if (region)
		return region;
	region = calloc(1, sizeof(*region));
	if (!region)
		return NULL;
	snprintf(region->name, sizeof(region->name), "%s", name);
	HASH_ADD_STR(config->by_name, name, region);
	slot = hash_added(region) ? config_grow(&config->regions, &config->n_regions) : NULL;
	if (!slot) {
		if (hash_added(region))
			HASH_DEL(config->by_name, region);
		free(region);
		return NULL;
	}
	region->tree = config;
	region->bar = -1;
	region->memtypes = 1u << MMIOD_MEMTYPE_UC;
	region->memtype = MMIOD_MEMTYPE_UC;
	region->wipe = true;
	*slot = region;
	return region;
}

struct config_function *config_find_function(const struct config *config, const char *name)
{
	struct config_function *function;

	HASH_FIND_STR(config->functions_by_name, name, function);
	return function;
}

/* Finds or makes one. The caller has checked the length of the name. */
struct config_function *config_need_function(struct config *config, const char *name)
{
	struct config_function *function = config_find_function(config, name);
	void **slot;

	if (function)
		return function;
	function = calloc(1, sizeof(*function));
	if (!function)
		return NULL;
	snprintf(function->name, sizeof(function->name), "%s", name);
	function->dma_engine = true;
	HASH_ADD_STR(config->functions_by_name, name, function);
	slot = hash_added(function) ? config_grow(&config->functions, &config->n_functions) : NULL;
	if (!slot) {
		if (hash_added(function))
			HASH_DEL(config->functions_by_name, function);
		free(function);
		return NULL;
	}
	*slot = function;
	return function;
}

struct config_grant *config_find_grant(const struct config *config, uint32_t key)
{
	struct config_grant *grant;

	HASH_FIND(by_key, config->grants_by_key, &key, sizeof(key), grant);
	if (!grant && config->runtime)
		HASH_FIND(by_key, config->runtime->by_key, &key, sizeof(key), grant);
	return grant;
}

/* Of the files. */
const struct config_grant *config_find_grant_name(const struct config *config, const char *name)
{
	const struct config_grant *grant;

	HASH_FIND(by_name, config->grants_by_name, name, strlen(name), grant);
	return grant;
}

/* FNV-1a. That two names of one configuration differ in it is checked when all are known. */
uint32_t config_key_of(const char *name)
{
	uint32_t key = 2166136261u;

	for (; *name; name++)
		key = (key ^ (unsigned char)*name) * 16777619u;
	return key ? key : 1;
}

/* Into the list and both tables; false: out of memory, and in none of them. */
static bool add_grant(struct config *config, struct config_grant *grant)
{
	void **slot;

	HASH_ADD_KEYPTR(by_name, config->grants_by_name, grant->name, strlen(grant->name), grant);
	if (!grant->by_name.tbl)
		return false;
	if (!config_find_grant(config, grant->key)) {
		HASH_ADD(by_key, config->grants_by_key, key, sizeof(grant->key), grant);
		if (!grant->by_key.tbl) {
			HASH_DELETE(by_name, config->grants_by_name, grant);
			return false;
		}
	}
	slot = config_grow(&config->grants, &config->n_grants);
	if (slot) {
		*slot = grant;
		return true;
	}
	HASH_DELETE(by_name, config->grants_by_name, grant);
	if (grant->by_key.tbl)
		HASH_DELETE(by_key, config->grants_by_key, grant);
	return false;
}

struct config_grant *config_need_grant(struct config *config, const char *name)
{
	struct config_grant *grant;

	HASH_FIND(by_name, config->grants_by_name, name, strlen(name), grant);
	if (grant)
		return grant;
	grant = calloc(1, sizeof(*grant));
	if (!grant)
		return NULL;
	grant->name = strdup(name);
	grant->key = config_key_of(name);
	if (!grant->name || !add_grant(config, grant)) {
		grant_free(grant);
		return NULL;
	}
	grant->rights = MMIOD_RIGHT_READ;
	grant->renew = true;
	return grant;
}

static struct config_admin *need_admin(struct config_admin ***admins, size_t *count,
				       const char *name)
{
	struct config_admin *admin;
	void **slot;

	for (size_t i = 0; i < *count; i++)
		if (!strcmp((*admins)[i]->name, name))
			return (*admins)[i];
	admin = calloc(1, sizeof(*admin));
	if (!admin)
		return NULL;
	admin->name = strdup(name);
	slot = admin->name ? config_grow(admins, count) : NULL;
	if (!slot) {
		admin_free(admin);
		return NULL;
	}
	*slot = admin;
	return admin;
}

struct config_admin *config_need_admin(struct config *config, const char *name)
{
	return need_admin(&config->admins, &config->n_admins, name);
}

struct config_admin *config_need_inspector(struct config *config, const char *name)
{
	return need_admin(&config->inspectors, &config->n_inspectors, name);
}

/* NULL: there is no such tenant. */
const struct config_socket *config_find_socket(const struct config *config, uint32_t key)
{
	for (size_t i = 0; i < config->n_sockets; i++)
		if (config->sockets[i]->key == key)
			return config->sockets[i];
	return NULL;
}

struct config_socket *config_need_socket(struct config *config, const char *name)
{
	struct config_socket *socket;
	void **slot;

	for (size_t i = 0; i < config->n_sockets; i++)
		if (!strcmp(config->sockets[i]->name, name))
			return config->sockets[i];
	socket = calloc(1, sizeof(*socket));
	if (!socket)
		return NULL;
	socket->name = strdup(name);
	socket->key = config_key_of(name);
	slot = socket->name ? config_grow(&config->sockets, &config->n_sockets) : NULL;
	if (slot) {
		*slot = socket;
		return socket;
	}
	socket_free(socket);
	return NULL;
}

const char *config_add_file(struct config *config, const char *path)
{
	char *copy = strdup(path);
	void **slot = copy ? config_grow(&config->files, &config->n_files) : NULL;

	if (!slot) {
		free(copy);
		return NULL;
	}
	*slot = copy;
	return copy;
}
