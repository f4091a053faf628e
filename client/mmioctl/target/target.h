/* SPDX-License-Identifier: MIT */
/*
 * Targets, and leases on them; the values and numbers that are named beside targets.
 */
#ifndef MMIOCTL_TARGET_H
#define MMIOCTL_TARGET_H

#include "output/output.h"

/* ---- target.c: leases on targets ---- */

int target_read(const struct context *context, const char *text, struct mmiod_target *target);
int target_region(struct context *context, const char *text,
		  int (*use)(const struct context *context, const struct mmiod_region *region));
int target_resolve_width(struct context *context, struct mmiod_target *target);
int target_check_alignment(const struct context *context, const char *text,
			   const struct mmiod_target *target);
const char *target_missing(const struct context *context, const struct mmiod_region *region);
int target_lease(struct context *context, const struct mmiod_target *target, unsigned int rights,
		 struct mmiod_lease **lease);
int parse_value(const struct context *context, const char *text, uint64_t *value);
int parse_lease(const struct context *context, const char *text, uint64_t *lease);
int check_fit(const struct context *context, const char *text, uint64_t value, unsigned int width);
void element_set(void *buffer, size_t index, unsigned int width, uint64_t value);
uint64_t element_at(const void *buffer, size_t index, unsigned int width);

/* ---- lease-list.c ---- */

/* What a verb does with the leases that the caller may see. Returns a status. */
int with_leases(struct context *context,
		int (*print)(struct context *context, const struct mmiod_lease_list *list));
void holder_cells(const struct mmiod_lease_info *info, struct cell *user, struct cell *uid,
		  struct cell *pid, struct cell *command, struct cell *age);

#endif
