// SPDX-License-Identifier: MIT
/*
 * Holds a window and does what its input says, one line of answer for each line of command, so that
 * a script can look at a mapping while it does things to its holder:
 *
 *	holder REGION OFFSET LENGTH [populate] [dummy] [wc]
 *	holder memory pages|vmalloc LENGTH [populate]
 *	read OFFSET		the byte there, in hex, or SIGBUS
 *	write OFFSET VALUE	ok or SIGBUS
 *	mediated OFFSET		a 32-bit read through the kernel, or the errno's name
 *	disconnect		close the connection to the daemon, keep the mapping
 *	fork			a second process that shares the mapping and has read its first byte:
 *				its pid. It stays until it is killed, or the holder is gone
 *	event			the next event's type and text, or "none"
 *	wait			the same, but wait for it, 20 s at most
 *	park			free the mapping and the lease, as a driver does between two
 *				operations; "read" and "write" go on by the stale address. For whom
 *				MMIOD_PARK is set
 *	again			lease and map the same: its number
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <mmiod/mmiod.h>

static struct mmiod_client *client;
static struct mmiod_lease *lease;
static struct mmiod_mapping *mapping;
static volatile uint8_t *base; /* of the mapping, also of one that was freed */

struct touch {
	volatile uint8_t *address;
	int value; /* -1: read */
};

static int touch(void *argument)
{
	struct touch *touch = argument;

	if (touch->value < 0)
		touch->value = *touch->address;
	else
		*touch->address = touch->value;
	return 0;
}

static void access_byte(uint64_t offset, int value)
{
	struct touch what = { base + offset, value };

	if (mmiod_guard(touch, &what) == -ENODEV)
		printf("SIGBUS\n");
	else if (value < 0)
		printf("0x%02x\n", what.value);
	else
		printf("ok\n");
}

static void mediated(uint64_t offset)
{
	uint32_t value;
	int ret = mmiod_lease_read(lease, offset, 4, 1, &value);

	if (ret < 0)
		printf("%s\n", strerrorname_np(-ret));
	else
		printf("0x%08x\n", value);
}

static void event(int wait_ms)
{
	struct pollfd waiting = { .fd = mmiod_client_event_fd(client), .events = POLLIN };
	struct mmiod_event found;

	poll(&waiting, 1, wait_ms);
	if (mmiod_client_next_event(client, &found) == 1)
		printf("event %d lease %llu %s\n", found.type, (unsigned long long)found.lease,
		       found.text);
	else
		printf("none\n");
}

static void share(void)
{
	int done[2];
	char byte;
	pid_t child;

	if (pipe(done) < 0 || (child = fork()) < 0) {
		printf("%s\n", strerror(errno));
		return;
	}
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = *(volatile char *)mmiod_mapping_address(mapping);
		if (write(done[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	close(done[1]);
	if (read(done[0], &byte, 1) == 1)
		printf("%d\n", child);
	else
		printf("the second process died\n");
	close(done[0]);
}

static void park(void)
{
	mmiod_mapping_free(mapping);
	mmiod_lease_free(lease);
	mapping = NULL;
	lease = NULL;
	printf("ok\n");
}

static bool has(char **words, const char *word)
{
	for (; *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

static int lease_window(char **argv)
{
	struct mmiod_want want = {
		.region = argv[1],
		.offset = strtoull(argv[2], NULL, 0),
		.length = strtoull(argv[3], NULL, 0),
		.rights = MMIOD_RIGHT_READ | MMIOD_RIGHT_WRITE,
		.flags = has(argv + 4, "dummy") ? MMIOD_WANT_DUMMY : 0,
		.cache = has(argv + 4, "wc") ? MMIOD_MEMTYPE_WC : MMIOD_MEMTYPE_DEFAULT,
	};

	return mmiod_client_lease_many(client, &want, 1, 0, &lease, NULL);
}

static char **arguments;

static int map(unsigned int flags)
{
	int ret = mmiod_lease_map(lease, flags, &mapping);

	if (ret == 0)
		base = mmiod_mapping_address(mapping);
	return ret;
}

static void take_again(void)
{
	if (lease_window(arguments) < 0 || map(0) < 0)
		printf("%s\n", mmiod_client_error(client));
	else
		printf("lease %llu\n", (unsigned long long)mmiod_lease_id(lease));
}

static void obey(const char *line)
{
	long offset;
	int value;

	if (sscanf(line, "read %li", &offset) == 1)
		access_byte(offset, -1);
	else if (sscanf(line, "write %li %i", &offset, &value) == 2)
		access_byte(offset, value);
	else if (sscanf(line, "mediated %li", &offset) == 1)
		mediated(offset);
	else if (!strncmp(line, "event", 5))
		event(0);
	else if (!strncmp(line, "wait", 4))
		event(20000);
	else if (!strncmp(line, "fork", 4))
		share();
	else if (!strncmp(line, "park", 4))
		park();
	else if (!strncmp(line, "again", 5))
		take_again();
	else if (!strncmp(line, "disconnect", 10)) {
		mmiod_client_free(client);
		client = NULL;
		printf("ok\n");
	} else
		printf("what?\n");
}

static void fail(const char *what, int error)
{
	printf("%s: %s: %s\n", what, strerror(-error), client ? mmiod_client_error(client) : "");
	exit(1);
}

static int lease_memory(char **argv)
{
	struct mmiod_allocation want = {
		.memory = strcmp(argv[2], "pages") ? MMIOD_MEMORY_VMALLOC : MMIOD_MEMORY_PAGES,
		.length = strtoull(argv[3], NULL, 0),
	};

	return mmiod_client_allocate(client, &want, &lease);
}

int main(int argc, char **argv)
{
	char line[128];
	int ret;

	if (argc < 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	ret = mmiod_client_connect(NULL, &client);
	if (ret < 0)
		fail("connect", ret);
	ret = strcmp(argv[1], "memory") ? lease_window(argv) : lease_memory(argv);
	if (ret < 0)
		fail("lease", ret);
	arguments = argv;
	ret = map(has(argv + 4, "populate") ? MMIOD_MAP_POPULATE : 0);
	if (ret < 0)
		fail("map", ret);
	printf("lease %llu\n", (unsigned long long)mmiod_lease_id(lease));
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
