/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_vector, a vector that is leased, and the list of them: a snapshot, owned by the
 * program, that outlives the client.
 */
#include "snapshot/list.h"

struct mmiod_vector {
	struct mmiod_wire_vector wire;
};

LIST_OF(mmiod_vector, mmiod_vector_list)

static int finish_vector(void *item, const struct message *message)
{
	struct mmiod_vector *vector = item;

	name_clean(vector->wire.device, sizeof(vector->wire.device));
	name_clean(vector->wire.comm, sizeof(vector->wire.comm));
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_INTERRUPTS,
	.first = MMIOD_V1_VECTOR,
	.wire = sizeof(struct mmiod_wire_vector),
	.item = sizeof(struct mmiod_vector),
	.finish = finish_vector,
};

MMIOD_EXPORT int mmiod_client_list_vectors(struct mmiod_client *client,
					   struct mmiod_vector_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

GETTER(uint64_t, mmiod_vector_lease, mmiod_vector, wire.id)
GETTER(const char *, mmiod_vector_device, mmiod_vector, wire.device)
GETTER(unsigned int, mmiod_vector_number, mmiod_vector, wire.vector)
GETTER(enum mmiod_irq_kind, mmiod_vector_kind, mmiod_vector, wire.interrupt)
GETTER(enum mmiod_state, mmiod_vector_state, mmiod_vector, wire.state)
GETTER(unsigned int, mmiod_vector_flags, mmiod_vector, wire.flags)
GETTER(uint64_t, mmiod_vector_count, mmiod_vector, wire.count)
GETTER(uint64_t, mmiod_vector_busy_ns, mmiod_vector, wire.busy_ns)
GETTER(unsigned int, mmiod_vector_storms, mmiod_vector, wire.storms)
GETTER(unsigned int, mmiod_vector_irq, mmiod_vector, wire.irq)
GETTER(uint64_t, mmiod_vector_started, mmiod_vector, wire.started)
GETTER(uint32_t, mmiod_vector_uid, mmiod_vector, wire.uid)
GETTER(uint32_t, mmiod_vector_pid, mmiod_vector, wire.pid)
GETTER(const char *, mmiod_vector_comm, mmiod_vector, wire.comm)
