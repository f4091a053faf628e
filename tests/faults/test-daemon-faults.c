// SPDX-License-Identifier: MIT
/*
 * The daemon when what it calls fails: for each request, the first, the second, the third ... call
 * of each kind fails, once or from then on, until the request gets through untouched. Each time the
 * client has its answer or is hung up on, another client is served, and when all are gone nothing
 * is left: no descriptor, charge, lease, block or byte.
 *
 * A new request is one line in `requests`. Those without one are still tried, with an empty message
 * of the right shape.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "support/files.h"
#include "support/rig.h"
#include "stand-in.h"
#include "wrap.h"

#define PAGE 4096ull
#define OPERATOR 4001
#define OTHER 4003
#define ROOT 0

#define WRITE (MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE)

static const char module_config[] =
	"[region pool]\nphys = 0xf8000000\nsize = 8M\npool = yes\n"
	"[region shm]\nphys = 0xf9000000\nsize = 1M\n"
	"[grant all]\nregion = pool shm\nuser = *\naccess = rw\nshare = shared-write\n"
	"[grant memory]\nmemory = pages vmalloc kmalloc dma\nuser = *\n"
	"[device card]\ndevice = pci:0000:01:00.0\ninterrupts = msix\nvectors = 8\n"
	"dma-engine = no\n[grant card]\ndevice = card\ninterrupts = yes\nconfig = read\nreset = "
	"yes\nuser = *\n";

static const char simulated_config[] =
	"[region pool]\nsize = 8M\npool = yes\n[region shm]\nsize = 1M\n"
	"[grant all]\nregion = pool shm\nuser = *\naccess = rw\nshare = shared-write\n"
	"[grant memory]\nmemory = pages vmalloc kmalloc dma\nuser = *\n"
	"[device card]\ninterrupts = msix\nvectors = 8\ndma-engine = no\n"
	"[grant card]\ndevice = card\ninterrupts = yes\nconfig = read\nreset = yes\nuser = *\n";

/* ---- requests -------------------------------------------------------------------------------- */

static uint64_t held; /* a lease of shm that the client has, and another of the pool */
static uint64_t block;
static uint64_t pieces; /* and one of several extents; 0: none */

/* A client that knows of all there is. */
static int hello(uid_t uid)
{
	return client_hello_with(uid, MMIOD_HELLO_FEATURES);
}

static void send_header(int fd, uint16_t opcode, size_t fixed, size_t count, size_t stride)
{
	static union {
		struct mmiod_msg msg;
		uint8_t bytes[8192];
	} packet;

	memset(&packet, 0, sizeof(packet));
	packet.msg = (struct mmiod_msg){
		.size = (uint32_t)(fixed + count * stride),
		.opcode = opcode,
		.id = 1000,
		.fixed = (uint32_t)fixed,
		.count = (uint32_t)count,
		.stride = (uint32_t)stride,
	};
	client_send(fd, &packet, packet.msg.size);
}

static void send_list(int fd, uint16_t opcode)
{
	struct mmiod_msg_list list = {
		.msg = { .size = sizeof(list), .opcode = opcode, .id = 1000, .fixed = sizeof(list) }
	};

	client_send(fd, &list, sizeof(list));
}

static void ask_status(int fd)
{
	send_header(fd, MMIOD_OP_STATUS, sizeof(struct mmiod_msg), 0, 0);
}

static void ask_park(int fd)
{
	send_header(fd, MMIOD_OP_PARK, sizeof(struct mmiod_msg), 0, 0);
}

static void ask_hello_again(int fd)
{
	send_header(fd, MMIOD_OP_HELLO, sizeof(struct mmiod_msg_hello), 0, 0);
}

static void ask_unknown(int fd)
{
	send_header(fd, 60, sizeof(struct mmiod_msg), 0, 0);
}

static void ask_regions(int fd)
{
	send_list(fd, MMIOD_OP_REGIONS);
}

static void ask_leases(int fd)
{
	send_list(fd, MMIOD_OP_LEASES);
}

static void ask_pools(int fd)
{
	send_list(fd, MMIOD_OP_POOLS);
}

static void ask_caches(int fd)
{
	send_list(fd, MMIOD_OP_CACHES);
}

static void ask_extents(int fd)
{
	struct mmiod_msg_extents extents = { .msg = { .size = sizeof(extents),
						      .opcode = MMIOD_OP_EXTENTS,
						      .id = 1000,
						      .fixed = sizeof(extents) },
					     .lease = block };

	client_send(fd, &extents, sizeof(extents));
}

static void ask_map(int fd)
{
	struct mmiod_msg_pool_map map = { .msg = { .size = sizeof(map),
						   .opcode = MMIOD_OP_POOL_MAP,
						   .id = 1000,
						   .fixed = sizeof(map) },
					  .region = "pool" };

	client_send(fd, &map, sizeof(map));
}

static void ask_buffer(int fd)
{
	struct mmiod_msg_buffer buffer = { .msg = { .size = sizeof(buffer),
						    .opcode = MMIOD_OP_BUFFER,
						    .id = 1000,
						    .fixed = sizeof(buffer) },
					   .lease = held };

	client_send(fd, &buffer, sizeof(buffer));
}

