// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control file, /dev/mmiod: the one place that claims, creates, revokes and lists. Opening it
 * needs CAP_SYS_RAWIO; a process that holds it open keeps the right, so that the daemon may drop
 * the capability afterwards.
 *
 * Each open file has a queue of events. A queue that is full drops new events and says so once with
 * OVERFLOW: the reader then takes the ledger again. Nothing ever waits for a reader.
 */
#include <linux/capability.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "internal.h"

#define EVENT_QUEUE_LENGTH 256

struct control {
	struct list_head node; /* in controls, under events_lock */
	wait_queue_head_t wait;
	unsigned int head, count; /* under events_lock, as are the events */
	bool overflow;
	struct mmiod_control_event events[EVENT_QUEUE_LENGTH];
};

/*
 * A leaf lock, in process context only: events come from ioctls, ->release and PCI callbacks, none
 * of them atomic.
 */
static DEFINE_SPINLOCK(events_lock);
static LIST_HEAD(controls);
static u64 loaded_at; /* in nanoseconds of the boot, so that no two loads have the same */

static void push(struct control *control, const struct mmiod_control_event *event)
{
	if (control->count == EVENT_QUEUE_LENGTH) {
		control->overflow = true;
		return;
	}
	control->events[(control->head + control->count++) % EVENT_QUEUE_LENGTH] = *event;
}

static bool pop(struct control *control, struct mmiod_control_event *event)
{
	if (control->count) {
		*event = control->events[control->head];
		control->head = (control->head + 1) % EVENT_QUEUE_LENGTH;
		control->count--;
		return true;
	}
	if (control->overflow) {
		*event = (struct mmiod_control_event){ .type = MMIOD_CONTROL_OVERFLOW };
		control->overflow = false;
		return true;
	}
	return false;
}

/*
 * Queue an event for each open control file. Takes events_lock, so with any other lock held or
 * none; does not sleep.
 */
