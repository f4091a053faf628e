/* SPDX-License-Identifier: MIT */
/*
 * One packet of a SEQPACKET socket, with the files that came with it.
 *
 * A received packet owns its files: packet_take() hands one over, packet_release() closes the rest.
 * Every path that receives a packet ends in packet_release(), so a reply that nobody waits for any
 * more cannot leak.
 */
#include "wire/wire.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* -ECONNRESET: the daemon is gone, in whatever words the kernel says so. */
static int connection_errno(int err)
{
	switch (err) {
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return -ECONNRESET;
	default:
		return -err;
	}
}

int packet_send(int sock, const void *data, size_t size, int flags)
{
	ssize_t n;

	do {
		n = send(sock, data, size, flags | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return connection_errno(errno);

	return (size_t)n == size ? 0 : -EPROTO;
}

/*
 * cmsg_len, not the room that was offered, says how many there are: alignment can leave room for
 * one more.
 */
static void collect_files(struct msghdr *msg, struct packet *packet)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
			if (packet->files < PACKET_FILES_MAX)
				packet->fds[packet->files++] = fd;
			else
				close(fd);
		}
	}
}

/*
 * -EAGAIN when there is nothing, -ECONNRESET at the end of the connection. @block: wait as long as
 * SO_RCVTIMEO says, or until a signal comes, before there is nothing.
 */
int packet_receive(int sock, void *buffer, size_t capacity, bool block, struct packet *packet)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * PACKET_FILES_MAX)];
	} control;
	struct iovec iov = { .iov_base = buffer, .iov_len = capacity };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.room,
			      .msg_controllen = sizeof(control.room) };
	ssize_t n;

	packet->files = 0;
	packet->files_lost = false;
	do {
		n = recvmsg(sock, &msg, (block ? 0 : MSG_DONTWAIT) | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR && !block);
	if (n < 0)
		return errno == EINTR ? -EAGAIN : connection_errno(errno);
	collect_files(&msg, packet);
	packet->data = buffer;
	packet->size = (size_t)n;
	packet->files_lost = msg.msg_flags & MSG_CTRUNC;
	if (n > 0 && !(msg.msg_flags & MSG_TRUNC))
		return 0;

	packet_release(packet);
	return n ? -EPROTO : -ECONNRESET;
}

int packet_take(struct packet *packet, size_t index)
{
	int fd = packet->fds[index];

	packet->fds[index] = -1;
	return fd;
}

void packet_release(struct packet *packet)
{
	for (size_t i = 0; i < packet->files; i++)
		if (packet->fds[i] >= 0)
			close(packet->fds[i]);
	packet->files = 0;
}
