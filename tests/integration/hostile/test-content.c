// SPDX-License-Identifier: MIT
/* Well-framed messages with bad content: the request fails, the connection goes on. */
#include <unistd.h>

#include "fixture.h"

ATTACK(an_unknown_opcode_is_refused)
{
	static const uint16_t opcodes[] = { 0, 40, 63, MMIOD_OP_EVENT, 65, 0x8000, UINT16_MAX };
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		union request request;

		make_bare(&request, opcodes[i]);
		expect_harmless(fd, &request, MMIOD_E_UNSUPPORTED);
	}
}

ATTACK(a_header_alone_is_no_request)
{
	static const uint16_t opcodes[] = { MMIOD_OP_REGIONS, MMIOD_OP_LEASE, MMIOD_OP_RELEASE,
					    MMIOD_OP_REVOKE, MMIOD_OP_LEASES };
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		union request request;

		make_bare(&request, opcodes[i]);
		expect_harmless(fd, &request, MMIOD_E_INVALID);
	}
}

ATTACK(reserved_fields_must_be_zero)
{
	const uint64_t id = 4711;
	int fd = connect_greeted();
	union request request;

	make_lease(&request, OPEN_REGION, 1);
	request.lease.fixed.reserved = 1;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_RELEASE, &id, 1);
	request.end.fixed.reserved = 0x80000000;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_REVOKE, &id, 1);
	request.end.fixed.reserved = 1;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_RELEASE, &id, 1);
	request.end.fixed.deadline_ms = 1;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_hello(&request);
	request.hello.reserved = 1;
	expect_fatal(connect_raw(), &request);
}

ATTACK(unknown_flags_of_a_request_are_refused)
{
	int fd = connect_greeted();

	for (unsigned int bit = 1; bit < 32; bit++) {
		union request request;

		make_lease(&request, OPEN_REGION, 1);
		request.lease.fixed.flags = 1u << bit;
		expect_harmless(fd, &request, MMIOD_E_UNSUPPORTED);
	}
}

static void expect_element(int fd, const union request *request, uint32_t outcome)
{
	struct answer *answer = malloc(sizeof(*answer));

	ask(fd, request, answer);
	EXPECT_EQ(granted(answer, 0)->status, outcome);
	EXPECT_EQ(answer->n_fds, 0);
	EXPECT(strlen(answer_text(answer, &granted(answer, 0)->text)) > 5);
	free(answer);
}

ATTACK(an_element_with_unknown_flags_rights_or_modes_is_refused)
{
	static const struct {
		size_t field;
		uint32_t value;
		uint32_t outcome;
	} cases[] = {
		{ offsetof(struct mmiod_wire_want, flags), 8, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, flags), 0x80000000, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, rights), 0, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_want, rights), MMIOD_RIGHT_WRITE, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_want, rights), 7, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, rights), UINT32_MAX, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, memtype), 4, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, memtype), UINT32_MAX, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, memtype), MMIOD_MEMTYPE_WB, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_want, share), MMIOD_SHARE_GUEST + 1,
		  MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, share), UINT32_MAX, MMIOD_E_UNSUPPORTED },
		{ offsetof(struct mmiod_wire_want, share), MMIOD_SHARE_EXCLUSIVE, MMIOD_E_DENIED },
		{ offsetof(struct mmiod_wire_want, width), 3, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_want, width), 16, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_want, width), UINT32_MAX, MMIOD_E_INVALID },
		{ offsetof(struct mmiod_wire_want, reserved), 1, MMIOD_E_INVALID },
	};
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union request request;

		make_lease(&request, OPEN_REGION, 1);
		memcpy((uint8_t *)&request.lease.wants[0] + cases[i].field, &cases[i].value,
		       sizeof(uint32_t));
		expect_element(fd, &request, cases[i].outcome);
	}
	expect_status(fd);
}

ATTACK(extents_that_leave_the_region_or_wrap_are_refused)
{
	static const uint64_t extents[][2] = {
		{ 0, 0x100001 },
		{ 0x100000, 1 },
		{ 0x100000, 0 },
		{ 0xfff00, 0x101 },
		{ 1, UINT64_MAX },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, UINT64_MAX },
		{ UINT64_MAX, 0 },
		{ UINT64_MAX - 255, 256 },
		{ 0x8000000000000000, 0x8000000000000000 },
		{ 0, UINT64_MAX },
		{ 0x8000000000000000, 0 },
	};
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(extents) / sizeof(extents[0]); i++) {
		union request request;

		make_lease(&request, OPEN_REGION, 1);
		request.lease.wants[0].offset = extents[i][0];
		request.lease.wants[0].length = extents[i][1];
		expect_element(fd, &request, MMIOD_E_INVALID);
	}
}

