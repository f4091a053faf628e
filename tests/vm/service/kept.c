// SPDX-License-Identifier: MIT
/*
 * A service that keeps its window over its own restart: kept TARGET. Says what it did, a line, and
 * stays until it is ended:
 *
 *	found LEASE VALUE	the window was handed down, and this is its first register
 *	leased LEASE		it was not: now it is in the service manager's store, and the register
 *				holds 0x600d
 */
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static int fail(const struct mmiod_client *client, const char *what)
{
	printf("%s: %s\n", what, mmiod_client_error(client));
	return 1;
}

static int found(struct mmiod_lease *lease)
{
	uint32_t value = 0;

	if (mmiod_lease_read(lease, 0, sizeof(value), 1, &value))
		return fail(NULL, "read");
	printf("found %llu 0x%x\n", (unsigned long long)mmiod_lease_id(lease), value);
	return 0;
}

static int store(const struct mmiod_lease *lease, const char *target)
{
	const int fd = mmiod_lease_fd(lease);
	char state[128];

	snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", target);
	return sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

static int take(const char *target)
{
	const uint32_t value = 0x600d;
	struct mmiod_client *client;
	struct mmiod_lease *lease;

	if (mmiod_client_connect(NULL, &client))
		return fail(NULL, "connect");
	if (mmiod_client_lease(client, target, 0, 0, MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease))
		return fail(client, "lease");
	if (mmiod_lease_write(lease, 0, sizeof(value), 1, &value))
		return fail(client, "write");
	if (store(lease, target) < 0)
		return fail(NULL, "store");
	printf("leased %llu\n", (unsigned long long)mmiod_lease_id(lease));
	return 0;
}

int main(int argc, char **argv)
{
	struct mmiod_lease *lease;
	int err;

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = mmiod_inherited(argv[1], 0, &lease) ? take(argv[1]) : found(lease);
	if (err)
		return err;
	sd_notify(0, "READY=1");
	for (;;)
		pause();
}
