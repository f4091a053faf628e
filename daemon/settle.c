// SPDX-License-Identifier: MIT
/*
 * What a reload does to regions and clients. The configuration is in force as soon as the regions
 * point to it. What follows from it may be long, so it is done in pieces: whether clients go before
 * others and may watch, what of the backend's is no longer wanted, and then what is wanted of it. A
 * request for a region that was not seen to yet sees to that one first, so nothing is granted by
 * what an older configuration made of a region.
 */
#include "daemon.h"
#include "journal.h"
#include "log.h"

/* ---- clients --------------------------------------------------------------------------------- */

/* A subscription goes on as long as it may be made; its connection goes, so that its owner asks anew. */
static void end_watching(struct daemon *daemon, struct connection *connection)
{
	if (!connection->subscription.on ||
	    policy_may_inspect(daemon->config, &connection->peer.subject))
		return;
	monitor_end(&daemon->host.monitor, &connection->subscription);
	journal_dropped(connection, "it watched, which the configuration that was read again lets "
				    "its user do no more");
	connection_doom(connection);
}

/* Who goes before others may be another now. False: there is no other client. */
static bool settle_client(struct daemon *daemon)
{
	struct by_id_node *node = by_id_after(&daemon->host.by_id, daemon->settling.cursor);
	struct connection *connection;

	if (!node)
		return false;
	connection = container_of(node, struct connection, of_all);
	daemon->settling.cursor = connection->id;
	connection_take_class(connection);
	if (connection->stranger && policy_names(daemon->config, &connection->peer.subject))
		connection_mark_stranger(connection, false);
	end_watching(daemon, connection);
	return true;
}

/* ---- regions --------------------------------------------------------------------------------- */

/* False: there is no other that is claimed or was configured. */
static bool settle_claimed(struct daemon *daemon)
{
	struct region *region = region_after(&daemon->regions, daemon->settling.cursor);

	if (!region)
		return false;
	daemon->settling.cursor = region->id;
	if (region->reloaded != REGION_UNSEEN)
		return true;
	if (region->config) {
		daemon_look_at_region(daemon, region);
		return true;
	}
	region->pins++;
	daemon_settle_region(daemon, region);
	daemon->settling.stale += region->stale;
	region->pins--;
	daemon_region_freed(daemon, region);
	return true;
}

/* False: there is no other that is configured. */
static bool settle_configured(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	const struct region *region;

	if (daemon->settling.next == config->n_regions)
		return false;
	region = daemon_find_region(daemon, config->regions[daemon->settling.next++]->name);
	daemon->settling.stale += region && region->stale;
	return true;
}

/* One that a reload has yet to see to is seen to. NULL: there is none. */
struct region *daemon_find_region(struct daemon *daemon, const char *name)
{
	struct region *region = region_find(&daemon->regions, name);
	const struct config_region *config = NULL;

	if (!region && daemon_is_settling(daemon))
		config = config_find_region(daemon->config, name);
	if (config)
		region = daemon_add_region(daemon, config);
	if (!region || region->reloaded == REGION_SETTLED)
		return region;
	daemon_settle_region(daemon, region);
	return region_find(&daemon->regions, name);
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

/* What could not be claimed because of what others had is tried again. */
static void finish(struct daemon *daemon)
{
	static const struct log_fields fields = { .message_id = LOG_ID_CONFIG };
	uint32_t stale = daemon->settling.stale;
	char buffer[64];

	log_line(stale ? LOG_WARNING : LOG_INFO, &fields,
		 "configuration loaded: %zu regions, %zu grants%s", daemon->config->n_regions,
		 daemon->config->n_grants, describe_stale(stale, buffer, sizeof(buffer)));
	if (daemon->claims_due)
		daemon_try_again(daemon, true);
	daemon->settling.done(daemon);
}

/* Returns whether there is more. */
static bool settle_one(struct daemon *daemon)
{
	static bool (*const stages[])(struct daemon * daemon) = {
		[SETTLE_CLIENTS] = settle_client,
		[SETTLE_CLAIMED] = settle_claimed,
		[SETTLE_CONFIGURED] = settle_configured,
	};
	struct settling *settling = &daemon->settling;

	turn_spend(&daemon->host, 1);
	if (stages[settling->stage](daemon))
		return true;
	settling->stage++;
	settling->cursor = 0;
	return settling->stage != SETTLED;
}

static bool go_on_settling(struct chore *chore)
{
	struct daemon *daemon = container_of(chore, struct daemon, settling.chore);

	while (!turn_is_over(&daemon->host)) {
		if (settle_one(daemon))
			continue;
		finish(daemon);
		return false;
	}
	return true;
}

void daemon_init_settling(struct daemon *daemon)
{
	daemon->settling.chore.go_on = go_on_settling;
	daemon->settling.stage = SETTLED;
}

/* From the first on, also in the middle of an earlier one. */
void daemon_begin_settling(struct daemon *daemon)
{
	daemon->settling.stage = SETTLE_CLIENTS;
	daemon->settling.cursor = daemon->settling.next = daemon->settling.stale = 0;
	turn_do_later(&daemon->host, &daemon->settling.chore);
}

/* For who waits for it. */
void daemon_settle_all(struct daemon *daemon)
{
	turn_drop(&daemon->settling.chore);
	while (settle_one(daemon))
		;
	finish(daemon);
}
