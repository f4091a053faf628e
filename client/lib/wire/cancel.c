/* SPDX-License-Identifier: MIT */
/*
 * That a program waits no more. It says so in a signal handler or in another thread, which can make
 * no descriptor; and what wakes a wait is one, which most programs, as they wait for nobody, do
 * without. So the first wait that may be broken off makes it, and what was said before is kept in a
 * flag. Whoever takes the flag back hands it on: it counts once, however the two meet.
 */
#include "base/error.h"
#include "wire/wire.h"

#include <string.h>
#include <sys/eventfd.h>

static bool take_flag(struct mmiod_client *client)
{
	return __atomic_exchange_n(&client->cancelled, false, __ATOMIC_SEQ_CST);
}

/* Async-signal-safe: nothing but write(). The counter is never full. */
void cancel_say(struct mmiod_client *client)
{
	int fd = __atomic_load_n(&client->cancel, __ATOMIC_SEQ_CST), saved = errno;

	if (fd < 0) {
		__atomic_store_n(&client->cancelled, true, __ATOMIC_SEQ_CST);
		fd = __atomic_load_n(&client->cancel, __ATOMIC_SEQ_CST);
		if (fd < 0 || !take_flag(client))
			return;
	}
	eventfd_write(fd, 1);
	errno = saved;
}

/* Before a wait that may be broken off. */
int cancel_listen(struct mmiod_client *client)
{
	int fd;

	if (client->cancel >= 0)
		return 0;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return client_fail(client, -errno, "cannot make a descriptor: %s", strerror(errno));
	__atomic_store_n(&client->cancel, fd, __ATOMIC_SEQ_CST);
	if (take_flag(client))
		eventfd_write(fd, 1);
	return 0;
}

/* True: it was said since it was taken last. */
bool cancel_take(const struct mmiod_client *client)
{
	eventfd_t count;

	return eventfd_read(client->cancel, &count) == 0;
}
