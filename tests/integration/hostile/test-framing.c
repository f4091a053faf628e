// SPDX-License-Identifier: MIT
/* Messages whose frame is wrong: each ends the connection, after one reply that says why. */
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

ATTACK(a_request_before_HELLO_ends_the_connection)
{
	static const uint16_t opcodes[] = { MMIOD_OP_STATUS,
					    MMIOD_OP_REGIONS,
					    MMIOD_OP_LEASE,
					    MMIOD_OP_RELEASE,
					    MMIOD_OP_REVOKE,
					    MMIOD_OP_LEASES,
					    MMIOD_OP_EVENT,
					    0,
					    999 };

	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		union request request;

		make_bare(&request, opcodes[i]);
		expect_fatal(connect_raw(), &request);
	}
}

ATTACK(a_lease_before_HELLO_is_not_granted)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_raw();
	union request request;

	make_lease(&request, OPEN_REGION, 1);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_E_PROTOCOL);
	EXPECT_EQ(answer->n_fds, 0);
	expect_closed(fd);
}

ATTACK(versions_that_the_daemon_does_not_speak_are_refused)
{
	static const uint32_t ranges[][2] = {
		{ 0, 0 }, { 2, 2 }, { 2, UINT32_MAX }, { UINT32_MAX, UINT32_MAX }
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		union request request;
		int fd = connect_raw();

		make_hello(&request);
		request.hello.version_min = ranges[i][0];
		request.hello.version_max = ranges[i][1];
		expect_outcome(fd, &request, MMIOD_E_VERSION);
		expect_closed(fd);
	}
}

ATTACK(a_range_of_versions_that_is_upside_down_is_refused)
{
	union request request;
	int fd = connect_raw();

	make_hello(&request);
	request.hello.version_min = 2;
	request.hello.version_max = 0;
	expect_outcome(fd, &request, MMIOD_E_INVALID);
	expect_closed(fd);
}

ATTACK(versions_and_features_are_negotiated)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_raw();
	union request request;

	make_hello(&request);
	request.hello.version_min = 0;
	request.hello.version_max = UINT32_MAX;
	request.hello.features = UINT64_MAX;
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	EXPECT_EQ(answer->hello.version, 1);
	EXPECT_EQ(answer->hello.features,
		  MMIOD_HELLO_DEVICES | MMIOD_HELLO_EXTENTS | MMIOD_HELLO_NOTICES);
	EXPECT_EQ(answer->hello.max_fds, MMIOD_MSG_FDS_MAX);
	EXPECT_EQ(answer->hello.max_message, MMIOD_MSG_MAX);
	EXPECT_EQ(answer->hello.uid, geteuid());
	expect_status(fd);
}

ATTACK(a_client_that_takes_only_short_messages_is_refused)
{
	union request request;
	int fd = connect_raw();

	make_hello(&request);
	request.hello.max_message = MMIOD_MSG_MAX - 1;
	expect_outcome(fd, &request, MMIOD_E_INVALID);
	expect_closed(fd);
}

ATTACK(a_second_HELLO_ends_the_connection)
{
	union request request;

	make_hello(&request);
	expect_fatal(connect_greeted(), &request);
}

ATTACK(a_packet_shorter_than_a_header_ends_the_connection)
{
	union request request;

	make_bare(&request, MMIOD_OP_STATUS);
	for (size_t length = 1; length < sizeof(struct mmiod_msg); length++) {
		int fd = length % 2 ? connect_greeted() : connect_raw();

		send_packet(fd, &request, length);
		expect_refusal(fd, MMIOD_E_PROTOCOL);
		expect_closed(fd);
	}
}

ATTACK(an_empty_packet_ends_the_connection)
{
	int fd = connect_raw();

	send_packet(fd, "", 0);
	expect_refusal(fd, MMIOD_E_PROTOCOL);
	expect_closed(fd);
}

/*
 * Packets that are left unread when the daemon closes
 * may cost the client the sentence, but nothing else.
 */
ATTACK(many_empty_packets_end_the_connection)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();

	while (send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) == 0)
		;
	EXPECT(errno == EPIPE || errno == EAGAIN || errno == ECONNRESET);
	receive(fd, answer);
	if (answer->length)
		EXPECT_EQ(answer->head.status, MMIOD_E_PROTOCOL);
}

