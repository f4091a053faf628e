// SPDX-License-Identifier: MIT
/* A client's socket: one packet out, and what the kernel tells of those that went before. */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <mmiod/protocol.h>
#include "connection/socket.h"

int socket_send(int fd, const void *data, size_t length, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * MMIOD_MSG_FDS_MAX)];
	} control;
	struct iovec vector = { .iov_base = (void *)data, .iov_len = length };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (n_fds) {
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		memset(&control, 0, header.msg_controllen);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	return sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/*
 * The kernel's bookkeeping of a message that is just being freed may still count 1; a whole one
 * counts hundreds.
 */
bool socket_all_read(int fd)
{
	int unread;

	return ioctl(fd, SIOCOUTQ, &unread) < 0 || unread <= 1;
}

/* An empty packet and the end of the stream both read as 0. */
bool socket_has_hung_up(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLRDHUP };

	return poll(&poll_fd, 1, 0) != 0;
}

/*
 * Closes a socket so that the peer can still read what was sent to it: closing with unread packets
 * would give it ECONNRESET first. After the shutdown none can come, so the loop ends.
 */
void socket_hang_up(int fd)
{
	char byte;

	shutdown(fd, SHUT_RD);
	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
	close(fd);
}
