/* SPDX-License-Identifier: MIT */
/*
 * Binding PCI functions to the module's driver, and giving them back, by what sysfs offers for it.
 * Only ever by driver_override, which is for one function: new_id would take each of the same make,
 * now and later.
 *
 * For root, in a process of its own (mmiod --bind): the daemon never calls this. It may sleep, as
 * long as the old driver takes to let go.
 */
#ifndef MMIOD_DAEMON_MACHINE_BIND_H
#define MMIOD_DAEMON_MACHINE_BIND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"

struct binder {
	const char *sysfs; /* "/sys", where the tests have none of their own */
	int (*write)(const char *path, const char *value);
	unsigned int patience_ms; /* how long another's claim on the BARs is borne */
	bool force; /* take it from another driver */
	bool dry_run; /* say what would be written, and write nothing */
	FILE *output; /* what was done, a line each */
};

extern const struct binder binder_default;

/*
 * 0, or with a sentence: -ENOENT: no such function. -ENXIO: the module is not loaded. -EEXIST:
 * another driver has it; force would take it. -EBUSY: somebody has its BARs, or it has virtual
 * functions. -EINVAL: a bridge, or not ours to unbind. Else what sysfs says.
 */
int bind_device(const struct binder *binder, uint64_t address, struct text *why);
int unbind_device(const struct binder *binder, uint64_t address, struct text *why);

#endif