void mmiod_control_event(u32 type, u32 value, u64 id)
{
	const struct mmiod_control_event event = { .type = type, .value = value, .id = id };
	struct control *control;

	spin_lock(&events_lock);
	list_for_each_entry(control, &controls, node) {
		push(control, &event);
		wake_up_interruptible_poll(&control->wait, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock(&events_lock);
}

static bool take_event(struct control *control, struct mmiod_control_event *event)
{
	bool found;

	spin_lock(&events_lock);
	found = pop(control, event);
	spin_unlock(&events_lock);
	return found;
}

static bool has_events(struct control *control)
{
	bool found;

	spin_lock(&events_lock);
	found = control->count || control->overflow;
	spin_unlock(&events_lock);
	return found;
}

/* The wait is for taking an event: of two readers that one event wakes, the other waits on. */
static int first_event(struct file *file, struct control *control,
		       struct mmiod_control_event *event)
{
	if (file->f_flags & O_NONBLOCK)
		return take_event(control, event) ? 0 : -EAGAIN;
	return wait_event_interruptible(control->wait, take_event(control, event));
}

/*
 * Whole events only. An event whose copy fails is lost: the caller's buffer was bad, and EFAULT
 * says so.
 */
static ssize_t control_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct control *control = file->private_data;
	struct mmiod_control_event event;
	size_t done = 0;
	int ret;

	if (count < sizeof(event))
		return -EINVAL;
	ret = first_event(file, control, &event);
	if (ret)
		return ret;
	do {
		if (copy_to_user(buf + done, &event, sizeof(event)))
			return done ?: -EFAULT;
		done += sizeof(event);
	} while (count - done >= sizeof(event) && take_event(control, &event));
	return done;
}

static __poll_t control_poll(struct file *file, struct poll_table_struct *table)
{
	struct control *control = file->private_data;

	poll_wait(file, &control->wait, table);
	return has_events(control) ? EPOLLIN | EPOLLRDNORM : 0;
}

static struct control *new_control(void)
{
	struct control *control = kzalloc(sizeof(*control), GFP_KERNEL_ACCOUNT);

	if (!control)
		return NULL;
	init_waitqueue_head(&control->wait);
	spin_lock(&events_lock);
	list_add_tail(&control->node, &controls);
	spin_unlock(&events_lock);
	return control;
}

static int control_open(struct inode *inode, struct file *file)
{
	int ret;

	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	ret = mmiod_files_pin();
	if (ret)
		return ret;
	file->private_data = new_control();
	if (!file->private_data) {
		mmiod_files_unpin();
		return -ENOMEM;
	}
	return stream_open(inode, file);
}

static int control_release(struct inode *inode, struct file *file)
{
	struct control *control = file->private_data;

	spin_lock(&events_lock);
	list_del(&control->node);
	spin_unlock(&events_lock);
	kfree(control);
	mmiod_files_unpin();
	return 0;
}

static int call_info(struct mmiod_call *call)
{
	struct mmiod_control_info *info = call->arg;

	info->abi_version = MMIOD_ABI_VERSION;
	info->features = MMIOD_FEATURE_REVOKE_ON_RESET | MMIOD_FEATURE_SET_STATE_LATER |
			 MMIOD_FEATURE_DEVICES | MMIOD_FEATURE_WINDOW_EXTENTS | MMIOD_FEATURE_PORTS;
	info->page_size = PAGE_SIZE;
	info->max_windows = READ_ONCE(mmiod_max_windows);
	info->windows = mmiod_window_count();
	info->load = loaded_at;
	info->max_extents = READ_ONCE(mmiod_max_extents);
	info->extents = mmiod_window_extent_count();
	return 0;
}

static const struct mmiod_ioctl calls[] = {
	MMIOD_IOCTL_GROWN(MMIOD_IOC_INFO, struct mmiod_control_info, windows, call_info),
	MMIOD_IOCTL_GROWN(MMIOD_IOC_REGION_CLAIM, struct mmiod_region_claim, conflict_id,
			  mmiod_call_region_claim),
	MMIOD_IOCTL(MMIOD_IOC_REGION_RELEASE, struct mmiod_region_release,
		    mmiod_call_region_release),
	MMIOD_IOCTL_GROWN(MMIOD_IOC_REGION_NEXT, struct mmiod_region_info, name,
			  mmiod_call_region_next),
	MMIOD_IOCTL_GROWN(MMIOD_IOC_WINDOW_CREATE, struct mmiod_window_create, conflict_id,
			  mmiod_call_window_create),
	MMIOD_IOCTL_GROWN(MMIOD_IOC_WINDOW_SET_STATE, struct mmiod_window_set_state, window_id,
			  mmiod_call_window_set_state),
	MMIOD_IOCTL_GROWN(MMIOD_IOC_WINDOW_NEXT, struct mmiod_window_info, tag,
			  mmiod_call_window_next),
	MMIOD_IOCTL_GROWN(MMIOD_IOC_BUFFER_CREATE, struct mmiod_buffer_create, window_id,
			  mmiod_call_buffer_create),
	MMIOD_IOCTL(MMIOD_IOC_BUFFER_INFO, struct mmiod_buffer_info, mmiod_call_buffer_info),
	MMIOD_IOCTL(MMIOD_IOC_TRANSLATE, struct mmiod_translate, mmiod_call_translate),
	MMIOD_IOCTL(MMIOD_IOC_PAGE, struct mmiod_page, mmiod_call_page),
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_NEXT, struct mmiod_device_info, mmiod_call_device_next),
	MMIOD_IOCTL(MMIOD_IOC_INTERRUPT_CREATE, struct mmiod_interrupt_create,
		    mmiod_call_interrupt_create),
	MMIOD_IOCTL(MMIOD_IOC_INTERRUPT_NEXT, struct mmiod_interrupt_info,
		    mmiod_call_interrupt_next),
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_OPEN, struct mmiod_device_open, mmiod_call_device_open),
	MMIOD_IOCTL(MMIOD_IOC_DEVICE_FILE_NEXT, struct mmiod_device_file_info,
		    mmiod_call_device_file_next),
	MMIOD_IOCTL(MMIOD_IOC_WINDOW_EXTENTS, struct mmiod_window_extents,
		    mmiod_call_window_extents),
};

static long control_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return mmiod_ioctl(file, calls, ARRAY_SIZE(calls), cmd, arg);
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.release = control_release,
	.read = control_read,
	.poll = control_poll,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice control_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mmiod",
	.fops = &control_fops,
	.mode = 0600,
};

/* 0 or -errno. From here on /dev/mmiod can be opened. */
int mmiod_control_init(void)
{
	loaded_at = ktime_get_boottime_ns();
	return misc_register(&control_device);
}

/* At unload: no control file is open any more. */
void mmiod_control_exit(void)
{
	misc_deregister(&control_device);
}
