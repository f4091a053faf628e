/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_log_entry, a lease that was granted of late, and the list of them: a snapshot, owned
 * by the program, that outlives the client.
 */
#include "snapshot/list.h"

struct mmiod_log_entry {
	struct mmiod_wire_logged wire;
};

LIST_OF(mmiod_log_entry, mmiod_log_list)

static int finish_entry(void *item, const struct message *message)
{
	struct mmiod_log_entry *entry = item;

	name_clean(entry->wire.region, sizeof(entry->wire.region));
	name_clean(entry->wire.grant, sizeof(entry->wire.grant));
	name_clean(entry->wire.comm, sizeof(entry->wire.comm));
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_LOG,
	.first = MMIOD_V1_LOGGED,
	.wire = sizeof(struct mmiod_wire_logged),
	.item = sizeof(struct mmiod_log_entry),
	.finish = finish_entry,
};

MMIOD_EXPORT int mmiod_client_list_log(struct mmiod_client *client, struct mmiod_log_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

GETTER(uint64_t, mmiod_log_entry_number, mmiod_log_entry, wire.number)
GETTER(uint64_t, mmiod_log_entry_time, mmiod_log_entry, wire.time_us)
GETTER(uint64_t, mmiod_log_entry_lease, mmiod_log_entry, wire.lease)
GETTER(enum mmiod_memory, mmiod_log_entry_memory, mmiod_log_entry, wire.memory)
GETTER(const char *, mmiod_log_entry_region, mmiod_log_entry, wire.region)
GETTER(uint64_t, mmiod_log_entry_offset, mmiod_log_entry, wire.offset)
GETTER(uint64_t, mmiod_log_entry_length, mmiod_log_entry, wire.length)
GETTER(unsigned int, mmiod_log_entry_rights, mmiod_log_entry, wire.rights)
GETTER(enum mmiod_share, mmiod_log_entry_share, mmiod_log_entry, wire.share)
GETTER(uint32_t, mmiod_log_entry_uid, mmiod_log_entry, wire.uid)
GETTER(uint32_t, mmiod_log_entry_pid, mmiod_log_entry, wire.pid)
GETTER(const char *, mmiod_log_entry_comm, mmiod_log_entry, wire.comm)
GETTER(const char *, mmiod_log_entry_grant, mmiod_log_entry, wire.grant)
GETTER(enum mmiod_lease_kind, mmiod_log_entry_kind, mmiod_log_entry, wire.kind)
