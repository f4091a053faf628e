// SPDX-License-Identifier: MIT
/*
 * The daemon of script.h. One connection is a pair of sockets, of which the library has one end in
 * the place of its own, and this file the other. Owned here: those ends, and the windows' file.
 */
#include "script.h"
#undef connect
#undef send
#undef poll
#undef recvmsg
#undef clock_gettime

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <mmiod/protocol.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONNECTIONS 8
#define FILES_MAX 253
#define WINDOW_SIZE 65536
#define TIMEOUT_MS 30000 /* of a client */

const uint8_t *script, *script_end;
bool script_greets;
uint32_t script_backend;

static struct connection {
	int fd; /* the library's; 0: unused */
	int end; /* ours; -1: hung up */
} connections[CONNECTIONS];
static size_t next_connection;
static int64_t now_ms;
static int window = -1;

static union {
	struct mmiod_msg msg;
	uint8_t bytes[MMIOD_MSG_MAX];
} request, reply;

/* ---- the script ------------------------------------------------------------------------------ */

uint8_t script_byte(void)
{
	return script < script_end ? *script++ : 0;
}

static size_t take(void *to, size_t size, size_t room)
{
	size_t left = (size_t)(script_end - script);

	if (size > left)
		size = left;
	if (size > room)
		size = room;
	memcpy(to, script, size);
	script += size;
	return size;
}

static size_t take_contents(void *to, size_t room)
{
	size_t length = script_byte();

	length |= (size_t)script_byte() << 8;
	return take(to, length, room);
}

/* ---- answers --------------------------------------------------------------------------------- */

struct shape {
	size_t fixed[2]; /* now, in the first release */
	size_t stride[2];
};

#define BARE                                              \
	{                                                 \
		sizeof(struct mmiod_msg), MMIOD_V1_HEADER \
	}
#define LIST                                                       \
	{                                                          \
		sizeof(struct mmiod_msg_list_reply), MMIOD_V1_LIST \
	}
#define OF(type, first)                    \
	{                                  \
		sizeof(struct type), first \
	}

static const struct shape shapes[] = {
	[MMIOD_OP_HELLO] = { OF(mmiod_msg_hello_reply, MMIOD_V1_HELLO_REPLY) },
	[MMIOD_OP_STATUS] = { OF(mmiod_msg_status_reply, MMIOD_V1_STATUS_REPLY) },
	[MMIOD_OP_REGIONS] = { LIST, OF(mmiod_wire_region, MMIOD_V1_REGION) },
	[MMIOD_OP_LEASE] = { BARE, OF(mmiod_wire_granted, MMIOD_V1_GRANTED) },
	[MMIOD_OP_RELEASE] = { BARE, OF(mmiod_wire_ended, MMIOD_V1_ENDED) },
	[MMIOD_OP_REVOKE] = { BARE, OF(mmiod_wire_ended, MMIOD_V1_ENDED) },
	[MMIOD_OP_LEASES] = { LIST, OF(mmiod_wire_lease, MMIOD_V1_LEASE) },
	[MMIOD_OP_ALLOC] = { BARE, OF(mmiod_wire_granted, MMIOD_V1_GRANTED) },
	[MMIOD_OP_POOLS] = { LIST, OF(mmiod_wire_pool, MMIOD_V1_POOL) },
	[MMIOD_OP_POOL_MAP] = { LIST, OF(mmiod_wire_extent, MMIOD_V1_EXTENT) },
	[MMIOD_OP_BUFFER] = { OF(mmiod_msg_buffer_reply, MMIOD_V1_BUFFER_REPLY) },
	[MMIOD_OP_PUBLISH] = { BARE },
	[MMIOD_OP_CACHES] = { LIST, OF(mmiod_wire_published, MMIOD_V1_PUBLISHED) },
	[MMIOD_OP_RENEW] = { BARE, OF(mmiod_wire_renewed, MMIOD_V1_RENEWED) },
	[MMIOD_OP_EXPLAIN] = { OF(mmiod_msg_explain_reply, MMIOD_V1_EXPLAIN_REPLY) },
	[MMIOD_OP_CLIENTS] = { LIST, OF(mmiod_wire_client, MMIOD_V1_CLIENT) },
	[MMIOD_OP_TRANSLATE] = { OF(mmiod_msg_translate_reply, MMIOD_V1_TRANSLATE_REPLY),
				 OF(mmiod_wire_entry, MMIOD_V1_ENTRY) },
	[MMIOD_OP_PAGE] = { OF(mmiod_msg_page_reply, MMIOD_V1_PAGE_REPLY) },
	[MMIOD_OP_MONITOR] = { BARE },
	[MMIOD_OP_COUNTERS] = { LIST, OF(mmiod_wire_counter, MMIOD_V1_COUNTER) },
	[MMIOD_OP_CANCEL] = { BARE },
	[MMIOD_OP_DEVICES] = { LIST, OF(mmiod_wire_device, MMIOD_V1_DEVICE) },
	[MMIOD_OP_OPERATE] = { BARE, OF(mmiod_wire_granted, MMIOD_V1_GRANTED) },
	[MMIOD_OP_INTERRUPT] = { BARE, OF(mmiod_wire_granted, MMIOD_V1_GRANTED) },
	[MMIOD_OP_INTERRUPTS] = { LIST, OF(mmiod_wire_vector, MMIOD_V1_VECTOR) },
	[MMIOD_OP_EXTENTS] = { LIST, OF(mmiod_wire_part, MMIOD_V1_PART) },
};

