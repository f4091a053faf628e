/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 600000 /* against a hang only */

/* On the daemon's thread, where an assertion could not unwind. */
static void give_up(const char *why)
{
	fprintf(stderr, "fake daemon: %s\n", why);
	abort();
}

static void *run(void *argument)
{
	struct fake *fake = argument;

	fake->script(fake);
	return NULL;
}

void fake_start(struct fake *fake, void (*script)(struct fake *fake), void *argument)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*fake = (struct fake){ .sock = -1, .script = script, .argument = argument, .epoch = 1 };
	strcpy(fake->directory, "/tmp/mmiod-fake-XXXXXX");
	cr_assert(mkdtemp(fake->directory));
	snprintf(fake->path, sizeof(fake->path), "%s/sock", fake->directory);
	strcpy(address.sun_path, fake->path);
	fake->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert_geq(fake->listener, 0);
	cr_assert_eq(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(fake->listener, 8), 0);
	cr_assert_eq(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_stop(struct fake *fake)
{
	pthread_join(fake->thread, NULL);
	fake_hang_up(fake);
	close(fake->listener);
	unlink(fake->path);
	rmdir(fake->directory);
}

static void await(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, PATIENCE_MS) <= 0)
		give_up(what);
}

void fake_accept_silently(struct fake *fake)
{
	await(fake->listener, "nobody connects");
	fake->sock = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fake->sock < 0)
		give_up("accept");
}

void fake_hang_up(struct fake *fake)
{
	if (fake->sock >= 0)
		close(fake->sock);
	fake->sock = -1;
}

void fake_wait_hang_up(struct fake *fake)
{
	await(fake->sock, "the client stays");
	if (recv(fake->sock, fake->request, sizeof(fake->request), 0) > 0)
		give_up("the client sends more");
	fake_hang_up(fake);
}

const struct mmiod_msg *fake_read(struct fake *fake)
{
	ssize_t n;

	await(fake->sock, "no request comes");
	n = recv(fake->sock, fake->request, sizeof(fake->request), 0);
	if (n < (ssize_t)sizeof(struct mmiod_msg))
		give_up("the client hung up");
	fake->request_size = (size_t)n;
	return (const struct mmiod_msg *)fake->request;
}

void fake_send(struct fake *fake, const void *message, size_t size, const int *fds, size_t count)
{
	char control[CMSG_SPACE(sizeof(int) * PACKET_FILES_MAX)] = { 0 };
	struct iovec iov = { .iov_base = (void *)message, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		struct cmsghdr *cmsg;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * count);
	}
	/* A client that asks for nothing may be gone before it is greeted. */
	if (sendmsg(fake->sock, &msg, MSG_NOSIGNAL) != (ssize_t)size && errno != EPIPE)
		give_up("sendmsg");
}

void fake_send_granted(struct fake *fake, const struct mmiod_msg *request,
		       struct mmiod_wire_granted granted, int fd)
{
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_granted granted;
	} reply = { .msg = { .size = sizeof(reply),
			     .opcode = request->opcode,
			     .flags = MMIOD_MSG_REPLY,
			     .fds = 1,
			     .id = request->id,
			     .fixed = sizeof(reply.msg),
			     .count = 1,
			     .stride = sizeof(reply.granted) },
		    .granted = granted };

	fake_send(fake, &reply, sizeof(reply), &fd, 1);
}

void fake_greet(struct fake *fake, uint32_t backend)
{
	fake_greet_as(fake, backend, false);
}

void fake_greet_as(struct fake *fake, uint32_t backend, bool admin)
{
	fake_answer_hello(fake, fake_read(fake)->id, backend, admin);
}

void fake_answer_hello(struct fake *fake, uint64_t id, uint32_t backend, bool admin)
{
	struct mmiod_msg_hello_reply hello = {
		.msg = { .size = sizeof(hello),
			 .opcode = MMIOD_OP_HELLO,
			 .flags = MMIOD_MSG_REPLY,
			 .id = id,
			 .fixed = sizeof(hello) },
		.version = MMIOD_PROTOCOL_VERSION,
		.backend = backend,
		.features = fake->features,
		.epoch = fake->epoch,
		.max_message = MMIOD_MSG_MAX,
		.max_fds = MMIOD_MSG_FDS_MAX,
		.max_batch = MMIOD_BATCH_MAX,
		.max_leases = 1000,
		.page_size = mmiod_page_size(),
		.uid = getuid(),
		.admin = admin,
	};

	fake_send(fake, &hello, sizeof(hello), NULL, 0);
}

void fake_accept(struct fake *fake)
{
	fake_accept_silently(fake);
	fake_greet(fake, MMIOD_BACKEND_SIMULATION);
}

