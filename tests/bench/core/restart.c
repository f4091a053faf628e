// SPDX-License-Identifier: MIT
/*
 * A daemon that starts while 100,000 windows live, or a million: it rebuilds its leases from the
 * module's ledger. The backend here has such a ledger at hand, so the module's share, an ioctl for
 * each entry, is not in it. Memory is the anonymous one of this process, less the ledger.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench-core.h"
#include "daemon/base/log.h"
#include "daemon/daemon.h"
#include "daemon/lease/tag.h"

#define MOST 1000000u
#define PAGE 4096u
#define AIM_MS 1000

struct bench_ledger {
	struct backend backend;
	struct backend_region region;
	struct backend_ledger *entries; /* in order of id, from 1 */
	uint32_t leases;
};

/* A start, and then the end of all leases. */
struct start {
	double ms[RUNS_MAX];
	double held[RUNS_MAX]; /* MB, when the daemon has started */
	double left[RUNS_MAX]; /* and when the leases have ended */
};

static struct bench_ledger *ledger_of(struct backend *backend)
{
	return container_of(backend, struct bench_ledger, backend);
}

static void ledger_close(struct backend *backend)
{
}

static int ledger_claim(struct backend *backend, const struct config_region *config,
			struct backend_region *region, struct text *why)
{
	return -EEXIST;
}

static int ledger_release(struct backend *backend, uint64_t handle)
{
	return -EBUSY;
}

static int ledger_next_region(struct backend *backend, uint64_t handle,
			      struct backend_region *region)
{
	if (handle)
		return -ENOENT;
	*region = ledger_of(backend)->region;
	return 0;
}

static bool ledger_matches(struct backend *backend, const struct backend_region *region,
			   const struct config_region *config)
{
	return true;
}

static int ledger_next_window(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	if (id >= ledger_of(backend)->leases)
		return -ENOENT;
	*entry = ledger_of(backend)->entries[id];
	return 0;
}

/* No vectors, and no device files. */
static int ledger_next_none(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return -ENOENT;
}

static int ledger_next_device(struct backend *backend, uint64_t number,
			      struct backend_device *device)
{
	return -ENOENT;
}

static void ledger_read_events(struct backend *backend,
			       void (*event)(void *data, const struct mmiod_control_event *event),
			       void *data)
{
}

static void ledger_rescan(struct backend *backend)
{
}

static const struct backend_ops ledger_ops = {
	.kind = MMIOD_BACKEND_MODULE,
	.close = ledger_close,
	.claim = ledger_claim,
	.release = ledger_release,
	.next_region = ledger_next_region,
	.matches = ledger_matches,
	.next_window = ledger_next_window,
	.next_interrupt = ledger_next_none,
	.next_operation = ledger_next_none,
	.next_device = ledger_next_device,
	.read_events = ledger_read_events,
	.rescan = ledger_rescan,
};

/* A page each, held by a hundred users; of a pool, or leased by offset. */
static void fill(struct bench_ledger *ledger, bool allocated)
{
	for (uint32_t i = 0; i < ledger->leases; i++) {
		struct backend_ledger *entry = &ledger->entries[i];
		struct tag_content content = {
			.holder = { .uid = 1000 + i % 100, .pid = 2000 + i % 1000 },
			.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
			.share = MMIOD_SHARE_EXCLUSIVE,
			.memory = MMIOD_MEMORY_REGION,
			.allocated = allocated,
		};

		*entry = (struct backend_ledger){
			.id = i + 1,
			.window = { .region = 1,
				    .offset = (uint64_t)i * PAGE,
				    .length = PAGE,
				    .memtype = MMIOD_MEMTYPE_UC,
				    .rights = content.rights },
		};
		tag_encode(&content, entry->window.tag);
	}
}

static double anonymous_mb(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long kilobytes = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Anonymous: %llu kB", &kilobytes) == 1)
			break;
	if (!kilobytes)
		die("/proc/self/smaps_rollup");
	fclose(file);
	return (double)kilobytes / 1024;
}

static void start(struct bench_ledger *ledger, const char *text, struct start *out,
		  unsigned int run)
{
	struct event_base *base = event_base_new();
	struct config_paths paths = { 0 };
	struct config *config = load(text);
	static struct daemon daemon;
	double before = anonymous_mb();
	uint64_t begun = cpu_ns();

	if (daemon_init(&daemon, base, &ledger->backend, config, &paths) < 0)
		die("the daemon does not start");
	out->ms[run] = (double)(cpu_ns() - begun) / 1e6;
	out->held[run] = anonymous_mb() - before;
	if (leases_count(&daemon.broker.leases) != ledger->leases)
		die("leases were lost");
	daemon_clear(&daemon);
	event_base_free(base);
	out->left[run] = anonymous_mb() - before;
}

/* The work that any daemon has to do. */
static double read_ms(struct bench_ledger *ledger)
{
	struct backend_ledger entry;
	uint64_t last = 0, start = cpu_ns();

	while (ledger_next_window(&ledger->backend, last, &entry) == 0)
		last = *(volatile uint64_t *)&entry.id;
	return (double)(cpu_ns() - start) / 1e6;
}

static void print(const char *what, uint32_t leases, struct start *start, unsigned int runs,
		  double *base)
{
	double taken = median(start->ms, runs);

	printf("%9u %-24s %8.1f %8.0f %7.1f %8.1f %8.1f  %s\n", leases, what, taken,
	       taken * 1e6 / leases, taken / median(base, runs), median(start->held, runs),
	       median(start->left, runs), taken <= AIM_MS ? "met" : "missed");
}

static void measure(struct bench_ledger *ledger, unsigned int runs)
{
	static const char plain[] = "[region bench]\nsize = 4G\n";
	static const char pool[] = "[region bench]\nsize = 4G\npool = yes\n";
	static struct start reads, leases, blocks;

	for (unsigned int run = 0; run < runs; run++) {
		fill(ledger, false);
		reads.ms[run] = read_ms(ledger);
		start(ledger, plain, &leases, run);
		fill(ledger, true);
		start(ledger, pool, &blocks, run);
	}
	print("read and nothing else", ledger->leases, &reads, runs, reads.ms);
	print("leases of a region", ledger->leases, &leases, runs, reads.ms);
	print("blocks of a pool", ledger->leases, &blocks, runs, reads.ms);
}

void restart_measure(unsigned int runs)
{
	static const uint32_t counts[] = { 100000, MOST };
	struct bench_ledger ledger = {
		.backend = { .ops = &ledger_ops, .event_fd = -1, .abi = 1 },
		.region = { .handle = 1,
			    .name = "bench",
			    .device = "0000:01:00.0",
			    .length = (uint64_t)MOST * PAGE,
			    .bar = 2,
			    .generation = 1 },
		.entries = calloc(MOST, sizeof(struct backend_ledger)),
	};

	if (!ledger.entries)
		die("out of memory");
	if (!freopen("/dev/null", "w", stderr))
		die("/dev/null"); /* the daemon's log */
	printf("Start of a daemon with leases in the ledger, and their end; medians of %u runs; at "
	       "most %d ms. Without the module's ioctls.\n\n"
	       "%9s %-24s %8s %8s %7s %8s %8s\n",
	       runs, AIM_MS, "leases", "", "ms", "ns each", "ratio", "MB held", "MB left");
	for (size_t i = 0; i < array_size(counts); i++) {
		ledger.leases = counts[i];
		measure(&ledger, runs);
	}
	free(ledger.entries);
}