static void ask_lease(int fd)
{
	struct mmiod_wire_want one = want("shm", 0x10000, 0x1000, WRITE, 0);

	send_lease(fd, &one, 1, 0);
}

static void ask_leases_of_which_one_is_refused(int fd)
{
	struct mmiod_wire_want wants[3] = { want("shm", 0x10000, 0x1000, WRITE, 0),
					    want("none", 0, 0x1000, WRITE, 0),
					    want("shm", 0x20000, 0x1000, WRITE, 0) };

	send_lease(fd, wants, 3, 0);
}

static void ask_all_leases_or_none(int fd)
{
	struct mmiod_wire_want wants[MMIOD_MSG_FDS_MAX];

	for (size_t i = 0; i < MMIOD_MSG_FDS_MAX; i++)
		wants[i] = want("shm", 0x10000 + i * 0x1000, 0x1000, WRITE, 0);
	send_lease(fd, wants, MMIOD_MSG_FDS_MAX, MMIOD_LEASE_ALL_OR_NONE);
}

/* The first page of these is somebody's: no one extent of them has room for six. */
static struct mmiod_wire_alloc six_of_eight(void)
{
	struct mmiod_wire_alloc one = ask(MMIOD_MEMORY_REGION, "pool", 6 * PAGE);

	one.high = 8 * PAGE;
	one.max_extents = 8;
	return one;
}

static void ask_pieces(int fd)
{
	struct mmiod_wire_alloc one = six_of_eight();

	send_allocs(fd, &one, 1, 0);
}

static void ask_block(int fd)
{
	struct mmiod_wire_alloc one = ask(MMIOD_MEMORY_REGION, "pool", 3 * PAGE);

	send_allocs(fd, &one, 1, 0);
}

/* More than is wiped at once, so that it waits. */
static void ask_large_block(int fd)
{
	struct mmiod_wire_alloc one = ask(MMIOD_MEMORY_REGION, "pool", 4 << 20);

	send_allocs(fd, &one, 1, 0);
}

static void ask_buffers(int fd)
{
	struct mmiod_wire_alloc asks[3] = { ask(MMIOD_MEMORY_PAGES, "", PAGE),
					    ask(MMIOD_MEMORY_VMALLOC, "", PAGE),
					    ask(MMIOD_MEMORY_KMALLOC, "", PAGE) };

	send_allocs(fd, asks, 3, 0);
}

static void ask_all_blocks_or_none(int fd)
{
	struct mmiod_wire_alloc asks[3] = { ask(MMIOD_MEMORY_REGION, "pool", PAGE),
					    ask(MMIOD_MEMORY_PAGES, "", PAGE),
					    ask(MMIOD_MEMORY_REGION, "pool", 64 << 10) };

	send_allocs(fd, asks, 3, MMIOD_LEASE_ALL_OR_NONE);
}

static void ask_vectors(int fd)
{
	struct mmiod_wire_interrupt vectors[3] = { vector("card", 0), vector("card", 9),
						   vector("card", 1) };

	send_interrupts(fd, vectors, 3, 0);
}

static void ask_all_vectors_or_none(int fd)
{
	struct mmiod_wire_interrupt vectors[3] = { vector("card", 0), vector("card", 1),
						   vector("card", 2) };

	send_interrupts(fd, vectors, 3, MMIOD_LEASE_ALL_OR_NONE);
}

static void ask_operations(int fd)
{
	struct mmiod_wire_operate wants[3] = { operate("card", MMIOD_MAY_READ_CONFIG),
					       operate("none", MMIOD_MAY_READ_CONFIG),
					       operate("card", MMIOD_MAY_RESET) };

	send_operates(fd, wants, 3, 0);
}

static void ask_devices(int fd)
{
	send_list(fd, MMIOD_OP_DEVICES);
}

static void ask_interrupts(int fd)
{
	send_list(fd, MMIOD_OP_INTERRUPTS);
}

static void ask_counters(int fd)
{
	send_list(fd, MMIOD_OP_COUNTERS);
}

static void release(int fd)
{
	uint64_t leases[3] = { held, block, 999 };

	send_end(fd, MMIOD_OP_RELEASE, 0, leases, 3);
}

static void revoke_now(int fd)
{
	send_end(fd, MMIOD_OP_REVOKE, 0, &held, 1);
}

static void revoke_politely(int fd)
{
	send_end(fd, MMIOD_OP_REVOKE, 10, &held, 1);
}

static void publish(int fd)
{
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_cache caches[2];
	} packet = { .msg = { .size = sizeof(packet),
			      .opcode = MMIOD_OP_PUBLISH,
			      .id = 1000,
			      .fixed = sizeof(packet.msg),
			      .count = 2,
			      .stride = sizeof(packet.caches[0]) },
		     .caches = { { .name = "one" }, { .name = "two" } } };

	client_send(fd, &packet, sizeof(packet));
}

static void ask_clients(int fd)
{
	send_list(fd, MMIOD_OP_CLIENTS);
}

static void monitor(int fd)
{
	struct mmiod_msg_monitor on = { .msg = { .size = sizeof(on),
						 .opcode = MMIOD_OP_MONITOR,
						 .id = 1000,
						 .fixed = sizeof(on) },
					.on = 1 };

	client_send(fd, &on, sizeof(on));
}

