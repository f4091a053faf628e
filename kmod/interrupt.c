// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file that stands for an interrupt: what a client holds of a device's vector (vector.c).
 *
 * Interrupts have states as windows have, and ids from the same counter. Everything that a handler
 * looks at, the state among it, is under device->command, which is a spinlock; so nobody waits for
 * a client, and a client's call never waits for anybody. What a client's task may not do itself,
 * freeing the vector, is left to a kernel thread.
 *
 * The interrupt and its vector are together from INTERRUPT_CREATE until it is revoked or its file
 * goes, whichever is first. From then on no handler of it runs, and it is told to whoever waits.
 *
 * An eventfd is read by handlers under RCU, so that neither swapping it nor closing it waits.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/interrupt.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

/* An eventfd that somebody asked to be signalled by. */
struct mmiod_signal {
	struct rcu_head rcu;
	struct eventfd_ctx *eventfd;
};

static LIST_HEAD(interrupts); /* the ledger, by rising ids; under mmiod_lock */

/* ---- what has happened; handlers come here ---- */

/*
 * Wake all who wait. No lock held; in any context.
 *
 * Whoever waits is in the seat or on the queue before he looks for interrupts, with a barrier in
 * between. So either that look has found what the caller has done, or he is seen after this one.
 */
static void wake(struct mmiod_interrupt *interrupt, __poll_t events)
{
	smp_mb(); /* pairs with those of sleep_for_count() and interrupt_poll() */
	if (rcuwait_active(&interrupt->reader))
		rcuwait_wake_up(&interrupt->reader);
	if (waitqueue_active(&interrupt->poll))
		wake_up_poll(&interrupt->poll, events);
}

/*
 * Wake who waits and signal who asked for it. No lock held; in any context. The interrupt lives:
 * the caller is its handler, holds its file, or has a reference.
 */
void mmiod_interrupt_notify(struct mmiod_interrupt *interrupt)
{
	struct mmiod_signal *signal;

	wake(interrupt, EPOLLIN | EPOLLRDNORM);
	if (!rcu_access_pointer(interrupt->signal))
		return;
	rcu_read_lock();
	signal = rcu_dereference(interrupt->signal);
	if (signal)
		mmiod_eventfd_signal(signal->eventfd);
	rcu_read_unlock();
}

static void lock(const struct mmiod_interrupt *interrupt, unsigned long *irqs)
	__acquires(&interrupt->device->command)
{
	raw_spin_lock_irqsave(&interrupt->device->command, *irqs);
}

static void unlock(const struct mmiod_interrupt *interrupt, unsigned long irqs)
	__releases(&interrupt->device->command)
{
	raw_spin_unlock_irqrestore(&interrupt->device->command, irqs);
}

/* An enum mmiod_window_state. Needs no lock. */
static int state_of(const struct mmiod_interrupt *interrupt)
{
	return mmiod_state_of(READ_ONCE(interrupt->state));
}

static bool is_revoked(const struct mmiod_interrupt *interrupt)
{
	return state_of(interrupt) == MMIOD_WINDOW_REVOKED;
}

/* The device masters the bus no more, or not yet. */
static bool is_silent(const struct mmiod_interrupt *interrupt)
{
	return interrupt->kind != MMIOD_INTERRUPT_INTX && !READ_ONCE(interrupt->device->mastering);
}

/* With device->command held. */
static u32 flags_of(const struct mmiod_interrupt *interrupt)
{
	u32 flags = interrupt->flags & ~MMIOD_INTERRUPT_MASKED;

	if (interrupt->masked)
		flags |= MMIOD_INTERRUPT_MASKED;
	if (interrupt->storm)
		flags |= MMIOD_INTERRUPT_STORM;
	if (rcu_access_pointer(interrupt->signal))
		flags |= MMIOD_INTERRUPT_EVENTFD;
	if (is_silent(interrupt))
		flags |= MMIOD_INTERRUPT_SILENT;
	return flags;
}

/* ---- read, write, poll ---- */

struct reading {
	bool total; /* of all, as UIO counts; else of those that were not read */
	u64 value;
	int error;
};

