/* SPDX-License-Identifier: MIT */
/*
 * Requests and replies. A few requests are kept in flight, their replies taken in any order and
 * matched by id. When the daemon goes away, the exchange connects again and sends what has not been
 * answered: a lease that a dead daemon granted and could not hand over has ended with it, because
 * its file was closed on the way. It does so a few times only, lest a request of which daemons die
 * kills all that the service manager starts.
 *
 * Few in flight, so that all of them fit the socket's buffer: the library never blocks in sending
 * while the daemon waits for it to read.
 */
#include "internal.h"

#include <string.h>

#define IN_FLIGHT_MAX 4
#define RESENDS_MAX 2 /* of one request */

struct slot {
	uint64_t id; /* 0: free */
	size_t index;
	uint16_t opcode;
};

struct flight {
	struct slot slots[IN_FLIGHT_MAX];
	size_t sent; /* requests sent for the first time */
	size_t answered;
	unsigned int resends; /* since the last answer */
};

/* One that was built before, and may be longer than others. */
static int send_prepared(struct mmiod_client *client, const struct exchange *exchange,
			 struct slot *slot)
{
	slot->id = ++client->last_id;
	slot->opcode = exchange->prepared->opcode;
	exchange->prepared->id = slot->id;
	return packet_send(client->sock, exchange->prepared, exchange->prepared->size, 0);
}

static int send_slot(struct mmiod_client *client, struct exchange *exchange, struct slot *slot)
{
	union {
		struct mmiod_msg msg;
		uint8_t bytes[REQUEST_MAX];
	} request;
	size_t size;

	if (exchange->prepared)
		return send_prepared(client, exchange, slot);
	memset(&request, 0, sizeof(request));
	size = exchange->build(exchange->context, slot->index, &request);
	slot->id = ++client->last_id;
	slot->opcode = request.msg.opcode;
	request.msg.size = (uint32_t)size;
	request.msg.id = slot->id;
	return packet_send(client->sock, &request, size, 0);
}

static int fill_slots(struct mmiod_client *client, struct exchange *exchange, struct flight *flight)
{
	for (size_t i = 0; i < IN_FLIGHT_MAX && flight->sent < exchange->count; i++) {
		int err;

		if (flight->slots[i].id)
			continue;
		flight->slots[i].index = flight->sent++;
		err = send_slot(client, exchange, &flight->slots[i]);
		if (err)
			return err;
	}
	return 0;
}

/* The daemon is gone: connect again, and repeat what was not answered. */
static int restart(struct mmiod_client *client, struct exchange *exchange, struct flight *flight)
{
	int err;

	connection_close(client);
	if (flight->resends++ == RESENDS_MAX)
		return client_fail(client, -ECONNRESET,
				   "%s: the daemon closed the connection, each time it was asked",
				   client->path);
	exchange->resent = true;
	err = connection_open(client);
	for (size_t i = 0; !err && i < IN_FLIGHT_MAX; i++)
		if (flight->slots[i].id)
			err = send_slot(client, exchange, &flight->slots[i]);
	return err;
}

static struct slot *find_slot(struct flight *flight, uint64_t id)
{
	for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
		if (flight->slots[i].id == id)
			return &flight->slots[i];
	return NULL;
}

/* A reply that nobody waits for any more belongs to a request that timed out: drop it. */
static int deliver(struct mmiod_client *client, struct exchange *exchange, struct flight *flight,
		   struct reply *reply)
{
	uint64_t id = reply->message.head.id;
	struct slot *slot;

	if (!id || id > client->last_id)
		return -EPROTO;
	slot = find_slot(flight, id);
	if (!slot)
		return 0;
	if (reply->message.head.opcode != slot->opcode)
		return -EPROTO;
	slot->id = 0;
	flight->answered++;
	flight->resends = 0;
	return exchange->reply(exchange->context, slot->index, reply);
}

/* Leases are renewed meanwhile: a request may wait for longer than they last. */
static int wait_for_packet(struct mmiod_client *client, int64_t deadline)
{
	for (;;) {
		int64_t now = clock_ms(), within = renew_within_ms(client);
		bool renews = within < deadline - now;
		int err = connection_wait(client, renews ? now + within : deadline);

		if (err != -ETIMEDOUT || !renews)
			return err;
		client->error[0] = '\0';
		renew_due(client);
	}
}

static int receive_one(struct mmiod_client *client, struct exchange *exchange,
		       struct flight *flight)
{
	int64_t deadline = clock_ms() + client->timeout_ms + exchange->patience_ms;
	size_t answered = flight->answered;
	struct packet packet;
	struct reply reply = { .packet = &packet };
	/* What was just asked for, alone, is not there yet: to look would be a call for nothing. */
	bool early = flight->sent == answered + 1;

	while (flight->answered == answered) {
		int err = early ? -EAGAIN : connection_next(client, &packet, &reply.message);

		early = false;
		if (err == -EAGAIN) {
			err = wait_for_packet(client, deadline);
			if (err)
				return err;
			continue;
		}
		if (err)
			return err;
		err = deliver(client, exchange, flight, &reply);
		packet_release(&packet);
		if (err)
			return err;
	}
	return 0;
}

static int step(struct mmiod_client *client, struct exchange *exchange, struct flight *flight)
{
	int err = fill_slots(client, exchange, flight);

	if (err == -EAGAIN)
		return client_fail(client, -ETIMEDOUT, "the daemon does not read its requests");
	return err ? err : receive_one(client, exchange, flight);
}

int exchange_run(struct mmiod_client *client, struct exchange *exchange)
{
	struct flight flight = { 0 };
	int err = client_check(client);

	if (err)
		return err;
	exchange->resent = false;
	if (client->sock < 0)
		err = connection_open(client);
	if (!err)
		renew_due(client);
	while (!err && flight.answered < exchange->count) {
		err = step(client, exchange, &flight);
		while (err == -ECONNRESET && client->sock >= 0)
			err = restart(client, exchange, &flight);
	}
	if (err == -EPROTO)
		connection_close(client);
	if (err && !client->error[0])
		client_fail(client, err, "%s",
			    err == -EPROTO ? "the daemon's answer breaks the protocol"
					   : strerror(-err));
	if (!err && client->after_exchange)
		client->after_exchange(client);
	return err;
}

/* A reply's own status, with its sentence. */
int reply_status(struct mmiod_client *client, const struct reply *reply)
{
	const struct message *message = &reply->message;
	struct mmiod_msg_error error;
	char text[TEXT_MAX];

	if (message->head.status == MMIOD_OK)
		return 0;
	if (message_fixed(message, &error, sizeof(error), MMIOD_V1_ERROR) ||
	    message_text(message, &error.text, text, sizeof(text)))
		return client_fail(client, -EPROTO, "the daemon's refusal breaks the protocol");
	return client_fail(client, outcome_errno(message->head.status), "%s",
			   text[0] ? text : outcome_sentence(message->head.status));
}