static void renew(int fd)
{
	struct {
		struct mmiod_msg msg;
		uint64_t leases[2];
	} packet = { .msg = { .size = sizeof(packet),
			      .opcode = MMIOD_OP_RENEW,
			      .id = 1000,
			      .fixed = sizeof(packet.msg),
			      .count = 2,
			      .stride = sizeof(uint64_t) },
		     .leases = { held, 999 } };

	client_send(fd, &packet, sizeof(packet));
}

static void explain(int fd)
{
	struct mmiod_msg_explain message = { .msg = { .size = sizeof(message),
						      .opcode = MMIOD_OP_EXPLAIN,
						      .id = 1000,
						      .fixed = sizeof(message) },
					     .region = "shm",
					     .rights = WRITE };

	client_send(fd, &message, sizeof(message));
}

static void translate(int fd)
{
	struct mmiod_msg_translate message = { .msg = { .size = sizeof(message),
							.opcode = MMIOD_OP_TRANSLATE,
							.id = 1000,
							.fixed = sizeof(message) },
					       .address = 4096,
					       .pid = (uint32_t)getpid() };

	client_send(fd, &message, sizeof(message));
}

static void give(int fd)
{
	struct {
		struct mmiod_msg_grant fixed;
		struct mmiod_wire_pattern patterns[2];
	} packet = { .fixed = { .msg = { .size = sizeof(packet),
					 .opcode = MMIOD_OP_GRANT,
					 .id = 1000,
					 .fixed = sizeof(packet.fixed),
					 .count = 2,
					 .stride = sizeof(packet.patterns[0]) },
				.name = "job",
				.uid = 4009,
				.rights = WRITE,
				.last_ms = 3600000 },
		     .patterns = { { "shm" }, { "s*" } } };

	client_send(fd, &packet, sizeof(packet));
}

static void take_back(int fd)
{
	struct mmiod_msg_ungrant message = { .msg = { .size = sizeof(message),
						      .opcode = MMIOD_OP_UNGRANT,
						      .id = 1000,
						      .fixed = sizeof(message) },
					     .name = "job" };

	client_send(fd, &message, sizeof(message));
}

static void ask_grants(int fd)
{
	send_list(fd, MMIOD_OP_GRANTS);
}

static const struct request_line {
	const char *name;
	uint16_t opcode;
	void (*send)(int fd);
	uid_t uid;
	void (*before)(int fd); /* another request, untouched; NULL: none */
} requests[] = {
	{ "HELLO again", MMIOD_OP_HELLO, ask_hello_again, OPERATOR },
	{ "STATUS", MMIOD_OP_STATUS, ask_status, OPERATOR },
	{ "REGIONS", MMIOD_OP_REGIONS, ask_regions, OPERATOR },
	{ "LEASE", MMIOD_OP_LEASE, ask_lease, OPERATOR },
	{ "LEASE of which one is refused", MMIOD_OP_LEASE, ask_leases_of_which_one_is_refused,
	  OPERATOR },
	{ "LEASE all or none", MMIOD_OP_LEASE, ask_all_leases_or_none, OPERATOR },
	{ "RELEASE", MMIOD_OP_RELEASE, release, OPERATOR },
	{ "REVOKE", MMIOD_OP_REVOKE, revoke_now, ROOT },
	{ "REVOKE with a deadline", MMIOD_OP_REVOKE, revoke_politely, ROOT },
	{ "LEASES", MMIOD_OP_LEASES, ask_leases, ROOT },
	{ "ALLOC", MMIOD_OP_ALLOC, ask_block, OPERATOR },
	{ "ALLOC in pieces", MMIOD_OP_ALLOC, ask_pieces, OPERATOR },
	{ "EXTENTS", MMIOD_OP_EXTENTS, ask_extents, OPERATOR },
	{ "ALLOC that waits", MMIOD_OP_ALLOC, ask_large_block, OPERATOR },
	{ "ALLOC of buffers", MMIOD_OP_ALLOC, ask_buffers, OPERATOR },
	{ "ALLOC all or none", MMIOD_OP_ALLOC, ask_all_blocks_or_none, OPERATOR },
	{ "POOLS", MMIOD_OP_POOLS, ask_pools, OPERATOR },
	{ "POOL_MAP", MMIOD_OP_POOL_MAP, ask_map, OPERATOR },
	{ "BUFFER", MMIOD_OP_BUFFER, ask_buffer, OPERATOR },
	{ "PUBLISH", MMIOD_OP_PUBLISH, publish, OPERATOR },
	{ "PUBLISH again", MMIOD_OP_PUBLISH, publish, OPERATOR, publish },
	{ "CACHES", MMIOD_OP_CACHES, ask_caches, OPERATOR, publish },
	{ "RENEW", MMIOD_OP_RENEW, renew, OPERATOR },
	{ "EXPLAIN", MMIOD_OP_EXPLAIN, explain, OPERATOR },
	{ "CLIENTS", MMIOD_OP_CLIENTS, ask_clients, ROOT },
	{ "TRANSLATE", MMIOD_OP_TRANSLATE, translate, ROOT },
	{ "MONITOR", MMIOD_OP_MONITOR, monitor, ROOT },
	{ "INTERRUPT", MMIOD_OP_INTERRUPT, ask_vectors, OPERATOR },
	{ "OPERATE", MMIOD_OP_OPERATE, ask_operations, OPERATOR },
	{ "INTERRUPT all or none", MMIOD_OP_INTERRUPT, ask_all_vectors_or_none, OPERATOR },
	{ "DEVICES", MMIOD_OP_DEVICES, ask_devices, OPERATOR },
	{ "INTERRUPTS", MMIOD_OP_INTERRUPTS, ask_interrupts, OPERATOR, ask_vectors },
	{ "COUNTERS", MMIOD_OP_COUNTERS, ask_counters, ROOT, ask_vectors },
	{ "LEASE while somebody monitors", MMIOD_OP_LEASE, ask_lease, ROOT, monitor },
	{ "GRANT", MMIOD_OP_GRANT, give, ROOT },
	{ "GRANT again", MMIOD_OP_GRANT, give, ROOT, give },
	{ "UNGRANT", MMIOD_OP_UNGRANT, take_back, ROOT, give },
	{ "GRANTS", MMIOD_OP_GRANTS, ask_grants, ROOT, give },
	{ "PARK", MMIOD_OP_PARK, ask_park, OPERATOR },
	{ "LEASE of what may be parked", MMIOD_OP_LEASE, ask_lease, OPERATOR, ask_park },
	{ "an unknown opcode", 60, ask_unknown, OPERATOR },
};

