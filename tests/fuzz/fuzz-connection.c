// SPDX-License-Identifier: MIT
/*
 * A daemon under libFuzzer, from the bytes on its sockets to its leases and pools: clients that
 * come, send, read or do not read, and go, and devices that do the same. The backend is the unit
 * tests', which refuses to wipe below a living window. After each input all must be as if nobody
 * had come.
 *
 * An input is a sequence of steps: what, who, length (two bytes), so many bytes. Opcodes need no
 * line here: the decoder is asked for the shape of each.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/daemon/support/rig.h"

#define CLIENTS 4
#define STEPS_MAX 64
#define OPCODES 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] =
	"[daemon]\nleases-per-user = 24\nbytes-per-user = 2M\ncaches-per-user = 20\n"
	"[region pool]\nphys = 0xf8000000\nsize = 1M\npool = yes\ncache = uc wc\n"
	"[region shm]\nphys = 0xf9000000\nsize = 64K\ncache = wc uc\n"
	"[region regs]\nphys = 0xfa000000\nsize = 4K\nwidth = 32\n"
	"[grant all]\nregion = pool shm\nuser = 4001 4003\naccess = rw\nshare = shared-write\n"
	"[grant some]\nregion = regs\nuser = 4001\naccess = r\nshare = shared-read\n"
	"[grant memory]\nmemory = pages vmalloc kmalloc dma\nuser = 4001\n"
	"[device d]\ndevice = pci:0000:01:00.0\ninterrupts = msix\nvectors = 4\ndma-engine = no\n"
	"[grant d]\ndevice = d\ninterrupts = yes\nconfig = standard\nreset = yes\nuser = 4001 "
	"4003\n";
static const char simulated_config[] =
	"[daemon]\nleases-per-user = 24\nbytes-per-user = 2M\n"
	"[region pool]\nsize = 1M\npool = yes\n[region shm]\nsize = 64K\n"
	"[grant all]\nregion = pool shm\nuser = 4001 4003\naccess = rw\nshare = shared-write\n"
	"[grant memory]\nmemory = pages vmalloc kmalloc\nuser = 4001\n"
	"[device d]\ninterrupts = msix\nvectors = 4\ndma-engine = no\ninterrupt-period = 1s\n"
	"[grant d]\ndevice = d\ninterrupts = yes\nconfig = standard\nreset = yes\nuser = 4001 "
	"4003\n";

static const uid_t uids[CLIENTS] = { 4001, 4003, 0, 4001 };

static bool simulated;
static int clients[CLIENTS];
static uint64_t last_id;

/* Of a request: as version 1 has it, and as this daemon knows it. */
static struct shape {
	uint16_t opcode;
	uint16_t fixed[2];
	uint16_t stride[2];
} shapes[OPCODES];
static size_t n_shapes;

/* ---- the shapes of requests ------------------------------------------------------------------ */

/* `last`: the last byte, which an older daemon does not know and therefore does not admit. */
static enum mmiod_outcome decode(uint16_t opcode, size_t fixed, size_t stride, uint8_t last)
{
	union {
		struct mmiod_msg msg;
		uint8_t bytes[4096];
	} packet = { .msg = { .size = (uint32_t)(fixed + stride),
			      .opcode = opcode,
			      .fixed = (uint32_t)fixed,
			      .count = stride ? 1 : 0,
			      .stride = (uint32_t)stride } };
	struct decode_error error;
	struct request request;

	if (last)
		packet.bytes[packet.msg.size - 1] = last;
	if (request_decode(&packet, packet.msg.size, &request, &error))
		return MMIOD_OK;
	return error.outcome;
}

/* An array is found before it is left out. */
static bool find_first(struct shape *shape)
{
	for (uint16_t fixed = sizeof(struct mmiod_msg); fixed < 512; fixed += 4)
		for (uint16_t stride = 4; stride <= 512; stride += 4)
			if (decode(shape->opcode, fixed, stride % 512, 0) == MMIOD_OK) {
				shape->fixed[0] = fixed;
				shape->stride[0] = stride % 512;
				return true;
			}
	return false;
}

