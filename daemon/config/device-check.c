// SPDX-License-Identifier: MIT
/*
 * What can be judged of devices when all files have been read: whether their keys fit together and
 * to the grants of them.
 */
#include <fnmatch.h>
#include <string.h>
#include <common/word.h>
#include "config/config.h"

#define MSI_MAX 32 /* vectors; of MSI-X there are more */

static int refuse(struct text *why, const struct config_origin *origin, const char *what)
{
	text_set(why, "%s:%u: %s", origin->file, origin->line, what);
	return -EINVAL;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* MSI and MSI-X are writes to memory, and what lets a device make them lets it make others. */
static bool may_write(const struct config_function *function)
{
	return !function->dma_engine || function->dma != CONFIG_DMA_NONE;
}

/* "auto" without DMA comes to the line, which needs no write. */
enum config_interrupts config_best_interrupts(const struct config_function *function)
{
	if (function->interrupts == CONFIG_INTERRUPTS_AUTO && !may_write(function))
		return CONFIG_INTERRUPTS_INTX;
	return function->interrupts;
}

static int check_interrupts(const struct config_function *function, struct text *why)
{
	const struct config_origin *at = &function->origin;
	bool messages = function->interrupts == CONFIG_INTERRUPTS_MSI ||
			function->interrupts == CONFIG_INTERRUPTS_MSIX;

	if (messages && !may_write(function))
		return refuse(
			why, at,
			"MSI and MSI-X are writes to memory, and with \"dma = none\" the device "
			"makes none: add \"dma-engine = no\" if it can write nothing else, "
			"\"dma = iommu\" if an IOMMU keeps it from all other memory, or \"dma = "
			"trusted\" if it may write everywhere, or let interrupts be intx");
	if (function->interrupts == CONFIG_INTERRUPTS_NONE &&
	    (function->vectors || function->storm))
		return refuse(why, at,
			      "\"vectors\" and \"storm\" are about interrupts, of which the device "
			      "has none: add \"interrupts = auto\", or remove them");
	if (config_best_interrupts(function) == CONFIG_INTERRUPTS_INTX && function->vectors > 1)
		return refuse(
			why, at,
			"INTx is one line, vector 0: remove \"vectors\", or let interrupts be "
			"msi or msix");
	if (function->interrupts == CONFIG_INTERRUPTS_MSI && function->vectors > MSI_MAX)
		return refuse(why, at, "MSI has 32 vectors at most: lower \"vectors\"");
	return 0;
}

static int check_device(struct config *config, const struct config_function *function,
			bool simulation, struct text *why)
{
	const struct config_origin *at = &function->origin;

	if (function->device == CONFIG_DEVICE_NONE && !simulation)
		return refuse(
			why, at,
			"the section says no device: add \"device = pci:DDDD:BB:DD.F\", or its "
			"ids VVVV:DDDD");
	if (function->device == CONFIG_DEVICE_NONE && function->bind != CONFIG_BIND_NO)
		return refuse(
			why, at,
			"\"bind\" is for PCI functions, and the section says none: remove it");
	if (function->period_ms && !simulation)
		return refuse(why, at, "\"interrupt-period\" is for simulation only: remove it");
	if (!function->dma_engine && function->dma != CONFIG_DMA_NONE)
		return refuse(why, at,
			      "a device that has no DMA engine needs no DMA: remove \"dma\", or "
			      "\"dma-engine = no\"");
	if (function->dma_bits && function->dma == CONFIG_DMA_NONE)
		return refuse(why, at,
			      "\"dma-bits\" is about the device's DMA, of which it has none: add "
			      "\"dma = iommu\", or remove it");
	if (function->share_dma && function->dma != CONFIG_DMA_IOMMU)
		return refuse(why, at,
			      "\"share-dma\" lets others write registers that start DMA, which "
			      "nothing but an IOMMU keeps from all memory: remove it, or write "
			      "\"dma = iommu\"");
	if (function->share_dma)
		config_warn(config, at,
			    "device %s shares its DMA: who may write its registers reaches the "
			    "memory of who operates it",
			    function->name);
	if (function->dma == CONFIG_DMA_TRUSTED)
		config_warn(
			config, at,
			"device %s is trusted with DMA: who may write its registers can have it "
			"read and write all of the machine's memory",
			function->name);
	return check_interrupts(function, why);
}

static bool are_one(const struct config_function *a, const struct config_function *b)
{
	if (a->device != b->device || a->device == CONFIG_DEVICE_NONE)
		return false;
	if (a->device == CONFIG_DEVICE_SLOT)
		return a->pci == b->pci;
	return a->vendor == b->vendor && a->product == b->product;
}

/* Devices are few. */
static int check_twins(struct config *config, size_t index, struct text *why)
{
	const struct config_function *function = config->functions[index];

	for (size_t i = 0; i < index; i++)
		if (are_one(config->functions[i], function))
			return config_object(config, why, &function->origin,
					     "devices %s and %s are one: %s:%u has it already, so "
					     "join the sections",
					     function->name, config->functions[i]->name,
					     config->functions[i]->origin.file,
					     config->functions[i]->origin.line);
	return 0;
}

int config_check_devices(struct config *config, bool simulation, struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_functions; i++) {
		r = check_device(config, config->functions[i], simulation, why);
		if (r == 0)
			r = check_twins(config, i, why);
	}
	return r;
}

