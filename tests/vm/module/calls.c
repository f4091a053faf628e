// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include "calls.h"

struct request {
	char symbol[56];
	uint32_t function;
	uint32_t of_message;
};

static int begin(const char *symbol, uint32_t device, bool of_message)
{
	struct request request = { .function = device, .of_message = of_message };
	int fd = open("/dev/calls", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		FAIL("/dev/calls: %s (is the test module loaded?)", strerror(errno));
	snprintf(request.symbol, sizeof(request.symbol), "%s", symbol);
	if (write(fd, &request, sizeof(request)) == sizeof(request))
		return fd;
	if (errno == EOPNOTSUPP)
		tap_skip("this kernel has no probe for %s", symbol);
	if (errno != ENOENT)
		FAIL("no probe for %s: %s", symbol, strerror(errno));
	close(fd);
	return -1;
}

int count_calls(const char *symbol, uint32_t device)
{
	return begin(symbol, device, false);
}

int count_calls_of_messages(const char *symbol, uint32_t device)
{
	return begin(symbol, device, true);
}

struct calls calls_of(int fd)
{
	struct calls calls;

	EXPECT_EQ(read(fd, &calls, sizeof(calls)), sizeof(calls));
	return calls;
}