/* Whether there is something to answer. */
static bool take_count(struct mmiod_interrupt *interrupt, struct reading *reading)
{
	unsigned long irqs;
	u64 unseen;

	lock(interrupt, &irqs);
	unseen = interrupt->count - interrupt->seen;
	reading->value = reading->total ? interrupt->count : unseen;
	reading->error = is_revoked(interrupt) ? -ENODEV : unseen ? 0 : -EAGAIN;
	if (!reading->error)
		WRITE_ONCE(interrupt->seen, interrupt->count);
	unlock(interrupt, irqs);
	return reading->error != -EAGAIN;
}

/*
 * A look without the lock, by which a caller decides whether to look with it. What is due may be
 * another reader's by then; on 32 bits it may be torn, and then it is not what was seen either.
 */
static bool is_due(const struct mmiod_interrupt *interrupt)
{
	return READ_ONCE(interrupt->count) != READ_ONCE(interrupt->seen);
}

static bool take_due(struct mmiod_interrupt *interrupt, struct reading *reading)
{
	return (is_due(interrupt) || is_revoked(interrupt)) && take_count(interrupt, reading);
}

/*
 * An interrupt has one reader, as a rule. He sleeps in the seat, where he is woken without the lock
 * of a queue; others that read beside him sleep on the queue. Either looks after a barrier that goes
 * with his state. 0 or -ERESTARTSYS.
 */
static int sleep_for_count(struct mmiod_interrupt *interrupt, struct reading *reading)
{
	int ret;

	if (xchg_acquire(&interrupt->seat_taken, 1))
		return wait_event_interruptible(interrupt->poll, take_due(interrupt, reading));
	ret = rcuwait_wait_event(&interrupt->reader, take_due(interrupt, reading),
				 TASK_INTERRUPTIBLE);
	smp_store_release(&interrupt->seat_taken, 0);
	return ret ? -ERESTARTSYS : 0;
}

static int wait_for_count(struct mmiod_interrupt *interrupt, bool wait, struct reading *reading)
{
	int ret = 0;

	if (!wait)
		take_count(interrupt, reading);
	else if (!take_due(interrupt, reading))
		ret = sleep_for_count(interrupt, reading);
	return ret ?: reading->error;
}

/*
 * ->read of an interrupt's @file, or of a view that it is a part of, whose own flags say whether to
 * @wait.
 */
ssize_t mmiod_interrupt_read(struct file *file, bool wait, char __user *buf, size_t length)
{
	struct reading reading = { .total = length == sizeof(u32) };
	int ret;

	if (!reading.total && length < sizeof(u64))
		return -EINVAL;
	ret = wait_for_count(file->private_data, wait, &reading);
	if (ret)
		return ret;
	if (reading.total)
		return put_user((u32)reading.value, (u32 __user *)buf) ?: (ssize_t)sizeof(u32);
	return put_user(reading.value, (u64 __user *)buf) ?: (ssize_t)sizeof(u64);
}

static ssize_t interrupt_read(struct file *file, char __user *buf, size_t length, loff_t *pos)
{
	return mmiod_interrupt_read(file, !(file->f_flags & O_NONBLOCK), buf, length);
}

/* With device->command held. True: an interrupt was counted, and is to be told. */
static int set_mask(struct mmiod_interrupt *interrupt, bool on, bool *due)
{
	if (is_revoked(interrupt))
		return -ENODEV;
	if (!on && !mmiod_vector_calm(interrupt->vector))
		return -EAGAIN;
	interrupt->masked = on;
	interrupt->wish_masked = on;
	*due = mmiod_vector_apply(interrupt->vector);
	return 0;
}

static int mask(struct mmiod_interrupt *interrupt, bool on)
{
	struct mmiod_device *device = interrupt->device;
	bool due = false, changed = false;
	unsigned long irqs;
	u32 held;
	int ret;

	lock(interrupt, &irqs);
	held = device->held;
	ret = set_mask(interrupt, on, &due);
	/* The end of a storm may be what bus mastering waited for. */
	if (device->held != held)
		changed = mmiod_assert_master_locked(device);
	unlock(interrupt, irqs);
	if (due)
		mmiod_interrupt_notify(interrupt);
	if (changed)
		mmiod_tell(device);
	return ret;
}

/*
 * The file on the function's pin if it is @owner's, or NULL. With device->command held, for as long
 * as which it lasts: it is put after it was taken away.
 */
