// SPDX-License-Identifier: MIT
/*
 * The keys of [device NAME]: which function it is, and what may be done with its hardware beside
 * its memory. What belongs to a later version is refused by its name, so that nobody takes a
 * protection for given that is not there. Keys that must fit together are looked at when all files
 * are read (device-check.c).
 */
#include <string.h>
#include <common/size.h>
#include <common/word.h>
#include "config/setters.h"
#include "config/value.h"

#define VECTORS_MAX 2048 /* of MSI-X */
#define STORM_MAX 4000000000ull /* in a second: what fits 100 ms is a u32 */

int device_set_device(struct config_cursor *cursor, const char *value)
{
	struct config_function *function = cursor->function;

	if (value_slot(value, &function->pci) == 0)
		function->device = CONFIG_DEVICE_SLOT;
	else if (value_ids(value, &function->vendor, &function->product) == 0)
		function->device = CONFIG_DEVICE_IDS;
	else
		return config_refuse(cursor,
				     "\"%s\" is not a device: write pci:DDDD:BB:DD.F, such as "
				     "pci:0000:01:00.0, or the ids VVVV:DDDD",
				     value);
	return 0;
}

int device_set_bind(struct config_cursor *cursor, const char *value)
{
	return config_bind_word(cursor, value, &cursor->function->bind);
}

int device_set_interrupts(struct config_cursor *cursor, const char *value)
{
	static const char *const words[] = {
		[CONFIG_INTERRUPTS_NONE] = "none", [CONFIG_INTERRUPTS_INTX] = "intx",
		[CONFIG_INTERRUPTS_MSI] = "msi",   [CONFIG_INTERRUPTS_MSIX] = "msix",
		[CONFIG_INTERRUPTS_AUTO] = "auto",
	};
	const char *nearest;

	for (size_t i = 0; i < array_size(words); i++) {
		if (strcmp(value, words[i]))
			continue;
		cursor->function->interrupts = (enum config_interrupts)i;
		return 0;
	}
	nearest = common_nearest(value, words, array_size(words));
	return config_refuse(cursor,
			     "\"%s\" is not a kind of interrupt: write none, intx, msi, msix, or "
			     "auto, the best that the device has%s%s%s",
			     value, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
			     nearest ? "\"?" : "");
}

int device_set_vectors(struct config_cursor *cursor, const char *value)
{
	uint64_t number;

	if (value_number(value, &number) < 0 || number < 1 || number > VECTORS_MAX)
		return config_refuse(cursor, "\"%s\" is not how many vectors to set up: 1 to %d",
				     value, VECTORS_MAX);
	cursor->function->vectors = (uint32_t)number;
	return 0;
}

int device_set_dma_engine(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->function->dma_engine);
}

int device_set_dma(struct config_cursor *cursor, const char *value)
{
	if (!strcmp(value, "none"))
		cursor->function->dma = CONFIG_DMA_NONE;
	else if (!strcmp(value, "trusted"))
		cursor->function->dma = CONFIG_DMA_TRUSTED;
	else if (!strcmp(value, "iommu"))
		cursor->function->dma = CONFIG_DMA_IOMMU;
	else
		return config_refuse(
			cursor,
			"\"%s\" is not how far the device may reach into memory: write none, iommu "
			"(to what its operator allocates for it, and no further), or trusted (to "
			"all "
			"memory, where no IOMMU bounds it)",
			value);
	return 0;
}

int device_set_dma_bits(struct config_cursor *cursor, const char *value)
{
	return config_dma_bits(cursor, value, &cursor->function->dma_bits);
}

int device_set_share_dma(struct config_cursor *cursor, const char *value)
{
	return config_yes_no(cursor, value, &cursor->function->share_dma);
}

int device_set_reset(struct config_cursor *cursor, const char *value)
{
	if (!strcmp(value, "yes"))
		cursor->function->reset = CONFIG_RESET_YES;
	else if (!strcmp(value, "no"))
		cursor->function->reset = CONFIG_RESET_NO;
	else if (!strcmp(value, "never"))
		cursor->function->reset = CONFIG_RESET_NEVER;
	else
		return config_refuse(cursor,
				     "\"%s\" is not whether the device is reset between two "
				     "users: write yes, no (it needs none), or never (nobody may)",
				     value);
	return 0;
}

/* RATE/s, with k or M behind the number for powers of ten. */
static int read_rate(const char *value, uint64_t *rate)
{
	uint64_t factor = 1;

	if (common_scan_number(&value, rate) < 0)
		return -EINVAL;
	if (*value == 'k' || *value == 'M')
		factor = *value++ == 'k' ? 1000 : 1000000;
	if (strcmp(value, "/s") || *rate > STORM_MAX / factor)
		return -EINVAL;
	*rate *= factor;
	return 0;
}

int device_set_storm(struct config_cursor *cursor, const char *value)
{
	uint64_t rate;

	if (read_rate(value, &rate) < 0 || rate < 10)
		return config_refuse(cursor,
				     "\"%s\" is not a rate from 10/s on, such as 5000/s or 200k/s",
				     value);
	cursor->function->storm = (uint32_t)(rate / 10);
	return 0;
}

int device_set_period(struct config_cursor *cursor, const char *value)
{
	uint32_t ms;

	if (value_duration(value, &ms) < 0 || ms < 1)
		return config_refuse(cursor, "\"%s\" is not a time from 1ms on, such as 100ms",
				     value);
	cursor->function->period_ms = ms;
	return 0;
}
