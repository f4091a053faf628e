/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_counter and the list of them: a snapshot, owned by the program, that outlives the
 * client.
 */
#include "snapshot/list.h"

struct mmiod_counter {
	struct mmiod_wire_counter wire;
};

LIST_OF(mmiod_counter, mmiod_counter_list)

static int finish_counter(void *item, const struct message *message)
{
	struct mmiod_counter *counter = item;

	name_clean(counter->wire.region, sizeof(counter->wire.region));
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_COUNTERS,
	.first = MMIOD_V1_COUNTER,
	.wire = sizeof(struct mmiod_wire_counter),
	.item = sizeof(struct mmiod_counter),
	.finish = finish_counter,
};

MMIOD_EXPORT int mmiod_client_list_counters(struct mmiod_client *client,
					    struct mmiod_counter_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

GETTER(uint32_t, mmiod_counter_kind, mmiod_counter, wire.kind)
GETTER(uint32_t, mmiod_counter_detail, mmiod_counter, wire.detail)
GETTER(const char *, mmiod_counter_region, mmiod_counter, wire.region)
GETTER(uint64_t, mmiod_counter_value, mmiod_counter, wire.value)