static struct mmiod_interrupt *pin_of(struct mmiod_device *device, u64 owner)
{
	struct mmiod_interrupt *interrupt = device->pin.interrupt;

	lockdep_assert_held(&device->command);
	return interrupt && mmiod_same_owner(interrupt->owner, owner) ? interrupt : NULL;
}

/*
 * Whether INTx is off as far as @owner has asked for, whatever a handler has made of it: always,
 * while he does not have it. Takes device->command alone.
 */
bool mmiod_interrupt_intx_is_off(struct mmiod_device *device, u64 owner)
{
	const struct mmiod_interrupt *interrupt;
	unsigned long irqs;
	bool off;

	raw_spin_lock_irqsave(&device->command, irqs);
	interrupt = pin_of(device, owner);
	off = !interrupt || interrupt->wish_masked;
	raw_spin_unlock_irqrestore(&device->command, irqs);
	return off;
}

/* MASK or UNMASK of @owner's file on the pin: 0, EPERM without one, EAGAIN in a storm. No lock held. */
int mmiod_interrupt_mask_intx(struct mmiod_device *device, u64 owner, bool on)
{
	struct mmiod_interrupt *interrupt;
	unsigned long irqs;
	int ret;

	raw_spin_lock_irqsave(&device->command, irqs);
	interrupt = pin_of(device, owner);
	if (interrupt)
		mmiod_interrupt_get(interrupt);
	raw_spin_unlock_irqrestore(&device->command, irqs);
	if (!interrupt)
		return -EPERM;
	ret = mask(interrupt, on);
	mmiod_interrupt_put(interrupt);
	return ret;
}

/* UIO's irqcontrol. */
static ssize_t interrupt_write(struct file *file, const char __user *buf, size_t length,
			       loff_t *pos)
{
	u32 unmask;
	int ret;

	if (length != sizeof(unmask))
		return -EINVAL;
	if (copy_from_user(&unmask, buf, sizeof(unmask)))
		return -EFAULT;
	if (unmask > 1)
		return -EINVAL;
	ret = mask(file->private_data, !unmask);
	return ret ?: (ssize_t)sizeof(unmask);
}

/* Needs no lock. */
static __poll_t events_of(const struct mmiod_interrupt *interrupt)
{
	bool storm = READ_ONCE(interrupt->storm);
	int state = state_of(interrupt);
	__poll_t events = 0;

	if (state == MMIOD_WINDOW_REVOKED)
		return EPOLLHUP | EPOLLERR;
	if (is_due(interrupt))
		events |= EPOLLIN | EPOLLRDNORM;
	if (storm)
		events |= EPOLLMSG;
	if (storm || state == MMIOD_WINDOW_SUSPENDED ||
	    is_silent(interrupt) != READ_ONCE(interrupt->told_silent))
		events |= EPOLLPRI;
	return events;
}

static __poll_t interrupt_poll(struct file *file, struct poll_table_struct *table)
{
	struct mmiod_interrupt *interrupt = file->private_data;

	poll_wait(file, &interrupt->poll, table);
	smp_mb(); /* see wake(); poll_wait() has one since 6.14 */
	return events_of(interrupt);
}

/* ---- calls of the interrupt file ---- */

static int call_query(struct mmiod_call *call)
{
	struct mmiod_interrupt *interrupt = call->file->private_data;
	struct mmiod_interrupt_query *query = call->arg;
	unsigned long irqs;

	lock(interrupt, &irqs);
	query->flags = flags_of(interrupt);
	query->count = interrupt->count;
	query->storms = interrupt->storms;
	query->state = state_of(interrupt);
	WRITE_ONCE(interrupt->told_silent, query->flags & MMIOD_INTERRUPT_SILENT);
	unlock(interrupt, irqs);
	query->id = interrupt->id;
	query->device = interrupt->device->number;
	query->kind = interrupt->kind;
	query->vector = interrupt->index;
	return 0;
}

/* After a grace period. An eventfd's own end does not sleep. */
static void free_signal(struct rcu_head *rcu)
{
	struct mmiod_signal *signal = container_of(rcu, struct mmiod_signal, rcu);

	eventfd_ctx_put(signal->eventfd);
	kfree(signal);
}

