// SPDX-License-Identifier: MIT
#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "daemon/base/log.h"
#include "files.h"
#include "rig.h"

#define STEP_MS 10

struct daemon rig;
struct fake rig_fake;
union answer answer;
int answer_fds[MMIOD_MSG_FDS_MAX];
size_t n_answer_fds;

static struct event_base *base;
static int (*open_backend)(struct backend **backendp, struct text *why); /* NULL: the fake */
static struct config_paths paths;

void rig_write_config(const char *config)
{
	files_write("rig.conf", 0600, config);
}

static void start(void)
{
	char buffer[TEXT_MAX];
	struct text why = TEXT_ON(buffer);
	struct backend *backend = &rig_fake.backend;
	struct config *config;

	base = event_base_new();
	paths = (struct config_paths){ .state = files_path("state") };
	if (open_backend == backend_simulation_open)
		paths.simulation = files_path("rig.conf");
	else
		paths.main = files_path("rig.conf");
	cr_assert_eq(config_load(&paths, &config, &why), 0, "%s", buffer);
	if (open_backend)
		cr_assert_eq(open_backend(&backend, &why), 0, "%s", buffer);
	cr_assert_eq(daemon_init(&rig, base, backend, config, &paths), 0);
}

/* NULL: the fake. */
static void start_with(int (*opener)(struct backend **, struct text *), const char *config)
{
	clock_stop();
	files_make();
	rig_write_config(config);
	fake_init(&rig_fake);
	open_backend = opener;
	start();
}

void rig_start(const char *config)
{
	start_with(NULL, config);
}

void rig_start_module(const char *config)
{
	start_with(backend_module_open, config);
}

void rig_start_simulation(const char *config)
{
	start_with(backend_simulation_open, config);
}

static void stop(void)
{
	daemon_clear(&rig);
	/* A failed assertion counts for nothing when a test is torn down; a crash does. */
	if (rig.broker.host.users.table) {
		fprintf(stderr, "uid %u is still charged\n", rig.broker.host.users.table->uid);
		abort();
	}
	event_base_free(base);
}

void rig_restart(void)
{
	stop();
	rig_fake.n_events = 0;
	start();
}

void rig_stop(void)
{
	stop();
	files_remove();
}

/* As often as one thing may lead to another; timers of no delay take a turn each. */
void rig_turn(void)
{
	for (int i = 0; i < 8; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

/* What is not the daemon's own, a thread or a process, gets a turn as well. */
void rig_wait(unsigned int milliseconds)
{
	while (milliseconds) {
		unsigned int step = milliseconds < STEP_MS ? milliseconds : STEP_MS;

		rig_turn();
		usleep(200);
		clock_advance(step);
		milliseconds -= step;
	}
	rig_turn();
}

/* ---- clients --------------------------------------------------------------------------------- */

const char *rig_tenant;

int client_connect(uid_t uid)
{
	struct charge charge;
	struct peer peer;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
		     0);
	cr_assert_eq(peer_read(&peer, pair[0]), 0);
	peer.subject.uid = uid;
	peer.holder.uid = uid;
	peer.subject.n_gids = 0;
	peer.subject.tenant = peer.holder.tenant = rig_tenant ? config_key_of(rig_tenant) : 0;
	cr_assert_eq(charge_take(&charge, &rig.broker.host.users, holder_payer(&peer.holder),
				 USER_CONNECTIONS, 1000),
		     0);
	cr_assert_eq(connection_new(&rig.broker.host, pair[0], &peer, &charge, NULL), 0);
	return pair[1];
}

void client_send(int fd, const void *packet, size_t length)
{
	cr_assert_eq(send(fd, packet, length, MSG_NOSIGNAL), (ssize_t)length, "%s",
		     strerror(errno));
}

void client_close_fds(void)
{
	while (n_answer_fds)
		close(answer_fds[--n_answer_fds]);
}

static void take_fds(struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);

	client_close_fds();
	if (!control)
		return;
	n_answer_fds = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	cr_assert_leq(n_answer_fds, (size_t)MMIOD_MSG_FDS_MAX);
	memcpy(answer_fds, CMSG_DATA(control), n_answer_fds * sizeof(int));
}

ssize_t client_receive(int fd)
{
	char control[CMSG_SPACE(sizeof(int) * MMIOD_MSG_FDS_MAX)];
	struct iovec vector = { .iov_base = &answer, .iov_len = sizeof(answer) };
	struct msghdr header = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	cr_assert_not(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	take_fds(&header);
	if (n) {
		cr_assert(answer.msg.size == (size_t)n ||
			  (answer.msg.flags & MMIOD_MSG_EVENT && answer.msg.size < (size_t)n));
		cr_assert_eq(answer.msg.fds, n_answer_fds);
	}
	return n;
}

bool client_is_hung_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };

	return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLHUP | POLLRDHUP);
}

