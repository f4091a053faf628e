// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <string.h>
#include "daemon/wire/decode.h"

static _Alignas(8) uint8_t packet[MMIOD_MSG_MAX + 64];
static struct request request;
static struct decode_error error;

static void begin(uint16_t opcode, size_t fixed, size_t count, size_t stride)
{
	struct mmiod_msg *head = (struct mmiod_msg *)packet;

	memset(packet, 0, sizeof(packet));
	*head = (struct mmiod_msg){
		.size = (uint32_t)(fixed + count * stride),
		.opcode = opcode,
		.id = 42,
		.fixed = (uint32_t)fixed,
		.count = (uint32_t)count,
		.stride = (uint32_t)stride,
	};
}

static struct mmiod_msg *head(void)
{
	return (struct mmiod_msg *)packet;
}

static bool decode(void)
{
	memset(&error, 0, sizeof(error));
	return request_decode(packet, head()->size, &request, &error);
}

static void refused(enum mmiod_outcome outcome)
{
	cr_assert_not(decode());
	cr_assert_eq(error.outcome, outcome, "%d: %s", error.outcome, error.reason);
	cr_assert_not_null(error.reason);
}

/* Every opcode as version 1 has it. */
static const struct {
	uint16_t opcode;
	size_t fixed;
	size_t stride;
} shapes[] = {
	{ MMIOD_OP_HELLO, MMIOD_V1_HELLO, 0 },
	{ MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0 },
	{ MMIOD_OP_REGIONS, sizeof(struct mmiod_msg_list), 0 },
	{ MMIOD_OP_LEASES, sizeof(struct mmiod_msg_list), 0 },
	{ MMIOD_OP_LEASE, MMIOD_V1_LEASE_REQUEST, MMIOD_V1_WANT },
	{ MMIOD_OP_RELEASE, MMIOD_V1_END, sizeof(uint64_t) },
	{ MMIOD_OP_REVOKE, MMIOD_V1_END, sizeof(uint64_t) },
	{ MMIOD_OP_ALLOC, MMIOD_V1_LEASE_REQUEST, MMIOD_V1_ALLOC },
	{ MMIOD_OP_POOLS, sizeof(struct mmiod_msg_list), 0 },
	{ MMIOD_OP_POOL_MAP, sizeof(struct mmiod_msg_pool_map), 0 },
	{ MMIOD_OP_BUFFER, sizeof(struct mmiod_msg_buffer), 0 },
	{ MMIOD_OP_PUBLISH, sizeof(struct mmiod_msg), sizeof(struct mmiod_wire_cache) },
	{ MMIOD_OP_CACHES, sizeof(struct mmiod_msg_list), 0 },
	{ MMIOD_OP_RENEW, sizeof(struct mmiod_msg), sizeof(uint64_t) },
	{ MMIOD_OP_GRANT, sizeof(struct mmiod_msg_grant), sizeof(struct mmiod_wire_pattern) },
	{ MMIOD_OP_UNGRANT, sizeof(struct mmiod_msg_ungrant), 0 },
	{ MMIOD_OP_GRANTS, sizeof(struct mmiod_msg_list), 0 },
	{ MMIOD_OP_EXTENTS, sizeof(struct mmiod_msg_extents), 0 },
	{ MMIOD_OP_PARK, sizeof(struct mmiod_msg), 0 },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void begin_shape(size_t i, size_t more_fixed, size_t more_stride)
{
	begin(shapes[i].opcode, shapes[i].fixed + more_fixed, shapes[i].stride ? 2 : 0,
	      shapes[i].stride ? shapes[i].stride + more_stride : 0);
}

/* How much of it this daemon knows beside. */
static size_t known_fixed(size_t i)
{
	switch (shapes[i].opcode) {
	case MMIOD_OP_HELLO:
		return sizeof(struct mmiod_msg_hello) - MMIOD_V1_HELLO;
	case MMIOD_OP_LEASE:
	case MMIOD_OP_ALLOC:
		return sizeof(struct mmiod_msg_lease) - MMIOD_V1_LEASE_REQUEST;
	case MMIOD_OP_EXPLAIN:
		return sizeof(struct mmiod_msg_explain) - MMIOD_V1_EXPLAIN;
	case MMIOD_OP_RELEASE:
	case MMIOD_OP_REVOKE:
		return sizeof(struct mmiod_msg_end) - MMIOD_V1_END;
	case MMIOD_OP_RENEW:
		return sizeof(struct mmiod_msg_end) - MMIOD_V1_HEADER;
	default:
		return 0;
	}
}

static size_t known_stride(size_t i)
{
	switch (shapes[i].opcode) {
	case MMIOD_OP_LEASE:
		return sizeof(struct mmiod_wire_want) - MMIOD_V1_WANT;
	case MMIOD_OP_ALLOC:
		return sizeof(struct mmiod_wire_alloc) - MMIOD_V1_ALLOC;
	default:
		return 0;
	}
}

Test(decode, takes_every_request_as_version_1_has_it)
{
	for (size_t i = 0; i < SHAPES; i++) {
		begin_shape(i, 0, 0);
		cr_assert(decode(), "opcode %u: %s", shapes[i].opcode, error.reason);
		cr_assert_eq(request.head.opcode, shapes[i].opcode);
		cr_assert_eq(request.head.id, 42u);
	}
}

Test(decode, takes_longer_parts_whose_tail_is_zero)
{
	for (size_t i = 0; i < SHAPES; i++) {
		begin_shape(i, 8, 16);
		cr_assert(decode(), "opcode %u: %s", shapes[i].opcode, error.reason);
	}
}

Test(decode, refuses_longer_parts_whose_tail_is_not_zero)
{
	for (size_t i = 0; i < SHAPES; i++) {
		begin_shape(i, known_fixed(i) + 8, 0);
		packet[head()->fixed - 1] = 1;
		refused(MMIOD_E_UNSUPPORTED);
		if (!shapes[i].stride)
			continue;
		begin_shape(i, 0, known_stride(i) + 8);
		packet[head()->size - 1] = 1; /* in the second element */
		refused(MMIOD_E_UNSUPPORTED);
	}
}

Test(decode, refuses_fixed_parts_and_elements_that_are_too_short)
{
	for (size_t i = 0; i < SHAPES; i++) {
		if (shapes[i].fixed > sizeof(struct mmiod_msg)) {
			begin(shapes[i].opcode, shapes[i].fixed - 1, 0, 0);
			refused(MMIOD_E_INVALID);
		}
		if (shapes[i].stride) {
			begin(shapes[i].opcode, shapes[i].fixed, 2, shapes[i].stride - 1);
			refused(MMIOD_E_INVALID);
		}
	}
}

Test(decode, refuses_empty_and_overlong_arrays)
{
	for (size_t i = 0; i < SHAPES; i++) {
		if (!shapes[i].stride || shapes[i].opcode == MMIOD_OP_PUBLISH)
			continue;
		begin(shapes[i].opcode, shapes[i].fixed, 0, shapes[i].stride);
		refused(MMIOD_E_INVALID);
		begin(shapes[i].opcode, shapes[i].fixed,
		      shapes[i].opcode == MMIOD_OP_LEASE ? 17 : 257, shapes[i].stride);
		refused(MMIOD_E_INVALID);
	}
}

Test(decode, takes_no_caches_as_an_answer)
{
	begin(MMIOD_OP_PUBLISH, sizeof(struct mmiod_msg), 0, sizeof(struct mmiod_wire_cache));
	cr_assert(decode(), "%s", error.reason);
	cr_assert_eq(request.head.count, 0u);
}

Test(decode, refuses_arrays_where_there_is_none)
{
	begin(MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 1, 8);
	refused(MMIOD_E_INVALID);
	begin(MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0, 8);
	refused(MMIOD_E_INVALID);
}

Test(decode, refuses_packets_shorter_than_a_header)
{
	begin(MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0, 0);
	for (size_t length = 0; length < sizeof(struct mmiod_msg); length++) {
		cr_assert_not(request_decode(packet, length, &request, &error));
		cr_assert_eq(error.outcome, MMIOD_E_PROTOCOL);
	}
}

Test(decode, refuses_a_size_that_is_not_the_packets)
{
	begin(MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0, 0);
	cr_assert_not(request_decode(packet, sizeof(struct mmiod_msg) + 1, &request, &error));
	cr_assert_eq(error.outcome, MMIOD_E_PROTOCOL);
	head()->size++;
	cr_assert_not(request_decode(packet, sizeof(struct mmiod_msg), &request, &error));
	cr_assert_eq(error.outcome, MMIOD_E_PROTOCOL);
}

Test(decode, refuses_packets_longer_than_the_limit_without_reading_them)
{
	begin(MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0, 0);
	head()->size = 1 << 30;
	cr_assert_not(request_decode(packet, 1 << 30, &request, &error));
	cr_assert_eq(error.outcome, MMIOD_E_PROTOCOL);
}

Test(decode, refuses_headers_that_do_not_add_up)
{
	begin(MMIOD_OP_LEASE, sizeof(struct mmiod_msg_lease), 2, 72);
	head()->fixed = 31;
	refused(MMIOD_E_PROTOCOL);
	head()->fixed = head()->size + 1;
	refused(MMIOD_E_PROTOCOL);
	begin(MMIOD_OP_LEASE, sizeof(struct mmiod_msg_lease), 2, 72);
	head()->count = 3;
	refused(MMIOD_E_PROTOCOL);
	begin(MMIOD_OP_LEASE, sizeof(struct mmiod_msg_lease), 2, 72);
	head()->count = 0x80000000;
	head()->stride = 0x80000000;
	refused(MMIOD_E_PROTOCOL);
}

Test(decode, counts_times_stride_does_not_wrap)
{
	begin(MMIOD_OP_RELEASE, sizeof(struct mmiod_msg_end), 1, 8);
	head()->count = 0x40000002; /* times 4: 2^32 + 8 */
	head()->stride = 4;
	refused(MMIOD_E_PROTOCOL);
}

Test(decode, refuses_flags_status_and_descriptors_in_requests)
{
	begin(MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0, 0);
	head()->flags = MMIOD_MSG_REPLY;
	refused(MMIOD_E_PROTOCOL);
	head()->flags = 0;
	head()->status = 1;
	refused(MMIOD_E_PROTOCOL);
	head()->status = 0;
	head()->fds = 1;
	refused(MMIOD_E_PROTOCOL);
}

Test(decode, an_unknown_opcode_is_no_reason_to_hang_up)
{
	begin(MMIOD_OP_EVENT, sizeof(struct mmiod_msg), 0, 0);
	refused(MMIOD_E_UNSUPPORTED);
	begin(0, sizeof(struct mmiod_msg), 3, 5);
	refused(MMIOD_E_UNSUPPORTED);
	cr_assert_eq(request.head.id, 42u, "so that the reply can name it");
}

Test(decode, refuses_reserved_fields_and_unknown_flags)
{
	begin_shape(0, 0, 0);
	((struct mmiod_msg_hello *)packet)->reserved = 1;
	refused(MMIOD_E_INVALID);
	begin_shape(4, 0, 0);
	((struct mmiod_msg_lease *)packet)->reserved = 1;
	refused(MMIOD_E_INVALID);
	begin_shape(4, 0, 0);
	((struct mmiod_msg_lease *)packet)->flags = 2;
	refused(MMIOD_E_UNSUPPORTED);
	begin_shape(5, 0, 0);
	((struct mmiod_msg_end *)packet)->deadline_ms = 1;
	refused(MMIOD_E_INVALID);
	begin_shape(6, 0, 0);
	((struct mmiod_msg_end *)packet)->deadline_ms = 1;
	cr_assert(decode());
	((struct mmiod_msg_end *)packet)->reserved = 1;
	refused(MMIOD_E_INVALID);
}

Test(decode, only_a_release_and_a_renewal_may_be_forced)
{
	static const struct {
		uint16_t opcode;
		bool may;
	} ends[] = { { MMIOD_OP_RELEASE, true },
		     { MMIOD_OP_RENEW, true },
		     { MMIOD_OP_REVOKE, false } };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		begin(ends[i].opcode, sizeof(struct mmiod_msg_end), 1, sizeof(uint64_t));
		((struct mmiod_msg_end *)packet)->flags = MMIOD_END_FORCE;
		if (ends[i].may)
			cr_assert(decode(), "%s", error.reason);
		else
			refused(MMIOD_E_UNSUPPORTED);
		((struct mmiod_msg_end *)packet)->flags = 2;
		refused(MMIOD_E_UNSUPPORTED);
		((struct mmiod_msg_end *)packet)->flags = 0;
		((struct mmiod_msg_end *)packet)->reserved2 = 1;
		refused(MMIOD_E_INVALID);
	}
	begin(MMIOD_OP_RENEW, sizeof(struct mmiod_msg_end), 1, sizeof(uint64_t));
	((struct mmiod_msg_end *)packet)->deadline_ms = 1;
	refused(MMIOD_E_INVALID);
}