/* NULL or owned. Refused, and still the caller's, once the interrupt was revoked. */
static int swap_signal(struct mmiod_interrupt *interrupt, struct mmiod_signal *signal)
{
	struct mmiod_signal *old = NULL;
	unsigned long irqs;
	int ret = 0;

	lock(interrupt, &irqs);
	if (signal && is_revoked(interrupt))
		ret = -ENODEV;
	else
		old = rcu_replace_pointer(interrupt->signal, signal,
					  lockdep_is_held(&interrupt->device->command));
	unlock(interrupt, irqs);
	if (old)
		call_rcu(&old->rcu, free_signal);
	return ret;
}

static int call_eventfd(struct mmiod_call *call)
{
	struct mmiod_interrupt *interrupt = call->file->private_data;
	const struct mmiod_interrupt_eventfd *arg = call->arg;
	struct mmiod_signal *signal;
	int ret;

	if (arg->fd == -1)
		return swap_signal(interrupt, NULL);
	signal = kzalloc(sizeof(*signal), GFP_KERNEL_ACCOUNT);
	if (!signal)
		return -ENOMEM;
	signal->eventfd = eventfd_ctx_fdget(arg->fd);
	if (IS_ERR(signal->eventfd)) {
		ret = PTR_ERR(signal->eventfd);
		kfree(signal);
		return ret;
	}
	ret = swap_signal(interrupt, signal);
	if (ret)
		free_signal(&signal->rcu);
	return ret;
}

static int call_mask(struct mmiod_call *call)
{
	const struct mmiod_interrupt_mask *arg = call->arg;

	return arg->on > 1 ? -EINVAL : mask(call->file->private_data, arg->on);
}

static int call_trigger(struct mmiod_call *call)
{
	static const int errors[] = { 0, -EAGAIN, -ENODEV };
	struct mmiod_interrupt *interrupt = call->file->private_data;
	const struct mmiod_interrupt_trigger *arg = call->arg;
	unsigned long irqs;
	int ret;

	if (arg->reserved)
		return -EINVAL;
	lock(interrupt, &irqs);
	ret = errors[state_of(interrupt)];
	WRITE_ONCE(interrupt->count, interrupt->count + !ret);
	unlock(interrupt, irqs);
	if (!ret)
		mmiod_interrupt_notify(interrupt);
	return ret;
}

static const struct mmiod_ioctl calls[] = {
	MMIOD_IOCTL(MMIOD_IOC_INTERRUPT_QUERY, struct mmiod_interrupt_query, call_query),
	MMIOD_IOCTL(MMIOD_IOC_INTERRUPT_SET_EVENTFD, struct mmiod_interrupt_eventfd, call_eventfd),
	MMIOD_IOCTL(MMIOD_IOC_INTERRUPT_MASK, struct mmiod_interrupt_mask, call_mask),
	MMIOD_IOCTL(MMIOD_IOC_INTERRUPT_TRIGGER, struct mmiod_interrupt_trigger, call_trigger),
};

static long interrupt_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return mmiod_ioctl(file, calls, ARRAY_SIZE(calls), cmd, arg);
}

/* ---- states ---- */

static void announce(struct mmiod_interrupt *interrupt)
{
	mmiod_control_event(MMIOD_CONTROL_WINDOW_STATE, state_of(interrupt), interrupt->id);
	wake_up_poll(&interrupt->poll, EPOLLPRI);
}

/*
 * Under mmiod_lock, so that events come in the order of what they tell. @due: as with
 * mmiod_vector_apply(); NULL: the vector is not to follow.
 */
static int suspend_locked(struct mmiod_interrupt *interrupt, enum mmiod_state_bit reason,
			  bool suspend, bool *due)
{
	unsigned long irqs;
	int before, after;

	lockdep_assert_held(&mmiod_lock);
	lock(interrupt, &irqs);
	before = state_of(interrupt);
	if (before != MMIOD_WINDOW_REVOKED) {
		if (suspend)
			set_bit(reason, &interrupt->state);
		else
			clear_bit(reason, &interrupt->state);
		if (due)
			*due = mmiod_vector_apply(interrupt->vector);
	}
	after = state_of(interrupt);
	unlock(interrupt, irqs);
	if (before != after)
		announce(interrupt);
	return before == MMIOD_WINDOW_REVOKED ? -ENODEV : 0;
}

