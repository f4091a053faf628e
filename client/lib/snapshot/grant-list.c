/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_grant_info, a grant that was given while the daemon runs, and the list of them: a
 * snapshot, owned by the program, that outlives the client.
 */
#include "snapshot/list.h"

struct mmiod_grant_info {
	struct mmiod_wire_runtime_grant wire;
	char regions[MMIOD_GRANT_PATTERNS_MAX * MMIOD_WIRE_PATTERN];
};

LIST_OF(mmiod_grant_info, mmiod_grant_list)

static int finish_grant(void *item, const struct message *message)
{
	struct mmiod_grant_info *info = item;

	name_clean(info->wire.name, sizeof(info->wire.name));
	name_clean(info->wire.tenant, sizeof(info->wire.tenant));
	return message_text(message, &info->wire.regions, info->regions, sizeof(info->regions));
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_GRANTS,
	.first = MMIOD_V1_RUNTIME_GRANT,
	.wire = sizeof(struct mmiod_wire_runtime_grant),
	.item = sizeof(struct mmiod_grant_info),
	.finish = finish_grant,
};

MMIOD_EXPORT int mmiod_client_list_grants(struct mmiod_client *client,
					  struct mmiod_grant_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

GETTER(const char *, mmiod_grant_info_name, mmiod_grant_info, wire.name)
GETTER(const char *, mmiod_grant_info_tenant, mmiod_grant_info, wire.tenant)
GETTER(uint32_t, mmiod_grant_info_uid, mmiod_grant_info, wire.uid)
GETTER(uint32_t, mmiod_grant_info_by, mmiod_grant_info, wire.by)
GETTER(const char *, mmiod_grant_info_regions, mmiod_grant_info, regions)
GETTER(unsigned int, mmiod_grant_info_rights, mmiod_grant_info, wire.rights)
GETTER(enum mmiod_share, mmiod_grant_info_share, mmiod_grant_info, wire.share)
GETTER(uint64_t, mmiod_grant_info_left_ms, mmiod_grant_info, wire.left_ms)
GETTER(uint64_t, mmiod_grant_info_last_ms, mmiod_grant_info, wire.last_ms)
GETTER(uint32_t, mmiod_grant_info_leases, mmiod_grant_info, wire.leases)
