// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dispatch of extensible ioctls, for the control file and for window files.
 *
 * The caller's structure starts with its size. It is copied in zero-extended, and copied back even
 * after an error, because EBUSY says who is in the way and EFAULT what was found nonetheless, and
 * wherever else the handler has an answer. A file that the call made is installed last: before
 * that, user space cannot reach it, and an answer that could not be delivered leaves no descriptor
 * behind.
 */
#include <linux/file.h>
#include <linux/uaccess.h>

#include "internal.h"

static const struct mmiod_ioctl *find(const struct mmiod_ioctl *table, size_t count,
				      unsigned int cmd)
{
	/* The size bits grow with the structure; the structure's own size field decides. */
	const unsigned int mask = ~IOCSIZE_MASK;

	for (size_t i = 0; i < count; i++)
		if ((table[i].cmd & mask) == (cmd & mask))
			return &table[i];
	return NULL;
}

static int copy_back(void __user *user, const void *arg, u32 user_size, u32 known_size)
{
	return copy_to_user(user, arg, min(user_size, known_size)) ? -EFAULT : 0;
}

/*
 * The last step of a call that makes a file: a descriptor for it, which user space sees if the call
 * succeeds. The file is the call's from here on, and gone if there is no descriptor.
 */
int mmiod_hand_out(struct mmiod_call *call, struct file *file, __s32 *fd)
{
	*fd = get_unused_fd_flags(O_CLOEXEC);
	if (*fd < 0) {
		fput(file);
		return *fd;
	}
	call->new_file = file;
	call->new_fd = *fd;
	return 0;
}

static void finish_file(struct mmiod_call *call, int ret)
{
	if (!call->new_file)
		return;
	if (!ret) {
		fd_install(call->new_fd, call->new_file);
		return;
	}
	put_unused_fd(call->new_fd);
	fput(call->new_file);
}

/*
 * Call the handler of @cmd in @table. 0 or -errno; ENOTTY: there is none. The caller holds no lock.
 */
long mmiod_ioctl(struct file *file, const struct mmiod_ioctl *table, size_t count, unsigned int cmd,
		 unsigned long arg)
{
	union mmiod_argument buffer = {};
	struct mmiod_call call = { .file = file, .arg = &buffer };
	const struct mmiod_ioctl *row = find(table, count, cmd);
	void __user *user = (void __user *)arg;
	u32 size;
	int ret;

	if (!row)
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < row->min_size || size > PAGE_SIZE)
		return -EINVAL;
	ret = copy_struct_from_user(&buffer, row->known_size, user, size);
	if (ret)
		return ret;
	ret = row->handler(&call);
	if (!ret || ret == -EBUSY || ret == -EFAULT || call.answers)
		ret = copy_back(user, &buffer, size, row->known_size) ?: ret;
	finish_file(&call, ret);
	return ret;
}
