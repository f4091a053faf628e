// SPDX-License-Identifier: MIT
/*
 * DMA memory for a device file: who may have it is said by the grant that he operates the device
 * by, and it is the device file's, of whichever of his user's processes that is. Where it has no
 * place is known to the module alone, which makes it; here are the words for that.
 */
#include <inttypes.h>
#include <string.h>
#include "machine/pci.h"
#include "request/want.h"

/* NULL: it is none of the caller's user, which is all that others are told. */
static struct lease *operation_of(const struct want *want)
{
	struct lease *lease = lease_find(&want->call->broker->leases, want->alloc.device_lease);

	if (!lease || lease->kind != MMIOD_KIND_DEVICE ||
	    !holder_is_same(&lease->holder, &want->holder))
		return NULL;
	return lease;
}

/* ---- may they -------------------------------------------------------------------------------- */

enum mmiod_outcome want_check_dma_form(struct want *want)
{
	const struct mmiod_wire_alloc *alloc = &want->alloc;
	uint64_t page = page_size();
	bool fixed = alloc->dma_flags & MMIOD_DMA_FIXED_IOVA;

	if (alloc->dma_flags & ~MMIOD_DMA_FLAGS)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown flag");
	if (!alloc->device_lease && (alloc->iova || alloc->dma_flags))
		return want_refuse(
			want, MMIOD_E_INVALID,
			"where a device finds memory, and how it reaches it, can be said "
			"of DMA memory for a device file: name its lease");
	if (!alloc->device_lease)
		return MMIOD_OK;
	if (alloc->memory != MMIOD_MEMORY_DMA || alloc->region[0])
		return want_refuse(want, MMIOD_E_INVALID,
				   "memory for a device file is of kind dma, and has no region");
	if (!fixed == !alloc->iova && alloc->iova % page == 0)
		return MMIOD_OK;
	return want_refuse(want, MMIOD_E_INVALID,
			   "0x%" PRIx64 " is no address at which a device can find memory: it is a "
			   "multiple of %" PRIu64 " and not 0, or left to the daemon",
			   (uint64_t)alloc->iova, page);
}

static enum mmiod_outcome check_policy(struct want *want, const struct lease *operation)
{
	const struct device *device = device_of(operation->region);
	uint32_t rights =
		device_rights_of(operation->operates) & (MMIOD_MAY_DMA | MMIOD_MAY_DMA_TRUSTED);
	char name[USER_NAME_MAX];

	if (!device->config)
		return want_refuse(want, MMIOD_E_GONE,
				   "device %s is configured no more: what it was is kept by leases "
				   "of it, and nothing is added to them",
				   operation->region->name);
	want->decision = policy_decide_device(device->config, want->subject, rights);
	want->judged = true;
	want->grant = want->decision.grant;
	if (want->decision.reason == POLICY_GRANTED)
		return MMIOD_OK;
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	policy_explain_device(
		&want->text, &want->decision, operation->region->name, rights,
		holder_user_name(want->call->broker, want->subject->uid, name, sizeof(name)),
		want->subject);
	return MMIOD_E_DENIED;
}

/* By the configuration in force, which may be another than when the device file was opened. */
enum mmiod_outcome want_judge_dma(struct want *want)
{
	const struct lease *operation = operation_of(want);
	uint64_t id = want->alloc.device_lease;

	if (!operation)
		return want_refuse(want, MMIOD_E_NOT_FOUND,
				   "you have no lease %" PRIu64
				   " that operates a device: memory is "
				   "allocated for one that you have",
				   id);
	if (lease_is_over(operation))
		return want_refuse(want, MMIOD_E_GONE,
				   "lease %" PRIu64 " operates device %s no more: it was revoked",
				   id, operation->region->name);
	if (!(operation->operates & MMIOD_OPERATE_DMA))
		return want_refuse(want, MMIOD_E_DENIED,
				   "lease %" PRIu64 " of device %s was asked for without the right "
				   "to have DMA memory: operate the device anew, with it",
				   id, operation->region->name);
	return check_policy(want, operation);
}

