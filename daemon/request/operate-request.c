// SPDX-License-Identifier: MIT
/*
 * OPERATE: leases of device files. Each element goes the way of an INTERRUPT's. A device has one
 * operator at a time; who only reads its configuration space is nobody in anybody's way.
 */
#include <string.h>
#include "request/request.h"
#include "request/want.h"

/* ---- may they -------------------------------------------------------------------------------- */

/* A right without the one that it is a part of. */
static enum mmiod_outcome check_rights(struct want *want)
{
	uint32_t rights = want->operate.rights;

	if (rights & ~(uint32_t)MMIOD_MAY_OPERATE)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown right");
	if (!rights)
		return want_refuse(want, MMIOD_E_INVALID,
				   "no right is asked for: of what is the device file to be?");
	if (rights & (MMIOD_MAY_WRITE_CONFIG | MMIOD_MAY_VENDOR_CONFIG) &&
	    !(rights & MMIOD_MAY_READ_CONFIG))
		return want_refuse(want, MMIOD_E_INVALID,
				   "who writes the configuration space, or has what belongs to "
				   "vendors, reads it as well: ask for that right, too");
	if (rights & MMIOD_MAY_RESET_OTHERS && !(rights & MMIOD_MAY_RESET))
		return want_refuse(want, MMIOD_E_INVALID,
				   "who resets the device while others use it resets it: ask for "
				   "that right, too");
	if (rights & MMIOD_MAY_DMA_TRUSTED && !(rights & MMIOD_MAY_DMA))
		return want_refuse(
			want, MMIOD_E_INVALID,
			"who may have DMA memory though nothing bounds the device may have "
			"DMA memory: ask for that right, too");
	return MMIOD_OK;
}

static enum mmiod_outcome check_form(struct want *want)
{
	const struct mmiod_wire_operate *wire = &want->operate;

	if (!memchr(wire->device, '\0', sizeof(wire->device)))
		return want_refuse(want, MMIOD_E_INVALID, "the device's name is not terminated");
	if (wire->reserved)
		return want_refuse(want, MMIOD_E_INVALID, "a reserved field is not zero");
	if (wire->flags & ~MMIOD_OPERATE_FLAGS)
		return want_refuse(want, MMIOD_E_UNSUPPORTED, "unknown flag");
	return want_check_form(want);
}

/* ---- the want -------------------------------------------------------------------------------- */

static void read_element(struct want *want, size_t index)
{
	request_element(want->call->request, index, &want->operate, sizeof(want->operate));
}

/* Says the same as a LEASE of the byte that stands for it. */
static void translate(struct want *want)
{
	const struct mmiod_wire_operate *operate = &want->operate;
	uint32_t operates = operate->rights >> MMIOD_OPERATE_SHIFT;

	want->lease_kind = MMIOD_KIND_DEVICE;
	want->share = lease_operate_share(operates);
	want->wire = (struct mmiod_wire_want){
		.offset = LEASE_OPERATES_AT,
		.length = 1,
		.rights = lease_operate_rights(operates),
		.share = want->share,
		.lease_ms = operate->lease_ms,
	};
	memcpy(want->wire.region, operate->device, sizeof(want->wire.region));
	if (operate->flags & MMIOD_OPERATE_CONNECTION)
		want->wire.flags |= MMIOD_LEASE_CONNECTION;
}

/*
 * Of a device that is trusted: whom a grant trusts as well need not ask for that, as programs know
 * not how the machine is configured.
 */
static void ask_for_trust(struct want *want)
{
	const struct config_function *config = device_of(want->region)->config;
	uint32_t more = want->operate.rights | MMIOD_MAY_DMA_TRUSTED;

	if (want->operate.rights & MMIOD_MAY_DMA && config->dma == CONFIG_DMA_TRUSTED &&
	    policy_decide_device(config, want->subject, more).reason == POLICY_GRANTED)
		want->operate.rights = more;
}

static enum mmiod_outcome judge(struct want *want)
{
	enum mmiod_outcome outcome;

	translate(want);
	outcome = check_form(want);
	if (outcome == MMIOD_OK)
		outcome = check_rights(want);
	if (outcome == MMIOD_OK)
		outcome = want_find_device(want, want->operate.device);
	if (outcome == MMIOD_OK)
		ask_for_trust(want);
	if (outcome == MMIOD_OK)
		outcome = want_check_device_policy(want, want->operate.rights);
	if (outcome == MMIOD_OK)
		outcome = want_check_device_presence(want);
	return outcome;
}

static enum mmiod_outcome reserve(struct want *want)
{
	struct lease *holder =
		lease_conflict(want->region, LEASE_OPERATES_AT, 1, want->wire.rights, want->share);

	return holder ? want_name_holder(want, holder, "is operated by") : want_check_turn(want);
}

const struct want_kind want_operate = { read_element, judge, reserve };

enum request_result request_operate(struct call *call)
{
	return want_batch(call, &want_operate);
}
