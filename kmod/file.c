// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files that stand for a window, and the pseudo file system that all files of the module lie
 * on.
 *
 * Each window has an inode of its own, hence an address_space of its own, so that one
 * unmap_mapping_range() takes exactly its mappings from every process, forked, moved and split ones
 * too. VMAs hold a file: when ->release of the last one has run, no descriptor and no mapping is
 * left, and the window ends. Any other holder of a reference on the window then holds its inode with
 * it, and with the inode the file system's pin.
 *
 * The first file is made with the window; others come by open() of a name in /proc, and share its
 * reference on the window. An O_PATH descriptor holds the inode but no file, so the inode may be
 * opened when the window is gone: inode->i_private is NULL then.
 *
 * The file system is pinned by each window, and by each open control file, so that it is not made
 * anew for every window of a daemon's; not by the module's init: the superblock holds a module
 * reference, which an O_PATH descriptor (it holds the mount, but no file of ours) keeps until it is
 * closed, and which would make the module impossible to unload if it were taken for good.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/poll.h>
#include <linux/pseudo_fs.h>
#include <linux/seq_file.h>

#include "internal.h"

#define MMIOD_FS_MAGIC 0x6d6d696f /* "mmio" */

static struct vfsmount *fs_mount;
static int fs_pins;
static struct file_system_type mmiod_fs;

/* Each pin keeps the file system; the first one mounts it. 0 or -errno. May sleep. */
int mmiod_files_pin(void)
{
	return simple_pin_fs(&mmiod_fs, &fs_mount, &fs_pins);
}

/* Undoes one mmiod_files_pin(). May sleep, and unmounts the file system with the last pin. */
void mmiod_files_unpin(void)
{
	simple_release_fs(&fs_mount, &fs_pins);
}

/* ---- windows: opening and closing ---- */

/* What the descriptors of one inode are open for. */
struct holding {
	const struct inode *inode;
	fmode_t mode;
};

/* For iterate_fd(), which holds a spinlock. An O_PATH descriptor is open for nothing. */
static int add_rights(const void *context, struct file *file, unsigned int fd)
{
	struct holding *holding = (struct holding *)context;

	if (file_inode(file) == holding->inode)
		holding->mode |= file->f_mode & (FMODE_READ | FMODE_WRITE);
	return 0;
}

/*
 * A window is opened anew by a name in /proc. That must give nobody more than they have: neither
 * whoever holds a descriptor with fewer rights, nor who may look at the descriptors of another
 * process. So the opener's own descriptors of the window decide, and this is a dup() with a position
 * of its own.
 */
static int window_open(struct inode *inode, struct file *file)
{
	struct holding holding = { .inode = inode };
	struct mmiod_window *window;
	int ret = 0;

	iterate_fd(current->files, 0, add_rights, &holding);
	spin_lock(&inode->i_lock);
	window = inode->i_private;
	if (!window)
		ret = -ENXIO;
	else if (!holding.mode || file->f_mode & (FMODE_READ | FMODE_WRITE) & ~holding.mode)
		ret = -EACCES;
	else
		window->files++;
	spin_unlock(&inode->i_lock);
	file->private_data = window;
	return ret;
}

/* With the last file no VMA is left, and no call is under way: all of them hold one. */
static int window_release(struct inode *inode, struct file *file)
{
	struct mmiod_window *window = file->private_data;
	bool last;

	spin_lock(&inode->i_lock);
	last = !--window->files;
	if (last)
		inode->i_private = NULL;
	spin_unlock(&inode->i_lock);
	if (last)
		mmiod_window_close(window);
	return 0;
}

/*
 * What refers to the window beside one descriptor of @file. The call itself refers to the file if
 * the caller's descriptors are shared; it is counted, because nobody can tell its reference from
 * others.
 */
static u32 count_users(const struct mmiod_window *window, struct file *file)
{
	return file_count(file) + READ_ONCE(window->files) - 2;
}

/* ---- windows: their other operations ---- */

static __poll_t window_poll(struct file *file, struct poll_table_struct *table)
{
	struct mmiod_window *window = file->private_data;

	poll_wait(file, &window->poll, table);
	return mmiod_window_poll_events(mmiod_window_state(window));
}

