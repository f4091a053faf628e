// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device files: the right to operate a bound function. What its holder may do is given when the
 * daemon opens it, and constant; all of it is done through the file, in the client's context, so
 * that nothing slow ever reaches the daemon.
 *
 * Any number may only read the configuration space. With more rights there is one for each
 * function, device->operation, from its opening until it is revoked or closed.
 *
 * Accesses hold the handle's lock for read while they look at the state and touch the function: a
 * suspension that has set it and returned knows that none is under way.
 */
#include <linux/poll.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define RIGHTS                                                                                  \
	(MMIOD_OPERATE_CONFIG_READ | MMIOD_OPERATE_CONFIG_WRITE | MMIOD_OPERATE_CONFIG_VENDOR | \
	 MMIOD_OPERATE_MASTER | MMIOD_OPERATE_RESET | MMIOD_OPERATE_RESET_OTHERS |              \
	 MMIOD_OPERATE_POWER | MMIOD_OPERATE_DMA | MMIOD_OPERATE_DMA_TRUSTED)
#define FLAGS                                                                                   \
	(MMIOD_OPERATE_NO_ENGINE | MMIOD_OPERATE_NEEDS_NO_RESET | MMIOD_OPERATE_SHARED_ENGINE | \
	 MMIOD_OPERATE_NEVER_RESET)
#define FLAGS_TO_COME MMIOD_OPERATE_ATS_TRUSTED

#define CHUNK 64 /* bytes that are read before they are copied out */

static struct mmiod_operation *operation_of(struct mmiod_handle *handle)
{
	return container_of(handle, struct mmiod_operation, handle);
}

/* Whether it keeps others from having more than its configuration to read. */
static bool is_operator(u32 rights)
{
	return rights & ~MMIOD_OPERATE_CONFIG_READ;
}

/* Another reason that comes waits for the lock after it was set, so that none is overlooked. */
static bool is_only_asleep(const struct mmiod_operation *operation)
{
	return READ_ONCE(operation->handle.device->reasons) == MMIOD_REASON_POWER &&
	       !test_bit(MMIOD_SUSPENDED_BY_DAEMON, &operation->handle.state);
}

/*
 * Before the function's configuration space is touched: the lock is held on success. In D3hot that
 * space still answers. 0, ENODEV (revoked) or EAGAIN (suspended).
 */
int mmiod_operation_enter(struct mmiod_operation *operation)
{
	down_read(&operation->handle.lock);
	switch (mmiod_handle_state(&operation->handle)) {
	case MMIOD_WINDOW_OK:
		return 0;
	case MMIOD_WINDOW_SUSPENDED:
		if (is_only_asleep(operation))
			return 0;
		up_read(&operation->handle.lock);
		return -EAGAIN;
	default:
		up_read(&operation->handle.lock);
		return -ENODEV;
	}
}

void mmiod_operation_leave(struct mmiod_operation *operation)
{
	up_read(&operation->handle.lock);
}

/* The bits of COMMAND that read as the holder has asked for, not as they are. */
u16 mmiod_operation_command(const struct mmiod_operation *operation)
{
	const struct mmiod_handle *handle = &operation->handle;
	bool off = mmiod_interrupt_intx_is_off(handle->device, handle->owner);

	return (off ? PCI_COMMAND_INTX_DISABLE : 0) |
	       (READ_ONCE(operation->master) ? PCI_COMMAND_MASTER : 0);
}

/* ---- bus mastering: whether it is on is command.c's to say ---- */

/* Whether its holder may have what the device does to memory. */
static bool has_engine(u32 rights)
{
	return rights & (MMIOD_OPERATE_MASTER | MMIOD_OPERATE_DMA | MMIOD_OPERATE_DMA_TRUSTED);
}

/* Whether he may have buffers that the device reaches. */
static bool has_dma(u32 rights)
{
	return rights & (MMIOD_OPERATE_DMA | MMIOD_OPERATE_DMA_TRUSTED);
}

/* Whether what the device does to memory is its operator's affair alone. Under mmiod_lock. */
bool mmiod_operation_keeps_dma(const struct mmiod_device *device)
{
	lockdep_assert_held(&mmiod_lock);
	return device->operation && has_engine(device->operation->rights);
}

/* The device loses what its operator has done to it. Under mmiod_lock. */
void mmiod_operation_drop_master(struct mmiod_device *device)
{
	struct mmiod_operation *operation = device->operation;

	lockdep_assert_held(&mmiod_lock);
	if (!operation || !operation->master)
		return;
	WRITE_ONCE(operation->master, false);
	operation->master_lost++;
	mmiod_wish_master(device, false);
}

