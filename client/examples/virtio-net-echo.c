/* SPDX-License-Identifier: MIT */
/*
 * virtio-net-echo: a driver for network functions of virtio 1, without privileges: every frame that
 * arrives goes back to who sent it.
 *
 *	virtio-net-echo DEVICE REGION FRAMES [SECONDS]
 *
 * [device DEVICE] and [region REGION] of the configuration, which is the whole BAR with the
 * function's registers; it ends after so many frames (0: never), or when none came for so long (10).
 *
 * Queues and buffers lie in one lease of memory, which the function finds at an address of its own.
 * A buffer is in one queue at a time: a frame is received into it, is sent from it, and the buffer
 * is there for the next one. What the function says of buffers and lengths is checked, as it may
 * be anything.
 *
 * A grant must say: device, region, access = rw, config = read, bus-master = yes, dma = iommu,
 * interrupts = yes; and the device's section interrupts = msix, vectors = 2. A function that does
 * not offer to keep to the IOMMU's addresses is driven only if the grant trusts it.
 *
 * Build: cc virtio-net-echo.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Capabilities of vendors in the configuration space: which of them it is, and where that lies. */
#define VENDOR_CAPABILITY 0x09
#define CAPABILITY_TYPE 3
#define CAPABILITY_BAR 4
#define CAPABILITY_OFFSET 8
#define CAPABILITY_LENGTH 12
#define CAPABILITY_MULTIPLIER 16
#define TYPE_COMMON 1
#define TYPE_NOTIFY 2
#define TYPE_DEVICE 4
#define TYPES 5

/* Common registers, and bits of them. */
#define OFFERED_SELECT 0x00
#define OFFERED 0x04
#define ACCEPTED_SELECT 0x08
#define ACCEPTED 0x0c
#define CONFIG_VECTOR 0x10
#define STATUS 0x14
#define GENERATION 0x15
#define QUEUE_SELECT 0x16
#define QUEUE_SIZE 0x18
#define QUEUE_VECTOR 0x1a
#define QUEUE_ENABLE 0x1c
#define QUEUE_DOORBELL 0x1e
#define QUEUE_DESCRIPTORS 0x20
#define QUEUE_AVAILABLE 0x28
#define QUEUE_USED 0x30
#define COMMON_LENGTH 0x38
#define STATUS_SEEN 1u
#define STATUS_DRIVER 2u
#define STATUS_RUNS 4u
#define STATUS_FEATURES 8u
#define STATUS_BROKEN 0x40u
#define NO_VECTOR 0xffffu

/* Features: what is accepted of those that are offered. Memory of others' ordering is not. */
#define HAS_MAC (1ull << 5)
#define VERSION_1 (1ull << 32)
#define KEEPS_TO_ADDRESSES (1ull << 33) /* VIRTIO_F_ACCESS_PLATFORM */
#define WANTED (HAS_MAC | VERSION_1 | KEEPS_TO_ADDRESSES)

#define DEVICE_WRITES 2u /* of a descriptor */
#define NO_DOORBELL 1u /* of used buffers */

#define MAC_LENGTH 6u
#define ETHERNET 14u /* two addresses and a type */
#define HEADER 12u /* virtio's, before each frame; zeroed, it asks for nothing */
#define BUFFER 2048u
#define DEPTH 64u /* buffers, and places in each queue */
#define QUEUES 2u
#define RECEIVE 0u
#define TRANSMIT 1u
#define QUEUE_BYTES 4096u
#define AVAILABLE_AT 2048u /* in a queue's page */
#define USED_AT 3072u
#define LENGTH (QUEUES * QUEUE_BYTES + DEPTH * BUFFER)
#define PATIENCE_MS 10000
#define STORM_PAUSE_MS 100

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

struct available {
	uint16_t flags, index;
	uint16_t ids[DEPTH];
};

struct used {
	uint16_t flags, index;
	struct {
		uint32_t id, length;
	} elements[DEPTH];
};
_Static_assert(sizeof(struct descriptor) * DEPTH <= AVAILABLE_AT, "one behind the other");
_Static_assert(AVAILABLE_AT + sizeof(struct available) <= USED_AT, "one behind the other");
_Static_assert(USED_AT + sizeof(struct used) <= QUEUE_BYTES, "one behind the other");

