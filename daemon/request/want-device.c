// SPDX-License-Identifier: MIT
/*
 * The questions that INTERRUPT and OPERATE both ask: is there such a device, does the policy let the
 * caller, and is it there. Pure decisions over what the daemon knows.
 */
#include <string.h>
#include <common/escape.h>
#include "request/want.h"

enum mmiod_outcome want_find_device(struct want *want, const char device[MMIOD_WIRE_NAME])
{
	struct device *found = device_find_settled(want->call->broker, device);
	char name[4 * MMIOD_WIRE_NAME];

	want->region = found ? &found->vectors : NULL;
	if (found && found->config)
		return MMIOD_OK;
	common_escape(name, sizeof(name), device, MMIOD_WIRE_NAME);
	return want_refuse(want, MMIOD_E_NOT_FOUND, "there is no device \"%s\"", name);
}

/* `rights`: enum mmiod_device_right. */
enum mmiod_outcome want_check_device_policy(struct want *want, uint32_t rights)
{
	const struct device *device = device_of(want->region);
	char name[USER_NAME_MAX];

	want->decision = policy_decide_device(device->config, want->subject, rights);
	want->judged = true;
	if (want->decision.reason == POLICY_GRANTED) {
		want->grant = want->decision.grant;
		return MMIOD_OK;
	}
	text_init(&want->text, want->buffer, sizeof(want->buffer));
	policy_explain_device(
		&want->text, &want->decision, want->region->name, rights,
		holder_user_name(want->call->broker, want->subject->uid, name, sizeof(name)),
		want->subject);
	return MMIOD_E_DENIED;
}

enum mmiod_outcome want_check_device_presence(struct want *want)
{
	const struct region *vectors = want->region;
	const struct config_origin *at = &device_of(vectors)->config->origin;

	if (!vectors->claimed)
		return want_refuse(want, MMIOD_E_GONE, "device %s is not there: %s", vectors->name,
				   vectors->missing);
	if (vectors->stale)
		return want_refuse(
			want, MMIOD_E_BUSY,
			"device %s is to become another, or to interrupt in another way, "
			"as %s:%u says: what it was is kept by leases of it",
			vectors->name, at->file, at->line);
	return MMIOD_OK;
}
