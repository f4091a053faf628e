/* SPDX-License-Identifier: MIT */
/*
 * PCI functions as /sys shows them; nothing is opened but files of sysfs, and everybody may read
 * these. MMIOCTL_SYS names another directory than /sys.
 */
#ifndef MMIOCTL_SYSFS_H
#define MMIOCTL_SYSFS_H

#include "output/output.h"

#define FUNCTION_BARS 6

struct pci_bar {
	uint64_t start, size; /* size 0: there is none */
	bool io, prefetchable, wide; /* wide: 64-bit address */
};

struct pci_function {
	char address[20]; /* 0000:01:00.0; a domain may have eight digits */
	unsigned int vendor, device, class;
	char driver[32]; /* "": none */
	char override[32]; /* driver_override; "": none */
	int iommu_group; /* -1: none */
	int node; /* NUMA; -1: unknown */
	char speed[32]; /* of the link, as "8.0 GT/s"; "": no link */
	unsigned int width; /* lanes */
	int command; /* COMMAND; -1: not readable; a virtual function decodes memory */
	struct pci_bar bars[FUNCTION_BARS];
};

struct pci_functions {
	struct pci_function *items; /* in order of address */
	size_t count;
};

const char *sys_directory(void);
bool sys_read(const char *path, char *out, size_t size); /* first line of /sys/PATH */
int read_functions(const struct context *context, struct pci_functions *functions);
void free_functions(struct pci_functions *functions);
/* The nearest bridge above a function whose memory decoding is off; false: they all forward. */
bool find_mute_bridge(const char *address, char *bridge, size_t size);
/* Everybody may read where the BARs of a function lie. false: there is no such BAR. */
bool read_function_bar(const char *address, unsigned int index, struct pci_bar *bar);
/* The beginning of its configuration space: how many bytes, or -1. Everybody may read the first 64. */
ssize_t read_function_config(const char *address, uint8_t *bytes, size_t size);
bool parse_bar(const char *line, struct pci_bar *bar);
void function_model(const struct pci_function *function, char *out, size_t size);
const char *class_name(unsigned int class);

#endif
