// SPDX-License-Identifier: MIT
/*
 * The opening of a device file in the backend, as want-make.c makes windows, and the words for what
 * the module will not have. A device that must be made quiet first is waited for as its holders are.
 */
#include <inttypes.h>
#include <string.h>
#include "request/want.h"

/*
 * With trust in its DMA come the rights that only such a device can have. Who asks for memory says
 * himself whether he may have it though nothing bounds the device.
 */
uint32_t want_operates(const struct want *want)
{
	const uint32_t anything = MMIOD_OPERATE_CONFIG_WRITE | MMIOD_OPERATE_CONFIG_VENDOR;
	uint32_t rights = want->operate.rights >> MMIOD_OPERATE_SHIFT;
	bool trusted = device_of(want->region)->config->dma == CONFIG_DMA_TRUSTED;

	if (trusted && !(rights & MMIOD_OPERATE_DMA) &&
	    (rights & MMIOD_OPERATE_MASTER || (rights & anything) == anything))
		rights |= MMIOD_OPERATE_DMA_TRUSTED;
	return rights;
}

/* ---- what is in the way ---------------------------------------------------------------------- */

static void describe_conflict(struct want *want, const struct lease *other)
{
	const char *name = want->region->name;

	text_init(&want->text, want->buffer, sizeof(want->buffer));
	if (other->kind == MMIOD_KIND_DEVICE)
		text_add(&want->text, "device %s is operated by ", name);
	else if (other->kind == MMIOD_KIND_INTERRUPT)
		text_add(&want->text,
			 "device %s must be reset first, and its vector %" PRIu64 " is held by ",
			 name, other->offset);
	else if (other->memory != MMIOD_MEMORY_REGION)
		text_add(&want->text, "device %s has DMA memory that is held by ", name);
	else
		text_add(&want->text,
			 "device %s must be reset first, and 0x%" PRIx64 "+0x%" PRIx64
			 " of region %s is held by ",
			 name, other->offset, other->length, other->region->name);
	holder_describe(want->call->broker, other, &want->text);
}

static enum mmiod_outcome name_conflict(struct want *want, uint64_t conflict)
{
	const struct lease *other =
		conflict ? lease_find(&want->call->broker->leases, conflict) : NULL;

	if (other)
		describe_conflict(want, other);
	else
		want_refuse(want, MMIOD_E_BUSY, "device %s is used by another program",
			    want->region->name);
	return MMIOD_E_BUSY;
}

static enum mmiod_outcome refuse_unquiet(struct want *want)
{
	quiet_await(want->call->broker, device_of(want->region));
	return want_refuse(want, MMIOD_E_BUSY,
			   "device %s is being reset, because others used it before: ask again, or "
			   "wait",
			   want->region->name);
}

/* Which condition fails, and who can do something about it. */
static enum mmiod_outcome refuse_right(struct want *want)
{
	const struct device *device = device_of(want->region);
	const struct config_origin *at = &device->config->origin;
	uint32_t operates = want_operates(want);

	if (operates & (MMIOD_OPERATE_DMA | MMIOD_OPERATE_DMA_TRUSTED))
		return want_refuse_unbounded(want, operates & MMIOD_OPERATE_DMA_TRUSTED);
	if (operates & MMIOD_OPERATE_MASTER && device->config->dma == CONFIG_DMA_IOMMU)
		return want_refuse_unbounded(want, false);
	if (operates & MMIOD_OPERATE_MASTER)
		return want_refuse(
			want, MMIOD_E_DENIED,
			"no IOMMU bounds what device %s may read and write by DMA: it masters the "
			"bus for nobody unless its section at %s:%u says \"dma-engine = no\" or "
			"\"dma = trusted\"",
			want->region->name, at->file, at->line);
	return want_refuse(
		want, MMIOD_E_DENIED,
		"what belongs to the vendor of device %s may be another way to master the bus: "
		"with "
		"\"config = vendor\" it can be read, and nothing be written, unless its section at "
		"%s:%u says \"dma = trusted\"",
		want->region->name, at->file, at->line);
}