/* By the daemon. For a caller with a reference; takes mmiod_lock. 0, or -ENODEV: it is revoked. */
static int suspend(struct mmiod_interrupt *interrupt, bool suspend)
{
	bool due = false;
	int ret;

	mutex_lock(&mmiod_lock);
	ret = suspend_locked(interrupt, MMIOD_SUSPENDED_BY_DAEMON, suspend, &due);
	mutex_unlock(&mmiod_lock);
	if (due)
		mmiod_interrupt_notify(interrupt);
	return ret;
}

/*
 * The device's reason has begun or ended: its interrupts say so. Their masks are left to
 * mmiod_vectors_restore(). Takes mmiod_lock.
 */
void mmiod_interrupts_suspend(struct mmiod_device *device, bool suspend)
{
	struct mmiod_interrupt *interrupt;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(interrupt, &interrupts, node)
		if (interrupt->device == device)
			suspend_locked(interrupt, MMIOD_SUSPENDED_BY_DEVICE, suspend, NULL);
	mutex_unlock(&mmiod_lock);
}

/*
 * Take the vector away: no handler of it runs for this interrupt any more when it returns. The
 * number of the line, which handlers may still be at, or 0 if it was taken before.
 */
static unsigned int separate(struct mmiod_interrupt *interrupt)
{
	struct mmiod_device *device = interrupt->device;
	struct mmiod_vector *vector;
	unsigned int irq = 0;
	unsigned long irqs;
	bool changed = false;

	lock(interrupt, &irqs);
	set_bit(MMIOD_REVOKED, &interrupt->state);
	vector = interrupt->vector;
	interrupt->vector = NULL;
	WRITE_ONCE(interrupt->storm, false);
	if (vector) {
		irq = vector->irq;
		vector->interrupt = NULL;
		vector->pending = false;
		mmiod_vector_apply(vector);
		mmiod_vectors_update(device);
		changed = mmiod_assert_master_locked(device);
	}
	unlock(interrupt, irqs);
	if (changed)
		mmiod_tell(device);
	if (irq)
		synchronize_irq(irq);
	return irq;
}

/*
 * Revoke it, for a caller with a reference and no lock of ours; a client's task may. Waits for
 * handlers that run, and nobody else.
 */
static void take_away(struct mmiod_interrupt *interrupt, bool closing)
{
	bool first = separate(interrupt);

	swap_signal(interrupt, NULL);
	if (!first)
		return;
	if (!closing)
		mmiod_control_event(MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED,
				    interrupt->id);
	wake(interrupt, EPOLLHUP | EPOLLERR);
	mmiod_settle_later(interrupt->device);
}

/* ---- lifetime ---- */

/* The caller has found it in the ledger under mmiod_lock, or with its vector under the lock. */
void mmiod_interrupt_get(struct mmiod_interrupt *interrupt)
{
	kref_get(&interrupt->ref);
}

static void free_interrupt(struct kref *ref)
{
	struct mmiod_interrupt *interrupt = container_of(ref, struct mmiod_interrupt, ref);

	mmiod_device_put(interrupt->device);
	kfree(interrupt);
}

/* No lock of ours held. */
void mmiod_interrupt_put(struct mmiod_interrupt *interrupt)
{
	kref_put(&interrupt->ref, free_interrupt);
}

static void leave_ledger(struct mmiod_interrupt *interrupt)
{
	if (!interrupt->id)
		return;
	mutex_lock(&mmiod_lock);
	list_del(&interrupt->node);
	mutex_unlock(&mmiod_lock);
	mmiod_control_event(MMIOD_CONTROL_WINDOW_RELEASED, 0, interrupt->id);
}

static int interrupt_release(struct inode *inode, struct file *file)
{
	struct mmiod_interrupt *interrupt = file->private_data;

	take_away(interrupt, true);
	leave_ledger(interrupt);
	mmiod_interrupt_put(interrupt);
	mmiod_files_unpin();
	return 0;
}