static int admit_master(struct mmiod_operation *operation, u64 *conflict)
{
	struct mmiod_device *device = operation->handle.device;
	int ret;

	*conflict =
		operation->shares ? 0 : mmiod_region_other(device, operation->handle.owner, true);
	if (*conflict)
		return -EBUSY;
	ret = mmiod_quiet_admit(device, operation, conflict);
	if (ret || !(operation->rights & MMIOD_OPERATE_DMA_TRUSTED))
		return ret;
	return mmiod_pci_admit_dma(device);
}

/* Under mmiod_lock: the rule about others' windows and the wish are one look. */
static int wish(struct mmiod_operation *operation, bool on, u64 *conflict)
{
	struct mmiod_device *device = operation->handle.device;
	int ret;

	lockdep_assert_held(&mmiod_lock);
	if (device->operation != operation)
		return -ENODEV;
	if (on && (device->reasons || mmiod_handle_state(&operation->handle) != MMIOD_WINDOW_OK))
		return -EAGAIN;
	ret = on && !operation->master ? admit_master(operation, conflict) : 0;
	if (ret)
		return ret;
	WRITE_ONCE(operation->master, on);
	mmiod_wish_master(device, on);
	return 0;
}

/* For the client's task, with no lock held. 0 or -errno, as SET_MASTER answers it. */
int mmiod_operation_set_master(struct mmiod_operation *operation, bool on, u64 *conflict)
{
	int ret;

	if (!(operation->rights & MMIOD_OPERATE_MASTER))
		return -EPERM;
	mutex_lock(&mmiod_lock);
	ret = wish(operation, on, conflict);
	mutex_unlock(&mmiod_lock);
	if (!ret)
		mmiod_settle(operation->handle.device);
	return ret;
}

/* ---- the file ---- */

/* Bytes to be read or written from *@pos on, no further than the end; or -EINVAL. */
static ssize_t clip(const struct mmiod_operation *operation, size_t length, loff_t pos)
{
	unsigned int size = operation->handle.device->pdev->cfg_size;

	if (pos < 0)
		return -EINVAL;
	return pos >= size ? 0 : min_t(size_t, length, size - pos);
}

