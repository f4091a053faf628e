// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated access: pread, pwrite and the ACCESS ioctl on a window file. Exactly one bus access per
 * element, of the width that the window declares or the caller asks for, in rising order, never
 * across the window's end.
 *
 * User memory is touched only outside window->lock, through a small bounce buffer: a user page may
 * itself be a window whose fault takes that lock. So a revoke waits for one chunk of accesses at
 * most.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define CHUNK 256 /* bytes under the lock at a time; a multiple of every width */

/* Width of one access of a longer transfer on a window that declares none. */
#define DEFAULT_WIDTH 4

/* One transfer under way. */
struct transfer {
	struct mmiod_window *window;
	u32 op; /* enum mmiod_access_op */
	u32 width; /* bytes of one access; 0: bulk */
	u64 offset;
	u64 length; /* bytes */
	u8 fill;
};

static bool is_write(u32 op)
{
	return op == MMIOD_ACCESS_WRITE || op == MMIOD_ACCESS_COPY_TO || op == MMIOD_ACCESS_FILL;
}

static void read_elements(void *to, const void __iomem *from, u32 width, size_t length)
{
	for (size_t at = 0; at < length; at += width) {
		switch (width) {
		case 1:
			*(u8 *)(to + at) = readb(from + at);
			break;
		case 2:
			*(u16 *)(to + at) = readw(from + at);
			break;
		case 4:
			*(u32 *)(to + at) = readl(from + at);
			break;
#ifdef CONFIG_64BIT
		case 8:
			*(u64 *)(to + at) = readq(from + at);
			break;
#endif
		}
	}
}

static void write_elements(void __iomem *to, const void *from, u32 width, size_t length)
{
	for (size_t at = 0; at < length; at += width) {
		switch (width) {
		case 1:
			writeb(*(const u8 *)(from + at), to + at);
			break;
		case 2:
			writew(*(const u16 *)(from + at), to + at);
			break;
		case 4:
			writel(*(const u32 *)(from + at), to + at);
			break;
#ifdef CONFIG_64BIT
		case 8:
			writeq(*(const u64 *)(from + at), to + at);
			break;
#endif
		}
	}
}

static void touch_device(const struct transfer *transfer, void *bounce, size_t length)
{
	void __iomem *io = transfer->window->io + transfer->offset;

	switch (transfer->op) {
	case MMIOD_ACCESS_READ:
		read_elements(bounce, io, transfer->width, length);
		break;
	case MMIOD_ACCESS_WRITE:
		write_elements(io, bounce, transfer->width, length);
		break;
	case MMIOD_ACCESS_COPY_FROM:
		memcpy_fromio(bounce, io, length);
		break;
	case MMIOD_ACCESS_COPY_TO:
		memcpy_toio(io, bounce, length);
		break;
	case MMIOD_ACCESS_FILL:
		memset_io(io, transfer->fill, length);
		break;
	}
}

/* RAM: its width is nobody's concern. */
static void touch_buffer(const struct transfer *transfer, void *bounce, size_t length)
{
	if (transfer->op == MMIOD_ACCESS_FILL)
		memset(bounce, transfer->fill, length);
	mmiod_buffer_copy(transfer->window->buffer, transfer->offset, bounce, length,
			  is_write(transfer->op));
}

static void touch(const struct transfer *transfer, void *bounce, size_t length)
{
	if (transfer->window->buffer)
		touch_buffer(transfer, bounce, length);
	else
		touch_device(transfer, bounce, length);
}

static bool is_ready(const struct mmiod_window *window)
{
	return window->buffer ? window->buffer->allocated : window->io != NULL;
}

static void count(const struct transfer *transfer, size_t length)
{
	struct mmiod_window *window = transfer->window;
	size_t accesses = transfer->width ? length / transfer->width : 1;

	atomic64_add(accesses, is_write(transfer->op) ? &window->writes : &window->reads);
}

