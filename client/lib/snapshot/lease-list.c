/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_lease_info and the list of them: a snapshot, owned by the program, that outlives the
 * client.
 */
#include "base/error.h"
#include "snapshot/list.h"

struct mmiod_lease_info {
	struct mmiod_wire_lease wire;
	char unit[64];
	char tenant[MMIOD_WIRE_NAME];
};

LIST_OF(mmiod_lease_info, mmiod_lease_list)

static int finish_lease(void *item, const struct message *message)
{
	struct mmiod_lease_info *info = item;

	if (info->wire.n_extents > MMIOD_EXTENTS_MAX)
		return -EPROTO;
	name_clean(info->wire.region, sizeof(info->wire.region));
	name_clean(info->wire.comm, sizeof(info->wire.comm));
	if (message_text(message, &info->wire.unit, info->unit, sizeof(info->unit)) ||
	    message_text(message, &info->wire.tenant, info->tenant, sizeof(info->tenant)))
		return -EPROTO;
	return 0;
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_LEASES,
	.first = MMIOD_V1_LEASE,
	.wire = sizeof(struct mmiod_wire_lease),
	.item = sizeof(struct mmiod_lease_info),
	.finish = finish_lease,
};

MMIOD_EXPORT int mmiod_client_list_leases(struct mmiod_client *client,
					  struct mmiod_lease_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

/* Or a program that goes on with the last id would go on for ever. */
static bool rises(const struct mmiod_lease_list *list, uint64_t id)
{
	for (size_t i = 0; i < mmiod_lease_list_count(list); i++) {
		uint64_t next = mmiod_lease_list_get(list, i)->wire.id;

		if (next <= id)
			return false;
		id = next;
	}
	return true;
}

MMIOD_EXPORT int mmiod_client_list_leases_after(struct mmiod_client *client, uint64_t lease,
						struct mmiod_lease_list **list)
{
	int err = list_fetch_after(client, &kind, lease, list);

	if (err || rises(*list, lease))
		return err;
	mmiod_lease_list_free(*list);
	*list = NULL;
	return client_fail(client, -EPROTO,
			   "the daemon lists leases that are not in the order of their ids");
}

GETTER(uint64_t, mmiod_lease_info_id, mmiod_lease_info, wire.id)
GETTER(const char *, mmiod_lease_info_region, mmiod_lease_info, wire.region)
GETTER(uint64_t, mmiod_lease_info_offset, mmiod_lease_info, wire.offset)

MMIOD_EXPORT uint32_t mmiod_lease_info_extents(const struct mmiod_lease_info *info)
{
	return info->wire.n_extents ? info->wire.n_extents : 1;
}

GETTER(uint64_t, mmiod_lease_info_length, mmiod_lease_info, wire.length)
GETTER(uint64_t, mmiod_lease_info_started, mmiod_lease_info, wire.started)
GETTER(unsigned int, mmiod_lease_info_rights, mmiod_lease_info, wire.rights)
GETTER(enum mmiod_memtype, mmiod_lease_info_memtype, mmiod_lease_info, wire.memtype)
GETTER(enum mmiod_memtype, mmiod_lease_info_cache, mmiod_lease_info, wire.memtype) /* deprecated */
GETTER(unsigned int, mmiod_lease_info_width, mmiod_lease_info, wire.width)
GETTER(enum mmiod_share, mmiod_lease_info_share, mmiod_lease_info, wire.share)
GETTER(enum mmiod_state, mmiod_lease_info_state, mmiod_lease_info, wire.state)
GETTER(uint32_t, mmiod_lease_info_uid, mmiod_lease_info, wire.uid)
GETTER(uint32_t, mmiod_lease_info_pid, mmiod_lease_info, wire.pid)
GETTER(const char *, mmiod_lease_info_comm, mmiod_lease_info, wire.comm)
GETTER(const char *, mmiod_lease_info_unit, mmiod_lease_info, unit)
GETTER(const char *, mmiod_lease_info_tenant, mmiod_lease_info, tenant)
GETTER(uint64_t, mmiod_lease_info_left_ms, mmiod_lease_info, wire.left_ms)
GETTER(uint32_t, mmiod_lease_info_time_ms, mmiod_lease_info, wire.lease_ms)

/* Others than 0 and 1 may come to mean more. */
MMIOD_EXPORT int mmiod_lease_info_parked(const struct mmiod_lease_info *info)
{
	return info->wire.parked == 1;
}

MMIOD_EXPORT int mmiod_lease_info_renews(const struct mmiod_lease_info *info)
{
	return info->wire.lease_ms && info->wire.renew;
}

GETTER(uint32_t, mmiod_lease_info_mappings, mmiod_lease_info, wire.mappings)
GETTER(uint64_t, mmiod_lease_info_faults, mmiod_lease_info, wire.faults)
GETTER(uint64_t, mmiod_lease_info_populated, mmiod_lease_info, wire.populated)

MMIOD_EXPORT uint64_t mmiod_lease_info_fault_leaves(const struct mmiod_lease_info *info,
						    enum mmiod_leaf_size size)
{
	return (unsigned int)size < MMIOD_LEAF_SIZES ? info->wire.fault_leaves[size] : 0;
}

MMIOD_EXPORT uint64_t mmiod_lease_info_populated_leaves(const struct mmiod_lease_info *info,
							enum mmiod_leaf_size size)
{
	return (unsigned int)size < MMIOD_LEAF_SIZES ? info->wire.populated_leaves[size] : 0;
}

GETTER(uint64_t, mmiod_lease_info_reads, mmiod_lease_info, wire.reads)
GETTER(uint64_t, mmiod_lease_info_writes, mmiod_lease_info, wire.writes)
GETTER(enum mmiod_memory, mmiod_lease_info_memory, mmiod_lease_info, wire.memory)

GETTER(uint64_t, mmiod_lease_info_operation, mmiod_lease_info, wire.device_lease)

MMIOD_EXPORT uint64_t mmiod_lease_info_iova(const struct mmiod_lease_info *info)
{
	return info->wire.device_lease ? info->wire.iova : MMIOD_NO_IOVA;
}

GETTER(enum mmiod_lease_kind, mmiod_lease_info_kind, mmiod_lease_info, wire.kind)

MMIOD_EXPORT int mmiod_lease_info_allocated(const struct mmiod_lease_info *info)
{
	return info->wire.allocated != 0;
}