Test(decode, what_is_reserved_in_a_grant_and_its_end_is_zero)
{
	begin(MMIOD_OP_GRANT, sizeof(struct mmiod_msg_grant), 1, sizeof(struct mmiod_wire_pattern));
	cr_assert(decode());
	((struct mmiod_msg_grant *)packet)->reserved = 1;
	refused(MMIOD_E_INVALID);
	begin(MMIOD_OP_GRANT, sizeof(struct mmiod_msg_grant), MMIOD_GRANT_PATTERNS_MAX + 1,
	      sizeof(struct mmiod_wire_pattern));
	refused(MMIOD_E_INVALID);
	begin(MMIOD_OP_UNGRANT, sizeof(struct mmiod_msg_ungrant), 0, 0);
	((struct mmiod_msg_ungrant *)packet)->reserved = 1;
	refused(MMIOD_E_INVALID);
}

Test(decode, hands_out_elements_by_their_own_stride)
{
	uint64_t id;

	begin(MMIOD_OP_RELEASE, sizeof(struct mmiod_msg_end), 3, 24);
	for (uint64_t i = 0; i < 3; i++) {
		id = 100 + i;
		memcpy(packet + sizeof(struct mmiod_msg_end) + i * 24, &id, sizeof(id));
	}
	cr_assert(decode());
	for (size_t i = 0; i < 3; i++) {
		request_element(&request, i, &id, sizeof(id));
		cr_assert_eq(id, 100 + i);
	}
}

