/* SPDX-License-Identifier: MIT */
/*
 * Vectors of devices: DEVICE:VECTOR, and the words for what they are.
 */
#include "target/vector.h"

#include <string.h>
#include <common/size.h>

int vector_read(const struct context *context, const char *text, char device[VECTOR_DEVICE_MAX],
		unsigned int *vector)
{
	size_t length = strcspn(text, ":");
	uint64_t number = 0;

	if (!length || length >= VECTOR_DEVICE_MAX)
		return usage_error(context,
				   "\"%s\" is not a vector: write DEVICE or DEVICE:VECTOR, such as "
				   "nvme0:3; a device's name has 1 to %d characters",
				   text, VECTOR_DEVICE_MAX - 1);
	if (text[length] && (common_number(text + length + 1, &number) || number > UINT32_MAX))
		return usage_error(context,
				   "\"%s\" is not a vector: behind the : stands its number, from 0",
				   text);
	memcpy(device, text, length);
	device[length] = '\0';
	*vector = (unsigned int)number;
	return 0;
}

const char *irq_word(enum mmiod_irq_kind kind)
{
	switch (kind) {
	case MMIOD_IRQ_INTX:
		return "intx";
	case MMIOD_IRQ_MSI:
		return "msi";
	case MMIOD_IRQ_MSIX:
		return "msix";
	default:
		return "-";
	}
}

/* What keeps it from coming, if anything does. */
const char *vector_state_word(const struct mmiod_vector *vector)
{
	unsigned int flags = mmiod_vector_flags(vector);

	if (mmiod_vector_state(vector) != MMIOD_STATE_OK)
		return state_word(mmiod_vector_state(vector));
	return flags & MMIOD_IRQ_STORM	  ? "storm"
	       : flags & MMIOD_IRQ_SILENT ? "silent"
	       : flags & MMIOD_IRQ_MASKED ? "masked"
					  : "ok";
}