ATTACK(a_size_that_is_not_the_packets_ends_the_connection)
{
	static const uint32_t sizes[] = { 0, 1, 31, 33, 64, MMIOD_MSG_MAX, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		union request request;
		int fd = connect_greeted();

		make_bare(&request, MMIOD_OP_STATUS);
		request.head.size = sizes[i];
		send_packet(fd, &request, sizeof(request.head));
		expect_refusal(fd, MMIOD_E_PROTOCOL);
		expect_closed(fd);
	}
}

ATTACK(a_message_of_64_KiB_is_taken)
{
	static union request request;
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();

	make_bare(&request, MMIOD_OP_STATUS);
	request.head.size = request.head.fixed = MMIOD_MSG_MAX;
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.status, MMIOD_OK);
	expect_status(fd);
}

ATTACK(a_packet_longer_than_64_KiB_ends_the_connection)
{
	static const size_t lengths[] = { MMIOD_MSG_MAX + 1, MMIOD_MSG_MAX + 32,
					  2 * MMIOD_MSG_MAX };
	static union request request;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int fd = connect_greeted();

		make_bare(&request, MMIOD_OP_STATUS);
		request.head.size = request.head.fixed = (uint32_t)lengths[i];
		send_packet(fd, &request, lengths[i]);
		expect_refusal(fd, MMIOD_E_PROTOCOL);
		expect_closed(fd);
	}
}

/* The message that fits the buffer is well-formed: only the length of the packet tells. */
ATTACK(a_packet_whose_beginning_is_a_message_is_none)
{
	static union request request;
	int fd = connect_greeted();

	make_bare(&request, MMIOD_OP_STATUS);
	request.head.size = request.head.fixed = MMIOD_MSG_MAX;
	send_packet(fd, &request, MMIOD_MSG_MAX + 4096);
	expect_refusal(fd, MMIOD_E_PROTOCOL);
	expect_closed(fd);
}

ATTACK(flags_status_and_descriptors_of_a_request_must_be_zero)
{
	union request request;

	for (unsigned int bit = 0; bit < 8; bit++) {
		make_bare(&request, MMIOD_OP_STATUS);
		request.head.flags = (uint8_t)(1u << bit);
		expect_fatal(connect_greeted(), &request);
		make_bare(&request, MMIOD_OP_STATUS);
		request.head.fds = (uint8_t)(1u << bit);
		expect_fatal(connect_greeted(), &request);
	}
	for (unsigned int bit = 0; bit < 32; bit += 31) {
		make_bare(&request, MMIOD_OP_STATUS);
		request.head.status = 1u << bit;
		expect_fatal(connect_greeted(), &request);
	}
}

ATTACK(a_fixed_part_that_does_not_fit_ends_the_connection)
{
	static const uint32_t sizes[] = { 0, 8, 31, 33, 4096, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		union request request;

		make_bare(&request, MMIOD_OP_STATUS);
		request.head.fixed = sizes[i];
		expect_fatal(connect_greeted(), &request);
	}
}

/* Products that are right in 32 bits, wrong in 64; and plain lies. */
ATTACK(count_times_stride_cannot_lie)
{
	static const uint32_t shapes[][2] = {
		{ 0x10000001, 0x10 },
		{ 0x80000000, 2 },
		{ 2, 0x80000000 },
		{ 0x10000, 0x10000 },
		{ UINT32_MAX, UINT32_MAX },
		{ 1, 0 },
		{ UINT32_MAX, 1 },
		{ 2, 72 },
		{ 1, 71 },
		{ 1, 73 },
		{ 72, 0 },
		{ 0, 72 },
		{ 0, 0 },
		{ 0x40000001, 0x48 },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		union request request;

		make_lease(&request, OPEN_REGION, 1);
		request.head.count = shapes[i][0];
		request.head.stride = shapes[i][1];
		expect_fatal(connect_greeted(), &request);
	}
}

ATTACK(elements_of_no_size_are_refused_without_ado)
{
	union request request;
	int fd = connect_greeted();

	make_lease(&request, OPEN_REGION, 0);
	request.head.count = UINT32_MAX;
	request.head.stride = 0;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	request.head.count = 16;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
}
