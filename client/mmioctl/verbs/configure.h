/* SPDX-License-Identifier: MIT */
/*
 * mmioctl configure: configure.c writes a configuration, configure-install.c puts it in force.
 */
#ifndef MMIOCTL_CONFIGURE_H
#define MMIOCTL_CONFIGURE_H

#include "system/sysfs.h"

struct proposal {
	const struct pci_function *function;
	char name[32];
	bool force; /* whoever has the function */
	const char *text;
	size_t length;
};

/* Writes it to a file, checks, binds and reloads; undone if the check fails. Exit status. */
int install_proposal(struct context *context, const struct proposal *proposal);

#endif
