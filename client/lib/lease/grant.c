/* SPDX-License-Identifier: MIT */
/*
 * Asking for leases, in batches, whatever is asked for: requests go out by the caller's build(),
 * and each granted element of the replies becomes a lease that owns its window's file.
 */
#include "base/error.h"
#include "lease/park.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Any of what can be asked for. */
union want {
	struct mmiod_want lease;
	struct mmiod_allocation allocation;
	struct interrupt_want interrupt;
	struct operate_want operate;
};

int lease_check_name(struct mmiod_client *client, const char *what, const char *name)
{
	if (!name || !name[0])
		return client_fail(client, -EINVAL, "the name of a %s is empty", what);
	if (strlen(name) >= MMIOD_WIRE_NAME)
		return client_fail(client, -EINVAL, "%.40s: a %s's name has at most %d characters",
				   name, what, MMIOD_WIRE_NAME - 1);
	return 0;
}

int lease_check_grant(struct mmiod_client *client, const char *grant)
{
	if (grant && strlen(grant) >= MMIOD_WIRE_NAME)
		return client_fail(client, -EINVAL, "grant %s: a name has 1 to %d bytes", grant,
				   MMIOD_WIRE_NAME - 1);
	return 0;
}

int lease_check_region(struct mmiod_client *client, const char *region)
{
	return lease_check_name(client, "region", region);
}

static int take_want(const struct lease_call *call, size_t index, union want *want)
{
	struct mmiod_client *client = call->client;

	return sized_take(call->kind, want, (const uint8_t *)call->wants + index * call->size,
			  call->size, client->error, sizeof(client->error));
}

static void note_result(struct lease_call *call, size_t index, int err, const char *sentence)
{
	if (call->errors)
		call->errors[index] = err;
	if (!err) {
		call->granted++;
	} else if (!call->first_error) {
		call->first_error = err;
		snprintf(call->sentence, sizeof(call->sentence), "%s", sentence);
	}
}

static size_t batch_length(const struct lease_call *call, size_t batch)
{
	size_t left = call->count - batch * call->batch;

	return left < call->batch ? left : call->batch;
}

size_t lease_call_build(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_lease *request = buffer;
	struct lease_call *call = context;
	/*
	 * A daemon of the first version knows no waiting, and need not as long as nobody asks for
	 * it.
	 */
	size_t fixed = call->wait_ms ? sizeof(*request) : MMIOD_V1_LEASE_REQUEST;

	request->msg.opcode = call->opcode;
	request->msg.fixed = (uint32_t)fixed;
	request->msg.count = (uint32_t)batch_length(call, index);
	request->msg.stride = (uint32_t)call->stride;
	request->flags = call->flags;
	if (call->wait_ms)
		request->wait_ms = call->wait_ms;
	for (size_t i = 0; i < request->msg.count; i++) {
		union want want;

		take_want(call, index * call->batch + i, &want);
		call->build(call, &want, (uint8_t *)buffer + fixed + i * call->stride);
	}
	return fixed + request->msg.count * call->stride;
}

static struct mmiod_lease *lease_new(struct mmiod_client *client,
				     const struct mmiod_wire_granted *wire)
{
	struct mmiod_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->client = client;
	link_append(&client->leases, &lease->link);
	link_init(&lease->users);
	link_init(&lease->renewal.link);
	lease->fd = -1;
	lease->simulated = client->hello.backend == MMIOD_BACKEND_SIMULATION;
	lease->id = wire->lease;
	lease->offset = wire->offset;
	lease->length = wire->length;
	lease->n_extents = wire->n_extents;
	lease->map_offset = wire->map_offset;
	lease->rights = wire->rights;
	lease->memtype = wire->memtype;
	lease->share = wire->share;
	lease->width = wire->width;
	lease->mappable = wire->mmapable;
	lease->interrupt = (enum mmiod_irq_kind)wire->interrupt;
	lease->vectors = wire->vectors;
	lease->iova = wire->iova ? wire->iova : MMIOD_NO_IOVA;
	lease->renewal.id = wire->lease;
	lease->renewal.lease_ms = wire->lease_ms;
	lease->renews = wire->renew;
	lease->park = client->parking.words ? wire->park : 0;
	lease->park_held = wire->park_held;
	lease->park_page = client->parking.page;
	return lease;
}

