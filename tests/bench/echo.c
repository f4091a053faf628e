// SPDX-License-Identifier: MIT
/*
 * A bare exchange over SEQPACKET with SCM_RIGHTS: requests and replies of the size of mmiod's, one
 * new file for each element, no checks, no bookkeeping. The cost of mmiod beyond this is mmiod's
 * own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <mmiod/protocol.h>

#include "bench.h"

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int) * PER_MESSAGE)];
};

static void name_socket(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((size_t)snprintf(address->sun_path, sizeof(address->sun_path), "%s", path) >=
	    sizeof(address->sun_path))
		die("the socket's path is too long");
}

/* ---- server ---- */

struct server {
	enum echo_file file;
	int memory;
	int fds_fd; /* the directory /proc/self/fd, as of the server */
	char name[16]; /* of memory therein */
};

static int make_file(const struct server *server)
{
	int fd = server->file == ECHO_REOPENS
			 ? openat(server->fds_fd, server->name, O_RDWR | O_CLOEXEC)
			 : fcntl(server->memory, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		die("echo: new file");
	return fd;
}

static void reply(const struct server *server, int fd, const struct mmiod_msg *request)
{
	static uint8_t
		buffer[sizeof(struct mmiod_msg) + PER_MESSAGE * sizeof(struct mmiod_wire_granted)];
	struct mmiod_msg *head = (struct mmiod_msg *)buffer;
	union control control = { 0 };
	struct iovec vector = { .iov_base = buffer };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control };
	int files[PER_MESSAGE];

	*head = *request;
	vector.iov_len = sizeof(*head) + request->count * sizeof(struct mmiod_wire_granted);
	for (uint32_t i = 0; i < request->count; i++)
		files[i] = make_file(server);
	message.msg_controllen = CMSG_SPACE(sizeof(int) * request->count);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int) * request->count);
	memcpy(CMSG_DATA(&control.header), files, sizeof(int) * request->count);
	if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		die("echo: sendmsg");
	for (uint32_t i = 0; i < request->count; i++)
		close(files[i]);
}

static void answer(const struct server *server, int fd)
{
	static _Alignas(8) uint8_t buffer[MMIOD_MSG_MAX];
	ssize_t n;

	for (int i = 0; i < 16; i++) {
		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC);
		if (n <= 0)
			break;
		reply(server, fd, (const struct mmiod_msg *)buffer);
	}
	if (n == 0)
		close(fd);
}

static _Noreturn void serve(struct server *server, int listening)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listening };

	server->fds_fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (server->fds_fd < 0)
		die("echo: /proc/self/fd");
	epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &event);
	for (;;) {
		if (epoll_wait(epoll, &event, 1, -1) != 1)
			continue;
		if (event.data.fd != listening) {
			answer(server, event.data.fd);
			continue;
		}
		event.data.fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		event.events = EPOLLIN;
		epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
	}
}

static int start_listening(const char *path)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	name_socket(&address, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		die("echo: listen");
	return fd;
}

/* ---- client ---- */

static void *echo_open(struct subject *subject)
{
	struct sockaddr_un address;
	int *fd = malloc(sizeof(*fd));

	name_socket(&address, subject->socket);
	*fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("echo: connect");
	return fd;
}

static void echo_close(void *connection)
{
	int *fd = connection;

	close(*fd);
	free(fd);
}

static void request(int fd, size_t count)
{
	static uint8_t buffer[sizeof(struct mmiod_msg_lease) +
			      PER_MESSAGE * sizeof(struct mmiod_wire_want)];
	struct mmiod_msg *head = (struct mmiod_msg *)buffer;

	head->opcode = MMIOD_OP_LEASE;
	head->count = (uint32_t)count;
	head->size =
		(uint32_t)(sizeof(struct mmiod_msg_lease) + count * sizeof(struct mmiod_wire_want));
	if (send(fd, buffer, head->size, MSG_NOSIGNAL) < 0)
		die("echo: send");
}

static void take_reply(int fd)
{
	static uint8_t buffer[MMIOD_MSG_MAX];
	union control control;
	struct iovec vector = { buffer, sizeof(buffer) };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int files[PER_MESSAGE];
	size_t count;

	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) <= 0 || message.msg_flags & MSG_CTRUNC)
		die("echo: recvmsg");
	count = (control.header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(files, CMSG_DATA(&control.header), count * sizeof(int));
	while (count)
		close(files[--count]);
}

/* All requests first, as the library has several in flight. */
static void echo_lease(void *connection, uint64_t first, size_t count)
{
	int fd = *(int *)connection;

	for (size_t done = 0; done < count; done += PER_MESSAGE)
		request(fd, count - done < PER_MESSAGE ? count - done : PER_MESSAGE);
	for (size_t done = 0; done < count; done += PER_MESSAGE)
		take_reply(fd);
}

void echo_start(struct subject *subject, enum echo_file file, const char *socket)
{
	struct server server = { .file = file, .memory = memfd_create("echo", MFD_CLOEXEC) };
	int listening = start_listening(socket);

	if (server.memory < 0 || ftruncate(server.memory, 1 << 20) < 0)
		die("echo: memory");
	snprintf(server.name, sizeof(server.name), "%d", server.memory);
	*subject = (struct subject){
		.name = file == ECHO_REOPENS ? "echo" : "echo-dup",
		.open = echo_open,
		.close = echo_close,
		.lease = echo_lease,
		.socket = socket,
	};
	subject->pid = fork();
	if (subject->pid < 0)
		die("fork");
	if (!subject->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(&server, listening);
	}
	close(listening);
	close(server.memory);
}
