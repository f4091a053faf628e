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

static enum mmiod_outcome check_kind(struct wish *wish)
{
	const struct region *region = wish->region;

	if (!region->config->pool)
		return MMIOD_OK;
	return wish_refuse(wish, MMIOD_E_INVALID,
			   "region %s is a pool (%s:%u): its bytes are not leased by offset, but "
			   "allocated (ALLOC; mmioctl alloc)",
			   region->name, region->config->origin.file, region->config->origin.line);
}

/* Sets length, cache and width to what the defaults stand for. */
static enum mmiod_outcome check_extent(struct wish *wish)
{
	const struct region *region = wish->region;
	struct mmiod_wire_want *want = &wish->want;
	uint64_t size = region->hw.length;

	if (want->offset >= size || want->length > size - want->offset)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "0x%" PRIx64 "+0x%" PRIx64
				   " is outside of region %s, which has 0x%" PRIx64 " bytes",
				   want->offset, want->length, region->name, size);
	if (!want->length)
		want->length = size - want->offset;
	if (want->width && region->hw.width && want->width != region->hw.width)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "region %s is accessed by %u bits, not %u", region->name,
				   8 * region->hw.width, 8 * want->width);
	if (!want->width)
		want->width = region->hw.width;
	if (want->width && (want->offset % want->width || want->length % want->width))
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "offset and length must be multiples of the width, %u bits",
				   8 * want->width);
	return MMIOD_OK;
}

static bool is_zero_write(const struct mmiod_wire_write *write)
{
	return !write->offset && !write->value && !write->width && !write->reserved;
}

/* NULL: it will do. */
static const char *write_error(const struct wish *wish, const struct mmiod_wire_write *write)
{
	const struct mmiod_wire_want *want = &wish->want;
	uint32_t width = write->width;

	if (write->reserved)
		return "a reserved field is not zero";
	if (width > 8 || !width || width & (width - 1))
		return "its width is not 1, 2, 4 or 8 bytes";
	if (want->width && width != want->width)
		return "its width is not that of the lease";
	if (write->offset % width)
		return "its offset is not a multiple of its width";
	if (width < 8 && write->value >> 8 * width)
		return "its value does not fit its width";
	if (write->offset < want->offset || want->length < width ||
	    write->offset - want->offset > want->length - width)
		return "it lies outside of the lease";
	return NULL;
}

/* What the client wants to be written when the lease ends: only what it could write itself. */
static enum mmiod_outcome check_on_end(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;

	if (want->n_on_end > MMIOD_ON_END_MAX)
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "%u writes at the end of a lease: %u at most", want->n_on_end,
				   MMIOD_ON_END_MAX);
	if (want->n_on_end && !(want->rights & MMIOD_RIGHT_WRITE))
		return wish_refuse(wish, MMIOD_E_INVALID,
				   "a read-only lease cannot have anything written when it ends");
	wish->on_end.count = 0;
	for (uint32_t i = 0; i < MMIOD_ON_END_MAX; i++) {
		const struct mmiod_wire_write *write = &want->on_end[i];
		const char *error = i < want->n_on_end	   ? write_error(wish, write)
				    : is_zero_write(write) ? NULL
							   : "there are more than were counted";

		if (error)
			return wish_refuse(wish, MMIOD_E_INVALID,
					   "the write of 0x%" PRIx64 " to +0x%" PRIx64
					   " at the end of the lease: %s",
					   (uint64_t)write->value, (uint64_t)write->offset, error);
		if (i < want->n_on_end)
			wish->on_end.items[wish->on_end.count++] = (struct config_write){
				.offset = write->offset,
				.value = write->value,
				.width = write->width,
			};
	}
	return MMIOD_OK;
}

static void read_element(struct wish *wish, size_t index)
{
	request_element(wish->call->request, index, &wish->asked, sizeof(wish->asked));
}

static enum mmiod_outcome judge(struct wish *wish)
{
	enum mmiod_outcome outcome;

	wish->want = wish->asked;
	outcome = wish_check_form(wish);
	if (outcome == MMIOD_OK)
		outcome = wish_find_region(wish);
	if (outcome == MMIOD_OK)
		outcome = wish_check_policy(wish);
	if (outcome == MMIOD_OK)
		outcome = wish_check_presence(wish);
	if (outcome == MMIOD_OK)
		outcome = check_kind(wish);
	if (outcome == MMIOD_OK)
		outcome = check_extent(wish);
	if (outcome == MMIOD_OK)
		outcome = check_on_end(wish);
	if (outcome == MMIOD_OK)
		outcome = wish_check_cache(wish);
	return outcome;
}

static enum mmiod_outcome reserve(struct wish *wish)
{
	const struct mmiod_wire_want *want = &wish->want;
	struct lease *holder =
		lease_conflict(wish->region, want->offset, want->length, want->rights, wish->share);

	return holder ? wish_name_holder(wish, holder, "is held by") : wish_check_turn(wish);
}

const struct wish_kind wish_lease = { read_element, judge, reserve };

enum request_result request_lease(struct call *call)
{
	return wish_batch(call, &wish_lease);
}