/* ---- grants ---------------------------------------------------------------------------------- */

static int refuse_name(const struct config *config, const struct config_grant *grant,
		       const char *name, struct text *why)
{
	const char *candidates[64], *nearest;
	size_t n = 0;

	for (; n < config->n_functions && n < array_size(candidates); n++)
		candidates[n] = config->functions[n]->name;
	nearest = common_nearest(name, candidates, n);
	text_set(why, "%s:%u: the grant names device \"%s\", which no [device %s] describes",
		 grant->origin.file, grant->origin.line, name, name);
	if (nearest)
		text_add(why, "; did you mean \"%s\"?", nearest);
	return -EINVAL;
}

static int check_glob(struct config *config, const struct config_grant *grant, const char *pattern,
		      struct text *why)
{
	if (config_pattern_is_broken(pattern))
		return config_object(config, why, &grant->origin,
				     "the pattern \"%s\" of the grant has a [ without its ]: it "
				     "matches no device",
				     pattern);
	for (size_t i = 0; i < config->n_functions; i++)
		if (!fnmatch(pattern, config->functions[i]->name, 0))
			return 0;
	config_warn(config, &grant->origin,
		    "the pattern \"%s\" of grant %s matches no device: it grants nothing", pattern,
		    grant->name);
	return 0;
}

/* A typing error would otherwise grant nothing, silently. */
int config_check_grant_devices(struct config *config, const struct config_grant *grant,
			       struct text *why)
{
	int r = 0;

	if (grant->device_rights && !grant->devices.count)
		return refuse(
			why, &grant->origin,
			"\"interrupts\", \"config\", \"bus-master\", \"reset\", \"power\" and "
			"\"dma\" are of devices, and the grant names none: add \"device = NAME\"");
	if (grant->devices.count && !grant->device_rights)
		config_warn(config, &grant->origin,
			    "grant %s names a device and gives nothing of it: add \"interrupts = "
			    "yes\", or \"config = read\"",
			    grant->name);
	for (size_t i = 0; r == 0 && i < grant->devices.count; i++) {
		const char *name = grant->devices.items[i];

		if (config_is_glob(name))
			r = check_glob(config, grant, name, why);
		else if (!config_find_function(config, name))
			r = refuse_name(config, grant, name, why);
	}
	return r;
}

/* ---- who may make a trusted device write to memory ------------------------------------------- */

static bool is_part_of(const struct config_region *region, const struct config_function *function)
{
	if (region->device != function->device || region->device == CONFIG_DEVICE_NONE)
		return false;
	if (region->device == CONFIG_DEVICE_SLOT)
		return region->pci == function->pci;
	return region->vendor == function->vendor && region->product == function->product;
}

/* Where the function is not the one that a section means by its address, its ids may be. */
static bool is_at(const struct config_function *function, uint64_t pci, uint16_t vendor,
		  uint16_t product)
{
	if (function->device == CONFIG_DEVICE_SLOT)
		return function->pci == pci;
	return function->device == CONFIG_DEVICE_IDS && function->vendor == vendor &&
	       function->product == product;
}

bool config_starts_dma(const struct config_region *region, uint64_t pci, uint16_t vendor,
		       uint16_t product)
{
	const struct config *config = region->tree;

	if (region->no_dma)
		return false;
	for (size_t i = 0; i < config->n_functions; i++)
		if (!config->functions[i]->dma_engine &&
		    is_at(config->functions[i], pci, vendor, product))
			return false;
	return true;
}

