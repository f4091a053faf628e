// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "device.h"
#include "nvme.h"

/* Registers, in BAR 0. */
#define CC 0x14
#define CSTS 0x1c
#define AQA 0x24
#define ASQ 0x28
#define ACQ 0x30
#define DOORBELLS 0x1000

#define ENABLE (1u | 6u << 16 | 4u << 20) /* entries of 64 and of 16 bytes */
#define READY 1u

#define ENTRIES 16
#define SUBMISSION_SIZE 64
#define COMPLETION_SIZE 16

/* Opcodes: administrative ones, and of I/O. */
#define CREATE_SUBMISSION 0x01
#define CREATE_COMPLETION 0x05
#define IDENTIFY 0x06
#define FLUSH 0x00

uint32_t nvme_function(void)
{
	uint32_t function = find_pci(0x1b36, 0x0010);

	if (function == PCI_NONE)
		tap_skip("there is no NVMe controller");
	return function;
}

static uint64_t claim(int control)
{
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = nvme_function(),
					    .name = "nvme" };
	struct mmiod_region_info info = { .size = sizeof(info) };

	while (!ioctl(control, MMIOD_IOC_REGION_NEXT, &info))
		if (!strcmp(info.name, "nvme"))
			return info.region_id;
	if (ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim))
		FAIL("cannot claim nvme: %s", strerror(errno));
	return claim.region_id;
}

int nvme_window(int control, uint64_t offset, uint64_t length, uint32_t flags, uint64_t *conflict)
{
	struct mmiod_window_create create = { .region_id = claim(control),
					      .offset = offset,
					      .length = length,
					      .attr = MMIOD_ATTR_UC,
					      .flags = flags };
	int fd = try_window(control, &create);

	if (conflict)
		*conflict = create.conflict_id;
	return fd;
}

static void map(struct nvme *nvme)
{
	nvme->registers = map_window(nvme->fd, NVME_TABLE, PROT_READ | PROT_WRITE);
	nvme->memory = map_window(nvme->buffer, NVME_MEMORY, PROT_READ | PROT_WRITE);
}

void nvme_open(struct nvme *nvme, int control)
{
	bind_driver(nvme_function(), "mmiod");
	*nvme = (struct nvme){ .control = control };
	nvme->fd = nvme_window(control, 0, NVME_TABLE, 0, NULL);
	EXPECT(nvme->fd >= 0);
	nvme->buffer = dma_buffer(control, nvme_function(), NVME_MEMORY);
	map(nvme);
	nvme->bus = buffer_info(control, nvme->buffer, 0).bus;
}

void nvme_use(struct nvme *nvme, int control, int window, int buffer)
{
	*nvme = (struct nvme){ .control = control, .fd = window, .buffer = buffer };
	map(nvme);
	nvme->bus = iova_of(buffer);
	if (nvme->bus == MMIOD_IOVA_NONE)
		nvme->bus = buffer_info(control, buffer, 0).phys;
}

static volatile uint32_t *at(const struct nvme *nvme, unsigned int offset)
{
	return (volatile uint32_t *)(nvme->registers + offset);
}

static void set_address(struct nvme *nvme, unsigned int offset, uint64_t address)
{
	*at(nvme, offset) = address;
	*at(nvme, offset + 4) = address >> 32;
}

static size_t submissions(unsigned int queue)
{
	return 2 * queue * page();
}

static size_t completions(unsigned int queue)
{
	return submissions(queue) + page();
}

static void wait_ready(struct nvme *nvme, uint32_t ready)
{
	for (int i = 0; (*at(nvme, CSTS) & READY) != ready; i++, usleep(1000))
		EXPECT(i < 20000);
}

void nvme_start(struct nvme *nvme)
{
	*at(nvme, CC) = 0;
	wait_ready(nvme, 0);
	memset(nvme->memory, 0, 2 * NVME_QUEUES * page());
	memset(nvme->queues, 0, sizeof(nvme->queues));
	*at(nvme, AQA) = (ENTRIES - 1) << 16 | (ENTRIES - 1);
	set_address(nvme, ASQ, nvme->bus + submissions(0));
	set_address(nvme, ACQ, nvme->bus + completions(0));
	*at(nvme, CC) = ENABLE;
	wait_ready(nvme, READY);
}

