/* SPDX-License-Identifier: MIT */
/*
 * Samples of registers: see sample.h. Signals that end it are read from a descriptor, so
 * that none is lost and each sample is whole.
 */
#include "target/sample.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define RATE_MOST 20000
#define RATE_USUAL 10
#define SECOND 1000000000ull
#define FINE (2000000ull) /* ns before a tick that are slept through without listening */
#define LISTEN_LEAST (5000000ull) /* ns from one time that it listens to the next */

/* ---- time ---- */

static uint64_t in_ns(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec;
}

static int read_rate(const struct context *context, struct sampling *sampling)
{
	const struct sample_options *options = sampling->options;
	uint64_t rate = options->rate.is ? options->rate.value : RATE_USUAL;

	if (options->rate.is && options->interval_ms)
		return usage_error(context, "--rate and --interval: only one of them");
	if (options->irq && (options->rate.is || options->interval_ms))
		return usage_error(context, "--irq: interrupts come when they come: leave %s out",
				   options->rate.is ? "--rate" : "--interval");
	if (!rate || rate > RATE_MOST)
		return usage_error(context, "--rate %llu: it is 1 to %d samples a second",
				   (unsigned long long)rate, RATE_MOST);
	if (options->count.is && !options->count.value)
		return usage_error(context, "to take no sample is to do nothing");
	sampling->interval =
		options->interval_ms ? options->interval_ms * 1000000ull : SECOND / rate;
	return 0;
}

/* ---- series ---- */

static int too_many(const struct context *context)
{
	return usage_error(context, "there are more than %d series: leave some out", SERIES_MAX);
}

/* Each element of a target. */
static int add_elements(struct sampling *sampling, size_t index)
{
	const struct place *place = &sampling->follow.places[index];
	uint64_t elements = place->length / place->width;

	if (elements > SERIES_MAX - sampling->count)
		return too_many(sampling->follow.context);
	for (uint64_t i = 0; i < elements; i++) {
		struct series *series = &sampling->series[sampling->count++];
		char words[PLACE_WORDS];

		*series = (struct series){
			.place = index, .at = i, .width = place->width, .high = place->width * 8 - 1
		};
		snprintf(series->name, sizeof(series->name), "%s",
			 place_words(place, i * place->width, words));
	}
	return 0;
}

struct named {
	const struct map_register *reg;
	const struct map_field *field; /* NULL: the whole register */
};

/* REGISTER or REGISTER.FIELD. */
static int find_name(const struct context *context, const struct regmap *map, const char *name,
		     struct named *named)
{
	size_t length = strcspn(name, ".");
	int status = regmap_find_register(context, map, name, length, &named->reg);
	const struct map_register *reg = named->reg;

	if (!status && name[length])
		status = regmap_find_field(context, map, reg, name + length + 1, &named->field);
	if (status)
		return status;
	if (!access_reads(reg->access) || (named->field && !access_reads(named->field->access)))
		return report(context, -EINVAL, "%s is write-only: it cannot be read", name);
	if ((map->declared && map->declared != reg->width) || (map->word && map->word < reg->width))
		return report(
			context, -EINVAL,
			"%s has %u bits and is read in pieces, which would be no sample of one "
			"moment",
			name, reg->width * 8);
	return 0;
}

/* Its place is that of the register. */
static int read_field(struct sampling *sampling, const struct regmap *map,
		      const struct mmiod_target *target, const char *name)
{
	struct series *series = &sampling->series[sampling->count];
	struct place *place = &sampling->follow.places[sampling->count];
	struct named named = { 0 };
	int status = find_name(sampling->follow.context, map, name, &named);

	if (status)
		return status;
	*series = (struct series){ .place = sampling->count, .width = named.reg->width };
	series->high = named.field ? named.field->high : named.reg->width * 8 - 1;
	series->low = named.field ? named.field->low : 0;
	snprintf(series->name, sizeof(series->name), "%s%s%s", named.reg->name,
		 named.field ? "." : "", named.field ? named.field->name : "");
	*place = (struct place){ .text = series->name,
				 .target = *target,
				 .options = &sampling->options->lease };
	place->target.offset += named.reg->offset - map->skip;
	place->target.width = named.reg->width;
	place->target.length = named.reg->width;
	sampling->follow.count = ++sampling->count;
	return 0;
}

