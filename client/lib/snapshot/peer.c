/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_peer, a connection that the daemon has, and the list of them: a snapshot, owned by
 * the program, that outlives the client.
 */
#include "snapshot/list.h"

struct mmiod_peer {
	struct mmiod_wire_client wire;
	char unit[128];
};

LIST_OF(mmiod_peer, mmiod_peer_list)

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

GETTER(uint64_t, mmiod_peer_id, mmiod_peer, wire.id)
GETTER(uint64_t, mmiod_peer_started, mmiod_peer, wire.started)
GETTER(uint32_t, mmiod_peer_uid, mmiod_peer, wire.uid)
GETTER(uint32_t, mmiod_peer_pid, mmiod_peer, wire.pid)
GETTER(const char *, mmiod_peer_comm, mmiod_peer, wire.comm)
GETTER(const char *, mmiod_peer_unit, mmiod_peer, unit)
GETTER(uint32_t, mmiod_peer_leases, mmiod_peer, wire.leases)
GETTER(uint64_t, mmiod_peer_bytes, mmiod_peer, wire.bytes)
GETTER(uint32_t, mmiod_peer_unread, mmiod_peer, wire.unread)

MMIOD_EXPORT int mmiod_peer_paused(const struct mmiod_peer *peer)
{
	return !!(peer->wire.flags & MMIOD_CLIENT_PAUSED);
}

MMIOD_EXPORT int mmiod_peer_monitors(const struct mmiod_peer *peer)
{
	return !!(peer->wire.flags & MMIOD_CLIENT_MONITOR);
}
