// SPDX-License-Identifier: MIT
/* Device files in simulation: what their bits make happen, and who is told. */
#include <criterion/criterion.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "daemon/backend/backend.h"
#include "daemon/backend/simulation-space.h"

#define COMMAND PCI_COMMAND
#define POWER (SPACE_PM + PCI_PM_CTRL)
#define CONTROL (SPACE_EXPRESS + PCI_EXP_DEVCTL)
#define ALL                                                                              \
	(MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_CONFIG_WRITE | MMIOD_OPERATE_MASTER | \
	 MMIOD_OPERATE_RESET | MMIOD_OPERATE_POWER)

static struct backend *backend;
static struct backend_device device;
static struct backend_region region;
static struct mmiod_control_event events[32];
static size_t n_events;

static struct config_function config = { .name = "card",
					 .device = CONFIG_DEVICE_SLOT,
					 .pci = MMIOD_PCI_ADDR(0, 1, 0, 0),
					 .vectors = 4 };
static struct config_region memory = { .name = "regs",
				       .device = CONFIG_DEVICE_SLOT,
				       .pci = MMIOD_PCI_ADDR(0, 1, 0, 0),
				       .length = 4096,
				       .memtypes = 1u << MMIOD_MEMTYPE_UC,
				       .memtype = MMIOD_MEMTYPE_UC };

static void start(void)
{
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);

	cr_assert_eq(backend_simulation_open(&backend, &why), 0, "%s", buffer);
	cr_assert_eq(backend->ops->find_device(backend, &config, &device, &why), 0);
	cr_assert_eq(backend->ops->claim(backend, &memory, &region, &why), 0, "%s", buffer);
}

static void stop(void)
{
	backend->ops->close(backend);
}

TestSuite(simulated_operate, .init = start, .fini = stop);

static struct backend_created open_device(uint32_t rights)
{
	const struct backend_operation operation = { .device = device.number,
						     .owner = 1,
						     .rights = rights };
	struct backend_created created = { .fd = -1 };

	cr_assert_eq(backend->ops->open_device(backend, &operation, &created), 0);
	cr_assert_geq(created.fd, 0);
	return created;
}

static void take_event(void *data, const struct mmiod_control_event *event)
{
	cr_assert_lt(n_events, sizeof(events) / sizeof(events[0]));
	events[n_events++] = *event;
}

/* Until the backend has something to tell, as the loop does. */
static void await_events(void)
{
	struct pollfd file = { .fd = backend->event_fd, .events = POLLIN };

	n_events = 0;
	for (int i = 0; i < 100 && !n_events; i++) {
		cr_assert_eq(poll(&file, 1, 10000), 1);
		backend->ops->read_events(backend, take_event, NULL);
	}
}

static bool was_told(uint32_t type, uint32_t value, uint64_t id)
{
	for (size_t i = 0; i < n_events; i++)
		if (events[i].type == type && events[i].value == value && events[i].id == id)
			return true;
	return false;
}

static uint16_t get(int fd, unsigned int offset)
{
	uint16_t value = 0xffff;

	cr_assert_eq(pread(fd, &value, sizeof(value), offset), (ssize_t)sizeof(value));
	return value;
}

static void set(int fd, unsigned int offset, uint16_t value)
{
	cr_assert_eq(pwrite(fd, &value, sizeof(value), offset), (ssize_t)sizeof(value));
}

Test(simulated_operate, the_configuration_space_has_a_valid_header_and_its_capabilities)
{
	struct backend_created created = open_device(MMIOD_OPERATE_CONFIG_READ);
	uint8_t at;

	cr_assert_eq(get(created.fd, PCI_VENDOR_ID), 0x1b36);
	cr_assert(get(created.fd, PCI_STATUS) & PCI_STATUS_CAP_LIST);
	at = (uint8_t)get(created.fd, PCI_CAPABILITY_LIST);
	cr_assert_eq(get(created.fd, at) & 0xff, PCI_CAP_ID_PM);
	at = (uint8_t)(get(created.fd, at) >> 8);
	cr_assert_eq(get(created.fd, at) & 0xff, PCI_CAP_ID_EXP);
	at = (uint8_t)(get(created.fd, at) >> 8);
	cr_assert_eq(get(created.fd, at) & 0xff, PCI_CAP_ID_MSIX);
	cr_assert_eq(get(created.fd, at) >> 8, 0, "the last");
	cr_assert_eq(get(created.fd, at + PCI_MSIX_FLAGS), 3, "four vectors");
	cr_assert_eq(lseek(created.fd, 0, SEEK_END), SPACE_SIZE);
	cr_assert_lt(ftruncate(created.fd, 0), 0, "sealed");
	close(created.fd);
}

Test(simulated_operate, who_only_reads_cannot_write)
{
	struct backend_created reader = open_device(MMIOD_OPERATE_CONFIG_READ);
	struct backend_created resetter = open_device(MMIOD_OPERATE_RESET);

	cr_assert_lt(pwrite(reader.fd, "x", 1, COMMAND), 0);
	set(resetter.fd, COMMAND, get(reader.fd, COMMAND));
	close(reader.fd);
	close(resetter.fd);
}