static int read_names(struct sampling *sampling, const struct regmap *map,
		      const struct mmiod_target *target)
{
	char *copy = strdup(sampling->options->fields), *rest = copy, *name;
	int status = copy ? 0 : out_of_memory(sampling->follow.context);

	while (!status && (name = strsep(&rest, ", "))) {
		if (!*name)
			continue;
		if (sampling->count == SERIES_MAX)
			status = too_many(sampling->follow.context);
		else
			status = read_field(sampling, map, target, name);
	}
	free(copy);
	if (!status && !sampling->count)
		return usage_error(sampling->follow.context, "--field \"%s\": it names nothing",
				   sampling->options->fields);
	return status;
}

static int read_fields(struct sampling *sampling, int argc, char **argv)
{
	const struct sample_options *options = sampling->options;
	struct context *context = sampling->follow.context;
	struct mmiod_target target;
	struct regmap *map = NULL;
	int status = argc == 1 ? target_read(context, argv[0], &target)
			       : usage_error(context, "--field names registers of one TARGET");

	if (!status && (target.length || target.width))
		return usage_error(context,
				   "%s: lengths and widths are in the register map: leave them out",
				   argv[0]);
	if (!status)
		status = lease_open(context, &options->lease);
	if (!status)
		status = regmap_find(context, options->map_file, &options->choice, &target, &map);
	if (!status)
		status = read_names(sampling, map, &target);
	regmap_free(map);
	return status;
}

static int read_targets(struct sampling *sampling, int argc, char **argv)
{
	struct context *context = sampling->follow.context;
	int status = argc <= SERIES_MAX ? 0 : too_many(context);

	for (int i = 0; !status && i < argc; i++) {
		status = place_read(context, argv[i], &sampling->options->lease,
				    &sampling->follow.places[i]);
		sampling->follow.count++;
	}
	return status;
}

/* ---- beginning ---- */

static int make_buffers(struct sampling *sampling)
{
	for (size_t i = 0; i < sampling->follow.count; i++) {
		sampling->buffers[i] = calloc(1, sampling->follow.places[i].length);
		if (!sampling->buffers[i])
			return out_of_memory(sampling->follow.context);
	}
	return 0;
}

static void block_signals(const struct sampling *sampling, sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sampling->options->screen) {
		sigaddset(&set, SIGWINCH);
		sigaddset(&set, SIGQUIT);
		sigaddset(&set, SIGTSTP);
	}
	sigprocmask(SIG_BLOCK, &set, before);
}

static int catch_signals(struct sampling *sampling)
{
	sigset_t set;

	block_signals(sampling, &sampling->mask);
	sigprocmask(SIG_BLOCK, NULL, &set);
	sampling->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (sampling->signals < 0)
		return report(sampling->follow.context, -errno, "signalfd: %s", strerror(errno));
	return 0;
}

static void start_clock(struct sampling *sampling)
{
	clock_gettime(CLOCK_MONOTONIC, &sampling->started);
	clock_gettime(CLOCK_REALTIME, &sampling->started_real);
	sampling->next = in_ns(&sampling->started);
	sampling->begun = sampling->next;
}

/* Whoever waits for a lease is to be ended by a signal. */
static void let_signals_through(void *data, bool begins)
{
	struct sampling *sampling = data;

	if (begins)
		sigprocmask(SIG_SETMASK, &sampling->mask, NULL);
	else
		block_signals(sampling, NULL);
	sampling->paused = true;
}

int sampling_open(struct context *context, struct sampling *sampling,
		  const struct sample_options *options, int argc, char **argv)
{
	int status;

	*sampling = (struct sampling){ .options = options, .signals = -1, .reader = -1 };
	sampling->kind = options->delta	      ? FIGURE_RATE
			 : options->with_sign ? FIGURE_SIGNED
					      : FIGURE_UNSIGNED;
	sampling->follow = (struct follow){ .context = context,
					    .waits = let_signals_through,
					    .data = sampling };
	sampling->follow.places = calloc(SERIES_MAX, sizeof(*sampling->follow.places));
	if (!sampling->follow.places)
		return out_of_memory(context);
	status = read_rate(context, sampling);
	if (!status)
		status = options->fields ? read_fields(sampling, argc, argv)
					 : read_targets(sampling, argc, argv);
	if (!status)
		status = follow_open(&sampling->follow, &options->lease);
	for (size_t i = 0; !status && !options->fields && i < sampling->follow.count; i++)
		status = add_elements(sampling, i);
	if (!status)
		status = make_buffers(sampling);
	if (!status && options->irq)
		status = pulse_open(&sampling->pulse, &sampling->follow, options->irq);
	if (!status)
		status = catch_signals(sampling);
	start_clock(sampling);
	return status;
}

