// SPDX-License-Identifier: MIT
/*
 * The configuration tree: owns every string and array below it. config_finish() checks what can
 * only be judged when all files have been read, and links each region to its grants, so that a
 * decision need not look at all of them.
 */
#include <fnmatch.h>
#include <string.h>
#include "config.h"

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

static void region_free(struct config_region *region)
{
	free(region->backing);
	free(region->grants);
	free(region->holders);
	free(region);
}

static void grant_free(struct config_grant *grant)
{
	config_names_clear(&grant->regions);
	config_ids_clear(&grant->users);
	config_ids_clear(&grant->groups);
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

struct config *config_free(struct config *config)
{
	if (!config)
		return NULL;
	HASH_CLEAR(hh, config->by_name);
	for (size_t i = 0; i < config->n_regions; i++)
		region_free(config->regions[i]);
	for (size_t i = 0; i < config->n_grants; i++)
		grant_free(config->grants[i]);
	for (size_t i = 0; i < config->n_admins; i++)
		admin_free(config->admins[i]);
	for (size_t i = 0; i < config->n_inspectors; i++)
		admin_free(config->inspectors[i]);
	for (size_t i = 0; i < config->n_files; i++)
		free(config->files[i]);
	free(config->regions);
	free(config->grants);
	free(config->admins);
	free(config->inspectors);
	free(config->files);
	free(config);
	return NULL;
}

void config_freep(struct config **config)
{
	config_free(*config);
}

/* Makes room for one more pointer; returns where it goes, or NULL. */
static void **grow(void *arrayp, size_t *count)
{
	void ***array = arrayp;
	void **larger = reallocarray(*array, *count + 1, sizeof(void *));

	if (!larger)
		return NULL;
	*array = larger;
	larger[*count] = NULL;
	return &larger[(*count)++];
}

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
	slot = hash_added(region) ? grow(&config->regions, &config->n_regions) : NULL;
	if (!slot) {
		if (hash_added(region))
			HASH_DEL(config->by_name, region);
		free(region);
		return NULL;
	}
	region->bar = -1;
	region->caches = 1u << MMIOD_CACHE_UC;
	region->cache = MMIOD_CACHE_UC;
	region->wipe = true;
	*slot = region;
	return region;
}

struct config_grant *config_find_grant(const struct config *config, uint32_t key)
{
	for (size_t i = 0; i < config->n_grants; i++)
		if (config->grants[i]->key == key)
			return config->grants[i];
	return NULL;
}

/* FNV-1a. That two names of one configuration differ in it is checked when all are known. */
static uint32_t key_of(const char *name)
{
	uint32_t key = 2166136261u;

	for (; *name; name++)
		key = (key ^ (unsigned char)*name) * 16777619u;
	return key ? key : 1;
}

struct config_grant *config_need_grant(struct config *config, const char *name)
{
	struct config_grant *grant;
	void **slot;

	for (size_t i = 0; i < config->n_grants; i++)
		if (!strcmp(config->grants[i]->name, name))
			return config->grants[i];
	grant = calloc(1, sizeof(*grant));
	if (!grant)
		return NULL;
	grant->name = strdup(name);
	slot = grant->name ? grow(&config->grants, &config->n_grants) : NULL;
	if (!slot) {
		grant_free(grant);
		return NULL;
	}
	grant->key = key_of(name);
	grant->rights = MMIOD_RIGHT_READ;
	grant->share = MMIOD_SHARE_EXCLUSIVE;
	grant->renew = true;
	*slot = grant;
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
	slot = admin->name ? grow(admins, count) : NULL;
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

const char *config_add_file(struct config *config, const char *path)
{
	char *copy = strdup(path);
	void **slot = copy ? grow(&config->files, &config->n_files) : NULL;

	if (!slot) {
		free(copy);
		return NULL;
	}
	*slot = copy;
	return copy;
}

static int refuse(struct text *why, const struct config_origin *origin, const char *what)
{
	text_set(why, "%s:%u: %s", origin->file, origin->line, what);
	return -EINVAL;
}

/* What only a pool has, and what a pool cannot have; the size of a whole BAR is known later. */
static int check_pool(const struct config_region *region, struct text *why)
{
	uint64_t smallest = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!region->pool)
		return region->page
			       ? refuse(why, &region->origin,
					"\"page\" is for pools: add \"pool = yes\" or remove it")
			       : 0;
	if (region->width)
		return refuse(
			why, &region->origin,
			"a pool is memory, which has no width of a register: remove \"width\" "
			"or \"pool\"");
	if (region->page && region->page < smallest)
		return refuse(why, &region->origin,
			      "\"page\" is smaller than the machine's: raise it or remove it");
	if (region->length % (region->page ? region->page : smallest) ||
	    region->offset % smallest || region->phys % smallest)
		return refuse(
			why, &region->origin,
			"a pool consists of whole pages: make its start and its size multiples "
			"of \"page\"");
	return 0;
}

