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
 *
 * A program that breaks off a wait has the daemon cancel what is in flight. The answer to a request
 * always comes before that to its CANCEL, so when all of those are there, it is known what was
 * granted meanwhile, and that is given back.
 */
#include "base/error.h"
#include "wire/wire.h"

#include <string.h>

#define IN_FLIGHT_MAX 4
#define RESENDS_MAX 2 /* of one request */

void (*client_after_exchange)(struct mmiod_client *client);

struct slot {
	uint64_t id; /* 0: free */
	uint64_t cancel; /* id of its CANCEL; 0: none is under way */
	size_t index;
	uint16_t opcode;
};

struct flight {
	struct slot slots[IN_FLIGHT_MAX];
	size_t sent; /* requests sent for the first time */
	size_t answered;
	unsigned int resends; /* since the last answer */
	int broken_off; /* -ECANCELED or -EINTR: no answer is used any more; 0 */
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
	struct mmiod_msg *msg = (struct mmiod_msg *)client->request;
	size_t size;
	int err;

	if (exchange->prepared)
		return send_prepared(client, exchange, slot);
	size = exchange->build(exchange->context, slot->index, msg);
	slot->id = ++client->last_id;
	slot->opcode = msg->opcode;
	msg->size = (uint32_t)size;
	msg->id = slot->id;
	err = packet_send(client->sock, msg, size, 0);
	memset(msg, 0, size);
	return err;
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

static int connect_again(struct mmiod_client *client, struct flight *flight)
{
	connection_close(client);
	if (flight->resends++ == RESENDS_MAX)
		return client_fail(client, -ECONNRESET,
				   "%s: the daemon closed the connection, each time it was asked",
				   client->path);
	return connection_open(client);
}

/*
 * The daemon is gone: connect again, and repeat what was not answered. One that has not answered
 * HELLO may have said why it let nobody in, and else has not seen the request; nor has an older one,
 * which is being greeted again.
 */
static int restart(struct mmiod_client *client, struct exchange *exchange, struct flight *flight)
{
	int err = client->greeting ? connection_greeted(client) : connect_again(client, flight);

	exchange->resent = true;
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

static struct slot *find_cancel(struct flight *flight, uint64_t id)
{
	for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
		if (flight->slots[i].cancel == id)
			return &flight->slots[i];
	return NULL;
}

/*
 * Whether something waits under its request's id no more. A daemon that knows no CANCEL has the
 * request wait on: it is waited for, unless the program wants to be back whatever it costs.
 */
static int settle_cancel(struct mmiod_client *client, struct flight *flight, struct slot *slot,
			 const struct reply *reply)
{
	slot->cancel = 0;
	if (reply->message.head.status != MMIOD_E_UNSUPPORTED)
		return 0;
	if (flight->broken_off == -EINTR)
		return -ECONNRESET;
	flight->broken_off = 0;
	return 0;
}

/* A reply that nobody waits for any more belongs to a request that timed out: it is given back. */
static int deliver(struct mmiod_client *client, struct exchange *exchange, struct flight *flight,
		   struct reply *reply)
{
	uint64_t id = reply->message.head.id;
	struct slot *slot;

	if (!id || id > client->last_id)
		return -EPROTO;
	slot = find_cancel(flight, id);
	if (slot)
		return settle_cancel(client, flight, slot, reply);
	slot = find_slot(flight, id);
	if (!slot) {
		late_take(client, reply);
		return 0;
	}
	if (reply->message.head.opcode != slot->opcode)
		return -EPROTO;
	slot->id = 0;
	if (flight->broken_off) {
		late_take(client, reply);
		return 0;
	}
	flight->answered++;
	flight->resends = 0;
	return exchange->reply(exchange->context, slot->index, reply);
}

/* Leases are renewed meanwhile: a request may wait for longer than they last. */
static int wait_for_packet(struct mmiod_client *client, int64_t deadline, bool breakable)
{
	for (;;) {
		int64_t now = clock_ms(), within = renew_within_ms(client);
		bool renews = within < deadline - now;
		int err = connection_wait(client, renews ? now + within : deadline, breakable);

		if (err != -ETIMEDOUT || !renews)
			return err;
		client->error[0] = '\0';
		renew_due(client);
	}
}

static int receive_packet(struct mmiod_client *client, struct exchange *exchange,
			  struct flight *flight, bool block)
{
	struct packet packet;
	struct reply reply = { .packet = &packet };
	int err = connection_next(client, block, &packet, &reply.message);

	if (err)
		return err;
	err = deliver(client, exchange, flight, &reply);
	packet_release(&packet);
	return err;
}

/*
 * One system call instead of two, where nothing but the reply can end the wait: recvmsg() waits for
 * no other descriptor, and not for a shorter time.
 */
static bool may_block(const struct mmiod_client *client, const struct exchange *exchange)
{
	return !exchange->breakable && client->bound_ms <= client->timeout_ms &&
	       renew_within_ms(client) > client->bound_ms;
}

static int receive_one(struct mmiod_client *client, struct exchange *exchange,
		       struct flight *flight)
{
	int64_t deadline = clock_ms() + client->timeout_ms + exchange->patience_ms;
	size_t answered = flight->answered;
	bool block = may_block(client, exchange);
	/* The reply to a request that was just sent alone is not there yet: do not look in vain. */
	bool early = !block && flight->sent == answered + 1;

	while (flight->answered == answered) {
		int err = early ? -EAGAIN : receive_packet(client, exchange, flight, block);

		early = block = false;
		if (err == -EAGAIN)
			err = wait_for_packet(client, deadline, exchange->breakable);
		if (err)
			return err;
	}
	return 0;
}

/* ---- breaking off ---- */

/* @id: of the CANCEL. */
int exchange_cancel(struct mmiod_client *client, uint64_t request, uint64_t *id)
{
	struct mmiod_msg_cancel cancel = { .msg = { .size = sizeof(cancel),
						    .opcode = MMIOD_OP_CANCEL,
						    .fixed = sizeof(cancel) },
					   .request = request };

	cancel.msg.id = *id = ++client->last_id;
	return packet_send(client->sock, &cancel, sizeof(cancel), 0);
}

static int cancel_slots(struct mmiod_client *client, struct flight *flight)
{
	int err = 0;

	for (size_t i = 0; !err && i < IN_FLIGHT_MAX; i++)
		if (flight->slots[i].id)
			err = exchange_cancel(client, flight->slots[i].id,
					      &flight->slots[i].cancel);
	return err;
}

static bool is_cancelling(const struct flight *flight)
{
	for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
		if (flight->slots[i].cancel)
			return true;
	return false;
}

/*
 * @err: -ECANCELED or -EINTR. 0: the daemon cannot, and the wait for the requests in flight goes
 * on. Leases that a lost connection had granted are lost with it.
 */
static int break_off(struct mmiod_client *client, struct exchange *exchange, struct flight *flight,
		     int err)
{
	int64_t deadline = clock_ms() + client->timeout_ms;
	char sentence[ERROR_MAX];
	int result;

	memcpy(sentence, client->error, sizeof(sentence));
	flight->broken_off = err;
	result = cancel_slots(client, flight);
	while (!result && is_cancelling(flight)) {
		result = receive_packet(client, exchange, flight, false);
		if (result == -EAGAIN)
			result = connection_wait(client, deadline, false);
	}
	if (!result && !flight->broken_off) {
		client->error[0] = '\0';
		return 0;
	}
	if (result)
		connection_close(client);
	memcpy(client->error, sentence, sizeof(sentence));
	return err;
}

static int step(struct mmiod_client *client, struct exchange *exchange, struct flight *flight)
{
	int err = fill_slots(client, exchange, flight);

	if (err == -EAGAIN)
		return client_fail(client, -ETIMEDOUT, "the daemon does not read its requests");
	if (!err)
		err = receive_one(client, exchange, flight);
	if (exchange->breakable && (err == -ECANCELED || err == -EINTR))
		err = break_off(client, exchange, flight, err);
	return err;
}

/* Behind what the program asked for, on a connection that is idle. */
void exchange_after(struct mmiod_client *client)
{
	void (*after)(struct mmiod_client * client) =
		__atomic_load_n(&client_after_exchange, __ATOMIC_ACQUIRE);

	if (client->publishes && after)
		after(client);
}

int exchange_run(struct mmiod_client *client, struct exchange *exchange)
{
	struct flight flight = { 0 };
	int err = client_check(client);

	if (err)
		return err;
	exchange->resent = false;
	if (exchange->breakable)
		err = cancel_listen(client);
	if (!err && client->sock < 0)
		err = connection_open(client);
	if (!err)
		renew_due(client);
	late_flush(client);
	while (!err && flight.answered < exchange->count) {
		err = step(client, exchange, &flight);
		while ((err == -ECONNRESET || err == -ERESTART) && client->sock >= 0)
			err = restart(client, exchange, &flight);
	}
	if (err == -EPROTO)
		connection_close(client);
	if (err && !client->error[0])
		client_fail(client, err, "%s",
			    err == -EPROTO ? "the daemon's answer breaks the protocol"
					   : strerror(-err));
	if (!err)
		exchange_after(client);
	return err;
}