void sampling_close(struct sampling *sampling)
{
	pulse_close(&sampling->pulse);
	if (sampling->follow.places)
		follow_close(&sampling->follow);
	for (size_t i = 0; i < SERIES_MAX; i++)
		free(sampling->buffers[i]);
	free(sampling->follow.places);
	if (sampling->signals >= 0) {
		close(sampling->signals);
		sigprocmask(SIG_SETMASK, &sampling->mask, NULL);
	}
}

/* ---- the end ---- */

void sampling_end(struct sampling *sampling, const char *why)
{
	if (sampling->follow.done)
		return;
	snprintf(sampling->follow.why, sizeof(sampling->follow.why), "%s", why);
	follow_end(&sampling->follow, STATUS_OK);
}

static bool is_over(struct sampling *sampling)
{
	const struct sample_options *options = sampling->options;
	const char *why = NULL;

	if (options->count.is && sampling->samples >= options->count.value)
		why = "--count";
	else if (options->time_ms && sampling->begun &&
		 now_ns() - sampling->begun >= options->time_ms * 1000000ull)
		why = "--for";
	if (why)
		sampling_end(sampling, why);
	return sampling->follow.done;
}

/* ---- waiting ---- */

static void read_signals(struct sampling *sampling)
{
	struct signalfd_siginfo info;

	while (read(sampling->signals, &info, sizeof(info)) == sizeof(info)) {
		sampling->resized |= info.ssi_signo == SIGWINCH;
		sampling->stopped |= info.ssi_signo == SIGTSTP;
		if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGTSTP)
			continue;
		snprintf(sampling->follow.why, sizeof(sampling->follow.why), "interrupted");
		follow_end(&sampling->follow, STATUS_OK);
	}
}

/* Until something comes, at most for @ns. Whether it is the interrupt. */
static bool listen_for(struct sampling *sampling, uint64_t ns)
{
	const struct timespec time = { .tv_sec = (time_t)(ns / SECOND),
				       .tv_nsec = (long)(ns % SECOND) };
	struct pollfd files[] = {
		{ .fd = sampling->signals, .events = POLLIN },
		{ .fd = follow_fd(&sampling->follow), .events = POLLIN },
		{ .fd = sampling->reader }, /* POLLERR: nobody reads any more */
		{ .fd = pulse_fd(&sampling->pulse), .events = pulse_events(&sampling->pulse) },
	};

	if (ppoll(files, 4, &time, NULL) <= 0)
		return false;
	if (files[0].revents)
		read_signals(sampling);
	if (files[1].revents && !sampling->follow.done)
		follow_hear(&sampling->follow);
	if (files[2].revents & POLLERR && !sampling->follow.done) {
		snprintf(sampling->follow.why, sizeof(sampling->follow.why), "nobody reads it");
		follow_end(&sampling->follow, STATUS_OK);
	}
	return files[3].revents;
}

static bool is_interrupted(const struct sampling *sampling)
{
	return sampling->follow.done || sampling->resized || sampling->stopped;
}

static void listen_until(struct sampling *sampling, uint64_t until)
{
	uint64_t now = now_ns();

	do {
		uint64_t left = until > now ? until - now : 0;

		if (sampling->follow.lonely && left > SECOND / 4)
			left = SECOND / 4;
		listen_for(sampling, left);
		follow_look(&sampling->follow);
		now = now_ns();
	} while (!is_interrupted(sampling) && now < until);
	sampling->listened = now;
}

/*
 * The last of the wait is a sleep until a point in time, which is exact. Whoever hardly waits does not
 * listen each time, which would cost more than the sample.
 */
static void wait_for_tick(struct sampling *sampling)
{
	const struct timespec tick = { .tv_sec = (time_t)(sampling->next / SECOND),
				       .tv_nsec = (long)(sampling->next % SECOND) };

	if (sampling->next >= sampling->listened + LISTEN_LEAST)
		listen_until(sampling, sampling->next - FINE);
	if (!is_interrupted(sampling))
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &tick, NULL);
}

/* How long a wait for an interrupt may be before something else is to be looked at. */
static uint64_t longest_wait(struct sampling *sampling)
{
	const struct sample_options *options = sampling->options;
	uint64_t most = SECOND / 20, now = now_ns();
	uint64_t end = sampling->begun + options->time_ms * 1000000ull;

	if (options->time_ms && sampling->begun && end < now + most)
		most = end > now ? end - now : 0;
	return most;
}