ATTACK(names_that_are_none_are_not_found_and_do_no_harm)
{
	static const char *const names[] = {
		"",	   "nowhere",  "open ",	   "OPEN",    "op\nen",
		"\033[2J", "%s%n%s%n", "\xff\xfe", "../open", "open*"
	};
	int fd = connect_greeted();
	union request request;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		make_lease(&request, names[i], 1);
		expect_element(fd, &request, MMIOD_E_NOT_FOUND);
	}
	make_lease(&request, "", 1);
	memset(request.lease.wants[0].region, 'x', MMIOD_WIRE_NAME);
	expect_element(fd, &request, MMIOD_E_INVALID);
	memset(request.lease.wants[0].region, '\xff', MMIOD_WIRE_NAME - 1);
	request.lease.wants[0].region[MMIOD_WIRE_NAME - 1] = '\0';
	expect_element(fd, &request, MMIOD_E_NOT_FOUND);
}

ATTACK(a_sentence_that_quotes_the_client_has_no_control_characters)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	make_lease(&request, "\033]0;x\007\n\r\x7f\x80", 1);
	ask(fd, &request, answer);
	for (const char *c = answer_text(answer, &granted(answer, 0)->text); *c; c++)
		EXPECT(*c >= ' ' && *c < 0x7f);
}

/* What lies behind the terminating zero is no part of the name, whatever it is. */
ATTACK(garbage_behind_a_name_is_not_looked_at)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	make_lease(&request, OPEN_REGION, 1);
	request.lease.wants[0].region[MMIOD_WIRE_NAME - 1] = 'x';
	ask(fd, &request, answer);
	EXPECT_EQ(granted(answer, 0)->status, MMIOD_OK);
}

ATTACK(arrays_have_neither_too_few_nor_too_many_elements)
{
	const uint64_t ids[512] = { 0 };
	int fd = connect_greeted();
	static union request request;

	make_lease(&request, OPEN_REGION, 0);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_lease(&request, OPEN_REGION, MMIOD_MSG_FDS_MAX + 1);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_lease(&request, OPEN_REGION, 200);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_RELEASE, ids, 0);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_RELEASE, ids, MMIOD_BATCH_MAX + 1);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_REVOKE, ids, 512);
	expect_harmless(fd, &request, MMIOD_E_INVALID);
}

ATTACK(a_request_without_an_array_must_not_bring_one)
{
	static const uint16_t opcodes[] = { MMIOD_OP_REGIONS, MMIOD_OP_LEASES };
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		union request request;

		make_list(&request, opcodes[i], 0);
		memset(request.bytes + request.head.size, 0, 8);
		request.head.count = 1;
		request.head.stride = 8;
		request.head.size += 8;
		expect_harmless(fd, &request, MMIOD_E_INVALID);
	}
}

ATTACK(elements_shorter_than_version_1_are_refused)
{
	const uint64_t ids[2] = { 0 };
	int fd = connect_greeted();
	union request request;

	make_lease(&request, OPEN_REGION, 1);
	request.head.size -= request.head.stride - (MMIOD_V1_WANT - 8);
	request.head.stride = MMIOD_V1_WANT - 8;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
	make_end(&request, MMIOD_OP_RELEASE, ids, 2);
	request.head.stride = 4;
	request.head.count = 4;
	expect_harmless(fd, &request, MMIOD_E_INVALID);
}

/* As a client of a later version would send it, who asks for nothing new. */
static void stretch_lease(union request *request, unsigned int more_fixed,
			  unsigned int more_element)
{
	union request plain;
	uint8_t *out;

	make_lease(&plain, OPEN_REGION, 2);
	*request = plain;
	request->head.fixed += more_fixed;
	request->head.stride += more_element;
	request->head.size = request->head.fixed + 2 * request->head.stride;
	out = request->bytes + sizeof(struct mmiod_msg_lease);
	memset(out, 0, more_fixed);
	out += more_fixed;
	for (int i = 0; i < 2; i++) {
		memcpy(out, &plain.lease.wants[i], sizeof(plain.lease.wants[i]));
		memset(out + sizeof(plain.lease.wants[i]), 0, more_element);
		out += request->head.stride;
	}
}

ATTACK(longer_parts_are_taken_if_their_tail_is_zero)
{
	static const unsigned int tails[][2] = { { 8, 0 }, { 0, 8 }, { 8, 8 },
						 { 1, 1 }, { 3, 5 }, { 4000, 4000 } };
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		static union request request;

		stretch_lease(&request, tails[i][0], tails[i][1]);
		ask(fd, &request, answer);
		EXPECT_EQ(granted(answer, 0)->status, MMIOD_OK);
		EXPECT_EQ(granted(answer, 1)->status, MMIOD_OK);
		EXPECT_EQ(granted(answer, 1)->offset, 256);
		EXPECT_EQ(answer->n_fds, 2);
		close_fds(answer);
	}
}

