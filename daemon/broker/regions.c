// SPDX-License-Identifier: MIT
/*
 * Regions: brings what the backend holds in line with what the configuration asks for. The action
 * due for one follows from four things: whether it is configured, whether it is claimed, whether
 * the claim is stale (not what the configuration says), and whether leases use it. A stale one is
 * given back as soon as nobody uses it, and claimed anew; until then it grants nothing. One whose
 * device is not there is tried again when a device appears.
 *
 * A region may go whenever the daemon has settled it; code that works with it meanwhile pins it.
 */
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "broker/broker.h"
#include "connection/journal.h"
#include "machine/pci.h"

uint32_t regions_missing(const struct broker *broker)
{
	uint32_t missing = 0;

	for (struct region *region = broker->regions.table; region; region = region->hh.next)
		if (region->config && !region->claimed)
			missing++;
	return missing;
}

/* The device that is listed for a region that nobody has seen yet. */
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

/* ---- the configuration's --------------------------------------------------------------------- */

/* Points them to the configuration in force; what becomes of them is settled later. */
void regions_link(struct broker *broker)
{
	for (struct region *region = broker->regions.table; region; region = region->hh.next) {
		region->config = config_find_region(broker->config, region->name);
		region->reloaded = REGION_UNSEEN;
	}
}

struct region *region_add_configured(struct broker *broker, const struct config_region *config)
{
	struct region *region = region_add(&broker->regions, config->name);

	if (!region) {
		log_error("region %s: out of memory", config->name);
		return NULL;
	}
	region->config = config;
	region->reloaded = REGION_UNSEEN;
	return region;
}

void regions_add_configured(struct broker *broker)
{
	const struct config *config = broker->config;

	for (size_t i = 0; i < config->n_regions; i++)
		if (!region_find(&broker->regions, config->regions[i]->name))
			region_add_configured(broker, config->regions[i]);
}

/* ---- claiming -------------------------------------------------------------------------------- */

static void claim(struct broker *broker, struct region *region)
{
	struct log_fields fields = { .message_id = LOG_ID_CONFIG, .region = region->name };
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);
	int r;

	text_reset(&why);
	turn_spend(&broker->host, WORK_WINDOW);
	r = broker->backend->ops->claim(broker->backend, region->config, &region->hw, &why);
	if (r == 0) {
		region->claimed = true;
		region->missing[0] = '\0';
		log_line(LOG_INFO, &fields, "region %s: %s, %llu bytes", region->name,
			 region->hw.device, (unsigned long long)region->hw.length);
		notice_region(broker, MMIOD_NOTICE_BACK, region, "");
		/* Before anybody has bytes of it. */
		safe_state_place(broker, region);
		wakeup_note_end(broker, region);
		return;
	}
	name_device(region);
	if (!why.length)
		text_set(&why, "%s", strerror(-r));
	if (strcmp(region->missing, buffer))
		log_line(LOG_WARNING, &fields, "region %s is missing: %s", region->name, buffer);
	memcpy(region->missing, buffer, sizeof(buffer));
}

/* ---- what is to be done with a region -------------------------------------------------------- */

enum step { STAY, CLAIM, GIVE_BACK, FORGET };

/* By: is it configured, is it claimed, is the claim stale, do leases use it. */
static const enum step steps[2][2][2][2] = {
	[false][false][false] = { FORGET, STAY }, [false][true][true] = { GIVE_BACK, STAY },
	[true][false][false] = { CLAIM, CLAIM },  [true][true][false] = { STAY, STAY },
	[true][true][true] = { GIVE_BACK, STAY },
};

/* Leases that are ending count too; revoked ones keep nothing. */
static bool is_used(const struct region *region)
{
	return region->tallies[MMIOD_MEMORY_REGION].leases > 0;
}

static enum step step_of(const struct region *region)
{
	return steps[!!region->config][region->claimed][region->stale][is_used(region)];
}

static void look_whether_stale(struct broker *broker, struct region *region)
{
	region->stale = region->claimed &&
			(!region->config || !broker->backend->ops->matches(
						    broker->backend, &region->hw, region->config));
	if (!region->stale)
		region->kept = false;
}

/* Another region may be waiting for what it had. The module keeps it while a window lives on it. */
static bool give_back(struct broker *broker, struct region *region)
{
	int r;

	turn_spend(&broker->host, WORK_WINDOW);
	r = broker->backend->ops->release(broker->backend, region->hw.handle);
	if (r < 0 && r != -ENOENT) {
		if (!region->kept)
			log_warning("cannot give region %s back: %s", region->name, strerror(-r));
		region->kept = true;
		wakeup_try_again(broker, false);
		return false;
	}
	region->claimed = region->stale = region->kept = false;
	region->hw = (struct backend_region){ 0 };
	pools_fit(broker, region);
	broker->wakeup.claims_due = true;
	wakeup_try_again(broker, true);
	return true;
}

/* It may be gone afterwards, unless it is pinned. */
void region_settle(struct broker *broker, struct region *region)
{
	enum step step;

	if (region->reloaded == REGION_UNSEEN)
		look_whether_stale(broker, region);
	region->reloaded = REGION_SETTLED;
	step = step_of(region);
	if (step == GIVE_BACK)
		step = give_back(broker, region) ? step_of(region) : STAY;
	if (step == CLAIM)
		claim(broker, region);
	if (step == FORGET && !region->n_leases && !region->pins)
		region_remove(&broker->regions, region);
	else
		pools_fit(broker, region);
}

