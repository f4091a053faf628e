// SPDX-License-Identifier: MIT
/*
 * The generator of the workloads W1 to W6. All randomness is splitmix64 from a seed that belongs to
 * the trace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "trace.h"

#define REGION 4194304u /* pages: 16 GiB */
#define REGION_LARGE (1u << 28) /* 1 TiB */

struct object {
	uint32_t id;
	uint32_t size;
};

struct generator {
	struct trace *trace;
	uint64_t random;
	struct object *objects; /* live, dense */
	uint32_t *idle; /* ids to use again, the last first */
	size_t n_objects;
	size_t n_idle;
	size_t room; /* of both arrays */
	uint64_t live;
	uint64_t target;
	uint64_t steps; /* timed operations to make */
};

static uint64_t next_random(struct generator *g)
{
	uint64_t z = g->random += 0x9E3779B97F4A7C15;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
	z = (z ^ z >> 27) * 0x94D049BB133111EB;
	return z ^ z >> 31;
}

static uint64_t below(struct generator *g, uint64_t n)
{
	return (unsigned __int128)next_random(g) * n >> 64;
}

static void *grow(void *array, size_t count, size_t size)
{
	void *larger = reallocarray(array, count, size);

	if (!larger)
		abort();
	return larger;
}

static void emit(struct generator *g, uint32_t id, uint32_t size)
{
	struct trace *trace = g->trace;

	if (trace->n_ops == trace->allocated) {
		trace->allocated = trace->allocated ? 2 * trace->allocated : 1 << 16;
		trace->ops = grow(trace->ops, trace->allocated, sizeof(*trace->ops));
	}
	trace->ops[trace->n_ops++] = (struct trace_op){ .id = id, .size = size };
}

static void add(struct generator *g, uint32_t size)
{
	uint32_t id = g->n_idle ? g->idle[--g->n_idle] : g->trace->n_ids++;

	if (g->n_objects == g->room) {
		g->room = g->room ? 2 * g->room : 1 << 12;
		g->objects = grow(g->objects, g->room, sizeof(*g->objects));
		g->idle = grow(g->idle, g->room, sizeof(*g->idle));
	}
	g->objects[g->n_objects++] = (struct object){ .id = id, .size = size };
	g->live += size;
	emit(g, id, size);
}

static void del(struct generator *g, size_t i)
{
	emit(g, g->objects[i].id, 0);
	g->idle[g->n_idle++] = g->objects[i].id;
	g->live -= g->objects[i].size;
	g->objects[i] = g->objects[--g->n_objects];
}

static uint32_t size_uniform(struct generator *g)
{
	return 1 + below(g, 64);
}

static uint32_t size_power(struct generator *g)
{
	return 1u << below(g, 11);
}

static uint32_t size_object(struct generator *g)
{
	uint64_t octave = 64ull << below(g, 5);

	return octave + 8 * below(g, octave / 8);
}

static uint32_t size_mixed(struct generator *g)
{
	uint64_t r = below(g, 100);

	if (r < 60)
		return 1 + below(g, 8);
	if (r < 90)
		return 9 + below(g, 120);
	if (r < 99)
		return 129 + below(g, 896);
	return 1025 + below(g, 7168);
}

static void fill(struct generator *g, uint32_t (*size)(struct generator *))
{
	for (uint32_t s = size(g); g->live + s <= g->target; s = size(g))
		add(g, s);
}

static void replace(struct generator *g, uint32_t (*size)(struct generator *))
{
	uint32_t s = size(g);

	while (g->live + s > g->target)
		del(g, below(g, g->n_objects));
	add(g, s);
}

/* W1, W2: at a constant load, random objects make room for new ones. */
static void steady(struct generator *g, uint32_t (*size)(struct generator *))
{
	fill(g, size);
	g->trace->timed = g->trace->n_ops;
	while (g->trace->n_ops - g->trace->timed < g->steps)
		replace(g, size);
}

static void make_w1(struct generator *g)
{
	steady(g, size_uniform);
}

static void make_w2(struct generator *g)
{
	steady(g, size_power);
}

/* W3: single pages to exhaustion, then back in random order. */
static void make_w3(struct generator *g)
{
	uint64_t n = g->trace->region;

	while (g->live < n)
		add(g, 1);
	g->trace->turn = g->trace->n_ops;
	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = below(g, i + 1);
		struct object swapped = g->objects[i];

		g->objects[i] = g->objects[j];
		g->objects[j] = swapped;
	}
	for (uint64_t i = 0; i < n; i++)
		emit(g, g->objects[i].id, 0);
	g->live = 0;
}

/* W4: a stack of single pages that grows and shrinks at random, above whatever is there. */
static void make_w4(struct generator *g)
{
	size_t base = g->n_objects;

	g->trace->timed = g->trace->n_ops;
	for (uint64_t i = 0; i < g->steps; i++) {
		size_t depth = g->n_objects - base;

		if (!depth || (depth < 4096 && next_random(g) >> 63))
			add(g, 1);
		else
			del(g, g->n_objects - 1);
	}
}

