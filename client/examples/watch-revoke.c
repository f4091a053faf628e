/* SPDX-License-Identifier: MIT */
/*
 * watch-revoke: hold a window, keep writing to it, and survive losing it.
 *
 *	watch-revoke [REGION[+OFFSET][/LENGTH]]
 *
 * An administrator may take a lease at any time (mmioctl revoke LEASE), and a device may be
 * unplugged. The next access to the mapping raises SIGBUS: at that instruction, in the middle of
 * whatever the program does. Two things make this bearable, and this program shows both:
 *
 *  - mmiod_guard() runs a block of accesses and returns -ENODEV if the window is taken under it;
 *  - the event descriptor becomes readable, with who did it and why. It goes into the program's own
 *    poll loop.
 *
 * It prints a line for what it sees and ends with 0 once it has lost the window in the way that it
 * should. In simulation a revoked window stays accessible, and only the event tells.
 *
 * Build: cc watch-revoke.c $(pkg-config --cflags --libs mmiod)
 */
#include <mmiod/mmiod.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct watch {
	struct mmiod_client *client;
	struct mmiod_lease *lease;
	volatile uint32_t *counter;
	uint32_t count;
	bool lost;
	bool told;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "watch-revoke: %s: %s\n", what, why);
	return 1;
}

/* Guarded: no locks, no memory of its own, because it may be left at any access. */
static int count_up(void *argument)
{
	struct watch *watch = argument;

	mmiod_write32(watch->counter, ++watch->count);
	mmiod_wc_flush();
	return mmiod_read32(watch->counter) == watch->count ? 0 : -EIO;
}

static int touch(struct watch *watch)
{
	int err = watch->lost ? 0 : mmiod_guard(count_up, watch);

	if (err == -ENODEV) {
		printf("access: the window is gone after %u writes\n", watch->count);
		watch->lost = true;
		return 0;
	}
	return err;
}

static void hear(struct watch *watch)
{
	struct mmiod_event event;

	while (mmiod_client_next_event(watch->client, &event) > 0) {
		if (event.lease != mmiod_lease_id(watch->lease))
			continue;
		switch (event.type) {
		case MMIOD_EVENT_REVOKE_ASKED:
			printf("event: give it back within %u ms: %s\n", event.deadline_ms,
			       event.text);
			break;
		case MMIOD_EVENT_REVOKED:
			printf("event: %s\n", event.text);
			watch->told = true;
			break;
		case MMIOD_EVENT_GONE:
			printf("event: the device is gone\n");
			watch->told = true;
			break;
		case MMIOD_EVENT_EXPIRING:
			printf("event: it ends in %u ms\n", event.deadline_ms);
			break;
		case MMIOD_EVENT_STORM: /* interrupts only */
			break;
		case MMIOD_EVENT_SUSPENDED:
			printf("event: suspended\n");
			break;
		case MMIOD_EVENT_RESUMED:
			printf("event: resumed\n");
		}
	}
}

static int run(struct watch *watch, bool simulated)
{
	struct pollfd events = { .fd = mmiod_client_event_fd(watch->client), .events = POLLIN };

	while (!watch->told || !(watch->lost || simulated)) {
		int err = touch(watch);

		if (err)
			return fail("access", strerror(-err));
		if (poll(&events, 1, 10) > 0)
			hear(watch);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct mmiod_mapping *mapping;
	struct mmiod_status status;
	struct mmiod_target target;
	struct watch watch = { 0 };
	char error[256];
	int result;

	if (mmiod_target_parse(argc > 1 ? argv[1] : "shm+0x2000/4K", &target, error, sizeof(error)))
		return fail("target", error);
	if (mmiod_client_connect(NULL, &watch.client))
		return fail("connect", mmiod_client_error(NULL));
	if (mmiod_client_status(watch.client, &status))
		return fail("status", mmiod_client_error(watch.client));
	if (mmiod_client_lease(watch.client, target.region, target.offset, target.length,
			       MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &watch.lease))
		return fail("lease", mmiod_client_error(watch.client));
	if (mmiod_lease_map(watch.lease, 0, &mapping))
		return fail("map", mmiod_client_error(watch.client));
	watch.counter = mmiod_mapping_address(mapping);
	printf("lease %llu: holding it\n", (unsigned long long)mmiod_lease_id(watch.lease));
	fflush(stdout);

	result = run(&watch, status.backend == MMIOD_BACKEND_SIMULATION);

	mmiod_mapping_free(mapping);
	mmiod_lease_free(watch.lease);
	mmiod_client_free(watch.client);
	return result;
}
