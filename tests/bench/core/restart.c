// SPDX-License-Identifier: MIT
/*
 * A daemon that starts while 100,000 windows live, or a million: it rebuilds its leases from the
 * module's ledger. The backend here has such a ledger at hand, so the module's share, an ioctl for
 * each entry, is not in it. Memory is the anonymous one of this process, less the ledger.
 *
 * Then what the daemon does for many leases beside its clients: how long its turns are, each of
 * which somebody else may have to wait for.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
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
	bool overflows; /* an event is to say that others were lost */
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
	static const struct mmiod_control_event lost = { .type = MMIOD_CONTROL_OVERFLOW };
	struct bench_ledger *ledger = ledger_of(backend);

	if (ledger->overflows)
		event(data, &lost);
	ledger->overflows = false;
}

static int ledger_revoke(struct backend *backend, uint64_t id)
{
	return 0;
}

static int ledger_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	return 0;
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
	.revoke = ledger_revoke,
	.set_state = ledger_set_state,
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

/* ---- turns ----------------------------------------------------------------------------------- */

#define TURNS_MOST 1000000u
#define AIM_TURN_US 1000

static struct daemon daemon_of_turns;

/* All of them this process', and to end with its connection. */
static void fill_with_own(struct bench_ledger *ledger)
{
	const struct tag_content content = {
		.holder = { .uid = 1000, .pid = (uint32_t)getpid() },
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
		.share = MMIOD_SHARE_EXCLUSIVE,
		.memory = MMIOD_MEMORY_REGION,
		.flags = MMIOD_LEASE_CONNECTION,
	};

	for (uint32_t i = 0; i < ledger->leases; i++)
		tag_encode(&content, ledger->entries[i].window.tag);
}

static void come_back(struct bench_ledger *ledger)
{
	static const struct mmiod_msg_hello hello = {
		.msg = { .size = sizeof(hello), .opcode = MMIOD_OP_HELLO, .fixed = sizeof(hello) },
		.version_min = 1,
		.version_max = 1,
		.max_message = MMIOD_MSG_MAX,
	};
	struct connection_host *host = &daemon_of_turns.broker.host;
	struct charge charge;
	struct peer peer;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0 ||
	    peer_read(&peer, pair[0]) < 0)
		die("socketpair");
	peer.subject.uid = peer.holder.uid = 1000;
	if (charge_take(&charge, &host->users, 1000, USER_CONNECTIONS, 1) < 0 ||
	    connection_new(host, pair[0], &peer, &charge, NULL) < 0 ||
	    send(pair[1], &hello, sizeof(hello), 0) < 0)
		die("no connection");
}

static bool have_come_back(void)
{
	return !daemon_of_turns.broker.orphans.head;
}

static void stay_away(struct bench_ledger *ledger)
{
	ledger_end_grace(&daemon_of_turns.broker);
}

static bool are_ended(void)
{
	return !daemon_of_turns.broker.orphans.count;
}

/* Every second window is none any more. */
static void lose_events(struct bench_ledger *ledger)
{
	ledger->leases /= 2;
	for (uint32_t i = 0; i < ledger->leases; i++)
		ledger->entries[i] = ledger->entries[2 * i];
	ledger->overflows = true;
	events_drain(&daemon_of_turns.broker);
}

static bool is_read(void)
{
	return !daemon_of_turns.broker.events.ledger_is_read;
}

static const struct duty {
	const char *what;
	void (*begin)(struct bench_ledger *ledger);
	bool (*is_done)(void);
} duties[] = {
	{ "a process comes back to them", come_back, have_come_back },
	{ "their process does not come back", stay_away, are_ended },
	{ "events are lost, and half of them gone", lose_events, is_read },
};

/* Returns how many turns it took. */
static unsigned int take_turns(struct bench_ledger *ledger, const struct duty *duty, double *us)
{
	struct event_base *base = event_base_new();
	struct config_paths paths = { 0 };
	unsigned int turns = 0;

	if (daemon_init(&daemon_of_turns, base, &ledger->backend,
			load("[region bench]\nsize = 4G\n"), &paths) < 0)
		die("the daemon does not start");
	duty->begin(ledger);
	while (!duty->is_done() && turns < TURNS_MOST) {
		uint64_t begun = cpu_ns();

		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
		us[turns++] = (double)(cpu_ns() - begun) / 1e3;
	}
	daemon_clear(&daemon_of_turns);
	event_base_free(base);
	return turns;
}

static void measure_turns(struct bench_ledger *ledger)
{
	double *us = calloc(TURNS_MOST, sizeof(*us)), p50, p99;

	if (!us)
		die("out of memory");
	printf("\nThe daemon's turns while it does something for 1,000,000 leases; at most %d us "
	       "for 99 of 100.\n\n%-40s %8s %8s %8s %8s\n",
	       AIM_TURN_US, "", "turns", "p50 us", "p99 us", "max us");
	for (size_t i = 0; i < array_size(duties); i++) {
		unsigned int turns;

		ledger->leases = MOST;
		fill(ledger, false);
		fill_with_own(ledger);
		turns = take_turns(ledger, &duties[i], us);
		p50 = median(us, turns); /* sorts them */
		p99 = us[turns * 99 / 100];
		printf("%-40s %8u %8.1f %8.1f %8.1f  %s\n", duties[i].what, turns, p50, p99,
		       us[turns - 1], p99 <= AIM_TURN_US ? "met" : "missed");
	}
	free(us);
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
	measure_turns(&ledger);
	free(ledger.entries);
}