/* Batches are answered for as many as were asked for; lists are as long as the contents are. */
static uint32_t elements(const struct shape *shape, int old, size_t contents)
{
	size_t fixed = shape->fixed[old] - sizeof(struct mmiod_msg);

	if (!shape->stride[old])
		return 0;
	if (request.msg.count)
		return request.msg.count;
	return contents > fixed ? (uint32_t)((contents - fixed) / shape->stride[old]) : 0;
}

/* Of a reply to the request. */
static struct mmiod_msg header(size_t fixed)
{
	const struct mmiod_msg *asked = &request.msg;

	return (struct mmiod_msg){ .opcode = asked->opcode,
				   .flags = MMIOD_MSG_REPLY,
				   .id = asked->id,
				   .fixed = (uint32_t)fixed };
}

static size_t fit(uint8_t step, size_t contents)
{
	static const struct shape none = { BARE };
	const struct shape *shape = request.msg.opcode < sizeof(shapes) / sizeof(*shapes)
					    ? &shapes[request.msg.opcode]
					    : &none;
	int old = step & STEP_OLD ? 1 : 0;
	size_t size = sizeof(reply.msg) + contents, least;

	reply.msg = header(shape->fixed[old]);
	reply.msg.count = elements(shape, old, contents);
	reply.msg.stride = (uint32_t)shape->stride[old];
	least = reply.msg.fixed + reply.msg.count * reply.msg.stride;
	return size > least ? size : least;
}

static size_t fit_refusal(size_t contents)
{
	struct mmiod_msg_error *error = (struct mmiod_msg_error *)&reply;

	memmove(error + 1, &reply.msg + 1, contents);
	memset(&error->text, 0, sizeof(error->text));
	reply.msg = header(sizeof(*error));
	reply.msg.status = contents ? reply.bytes[sizeof(*error)] : 1;
	if (contents > 1)
		error->text = (struct mmiod_msg_text){ sizeof(*error) + 1, (uint32_t)contents - 1 };
	return sizeof(*error) + contents;
}

static size_t fit_event(size_t fixed, size_t contents)
{
	size_t size = sizeof(reply.msg) + contents;

	reply.msg = (struct mmiod_msg){ .opcode = MMIOD_OP_EVENT,
					.flags = MMIOD_MSG_EVENT,
					.fixed = (uint32_t)fixed };
	return size > fixed ? size : fixed;
}

static void spoil(uint8_t which, uint32_t value)
{
	switch (which % 9) {
	case 0:
		reply.msg.size = value;
		break;
	case 1:
		reply.msg.opcode = (uint16_t)value;
		break;
	case 2:
		reply.msg.flags = (uint8_t)value;
		break;
	case 3:
		reply.msg.fds = (uint8_t)value;
		break;
	case 4:
		reply.msg.id += value;
		break;
	case 5:
		reply.msg.status = value;
		break;
	case 6:
		reply.msg.fixed = value;
		break;
	case 7:
		reply.msg.count = value;
		break;
	case 8:
		reply.msg.stride = value;
		break;
	}
}

static size_t files_due(void)
{
	size_t granted = 0;

	if (reply.msg.opcode != MMIOD_OP_LEASE && reply.msg.opcode != MMIOD_OP_ALLOC &&
	    reply.msg.opcode != MMIOD_OP_INTERRUPT && reply.msg.opcode != MMIOD_OP_OPERATE)
		return 0;
	for (size_t i = 0; i < reply.msg.count; i++) {
		uint32_t status;

		memcpy(&status, reply.bytes + reply.msg.fixed + i * reply.msg.stride,
		       sizeof(status));
		granted += status == MMIOD_OK;
	}
	return granted;
}

static size_t files_wanted(uint8_t step, size_t due)
{
	static const size_t numbers[] = { 0, 0, 1, 2, 17, FILES_MAX };
	unsigned int how = step >> 5;

	if (how == 0)
		return due;
	if (how == 6)
		return due ? due - 1 : 0;
	return how == 7 ? due + 1 : numbers[how];
}

