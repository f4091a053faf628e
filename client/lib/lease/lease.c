/* SPDX-License-Identifier: MIT */
/*
 * struct mmiod_lease: giving leases back and taking them, and what one is.
 *
 * A lease owns its window's file. It remembers its client as long as that lives, only to be
 * released through it and to leave sentences there.
 */
#include "base/error.h"
#include "base/getter.h"
#include "lease/park.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

int lease_fail(const struct mmiod_lease *lease, int err, const char *format, ...)
{
	char *sentence = lease->client ? lease->client->error : lone_error;
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, ERROR_MAX, format, args);
	va_end(args);
	return err;
}

/* ---- ending ---- */

struct end_call {
	struct mmiod_client *client;
	uint16_t opcode;
	uint32_t deadline_ms;
	uint32_t flags; /* MMIOD_END_* */
	const uint64_t *ids;
	size_t count;
	struct exchange exchange;
	int result; /* of the first that failed */
	bool *ended; /* NULL, or which were */
};

static size_t batch_count(const struct end_call *call, size_t index)
{
	size_t rest = call->count - index * MMIOD_MSG_FDS_MAX;

	return rest < MMIOD_MSG_FDS_MAX ? rest : MMIOD_MSG_FDS_MAX;
}

static size_t build_end(void *context, size_t index, void *buffer)
{
	struct mmiod_msg_end *request = buffer;
	struct end_call *call = context;
	size_t first = index * MMIOD_MSG_FDS_MAX, count = batch_count(call, index);

	request->msg.opcode = call->opcode;
	request->msg.fixed = sizeof(*request);
	request->msg.count = (uint32_t)count;
	request->msg.stride = sizeof(*call->ids);
	request->deadline_ms = call->deadline_ms;
	request->flags = call->flags;
	memcpy(request + 1, call->ids + first, count * sizeof(*call->ids));
	return sizeof(*request) + count * sizeof(*call->ids);
}

/*
 * An id that was sent twice because the daemon died, and is unknown now, has ended: ids are never
 * used again.
 */
static bool has_ended(const struct end_call *call, const struct mmiod_wire_ended *wire)
{
	return wire->status == MMIOD_OK ||
	       (wire->status == MMIOD_E_NOT_FOUND && call->opcode == MMIOD_OP_RELEASE &&
		call->exchange.resent);
}

static int read_end(void *context, size_t index, struct reply *reply)
{
	const struct message *message = &reply->message;
	struct end_call *call = context;
	int err = reply_status(call->client, reply);

	if (!err && message->head.count != batch_count(call, index))
		err = -EPROTO;
	for (size_t i = 0; !err && i < message->head.count; i++) {
		struct mmiod_wire_ended wire;
		char text[TEXT_MAX];
		bool ended;

		if (message_element(message, i, &wire, sizeof(wire), MMIOD_V1_ENDED) ||
		    message_text(message, &wire.text, text, sizeof(text)))
			return -EPROTO;
		ended = has_ended(call, &wire);
		if (call->ended)
			call->ended[index * MMIOD_MSG_FDS_MAX + i] = ended;
		if (!ended && !call->result)
			call->result = client_fail(call->client, outcome_errno(wire.status), "%s",
						   text[0] ? text : outcome_sentence(wire.status));
	}
	return err;
}

static int end_leases(struct end_call *call)
{
	int err;

	call->exchange = (struct exchange){
		.count = (call->count + MMIOD_MSG_FDS_MAX - 1) / MMIOD_MSG_FDS_MAX,
		.context = call,
		.build = build_end,
		.reply = read_end,
		.patience_ms = call->deadline_ms,
	};
	err = exchange_run(call->client, &call->exchange);
	return err ? err : call->result;
}

/* For leases whose files are closed: in simulation that tells the daemon nothing. */
void lease_release_ids(struct mmiod_client *client, const uint64_t *ids, size_t count)
{
	struct end_call end = {
		.client = client, .opcode = MMIOD_OP_RELEASE, .ids = ids, .count = count
	};

	end_leases(&end);
}

