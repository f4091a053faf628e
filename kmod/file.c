// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file that stands for a window, and the pseudo file system that this and the files of other
 * objects lie on.
 *
 * Each window has an inode of its own, hence an address_space of its own, so that one
 * unmap_mapping_range() takes exactly its mappings from every process, forked, moved and split ones
 * too. VMAs hold the file: ->release runs when the last descriptor and the last mapping are gone,
 * and ends the window. Any other holder of a reference on the window then holds its inode with it,
 * and with the inode the file system's pin.
 *
 * The file system is pinned by each window, and by each open control file, so that it is not made
 * anew for every window of a daemon's; not by the module's init: the superblock holds a module
 * reference, which an O_PATH descriptor (it holds the mount, but no file of ours) keeps until it is
 * closed, and which would make the module impossible to unload if it were taken for good.
 */
#include <linux/cred.h>
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
static struct file_system_type window_fs;

/* Each pin keeps the file system; the first one mounts it. 0 or -errno. May sleep. */
int mmiod_files_pin(void)
{
	return simple_pin_fs(&window_fs, &fs_mount, &fs_pins);
}

/* Undoes one mmiod_files_pin(). May sleep, and unmounts the file system with the last pin. */
void mmiod_files_unpin(void)
{
	simple_release_fs(&fs_mount, &fs_pins);
}

/* No VMA is left, and no call is under way: all of them hold the file. */
static int window_release(struct inode *inode, struct file *file)
{
	mmiod_window_close(file->private_data);
	return 0;
}

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
	static const char *const states[] = { "ok", "suspended", "revoked" };
	static const char *const leaves[] = { "pte", "pmd", "pud" };
	struct mmiod_window *window = file->private_data;

	seq_printf(seq, "mmiod-window:\t%llu\n", window->id);
	seq_printf(seq, "mmiod-%s:\t%s\n", window->ops->kind, window->ops->origin(window));
	seq_printf(seq, "mmiod-range:\t0x%llx/0x%llx\n", window->offset, window->length);
	seq_printf(seq, "mmiod-rights:\t%s\n", window->flags & MMIOD_WINDOW_READONLY ? "r" : "rw");
	seq_printf(seq, "mmiod-cache:\t%s\n", attrs[window->attr]);
	seq_printf(seq, "mmiod-width:\t%u\n", window->width * BITS_PER_BYTE);
	seq_printf(seq, "mmiod-state:\t%s\n", states[mmiod_window_state(window)]);
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

	query->flags = window->flags;
	query->window_id = window->id;
	query->length = window->length;
	query->attr = window->attr;
	query->width = window->width;
	query->state = mmiod_window_state(window);
	query->mmapable = window->pages != 0;
	query->page_size = PAGE_SIZE;
	return 0;
}

static const struct mmiod_ioctl calls[] = {
	MMIOD_IOCTL(MMIOD_IOC_QUERY, struct mmiod_window_query, call_query),
	MMIOD_IOCTL(MMIOD_IOC_POPULATE, struct mmiod_window_populate, mmiod_call_populate),
	MMIOD_IOCTL(MMIOD_IOC_ACCESS, struct mmiod_window_access, mmiod_call_access),
	MMIOD_IOCTL(MMIOD_IOC_ALLOCATE, struct mmiod_buffer_allocate, mmiod_call_allocate),
};

static long window_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return mmiod_ioctl(file, calls, ARRAY_SIZE(calls), cmd, arg);
}

