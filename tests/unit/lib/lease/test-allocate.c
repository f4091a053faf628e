/* SPDX-License-Identifier: MIT */
/*
 * Allocations. The fake daemon's windows are memory files, which know no MMIOD_IOC_ALLOCATE: the
 * fake module's ioctl() answers it.
 */
#include "support/fake.h"
#include "support/module.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct allocate_rig {
	uint32_t backend;
	struct mmiod_wire_alloc asked[MMIOD_MSG_FDS_MAX]; /* of the first request */
	size_t stride; /* of its elements */
	size_t count;
	uint64_t released[8];
	size_t releases;
	int busy; /* this element, from 1 */
};

static void note_release(struct allocate_rig *rig, const struct mmiod_msg *request)
{
	const uint64_t *ids = (const uint64_t *)((const struct mmiod_msg_end *)request + 1);

	cr_expect_eq(request->opcode, MMIOD_OP_RELEASE);
	for (size_t i = 0; i < request->count; i++)
		memcpy(&rig->released[rig->releases++], &ids[i], sizeof(*ids));
}

static void note_asked(struct allocate_rig *rig, const struct mmiod_msg *request)
{
	rig->stride = request->stride;
	cr_assert_leq(rig->stride, sizeof(rig->asked[0]));
	for (size_t i = 0; i < request->count; i++)
		memcpy(&rig->asked[i], fake_element(request, i), rig->stride);
}

static void serve_allocations(struct fake *fake)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;
	struct allocate_rig *rig = fake->argument;
	ssize_t n;

	fake_accept_silently(fake);
	fake_greet(fake, rig->backend);
	while ((n = recv(fake->sock, fake->request, sizeof(fake->request), 0)) > 0) {
		if (request->opcode != MMIOD_OP_ALLOC) {
			note_release(rig, request);
			fake_end(fake, MMIOD_OK, "");
			continue;
		}
		if (!rig->count)
			note_asked(rig, request);
		fake_grant(fake, request, 17 + rig->count, &(struct flaw){ .busy = rig->busy });
		rig->count += request->count;
	}
	fake_hang_up(fake);
}

struct allocate_test {
	struct allocate_rig rig;
	struct fake fake;
	struct mmiod_client *client;
};

static void begin(struct allocate_test *test, uint32_t backend)
{
	memset(test, 0, sizeof(*test));
	test->rig.backend = backend;
	module.allocations = 0;
	memset(module.allocation_errors, 0, sizeof(module.allocation_errors));
	fake_start(&test->fake, serve_allocations, &test->rig);
	test->client = connect_or_fail(&test->fake);
}

static void end(struct allocate_test *test)
{
	mmiod_client_free(test->client);
	fake_stop(&test->fake);
}

TestSuite(allocate, .timeout = 1200);

/* What a daemon of the first version does not know is sent only if it is asked for. */
Test(allocate, a_time_limit_goes_out_and_nothing_more_than_before_without_one)
{
	struct mmiod_allocation want = { .memory = MMIOD_MEMORY_PAGES, .length = 100 };
	struct allocate_test test;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), 0);
	cr_assert_eq(mmiod_lease_release(lease), 0);
	end(&test);
	cr_assert_eq(test.rig.stride, MMIOD_V1_ALLOC);
	begin(&test, MMIOD_BACKEND_SIMULATION);
	want.lease_ms = 2000;
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), 0);
	cr_assert_eq(mmiod_lease_release(lease), 0);
	want.reserved = 1;
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), -EINVAL);
	end(&test);
	cr_assert_eq(test.rig.stride, sizeof(struct mmiod_wire_alloc));
	cr_assert_eq(test.rig.asked[0].lease_ms, 2000u);
}