static ssize_t operation_read(struct file *file, char __user *buf, size_t length, loff_t *pos)
{
	struct mmiod_operation *operation = operation_of(file->private_data);
	ssize_t ret = clip(operation, length, *pos);
	u8 bounce[CHUNK];
	size_t done = 0;

	if (!(operation->rights & MMIOD_OPERATE_CONFIG_READ))
		return -EPERM;
	if (ret < 0)
		return ret;
	for (length = ret; done < length; done += ret) {
		ret = mmiod_config_read(operation, bounce, *pos + done,
					min_t(size_t, length - done, CHUNK));
		if (ret < 0)
			break;
		if (copy_to_user(buf + done, bounce, ret)) {
			ret = -EFAULT;
			break;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	*pos += done;
	return done ?: ret;
}

static ssize_t operation_write(struct file *file, const char __user *buf, size_t length,
			       loff_t *pos)
{
	struct mmiod_operation *operation = operation_of(file->private_data);
	ssize_t left = clip(operation, length, *pos);
	u8 bounce[sizeof(u32)];
	int ret;

	if (!length || left < 0)
		return left;
	if (!left)
		return -ENOSPC;
	if (length > sizeof(bounce) || !is_power_of_2(length) || *pos & (length - 1))
		return -EINVAL;
	if (copy_from_user(bounce, buf, length))
		return -EFAULT;
	ret = mmiod_config_write(operation, bounce, *pos, length);
	if (ret)
		return ret;
	*pos += length;
	return length;
}

/* Whoever changes what this looks at wakes the handle's queue. */
static bool has_news(const struct mmiod_operation *operation)
{
	return READ_ONCE(operation->seen_changes) != READ_ONCE(operation->handle.device->changes);
}

static __poll_t operation_poll(struct file *file, struct poll_table_struct *table)
{
	struct mmiod_operation *operation = operation_of(file->private_data);

	poll_wait(file, &operation->handle.poll, table);
	return mmiod_window_poll_events(mmiod_handle_state(&operation->handle)) |
	       (has_news(operation) ? EPOLLPRI : 0);
}

static void operation_fdinfo(struct seq_file *seq, struct file *file)
{
	struct mmiod_operation *operation = operation_of(file->private_data);

	seq_printf(seq, "mmiod-device-file:\t%llu\n", operation->handle.id);
	seq_printf(seq, "mmiod-device:\t%s\n", pci_name(operation->handle.device->pdev));
	seq_printf(seq, "mmiod-rights:\t0x%x\n", operation->rights);
	seq_printf(seq, "mmiod-state:\t%s\n",
		   mmiod_state_name(mmiod_handle_state(&operation->handle)));
}

static int operation_release(struct inode *inode, struct file *file)
{
	struct mmiod_operation *operation = operation_of(file->private_data);

	mmiod_handle_close(&operation->handle);
	return 0;
}

static int call_query(struct mmiod_call *call)
{
	struct mmiod_device_query *query = call->arg;
	struct mmiod_operation *operation = operation_of(call->file->private_data);
	struct mmiod_device *device = operation->handle.device;

	query->rights = operation->rights;
	query->id = operation->handle.id;
	query->device = device->number;
	query->state = mmiod_handle_state(&operation->handle);
	query->dma_bits = operation->dma_bits;
	mutex_lock(&mmiod_lock);
	query->reasons = device->reasons;
	query->resets = device->resets_begun;
	query->master_lost = operation->master_lost;
	WRITE_ONCE(operation->seen_changes, device->changes);
	mutex_unlock(&mmiod_lock);
	if (test_bit(MMIOD_SUSPENDED_BY_DAEMON, &operation->handle.state))
		query->reasons |= MMIOD_REASON_DAEMON;
	query->node = dev_to_node(&device->pdev->dev);
	if (!operation->domain)
		return 0;
	query->iova_first = (u64)operation->domain->first << PAGE_SHIFT;
	query->iova_last = (((u64)operation->domain->last + 1) << PAGE_SHIFT) - 1;
	query->iova_page = operation->domain->page;
	return 0;
}

static int call_master(struct mmiod_call *call)
{
	struct mmiod_device_master *master = call->arg;

	if (master->on > 1)
		return -EINVAL;
	master->conflict_id = 0;
	return mmiod_operation_set_master(operation_of(call->file->private_data), master->on,
					  &master->conflict_id);
}

static int call_reset(struct mmiod_call *call)
{
	struct mmiod_device_reset *reset = call->arg;

	if (reset->flags)
		return -EINVAL;
	reset->conflict_id = 0;
	return mmiod_operation_reset(operation_of(call->file->private_data), &reset->duration_us,
				     &reset->conflict_id);
}

static int call_power(struct mmiod_call *call)
{
	struct mmiod_device_power *power = call->arg;

	power->conflict_id = 0;
	return mmiod_operation_set_power(operation_of(call->file->private_data), power->state,
					 &power->conflict_id);
}

static const struct mmiod_ioctl calls[] = {
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_QUERY, struct mmiod_device_query, call_query),
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_SET_MASTER, struct mmiod_device_master, call_master),
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_RESET, struct mmiod_device_reset, call_reset),
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_SET_POWER, struct mmiod_device_power, call_power),
};

static long operation_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return mmiod_ioctl(file, calls, ARRAY_SIZE(calls), cmd, arg);
}

static const struct file_operations operation_fops = {
	.owner = THIS_MODULE,
	.release = operation_release,
	.llseek = generic_file_llseek,
	.read = operation_read,
	.write = operation_write,
	.poll = operation_poll,
	.unlocked_ioctl = operation_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = operation_fdinfo,
};

/* ---- life ---- */

/*
 * Bus mastering goes off at once; what waits for that is freed by a kernel thread. When two changes
 * come together, the later one here sees what both have left.
 */
static void suspended(struct mmiod_handle *handle)
{
	struct mmiod_device *device = handle->device;

	mutex_lock(&mmiod_lock);
	if (device->operation == operation_of(handle) && device->operation->master)
		mmiod_wish_master(device, !test_bit(MMIOD_SUSPENDED_BY_DAEMON, &handle->state));
	mutex_unlock(&mmiod_lock);
	mmiod_assert_master(device);
	mmiod_settle_later(device);
}

/* If this was its operator the device has none any more. True: it is then to be made quiet. */
static bool give_up_device(struct mmiod_operation *operation)
{
	struct mmiod_device *device = operation->handle.device;
	bool quiet = false;

	mutex_lock(&mmiod_lock);
	if (device->operation == operation) {
		device->operation = NULL;
		device->dirty = true;
		mmiod_wish_master(device, false);
		if (has_engine(operation->rights) || device->reasons & MMIOD_REASON_POWER)
			quiet = mmiod_quiet_after(device, operation);
	}
	WRITE_ONCE(operation->master, false);
	mutex_unlock(&mmiod_lock);
	return quiet;
}

