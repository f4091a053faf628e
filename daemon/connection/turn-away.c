// SPDX-License-Identifier: MIT
/*
 * Turning clients away: each is accepted, its HELLO that is on its way is answered, and it is hung
 * up on. Nothing else of the daemon is there yet.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "base/log.h"
#include "connection/socket.h"
#include "connection/turn-away.h"
#include "wire/reply.h"

static bool is_root(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0;
}

static void answer(int fd, const char *why)
{
	static const struct mmiod_msg hello = { .opcode = MMIOD_OP_HELLO };
	static struct message message; /* 64 KiB */

	if (is_root(fd))
		reply_error(&message, &hello, MMIOD_E_INTERNAL, "the daemon cannot start: %s", why);
	else
		reply_error(&message, &hello, MMIOD_E_INTERNAL,
			    "the daemon cannot start: its journal says why, and it tells root");
	message_seal(&message);
	send(fd, message.data, message.length, MSG_DONTWAIT | MSG_NOSIGNAL);
	socket_hang_up(fd);
}

void turn_away_all(int fd, const char *why, unsigned int milliseconds)
{
	struct pollfd listening = { .fd = fd, .events = POLLIN };
	uint64_t now = clock_coarse_ms(), end = now + milliseconds;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	for (; now < end; now = clock_coarse_ms()) {
		int client;

		if (poll(&listening, 1, (int)(end - now)) < 0 && errno != EINTR)
			return;
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client >= 0)
			answer(client, why);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			poll(NULL, 0, 100);
	}
}
