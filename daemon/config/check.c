// SPDX-License-Identifier: MIT
/*
 * Checks that need all files to have been read: whether regions and grants make sense as a whole.
 * Refusals name file and line of the section, and the cure.
 */
#include <string.h>
#include <common/word.h>
#include "config/config.h"

static int refuse(struct text *why, const struct config_origin *origin, const char *what)
{
	text_set(why, "%s:%u: %s", origin->file, origin->line, what);
	return -EINVAL;
}

/*
 * Refuses keys that only a pool has, or that a pool cannot have; the size of a whole BAR is known
 * later.
 */
static int check_pool(const struct config_region *region, struct text *why)
{
	uint64_t smallest = page_size();

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

/* Ports are no memory: each key that only memory has is refused. */
static int check_ports(const struct config_region *region, bool simulation, struct text *why)
{
	if (!region->ports)
		return 0;
	if (region->bar < 0 && !simulation)
		return refuse(why, &region->origin,
			      "\"ports\" is for a BAR of I/O ports: add \"device = "
			      "pci:DDDD:BB:DD.F\" and \"bar = N\", or remove it");
	if (region->pool)
		return refuse(why, &region->origin,
			      "a pool is memory, and I/O ports are not: remove \"pool\" or "
			      "\"ports\"");
	if (region->memtypes != 1u << MMIOD_MEMTYPE_UC)
		return refuse(why, &region->origin,
			      "I/O ports have no memory type: remove \"memory-type\" or \"ports\"");
	if (region->width > CONFIG_PORTS_WIDTH_MAX)
		return refuse(why, &region->origin,
			      "I/O ports are accessed by 8, 16 or 32 bits: lower \"width\", or "
			      "remove \"ports\"");
	for (size_t i = 0; i < region->on_end.count; i++)
		if (region->on_end.items[i].width > CONFIG_PORTS_WIDTH_MAX)
			return refuse(why, &region->origin,
				      "\"on-end\" writes 64 bits, and I/O ports are accessed by 8, "
				      "16 or 32 bits");
	return 0;
}

/*
 * Notes what the function in a slot must be; and a part of a platform range becomes a range of its
 * own.
 */
static int settle_place(struct config_region *region, struct text *why)
{
	if (region->expects_ids && region->device == CONFIG_DEVICE_IDS)
		return refuse(why, &region->origin,
			      "\"device\" and \"ids\" both say the ids: keep one, or say where the "
			      "device is by \"device = pci:DDDD:BB:DD.F\"");
	if (region->expects_ids && region->device != CONFIG_DEVICE_SLOT)
		return refuse(
			why, &region->origin,
			"\"ids\" says what the function at an address must be: add \"device = "
			"pci:DDDD:BB:DD.F\", or remove it");
	if (region->device != CONFIG_DEVICE_RANGE)
		return 0;
	if (region->phys > UINT64_MAX - region->offset)
		return refuse(why, &region->origin,
			      "the range wraps: lower \"phys\" or \"offset\"");
	region->phys += region->offset;
	region->offset = 0;
	return 0;
}

static int check_region(struct config_region *region, bool simulation, struct text *why)
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
	r = settle_place(region, why);
	if (r < 0)
		return r;
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
	if (region->device == CONFIG_DEVICE_RANGE && region->no_dma)
		return refuse(why, &region->origin,
			      "\"dma-registers\" is for PCI devices, and the region has none: "
			      "remove it");
	if (region->device == CONFIG_DEVICE_RANGE && !region->length)
		return refuse(why, &region->origin,
			      "the region has \"phys\" but no \"size = BYTES\"");
	if (region->device == CONFIG_DEVICE_RANGE && region->phys > UINT64_MAX - region->length)
		return refuse(why, &region->origin, "the range wraps: lower \"phys\" or \"size\"");
	if (region->offset > UINT64_MAX - region->length)
		return refuse(why, &region->origin,
			      "the range wraps: lower \"offset\" or \"size\"");
	r = check_ports(region, simulation, why);
	if (r == 0)
		r = check_pool(region, why);
	return r < 0 ? r : config_check_on_end(region, why);
}

/*
 * A name that is no glob must be that of a region: a typing error would otherwise grant nothing,
 * silently.
 */
static int check_grant_name(const struct config *config, const struct config_grant *grant,
			    const char *pattern, struct text *why)
{
	const char *names[64], *nearest;
	size_t n = 0;

	if (config_find_region(config, pattern))
		return 0;
	for (; n < config->n_regions && n < array_size(names); n++)
		names[n] = config->regions[n]->name;
	nearest = common_nearest(pattern, names, n);
	text_set(why, "%s:%u: the grant names region \"%s\", which is not configured",
		 grant->origin.file, grant->origin.line, pattern);
	if (nearest)
		text_add(why, "; did you mean \"%s\"?", nearest);
	return -EINVAL;
}

