/* SPDX-License-Identifier: MIT */
/*
 * Leases of several extents: which daemon is asked for them for which program, and what the program
 * learns of where they lie.
 */
#include "support/fake.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXTENTS 300u
#define PAGE_OF_THEM 256u

/* What the daemon is, does wrong, and was asked. */
struct pieces {
	uint64_t features;
	uint32_t n_extents;
	int cursor; /* added to the one it tells */
	bool empty; /* it tells of more, and gives none */
	uint64_t length; /* of each; 0: a page */
	struct mmiod_wire_alloc asked;
	unsigned int requests; /* for the list */
};

static void tell_extents(struct fake *fake, struct pieces *pieces)
{
	const struct mmiod_msg_extents *request = (const void *)fake->request;
	struct {
		struct mmiod_msg_list_reply list;
		struct mmiod_wire_part parts[PAGE_OF_THEM];
	} reply = { 0 };
	uint32_t left = pieces->n_extents - (uint32_t)request->cursor;
	uint32_t count = pieces->empty ? 0 : left < PAGE_OF_THEM ? left : PAGE_OF_THEM;

	cr_assert_eq(request->lease, 17);
	pieces->requests++;
	for (uint32_t i = 0; i < count; i++)
		reply.parts[i] =
			(struct mmiod_wire_part){ (request->cursor + i) * 0x2000,
						  pieces->length ? pieces->length : 0x1000 };
	reply.list.msg = (struct mmiod_msg){
		.size = (uint32_t)(sizeof(reply.list) + count * sizeof(reply.parts[0])),
		.opcode = MMIOD_OP_EXTENTS,
		.flags = MMIOD_MSG_REPLY | (left > count ? MMIOD_MSG_MORE : 0),
		.id = request->msg.id,
		.fixed = sizeof(reply.list),
		.count = count,
		.stride = sizeof(reply.parts[0]),
	};
	reply.list.cursor = request->cursor + count + (uint64_t)pieces->cursor;
	fake_send(fake, &reply, reply.list.msg.size, NULL, 0);
}

static void serve(struct fake *fake)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;
	struct pieces *pieces = fake->argument;
	ssize_t n;

	fake->features = pieces->features;
	fake->n_extents = pieces->n_extents;
	fake_accept(fake);
	while ((n = recv(fake->sock, fake->request, sizeof(fake->request), 0)) > 0) {
		if (request->opcode == MMIOD_OP_EXTENTS) {
			tell_extents(fake, pieces);
		} else if (request->opcode == MMIOD_OP_ALLOC) {
			memcpy(&pieces->asked, fake_element(request, 0), request->stride);
			fake_grant(fake, request, 17, NULL);
		} else {
			fake_end(fake, MMIOD_OK, "");
		}
	}
	fake_hang_up(fake);
}

TestSuite(extents, .timeout = 1200);

/* ---- asking ---- */

/* How many extents the daemon is told that they may be. */
static uint32_t ask_with(uint64_t features, struct mmiod_allocation want, size_t size)
{
	struct pieces pieces = { .features = features };
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	want.region = "pool";
	want.length = 3;
	client = fake_serve(&fake, serve, &pieces);
	cr_assert_eq(mmiod_client_allocate_many_sized(client, &want, size, 1, 0, &lease, NULL), 1);
	mmiod_lease_free(lease);
	fake_leave(&fake, client);
	cr_assert_not(pieces.asked.flags & MMIOD_ALLOC_CONTIGUOUS, "pools are so without a word");
	return pieces.asked.max_extents;
}

static uint32_t ask_for(uint32_t most, unsigned int flags)
{
	const struct mmiod_allocation want = { .max_extents = most, .flags = flags };

	return ask_with(MMIOD_HELLO_FEATURES, want, sizeof(want));
}

Test(extents, a_program_that_says_nothing_may_have_any_number)
{
	cr_assert_eq(ask_for(0, 0), MMIOD_EXTENTS_MAX);
	cr_assert_eq(ask_for(UINT32_MAX, 0), MMIOD_EXTENTS_MAX);
	cr_assert_eq(ask_for(7, 0), 7u);
}

Test(extents, a_program_that_wants_one_gets_one)
{
	cr_assert_eq(ask_for(1, 0), 0u);
	cr_assert_eq(ask_for(0, MMIOD_ALLOCATE_CONTIGUOUS), 0u);
	cr_assert_eq(ask_for(9, MMIOD_ALLOCATE_CONTIGUOUS), 0u);
}

Test(extents, a_program_that_was_built_before_there_were_any_gets_one)
{
	const struct mmiod_allocation want = { .max_extents = 99 }; /* not its own any more */

	cr_assert_eq(ask_with(MMIOD_HELLO_FEATURES, want,
			      offsetof(struct mmiod_allocation, max_extents)),
		     0u);
}

Test(extents, an_older_daemon_is_asked_for_one)
{
	const struct mmiod_allocation want = { 0 };

	cr_assert_eq(ask_with(MMIOD_HELLO_DEVICES, want, sizeof(want)), 0u);
}

