/* SPDX-License-Identifier: MIT */
/*
 * Targets of what accesses registers and memory: a lease on just their bytes, for mediated access;
 * and the values and numbers that are named beside them.
 */
#include "target/kept.h"
#include "target/target.h"

#include <errno.h>
#include <string.h>
#include <common/size.h>

/*
 * A client that is open already goes on waiting as it does: watch makes it wait as it needs. In a
 * batch each line says anew how.
 */
int lease_open(struct context *context, const struct lease_options *options)
{
	bool first = !context->client;
	int status = client_open(context);

	if (!status && (context->kept || (first && options->wait.is)))
		mmiod_client_set_wait(context->client, (uint32_t)options->wait.value);
	return status;
}

int target_read(const struct context *context, const char *text, struct mmiod_target *target)
{
	char error[256];

	if (mmiod_target_parse(text, target, error, sizeof(error)))
		return usage_error(context, "%s", error);
	return 0;
}

static int check_inside(const struct context *context, const struct mmiod_target *target,
			const struct mmiod_region *region)
{
	uint64_t length = mmiod_region_length(region);

	/* The length of a region that is not there may be unknown. */
	if (!length && mmiod_region_state(region) == MMIOD_STATE_REVOKED)
		return 0;
	if (target->offset < length && target->length <= length - target->offset)
		return 0;
	return report(context, -EINVAL,
		      "0x%llx+0x%llx is outside of region %s, which has 0x%llx bytes",
		      (unsigned long long)target->offset, (unsigned long long)target->length,
		      mmiod_region_name(region), (unsigned long long)length);
}

/* Calls @use with the region that a target names. */
int target_region(struct context *context, const char *text,
		  int (*use)(const struct context *context, const struct mmiod_region *region))
{
	const struct mmiod_region *region;
	struct mmiod_region_list *list;
	struct mmiod_target target;
	int status = target_read(context, text, &target), err;

	if (!status)
		status = client_open(context);
	if (status)
		return status;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	region = mmiod_region_list_find(list, &target);
	if (!region)
		status = report_not_found(context, "there is no region \"%s\" that you may see",
					  target.region);
	else
		status = check_inside(context, &target, region);
	if (!status)
		status = use(context, region);
	mmiod_region_list_free(list);
	return status;
}

/*
 * The width of an access: what the target says, else what the region declares, else 32 bits. A
 * region that the caller may not see is left to the lease request, whose refusal names the rule.
 */
int target_resolve_width(struct context *context, struct mmiod_target *target)
{
	const struct mmiod_region *region;
	struct mmiod_region_list *list;
	int err;

	if (target->width)
		return 0;
	target->width = 4;
	err = mmiod_client_list_regions(context->client, &list);
	if (err)
		return report_client(context, err);
	region = mmiod_region_list_find(list, target);
	if (region && mmiod_region_width(region))
		target->width = mmiod_region_width(region);
	mmiod_region_list_free(list);
	return 0;
}

int target_check_alignment(const struct context *context, const char *text,
			   const struct mmiod_target *target)
{
	unsigned int width = target->width;

	if (target->offset % width)
		return usage_error(context,
				   "%s: offset 0x%llx is not a multiple of %u bytes, the "
				   "width of an access",
				   text, (unsigned long long)target->offset, width);
	if (target->length % width)
		return usage_error(context,
				   "%s: length 0x%llx is not a multiple of %u bytes, the "
				   "width of an access",
				   text, (unsigned long long)target->length, width);
	return 0;
}

/* Why a region is missing, as a request for a lease of it is told. */
const char *target_missing(const struct context *context, const struct mmiod_region *region)
{
	struct mmiod_lease *lease;
	int err = mmiod_client_lease(context->client, mmiod_region_name(region), 0, 0,
				     MMIOD_RIGHT_READ, &lease);

	if (err)
		return mmiod_client_error(context->client);
	if (mmiod_lease_release(lease))
		mmiod_lease_free(lease);
	return "it is there again";
}

static int lease_as(struct context *context, const struct mmiod_target *target, unsigned int rights,
		    enum mmiod_memtype memtype, enum mmiod_share share, struct mmiod_lease **lease)
{
	struct mmiod_want want = {
		.region = target->region,
		.offset = target->offset,
		.length = target->length,
		.rights = rights,
		.width = target->width,
		.cache = memtype,
		.share = share,
	};
	int n = mmiod_client_lease_many(context->client, &want, 1, 0, lease, NULL);

	/* It may be one of our own, kept from an earlier line, that is in the way or one too many. */
	if ((n == -EBUSY || n == -EDQUOT || n == -EMFILE) && kept_release(context->kept))
		n = mmiod_client_lease_many(context->client, &want, 1, 0, lease, NULL);
	return n < 0 ? n : 0;
}

/*
 * A lease that only reads is a guest's: in the way of no reader, nor of anybody who wants it alone.
 * A daemon that knows no guests is asked for what the grant says.
 */
int target_lease(struct context *context, const struct mmiod_target *target,
		 const struct lease_options *options, unsigned int rights,
		 struct mmiod_lease **lease)
{
	bool guest = rights == MMIOD_RIGHT_READ && options->share == MMIOD_SHARE_DEFAULT;
	int err = lease_as(context, target, rights, options->memtype,
			   guest ? MMIOD_SHARE_GUEST : options->share, lease);

	if (guest && err == -EOPNOTSUPP)
		err = lease_as(context, target, rights, options->memtype, MMIOD_SHARE_DEFAULT,
			       lease);
	return err ? report_client(context, err) : 0;
}

int parse_value(const struct context *context, const char *text, uint64_t *value)
{
	switch (common_number(text, value)) {
	case 0:
		return 0;
	case -ERANGE:
		return usage_error(context, "value %s does not fit 64 bits", text);
	default:
		return usage_error(context, "\"%s\" is not a value: it is decimal or 0x…", text);
	}
}

int parse_lease(const struct context *context, const char *text, uint64_t *lease)
{
	if (common_number(text, lease) || !*lease)
		return usage_error(context,
				   "\"%s\" is not the number of a lease: see mmioctl leases", text);
	return 0;
}

int check_fit(const struct context *context, const char *text, uint64_t value, unsigned int width)
{
	if (width == 8 || value >> (width * 8) == 0)
		return 0;
	return usage_error(context, "value %s does not fit %u bits: the greatest is 0x%llx", text,
			   width * 8, (1ull << (width * 8)) - 1);
}

/* An element of what mmiod_lease_read() filled in. */
uint64_t element_at(const void *buffer, size_t index, unsigned int width)
{
	switch (width) {
	case 1:
		return ((const uint8_t *)buffer)[index];
	case 2:
		return ((const uint16_t *)buffer)[index];
	case 4:
		return ((const uint32_t *)buffer)[index];
	default:
		return ((const uint64_t *)buffer)[index];
	}
}

/* An element of what mmiod_lease_write() takes. */
void element_set(void *buffer, size_t index, unsigned int width, uint64_t value)
{
	switch (width) {
	case 1:
		((uint8_t *)buffer)[index] = (uint8_t)value;
		break;
	case 2:
		((uint16_t *)buffer)[index] = (uint16_t)value;
		break;
	case 4:
		((uint32_t *)buffer)[index] = (uint32_t)value;
		break;
	default:
		((uint64_t *)buffer)[index] = value;
	}
}
