/* SPDX-License-Identifier: MIT */
/*
 * nvme-io: a driver for NVMe controllers, without privileges: identifies controller and namespace,
 * makes two pairs of queues, writes a text by the one and reads it back by the other, each command's
 * end told by an interrupt of its own vector.
 *
 *	nvme-io DEVICE REGION LBA TEXT	[device DEVICE] and [region REGION] of the configuration, the
 *					first two pages of whose BAR 0 it is; the block that is
 *					overwritten, and by what
 *
 * All that the controller reads and writes lies in one lease of memory, which it finds at an address
 * of its own; an IOMMU keeps it from all other memory. The window ends before the table of MSI-X.
 *
 * A grant must say: device, region, access = rw, bus-master = yes, dma = iommu, interrupts = yes; and
 * the device's section interrupts = msix, vectors = 3.
 *
 * Build: cc nvme-io.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Registers, and bits of them. */
#define CAP 0x00
#define CC 0x14
#define CSTS 0x1c
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define DOORBELLS 0x1000
#define CC_ENABLE 1u
#define CC_ENTRIES (6u << 16 | 4u << 20) /* 64 bytes of a command, 16 of a completion */
#define CSTS_READY 1u

/* Commands. */
#define MAKE_SUBMISSION 0x01
#define MAKE_COMPLETION 0x05
#define IDENTIFY 0x06
#define WRITE_BLOCKS 0x01
#define READ_BLOCKS 0x02
#define OF_NAMESPACE 0
#define OF_CONTROLLER 1

#define PAGE 4096u
#define QUEUES 3u /* for administration, and two for data */
#define DEPTH 16u
#define DATA (2 * QUEUES * PAGE) /* where in the memory: behind two pages for each queue */
#define LENGTH (DATA + PAGE)
#define PATIENCE_MS 10000

struct command {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t namespace;
	uint64_t reserved, metadata;
	uint64_t data[2]; /* addresses of pages */
	uint32_t words[6];
};
_Static_assert(sizeof(struct command) == 64, "as the controller reads it");

struct completion {
	uint32_t result, reserved;
	uint16_t head, queue;
	uint16_t id, status; /* bit 0 of the latter changes each time round */
};
_Static_assert(sizeof(struct completion) == 16, "as the controller writes it");

struct queue {
	struct command *commands;
	volatile struct completion *completions;
	uint64_t commands_at, completions_at; /* as the controller finds them */
	unsigned int tail, head, phase;
	struct mmiod_interrupt *interrupt; /* its vector has the queue's number */
};

struct nvme {
	struct mmiod_client *client;
	struct mmiod_operation *operation;
	struct mmiod_lease *memory, *window;
	struct mmiod_mapping *memory_mapping, *window_mapping;
	unsigned char *bytes;
	uint64_t address;
	volatile char *registers;
	unsigned int stride; /* bytes between doorbells */
	struct queue queues[QUEUES];
	unsigned char *data;
	uint64_t data_at;
	uint32_t block; /* bytes */
};

static int fail(const struct nvme *nvme, const char *what)
{
	fprintf(stderr, "nvme-io: %s: %s\n", what, mmiod_client_error(nvme->client));
	return -1;
}

static int say(const char *what)
{
	fprintf(stderr, "nvme-io: %s\n", what);
	return -1;
}

/* ---- what it takes ---- */

static int take_memory(struct nvme *nvme)
{
	if (mmiod_operation_allocate(nvme->operation, LENGTH, 0, 0, &nvme->memory))
		return fail(nvme, "memory");
	if (mmiod_lease_map(nvme->memory, 0, &nvme->memory_mapping))
		return fail(nvme, "mapping the memory");
	nvme->bytes = (unsigned char *)mmiod_mapping_address(nvme->memory_mapping); /* RAM */
	nvme->address = mmiod_lease_iova(nvme->memory);
	nvme->data = nvme->bytes + DATA;
	nvme->data_at = nvme->address + DATA;
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct queue *queue = &nvme->queues[i];
		size_t at = (size_t)2 * i * PAGE;

		queue->commands = (struct command *)(nvme->bytes + at);
		queue->completions = (volatile struct completion *)(nvme->bytes + at + PAGE);
		queue->commands_at = nvme->address + at;
		queue->completions_at = nvme->address + at + PAGE;
		queue->phase = 1;
	}
	return 0;
}

