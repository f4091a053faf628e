/* SPDX-License-Identifier: MIT */
/*
 * Targets, and leases on them; the values and numbers that are named beside targets.
 */
#ifndef MMIOCTL_TARGET_H
#define MMIOCTL_TARGET_H

#include "output/output.h"

/* How a verb leases: what its rows of LEASE_OPTIONS say, or a part of them. */
struct lease_options {
	enum mmiod_memtype memtype;
	enum mmiod_share share;
	const char *grant; /* that is to give it; NULL: whichever does */
	struct given wait; /* ms; UINT32_MAX: for ever */
	struct given width; /* bits */
};

/* clang-format off */
#define MEMTYPE_OPTIONS(type, field) \
	{ "uc", 0, NULL, "uncached (default: as configured)", \
	  VALUE(type, field.memtype, MMIOD_MEMTYPE_UC) }, \
	{ "wc", 0, NULL, "write-combining", VALUE(type, field.memtype, MMIOD_MEMTYPE_WC) }

#define SHARE_OPTIONS(type, field) \
	{ "exclusive", 0, NULL, "nobody else may hold it (default: as configured)", \
	  VALUE(type, field.share, MMIOD_SHARE_EXCLUSIVE) }, \
	{ "shared-read", 0, NULL, "others may read it", \
	  VALUE(type, field.share, MMIOD_SHARE_READ) }, \
	{ "shared-write", 0, NULL, "others may read and write it", \
	  VALUE(type, field.share, MMIOD_SHARE_WRITE) }, \
	{ "guest", 0, NULL, "read-only, in nobody's way; ends for one that is alone", \
	  VALUE(type, field.share, MMIOD_SHARE_GUEST) }

#define GRANT_OPTION(type, field) \
	{ "grant", 0, "NAME", "under this grant, and no other", TEXT(type, field.grant) }

#define WAIT_OPTION(type, field) \
	{ "wait", 0, "[TIME]", "until others have given it back, at most for TIME", \
	  WAIT(type, field.wait) }

#define LEASE_OPTIONS(type, field) \
	MEMTYPE_OPTIONS(type, field), SHARE_OPTIONS(type, field), WAIT_OPTION(type, field)

#define WIDTH_OPTION(type, field) \
	{ "width", 'w', "BITS", "of an access: 8, 16, 32 or 64, as :WIDTH of the target", \
	  NUMBER(type, field.width) }
/* clang-format on */

/* ---- target.c: leases on targets ---- */

/* Does as client_open() does, for leases that may be waited for, as @options say. */
int lease_open(struct context *context, const struct lease_options *options);
int target_read(const struct context *context, const char *text, struct mmiod_target *target);
int target_region(struct context *context, const char *text,
		  int (*use)(const struct context *context, const struct mmiod_region *region));
int target_resolve_width(struct context *context, struct mmiod_target *target);
int target_check_alignment(const struct context *context, const char *text,
			   const struct mmiod_target *target);
const char *target_missing(const struct context *context, const struct mmiod_region *region);
int target_lease(struct context *context, const struct mmiod_target *target,
		 const struct lease_options *options, unsigned int rights,
		 struct mmiod_lease **lease);
int parse_value(const struct context *context, const char *text, uint64_t *value);
int parse_lease(const struct context *context, const char *text, uint64_t *lease);
int check_fit(const struct context *context, const char *text, uint64_t value, unsigned int width);
void element_set(void *buffer, size_t index, unsigned int width, uint64_t value);
uint64_t element_at(const void *buffer, size_t index, unsigned int width);

/* ---- operating.c: leases of the right to operate a device ---- */

/* Leases it, and reports what could not be had. @rights: set of enum mmiod_device_right. */
int target_operate(struct context *context, const char *device, const struct lease_options *options,
		   unsigned int rights, struct mmiod_operation **operation);
void target_operate_end(struct mmiod_operation *operation); /* gives it back; NULL: no-op */
unsigned int config_rights(const char *word); /* none, read, standard, vendor; ~0: no such word */
unsigned int device_rights(const char *words); /* with commas between them; 0: no such words */
void device_right_words(unsigned int rights, char *out, size_t size);

/* ---- lease-list.c ---- */

/*
 * Calls each() for each lease that the caller may see, until it returns a status other than
 * STATUS_OK; returns the last. They are asked for some hundreds at a time, and each() may ask
 * the daemon for more about one.
 */
int each_lease(const struct context *context,
	       int (*each)(void *data, const struct mmiod_lease_info *info), void *data);
/*
 * Where a lease lies, into an array of the caller's to free. Returns how many, or -errno; NULL: out of
 * memory.
 */
int list_extents(const struct context *context, const struct mmiod_lease_info *info,
		 struct mmiod_lease_extent **extents);
void holder_cells(const struct mmiod_lease_info *info, struct cell *user, struct cell *uid,
		  struct cell *pid, struct cell *command, struct cell *age);

#endif