static int access_chunk(const struct transfer *transfer, void *bounce, size_t length)
{
	struct mmiod_window *window = transfer->window;
	int ret;

	for (;;) {
		down_read(&window->lock);
		ret = mmiod_window_usable(window);
		if (ret || is_ready(window))
			break;
		up_read(&window->lock);
		ret = mmiod_window_prepare(window);
		if (ret)
			return ret;
	}
	if (!ret) {
		touch(transfer, bounce, length);
		count(transfer, length);
	}
	up_read(&window->lock);
	return ret;
}

static int run_chunk(const struct transfer *transfer, void __user *buf, size_t length)
{
	u64 bounce[CHUNK / sizeof(u64)];
	bool from_user = is_write(transfer->op) && transfer->op != MMIOD_ACCESS_FILL;
	int ret;

	if (from_user && copy_from_user(bounce, buf, length))
		return -EFAULT;
	ret = access_chunk(transfer, bounce, length);
	if (ret)
		return ret;
	if (!is_write(transfer->op) && copy_to_user(buf, bounce, length))
		return -EFAULT;
	return 0;
}

/*
 * Bytes done, or an error when there are none. A read whose buffer turns out bad has touched the
 * device by then; the buffer is probed first so that a plainly bad pointer costs no access.
 */
static ssize_t run(struct transfer transfer, void __user *buf)
{
	size_t done = 0;

	if (transfer.op != MMIOD_ACCESS_FILL && !access_ok(buf, transfer.length))
		return -EFAULT;
	while (transfer.length) {
		size_t length = min_t(u64, transfer.length, CHUNK);
		int ret = run_chunk(&transfer, buf, length);

		if (ret)
			return done ?: ret;
		done += length;
		buf += length;
		transfer.offset += length;
		transfer.length -= length;
		if (transfer.length && fatal_signal_pending(current))
			return done;
		cond_resched();
	}
	return done;
}

/* The device sees physical addresses, so these are what must be aligned. */
static bool aligned(const struct mmiod_window *window, u64 offset, u64 length, u32 width)
{
	return !(((window->phys + offset) | length) & (width - 1));
}

static u32 width_for(const struct mmiod_window *window, u64 offset, size_t length)
{
	if (window->width)
		return window->width;
	if (length <= 8 && mmiod_width_valid(length) && aligned(window, offset, length, length))
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
		return is_write(op) ? -ENOSPC : 0;
	length = min_t(u64, length, window->length - offset);
	length = min_t(size_t, length, MAX_RW_COUNT);
	width = width_for(window, offset, length);
	if (!aligned(window, offset, length, width))
		return -EINVAL;
	done = run((struct transfer){ .window = window,
				      .op = op,
				      .width = width,
				      .offset = offset,
				      .length = length },
		   buf);
	if (done > 0)
		*pos += done;
	return done;
}

ssize_t mmiod_window_read(struct file *file, char __user *buf, size_t length, loff_t *pos)
{
	return transfer_at(file, MMIOD_ACCESS_READ, buf, length, pos);
}

ssize_t mmiod_window_write(struct file *file, const char __user *buf, size_t length, loff_t *pos)
{
	return transfer_at(file, MMIOD_ACCESS_WRITE, (void __user *)buf, length, pos);
}

/*
 * Elements: of the declared width where there is one. Bulk:
 * only where none is, because its widths are the kernel's.
 */
static int check_width(const struct mmiod_window *window, const struct mmiod_window_access *access)
{
	bool bulk = access->op >= MMIOD_ACCESS_COPY_FROM;

	if (bulk)
		return access->width || window->width ? -EINVAL : 0;
	if (!mmiod_width_valid(access->width))
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
	if (is_write(access->op) && !(file->f_mode & FMODE_WRITE))
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
	ssize_t done;
	int ret = check_access(call->file, access);

	if (ret)
		return ret;
	done = run((struct transfer){ .window = call->file->private_data,
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
