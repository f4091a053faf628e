// SPDX-License-Identifier: MIT
/*
 * A daemon that starts while 100,000 windows live: it rebuilds its leases from the module's ledger.
 * The backend here has such a ledger at hand, so the module's share, an ioctl for each entry, is
 * not in it.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench-core.h"
#include "daemon/base/log.h"
#include "daemon/daemon.h"
#include "daemon/lease/tag.h"

#define LEASES 100000u
#define PAGE 4096u
#define AIM_MS 1000

struct ledger {
	struct backend backend;
	struct backend_region region;
	struct backend_ledger *entries; /* in order of id, from 1 */
};

static struct ledger *ledger_of(struct backend *backend)
{
	return container_of(backend, struct ledger, backend);
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
	if (id >= LEASES)
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
static void fill(struct ledger *ledger, bool allocated)
{
	for (uint32_t i = 0; i < LEASES; i++) {
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

static double start_ms(struct ledger *ledger, const char *text)
{
	struct event_base *base = event_base_new();
	struct config_paths paths = { 0 };
	struct config *config = load(text);
	static struct daemon daemon;
	uint64_t start = cpu_ns();
	double taken;

	if (daemon_init(&daemon, base, &ledger->backend, config, &paths) < 0)
		die("the daemon does not start");
	taken = (double)(cpu_ns() - start) / 1e6;
	if (leases_count(&daemon.broker.leases) != LEASES)
		die("leases were lost");
	daemon_clear(&daemon);
	event_base_free(base);
	return taken;
}

/* The work that any daemon has to do. */
static double read_ms(struct ledger *ledger)
{
	struct backend_ledger entry;
	uint64_t last = 0, start = cpu_ns();

	while (ledger_next_window(&ledger->backend, last, &entry) == 0)
		last = *(volatile uint64_t *)&entry.id;
	return (double)(cpu_ns() - start) / 1e6;
}

static void print(const char *what, double *times, unsigned int runs, double *base)
{
	double taken = median(times, runs);

	printf("%-28s %10.1f %10.0f %8.1f  %s\n", what, taken, taken * 1e6 / LEASES,
	       taken / median(base, runs), taken <= AIM_MS ? "met" : "missed");
}

void restart_measure(unsigned int runs)
{
	static const char plain[] = "[region bench]\nsize = 1G\n";
	static const char pool[] = "[region bench]\nsize = 1G\npool = yes\n";
	double leases[RUNS_MAX], blocks[RUNS_MAX], reads[RUNS_MAX];
	struct ledger ledger = {
		.backend = { .ops = &ledger_ops, .event_fd = -1, .abi = 1 },
		.region = { .handle = 1,
			    .name = "bench",
			    .device = "0000:01:00.0",
			    .length = 1u << 30,
			    .bar = 2,
			    .generation = 1 },
		.entries = calloc(LEASES, sizeof(struct backend_ledger)),
	};

	if (!ledger.entries)
		die("out of memory");
	if (!freopen("/dev/null", "w", stderr))
		die("/dev/null"); /* the daemon's log */
	for (unsigned int run = 0; run < runs; run++) {
		fill(&ledger, false);
		reads[run] = read_ms(&ledger);
		leases[run] = start_ms(&ledger, plain);
		fill(&ledger, true);
		blocks[run] = start_ms(&ledger, pool);
	}
	free(ledger.entries);
	printf("Start of a daemon with %u leases in the ledger; medians of %u runs; at most %d "
	       "ms. Without the module's ioctls.\n\n%-28s %10s %10s %8s\n",
	       LEASES, runs, AIM_MS, "ledger", "ms", "ns each", "ratio");
	print("read and nothing else", reads, runs, reads);
	print("leases of a region", leases, runs, reads);
	print("blocks of a pool", blocks, runs, reads);
}
