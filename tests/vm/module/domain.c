// SPDX-License-Identifier: MIT
/* What the tests of domains share: see domain.h. */
#include <string.h>
#include <unistd.h>

#include "domain.h"

void need_iommu(void)
{
	if (!has_iommu())
		tap_skip("this machine has no IOMMU");
}

uint32_t right_to_dma(int control, uint32_t device)
{
	return device_info(control, device).flags & MMIOD_FUNCTION_ISOLATED ? DMA : TRUSTED;
}

struct driver take(uint32_t device, const char *name, uint64_t owner)
{
	struct driver driver = { .control = open_control(), .owner = owner };

	need_iommu();
	driver.file =
		operate(driver.control, device,
			READ | MASTER | right_to_dma(driver.control, device), NO_RESET, owner);
	driver.registers = window_on_bar(driver.control, device, name, owner);
	EXPECT(driver.registers >= 0);
	EXPECT_EQ(set_master(driver.file, true), 0);
	return driver;
}

struct driver take_edu(void)
{
	need_iommu();
	return take(edu(), "edu", 1);
}

struct mmiod_buffer_create buffer_of(const struct driver *driver)
{
	return (struct mmiod_buffer_create){ .size = sizeof(struct mmiod_buffer_create),
					     .kind = MMIOD_BUFFER_DMA,
					     .node = -1,
					     .length = page(),
					     .device_file = query(driver->file).id,
					     .tag = "domain test" };
}

int try_dma(int control, struct mmiod_buffer_create *create)
{
	return ioctl(control, MMIOD_IOC_BUFFER_CREATE, create) ? -1 : create->fd;
}

int try_fixed(const struct driver *driver, uint64_t iova, uint64_t length, uint64_t *next)
{
	struct mmiod_buffer_create create = buffer_of(driver);
	int fd;

	create.dma_flags = FIXED;
	create.iova = iova;
	create.length = length;
	fd = try_dma(driver->control, &create);
	if (next)
		*next = create.iova;
	return fd;
}

void fill(struct target *target)
{
	EXPECT_EQ(allocate(target->fd), 0);
	target->iova = iova_of(target->fd);
	target->memory = map_window(target->fd, page(), RW);
	for (size_t i = 0; i < page(); i++)
		EXPECT_EQ(target->memory[i], 0);
	memset(target->memory, PATTERN, page());
}

struct target target_of(const struct driver *driver)
{
	struct mmiod_buffer_create create = buffer_of(driver);
	struct target target = { .fd = try_dma(driver->control, &create) };

	EXPECT(target.fd >= 0);
	fill(&target);
	EXPECT_EQ(target.iova, create.iova);
	return target;
}

bool is_full_of(const volatile uint8_t *memory, size_t length, uint8_t value)
{
	for (size_t i = 0; i < length; i++)
		if (memory[i] != value)
			return false;
	return true;
}

void transfer(const struct driver *driver, uint64_t iova, uint32_t direction)
{
	start_copy(driver->registers, iova, LENGTH, direction);
	finish_copy(driver->registers);
}

void clear_engine(const struct driver *driver)
{
	struct target target = target_of(driver);

	memset(target.memory, 0, page());
	transfer(driver, target.iova, 0);
	munmap(target.memory, page());
	close(target.fd);
}

uint32_t pair(void)
{
	for (unsigned int bus = 1; bus < 32; bus++) {
		uint32_t device = MMIOD_PCI_ADDR(0, bus, 0, 0), ids;

		if (access(pci_path(device), F_OK) || access(pci_path(device + 1), F_OK))
			continue;
		past_the_module(device, &ids, sizeof(ids), 0);
		if (ids == 0x11e81234)
			return device;
	}
	return PCI_NONE;
}