static void send_reply(struct connection *connection, size_t size, size_t files)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int) * FILES_MAX)];
	} control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = &reply, .iov_len = size };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (files) {
		control.head.cmsg_len = CMSG_LEN(files * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(files * sizeof(int));
		for (size_t i = 0; i < files; i++)
			memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &window, sizeof(int));
	}
	/* A client that does not read as fast as this loses what the script says. */
	sendmsg(connection->end, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void hang_up(struct connection *connection)
{
	if (connection->end >= 0)
		close(connection->end);
	connection->end = -1;
}

static void answer_with(struct connection *connection, uint8_t step)
{
	size_t room = sizeof(reply) - sizeof(struct mmiod_msg_error), contents, size, files;
	uint32_t value = 0;
	uint8_t which = 0;

	if (step % 8 == ANSWER_FLAWED) {
		which = script_byte();
		take(&value, sizeof(value), sizeof(value));
	}
	memset(&reply, 0, 8192);
	if (step % 8 == ANSWER_RAW) {
		size = take_contents(&reply, sizeof(reply));
		send_reply(connection, size, files_wanted(step, 0));
		return;
	}
	contents = take_contents(&reply.msg + 1, room);
	switch (step % 8) {
	case ANSWER_REFUSAL:
		size = fit_refusal(contents);
		break;
	case ANSWER_EVENT:
		size = fit_event(sizeof(struct mmiod_msg_event), contents);
		break;
	case ANSWER_NOTICE:
		size = fit_event(sizeof(struct mmiod_msg_notice), contents);
		break;
	default:
		size = fit(step, contents);
	}
	files = files_wanted(step, files_due());
	reply.msg.size = (uint32_t)size;
	reply.msg.fds = (uint8_t)files;
	if (step % 8 == ANSWER_FLAWED)
		spoil(which, value);
	send_reply(connection, size, files > FILES_MAX ? FILES_MAX : files);
}

static void greet(struct connection *connection)
{
	reply.msg.size = sizeof(struct mmiod_msg_hello_reply);
	*(struct mmiod_msg_hello_reply *)&reply = (struct mmiod_msg_hello_reply){
		.msg = { .size = sizeof(struct mmiod_msg_hello_reply),
			 .opcode = MMIOD_OP_HELLO,
			 .flags = MMIOD_MSG_REPLY,
			 .id = request.msg.id,
			 .fixed = sizeof(struct mmiod_msg_hello_reply) },
		.version = MMIOD_PROTOCOL_VERSION,
		.backend = script_backend,
		.max_message = MMIOD_MSG_MAX,
		.max_fds = MMIOD_MSG_FDS_MAX,
		.max_batch = MMIOD_BATCH_MAX,
		.page_size = 4096,
	};
	send_reply(connection, reply.msg.size, 0);
}

/* The end of the script is the end of the daemon. */
static void answer(struct connection *connection)
{
	uint8_t step;

	if (script_greets && request.msg.opcode == MMIOD_OP_HELLO) {
		greet(connection);
		return;
	}
	do {
		if (script == script_end) {
			hang_up(connection);
			return;
		}
		step = script_byte();
		if (step % 8 == ANSWER_HANG_UP)
			hang_up(connection);
		else if (step % 8 != ANSWER_NONE)
			answer_with(connection, step);
	} while (step & STEP_FURTHER && connection->end >= 0);
}

/* ---- what the library calls ------------------------------------------------------------------ */

static struct connection *connection_of(int fd)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (connections[i].fd == fd)
			return &connections[i];
	return NULL;
}

int script_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct connection *connection = connection_of(fd);
	int ends[2];

	if (script == script_end) {
		errno = ECONNREFUSED;
		return -1;
	}
	if (!connection)
		connection = &connections[next_connection++ % CONNECTIONS];
	if (connection->fd)
		hang_up(connection);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(dup3(ends[0], fd, O_CLOEXEC), fd);
	close(ends[0]);
	*connection = (struct connection){ .fd = fd, .end = ends[1] };
	return 0;
}

ssize_t script_send(int fd, const void *data, size_t size, int flags)
{
	struct connection *connection = connection_of(fd);
	ssize_t sent;

	cr_assert_not_null(connection);
	sent = send(fd, data, size, flags);
	if (sent < 0)
		return sent;
	cr_assert_eq(recv(connection->end, &request, sizeof(request), MSG_DONTWAIT), sent);
	cr_assert_eq(request.msg.size, (size_t)sent);
	answer(connection);
	return sent;
}

int script_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	int n = poll(fds, count, 0);

	cr_assert_geq(timeout, 0);
	if (n == 0)
		now_ms += timeout;
	return n;
}

/* A packet that does not come lets the whole of SO_RCVTIMEO go by. */
ssize_t script_recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t received = recvmsg(fd, message, flags | MSG_DONTWAIT);

	if (received < 0 && errno == EAGAIN && !(flags & MSG_DONTWAIT))
		now_ms += TIMEOUT_MS;
	return received;
}

int script_clock(clockid_t clock, struct timespec *now)
{
	*now = (struct timespec){ now_ms / 1000, now_ms % 1000 * 1000000 };
	return 0;
}

/* ---- the whole of an input ------------------------------------------------------------------- */

void script_begin(void)
{
	if (window < 0) {
		window = memfd_create("window", MFD_CLOEXEC);
		cr_assert_geq(window, 0);
		cr_assert_eq(ftruncate(window, WINDOW_SIZE), 0);
	}
	now_ms = 1000000;
}

void script_finish(void)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (connections[i].fd)
			hang_up(&connections[i]);
		connections[i].fd = 0;
	}
	next_connection = 0;
}