static void make_w4p(struct generator *g)
{
	for (uint64_t i = 0; i < g->steps / 2; i++) {
		add(g, 1);
		del(g, 0);
	}
}

static void make_w4h(struct generator *g)
{
	fill(g, size_uniform);
	for (int i = 0; i < 200000; i++)
		replace(g, size_uniform);
	make_w4(g);
}

/* W5: small objects, in bytes. */
static void make_w5(struct generator *g)
{
	for (int i = 0; i < 1000000; i++)
		add(g, size_object(g));
	g->trace->timed = g->trace->n_ops;
	for (uint64_t i = 0; i < g->steps / 2; i++) {
		del(g, below(g, g->n_objects));
		add(g, size_object(g));
	}
}

/*
 * W6: 128 times to four fifths and back to two, while one object in eight lives sixteen times
 * longer.
 */
static void make_w6(struct generator *g)
{
	uint64_t low = g->trace->region * 4 / 10;

	for (uint64_t cycle = 0; cycle < g->steps; cycle++) {
		fill(g, size_mixed);
		while (g->live > low) {
			uint64_t i = below(g, g->n_objects);

			if ((g->objects[i].id & 7) || !below(g, 16))
				del(g, i);
		}
	}
}

static const struct {
	const char *name, *sha256;
	uint32_t seed, region;
	unsigned int unit, percent; /* of the region, that may be live */
	uint32_t steps, reduced;
	void (*make)(struct generator *g);
} kinds[] = {
	{ "W1-50", "fb9651fa", 0xA110C001, REGION, 4096, 50, 4000000, 200000, make_w1 },
	{ "W1-90", "a94cf664", 0xA110C002, REGION, 4096, 90, 4000000, 200000, make_w1 },
	{ "W2-50", "822d3fef", 0xA110C003, REGION, 4096, 50, 4000000, 200000, make_w2 },
	{ "W2-90", "9c91369c", 0xA110C004, REGION, 4096, 90, 4000000, 200000, make_w2 },
	{ "W3", "f036c323", 0xA110C005, REGION, 4096, 100, 0, 0, make_w3 },
	{ "W4", "a149e0d4", 0xA110C006, REGION, 4096, 100, 4000000, 200000, make_w4 },
	{ "W4P", "63a97848", 0, REGION, 4096, 100, 4000000, 200000, make_w4p },
	{ "W4H", "0558cd2c", 0xA110C007, REGION, 4096, 50, 4000000, 200000, make_w4h },
	{ "W5", "90d726b1", 0xA110C008, 1u << 30, 1, 100, 4000000, 200000, make_w5 },
	{ "W6", "d0f3e43a", 0xA110C009, REGION, 4096, 80, 128, 6, make_w6 },
	{ "W1L", "78d4a8da", 0xA110C001, REGION_LARGE, 4096, 50, 4000000, 200000, make_w1 },
};

bool trace_make(struct trace *trace, const char *name, bool reduced)
{
	size_t i = 0, n = sizeof(kinds) / sizeof(kinds[0]);
	struct generator g = { .trace = trace };

	while (i < n && strcmp(kinds[i].name, name) != 0)
		i++;
	if (i == n)
		return false;
	*trace = (struct trace){ .name = kinds[i].name,
				 .region = kinds[i].region,
				 .unit = kinds[i].unit };
	trace->sha256 = reduced ? NULL : kinds[i].sha256;
	if (reduced && kinds[i].make == make_w3)
		trace->region = 65536;
	g.random = kinds[i].seed;
	g.target = trace->region * kinds[i].percent / 100;
	g.steps = reduced ? kinds[i].reduced : kinds[i].steps;
	kinds[i].make(&g);
	trace->live = g.live;
	free(g.objects);
	free(g.idle);
	return true;
}

void trace_free(struct trace *trace)
{
	free(trace->ops);
	trace->ops = NULL;
}

/*
 * Of the trace as a file: nine 64-bit words, then the operations; little-endian, as are the
 * machines this runs on.
 */
bool trace_sha256(const struct trace *trace, char hex[65])
{
	uint64_t header[9] = {
		0x31454341525441, trace->n_ops, trace->n_ids, trace->timed, trace->turn, 0, 0,
		trace->region,	  trace->unit
	};
	char path[] = "/tmp/mmiod-trace-XXXXXX", command[64];
	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	bool done = false;

	if (!file)
		return false;
	fwrite(header, sizeof(header), 1, file);
	fwrite(trace->ops, sizeof(*trace->ops), trace->n_ops, file);
	if (fclose(file) == 0) {
		snprintf(command, sizeof(command), "sha256sum %s", path);
		file = popen(command, "r");
		done = file && fscanf(file, "%64[0-9a-f]", hex) == 1;
		if (file)
			pclose(file);
	}
	remove(path);
	return done;
}