/* ---- faults ---------------------------------------------------------------------------------- */

static const struct fault_line {
	const char *name;
	enum fault_kind kind;
	int error;
	bool passes; /* is never there for long: not tried onward */
} faults[] = {
	{ "memory", FAULT_MEMORY, ENOMEM },	 { "sendmsg", FAULT_SEND, ENOBUFS },
	{ "sendmsg", FAULT_SEND, ETOOMANYREFS }, { "sendmsg", FAULT_SEND, EPIPE },
	{ "recv", FAULT_RECEIVE, EINTR, true },	 { "recv", FAULT_RECEIVE, ENOMEM },
	{ "ioctl", FAULT_IOCTL, EINVAL },	 { "open", FAULT_FILE, EMFILE },
	{ "mmap", FAULT_MAP, ENOMEM },		 { "getsockopt", FAULT_OPTION, ENOMEM },
	{ "poll", FAULT_POLL, ENOMEM },		 { "backend", FAULT_BACKEND, ENOMEM },
	{ "backend", FAULT_BACKEND, EIO },
};

/* ---- a backend that fails -------------------------------------------------------------------- */

static const struct backend_ops *real_ops;
static struct backend_ops faulty_ops;

static int faulty_claim(struct backend *backend, const struct config_region *config,
			struct backend_region *region, struct text *why)
{
	if (!fault_strikes(FAULT_BACKEND))
		return real_ops->claim(backend, config, region, why);
	text_add(why, "it fails");
	return -errno;
}

static int faulty_create(struct backend *backend, const struct backend_window *window,
			 struct backend_created *created)
{
	return fault_strikes(FAULT_BACKEND) ? -errno : real_ops->create(backend, window, created);
}

static int faulty_create_buffer(struct backend *backend, const struct backend_buffer *buffer,
				struct backend_created *created)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->create_buffer(backend, buffer, created);
}

static int faulty_create_interrupt(struct backend *backend,
				   const struct backend_interrupt *interrupt,
				   struct backend_created *created)
{
	return fault_strikes(FAULT_BACKEND)
		       ? -errno
		       : real_ops->create_interrupt(backend, interrupt, created);
}

static int faulty_next_interrupt(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return fault_strikes(FAULT_BACKEND) ? -errno : real_ops->next_interrupt(backend, id, entry);
}

static int faulty_open_device(struct backend *backend, const struct backend_operation *operation,
			      struct backend_created *created)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->open_device(backend, operation, created);
}

static int faulty_next_operation(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return fault_strikes(FAULT_BACKEND) ? -errno : real_ops->next_operation(backend, id, entry);
}

static int faulty_find_device(struct backend *backend, const struct config_function *config,
			      struct backend_device *device, struct text *why)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->find_device(backend, config, device, why);
}

static int faulty_next_device(struct backend *backend, uint64_t number,
			      struct backend_device *device)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->next_device(backend, number, device);
}

static int faulty_buffer_info(struct backend *backend, uint64_t id, uint64_t page,
			      struct mmiod_buffer_info *info)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->buffer_info(backend, id, page, info);
}

static int faulty_wipe(struct backend *backend, uint64_t region, enum mmiod_memtype cache,
		       uint64_t offset, uint64_t length)
{
	return fault_strikes(FAULT_BACKEND)
		       ? -errno
		       : real_ops->wipe(backend, region, cache, offset, length);
}

static int faulty_set_state(struct backend *backend, uint64_t id, enum mmiod_state state)
{
	return fault_strikes(FAULT_BACKEND) ? -errno : real_ops->set_state(backend, id, state);
}

static int faulty_next_window(struct backend *backend, uint64_t id, struct backend_ledger *entry)
{
	return fault_strikes(FAULT_BACKEND) ? -errno : real_ops->next_window(backend, id, entry);
}

static int faulty_read_extents(struct backend *backend, uint64_t id,
			       struct mmiod_window_extent *extents, uint32_t n)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->read_extents(backend, id, extents, n);
}

