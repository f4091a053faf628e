/* SPDX-License-Identifier: MIT */
/*
 * Addresses of PCI functions, DDDD:BB:DD.F, as the kernel writes them: all digits are hexadecimal,
 * and the domain has four of them, or up to eight of which the first says something.
 */
#ifndef MMIOD_COMMON_PCI_ADDRESS_H
#define MMIOD_COMMON_PCI_ADDRESS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <common/size.h>

struct common_pci_address {
	uint32_t domain;
	uint32_t bus;
	uint32_t device; /* up to 31 */
	uint32_t function; /* up to 7 */
	bool has_domain; /* it was written; else it is 0 */
};

/* So many digits, and then `stop`, which is skipped; '\0': nothing is. */
static inline bool common_scan_hex(const char **text, unsigned int digits, char stop,
				   uint32_t *number)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < digits; i++) {
		if (common_digit((*text)[i]) >= 16)
			return false;
		value = value << 4 | common_digit((*text)[i]);
	}
	if (stop && (*text)[digits] != stop)
		return false;
	*text += digits + (stop ? 1 : 0);
	*number = value;
	return true;
}

static inline bool common_scan_pci_domain(const char **text, uint32_t *domain)
{
	unsigned int digits = 0;

	while (digits < 8 && common_digit((*text)[digits]) < 16)
		digits++;
	if (digits < 4 || (digits > 4 && **text == '0'))
		return false;
	return common_scan_hex(text, digits, ':', domain);
}

/* Moves *text behind the address, whose domain may be left out. -EINVAL: there is none. */
static inline int common_scan_pci_address(const char **text, struct common_pci_address *address)
{
	struct common_pci_address found = { 0 };
	const char *at = *text;

	found.has_domain = common_scan_pci_domain(&at, &found.domain);
	if (!common_scan_hex(&at, 2, ':', &found.bus) ||
	    !common_scan_hex(&at, 2, '.', &found.device) ||
	    !common_scan_hex(&at, 1, '\0', &found.function) || found.device > 31 ||
	    found.function > 7)
		return -EINVAL;
	*text = at;
	*address = found;
	return 0;
}

#endif
