/* SPDX-License-Identifier: MIT */
/*
 * Conditions on samples, and the ring of those before the beginning: see trigger.h.
 */
#include "target/trigger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- conditions ---- */

/* Longer ones before those that they begin with. */
static const struct {
	const char *word;
	enum trigger_op op;
} ops[] = {
	{ "==", TRIGGER_EQUAL },    { "!=", TRIGGER_UNEQUAL }, { "<=", TRIGGER_AT_MOST },
	{ ">=", TRIGGER_AT_LEAST }, { "<", TRIGGER_LESS },     { ">", TRIGGER_GREATER },
	{ "=", TRIGGER_EQUAL },	    { "&", TRIGGER_ANY_BIT },  { "changes", TRIGGER_CHANGES },
};

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* The series with the longest name that the text begins with; behind it: *@rest. */
static bool find_series(const struct sampling *sampling, const char *text, size_t *series,
			const char **rest)
{
	size_t longest = 0;

	for (size_t i = 0; i < sampling->count; i++) {
		size_t length = strlen(sampling->series[i].name);

		if (length <= longest || strncmp(text, sampling->series[i].name, length) ||
		    !strchr(" \t=!<>&", text[length]))
			continue;
		longest = length;
		*series = i;
		*rest = skip_blanks(text + length);
	}
	return longest;
}

static int fail_series(const struct sampling *sampling, const char *option, const char *text)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < sampling->count && used < sizeof(names) - 1; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 sampling->series[i].name);
	return usage_error(sampling->follow.context,
			   "%s \"%s\": it begins with none of what is sampled: %s%s", option, text,
			   names, used >= sizeof(names) ? "…" : "");
}

static bool find_op(const char **text, enum trigger_op *op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t length = strlen(ops[i].word);

		if (strncmp(*text, ops[i].word, length))
			continue;
		*text = skip_blanks(*text + length);
		*op = ops[i].op;
		return true;
	}
	return false;
}

static const char *const kinds[] = {
	[FIGURE_UNSIGNED] = "decimal or 0x…",
	[FIGURE_SIGNED] = "decimal, with a sign if it is negative, or 0x…",
	[FIGURE_RATE] =
		"decimal, with a sign if it is negative and up to three digits behind a point",
};

/* With & it is bits; of a change per second, what 64 bits hold. */
static bool fits(const struct sampling *sampling, const struct trigger *trigger, unsigned int bits)
{
	if (sampling->kind == FIGURE_RATE || bits == 64)
		return true;
	if (sampling->kind == FIGURE_SIGNED && trigger->op != TRIGGER_ANY_BIT)
		return figure_extend(trigger->value & ((1ull << bits) - 1), bits) == trigger->value;
	return !(trigger->value >> bits);
}

static int read_value(const struct sampling *sampling, const char *option, const char *text,
		      const char *number, struct trigger *trigger)
{
	const struct series *series = &sampling->series[trigger->series];
	enum figure_kind kind = trigger->op == TRIGGER_ANY_BIT ? FIGURE_UNSIGNED : sampling->kind;
	unsigned int bits = series->high - series->low + 1;
	int err = figure_read(kind, number, &trigger->value);

	if (trigger->op == TRIGGER_ANY_BIT && sampling->kind == FIGURE_RATE)
		return usage_error(sampling->follow.context,
				   "%s \"%s\": a change per second has no bits: leave --delta out",
				   option, text);
	if (err == -EINVAL)
		return usage_error(sampling->follow.context,
				   "%s \"%s\": \"%s\" is not a value: it is %s", option, text,
				   number, kinds[kind]);
	if (err || !fits(sampling, trigger, bits))
		return usage_error(sampling->follow.context,
				   "%s \"%s\": %s has %u bits, and %s does not fit", option, text,
				   series->name, bits, number);
	trigger->kind = sampling->kind;
	return 0;
}

int trigger_read(const struct sampling *sampling, const char *option, const char *text,
		 struct trigger *trigger)
{
	const char *rest = skip_blanks(text);

	*trigger = (struct trigger){ .text = text };
	if (!find_series(sampling, rest, &trigger->series, &rest))
		return fail_series(sampling, option, text);
	if (!find_op(&rest, &trigger->op))
		return usage_error(sampling->follow.context,
				   "%s \"%s\": behind %s stands ==, !=, <, <=, >, >= or & with a "
				   "value, or \"changes\"",
				   option, text, sampling->series[trigger->series].name);
	if (trigger->op != TRIGGER_CHANGES)
		return read_value(sampling, option, text, rest, trigger);
	if (*rest)
		return usage_error(sampling->follow.context,
				   "%s \"%s\": nothing stands behind \"changes\"", option, text);
	return 0;
}

static bool compare(const struct trigger *trigger, uint64_t value)
{
	uint64_t rank = figure_rank(trigger->kind, value);
	uint64_t than = figure_rank(trigger->kind, trigger->value);

	switch (trigger->op) {
	case TRIGGER_EQUAL:
		return rank == than;
	case TRIGGER_UNEQUAL:
		return rank != than;
	case TRIGGER_LESS:
		return rank < than;
	case TRIGGER_AT_MOST:
		return rank <= than;
	case TRIGGER_GREATER:
		return rank > than;
	case TRIGGER_AT_LEAST:
		return rank >= than;
	case TRIGGER_ANY_BIT:
		return value & trigger->value;
	default:
		return trigger->has_before && value != trigger->before;
	}
}

bool trigger_holds(struct trigger *trigger, const struct sample *sample)
{
	uint64_t value = sample->values[trigger->series];
	bool holds = trigger->text && compare(trigger, value);

	trigger->before = value;
	trigger->has_before = true;
	return holds;
}

/* ---- the ring ---- */

int ring_make(const struct sampling *sampling, uint64_t capacity, struct ring *ring)
{
	*ring = (struct ring){ .series = sampling->count };
	if (capacity > RING_VALUES_MAX / sampling->count)
		return usage_error(sampling->follow.context,
				   "--before %llu: of %zu series at most %zu samples are kept",
				   (unsigned long long)capacity, sampling->count,
				   RING_VALUES_MAX / sampling->count);
	if (!capacity)
		return 0;
	ring->capacity = (size_t)capacity;
	ring->samples = calloc(ring->capacity, sizeof(*ring->samples));
	ring->values = calloc(ring->capacity * ring->series, sizeof(*ring->values));
	return ring->samples && ring->values ? 0 : out_of_memory(sampling->follow.context);
}

void ring_free(struct ring *ring)
{
	free(ring->samples);
	free(ring->values);
}

void ring_add(struct ring *ring, const struct sample *sample)
{
	uint64_t *values;
	size_t at;

	if (!ring->capacity)
		return;
	at = (ring->first + ring->count) % ring->capacity;
	values = ring->values + at * ring->series;
	memcpy(values, sample->values, ring->series * sizeof(*values));
	ring->samples[at] = *sample;
	ring->samples[at].values = values;
	if (ring->count < ring->capacity)
		ring->count++;
	else
		ring->first = (ring->first + 1) % ring->capacity;
}

const struct sample *ring_take(struct ring *ring)
{
	const struct sample *sample;

	if (!ring->count)
		return NULL;
	sample = &ring->samples[ring->first];
	ring->first = (ring->first + 1) % ring->capacity;
	ring->count--;
	return sample;
}
