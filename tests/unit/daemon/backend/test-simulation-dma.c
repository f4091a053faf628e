// SPDX-License-Identifier: MIT
/* Memory for simulated devices: the addresses are chosen and refused as the module does it. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "daemon/backend/backend.h"

#define PAGE 4096u
#define MEBI (1ull << 20)

static struct backend *backend;
static struct backend_device device;
static struct mmiod_control_event events[32];
static size_t n_events;

static const struct config_function config = { .name = "card",
					       .device = CONFIG_DEVICE_SLOT,
					       .pci = MMIOD_PCI_ADDR(0, 1, 0, 0),
					       .dma = CONFIG_DMA_IOMMU };

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

TestSuite(simulated_dma, .init = start, .fini = stop);

static uint64_t open_device(uint32_t rights, uint32_t bits)
{
	const struct backend_operation operation = {
		.device = device.number, .owner = 1, .rights = rights, .dma_bits = bits
	};
	struct backend_created created = { .fd = -1 };

	cr_assert_eq(backend->ops->open_device(backend, &operation, &created), 0);
	close(created.fd);
	return created.id;
}

static int make(uint64_t operation, uint64_t length, uint64_t iova, struct backend_created *created)
{
	const struct backend_buffer buffer = {
		.memory = MMIOD_MEMORY_DMA,
		.length = length,
		.device_file = operation,
		.iova = iova,
		.dma_flags = iova ? MMIOD_DMA_FIXED_IOVA : 0,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};
	int r;

	*created = (struct backend_created){ .fd = -1 };
	r = backend->ops->create_buffer(backend, &buffer, created);
	cr_assert_eq(r < 0, created->fd < 0);
	if (r == 0)
		close(created->fd);
	return r;
}

static uint64_t placed(uint64_t operation, uint64_t length)
{
	struct backend_created created;

	cr_assert_eq(make(operation, length, 0, &created), 0);
	return created.iova;
}

static uint64_t mapped(void)
{
	struct backend_device now;

	cr_assert_eq(backend->ops->next_device(backend, device.number, &now), 0);
	return now.mapped;
}

Test(simulated_dma, a_device_behind_an_iommu_says_that_it_is_isolated)
{
	cr_assert(device.flags & MMIOD_FUNCTION_ISOLATED);
}

Test(simulated_dma, addresses_are_the_first_free_from_one_mebibyte_on_at_multiples_of_the_size)
{
	uint64_t operation = open_device(MMIOD_OPERATE_DMA, 0);

	cr_assert_eq(placed(operation, PAGE), MEBI);
	cr_assert_eq(placed(operation, PAGE), MEBI + PAGE);
	cr_assert_eq(placed(operation, 3 * PAGE), MEBI + 4 * PAGE);
	cr_assert_eq(placed(operation, 2 * PAGE), MEBI + 2 * PAGE);
	cr_assert_eq(placed(operation, 4 * MEBI), 2 * MEBI);
	cr_assert_eq(mapped(), 7 * PAGE + 4 * MEBI);
}

Test(simulated_dma, what_is_released_is_free_again)
{
	uint64_t operation = open_device(MMIOD_OPERATE_DMA, 0);
	struct backend_created created;

	cr_assert_eq(make(operation, PAGE, 0, &created), 0);
	backend->ops->revoke(backend, created.id);
	cr_assert_eq(mapped(), 0u);
	cr_assert_eq(placed(operation, PAGE), created.iova);
}

Test(simulated_dma, a_fixed_address_is_had_or_refused_with_what_is_free)
{
	uint64_t operation = open_device(MMIOD_OPERATE_DMA, 0);
	struct backend_created created;

	cr_assert_eq(make(operation, PAGE, 0x7000000, &created), 0);
	cr_assert_eq(created.iova, 0x7000000u);
	cr_assert_eq(make(operation, 2 * PAGE, 0x6fff000, &created), -EEXIST);
	cr_assert_eq(created.iova, 0x7002000u);
	cr_assert_eq(make(operation, PAGE, 0xfee00000, &created), -EINVAL, "kept for interrupts");
	cr_assert_eq(created.iova, 0xfef00000u);
	cr_assert_eq(make(operation, PAGE, PAGE, &created), -EINVAL, "below a mebibyte");
	cr_assert_eq(created.iova, MEBI);
	cr_assert_eq(make(operation, PAGE, 1ull << 32, &created), -EINVAL, "32 bits");
	cr_assert_eq(created.iova, MEBI);
	cr_assert_eq(make(operation, PAGE, UINT64_MAX - PAGE + 1, &created), -EINVAL);
}

Test(simulated_dma, more_bits_are_more_addresses)
{
	uint64_t operation = open_device(MMIOD_OPERATE_DMA, 36);
	struct backend_created created;

	cr_assert_eq(make(operation, PAGE, 1ull << 35, &created), 0);
	cr_assert_eq(make(operation, PAGE, 1ull << 36, &created), -EINVAL);
	cr_assert_eq(make(operation, PAGE, 1ull << 35, &created), -EEXIST);
}

Test(simulated_dma, a_narrow_device_is_full_at_some_time)
{
	uint64_t operation = open_device(MMIOD_OPERATE_DMA, 24);
	struct backend_created created;

	for (int i = 0; i < 7; i++)
		cr_assert_eq(placed(operation, 2 * MEBI), 2 * MEBI * (uint64_t)(i + 1));
	cr_assert_eq(make(operation, 2 * MEBI, 0, &created), -ENOSPC);
	cr_assert_eq(created.iova, MMIOD_IOVA_NONE);
	cr_assert_eq(placed(operation, PAGE), MEBI);
}

Test(simulated_dma, memory_is_for_device_files_that_are_there_and_may_have_it)
{
	uint64_t without = open_device(MMIOD_OPERATE_CONFIG_READ, 0);
	struct backend_created created;

	cr_assert_eq(make(without, PAGE, 0, &created), -EOPNOTSUPP);
	cr_assert_eq(make(without + 1000, PAGE, 0, &created), -ENOENT);
}

static void take_event(void *data, const struct mmiod_control_event *event)
{
	cr_assert_lt(n_events, sizeof(events) / sizeof(events[0]));
	events[n_events++] = *event;
}

Test(simulated_dma, memory_is_revoked_when_its_operator_ends)
{
	uint64_t operation = open_device(MMIOD_OPERATE_DMA, 0);
	struct pollfd file = { .fd = backend->event_fd, .events = POLLIN };
	struct backend_created a, b;

	cr_assert_eq(make(operation, PAGE, 0, &a), 0);
	cr_assert_eq(make(operation, PAGE, 0, &b), 0);
	backend->ops->revoke(backend, operation);
	for (int i = 0; i < 100 && n_events < 2; i++) {
		cr_assert_eq(poll(&file, 1, 10000), 1);
		backend->ops->read_events(backend, take_event, NULL);
	}
	cr_assert_eq(n_events, 2u);
	for (size_t i = 0; i < n_events; i++) {
		cr_assert_eq(events[i].type, MMIOD_CONTROL_WINDOW_STATE);
		cr_assert_eq(events[i].value, MMIOD_WINDOW_REVOKED);
		cr_assert(events[i].id == a.id || events[i].id == b.id);
	}
	cr_assert_neq(events[0].id, events[1].id);
	cr_assert_eq(mapped(), 0u);
}