/* The memory of who has no domain is revoked with him; the device may write there until its reset. */
static void end_buffers(struct mmiod_operation *operation)
{
	struct mmiod_device *device = operation->handle.device;
	struct mmiod_buffer *buffer;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(buffer, &device->buffers, dma_node)
		if (buffer->device_file == operation->handle.id)
			mmiod_window_revoke_later(buffer->window);
	mutex_unlock(&mmiod_lock);
}

static void end(struct mmiod_handle *handle)
{
	struct mmiod_operation *operation = operation_of(handle);
	bool quiet = give_up_device(operation);

	if (has_engine(operation->rights)) {
		mmiod_assert_master(handle->device);
		mmiod_domain_end(operation->domain);
		end_buffers(operation);
		mmiod_device_revoke_engines(handle->device, handle->owner);
		mmiod_settle_later(handle->device);
	}
	if (quiet)
		mmiod_quiet_begin(handle->device);
}

static void free_operation(struct mmiod_handle *handle)
{
	mmiod_domain_put(operation_of(handle)->domain);
	kfree(operation_of(handle));
}

static const struct mmiod_handle_kind operations = {
	.suspended = suspended,
	.end = end,
	.free = free_operation,
};

/* ---- calls on the control file ---- */

/* A right without the one that it is a part of, or that makes it dangerous. */
static int check_rights(u32 rights)
{
	const u32 anything = MMIOD_OPERATE_CONFIG_WRITE | MMIOD_OPERATE_CONFIG_VENDOR;

	if (rights & anything && !(rights & MMIOD_OPERATE_CONFIG_READ))
		return -EINVAL;
	if (rights & MMIOD_OPERATE_RESET_OTHERS && !(rights & MMIOD_OPERATE_RESET))
		return -EINVAL;
	if ((rights & anything) == anything && !has_dma(rights))
		return -EPERM;
	return 0;
}

static int check_open(const struct mmiod_device_open *open)
{
	if (!open->rights || open->rights & ~RIGHTS || open->flags & ~(FLAGS | FLAGS_TO_COME) ||
	    open->reserved)
		return -EINVAL;
	if (open->dma_bits && (open->dma_bits < 24 || open->dma_bits > 64))
		return -EINVAL;
	if (check_rights(open->rights))
		return check_rights(open->rights);
	/* What nothing bounds is nobody's to share. */
	if (open->flags & MMIOD_OPERATE_SHARED_ENGINE && open->rights & MMIOD_OPERATE_DMA_TRUSTED)
		return -EINVAL;
	if (open->flags & FLAGS_TO_COME)
		return -EOPNOTSUPP;
	return 0;
}

static struct mmiod_operation *new_operation(const struct mmiod_device_open *open)
{
	struct mmiod_operation *operation = kzalloc(sizeof(*operation), GFP_KERNEL_ACCOUNT);

	if (!operation)
		return NULL;
	mmiod_handle_init(&operation->handle, &operations, open->owner, open->tag);
	operation->rights = open->rights;
	operation->flags = open->flags;
	operation->dma_bits = open->dma_bits ?: MMIOD_DMA_BITS;
	return operation;
}

/* Who has the engine of another function of the same IOMMU group, which a domain is attached to. */
static u64 find_conflict_in_group(const struct mmiod_device *device)
{
	const struct mmiod_device *other;

	if (device->group_id == MMIOD_GROUP_NONE)
		return 0;
	for (other = mmiod_device_from(0); other; other = mmiod_device_from(other->number + 1))
		if (other->group_id == device->group_id && mmiod_operation_keeps_dma(other))
			return other->operation->handle.id;
	return 0;
}

/* Who keeps the function from another operator: an id, or 0. */
static u64 find_conflict(struct mmiod_device *device, u32 rights)
{
	const struct mmiod_buffer *buffer;
	u64 id;

	if (!is_operator(rights))
		return 0;
	if (device->operation)
		return device->operation->handle.id;
	if (!has_engine(rights))
		return 0;
	id = find_conflict_in_group(device);
	if (id)
		return id;
	buffer = mmiod_pci_plain_buffer(device);
	return buffer ? buffer->window->id : 0;
}

