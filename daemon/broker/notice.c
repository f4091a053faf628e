// SPDX-License-Identifier: MIT
/*
 * Notices for monitors: makes one of what happened, and wakes those who watch. Costs nothing while
 * nobody does.
 */
#include "broker/broker.h"

static bool nobody_watches(const struct broker *broker)
{
	return !broker->host.monitor.subscriptions;
}

/* Called from anywhere, so the sending waits for the next turn of the loop. */
static void publish(struct broker *broker, struct notice *notice, const char *region,
		    const char *why)
{
	struct subscription *subscription;

	notice->time_us = monitor_now_us();
	snprintf(notice->region, sizeof(notice->region), "%.*s", MMIOD_NAME_MAX - 1, region);
	snprintf(notice->why, sizeof(notice->why), "%s", why);
	monitor_add(&broker->host.monitor, notice);
	DL_FOREACH2(broker->host.monitor.subscriptions, subscription, list_next)
		connection_wake(container_of(subscription, struct connection, subscription));
}

static void tell_region(struct broker *broker, enum mmiod_notice_type type,
			const struct region *region, const char *why)
{
	bool device = region->kind == REGION_VECTORS;
	struct notice notice = {
		.type = type,
		.kind = device ? MMIOD_KIND_DEVICE : MMIOD_KIND_WINDOW,
		.length = region->hw.length,
		.holder.uid = UINT32_MAX,
	};

	publish(broker, &notice, region->name, why);
}

static void tell_lease(struct broker *broker, enum mmiod_notice_type type,
		       const struct lease *lease, const char *why)
{
	bool kernel = lease->region == &broker->kernel;
	struct notice notice = {
		.type = type,
		.kind = lease->kind,
		.memory = lease->memory,
		.lease = lease->id,
		.offset = lease_told(lease->kind, lease->offset),
		.length = lease_told(lease->kind, lease->length),
		.rights = lease->rights,
		.memtype = lease->memtype,
		.holder = lease->holder,
	};

	publish(broker, &notice, kernel ? "" : lease->region->name, why);
}

void notice_region(struct broker *broker, enum mmiod_notice_type type, const struct region *region,
		   const char *why)
{
	if (!nobody_watches(broker))
		tell_region(broker, type, region, why);
}

void notice_lease(struct broker *broker, enum mmiod_notice_type type, const struct lease *lease,
		  const char *why)
{
	if (!nobody_watches(broker))
		tell_lease(broker, type, lease, why);
}

void notice_denial(struct broker *broker, const struct holder *holder,
		   const struct mmiod_wire_want *want, enum mmiod_lease_kind kind,
		   enum mmiod_memory memory, const char *why)
{
	struct notice notice = {
		.type = MMIOD_NOTICE_DENIED,
		.kind = kind,
		.memory = memory,
		.offset = lease_told(kind, want->offset),
		.length = lease_told(kind, want->length),
		.rights = want->rights,
		.memtype = (enum mmiod_memtype)want->memtype,
		.holder = *holder,
	};

	if (!nobody_watches(broker))
		publish(broker, &notice, want->region, why);
}
