/* SPDX-License-Identifier: MIT */
/*
 * waiter DEVICE [masked]: leases vector 0 of a device for the service's tests, which is masked at
 * first if told so. Reads commands from standard input and answers each in a line:
 *
 *	wait MS		came COUNT
 *	unmask		unmasked
 *
 * or "failed ERRNO SENTENCE". It ends with its input.
 *
 * waiter --raise REGION OFFSET: writes 1 there a thousand times, as fast as it can.
 */
#include <mmiod/mmiod.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mmiod_client *client;
static struct mmiod_interrupt *interrupt;

static int fail(int err)
{
	printf("failed %d %s\n", -err, mmiod_client_error(client));
	return 1;
}

static void wait_for(int timeout_ms)
{
	uint64_t count;
	int err = mmiod_interrupt_wait(interrupt, timeout_ms, &count);

	if (err)
		fail(err);
	else
		printf("came %llu\n", (unsigned long long)count);
}

static void unmask(void)
{
	int err = mmiod_interrupt_unmask(interrupt);

	if (err)
		fail(err);
	else
		puts("unmasked");
}

static int open_all(const char *device, unsigned int flags)
{
	int err = mmiod_client_connect(NULL, &client);

	if (!err)
		err = mmiod_client_interrupt(client, device, MMIOD_IRQ_DEFAULT, 0, flags,
					     &interrupt);
	return err ? fail(err) : 0;
}

static int raise_often(const char *region, uint64_t offset)
{
	const uint32_t one = 1;
	struct mmiod_lease *lease;
	int err = mmiod_client_connect(NULL, &client);

	if (!err)
		err = mmiod_client_lease(client, region, 0, mmiod_page_size(),
					 MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &lease);
	for (int i = 0; !err && i < 1000; i++)
		err = mmiod_lease_write(lease, offset, sizeof(one), 1, &one);
	return err ? fail(err) : 0;
}

int main(int argc, char **argv)
{
	bool masked = argc > 2 && !strcmp(argv[2], "masked");
	char line[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[1], "--raise"))
		return raise_often(argv[2], strtoull(argv[3], NULL, 0));
	if (argc < 2 || open_all(argv[1], masked ? MMIOD_IRQ_MASKED : 0))
		return 1;
	printf("lease %llu\n", (unsigned long long)mmiod_interrupt_lease(interrupt));
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "wait ", 5))
			wait_for(atoi(line + 5));
		else
			unmask();
	}
	return 0;
}
