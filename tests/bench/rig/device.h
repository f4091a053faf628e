/* SPDX-License-Identifier: MIT */
/*
 * The ways to a whole device: its interrupts, memory that it reaches, its reset. As with struct
 * peer the caller has bound the device to the peer's driver, and one is open at a time; what a peer
 * does not have is NULL.
 */
#ifndef RIG_BENCH_DEVICE_H
#define RIG_BENCH_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device_peer {
	const char *name;
	void (*open)(const char *address, bool dma); /* dma: memory is to be made for it */
	/* The first page of BAR 0. */
	volatile uint8_t *(*registers)(void);
	/*
	 * A file of which a read of `width` bytes waits for an interrupt: for a message (MSI), or for
	 * the line (INTx), which is masked by each and has to be unmasked.
	 */
	int (*interrupt)(bool message);
	size_t width;
	void (*mask)(bool on); /* of the line */
	/* Memory that the device reaches, mapped for the program, too; and its end. */
	volatile uint8_t *(*make_memory)(size_t length);
	void (*end_memory)(volatile uint8_t *memory, size_t length);
	void (*reset)(void);
};

extern const struct device_peer device_mmiod, device_mmiod_eventfd, device_vfio, device_vfio_huge,
	device_uio, device_sysfs;

void bench_interrupt(const struct device_peer *peer, const char *address, const char *kind);
void bench_memory(const struct device_peer *peer, const char *address, const char *size);
void bench_reset(const struct device_peer *peer, const char *address);

#endif
