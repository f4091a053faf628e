/* SPDX-License-Identifier: MIT */
/*
 * The cost of the same piece of device memory by each way to it, on a real kernel in the rig. A
 * peer is such a way: it gives a mapping of BAR 2 of a device that the caller has bound to its
 * driver.
 *
 * The clock is the processor's time-stamp counter. Under QEMU's -icount it counts the guest's
 * instructions, those of the kernel included: that is a figure that another program on the host
 * cannot disturb. check_clock() tells which.
 */
#ifndef RIG_BENCH_H
#define RIG_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

struct peer {
	const char *name;
	void (*open)(const char *address);
	/*
	 * The first `length` bytes of the BAR, by a mapping that is as ready as this peer can make
	 * it.
	 */
	volatile void *(*map)(size_t length);
	/* One mediated 32-bit read at the BAR's start; NULL: it has no such thing. */
	uint32_t (*read32)(void);
	/* Take all mappings away; NULL: cannot. */
	void (*zap)(void);
};

extern const struct peer peer_mmiod, peer_mmiod_huge, peer_mmiod_scatter, peer_mmiod_populate,
	peer_mmiod_remap, peer_sysfs, peer_uio, peer_vfio;

/* The control file's calls, for a measurement that makes more windows than one. */
uint64_t mmiod_window(uint64_t offset, uint64_t length, int *fd);
void mmiod_revoke(uint64_t id);

void die(const char *what) __attribute__((noreturn));

static inline uint64_t ticks(void)
{
	_mm_lfence();
	return __rdtsc();
}

/* A line of the result: question, peer, parameter, quantity, value. */
static inline void tell(const char *question, const char *peer, const char *parameter,
			const char *quantity, double value)
{
	printf("%s\t%s\t%s\t%s\t%.2f\n", question, peer, parameter, quantity, value);
	fflush(stdout);
}

#define ROUNDS 5
uint64_t median(uint64_t values[ROUNDS]);
uint64_t median_of(uint64_t *values, size_t count);
/* "64M", "1G" in bytes. */
size_t parse_size(const char *text);

void bench_map(const struct peer *peer, size_t length, const char *parameter);
void bench_access(const struct peer *peer, const char *parameter);
void bench_revoke(const char *parameter);
void bench_zap(const struct peer *peer, size_t length, const char *parameter);
void bench_grant(const char *peer, const char *target, const char *variant);
void bench_bystander(const char *daemon_pid, size_t length);

#endif
