/* SPDX-License-Identifier: MIT */
/*
 * Kept leases: those used last, as many as the registers of a usual loop. They are given back when
 * somebody asks for them or a lease of our own meets them; who keeps them gives them back when they
 * have not been used for a while.
 */
#include "target/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define KEPT_MAX 256 /* each is a descriptor, and they are searched one by one */

struct kept {
	struct mmiod_client *const *client; /* opened later than this is made */
	struct kept_lease leases[KEPT_MAX];
	size_t count, room;
	bool busy; /* some of them are */
	uint64_t uses;
	uint64_t listened; /* ms of the clock, when last */
};

/* A quarter of the descriptors that this process may have. */
static size_t find_room(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 4 >= KEPT_MAX)
		return KEPT_MAX;
	return limit.rlim_cur < 4 ? 1 : (size_t)(limit.rlim_cur / 4);
}

struct kept *kept_new(struct mmiod_client *const *client)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return NULL;
	kept->client = client;
	kept->room = find_room();
	return kept;
}

static void drop(struct kept *kept, size_t index)
{
	struct mmiod_lease *lease = kept->leases[index].lease;

	if (mmiod_lease_release(lease))
		mmiod_lease_free(lease);
	kept->leases[index] = kept->leases[--kept->count];
}

void kept_free(struct kept *kept)
{
	kept_rest(kept);
	kept_release(kept);
	free(kept);
}

static bool is_same(const struct kept_key *a, const struct kept_key *b)
{
	return a->target.offset == b->target.offset && a->target.length == b->target.length &&
	       a->target.width == b->target.width && a->rights == b->rights &&
	       a->memtype == b->memtype && a->share == b->share && a->registers == b->registers &&
	       !strcmp(a->target.region, b->target.region);
}

const struct kept_lease *kept_find(struct kept *kept, const struct kept_key *key)
{
	for (size_t i = 0; kept && i < kept->count; i++)
		if (is_same(&kept->leases[i].key, key)) {
			kept->leases[i].used = ++kept->uses;
			kept->leases[i].busy = true;
			kept->busy = true;
			return &kept->leases[i];
		}
	return NULL;
}

static size_t oldest(const struct kept *kept)
{
	size_t found = 0;

	for (size_t i = 1; i < kept->count; i++)
		if (kept->leases[i].used < kept->leases[found].used)
			found = i;
	return found;
}

bool kept_add(struct kept *kept, const struct kept_lease *lease)
{
	if (!kept)
		return false;
	if (kept->count == kept->room)
		drop(kept, oldest(kept));
	kept->leases[kept->count] = *lease;
	kept->leases[kept->count].busy = true;
	kept->busy = true;
	kept->leases[kept->count++].used = ++kept->uses;
	return true;
}

void kept_rest(struct kept *kept)
{
	for (size_t i = 0; kept && kept->busy && i < kept->count; i++)
		kept->leases[i].busy = false;
	if (kept)
		kept->busy = false;
}

bool kept_release(struct kept *kept)
{
	bool any = false;

	for (size_t i = kept ? kept->count : 0; i-- > 0;)
		if (!kept->leases[i].busy) {
			drop(kept, i);
			any = true;
		}
	return any;
}

static void forget(struct kept *kept, uint64_t id)
{
	for (size_t i = 0; i < kept->count; i++)
		if (mmiod_lease_id(kept->leases[i].lease) == id) {
			drop(kept, i);
			return;
		}
}

/* A look costs a system call, as a read does. */
static bool is_due(struct kept *kept)
{
	struct timespec now;
	uint64_t ms;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (ms == kept->listened)
		return false;
	kept->listened = ms;
	return true;
}

void kept_listen(struct kept *kept)
{
	struct mmiod_event event;

	if (!kept || !kept->count || !is_due(kept))
		return;
	while (kept->count && mmiod_client_next_event(*kept->client, &event) > 0)
		if (event.type == MMIOD_EVENT_REVOKE_ASKED || event.type == MMIOD_EVENT_REVOKED ||
		    event.type == MMIOD_EVENT_GONE)
			forget(kept, event.lease);
}
