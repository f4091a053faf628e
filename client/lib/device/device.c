/* SPDX-License-Identifier: MIT */
/* Leases of interrupts and of device files have this in common: how they are asked for, and lost. */
#include "base/error.h"
#include "device/device.h"

int device_ask(struct mmiod_client *client, const struct lease_call *form, const void *want,
	       struct mmiod_lease **lease)
{
	struct lease_call call = *form;
	int n;

	call.client = client;
	call.wants = want;
	call.size = form->kind->known;
	call.count = 1;
	call.leases = lease;
	n = lease_ask(&call);
	return n < 0 ? n : 0;
}

int device_fail_lost(const struct mmiod_lease *lease)
{
	return lease_fail(lease, -ENODEV,
			  "lease %llu ended with the connection that it came by, as leases in "
			  "simulation do",
			  (unsigned long long)lease->id);
}