Test(decode, survives_whatever_bytes_come)
{
	uint32_t seed = 1;

	for (int round = 0; round < 200000; round++) {
		size_t length = seed % 256;

		for (size_t i = 0; i < length; i++) {
			seed = seed * 1664525 + 1013904223;
			packet[i] = (uint8_t)(seed >> 24) & (round % 3 ? 0xff : 0x3f);
		}
		if (round % 2 && length >= sizeof(struct mmiod_msg)) {
			head()->size = (uint32_t)length;
			head()->opcode = round % 8;
			head()->flags = head()->fds = 0;
			head()->status = 0;
			head()->fixed = 32 + round % 32;
		}
		if (!request_decode(packet, length, &request, &error)) {
			cr_assert_neq(error.outcome, MMIOD_OK);
			continue;
		}
		for (size_t i = 0; i < request.head.count; i++) {
			uint8_t element[128];

			request_element(&request, i, element, request.known);
		}
		seed += (uint32_t)round;
	}
}

Test(decode, a_pools_name_ends)
{
	begin(MMIOD_OP_POOL_MAP, sizeof(struct mmiod_msg_pool_map), 0, 0);
	memset(packet + offsetof(struct mmiod_msg_pool_map, region), 'x', MMIOD_WIRE_NAME);
	refused(MMIOD_E_INVALID);
	packet[offsetof(struct mmiod_msg_pool_map, region) + MMIOD_WIRE_NAME - 1] = 0;
	cr_assert(decode());
}