void fake_refuse(struct fake *fake, enum mmiod_outcome outcome, const char *text)
{
	const struct mmiod_msg *request = (const struct mmiod_msg *)fake->request;
	struct {
		struct mmiod_msg_error error;
		char text[200];
	} reply = { .error.msg = { .opcode = request->opcode,
				   .flags = MMIOD_MSG_REPLY,
				   .id = request->id,
				   .status = outcome,
				   .fixed = sizeof(reply.error) } };
	size_t length = strlen(text);

	memcpy(reply.text, text, length);
	reply.error.text.offset = length ? sizeof(reply.error) : 0;
	reply.error.text.length = (uint32_t)length;
	reply.error.msg.size = (uint32_t)(sizeof(reply.error) + length);
	fake_send(fake, &reply, reply.error.msg.size, NULL, 0);
}

void fake_event(struct fake *fake, enum mmiod_event_type type, uint64_t lease, const char *text)
{
	struct {
		struct mmiod_msg_event event;
		char text[400];
	} message = { .event = { .msg = { .opcode = MMIOD_OP_EVENT,
					  .flags = MMIOD_MSG_EVENT,
					  .fixed = sizeof(message.event) },
				 .type = type,
				 .lease = lease,
				 .text = { .offset = sizeof(message.event) } } };
	size_t length = strlen(text);

	memcpy(message.text, text, length);
	message.event.text.length = (uint32_t)length;
	message.event.msg.size = (uint32_t)(sizeof(message.event) + length);
	fake_send(fake, &message, message.event.msg.size, NULL, 0);
}

int memory_file(size_t size)
{
	int fd = memfd_create("window", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		give_up("memfd");
	return fd;
}

/* As in simulation, the file is the whole region: the window starts at its offset. */
static int window_file(const struct mmiod_wire_want *want, uint64_t lease)
{
	int fd = memory_file(want->offset + want->length + mmiod_page_size());
	char path[40];
	int readonly;

	if (pwrite(fd, &lease, sizeof(lease), (off_t)want->offset) != sizeof(lease))
		give_up("pwrite");
	if (want->rights & MMIOD_RIGHT_WRITE)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readonly = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return readonly;
}

static void fill_granted(struct mmiod_wire_granted *granted, const struct mmiod_wire_want *want,
			 uint64_t lease)
{
	size_t page = mmiod_page_size();

	*granted = (struct mmiod_wire_granted){
		.memtype = want->memtype ? want->memtype : MMIOD_MEMTYPE_UC,
		.lease = lease,
		.offset = want->offset,
		.length = want->length,
		.map_offset = want->offset,
		.rights = want->rights,
		.width = want->width,
		.share = want->share ? want->share : MMIOD_SHARE_EXCLUSIVE,
		.mmapable = !(want->offset % page) && !(want->length % page),
	};
}

/*
 * Client and fake share one table of descriptors: the files
 * sent must stay open, or they would leave room behind.
 */
static void take_room(struct fake *fake, const int *fds, size_t count, int room)
{
	struct rlimit limit;
	int lowest = dup(fds[0]);

	close(lowest);
	memcpy(fake->kept, fds, count * sizeof(*fds));
	fake->kept_count = count;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)(lowest + room);
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		give_up("setrlimit");
}

void fake_make_room(struct fake *fake)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; i < fake->kept_count; i++)
		close(fake->kept[i]);
	fake->kept_count = 0;
}

const void *fake_element(const void *request, size_t index)
{
	const struct mmiod_msg *head = request;

	return (const uint8_t *)request + head->fixed + index * head->stride;
}

/* An allocation is granted at its lower limit, in whole pages. */
static struct mmiod_wire_want element_asked(const struct mmiod_msg_lease *asked, size_t index)
{
	size_t page = mmiod_page_size();
	const struct mmiod_wire_alloc *alloc;
	struct mmiod_wire_want want = { 0 };

	if (asked->msg.opcode != MMIOD_OP_ALLOC) {
		memcpy(&want, fake_element(asked, index), MMIOD_V1_WANT);
		return want;
	}
	alloc = fake_element(asked, index);
	want = (struct mmiod_wire_want){
		.offset = alloc->low,
		.length = (alloc->length + page - 1) / page * page,
		.rights = alloc->rights,
		.memtype = alloc->memtype,
		.width = alloc->width,
	};
	memcpy(want.region, alloc->region, sizeof(want.region));
	return want;
}

