/* SPDX-License-Identifier: MIT */
#include "store.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct mmiod_msg head(const struct fake *fake, size_t fixed, size_t count, size_t stride)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;

	return (struct mmiod_msg){ .size = (uint32_t)(fixed + count * stride),
				   .opcode = request->opcode,
				   .flags = MMIOD_MSG_REPLY,
				   .id = request->id,
				   .fixed = (uint32_t)fixed,
				   .count = (uint32_t)count,
				   .stride = (uint32_t)stride };
}

static void send_list(struct fake *fake, const void *items, size_t count, size_t stride)
{
	struct {
		struct mmiod_msg_list_reply list;
		uint8_t items[4096];
	} reply = { .list.msg = head(fake, sizeof(reply.list), count, stride) };

	memcpy(reply.items, items, count * stride);
	fake_send(fake, &reply, reply.list.msg.size, NULL, 0);
}

static void send_regions(struct store *store)
{
	struct mmiod_wire_region region = { .id = 1,
					    .name = "ram",
					    .device = "simulation",
					    .length = STORE_SIZE,
					    .phys = store->admin ? 0xf0000000 : 0,
					    .bar = UINT32_MAX,
					    .width = store->width,
					    .memtypes = 6,
					    .memtype = MMIOD_MEMTYPE_UC,
					    .rights = 3,
					    .leases = (uint32_t)store->lease_count };

	send_list(&store->fake, &region, 1, sizeof(region));
}

void store_send_leases(struct fake *fake, const struct store *store)
{
	const struct mmiod_msg_list *request = (const struct mmiod_msg_list *)fake->request;
	size_t first = 0;

	while (first < store->lease_count && store->leases[first].id <= request->cursor)
		first++;
	send_list(fake, store->leases + first, store->lease_count - first,
		  sizeof(store->leases[0]));
}

static void send_status(struct store *store)
{
	struct mmiod_msg_status_reply reply = { .backend = MMIOD_BACKEND_SIMULATION };

	reply.msg = head(&store->fake, sizeof(reply), 0, 0);
	fake_send(&store->fake, &reply, sizeof(reply), NULL, 0);
}

static void send_granted(struct store *store, struct mmiod_wire_granted *granted)
{
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_granted granted;
	} reply = { .msg = head(&store->fake, sizeof(reply.msg), 1, sizeof(reply.granted)) };

	granted->lease = 17 + store->granted++;
	granted->map_offset = granted->offset;
	granted->share = MMIOD_SHARE_EXCLUSIVE;
	reply.granted = *granted;
	reply.msg.fds = 1;
	fake_send(&store->fake, &reply, reply.msg.size, &store->file, 1);
}

static void grant_lease(struct store *store)
{
	const struct mmiod_wire_want *want = fake_element(store->fake.request, 0);
	uint64_t length = want->length ? want->length : STORE_SIZE - want->offset;

	cr_expect_str_eq(want->region, "ram");
	send_granted(store, &(struct mmiod_wire_granted){
				    .memtype = MMIOD_MEMTYPE_UC,
				    .offset = want->offset,
				    .length = length,
				    .rights = want->rights,
				    .width = want->width ? want->width : store->width,
				    .mmapable = !((want->offset | length) % mmiod_page_size()),
			    });
}

static void grant_alloc(struct store *store)
{
	size_t page = mmiod_page_size();

	memcpy(&store->alloc, fake_element(store->fake.request, 0), MMIOD_V1_ALLOC);
	if (store->outcome) {
		fake_refuse(&store->fake, store->outcome, store->text);
		return;
	}
	send_granted(store, &(struct mmiod_wire_granted){
				    .memtype = MMIOD_MEMTYPE_WC,
				    .offset = store->alloc.low,
				    .length = (store->alloc.length + page - 1) / page * page,
				    .rights = store->alloc.rights,
				    .mmapable = 1,
			    });
}

static void release(struct store *store)
{
	const struct mmiod_msg_end *request = (const struct mmiod_msg_end *)store->fake.request;

	memcpy(&store->released[store->releases++], request + 1, sizeof(uint64_t));
	fake_end(&store->fake, store->outcome, store->text ? store->text : "");
}

static void send_buffer(struct store *store)
{
	struct mmiod_msg_buffer_reply reply = store->buffer;

	reply.msg = head(&store->fake, sizeof(reply), 0, 0);
	fake_send(&store->fake, &reply, sizeof(reply), NULL, 0);
}

static void answer(struct store *store)
{
	struct fake *fake = &store->fake;

	switch (((const struct mmiod_msg *)fake->request)->opcode) {
	case MMIOD_OP_STATUS:
		send_status(store);
		break;
	case MMIOD_OP_REGIONS:
		send_regions(store);
		break;
	case MMIOD_OP_DEVICES:
		send_list(fake, "", 0, sizeof(struct mmiod_wire_device));
		break;
	case MMIOD_OP_LEASES:
		store_send_leases(fake, store);
		break;
	case MMIOD_OP_POOLS:
		send_list(fake, store->pools, store->pool_count, sizeof(store->pools[0]));
		break;
	case MMIOD_OP_POOL_MAP:
		send_list(fake, store->extents, store->extent_count, sizeof(store->extents[0]));
		break;
	case MMIOD_OP_LEASE:
		grant_lease(store);
		break;
	case MMIOD_OP_ALLOC:
		grant_alloc(store);
		break;
	case MMIOD_OP_BUFFER:
		send_buffer(store);
		break;
	default:
		release(store);
	}
}

/* A client that finds its arguments wrong may hang up without a word. */
static void serve(struct fake *fake)
{
	struct store *store = fake->argument;
	ssize_t n;

	fake_accept_silently(fake);
	fake_greet_as(fake, MMIOD_BACKEND_SIMULATION, store->admin);
	while ((n = recv(fake->sock, fake->request, sizeof(fake->request), 0)) > 0)
		answer(store);
	fake_hang_up(fake);
}

void store_start(struct store *store)
{
	if (store->file <= 0)
		store->file = memory_file(STORE_SIZE);
	fake_start(&store->fake, serve, store);
}

void store_stop(struct store *store)
{
	fake_stop(&store->fake);
}
