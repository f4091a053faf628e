// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "interrupts.h"

uint32_t edu(void)
{
	return find_pci(0x1234, 0x11e8);
}

int edu_window(int control)
{
	return window(control, "edu", 0, page(), MMIOD_ATTR_UC, 0);
}

void poke(int fd, uint64_t offset, uint32_t value)
{
	EXPECT_EQ(pwrite(fd, &value, sizeof(value), offset), sizeof(value));
}

#define DMA_FROM 0x80
#define DMA_TO 0x88
#define DMA_LENGTH 0x90
#define EDU_MEMORY 0x40000

void start_copy(int registers, uint64_t address, uint32_t length, uint32_t command)
{
	bool to_memory = command & EDU_TO_MEMORY;

	EXPECT_EQ(address >> 32, 0);
	poke(registers, DMA_FROM, to_memory ? EDU_MEMORY : address);
	poke(registers, DMA_TO, to_memory ? address : EDU_MEMORY);
	poke(registers, DMA_LENGTH, length);
	poke(registers, EDU_COMMAND, EDU_RUNS | command);
}

void finish_copy(int registers)
{
	uint32_t command = EDU_RUNS;

	while (command & EDU_RUNS)
		EXPECT_EQ(pread(registers, &command, 4, EDU_COMMAND), 4);
}

int try_interrupt(int control, struct mmiod_interrupt_create *create)
{
	create->size = sizeof(*create);
	return ioctl(control, MMIOD_IOC_INTERRUPT_CREATE, create) ? -1 : create->fd;
}

int interrupt(int control, uint32_t device, uint32_t kind, uint32_t vector, uint32_t flags)
{
	struct mmiod_interrupt_create create = { .device = device,
						 .kind = kind,
						 .vector = vector,
						 .flags = flags,
						 .owner = 7,
						 .tag = "interrupt test" };
	int fd;

	allow_handlers_all_time();
	fd = try_interrupt(control, &create);
	if (fd < 0)
		FAIL("no interrupt %u of kind %u: %s", vector, kind, strerror(errno));
	return fd;
}

struct mmiod_interrupt_query query_interrupt(int fd)
{
	struct mmiod_interrupt_query query = { .size = sizeof(query) };

	if (ioctl(fd, MMIOD_IOC_INTERRUPT_QUERY, &query))
		FAIL("QUERY of an interrupt: %s", strerror(errno));
	return query;
}

struct mmiod_interrupt_info interrupt_info(int control, uint64_t id)
{
	struct mmiod_interrupt_info info = { .size = sizeof(info), .id = id - 1 };

	if (ioctl(control, MMIOD_IOC_INTERRUPT_NEXT, &info) || info.id != id)
		FAIL("interrupt %llu is not in the ledger", (unsigned long long)id);
	return info;
}

struct mmiod_device_info device_info(int control, uint32_t device)
{
	struct mmiod_device_info info = { .size = sizeof(info), .cursor = device };

	if (ioctl(control, MMIOD_IOC_DEVICE_NEXT, &info) || info.device != device)
		FAIL("device 0x%x is not listed", device);
	return info;
}

int mask_interrupt(int fd, bool on)
{
	struct mmiod_interrupt_mask arg = { .size = sizeof(arg), .on = on };

	return ioctl(fd, MMIOD_IOC_INTERRUPT_MASK, &arg);
}

int trigger(int fd)
{
	struct mmiod_interrupt_trigger arg = { .size = sizeof(arg) };

	return ioctl(fd, MMIOD_IOC_INTERRUPT_TRIGGER, &arg);
}

int set_eventfd(int fd, int eventfd)
{
	struct mmiod_interrupt_eventfd arg = { .size = sizeof(arg), .fd = eventfd };

	return ioctl(fd, MMIOD_IOC_INTERRUPT_SET_EVENTFD, &arg);
}

static short poll_within(int fd, short events, int milliseconds)
{
	struct pollfd ready = { .fd = fd, .events = events };

	EXPECT(poll(&ready, 1, milliseconds) >= 0);
	return ready.revents;
}

short poll_now(int fd)
{
	return poll_within(fd, POLLIN | POLLOUT | POLLPRI | POLLMSG, 0);
}

short poll_for(int fd, short events)
{
	short found = poll_within(fd, events, 20000);

	if (!found)
		FAIL("poll does not say 0x%x", events);
	return found;
}

uint64_t count_from(int fd, uint64_t least)
{
	uint64_t count = 0;

	for (int i = 0; i < 20000; i++, usleep(1000)) {
		count = query_interrupt(fd).count;
		if (count >= least)
			return count;
	}
	FAIL("%llu interrupts came, not %llu", (unsigned long long)count,
	     (unsigned long long)least);
}

void set_parameter(const char *name, const char *value)
{
	EXPECT_EQ(write_file("/sys/module/mmiod/parameters", name, value), 0);
}

void allow_handlers_all_time(void)
{
	set_parameter("device_time", "1000");
	set_parameter("total_time", "1000");
}

unsigned int line_of(uint32_t device)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/irq", pci_path(device));
	return strtoul(read_file(path), NULL, 10);
}

unsigned int unhandled(unsigned int line)
{
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/irq/%u/spurious", line);
	at = strstr(read_file(path), "unhandled ");
	return at ? strtoul(at + strlen("unhandled "), NULL, 10) : ~0u;
}

int dma_buffer(int control, uint32_t device, uint64_t length)
{
	int fd = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_DMA,
								   .length = length,
								   .node = -1,
								   .pci = device });

	EXPECT(fd >= 0);
	EXPECT_EQ(allocate(fd), 0);
	return fd;
}