struct queue {
	struct descriptor *descriptors;
	struct available *available;
	volatile struct used *used;
	uint64_t address; /* as the function finds it */
	uint16_t offered, seen; /* buffers so far; our own count, whatever the memory says */
	volatile char *doorbell;
	struct mmiod_interrupt *interrupt; /* its vector has the queue's number */
	bool silenced;
};

struct structure {
	bool found;
	uint8_t bar;
	uint32_t offset, length;
};

struct net {
	struct mmiod_client *client;
	struct mmiod_operation *operation;
	struct mmiod_lease *memory, *window;
	struct mmiod_mapping *memory_mapping, *window_mapping;
	struct structure structures[TYPES];
	uint32_t multiplier; /* bytes between doorbells */
	volatile char *common, *notify, *device;
	unsigned char *buffers;
	uint64_t buffers_at;
	unsigned int holders[DEPTH]; /* which queue has a buffer */
	struct queue queues[QUEUES];
	unsigned long limit, taken, echoed; /* frames */
	int patience_ms;
};

static int fail(const struct net *net, const char *what)
{
	fprintf(stderr, "virtio-net-echo: %s: %s\n", what, mmiod_client_error(net->client));
	return -1;
}

static int say(const char *what)
{
	fprintf(stderr, "virtio-net-echo: %s\n", what);
	return -1;
}

/* ---- what it takes ---- */

/* Of several of a type the first is the one that the function prefers. */
static int read_structure(struct net *net, unsigned int at)
{
	const struct mmiod_operation *operation = net->operation;
	struct structure structure = { .found = true };
	uint8_t type;

	if (mmiod_operation_config_read8(operation, at + CAPABILITY_TYPE, &type))
		return -1;
	if (type >= TYPES || net->structures[type].found)
		return 0;
	if (mmiod_operation_config_read8(operation, at + CAPABILITY_BAR, &structure.bar) ||
	    mmiod_operation_config_read32(operation, at + CAPABILITY_OFFSET, &structure.offset) ||
	    mmiod_operation_config_read32(operation, at + CAPABILITY_LENGTH, &structure.length))
		return -1;
	if (type == TYPE_NOTIFY &&
	    mmiod_operation_config_read32(operation, at + CAPABILITY_MULTIPLIER, &net->multiplier))
		return -1;
	net->structures[type] = structure;
	return 0;
}

static int find_structures(struct net *net)
{
	const struct structure *common = &net->structures[TYPE_COMMON];
	const struct structure *notify = &net->structures[TYPE_NOTIFY];
	const struct structure *device = &net->structures[TYPE_DEVICE];
	unsigned int at = 0;
	int err;

	while (!(err = mmiod_operation_find_capability(net->operation, VENDOR_CAPABILITY, at, &at)))
		if (read_structure(net, at))
			return fail(net, "the configuration space");
	if (err != -ENOENT)
		return fail(net, "the configuration space");
	if (!common->found || !notify->found || !device->found)
		return say("it is no function of virtio 1");
	if (common->bar != notify->bar || common->bar != device->bar)
		return say("its registers lie in several BARs, and this program takes one");
	if (common->length < COMMON_LENGTH || device->length < MAC_LENGTH || common->offset % 4 ||
	    notify->offset % 2)
		return say("its registers do not lie as virtio 1 has them");
	return 0;
}