/* One that lets others than the device's own users write registers that start its DMA. */
static const struct config_grant *find_stranger(const struct config_region *region,
						const struct config_function *function)
{
	for (size_t i = 0; i < region->n_grants; i++)
		if (region->grants[i]->rights & MMIOD_RIGHT_WRITE &&
		    !config_names_device(region->grants[i], function))
			return region->grants[i];
	return NULL;
}

static int check_dma_of(struct config *config, const struct config_function *function,
			struct text *why)
{
	for (size_t i = 0; i < config->n_regions; i++) {
		const struct config_region *region = config->regions[i];
		const struct config_grant *grant = is_part_of(region, function) && !region->no_dma
							   ? find_stranger(region, function)
							   : NULL;

		if (!grant)
			continue;
		text_set(
			why,
			"%s:%u: grant %s lets others write registers of region %s, by which device "
			"%s, whose DMA is trusted, writes to all memory: name the device in that "
			"grant as well (\"device = %s\"), or let its access be r, or say "
			"\"dma-registers = no\" of the region if nothing in it starts DMA",
			grant->origin.file, grant->origin.line, grant->name, region->name,
			function->name, function->name);
		return -EINVAL;
	}
	return 0;
}

/* ---- what a grant gives that the device is not to have --------------------------------------- */

static int refuse_grant(const struct config_grant *grant, const struct config_function *function,
			const char *key, const char *says, struct text *why)
{
	text_set(why, "%s:%u: grant %s gives \"%s\", and device %s (%s:%u) %s", grant->origin.file,
		 grant->origin.line, grant->name, key, function->name, function->origin.file,
		 function->origin.line, says);
	return -EINVAL;
}

static int check_given(struct config *config, const struct config_function *function,
		       const struct config_grant *grant, struct text *why)
{
	uint32_t rights = grant->device_rights;

	if (rights & MMIOD_MAY_MASTER && !may_write(function))
		return refuse_grant(
			grant, function, "bus-master = yes",
			"may not write to memory: add \"dma-engine = no\" there if it can write "
			"nothing but its MSIs, \"dma = iommu\" if an IOMMU keeps it from all "
			"memory "
			"but its operator's, or \"dma = trusted\" if it may write everywhere, or "
			"remove \"bus-master\"",
			why);
	if (rights & MMIOD_MAY_DMA && function->dma == CONFIG_DMA_NONE)
		return refuse_grant(grant, function, "dma",
				    "says \"dma = none\": add \"dma = iommu\" there, or remove "
				    "\"dma\" from the grant",
				    why);
	if (rights & MMIOD_MAY_DMA_TRUSTED && function->dma != CONFIG_DMA_TRUSTED)
		return refuse_grant(grant, function, "dma = trusted",
				    "says \"dma = iommu\": let the grant say that as well, or the "
				    "device trusted, and it may write everywhere",
				    why);
	if (rights & MMIOD_MAY_RESET && function->reset == CONFIG_RESET_NEVER)
		return refuse_grant(grant, function, "reset",
				    "says \"reset = never\": remove one of the two", why);
	if (rights & MMIOD_MAY_DMA && !(rights & MMIOD_MAY_MASTER))
		config_warn(config, &grant->origin,
			    "grant %s gives memory for the DMA of device %s and not \"bus-master = "
			    "yes\", without which the device reaches none of it",
			    grant->name, function->name);
	if (rights & MMIOD_MAY_VENDOR_CONFIG && !(rights & MMIOD_MAY_DMA) &&
	    function->dma != CONFIG_DMA_TRUSTED)
		config_warn(config, &grant->origin,
			    "grant %s gives \"config = vendor\" of device %s, whose DMA is not "
			    "trusted: what belongs to its vendor can then be read, but nothing "
			    "beside it written, because it may be another way to master the bus",
			    grant->name, function->name);
	return 0;
}

static int check_grants_of(struct config *config, const struct config_function *function,
			   struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < function->n_grants; i++)
		r = check_given(config, function, function->grants[i], why);
	return r;
}

/* When regions and devices are linked to their grants. */
int config_check_given(struct config *config, struct text *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->n_functions; i++) {
		r = check_grants_of(config, config->functions[i], why);
		if (r == 0 && config->functions[i]->dma == CONFIG_DMA_TRUSTED)
			r = check_dma_of(config, config->functions[i], why);
	}
	return r;
}