const char *answer_text(struct mmiod_msg_text text)
{
	static char buffer[1024];

	cr_assert_leq(text.offset + text.length, answer.msg.size);
	snprintf(buffer, sizeof(buffer), "%.*s", (int)text.length,
		 (char *)answer.bytes + text.offset);
	return buffer;
}

void *answer_element(size_t index)
{
	cr_assert_lt(index, answer.msg.count);
	return answer.bytes + answer.msg.fixed + index * answer.msg.stride;
}

/* ---- requests -------------------------------------------------------------------------------- */

static uint64_t last_id;
uint32_t request_wait_ms;

static struct mmiod_msg header(uint16_t opcode, size_t fixed, size_t count, size_t stride)
{
	return (struct mmiod_msg){
		.size = (uint32_t)(fixed + count * stride),
		.opcode = opcode,
		.id = ++last_id,
		.fixed = (uint32_t)fixed,
		.count = (uint32_t)count,
		.stride = (uint32_t)stride,
	};
}

static uint32_t answered(int fd)
{
	rig_turn();
	cr_assert_gt(client_receive(fd), 0);
	cr_assert_eq(answer.msg.id, last_id);
	cr_assert_eq(answer.msg.flags & ~MMIOD_MSG_MORE, MMIOD_MSG_REPLY);
	return answer.msg.status;
}

int client_hello(uid_t uid)
{
	return client_hello_with(uid, 0);
}

int client_hello_with(uid_t uid, uint64_t features)
{
	struct mmiod_msg_hello hello = { .version_min = 1,
					 .version_max = 1,
					 .features = features,
					 .max_message = MMIOD_MSG_MAX };
	int fd = client_connect(uid);

	hello.msg = header(MMIOD_OP_HELLO, sizeof(hello), 0, 0);
	client_send(fd, &hello, sizeof(hello));
	cr_assert_eq(answered(fd), MMIOD_OK);
	return fd;
}

struct mmiod_wire_want want(const char *region, uint64_t offset, uint64_t length, uint32_t rights,
			    uint32_t share)
{
	struct mmiod_wire_want element = {
		.offset = offset,
		.length = length,
		.rights = rights,
		.share = share,
	};

	snprintf(element.region, sizeof(element.region), "%s", region);
	return element;
}

/* The elements of a request for leases, whatever they are of. */
static void send_elements(int fd, uint16_t opcode, const void *elements, size_t n, size_t size,
			  uint32_t flags)
{
	struct {
		struct mmiod_msg_lease fixed;
		uint8_t elements[8192];
	} packet = { .fixed = { .flags = flags, .wait_ms = request_wait_ms } };

	cr_assert_leq(n * size, sizeof(packet.elements));
	packet.fixed.msg = header(opcode, sizeof(packet.fixed), n, size);
	memcpy(packet.elements, elements, n * size);
	client_send(fd, &packet, packet.fixed.msg.size);
}

void send_lease(int fd, const struct mmiod_wire_want *wants, size_t n, uint32_t flags)
{
	send_elements(fd, MMIOD_OP_LEASE, wants, n, sizeof(wants[0]), flags);
}

uint32_t client_lease(int fd, const struct mmiod_wire_want *wants, size_t n, uint32_t flags)
{
	send_lease(fd, wants, n, flags);
	return answered(fd);
}

uint32_t client_lease_one(int fd, uint64_t offset, uint64_t length, uint64_t *lease)
{
	struct mmiod_wire_want element =
		want("shm", offset, length, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, 0);
	const struct mmiod_wire_granted *granted;

	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	granted = answer_element(0);
	cr_assert_eq(n_answer_fds, granted->status == MMIOD_OK ? 1u : 0u);
	if (lease)
		*lease = granted->lease;
	return granted->status;
}

struct mmiod_wire_alloc ask(uint32_t memory, const char *region, uint64_t length)
{
	struct mmiod_wire_alloc element = {
		.memory = memory,
		.length = length,
		.node = -1,
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
	};

	snprintf(element.region, sizeof(element.region), "%s", region);
	return element;
}

void send_allocs(int fd, const struct mmiod_wire_alloc *asks, size_t n, uint32_t flags)
{
	send_elements(fd, MMIOD_OP_ALLOC, asks, n, sizeof(asks[0]), flags);
}

