/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_lease: asking for leases, in batches, and giving them back or taking them.
 *
 * A lease owns its window's file. It remembers its client as long as that lives, only to be released through it and to
 * leave sentences there.
 */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static_assert(MMIOD_WANT_DUMMY == MMIOD_LEASE_DUMMY, "the flags go out as they come");
static_assert(MMIOD_WANT_CONNECTION == MMIOD_LEASE_CONNECTION, "the flags go out as they come");
static_assert(MMIOD_LEASE_ALL == MMIOD_LEASE_ALL_OR_NONE, "the flags go out as they come");

int lease_fail(const struct mmiod_lease *lease, int err, const char *format, ...)
{
	va_list args;

	if (!lease->client)
		return err;
	va_start(args, format);
	vsnprintf(lease->client->error, sizeof(lease->client->error), format, args);
	va_end(args);
	return err;
}

/* ---- asking ---- */

struct lease_call {
	struct mmiod_client *client;
	const struct mmiod_want *wants;
	size_t count;
	unsigned int flags;
	struct mmiod_lease **leases;
	int *errors; /* NULL: the program does not care */
	size_t batch; /* leases with one request */
	size_t granted;
	int first_error;
	char sentence[ERROR_MAX]; /* of the first error */
	uint64_t *lost; /* granted, but the kernel could not install their files */
	size_t lost_count;
};

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

static size_t build_lease(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_lease *request = buffer;
	struct mmiod_wire_want *wire = (struct mmiod_wire_want *)(request + 1);
	struct lease_call *call = context;
	const struct mmiod_want *want = call->wants + index * call->batch;

	request->msg.opcode = MMIOD_OP_LEASE;
	request->msg.fixed = sizeof(*request);
	request->msg.count = (uint32_t)batch_length(call, index);
	request->msg.stride = sizeof(*wire);
	request->flags = call->flags;
	for (size_t i = 0; i < request->msg.count; i++, wire++, want++) {
		strcpy(wire->region, want->region);
		wire->offset = want->offset;
		wire->length = want->length;
		wire->rights = want->rights ? want->rights : MMIOD_RIGHT_READ;
		wire->cache = want->cache;
		wire->width = want->width;
		wire->share = want->share;
		wire->flags = want->flags;
	}
	return sizeof(*request) + request->msg.count * sizeof(*wire);
}

static struct mmiod_lease *lease_new(struct mmiod_client *client,
				     const struct mmiod_wire_granted *wire)
{
	struct mmiod_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	lease->client = client;
	link_append(&client->leases, &lease->link);
	link_init(&lease->mappings);
	lease->fd = -1;
	lease->simulated = client->hello.backend == MMIOD_BACKEND_SIMULATION;
	lease->id = wire->lease;
	lease->offset = wire->offset;
	lease->length = wire->length;
	lease->map_offset = wire->map_offset;
	lease->rights = wire->rights;
	lease->cache = wire->cache;
	lease->share = wire->share;
	lease->width = wire->width;
	lease->mappable = wire->mmapable;
	return lease;
}

/*
 * Descriptors are short: the message is whole, but its files are not, and which are missing cannot be told. None of them
 * is used (the packet closes what came), the daemon is told afterwards, and the connection goes on.
 */
static int lose_batch(struct lease_call *call, size_t first, const struct message *message)
{
	static const char sentence[] = "leases were granted, but this process has no free file "
				       "descriptor for them (RLIMIT_NOFILE)";

	for (size_t i = 0; i < message->head.count; i++) {
		struct mmiod_wire_granted wire;
		uint64_t *lost;

		if (message_element(message, i, &wire, sizeof(wire)))
			return -EPROTO;
		note_result(call, first + i, -EMFILE, sentence);
		if (wire.status != MMIOD_OK)
			continue;
		lost = reallocarray(call->lost, call->lost_count + 1, sizeof(*lost));
		if (!lost)
			continue;
		call->lost = lost;
		lost[call->lost_count++] = wire.lease;
	}
	return 0;
}

static void grant(struct lease_call *call, size_t index, const struct mmiod_wire_granted *wire,
		  int fd)
{
	struct mmiod_lease *lease = lease_new(call->client, wire);

	if (!lease) {
		close(fd);
		note_result(call, index, -ENOMEM, "out of memory");
		return;
	}
	lease->fd = fd;
	call->leases[index] = lease;
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

/* Each granted element has exactly one file; a reply in which they do not match is used in no part. */
static int count_files(const struct message *message, size_t files)
{
	size_t granted = 0;

	for (size_t i = 0; i < message->head.count; i++) {
		struct mmiod_wire_granted wire;

		if (message_element(message, i, &wire, sizeof(wire)))
			return -EPROTO;
		granted += wire.status == MMIOD_OK;
	}
	return granted == files ? 0 : -EPROTO;
}

static int read_lease(void *context, size_t index, struct reply *reply)
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

		err = message_element(message, i, &wire, sizeof(wire));
		if (!err && wire.status == MMIOD_OK)
			grant(call, first + i, &wire, packet_take(reply->packet, file++));
		else if (!err)
			err = refuse(call, first + i, message, &wire);
	}
	return err;
}

