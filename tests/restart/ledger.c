// SPDX-License-Identifier: MIT
/*
 * The module's own list of windows, past the daemon: a line
 * "ID MAPPINGS" for each that is not revoked. For root.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <linux/mmiod.h>

int main(void)
{
	struct mmiod_window_info info = { .size = sizeof(info) };
	int control = open("/dev/mmiod", O_RDWR | O_CLOEXEC);

	if (control < 0) {
		perror("/dev/mmiod");
		return 1;
	}
	while (ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info) == 0)
		if (info.state != MMIOD_WINDOW_REVOKED)
			printf("%llu %u\n", (unsigned long long)info.window_id, info.mappings);
	return 0;
}
