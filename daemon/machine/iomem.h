/* SPDX-License-Identifier: MIT */
/* Finds who owns a physical range, by /proc/iomem: to name the one that a claim was refused for. */
#ifndef MMIOD_DAEMON_MACHINE_IOMEM_H
#define MMIOD_DAEMON_MACHINE_IOMEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int iomem_owner(uint64_t start, uint64_t length, char *owner, size_t size);
int iomem_find(FILE *file, uint64_t start, uint64_t length, char *owner, size_t size);

#endif
