// SPDX-License-Identifier: MIT
/* One ioctl on the module's control file. */
#include <errno.h>
#include <sys/ioctl.h>
#include "backend/module.h"

int module_control(struct backend *backend, unsigned long request, void *argument)
{
	return ioctl(backend->event_fd, request, argument) < 0 ? -errno : 0;
}
