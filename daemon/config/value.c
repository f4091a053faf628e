// SPDX-License-Identifier: MIT
/*
 * The syntax of the configuration's values. Nothing is guessed: signs, trailing letters and
 * overflow are errors.
 */
#include <string.h>
#include <common/pci-address.h>
#include <common/size.h>
#include <linux/mmiod.h>
#include "base/util.h"
#include "config/value.h"

static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

int value_number(const char *value, uint64_t *number)
{
	return common_number(value, number) < 0 ? -EINVAL : 0;
}

int value_size(const char *value, uint64_t *bytes)
{
	return common_size(value, bytes) < 0 ? -EINVAL : 0;
}

int value_range(const char *value, uint64_t *offset, uint64_t *length)
{
	uint64_t first, last;

	if (common_scan_number(&value, &first) < 0 || *value != '-' ||
	    value_number(value + 1, &last) < 0)
		return -EINVAL;
	if (last < first || last - first == UINT64_MAX)
		return -EINVAL;
	*offset = first;
	*length = last - first + 1;
	return 0;
}

int value_duration(const char *value, uint32_t *milliseconds)
{
	return common_duration(value, 0, milliseconds) < 0 ? -EINVAL : 0;
}

/* +OFFSET:BITS=VALUE */
int value_write(const char *value, struct config_write *write)
{
	uint64_t bits;

	if (*value++ != '+' || common_scan_number(&value, &write->offset) < 0 || *value++ != ':')
		return -EINVAL;
	if (common_scan_number(&value, &bits) < 0 || *value != '=' ||
	    value_number(value + 1, &write->value) < 0)
		return -EINVAL;
	if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
		return -EINVAL;
	write->width = (uint32_t)bits / 8;
	if (write->offset % write->width || (bits < 64 && write->value >> bits))
		return -EINVAL;
	return 0;
}

int value_slot(const char *value, uint64_t *pci)
{
	struct common_pci_address address;
	const char *at = value + 4;

	if (strncmp(value, "pci:", 4) || common_scan_pci_address(&at, &address) < 0 || *at ||
	    !address.has_domain)
		return -EINVAL;
	*pci = MMIOD_PCI_DEVICE(address.domain, address.bus, address.device, address.function);
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

	if (!common_scan_hex(&value, 4, ':', &first) ||
	    !common_scan_hex(&value, 4, '\0', &second) || *value)
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
