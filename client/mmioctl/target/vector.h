/* SPDX-License-Identifier: MIT */
/* Vectors of devices, as the user writes and reads them. */
#ifndef MMIOCTL_VECTOR_H
#define MMIOCTL_VECTOR_H

#include "output/output.h"

#define VECTOR_DEVICE_MAX 32

/* DEVICE or DEVICE:VECTOR; without a vector it is 0. 0, or the exit status. */
int vector_read(const struct context *context, const char *text, char device[VECTOR_DEVICE_MAX],
		unsigned int *vector);
const char *irq_word(enum mmiod_irq_kind kind);
const char *vector_state_word(const struct mmiod_vector *vector);

#endif