/* All three structures, and as little around them as pages allow. */
static int take_registers(struct net *net, const char *region)
{
	const unsigned int types[] = { TYPE_COMMON, TYPE_NOTIFY, TYPE_DEVICE };
	volatile char **const places[] = { &net->common, &net->notify, &net->device };
	const uint64_t page = mmiod_page_size();
	uint64_t start = UINT64_MAX, end = 0;

	for (unsigned int i = 0; i < 3; i++) {
		const struct structure *structure = &net->structures[types[i]];
		uint64_t behind = (uint64_t)structure->offset + structure->length;

		start = structure->offset < start ? structure->offset / page * page : start;
		end = behind > end ? (behind + page - 1) / page * page : end;
	}
	if (mmiod_client_lease(net->client, region, start, end - start,
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &net->window))
		return fail(net, region);
	if (mmiod_lease_map(net->window, 0, &net->window_mapping))
		return fail(net, "mapping the registers");
	for (unsigned int i = 0; i < 3; i++)
		*places[i] = (volatile char *)mmiod_mapping_address(net->window_mapping) +
			     (net->structures[types[i]].offset - start);
	return 0;
}

static void lay_out(struct net *net, unsigned char *bytes, uint64_t address)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		struct queue *queue = &net->queues[i];
		size_t at = (size_t)i * QUEUE_BYTES;

		queue->descriptors = (struct descriptor *)(bytes + at);
		queue->available = (struct available *)(bytes + at + AVAILABLE_AT);
		queue->used = (volatile struct used *)(bytes + at + USED_AT);
		queue->address = address + at;
	}
	net->buffers = bytes + QUEUES * QUEUE_BYTES;
	net->buffers_at = address + QUEUES * QUEUE_BYTES;
}

static int take_memory(struct net *net)
{
	if (mmiod_operation_allocate(net->operation, LENGTH, 0, 0, &net->memory))
		return fail(net, "memory");
	if (mmiod_lease_map(net->memory, 0, &net->memory_mapping))
		return fail(net, "mapping the memory");
	lay_out(net, (unsigned char *)mmiod_mapping_address(net->memory_mapping), /* RAM */
		mmiod_lease_iova(net->memory));
	return 0;
}

static int take_interrupts(struct net *net, const char *device)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		if (mmiod_client_interrupt(net->client, device, MMIOD_IRQ_MSIX, i, 0,
					   &net->queues[i].interrupt))
			return fail(net, "interrupts");
	return 0;
}

/* A function that others used before is reset first, which is waited for. */
static int take(struct net *net, const char *device, const char *region)
{
	const unsigned int rights = MMIOD_MAY_READ_CONFIG | MMIOD_MAY_MASTER | MMIOD_MAY_DMA;

	if (mmiod_client_connect(NULL, &net->client))
		return fail(net, "connect");
	mmiod_client_set_wait(net->client, PATIENCE_MS);
	if (mmiod_client_operate(net->client, device, rights, 0, &net->operation))
		return fail(net, device);
	if (find_structures(net) || take_registers(net, region) || take_memory(net))
		return -1;
	return take_interrupts(net, device);
}

/* The operation last: the function goes on until it has none. */
static void give_back(struct net *net)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		mmiod_interrupt_free(net->queues[i].interrupt);
	mmiod_mapping_free(net->window_mapping);
	mmiod_lease_free(net->window);
	mmiod_mapping_free(net->memory_mapping);
	mmiod_lease_free(net->memory);
	mmiod_operation_free(net->operation);
	mmiod_client_free(net->client);
}

/* ---- the function ---- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int reset(const struct net *net)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int64_t until = now_ms() + PATIENCE_MS;

	mmiod_write8(net->common + STATUS, 0);
	while (mmiod_read8(net->common + STATUS)) {
		if (now_ms() > until)
			return say("the function does not reset");
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Bits that were set stay: they go by a reset alone. */
static void add_status(const struct net *net, unsigned int bits)
{
	unsigned int status = mmiod_read8(net->common + STATUS);

	mmiod_write8(net->common + STATUS, (uint8_t)(status | bits));
}

static uint64_t offered_features(const struct net *net)
{
	uint64_t features;

	mmiod_write32(net->common + OFFERED_SELECT, 1);
	features = (uint64_t)mmiod_read32(net->common + OFFERED) << 32;
	mmiod_write32(net->common + OFFERED_SELECT, 0);
	return features | mmiod_read32(net->common + OFFERED);
}