static int check_region(const struct config_region *region, bool simulation, struct text *why)
{
	bool pci = region->device == CONFIG_DEVICE_SLOT || region->device == CONFIG_DEVICE_IDS;
	int r;

	if (region->device == CONFIG_DEVICE_NONE && !simulation)
		return refuse(why, &region->origin,
			      "the region has no device: add \"device = pci:DDDD:BB:DD.F\" and "
			      "\"bar = N\", "
			      "or \"phys = ADDRESS\" and \"size = BYTES\"");
	if (region->backing && !simulation)
		return refuse(why, &region->origin,
			      "\"backing\" is for simulation only: remove it");
	if (pci && region->bar < 0)
		return refuse(why, &region->origin,
			      "the region names a PCI device but no \"bar = N\"");
	if (!pci && region->bar >= 0)
		return refuse(why, &region->origin, "the region has a \"bar\" but no PCI device");
	if (!pci && region->bind != CONFIG_BIND_NO)
		return refuse(why, &region->origin,
			      "\"bind\" is for PCI devices, and the region has none: remove it");
	if (region->device == CONFIG_DEVICE_RANGE && region->revoke_on_reset)
		return refuse(
			why, &region->origin,
			"\"on-reset\" is for PCI devices, and the region has none: remove it");
	if (region->device == CONFIG_DEVICE_RANGE && !region->length)
		return refuse(why, &region->origin,
			      "the region has \"phys\" but no \"size = BYTES\"");
	if (region->device == CONFIG_DEVICE_RANGE && region->phys > UINT64_MAX - region->length)
		return refuse(why, &region->origin, "the range wraps: lower \"phys\" or \"size\"");
	if (region->offset > UINT64_MAX - region->length)
		return refuse(why, &region->origin,
			      "the range wraps: lower \"offset\" or \"size\"");
	r = check_pool(region, why);
	return r < 0 ? r : config_check_on_end(region, why);
}

static bool is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

/*
 * A name that is no glob must be that of a region: a
 * typing error would otherwise grant nothing, silently.
 */
static int check_grant_region(const struct config *config, const struct config_grant *grant,
			      const char *pattern, struct text *why)
{
	const char *names[64], *nearest;
	size_t n = 0;

	if (is_glob(pattern) || config_find_region(config, pattern))
		return 0;
	for (; n < config->n_regions && n < array_size(names); n++)
		names[n] = config->regions[n]->name;
	nearest = text_nearest(pattern, names, n);
	text_set(why, "%s:%u: the grant names region \"%s\", which is not configured",
		 grant->origin.file, grant->origin.line, pattern);
	if (nearest)
		text_add(why, "; did you mean \"%s\"?", nearest);
	return -EINVAL;
}

static int check_grant(const struct config *config, const struct config_grant *grant,
		       struct text *why)
{
	int r;

	if (config_find_grant(config, grant->key) != grant)
		return refuse(why, &grant->origin,
			      "the name of the grant looks like another's to the ledger: choose "
			      "another one");
	if (!grant->regions.count && !grant->memory)
		return refuse(why, &grant->origin,
			      "the grant names no region and no kernel memory: add \"region = "
			      "NAME\" or \"memory = KIND\"");
	if (!grant->users.count && !grant->users.all && !grant->groups.count && !grant->unknown)
		return refuse(why, &grant->origin,
			      "the grant names nobody: add \"user = NAME\" or \"group = NAME\"");
	for (size_t i = 0; i < grant->regions.count; i++) {
		r = check_grant_region(config, grant, grant->regions.items[i], why);
		if (r < 0)
			return r;
	}
	return config_check_terms(config, grant, why);
}

