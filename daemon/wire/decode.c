// SPDX-License-Identifier: MIT
/*
 * The message decoder. One row per opcode says what version 1 had and what this daemon knows; the
 * size rule of protocol.h follows from the row. Two kinds of error: of the framing (the connection
 * is closed) and of the content (only the request fails).
 */
#include <ctype.h>
#include <string.h>
#include "base/util.h"
#include "wire/decode.h"

struct shape {
	uint16_t opcode;
	uint16_t fixed_min; /* what version 1 had */
	uint16_t fixed_known;
	uint16_t stride_min; /* 0: has no array */
	uint16_t stride_known;
	uint16_t count_max;
	bool may_be_empty; /* the array */
};

static const struct shape shapes[] = {
	{ MMIOD_OP_HELLO, MMIOD_V1_HELLO, sizeof(struct mmiod_msg_hello), 0, 0, 0 },
	{ MMIOD_OP_STATUS, MMIOD_V1_HEADER, sizeof(struct mmiod_msg), 0, 0, 0 },
	{ MMIOD_OP_REGIONS, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_LEASE, MMIOD_V1_LEASE_REQUEST, sizeof(struct mmiod_msg_lease), MMIOD_V1_WANT,
	  sizeof(struct mmiod_wire_want), MMIOD_MSG_FDS_MAX },
	{ MMIOD_OP_RELEASE, MMIOD_V1_END, sizeof(struct mmiod_msg_end), sizeof(uint64_t),
	  sizeof(uint64_t), MMIOD_BATCH_MAX },
	{ MMIOD_OP_REVOKE, MMIOD_V1_END, sizeof(struct mmiod_msg_end), sizeof(uint64_t),
	  sizeof(uint64_t), MMIOD_BATCH_MAX },
	{ MMIOD_OP_LEASES, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_ALLOC, MMIOD_V1_LEASE_REQUEST, sizeof(struct mmiod_msg_lease), MMIOD_V1_ALLOC,
	  sizeof(struct mmiod_wire_alloc), MMIOD_MSG_FDS_MAX },
	{ MMIOD_OP_POOLS, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_POOL_MAP, MMIOD_V1_POOL_MAP, sizeof(struct mmiod_msg_pool_map), 0, 0, 0 },
	{ MMIOD_OP_BUFFER, MMIOD_V1_BUFFER, sizeof(struct mmiod_msg_buffer), 0, 0, 0 },
	{ MMIOD_OP_PUBLISH, MMIOD_V1_HEADER, sizeof(struct mmiod_msg), MMIOD_V1_CACHE,
	  sizeof(struct mmiod_wire_cache), UINT16_MAX, true },
	{ MMIOD_OP_CACHES, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_CLIENTS, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_TRANSLATE, MMIOD_V1_TRANSLATE, sizeof(struct mmiod_msg_translate), 0, 0, 0 },
	{ MMIOD_OP_PAGE, MMIOD_V1_PAGE, sizeof(struct mmiod_msg_page), 0, 0, 0 },
	{ MMIOD_OP_MONITOR, MMIOD_V1_MONITOR, sizeof(struct mmiod_msg_monitor), 0, 0, 0 },
	{ MMIOD_OP_RENEW, MMIOD_V1_HEADER, sizeof(struct mmiod_msg_end), sizeof(uint64_t),
	  sizeof(uint64_t), MMIOD_BATCH_MAX },
	{ MMIOD_OP_EXPLAIN, MMIOD_V1_EXPLAIN, sizeof(struct mmiod_msg_explain), sizeof(uint32_t),
	  sizeof(uint32_t), UINT16_MAX, true },
	{ MMIOD_OP_COUNTERS, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_CANCEL, MMIOD_V1_CANCEL, sizeof(struct mmiod_msg_cancel), 0, 0, 0 },
	{ MMIOD_OP_LOG, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_DEVICES, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_INTERRUPT, MMIOD_V1_LEASE_REQUEST, sizeof(struct mmiod_msg_lease),
	  MMIOD_V1_INTERRUPT, sizeof(struct mmiod_wire_interrupt), MMIOD_MSG_FDS_MAX },
	{ MMIOD_OP_OPERATE, MMIOD_V1_LEASE_REQUEST, sizeof(struct mmiod_msg_lease),
	  MMIOD_V1_OPERATE, sizeof(struct mmiod_wire_operate), MMIOD_MSG_FDS_MAX },
	{ MMIOD_OP_INTERRUPTS, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_GRANT, MMIOD_V1_GRANT, sizeof(struct mmiod_msg_grant), MMIOD_V1_PATTERN,
	  sizeof(struct mmiod_wire_pattern), MMIOD_GRANT_PATTERNS_MAX },
	{ MMIOD_OP_UNGRANT, MMIOD_V1_UNGRANT, sizeof(struct mmiod_msg_ungrant), 0, 0, 0 },
	{ MMIOD_OP_GRANTS, MMIOD_V1_LIST, sizeof(struct mmiod_msg_list), 0, 0, 0 },
	{ MMIOD_OP_EXTENTS, MMIOD_V1_EXTENTS, sizeof(struct mmiod_msg_extents), 0, 0, 0 },
	{ MMIOD_OP_PARK, MMIOD_V1_HEADER, sizeof(struct mmiod_msg), 0, 0, 0 },
};

