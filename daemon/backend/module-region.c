// SPDX-License-Identifier: MIT
/*
 * Regions of the module: claims, and whether a claim is what the configuration asks for. What this
 * adds to the ioctls is words: which device, why not, and what to do. /proc/iomem is read only when
 * a claim fails; a device's configuration space never is, see machine/pci.h.
 */
#include <inttypes.h>
#include <string.h>
#include "backend/module.h"
#include "machine/iomem.h"
#include "machine/pci.h"
#include "machine/range.h"

static bool is_range(const struct mmiod_region_info *info)
{
	return info->kind == MMIOD_REGION_RANGE;
}

static void take_info(const struct mmiod_region_info *info, struct backend_region *region)
{
	struct pci_info pci;

	*region = (struct backend_region){
		.handle = info->region_id,
		.offset = is_range(info) ? 0 : info->offset,
		.length = info->length,
		.phys = info->phys,
		.pci = (uint64_t)info->domain_high << 32 | info->pci,
		.bar = is_range(info) ? UINT32_MAX : info->bar,
		.width = info->width,
		.generation = info->generation,
		.windows = info->windows,
		.state = (enum mmiod_state)info->state,
		.revoke_on_reset = info->flags & MMIOD_REGION_REVOKE_ON_RESET,
		.no_dma = info->flags & MMIOD_REGION_NO_DMA,
		.ports = info->kind == MMIOD_REGION_PORTS,
	};
	memcpy(region->name, info->name, sizeof(region->name));
	region->name[sizeof(region->name) - 1] = '\0';
	if (is_range(info)) {
		snprintf(region->device, sizeof(region->device), "range");
		return;
	}
	pci_format(region->pci, region->device);
	if (pci_find_slot(region->pci, &pci) < 0)
		return;
	region->vendor = pci.vendor;
	region->product = pci.product;
	memcpy(region->model, pci.model, sizeof(region->model));
}

int module_next_region(struct backend *backend, uint64_t handle, struct backend_region *region)
{
	struct mmiod_region_info info = { .size = sizeof(info), .region_id = handle };
	int r = module_control(backend, MMIOD_IOC_REGION_NEXT, &info);

	if (r == 0)
		take_info(&info, region);
	return r;
}

static int locate_pci(const struct config_region *config, struct pci_info *pci, struct text *why)
{
	char name[MMIOD_WIRE_NAME];
	int r;

	if (config->device == CONFIG_DEVICE_IDS)
		return pci_need_ids(config->vendor, config->product, pci, why);
	r = pci_need_slot(config->pci, pci, why);
	if (r < 0 || config_is_meant(config, pci->vendor, pci->product))
		return r;
	pci_format(config->pci, name);
	text_add(why, "%s is %04x:%04x, not %04x:%04x", name, pci->vendor, pci->product,
		 config->vendor, config->product);
	return -ENODEV;
}

void module_explain_unbound(const struct pci_info *pci, enum config_bind bind, struct text *why)
{
	char name[MMIOD_WIRE_NAME], driver[64];
	bool bound = pci_driver(pci->address, driver, sizeof(driver)) == 0;

	pci_format(pci->address, name);
	if (bound)
		text_add(why, "%s is bound to driver %s", name, driver);
	else
		text_add(why, "%s is bound to no driver", name);
	if (bind == CONFIG_BIND_FORCE || (bind == CONFIG_BIND_YES && !bound))
		text_add(why,
			 "; that it was not bound as configured has its reason in the journal of "
			 "mmiod.service or mmiod-bind@%s.service",
			 name);
	else
		text_add(why,
			 "; \"mmioctl bind%s %s\" hands it to mmiod, and \"bind = %s\" in its "
			 "section does so always",
			 bound ? " --force" : "", name, bound ? "force" : "yes");
}

static void explain_unbound(const struct pci_info *pci, const struct config_region *config,
			    struct text *why)
{
	const size_t bar = (size_t)config->bar;
	char name[MMIOD_WIRE_NAME], owner[96];

