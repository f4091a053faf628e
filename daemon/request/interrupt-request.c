// SPDX-License-Identifier: MIT
/*
 * INTERRUPT: leases of vectors. Each element goes the way of a LEASE's: is it well-formed, is there
 * such a device, does the policy let the caller, has the device such a vector, is there room in the
 * account, is it free; then the backend makes the file. A vector has one holder, so a lease of it is
 * exclusive, and never more than its own.
 */
#include <inttypes.h>
#include <string.h>
#include "request/request.h"
#include "request/want.h"

static const char *kind_name(enum mmiod_irq_kind kind)
{
	static const char *const names[] = { "nothing", "intx", "msi", "msix" };

	return kind < array_size(names) ? names[kind] : "?";
}

/* ---- may they -------------------------------------------------------------------------------- */

static enum mmiod_outcome check_form(struct want *want)
{
	const struct mmiod_wire_interrupt *wire = &want->interrupt;

	if (!memchr(wire->device, '\0', sizeof(wire->device)))
		return want_refuse(want, MMIOD_E_INVALID, "the device's name is not terminated");
	if (wire->flags & ~MMIOD_VECTOR_FLAGS)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown flag");
	if (wire->kind > MMIOD_IRQ_MSIX)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown kind of interrupt");
	return want_check_form(want);
}

static enum mmiod_outcome check_vector(struct want *want)
{
	const struct device *device = device_of(want->region);
	const struct mmiod_wire_interrupt *wire = &want->interrupt;
	const struct config_origin *at = &device->config->origin;
	const char *name = want->region->name;

	if (!device->interrupt)
		return want_refuse(
			want, MMIOD_E_INVALID,
			"device %s has no interrupts to lease: add \"interrupts = auto\" "
			"to its section at %s:%u",
			name, at->file, at->line);
	if (!device->n_vectors)
		return want_refuse(want, MMIOD_E_INVALID,
				   "device %s is to interrupt by %s (%s:%u), which %s has not",
				   name, kind_name(device->interrupt), at->file, at->line,
				   device->hw.address);
	if (wire->kind && wire->kind != device->interrupt)
		return want_refuse(want, MMIOD_E_INVALID,
				   "device %s interrupts by %s (%s:%u), not by %s", name,
				   kind_name(device->interrupt), at->file, at->line,
				   kind_name(wire->kind));
	if (wire->vector < device->n_vectors)
		return MMIOD_OK;
	if (device->n_vectors == 1)
		return want_refuse(
			want, MMIOD_E_INVALID,
			"device %s has vector 0 only, not %u: \"vectors\" in its section "
			"at %s:%u says how many are set up",
			name, wire->vector, at->file, at->line);
	return want_refuse(want, MMIOD_E_INVALID,
			   "device %s has vectors 0 to %u, not %u: \"vectors\" in its section at "
			   "%s:%u says how many are set up",
			   name, device->n_vectors - 1, wire->vector, at->file, at->line);
}

/* ---- the want -------------------------------------------------------------------------------- */

static void read_element(struct want *want, size_t index)
{
	request_element(want->call->request, index, &want->interrupt, sizeof(want->interrupt));
}

/* Says the same as a LEASE of the byte that stands for it. */
static void translate(struct want *want)
{
	const struct mmiod_wire_interrupt *interrupt = &want->interrupt;

	want->lease_kind = MMIOD_KIND_INTERRUPT;
	want->share = MMIOD_SHARE_EXCLUSIVE;
	want->wire = (struct mmiod_wire_want){
		.offset = interrupt->vector,
		.length = 1,
		.rights = MMIOD_RIGHT_READ,
		.share = MMIOD_SHARE_EXCLUSIVE,
		.lease_ms = interrupt->lease_ms,
	};
	memcpy(want->wire.region, interrupt->device, sizeof(want->wire.region));
	if (interrupt->flags & MMIOD_VECTOR_CONNECTION)
		want->wire.flags |= MMIOD_LEASE_CONNECTION;
}

static enum mmiod_outcome judge(struct want *want)
{
	enum mmiod_outcome outcome;

	translate(want);
	outcome = check_form(want);
	if (outcome == MMIOD_OK)
		outcome = want_find_device(want, want->interrupt.device);
	if (outcome == MMIOD_OK)
		outcome = want_check_device_policy(want, MMIOD_MAY_INTERRUPT);
	if (outcome == MMIOD_OK)
		outcome = want_check_device_presence(want);
	if (outcome == MMIOD_OK)
		outcome = check_vector(want);
	return outcome;
}

static enum mmiod_outcome reserve(struct want *want)
{
	struct lease *holder = lease_conflict(want->region, want->wire.offset, 1, MMIOD_RIGHT_READ,
					      MMIOD_SHARE_EXCLUSIVE);

	return holder ? want_name_holder(want, holder, "is held by") : want_check_turn(want);
}

const struct want_kind want_interrupt = { read_element, judge, reserve };

enum request_result request_interrupt(struct call *call)
{
	return want_batch(call, &want_interrupt);
}
