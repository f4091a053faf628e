/* SPDX-License-Identifier: MIT */
/*
 * engine DEVICE REGION: operates an edu for the service's tests, with memory that it reaches, by an
 * operation of its own or one that was handed down. Reads commands from standard input and answers
 * each in a line:
 *
 *	allocate SIZE [IOVA]	memory LEASE IOVA
 *	fill BYTE		filled: all of the memory
 *	byte OFFSET		the byte there, by pread(2): so it ends without a signal
 *	send IOVA		sent: 2048 bytes from there into the device
 *	receive IOVA		received: 2048 bytes from the device to there; or gone nowhere
 *	start IOVA		started: the same, and nobody waits
 *	idle			idle: what was started is over
 *	master 0|1		mastering
 *
 * or "failed ERRNO SENTENCE". It ends with its input.
 */
#include <mmiod/mmiod.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FROM 0x80
#define TO 0x88
#define COUNT 0x90
#define COMMAND 0x98
#define GO 1u
#define OUT 2u
#define BUFFER 0x40000u /* the device's own */
#define LENGTH 2048u
#define RIGHTS (MMIOD_MAY_MASTER | MMIOD_MAY_DMA)

static struct mmiod_client *client;
static struct mmiod_operation *operation;
static struct mmiod_lease *memory, *window;

static void fail(int err, const char *sentence)
{
	printf("failed %d %s\n", -err, sentence);
}

static int put(uint64_t offset, uint32_t value)
{
	return mmiod_lease_write(window, offset, sizeof(value), 1, &value);
}

/* As long as it copies, the bit is set. */
static int await_idle(void)
{
	uint32_t command = GO;
	int err = 0;

	while (!err && command & GO) {
		poll(NULL, 0, 10);
		err = mmiod_lease_read(window, COMMAND, sizeof(command), 1, &command);
	}
	return err;
}

static int start(uint64_t from, uint64_t to, uint32_t direction)
{
	int err = put(FROM, (uint32_t)from);

	err = err ? err : put(TO, (uint32_t)to);
	err = err ? err : put(COUNT, LENGTH);
	return err ? err : put(COMMAND, GO | direction);
}

static void copy(uint64_t from, uint64_t to, uint32_t direction, const char *word)
{
	int err = start(from, to, direction);

	err = err ? err : await_idle();
	if (err)
		fail(err, mmiod_client_error(client));
	else
		puts(word);
}

static void allocate(uint64_t size, uint64_t iova)
{
	struct mmiod_lease *made;
	int err = mmiod_operation_allocate_by(operation, client, size, iova, 0, &made);

	if (err) {
		fail(err, mmiod_client_error(client));
		return;
	}
	memory = made;
	printf("memory %llu 0x%llx\n", (unsigned long long)mmiod_lease_id(memory),
	       (unsigned long long)mmiod_lease_iova(memory));
}

static void fill(int byte)
{
	size_t length = (size_t)mmiod_lease_length(memory);
	char *bytes = malloc(length);
	ssize_t n;

	memset(bytes, byte, length);
	n = pwrite(mmiod_lease_fd(memory), bytes, length, 0);
	if (n == (ssize_t)length)
		puts("filled");
	else
		fail(-errno, strerror(errno));
	free(bytes);
}

static void tell_byte(uint64_t offset)
{
	unsigned char byte;

	if (pread(mmiod_lease_fd(memory), &byte, 1, (off_t)offset) == 1)
		printf("%u\n", byte);
	else
		fail(-errno, strerror(errno));
}

static void obey(const char *word, uint64_t a, uint64_t b)
{
	int err = 0;

	if (!strcmp(word, "allocate"))
		allocate(a, b);
	else if (!strcmp(word, "fill"))
		fill((int)a);
	else if (!strcmp(word, "byte"))
		tell_byte(a);
	else if (!strcmp(word, "send"))
		copy(a, BUFFER, 0, "sent");
	else if (!strcmp(word, "receive"))
		copy(BUFFER, a, OUT, "received");
	else if (!strcmp(word, "start"))
		err = start(BUFFER, a, OUT) ?: (puts("started"), 0);
	else if (!strcmp(word, "idle"))
		err = await_idle() ?: (puts("idle"), 0);
	else if (!strcmp(word, "master"))
		err = mmiod_operation_set_master(operation, a != 0, 60000)
			      ?: (puts("mastering"), 0);
	else
		puts("failed 22 no such command");
	if (err)
		fail(err, mmiod_client_error(client));
}

static int take(const char *device, const char *region)
{
	int err = mmiod_client_connect(NULL, &client);

	if (err)
		return err;
	mmiod_client_set_wait(client, 60000);
	err = mmiod_operation_inherited(device, 0, &operation);
	if (err == -ENOENT)
		err = mmiod_client_operate(client, device, RIGHTS, 0, &operation);
	return err ? err
		   : mmiod_client_lease(client, region, 0, mmiod_page_size(),
					MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE, &window);
}

int main(int argc, char **argv)
{
	char line[256], word[32];
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	err = argc == 3 ? take(argv[1], argv[2]) : -EINVAL;
	if (err) {
		fail(err, mmiod_client_error(client));
		return 1;
	}
	printf("lease %llu\n", (unsigned long long)mmiod_operation_lease(operation));
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long long a = 0, b = 0;

		if (sscanf(line, "%31s %lli %lli", word, (long long *)&a, (long long *)&b) >= 1)
			obey(word, a, b);
	}
	return 0;
}