Test(extents, what_is_reserved_must_be_zero)
{
	const struct mmiod_allocation want = { .region = "pool", .length = 1, .reserved2 = 1 };
	struct pieces pieces = { 0 };
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, serve, &pieces);
	cr_assert_eq(mmiod_client_allocate(client, &want, &lease), -EINVAL);
	fake_leave(&fake, client);
}

/* ---- where they lie ---- */

struct pieces_test {
	struct pieces pieces;
	struct fake fake;
	struct mmiod_client *client;
	struct mmiod_lease *lease;
};

static void begin(struct pieces_test *test, struct pieces pieces)
{
	const struct mmiod_allocation want = { .region = "pool",
					       .length = EXTENTS * mmiod_page_size() };

	test->pieces = pieces;
	test->pieces.features = MMIOD_HELLO_FEATURES;
	test->client = fake_serve(&test->fake, serve, &test->pieces);
	cr_assert_eq(mmiod_client_allocate(test->client, &want, &test->lease), 0);
}

static void end(struct pieces_test *test)
{
	mmiod_lease_free(test->lease);
	fake_leave(&test->fake, test->client);
}

Test(extents, they_are_listed_in_their_order_whatever_room_there_is)
{
	struct mmiod_lease_extent extents[EXTENTS + 1] = { 0 };
	struct pieces_test test;

	begin(&test, (struct pieces){ .n_extents = EXTENTS });
	cr_assert_eq(mmiod_lease_offset(test.lease), UINT64_MAX);
	cr_assert_eq(mmiod_lease_extents(test.lease, NULL, 0), EXTENTS);
	cr_assert_eq(test.pieces.requests, 0u, "it is known how many there are");
	cr_assert_eq(mmiod_lease_extents(test.lease, extents, EXTENTS + 1), EXTENTS);
	cr_assert_eq(test.pieces.requests, 2u);
	for (size_t i = 0; i < EXTENTS; i++) {
		cr_assert_eq(extents[i].offset, i * 0x2000);
		cr_assert_eq(extents[i].length, 0x1000);
	}
	cr_assert_eq(extents[EXTENTS].length, 0);
	memset(extents, 0, sizeof(extents));
	cr_assert_eq(mmiod_lease_extents(test.lease, extents, 2), EXTENTS);
	cr_assert_eq(extents[1].offset, 0x2000);
	cr_assert_eq(extents[2].length, 0, "behind the room nothing is written");
	cr_assert_eq(mmiod_client_lease_extents(test.client, 17, extents, 3), EXTENTS);
	end(&test);
}

Test(extents, a_lease_of_one_extent_has_that_one_without_asking)
{
	struct mmiod_lease_extent extent;
	struct pieces_test test;

	begin(&test, (struct pieces){ .n_extents = 1 });
	cr_assert_eq(mmiod_lease_extents(test.lease, &extent, 1), 1);
	cr_assert_eq(extent.offset, mmiod_lease_offset(test.lease));
	cr_assert_eq(extent.length, mmiod_lease_length(test.lease));
	cr_assert_eq(test.pieces.requests, 0u);
	end(&test);
}

Test(extents, without_its_client_a_lease_knows_only_how_many_it_has)
{
	struct mmiod_lease_extent extent;
	struct pieces_test test;

	begin(&test, (struct pieces){ .n_extents = 3 });
	fake_leave(&test.fake, test.client);
	cr_assert_eq(mmiod_lease_extents(test.lease, NULL, 0), 3);
	cr_assert_eq(mmiod_lease_extents(test.lease, &extent, 1), -ENOTCONN);
	mmiod_lease_free(test.lease);
}

/* A register's width is asked of where a byte lies in its extent, which begins at a page. */
Test(extents, a_lease_without_an_offset_is_accessed_as_any)
{
	struct pieces_test test;
	uint64_t value = 0;

	begin(&test, (struct pieces){ .n_extents = 2 });
	cr_assert_eq(mmiod_lease_read(test.lease, 0x1008, 8, 1, &value), 0);
	cr_assert_eq(mmiod_lease_read(test.lease, 0x1004, 8, 1, &value), -EINVAL);
	end(&test);
}

static void expect_protocol_error(struct pieces pieces)
{
	struct mmiod_lease_extent extents[EXTENTS];
	struct pieces_test test;

	begin(&test, pieces);
	cr_assert_eq(mmiod_lease_extents(test.lease, extents, EXTENTS), -EPROTO);
	end(&test);
}

Test(extents, a_daemon_that_grants_more_than_a_window_has_is_not_believed)
{
	const struct mmiod_allocation want = { .region = "pool", .length = 1 };
	struct pieces pieces = { .n_extents = MMIOD_EXTENTS_MAX + 1 };
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, serve, &pieces);
	cr_assert_eq(mmiod_client_allocate(client, &want, &lease), -EPROTO);
	cr_assert_null(lease);
	fake_leave(&fake, client);
}

Test(extents, a_daemon_that_lists_nonsense_is_not_believed)
{
	expect_protocol_error((struct pieces){ .n_extents = EXTENTS, .cursor = 1 });
	expect_protocol_error((struct pieces){ .n_extents = EXTENTS, .cursor = -1 });
	expect_protocol_error((struct pieces){ .n_extents = EXTENTS, .empty = true });
	expect_protocol_error((struct pieces){ .n_extents = EXTENTS, .length = UINT64_MAX });
}