static void find_known(struct shape *shape)
{
	shape->fixed[1] = shape->fixed[0];
	shape->stride[1] = shape->stride[0];
	for (uint16_t more = 4; more < 512; more += 4) {
		uint16_t fixed = shape->fixed[0] + more, stride = shape->stride[0] + more;

		if (!shape->stride[0]) {
			if (decode(shape->opcode, fixed, 0, 1) != MMIOD_E_UNSUPPORTED)
				shape->fixed[1] = fixed;
			continue;
		}
		if (decode(shape->opcode, shape->fixed[0], stride, 1) != MMIOD_E_UNSUPPORTED)
			shape->stride[1] = stride;
	}
}

static void find_shapes(void)
{
	for (uint16_t opcode = 1; opcode < OPCODES; opcode++) {
		shapes[n_shapes].opcode = opcode;
		if (find_first(&shapes[n_shapes]))
			find_known(&shapes[n_shapes++]);
	}
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void drop(int who)
{
	if (clients[who] >= 0)
		close(clients[who]);
	clients[who] = -1;
}

static void come(int who, bool polite)
{
	drop(who);
	clients[who] = polite ? client_hello(uids[who]) : client_connect(uids[who]);
}

static void send_bytes(int who, const void *bytes, size_t length)
{
	if (clients[who] >= 0)
		send(clients[who], bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* An opcode, and what stands behind the header of its request, whose sizes are made to fit. */
static void send_request(int who, const uint8_t *bytes, size_t length)
{
	static union {
		struct mmiod_msg msg;
		uint8_t bytes[MMIOD_MSG_MAX];
	} packet;
	const struct shape *shape;
	size_t size, fixed, stride;

	if (length < 1)
		return;
	shape = &shapes[bytes[0] % 128 % n_shapes];
	fixed = shape->fixed[bytes[0] / 128];
	stride = shape->stride[bytes[0] / 128];
	memset(&packet, 0, sizeof(packet));
	size = sizeof(packet) - sizeof(packet.msg) < length - 1
		       ? sizeof(packet) - sizeof(packet.msg)
		       : length - 1;
	memcpy(&packet.msg + 1, bytes + 1, size);
	size += sizeof(packet.msg);
	packet.msg = (struct mmiod_msg){ .opcode = shape->opcode,
					 .id = ++last_id,
					 .fixed = (uint32_t)fixed,
					 .stride = (uint32_t)stride };
	if (size > fixed && stride)
		packet.msg.count = (uint32_t)((size - fixed) / stride);
	packet.msg.size = (uint32_t)(fixed + packet.msg.count * stride);
	send_bytes(who, &packet, packet.msg.size);
}

static void read_answers(int who)
{
	if (clients[who] < 0)
		return;
	while (client_receive(clients[who]) > 0)
		client_close_fds();
}

static void close_window(size_t index)
{
	if (!simulated && rig_fake.n_windows)
		fake_close_window(&rig_fake, rig_fake.windows[index % rig_fake.n_windows].id);
}

static uint64_t region_handle(uint8_t which)
{
	return which % 2 ? 2 : 1; /* in order of the configuration */
}

static void happen(uint8_t what, uint8_t which)
{
	switch (what % 10) {
	case 0:
		close_window(which);
		break;
	case 1:
		fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_SUSPENDED,
			   region_handle(which));
		break;
	case 2:
		fake_event(&rig_fake, MMIOD_CONTROL_REGION_STATE, MMIOD_WINDOW_OK,
			   region_handle(which));
		break;
	case 3:
		fake_event(&rig_fake, MMIOD_CONTROL_OVERFLOW, 0, 0);
		break;
	case 4:
		fake_event(&rig_fake, which % 9, which / 9 % 4, which / 36);
		break;
	case 5:
		rig_fake.create_error = which % 4 ? 0 : -ENOMEM;
		break;
	case 6:
		rig_fake.wipe_error = which % 4 ? 0 : -EAGAIN;
		break;
	case 7:
		rig_fake.state_error = which % 4 ? 0 : -EIO;
		break;
	case 8:
		daemon_reload(&rig);
		break;
	case 9:
		ledger_end_grace(&rig.broker);
		break;
	}
	events_drain(&rig.broker);
}

static struct mmiod_window_extent extent_of(const struct backend_window *window, uint32_t index)
{
	return window->n_extents > 1
		       ? window->extents[index]
		       : (struct mmiod_window_extent){ window->offset, window->length };
}

static bool share_bytes(const struct backend_window *a, const struct backend_window *b)
{
	for (uint32_t i = 0; i < (a->n_extents > 1 ? a->n_extents : 1); i++)
		for (uint32_t j = 0; j < (b->n_extents > 1 ? b->n_extents : 1); j++) {
			struct mmiod_window_extent x = extent_of(a, i), y = extent_of(b, j);

			if (x.offset < y.offset + y.length && y.offset < x.offset + x.length)
				return true;
		}
	return false;
}

static void check_windows(void)
{
	for (size_t i = 0; !simulated && i < rig_fake.n_windows; i++) {
		const struct backend_ledger *a = &rig_fake.windows[i];

		for (size_t j = 0; j < i; j++) {
			const struct backend_ledger *b = &rig_fake.windows[j];
			const struct lease *lease = lease_find(&rig.broker.leases, a->id);

			if (!lease || !lease->extents || a->state == MMIOD_STATE_REVOKED ||
			    b->state == MMIOD_STATE_REVOKED || a->window.region != b->window.region)
				continue;
			cr_assert(!share_bytes(&a->window, &b->window));
		}
	}
}

static void do_step(const uint8_t *step, const uint8_t *bytes, size_t length)
{
	int who = step[1] % CLIENTS;

	switch (step[0] % 8) {
	case 0:
		send_bytes(who, bytes, length);
		break;
	case 1:
	case 2:
		send_request(who, bytes, length);
		break;
	case 3:
		rig_turn();
		read_answers(who);
		break;
	case 4:
		come(who, step[1] < 128);
		break;
	case 5:
		drop(who);
		break;
	case 6:
		rig_turn();
		break;
	case 7:
		if (!simulated && length >= 1)
			happen(step[1], bytes[0]);
		break;
	}
}

/* ---- the whole of an input ------------------------------------------------------------------- */

static void begin(void)
{
	static bool ready;

	if (!ready)
		find_shapes();
	ready = true;
	if (simulated)
		rig_start_simulation(simulated_config);
	else
		rig_start(config);
	for (int i = 0; i < CLIENTS; i++)
		clients[i] = -1;
	last_id = 1000000;
	come(0, true);
	come(1, true);
}

static void end(void)
{
	struct region *region;

	rig_fake.create_error = rig_fake.wipe_error = rig_fake.state_error = 0;
	for (int i = 0; i < CLIENTS; i++)
		drop(i);
	rig_turn();
	while (!simulated && rig_fake.n_windows)
		close_window(0);
	events_drain(&rig.broker);
	rig_turn();
	daemon_reload(&rig);
	region = region_find(&rig.broker.regions, "pool");
	cr_assert_not_null(region);
	if (region->blocks) {
		if (region->blocks->wiping)
			pools_wipe_queue(&rig.broker, region, UINT64_MAX);
		cr_assert_eq(pool_free_bytes(region->blocks->pool), 1u << 20);
		cr_assert_eq(pool_check(region->blocks->pool), 0);
	}
	cr_assert_not(leases_count(&rig.broker.leases));
	cr_assert_null(rig.broker.waitlist.head);
	cr_assert_null(rig.broker.published.head);
	cr_assert_null(rig.broker.host.users.table);
	rig_stop();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end_of_data = data + size;

	if (size < 1)
		return 0;
	simulated = *data++ % 4 == 3;
	begin();
	for (int i = 0; i < STEPS_MAX && end_of_data - data >= 4; i++) {
		const uint8_t *step = data;
		size_t length = step[2] | (size_t)step[3] << 8;

		data += 4;
		if (length > (size_t)(end_of_data - data))
			length = (size_t)(end_of_data - data);
		do_step(step, data, length);
		data += length;
		check_windows();
	}
	end();
	return 0;
}
