// SPDX-License-Identifier: MIT
/*
 * Messages and sockets. Nothing here is from the library:
 * a client that lies must not depend on one that does not.
 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

/* Against a hang only: on a busy machine the daemon's turn comes when it comes. */
#define PATIENCE_MS 240000

/* ---- messages ---- */

static void start(union request *request, uint16_t opcode, size_t fixed, size_t count,
		  size_t stride)
{
	static uint64_t last_id;

	memset(request, 0, fixed + count * stride);
	request->head = (struct mmiod_msg){
		.size = (uint32_t)(fixed + count * stride),
		.opcode = opcode,
		.id = ++last_id,
		.fixed = (uint32_t)fixed,
		.count = (uint32_t)count,
		.stride = (uint32_t)stride,
	};
}

void make_bare(union request *request, uint16_t opcode)
{
	start(request, opcode, sizeof(struct mmiod_msg), 0, 0);
}

void make_hello(union request *request)
{
	start(request, MMIOD_OP_HELLO, sizeof(struct mmiod_msg_hello), 0, 0);
	request->hello.version_min = request->hello.version_max = MMIOD_PROTOCOL_VERSION;
	request->hello.max_message = MMIOD_MSG_MAX;
}

void make_list(union request *request, uint16_t opcode, uint64_t cursor)
{
	start(request, opcode, sizeof(struct mmiod_msg_list), 0, 0);
	request->list.cursor = cursor;
}

/* Each of the elements is a page of its own. */
void make_lease(union request *request, const char *region, unsigned int count)
{
	start(request, MMIOD_OP_LEASE, sizeof(struct mmiod_msg_lease), count,
	      sizeof(struct mmiod_wire_want));
	for (unsigned int i = 0; i < count; i++) {
		struct mmiod_wire_want *want = &request->lease.wants[i];

		snprintf(want->region, sizeof(want->region), "%s", region);
		want->offset = (uint64_t)i * 256;
		want->length = 256;
		want->rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE;
	}
}

void make_end(union request *request, uint16_t opcode, const uint64_t *ids, unsigned int count)
{
	start(request, opcode, sizeof(struct mmiod_msg_end), count, sizeof(uint64_t));
	memcpy(request->end.ids, ids, count * sizeof(*ids));
}

/* ---- sockets ---- */

int try_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	EXPECT(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", victim.socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

int connect_raw(void)
{
	int fd = try_connect();

	if (fd < 0)
		FAIL("cannot connect to %s: %s", victim.socket, strerror(errno));
	return fd;
}

/* Whoever had no turn between connecting and greeting may have been late for the daemon. */
static int try_greet(struct answer *answer)
{
	int fd = connect_raw();
	union request request;

	make_hello(&request);
	send(fd, &request, request.head.size, MSG_NOSIGNAL);
	receive(fd, answer);
	if (answer->length && answer->head.status != MMIOD_E_TIMEOUT)
		return fd;
	close(fd);
	return -1;
}

int connect_greeted(void)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = -1;

	for (int i = 0; i < 100 && fd < 0; i++)
		fd = try_greet(answer);
	if (fd < 0)
		FAIL("HELLO is not answered");
	if (answer->head.status)
		FAIL("HELLO is refused: %s", answer_text(answer, &answer->error.text));
	EXPECT_EQ(answer->length, sizeof(struct mmiod_msg_hello_reply));
	free(answer);
	return fd;
}

void send_packet(int fd, const void *data, size_t length)
{
	ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

	if (n != (ssize_t)length)
		FAIL("cannot send %zu bytes: %s", length, strerror(errno));
}

void send_request(int fd, const union request *request)
{
	send_packet(fd, request, request->head.size);
}

static void take_fds(struct msghdr *header, struct answer *answer)
{
	answer->n_fds = 0;
	answer->truncated = header->msg_flags & MSG_CTRUNC;
	for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control;
	     control = CMSG_NXTHDR(header, control)) {
		size_t length = control->cmsg_len - CMSG_LEN(0);

		if (control->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(answer->fds + answer->n_fds, CMSG_DATA(control), length);
		answer->n_fds += (unsigned int)(length / sizeof(int));
	}
}

