/* SPDX-License-Identifier: MIT */
/*
 * Numbers, sizes and durations as people write them: in the configuration, on the command line and
 * in targets alike. No sign, no blank, and a leading zero does not mean octal.
 *
 * Each returns 0, -EINVAL: it is none, or -ERANGE: it is too large. The functions that scan move
 * *text behind what they have read.
 */
#ifndef MMIOD_COMMON_SIZE_H
#define MMIOD_COMMON_SIZE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 16 and more: it is no digit. */
static inline unsigned int common_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

/* Decimal or 0x... */
static inline int common_scan_number(const char **text, uint64_t *number)
{
	const char *at = *text;
	bool hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X');
	unsigned int base = hex ? 16 : 10;

	at += hex ? 2 : 0;
	if (common_digit(*at) >= base)
		return -EINVAL;
	for (*number = 0; common_digit(*at) < base; at++)
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, common_digit(*at), number))
			return -ERANGE;
	*text = at;
	return 0;
}

/* Bytes: a number, or one with K, M, G or T behind it, which are powers of 1024. */
static inline int common_scan_size(const char **text, uint64_t *bytes)
{
	static const char units[] = "kKmMgGtT";
	const char *at = *text, *unit;
	int error = common_scan_number(&at, bytes);
	unsigned int shift;

	if (error)
		return error;
	unit = *at ? strchr(units, *at) : NULL;
	shift = unit ? 10 * (unsigned int)((unit - units) / 2 + 1) : 0;
	if (*bytes > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes <<= shift;
	*text = unit ? at + 1 : at;
	return 0;
}

static inline int common_number(const char *text, uint64_t *number)
{
	int error = common_scan_number(&text, number);

	return !error && *text ? -EINVAL : error;
}

static inline int common_size(const char *text, uint64_t *bytes)
{
	int error = common_scan_size(&text, bytes);

	return !error && *text ? -EINVAL : error;
}

/* 500ms, 2s, 10min, 1h. `bare`: what a number without a unit is, in milliseconds; 0: an error. */
static inline int common_duration(const char *text, uint32_t bare, uint32_t *milliseconds)
{
	const struct {
		const char *name;
		uint32_t factor;
	} units[] = {
		{ "", bare }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 }
	};
	uint64_t number;
	int error = common_scan_number(&text, &number);

	if (error)
		return error;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name) || !units[i].factor)
			continue;
		if (number > UINT32_MAX / units[i].factor)
			return -ERANGE;
		*milliseconds = (uint32_t)number * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

#endif
