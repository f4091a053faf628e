/* SPDX-License-Identifier: MIT */
/*
 * Copies by mapping: it knows what kind of memory its window is, how wide its registers are, where
 * it ends, and whether it may be written. A window that is taken meanwhile ends the copy and not
 * the program.
 *
 * Any number of threads may call these at once, also for one mapping; so errors leave no sentence
 * in the client, which belongs to one thread.
 */
#include "access/access.h"

#include <string.h>
#include <sys/mman.h>

struct transfer {
	const struct mmiod_mapping *mapping;
	uint8_t *window;
	const void *from; /* of a fill: a line of the value */
	void *to;
	size_t length;
	bool repeat; /* it is a fill */
};

static int check(const struct mmiod_mapping *mapping, uint64_t offset, size_t length)
{
	if (offset > mapping->length || length > mapping->length - offset)
		return -EINVAL;
	if (!mapping->width)
		return 0;
	if (offset % mapping->width || length % mapping->width)
		return -EINVAL;
	return mapping->width > sizeof(void *) ? -EOPNOTSUPP : 0;
}

/* ---- bodies of guards ---- */

static int load_window(void *argument)
{
	const struct transfer *transfer = argument;
	const struct mmiod_mapping *mapping = transfer->mapping;

	if (mapping->width)
		elements_load(transfer->to, transfer->window, transfer->length, mapping->width);
	else if (mapping->memtype == MMIOD_MEMTYPE_WC)
		combined_load(line_load_best(), transfer->to, transfer->window, transfer->length);
	else if (mapping->memtype == MMIOD_MEMTYPE_WB)
		memcpy(transfer->to, transfer->window, transfer->length);
	else
		mmiod_copy_from_window(transfer->to, transfer->window, transfer->length);
	return 0;
}

static void store_cached(const struct transfer *transfer)
{
	if (transfer->repeat)
		memset(transfer->window, *(const uint8_t *)transfer->from, transfer->length);
	else
		memcpy(transfer->window, transfer->from, transfer->length);
}

static int store_window(void *argument)
{
	const struct transfer *transfer = argument;
	const struct mmiod_mapping *mapping = transfer->mapping;

	if (mapping->width)
		elements_store(transfer->window, transfer->from, transfer->length, mapping->width,
			       transfer->repeat);
	else if (mapping->memtype == MMIOD_MEMTYPE_WC)
		combined_store(line_store_best(), transfer->window, transfer->from,
			       transfer->length, transfer->repeat);
	else if (mapping->memtype == MMIOD_MEMTYPE_WB)
		store_cached(transfer);
	else
		words_store(transfer->window, transfer->from, transfer->length, transfer->repeat);
	return 0;
}

/* ---- what programs call ---- */

MMIOD_EXPORT int mmiod_mapping_read(const struct mmiod_mapping *mapping, uint64_t offset,
				    void *buffer, size_t length)
{
	struct transfer transfer = { .mapping = mapping, .to = buffer, .length = length };
	int err = check(mapping, offset, length);

	if (err || !length)
		return err;
	transfer.window = (uint8_t *)mapping->address + offset;
	return mmiod_guard(load_window, &transfer);
}

static int store(const struct mmiod_mapping *mapping, uint64_t offset, struct transfer *transfer)
{
	int err = check(mapping, offset, transfer->length);

	if (!err && !(mapping->prot & PROT_WRITE))
		err = -EBADF;
	if (err || !transfer->length)
		return err;
	transfer->mapping = mapping;
	transfer->window = (uint8_t *)mapping->address + offset;
	return mmiod_guard(store_window, transfer);
}

MMIOD_EXPORT int mmiod_mapping_write(const struct mmiod_mapping *mapping, uint64_t offset,
				     const void *buffer, size_t length)
{
	struct transfer transfer = { .from = buffer, .length = length };

	return store(mapping, offset, &transfer);
}

MMIOD_EXPORT int mmiod_mapping_fill(const struct mmiod_mapping *mapping, uint64_t offset,
				    uint8_t value, size_t length)
{
	uint8_t line[LINE_BYTES];
	struct transfer transfer = { .from = line, .length = length, .repeat = true };

	memset(line, value, sizeof(line));
	return store(mapping, offset, &transfer);
}