	module_explain_unbound(pci, config->bind, why);
	pci_format(pci->address, name);
	if (pci->bars[bar].size && !pci->bars[bar].ports &&
	    iomem_owner(pci->bars[bar].start, pci->bars[bar].size, owner, sizeof(owner)) == 0 &&
	    strcmp(owner, name))
		text_add(why, " (\"%s\" has claimed its BAR %zu)", owner, bar);
}

static void explain_busy(struct backend *backend, const struct mmiod_region_claim *claim,
			 uint64_t start, uint64_t length, struct text *why)
{
	bool ports = claim->kind == MMIOD_REGION_PORTS;
	uint64_t conflict = claim->conflict_id;
	struct backend_region other;
	char owner[96];

	text_add(why, "%s0x%" PRIx64 "-0x%" PRIx64 " is owned by ", ports ? "I/O ports " : "",
		 start, start + length - 1);
	if (conflict && module_next_region(backend, conflict - 1, &other) == 0 &&
	    other.handle == conflict)
		text_add(why, "region %s", other.name);
	else if (!ports && iomem_owner(start, length, owner, sizeof(owner)) == 0)
		text_add(why, "\"%s\"", owner);
	else
		text_add(why, "somebody else, see /proc/%s", ports ? "ioports" : "iomem");
}

static void explain_no_bar(const struct pci_info *pci, const struct mmiod_region_claim *claim,
			   struct text *why)
{
	bool ports = claim->kind == MMIOD_REGION_PORTS;

	if (!pci->bars[claim->bar].size)
		text_add(why, "the function has no BAR %u", claim->bar);
	else if (pci->bars[claim->bar].ports && !ports)
		text_add(why, "BAR %u is of I/O ports: add \"ports = yes\" to its section",
			 claim->bar);
	else if (!pci->bars[claim->bar].ports && ports)
		text_add(why, "BAR %u is of memory: remove \"ports = yes\" from its section",
			 claim->bar);
	else if (ports)
		text_add(why,
			 "BAR %u, or another of the function's BARs of I/O ports, has no address, "
			 "so that it answers by none of its ports",
			 claim->bar);
	else
		text_add(why, "the function's BAR %u has no address", claim->bar);
}

static void explain_claim(struct backend *backend, const struct config_region *config,
			  const struct mmiod_region_claim *claim, struct pci_info *pci, int error,
			  struct text *why)
{
	uint64_t start = claim->offset, length = claim->length;

	if (claim->kind != MMIOD_REGION_RANGE) {
		pci_read_bars("/sys", pci);
		start += pci->bars[claim->bar].start;
		length = length ? length : pci->bars[claim->bar].size - claim->offset;
	}
	switch (error) {
	case -ENODEV:
		explain_unbound(pci, config, why);
		break;
	case -EBUSY:
		explain_busy(backend, claim, start, length, why);
		break;
	case -EIO:
		text_add(why, "the device has not come back from an error on its bus: it must be "
			      "bound anew, or removed and rescanned");
		break;
	case -ENXIO:
		explain_no_bar(pci, claim, why);
		break;
	case -EINVAL:
		text_add(why,
			 "0x%" PRIx64 "+0x%" PRIx64
			 " does not fit, BAR or address width are smaller",
			 (uint64_t)claim->offset, (uint64_t)claim->length);
		break;
	case -EADDRINUSE:
		text_add(why, "0x%" PRIx64 "-0x%" PRIx64 " touches system RAM", start,
			 start + length - 1);
		break;
	case -EEXIST:
		text_add(why, "the module holds another region of that name");
		break;
	case -EPERM:
		range_explain_denial("/sys", start, why);
		break;
	default:
		text_add(why, "%s", strerror(-error));
	}
}

static bool wants_revoke(struct backend *backend, const struct config_region *config)
{
	return config->revoke_on_reset && config->device != CONFIG_DEVICE_RANGE &&
	       container_of(backend, struct module, backend)->revokes_on_reset;
}