static int faulty_next_region(struct backend *backend, uint64_t handle,
			      struct backend_region *region)
{
	return fault_strikes(FAULT_BACKEND) ? -errno
					    : real_ops->next_region(backend, handle, region);
}

static int faulty_release(struct backend *backend, uint64_t handle)
{
	return fault_strikes(FAULT_BACKEND) ? -errno : real_ops->release(backend, handle);
}

static void make_backend_faulty(void)
{
	real_ops = rig.broker.backend->ops;
	faulty_ops = *real_ops;
	faulty_ops.claim = faulty_claim;
	faulty_ops.create = faulty_create;
	faulty_ops.create_buffer = faulty_create_buffer;
	faulty_ops.create_interrupt = faulty_create_interrupt;
	faulty_ops.next_interrupt = faulty_next_interrupt;
	faulty_ops.open_device = faulty_open_device;
	faulty_ops.next_operation = faulty_next_operation;
	faulty_ops.find_device = faulty_find_device;
	faulty_ops.next_device = faulty_next_device;
	faulty_ops.buffer_info = faulty_buffer_info;
	faulty_ops.wipe = faulty_wipe;
	faulty_ops.set_state = faulty_set_state;
	faulty_ops.next_window = faulty_next_window;
	faulty_ops.read_extents = faulty_read_extents;
	faulty_ops.next_region = faulty_next_region;
	faulty_ops.release = faulty_release;
	rig.broker.backend->ops = &faulty_ops;
}

/* ---- one trial ------------------------------------------------------------------------------- */

static char trial[256]; /* what is tried, for whoever reads of a failure */
static bool simulated;
static bool with_stand_in;
static long live_before;

static void begin(void)
{
	live_before = fault_live();
	if (with_stand_in)
		stand_in_begin();
	if (with_stand_in)
		rig_start_module(module_config);
	else if (simulated)
		rig_start_simulation(simulated_config);
	else
		rig_start(module_config);
	make_backend_faulty();
}

static void end(void)
{
	rig_stop();
	if (with_stand_in)
		stand_in_end();
	cr_assert_eq(fault_live(), live_before, "%s: %ld allocations were not freed", trial,
		     fault_live() - live_before);
}

static uint64_t lease_one(int fd)
{
	uint64_t lease;

	cr_assert_eq(client_lease_one(fd, 0, 0x1000, &lease), MMIOD_OK);
	client_close_fds();
	return lease;
}