static int take_registers(struct nvme *nvme, const char *region)
{
	if (mmiod_client_lease(nvme->client, region, 0, 2 * PAGE,
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &nvme->window))
		return fail(nvme, region);
	if (mmiod_lease_map(nvme->window, 0, &nvme->window_mapping))
		return fail(nvme, "mapping the registers");
	nvme->registers = mmiod_mapping_address(nvme->window_mapping);
	return 0;
}

static int take_interrupts(struct nvme *nvme, const char *device)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		if (mmiod_client_interrupt(nvme->client, device, MMIOD_IRQ_MSIX, i, 0,
					   &nvme->queues[i].interrupt))
			return fail(nvme, "interrupts");
	return 0;
}

/* A controller that others used before is reset first, which is waited for. */
static int take(struct nvme *nvme, const char *device, const char *region)
{
	if (mmiod_client_connect(NULL, &nvme->client))
		return fail(nvme, "connect");
	mmiod_client_set_wait(nvme->client, PATIENCE_MS);
	if (mmiod_client_operate(nvme->client, device, MMIOD_MAY_MASTER | MMIOD_MAY_DMA, 0,
				 &nvme->operation))
		return fail(nvme, device);
	if (take_memory(nvme) || take_registers(nvme, region) || take_interrupts(nvme, device))
		return -1;
	return mmiod_operation_set_master(nvme->operation, 1, PATIENCE_MS)
		       ? fail(nvme, "bus mastering")
		       : 0;
}

static void give_back(struct nvme *nvme)
{
	if (nvme->registers)
		mmiod_write32(nvme->registers + CC, 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		mmiod_interrupt_free(nvme->queues[i].interrupt);
	mmiod_mapping_free(nvme->window_mapping);
	mmiod_lease_free(nvme->window);
	mmiod_mapping_free(nvme->memory_mapping);
	mmiod_lease_free(nvme->memory);
	mmiod_operation_free(nvme->operation);
	mmiod_client_free(nvme->client);
}

/* ---- commands ---- */

static void ring(const struct nvme *nvme, unsigned int doorbell, unsigned int value)
{
	mmiod_write32(nvme->registers + DOORBELLS + (size_t)doorbell * nvme->stride, value);
}

/* The command is in memory before the controller hears of it. */
static void submit(struct nvme *nvme, unsigned int index, struct command command)
{
	struct queue *queue = &nvme->queues[index];

	command.id = (uint16_t)queue->tail;
	queue->commands[queue->tail] = command;
	queue->tail = (queue->tail + 1) % DEPTH;
	mmiod_wc_flush();
	ring(nvme, 2 * index, queue->tail);
}

static bool is_complete(const struct queue *queue)
{
	uint16_t status =
		__atomic_load_n(&queue->completions[queue->head].status, __ATOMIC_ACQUIRE);

	return (le16toh(status) & 1) == queue->phase;
}

/* The status of the next completion, without its phase; or -1: there is none. */
static int finish(struct nvme *nvme, unsigned int index)
{
	struct queue *queue = &nvme->queues[index];
	uint64_t count;
	int status;

	while (!is_complete(queue))
		if (mmiod_interrupt_wait(queue->interrupt, PATIENCE_MS, &count))
			return fail(nvme, "a completion");
	status = le16toh(queue->completions[queue->head].status) >> 1;
	queue->head = (queue->head + 1) % DEPTH;
	if (!queue->head)
		queue->phase ^= 1;
	ring(nvme, 2 * index + 1, queue->head);
	return status;
}

static int run(struct nvme *nvme, unsigned int index, const struct command *command)
{
	int status;

	submit(nvme, index, *command);
	status = finish(nvme, index);
	if (status > 0)
		fprintf(stderr, "nvme-io: command 0x%02x of queue %u: status 0x%x\n",
			command->opcode, index, (unsigned int)status);
	return status ? -1 : 0;
}

/* ---- the controller ---- */

static int await_ready(const struct nvme *nvme, uint32_t ready)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < PATIENCE_MS; i++) {
		if ((mmiod_read32(nvme->registers + CSTS) & CSTS_READY) == ready)
			return 0;
		nanosleep(&pause, NULL);
	}
	return say("the controller does not become ready");
}

static void put64(const struct nvme *nvme, unsigned int offset, uint64_t value)
{
	mmiod_write32(nvme->registers + offset, (uint32_t)value);
	mmiod_write32(nvme->registers + offset + 4, (uint32_t)(value >> 32));
}

