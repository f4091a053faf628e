// SPDX-License-Identifier: GPL-2.0-only
/*
 * Views: files that show windows as another file does that programs open, a BAR's in sysfs,
 * /dev/mem or a UIO node.
 *
 * A view has no state, no rights and no mappings of its own. It holds the files of its parts, and
 * of its interrupt, so that they last as long as it does. Its ->mmap hands the VMA on to the part's file, read
 * and write go there as well, and both give what that file was opened for: the file's own mode
 * counts, because a window may be handed on by a descriptor with fewer rights than the window has.
 * So revocation, suspension and the ledger see windows only.
 *
 * A view is constant from the moment that it has a file, and goes with it: no lock is needed.
 */
#include <linux/file.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

struct view_part {
	u64 offset; /* in the view, but for UIO */
	u64 start; /* in the window */
	u64 length;
	struct file *file; /* of the window, open for reading; a reference */
};

struct mmiod_view {
	u32 form;
	u32 flags;
	u64 length; /* FILE */
	struct file *irq; /* UIO: of the interrupt, or NULL; a reference */
	unsigned int count;
	struct view_part parts[];
};

/* ---- which part ---- */

/*
 * The part behind a position of a FILE or PHYS view, and *@inside, where in its window that is;
 * NULL: a hole. There are few parts, so they are not sorted.
 */
static const struct view_part *part_at(const struct mmiod_view *view, u64 position, u64 *inside)
{
	for (unsigned int i = 0; i < view->count; i++) {
		const struct view_part *part = &view->parts[i];

		if (position < part->offset || position - part->offset >= part->length)
			continue;
		*inside = part->start + (position - part->offset);
		return part;
	}
	return NULL;
}

/* Likewise for the offset of an mmap, in pages. Its sum in bytes may wrap: no part lies there. */
static const struct view_part *part_of_page(const struct mmiod_view *view, unsigned long pgoff,
					    u64 *inside)
{
	if (view->form != MMIOD_VIEW_FORM_UIO)
		return pgoff > U64_MAX >> PAGE_SHIFT
			       ? NULL
			       : part_at(view, (u64)pgoff << PAGE_SHIFT, inside);
	if (pgoff >= view->count)
		return NULL;
	*inside = view->parts[pgoff].start;
	return &view->parts[pgoff];
}

/* ---- mapping ---- */

static bool fits(const struct mmiod_view *view, const struct view_part *part, u64 inside,
		 unsigned long pages)
{
	u64 rest = part->start + part->length - inside;

	return view->flags & MMIOD_VIEW_CREATE_LONGER || pages <= rest >> PAGE_SHIFT;
}

/*
 * The VFS has asked the view's file. Here the part's is asked, and what it does not give is kept
 * from a later mprotect(), too.
 */
static int limit_rights(const struct mmiod_view *view, const struct view_part *part,
			struct vm_area_struct *vma)
{
	if (part->file->f_mode & FMODE_WRITE)
		return 0;
	if (vma->vm_flags & VM_WRITE && !(view->flags & MMIOD_VIEW_CREATE_DOWNGRADE))
		return -EACCES;
	vm_flags_clear(vma, VM_WRITE | VM_MAYWRITE);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	return 0;
}

/* As dma_buf_mmap() does: from here on the VMA is one of the window's file. */
static int view_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct mmiod_view *view = file->private_data;
	const struct view_part *part;
	u64 inside;
	int ret;

	part = part_of_page(view, vma->vm_pgoff, &inside);
	if (!part || !fits(view, part, inside, vma_pages(vma)))
		return -EINVAL;
	ret = limit_rights(view, part, vma);
	if (ret)
		return ret;
	vma_set_file(vma, part->file);
	vma->vm_pgoff = inside >> PAGE_SHIFT;
	return mmiod_window_map(part->file, vma, view->flags & MMIOD_VIEW_CREATE_LONGER);
}

#ifdef MMIOD_HUGE_LEAVES
/* The window's offset decides where its leaves fit, not the view's. */
static unsigned long view_area(struct file *file, unsigned long hint, unsigned long length,
			       unsigned long pgoff, unsigned long flags)
{
	const struct view_part *part;
	u64 inside;

	part = part_of_page(file->private_data, pgoff, &inside);
	if (!part)
		return mmiod_get_unmapped_area(file, hint, length, pgoff, flags);
	return mmiod_leaf_area(part->file, hint, length, inside >> PAGE_SHIFT, flags);
}
#endif

