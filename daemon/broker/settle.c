// SPDX-License-Identifier: MIT
/*
 * The effect of a reload on regions and clients. The configuration is in force as soon as the
 * regions point to it. The rest may be long, so it is done in pieces: whether clients go before
 * others and may watch, then the claims that are no longer wanted, and then those that are. A
 * request for a region that was not seen to yet sees to that one first, so nothing is granted by
 * what an older configuration made of a region. Nor is anything taken back that was parked under it.
 */
#include "base/log.h"
#include "broker/broker.h"
#include "connection/journal.h"

/* ---- clients --------------------------------------------------------------------------------- */

/*
 * A subscription goes on as long as it may be made; its connection goes, so that its owner asks
 * anew.
 */
static void end_watching(struct broker *broker, struct connection *connection)
{
	if (!connection->subscription.on ||
	    policy_may_inspect(broker->config, &connection->peer.subject))
		return;
	monitor_end(&broker->host.monitor, &connection->subscription);
	journal_dropped(connection, "it watched, which the configuration that was read again lets "
				    "its user do no more");
	connection_doom(connection);
}

/* Its leases are those of a reload: they stay, or no grant stands behind them. */
static void end_tenancy(struct broker *broker, struct connection *connection)
{
	uint32_t tenant = connection->peer.subject.tenant;

	if (!tenant || config_find_socket(broker->config, tenant))
		return;
	journal_dropped(connection, "the configuration that was read again has no such tenant");
	connection_doom(connection);
}

/*
 * Sees to one client: whether it goes before others may have changed. False: there is no other
 * client.
 */
static bool settle_client(struct broker *broker)
{
	struct by_id_node *node = by_id_after(&broker->host.by_id, broker->settling.cursor);
	struct connection *connection;

	if (!node)
		return false;
	connection = container_of(node, struct connection, of_all);
	broker->settling.cursor = connection->id;
	connection_take_class(connection);
	if (connection->stranger && policy_names(broker->config, &connection->peer.subject))
		connection_mark_stranger(connection, false);
	end_watching(broker, connection);
	end_tenancy(broker, connection);
	return true;
}

/* False: there is no other device. */
static bool settle_device(struct broker *broker)
{
	struct device *device = device_after(&broker->devices, broker->settling.cursor);

	if (!device)
		return false;
	broker->settling.cursor = device->vectors.id;
	if (device->vectors.reloaded)
		device_settle(broker, device);
	return true;
}

/* ---- regions --------------------------------------------------------------------------------- */

/* False: there is no other that is claimed or was configured. */
static bool settle_claimed(struct broker *broker)
{
	struct region *region = region_after(&broker->regions, broker->settling.cursor);

	if (!region)
		return false;
	broker->settling.cursor = region->id;
	if (region->reloaded != REGION_UNSEEN)
		return true;
	if (region->config) {
		region_look_at(broker, region);
		return true;
	}
	region->pins++;
	region_settle(broker, region);
	broker->settling.stale += region->stale;
	region->pins--;
	region_freed(broker, region);
	return true;
}

/* False: there is no other that is configured. */
static bool settle_configured(struct broker *broker)
{
	const struct config *config = broker->config;
	const struct region *region;

	if (broker->settling.next == config->n_regions)
		return false;
	region = region_find_settled(broker, config->regions[broker->settling.next++]->name);
	broker->settling.stale += region && region->stale;
	return true;
}

/* One that a reload has yet to see to is seen to. NULL: there is none. */
struct region *region_find_settled(struct broker *broker, const char *name)
{
	struct region *region = region_find(&broker->regions, name);
	const struct config_region *config = NULL;

	if (!region && settling_is_on(broker))
		config = config_find_region(broker->config, name);
	if (config)
		region = region_add_configured(broker, config);
	if (!region || region->reloaded == REGION_SETTLED)
		return region;
	region_settle(broker, region);
	return region_find(&broker->regions, name);
}

/* ---- both ------------------------------------------------------------------------------------ */

static const char *describe_stale(uint32_t stale, char *buffer, size_t size)
{
	snprintf(buffer, size,
		 stale == 1 ? "; 1 region waits for its leases to end"
			    : "; %u regions wait for their leases to end",
		 stale);
	return stale ? buffer : "";
}

/* Claims that failed because of what other regions had are tried again. */
static void finish(struct broker *broker)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };
	uint32_t stale = broker->settling.stale;
	char buffer[64];

	log_line(stale ? LOG_WARNING : LOG_INFO, &fields,
		 "configuration loaded: %zu regions, %zu grants%s", broker->config->n_regions,
		 broker->config->n_grants, describe_stale(stale, buffer, sizeof(buffer)));
	if (broker->wakeup.claims_due)
		wakeup_try_again(broker, true);
	broker->settling.done(broker);
}

/* Returns whether there is more. */
static bool settle_one(struct broker *broker)
{
	static bool (*const stages[])(struct broker * broker) = {
		[SETTLE_CLIENTS] = settle_client,
		[SETTLE_DEVICES] = settle_device,
		[SETTLE_CLAIMED] = settle_claimed,
		[SETTLE_CONFIGURED] = settle_configured,
	};
	struct settling *settling = &broker->settling;

	turn_spend(&broker->host, 1);
	if (stages[settling->stage](broker))
		return true;
	settling->stage++;
	settling->cursor = 0;
	return settling->stage != SETTLED;
}

static bool go_on_settling(struct chore *chore)
{
	struct broker *broker = container_of(chore, struct broker, settling.chore);

	while (!turn_is_over(&broker->host)) {
		if (settle_one(broker))
			continue;
		finish(broker);
		return false;
	}
	return true;
}

void settling_init(struct broker *broker)
{
	broker->settling.chore.go_on = go_on_settling;
	broker->settling.stage = SETTLED;
}

/* From the first on, also in the middle of an earlier one. */
void settling_begin(struct broker *broker)
{
	parked_take_all(broker);
	broker->settling.stage = SETTLE_CLIENTS;
	broker->settling.cursor = broker->settling.next = broker->settling.stale = 0;
	turn_do_later(&broker->host, &broker->settling.chore);
}

/* For who waits for it. */
void settling_finish(struct broker *broker)
{
	turn_drop(&broker->settling.chore);
	while (settle_one(broker))
		;
	finish(broker);
}
