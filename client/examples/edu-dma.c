/* SPDX-License-Identifier: MIT */
/*
 * edu-dma: have QEMU's "edu" device copy memory by DMA, both ways, each with an interrupt when it is
 * done: a whole driver, without privileges.
 *
 *	edu-dma [DEVICE [REGION]]	[device DEVICE] and [region REGION] of the configuration, whose
 *					BAR 0 it is; "edu" and "edu"
 *
 * It takes four leases. The operation lets the device master the bus, and gives it addresses of its
 * own: behind them it finds the memory that is allocated for it, and nothing else. The window has
 * the registers by which it is told what to copy, and the interrupt says when that is done.
 *
 * A grant must say: device, region, access = rw, bus-master = yes, dma = iommu, interrupts = yes.
 *
 *	0x24	interrupt status: which bits were raised; 0x64: those that were seen
 *	0x80	from which address, 0x88: to which, 0x90: how many bytes; of the device's own 4 KiB
 *		buffer the addresses begin at 0x40000, all others are on the bus
 *	0x98	1: go; 2: out of the device's buffer, else into it; 4: an interrupt when it is done
 *
 * Build: cc edu-dma.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EDU_STATUS 0x24
#define EDU_SEEN 0x64
#define EDU_FROM 0x80
#define EDU_TO 0x88
#define EDU_COUNT 0x90
#define EDU_COMMAND 0x98
#define COMMAND_GO 1u
#define COMMAND_OUT 2u
#define COMMAND_INTERRUPT 4u
#define STATUS_DONE 0x100u

#define EDU_BUFFER 0x40000u
#define HALF 2048u /* bytes; it copies 4095 at most */
#define PATIENCE_MS 10000

struct edu {
	struct mmiod_client *client;
	struct mmiod_operation *operation;
	struct mmiod_lease *memory;
	struct mmiod_mapping *memory_mapping;
	struct mmiod_lease *window;
	struct mmiod_mapping *window_mapping;
	struct mmiod_interrupt *interrupt;
	unsigned char *bytes; /* the memory as we see it */
	uint64_t address; /* and as the device does */
	volatile char *registers;
};

static int fail(const struct edu *edu, const char *what)
{
	fprintf(stderr, "edu-dma: %s: %s\n", what, mmiod_client_error(edu->client));
	return -1;
}

/* ---- what it takes ---- */

static int take_memory(struct edu *edu)
{
	if (mmiod_operation_allocate(edu->operation, 2 * HALF, 0, 0, &edu->memory))
		return fail(edu, "memory");
	if (mmiod_lease_map(edu->memory, 0, &edu->memory_mapping))
		return fail(edu, "mapping the memory");
	edu->bytes = (unsigned char *)mmiod_mapping_address(edu->memory_mapping); /* RAM */
	edu->address = mmiod_lease_iova(edu->memory);
	printf("memory: the device finds it at 0x%llx\n", (unsigned long long)edu->address);
	return 0;
}

static int take_registers(struct edu *edu, const char *region)
{
	if (mmiod_client_lease(edu->client, region, 0, mmiod_page_size(),
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &edu->window))
		return fail(edu, region);
	if (mmiod_lease_map(edu->window, 0, &edu->window_mapping))
		return fail(edu, "mapping the registers");
	edu->registers = mmiod_mapping_address(edu->window_mapping);
	return 0;
}

/* Another user's device is reset before it masters the bus for this one. */
static int take(struct edu *edu, const char *device, const char *region)
{
	if (mmiod_client_connect(NULL, &edu->client))
		return fail(edu, "connect");
	mmiod_client_set_wait(edu->client, PATIENCE_MS);
	if (mmiod_client_operate(edu->client, device, MMIOD_MAY_MASTER | MMIOD_MAY_DMA, 0,
				 &edu->operation))
		return fail(edu, device);
	if (take_memory(edu) || take_registers(edu, region))
		return -1;
	if (mmiod_client_interrupt(edu->client, device, MMIOD_IRQ_DEFAULT, 0, 0, &edu->interrupt))
		return fail(edu, "interrupt");
	if (mmiod_operation_set_master(edu->operation, 1, PATIENCE_MS))
		return fail(edu, "bus mastering");
	return 0;
}

/* The operation last: the device goes on until it has none. */
static void give_back(struct edu *edu)
{
	mmiod_interrupt_free(edu->interrupt);
	mmiod_mapping_free(edu->window_mapping);
	mmiod_lease_free(edu->window);
	mmiod_mapping_free(edu->memory_mapping);
	mmiod_lease_free(edu->memory);
	mmiod_operation_free(edu->operation);
	mmiod_client_free(edu->client);
}

/* ---- what it does ---- */

static int await_interrupt(struct edu *edu)
{
	uint32_t status;
	uint64_t count;

	if (mmiod_interrupt_wait(edu->interrupt, PATIENCE_MS, &count))
		return fail(edu, "the interrupt");
	status = mmiod_read32(edu->registers + EDU_STATUS);
	mmiod_write32(edu->registers + EDU_SEEN, status);
	if (status & STATUS_DONE)
		return 0;
	fprintf(stderr, "edu-dma: it interrupts, and is not done: status 0x%x\n", status);
	return -1;
}

/* The command is a store after those of what is to be copied, and the device sees them in order. */
static int copy(struct edu *edu, uint64_t from, uint64_t to, uint32_t direction)
{
	mmiod_write32(edu->registers + EDU_FROM, (uint32_t)from);
	mmiod_write32(edu->registers + EDU_TO, (uint32_t)to);
	mmiod_write32(edu->registers + EDU_COUNT, HALF);
	mmiod_write32(edu->registers + EDU_COMMAND, COMMAND_GO | COMMAND_INTERRUPT | direction);
	return await_interrupt(edu);
}

/* The first half goes into the device, and comes back into the second. */
static int go_round(struct edu *edu)
{
	for (unsigned int i = 0; i < HALF; i++)
		edu->bytes[i] = (unsigned char)(i * 7 + i / 256);
	if (copy(edu, edu->address, EDU_BUFFER, 0))
		return -1;
	printf("%u bytes went into the device\n", HALF);
	if (copy(edu, EDU_BUFFER, edu->address + HALF, COMMAND_OUT))
		return -1;
	if (memcmp(edu->bytes, edu->bytes + HALF, HALF)) {
		fprintf(stderr, "edu-dma: what comes back is something else\n");
		return -1;
	}
	printf("%u bytes came back, and are the same\n", HALF);
	return 0;
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "edu", *region = argc > 2 ? argv[2] : "edu";
	struct edu edu = { 0 };
	int err = take(&edu, device, region);

	if (!err)
		err = go_round(&edu);
	give_back(&edu);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
