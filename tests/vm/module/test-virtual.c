// SPDX-License-Identifier: MIT
/*
 * Functions of a card with SR-IOV. The virtual ones come and go as the kernel's driver of their
 * physical one is told to. In their configuration space they have neither ids nor a bit for memory.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include <linux/nvme_ioctl.h>

#include "device.h"
#include "nvme.h"

#define RESET MMIOD_OPERATE_RESET
#define OTHERS MMIOD_OPERATE_RESET_OTHERS
#define MSIX MMIOD_INTERRUPT_MSIX
#define TRUSTED MMIOD_INTERRUPT_TRUSTED

#define IDS 0x00101b36
#define MEMORY 0x2

static const char *name_of(uint32_t device)
{
	return strrchr(pci_path(device), '/') + 1;
}

static int set_virtual_functions(uint32_t physical, const char *count)
{
	return write_file(pci_path(physical), "sriov_numvfs", count);
}

/* The physical function, which the kernel's driver has; and so many virtual ones that none has. */
static uint32_t card_with(const char *count)
{
	uint32_t physical = card();
	char path[128];

	snprintf(path, sizeof(path), "%s/sriov_numvfs", pci_path(physical));
	if (access(path, F_OK))
		tap_skip("this kernel knows no virtual functions");
	EXPECT_EQ(write_file(pci_path(physical), "sriov_drivers_autoprobe", "0"), 0);
	EXPECT_EQ(set_virtual_functions(physical, count), 0);
	return physical;
}

/* ---- the driver of the physical function, which shares out what the card has ---- */

#define MANAGE 0x1c
#define ASSIGN 8
#define SWITCH_ON 9
#define QUEUES 0
#define VECTORS 1

static int open_driver(uint32_t physical)
{
	char path[128], node[64];
	int fd;

	snprintf(path, sizeof(path), "%s/nvme/nvme*", pci_path(physical));
	EXPECT(first_match(path));
	snprintf(node, sizeof(node), "/dev/%s", strrchr(first_match(path), '/') + 1);
	fd = open(node, O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0);
	return fd;
}

/* Of the first virtual function, which is the controller after the physical one. */
static void manage(int fd, unsigned int action, unsigned int resource, unsigned int count)
{
	struct nvme_admin_cmd command = { .opcode = MANAGE,
					  .cdw10 = 1 << 16 | resource << 8 | action,
					  .cdw11 = count };

	EXPECT_EQ(ioctl(fd, NVME_IOCTL_ADMIN_CMD, &command), 0);
}

/* The first virtual function, with two queues and a vector that work, and bound to the module. */
static uint32_t virtual_function(void)
{
	uint32_t physical = card_with("2"), virtual = physical + 1;
	int fd = open_driver(physical);

	manage(fd, ASSIGN, QUEUES, 2);
	manage(fd, ASSIGN, VECTORS, 1);
	manage(fd, SWITCH_ON, 0, 0);
	close(fd);
	bind_driver(virtual, "mmiod");
	return virtual;
}

static int registers_of(int control, uint32_t device)
{
	struct mmiod_region_claim claim = { .pci = device, .name = "virtual" };

	return window_on(control, claim_bar(control, claim), NVME_TABLE, 0);
}

/* ---- virtual functions ---- */

TEST(a_virtual_function_is_driven_by_its_window_and_its_vector_also_after_a_reset)
{
	uint32_t device = virtual_function();
	int control = open_control(), registers = registers_of(control, device), vector, file;
	uint64_t before, id = window_id(registers);
	struct nvme nvme;

	nvme_use(&nvme, control, registers, dma_buffer(control, device, NVME_MEMORY));
	vector = interrupt(control, device, MSIX, 0, TRUSTED);
	nvme_start(&nvme);
	nvme_command(&nvme, 0);
	before = count_from(vector, 1);
	file = operate(control, device, READ | RESET | OTHERS, 0, 1);
	EXPECT_EQ(reset_now(file, NULL), 0);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, id));
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, id));
	EXPECT(!nvme_is_on(&nvme));
	nvme_start(&nvme);
	nvme_command(&nvme, 0);
	EXPECT(count_from(vector, before + 1));
}