static int check_want(struct mmiod_client *client, const struct mmiod_want *want)
{
	if (!want->region || !want->region[0])
		return client_fail(client, -EINVAL, "the name of a region is empty");
	if (strlen(want->region) >= MMIOD_WIRE_NAME)
		return client_fail(client, -EINVAL,
				   "%.40s: a region's name has at most %d characters", want->region,
				   MMIOD_WIRE_NAME - 1);
	return 0;
}

static int check_call(struct mmiod_client *client, const struct lease_call *call)
{
	int err = 0;

	if (!call->count)
		return client_fail(client, -EINVAL, "no lease is asked for");
	if (call->flags & ~MMIOD_LEASE_ALL)
		return client_fail(client, -EINVAL, "flags 0x%x: only MMIOD_LEASE_ALL is known",
				   call->flags);
	if (call->flags & MMIOD_LEASE_ALL && call->count > call->batch)
		return client_fail(client, -EINVAL, "%zu leases: all or none is for at most %zu",
				   call->count, call->batch);
	for (size_t i = 0; !err && i < call->count; i++)
		err = check_want(client, &call->wants[i]);
	return err;
}

static void release_lost(struct lease_call *call);

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

/* What the exchange could not ask for, or had no answer to, has the error that ended it. */
static int finish_lease(struct lease_call *call, int err)
{
	if (err && !call->first_error) {
		call->first_error = err;
		memcpy(call->sentence, call->client->error, sizeof(call->sentence));
	}
	if (call->flags & MMIOD_LEASE_ALL && call->granted < call->count)
		drop_granted(call);
	if (call->lost_count)
		release_lost(call);
	free(call->lost);
	if (call->first_error)
		memcpy(call->client->error, call->sentence, sizeof(call->sentence));
	return call->granted ? (int)call->granted : call->first_error;
}

MMIOD_EXPORT int mmiod_client_lease_many(struct mmiod_client *client,
					 const struct mmiod_want *wants, size_t count,
					 unsigned int flags, struct mmiod_lease **leases,
					 int *errors)
{
	struct lease_call call = { .client = client,
				   .wants = wants,
				   .count = count,
				   .flags = flags,
				   .leases = leases,
				   .errors = errors,
				   .batch = MMIOD_MSG_FDS_MAX };
	struct exchange exchange = { .context = &call, .build = build_lease, .reply = read_lease };
	int err = client_check(client);

	if (client->hello.max_fds < call.batch)
		call.batch = client->hello.max_fds;
	for (size_t i = 0; i < count; i++)
		leases[i] = NULL;
	if (!err)
		err = check_call(client, &call);
	for (size_t i = 0; errors && i < count; i++)
		errors[i] = err ? err : -ECANCELED;
	if (err)
		return err;
	exchange.count = (count + call.batch - 1) / call.batch;
	err = exchange_run(client, &exchange);
	for (size_t i = 0; err && errors && i < count; i++)
		if (errors[i] == -ECANCELED)
			errors[i] = err;
	return finish_lease(&call, err);
}

MMIOD_EXPORT int mmiod_client_lease(struct mmiod_client *client, const char *region,
				    uint64_t offset, uint64_t length, unsigned int rights,
				    struct mmiod_lease **lease)
{
	struct mmiod_want want = {
		.region = region, .offset = offset, .length = length, .rights = rights
	};
	int n = mmiod_client_lease_many(client, &want, 1, 0, lease, NULL);

	return n < 0 ? n : 0;
}

/* ---- ending ---- */

struct end_call {
	struct mmiod_client *client;
	uint16_t opcode;
	uint32_t deadline_ms;
	const uint64_t *ids;
	size_t count;
	int result; /* of the first that failed */
};

static size_t build_end(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_end *request = buffer;
	struct end_call *call = context;
	size_t first = index * MMIOD_MSG_FDS_MAX, count = call->count - first;

	if (count > MMIOD_MSG_FDS_MAX)
		count = MMIOD_MSG_FDS_MAX;
	request->msg.opcode = call->opcode;
	request->msg.fixed = sizeof(*request);
	request->msg.count = (uint32_t)count;
	request->msg.stride = sizeof(*call->ids);
	request->deadline_ms = call->deadline_ms;
	memcpy(request + 1, call->ids + first, count * sizeof(*call->ids));
	return sizeof(*request) + count * sizeof(*call->ids);
}