ATTACK(longer_parts_are_refused_if_their_tail_says_something)
{
	int fd = connect_greeted();
	static union request request;

	stretch_lease(&request, 8, 8);
	request.bytes[sizeof(struct mmiod_msg_lease) + 7] = 1;
	expect_harmless(fd, &request, MMIOD_E_UNSUPPORTED);
	stretch_lease(&request, 8, 8);
	request.bytes[request.head.size - 1] = 1;
	expect_harmless(fd, &request, MMIOD_E_UNSUPPORTED);
	make_bare(&request, MMIOD_OP_STATUS);
	memset(request.bytes, 0, 100);
	make_bare(&request, MMIOD_OP_STATUS);
	request.head.fixed = request.head.size = 100;
	request.bytes[99] = 0x80;
	expect_harmless(fd, &request, MMIOD_E_UNSUPPORTED);
}

ATTACK(any_id_is_echoed_even_twice)
{
	static const uint64_t ids[] = { 0, UINT64_MAX, 7, 7, 7 };
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		union request request;

		make_bare(&request, MMIOD_OP_STATUS);
		request.head.id = ids[i];
		ask(fd, &request, answer);
	}
	expect_silence(fd);
}

ATTACK(a_list_from_the_greatest_cursor_is_empty)
{
	static const uint16_t opcodes[] = { MMIOD_OP_REGIONS, MMIOD_OP_LEASES };
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();

	lease_one(fd, OPEN_REGION);
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++) {
		union request request;

		make_list(&request, opcodes[i], UINT64_MAX);
		ask(fd, &request, answer);
		EXPECT_EQ(answer->head.status, MMIOD_OK);
		EXPECT_EQ(answer->head.count, 0);
		EXPECT_EQ(answer->head.flags & MMIOD_MSG_MORE, 0);
	}
}

ATTACK(a_lease_is_given_back_once)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	const struct mmiod_wire_ended *ended =
		(const void *)(answer->bytes + sizeof(struct mmiod_msg));
	uint64_t ids[MMIOD_BATCH_MAX];
	int fd = connect_greeted();
	union request request;

	ids[0] = lease_one(fd, ALONE_REGION);
	for (unsigned int i = 1; i < MMIOD_BATCH_MAX; i++)
		ids[i] = i % 2 ? ids[0] : UINT64_MAX - i;
	make_end(&request, MMIOD_OP_RELEASE, ids, MMIOD_BATCH_MAX);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, MMIOD_BATCH_MAX);
	EXPECT_EQ(ended[0].status, MMIOD_OK);
	for (unsigned int i = 1; i < MMIOD_BATCH_MAX; i++) {
		EXPECT_EQ(ended[i].lease, ids[i]);
		EXPECT_EQ(ended[i].status, MMIOD_E_NOT_FOUND);
	}
}

ATTACK(all_or_none_leaves_nothing_behind)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	for (unsigned int bad = 0; bad < 16; bad++) {
		make_lease(&request, ALONE_REGION, 16);
		request.lease.fixed.flags = MMIOD_LEASE_ALL_OR_NONE;
		snprintf(request.lease.wants[bad].region, MMIOD_WIRE_NAME, SHUT_REGION);
		ask(fd, &request, answer);
		EXPECT_EQ(answer->n_fds, 0);
		EXPECT_EQ(answer->head.count, 16);
		for (unsigned int i = 0; i < 16; i++)
			EXPECT_EQ(granted(answer, i)->status, MMIOD_E_DENIED);
	}
	make_list(&request, MMIOD_OP_LEASES, 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, 0);
}

ATTACK(elements_of_one_request_conflict_with_each_other)
{
	struct answer *answer = malloc(sizeof(*answer));
	int fd = connect_greeted();
	union request request;

	make_lease(&request, ALONE_REGION, 2);
	request.lease.wants[1].offset = 255;
	ask(fd, &request, answer);
	EXPECT_EQ(granted(answer, 0)->status, MMIOD_OK);
	EXPECT_EQ(granted(answer, 1)->status, MMIOD_E_BUSY);
	EXPECT_EQ(answer->n_fds, 1);
}

static void as_stranger(void *data)
{
	const uint64_t id = *(const uint64_t *)data;
	struct answer *answer = malloc(sizeof(*answer));
	union request request;
	int fd;

	become(STRANGER);
	fd = connect_greeted();
	make_end(&request, MMIOD_OP_REVOKE, &id, 1);
	expect_harmless(fd, &request, MMIOD_E_DENIED);
	make_end(&request, MMIOD_OP_RELEASE, &id, 1);
	ask(fd, &request, answer);
	EXPECT_EQ(((struct mmiod_wire_ended *)(answer->bytes + answer->head.fixed))->status,
		  MMIOD_E_DENIED);
	make_list(&request, MMIOD_OP_LEASES, 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, 0);
	make_list(&request, MMIOD_OP_REGIONS, 0);
	ask(fd, &request, answer);
	EXPECT_EQ(answer->head.count, 2);
}

ATTACK(a_stranger_neither_sees_nor_ends_the_leases_of_others)
{
	int fd = connect_greeted();
	uint64_t id = lease_one(fd, ALONE_REGION);

	wait_child(start_child(as_stranger, &id));
	expect_silence(fd);
}