/* All but the last of those that came together are missed. Whether any came, for now. */
static bool wait_for_interrupt(struct sampling *sampling)
{
	uint64_t count = 0;

	pulse_let_come(&sampling->pulse);
	if (listen_for(sampling, longest_wait(sampling)) && !sampling->follow.done)
		count = pulse_take(&sampling->pulse);
	follow_look(&sampling->follow);
	if (count && !sampling->paused)
		sampling->missed_now += count - 1;
	return count;
}

/* Those that are over when the sample of this one has been taken are missed. */
static void pass_tick(struct sampling *sampling)
{
	uint64_t now = now_ns(), passed = 1;

	if (sampling->options->irq)
		return;
	if (now > sampling->next)
		passed = (now - sampling->next) / sampling->interval + 1;
	sampling->next += passed * sampling->interval;
	if (!sampling->paused)
		sampling->missed_now += passed - 1;
}

/* ---- sampling ---- */

static uint64_t series_value(const struct sampling *sampling, const struct series *series)
{
	uint64_t element = element_at(sampling->buffers[series->place], series->at, series->width);
	uint64_t value = (element & bits_mask(series->high, series->low)) >> series->low;

	return sampling->kind == FIGURE_SIGNED
		       ? figure_extend(value, series->high - series->low + 1)
		       : value;
}

/* Of a counter that wraps; with a sign it may as well have gone back. */
static uint64_t change_of(const struct sampling *sampling, size_t index, uint64_t ns)
{
	const struct series *series = &sampling->series[index];
	uint64_t change = (sampling->values[index] - sampling->before[index]) &
			  bits_mask(series->high - series->low, 0);
	bool negative = false;

	if (sampling->options->with_sign) {
		change = figure_extend(change, series->high - series->low + 1);
		negative = change >> 63;
	}
	return figure_rate(negative, negative ? -change : change, ns);
}

/* Values become changes. false: there is nothing yet that they could have changed from. */
static bool take_changes(struct sampling *sampling, uint64_t now)
{
	uint64_t before_ns = sampling->before_ns;

	for (size_t i = 0; i < sampling->count; i++) {
		uint64_t value = sampling->values[i];

		if (before_ns)
			sampling->values[i] = change_of(sampling, i, now - before_ns);
		sampling->before[i] = value;
	}
	sampling->before_ns = now;
	return before_ns;
}

/* A device that sleeps at one of them makes the whole sample void. */
static bool read_all(struct sampling *sampling)
{
	for (size_t i = 0; i < sampling->follow.count; i++)
		if (!follow_read(&sampling->follow, &sampling->follow.places[i],
				 sampling->buffers[i]))
			return false;
	for (size_t i = 0; i < sampling->count; i++)
		sampling->values[i] = series_value(sampling, &sampling->series[i]);
	return true;
}

static enum sampled took(struct sampling *sampling, uint64_t begin, struct sample *sample)
{
	bool was_paused = sampling->paused;

	if (sampling->options->delta && !take_changes(sampling, begin)) {
		pass_tick(sampling);
		return SAMPLED_NOTHING;
	}
	*sample = (struct sample){ .time = begin - in_ns(&sampling->started),
				   .span = now_ns() - begin,
				   .missed = was_paused ? 0 : sampling->missed_now,
				   .values = sampling->values };
	sampling->missed += sample->missed;
	sampling->missed_now = 0;
	sampling->samples++;
	pass_tick(sampling);
	sampling->paused = false;
	return was_paused ? SAMPLED_ON : SAMPLED;
}

static enum sampled took_none(struct sampling *sampling)
{
	bool was_paused = sampling->paused;

	if (sampling->follow.done)
		return SAMPLED_END;
	sampling->paused = true;
	sampling->missed_now = 0;
	sampling->before_ns = 0;
	pass_tick(sampling);
	return was_paused ? SAMPLED_NOTHING : SAMPLED_PAUSED;
}

enum sampled sampling_next(struct sampling *sampling, struct sample *sample)
{
	bool came = true;
	uint64_t begin;

	if (is_over(sampling))
		return SAMPLED_END;
	if (sampling->options->irq)
		came = wait_for_interrupt(sampling);
	else
		wait_for_tick(sampling);
	if (is_over(sampling))
		return SAMPLED_END;
	if (!came || is_interrupted(sampling))
		return SAMPLED_NOTHING;
	begin = now_ns();
	return read_all(sampling) ? took(sampling, begin, sample) : took_none(sampling);
}

const char *sampling_why(const struct sampling *sampling)
{
	return sampling->follow.why[0] ? sampling->follow.why : "it failed";
}
