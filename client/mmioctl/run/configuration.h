/* SPDX-License-Identifier: MIT */
/*
 * The configuration space of a device in the place of its file in sysfs.
 */
#ifndef MMIOCTL_RUN_CONFIGURATION_H
#define MMIOCTL_RUN_CONFIGURATION_H

#include "run/plan.h"

/* A device that programs operate, kept as long as they run: it has but one operator. */
struct operated {
	struct operated *next;
	struct mmiod_operation *operation; /* owned */
	char device[20]; /* DDDD:BB:DD.F */
};

/*
 * @rights: enum mmiod_right, what the file is opened for. Returns 0 with a file in @fd; 1: nothing of
 * it is granted, so let the kernel decide; or -errno, with the sentence at mmiod_client_error().
 */
int configuration_file(const struct context *context, struct operated **operated,
		       const char *address, unsigned int rights, int *fd);
void configurations_drop(struct operated *operated);

#endif