/* ---- reading and writing ---- */

/* UIO: its interrupts so far, and irqcontrol, by what the interrupt's file was opened for. */
static ssize_t read_irq(const struct mmiod_view *view, bool wait, char __user *buf, size_t count)
{
	if (!view->irq)
		return -EIO;
	if (count != sizeof(u32))
		return -EINVAL;
	if (!(view->irq->f_mode & FMODE_READ))
		return -EBADF;
	return mmiod_interrupt_read(view->irq, wait, buf, count);
}

static ssize_t write_irq(const struct mmiod_view *view, const char __user *buf, size_t count)
{
	loff_t pos = 0;

	if (!view->irq)
		return -EIO;
	if (count != sizeof(u32))
		return -EINVAL;
	if (!(view->irq->f_mode & FMODE_WRITE))
		return -EBADF;
	return view->irq->f_op->write(view->irq, buf, count, &pos);
}

/*
 * Where a transfer begins: its part, its place in the window, and no more bytes than the part has.
 * NULL with *@ret: there is nothing to transfer.
 */
static const struct view_part *begin(const struct mmiod_view *view, loff_t pos, size_t *count,
				     loff_t *place, ssize_t *ret)
{
	const struct view_part *part;
	u64 inside;

	*ret = pos < 0 ? -EINVAL : 0;
	if (pos < 0 || !*count)
		return NULL;
	if (view->form == MMIOD_VIEW_FORM_FILE && pos >= view->length)
		return NULL;
	*ret = -EFAULT;
	part = part_at(view, pos, &inside);
	if (!part)
		return NULL;
	*count = min_t(u64, *count, part->start + part->length - inside);
	*place = inside;
	return part;
}