uint32_t client_alloc(int fd, const struct mmiod_wire_alloc *asks, size_t n, uint32_t flags)
{
	send_allocs(fd, asks, n, flags);
	return answered(fd);
}

struct mmiod_wire_interrupt vector(const char *device, uint32_t number)
{
	struct mmiod_wire_interrupt element = { .vector = number };

	snprintf(element.device, sizeof(element.device), "%s", device);
	return element;
}

void send_interrupts(int fd, const struct mmiod_wire_interrupt *wants, size_t n, uint32_t flags)
{
	send_elements(fd, MMIOD_OP_INTERRUPT, wants, n, sizeof(wants[0]), flags);
}

uint32_t client_interrupt(int fd, const struct mmiod_wire_interrupt *wants, size_t n,
			  uint32_t flags)
{
	send_interrupts(fd, wants, n, flags);
	return answered(fd);
}

struct mmiod_wire_operate operate(const char *device, uint32_t rights)
{
	struct mmiod_wire_operate element = { .rights = rights };

	snprintf(element.device, sizeof(element.device), "%s", device);
	return element;
}

void send_operates(int fd, const struct mmiod_wire_operate *wants, size_t n, uint32_t flags)
{
	send_elements(fd, MMIOD_OP_OPERATE, wants, n, sizeof(wants[0]), flags);
}

uint32_t client_operate(int fd, const struct mmiod_wire_operate *wants, size_t n, uint32_t flags)
{
	send_operates(fd, wants, n, flags);
	return answered(fd);
}

uint32_t client_explain_operate(int fd, const char *device, uint32_t rights)
{
	struct mmiod_msg_explain explain = {
		.rights = MMIOD_RIGHT_READ,
		.flags = MMIOD_EXPLAIN_SELF,
		.kind = MMIOD_KIND_DEVICE,
		.operate = rights,
	};

	explain.msg = header(MMIOD_OP_EXPLAIN, sizeof(explain), 0, 0);
	snprintf(explain.region, sizeof(explain.region), "%s", device);
	client_send(fd, &explain, sizeof(explain));
	return answered(fd);
}

uint32_t client_explain_vector(int fd, const char *device, uint32_t number)
{
	struct mmiod_msg_explain explain = {
		.offset = number,
		.rights = MMIOD_RIGHT_READ,
		.flags = MMIOD_EXPLAIN_SELF,
		.kind = MMIOD_KIND_INTERRUPT,
	};

	explain.msg = header(MMIOD_OP_EXPLAIN, sizeof(explain), 0, 0);
	snprintf(explain.region, sizeof(explain.region), "%s", device);
	client_send(fd, &explain, sizeof(explain));
	return answered(fd);
}

uint32_t client_map(int fd, const char *region, uint64_t cursor)
{
	struct mmiod_msg_pool_map map = { .cursor = cursor };

	map.msg = header(MMIOD_OP_POOL_MAP, sizeof(map), 0, 0);
	snprintf(map.region, sizeof(map.region), "%s", region);
	client_send(fd, &map, sizeof(map));
	return answered(fd);
}

uint32_t client_buffer(int fd, uint64_t lease, uint64_t page)
{
	struct mmiod_msg_buffer buffer = { .lease = lease, .page = page };

	buffer.msg = header(MMIOD_OP_BUFFER, sizeof(buffer), 0, 0);
	client_send(fd, &buffer, sizeof(buffer));
	return answered(fd);
}

uint32_t client_extents(int fd, uint64_t lease, uint64_t cursor)
{
	struct mmiod_msg_extents extents = { .lease = lease, .cursor = cursor };

	extents.msg = header(MMIOD_OP_EXTENTS, sizeof(extents), 0, 0);
	client_send(fd, &extents, sizeof(extents));
	return answered(fd);
}

void send_end(int fd, uint16_t opcode, uint32_t deadline_ms, const uint64_t *leases, size_t n)
{
	struct {
		struct mmiod_msg_end fixed;
		uint64_t leases[MMIOD_BATCH_MAX];
	} packet = { .fixed.deadline_ms = deadline_ms };

	packet.fixed.msg = header(opcode, sizeof(packet.fixed), n, sizeof(leases[0]));
	memcpy(packet.leases, leases, n * sizeof(leases[0]));
	client_send(fd, &packet, packet.fixed.msg.size);
}

uint64_t sent_id(void)
{
	return last_id;
}

void send_cancel(int fd, uint64_t request)
{
	struct mmiod_msg_cancel cancel = { .request = request };

	cancel.msg = header(MMIOD_OP_CANCEL, sizeof(cancel), 0, 0);
	client_send(fd, &cancel, sizeof(cancel));
	rig_turn();
}

