/* SPDX-License-Identifier: MIT */
/*
 * The MSI-X capability, from the function's configuration space in sysfs. Everybody may read the first 64
 * bytes of that, in which capabilities do not lie.
 */
#include "system/msix.h"

#include <linux/pci_regs.h>

static uint32_t word_at(const uint8_t *config, unsigned int at)
{
	return config[at] | (uint32_t)config[at + 1] << 8 | (uint32_t)config[at + 2] << 16 |
	       (uint32_t)config[at + 3] << 24;
}

/* 0: it has none. A list that goes in a circle ends. */
static unsigned int find_capability(const uint8_t *config, uint8_t id)
{
	unsigned int at = config[PCI_CAPABILITY_LIST] & 0xfc;

	for (unsigned int i = 0; i < 48 && at >= PCI_STD_HEADER_SIZEOF;
	     i++, at = config[at + 1] & 0xfc)
		if (config[at] == id)
			return at;
	return 0;
}

static struct msix_part part_at(uint32_t word, uint64_t size, const char *what)
{
	return (struct msix_part){ .bar = word & PCI_MSIX_TABLE_BIR,
				   .start = word & PCI_MSIX_TABLE_OFFSET,
				   .size = size,
				   .what = what };
}

enum msix_answer read_msix(const char *address, struct msix_part parts[2])
{
	uint8_t config[PCI_CFG_SPACE_SIZE];
	ssize_t n = read_function_config(address, config, sizeof(config));
	unsigned int at, count;

	if (n < PCI_STD_HEADER_SIZEOF)
		return MSIX_UNKNOWN;
	if (!(config[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return MSIX_NONE;
	if (n < PCI_CFG_SPACE_SIZE)
		return MSIX_UNKNOWN;
	at = find_capability(config, PCI_CAP_ID_MSIX);
	if (!at || at > PCI_CFG_SPACE_SIZE - PCI_CAP_MSIX_SIZEOF)
		return MSIX_NONE;
	count = (word_at(config, at) >> 16 & PCI_MSIX_FLAGS_QSIZE) +
		1; /* flags are its upper half */
	parts[0] = part_at(word_at(config, at + PCI_MSIX_TABLE),
			   (uint64_t)count * PCI_MSIX_ENTRY_SIZE, "MSI-X table");
	parts[1] = part_at(word_at(config, at + PCI_MSIX_PBA), (count + 63) / 64 * 8,
			   "MSI-X pending bits");
	return MSIX_FOUND;
}