/* An older module knows no operators, whom such a region would not be in the way of. */
static bool wants_no_dma(struct backend *backend, const struct config_region *config,
			 const struct pci_info *pci)
{
	return config->device != CONFIG_DEVICE_RANGE &&
	       container_of(backend, struct module, backend)->knows_devices &&
	       !config_starts_dma(config, pci->address, pci->vendor, pci->product);
}

static uint32_t kind_of(const struct config_region *config)
{
	if (config->device == CONFIG_DEVICE_RANGE)
		return MMIOD_REGION_RANGE;
	return config->ports ? MMIOD_REGION_PORTS : MMIOD_REGION_PCI;
}

int module_claim(struct backend *backend, const struct config_region *config,
		 struct backend_region *region, struct text *why)
{
	bool range = config->device == CONFIG_DEVICE_RANGE;
	struct mmiod_region_claim claim = {
		.size = sizeof(claim),
		.kind = kind_of(config),
		.offset = range ? config->phys : config->offset,
		.length = config->length,
		.width = config->width,
		.flags = wants_revoke(backend, config) ? MMIOD_REGION_REVOKE_ON_RESET : 0,
	};
	struct pci_info pci = { 0 };
	int r;

	if (config->ports && !container_of(backend, struct module, backend)->knows_ports) {
		text_add(why, "the module that is loaded is older, and knows no I/O ports");
		return -EOPNOTSUPP;
	}
	if (!range) {
		r = locate_pci(config, &pci, why);
		if (r < 0)
			return r;
		claim.pci = (uint32_t)pci.address;
		claim.domain_high = (uint32_t)(pci.address >> 32);
		claim.bar = (uint32_t)config->bar;
		if (wants_no_dma(backend, config, &pci))
			claim.flags |= MMIOD_REGION_NO_DMA;
	}
	memcpy(claim.name, config->name, sizeof(claim.name));
	r = module_control(backend, MMIOD_IOC_REGION_CLAIM, &claim);
	if (r < 0) {
		explain_claim(backend, config, &claim, &pci, r, why);
		return r;
	}
	r = module_next_region(backend, claim.region_id - 1, region);
	/* It went again in this moment; the event that says so is on its way. */
	return r == 0 && region->handle != claim.region_id ? -ENODEV : r;
}

int module_release(struct backend *backend, uint64_t handle)
{
	struct mmiod_region_release release = { .size = sizeof(release), .region_id = handle };

	return module_control(backend, MMIOD_IOC_REGION_RELEASE, &release);
}

static bool matches_pci(struct backend *backend, const struct backend_region *region,
			const struct config_region *config)
{
	struct pci_info pci;
	uint64_t length = config->length;

	if (pci_find_slot(region->pci, &pci) < 0 || (int)region->bar != config->bar)
		return false;
	if (region->no_dma != wants_no_dma(backend, config, &pci))
		return false;
	if (config->device == CONFIG_DEVICE_SLOT &&
	    (config->pci != region->pci || !config_is_meant(config, pci.vendor, pci.product)))
		return false;
	if (config->device == CONFIG_DEVICE_IDS &&
	    (config->vendor != pci.vendor || config->product != pci.product))
		return false;
	if (!length) {
		pci_read_bars("/sys", &pci);
		length = pci.bars[region->bar].size - config->offset;
	}
	return region->offset == config->offset && region->length == length;
}

bool module_matches(struct backend *backend, const struct backend_region *region,
		    const struct config_region *config)
{
	if (region->width != config->width || region->ports != config->ports ||
	    region->revoke_on_reset != wants_revoke(backend, config))
		return false;
	if (region->bar != UINT32_MAX)
		return matches_pci(backend, region, config);
	return config->device == CONFIG_DEVICE_RANGE && region->phys == config->phys &&
	       region->length == config->length;
}