/* Anyone who may read a process's fdinfo sees this, so it has no physical address. */
static void window_fdinfo(struct seq_file *seq, struct file *file)
{
	static const char *const attrs[] = { "", "uc", "wc", "wb" };
	static const char *const leaves[] = { "pte", "pmd", "pud" };
	struct mmiod_window *window = file->private_data;

	seq_printf(seq, "mmiod-window:\t%llu\n", window->id);
	seq_printf(seq, "mmiod-%s:\t%s\n", window->ops->kind, window->ops->origin(window));
	seq_printf(seq, "mmiod-range:\t0x%llx/0x%llx\n", window->offset, window->length);
	if (window->nr_extents > 1)
		seq_printf(seq, "mmiod-extents:\t%u\n", window->nr_extents);
	seq_printf(seq, "mmiod-rights:\t%s\n", window->flags & MMIOD_WINDOW_READONLY ? "r" : "rw");
	seq_printf(seq, "mmiod-cache:\t%s\n", attrs[window->attr]);
	seq_printf(seq, "mmiod-width:\t%u\n", window->width * BITS_PER_BYTE);
	seq_printf(seq, "mmiod-state:\t%s\n", mmiod_state_name(mmiod_window_state(window)));
	seq_printf(seq, "mmiod-mappings:\t%d\n", atomic_read(&window->mappings));
	seq_printf(seq, "mmiod-faults:\t%llu\n", mmiod_leaf_pages(window, false));
	seq_printf(seq, "mmiod-populated:\t%llu\n", mmiod_leaf_pages(window, true));
	for (unsigned int leaf = 0; leaf < MMIOD_LEAVES; leaf++)
		seq_printf(seq, "mmiod-leaves-%s:\t%llu+%llu\n", leaves[leaf],
			   mmiod_leaf_count(window, leaf, false),
			   mmiod_leaf_count(window, leaf, true));
}

static int call_query(struct mmiod_call *call)
{
	struct mmiod_window_query *query = call->arg;
	struct mmiod_window *window = call->file->private_data;
	u64 device_file;

	query->flags = window->flags;
	query->window_id = window->id;
	query->length = window->length;
	query->attr = window->attr;
	query->width = window->width;
	query->state = mmiod_window_state(window);
	query->mmapable = window->pages != 0;
	query->page_size = PAGE_SIZE;
	query->users = count_users(window, call->file);
	query->reserved = 0;
	query->iova = MMIOD_IOVA_NONE;
	if (window->buffer && READ_ONCE(window->buffer->allocated))
		query->iova = mmiod_buffer_iova(window, &device_file);
	return 0;
}

static const struct mmiod_ioctl calls[] = {
	MMIOD_IOCTL_GROWN(MMIOD_IOC_QUERY, struct mmiod_window_query, page_size, call_query),
	MMIOD_IOCTL(MMIOD_IOC_POPULATE, struct mmiod_window_populate, mmiod_call_populate),
	MMIOD_IOCTL(MMIOD_IOC_ACCESS, struct mmiod_window_access, mmiod_call_access),
	MMIOD_IOCTL(MMIOD_IOC_ALLOCATE, struct mmiod_buffer_allocate, mmiod_call_allocate),
	MMIOD_IOCTL(MMIOD_IOC_VIEW_CREATE, struct mmiod_view_create, mmiod_call_view_create),
};

static long window_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return mmiod_ioctl(file, calls, ARRAY_SIZE(calls), cmd, arg);
}

static const struct file_operations window_fops = {
	.owner = THIS_MODULE,
	.open = window_open,
	.release = window_release,
	.llseek = generic_file_llseek,
	.read = mmiod_window_read,
	.write = mmiod_window_write,
	.mmap = mmiod_window_mmap,
	.fsync = noop_fsync, /* for programs that msync() what they take for a file */
#ifdef MMIOD_HUGE_LEAVES
	.get_unmapped_area = mmiod_leaf_area,
#endif
	.poll = window_poll,
	.unlocked_ioctl = window_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = window_fdinfo,
};

/* The window of a file, which holds it; NULL: it is another file. */
struct mmiod_window *mmiod_file_window(const struct file *file)
{
	return file->f_op == &window_fops ? file->private_data : NULL;
}

/* ---- all files ---- */

/*
 * The size is the object's, the owner and the mode say nothing: none of them is the client's to
 * change. Truncation changes nothing either, but fails as little as that of a BAR's file in sysfs:
 * shells and dd do it before they write. The kernel asks for new times with it.
 */
static int keep_attributes(MMIOD_IDMAP *idmap, struct dentry *dentry, struct iattr *attr)
{
	const unsigned int others =
		ATTR_MODE | ATTR_UID | ATTR_GID | ATTR_ATIME_SET | ATTR_MTIME_SET;

	return attr->ia_valid & ATTR_SIZE && !(attr->ia_valid & others) ? 0 : -EPERM;
}

static const struct inode_operations file_iops = {
	.setattr = keep_attributes,
};

/*
 * The name in /proc/PID/maps and /proc/PID/fd. Only the dentry may be looked at: an O_PATH
 * descriptor keeps it alive after the object is gone.
 */
static char *file_dname(struct dentry *dentry, char *buffer, int size)
{
	int length = dentry->d_name.len + sizeof("/");

	if (length > size)
		return ERR_PTR(-ENAMETOOLONG);
	buffer += size - length;
	snprintf(buffer, length, "/%s", dentry->d_name.name);
	return buffer;
}

static const struct dentry_operations file_dops = {
	.d_dname = file_dname,
};

/*
 * NOEXEC makes the kernel refuse PROT_EXEC, now and by mprotect, whatever the caller's personality.
 */