static const struct file_operations window_fops = {
	.owner = THIS_MODULE,
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

/*
 * The size is the window's, the owner and the mode say nothing: none of them is the client's to
 * change.
 */
static int refuse_setattr(MMIOD_IDMAP *idmap, struct dentry *dentry, struct iattr *attr)
{
	return -EPERM;
}

static const struct inode_operations window_iops = {
	.setattr = refuse_setattr,
};

/*
 * The name in /proc/PID/maps and /proc/PID/fd. Only the dentry may be looked at: an O_PATH
 * descriptor keeps it alive after the window is gone.
 */
static char *window_dname(struct dentry *dentry, char *buffer, int size)
{
	int length = dentry->d_name.len + sizeof("/");

	if (length > size)
		return ERR_PTR(-ENAMETOOLONG);
	buffer += size - length;
	snprintf(buffer, length, "/%s", dentry->d_name.name);
	return buffer;
}

static const struct dentry_operations window_dops = {
	.d_dname = window_dname,
};

/*
 * NOEXEC makes the kernel refuse PROT_EXEC, now and by mprotect, whatever the caller's personality.
 */
static int init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, MMIOD_FS_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = &window_dops;
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static struct file_system_type window_fs = {
	.name = "mmiod",
	.owner = THIS_MODULE,
	.init_fs_context = init_fs_context,
	.kill_sb = kill_anon_super,
};

/* Nothing is ever in a window's page cache, so nothing gets dirty in it. */
static const struct address_space_operations window_aops = {
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
	inode->i_mapping->a_ops = &window_aops;
	mmiod_inode_init_dirty(inode);
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_flags |= S_PRIVATE;
	mmiod_inode_init_times(inode);
	return inode;
}

static struct inode *new_inode_for(u64 size, bool readonly)
{
	struct inode *inode = listed_inode(fs_mount->mnt_sb);

	if (!inode)
		return NULL;
	/* A regular file of the window's size: that is how real programs size their mapping. */
	inode->i_mode = S_IFREG | (readonly ? 0400 : 0600);
	inode->i_op = &window_iops;
	inode->i_flags |= S_NOCMTIME; /* a store to a buffer's page is no file write */
	i_size_write(inode, size);
	return inode;
}

/* alloc_file_pseudo() takes no module reference, but the final fput() drops one. */
static struct file *new_file(const char *name, const struct file_operations *fops,
			     struct inode *inode, int flags)
{
	struct file *file;

	if (!try_module_get(THIS_MODULE))
		return ERR_PTR(-ENODEV);
	file = alloc_file_pseudo(inode, fs_mount, name, flags, fops);
	if (IS_ERR(file))
		module_put(THIS_MODULE);
	return file;
}

/*
 * A file for @object, or an ERR_PTR: of @size bytes, as fstat says, with an inode of its own and
 * @flags as open() has them. It can neither seek nor do positioned access, unless the caller
 * switches that on as open() would have. It owns a pin, which the caller gives back by
 * mmiod_files_unpin() when the object ends, not earlier than in ->release; after an error nothing
 * was taken. May sleep; with or without mmiod_lock.
 */
struct file *mmiod_file_make(const char *name, const struct file_operations *fops, void *object,
			     u64 size, int flags)
{
	struct inode *inode;
	struct file *file;
	int ret = mmiod_files_pin();

	if (ret)
		return ERR_PTR(ret);
	inode = new_inode_for(size, flags == O_RDONLY);
	file = inode ? new_file(name, fops, inode, flags) : ERR_PTR(-ENOMEM);
	if (!IS_ERR(file)) {
		file->private_data = object;
		return file;
	}
	iput(inode);
	mmiod_files_unpin();
	return file;
}

/* Called once, as the window ends: gives back the inode, and the pin that came with it. */
void mmiod_window_close_inode(struct inode *inode)
{
	iput(inode);
	mmiod_files_unpin();
}

/*
 * The window's file, or an ERR_PTR; called with mmiod_lock held. From here on the first reference
 * on the window is the file's, and the pin is the window's; after an error neither was taken.
 */
struct file *mmiod_window_open(struct mmiod_window *window)
{
	char name[sizeof("mmiod:+0x-0x") + MMIOD_NAME_MAX + 2 * 16];
	struct file *file;

	snprintf(name, sizeof(name), "mmiod:%s+0x%llx-0x%llx", window->ops->origin(window),
		 window->offset, window->offset + window->length - 1);
	file = mmiod_file_make(name, &window_fops, window, window->length,
			       window->flags & MMIOD_WINDOW_READONLY ? O_RDONLY : O_RDWR);
	if (IS_ERR(file))
		return file;
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	window->inode = file_inode(file);
	ihold(window->inode);
	return file;
}
