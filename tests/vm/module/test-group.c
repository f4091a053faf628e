// SPDX-License-Identifier: MIT
/*
 * What an IOMMU makes of a function: its group is claimed, so that its writes to memory are blocked
 * and its messages are its own, and lent to the kernel while it has buffers of the kernel's.
 */
#include <unistd.h>

#include "interrupts.h"

#define MSI MMIOD_INTERRUPT_MSI
#define TRUSTED MMIOD_INTERRUPT_TRUSTED
#define ISOLATED MMIOD_FUNCTION_ISOLATED
#define MASTER 0x4

static void need_iommu(void)
{
	if (!has_iommu())
		tap_skip("this machine has no IOMMU");
}

static int try_msi(int control, uint32_t flags)
{
	struct mmiod_interrupt_create create = { .device = edu(), .kind = MSI, .flags = flags };

	return try_interrupt(control, &create);
}

TEST(messages_of_a_function_that_an_iommu_isolates_need_nobodys_word)
{
	int control = open_control(), registers = edu_window(control), fd;
	struct mmiod_device_info info;

	need_iommu();
	info = device_info(control, edu());
	EXPECT_EQ(info.claim_error, 0);
	EXPECT(info.group != MMIOD_GROUP_NONE);
	EXPECT(info.flags & ISOLATED);
	EXPECT(info.flags & MMIOD_FUNCTION_MSI_ISOLATED);
	fd = interrupt(control, edu(), MSI, 0, 0);
	EXPECT(pci_command(edu()) & MASTER);
	for (int i = 1; i <= 10; i++) {
		poke(registers, EDU_RAISE, 1);
		EXPECT_EQ(count_from(fd, i), i);
	}
	close(fd);
	EXPECT(!(pci_command(edu()) & MASTER));
}

TEST(what_a_function_writes_that_an_iommu_isolates_arrives_nowhere)
{
	const struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_PAGES, .zone = MMIOD_ZONE_DMA32, .node = -1, .length = page()
	};
	int control = open_control(), registers = edu_window(control), buffer;
	uint8_t *memory;

	need_iommu();
	interrupt(control, edu(), MSI, 0, 0);
	buffer = try_buffer(control, create);
	memory = map_window(buffer, page(), PROT_READ | PROT_WRITE);
	memset(memory, 0x5a, page());
	EXPECT(pci_command(edu()) & MASTER);
	start_copy(registers, buffer_info(control, buffer, 0).phys, 64, EDU_TO_MEMORY);
	usleep(500000);
	for (size_t i = 0; i < page(); i++)
		EXPECT_EQ(memory[i], 0x5a);
}

TEST(an_iommus_claim_is_lent_while_there_are_buffers_and_taken_back_after_them)
{
	const struct mmiod_buffer_create create = {
		.kind = MMIOD_BUFFER_DMA, .length = page(), .node = -1, .pci = edu()
	};
	int control = open_control(), fd, buffer;

	region(control, "edu");
	need_iommu();
	fd = interrupt(control, edu(), MSI, 0, 0);
	EXPECT_ERRNO(try_buffer(control, create), EBUSY);
	close(fd);
	for (int i = 0; i < 20000 && device_info(control, edu()).vectors; i++)
		usleep(1000);
	buffer = dma_buffer(control, edu(), page());
	EXPECT(!(device_info(control, edu()).flags & ISOLATED));
	EXPECT_ERRNO(try_msi(control, 0), EPERM);
	fd = try_msi(control, TRUSTED);
	EXPECT(fd >= 0);
	close(buffer);
	EXPECT(!(pci_command(edu()) & MASTER));
	EXPECT(device_info(control, edu()).flags & ISOLATED);
	close(fd);
	EXPECT(try_msi(control, 0) >= 0);
}

TEST(a_function_of_an_iommu_can_be_unbound_with_buffers_and_interrupts_and_bound_again)
{
	int control = open_control(), fd, buffer;

	region(control, "edu");
	need_iommu();
	buffer = dma_buffer(control, edu(), page());
	fd = try_msi(control, TRUSTED);
	EXPECT(fd >= 0);
	bind_driver(edu(), "");
	bind_driver(edu(), "mmiod");
	close(buffer);
	close(fd);
	EXPECT(device_info(control, edu()).flags & ISOLATED);
	EXPECT(try_msi(control, 0) >= 0);
	bind_driver(edu(), "");
	bind_driver(edu(), "mmiod");
	EXPECT(try_msi(control, 0) >= 0);
}
