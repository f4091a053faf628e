/* SPDX-License-Identifier: MIT */
/* Shared by the files of this room. */
#ifndef MMIOD_LIB_DEVICE_H
#define MMIOD_LIB_DEVICE_H

#include "lease/lease.h"

#define CONFIG_SIZE 4096u /* of PCI Express; others have 256 bytes */

struct mmiod_operation {
	struct mmiod_lease *lease; /* owned */
	unsigned int rights; /* enum mmiod_device_right */
};

/* Asks for one. @form: what all requests of its kind have in common. 0 or -errno. */
int device_ask(struct mmiod_client *client, const struct lease_call *form, const void *want,
	       struct mmiod_lease **lease);
/* -ENODEV, of a lease that is lost. */
int device_fail_lost(const struct mmiod_lease *lease);

/* ---- conflict.c ---- */

/*
 * Whose lease @conflict is, in words. False: the daemon does not say, or is away; it is waited for
 * as long as a second. The client's sentence is another one then.
 */
bool device_name_conflict(const struct mmiod_operation *operation, uint64_t conflict, char *text,
			  size_t size);

#endif