/* Anyone who may read a process's fdinfo sees this. */
static void interrupt_fdinfo(struct seq_file *seq, struct file *file)
{
	static const char *const kinds[] = { "", "intx", "msi", "msix" };
	const struct mmiod_interrupt *interrupt = file->private_data;
	unsigned long irqs;
	u64 count, seen;

	lock(interrupt, &irqs);
	count = interrupt->count;
	seen = interrupt->seen;
	unlock(interrupt, irqs);
	seq_printf(seq, "mmiod-interrupt:\t%llu\n", interrupt->id);
	seq_printf(seq, "mmiod-device:\t%s\n", pci_name(interrupt->device->pdev));
	seq_printf(seq, "mmiod-vector:\t%s %u\n", kinds[interrupt->kind], interrupt->index);
	seq_printf(seq, "mmiod-state:\t%s\n", mmiod_state_name(state_of(interrupt)));
	seq_printf(seq, "mmiod-count:\t%llu\n", count);
	seq_printf(seq, "mmiod-unseen:\t%llu\n", count - seen);
}

static const struct file_operations interrupt_fops = {
	.owner = THIS_MODULE,
	.release = interrupt_release,
	.read = interrupt_read,
	.write = interrupt_write,
	.poll = interrupt_poll,
	.unlocked_ioctl = interrupt_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.show_fdinfo = interrupt_fdinfo,
};

/* Whether a file stands for an interrupt. */
bool mmiod_file_is_interrupt(const struct file *file)
{
	return file->f_op == &interrupt_fops;
}

/* ---- calls of the control file ---- */

static struct mmiod_interrupt *find_from(u64 id)
{
	struct mmiod_interrupt *interrupt;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(interrupt, &interrupts, node)
		if (interrupt->id >= id)
			return interrupt;
	return NULL;
}

/*
 * For WINDOW_SET_STATE: -ENOENT if no interrupt has that id. Revocation is complete when it
 * returns. Takes mmiod_lock.
 */
int mmiod_interrupt_set_state(u64 id, u32 state)
{
	struct mmiod_interrupt *interrupt;
	int ret = 0;

	mutex_lock(&mmiod_lock);
	interrupt = find_from(id);
	if (interrupt && interrupt->id != id)
		interrupt = NULL;
	if (interrupt)
		mmiod_interrupt_get(interrupt);
	mutex_unlock(&mmiod_lock);
	if (!interrupt)
		return -ENOENT;
	if (state == MMIOD_WINDOW_REVOKED)
		take_away(interrupt, false);
	else
		ret = suspend(interrupt, state == MMIOD_WINDOW_SUSPENDED);
	mmiod_interrupt_put(interrupt);
	return ret;
}

static struct mmiod_interrupt *live_one(const struct mmiod_device *device)
{
	struct mmiod_interrupt *interrupt;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(interrupt, &interrupts, node)
		if (interrupt->device == device && !is_revoked(interrupt))
			return interrupt;
	return NULL;
}

/* The id of one that is not revoked, or 0. Under mmiod_lock. */
u64 mmiod_interrupt_of_device_locked(const struct mmiod_device *device)
{
	const struct mmiod_interrupt *interrupt = live_one(device);

	return interrupt ? interrupt->id : 0;
}

/* The id of one that is another's than @owner's, or 0. Under mmiod_lock. */
u64 mmiod_interrupt_other(const struct mmiod_device *device, u64 owner)
{
	const struct mmiod_interrupt *interrupt;

	lockdep_assert_held(&mmiod_lock);
	list_for_each_entry(interrupt, &interrupts, node)
		if (interrupt->device == device && !is_revoked(interrupt) &&
		    !mmiod_same_owner(interrupt->owner, owner))
			return interrupt->id;
	return 0;
}

/* One that is not revoked, for who does not hold mmiod_lock. */
u64 mmiod_interrupt_of_device(const struct mmiod_device *device)
{
	u64 id;

	mutex_lock(&mmiod_lock);
	id = mmiod_interrupt_of_device_locked(device);
	mutex_unlock(&mmiod_lock);
	return id;
}

/*
 * As the device ends or is given up, when it is not reachable any more: no interrupt is made from
 * then on, and all that are there are revoked. Takes mmiod_lock.
 */
void mmiod_interrupts_end(struct mmiod_device *device)
{
	struct mmiod_interrupt *interrupt;

	do {
		mutex_lock(&mmiod_lock);
		interrupt = live_one(device);
		if (interrupt)
			mmiod_interrupt_get(interrupt);
		mutex_unlock(&mmiod_lock);
		if (!interrupt)
			break;
		take_away(interrupt, false);
		mmiod_interrupt_put(interrupt);
	} while (true);
}