Test(allocate, from_a_pool_is_a_lease_like_any_other)
{
	struct mmiod_allocation want = { .region = "pool",
					 .length = 100,
					 .align = 1 << 16,
					 .low = 1 << 20,
					 .high = 1 << 21,
					 .cache = MMIOD_MEMTYPE_WC,
					 .width = 4,
					 .flags = MMIOD_ALLOCATE_ZERO |
						  MMIOD_ALLOCATE_POWER_OF_TWO };
	struct allocate_test test;
	const struct mmiod_wire_alloc *asked = &test.rig.asked[0];
	struct mmiod_mapping *mapping;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), 0);
	cr_assert_eq(mmiod_lease_memory(lease), MMIOD_MEMORY_REGION);
	cr_assert_eq(mmiod_lease_offset(lease), 1 << 20);
	cr_assert_eq(mmiod_lease_length(lease), mmiod_page_size());
	cr_assert_eq(mmiod_lease_map(lease, 0, &mapping), 0);
	cr_assert_eq(mmiod_read32(mmiod_mapping_address(mapping)), 17);
	mmiod_mapping_free(mapping);
	cr_assert_eq(mmiod_lease_release(lease), 0);
	end(&test);
	cr_assert_str_eq(asked->region, "pool");
	cr_assert_eq(asked->length, 100);
	cr_assert_eq(asked->align, 1 << 16);
	cr_assert_eq(asked->low, 1 << 20);
	cr_assert_eq(asked->high, 1 << 21);
	cr_assert_eq(asked->memtype, MMIOD_MEMTYPE_WC);
	cr_assert_eq(asked->width, 4);
	cr_assert_eq(asked->flags, MMIOD_ALLOC_ZERO | MMIOD_ALLOC_POWER_OF_TWO);
	cr_assert_eq(test.rig.released[0], 17);
	cr_assert_eq(module.allocations, 0);
}

Test(allocate, zeros_mean_defaults)
{
	struct mmiod_allocation want = { .memory = MMIOD_MEMORY_PAGES, .length = 1 };
	struct allocate_test test;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), 0);
	cr_assert_eq(mmiod_lease_rights(lease), MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE);
	mmiod_lease_free(lease);
	end(&test);
	cr_assert_eq(test.rig.asked[0].node, -1);
	cr_assert_eq(test.rig.asked[0].zone, MMIOD_MEMORY_ANY);
	cr_assert_str_eq(test.rig.asked[0].region, "");
}

Test(allocate, node_goes_out_one_less_than_it_is_given)
{
	struct mmiod_allocation want = { .memory = MMIOD_MEMORY_VMALLOC, .length = 1, .node = 1 };
	struct allocate_test test;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), 0);
	mmiod_lease_free(lease);
	end(&test);
	cr_assert_eq(test.rig.asked[0].node, 0);
}

Test(allocate, kernel_memory_is_taken_by_the_caller_at_once)
{
	struct mmiod_allocation want = { .memory = MMIOD_MEMORY_KMALLOC, .length = 5000 };
	struct allocate_test test;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_MODULE);
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), 0);
	cr_assert_eq(module.allocations, 1);
	cr_assert_eq(mmiod_lease_memory(lease), MMIOD_MEMORY_KMALLOC);
	mmiod_lease_free(lease);
	end(&test);
}

Test(allocate, pool_memory_and_simulation_need_nothing_of_the_kernel)
{
	struct mmiod_allocation pool = { .region = "pool", .length = 1 };
	struct mmiod_allocation pages = { .memory = MMIOD_MEMORY_PAGES, .length = 1 };
	struct allocate_test test;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_MODULE);
	cr_assert_eq(mmiod_client_allocate(test.client, &pool, &lease), 0);
	mmiod_lease_free(lease);
	end(&test);
	cr_assert_eq(module.allocations, 0);
	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_allocate(test.client, &pages, &lease), 0);
	mmiod_lease_free(lease);
	end(&test);
	cr_assert_eq(module.allocations, 0);
}

Test(allocate, lease_without_memory_is_given_back)
{
	struct mmiod_allocation want = { .memory = MMIOD_MEMORY_PAGES, .length = 1 << 20 };
	struct allocate_test test;
	struct mmiod_lease *lease;
	size_t files;

	begin(&test, MMIOD_BACKEND_MODULE);
	files = open_files();
	module.allocation_errors[0] = ENOMEM;
	cr_assert_eq(mmiod_client_allocate(test.client, &want, &lease), -ENOMEM);
	cr_assert_null(lease);
	cr_assert(strstr(mmiod_client_error(test.client), "memory cgroup"));
	cr_assert_eq(open_files(), files);
	end(&test);
	cr_assert_eq(test.rig.releases, 1);
	cr_assert_eq(test.rig.released[0], 17);
}