/*
 * To be given back when the exchange is over. Without memory for it, the daemon learns of it by the
 * file's end.
 */
static void note_lost(struct lease_call *call, uint64_t id)
{
	uint64_t *lost = reallocarray(call->lost, call->lost_count + 1, sizeof(*lost));

	if (!lost)
		return;
	call->lost = lost;
	lost[call->lost_count++] = id;
}

/*
 * Descriptors are short: the message is whole, but its files are not, and which are missing cannot
 * be told. None of them is used (the packet closes what came), the daemon is told afterwards, and
 * the connection goes on.
 */
static int lose_batch(struct lease_call *call, size_t first, const struct message *message)
{
	static const char sentence[] = "leases were granted, but this process has no free file "
				       "descriptor for them (RLIMIT_NOFILE)";

	for (size_t i = 0; i < message->head.count; i++) {
		struct mmiod_wire_granted wire;

		if (message_element(message, i, &wire, sizeof(wire), MMIOD_V1_GRANTED))
			return -EPROTO;
		note_result(call, first + i, -EMFILE, sentence);
		if (wire.status == MMIOD_OK)
			note_lost(call, wire.lease);
	}
	return 0;
}

static int settle(const struct lease_call *call, size_t index, struct mmiod_lease *lease)
{
	union want want;
	int err = call->settle ? take_want(call, index, &want) : 0;

	return err || !call->settle ? err : call->settle(&want, lease);
}

static void grant(struct lease_call *call, size_t index, const struct mmiod_wire_granted *wire,
		  int fd)
{
	struct mmiod_lease *lease = lease_new(call->client, wire);
	int err;

	if (!lease) {
		close(fd);
		note_result(call, index, -ENOMEM, "out of memory");
		return;
	}
	lease->fd = fd;
	err = settle(call, index, lease);
	if (err) {
		note_lost(call, lease->id);
		note_result(call, index, err, call->client->error);
		mmiod_lease_free(lease);
		return;
	}
	call->leases[index] = lease;
	if (mmiod_lease_renews(lease))
		renewal_start(call->client, &lease->renewal);
	note_result(call, index, 0, "");
}

static int refuse(struct lease_call *call, size_t index, const struct message *message,
		  const struct mmiod_wire_granted *wire)
{
	char text[TEXT_MAX];

	if (message_text(message, &wire->text, text, sizeof(text)))
		return -EPROTO;
	note_result(call, index, outcome_errno(wire->status),
		    text[0] ? text : outcome_sentence(wire->status));
	return 0;
}

/*
 * Each granted element has exactly one file; a reply in which they do not match is used in no part.
 */
static int count_files(const struct message *message, size_t files)
{
	size_t granted = 0;

	for (size_t i = 0; i < message->head.count; i++) {
		struct mmiod_wire_granted wire;

		if (message_element(message, i, &wire, sizeof(wire), MMIOD_V1_GRANTED) ||
		    wire.n_extents > MMIOD_EXTENTS_MAX)
			return -EPROTO;
		granted += wire.status == MMIOD_OK;
	}
	return granted == files ? 0 : -EPROTO;
}

int lease_call_read(void *context, size_t index, struct reply *reply)
{
	const struct message *message = &reply->message;
	struct lease_call *call = context;
	size_t first = index * call->batch, file = 0;
	int err = reply_status(call->client, reply);

	for (size_t i = 0; err && err != -EPROTO && i < batch_length(call, index); i++)
		note_result(call, first + i, err, call->client->error);
	if (err)
		return err == -EPROTO ? err : 0;
	if (message->head.count != batch_length(call, index))
		return -EPROTO;
	if (reply->packet->files_lost)
		return lose_batch(call, first, message);
	err = count_files(message, reply->packet->files);
	for (size_t i = 0; !err && i < message->head.count; i++) {
		struct mmiod_wire_granted wire;

		err = message_element(message, i, &wire, sizeof(wire), MMIOD_V1_GRANTED);
		if (!err && wire.status == MMIOD_OK)
			grant(call, first + i, &wire, packet_take(reply->packet, file++));
		else if (!err)
			err = refuse(call, first + i, message, &wire);
	}
	return err;
}

static void drop_granted(struct lease_call *call)
{
	for (size_t i = 0; i < call->count; i++) {
		mmiod_lease_free(call->leases[i]);
		call->leases[i] = NULL;
		if (call->errors && !call->errors[i])
			call->errors[i] = -ECANCELED;
	}
	call->granted = 0;
}

