// SPDX-License-Identifier: MIT
/*
 * What monitors are told: makes a notice of what happened,
 * and wakes those who watch. Costs nothing while nobody does.
 */
#include "daemon.h"

static bool nobody_watches(const struct daemon *daemon)
{
	return !daemon->host.monitor.subscriptions;
}

/* Called from anywhere, so the sending waits for the next turn of the loop. */
static void publish(struct daemon *daemon, struct notice *notice, const char *region,
		    const char *why)
{
	struct subscription *subscription;

	notice->time_us = monitor_now_us();
	snprintf(notice->region, sizeof(notice->region), "%.*s", MMIOD_NAME_MAX - 1, region);
	snprintf(notice->why, sizeof(notice->why), "%s", why);
	monitor_add(&daemon->host.monitor, notice);
	DL_FOREACH2(daemon->host.monitor.subscriptions, subscription, list_next)
		connection_wake(container_of(subscription, struct connection, subscription));
}

void daemon_note(struct daemon *daemon, enum mmiod_notice_type type, const struct region *region,
		 const char *why)
{
	struct notice notice = { .type = type, .holder.uid = UINT32_MAX };

	if (nobody_watches(daemon))
		return;
	notice.length = region->hw.length;
	publish(daemon, &notice, region->name, why);
}

void daemon_note_lease(struct daemon *daemon, enum mmiod_notice_type type,
		       const struct lease *lease, const char *why)
{
	bool kernel = lease->region == &daemon->kernel;
	struct notice notice = {
		.type = type,
		.memory = lease->memory,
		.lease = lease->id,
		.offset = lease->offset,
		.length = lease->length,
		.rights = lease->rights,
		.cache = lease->cache,
		.holder = lease->holder,
	};

	if (!nobody_watches(daemon))
		publish(daemon, &notice, kernel ? "" : lease->region->name, why);
}

void daemon_note_denial(struct daemon *daemon, const struct holder *holder,
			const struct mmiod_wire_want *want, enum mmiod_memory memory,
			const char *why)
{
	struct notice notice = {
		.type = MMIOD_NOTICE_DENIED,
		.memory = memory,
		.offset = want->offset,
		.length = want->length,
		.rights = want->rights,
		.cache = (enum mmiod_cache)want->cache,
		.holder = *holder,
	};

	if (!nobody_watches(daemon))
		publish(daemon, &notice, want->region, why);
}
