/* SPDX-License-Identifier: MIT */
/*
 * The list of pools, the map of one, and what is told of a buffer.
 */
#include "support/fake.h"

#include <errno.h>
#include <string.h>

TestSuite(pool, .timeout = 1200);

static struct mmiod_msg reply_head(const struct fake *fake, size_t size, size_t fixed, size_t count,
				   size_t stride)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;

	return (struct mmiod_msg){ .size = (uint32_t)size,
				   .opcode = request->opcode,
				   .flags = MMIOD_MSG_REPLY,
				   .id = request->id,
				   .fixed = (uint32_t)fixed,
				   .count = (uint32_t)count,
				   .stride = (uint32_t)stride };
}

static void send_pools(struct fake *fake)
{
	const struct mmiod_wire_pool *flawed = fake->argument;
	struct {
		struct mmiod_msg_list_reply list;
		struct mmiod_wire_pool pool;
	} reply = { 0 };

	fake_accept(fake);
	cr_expect_eq(fake_read(fake)->opcode, MMIOD_OP_POOLS);
	reply.list.msg = reply_head(fake, sizeof(reply), sizeof(reply.list), 1, sizeof(reply.pool));
	reply.pool = *flawed;
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
	fake_wait_hang_up(fake);
}

static const struct mmiod_wire_pool good = { .id = 1,
					     .name = "p\033l",
					     .length = 1 << 20,
					     .page = 4096,
					     .free = 1 << 19,
					     .largest = 1 << 18,
					     .wiping = 8192,
					     .leases = 3,
					     .orders = 9,
					     .blocks = { 1, 2, [8] = 7, [9] = 99 } };

Test(pool, list_tells_what_the_daemon_does)
{
	struct mmiod_wire_pool wire = good;
	const struct mmiod_pool *pool;
	struct mmiod_pool_list *list;
	struct mmiod_client *client;
	struct fake fake;

	client = fake_serve(&fake, send_pools, &wire);
	cr_assert_eq(mmiod_client_list_pools(client, &list), 0);
	fake_leave(&fake, client);
	cr_assert_eq(mmiod_pool_list_count(list), 1);
	cr_assert_null(mmiod_pool_list_get(list, 1));
	pool = mmiod_pool_list_get(list, 0);
	cr_assert_str_eq(mmiod_pool_name(pool), "p?l", "control characters reach the terminal");
	cr_assert_eq(mmiod_pool_length(pool), 1 << 20);
	cr_assert_eq(mmiod_pool_page(pool), 4096);
	cr_assert_eq(mmiod_pool_free(pool), 1 << 19);
	cr_assert_eq(mmiod_pool_largest(pool), 1 << 18);
	cr_assert_eq(mmiod_pool_wiping(pool), 8192);
	cr_assert_eq(mmiod_pool_leases(pool), 3);
	cr_assert_eq(mmiod_pool_orders(pool), 9);
	cr_assert_eq(mmiod_pool_blocks(pool, 1), 2);
	cr_assert_eq(mmiod_pool_blocks(pool, 8), 7);
	cr_assert_eq(mmiod_pool_blocks(pool, 9), 0, "an order that it does not have");
	mmiod_pool_list_free(list);
}

Test(pool, list_that_makes_no_sense_is_refused)
{
	struct mmiod_wire_pool rows[] = { good, good };
	struct mmiod_pool_list *list;

	rows[0].orders = MMIOD_WIRE_ORDERS + 1;
	rows[1].page = 0;
	for (size_t i = 0; i < 2; i++) {
		struct mmiod_client *client;
		struct fake fake;

		fake_start(&fake, send_pools, &rows[i]);
		client = connect_or_fail(&fake);
		cr_assert_eq(mmiod_client_list_pools(client, &list), -EPROTO);
		cr_assert_null(list);
		mmiod_client_free(client);
		fake_stop(&fake);
	}
}

/* Two pages: the second is asked for with the cursor that the first gave. */
static void send_map(struct fake *fake)
{
	const struct mmiod_msg_pool_map *request = (const struct mmiod_msg_pool_map *)fake->request;
	uint64_t *length = fake->argument;
	struct {
		struct mmiod_msg_list_reply list;
		struct mmiod_wire_extent extent;
	} reply = { 0 };

	fake_accept(fake);
	for (uint64_t i = 0; i < 2; i++) {
		fake_read(fake);
		cr_expect_eq(request->msg.opcode, MMIOD_OP_POOL_MAP);
		cr_expect_eq(request->msg.fixed, sizeof(*request));
		cr_expect_eq(request->cursor, i * 0x3000);
		cr_expect_str_eq(request->region, "pool");
		reply.list.msg = reply_head(fake, sizeof(reply), sizeof(reply.list), 1,
					    sizeof(reply.extent));
		reply.list.msg.flags |= i ? 0 : MMIOD_MSG_MORE;
		reply.list.cursor = 0x3000;
		reply.extent = (struct mmiod_wire_extent){ .offset = i * 0x8000,
							   .length = *length,
							   .lease = i ? 0 : 17,
							   .uid = 1000,
							   .pid = 7,
							   .comm = "dd\n" };
		fake_send(fake, &reply, sizeof(reply), NULL, 0);
		if (!*length)
			break;
	}
	fake_wait_hang_up(fake);
}

