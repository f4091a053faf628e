// SPDX-License-Identifier: MIT
/*
 * rig-bench QUESTION PEER ADDRESS PARAMETER: one measurement in the guest; the result as lines of
 * five columns.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "rig-bench.h"

_Noreturn void die(const char *what)
{
	fprintf(stderr, "rig-bench: %s: %m\n", what);
	exit(1);
}

#define LOOP 100000ul /* short of a timer tick */

static uint64_t time_loop(void)
{
	uint64_t count = LOOP, start = ticks();

	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(count));
	return ticks() - start;
}

/*
 * A loop of two instructions a turn, told by the clock: within 5 % of their number, the clock
 * counts instructions.
 */
static void check_clock(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 20; i++) {
		uint64_t time = time_loop();

		best = time < best ? time : best;
	}
	tell("clock", "-", "-",
	     best > 1.9 * LOOP && best < 2.1 * LOOP ? "guest instructions" : "time-stamp ticks",
	     (double)best);
}

static const struct peer *find_peer(const char *name)
{
	static const struct peer *const peers[] = { &peer_mmiod,	 &peer_mmiod_huge,
						    &peer_mmiod_scatter, &peer_mmiod_populate,
						    &peer_mmiod_remap,	 &peer_sysfs,
						    &peer_uio,		 &peer_vfio };

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		if (!strcmp(peers[i]->name, name))
			return peers[i];
	fprintf(stderr, "rig-bench: no such peer: %s\n", name);
	exit(2);
}

size_t parse_size(const char *text)
{
	char *end;
	size_t size = strtoul(text, &end, 10);

	return *end == 'G'   ? size << 30
	       : *end == 'M' ? size << 20
	       : *end == 'K' ? size << 10
			     : size;
}

static void run(const char *question, const struct peer *peer, const char *address,
		const char *size)
{
	peer->open(address);
	if (!strcmp(question, "map"))
		bench_map(peer, parse_size(size), size);
	else if (!strcmp(question, "access"))
		bench_access(peer, size);
	else if (!strcmp(question, "revoke"))
		bench_revoke(size);
	else if (!strcmp(question, "zap"))
		bench_zap(peer, parse_size(size), size);
	else
		die(question);
}

static const struct device_peer *find_device_peer(const char *name)
{
	static const struct device_peer *const peers[] = { &device_mmiod, &device_mmiod_eventfd,
							   &device_vfio,  &device_vfio_huge,
							   &device_uio,	  &device_sysfs };

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		if (!strcmp(peers[i]->name, name))
			return peers[i];
	return NULL;
}

/* False: it is no question of devices. */
static bool run_device(const char *question, const char *peer, const char *address,
		       const char *parameter)
{
	const struct device_peer *by = find_device_peer(peer);

	if (by && !strcmp(question, "interrupt"))
		bench_interrupt(by, address, parameter);
	else if (by && !strcmp(question, "memory"))
		bench_memory(by, address, parameter);
	else if (by && !strcmp(question, "reset"))
		bench_reset(by, address);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "clock")) {
		check_clock();
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "grant")) {
		bench_grant(argv[2], argv[3], argv[4]);
		return 0;
	}
	if (argc == 4 && !strcmp(argv[1], "bystander")) {
		bench_bystander(argv[2], parse_size(argv[3]));
		return 0;
	}
	if (argc != 5) {
		fprintf(stderr, "usage: rig-bench clock | grant sysfs ADDRESS root |\n"
				"       bystander PID-OF-DAEMON SIZE |\n"
				"       grant mmiod REGION "
				"[connecting-|16-]silent|connecting|journal|parked |\n"
				"       map|access|revoke|zap PEER ADDRESS SIZE |\n"
				"       interrupt PEER ADDRESS line|message|polled-message |\n"
				"       memory PEER ADDRESS SIZE | reset PEER ADDRESS -\n");
		return 2;
	}
	if (!run_device(argv[1], argv[2], argv[3], argv[4]))
		run(argv[1], find_peer(argv[2]), argv[3], argv[4]);
	return 0;
}