static uint64_t allocate_one(int fd)
{
	struct mmiod_wire_alloc one = ask(MMIOD_MEMORY_REGION, "pool", PAGE);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_alloc(fd, &one, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	client_close_fds();
	return granted->lease;
}

/* In several extents. 0: here there are none such. */
static uint64_t allocate_pieces(int fd)
{
	struct mmiod_wire_alloc one = six_of_eight();
	const struct mmiod_wire_granted *granted;

	if (!rig.broker.backend->knows_extents)
		return 0;
	cr_assert_eq(client_alloc(fd, &one, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(granted->status, MMIOD_OK, "%s", answer_text(granted->text));
	cr_assert_eq(granted->n_extents, 2u);
	client_close_fds();
	return granted->lease;
}

static bool receive(int fd)
{
	/* Others than the answer may come first: REVOKE_ASKED. */
	while (client_receive(fd) > 0)
		if (answer.msg.flags & MMIOD_MSG_REPLY)
			return true;
	return false;
}

/* Until the answer or the end of the connection; a shortage is over some time after. */
static bool await_answer(int fd)
{
	for (int i = 0; i < 400; i++) {
		if (receive(fd))
			return true;
		if (client_is_hung_up(fd))
			return receive(fd);
		rig_wait(5);
	}
	cr_assert(false, "%s: neither answered nor hung up", trial);
	return false;
}

/* Only what says why is an error, and only what was granted has a descriptor. */
static void check_answer(void)
{
	const struct mmiod_wire_granted *granted;
	size_t files = 0;

	if (answer.msg.status != MMIOD_OK) {
		cr_assert_gt(answer.error.text.length, 0u, "%s: no sentence", trial);
		cr_assert_eq(n_answer_fds, 0u);
		return;
	}
	if (answer.msg.opcode != MMIOD_OP_LEASE && answer.msg.opcode != MMIOD_OP_ALLOC &&
	    answer.msg.opcode != MMIOD_OP_INTERRUPT && answer.msg.opcode != MMIOD_OP_OPERATE)
		return;
	for (size_t i = 0; i < answer.msg.count; i++) {
		granted = answer_element(i);
		files += granted->status == MMIOD_OK;
		cr_assert(granted->status == MMIOD_OK || granted->text.length, "%s: no sentence",
			  trial);
	}
	cr_assert_eq(n_answer_fds, files, "%s", trial);
}

static void check_charges(uid_t uid)
{
	struct lease *lease;
	uint64_t n = 0, bytes = 0, extents = 0;

	for (lease = lease_after(&rig.broker.leases, 0); lease;
	     lease = lease_after(&rig.broker.leases, lease->id)) {
		n += lease->holder.uid == uid && lease->charge.user;
		if (lease->holder.uid == uid && lease->bytes.user &&
		    lease->kind != MMIOD_KIND_INTERRUPT && lease->kind != MMIOD_KIND_DEVICE)
			bytes += lease->bytes.amount;
		if (lease->holder.uid == uid && lease->parts)
			extents += lease->parts->n;
	}
	cr_assert_eq(user_uses(&rig.broker.host.users, uid, USER_LEASES), n, "%s: leases charged",
		     trial);
	cr_assert_eq(user_uses(&rig.broker.host.users, uid, USER_BYTES), bytes, "%s: bytes charged",
		     trial);
	cr_assert_eq(user_uses(&rig.broker.host.users, uid, USER_EXTENTS), extents,
		     "%s: extents charged", trial);
}

static void close_windows(void)
{
	while (!simulated && rig_fake.n_windows)
		fake_close_window(&rig_fake, rig_fake.windows[0].id);
	if (with_stand_in)
		stand_in_tell();
	events_drain(&rig.broker);
}

static void check_pool(void)
{
	struct region *region = region_find(&rig.broker.regions, "pool");
	struct blocks *blocks = region->blocks;

	cr_assert_not_null(blocks, "%s", trial);
	/* What could not be wiped is tried again after a second: not waited for here. */
	if (blocks->wiping)
		pools_wipe_queue(&rig.broker, region, UINT64_MAX);
	cr_assert_eq(blocks->wiping, 0u, "%s: not wiped", trial);
	cr_assert_eq(pool_free_bytes(blocks->pool), 8u << 20, "%s: blocks are lost", trial);
	cr_assert_eq(pool_check(blocks->pool), 0, "%s", trial);
}

/* Somebody else is served, and when both are gone all is as if nobody had come. */
static void check_after(int fd, size_t files)
{
	int other = hello(OTHER);

	cr_assert_eq(client_status(other), MMIOD_OK, "%s: the next one is not served", trial);
	check_charges(OPERATOR);
	check_charges(ROOT);
	client_close_fds();
	close(fd);
	close(other);
	rig_turn();
	close_windows();
	rig_turn();
	check_pool();
	cr_assert_not(leases_count(&rig.broker.leases), "%s: a lease is left", trial);
	cr_assert_null(rig.broker.host.users.table, "%s: uid %u is still charged", trial,
		       rig.broker.host.users.table ? rig.broker.host.users.table->uid : 0);
	cr_assert_null(rig.broker.published.head, "%s", trial);
	cr_assert_null(rig.broker.waitlist.head, "%s", trial);
	cr_assert_null(rig.broker.revocations, "%s", trial);
	cr_assert_eq(rig.broker.host.n_connections, 0u, "%s", trial);
	cr_assert_eq(open_fds(), files, "%s: descriptors are left", trial);
}

/* False: nothing struck, and the request was answered as if there were no faults. */
static bool try(const struct request_line *request, const struct fault_line *fault,
		unsigned int nth, bool onward)
{
	size_t files;
	bool struck, answered;
	int fd, holder;

	snprintf(trial, sizeof(trial), "%s: %s number %u%s fails (%s)%s", request->name,
		 fault->name, nth, onward ? " and all later ones" : "", strerror(fault->error),
		 simulated	 ? " in simulation"
		 : with_stand_in ? " of the module's backend"
				 : "");
	if (getenv("FAULTS_TRACE"))
		fprintf(stderr, "# %s\n", trial);
	begin();
	files = open_fds();
	holder = hello(OPERATOR);
	held = lease_one(holder);
	block = allocate_one(holder);
	fd = request->uid == OPERATOR ? holder : hello(request->uid);
	if (request->before) {
		request->before(fd);
		rig_turn();
		cr_assert(receive(fd));
	}
	request->send(fd);
	fault_arm(fault->kind, fault->error, nth, onward);
	rig_turn();
	struck = fault_disarm();
	answered = await_answer(fd);
	cr_assert(answered || struck, "%s: hung up on for nothing", trial);
	if (answered)
		check_answer();
	if (fd != holder)
		close(holder);
	check_after(fd, files);
	end();
	return struck;
}

static void try_all(const struct request_line *request)
{
	for (size_t i = 0; i < array_size(faults); i++)
		for (int onward = 0; onward < (faults[i].passes ? 1 : 2); onward++)
			for (unsigned int nth = 1; try(request, &faults[i], nth, onward); nth++)
				cr_assert_lt(nth, 500u, "%s: no end", trial);
}

static void use_wrapped_memory(void)
{
	event_set_mem_functions(malloc, realloc, free);
}

TestSuite(faults, .init = use_wrapped_memory, .timeout = 1200);

static void try_requests(void)
{
	for (size_t i = 0; i < array_size(requests); i++)
		try_all(&requests[i]);
}

Test(faults, every_request_is_answered_or_undone)
{
	try_requests();
}

Test(faults, every_request_is_answered_or_undone_in_simulation)
{
	simulated = true;
	try_requests();
}

Test(faults, every_request_is_answered_or_undone_by_the_modules_backend)
{
	with_stand_in = true;
	try_requests();
}

/* ---- requests that have no line -------------------------------------------------------------- */

static struct {
	uint16_t opcode;
	size_t fixed;
	size_t stride;
} shape;

static bool decodes(uint16_t opcode, size_t fixed, size_t count, size_t stride)
{
	union {
		struct mmiod_msg msg;
		uint8_t bytes[4096];
	} packet = { .msg = { .size = (uint32_t)(fixed + count * stride),
			      .opcode = opcode,
			      .fixed = (uint32_t)fixed,
			      .count = (uint32_t)count,
			      .stride = (uint32_t)stride } };
	struct decode_error error;
	struct request request;

	return request_decode(&packet, packet.msg.size, &request, &error);
}

/* The smallest message that the decoder takes. */
static bool find_shape(uint16_t opcode)
{
	shape.opcode = opcode;
	for (shape.fixed = sizeof(struct mmiod_msg); shape.fixed < 512; shape.fixed += 8)
		for (shape.stride = 0; shape.stride < 512; shape.stride += 8)
			if (decodes(opcode, shape.fixed, shape.stride ? 1 : 0, shape.stride))
				return true;
	return false;
}

static void send_shape(int fd)
{
	send_header(fd, shape.opcode, shape.fixed, shape.stride ? 1 : 0, shape.stride);
}

static bool has_line(uint16_t opcode)
{
	for (size_t i = 0; i < array_size(requests); i++)
		if (requests[i].opcode == opcode)
			return true;
	return false;
}

Test(faults, every_other_opcode_is_answered_or_undone_at_least_when_empty)
{
	for (uint16_t opcode = 1; opcode < 100; opcode++) {
		char name[32];
		struct request_line line = { .name = name, .opcode = opcode, .send = send_shape };

		if (has_line(opcode) || !find_shape(opcode))
			continue;
		snprintf(name, sizeof(name), "opcode %u", opcode);
		line.uid = OPERATOR;
		try_all(&line);
		line.uid = ROOT;
		try_all(&line);
	}
}

/* ---- coming in ------------------------------------------------------------------------------- */

static int dial(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0, "%s",
		     strerror(errno));
	return fd;
}

static void say_hello(int fd)
{
	struct mmiod_msg_hello hello = { .msg = { .size = sizeof(hello),
						  .opcode = MMIOD_OP_HELLO,
						  .id = 1000,
						  .fixed = sizeof(hello) },
					 .version_min = 1,
					 .version_max = 1,
					 .max_message = MMIOD_MSG_MAX };

	client_send(fd, &hello, sizeof(hello));
}

static void expect_served(const char *path)
{
	int fd = dial(path);

	say_hello(fd);
	cr_assert(await_answer(fd), "%s: the next one is not let in", trial);
	cr_assert_eq(answer.msg.status, MMIOD_OK, "%s: %s", trial, answer_text(answer.error.text));
	close(fd);
	rig_turn();
}

static bool try_connect(const struct fault_line *fault, unsigned int nth, bool onward)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	const char *path;
	size_t files;
	bool struck, answered;
	int fd;

	snprintf(trial, sizeof(trial), "connecting: %s number %u%s fails (%s)", fault->name, nth,
		 onward ? " and all later ones" : "", strerror(fault->error));
	begin();
	path = files_path("socket");
	fd = server_bind(path, 0666, &why);
	cr_assert_geq(fd, 0, "%s", buffer);
	cr_assert_eq(daemon_listen(&rig, fd), 0);
	files = open_fds();
	fd = dial(path);
	say_hello(fd);
	fault_arm(fault->kind, fault->error, nth, onward);
	rig_turn();
	struck = fault_disarm();
	answered = await_answer(fd);
	cr_assert(struck || (answered && answer.msg.status == MMIOD_OK), "%s", trial);
	if (answered)
		check_answer();
	close(fd);
	rig_turn();
	expect_served(path);
	cr_assert_null(rig.broker.host.users.table, "%s", trial);
	cr_assert_eq(open_fds(), files, "%s: descriptors are left", trial);
	end();
	return struck;
}

Test(faults, who_comes_while_things_fail_is_let_in_or_told_and_the_next_one_is_served)
{
	static const struct fault_line accepting[] = {
		{ "accept4", FAULT_ACCEPT, EMFILE },	{ "accept4", FAULT_ACCEPT, ENFILE },
		{ "accept4", FAULT_ACCEPT, ENOMEM },	{ "accept4", FAULT_ACCEPT, ECONNABORTED },
		{ "setsockopt", FAULT_OPTION, ENOMEM },
	};

	for (size_t i = 0; i < array_size(accepting); i++)
		for (unsigned int nth = 1; try_connect(&accepting[i], nth, false); nth++)
			cr_assert_lt(nth, 500u);
	for (size_t i = 0; i < array_size(faults); i++)
		for (int onward = 0; onward < (faults[i].passes ? 1 : 2); onward++)
			for (unsigned int nth = 1; try_connect(&faults[i], nth, onward); nth++)
				cr_assert_lt(nth, 500u);
}

/* ---- what the daemon does by itself ---------------------------------------------------------- */

static int fd_of_holder;

/* Takes the trial's file back: the configuration is read while its files and memory fail. */
static void reload(void)
{
	daemon_reload(&rig);
}

static void hang_up(void)
{
	close(fd_of_holder);
	fd_of_holder = -1;
	rig_turn();
}

static void close_all_windows(void)
{
	close_windows();
	rig_turn();
}

static void suspend_and_resume(void)
{
	uint64_t region = region_find(&rig.broker.regions, "shm")->hw.handle;

	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED, region);
	events_drain(&rig.broker);
	rig_turn();
	fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK, region);
	events_drain(&rig.broker);
	rig_turn();
}

