// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated access: pread, pwrite and the ACCESS ioctl on a window file. Exactly one bus access per
 * element, of the width that the window declares or the caller asks for, in rising order, never
 * across the window's end.
 *
 * User memory is touched only with no lock held, through a small bounce buffer: a user page may
 * itself be a window whose fault takes that window's lock. The rest is done by io.c or buffer.c,
 * whichever stands behind the window.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define CHUNK 256 /* bytes of the bounce buffer; a multiple of every width */

/* Width of one access of a longer transfer on a window that declares none. */
#define DEFAULT_WIDTH 4

/* Whether an operation (enum mmiod_access_op) writes to the window. Needs no lock. */
bool mmiod_access_writes(u32 op)
{
	return op == MMIOD_ACCESS_WRITE || op == MMIOD_ACCESS_COPY_TO || op == MMIOD_ACCESS_FILL;
}

static void count(const struct mmiod_transfer *transfer, size_t length)
{
	struct mmiod_window *window = transfer->window;
	size_t accesses = transfer->width ? length / transfer->width : 1;

	atomic64_add(accesses,
		     mmiod_access_writes(transfer->op) ? &window->writes : &window->reads);
}

/* Bytes done, which are fewer if the access could not go on, or an error. */
static ssize_t run_chunk(const struct mmiod_transfer *transfer, void __user *buf, size_t length)
{
	u64 bounce[CHUNK / sizeof(u64)];
	bool from_user = mmiod_access_writes(transfer->op) && transfer->op != MMIOD_ACCESS_FILL;
	ssize_t done;

	if (from_user && copy_from_user(bounce, buf, length))
		return -EFAULT;
	done = transfer->window->ops->touch(transfer, bounce, length);
	if (done < 0)
		return done;
	count(transfer, done);
	if (!mmiod_access_writes(transfer->op) && copy_to_user(buf, bounce, done))
		return -EFAULT;
	return done;
}

/*
 * Bytes done, or an error when there are none. A read whose buffer turns out bad has touched the
 * device by then; the buffer is probed first so that a plainly bad pointer costs no access.
 */
static s64 run(struct mmiod_transfer transfer, void __user *buf)
{
	u64 done = 0;

	if (transfer.op != MMIOD_ACCESS_FILL && !access_ok(buf, transfer.length))
		return -EFAULT;
	while (transfer.length) {
		size_t length = min_t(u64, transfer.length, CHUNK);
		ssize_t ret = run_chunk(&transfer, buf, length);

		if (ret < 0)
			return done ?: ret;
		done += ret;
		buf += ret;
		transfer.offset += ret;
		transfer.length -= ret;
		if (transfer.length && fatal_signal_pending(current))
			return done;
		cond_resched();
	}
	return done;
}

/*
 * The device sees physical addresses, so these must be aligned. It is enough to look at the first:
 * where others follow in another extent, both are whole pages.
 */
static bool aligned(const struct mmiod_window *window, u64 offset, u64 length, u32 width)
{
	return !((mmiod_extent_phys(window, offset) | length) & (width - 1));
}

static u32 widest(const struct mmiod_window *window)
{
	return mmiod_window_is_ports(window) ? MMIOD_PORTS_WIDTH_MAX : 8;
}

static u32 width_for(const struct mmiod_window *window, u64 offset, size_t length)
{
	if (window->width)
		return window->width;
	if (length <= widest(window) && mmiod_width_valid(length) &&
	    aligned(window, offset, length, length))
		return length;
	return DEFAULT_WIDTH;
}

static ssize_t transfer_at(struct file *file, u32 op, void __user *buf, size_t length, loff_t *pos)
{
	struct mmiod_window *window = file->private_data;
	u64 offset = *pos;
	u32 width;
	ssize_t done;

	if (*pos < 0)
		return -EINVAL;
	if (!length)
		return 0;
	if (offset >= window->length)
		return mmiod_access_writes(op) ? -ENOSPC : 0;
	length = min_t(u64, length, window->length - offset);
	length = min_t(size_t, length, MAX_RW_COUNT);
	width = width_for(window, offset, length);
	if (!aligned(window, offset, length, width))
		return -EINVAL;
	done = run((struct mmiod_transfer){ .window = window,
					    .op = op,
					    .width = width,
					    .offset = offset,
					    .length = length },
		   buf);
	if (done > 0)
		*pos += done;
	return done;
}

/* ->read and ->write, with no lock held: bytes done, or an error if there are none. */
ssize_t mmiod_window_read(struct file *file, char __user *buf, size_t length, loff_t *pos)
{
	return transfer_at(file, MMIOD_ACCESS_READ, buf, length, pos);
}

ssize_t mmiod_window_write(struct file *file, const char __user *buf, size_t length, loff_t *pos)
{
	return transfer_at(file, MMIOD_ACCESS_WRITE, (void __user *)buf, length, pos);
}

/*
 * Elements have the declared width, if the window declares one. A bulk operation is only for a
 * window of memory that declares none, because the kernel chooses its widths.
 */
static int check_width(const struct mmiod_window *window, const struct mmiod_window_access *access)
{
	bool bulk = access->op >= MMIOD_ACCESS_COPY_FROM;

	if (bulk)
		return access->width || window->width || mmiod_window_is_ports(window) ? -EINVAL
										       : 0;
	if (!mmiod_width_valid(access->width) || access->width > widest(window))
		return -EINVAL;
	if (window->width && access->width != window->width)
		return -EINVAL;
	return 0;
}

static int check_access(struct file *file, const struct mmiod_window_access *access)
{
	const struct mmiod_window *window = file->private_data;
	u64 length = access->count * (access->width ?: 1);
	int ret;

	if (access->op < MMIOD_ACCESS_READ || access->op > MMIOD_ACCESS_FILL)
		return -EINVAL;
	if (!(file->f_mode & (mmiod_access_writes(access->op) ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (access->value > (access->op == MMIOD_ACCESS_FILL ? U8_MAX : 0))
		return -EINVAL;
	ret = check_width(window, access);
	if (ret)
		return ret;
	if (access->count > window->length || access->offset > window->length ||
	    length > window->length - access->offset)
		return -EINVAL;
	return aligned(window, access->offset, length, access->width ?: 1) ? 0 : -EINVAL;
}

int mmiod_call_access(struct mmiod_call *call)
{
	struct mmiod_window_access *access = call->arg;
	u32 unit = access->width ?: 1;
	s64 done;
	int ret = check_access(call->file, access);

	if (ret)
		return ret;
	done = run((struct mmiod_transfer){ .window = call->file->private_data,
					    .op = access->op,
					    .width = access->width,
					    .offset = access->offset,
					    .length = access->count * unit,
					    .fill = access->value },
		   u64_to_user_ptr(access->buffer));
	if (done < 0)
		return done;
	access->count = div_u64(done, unit);
	return 0;
}
