// SPDX-License-Identifier: MIT
/*
 * The making of an interrupt in the backend, as want-make.c makes windows, and the words for what the
 * module will not have.
 */
#include <inttypes.h>
#include <string.h>
#include "request/want.h"

/* What it is that the module will not have beside it. */
static enum mmiod_outcome name_conflict(struct want *want, uint64_t conflict)
{
	const struct lease *other =
		conflict ? lease_find(&want->call->broker->leases, conflict) : NULL;
	const char *name = want->region->name;

	if (!other)
		return want_refuse(
			want, MMIOD_E_BUSY,
			"device %s cannot be kept from its interrupt line, and others use "
			"it, or somebody else has its vectors",
			name);
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	if (other->kind == MMIOD_KIND_DEVICE)
		text_add(&want->text, "device %s is operated by ", name);
	else if (other->kind == MMIOD_KIND_INTERRUPT)
		text_add(&want->text,
			 "vector %" PRIu64 " of device %s, of another kind or the same, "
			 "is held by ",
			 other->offset, other->region->name);
	else
		text_add(&want->text,
			 "the table of MSI-X of device %s can be written through region %s, of "
			 "which a part that can be mapped is held by ",
			 name, other->region->name);
	holder_describe(want->call->broker, other, &want->text);
	return MMIOD_E_BUSY;
}

static enum mmiod_outcome refuse(struct want *want, int error)
{
	const char *name = want->region->name;

	switch (error) {
	case -EBUSY:
		return name_conflict(want, want->created.conflict);
	case -EAGAIN:
		return want_refuse(want, MMIOD_E_BUSY,
				   "device %s is being reset, sleeps, or was used by others since "
				   "its last reset: ask again",
				   name);
	case -ENODEV:
		return want_refuse(want, MMIOD_E_GONE,
				   "device %s has gone, or has no interrupt of that kind", name);
	case -EIO:
		return want_refuse(want, MMIOD_E_GONE,
				   "device %s does not answer: it must be bound anew", name);
	case -EINVAL:
		return want_refuse(want, MMIOD_E_INVALID,
				   "device %s has fewer vectors set up than that: the machine had "
				   "no more, or its configuration was another when they were",
				   name);
	case -EPERM:
		return want_refuse(
			want, MMIOD_E_DENIED,
			"nothing bounds what device %s may write to by its messages, and "
			"the kernel is locked down",
			name);
	case -ENOSPC:
		return want_refuse(want, MMIOD_E_QUOTA,
				   "the machine has no vector left for device %s, or fewer than "
				   "\"vectors\" asks for",
				   name);
	case -EOPNOTSUPP:
	case -ENOTTY:
		return want_refuse(want, MMIOD_E_UNSUPPORTED,
				   "the module is older than this daemon, and knows no interrupts");
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return want_refuse(want, MMIOD_E_RESOURCES, "no interrupt: %s", strerror(-error));
	default:
		return want_refuse(want, MMIOD_E_INTERNAL, "no interrupt: %s", strerror(-error));
	}
}

/* What lets the device write messages, by the administrator's word. */
static uint32_t module_flags(const struct want *want)
{
	const struct device *device = device_of(want->region);
	uint32_t flags = 0;

	if (want->interrupt.flags & MMIOD_VECTOR_ONESHOT)
		flags |= MMIOD_INTERRUPT_ONESHOT;
	if (want->interrupt.flags & MMIOD_VECTOR_MASKED)
		flags |= MMIOD_INTERRUPT_MASKED;
	if (device->interrupt == MMIOD_IRQ_INTX)
		return flags;
	if (device->config->dma == CONFIG_DMA_TRUSTED)
		flags |= MMIOD_INTERRUPT_TRUSTED;
	if (!device->config->dma_engine)
		flags |= MMIOD_INTERRUPT_NO_ENGINE;
	return flags;
}

/* `tag`: of the lease. */
enum mmiod_outcome want_create_interrupt(struct want *want, const uint8_t tag[MMIOD_TAG_SIZE])
{
	const struct device *device = device_of(want->region);
	struct backend *backend = want->call->broker->backend;
	struct backend_interrupt interrupt = {
		.device = device->hw.number,
		.owner = want_owner(want),
		.kind = device->interrupt,
		.vector = want->interrupt.vector,
		.vectors = device->n_vectors,
		.budget = device->config->storm,
		.flags = module_flags(want),
		.period_ms = device->config->period_ms,
	};
	int r;

	memcpy(interrupt.tag, tag, sizeof(interrupt.tag));
	do
		r = backend->ops->create_interrupt(backend, &interrupt, &want->created);
	while (r == -EBUSY && want_take_window(want, want->created.conflict));
	if (r < 0) {
		want->created.fd = -1;
		return refuse(want, r);
	}
	want->call->broker->n_untold++;
	return MMIOD_OK;
}
