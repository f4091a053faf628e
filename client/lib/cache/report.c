/* SPDX-License-Identifier: MIT */
/*
 * The reports of debugging, worded as SLUB's: BUG line, the bytes that are wrong, who allocated
 * and freed the object, slab, object, its bytes, who found it, and a FIX line for what was done
 * about it.
 *
 * A report is written under the cache's lock into memory and given out by reports_emit(), without
 * locks, because the program's callback may use caches.
 */
#include "cache/cache.h"
#include "base/getter.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DUMP_MAX 256
#define LINE 16
#define RULE 77

struct mmiod_object_cache_report {
	struct link link;
	enum mmiod_object_cache_problem problem;
	const char *cache; /* its name, borrowed */
	const void *object;
	size_t offset;
	FILE *out;
	char *text;
	size_t size;
};

/* ---- who ---- */

/* Two per object behind the maps of a slab: allocated, freed. NULL without U. */
struct track *track_of(const struct mmiod_object_cache *cache, const struct place *place,
		       bool freed)
{
	struct track *tracks = (struct track *)(place->slab->map + 2 * cache->geometry.words);

	if (!(cache->flags & MMIOD_OBJECT_CACHE_USER))
		return NULL;
	return tracks + 2 * (size_t)place->index + freed;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void track_now(struct track *track, const void *caller)
{
	void *frames[TRACK_FRAMES + 8];
	int count = backtrace(frames, TRACK_FRAMES + 8);
	int i = 0;

	*track = (struct track){ .address = caller,
				 .when = now(),
				 .pid = getpid(),
				 .tid = gettid(),
				 .cpu = sched_getcpu() };
	while (i < count && frames[i] != caller)
		i++;
	for (size_t n = 0; n < TRACK_FRAMES && ++i < count; n++)
		track->frames[n] = frames[i];
}

/* Function+offset where the dynamic linker knows it, else file+offset, which addr2line takes. */
static void print_address(FILE *out, const void *address)
{
	const char *file;
	Dl_info info;

	if (!dladdr(address, &info) || !info.dli_fname) {
		fprintf(out, "%p", address);
		return;
	}
	file = strrchr(info.dli_fname, '/');
	if (info.dli_sname)
		fprintf(out, "%s+0x%tx", info.dli_sname,
			(const char *)address - (const char *)info.dli_saddr);
	else
		fprintf(out, "%s+0x%tx", file ? file + 1 : info.dli_fname,
			(const char *)address - (const char *)info.dli_fbase);
}

static void print_track(FILE *out, const char *what, const struct track *track)
{
	if (!track->address)
		return;
	fprintf(out, "%s in ", what);
	print_address(out, track->address);
	fprintf(out, " age=%llums cpu=%d pid=%d tid=%d\n",
		(unsigned long long)((now() - track->when) / 1000000), track->cpu, track->pid,
		track->tid);
	for (size_t i = 0; i < TRACK_FRAMES && track->frames[i]; i++) {
		fputs("    ", out);
		print_address(out, track->frames[i]);
		fputc('\n', out);
	}
}

void report_tracks(FILE *out, const struct mmiod_object_cache *cache, const struct place *place)
{
	if (!(cache->flags & MMIOD_OBJECT_CACHE_USER))
		return;
	print_track(out, "Allocated", track_of(cache, place, false));
	print_track(out, "Freed", track_of(cache, place, true));
}

/* ---- what ---- */

static void dump_line(FILE *out, const char *what, const char *address, const uint8_t *bytes,
		      size_t length)
{
	fprintf(out, "%-9s%p: ", what, address);
	for (size_t i = 0; i < LINE; i++)
		if (i < length)
			fprintf(out, "%02x ", bytes[i]);
		else
			fputs("   ", out);
	fputc(' ', out);
	for (size_t i = 0; i < length; i++)
		fputc(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.', out);
	fputc('\n', out);
}

static void dump(FILE *out, const char *what, const char *address, size_t length)
{
	uint8_t bytes[DUMP_MAX];

	if (length > DUMP_MAX)
		length = DUMP_MAX;
	if (touch_load(bytes, address, length)) {
		fprintf(out, "%-9s%p: the window is revoked\n", what, address);
		return;
	}
	for (size_t i = 0; i < length; i += LINE)
		dump_line(out, what, address + i, bytes + i, length - i < LINE ? length - i : LINE);
}

static void dump_object(FILE *out, const struct mmiod_object_cache *cache, const char *object)
{
	const struct geometry *geometry = &cache->geometry;

	if (cache->flags & MMIOD_OBJECT_CACHE_RED_ZONE)
		dump(out, "Redzone", object - geometry->left, geometry->left);
	dump(out, "Object", object, geometry->object_size);
	if (cache->flags & MMIOD_OBJECT_CACHE_RED_ZONE)
		dump(out, "Redzone", object + geometry->object_size,
		     geometry->inuse - geometry->object_size);
	if (cache->flags & MMIOD_OBJECT_CACHE_POISON)
		dump(out, "Padding", object + geometry->inuse,
		     geometry->stride - geometry->left - geometry->inuse);
}

static void print_slab(FILE *out, const struct mmiod_object_cache *cache, const struct slab *slab)
{
	fprintf(out, "Slab %p objects=%u used=%u damaged=%u size=0x%zx\n", slab->base,
		cache->geometry.objects, cache->geometry.objects - slab->free - slab->damaged,
		slab->damaged, cache->geometry.slab_size);
}

/* All that is known of an object, and who noticed. */
void report_trailer(FILE *out, const struct mmiod_object_cache *cache,
		    const struct finding *finding)
{
	const struct place *place = &finding->place;
	struct track finder;

	if (place->slab) {
		const char *object = slab_object(cache, place->slab, place->index);

		report_tracks(out, cache, place);
		print_slab(out, cache, place->slab);
		fprintf(out, "Object %p @offset=%td\n\n", object, object - place->slab->base);
		if (cache->flags & FLAGS_TOUCH)
			dump_object(out, cache, object);
	}
	if (!finding->caller)
		return;
	track_now(&finder, finding->caller);
	print_track(out, "Found", &finder);
}

/* ---- reports ---- */

static size_t offset_in_slab(const struct finding *finding)
{
	if (!finding->place.slab)
		return 0;
	return (size_t)((const char *)finding->object - finding->place.slab->base);
}

/* A new report in @work, to be written to; without memory, the program's stderr. */
static FILE *open_report(const struct mmiod_object_cache *cache, const struct finding *finding,
			 struct work *work)
{
	struct mmiod_object_cache_report *report = calloc(1, sizeof(*report));

	if (report)
		report->out = open_memstream(&report->text, &report->size);
	if (!report || !report->out) {
		free(report);
		return stderr;
	}
	report->problem = finding->problem;
	report->cache = cache->name;
	report->object = finding->object;
	report->offset = offset_in_slab(finding);
	link_append(&work->reports, &report->link);
	return report->out;
}

/* The one opened last, for what is added to it. */
FILE *report_last(const struct work *work)
{
	if (work->reports.prev == &work->reports)
		return stderr;
	return link_entry(work->reports.prev, struct mmiod_object_cache_report, link)->out;
}

static void rule(FILE *out, int character)
{
	for (int i = 0; i < RULE; i++)
		fputc(character, out);
	fputc('\n', out);
}

FILE *report_bug(const struct mmiod_object_cache *cache, const struct finding *finding,
		 struct work *work, const char *format, ...)
{
	FILE *out = open_report(cache, finding, work);
	va_list arguments;

	rule(out, '=');
	fprintf(out, "BUG %s: ", cache->name);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
	rule(out, '-');
	fputc('\n', out);
	return out;
}

static const char *misuse_words(enum mmiod_object_cache_problem problem)
{
	switch (problem) {
	case MMIOD_PROBLEM_DOUBLE_FREE:
		return "Object already free";
	case MMIOD_PROBLEM_FOREIGN:
		return "Attempt to free an object of no slab of this cache:";
	default:
		return "Invalid object pointer";
	}
}

/* A free that was refused. The owner of a foreign object is added when no lock is held. */
void report_misuse(const struct mmiod_object_cache *cache, const struct finding *finding,
		   struct work *work)
{
	FILE *out = report_bug(cache, finding, work, "%s %p", misuse_words(finding->problem),
			       finding->object);

	if (finding->problem == MMIOD_PROBLEM_INSIDE)
		fprintf(out, "%p is at offset %td of the nearest object\n", finding->object,
			(const char *)finding->object -
				(const char *)slab_object(cache, finding->place.slab,
							  finding->place.index));
	report_trailer(out, cache, finding);
	fprintf(out, "FIX %s: Object at %p not freed\n", cache->name, finding->object);
}

void report_trace(const struct mmiod_object_cache *cache, const struct finding *finding, bool freed,
		  struct work *work)
{
	const struct slab *slab = finding->place.slab;
	FILE *out = open_report(cache, finding, work);
	struct track tracer;

	fprintf(out, "TRACE %s %s %p inuse=%u\n", cache->name, freed ? "free" : "alloc",
		finding->object, cache->geometry.objects - slab->free - slab->damaged);
	track_now(&tracer, finding->caller);
	print_track(out, freed ? "Freed" : "Allocated", &tracer);
}

static bool emit(const struct mmiod_object_cache *cache, struct mmiod_object_cache_report *report)
{
	bool misuse = report->problem != MMIOD_PROBLEM_TRACE;

	fclose(report->out);
	if (cache->report)
		cache->report(report, cache->context);
	else
		fputs(mmiod_object_cache_report_text(report), stderr);
	free(report->text);
	free(report);
	return misuse;
}

void reports_emit(const struct mmiod_object_cache *cache, struct work *work,
		  void (*describe)(FILE *out, const void *object))
{
	bool misuse = false;

	while (work->reports.next != &work->reports) {
		struct mmiod_object_cache_report *report =
			link_entry(work->reports.next, struct mmiod_object_cache_report, link);

		link_remove(&report->link);
		if (report->problem == MMIOD_PROBLEM_FOREIGN)
			describe(report->out, report->object);
		misuse |= emit(cache, report);
	}
	if (misuse && cache->flags & MMIOD_OBJECT_CACHE_ABORT)
		abort();
}

/* ---- what a program sees of it ---- */

GETTER(enum mmiod_object_cache_problem, mmiod_object_cache_report_problem,
       mmiod_object_cache_report, problem)
GETTER(const char *, mmiod_object_cache_report_cache, mmiod_object_cache_report, cache)
GETTER(const void *, mmiod_object_cache_report_object, mmiod_object_cache_report, object)
GETTER(size_t, mmiod_object_cache_report_offset, mmiod_object_cache_report, offset)

/* Without memory there was none to write it to. */
MMIOD_EXPORT const char *mmiod_object_cache_report_text(
	const struct mmiod_object_cache_report *report)
{
	return report->text ? report->text : "";
}