static int enable(struct nvme *nvme)
{
	const struct queue *queue = &nvme->queues[0];

	nvme->stride = 4u << (mmiod_read32(nvme->registers + CAP + 4) & 0xf);
	if (DOORBELLS + 2 * QUEUES * nvme->stride > 2 * PAGE)
		return say("its doorbells lie too far apart for this program");
	mmiod_write32(nvme->registers + CC, 0);
	if (await_ready(nvme, 0))
		return -1;
	mmiod_write32(nvme->registers + AQA, (DEPTH - 1) << 16 | (DEPTH - 1));
	put64(nvme, ASQ, queue->commands_at);
	put64(nvme, ACQ, queue->completions_at);
	mmiod_write32(nvme->registers + CC, CC_ENTRIES | CC_ENABLE);
	return await_ready(nvme, CSTS_READY);
}

static int identify(struct nvme *nvme, uint32_t namespace, uint32_t what)
{
	const struct command command = {
		.opcode = IDENTIFY,
		.namespace = htole32(namespace),
		.data = { htole64(nvme->data_at) },
		.words = { htole32(what) },
	};

	return run(nvme, 0, &command);
}

/* Serial number and model are texts with blanks behind them; of the formats one is in use. */
static int look(struct nvme *nvme)
{
	uint64_t blocks;

	if (identify(nvme, 0, OF_CONTROLLER))
		return -1;
	printf("controller: %.40s\n", (const char *)nvme->data + 24);
	if (identify(nvme, 1, OF_NAMESPACE))
		return -1;
	memcpy(&blocks, nvme->data, sizeof(blocks));
	nvme->block = 1u << nvme->data[128 + 4 * (nvme->data[26] & 0xf) + 2];
	printf("namespace 1: %llu blocks of %u bytes\n", (unsigned long long)le64toh(blocks),
	       nvme->block);
	return nvme->block <= PAGE ? 0 : say("its blocks are longer than this program's buffer");
}

/* Physically contiguous, which they are as the controller finds them; interrupts by its vector. */
static int make_queues(struct nvme *nvme, unsigned int index)
{
	const struct queue *queue = &nvme->queues[index];
	const uint32_t size = htole32((DEPTH - 1) << 16 | index);
	const struct command completion = {
		.opcode = MAKE_COMPLETION,
		.data = { htole64(queue->completions_at) },
		.words = { size, htole32(index << 16 | 3) },
	};
	const struct command submission = {
		.opcode = MAKE_SUBMISSION,
		.data = { htole64(queue->commands_at) },
		.words = { size, htole32(index << 16 | 1) },
	};

	return run(nvme, 0, &completion) || run(nvme, 0, &submission) ? -1 : 0;
}

static int transfer(struct nvme *nvme, unsigned int index, uint8_t opcode, uint64_t block)
{
	const struct command command = {
		.opcode = opcode,
		.namespace = htole32(1),
		.data = { htole64(nvme->data_at) },
		.words = { htole32((uint32_t)block), htole32((uint32_t)(block >> 32)) },
	};

	return run(nvme, index, &command);
}

static int go_round(struct nvme *nvme, uint64_t block, const char *text)
{
	memset(nvme->data, 0, PAGE);
	snprintf((char *)nvme->data, nvme->block, "%s", text);
	if (transfer(nvme, 1, WRITE_BLOCKS, block))
		return -1;
	printf("block %llu was written by queue 1\n", (unsigned long long)block);
	memset(nvme->data, 0xff, PAGE);
	if (transfer(nvme, 2, READ_BLOCKS, block))
		return -1;
	if (strncmp((const char *)nvme->data, text, nvme->block - 1))
		return say("what is read is something else");
	printf("and read by queue 2: %s\n", (const char *)nvme->data);
	return 0;
}

int main(int argc, char **argv)
{
	struct nvme nvme = { 0 };
	int err;

	if (argc != 5)
		return say("usage: nvme-io DEVICE REGION LBA TEXT") ? EXIT_FAILURE : EXIT_SUCCESS;
	err = take(&nvme, argv[1], argv[2]);
	if (!err)
		err = enable(&nvme) || look(&nvme) || make_queues(&nvme, 1) ||
		      make_queues(&nvme, 2) || go_round(&nvme, strtoull(argv[3], NULL, 0), argv[4]);
	give_back(&nvme);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