/*
 * The tell work's part: STORM is sent, and who polls looks again, as bus mastering may have
 * changed. Takes mmiod_lock.
 */
void mmiod_interrupts_tell(struct mmiod_device *device)
{
	struct mmiod_interrupt *interrupt;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(interrupt, &interrupts, node) {
		u32 storms = READ_ONCE(interrupt->storms);

		if (interrupt->device != device)
			continue;
		if (storms != interrupt->told_storms)
			mmiod_control_event(MMIOD_CONTROL_DEVICE_STORM, storms, interrupt->id);
		interrupt->told_storms = storms;
		wake_up_poll(&interrupt->poll, EPOLLPRI | EPOLLMSG);
	}
	mutex_unlock(&mmiod_lock);
}

#define MESSAGES_ONLY \
	(MMIOD_INTERRUPT_TRUSTED | MMIOD_INTERRUPT_NO_ENGINE | MMIOD_INTERRUPT_NEEDS_NO_RESET)

static int check_create(const struct mmiod_interrupt_create *create)
{
	if (create->flags & ~MMIOD_INTERRUPT_FLAGS || create->reserved ||
	    create->kind < MMIOD_INTERRUPT_INTX || create->kind > MMIOD_INTERRUPT_MSIX)
		return -EINVAL;
	if (create->kind == MMIOD_INTERRUPT_INTX &&
	    (create->flags & MESSAGES_ONLY || create->vectors > 1))
		return -EINVAL;
	return 0;
}

/* Owns a reference on the device, which the caller gives it. */
static struct mmiod_interrupt *new_interrupt(struct mmiod_device *device,
					     const struct mmiod_interrupt_create *create)
{
	struct mmiod_interrupt *interrupt = kzalloc(sizeof(*interrupt), GFP_KERNEL_ACCOUNT);

	if (!interrupt)
		return NULL;
	kref_init(&interrupt->ref);
	rcuwait_init(&interrupt->reader);
	init_waitqueue_head(&interrupt->poll);
	INIT_LIST_HEAD(&interrupt->node);
	interrupt->device = device;
	interrupt->owner = create->owner;
	interrupt->kind = create->kind;
	interrupt->index = create->vector;
	interrupt->flags = create->flags;
	interrupt->masked = create->flags & MMIOD_INTERRUPT_MASKED;
	interrupt->wish_masked = interrupt->masked;
	interrupt->budget = create->budget;
	memcpy(interrupt->tag, create->tag, sizeof(interrupt->tag));
	return interrupt;
}

/* 0, or why the device cannot have an interrupt now. With device->vectors held. */
static int check_device(struct mmiod_device *device)
{
	u32 reasons;

	mutex_lock(&mmiod_lock);
	reasons = device->reasons;
	mutex_unlock(&mmiod_lock);
	if (reasons & MMIOD_REASON_GONE)
		return -ENODEV;
	if (reasons & MMIOD_REASON_LOST)
		return -EIO;
	if (reasons || !device->reachable)
		return -EAGAIN;
	return mmiod_pci_answers(device->pdev, 0) ? 0 : -EIO;
}

/*
 * A message is a write to memory. It is harmless from a function that an IOMMU isolates; otherwise
 * who asks for it says that the function is trusted, or that it can do nothing else.
 */
static int admit(struct mmiod_interrupt *interrupt)
{
	struct mmiod_device *device = interrupt->device;
	int ret;

	if (interrupt->kind == MMIOD_INTERRUPT_INTX)
		return 0;
	ret = mmiod_group_claim(device);
	if (ret)
		return ret;
	if (mmiod_group_flags(device) & MMIOD_FUNCTION_ISOLATED) {
		interrupt->asks = MMIOD_ASKS_ISOLATED;
	} else {
		if (!(interrupt->flags & (MMIOD_INTERRUPT_TRUSTED | MMIOD_INTERRUPT_NO_ENGINE)))
			return -EPERM;
		mutex_lock(&mmiod_lock);
		ret = mmiod_pci_admit_unbounded(device);
		mutex_unlock(&mmiod_lock);
	}
	if (interrupt->flags & MMIOD_INTERRUPT_NO_ENGINE)
		interrupt->asks |= MMIOD_ASKS_NO_ENGINE;
	return ret;
}

