/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_peer, a connection that the daemon has, and the list of them: a snapshot, owned by
 * the program, that outlives the client.
 */
#include "internal.h"

struct mmiod_peer {
	struct mmiod_wire_client wire;
	char unit[128];
};

struct mmiod_peer_list {
	struct list list;
};

static int finish_peer(void *item, const struct message *message)
{
	struct mmiod_peer *peer = item;

	name_clean(peer->wire.comm, sizeof(peer->wire.comm));
	return message_text(message, &peer->wire.unit, peer->unit, sizeof(peer->unit));
}

static const struct list_kind kind = {
	.opcode = MMIOD_OP_CLIENTS,
	.first = MMIOD_V1_CLIENT,
	.wire = sizeof(struct mmiod_wire_client),
	.item = sizeof(struct mmiod_peer),
	.finish = finish_peer,
};

MMIOD_EXPORT int mmiod_client_list_peers(struct mmiod_client *client, struct mmiod_peer_list **list)
{
	return list_fetch(client, &kind, NULL, list);
}

MMIOD_EXPORT void mmiod_peer_list_free(struct mmiod_peer_list *list)
{
	list_free((struct list *)list);
}

MMIOD_EXPORT size_t mmiod_peer_list_count(const struct mmiod_peer_list *list)
{
	return list->list.count;
}

MMIOD_EXPORT const struct mmiod_peer *mmiod_peer_list_get(const struct mmiod_peer_list *list,
							  size_t index)
{
	return list_get(&list->list, index);
}

MMIOD_EXPORT uint64_t mmiod_peer_id(const struct mmiod_peer *peer)
{
	return peer->wire.id;
}

MMIOD_EXPORT uint64_t mmiod_peer_started(const struct mmiod_peer *peer)
{
	return peer->wire.started;
}

MMIOD_EXPORT uint32_t mmiod_peer_uid(const struct mmiod_peer *peer)
{
	return peer->wire.uid;
}

MMIOD_EXPORT uint32_t mmiod_peer_pid(const struct mmiod_peer *peer)
{
	return peer->wire.pid;
}

MMIOD_EXPORT const char *mmiod_peer_comm(const struct mmiod_peer *peer)
{
	return peer->wire.comm;
}

MMIOD_EXPORT const char *mmiod_peer_unit(const struct mmiod_peer *peer)
{
	return peer->unit;
}

MMIOD_EXPORT uint32_t mmiod_peer_leases(const struct mmiod_peer *peer)
{
	return peer->wire.leases;
}

MMIOD_EXPORT uint64_t mmiod_peer_bytes(const struct mmiod_peer *peer)
{
	return peer->wire.bytes;
}

MMIOD_EXPORT uint32_t mmiod_peer_unread(const struct mmiod_peer *peer)
{
	return peer->wire.unread;
}

MMIOD_EXPORT int mmiod_peer_paused(const struct mmiod_peer *peer)
{
	return !!(peer->wire.flags & MMIOD_CLIENT_PAUSED);
}

MMIOD_EXPORT int mmiod_peer_monitors(const struct mmiod_peer *peer)
{
	return !!(peer->wire.flags & MMIOD_CLIENT_MONITOR);
}