static void lay(struct nvme *nvme, unsigned int queue, const uint32_t *command)
{
	memcpy(nvme->memory + submissions(queue) +
		       nvme->queues[queue].tail % ENTRIES * SUBMISSION_SIZE,
	       command, SUBMISSION_SIZE);
	__sync_synchronize();
}

static void ring(struct nvme *nvme, unsigned int queue)
{
	*at(nvme, DOORBELLS + 8 * queue) = ++nvme->queues[queue].tail % ENTRIES;
}

static void submit(struct nvme *nvme, unsigned int queue, const uint32_t *command)
{
	lay(nvme, queue, command);
	ring(nvme, queue);
}

void nvme_lay(struct nvme *nvme)
{
	const uint64_t address = nvme->bus + submissions(NVME_QUEUES);
	const uint32_t identify[SUBMISSION_SIZE / 4] = {
		[0] = IDENTIFY, [6] = address, [7] = address >> 32, [10] = 1
	};

	lay(nvme, 0, identify);
}

void nvme_ring(struct nvme *nvme)
{
	ring(nvme, 0);
}

bool nvme_is_on(struct nvme *nvme)
{
	return *at(nvme, CSTS) & READY;
}

static void complete(struct nvme *nvme, unsigned int queue)
{
	unsigned int *head = &nvme->queues[queue].head;
	const volatile uint32_t *entry =
		(void *)(nvme->memory + completions(queue) + *head % ENTRIES * COMPLETION_SIZE);
	uint32_t phase = !(*head / ENTRIES % 2);

	for (int i = 0; (entry[3] >> 16 & 1) != phase; i++, usleep(100))
		EXPECT(i < 200000);
	*at(nvme, DOORBELLS + 8 * queue + 4) = ++*head % ENTRIES;
}

static void administer(struct nvme *nvme, uint32_t opcode, uint64_t address, uint32_t first,
		       uint32_t second)
{
	const uint32_t command[SUBMISSION_SIZE / 4] = {
		[0] = opcode, [6] = address, [7] = address >> 32, [10] = first, [11] = second
	};

	submit(nvme, 0, command);
	complete(nvme, 0);
}

void nvme_add_queue(struct nvme *nvme, unsigned int queue)
{
	uint32_t shape = (ENTRIES - 1) << 16 | queue;

	administer(nvme, CREATE_COMPLETION, nvme->bus + completions(queue), shape, queue << 16 | 3);
	administer(nvme, CREATE_SUBMISSION, nvme->bus + submissions(queue), shape, queue << 16 | 1);
}

void nvme_command(struct nvme *nvme, unsigned int queue)
{
	const uint32_t flush[SUBMISSION_SIZE / 4] = { [0] = FLUSH, [1] = 1 };

	if (!queue) {
		administer(nvme, IDENTIFY, nvme->bus + submissions(NVME_QUEUES), 1, 0);
		return;
	}
	submit(nvme, queue, flush);
	complete(nvme, queue);
}

void nvme_open_vectors(const struct nvme *nvme, int *fds)
{
	struct mmiod_interrupt_create create = { .device = nvme_function(),
						 .kind = MMIOD_INTERRUPT_MSIX,
						 .flags = MMIOD_INTERRUPT_TRUSTED,
						 .vectors = NVME_QUEUES };

	allow_handlers_all_time();
	for (create.vector = 0; create.vector < NVME_QUEUES; create.vector++) {
		fds[create.vector] = try_interrupt(nvme->control, &create);
		if (fds[create.vector] < 0)
			FAIL("vector %u: %s", create.vector, strerror(errno));
		EXPECT_EQ(create.vectors, NVME_QUEUES);
	}
}

void nvme_start_queues(struct nvme *nvme)
{
	nvme_start(nvme);
	for (unsigned int queue = 1; queue < NVME_QUEUES; queue++)
		nvme_add_queue(nvme, queue);
}
