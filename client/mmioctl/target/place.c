/* SPDX-License-Identifier: MIT */
/*
 * Places: a target with a lease on its bytes, for as long as one verb accesses it. As registers,
 * where every access has a width; or as bytes, which go in bulk unless the region declares a width
 * or the target names one. Bytes go by mediated access, or through a mapping if the verb wants one.
 */
#include "target/kept.h"
#include "target/place.h"

#include <string.h>

/* --width is the target's unless it has another of its own. */
static int apply_width(const struct context *context, const char *text, const struct given *width,
		       struct mmiod_target *target)
{
	uint64_t bits = width->value;

	if (!width->is)
		return 0;
	if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
		return usage_error(context, "--width %llu: it is 8, 16, 32 or 64 bits",
				   (unsigned long long)bits);
	if (target->width && target->width != bits / 8)
		return usage_error(context, "%s is %u bits wide, --width says %llu", text,
				   target->width * 8, (unsigned long long)bits);
	target->width = (unsigned int)bits / 8;
	return 0;
}

int place_read(const struct context *context, const char *text, const struct lease_options *options,
	       struct place *place)
{
	int status;

	*place = (struct place){ .text = text, .options = options };
	status = target_read(context, text, &place->target);
	return status ? status : apply_width(context, text, &options->width, &place->target);
}

int place_need_length(const struct context *context, const struct place *place)
{
	const struct mmiod_target *target = &place->target;

	if (target->length)
		return 0;
	return usage_error(context, "how much of %s? Give it a length: %s+0x%llx/0x100",
			   target->region, target->region, (unsigned long long)target->offset);
}

static struct kept_key key_of(const struct place *place, unsigned int rights, bool registers)
{
	struct kept_key key = { .target = place->target,
				.rights = rights,
				.memtype = place->options->memtype,
				.share = place->options->share,
				.registers = registers };

	return key;
}

static bool find_kept(const struct context *context, const struct kept_key *key,
		      struct place *place)
{
	const struct kept_lease *found = kept_find(context->kept, key);

	if (!found)
		return false;
	place->lease = found->lease;
	place->target = found->target;
	place->width = found->width;
	place->length = found->length;
	place->kept = true;
	return true;
}

static void keep(const struct context *context, const struct kept_key *key, struct place *place)
{
	struct kept_lease lease = { .key = *key,
				    .lease = place->lease,
				    .target = place->target,
				    .width = place->width,
				    .length = place->length };

	place->kept = kept_add(context->kept, &lease);
}

/* The lease says how wide the region's registers are, and how much of it there is. */
static int lease_bytes(struct context *context, struct place *place, unsigned int rights)
{
	struct mmiod_target checked;
	int status = target_lease(context, &place->target, place->options, rights, &place->lease);

	if (status)
		return status;
	place->width = mmiod_lease_width(place->lease);
	place->length = mmiod_lease_length(place->lease);
	checked = place->target;
	checked.width = place->width;
	checked.length = place->length;
	return place->width ? target_check_alignment(context, place->text, &checked) : 0;
}

int place_lease(struct context *context, struct place *place, unsigned int rights)
{
	struct kept_key key = key_of(place, rights, false);
	int status = lease_open(context, place->options);

	if (status || find_kept(context, &key, place))
		return status;
	status = lease_bytes(context, place, rights);
	if (!status)
		keep(context, &key, place);
	return status;
}

/* A misaligned target is refused before anything is leased. */
static int lease_registers(struct context *context, struct place *place, unsigned int rights)
{
	int status = target_resolve_width(context, &place->target);

	if (!status && !place->target.length)
		place->target.length = place->target.width;
	if (!status)
		status = target_check_alignment(context, place->text, &place->target);
	if (!status)
		status = target_lease(context, &place->target, place->options, rights,
				      &place->lease);
	place->width = place->target.width;
	place->length = place->target.length;
	return status;
}

int place_lease_registers(struct context *context, struct place *place, unsigned int rights)
{
	struct kept_key key = key_of(place, rights, true);
	int status = lease_open(context, place->options);

	if (status || find_kept(context, &key, place))
		return status;
	status = lease_registers(context, place, rights);
	if (!status)
		keep(context, &key, place);
	return status;
}

/*
 * For verbs that move many bytes, once the place is leased. What cannot be mapped is no error:
 * mediated access does it, or says what is wrong.
 */
void place_map(struct place *place)
{
	if (!place->width && place->length >= CHUNK_BYTES && mmiod_lease_mappable(place->lease))
		mmiod_lease_map(place->lease, 0, &place->mapping);
}

void place_close(struct place *place)
{
	mmiod_mapping_free(place->mapping);
	place->mapping = NULL;
	if (place->lease && !place->kept && mmiod_lease_release(place->lease))
		mmiod_lease_free(place->lease);
	place->lease = NULL;
}

/* A mapping that was taken does not say why; mediated access does, or finds it back in place. */
int place_get(const struct place *place, uint64_t at, void *buffer, size_t size)
{
	if (place->mapping && !mmiod_mapping_read(place->mapping, at, buffer, size))
		return 0;
	if (place->width)
		return mmiod_lease_read(place->lease, at, place->width, size / place->width,
					buffer);
	return mmiod_lease_copy_from(place->lease, at, buffer, size);
}

int place_put(const struct place *place, uint64_t at, const void *buffer, size_t size)
{
	if (place->mapping && !mmiod_mapping_write(place->mapping, at, buffer, size))
		return 0;
	if (place->width)
		return mmiod_lease_write(place->lease, at, place->width, size / place->width,
					 buffer);
	return mmiod_lease_copy_to(place->lease, at, buffer, size);
}

/* Bytes only: registers are filled by elements. */
int place_fill(const struct place *place, uint64_t at, uint8_t value, size_t size)
{
	if (place->mapping && !mmiod_mapping_fill(place->mapping, at, value, size))
		return 0;
	return mmiod_lease_fill(place->lease, at, size, value);
}

/* One register, @at bytes from the start of the place. */
int place_load(const struct place *place, uint64_t at, uint64_t *value)
{
	uint64_t element = 0;
	int err = mmiod_lease_read(place->lease, at, place->width, 1, &element);

	*value = element_at(&element, 0, place->width);
	return err;
}

int place_store(const struct place *place, uint64_t at, uint64_t value)
{
	uint64_t element = 0;

	element_set(&element, 0, place->width, value);
	return mmiod_lease_write(place->lease, at, place->width, 1, &element);
}

const char *place_words(const struct place *place, uint64_t at, char out[PLACE_WORDS])
{
	snprintf(out, PLACE_WORDS, "%s+0x%llx", place->target.region,
		 (unsigned long long)(place->target.offset + at));
	return out;
}

/* Padded to the register's width: as values are shown everywhere. */
const char *value_words(uint64_t value, unsigned int width, char out[VALUE_WORDS])
{
	snprintf(out, VALUE_WORDS, "0x%0*llx", (int)width * 2, (unsigned long long)value);
	return out;
}

size_t chunk_size(uint64_t left)
{
	return left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
}
