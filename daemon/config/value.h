/* SPDX-License-Identifier: MIT */
/*
 * The syntax of the configuration's values. Pure functions: a string in, a number out, -EINVAL for
 * what breaks the rule; the caller names the rule.
 */
#ifndef MMIOD_DAEMON_CONFIG_VALUE_H
#define MMIOD_DAEMON_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>
#include "config/config.h"

int value_number(const char *value, uint64_t *number); /* decimal or 0x… */
int value_size(const char *value,
	       uint64_t *bytes); /* a number, or one with K, M, G or T behind it */
int value_range(const char *value, uint64_t *offset,
		uint64_t *length); /* FIRST-LAST, both included */
int value_write(const char *value, struct config_write *write); /* +OFFSET:BITS=VALUE */
int value_duration(const char *value, uint32_t *milliseconds); /* 500ms, 2s, 10min, 1h */
/* pci:DDDD:BB:DD.F, the domain in four to eight digits: MMIOD_PCI_DEVICE. */
int value_slot(const char *value, uint64_t *pci);
/*
 * Where a part of a BAR lies, as targets are written: DDDD:BB:DD.F/barN[+OFFSET][/LENGTH][:WIDTH].
 * 0: not given.
 */
struct value_place {
	uint64_t pci;
	int bar;
	uint64_t offset;
	uint64_t length;
	uint32_t width; /* bytes */
};

int value_place(const char *value, struct value_place *place);
int value_ids(const char *value, uint16_t *vendor, uint16_t *product); /* VVVV:DDDD */
bool value_is_name(const char *value); /* [A-Za-z0-9._-]{1,31} */

#endif
