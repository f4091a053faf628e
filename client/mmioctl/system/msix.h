/* SPDX-License-Identifier: MIT */
/*
 * Where a PCI function keeps its table of messages (MSI-X), which is part of its BARs.
 */
#ifndef MMIOCTL_MSIX_H
#define MMIOCTL_MSIX_H

#include "system/sysfs.h"

struct msix_part {
	unsigned int bar;
	uint64_t start, size; /* within the BAR */
	const char *what;
};

enum msix_answer {
	MSIX_NONE,
	MSIX_FOUND,
	MSIX_UNKNOWN, /* only root reads the capabilities */
};

enum msix_answer read_msix(const char *address, struct msix_part parts[2]);

#endif