static int link_region(struct config_region *region, const struct config_grant *grant)
{
	void **slot;

	if (region->n_grants && region->grants[region->n_grants - 1] == grant)
		return 0; /* by another of its patterns */
	slot = grow(&region->grants, &region->n_grants);
	if (!slot)
		return -ENOMEM;
	*(const struct config_grant **)slot = grant;
	return 0;
}

/* To the regions that it names, each of which gets its grants in the order of the files. */
static int link_grant(const struct config *config, const struct config_grant *grant)
{
	int r = 0;

	for (size_t p = 0; p < grant->regions.count; p++) {
		const char *pattern = grant->regions.items[p];

		if (!is_glob(pattern))
			r = link_region(config_find_region(config, pattern), grant);
		for (size_t i = 0; is_glob(pattern) && r == 0 && i < config->n_regions; i++)
			if (!fnmatch(pattern, config->regions[i]->name, 0))
				r = link_region(config->regions[i], grant);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- holders --------------------------------------------------------------------------------- */

static int compare_parties(const struct config_holder *a, const struct config_holder *b)
{
	if (a->party != b->party)
		return a->party < b->party ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static int compare_holders(const void *a, const void *b)
{
	const struct config_holder *x = a, *y = b;
	int parties = compare_parties(x, y);

	return parties ? parties : (x->grant > y->grant) - (x->grant < y->grant);
}

static void add_holders(struct config_region *region, uint32_t g, enum config_party party,
			const struct config_ids *ids)
{
	for (size_t i = 0; i < ids->count; i++)
		region->holders[region->n_holders++] = (struct config_holder){
			.party = party,
			.id = ids->items[i].id,
			.grant = g,
		};
}

static int list_holders(struct config_region *region)
{
	struct config_id nobody = { 0 };
	const struct config_ids one = { .items = &nobody, .count = 1 };
	size_t most = 0;

	for (size_t g = 0; g < region->n_grants; g++)
		most += region->grants[g]->users.count + region->grants[g]->groups.count + 2;
	region->holders = most ? calloc(most, sizeof(*region->holders)) : NULL;
	if (most && !region->holders)
		return -ENOMEM;
	for (uint32_t g = 0; g < region->n_grants; g++) {
		const struct config_grant *grant = region->grants[g];

		if (grant->users.all)
			add_holders(region, g, CONFIG_PARTY_ALL, &one);
		if (grant->unknown)
			add_holders(region, g, CONFIG_PARTY_UNKNOWN, &one);
		add_holders(region, g, CONFIG_PARTY_USER, &grant->users);
		add_holders(region, g, CONFIG_PARTY_GROUP, &grant->groups);
	}
	if (most)
		qsort(region->holders, region->n_holders, sizeof(*region->holders),
		      compare_holders);
	return 0;
}

const struct config_holder *config_find_holder(const struct config_region *region,
					       enum config_party party, uint32_t id)
{
	const struct config_holder wanted = { .party = party, .id = id };
	size_t from = 0, to = region->n_holders;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_parties(&region->holders[middle], &wanted) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return region->holders + from;
}

static int check_admin(const struct config_admin *admin, struct text *why)
{
	if (admin->users.count || admin->groups.count)
		return 0;
	return refuse(why, &admin->origin,
		      "the section names nobody: add \"user = NAME\" or \"group = NAME\"");
}

int config_finish(struct config *config, bool simulation, struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_regions; i++)
		r = check_region(config->regions[i], simulation, why);
	for (size_t i = 0; r == 0 && i < config->n_grants; i++) {
		r = check_grant(config, config->grants[i], why);
		config->admits_unknown |= config->grants[i]->unknown;
	}
	for (size_t i = 0; r == 0 && i < config->n_admins; i++)
		r = check_admin(config->admins[i], why);
	for (size_t i = 0; r == 0 && i < config->n_inspectors; i++)
		r = check_admin(config->inspectors[i], why);
	for (size_t i = 0; r == 0 && i < config->n_grants; i++)
		r = link_grant(config, config->grants[i]);
	for (size_t i = 0; r == 0 && i < config->n_regions; i++)
		r = list_holders(config->regions[i]);
	if (r == -ENOMEM)
		text_set(why, "out of memory");
	return r;
}
