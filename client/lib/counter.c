/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_counter and the list of them: a snapshot,
 * owned by the program, that outlives the client.
 */
#include "internal.h"

struct mmiod_counter {
	struct mmiod_wire_counter wire;
};

struct mmiod_counter_list {
	struct list list;
};

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

MMIOD_EXPORT void mmiod_counter_list_free(struct mmiod_counter_list *list)
{
	list_free((struct list *)list);
}

MMIOD_EXPORT size_t mmiod_counter_list_count(const struct mmiod_counter_list *list)
{
	return list->list.count;
}

MMIOD_EXPORT const struct mmiod_counter *mmiod_counter_list_get(
	const struct mmiod_counter_list *list, size_t index)
{
	return list_get(&list->list, index);
}

MMIOD_EXPORT uint32_t mmiod_counter_kind(const struct mmiod_counter *counter)
{
	return counter->wire.kind;
}

MMIOD_EXPORT uint32_t mmiod_counter_detail(const struct mmiod_counter *counter)
{
	return counter->wire.detail;
}

MMIOD_EXPORT const char *mmiod_counter_region(const struct mmiod_counter *counter)
{
	return counter->wire.region;
}

MMIOD_EXPORT uint64_t mmiod_counter_value(const struct mmiod_counter *counter)
{
	return counter->wire.value;
}
