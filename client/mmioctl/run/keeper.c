/* SPDX-License-Identifier: MIT */
/*
 * When the last listener of a filter is closed, each call that it tells of fails with ENOSYS, that
 * of ld.so included. Were the supervisor killed, its programs could then open nothing at all. So a
 * process that nobody has a reason to kill holds the listener as well, and lets everything pass
 * when the supervisor is gone: programs lose what run gave them, and nothing else.
 *
 * It is forked before the program, has no terminal, ignores all signals that can be ignored, and
 * holds nothing but the listener, its socket and the memory that it shares with the supervisor.
 */
#include "run/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Ids are consecutive: so many may have been received, and not yet put down, or so it is hoped. */
#define UNSEEN 4096

/* ---- descriptors over a socket ---- */

int pass_send(int socket, int value, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec bytes = { .iov_base = &value, .iov_len = sizeof(value) };
	struct msghdr message = { .msg_iov = &bytes, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int pass_receive(int socket, int *value, int *fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec bytes = { .iov_base = value, .iov_len = sizeof(*value) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *header;
	ssize_t n;

	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(*value))
		return n < 0 ? -errno : -ECONNRESET;
	header = CMSG_FIRSTHDR(&message);
	*fd = -1;
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(header), sizeof(*fd));
	return 0;
}

/* ---- the process ---- */

static void let_pass(int listener, uint64_t id)
{
	struct seccomp_notif_resp answer = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

/* What the dead supervisor had received: an answer to what is none does no harm. */
static void let_received_pass(int listener, const struct hands *hands)
{
	for (size_t i = 0; i < KEEPER_HANDS; i++)
		if (hands->ids[i])
			let_pass(listener, hands->ids[i]);
	for (uint64_t i = 1; hands->highest && i <= UNSEEN; i++)
		let_pass(listener, hands->highest + i);
}

/* Until the last program has ended. The structure of a newer kernel may be larger than ours. */
static void let_all_pass(int listener)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };
	union {
		struct seccomp_notif notification;
		char space[1024];
	} received;

	while (poll(&polled, 1, -1) < 0 || !(polled.revents & (POLLHUP | POLLERR | POLLNVAL))) {
		memset(&received, 0, sizeof(received));
		if (polled.revents & POLLIN &&
		    !ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &received.notification))
			let_pass(listener, received.notification.id);
	}
}

static void ignore_signals(void)
{
	sigset_t all;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static void __attribute__((noreturn))
keep(int socket, const struct tree *tree, const struct hands *hands)
{
	int value, listener, other;

	setsid();
	ignore_signals();
	if (socket > 0)
		close_range(0, (unsigned int)socket - 1, 0);
	close_range((unsigned int)socket + 1, ~0u, 0);
	if (!pass_receive(socket, &value, &listener) && listener >= 0) {
		while (!pass_receive(socket, &value, &other))
			;
		let_received_pass(listener, hands);
		let_all_pass(listener);
	}
	tree_remove(tree);
	_exit(0);
}

int keeper_start(const struct tree *tree, struct keeper *keeper)
{
	int sockets[2];

	*keeper = (struct keeper){ .socket = -1 };
	keeper->hands = mmap(NULL, sizeof(*keeper->hands), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (keeper->hands == MAP_FAILED)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	keeper->pid = fork();
	if (!keeper->pid)
		keep(sockets[1], tree, keeper->hands);
	close(sockets[1]);
	keeper->socket = sockets[0];
	return keeper->pid < 0 ? -errno : 0;
}

int keeper_give(const struct keeper *keeper, int listener)
{
	return pass_send(keeper->socket, 0, listener);
}

void keeper_end(struct keeper *keeper)
{
	close(keeper->socket);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(keeper->hands, sizeof(*keeper->hands));
}
