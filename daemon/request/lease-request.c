// SPDX-License-Identifier: MIT
/*
 * LEASE: the daemon's main work. Each element goes the same way: is it well-formed, is there such a
 * region, does the policy let the caller, is it within bounds, is there room in the account, is it
 * free; then the backend makes the window. Every refusal says which of these it was, and names the
 * rule or the holder.
 */
#include <inttypes.h>
#include <string.h>
#include "request/request.h"
#include "request/want.h"

static enum mmiod_outcome check_kind(struct want *want)
{
	const struct region *region = want->region;

	if (!region->config->pool)
		return MMIOD_OK;
	return want_refuse(want, MMIOD_E_INVALID,
			   "region %s is a pool (%s:%u): its bytes are not leased by offset, but "
			   "allocated (ALLOC; mmioctl alloc)",
			   region->name, region->config->origin.file, region->config->origin.line);
}

/* Sets length, cache and width to what the defaults stand for. */
static enum mmiod_outcome check_extent(struct want *want)
{
	const struct region *region = want->region;
	struct mmiod_wire_want *wire = &want->wire;
	uint64_t size = region->hw.length;

	if (wire->offset >= size || wire->length > size - wire->offset)
		return want_refuse(want, MMIOD_E_INVALID,
				   "0x%" PRIx64 "+0x%" PRIx64
				   " is outside of region %s, which has 0x%" PRIx64 " bytes",
				   wire->offset, wire->length, region->name, size);
	if (!wire->length)
		wire->length = size - wire->offset;
	if (wire->width && region->hw.width && wire->width != region->hw.width)
		return want_refuse(want, MMIOD_E_INVALID,
				   "region %s is accessed by %u bits, not %u", region->name,
				   8 * region->hw.width, 8 * wire->width);
	if (region->hw.ports && wire->width > CONFIG_PORTS_WIDTH_MAX)
		return want_refuse(want, MMIOD_E_INVALID,
				   "region %s is of I/O ports, which are accessed by 8, 16 or 32 "
				   "bits, not %u",
				   region->name, 8 * wire->width);
	if (!wire->width)
		wire->width = region->hw.width;
	if (wire->width && (wire->offset % wire->width || wire->length % wire->width))
		return want_refuse(want, MMIOD_E_INVALID,
				   "offset and length must be multiples of the width, %u bits",
				   8 * wire->width);
	return MMIOD_OK;
}

static bool is_zero_write(const struct mmiod_wire_write *write)
{
	return !write->offset && !write->value && !write->width && !write->reserved;
}

/* NULL: it will do. */
static const char *write_error(const struct want *want, const struct mmiod_wire_write *write)
{
	const struct mmiod_wire_want *wire = &want->wire;
	uint32_t width = write->width;

	if (write->reserved)
		return "a reserved field is not zero";
	if (width > 8 || !width || width & (width - 1))
		return "its width is not 1, 2, 4 or 8 bytes";
	if (wire->width && width != wire->width)
		return "its width is not that of the lease";
	if (write->offset % width)
		return "its offset is not a multiple of its width";
	if (width < 8 && write->value >> 8 * width)
		return "its value does not fit its width";
	if (write->offset < wire->offset || wire->length < width ||
	    write->offset - wire->offset > wire->length - width)
		return "it lies outside of the lease";
	return NULL;
}

/* The client may have written, when the lease ends, only what it could write itself. */
static enum mmiod_outcome check_on_end(struct want *want)
{
	const struct mmiod_wire_want *wire = &want->wire;

	if (wire->n_on_end > MMIOD_ON_END_MAX)
		return want_refuse(want, MMIOD_E_INVALID,
				   "%u writes at the end of a lease: %u at most", wire->n_on_end,
				   MMIOD_ON_END_MAX);
	if (wire->n_on_end && !(wire->rights & MMIOD_RIGHT_WRITE))
		return want_refuse(want, MMIOD_E_INVALID,
				   "a read-only lease cannot have anything written when it ends");
	want->on_end.count = 0;
	for (uint32_t i = 0; i < MMIOD_ON_END_MAX; i++) {
		const struct mmiod_wire_write *write = &wire->on_end[i];
		const char *error = i < wire->n_on_end	   ? write_error(want, write)
				    : is_zero_write(write) ? NULL
							   : "there are more than were counted";

		if (error)
			return want_refuse(want, MMIOD_E_INVALID,
					   "the write of 0x%" PRIx64 " to +0x%" PRIx64
					   " at the end of the lease: %s",
					   (uint64_t)write->value, (uint64_t)write->offset, error);
		if (i < wire->n_on_end)
			want->on_end.items[want->on_end.count++] = (struct config_write){
				.offset = write->offset,
				.value = write->value,
				.width = write->width,
			};
	}
	return MMIOD_OK;
}

/*
 * An administrator asks for another: the grants to that user decide, and the lease is that user's.
 * Which groups it has only the name service knows, which may take seconds, so they do not count.
 */
static enum mmiod_outcome settle_subject(struct want *want)
{
	const struct mmiod_wire_want *wire = &want->wire;

	if (wire->reserved2 || (wire->for_uid && !(wire->flags & MMIOD_LEASE_FOR)))
		return want_refuse(want, MMIOD_E_INVALID, "a reserved field is not zero");
	if (!(wire->flags & MMIOD_LEASE_FOR))
		return MMIOD_OK;
	if (!call_is_admin(want->call))
		return want_refuse(want, MMIOD_E_DENIED,
				   "denied: only root and those that an [admin] section names may "
				   "lease for another user");
	want->beneficiary =
		(struct subject){ .uid = wire->for_uid, .known = peer_is_known(wire->for_uid) };
	want->subject = &want->beneficiary;
	want->holder.uid = wire->for_uid;
	want->holder.tenant = 0;
	return MMIOD_OK;
}

static void read_element(struct want *want, size_t index)
{
	request_element(want->call->request, index, &want->asked, sizeof(want->asked));
}

static enum mmiod_outcome judge(struct want *want)
{
	enum mmiod_outcome outcome;

	want->wire = want->asked;
	outcome = want_check_form(want);
	if (outcome == MMIOD_OK)
		outcome = settle_subject(want);
	if (outcome == MMIOD_OK)
		outcome = want_find_region(want);
	if (outcome == MMIOD_OK)
		outcome = want_check_policy(want);
	if (outcome == MMIOD_OK)
		outcome = want_check_presence(want);
	if (outcome == MMIOD_OK)
		outcome = check_kind(want);
	if (outcome == MMIOD_OK)
		outcome = check_extent(want);
	if (outcome == MMIOD_OK)
		outcome = check_on_end(want);
	if (outcome == MMIOD_OK)
		outcome = want_check_memtype(want);
	return outcome;
}

static enum mmiod_outcome reserve(struct want *want)
{
	const struct mmiod_wire_want *wire = &want->wire;
	struct lease *holder =
		lease_conflict(want->region, wire->offset, wire->length, wire->rights, want->share);

	if (holder)
		holder = want_ask_parked(want, holder);
	return holder ? want_name_holder(want, holder, "is held by") : want_check_turn(want);
}

const struct want_kind want_lease = { read_element, judge, reserve };

enum request_result request_lease(struct call *call)
{
	return want_batch(call, &want_lease);
}
