// SPDX-License-Identifier: MIT
/*
 * What can only be judged when all files have been read: whether regions and grants make sense as a
 * whole. Refusals name file and line of the section, and the cure.
 */
#include <string.h>
#include "config.h"

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
	if (region->device == CONFIG_DEVICE_RANGE && region->dma_bits)
		return refuse(
			why, &region->origin,
			"\"dma-bits\" is for PCI devices, and the region has none: remove it");
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

/*
 * A name that is no glob must be that of a region: a
 * typing error would otherwise grant nothing, silently.
 */
static int check_grant_region(const struct config *config, const struct config_grant *grant,
			      const char *pattern, struct text *why)
{
	const char *names[64], *nearest;
	size_t n = 0;

	if (config_is_glob(pattern) || config_find_region(config, pattern))
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
	if (r == 0)
		r = config_link(config);
	if (r == -ENOMEM)
		text_set(why, "out of memory");
	return r;
}