/* Wants that the exchange could not ask for, or had no answer to, have the error that ended it. */
int lease_call_finish(struct lease_call *call, int err)
{
	if (err && !call->first_error) {
		call->first_error = err;
		memcpy(call->sentence, call->client->error, sizeof(call->sentence));
	}
	if (call->flags & MMIOD_LEASE_ALL && call->granted < call->count)
		drop_granted(call);
	if (call->lost_count)
		lease_release_ids(call->client, call->lost, call->lost_count);
	free(call->lost);
	if (call->first_error)
		memcpy(call->client->error, call->sentence, sizeof(call->sentence));
	return call->granted ? (int)call->granted : call->first_error;
}

static int run(struct lease_call *call)
{
	struct exchange exchange = { .context = call,
				     .build = lease_call_build,
				     .reply = lease_call_read,
				     .patience_ms = call->wait_ms,
				     .breakable = call->wait_ms != 0 };
	int err;

	exchange.count = (call->count + call->batch - 1) / call->batch;
	err = exchange_run(call->client, &exchange);
	for (size_t i = 0; err && call->errors && i < call->count; i++)
		if (call->errors[i] == -ECANCELED)
			call->errors[i] = err;
	return lease_call_finish(call, err);
}

static int check_call(struct lease_call *call)
{
	struct mmiod_client *client = call->client;
	int err = client_check(client);

	if (err)
		return err;
	if (!call->count)
		return client_fail(client, -EINVAL, "no lease is asked for");
	if (call->flags & ~MMIOD_LEASE_ALL)
		return client_fail(client, -EINVAL, "flags 0x%x: only MMIOD_LEASE_ALL is known",
				   call->flags);
	if (call->flags & MMIOD_LEASE_ALL && call->count > call->batch)
		return client_fail(client, -EINVAL, "%zu leases: all or none is for at most %zu",
				   call->count, call->batch);
	for (size_t i = 0; !err && i < call->count; i++) {
		union want want;

		err = take_want(call, i, &want);
		if (!err)
			err = call->check(call, &want);
	}
	return err;
}

/*
 * One window is asked for in the same way whatever the daemon knows, behind HELLO. Of how many fit
 * one message, and of memory in several extents, its greeting tells.
 */
static int hear_of_limits(const struct lease_call *call)
{
	int err;

	if (client_was_greeted(call->client) || (call->count < 2 && call->opcode != MMIOD_OP_ALLOC))
		return 0;
	err = client_check(call->client);
	return err ? err : connection_greeted(call->client);
}

/* Nothing is asked unless all that is asked for makes sense. */
int lease_call_begin(struct lease_call *call)
{
	int err = hear_of_limits(call);

	call->batch = MMIOD_MSG_FDS_MAX;
	if (client_was_greeted(call->client) && call->client->hello.max_fds < call->batch)
		call->batch = call->client->hello.max_fds;
	for (size_t i = 0; i < call->count; i++)
		call->leases[i] = NULL;
	if (!err)
		err = check_call(call);
	for (size_t i = 0; call->errors && i < call->count; i++)
		call->errors[i] = err ? err : -ECANCELED;
	return err;
}

/* Those that were taken back go where they were. */
static void put_back(struct lease_call *call)
{
	for (size_t i = 0; i < call->count; i++) {
		mmiod_lease_free(call->leases[i]);
		call->leases[i] = NULL;
	}
}

/* True: all that is asked for was parked, and nothing need be asked. */
static bool take_parked(struct lease_call *call)
{
	if (!call->again || !call->client->parking.count)
		return false;
	for (size_t i = 0; i < call->count; i++) {
		union want want;

		if (!take_want(call, i, &want))
			call->leases[i] = call->again(call->client, &want);
		if (!call->leases[i]) {
			put_back(call);
			return false;
		}
	}
	for (size_t i = 0; call->errors && i < call->count; i++)
		call->errors[i] = 0;
	return true;
}

/* As mmiod_client_lease_many() returns. */
int lease_ask(struct lease_call *call)
{
	int err = lease_call_begin(call);

	call->wait_ms = call->client->wait_ms;
	if (err || take_parked(call))
		return err ? err : (int)call->count;
	if (call->again)
		park_prepare(call->client);
	return run(call);
}