static int read_end(void *context, size_t index, struct reply *reply)
{
	const struct message *message = &reply->message;
	struct end_call *call = context;
	int err = reply_status(call->client, reply);

	if (!err && !message->head.count)
		err = -EPROTO;
	for (size_t i = 0; !err && i < message->head.count; i++) {
		struct mmiod_wire_ended wire;
		char text[TEXT_MAX];

		if (message_element(message, i, &wire, sizeof(wire)) ||
		    message_text(message, &wire.text, text, sizeof(text)))
			return -EPROTO;
		if (wire.status != MMIOD_OK && !call->result)
			call->result = client_fail(call->client, outcome_errno(wire.status), "%s",
						   text[0] ? text : outcome_sentence(wire.status));
	}
	return err;
}

/* An id that was sent twice because the daemon died, and is unknown now, has ended: ids are never used again. */
static int end_leases(struct end_call *call)
{
	struct exchange exchange = {
		.count = (call->count + MMIOD_MSG_FDS_MAX - 1) / MMIOD_MSG_FDS_MAX,
		.context = call,
		.build = build_end,
		.reply = read_end,
		.patience_ms = call->deadline_ms,
	};
	int err = exchange_run(call->client, &exchange);

	if (!err && call->result == -ENOENT && exchange.resent && call->opcode == MMIOD_OP_RELEASE)
		return 0;
	return err ? err : call->result;
}

/* In simulation closing a file tells the daemon nothing. */
static void release_lost(struct lease_call *call)
{
	struct end_call end = { .client = call->client,
				.opcode = MMIOD_OP_RELEASE,
				.ids = call->lost,
				.count = call->lost_count };

	end_leases(&end);
}

MMIOD_EXPORT int mmiod_client_revoke(struct mmiod_client *client, uint64_t lease,
				     uint32_t deadline_ms)
{
	struct end_call call = { .client = client,
				 .opcode = MMIOD_OP_REVOKE,
				 .deadline_ms = deadline_ms,
				 .ids = &lease,
				 .count = 1 };

	return end_leases(&call);
}

MMIOD_EXPORT int mmiod_lease_release(struct mmiod_lease *lease)
{
	struct end_call call = {
		.client = lease->client, .opcode = MMIOD_OP_RELEASE, .ids = &lease->id, .count = 1
	};
	int err;

	if (!lease->client)
		return -ENOTCONN;
	err = end_leases(&call);
	if (!err)
		mmiod_lease_free(lease);
	return err;
}

MMIOD_EXPORT void mmiod_lease_free(struct mmiod_lease *lease)
{
	if (!lease)
		return;
	mapping_forget_lease(lease);
	link_remove(&lease->link);
	if (lease->fd >= 0)
		close(lease->fd);
	free(lease);
}

/* ---- what it is ---- */

MMIOD_EXPORT uint64_t mmiod_lease_id(const struct mmiod_lease *lease)
{
	return lease->id;
}

MMIOD_EXPORT int mmiod_lease_fd(const struct mmiod_lease *lease)
{
	return lease->fd;
}

MMIOD_EXPORT uint64_t mmiod_lease_offset(const struct mmiod_lease *lease)
{
	return lease->offset;
}

MMIOD_EXPORT uint64_t mmiod_lease_length(const struct mmiod_lease *lease)
{
	return lease->length;
}

MMIOD_EXPORT unsigned int mmiod_lease_rights(const struct mmiod_lease *lease)
{
	return lease->rights;
}

MMIOD_EXPORT enum mmiod_cache mmiod_lease_cache(const struct mmiod_lease *lease)
{
	return lease->cache;
}

MMIOD_EXPORT enum mmiod_share mmiod_lease_share(const struct mmiod_lease *lease)
{
	return lease->share;
}

MMIOD_EXPORT unsigned int mmiod_lease_width(const struct mmiod_lease *lease)
{
	return lease->width;
}

MMIOD_EXPORT uint64_t mmiod_lease_map_offset(const struct mmiod_lease *lease)
{
	return lease->map_offset;
}

MMIOD_EXPORT int mmiod_lease_mappable(const struct mmiod_lease *lease)
{
	return lease->mappable;
}

MMIOD_EXPORT int mmiod_lease_state(const struct mmiod_lease *lease, enum mmiod_state *state)
{
	struct mmiod_window_query query = { .size = sizeof(query) };

	*state = MMIOD_STATE_OK;
	if (lease->simulated)
		return 0;
	if (ioctl(lease->fd, MMIOD_IOC_QUERY, &query) < 0)
		return lease_fail(lease, -errno, "lease %llu: cannot ask for its state: %s",
				  (unsigned long long)lease->id, strerror(errno));
	*state = query.state;
	return 0;
}
