// SPDX-License-Identifier: MIT
/*
 * The keys of [region NAME]: where it lies, and how it may be used. Keys that must fit together are
 * looked at when all files are read (check.c).
 */
#include <string.h>
#include "config/setters.h"
#include "config/value.h"

/* A target as on the command line says in one what else takes bar, range and width. */
static bool set_place(struct config_region *region, const char *value)
{
	struct value_place place;

	if (value_place(value, &place) < 0)
		return false;
	region->device = CONFIG_DEVICE_SLOT;
	region->pci = place.pci;
	region->bar = place.bar;
	region->offset = place.offset;
	region->length = place.length;
	if (place.width)
		region->width = place.width;
	return true;
}

int region_set_device(struct config_cursor *cursor, const char *value)
{
	struct config_region *region = cursor->region;

	if (set_place(region, value))
		return 0;
	if (value_slot(value, &region->pci) == 0)
		region->device = CONFIG_DEVICE_SLOT;
	else if (value_ids(value, &region->vendor, &region->product) == 0)
		region->device = CONFIG_DEVICE_IDS;
	else
		return config_refuse(cursor,
				     "\"%s\" is not a device: write pci:DDDD:BB:DD.F, such as "
				     "pci:0000:01:00.0, or the ids VVVV:DDDD, or with its part "
				     "0000:01:00.0/bar2+0x1000/4K:32",
				     value);
	return 0;
}

/* Whether that is the device, or what the one at the address must be, is known when all is read. */
int region_set_ids(struct config_cursor *cursor, const char *value)
{
	struct config_region *region = cursor->region;

	if (value_ids(value, &region->vendor, &region->product) < 0)
		return config_refuse(
			cursor,
			"\"%s\" is not the ids of a PCI function: write VVVV:DDDD, such "
			"as 10ee:9038",
			value);
	region->expects_ids = true;
	return 0;
}

int region_set_bar(struct config_cursor *cursor, const char *value)
{
	uint64_t number;

	if (value_number(value, &number) < 0 || number > 5)
		return config_refuse(cursor, "\"%s\" is not a BAR from 0 to 5", value);
	cursor->region->bar = (int)number;
	return 0;
}

int region_set_ports(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->region->ports);
}

int region_set_dma_registers(struct config_cursor *cursor, const char *value)
{
	bool starts = false;
	int r = config_yes_no(cursor, value, &starts);

	cursor->region->no_dma = r == 0 && !starts;
	return r;
}

int region_set_range(struct config_cursor *cursor, const char *value)
{
	if (value_range(value, &cursor->region->offset, &cursor->region->length) < 0)
		return config_refuse(
			cursor,
			"\"%s\" is not a range: write FIRST-LAST, both included, such as 0x0-0xfff",
			value);
	return 0;
}

int region_set_offset(struct config_cursor *cursor, const char *value)
{
	if (value_size(value, &cursor->region->offset) < 0)
		return config_refuse(cursor, "\"%s\" is not an offset, such as 0x1000 or 4K",
				     value);
	return 0;
}

int region_set_size(struct config_cursor *cursor, const char *value)
{
	if (value_size(value, &cursor->region->length) < 0 || !cursor->region->length)
		return config_refuse(cursor, "\"%s\" is not a size, such as 0x1000, 4K or 16M",
				     value);
	return 0;
}

int region_set_phys(struct config_cursor *cursor, const char *value)
{
	if (value_number(value, &cursor->region->phys) < 0)
		return config_refuse(cursor, "\"%s\" is not a physical address, such as 0xfed00000",
				     value);
	cursor->region->device = CONFIG_DEVICE_RANGE;
	return 0;
}

int region_set_width(struct config_cursor *cursor, const char *value)
{
	uint64_t bits;

	if (value_number(value, &bits) < 0 || (bits != 8 && bits != 16 && bits != 32 && bits != 64))
		return config_refuse(cursor, "\"%s\" is not a width: write 8, 16, 32 or 64 (bits)",
				     value);
	cursor->region->width = (uint32_t)bits / 8;
	return 0;
}

static int add_memtype(struct config_cursor *cursor, void *list, const char *word)
{
	struct config_region *region = list;
	enum mmiod_memtype memtype;

	if (!strcmp(word, "uc"))
		memtype = MMIOD_MEMTYPE_UC;
	else if (!strcmp(word, "wc"))
		memtype = MMIOD_MEMTYPE_WC;
	else
		return config_refuse(
			cursor, "\"%s\" is not a memory type of a device: write uc or wc", word);
	if (!region->memtypes)
		region->memtype = memtype;
	region->memtypes |= 1u << memtype;
	return 0;
}

int region_set_memtype(struct config_cursor *cursor, const char *value)
{
	cursor->region->memtypes = 0;
	return config_each_word(cursor, value, cursor->region, add_memtype);
}

int region_set_pool(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->region->pool);
}

int region_set_wipe(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->region->wipe);
}

int region_set_page(struct config_cursor *cursor, const char *value)
{
	uint64_t page;

	if (value_size(value, &page) < 0 || !page || page & (page - 1) || page > 1ull << 30)
		return config_refuse(
			cursor,
			"\"%s\" is not the size of a page: write a power of two such as "
			"4K, 64K or 2M",
			value);
	cursor->region->page = page;
	return 0;
}

int region_set_bind(struct config_cursor *cursor, const char *value)
{
	return config_bind_word(cursor, value, &cursor->region->bind);
}

int region_set_on_reset(struct config_cursor *cursor, const char *value)
{
	if (strcmp(value, "resume") && strcmp(value, "revoke"))
		return config_refuse(cursor,
				     "\"%s\" is not what leases can do on a reset: write resume "
				     "or revoke",
				     value);
	cursor->region->revoke_on_reset = !strcmp(value, "revoke");
	return 0;
}

int region_set_dma_bits(struct config_cursor *cursor, const char *value)
{
	return config_dma_bits(cursor, value, &cursor->region->dma_bits);
}

int region_set_backing(struct config_cursor *cursor, const char *value)
{
	if (value[0] != '/')
		return config_refuse(cursor, "\"%s\" is not an absolute path", value);
	free(cursor->region->backing);
	cursor->region->backing = strdup(value);
	return cursor->region->backing ? 0 : config_refuse(cursor, "out of memory");
}