/* One that matches nothing may wait for a drop-in to come. */
static int check_grant_glob(struct config *config, const struct config_grant *grant,
			    const char *pattern, struct text *why)
{
	struct config_match match = config_match(config, pattern);

	if (config_pattern_is_broken(pattern))
		return config_object(config, why, &grant->origin,
				     "the pattern \"%s\" of the grant has a [ without its ]: it "
				     "matches no region",
				     pattern);
	if (!config_match_next(&match))
		config_warn(config, &grant->origin,
			    "the pattern \"%s\" of grant %s matches no region: it grants nothing",
			    pattern, grant->name);
	return 0;
}

static int check_grant_region(struct config *config, const struct config_grant *grant,
			      const char *pattern, struct text *why)
{
	return config_is_glob(pattern) ? check_grant_glob(config, grant, pattern, why)
				       : check_grant_name(config, grant, pattern, why);
}

static bool names_somebody(const struct config_ids *ids)
{
	return ids->count || ids->unresolved || ids->all;
}

/* A holder that only reads keeps nobody out, unless the grant says that it does. */
static int settle_share(struct config *config, struct config_grant *grant, struct text *why)
{
	bool writes = grant->rights & MMIOD_RIGHT_WRITE;

	if (grant->share == MMIOD_SHARE_EXCLUSIVE && !writes && grant->regions.count)
		config_warn(config, &grant->origin,
			    "grant %s lets who only reads keep everybody out: without \"share\" it "
			    "would be in nobody's way",
			    grant->name);
	if (grant->share == MMIOD_SHARE_DEFAULT)
		grant->share = writes ? MMIOD_SHARE_EXCLUSIVE : MMIOD_SHARE_GUEST;
	if (grant->share != MMIOD_SHARE_GUEST || !writes)
		return 0;
	return refuse(why, &grant->origin,
		      "a guest only reads: write \"access = r\", or another \"share\"");
}

static int check_grant(struct config *config, const struct config_grant *grant, struct text *why)
{
	int r;

	if (config_find_grant(config, grant->key) != grant)
		return refuse(why, &grant->origin,
			      "the name of the grant looks like another's to the ledger: choose "
			      "another one");
	if (!grant->regions.count && !grant->memory && !grant->devices.count)
		return refuse(why, &grant->origin,
			      "the grant names no region, no device and no kernel memory: add "
			      "\"region = NAME\", \"device = NAME\" or \"memory = KIND\"");
	if (!names_somebody(&grant->users) && !names_somebody(&grant->groups) && !grant->unknown &&
	    !grant->tenants.count)
		return refuse(why, &grant->origin,
			      "the grant names nobody: add \"user = NAME\" or \"group = NAME\"");
	for (size_t i = 0; i < grant->regions.count; i++) {
		r = check_grant_region(config, grant, grant->regions.items[i], why);
		if (r < 0)
			return r;
	}
	r = config_check_grant_devices(config, grant, why);
	return r < 0 ? r : config_check_terms(config, grant, why);
}

static int check_admin(const struct config_admin *admin, struct text *why)
{
	if (names_somebody(&admin->users) || names_somebody(&admin->groups))
		return 0;
	return refuse(why, &admin->origin,
		      "the section names nobody: add \"user = NAME\" or \"group = NAME\"");
}

int config_finish(struct config *config, bool simulation, struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_regions; i++)
		r = check_region(config->regions[i], simulation, why);
	if (r == 0)
		r = config_check_devices(config, simulation, why);
	if (r == 0)
		r = config_check_overlaps(config, why);
	if (r == 0)
		r = config_sort(config);
	if (r == 0)
		r = config_check_sockets(config, why);
	if (r == 0)
		r = config_link_sockets(config);
	for (size_t i = 0; r == 0 && i < config->n_grants; i++) {
		r = check_grant(config, config->grants[i], why);
		if (r == 0)
			r = settle_share(config, config->grants[i], why);
		config->admits_unknown |= config->grants[i]->unknown;
	}
	for (size_t i = 0; r == 0 && i < config->n_admins; i++)
		r = check_admin(config->admins[i], why);
	for (size_t i = 0; r == 0 && i < config->n_inspectors; i++)
		r = check_admin(config->inspectors[i], why);
	if (r == 0)
		r = config_link(config);
	if (r == 0)
		r = config_check_given(config, why);
	if (r == -ENOMEM)
		text_set(why, "out of memory");
	return r;
}
