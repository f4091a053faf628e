/* SPDX-License-Identifier: MIT */
/*
 * The machine's PCI functions: ids and names by libpciaccess, BAR addresses by sysfs. For looking
 * only; nothing is mapped, enabled or written. The library keeps global state, so there is one user:
 * the module's backend.
 *
 * The kernel lets everybody who reads a function's configuration space wait while the function is
 * being reset, which takes seconds, so nothing here reads it.
 */
#ifndef MMIOD_DAEMON_MACHINE_PCI_H
#define MMIOD_DAEMON_MACHINE_PCI_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <mmiod/protocol.h>
#include "base/text.h"

#define PCI_BARS 6

struct pci_info {
	uint64_t address; /* MMIOD_PCI_DEVICE */
	uint16_t vendor;
	uint16_t product;
	struct {
		uint64_t start;
		uint64_t size; /* 0: no such BAR */
		bool ports; /* of I/O, and not of memory */
	} bars[PCI_BARS]; /* by pci_read_bars() */
	char model[96]; /* empty if there is no list of names */
};

int pci_open(void);
void pci_close(void);
int pci_find_slot(uint64_t address, struct pci_info *info);
int pci_find_ids(uint16_t vendor, uint16_t product, struct pci_info *info);
/* Likewise; -ENODEV: there is none, and the text says so. */
int pci_need_slot(uint64_t address, struct pci_info *info, struct text *why);
int pci_need_ids(uint16_t vendor, uint16_t product, struct pci_info *info, struct text *why);
/* From below @sys. All are empty if the function has gone. */
void pci_read_bars(const char *sys, struct pci_info *info);
void pci_format(uint64_t address, char name[MMIOD_WIRE_NAME]);
/* The functions of a group of the IOMMU, by their addresses. `sys`: "/sys", but for tests. */
void pci_add_group(const char *sys, uint32_t group, struct text *text);
int pci_driver(uint64_t address, char *driver, size_t size);

#endif