Test(simulated_operate, a_reset_zeroes_the_regions_and_is_told_when_it_begins_and_ends)
{
	const struct config_write write = { .offset = 8, .value = 0x55, .width = 4 };
	const struct backend_window wanted = { .region = region.handle, .length = 4096 };
	struct backend_created created = open_device(ALL), window = { .fd = -1 };
	struct backend_device now;

	cr_assert_eq(backend->ops->create(backend, &wanted, &window), 0);
	cr_assert_eq(backend->ops->write(backend, region.handle, 1, MMIOD_MEMTYPE_UC, &write), 0);
	set(created.fd, COMMAND, get(created.fd, COMMAND) | PCI_COMMAND_MASTER);
	await_events();
	set(created.fd, CONTROL, get(created.fd, CONTROL) | PCI_EXP_DEVCTL_BCR_FLR);
	await_events();
	cr_assert(was_told(MMIOD_CONTROL_DEVICE_RESET, 1, device.number));
	cr_assert(was_told(MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, region.handle));
	cr_assert(was_told(MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, created.id));
	cr_assert(get(created.fd, CONTROL) & PCI_EXP_DEVCTL_BCR_FLR, "it is not over");
	cr_assert_eq(get(window.fd, 8), 0x55);
	await_events();
	cr_assert(was_told(MMIOD_CONTROL_DEVICE_MASTER, 0, device.number));
	cr_assert(was_told(MMIOD_CONTROL_DEVICE_RESET, 0, device.number));
	cr_assert(was_told(MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, region.handle));
	cr_assert(was_told(MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, created.id));
	cr_assert_not(get(created.fd, CONTROL) & PCI_EXP_DEVCTL_BCR_FLR);
	cr_assert_not(get(created.fd, COMMAND) & PCI_COMMAND_MASTER);
	cr_assert_eq(get(window.fd, 8), 0);
	cr_assert_eq(backend->ops->next_device(backend, device.number, &now), 0);
	cr_assert_eq(now.resets, 1u);
	cr_assert_geq(now.reset_us, 20000u);
	cr_assert_eq(now.state, MMIOD_STATE_OK);
	close(created.fd);
	close(window.fd);
}

Test(simulated_operate, bus_mastering_and_power_follow_their_bits)
{
	struct backend_created created = open_device(ALL);
	struct backend_device now;

	set(created.fd, COMMAND, get(created.fd, COMMAND) | PCI_COMMAND_MASTER);
	await_events();
	cr_assert(was_told(MMIOD_CONTROL_DEVICE_MASTER, 1, device.number));
	cr_assert_eq(backend->ops->next_device(backend, device.number, &now), 0);
	cr_assert(now.flags & MMIOD_FUNCTION_MASTER);
	set(created.fd, POWER, 3);
	await_events();
	cr_assert(was_told(MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_SUSPENDED, created.id));
	cr_assert_eq(backend->ops->next_device(backend, device.number, &now), 0);
	cr_assert_eq(now.reasons, MMIOD_REASON_POWER);
	cr_assert_not(now.flags & MMIOD_FUNCTION_MASTER, "asleep it masters nothing");
	set(created.fd, POWER, 0);
	await_events();
	cr_assert(was_told(MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_OK, created.id));
	close(created.fd);
}

Test(simulated_operate, what_the_holder_has_no_right_for_does_not_happen)
{
	struct backend_created created =
		open_device(MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_CONFIG_WRITE);

	set(created.fd, COMMAND, get(created.fd, COMMAND) | PCI_COMMAND_MASTER);
	set(created.fd, CONTROL, get(created.fd, CONTROL) | PCI_EXP_DEVCTL_BCR_FLR);
	set(created.fd, POWER, 3);
	n_events = 0;
	backend->ops->read_events(backend, take_event, NULL);
	cr_assert_eq(n_events, 0u);
	cr_assert_not(get(created.fd, COMMAND) & PCI_COMMAND_MASTER);
	cr_assert_not(get(created.fd, CONTROL) & PCI_EXP_DEVCTL_BCR_FLR);
	cr_assert_eq(get(created.fd, POWER) & PCI_PM_CTRL_STATE_MASK, 0);
	close(created.fd);
}

Test(simulated_operate, what_an_operator_left_switched_on_goes_off_with_his_lease)
{
	struct backend_created created = open_device(ALL);

	set(created.fd, COMMAND, get(created.fd, COMMAND) | PCI_COMMAND_MASTER);
	set(created.fd, POWER, 3);
	await_events();
	cr_assert_eq(backend->ops->revoke(backend, created.id), 0);
	await_events();
	cr_assert_not(get(created.fd, COMMAND) & PCI_COMMAND_MASTER);
	cr_assert_eq(get(created.fd, POWER) & PCI_PM_CTRL_STATE_MASK, 0);
	close(created.fd);
}

Test(simulated_operate, a_device_that_is_not_there_is_not_opened)
{
	const struct backend_operation operation = { .device = device.number + 1, .rights = 1 };
	struct backend_created created = { .fd = -1 };

	cr_assert_eq(backend->ops->open_device(backend, &operation, &created), -ENODEV);
}