/* A daemon that knows no force asks for none. */
MMIOD_EXPORT int mmiod_client_release(struct mmiod_client *client, uint64_t lease)
{
	struct end_call call = { .client = client,
				 .opcode = MMIOD_OP_RELEASE,
				 .flags = MMIOD_END_FORCE,
				 .ids = &lease,
				 .count = 1 };
	int err = end_leases(&call);

	if (err != -EOPNOTSUPP)
		return err;
	call.flags = 0;
	call.result = 0;
	return end_leases(&call);
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

/* Of one that was lost the daemon that runs now knows nothing. */
MMIOD_EXPORT int mmiod_lease_release(struct mmiod_lease *lease)
{
	struct end_call call = {
		.client = lease->client, .opcode = MMIOD_OP_RELEASE, .ids = &lease->id, .count = 1
	};
	int err;

	if (!lease->client)
		return lease_fail(lease, -ENOTCONN,
				  "lease %llu cannot be released here: its client was freed, or "
				  "another process took it",
				  (unsigned long long)lease->id);
	err = lease->lost ? client_check(lease->client) : end_leases(&call);
	if (!err)
		lease_destroy(lease);
	return err;
}

/* The arrays of one such call. */
struct release {
	uint64_t *ids; /* that are asked for, as the following */
	bool *ended;
	bool *lost; /* of all; before the exchange, in which others may get lost */
};

static int release_all(struct mmiod_client *client, struct mmiod_lease **leases, size_t count,
		       const struct release *release)
{
	struct end_call call = {
		.client = client,
		.opcode = MMIOD_OP_RELEASE,
		.ids = release->ids,
		.ended = release->ended,
	};
	int err = client_check(client);

	for (size_t i = 0; i < count; i++) {
		release->lost[i] = leases[i]->lost;
		if (!leases[i]->lost)
			release->ids[call.count++] = leases[i]->id;
	}
	if (!err && call.count)
		err = end_leases(&call);
	for (size_t i = 0, asked = 0; i < count; i++)
		if (release->lost[i] || release->ended[asked++] || !err) {
			lease_destroy(leases[i]);
			leases[i] = NULL;
		}
	return err;
}

MMIOD_EXPORT int mmiod_client_release_many(struct mmiod_client *client, struct mmiod_lease **leases,
					   size_t count)
{
	struct release release;
	int err;

	for (size_t i = 0; i < count; i++)
		if (leases[i]->client != client)
			return client_fail(client, -EINVAL, "lease %llu was not got by this client",
					   (unsigned long long)leases[i]->id);
	if (!count)
		return 0;
	release.ids = calloc(count, sizeof(*release.ids));
	release.ended = calloc(count, sizeof(*release.ended));
	release.lost = calloc(count, sizeof(*release.lost));
	if (release.ids && release.ended && release.lost)
		err = release_all(client, leases, count, &release);
	else
		err = client_fail(client, -ENOMEM, "out of memory");
	free(release.ids);
	free(release.ended);
	free(release.lost);
	return err;
}

/* ---- without their connection ---- */

/* The client goes, and its leases stay, but for those that are parked. */
void leases_disown(struct mmiod_client *client)
{
	park_end(client);
	while (client->leases.next != &client->leases) {
		struct mmiod_lease *lease =
			link_entry(client->leases.next, struct mmiod_lease, link);

		link_remove(&lease->link);
		link_remove(&lease->renewal.link);
		lease->client = NULL;
	}
}

/* On a new connection, perhaps to another daemon: simulated leases are over, and so are their renewals. */
void leases_lose(struct mmiod_client *client, bool restarted)
{
	const char *why = restarted ? "the daemon was started anew, and simulation keeps no leases"
				    : "its connection ended, and in simulation the lease with it";

	park_end(client);
	for (struct link *link = client->leases.next; link != &client->leases; link = link->next) {
		struct mmiod_lease *lease = link_entry(link, struct mmiod_lease, link);

		if (!lease->simulated || lease->lost)
			continue;
		lease->lost = true;
		link_remove(&lease->renewal.link);
		event_queue_tell(&client->events, MMIOD_EVENT_GONE, lease->id, why);
	}
}

/*
 * Before memory of a simulated window is touched: a file that the configuration names may have been
 * cut short by whoever may write it.
 */
int lease_check_memory(const struct mmiod_lease *lease, uint64_t offset, uint64_t length)
{
	uint64_t end = lease->map_offset + offset + length;
	struct stat status;

	if (lease->lost)
		return lease_fail(lease, -ENODEV,
				  "lease %llu ended with the connection that it came by, as leases "
				  "in simulation do",
				  (unsigned long long)lease->id);
	if (fstat(lease->fd, &status) < 0)
		return lease_fail(lease, -errno, "lease %llu: %s", (unsigned long long)lease->id,
				  strerror(errno));
	if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size >= end)
		return 0;
	return lease_fail(
		lease, -ENODEV,
		"lease %llu: the file behind its region was cut to 0x%llx bytes, and 0x%llx "
		"are needed",
		(unsigned long long)lease->id, (unsigned long long)status.st_size,
		(unsigned long long)end);
}