void fake_grant(struct fake *fake, const void *request, uint64_t first_lease,
		const struct flaw *flaw)
{
	static const struct flaw none;
	const struct mmiod_msg_lease *asked = request;
	struct mmiod_wire_want wants[MMIOD_MSG_FDS_MAX];
	size_t count = asked->msg.count, files = 0;
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_granted granted[MMIOD_MSG_FDS_MAX];
	} reply = { 0 };
	size_t made;
	int fds[64];

	if (!flaw)
		flaw = &none;
	for (size_t i = 0; i < count; i++) {
		wants[i] = element_asked(asked, i);
		if (fake->n_extents > 1)
			wants[i].offset = 0; /* in its own file */
		fill_granted(&reply.granted[i], &wants[i], first_lease + i);
		reply.granted[i].n_extents = fake->n_extents;
		if (fake->n_extents > 1)
			reply.granted[i].offset = UINT64_MAX;
		if (flaw->busy == (int)i + 1)
			reply.granted[i].status = MMIOD_E_BUSY;
		else
			fds[files++] = window_file(&wants[i], first_lease + i);
	}
	made = files;
	files += (size_t)flaw->files;
	for (; made < files; made++)
		fds[made] = memory_file(1);
	reply.msg = (struct mmiod_msg){
		.size = (uint32_t)(sizeof(reply.msg) + count * sizeof(reply.granted[0])),
		.opcode = asked->msg.opcode,
		.flags = MMIOD_MSG_REPLY,
		.fds = (uint8_t)(files + (size_t)flaw->declared),
		.id = asked->msg.id + (uint64_t)flaw->id,
		.fixed = (uint32_t)(sizeof(reply.msg) + (size_t)flaw->fixed),
		.count = (uint32_t)(count + (size_t)flaw->count),
		.stride = sizeof(reply.granted[0]),
	};
	reply.msg.size += (uint32_t)flaw->size;
	if (flaw->room)
		take_room(fake, fds, count, flaw->room);
	fake_send(fake, &reply, sizeof(reply.msg) + count * sizeof(reply.granted[0]), fds, files);
	for (size_t i = 0; !flaw->room && i < made; i++)
		close(fds[i]);
}

/* The first `good` of them end well, the others with an outcome. */
void fake_end_some(struct fake *fake, size_t good, enum mmiod_outcome outcome, const char *text)
{
	const struct mmiod_msg_end *request = (const struct mmiod_msg_end *)fake->request;
	struct {
		struct mmiod_msg msg;
		struct mmiod_wire_ended ended[MMIOD_MSG_FDS_MAX];
		char text[100];
	} reply = { 0 };
	size_t count = request->msg.count;

	for (size_t i = 0; i < count; i++) {
		memcpy(&reply.ended[i].lease, (const uint64_t *)(request + 1) + i,
		       sizeof(uint64_t));
		if (i < good)
			continue;
		reply.ended[i].status = outcome;
		reply.ended[i].text.offset = offsetof(typeof(reply), text);
		reply.ended[i].text.length = (uint32_t)strlen(text);
	}
	strcpy(reply.text, text);
	reply.msg = (struct mmiod_msg){ .size = sizeof(reply),
					.opcode = request->msg.opcode,
					.flags = MMIOD_MSG_REPLY,
					.id = request->msg.id,
					.fixed = sizeof(reply.msg),
					.count = (uint32_t)count,
					.stride = sizeof(reply.ended[0]) };
	fake_send(fake, &reply, sizeof(reply), NULL, 0);
}

void fake_end(struct fake *fake, enum mmiod_outcome outcome, const char *text)
{
	fake_end_some(fake, outcome == MMIOD_OK ? MMIOD_MSG_FDS_MAX : 0, outcome, text);
}

size_t open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

struct mmiod_client *connect_or_fail(struct fake *fake)
{
	struct mmiod_client *client;
	int err = mmiod_client_connect(fake->path, &client);

	cr_assert_eq(err, 0, "connect: %s", mmiod_client_error(NULL));
	cr_assert_eq(connection_greeted(client), 0, "%s", mmiod_client_error(client));
	return client;
}

struct mmiod_client *fake_serve(struct fake *fake, void (*script)(struct fake *fake),
				void *argument)
{
	fake_start(fake, script, argument);
	return connect_or_fail(fake);
}

void fake_leave(struct fake *fake, struct mmiod_client *client)
{
	mmiod_client_free(client);
	fake_stop(fake);
}

struct mmiod_lease *lease_or_fail(struct mmiod_client *client, uint64_t offset, uint64_t length,
				  unsigned int rights)
{
	struct mmiod_lease *lease;
	int err = mmiod_client_lease(client, "shm", offset, length, rights, &lease);

	cr_assert_eq(err, 0, "lease: %s", mmiod_client_error(client));
	return lease;
}