void receive(int fd, struct answer *answer)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * 253)];
	} control;
	struct iovec vector = { answer->bytes, sizeof(answer->bytes) };
	struct msghdr header = { .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&readable, 1, PATIENCE_MS) != 1)
		FAIL("the daemon does not answer");
	n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
	answer->length = n > 0 ? (size_t)n : 0;
	if (n < 0 && errno != ECONNRESET)
		FAIL("recvmsg: %s", strerror(errno));
	if (n <= 0)
		return;
	take_fds(&header, answer);
	EXPECT((size_t)n >= sizeof(answer->head));
	EXPECT_EQ(answer->head.size, n);
	EXPECT_EQ(header.msg_flags & MSG_TRUNC, 0);
	if (!answer->truncated)
		EXPECT_EQ(answer->head.fds, answer->n_fds);
}

void close_fds(struct answer *answer)
{
	while (answer->n_fds)
		close(answer->fds[--answer->n_fds]);
}

void ask(int fd, const union request *request, struct answer *answer)
{
	send_request(fd, request);
	receive(fd, answer);
	if (!answer->length)
		return;
	EXPECT_EQ(answer->head.flags & MMIOD_MSG_REPLY, MMIOD_MSG_REPLY);
	EXPECT_EQ(answer->head.id, request->head.id);
	EXPECT_EQ(answer->head.opcode, request->head.opcode);
}

/* ---- expectations ---- */

const char *answer_text(const struct answer *answer, const struct mmiod_msg_text *text)
{
	static char out[1024];

	EXPECT(text->offset >= sizeof(struct mmiod_msg) && text->offset <= answer->length);
	EXPECT(text->length > 0 && text->length <= answer->length - text->offset);
	snprintf(out, sizeof(out), "%.*s", (int)text->length,
		 (const char *)answer->bytes + text->offset);
	return out;
}

void expect_refusal(int fd, uint32_t outcome)
{
	struct answer *answer = malloc(sizeof(*answer));

	receive(fd, answer);
	if (!answer->length)
		FAIL("the daemon closed the connection without a word");
	EXPECT_EQ(answer->head.flags, MMIOD_MSG_REPLY);
	EXPECT_EQ(answer->head.status, outcome);
	EXPECT_EQ(answer->head.fixed, sizeof(struct mmiod_msg_error));
	EXPECT_EQ(answer->head.count, 0);
	EXPECT(strlen(answer_text(answer, &answer->error.text)) > 5);
	free(answer);
}

void expect_outcome(int fd, const union request *request, uint32_t outcome)
{
	send_request(fd, request);
	expect_refusal(fd, outcome);
}

void expect_closed(int fd)
{
	struct answer *answer = malloc(sizeof(*answer));

	receive(fd, answer);
	if (answer->length)
		FAIL("the connection goes on, with opcode %u", answer->head.opcode);
	free(answer);
	close(fd);
}

void expect_silence(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	EXPECT_EQ(poll(&readable, 1, 50), 0);
}

void expect_status(int fd)
{
	struct answer *answer = malloc(sizeof(*answer));
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->length >= sizeof(struct mmiod_msg_status_reply), true);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	free(answer);
}

void expect_fatal(int fd, const union request *request)
{
	expect_outcome(fd, request, MMIOD_E_PROTOCOL);
	expect_closed(fd);
}

void expect_harmless(int fd, const union request *request, uint32_t outcome)
{
	expect_outcome(fd, request, outcome);
	expect_status(fd);
}

/* ---- leases ---- */

const struct mmiod_wire_granted *granted(const struct answer *answer, unsigned int index)
{
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	EXPECT_EQ(answer->head.stride, sizeof(struct mmiod_wire_granted));
	EXPECT(index < answer->head.count);
	return (const struct mmiod_wire_granted *)(answer->bytes + answer->head.fixed) + index;
}

/* The file is closed at once: in simulation the daemon does not know. */
uint64_t lease_one(int fd, const char *region)
{
	struct answer *answer = malloc(sizeof(*answer));
	union request request;
	uint64_t id;

	make_lease(&request, region, 1);
	ask(fd, &request, answer);
	if (granted(answer, 0)->status)
		FAIL("no lease of %s: %s", region, answer_text(answer, &granted(answer, 0)->text));
	EXPECT_EQ(answer->n_fds, 1);
	id = granted(answer, 0)->lease;
	close_fds(answer);
	free(answer);
	return id;
}

void expect_others_served(void)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	uint64_t id = lease_one(fd, OPEN_REGION);
	union request request;

	make_end(&request, MMIOD_OP_RELEASE, &id, 1);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	EXPECT_EQ(answer->head.count, 1);
	free(answer);
	close(fd);
}