static int negotiate(const struct net *net, uint64_t *features)
{
	*features = offered_features(net) & WANTED;
	if (!(*features & VERSION_1))
		return say("the function is older than virtio 1");
	if (!(*features & KEEPS_TO_ADDRESSES) &&
	    !(mmiod_operation_rights(net->operation) & MMIOD_MAY_DMA_TRUSTED))
		return say("the function reads and writes past the IOMMU, and is not trusted");
	mmiod_write32(net->common + ACCEPTED_SELECT, 0);
	mmiod_write32(net->common + ACCEPTED, (uint32_t)*features);
	mmiod_write32(net->common + ACCEPTED_SELECT, 1);
	mmiod_write32(net->common + ACCEPTED, (uint32_t)(*features >> 32));
	add_status(net, STATUS_FEATURES);
	if (mmiod_read8(net->common + STATUS) & STATUS_FEATURES)
		return 0;
	return say("the function does not do with the features that this program knows");
}

static void put64(const struct net *net, unsigned int offset, uint64_t value)
{
	mmiod_write32(net->common + offset, (uint32_t)value);
	mmiod_write32(net->common + offset + 4, (uint32_t)(value >> 32));
}

/* The function answers NO_VECTOR where it has none to give. */
static int set_up_queue(struct net *net, uint16_t index)
{
	const struct structure *notify = &net->structures[TYPE_NOTIFY];
	struct queue *queue = &net->queues[index];
	uint64_t doorbell;

	mmiod_write16(net->common + QUEUE_SELECT, index);
	if (mmiod_read16(net->common + QUEUE_SIZE) < DEPTH)
		return say("its queues are shorter than those of this program");
	doorbell = (uint64_t)mmiod_read16(net->common + QUEUE_DOORBELL) * net->multiplier;
	if (doorbell % sizeof(uint16_t) || doorbell + sizeof(uint16_t) > notify->length)
		return say("the doorbell of a queue is not where doorbells are");
	queue->doorbell = net->notify + doorbell;
	mmiod_write16(net->common + QUEUE_SIZE, DEPTH);
	mmiod_write16(net->common + QUEUE_VECTOR, index);
	if (mmiod_read16(net->common + QUEUE_VECTOR) != index)
		return say("the function has no vector for a queue");
	put64(net, QUEUE_DESCRIPTORS, queue->address);
	put64(net, QUEUE_AVAILABLE, queue->address + AVAILABLE_AT);
	put64(net, QUEUE_USED, queue->address + USED_AT);
	mmiod_write16(net->common + QUEUE_ENABLE, 1);
	return 0;
}

/* Whole only if the function changed nothing meanwhile. */
static void tell_mac(const struct net *net)
{
	unsigned char mac[MAC_LENGTH];
	uint8_t generation;

	do {
		generation = mmiod_read8(net->common + GENERATION);
		mmiod_read8_many(net->device, mac, MAC_LENGTH);
	} while (mmiod_read8(net->common + GENERATION) != generation);
	printf("MAC %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4],
	       mac[5]);
	fflush(stdout);
}

/* It masters the bus only after it has forgotten the queues of whoever had it before. */
static int enable(struct net *net)
{
	uint64_t features;

	if (reset(net))
		return -1;
	if (mmiod_operation_set_master(net->operation, 1, PATIENCE_MS))
		return fail(net, "bus mastering");
	add_status(net, STATUS_SEEN);
	add_status(net, STATUS_DRIVER);
	if (negotiate(net, &features))
		return -1;
	mmiod_write16(net->common + CONFIG_VECTOR, NO_VECTOR);
	if (set_up_queue(net, RECEIVE) || set_up_queue(net, TRANSMIT))
		return -1;
	add_status(net, STATUS_RUNS);
	if (features & HAS_MAC)
		tell_mac(net);
	return 0;
}

/* ---- buffers ---- */