static void lose_events(void)
{
	fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
	events_drain(&rig.broker);
	rig_turn();
}

static const struct event_line {
	const char *name;
	void (*happen)(void);
} events[] = {
	{ "reload", reload },
	{ "a client hangs up", hang_up },
	{ "windows are closed", close_all_windows },
	{ "a device sleeps and wakes", suspend_and_resume },
	{ "events are lost", lose_events },
};

static bool try_event(const struct event_line *event, const struct fault_line *fault,
		      unsigned int nth, bool onward)
{
	bool struck;
	size_t files;

	snprintf(trial, sizeof(trial), "%s: %s number %u%s fails (%s)", event->name, fault->name,
		 nth, onward ? " and all later ones" : "", strerror(fault->error));
	if (getenv("FAULTS_TRACE"))
		fprintf(stderr, "# %s\n", trial);
	begin();
	files = open_fds();
	fd_of_holder = hello(OPERATOR);
	held = lease_one(fd_of_holder);
	block = allocate_one(fd_of_holder);
	fault_arm(fault->kind, fault->error, nth, onward);
	event->happen();
	struck = fault_disarm();
	rig_turn();
	/* Whatever went wrong, a reload sets it right. */
	cr_assert_eq(daemon_reload(&rig), 0, "%s", trial);
	check_after(fd_of_holder, files);
	end();
	return struck;
}

