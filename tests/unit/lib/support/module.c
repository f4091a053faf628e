/* SPDX-License-Identifier: MIT */
#include "module.h"
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WINDOWS 80

struct module module;

static struct {
	ino_t inode;
	struct mmiod_window_query query;
} windows[WINDOWS];
static size_t window_count;

/* The index of a window's file, or -1. */
static int find(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	for (size_t i = 0; i < window_count; i++)
		if (windows[i].inode == status.st_ino)
			return (int)i;
	return -1;
}

void module_adopt(int fd, const struct mmiod_window_query *query)
{
	struct stat status;
	int known = find(fd);

	cr_assert_eq(fstat(fd, &status), 0);
	cr_assert_lt(window_count, (size_t)WINDOWS);
	if (known >= 0) {
		windows[known].query = *query;
		return;
	}
	windows[window_count].inode = status.st_ino;
	windows[window_count++].query = *query;
}

int module_window(uint64_t length, bool mappable)
{
	const struct mmiod_window_query query = { .length = length,
						  .mmapable = mappable,
						  .page_size = (uint32_t)mmiod_page_size() };
	int fd = memory_file(mmiod_page_size());

	module_adopt(fd, &query);
	return fd;
}

static int fail(int error)
{
	errno = error;
	return -1;
}

/* What an older module does not know is zero, or it is refused. */
static int query(int index, struct mmiod_window_query *query)
{
	if (module.old && query->users)
		return fail(E2BIG);
	windows[index].query.size = query->size;
	windows[index].query.users = module.old ? 0 : module.users;
	*query = windows[index].query;
	return 0;
}

static int create_view(struct mmiod_view_create *create)
{
	if (module.old)
		return fail(ENOTTY);
	if (module.refusal)
		return fail(module.refusal);
	module.created++;
	module.create = *create;
	memcpy(module.parts, (const void *)(uintptr_t)create->parts,
	       create->count * sizeof(*module.parts));
	create->fd = memory_file(mmiod_page_size());
	return 0;
}

static int allocate(const struct mmiod_buffer_allocate *allocate)
{
	if (allocate->size != sizeof(*allocate))
		return fail(EINVAL);
	errno = module.allocation_errors[module.allocations++];
	return errno ? -1 : 0;
}

/* Of a device file, whose calls all say who is in the way at the end. */
static int operate(unsigned long request, void *arg)
{
	if (request == MMIOD_IOC_DEVICE_SET_MASTER)
		((struct mmiod_device_master *)arg)->conflict_id = module.conflict;
	else if (request == MMIOD_IOC_DEVICE_RESET)
		((struct mmiod_device_reset *)arg)->conflict_id = module.conflict;
	else
		((struct mmiod_device_power *)arg)->conflict_id = module.conflict;
	return fail(EBUSY);
}

static bool operates(unsigned long request)
{
	return request == MMIOD_IOC_DEVICE_SET_MASTER || request == MMIOD_IOC_DEVICE_RESET ||
	       request == MMIOD_IOC_DEVICE_SET_POWER;
}

/* glibc's has the same type. */
int ioctl(int fd, unsigned long request, ...)
{
	int index = _IOC_TYPE(request) == MMIOD_IOC_TYPE ? find(fd) : -1;
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == MMIOD_IOC_ALLOCATE)
		return allocate(arg);
	if (module.conflict && operates(request))
		return operate(request, arg);
	if (index >= 0 && request == MMIOD_IOC_QUERY)
		return query(index, arg);
	if (index >= 0 && request == MMIOD_IOC_VIEW_CREATE)
		return create_view(arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

static int add_silence(struct pollfd *files, nfds_t count)
{
	int ready = 0;

	for (nfds_t i = 0; i < count; i++) {
		files[i].revents |= (short)(files[i].events & POLLMSG);
		ready += files[i].revents != 0;
	}
	return ready;
}

/* Likewise, by its name for the linker: by glibc's declaration it does not read what is at @files. */
int poll_also_for_silence(struct pollfd *files, nfds_t count, int timeout_ms) __asm__("poll");

/* What is silenced is so at once. */
int poll_also_for_silence(struct pollfd *files, nfds_t count, int timeout_ms)
{
	const struct timespec time = { .tv_sec = timeout_ms / 1000,
				       .tv_nsec = timeout_ms % 1000 * 1000000L };
	bool silenced = false;
	int n;

	for (nfds_t i = 0; i < count; i++)
		silenced |= module.silenced && files[i].events & POLLMSG;
	if (silenced)
		n = ppoll(files, count, &(struct timespec){ 0 }, NULL);
	else
		n = ppoll(files, count, timeout_ms < 0 ? NULL : &time, NULL);
	return n < 0 || !silenced ? n : add_silence(files, count);
}
