// SPDX-License-Identifier: MIT
/*
 * What values of the configuration look like. Nothing is
 * guessed: signs, trailing letters and overflow are errors.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <linux/mmiod.h>
#include "config-value.h"
#include "util.h"

static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

/* strtoull() takes signs, leading blanks and octal; a configuration does not. */
static int parse_number(const char *value, uint64_t *number, const char **end)
{
	bool hex = value[0] == '0' && (value[1] == 'x' || value[1] == 'X');
	char *stop;

	if (!isdigit((unsigned char)value[0]) || (hex && !isxdigit((unsigned char)value[2])))
		return -EINVAL;
	errno = 0;
	*number = strtoull(hex ? value + 2 : value, &stop, hex ? 16 : 10);
	*end = stop;
	return errno ? -ERANGE : 0;
}

int value_number(const char *value, uint64_t *number)
{
	const char *end;
	int r = parse_number(value, number, &end);

	return r < 0 || *end ? -EINVAL : 0;
}

int value_size(const char *value, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	unsigned int shift;
	uint64_t number;

	if (parse_number(value, &number, &end) < 0)
		return -EINVAL;
	shift = 0;
	unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (*end || number > UINT64_MAX >> shift)
		return -EINVAL;
	*bytes = number << shift;
	return 0;
}

int value_range(const char *value, uint64_t *offset, uint64_t *length)
{
	uint64_t first, last;
	const char *end;

	if (parse_number(value, &first, &end) < 0 || *end != '-' ||
	    value_number(end + 1, &last) < 0)
		return -EINVAL;
	if (last < first || last - first == UINT64_MAX)
		return -EINVAL;
	*offset = first;
	*length = last - first + 1;
	return 0;
}

int value_duration(const char *value, uint32_t *milliseconds)
{
	static const struct {
		const char *unit;
		uint32_t factor;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 } };
	const char *end;
	uint64_t number;

	if (parse_number(value, &number, &end) < 0)
		return -EINVAL;
	for (size_t i = 0; i < array_size(units); i++) {
		if (strcmp(end, units[i].unit))
			continue;
		if (number > UINT32_MAX / units[i].factor)
			return -EINVAL;
		*milliseconds = (uint32_t)number * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

/* +OFFSET:BITS=VALUE */
int value_write(const char *value, struct config_write *write)
{
	const char *end;
	uint64_t bits;

	if (value[0] != '+' || parse_number(value + 1, &write->offset, &end) < 0 || *end != ':')
		return -EINVAL;
	if (parse_number(end + 1, &bits, &end) < 0 || *end != '=' ||
	    value_number(end + 1, &write->value) < 0)
		return -EINVAL;
	if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
		return -EINVAL;
	write->width = (uint32_t)bits / 8;
	if (write->offset % write->width || (bits < 64 && write->value >> bits))
		return -EINVAL;
	return 0;
}

static int parse_hex(const char **at, unsigned int digits, char stop, uint32_t *number)
{
	uint32_t value = 0;
	unsigned int n;

	for (n = 0; isxdigit((unsigned char)(*at)[n]); n++) {
		unsigned char c = (unsigned char)(*at)[n];

		value = value << 4 | (uint32_t)(isdigit(c) ? c - '0' : tolower(c) - 'a' + 10);
		if (n == digits)
			return -EINVAL;
	}
	if (n != digits || (*at)[n] != stop)
		return -EINVAL;
	*at += n + (stop ? 1 : 0);
	*number = value;
	return 0;
}

/* As the kernel writes it: at least four digits, and more only if the first of them says something. */
static int parse_domain(const char **at, uint32_t *domain)
{
	unsigned int digits = 0;

	while (digits < 8 && isxdigit((unsigned char)(*at)[digits]))
		digits++;
	if (digits < 4 || (digits > 4 && **at == '0'))
		return -EINVAL;
	return parse_hex(at, digits, ':', domain);
}

int value_slot(const char *value, uint64_t *pci)
{
	uint32_t domain, bus, device, function;
	const char *at = value + 4;

	if (strncmp(value, "pci:", 4))
		return -EINVAL;
	if (parse_domain(&at, &domain) < 0 || parse_hex(&at, 2, ':', &bus) < 0 ||
	    parse_hex(&at, 2, '.', &device) < 0 || parse_hex(&at, 1, '\0', &function) < 0)
		return -EINVAL;
	if (device > 31 || function > 7)
		return -EINVAL;
	*pci = MMIOD_PCI_DEVICE(domain, bus, device, function);
	return 0;
}

/* Cuts what follows the last @mark off, and returns it; NULL: there is no such mark. */
static char *cut(char *text, char mark)
{
	char *found = strrchr(text, mark);

	if (!found)
		return NULL;
	*found = '\0';
	return found + 1;
}

static int parse_bits(const char *text, uint32_t *width)
{
	uint64_t bits;

	if (value_number(text, &bits) < 0 || bits < 8 || bits > 64 || bits & (bits - 1))
		return -EINVAL;
	*width = (uint32_t)bits / 8;
	return 0;
}

int value_place(const char *value, struct value_place *place)
{
	const char *mark = strstr(value, "/bar");
	char slot[32], rest[96], *width, *length, *offset;

	*place = (struct value_place){ 0 };
	if (!mark || (size_t)(mark - value) > sizeof(slot) - 5 || strlen(mark) - 4 >= sizeof(rest))
		return -EINVAL;
	snprintf(slot, sizeof(slot), "pci:%.*s", (int)(mark - value), value);
	strcpy(rest, mark + 4);
	width = cut(rest, ':');
	length = cut(rest, '/');
	offset = cut(rest, '+');
	if (value_slot(slot, &place->pci) < 0 || rest[0] < '0' || rest[0] > '5' || rest[1])
		return -EINVAL;
	place->bar = rest[0] - '0';
	if ((offset && value_size(offset, &place->offset) < 0) ||
	    (length && (value_size(length, &place->length) < 0 || !place->length)) ||
	    (width && parse_bits(width, &place->width) < 0))
		return -EINVAL;
	return place->length > UINT64_MAX - place->offset ? -EINVAL : 0;
}

int value_ids(const char *value, uint16_t *vendor, uint16_t *product)
{
	uint32_t first, second;

	if (parse_hex(&value, 4, ':', &first) < 0 || parse_hex(&value, 4, '\0', &second) < 0)
		return -EINVAL;
	*vendor = (uint16_t)first;
	*product = (uint16_t)second;
	return 0;
}

bool value_is_name(const char *value)
{
	size_t length = strlen(value);

	return length > 0 && length < MMIOD_NAME_MAX && strspn(value, name_letters) == length;
}