Test(allocate, each_of_many_has_its_own_result)
{
	struct mmiod_allocation wants[3];
	struct mmiod_lease *leases[3];
	struct allocate_test test;
	int errors[3];

	for (size_t i = 0; i < 3; i++)
		wants[i] = (struct mmiod_allocation){ .memory = MMIOD_MEMORY_PAGES, .length = 1 };
	begin(&test, MMIOD_BACKEND_MODULE);
	test.rig.busy = 1;
	module.allocation_errors[1] = ENOTTY;
	cr_assert_eq(mmiod_client_allocate_many(test.client, wants, 3, 0, leases, errors), 1);
	cr_assert_eq(errors[0], -EBUSY);
	cr_assert_eq(errors[1], 0);
	cr_assert_eq(errors[2], -ENOTTY);
	cr_assert_null(leases[0]);
	cr_assert_eq(mmiod_lease_id(leases[1]), 18);
	cr_assert_null(leases[2]);
	mmiod_lease_free(leases[1]);
	end(&test);
	cr_assert_eq(test.rig.releases, 1);
	cr_assert_eq(test.rig.released[0], 19);
}

Test(allocate, more_than_a_message_holds_goes_in_batches)
{
	struct mmiod_allocation wants[20];
	struct mmiod_lease *leases[20];
	struct allocate_test test;

	for (size_t i = 0; i < 20; i++)
		wants[i] = (struct mmiod_allocation){ .region = "pool", .length = 1 };
	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_allocate_many(test.client, wants, 20, 0, leases, NULL), 20);
	for (size_t i = 0; i < 20; i++) {
		cr_assert_eq(mmiod_lease_id(leases[i]), 17 + i);
		mmiod_lease_free(leases[i]);
	}
	end(&test);
	cr_assert_eq(test.rig.count, 20);
}

Test(allocate, misuse_is_refused_before_anything_is_sent)
{
	static const struct mmiod_allocation rows[] = {
		{ .length = 1 },
		{ .region = "", .length = 1 },
		{ .region = "a-name-that-is-longer-than-any-region", .length = 1 },
		{ .memory = MMIOD_MEMORY_DMA,
		  .region = "a-name-that-is-longer-than-any-region",
		  .length = 1 },
		{ .memory = MMIOD_MEMORY_PAGES, .length = 1, .flags = 1 << 6 },
		{ .memory = MMIOD_MEMORY_PAGES, .length = 1, .node = 0x80000000 },
	};
	struct allocate_test test;
	struct mmiod_lease *lease;

	begin(&test, MMIOD_BACKEND_SIMULATION);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(mmiod_client_allocate(test.client, &rows[i], &lease), -EINVAL);
		cr_assert_null(lease);
		cr_assert_str_not_empty(mmiod_client_error(test.client));
	}
	cr_assert_eq(mmiod_client_allocate_many(test.client, rows, 0, 0, &lease, NULL), -EINVAL);
	end(&test);
	cr_assert_eq(test.rig.count, 0);
}

static void refuse_sentence(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_RESOURCES, "the largest free block has 64K");
	fake_wait_hang_up(fake);
}

Test(allocate, refusal_has_the_daemons_words)
{
	struct mmiod_allocation want = { .region = "pool", .length = 1 << 20 };
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	struct fake fake;

	client = fake_serve(&fake, refuse_sentence, NULL);
	cr_assert_eq(mmiod_client_allocate(client, &want, &lease), -ENOBUFS);
	cr_assert_str_eq(mmiod_client_error(client), "the largest free block has 64K");
	fake_leave(&fake, client);
}

Test(allocate, lease_is_released_by_its_number)
{
	struct allocate_test test;

	begin(&test, MMIOD_BACKEND_SIMULATION);
	cr_assert_eq(mmiod_client_release(test.client, 23), 0);
	end(&test);
	cr_assert_eq(test.rig.released[0], 23);
}

static void know_no_lease(struct fake *fake)
{
	fake_accept(fake);
	fake_read(fake);
	fake_end(fake, MMIOD_E_NOT_FOUND, "no lease 23");
	fake_wait_hang_up(fake);
}

Test(allocate, releasing_twice_says_so)
{
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, know_no_lease, NULL);
	cr_assert_eq(mmiod_client_release(client, 23), -ENOENT);
	cr_assert_str_eq(mmiod_client_error(client), "no lease 23");
	fake_leave(&fake, client);
}
