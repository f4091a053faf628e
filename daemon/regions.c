// SPDX-License-Identifier: MIT
/*
 * Regions: brings what the backend holds in line with what the configuration asks for. A region
 * that is no longer asked for, or differently, is given back when nobody holds a lease of it; one
 * whose device is not there is tried again when a device appears.
 */
#include <string.h>
#include "daemon.h"
#include "journal.h"
#include "log.h"
#include "pci.h"

uint32_t daemon_missing_regions(const struct daemon *daemon)
{
	uint32_t missing = 0;

	for (struct region *region = daemon->regions.table; region; region = region->hh.next)
		if (region->config && !region->claimed)
			missing++;
	return missing;
}

/* What is listed of a region that nobody has seen yet. */
static void name_device(struct region *region)
{
	const struct config_region *config = region->config;
	char *name = region->hw.device;

	if (name[0])
		return;
	if (config->device == CONFIG_DEVICE_SLOT)
		pci_format(config->pci, name);
	else if (config->device == CONFIG_DEVICE_IDS)
		snprintf(name, sizeof(region->hw.device), "%04x:%04x", config->vendor,
			 config->product);
	else
		snprintf(name, sizeof(region->hw.device), "range");
	region->hw.bar = config->bar < 0 ? UINT32_MAX : (uint32_t)config->bar;
	region->hw.offset = config->offset;
	region->hw.length = config->length;
	region->hw.width = config->width;
}

static void claim(struct daemon *daemon, struct region *region)
{
	struct log_fields fields = { .message_id = LOG_ID_CONFIG, .region = region->name };
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r;

	text_reset(&why);
	r = daemon->backend->ops->claim(daemon->backend, region->config, &region->hw, &why);
	if (r == 0) {
		region->claimed = true;
		region->missing[0] = '\0';
		log_line(LOG_INFO, &fields, "region %s: %s, %llu bytes", region->name,
			 region->hw.device, (unsigned long long)region->hw.length);
		daemon_note(daemon, MMIOD_NOTICE_BACK, region, "");
		return;
	}
	name_device(region);
	if (!why.length)
		text_set(&why, "%s", strerror(-r));
	if (strcmp(region->missing, buffer))
		log_line(LOG_WARNING, &fields, "region %s is missing: %s", region->name, buffer);
	memcpy(region->missing, buffer, sizeof(buffer));
}

void daemon_claim_regions(struct daemon *daemon)
{
	for (struct region *region = daemon->regions.table; region; region = region->hh.next) {
		daemon_release_region_if_unfit(daemon, region);
		if (region->config && !region->claimed)
			claim(daemon, region);
		daemon_fit_pool(daemon, region);
	}
}

/* Notes what an earlier daemon claimed. Negative: not all of it. */
int daemon_adopt_regions(struct daemon *daemon)
{
	struct backend_region hw = { 0 };
	struct region *region;
	int r;

	while ((r = daemon->backend->ops->next_region(daemon->backend, hw.handle, &hw)) == 0) {
		region = region_find(&daemon->regions, hw.name);
		if (!region)
			region = region_add(&daemon->regions, hw.name);
		if (!region) {
			log_error("region %s: out of memory", hw.name);
			return -ENOMEM;
		}
		region->hw = hw;
		region->claimed = true;
	}
	return r == -ENOENT ? 0 : r;
}

/*
 * Gives back a claim that is not, or no longer, what the configuration asks for. The module keeps
 * it while a window lives on it; revoked windows do not count.
 */
void daemon_release_region_if_unfit(struct daemon *daemon, struct region *region)
{
	int r;

	region->recheck = region->n_leases > 0;
	if (!region->claimed || region->n_leases)
		return;
	if (region->config &&
	    daemon->backend->ops->matches(daemon->backend, &region->hw, region->config))
		return;
	r = daemon->backend->ops->release(daemon->backend, region->hw.handle);
	if (r == 0 || r == -ENOENT) {
		region->claimed = false;
		daemon_fit_pool(daemon, region);
	} else {
		log_warning("cannot give region %s back: %s", region->name, strerror(-r));
	}
}