/* The descriptor is in memory before the function finds its number. */
static void offer(struct net *net, unsigned int index, unsigned int buffer, uint32_t length)
{
	struct queue *queue = &net->queues[index];
	struct descriptor *descriptor = &queue->descriptors[buffer];

	descriptor->address = htole64(net->buffers_at + (uint64_t)buffer * BUFFER);
	descriptor->length = htole32(length);
	descriptor->flags = htole16(index == RECEIVE ? DEVICE_WRITES : 0);
	net->holders[buffer] = index;
	queue->available->ids[queue->offered % DEPTH] = htole16((uint16_t)buffer);
	queue->offered++;
	__atomic_store_n(&queue->available->index, htole16(queue->offered), __ATOMIC_RELEASE);
}

/*
 * Our index is in memory before we look whether the function wants to hear of it; it looks once more
 * at the index after it has said so, and neither sleeps while the other waits for it.
 */
static void ring(const struct net *net, uint16_t index)
{
	const struct queue *queue = &net->queues[index];

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (le16toh(queue->used->flags) & NO_DOORBELL)
		return;
	mmiod_wc_flush();
	mmiod_write16(queue->doorbell, index);
}

/* 1: a buffer came back, with so many bytes written; 0: none did; -1: one that it never had. */
static int take_back(struct net *net, unsigned int index, unsigned int *buffer, uint32_t *length)
{
	struct queue *queue = &net->queues[index];
	uint16_t used = le16toh(__atomic_load_n(&queue->used->index, __ATOMIC_ACQUIRE));
	unsigned int at = queue->seen % DEPTH;

	if (used == queue->seen)
		return 0;
	if ((uint16_t)(used - queue->seen) > (uint16_t)(queue->offered - queue->seen))
		return say("the function gives back more buffers than it has");
	*buffer = le32toh(queue->used->elements[at].id);
	*length = le32toh(queue->used->elements[at].length);
	if (*buffer >= DEPTH || net->holders[*buffer] != index)
		return say("the function gives back a buffer that it does not have");
	queue->seen++;
	return 1;
}

static void turn_round(unsigned char *frame)
{
	unsigned char mac[MAC_LENGTH];

	memcpy(mac, frame, MAC_LENGTH);
	memcpy(frame, frame + MAC_LENGTH, MAC_LENGTH);
	memcpy(frame + MAC_LENGTH, mac, MAC_LENGTH);
}

/* Frames beyond the limit, and what is too short to be one, are dropped. */
static int receive(struct net *net)
{
	unsigned int buffer;
	uint32_t length;
	int got;

	while ((got = take_back(net, RECEIVE, &buffer, &length)) > 0) {
		unsigned char *bytes = net->buffers + (size_t)buffer * BUFFER;

		if (length > BUFFER)
			return say("the function says that it wrote beyond a buffer");
		if (length < HEADER + ETHERNET || (net->limit && net->taken == net->limit)) {
			offer(net, RECEIVE, buffer, BUFFER);
			continue;
		}
		net->taken++;
		memset(bytes, 0, HEADER);
		turn_round(bytes + HEADER);
		offer(net, TRANSMIT, buffer, length);
	}
	return got;
}

static int collect_sent(struct net *net)
{
	unsigned int buffer;
	uint32_t length;
	int got;

	while ((got = take_back(net, TRANSMIT, &buffer, &length)) > 0) {
		net->echoed++;
		offer(net, RECEIVE, buffer, BUFFER);
	}
	return got;
}

/* In the beginning all buffers wait for frames. */
static void offer_all(struct net *net)
{
	for (unsigned int i = 0; i < DEPTH; i++)
		offer(net, RECEIVE, i, BUFFER);
	ring(net, RECEIVE);
}

static int look_at_queues(struct net *net)
{
	const uint16_t before[QUEUES] = { net->queues[0].offered, net->queues[1].offered };

	if (receive(net) || collect_sent(net))
		return -1;
	for (uint16_t i = 0; i < QUEUES; i++)
		if (net->queues[i].offered != before[i])
			ring(net, i);
	return 0;
}

/* ---- interrupts ---- */

