/* SPDX-License-Identifier: MIT */
/*
 * Conditions on samples, by which a record begins and ends, and the samples before its beginning.
 */
#ifndef MMIOCTL_TRIGGER_H
#define MMIOCTL_TRIGGER_H

#include "target/sample.h"

enum trigger_op {
	TRIGGER_EQUAL,
	TRIGGER_UNEQUAL,
	TRIGGER_LESS,
	TRIGGER_AT_MOST,
	TRIGGER_GREATER,
	TRIGGER_AT_LEAST,
	TRIGGER_ANY_BIT, /* some of the value's are set */
	TRIGGER_CHANGES, /* since the sample before */
};

struct trigger {
	const char *text; /* NULL: there is none */
	size_t series;
	enum trigger_op op;
	enum figure_kind kind; /* of the value */
	uint64_t value;
	uint64_t before; /* of the series, in the sample before */
	bool has_before;
};

/* "SERIES OP VALUE" or "SERIES changes", of what is sampled. @option: whose argument it is. Exit status. */
int trigger_read(const struct sampling *sampling, const char *option, const char *text,
		 struct trigger *trigger);
/* To be asked about each sample. */
bool trigger_holds(struct trigger *trigger, const struct sample *sample);

#define RING_VALUES_MAX (1u << 20)

/* The last samples, of which the oldest is forgotten when there is no room. */
struct ring {
	size_t series; /* values of a sample */
	size_t capacity; /* samples; 0: it keeps none */
	size_t first, count;
	struct sample *samples; /* owned, as the values are that they point to */
	uint64_t *values;
};

int ring_make(const struct sampling *sampling, uint64_t capacity, struct ring *ring);
void ring_free(struct ring *ring);
void ring_add(struct ring *ring, const struct sample *sample);
/* The oldest, good until one is added; NULL: there is none. */
const struct sample *ring_take(struct ring *ring);

#endif
