// SPDX-License-Identifier: MIT
/* Asks, and spoils, the requests whose leases are being taken. There are few of them. */
#include "broker/broker.h"
#include "broker/underway.h"

bool underway_use(const struct broker *broker, const struct region *region)
{
	const struct underway *underway;

	DL_FOREACH(broker->underway, underway) {
		if (underway->ops->uses(underway, region))
			return true;
	}
	return false;
}

/* Whether one of them made this window. */
bool underway_have(const struct broker *broker, uint64_t id)
{
	const struct underway *underway;

	DL_FOREACH(broker->underway, underway) {
		if (underway->ops->has_window(underway, id))
			return true;
	}
	return false;
}

/* The region is not what it was; NULL: nothing may be. */
void underway_spoil(struct broker *broker, const struct region *region)
{
	struct underway *underway;

	DL_FOREACH(broker->underway, underway) {
		underway->spoiled |= !region || underway->ops->uses(underway, region);
	}
}

/* Somebody got these bytes who bears no guest. */
void underway_spoil_guests(struct broker *broker, const struct region *region, uint64_t start,
			   uint64_t end)
{
	struct underway *underway;

	DL_FOREACH(broker->underway, underway) {
		underway->spoiled |= underway->ops->has_guest(underway, region, start, end);
	}
}

/* It was revoked, by whomever. */
void underway_spoil_window(struct broker *broker, uint64_t id)
{
	struct underway *underway;

	DL_FOREACH(broker->underway, underway) {
		underway->spoiled |= underway->ops->has_window(underway, id);
	}
}

void underway_lose_blocks(struct broker *broker, const struct region *region)
{
	struct underway *underway;

	underway_spoil(broker, region);
	DL_FOREACH(broker->underway, underway) {
		underway->ops->lose_blocks(underway, region);
	}
}

void underway_clear(struct broker *broker)
{
	while (broker->underway)
		broker->underway->ops->clear(broker->underway);
}