/* One that came too often is silenced for a moment; meanwhile the queues are looked at unasked. */
static int look_at_flags(const struct net *net, struct queue *queue)
{
	enum mmiod_state state;
	unsigned int flags;

	if (mmiod_interrupt_flags(queue->interrupt, &flags) ||
	    mmiod_interrupt_state(queue->interrupt, &state))
		return fail(net, "an interrupt");
	if (state != MMIOD_STATE_OK || flags & MMIOD_IRQ_SILENT)
		return say("somebody has reset the function, or put it to sleep");
	if (flags & MMIOD_IRQ_STORM)
		queue->silenced = true;
	return 0;
}

static int hear(const struct net *net, struct queue *queue, short events)
{
	int err;

	if (events & POLLPRI && look_at_flags(net, queue))
		return -1;
	if (queue->silenced) {
		err = mmiod_interrupt_unmask(queue->interrupt);
		if (err && err != -EAGAIN)
			return fail(net, "an interrupt after a storm");
		queue->silenced = err;
	}
	if (!(events & (POLLIN | POLLHUP | POLLERR)))
		return 0;
	err = mmiod_interrupt_wait(queue->interrupt, 0, NULL);
	if (!err || err == -ETIMEDOUT)
		return 0;
	if (look_at_flags(net, queue))
		return -1;
	return queue->silenced ? 0 : fail(net, "an interrupt");
}

static int await_interrupts(struct net *net, int timeout_ms)
{
	struct pollfd files[QUEUES];

	for (unsigned int i = 0; i < QUEUES; i++) {
		const struct queue *queue = &net->queues[i];

		files[i].fd = mmiod_interrupt_fd(queue->interrupt);
		files[i].events = queue->silenced ? 0 : POLLIN | POLLPRI;
		if (queue->silenced && timeout_ms > STORM_PAUSE_MS)
			timeout_ms = STORM_PAUSE_MS;
	}
	if (poll(files, QUEUES, timeout_ms) < 0)
		return say(strerror(errno));
	for (unsigned int i = 0; i < QUEUES; i++)
		if (hear(net, &net->queues[i], files[i].revents))
			return -1;
	return 0;
}

/* ---- echoes ---- */

static int tell_silence(const struct net *net)
{
	if (mmiod_read8(net->common + STATUS) & STATUS_BROKEN)
		return say("the function asks to be reset");
	return net->limit ? say("no more frames come") : 0;
}

/* What is echoed was sent: the function is done with its buffer. */
static int echo(struct net *net)
{
	int64_t last = now_ms();
	unsigned long before;

	for (;;) {
		int64_t rest = last + net->patience_ms - now_ms();

		before = net->taken + net->echoed;
		if (look_at_queues(net))
			return -1;
		if (net->limit && net->echoed == net->limit)
			return 0;
		if (net->taken + net->echoed != before)
			last = now_ms();
		else if (rest <= 0)
			return tell_silence(net);
		else if (await_interrupts(net, (int)rest))
			return -1;
	}
}

static int work(void *argument)
{
	struct net *net = argument;
	int err;

	if (enable(net))
		return -1;
	offer_all(net);
	err = echo(net);
	printf("%lu frames were echoed\n", net->echoed);
	return err;
}

static int stop(void *argument)
{
	return reset(argument);
}

/* The registers may be taken away at any access. */
static int run(struct net *net)
{
	int err = mmiod_guard(work, net), stopped = mmiod_guard(stop, net);

	if (err == -ENODEV || stopped == -ENODEV)
		return say("the function or its memory was taken away");
	return err ? err : stopped;
}

static bool is_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *number <= max;
}

int main(int argc, char **argv)
{
	struct net net = { .patience_ms = PATIENCE_MS };
	unsigned long seconds = PATIENCE_MS / 1000;
	int err;

	if (argc < 4 || argc > 5 || !is_number(argv[3], ULONG_MAX, &net.limit) ||
	    (argc > 4 && !is_number(argv[4], INT_MAX / 1000, &seconds))) {
		say("usage: virtio-net-echo DEVICE REGION FRAMES [SECONDS]");
		return 2;
	}
	net.patience_ms = (int)seconds * 1000;
	err = take(&net, argv[1], argv[2]);
	if (!err)
		err = run(&net);
	give_back(&net);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