TEST(the_configuration_of_a_virtual_function_has_the_ids_of_its_card_and_no_pin)
{
	uint32_t device = card_with("1") + 1, ids;
	int control = open_control(), file;
	uint16_t id;
	uint8_t byte;

	bind_driver(device, "mmiod");
	file = operate(control, device, READ, 0, 1);
	past_the_module(device, &ids, sizeof(ids), 0);
	EXPECT_EQ(ids, 0xffffffff);
	EXPECT_EQ(pread(file, &ids, sizeof(ids), 0), sizeof(ids));
	EXPECT_EQ(ids, IDS);
	EXPECT_EQ(pread(file, &id, sizeof(id), 2), sizeof(id));
	EXPECT_EQ(id, IDS >> 16);
	EXPECT_EQ(pread(file, &byte, 1, 1), 1);
	EXPECT_EQ(byte, IDS >> 8 & 0xff);
	EXPECT_EQ(pread(file, &byte, 1, 0x3d), 1);
	EXPECT_EQ(byte, 0);
	EXPECT(device_info(control, device).flags & MMIOD_FUNCTION_VF);
	EXPECT(!(device_info(control, device).flags & MMIOD_FUNCTION_INTX));
}

/* One of QEMU's has such a bit, so that it is cleared, and what lies in the window is not looked at. */
TEST(a_virtual_function_decodes_memory_without_a_bit_for_it)
{
	uint32_t device = card_with("1") + 1;
	int control = open_control();

	bind_driver(device, "mmiod");
	set_pci_command(device, MEMORY, false);
	close(registers_of(control, device));
}

TEST(a_virtual_function_that_is_taken_away_takes_its_windows_and_vectors_with_it)
{
	uint32_t physical = card_with("2"), device = physical + 1, generation, value;
	int control = open_control(), registers, vector;
	volatile uint8_t *mapped;

	bind_driver(device, "mmiod");
	generation = device_info(control, device).generation;
	registers = registers_of(control, device);
	vector = interrupt(control, device, MSIX, 0, TRUSTED);
	mapped = map_window(registers, NVME_TABLE, PROT_READ);
	EXPECT_EQ(touch_read(mapped + 8), 0);
	EXPECT_EQ(set_virtual_functions(physical, "0"), 0);
	EXPECT(happens(control, MMIOD_CONTROL_DEVICE_GONE, generation, device));
	EXPECT_EQ(touch_read(mapped + 8), SIGBUS);
	EXPECT_ERRNO(pread(registers, &value, sizeof(value), 8), ENODEV);
	EXPECT_ERRNO(read(vector, &value, sizeof(value)), ENODEV);
	EXPECT(access(pci_path(device), F_OK));
}

/* ---- what is not bound ---- */

static int try_bind(uint32_t device)
{
	bind_driver(device, "");
	EXPECT_EQ(write_file(pci_path(device), "driver_override", "mmiod"), 0);
	return write_file("/sys/bus/pci/drivers/mmiod", "bind", name_of(device));
}

TEST(a_physical_function_is_not_bound_while_it_has_virtual_ones_and_gets_none_while_it_is)
{
	uint32_t physical = card_with("1");

	EXPECT_ERRNO(try_bind(physical), EBUSY);
	EXPECT_EQ(access(pci_path(physical + 1), F_OK), 0);
	bind_driver(physical, "nvme");
	EXPECT_EQ(set_virtual_functions(physical, "0"), 0);
	EXPECT_EQ(try_bind(physical), 0);
	EXPECT_ERRNO(set_virtual_functions(physical, "1"), ENOENT);
	EXPECT(access(pci_path(physical + 1), F_OK));
}

/* Its port, of which no test wants to know when something is plugged. */
TEST(a_bridge_is_not_bound)
{
	char path[128], *port;
	unsigned int slot;

	snprintf(path, sizeof(path), "%s/..", pci_path(card()));
	port = realpath(path, NULL);
	EXPECT(port);
	EXPECT_EQ(sscanf(strrchr(port, '/'), "/0000:00:%x.0", &slot), 1);
	EXPECT_ERRNO(try_bind(MMIOD_PCI_ADDR(0, 0, slot, 0)), EINVAL);
	bind_driver(MMIOD_PCI_ADDR(0, 0, slot, 0), "pcieport");
}
