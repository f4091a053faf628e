// SPDX-License-Identifier: MIT
/* The measurements of a device: interrupts of edu, memory for a device, a reset. */
#include "device.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "rig-bench.h"
#include "spinner.h"

#define TURNS 1000
#define RESETS 5

/* Registers of edu: what is written to the first interrupts, to the second says that it was seen. */
#define EDU_RAISE 0x60
#define EDU_SEEN 0x64

/* ---- 6: from the device to the reader -------------------------------------------------------- */

struct interrupts {
	const struct device_peer *peer;
	volatile uint8_t *registers;
	int fd;
	bool message, polled;
	volatile uint64_t raised; /* when */
	volatile int seen; /* how many */
	uint64_t woken[TURNS]; /* so long after it was raised the reader had it */
	uint64_t turns[TURNS]; /* and after so long he waited again */
};

static void set_register(const struct interrupts *interrupts, size_t offset, uint32_t value)
{
	*(volatile uint32_t *)(interrupts->registers + offset) = value;
}

/* As libraries wait that have a time limit, or other files beside. */
static void poll_first(int fd)
{
	struct pollfd file = { .fd = fd, .events = POLLIN };

	if (poll(&file, 1, -1) != 1)
		die("polling an interrupt");
}

static void *read_all(void *arg)
{
	struct interrupts *interrupts = arg;
	uint64_t word;

	for (int i = 0; i < TURNS; i++) {
		if (interrupts->polled)
			poll_first(interrupts->fd);
		if (read(interrupts->fd, &word, interrupts->peer->width) < 0)
			die("reading an interrupt");
		interrupts->woken[i] = ticks() - interrupts->raised;
		set_register(interrupts, EDU_SEEN, 1);
		if (!interrupts->message)
			interrupts->peer->mask(false);
		interrupts->seen = i + 1;
	}
	return NULL;
}

/* On the one processor the reader goes first whenever it can: who raises one knows that it waits. */
static pthread_t start_reader(struct interrupts *interrupts)
{
	struct sched_param first = { .sched_priority = 50 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, read_all, interrupts) ||
	    pthread_setschedparam(thread, SCHED_FIFO, &first))
		die("a thread that reads");
	return thread;
}

static void raise_all(struct interrupts *interrupts)
{
	for (int i = 0; i < TURNS; i++) {
		interrupts->raised = ticks();
		set_register(interrupts, EDU_RAISE, 1);
		while (interrupts->seen <= i)
			;
		interrupts->turns[i] = ticks() - interrupts->raised;
	}
}

static void tell_masking(const struct device_peer *peer)
{
	uint64_t start = ticks();

	for (int i = 0; i < TURNS; i++) {
		peer->mask(true);
		peer->mask(false);
	}
	tell("mask", peer->name, "line", "turn", (double)(ticks() - start) / TURNS);
}

void bench_interrupt(const struct device_peer *peer, const char *address, const char *kind)
{
	static struct interrupts interrupts;

	interrupts.peer = peer;
	interrupts.message = strcmp(kind, "line");
	interrupts.polled = !strcmp(kind, "polled-message");
	peer->open(address, false);
	interrupts.registers = peer->registers();
	interrupts.fd = peer->interrupt(interrupts.message);
	if (!interrupts.message)
		tell_masking(peer);
	pthread_t reader = start_reader(&interrupts);
	raise_all(&interrupts);
	pthread_join(reader, NULL);
	tell("interrupt", peer->name, kind, "woken", (double)median_of(interrupts.woken, TURNS));
	tell("interrupt", peer->name, kind, "turn", (double)median_of(interrupts.turns, TURNS));
}

/* ---- 7: memory for a device ------------------------------------------------------------------ */

static void make_and_end(const struct device_peer *peer, size_t length, bool touched)
{
	volatile uint8_t *memory = peer->make_memory(length);

	for (size_t at = 0; touched && at < length; at += PAGE)
		memory[at] = 1;
	peer->end_memory(memory, length);
}

void bench_memory(const struct device_peer *peer, const char *address, const char *size)
{
	const size_t length = parse_size(size);
	uint64_t plain[ROUNDS], touched[ROUNDS];

	peer->open(address, true);
	make_and_end(peer, length, true);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = ticks();

		make_and_end(peer, length, false);
		plain[i] = ticks() - start;
		start = ticks();
		make_and_end(peer, length, true);
		touched[i] = ticks() - start;
	}
	tell("memory", peer->name, size, "plain", (double)median(plain));
	tell("memory", peer->name, size, "touched", (double)median(touched));
}

/* ---- 8: reset -------------------------------------------------------------------------------- */

void bench_reset(const struct device_peer *peer, const char *address)
{
	uint64_t all[RESETS], work[RESETS];

	peer->open(address, true);
	spinner_start();
	peer->reset();
	for (int i = 0; i < RESETS; i++) {
		uint64_t start = ticks(), busy = busy_ticks();

		peer->reset();
		all[i] = ticks() - start;
		work[i] = busy_ticks() - busy;
	}
	tell("reset", peer->name, "nvme", "all", (double)median_of(all, RESETS));
	tell("reset", peer->name, "nvme", "work", (double)median_of(work, RESETS));
}
