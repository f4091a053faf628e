/* SPDX-License-Identifier: MIT */
/*
 * A driver for the rig's NVMe controller, as small as it gets: queues whose commands complete,
 * each with an interrupt of its own vector of MSI-X. It has no namespace, so that commands fail; a
 * failed command completes as any.
 */
#ifndef NVME_H
#define NVME_H

#include "interrupts.h"

#define NVME_QUEUES 4 /* the administrative one, 0, included: queue and vector have one number */
#define NVME_VECTORS 65
#define NVME_TABLE 0x2000 /* in BAR 0, as QEMU has it */

struct nvme {
	int control, fd, buffer;
	volatile uint8_t *registers;
	uint8_t *memory;
	uint64_t bus;
	struct {
		unsigned int tail, head;
	} queues[NVME_QUEUES];
};

/* Its function; the test is skipped if there is none. */
uint32_t nvme_function(void);
/* Binds it, claims what is needed and has a buffer made: from then on it masters the bus. */
void nvme_open(struct nvme *nvme, int control);
/*
 * The same by a window of its registers that is there, and a buffer of so many bytes whose pages lie
 * in a row: nothing masters the bus for them.
 */
#define NVME_MEMORY ((2 * NVME_QUEUES + 1) * page())
void nvme_use(struct nvme *nvme, int control, int window, int buffer);
/* Switches it on, also after a reset, with the administrative queue alone. */
void nvme_start(struct nvme *nvme);
/* A queue of I/O whose completions are told by the vector of the same number. */
void nvme_add_queue(struct nvme *nvme, unsigned int queue);
/* With all queues; and their vectors, made with the first. */
void nvme_start_queues(struct nvme *nvme);
void nvme_open_vectors(const struct nvme *nvme, int *fds);
/* One command of that queue, that is complete when it returns; the vector was told. */
void nvme_command(struct nvme *nvme, unsigned int queue);

/*
 * A command of the administrative queue that writes a page at the end of the memory: laid there by
 * the one, and begun by the other, who may not have laid it.
 */
void nvme_lay(struct nvme *nvme);
void nvme_ring(struct nvme *nvme);
bool nvme_is_on(struct nvme *nvme);

/* A window of its BAR 0, or -1 with errno. */
int nvme_window(int control, uint64_t offset, uint64_t length, uint32_t flags, uint64_t *conflict);

#endif