/* ---- why the module has no such place -------------------------------------------------------- */

/* The memory of the same device file that is there; none: it was released meanwhile. */
static const struct lease *find_at(const struct want *want)
{
	const struct lease *operation = operation_of(want), *lease = NULL;
	uint64_t start = want->alloc.iova, end = start + want->wire.length;
	const struct user *user = operation ? operation->charge.user : NULL;

	if (user)
		lease = lease_after_of(user, 0);
	for (; lease; lease = lease_after_of(user, lease->id))
		if (lease->device_lease == want->alloc.device_lease &&
		    lease->iova != MMIOD_IOVA_NONE && lease->iova < end &&
		    start < lease->iova + lease->length)
			return lease;
	return NULL;
}

static void add_next(struct want *want)
{
	struct text *text = &want->text;

	if (want->created.iova == MMIOD_IOVA_NONE)
		text_add(text, "; there is no room for it anywhere");
	else
		text_add(text, "; there is room for it at 0x%" PRIx64, want->created.iova);
}

static void begin_place(struct want *want)
{
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	text_add(&want->text, "0x%" PRIx64 "+0x%" PRIx64 " of the device's addresses ",
		 (uint64_t)want->alloc.iova, (uint64_t)want->wire.length);
}

static enum mmiod_outcome refuse_taken(struct want *want)
{
	const struct lease *other = find_at(want);

	begin_place(want);
	if (other) {
		text_add(&want->text, "are taken by 0x%" PRIx64 "+0x%" PRIx64 ", which is held by ",
			 other->iova, other->length);
		holder_describe(want->call->broker, other, &want->text);
	} else {
		text_add(&want->text, "are taken");
	}
	add_next(want);
	return MMIOD_E_BUSY;
}

static enum mmiod_outcome refuse_place(struct want *want)
{
	const struct lease *operation = operation_of(want);
	const struct device *device = operation ? device_of(operation->region) : NULL;
	uint32_t bits = device && device->config ? device->config->dma_bits : 0;

	begin_place(want);
	text_add(&want->text,
		 "cannot be mapped: they are below 1 MiB, more than the device's %u bits "
		 "(\"dma-bits\") "
		 "or its IOMMU have, or kept for interrupts and the like",
		 bits ? bits : 32);
	add_next(want);
	return MMIOD_E_INVALID;
}

static enum mmiod_outcome refuse_room(struct want *want)
{
	if (!(want->alloc.dma_flags & MMIOD_DMA_FIXED_IOVA))
		return want_refuse(want, MMIOD_E_QUOTA,
				   "0x%" PRIx64
				   " bytes have no room among the device's addresses, or "
				   "64 MiB of its memory wait for its reset, or the module has as "
				   "many windows as max_windows admits",
				   (uint64_t)want->wire.length);
	begin_place(want);
	text_add(&want->text,
		 "would need page tables out of proportion: use addresses that lie together");
	add_next(want);
	return MMIOD_E_QUOTA;
}

/* Without an IOMMU the memory's address is the machine's affair; or an older module has none. */
static enum mmiod_outcome refuse_unplaced(struct want *want)
{
	if (want->alloc.dma_flags & MMIOD_DMA_FIXED_IOVA)
		return want_refuse(
			want, MMIOD_E_UNSUPPORTED,
			"0x%" PRIx64 " cannot be asked for: no IOMMU gives this device addresses "
			"of its own, and it finds memory where that lies on the bus; leave the "
			"address to the daemon",
			(uint64_t)want->alloc.iova);
	if (want->alloc.dma_flags & MMIOD_DMA_DEVICE_READS_ONLY)
		return want_refuse(
			want, MMIOD_E_UNSUPPORTED,
			"no IOMMU keeps this device from writing to its memory: it cannot have any "
			"that it only reads");
	return want_refuse(
		want, MMIOD_E_UNSUPPORTED,
		"no IOMMU gives this device addresses of its own, and the module that is loaded "
		"has memory for an operator behind one only, or this kernel cannot allocate any: "
		"switch the IOMMU on, or load a newer module");
}

