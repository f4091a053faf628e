/* SPDX-License-Identifier: MIT */
/*
 * Asking for parts of regions: struct mmiod_want, checked and written into requests.
 */
#include "base/error.h"
#include "lease/park.h"

#include <stdlib.h>
#include <string.h>

static_assert(MMIOD_WANT_DUMMY == MMIOD_LEASE_DUMMY, "the flags go out as they come");
static_assert(MMIOD_WANT_CONNECTION == MMIOD_LEASE_CONNECTION, "the flags go out as they come");
static_assert(MMIOD_WANT_FOR == MMIOD_LEASE_FOR, "the flags go out as they come");
static_assert(MMIOD_LEASE_ALL == MMIOD_LEASE_ALL_OR_NONE, "the flags go out as they come");

/* Members that a daemon of the first version does not know are sent only if they are asked for. */
static bool is_extended(const struct mmiod_want *want)
{
	return want->lease_ms || want->on_end_count || want->flags & MMIOD_WANT_FOR ||
	       (want->grant && want->grant[0]);
}

static void build_want(const struct lease_call *call, const void *wanted, void *element)
{
	const struct mmiod_want *want = wanted;
	struct mmiod_wire_want *wire = element;

	strcpy(wire->region, want->region);
	wire->offset = want->offset;
	wire->length = want->length;
	wire->rights = want->rights ? want->rights : MMIOD_RIGHT_READ;
	wire->memtype = want->cache;
	wire->width = want->width;
	wire->share = want->share;
	wire->flags = want->flags;
	if (!is_extended(want))
		return;
	wire->lease_ms = want->lease_ms;
	wire->for_uid = want->for_uid;
	if (want->grant)
		strcpy(wire->grant, want->grant);
	wire->n_on_end = (uint32_t)want->on_end_count;
	for (size_t i = 0; i < want->on_end_count; i++)
		wire->on_end[i] = (struct mmiod_wire_write){
			.offset = want->on_end[i].offset,
			.value = want->on_end[i].value,
			.width = want->on_end[i].width,
		};
}

static bool asks_for_more(const struct mmiod_register_write *write)
{
	return write->flags || write->reserved[0] || write->reserved[1];
}

static int check_want(struct lease_call *call, const void *wanted)
{
	struct mmiod_client *client = call->client;
	const struct mmiod_want *want = wanted;

	if (want->on_end_count > MMIOD_ON_END_MAX)
		return client_fail(client, -EINVAL, "%zu writes at the end of a lease: %d at most",
				   want->on_end_count, MMIOD_ON_END_MAX);
	for (size_t i = 0; i < want->on_end_count; i++)
		if (asks_for_more(&want->on_end[i]))
			return client_fail(client, -EINVAL,
					   "write %zu at the end of a lease: its flags and what is "
					   "reserved must be zero",
					   i + 1);
	if (want->reserved || want->reserved2 || (want->for_uid && !(want->flags & MMIOD_WANT_FOR)))
		return client_fail(client, -EINVAL,
				   "a lease for uid %u: that goes with MMIOD_WANT_FOR, and what is "
				   "reserved must be zero",
				   want->for_uid);
	if (lease_check_grant(client, want->grant))
		return -EINVAL;
	if (is_extended(want))
		call->stride = sizeof(struct mmiod_wire_want);
	return lease_check_region(client, want->region);
}

/* A lease that may be parked remembers what it was asked for by. Without memory it is not parked. */
static int remember(const void *want, struct mmiod_lease *lease)
{
	if (!lease->park)
		return 0;
	lease->asked = calloc(1, sizeof(*lease->asked));
	if (lease->asked)
		build_want(NULL, want, lease->asked);
	return 0;
}

static struct mmiod_lease *find_parked(struct mmiod_client *client, const void *want)
{
	struct mmiod_wire_want wire = { 0 };

	build_want(NULL, want, &wire);
	return park_take(client, &wire);
}

static const struct sized want_struct = SIZED(mmiod_want, on_end_count);

/* Without its results' places. */
struct lease_call lease_call_for(struct mmiod_client *client, const struct mmiod_want *wants,
				 size_t size, size_t count, unsigned int flags)
{
	return (struct lease_call){ .client = client,
				    .opcode = MMIOD_OP_LEASE,
				    .kind = &want_struct,
				    .wants = wants,
				    .size = size,
				    .stride = MMIOD_V1_WANT,
				    .check = check_want,
				    .build = build_want,
				    .settle = remember,
				    .again = find_parked,
				    .count = count,
				    .flags = flags };
}

MMIOD_EXPORT int mmiod_client_lease_many_sized(struct mmiod_client *client,
					       const struct mmiod_want *wants, size_t size,
					       size_t count, unsigned int flags,
					       struct mmiod_lease **leases, int *errors)
{
	struct lease_call call = lease_call_for(client, wants, size, count, flags);

	call.leases = leases;
	call.errors = errors;
	return lease_ask(&call);
}

MMIOD_EXPORT int mmiod_client_lease(struct mmiod_client *client, const char *region,
				    uint64_t offset, uint64_t length, unsigned int rights,
				    struct mmiod_lease **lease)
{
	struct mmiod_want want = {
		.region = region, .offset = offset, .length = length, .rights = rights
	};
	int n = mmiod_client_lease_many_sized(client, &want, sizeof(want), 1, 0, lease, NULL);

	return n < 0 ? n : 0;
}
