/* SPDX-License-Identifier: MIT */
#include "window.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int reopen_read_only(int fd)
{
	char path[40];
	int readonly;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readonly = open(path, O_RDONLY | O_CLOEXEC);
	close(fd);
	return readonly;
}

void window_make(struct window *window, uint64_t offset, uint64_t length, unsigned int rights,
		 unsigned int width)
{
	size_t page = mmiod_page_size();
	struct mmiod_lease *lease = calloc(1, sizeof(*lease));
	int fd = memory_file(offset + length + page);

	*window = (struct window){ .lease = lease };
	link_init(&window->client.leases);
	lease->client = &window->client;
	link_append(&window->client.leases, &lease->link);
	link_init(&lease->users);
	link_init(&lease->renewal.link);
	lease->fd = rights & MMIOD_RIGHT_WRITE ? fd : reopen_read_only(fd);
	lease->simulated = true;
	lease->id = 17;
	lease->offset = offset;
	lease->map_offset = offset;
	lease->length = length;
	lease->rights = rights;
	lease->width = width;
	lease->mappable = !(offset % page) && !(length % page);
}

void window_free(struct window *window)
{
	mmiod_lease_free(window->lease);
}