static int init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, MMIOD_FS_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = &file_dops;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static struct file_system_type mmiod_fs = {
	.name = "mmiod",
	.owner = THIS_MODULE,
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

/* Nothing is ever in a file's page cache, so nothing gets dirty in it. */
static const struct address_space_operations file_aops = {
	.dirty_folio = noop_dirty_folio,
};

/*
 * An inode as alloc_anon_inode() makes it, but on the superblock's list of inodes. When that
 * superblock goes with its last pin, the kernel drops the marks of inotify and fanotify from the
 * inodes on the list, and then waits until no mark is left: one on an inode that is not listed
 * would have it wait, with the last close, for whoever set the mark.
 */
static struct inode *listed_inode(struct super_block *sb)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mapping->a_ops = &file_aops;
	mmiod_inode_init_dirty(inode);
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_flags |= S_PRIVATE;
	mmiod_inode_init_times(inode);
	return inode;
}

static struct inode *new_inode_for(const struct mmiod_file_form *form)
{
	struct inode *inode = listed_inode(fs_mount->mnt_sb);

	if (!inode)
		return NULL;
	inode->i_mode = form->mode;
	inode->i_rdev = form->rdev;
	inode->i_op = &file_iops;
	inode->i_flags |= S_NOCMTIME; /* a store to a buffer's page is no file write */
	i_size_write(inode, form->size);
	return inode;
}

/* alloc_file_pseudo() takes no module reference, but the final fput() drops one. */
static struct file *new_file(const struct mmiod_file_form *form, struct inode *inode)
{
	struct file *file;

	if (!try_module_get(THIS_MODULE))
		return ERR_PTR(-ENODEV);
	file = alloc_file_pseudo(inode, fs_mount, form->name, form->flags, form->fops);
	if (IS_ERR(file)) {
		module_put(THIS_MODULE);
		return file;
	}
	file->private_data = form->object;
	file->f_mode &= ~FMODE_LSEEK;
	file->f_mode |= form->positions;
	return file;
}

/*
 * A file of that form, with an inode of its own, or an ERR_PTR. It owns a pin, which the caller
 * gives back by mmiod_files_unpin() when the object ends, not earlier than in ->release; after an
 * error nothing was taken. May sleep; with or without mmiod_lock.
 */
struct file *mmiod_file_make_as(const struct mmiod_file_form *form)
{
	struct inode *inode;
	struct file *file;
	int ret = mmiod_files_pin();

	if (ret)
		return ERR_PTR(ret);
	inode = new_inode_for(form);
	file = inode ? new_file(form, inode) : ERR_PTR(-ENOMEM);
	if (!IS_ERR(file))
		return file;
	iput(inode);
	mmiod_files_unpin();
	return file;
}

/*
 * Likewise a regular file for @object: of @size bytes, as fstat says, and @flags as open() has them.
 * It can neither seek nor do positioned access, unless the caller switches that on as open() would
 * have.
 */
struct file *mmiod_file_make(const char *name, const struct file_operations *fops, void *object,
			     u64 size, int flags)
{
	return mmiod_file_make_as(&(struct mmiod_file_form){
		.name = name,
		.fops = fops,
		.mode = S_IFREG | (flags == O_RDONLY ? 0400 : 0600),
		.size = size,
		.flags = flags,
		.object = object,
	});
}

/* Called once, as the window ends: gives back the inode, and the pin that came with it. */
void mmiod_window_close_inode(struct inode *inode)
{
	iput(inode);
	mmiod_files_unpin();
}

/* Of the window's first file: from here on others can be opened. */
static void attach(struct mmiod_window *window, struct inode *inode)
{
	ihold(inode);
	window->inode = inode;
	window->files = 1;
	inode->i_private = window;
	inode->i_fop = &window_fops;
}

/*
 * The window's first file, or an ERR_PTR; called with mmiod_lock held. From here on the first
 * reference on the window is its files', and the pin is the window's; after an error neither was
 * taken.
 *
 * It is a regular file of the window's size: that is how real programs size their mapping. Its mode
 * admits everybody as far as ->open.
 */
struct file *mmiod_window_open(struct mmiod_window *window)
{
	bool readonly = window->flags & MMIOD_WINDOW_READONLY;
	char name[sizeof("mmiod:+0x-0x") + MMIOD_NAME_MAX + 2 * 16];
	struct file *file;

	if (window->nr_extents > 1)
		snprintf(name, sizeof(name), "mmiod:%s+%u-extents", window->ops->origin(window),
			 window->nr_extents);
	else
		snprintf(name, sizeof(name), "mmiod:%s+0x%llx-0x%llx", window->ops->origin(window),
			 window->offset, window->offset + window->length - 1);
	file = mmiod_file_make_as(&(struct mmiod_file_form){
		.name = name,
		.fops = &window_fops,
		.mode = S_IFREG | (readonly ? 0444 : 0666),
		.size = window->length,
		.flags = readonly ? O_RDONLY : O_RDWR,
		.positions = FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE,
		.object = window,
	});
	if (!IS_ERR(file))
		attach(window, file_inode(file));
	return file;
}