/* From here on handlers find it, and others in the ledger. */
static void join(struct mmiod_interrupt *interrupt, struct mmiod_vector *vector)
{
	struct mmiod_device *device = interrupt->device;
	unsigned long irqs;

	mutex_lock(&mmiod_lock);
	interrupt->id = mmiod_new_id();
	list_add_tail(&interrupt->node, &interrupts);
	lock(interrupt, &irqs);
	interrupt->vector = vector;
	vector->interrupt = interrupt;
	mmiod_vector_calm(vector);
	WRITE_ONCE(interrupt->storm, vector->storm);
	mmiod_vectors_update(device);
	unlock(interrupt, irqs);
	mutex_unlock(&mmiod_lock);
	mmiod_assert_master(device);
	interrupt->told_silent = is_silent(interrupt);
	mmiod_vector_restore(vector);
}

/* With device->vectors held. Once *file is set it owns the interrupt, whatever is returned. */
static int create_locked(struct mmiod_interrupt *interrupt, struct mmiod_interrupt_create *create,
			 struct file **file)
{
	char name[sizeof("mmiod:#") + 32];
	struct mmiod_vector *vector;
	struct file *made;
	int ret = check_device(interrupt->device) ?: admit(interrupt);

	if (ret)
		return ret;
	vector = mmiod_vector_get(interrupt->device, create->kind, create->vectors, create->vector,
				  &create->conflict_id);
	if (IS_ERR(vector))
		return PTR_ERR(vector);
	create->vectors = interrupt->device->nr_vectors;
	snprintf(name, sizeof(name), "mmiod:%s#%u", pci_name(interrupt->device->pdev),
		 interrupt->index);
	made = mmiod_file_make(name, &interrupt_fops, interrupt, 0, O_RDWR);
	if (IS_ERR(made)) {
		mmiod_vectors_reap(interrupt->device);
		return PTR_ERR(made);
	}
	stream_open(file_inode(made), made);
	join(interrupt, vector);
	*file = made;
	return 0;
}

int mmiod_call_interrupt_create(struct mmiod_call *call)
{
	struct mmiod_interrupt_create *create = call->arg;
	struct mmiod_interrupt *interrupt;
	struct mmiod_device *device;
	struct file *file = NULL;
	int ret = check_create(create);

	if (ret)
		return ret;
	create->id = 0;
	create->conflict_id = 0;
	device = mmiod_device_get_by_number(create->device);
	if (!device)
		return -ENODEV;
	interrupt = new_interrupt(device, create);
	if (!interrupt) {
		mmiod_device_put(device);
		return -ENOMEM;
	}
	mutex_lock(&device->vectors);
	ret = create_locked(interrupt, create, &file);
	create->id = interrupt->id;
	mutex_unlock(&device->vectors);
	if (!ret)
		return mmiod_hand_out(call, file, &create->fd);
	mmiod_interrupt_put(interrupt);
	return ret;
}

static void describe(struct mmiod_interrupt *interrupt, struct mmiod_interrupt_info *info)
{
	unsigned long irqs;

	info->id = interrupt->id;
	info->device = interrupt->device->number;
	info->owner = interrupt->owner;
	info->kind = interrupt->kind;
	info->vector = interrupt->index;
	info->state = state_of(interrupt);
	info->reserved = 0;
	memcpy(info->tag, interrupt->tag, sizeof(info->tag));
	lock(interrupt, &irqs);
	info->flags = flags_of(interrupt);
	info->irq = interrupt->vector ? interrupt->vector->irq : 0;
	info->storms = interrupt->storms;
	info->count = interrupt->count;
	info->busy_ns = interrupt->busy_ns;
	unlock(interrupt, irqs);
}

int mmiod_call_interrupt_next(struct mmiod_call *call)
{
	struct mmiod_interrupt_info *info = call->arg;
	struct mmiod_interrupt *interrupt = NULL;

	mutex_lock(&mmiod_lock);
	if (info->id < U64_MAX)
		interrupt = find_from(info->id + 1);
	if (interrupt)
		describe(interrupt, info);
	mutex_unlock(&mmiod_lock);
	return interrupt ? 0 : -ENOENT;
}

/* At unload: no interrupt is left, but an eventfd may be about to be given back. */
void mmiod_interrupt_exit(void)
{
	rcu_barrier();
}