static bool needs_isolation(const struct mmiod_device_open *open)
{
	if (open->rights & MMIOD_OPERATE_DMA_TRUSTED)
		return false;
	return open->rights & MMIOD_OPERATE_DMA ||
	       (open->rights & MMIOD_OPERATE_MASTER && !(open->flags & MMIOD_OPERATE_NO_ENGINE));
}

/* Whether the file may be made now. Under mmiod_lock; @flags: MMIOD_FUNCTION_*, of a moment ago. */
static int admit(struct mmiod_device *device, struct mmiod_device_open *open, u32 flags)
{
	lockdep_assert_held(&mmiod_lock);
	if (device->reasons & (MMIOD_REASON_LOST | MMIOD_REASON_GONE))
		return device->reasons & MMIOD_REASON_GONE ? -ENODEV : -EIO;
	if (needs_isolation(open) && !(flags & MMIOD_FUNCTION_ISOLATED))
		return -EPERM;
	open->conflict_id = find_conflict(device, open->rights);
	if (open->conflict_id)
		return -EBUSY;
	if (open->rights & MMIOD_OPERATE_DMA_TRUSTED)
		return security_locked_down(LOCKDOWN_PCI_ACCESS);
	return 0;
}

static struct file *open_file(struct mmiod_operation *operation)
{
	const struct pci_dev *pdev = operation->handle.device->pdev;
	bool writes = operation->rights & MMIOD_OPERATE_CONFIG_WRITE;
	char name[sizeof("mmiod:/config") + 32];
	struct file *file;

	snprintf(name, sizeof(name), "mmiod:%s/config", pci_name(pdev));
	file = mmiod_handle_open(&operation->handle, name, &operation_fops, pdev->cfg_size,
				 writes ? O_RDWR : O_RDONLY);
	if (!IS_ERR(file))
		file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	return file;
}

/* The same, and whether the device is fit for the operator. Under mmiod_lock. */
static int admit_operation(struct mmiod_operation *operation, struct mmiod_device_open *open,
			   u32 flags)
{
	int ret = admit(operation->handle.device, open, flags);

	operation->shares =
		operation->flags & MMIOD_OPERATE_SHARED_ENGINE && flags & MMIOD_FUNCTION_ISOLATED;
	if (ret || !has_engine(operation->rights))
		return ret;
	return mmiod_quiet_admit(operation->handle.device, operation, &open->conflict_id);
}

/* Under mmiod_lock. */
static struct file *open_locked(struct mmiod_operation *operation, struct mmiod_device_open *open,
				u32 flags)
{
	struct mmiod_device *device = operation->handle.device;
	int ret = admit_operation(operation, open, flags);
	struct file *file;

	if (ret)
		return ERR_PTR(ret);
	operation->seen_changes = device->changes;
	file = open_file(operation);
	if (IS_ERR(file) || !is_operator(operation->rights))
		return file;
	device->operation = operation;
	if (!operation->domain)
		return file;
	operation->domain->device_file = operation->handle.id;
	operation->domain->owner = operation->handle.owner;
	mmiod_domain_get(operation->domain);
	device->domain = operation->domain;
	return file;
}

/* Takes mmiod_lock. */
static struct file *open_now(struct mmiod_operation *operation, struct mmiod_device_open *open)
{
	u32 flags = mmiod_group_look(operation->handle.device);
	struct file *file;

	mutex_lock(&mmiod_lock);
	file = open_locked(operation, open, flags);
	open->id = operation->handle.id;
	mutex_unlock(&mmiod_lock);
	return file;
}

/*
 * With the function's device lock held, which attaching needs. Who may not have the device makes no
 * domain for it; that is looked at once more as the file is made.
 */
static struct file *open_with_domain(struct mmiod_operation *operation,
				     struct mmiod_device_open *open)
{
	struct mmiod_device *device = operation->handle.device;
	struct file *file;
	u32 flags;
	int ret;

	if (!mmiod_device_is_bound(device))
		return ERR_PTR(-ENODEV);
	ret = mmiod_group_try(device, &flags);
	if (ret)
		return ERR_PTR(ret);
	mutex_lock(&mmiod_lock);
	ret = admit_operation(operation, open, flags);
	mutex_unlock(&mmiod_lock);
	if (ret)
		return ERR_PTR(ret);
	operation->domain = mmiod_domain_open(device, operation->rights, operation->dma_bits);
	if (IS_ERR(operation->domain))
		return ERR_CAST(xchg(&operation->domain, NULL));
	file = open_now(operation, open);
	if (IS_ERR(file))
		mmiod_domain_close(device, xchg(&operation->domain, NULL));
	return file;
}