/* -1: not one of these. */
int want_refuse_dma(struct want *want, int error)
{
	switch (error) {
	case -EEXIST:
		return refuse_taken(want);
	case -EINVAL:
		if (want->alloc.dma_flags & MMIOD_DMA_FIXED_IOVA)
			return refuse_place(want);
		return want_refuse(want, MMIOD_E_INVALID,
				   "0x%" PRIx64 " bytes are more than the machine, or one piece of "
				   "its memory for DMA, has",
				   (uint64_t)want->wire.length);
	case -ENOSPC:
		return refuse_room(want);
	case -EOPNOTSUPP:
	case -E2BIG:
		return refuse_unplaced(want);
	case -ENOENT:
	case -ENODEV:
		return want_refuse(want, MMIOD_E_GONE,
				   "lease %" PRIu64 " operates no device any more",
				   (uint64_t)want->alloc.device_lease);
	case -EBUSY:
		return want_refuse(
			want, MMIOD_E_BUSY,
			"the device has memory, or some that waits for its reset, that was "
			"allocated with other \"dma-bits\": reset it, or let them be");
	case -EPERM:
		return want_refuse(
			want, MMIOD_E_DENIED,
			"the kernel is locked down, and no IOMMU bounds what the device may "
			"write to");
	case -EIO:
		return want_refuse(
			want, MMIOD_E_GONE,
			"the device has not come back from an error on its bus: it must be "
			"bound anew");
	default:
		return -1;
	}
}

/* ---- why a device may have none -------------------------------------------------------------- */

static void add_device(struct want *want, const struct config_origin *at)
{
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	text_add(&want->text, "device %s, whose section at %s:%u says \"dma = %s\", ",
		 want->region->name, at->file, at->line,
		 device_of(want->region)->config->dma == CONFIG_DMA_TRUSTED ? "trusted" : "iommu");
}

/* The first condition of isolation that is not met. */
static const char *why_not_isolated(uint32_t flags)
{
	if (!(flags & MMIOD_FUNCTION_MSI_ISOLATED))
		return "can forge interrupts, as the IOMMU does not remap them";
	if (!(flags & MMIOD_FUNCTION_COHERENT))
		return "can see what others left in memory, as the IOMMU does not keep to the "
		       "caches";
	if (flags & MMIOD_FUNCTION_ATS)
		return "translates addresses itself (ATS), and its word on them would be taken";
	return "shares its group of the IOMMU with functions of other drivers, or that are "
	       "operated";
}

/*
 * The module would not bound what the device does, or attach anything to its group: of what the
 * daemon knows of the device, `now`, that which is the reason.
 */
enum mmiod_outcome want_refuse_unbounded(struct want *want, bool trusted)
{
	struct broker *broker = want->call->broker;
	const struct device *device = device_of(want->region);
	struct backend_device now = device->hw;
	struct text *text = &want->text;

	if (broker->backend->ops->next_device(broker->backend, device->hw.number, &now) < 0 ||
	    now.number != device->hw.number)
		now = device->hw;
	add_device(want, &device->config->origin);
	if (now.claim_error) {
		text_add(text, "is in group %u of the IOMMU, which is not mmiod's to use (%s): ",
			 now.group, strerror(-now.claim_error));
		pci_add_group("/sys", now.group, text);
		text_add(text, " must all be bound to mmiod or to no driver");
	} else if (trusted) {
		text_add(text, "may not have it: the kernel is locked down, and nothing bounds the "
			       "device");
	} else if (now.group == MMIOD_GROUP_NONE) {
		text_add(
			text,
			"is bounded by no IOMMU: have the firmware and the kernel switch it on (on "
			"Intel \"intel_iommu=on\"), or say \"dma = trusted\" in section and grant, "
			"by which it may read and write all memory");
	} else {
		text_add(text,
			 "%s: mend that, or say \"dma = trusted\" in section and grant, by which "
			 "that is accepted",
			 why_not_isolated(now.flags));
	}
	return MMIOD_E_DENIED;
}
