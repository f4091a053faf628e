/* SPDX-License-Identifier: MIT */
/*
 * Reads the options of mmioctl run that name targets. Nobody is asked here whether the targets
 * exist.
 */
#include "run/plan.h"

#include <stdlib.h>
#include <string.h>

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
	return usage_error(context,
			   "--uio \"%s\": it is N=TARGET,…, as 0=card-regs,card-shm; N is that of "
			   "/dev/uioN, at most %d",
			   word, UIO_MAX);
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
	while (!status && (part = strsep(&rest, ","))) {
		if (uio->count == PLAN_PARTS_MAX)
			status = usage_error(context, "--uio \"%s\": more than %d maps", word,
					     PLAN_PARTS_MAX);
		else
			status = target_read(context, part, &uio->parts[uio->count++]);
	}
	free(copy);
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
