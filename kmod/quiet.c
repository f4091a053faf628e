// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the last user of a device has left running on it.
 *
 * A DMA engine outlives its user: a transfer that was armed while bus mastering was on, or off,
 * goes out as soon as it is on again. Only a reset ends it. So a device is dirty from binding on,
 * and again when a window that could write its registers ends, or a device file that could do more
 * than read; and not after a reset that worked. Who is to master a dirty device waits for a reset
 * of it, the quiet work, which also follows by itself when an operator ends.
 *
 * The quiet work leaves the configuration of binding behind, not the last holder's. Windows and
 * interrupts of others who live go through it as through any reset. It only tries for the
 * function's lock, as ->remove, which holds that, waits for it; and tries again without limit.
 *
 * All marks are under mmiod_lock.
 */
#include <linux/pci.h>

#include "internal.h"

/* The function's lock is busy: others reset it, or it sleeps. */
#define TRY_AGAIN (HZ / 10)

/*
 * Something that @owner had of the device ends, by which he may have left its engine armed; if he
 * still operates it, the end of that counts. Under mmiod_lock. NULL for the device: it ends itself.
 */
void mmiod_device_soil(struct mmiod_device *device, u64 owner)
{
	lockdep_assert_held(&mmiod_lock);
	if (!device)
		return;
	if (!device->operation || !mmiod_same_owner(device->operation->handle.owner, owner))
		device->dirty = true;
}

/*
 * Under mmiod_lock. @owner's windows are suspended by the work also where others' are revoked.
 * False: it is on its way already, or comes too late; else the caller queues it.
 */
static bool ask(struct mmiod_device *device, u64 owner)
{
	lockdep_assert_held(&mmiod_lock);
	if (device->quieting || device->reasons & (MMIOD_REASON_GONE | MMIOD_REASON_LOST))
		return false;
	device->quieting = true;
	device->quiet_owner = owner;
	return true;
}

/* Under mmiod_lock, as ->remove marks the device before it waits for the work. */
static void queue_locked(struct mmiod_device *device)
{
	lockdep_assert_held(&mmiod_lock);
	if (!(device->reasons & MMIOD_REASON_GONE))
		queue_delayed_work(mmiod_workers, &device->quiet, 0);
}

/*
 * The operator has ended, under mmiod_lock, and he had an engine. Nobody masters the device until
 * the quiet work is done, for an interrupt neither. True: the caller calls mmiod_quiet_begin() when
 * the windows are revoked that it ends.
 */
bool mmiod_quiet_after(struct mmiod_device *device, const struct mmiod_operation *operation)
{
	device->dirty = true;
	device->operated = true;
	device->never_reset = operation->flags & MMIOD_OPERATE_NEVER_RESET;
	mmiod_hold_master(device, MMIOD_HELD_QUIET, true);
	return ask(device, operation->handle.owner);
}

/* With no lock held. */
void mmiod_quiet_begin(struct mmiod_device *device)
{
	mutex_lock(&mmiod_lock);
	queue_locked(device);
	mutex_unlock(&mmiod_lock);
}

/*
 * Whether @operation may master the device, or be opened to do so, as far as its last user is
 * concerned: 0; EAGAIN, and DEVICE_QUIET follows; or EBUSY, as a reset would hit another owner,
 * *@conflict. Under mmiod_lock.
 */
int mmiod_quiet_admit(struct mmiod_device *device, const struct mmiod_operation *operation,
		      u64 *conflict)
{
	const u32 unasked =
		MMIOD_OPERATE_NO_ENGINE | MMIOD_OPERATE_NEEDS_NO_RESET | MMIOD_OPERATE_NEVER_RESET;
	u64 owner = operation->handle.owner;

	lockdep_assert_held(&mmiod_lock);
	if (device->quieting)
		return -EAGAIN;
	if (!device->dirty || operation->flags & unasked)
		return 0;
	*conflict = mmiod_region_other(device, owner, true);
	/* What they have started reaches his buffers, and nothing else. */
	if (*conflict && operation->shares) {
		*conflict = 0;
		return 0;
	}
	if (*conflict && !(operation->rights & MMIOD_OPERATE_RESET_OTHERS))
		return -EBUSY;
	*conflict = 0;
	device->never_reset = false;
	if (ask(device, owner))
		queue_locked(device);
	return -EAGAIN;
}

/* With the function locked, and bound to us. 0 or -errno. */
static int make_quiet(struct mmiod_device *device)
{
	u64 took_us;

	if (device->reasons & MMIOD_REASON_POWER)
		mmiod_device_end_power(device);
	if (device->never_reset || !mmiod_reset_is_possible(device))
		return -ENOTTY;
	mmiod_device_begin(device, MMIOD_REASON_RESET, device->quiet_owner, false, NULL);
	return mmiod_reset_begun(device, true, &took_us);
}

/* False: another operator has ended since, so there has to be one more, or his domain detached. */
static bool is_over(struct mmiod_device *device, int ret)
{
	bool over;

	mutex_lock(&mmiod_lock);
	over = (ret || !device->operated) && !mmiod_domain_is_left(device);
	if (over) {
		device->quieting = false;
		mmiod_hold_master(device, MMIOD_HELD_QUIET, false);
	}
	mutex_unlock(&mmiod_lock);
	return over;
}

static void finish(struct mmiod_device *device, int ret)
{
	if (!is_over(device, ret)) {
		queue_delayed_work(mmiod_workers, &device->quiet, 0);
		return;
	}
	mmiod_assert_master(device);
	mmiod_control_event(MMIOD_CONTROL_DEVICE_QUIET, -ret, device->number);
}

/* The body of device->quiet, in a kernel thread; ->remove waits for it. */
void mmiod_quiet_work(struct work_struct *work)
{
	struct mmiod_device *device = container_of(work, struct mmiod_device, quiet.work);
	u64 took_us;
	int ret;

	if (!mmiod_function_trylock(device->pdev)) {
		queue_delayed_work(mmiod_workers, &device->quiet, TRY_AGAIN);
		return;
	}
	ret = device->reasons & MMIOD_REASON_SLEEP ? -EAGAIN : make_quiet(device);
	if (ret != -EAGAIN)
		mmiod_domain_reap(device);
	mmiod_function_unlock(device->pdev);
	/* Nothing is locked for a reset that others have to be locked for as well. */
	if (ret == -ENOTTY && !device->never_reset && !mmiod_reset_is_possible(device))
		ret = mmiod_reset_below_bridge(device, device->quiet_owner, true, &took_us);
	if (ret == -EAGAIN)
		queue_delayed_work(mmiod_workers, &device->quiet, TRY_AGAIN);
	else
		finish(device, ret);
}

/*
 * In ->remove, with everything revoked and bus mastering off: the next driver is not to release
 * what the last operator has armed. What DMA memory there is goes back afterwards. False: it may
 * still write to what he gave it.
 */
bool mmiod_quiet_at_end(struct mmiod_device *device)
{
	struct pci_dev *bridge = pci_upstream_bridge(device->pdev);
	int ret;

	if (!device->operated || !pci_device_is_present(device->pdev))
		return true;
	if (device->never_reset || !mmiod_reset_is_possible(device))
		return false;
	if (bridge && !pci_dev_trylock(bridge))
		return false;
	pci_cfg_access_lock(device->pdev);
	ret = mmiod_reset_to_pristine(device);
	if (ret)
		pci_warn(device->pdev, "could not be reset after its last operator\n");
	pci_cfg_access_unlock(device->pdev);
	if (bridge)
		pci_dev_unlock(bridge);
	return !ret;
}
