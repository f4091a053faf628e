// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "daemon/backend/backend.h"

static struct backend *backend;
static struct backend_device device;
static struct config_function config = { .name = "card", .interrupts = CONFIG_INTERRUPTS_MSIX };

static void start(void)
{
	char buffer[TEXT_MAX] = "";
	struct text why = TEXT_ON(buffer);

	cr_assert_eq(backend_simulation_open(&backend, &why), 0, "%s", buffer);
	cr_assert_eq(backend->ops->find_device(backend, &config, &device, &why), 0);
}

static void stop(void)
{
	backend->ops->close(backend);
}

TestSuite(simulated_device, .init = start, .fini = stop);

static struct backend_created make(uint32_t period_ms)
{
	const struct backend_interrupt interrupt = {
		.device = device.number,
		.owner = 1,
		.kind = MMIOD_IRQ_MSIX,
		.vectors = 4,
		.period_ms = period_ms,
	};
	struct backend_created created = { .fd = -1 };

	cr_assert_eq(backend->ops->create_interrupt(backend, &interrupt, &created), 0);
	cr_assert_eq(created.vectors, 4u);
	cr_assert_geq(created.fd, 0);
	return created;
}

static size_t open_files(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static uint64_t read_count(int fd)
{
	uint64_t count = 0;

	cr_assert_eq(read(fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	return count;
}

Test(simulated_device, is_the_same_one_after_a_reload_and_listed)
{
	struct config_function other = { .name = "other",
					 .device = CONFIG_DEVICE_SLOT,
					 .pci = MMIOD_PCI_ADDR(0, 1, 0, 0) };
	struct backend_device again, second, found;
	struct text why = { 0 };

	cr_assert_eq(backend->ops->find_device(backend, &config, &again, &why), 0);
	cr_assert_eq(again.number, device.number);
	cr_assert_str_eq(again.address, "simulation");
	cr_assert_eq(backend->ops->find_device(backend, &other, &second, &why), 0);
	cr_assert_neq(second.number, device.number);
	cr_assert_str_eq(second.address, "0000:01:00.0");
	cr_assert_eq(backend->ops->next_device(backend, device.number, &found), 0);
	cr_assert_eq(found.number, device.number);
	cr_assert_eq(backend->ops->next_device(backend, device.number + 1, &found), 0);
	cr_assert_eq(found.number, second.number);
	cr_assert_eq(backend->ops->next_device(backend, second.number + 1, &found), -ENOENT);
}

Test(simulated_device, an_interrupt_is_an_eventfd_that_its_holder_fires)
{
	struct backend_created created = make(0);

	cr_assert_eq(eventfd_write(created.fd, 2), 0);
	cr_assert_eq(read_count(created.fd), 2u);
	cr_assert_eq(fcntl(created.fd, F_GETFD), FD_CLOEXEC);
	close(created.fd);
}

Test(simulated_device, ids_are_those_of_windows)
{
	struct backend_created first = make(0), second = make(0);

	cr_assert_gt(second.id, first.id);
	close(first.fd);
	close(second.fd);
}

Test(simulated_device, one_with_a_period_fires_by_itself_until_it_is_revoked)
{
	size_t files = open_files();
	struct backend_created created = make(1);

	cr_assert_gt(read_count(created.fd), 0u);
	cr_assert_gt(read_count(created.fd), 0u);
	cr_assert_eq(backend->ops->revoke(backend, created.id), 0);
	close(created.fd);
	cr_assert_eq(open_files(), files, "its thread and its timer are gone");
}

Test(simulated_device, a_counter_that_its_holder_has_filled_makes_nobody_wait)
{
	struct backend_created created = make(1);
	eventfd_t count;

	cr_assert_eq(fcntl(created.fd, F_SETFL, O_NONBLOCK), 0);
	while (eventfd_write(created.fd, UINT64_MAX - 1) < 0)
		(void)eventfd_read(created.fd, &count); /* it has come meanwhile */
	cr_assert_eq(fcntl(created.fd, F_SETFL, 0), 0);
	cr_assert_eq(backend->ops->revoke(backend, created.id), 0);
	close(created.fd);
}

Test(simulated_device, what_is_left_ends_with_the_backend)
{
	close(make(1).fd);
	close(make(1).fd);
}

Test(simulated_device, of_another_id_nothing_is_revoked)
{
	struct backend_created created = make(1);

	cr_assert_eq(backend->ops->revoke(backend, created.id + 1), 0);
	cr_assert_gt(read_count(created.fd), 0u);
	cr_assert_eq(backend->ops->set_state(backend, created.id, MMIOD_STATE_SUSPENDED), 0);
	cr_assert_gt(read_count(created.fd), 0u, "simulation suspends nothing");
	close(created.fd);
}