Test(pool, map_is_read_to_its_end)
{
	const struct mmiod_extent *extent;
	struct mmiod_client *client;
	struct mmiod_pool_map *map;
	uint64_t length = 0x3000;
	struct fake fake;

	client = fake_serve(&fake, send_map, &length);
	cr_assert_eq(mmiod_client_map_pool(client, "pool", &map), 0);
	fake_leave(&fake, client);
	cr_assert_eq(mmiod_pool_map_count(map), 2);
	cr_assert_null(mmiod_pool_map_get(map, 2));
	extent = mmiod_pool_map_get(map, 0);
	cr_assert_eq(mmiod_extent_lease(extent), 17);
	cr_assert_eq(mmiod_extent_uid(extent), 1000);
	cr_assert_eq(mmiod_extent_pid(extent), 7);
	cr_assert_str_eq(mmiod_extent_comm(extent), "dd?");
	extent = mmiod_pool_map_get(map, 1);
	cr_assert_eq(mmiod_extent_offset(extent), 0x8000);
	cr_assert_eq(mmiod_extent_length(extent), 0x3000);
	cr_assert_eq(mmiod_extent_lease(extent), 0);
	mmiod_pool_map_free(map);
}

Test(pool, map_with_an_empty_extent_is_refused)
{
	struct mmiod_client *client;
	struct mmiod_pool_map *map;
	uint64_t length = 0;
	struct fake fake;

	client = fake_serve(&fake, send_map, &length);
	cr_assert_eq(mmiod_client_map_pool(client, "pool", &map), -EPROTO);
	cr_assert_null(map);
	fake_leave(&fake, client);
}

static void greet_only(struct fake *fake)
{
	fake_accept(fake);
	fake_wait_hang_up(fake);
}

Test(pool, map_of_a_name_that_no_pool_can_have_is_not_asked_for)
{
	struct mmiod_client *client;
	struct mmiod_pool_map *map;
	struct fake fake;

	client = fake_serve(&fake, greet_only, NULL);
	cr_assert_eq(mmiod_client_map_pool(client, "", &map), -EINVAL);
	cr_assert_eq(mmiod_client_map_pool(client, NULL, &map), -EINVAL);
	cr_assert_eq(mmiod_client_map_pool(client, "a-name-of-more-than-31-characters-", &map),
		     -EINVAL);
	cr_assert_null(map);
	fake_leave(&fake, client);
}

static void send_buffer(struct fake *fake)
{
	const struct mmiod_msg_buffer *request = (const struct mmiod_msg_buffer *)fake->request;
	struct mmiod_msg_buffer_reply reply = { 0 };

	fake_accept(fake);
	fake_read(fake);
	cr_expect_eq(request->lease, 17);
	cr_expect_eq(request->page, 3);
	reply = (struct mmiod_msg_buffer_reply){
		.msg = reply_head(fake, sizeof(reply), sizeof(reply), 0, 0),
		.memory = MMIOD_MEMORY_VMALLOC,
		.zone = MMIOD_MEMORY_BELOW_4G,
		.node = -1,
		.flags = MMIOD_ALLOC_NOWAIT,
		.present = 1,
		.length = 0x5000,
		.capacity = 0x8000,
		.runs = 4,
		.phys = 0x12345000,
		.kernel = 0xffffc90000001000,
		.bus = 1,
	};
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
	fake_read(fake);
	fake_refuse(fake, MMIOD_E_INVALID, "lease 17 has 5 pages");
	fake_wait_hang_up(fake);
}

Test(pool, buffer_tells_its_addresses_or_why_not)
{
	struct mmiod_client *client;
	struct mmiod_buffer buffer;
	struct fake fake;

	client = fake_serve(&fake, send_buffer, NULL);
	cr_assert_eq(mmiod_client_buffer(client, 17, 3, &buffer), 0);
	cr_assert_eq(buffer.memory, MMIOD_MEMORY_VMALLOC);
	cr_assert_eq(buffer.zone, MMIOD_MEMORY_BELOW_4G);
	cr_assert_eq(buffer.node, -1);
	cr_assert_eq(buffer.flags, MMIOD_ALLOCATE_NO_WAIT);
	cr_assert_eq(buffer.present, 1);
	cr_assert_eq(buffer.length, 0x5000);
	cr_assert_eq(buffer.capacity, 0x8000);
	cr_assert_eq(buffer.runs, 4);
	cr_assert_eq(buffer.phys, 0x12345000);
	cr_assert_eq(buffer.kernel, 0xffffc90000001000);
	cr_assert_eq(buffer.bus, 1);
	cr_assert_eq(mmiod_client_buffer(client, 17, 5, &buffer), -EINVAL);
	cr_assert_eq(buffer.phys, 0, "nothing is left of the last");
	cr_assert_str_eq(mmiod_client_error(client), "lease 17 has 5 pages");
	fake_leave(&fake, client);
}