static struct file *open_by_rights(struct mmiod_operation *operation,
				   struct mmiod_device_open *open)
{
	struct device *dev = &operation->handle.device->pdev->dev;
	struct file *file;

	if (!has_dma(operation->rights))
		return open_now(operation, open);
	if (!device_trylock(dev))
		return ERR_PTR(-EAGAIN);
	file = open_with_domain(operation, open);
	device_unlock(dev);
	return file;
}

int mmiod_call_device_open(struct mmiod_call *call)
{
	struct mmiod_device_open *open = call->arg;
	struct mmiod_operation *operation;
	struct file *file;
	int ret = check_open(open);

	if (ret)
		return ret;
	operation = new_operation(open);
	if (!operation)
		return -ENOMEM;
	operation->handle.device = mmiod_device_get_by_number(open->device);
	if (!operation->handle.device) {
		mmiod_handle_put(&operation->handle);
		return -ENODEV;
	}
	file = open_by_rights(operation, open);
	return mmiod_handle_hand_out(call, &operation->handle, file, &open->fd);
}

/*
 * The operation with that device file; or an ERR_PTR: ENOENT: there is none, ENODEV: it was
 * revoked. Under mmiod_lock, as long as which it exists.
 */
static struct mmiod_operation *find_operation(u64 id)
{
	struct mmiod_handle *handle = mmiod_handle_from(&operations, id);

	lockdep_assert_held(&mmiod_lock);
	if (!handle || handle->id != id)
		return ERR_PTR(-ENOENT);
	if (mmiod_handle_state(handle) == MMIOD_WINDOW_REVOKED)
		return ERR_PTR(-ENODEV);
	return operation_of(handle);
}

/*
 * Give a buffer that nobody sees yet a reference on the domain of the device file with that id.
 * ENOENT: there is none. ENODEV: it was revoked. EOPNOTSUPP: it has no domain. Takes mmiod_lock.
 */
int mmiod_operation_lend_domain(u64 id, struct mmiod_buffer *buffer)
{
	struct mmiod_operation *operation;
	int ret;

	mutex_lock(&mmiod_lock);
	operation = find_operation(id);
	ret = PTR_ERR_OR_ZERO(operation);
	if (!ret && !operation->domain)
		ret = -EOPNOTSUPP;
	if (!ret) {
		buffer->domain = operation->domain;
		mmiod_domain_get(buffer->domain);
	}
	mutex_unlock(&mmiod_lock);
	return ret;
}

/*
 * The operator with that device file, if he is trusted with DMA that nothing bounds, and may have
 * memory for it; or an ERR_PTR: ENOENT, ENODEV, EOPNOTSUPP as above. Under mmiod_lock, as long as
 * which he is.
 */
struct mmiod_operation *mmiod_operation_trusted(u64 id)
{
	struct mmiod_operation *operation = find_operation(id);

	if (IS_ERR(operation))
		return operation;
	if (operation->domain || !(operation->rights & MMIOD_OPERATE_DMA_TRUSTED))
		return ERR_PTR(-EOPNOTSUPP);
	return operation->handle.device->operation == operation ? operation : ERR_PTR(-ENODEV);
}

static void describe(struct mmiod_operation *operation, struct mmiod_device_file_info *info)
{
	const struct mmiod_handle *handle = &operation->handle;

	info->rights = operation->rights;
	info->id = handle->id;
	info->device = handle->device->number;
	info->owner = handle->owner;
	info->state = mmiod_handle_state(handle);
	info->flags = operation->flags | (operation->master ? MMIOD_OPERATE_MASTERS : 0);
	info->dma_bits = operation->dma_bits;
	if (operation->domain) {
		info->buffers = READ_ONCE(operation->domain->nr_buffers);
		info->mapped = (u64)atomic64_read(&operation->domain->mapped) << PAGE_SHIFT;
	}
	memcpy(info->tag, handle->tag, sizeof(info->tag));
}

int mmiod_call_device_file_next(struct mmiod_call *call)
{
	struct mmiod_device_file_info *info = call->arg;
	struct mmiod_handle *handle = NULL;

	mutex_lock(&mmiod_lock);
	if (info->id < U64_MAX)
		handle = mmiod_handle_from(&operations, info->id + 1);
	if (handle)
		describe(operation_of(handle), info);
	mutex_unlock(&mmiod_lock);
	return handle ? 0 : -ENOENT;
}
