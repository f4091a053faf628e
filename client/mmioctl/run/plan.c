/* SPDX-License-Identifier: MIT */
/*
 * Reads the options of mmioctl run that name targets. Nobody is asked here whether the targets
 * exist.
 */
#include "run/plan.h"

#include <stdlib.h>
#include <string.h>
#include <common/size.h>

#define UIO_MAX 1023

int plan_add_word(const struct context *context, void *field, const char *name,
		  const char *argument)
{
	struct plan_words *words = field;

	if (words->count == PLAN_WORDS_MAX)
		return usage_error(context, "--%s \"%s\": more than %d of them", name, argument,
				   PLAN_WORDS_MAX);
	words->items[words->count++] = argument;
	return 0;
}

static int read_windows(const struct context *context, const struct plan_words *words,
			struct plan *plan)
{
	int status = 0;

	for (size_t i = 0; !status && i < words->count; i++)
		status =
			target_read(context, words->items[i], &plan->windows[plan->window_count++]);
	return status;
}

static int bad_uio(const struct context *context, const char *word)
{
	return usage_error(
		context,
		"--uio \"%s\": it is N=TARGET,…, as 0=card-regs,card-shm,card/irq0; N is "
		"that of /dev/uioN, at most %d",
		word, UIO_MAX);
}

/* DEVICE/irqN */
static bool is_vector(const char *part, size_t *length, uint64_t *vector)
{
	const char *slash = strrchr(part, '/');

	if (!slash || strncmp(slash, "/irq", 4) || slash[4] < '0' || slash[4] > '9')
		return false;
	*length = (size_t)(slash - part);
	return !common_number(slash + 4, vector);
}

static int read_vector(const struct context *context, const char *word, const char *part,
		       size_t length, uint64_t vector, struct plan_uio *uio)
{
	if (uio->device[0])
		return usage_error(context, "--uio \"%s\": a node has one interrupt", word);
	if (!length || length >= sizeof(uio->device) || vector > UINT32_MAX)
		return usage_error(
			context,
			"--uio \"%s\": \"%s\" is not a vector: write DEVICE/irqN, such as "
			"nvme0/irq3; a device's name has 1 to %d characters",
			word, part, VECTOR_DEVICE_MAX - 1);
	memcpy(uio->device, part, length);
	uio->vector = (unsigned int)vector;
	return 0;
}

static int read_part(const struct context *context, const char *word, const char *part,
		     struct plan_uio *uio)
{
	uint64_t vector;
	size_t length;

	if (is_vector(part, &length, &vector))
		return read_vector(context, word, part, length, vector, uio);
	if (uio->count == PLAN_PARTS_MAX)
		return usage_error(context, "--uio \"%s\": more than %d maps", word,
				   PLAN_PARTS_MAX);
	return target_read(context, part, &uio->parts[uio->count++]);
}

static int read_uio(const struct context *context, const char *word, struct plan_uio *uio)
{
	char *copy, *rest, *part, *end;
	unsigned long number = strtoul(word, &end, 10);
	int status = 0;

	if (end == word || *end != '=' || !end[1] || word[0] == '-' || number > UIO_MAX)
		return bad_uio(context, word);
	uio->number = (unsigned int)number;
	copy = strdup(end + 1);
	rest = copy;
	if (!copy)
		return out_of_memory(context);
	while (!status && (part = strsep(&rest, ",")))
		status = read_part(context, word, part, uio);
	free(copy);
	if (!status && !uio->count)
		return usage_error(
			context,
			"--uio \"%s\": a node has at least one map: name a TARGET beside "
			"its interrupt",
			word);
	return status;
}

static int read_uios(const struct context *context, const struct plan_words *words,
		     struct plan *plan)
{
	int status = 0;

	plan->uios = calloc(words->count + 1, sizeof(*plan->uios));
	if (!plan->uios)
		return out_of_memory(context);
	for (size_t i = 0; !status && i < words->count; i++) {
		status = read_uio(context, words->items[i], &plan->uios[plan->uio_count++]);
		for (size_t j = 0; !status && j < i; j++)
			if (plan->uios[j].number == plan->uios[i].number)
				status = usage_error(context, "--uio: /dev/uio%u is given twice",
						     plan->uios[i].number);
	}
	return status;
}

static int read_map(const struct context *context, const char *word, const char **name,
		    struct mmiod_target *target)
{
	const char *equals = strchr(word, '=');

	if (word[0] != '/' || !equals || !equals[1])
		return usage_error(context,
				   "--map \"%s\": it is PATH=TARGET with an absolute path, as "
				   "/dev/fpga0=fpga-ctrl",
				   word);
	*name = strndup(word, (size_t)(equals - word));
	return *name ? target_read(context, equals + 1, target) : out_of_memory(context);
}

static int read_maps(const struct context *context, const struct plan_words *words,
		     struct plan *plan)
{
	int status = 0;

	plan->names = calloc(words->count + 1, sizeof(*plan->names));
	plan->maps = calloc(words->count + 1, sizeof(*plan->maps));
	if (!plan->names || !plan->maps)
		return out_of_memory(context);
	for (size_t i = 0; !status && i < words->count; i++, plan->map_count++)
		status = read_map(context, words->items[i], &plan->names[i], &plan->maps[i]);
	return status;
}

int plan_read(const struct context *context, const struct run_options *options, struct plan *plan)
{
	int status;

	*plan = (struct plan){ 0 };
	if (options->downgrade && !options->read_only)
		return usage_error(context, "--downgrade goes with --read-only");
	status = read_windows(context, &options->windows, plan);
	if (!status)
		status = read_uios(context, &options->uios, plan);
	return status ? status : read_maps(context, &options->maps, plan);
}

void plan_free(struct plan *plan)
{
	for (size_t i = 0; i < plan->map_count; i++)
		free((char *)plan->names[i]);
	free(plan->names);
	free(plan->maps);
	free(plan->uios);
}