static bool fail(struct decode_error *error, enum mmiod_outcome outcome, const char *reason)
{
	*error = (struct decode_error){ .outcome = outcome, .reason = reason };
	return false;
}

static const struct shape *shape_find(uint16_t opcode)
{
	if (opcode && opcode <= array_size(shapes) && shapes[opcode - 1].opcode == opcode)
		return &shapes[opcode - 1]; /* the first of them are in order */
	for (size_t i = 0; i < array_size(shapes); i++)
		if (shapes[i].opcode == opcode)
			return &shapes[i];
	return NULL;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool check_framing(const struct mmiod_msg *head, size_t length, struct decode_error *error)
{
	uint64_t array = (uint64_t)head->count * head->stride;

	if (head->size != length)
		return fail(error, MMIOD_E_PROTOCOL, "the size in the header is not the packet's");
	if (head->flags || head->status)
		return fail(error, MMIOD_E_PROTOCOL, "a request has no flags and no status");
	if (head->fds)
		return fail(error, MMIOD_E_PROTOCOL, "a request carries no descriptors");
	if (head->fixed < sizeof(*head) || head->fixed > length)
		return fail(error, MMIOD_E_PROTOCOL, "the fixed part does not fit the packet");
	if (array != length - head->fixed)
		return fail(error, MMIOD_E_PROTOCOL, "fixed part and array do not fill the packet");
	return true;
}

/* Copies the fixed part, extending it with zeros; bytes beyond the known size must be zero. */
static bool take_fixed(const struct shape *shape, const uint8_t *packet, struct request *request,
		       struct decode_error *error)
{
	size_t fixed = request->head.fixed, known = shape->fixed_known;
	size_t taken = fixed < known ? fixed : known;

	if (fixed < shape->fixed_min)
		return fail(error, MMIOD_E_INVALID,
			    "the fixed part is shorter than version 1 had it");
	if (fixed > known && !is_zero(packet + known, fixed - known))
		return fail(error, MMIOD_E_UNSUPPORTED,
			    "the fixed part asks for something unknown here");
	memcpy(&request->fixed, packet, taken);
	if (taken < known)
		memset((uint8_t *)&request->fixed + taken, 0, known - taken);
	return true;
}

static bool take_array(const struct shape *shape, const uint8_t *packet, struct request *request,
		       struct decode_error *error)
{
	size_t stride = request->head.stride, known = shape->stride_known;

	request->array = packet + request->head.fixed;
	request->known = known;
	if (!shape->stride_known)
		return request->head.count == 0 && stride == 0
			       ? true
			       : fail(error, MMIOD_E_INVALID, "this request has no array");
	if (request->head.count == 0)
		return shape->may_be_empty ? true
					   : fail(error, MMIOD_E_INVALID, "the array is empty");
	if (request->head.count > shape->count_max)
		return fail(error, MMIOD_E_INVALID,
			    "the array has more elements than one request may");
	if (stride < shape->stride_min)
		return fail(error, MMIOD_E_INVALID, "an element is shorter than version 1 had it");
	for (size_t i = 0; stride > known && i < request->head.count; i++)
		if (!is_zero(request->array + i * stride + known, stride - known))
			return fail(error, MMIOD_E_UNSUPPORTED,
				    "an element asks for something unknown here");
	return true;
}

static bool check_reserved(uint32_t reserved, struct decode_error *error)
{
	return reserved ? fail(error, MMIOD_E_INVALID, "a reserved field is not zero") : true;
}

bool wire_name_is_graphic(const char name[static MMIOD_WIRE_NAME])
{
	size_t length = strnlen(name, MMIOD_WIRE_NAME);

	for (size_t i = 0; i < length; i++)
		if (!isgraph((unsigned char)name[i]))
			return false;
	return length < MMIOD_WIRE_NAME;
}

static bool check_name(const char name[MMIOD_WIRE_NAME], struct decode_error *error)
{
	return memchr(name, '\0', MMIOD_WIRE_NAME)
		       ? true
		       : fail(error, MMIOD_E_INVALID, "the region's name is not terminated");
}

static bool check_end(const struct request *request, struct decode_error *error)
{
	const struct mmiod_msg_end *end = &request->fixed.end;
	bool revokes = request->head.opcode == MMIOD_OP_REVOKE;

	if (end->deadline_ms && !revokes)
		return fail(error, MMIOD_E_INVALID, "only a revocation has a deadline");
	if (end->flags & ~(revokes ? 0 : MMIOD_END_FORCE))
		return fail(error, MMIOD_E_UNSUPPORTED, "unknown flag");
	return check_reserved(end->reserved | end->reserved2, error);
}

/* Reserved fields and unknown flags of the fixed parts. Elements check their own. */
static bool check_fields(const struct request *request, struct decode_error *error)
{
	switch (request->head.opcode) {
	case MMIOD_OP_HELLO:
		return check_reserved(request->fixed.hello.reserved, error);
	case MMIOD_OP_LEASE:
	case MMIOD_OP_ALLOC:
	case MMIOD_OP_INTERRUPT:
	case MMIOD_OP_OPERATE:
		if (request->fixed.lease.flags & ~MMIOD_LEASE_ALL_OR_NONE)
			return fail(error, MMIOD_E_UNSUPPORTED, "unknown flag");
		return check_reserved(
			request->fixed.lease.reserved | request->fixed.lease.reserved2, error);
	case MMIOD_OP_TRANSLATE:
		return check_reserved(request->fixed.translate.reserved, error);
	case MMIOD_OP_PAGE:
		return check_reserved(request->fixed.page.reserved, error);
	case MMIOD_OP_MONITOR:
		if (request->fixed.monitor.on > 1)
			return fail(error, MMIOD_E_INVALID, "monitoring is on (1) or off (0)");
		return check_reserved(request->fixed.monitor.reserved, error);
	case MMIOD_OP_EXPLAIN:
		if (request->fixed.explain.flags & ~MMIOD_EXPLAIN_FLAGS)
			return fail(error, MMIOD_E_UNSUPPORTED, "unknown flag");
		return check_name(request->fixed.explain.region, error) &&
		       check_reserved(request->fixed.explain.reserved |
					      request->fixed.explain.reserved2,
				      error);
	case MMIOD_OP_POOL_MAP:
		return check_name(request->fixed.pool_map.region, error);
	case MMIOD_OP_RELEASE:
	case MMIOD_OP_RENEW:
	case MMIOD_OP_REVOKE:
		return check_end(request, error);
	case MMIOD_OP_GRANT:
		return check_reserved(request->fixed.grant.reserved, error);
	case MMIOD_OP_UNGRANT:
		return check_reserved(request->fixed.ungrant.reserved, error);
	default:
		return true;
	}
}

bool request_decode(const void *packet, size_t length, struct request *request,
		    struct decode_error *error)
{
	const struct shape *shape;

	memset(&request->head, 0, sizeof(request->head));
	memset(&request->array, 0, sizeof(*request) - offsetof(struct request, array));
	if (length < sizeof(request->head))
		return fail(error, MMIOD_E_PROTOCOL, "the packet is shorter than a header");
	memcpy(&request->head, packet, sizeof(request->head));
	if (length > MMIOD_MSG_MAX)
		return fail(error, MMIOD_E_PROTOCOL, "the packet is longer than a message may be");
	if (!check_framing(&request->head, length, error))
		return false;
	shape = shape_find(request->head.opcode);
	if (!shape)
		return fail(error, MMIOD_E_UNSUPPORTED, "unknown opcode");
	return take_fixed(shape, packet, request, error) &&
	       take_array(shape, packet, request, error) && check_fields(request, error);
}

/* Copies element `index`, extended with zeros to `size`, the size of what this daemon knows. */
void request_element(const struct request *request, size_t index, void *element, size_t size)
{
	size_t stride = request->head.stride;

	if (stride < size)
		memset((uint8_t *)element + stride, 0, size - stride);
	memcpy(element, request->array + index * stride, stride < size ? stride : size);
}
