// SPDX-License-Identifier: MIT
/*
 * Messages changed at random, always in the same way: each gets one reply, or ends the connection.
 */
#include <poll.h>
#include <unistd.h>

#include "fixture.h"

#define ROUNDS 6000

/* xorshift: the same numbers on every machine. */
static uint32_t random_number(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void make_any(union request *request)
{
	const uint64_t ids[4] = { 1, 2, 3, 4 };

	switch (random_number() % 6) {
	case 0:
		make_bare(request, MMIOD_OP_STATUS);
		break;
	case 1:
		make_list(request, MMIOD_OP_REGIONS, 0);
		break;
	case 2:
		make_list(request, MMIOD_OP_LEASES, 0);
		break;
	case 3:
		make_end(request, MMIOD_OP_RELEASE, ids, 4);
		break;
	case 4:
		make_hello(request);
		break;
	default:
		make_lease(request, OPEN_REGION, 1 + random_number() % 4);
	}
}

static size_t spoil(union request *request)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t length = request->head.size;

	/*
	 * Mostly behind the header, where a change does
	 * not end the connection before it is looked at.
	 */
	for (unsigned int n = random_number() % 4; n; n--) {
		size_t first = length > 32 && random_number() % 4 ? 32 : 0;

		request->bytes[first + random_number() % (length - first)] =
			odd[random_number() % sizeof(odd)];
	}
	if (random_number() % 8 == 0)
		request->bytes[random_number() % 32] = (uint8_t)random_number();
	if (random_number() % 16 == 0)
		length = 1 + random_number() % (2 * length);
	/*
	 * Lying sizes are soon dull: mostly it is right, so that what comes behind it is looked at.
	 */
	if (random_number() % 8)
		request->head.size = (uint32_t)length;
	return length;
}

ATTACK(random_messages_get_one_reply_or_end_the_connection)
{
	struct answer *answer = malloc(sizeof(*answer));
	unsigned int replies = 0, ends = 0;
	int fd = connect_greeted();

	for (int i = 0; i < ROUNDS; i++) {
		static union request request;
		bool fatal;

		make_any(&request);
		send_packet(fd, &request, spoil(&request));
		receive(fd, answer);
		EXPECT(answer->length > 0);
		EXPECT_EQ(answer->head.flags & ~MMIOD_MSG_MORE, MMIOD_MSG_REPLY);
		EXPECT(answer->head.status <= MMIOD_E_CANCELLED);
		close_fds(answer);
		replies++;
		fatal = answer->head.status == MMIOD_E_PROTOCOL ||
			(answer->head.opcode == MMIOD_OP_HELLO && answer->head.status);
		if (!fatal)
			continue;
		/* A refused HELLO on a greeted connection may go on. */
		if (answer->head.status == MMIOD_E_PROTOCOL)
			expect_closed(fd);
		else
			close(fd);
		fd = connect_greeted();
		ends++;
	}
	if (replies < ROUNDS || ends < ROUNDS / 20 || ends > ROUNDS / 2)
		FAIL("%u replies, %u connections ended: the mixture is wrong", replies, ends);
}

ATTACK(noise_ends_the_connection)
{
	for (int i = 0; i < 300; i++) {
		size_t length = 32 + random_number() % 2000;
		uint8_t noise[2048];
		int fd = connect_greeted();

		for (size_t j = 0; j < length; j++)
			noise[j] = (uint8_t)random_number();
		send_packet(fd, noise, length);
		expect_refusal(fd, MMIOD_E_PROTOCOL);
		expect_closed(fd);
	}
}