/*
 * The region may be gone afterwards. Whether the claim fits was seen when the configuration or the
 * device changed, and is looked at again only if leases kept it from being given back then: for
 * every lease that ends it would cost more than the lease.
 */
void daemon_drop_region_if_idle(struct daemon *daemon, struct region *region)
{
	if (!region->n_leases && (region->recheck || !region->config))
		daemon_release_region_if_unfit(daemon, region);
	if (!region->n_leases && region->config && !region->claimed)
		claim(daemon, region);
	if (!region->n_leases && !region->config && !region->claimed)
		region_remove(&daemon->regions, region);
	else if (region->config && region->config->pool && !region->blocks)
		daemon_fit_pool(daemon, region);
}

static void change_leases(struct daemon *daemon, struct region *region, enum mmiod_state state)
{
	for (struct lease *lease = daemon->leases.table; lease; lease = lease->hh.next)
		if (lease->region == region)
			daemon_lease_state(daemon, lease, state);
}

/* Simulated regions never go. In doubt it is there. */
bool daemon_region_is_there(struct daemon *daemon, const struct region *region)
{
	struct backend_region hw;
	int r;

	if (region == &daemon->kernel)
		return true;
	if (!region->claimed)
		return false;
	if (daemon->backend->ops->kind == MMIOD_BACKEND_SIMULATION)
		return true;
	r = daemon->backend->ops->next_region(daemon->backend, region->hw.handle - 1, &hw);
	return r == 0 ? hw.handle == region->hw.handle : r != -ENOENT;
}

/*
 * The device was removed or unbound; the module has revoked the windows and forgotten the region,
 * so its name and its bytes are free to be claimed again when the device is back. The region may be
 * gone afterwards.
 */
void daemon_region_gone(struct daemon *daemon, struct region *region)
{
	struct log_fields fields = {
		.message_id = LOG_ID_GONE,
		.region = region->name,
		.device = region->hw.device,
	};

	if (!region->claimed)
		return;
	region->claimed = false;
	snprintf(region->missing, sizeof(region->missing), "its device %s has gone",
		 region->hw.device);
	log_line(LOG_NOTICE, &fields, "region %s: its device %s has gone; leases: %u", region->name,
		 region->hw.device, region->n_leases);
	daemon_note(daemon, MMIOD_NOTICE_GONE, region, region->missing);
	change_leases(daemon, region, MMIOD_STATE_REVOKED);
	daemon_fit_pool(daemon, region);
	if (!region->config && !region->n_leases)
		region_remove(&daemon->regions, region);
}

/* After events were lost: those whose end was among them. */
void daemon_lose_regions(struct daemon *daemon)
{
	struct region *region, *next;

	HASH_ITER(hh, daemon->regions.table, region, next) {
		if (region->claimed && !daemon_region_is_there(daemon, region))
			daemon_region_gone(daemon, region);
	}
}

/*
 * What the device was told is lost, so who holds it must start anew: leases end, and do not resume.
 */
static void end_leases(struct daemon *daemon, struct region *region)
{
	static const char why[] = "the device was reset or slept, and \"on-reset = revoke\" is "
				  "configured";
	struct lease *lease, *next;

	HASH_ITER(hh, daemon->leases.table, lease, next) {
		if (lease->region != region || lease->state == MMIOD_STATE_REVOKED)
			continue;
		daemon_lease_revoke(daemon, lease, MMIOD_EVENT_REVOKED, MMIOD_CAUSE_RESET, why);
	}
}

void daemon_region_state(struct daemon *daemon, struct region *region, enum mmiod_state state)
{
	struct log_fields fields = {
		.message_id = LOG_ID_REVOKE,
		.region = region->name,
		.device = region->hw.device,
	};
	bool revoke = region->config && region->config->revoke_on_reset;

	if (region->hw.state == state)
		return;
	region->hw.state = state;
	if (state != MMIOD_STATE_SUSPENDED || !revoke) {
		change_leases(daemon, region, state);
		return;
	}
	log_line(LOG_NOTICE, &fields,
		 "region %s: its device %s is reset or sleeps, and by "
		 "\"on-reset = revoke\" its leases end: %u",
		 region->name, region->hw.device, region->n_leases);
	end_leases(daemon, region);
}