uint32_t client_end(int fd, uint16_t opcode, uint64_t lease)
{
	send_end(fd, opcode, 0, &lease, 1);
	if (answered(fd) != MMIOD_OK)
		return answer.msg.status;
	return ((struct mmiod_wire_ended *)answer_element(0))->status;
}

uint32_t client_list(int fd, uint16_t opcode, uint64_t cursor)
{
	struct mmiod_msg_list list = { .cursor = cursor };

	list.msg = header(opcode, sizeof(list), 0, 0);
	client_send(fd, &list, sizeof(list));
	return answered(fd);
}

const struct mmiod_wire_pool *client_pool(void)
{
	int fd = client_hello(0);

	cr_assert_eq(client_list(fd, MMIOD_OP_POOLS, 0), MMIOD_OK);
	cr_assert_eq(answer.msg.count, 1u);
	close(fd);
	return answer_element(0);
}

uint32_t client_translate(int fd, uint32_t pid, uint64_t address)
{
	struct mmiod_msg_translate translate = { .pid = pid, .address = address };

	translate.msg = header(MMIOD_OP_TRANSLATE, sizeof(translate), 0, 0);
	client_send(fd, &translate, sizeof(translate));
	return answered(fd);
}

uint32_t client_page(int fd, uint32_t pid, uint64_t where)
{
	struct mmiod_msg_page page = { .pid = pid, .where = where };

	page.msg = header(MMIOD_OP_PAGE, sizeof(page), 0, 0);
	client_send(fd, &page, sizeof(page));
	return answered(fd);
}

uint32_t client_monitor(int fd, uint32_t on)
{
	struct mmiod_msg_monitor monitor = { .on = on };

	monitor.msg = header(MMIOD_OP_MONITOR, sizeof(monitor), 0, 0);
	client_send(fd, &monitor, sizeof(monitor));
	return answered(fd);
}

uint32_t client_explain(int fd, uint32_t memory, const char *region, uint32_t rights, uint32_t uid)
{
	struct mmiod_msg_explain explain = {
		.memory = memory,
		.rights = rights,
		.flags = uid ? 0 : MMIOD_EXPLAIN_SELF,
		.uid = uid,
	};

	explain.msg = header(MMIOD_OP_EXPLAIN, sizeof(explain), 0, 0);
	snprintf(explain.region, sizeof(explain.region), "%s", region);
	client_send(fd, &explain, sizeof(explain));
	return answered(fd);
}

uint32_t client_status(int fd)
{
	struct mmiod_msg status = header(MMIOD_OP_STATUS, sizeof(status), 0, 0);

	client_send(fd, &status, sizeof(status));
	return answered(fd);
}

uint32_t client_park(int fd)
{
	struct mmiod_msg park = header(MMIOD_OP_PARK, sizeof(park), 0, 0);

	client_send(fd, &park, sizeof(park));
	return answered(fd);
}

size_t open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(directory))
		n++;
	closedir(directory);
	return n;
}

static void expect_refusal(uint32_t status, const char *words)
{
	const struct mmiod_wire_granted *granted = answer_element(0);

	cr_assert_eq(granted->status, status, "%u: %s", granted->status,
		     answer_text(granted->text));
	cr_assert_not_null(strstr(answer_text(granted->text), words), "\"%s\" lacks \"%s\"",
			   answer_text(granted->text), words);
	cr_assert_eq(n_answer_fds, 0u);
	cr_assert_eq(granted->lease, 0u);
}

void lease_refused(int fd, struct mmiod_wire_want element, uint32_t status, const char *words)
{
	cr_assert_eq(client_lease(fd, &element, 1, 0), MMIOD_OK);
	expect_refusal(status, words);
}

void alloc_refused(int fd, struct mmiod_wire_alloc element, uint32_t status, const char *words)
{
	cr_assert_eq(client_alloc(fd, &element, 1, 0), MMIOD_OK);
	expect_refusal(status, words);
}

void operate_refused(int fd, struct mmiod_wire_operate element, uint32_t status, const char *words)
{
	cr_assert_eq(client_operate(fd, &element, 1, 0), MMIOD_OK);
	expect_refusal(status, words);
}

void interrupt_refused(int fd, struct mmiod_wire_interrupt element, uint32_t status,
		       const char *words)
{
	cr_assert_eq(client_interrupt(fd, &element, 1, 0), MMIOD_OK);
	expect_refusal(status, words);
}
