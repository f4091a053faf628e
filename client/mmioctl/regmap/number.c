/* SPDX-License-Identifier: MIT */
/*
 * Numbers as descriptions of hardware write them: see build.h.
 */
#include "regmap/build.h"

#include <errno.h>
#include <string.h>
#include <common/size.h>

/* Each x is a bit that does not matter. */
static int scan_bits(const char *text, struct map_value *value)
{
	size_t count = 0;

	value->number = 0;
	for (; *text; text++) {
		bool any = *text == 'x' || *text == 'X';

		if (*text == '_')
			continue;
		if (!any && *text != '0' && *text != '1')
			return -EINVAL;
		if (++count > 64)
			return -ERANGE;
		value->number = value->number << 1 | (*text == '1');
		value->care = value->care << 1 | !any;
	}
	return count ? 0 : -EINVAL;
}

static int scan_digits(const char *text, unsigned int base, uint64_t *number)
{
	if (!*text || *text == '_')
		return -EINVAL;
	for (*number = 0; *text; text++) {
		if (*text == '_')
			continue;
		if (common_digit(*text) >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, common_digit(*text), number))
			return -ERANGE;
	}
	return 0;
}

/* What stands behind the apostrophe: h10, 'sh10. */
static int scan_literal(const char *text, struct map_value *value)
{
	if (*text == 's' || *text == 'S')
		text++;
	switch (*text) {
	case 'h':
	case 'H':
		return scan_digits(text + 1, 16, &value->number);
	case 'd':
	case 'D':
		return scan_digits(text + 1, 10, &value->number);
	case 'o':
	case 'O':
		return scan_digits(text + 1, 8, &value->number);
	case 'b':
	case 'B':
		return scan_bits(text + 1, value);
	default:
		return -EINVAL;
	}
}

int map_number(const char *text, struct map_value *value)
{
	size_t digits = strspn(text, "0123456789");

	value->care = UINT64_MAX;
	if (text[digits] == '\'')
		return scan_literal(text + digits + 1, value);
	if (*text == '+')
		text++;
	if (*text == '#')
		return scan_bits(text + 1, value);
	if (*text == '0' && (text[1] == 'b' || text[1] == 'B'))
		return scan_bits(text + 2, value);
	if (*text == '0' && (text[1] == 'x' || text[1] == 'X'))
		return scan_digits(text + 2, 16, &value->number);
	return scan_digits(text, 10, &value->number);
}
