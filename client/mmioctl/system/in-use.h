/* SPDX-License-Identifier: MIT */
/*
 * Whether the machine needs a PCI function: what would be lost if its driver were taken away.
 */
#ifndef MMIOCTL_IN_USE_H
#define MMIOCTL_IN_USE_H

#include "system/sysfs.h"

/* The sentence goes on behind the function's address. */
bool function_in_use(const struct pci_function *function, char *why, size_t size);

#endif