static ssize_t view_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	const struct mmiod_view *view = file->private_data;
	const struct view_part *part;
	loff_t place;
	ssize_t ret;

	if (view->form == MMIOD_VIEW_FORM_UIO)
		return read_irq(view, !(file->f_flags & O_NONBLOCK), buf, count);
	part = begin(view, *pos, &count, &place, &ret);
	if (!part)
		return ret;
	ret = mmiod_window_read(part->file, buf, count, &place);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static ssize_t view_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	const struct mmiod_view *view = file->private_data;
	const struct view_part *part;
	size_t asked = count;
	loff_t place;
	ssize_t ret;

	if (view->form == MMIOD_VIEW_FORM_UIO)
		return write_irq(view, buf, count);
	part = begin(view, *pos, &count, &place, &ret);
	if (!part)
		return !ret && asked ? -ENOSPC : ret;
	if (!(part->file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = mmiod_window_write(part->file, buf, count, &place);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static loff_t view_llseek(struct file *file, loff_t offset, int whence)
{
	const struct mmiod_view *view = file->private_data;

	if (view->form == MMIOD_VIEW_FORM_PHYS)
		return no_seek_end_llseek(file, offset, whence);
	return generic_file_llseek(file, offset, whence);
}

/* ---- the rest ---- */

static __poll_t view_poll(struct file *file, struct poll_table_struct *table)
{
	const struct mmiod_view *view = file->private_data;
	int state = MMIOD_WINDOW_REVOKED;

	if (view->irq)
		return vfs_poll(view->irq, table);
	for (unsigned int i = 0; i < view->count; i++) {
		struct mmiod_window *window = mmiod_file_window(view->parts[i].file);

		poll_wait(file, &window->poll, table);
		if (mmiod_window_state(window) != MMIOD_WINDOW_REVOKED)
			state = MMIOD_WINDOW_OK;
	}
	return mmiod_window_poll_events(state);
}

static const char *const form_names[] = {
	[MMIOD_VIEW_FORM_FILE] = "file",
	[MMIOD_VIEW_FORM_PHYS] = "phys",
	[MMIOD_VIEW_FORM_UIO] = "uio",
};

/* As a window's it has no physical address, so not where the parts of /dev/mem are. */
static void view_fdinfo(struct seq_file *seq, struct file *file)
{
	const struct mmiod_view *view = file->private_data;

	seq_printf(seq, "mmiod-view:\t%s\n", form_names[view->form]);
	for (unsigned int i = 0; i < view->count; i++)
		seq_printf(seq, "mmiod-part:\t%llu 0x%llx/0x%llx\n",
			   mmiod_file_window(view->parts[i].file)->id, view->parts[i].start,
			   view->parts[i].length);
}

/* Those files that it has, which may be some of its parts only. */
static void free_view(struct mmiod_view *view)
{
	if (view->irq)
		fput(view->irq);
	for (unsigned int i = 0; i < view->count; i++)
		if (view->parts[i].file)
			fput(view->parts[i].file);
	kfree(view);
}

static int view_release(struct inode *inode, struct file *file)
{
	free_view(file->private_data);
	mmiod_files_unpin();
	return 0;
}

static const struct file_operations view_fops = {
	.owner = THIS_MODULE,
	.release = view_release,
	.llseek = view_llseek,
	.read = view_read,
	.write = view_write,
	.mmap = view_mmap,
	.fsync = noop_fsync,
#ifdef MMIOD_HUGE_LEAVES
	.get_unmapped_area = view_area,
#endif
	.poll = view_poll,
	.show_fdinfo = view_fdinfo,
};

/* ---- making one ---- */

/*
 * The numbers of real devices mean something to services that check a descriptor they are passed,
 * /dev/null's for one. Only those of /dev/mem, and those that mean nothing, may be had.
 */
static int check_rdev(const struct mmiod_view_create *create)
{
	unsigned int major = MAJOR(new_decode_dev(create->rdev));
	bool dynamic = (major >= CHRDEV_MAJOR_DYN_END && major <= 254) ||
		       (major >= CHRDEV_MAJOR_DYN_EXT_END && major <= CHRDEV_MAJOR_DYN_EXT_START);

	if (!create->rdev || (create->form == MMIOD_VIEW_FORM_UIO && dynamic))
		return 0;
	return -EPERM;
}

static int check_create(const struct mmiod_view_create *create)
{
	bool file = create->form == MMIOD_VIEW_FORM_FILE;

	if (create->form < MMIOD_VIEW_FORM_FILE || create->form > MMIOD_VIEW_FORM_UIO ||
	    create->flags & ~MMIOD_VIEW_CREATE_FLAGS || create->reserved)
		return -EINVAL;
	if (!create->count || create->count > MMIOD_VIEW_CREATE_PARTS_MAX)
		return -EINVAL;
	if (create->irq < -1 || (create->irq != -1 && create->form != MMIOD_VIEW_FORM_UIO))
		return -EINVAL;
	if (create->length > MAX_LFS_FILESIZE ||
	    (!file && (create->length || create->flags & MMIOD_VIEW_CREATE_LONGER)))
		return -EINVAL;
	return check_rdev(create);
}

/* Where a part lies in the view. */
static int check_place(const struct mmiod_view *view, const struct mmiod_view_create_part *part)
{
	if (!part->length || part->reserved ||
	    !PAGE_ALIGNED(part->offset | part->start | part->length))
		return -EINVAL;
	if (view->form == MMIOD_VIEW_FORM_UIO)
		return part->offset ? -EINVAL : 0;
	if (part->offset > MAX_LFS_FILESIZE || part->length > MAX_LFS_FILESIZE - part->offset)
		return -EINVAL;
	for (unsigned int i = 0; i < view->count; i++)
		if (part->offset < view->parts[i].offset + view->parts[i].length &&
		    view->parts[i].offset < part->offset + part->length)
			return -EINVAL;
	return 0;
}

/* And where in its window. */
static int check_window(const struct mmiod_view *view, const struct mmiod_view_create_part *part,
			const struct file *file)
{
	const struct mmiod_window *window = mmiod_file_window(file);

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	if (!window || !window->pages)
		return -EINVAL;
	if (part->start >= window->length || part->length > window->length - part->start)
		return -EINVAL;
	if (view->flags & MMIOD_VIEW_CREATE_LONGER && part->length != window->length - part->start)
		return -EINVAL;
	return 0;
}

static int add_part(struct mmiod_view *view, const struct mmiod_view_create_part *part)
{
	int ret = check_place(view, part);
	struct file *file;

	if (ret)
		return ret;
	file = fget(part->fd);
	if (!file)
		return -EBADF;
	ret = check_window(view, part, file);
	if (ret) {
		fput(file);
		return ret;
	}
	view->parts[view->count++] = (struct view_part){
		.offset = part->offset, .start = part->start, .length = part->length, .file = file
	};
	return 0;
}

static int add_parts(struct mmiod_view *view, const struct mmiod_view_create *create)
{
	const struct mmiod_view_create_part __user *parts = u64_to_user_ptr(create->parts);

	for (unsigned int i = 0; i < create->count; i++) {
		struct mmiod_view_create_part part;
		int ret;

		if (copy_from_user(&part, parts + i, sizeof(part)))
			return -EFAULT;
		ret = add_part(view, &part);
		if (ret)
			return ret;
	}
	return 0;
}

static int add_irq(struct mmiod_view *view, int fd)
{
	struct file *file;

	if (fd < 0)
		return 0;
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (!mmiod_file_is_interrupt(file)) {
		fput(file);
		return -EINVAL;
	}
	view->irq = file;
	return 0;
}

/* A file's length, which is that of its parts unless it was said. */
static int settle_length(struct mmiod_view *view, const struct mmiod_view_create *create)
{
	u64 end = 0;

	if (view->form != MMIOD_VIEW_FORM_FILE)
		return 0;
	for (unsigned int i = 0; i < view->count; i++)
		end = max(end, view->parts[i].offset + view->parts[i].length);
	view->length = create->length ?: end;
	return view->length < end ? -EINVAL : 0;
}

static struct mmiod_view *new_view(const struct mmiod_view_create *create)
{
	struct mmiod_view *view =
		kzalloc(struct_size(view, parts, create->count), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!view)
		return ERR_PTR(-ENOMEM);
	view->form = create->form;
	view->flags = create->flags;
	ret = add_parts(view, create) ?: add_irq(view, create->irq) ?: settle_length(view, create);
	if (!ret)
		return view;
	free_view(view);
	return ERR_PTR(ret);
}

/*
 * The VFS asks the view before the view can ask its parts, so it is open for writing if any of them
 * or its interrupt is, or if a mapping for writing may become one for reading.
 */
static bool may_write(const struct mmiod_view *view)
{
	if (view->flags & MMIOD_VIEW_CREATE_DOWNGRADE)
		return true;
	if (view->irq && view->irq->f_mode & FMODE_WRITE)
		return true;
	for (unsigned int i = 0; i < view->count; i++)
		if (view->parts[i].file->f_mode & FMODE_WRITE)
			return true;
	return false;
}

/*
 * No inode of a view has ->open, and the file system admits no devices: nobody opens it anew by its
 * name in /proc.
 */
static struct file *open_view(struct mmiod_view *view, const struct mmiod_view_create *create)
{
	bool writes = may_write(view), regular = view->form == MMIOD_VIEW_FORM_FILE;
	char name[sizeof("mmiod:view-phys")];

	snprintf(name, sizeof(name), "mmiod:view-%s", form_names[view->form]);
	return mmiod_file_make_as(&(struct mmiod_file_form){
		.name = name,
		.fops = &view_fops,
		.mode = (regular ? S_IFREG : S_IFCHR) | (writes ? 0600 : 0400),
		.rdev = view->form == MMIOD_VIEW_FORM_PHYS ? MKDEV(MEM_MAJOR, 1)
							   : new_decode_dev(create->rdev),
		.size = view->length,
		.flags = writes ? O_RDWR : O_RDONLY,
		.positions = FMODE_PREAD | FMODE_PWRITE |
			     (view->form == MMIOD_VIEW_FORM_UIO ? 0 : FMODE_LSEEK),
		.object = view,
	});
}

int mmiod_call_view_create(struct mmiod_call *call)
{
	struct mmiod_view_create *create = call->arg;
	struct mmiod_view *view;
	struct file *file;
	int ret = check_create(create);

	if (ret)
		return ret;
	view = new_view(create);
	if (IS_ERR(view))
		return PTR_ERR(view);
	file = open_view(view, create);
	if (IS_ERR(file)) {
		free_view(view);
		return PTR_ERR(file);
	}
	return mmiod_hand_out(call, file, &create->fd);
}