MMIOD_EXPORT void mmiod_lease_free(struct mmiod_lease *lease)
{
	if (lease && !(lease->park && park_put(lease)))
		lease_destroy(lease);
}

/* ---- what it is ---- */

GETTER(uint64_t, mmiod_lease_id, mmiod_lease, id)
GETTER(int, mmiod_lease_fd, mmiod_lease, fd)
GETTER(uint64_t, mmiod_lease_offset, mmiod_lease, offset)
GETTER(uint64_t, mmiod_lease_length, mmiod_lease, length)
GETTER(unsigned int, mmiod_lease_rights, mmiod_lease, rights)
GETTER(enum mmiod_memtype, mmiod_lease_memtype, mmiod_lease, memtype)
GETTER(enum mmiod_memtype, mmiod_lease_cache, mmiod_lease, memtype) /* deprecated */
GETTER(enum mmiod_share, mmiod_lease_share, mmiod_lease, share)
GETTER(unsigned int, mmiod_lease_width, mmiod_lease, width)
GETTER(uint64_t, mmiod_lease_map_offset, mmiod_lease, map_offset)
GETTER(int, mmiod_lease_mappable, mmiod_lease, mappable)
GETTER(uint32_t, mmiod_lease_time_ms, mmiod_lease, renewal.lease_ms)

MMIOD_EXPORT int mmiod_lease_renews(const struct mmiod_lease *lease)
{
	return lease->renewal.lease_ms && lease->renews;
}

GETTER(enum mmiod_memory, mmiod_lease_memory, mmiod_lease, memory)

MMIOD_EXPORT int mmiod_lease_state(const struct mmiod_lease *lease, enum mmiod_state *state)
{
	struct mmiod_window_query query = { .size = sizeof(query) };

	*state = lease->lost ? MMIOD_STATE_REVOKED : MMIOD_STATE_OK;
	if (lease->simulated)
		return 0;
	if (ioctl(lease->fd, MMIOD_IOC_QUERY, &query) < 0)
		return lease_fail(lease, -errno, "lease %llu: cannot ask for its state: %s",
				  (unsigned long long)lease->id, strerror(errno));
	*state = query.state;
	return 0;
}

/*
 * An older module would leave zeros as they are, which would say that nobody else has it; it refuses
 * what is not zero.
 */
MMIOD_EXPORT int mmiod_lease_users(const struct mmiod_lease *lease)
{
	struct mmiod_window_query query = { .size = sizeof(query), .users = UINT32_MAX };

	if (lease->simulated)
		return lease_fail(lease, -EOPNOTSUPP,
				  "lease %llu: in simulation nobody knows who has a lease's file",
				  (unsigned long long)lease->id);
	if (ioctl(lease->fd, MMIOD_IOC_QUERY, &query) < 0)
		return lease_fail(
			lease, errno == E2BIG ? -EOPNOTSUPP : -errno,
			"lease %llu: cannot ask who else has it: %s", (unsigned long long)lease->id,
			errno == E2BIG ? "the module that is loaded is too old" : strerror(errno));
	return query.users < INT32_MAX ? (int)query.users : INT32_MAX;
}