/*
 * After a lease of it has ended, so cheap where nothing is to be done: whether the claim fits was
 * seen when the configuration or the device changed. It may be gone afterwards: a device's vectors
 * go with the device.
 */
void region_freed(struct broker *broker, struct region *region)
{
	bool in_force = region->config && region->claimed && !region->stale;

	if (region->kind == REGION_VECTORS) {
		device_freed(broker, device_of(region));
		return;
	}
	if (region->kind != REGION_MEMORY)
		return;
	if (region->reloaded ||
	    (!is_used(region) && (region->stale || (!in_force && !region->n_leases))))
		region_settle(broker, region);
	else if (in_force && region->config->pool && !region->blocks)
		pools_fit(broker, region);
}

/* A claim that is no longer wanted goes, for another region may want it. */
void region_look_at(struct broker *broker, struct region *region)
{
	look_whether_stale(broker, region);
	region->reloaded = REGION_LOOKED_AT;
	if (step_of(region) == GIVE_BACK)
		give_back(broker, region);
}

/*
 * The configuration or a device is another. Claims that are no longer wanted go first: two regions
 * may have changed places.
 */
void regions_claim(struct broker *broker)
{
	struct region *region, *next;

	for (region = broker->regions.table; region; region = region->hh.next)
		region_look_at(broker, region);
	HASH_ITER(hh, broker->regions.table, region, next) {
		region_settle(broker, region);
	}
}

uint32_t regions_stale(const struct broker *broker)
{
	uint32_t stale = 0;

	for (struct region *region = broker->regions.table; region; region = region->hh.next)
		stale += region->stale;
	return stale;
}

/* True: there are still some that the module did not take back. */
bool regions_retry(struct broker *broker)
{
	bool claims =
		broker->wakeup.claims_due && !settling_is_on(broker); /* which does it itself */
	struct region *region, *next;
	bool kept = false;

	HASH_ITER(hh, broker->regions.table, region, next) {
		if (region->reloaded)
			continue;
		if (region->kept || (claims && step_of(region) == CLAIM))
			region_settle(broker, region);
	}
	broker->wakeup.claims_due &= !claims;
	for (region = broker->regions.table; region; region = region->hh.next)
		kept |= region->kept;
	return kept;
}

/* ---- what keeps it as it is, in words -------------------------------------------------------- */

static void describe_wanted(const struct config_region *config, struct text *text)
{
	char name[MMIOD_WIRE_NAME];

	if (config->device == CONFIG_DEVICE_RANGE) {
		text_add(text, "0x%" PRIx64 "+0x%" PRIx64, config->phys, config->length);
		return;
	}
	if (config->device == CONFIG_DEVICE_SLOT)
		pci_format(config->pci, name);
	else
		snprintf(name, sizeof(name), "%04x:%04x", config->vendor, config->product);
	if (config->device != CONFIG_DEVICE_NONE)
		text_add(text, "%s ", name);
	if (config->bar >= 0)
		text_add(text, "BAR %d ", config->bar);
	text_add(text, "0x%" PRIx64, config->offset);
	if (config->length)
		text_add(text, "+0x%" PRIx64, config->length);
	if (config->ports)
		text_add(text, " of I/O ports");
	if (config->no_dma)
		text_add(text, " that starts no DMA");
	if (config->width)
		text_add(text, " by %u bits", 8 * config->width);
}

/* "region a is to become ..., as FILE:LINE says: lease 9 of ... keeps what it was". */
void region_describe_stale(struct broker *broker, const struct region *region, struct text *text)
{
	const struct lease *lease = lease_of_region(region);
	const struct config_region *config = region->config;

	text_add(text, "region %s is ", region->name);
	if (config) {
		text_add(text, "to become ");
		describe_wanted(config, text);
		text_add(text, ", as %s:%u says", config->origin.file, config->origin.line);
	} else {
		text_add(text, "no longer configured");
	}
	if (!lease) {
		text_add(text, "; the module has not taken back what it was yet");
		return;
	}
	text_add(text, ": what it was is kept by ");
	holder_describe(broker, lease, text);
	if (lease->id && !lease_is_over(lease))
		text_add(text, "; \"mmioctl revoke %" PRIu64 "\" ends that", lease->id);
}

/* ---- from the backend ------------------------------------------------------------------------ */

/* Notes what an earlier daemon claimed. Negative: not all of it. */
int regions_adopt(struct broker *broker)
{
	struct backend_region hw = { 0 };
	struct region *region;
	int r;

	while ((r = broker->backend->ops->next_region(broker->backend, hw.handle, &hw)) == 0) {
		region = region_find(&broker->regions, hw.name);
		if (!region)
			region = region_add(&broker->regions, hw.name);
		if (!region) {
			log_error("region %s: out of memory", hw.name);
			return -ENOMEM;
		}
		region->hw = hw;
		region->claimed = true;
	}
	return r == -ENOENT ? 0 : r;
}
