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

#endif
