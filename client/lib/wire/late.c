/* SPDX-License-Identifier: MIT */
/*
 * Answers that nobody waits for any more: the request had timed out, or was cancelled. Leases that
 * they granted are given back by RELEASE, because in simulation the end of a file tells the daemon
 * nothing. As with renewals, that is sent and not waited for.
 */
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH MMIOD_MSG_FDS_MAX

/* Without memory for it, the lease ends by its file, or with the connection. */
static void keep(struct mmiod_client *client, uint64_t lease)
{
	uint64_t *larger =
		reallocarray(client->late, client->late_count + 1, sizeof(client->late[0]));

	if (!larger)
		return;
	client->late = larger;
	larger[client->late_count++] = lease;
}

/* The reply is its caller's to release. */
void late_take(struct mmiod_client *client, struct reply *reply)
{
	const struct message *message = &reply->message;
	uint16_t opcode = message->head.opcode;

	if (pending_take(client, reply))
		return;
	if ((opcode != MMIOD_OP_LEASE && opcode != MMIOD_OP_ALLOC && opcode != MMIOD_OP_INTERRUPT &&
	     opcode != MMIOD_OP_OPERATE) ||
	    message->head.status)
		return;
	for (size_t i = 0; i < message->head.count; i++) {
		struct mmiod_wire_granted wire;

		if (!message_element(message, i, &wire, sizeof(wire), MMIOD_V1_GRANTED) &&
		    wire.status == MMIOD_OK)
			keep(client, wire.lease);
	}
	late_flush(client);
}

static size_t send_batch(struct mmiod_client *client, const uint64_t *leases, size_t count)
{
	struct {
		struct mmiod_msg_end fixed;
		uint64_t ids[BATCH];
	} request = { .fixed.msg = { .opcode = MMIOD_OP_RELEASE,
				     .id = ++client->last_id,
				     .fixed = MMIOD_V1_END,
				     .stride = sizeof(uint64_t) } };
	uint8_t *array = (uint8_t *)&request + MMIOD_V1_END;

	if (count > BATCH)
		count = BATCH;
	memcpy(array, leases, count * sizeof(*leases));
	request.fixed.msg.count = (uint32_t)count;
	request.fixed.msg.size = (uint32_t)(MMIOD_V1_END + count * sizeof(*leases));
	return packet_send(client->sock, &request, request.fixed.msg.size, MSG_DONTWAIT) ? 0
											 : count;
}

/* Releases that the daemon does not take now, it takes with the next call. */
void late_flush(struct mmiod_client *client)
{
	while (client->sock >= 0 && client->late_count) {
		size_t sent = send_batch(client, client->late, client->late_count);

		if (!sent)
			return;
		client->late_count -= sent;
		memmove(client->late, client->late + sent, client->late_count * sizeof(uint64_t));
	}
}