/* Older modules know no device files, or not yet all that can be done with them. */
static enum mmiod_outcome refuse_unknown(struct want *want, int error)
{
	uint32_t operates = want_operates(want);
	bool masters = operates & MMIOD_OPERATE_MASTER, sleeps = operates & MMIOD_OPERATE_POWER;

	if (operates & MMIOD_OPERATE_DMA)
		return want_refuse(want, MMIOD_E_UNSUPPORTED,
				   "device %s can be given no memory: its IOMMU maps none of this "
				   "machine's pages, or the module is older than this daemon",
				   want->region->name);

	if (error == -ENOTTY || !(masters || sleeps))
		return want_refuse(want, MMIOD_E_UNSUPPORTED,
				   "the module is older than this daemon, and opens no device "
				   "files: reload it");
	return want_refuse(want, MMIOD_E_UNSUPPORTED,
			   "the module that is loaded cannot%s%s%s yet: ask for less, or load a "
			   "newer one",
			   masters ? " let a device master the bus" : "",
			   masters && sleeps ? " or" : "", sleeps ? " put one to sleep" : "");
}

static enum mmiod_outcome refuse(struct want *want, int error)
{
	const char *name = want->region->name;

	switch (error) {
	case -EBUSY:
		return name_conflict(want, want->created.conflict);
	case -EAGAIN:
		return refuse_unquiet(want);
	case -EPERM:
		return refuse_right(want);
	case -ENODEV:
		return want_refuse(want, MMIOD_E_GONE, "device %s has gone", name);
	case -EIO:
		return want_refuse(want, MMIOD_E_GONE,
				   "device %s does not answer: it must be bound anew", name);
	case -EOPNOTSUPP:
	case -ENOTTY:
		return refuse_unknown(want, error);
	case -ENOSPC:
		return want_refuse(want, MMIOD_E_QUOTA,
				   "the module has as many windows as max_windows admits");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return want_refuse(want, MMIOD_E_RESOURCES, "no device file: %s", strerror(-error));
	default:
		return want_refuse(want, MMIOD_E_INTERNAL, "no device file: %s", strerror(-error));
	}
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The administrator's word on the device. */
static uint32_t module_flags(const struct config_function *config, uint32_t rights)
{
	uint32_t flags = 0;

	if (!config->dma_engine)
		flags |= MMIOD_OPERATE_NO_ENGINE;
	if (config->share_dma && !(rights & MMIOD_OPERATE_DMA_TRUSTED))
		flags |= MMIOD_OPERATE_SHARED_ENGINE;
	if (config->reset == CONFIG_RESET_NO)
		flags |= MMIOD_OPERATE_NEEDS_NO_RESET;
	if (config->reset == CONFIG_RESET_NEVER)
		flags |= MMIOD_OPERATE_NEVER_RESET;
	return flags;
}

/* `tag`: of the lease. */
enum mmiod_outcome want_open_device(struct want *want, const uint8_t tag[MMIOD_TAG_SIZE])
{
	const struct device *device = device_of(want->region);
	struct broker *broker = want->call->broker;
	struct backend_operation operation = {
		.device = device->hw.number,
		.owner = want_owner(want),
		.rights = want->lease->operates,
		.flags = module_flags(device->config, want->lease->operates),
		.dma_bits = device->config->dma_bits,
	};
	int r;

	memcpy(operation.tag, tag, sizeof(operation.tag));
	do
		r = broker->backend->ops->open_device(broker->backend, &operation, &want->created);
	while (r == -EBUSY && want_take_window(want, want->created.conflict));
	if (r < 0) {
		want->created.fd = -1;
		return refuse(want, r);
	}
	broker->n_untold++;
	return MMIOD_OK;
}