Test(faults, what_happens_while_things_fail_leaves_nothing_behind)
{
	for (size_t e = 0; e < array_size(events); e++)
		for (size_t i = 0; i < array_size(faults); i++)
			for (int onward = 0; onward < (faults[i].passes ? 1 : 2); onward++)
				for (unsigned int nth = 1;
				     try_event(&events[e], &faults[i], nth, onward); nth++)
					cr_assert_lt(nth, 500u, "%s: no end", trial);
}

/* ---- starting again -------------------------------------------------------------------------- */

static int start_again(const struct config_paths *paths, struct event_base *base,
		       const struct fault_line *fault, unsigned int nth, bool onward)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	struct config *config;

	cr_assert_eq(config_load(paths, &config, &why), 0, "%s", buffer);
	if (fault)
		fault_arm(fault->kind, fault->error, nth, onward);
	return daemon_init(&rig, base, &rig_fake.backend, config, paths);
}

static void expect_all_is_known(void)
{
	struct region *region = region_find(&rig.broker.regions, "pool");
	struct lease *lease = lease_find(&rig.broker.leases, block), *scattered;
	uint64_t taken = PAGE;

	cr_assert_not_null(lease_find(&rig.broker.leases, held), "%s: a lease is lost", trial);
	if (pieces) {
		scattered = lease_find(&rig.broker.leases, pieces);
		cr_assert_not_null(scattered, "%s: a lease is lost", trial);
		cr_assert_eq(lease_extents(scattered), 2u, "%s: an extent is lost", trial);
		cr_assert_not_null(scattered->extents, "%s: its blocks are not its own", trial);
		taken += 6 * PAGE;
	}
	cr_assert_not_null(lease, "%s: a lease is lost", trial);
	cr_assert_not_null(lease->extents, "%s: its blocks are not its own", trial);
	cr_assert_eq(pool_free_bytes(region->blocks->pool), (8u << 20) - taken,
		     "%s: its blocks are free for others", trial);
	check_charges(OPERATOR);
}

/*
 * A daemon that does not know all that is taken must not start: the next one, or a reload, knows
 * it.
 */
static bool try_start(const struct fault_line *fault, unsigned int nth, bool onward)
{
	struct config_paths paths;
	struct event_base *base;
	bool struck;
	int r, fd;

	snprintf(trial, sizeof(trial), "starting: %s number %u%s fails (%s)", fault->name, nth,
		 onward ? " and all later ones" : "", strerror(fault->error));
	if (getenv("FAULTS_TRACE"))
		fprintf(stderr, "# %s\n", trial);
	begin();
	fd = hello(OPERATOR);
	held = lease_one(fd);
	block = allocate_one(fd);
	pieces = allocate_pieces(fd);
	close(fd);
	base = rig.broker.host.base;
	paths = rig.paths;
	daemon_clear(&rig);
	r = start_again(&paths, base, fault, nth, onward);
	struck = fault_disarm();
	if (r < 0) {
		daemon_clear(&rig);
		cr_assert_eq(start_again(&paths, base, NULL, 0, false), 0, "%s", trial);
	}
	cr_assert_eq(daemon_reload(&rig), 0);
	expect_all_is_known();
	close_windows();
	check_pool();
	end();
	return struck;
}

Test(faults, a_daemon_that_starts_knows_all_that_is_taken_or_does_not_start)
{
	for (size_t i = 0; i < array_size(faults); i++)
		for (int onward = 0; onward < (faults[i].passes ? 1 : 2); onward++)
			for (unsigned int nth = 1; try_start(&faults[i], nth, onward); nth++)
				cr_assert_lt(nth, 500u, "%s: no end", trial);
}