Test(decode, unknown_flags_of_an_allocation_are_refused)
{
	begin(MMIOD_OP_ALLOC, sizeof(struct mmiod_msg_lease), 1, sizeof(struct mmiod_wire_alloc));
	((struct mmiod_msg_lease *)packet)->flags = 2;
	refused(MMIOD_E_UNSUPPORTED);
	((struct mmiod_msg_lease *)packet)->flags = MMIOD_LEASE_ALL_OR_NONE;
	cr_assert(decode());
}

/* The first byte that this daemon does not know asks for something as well as the last does. */
Test(decode, no_byte_of_an_unknown_tail_may_be_set)
{
	for (size_t i = 0; i < 8; i++) {
		begin(MMIOD_OP_LEASE, sizeof(struct mmiod_msg_lease) + 8, 1,
		      sizeof(struct mmiod_wire_want) + 8);
		packet[sizeof(struct mmiod_msg_lease) + i] = 1;
		refused(MMIOD_E_UNSUPPORTED);
		begin(MMIOD_OP_LEASE, sizeof(struct mmiod_msg_lease) + 8, 1,
		      sizeof(struct mmiod_wire_want) + 8);
		packet[head()->fixed + sizeof(struct mmiod_wire_want) + i] = 1;
		refused(MMIOD_E_UNSUPPORTED);
	}
}
