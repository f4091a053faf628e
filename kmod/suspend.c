// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reasons that keep everybody away from a device for a while, and their ends.
 *
 * The reasons are a set: a reset, the system's sleep, an error on the bus. Windows and interrupts
 * are suspended by the first and resumed when the last has ended, each by its own end, and only by
 * one after which the device answers: a device that is silent at the end of a reset or a sleep has
 * an error instead. An error ends by the recovery's ->resume, or by a later reset. Meanwhile
 * nothing here touches the function: what changes of its interrupts follows when it is reachable
 * again.
 *
 * The PCI core tells no driver that a recovery failed (6.1 to 6.17: pcie/err.c sends an event to
 * user space alone). Therefore one that has not come to ->resume in recovery_timeout counts as
 * failed: the device is lost. Its regions and windows end as in ->remove, and no new ones can be
 * had of it until it is bound anew.
 *
 * Everything here runs under the function's device lock, which the PCI core takes for its
 * callbacks and the timer tries for: reasons never change under one another. They are written
 * under mmiod_lock as well, for the readers that hold only that. Nothing here waits for user
 * space.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "internal.h"

/* The PCI core itself may wait a minute for a link. */
static unsigned int recovery_timeout = 120;
module_param(recovery_timeout, uint, 0644);
MODULE_PARM_DESC(recovery_timeout, "Seconds that a device may take to recover from an error on its "
				   "bus; then it counts as lost (default 120)");

/*
 * Without mmiod_lock, which is never held with a window's. Windows that are made after @last see
 * the device's reasons for themselves.
 */
static void set_regions(struct mmiod_device *device, bool suspended, u64 last, u64 owner)
{
	struct mmiod_region *region;
	u64 id = 0;

	while ((region = mmiod_region_of_device(device, id))) {
		id = region->id + 1;
		mmiod_region_set_suspended(region, suspended, last, owner);
		mmiod_region_put(region);
	}
}

/*
 * After this no CPU reaches the device through a window, nor a write of ours its COMMAND. A device
 * with an error is not touched any more; any other masters the bus no more. @owner's windows are
 * suspended also where others' are revoked; 0: nobody's. If he asks to be @alone, others who have
 * something of the device are in his way: EBUSY, *@conflict says who, and nothing has begun.
 */
int mmiod_device_begin(struct mmiod_device *device, u32 reason, u64 owner, bool alone,
		       u64 *conflict)
{
	bool first = !device->reasons;
	u64 last;

	device_lock_assert(&device->pdev->dev);
	mutex_lock(&mmiod_lock);
	if (alone) {
		*conflict = mmiod_device_other(device, owner);
		if (*conflict) {
			mutex_unlock(&mmiod_lock);
			return -EBUSY;
		}
	}
	device->reasons |= reason;
	device->changes++;
	if (reason & MMIOD_REASON_RESET)
		device->resets_begun++;
	if (reason & (MMIOD_REASON_RESET | MMIOD_REASON_POWER))
		mmiod_operation_drop_master(device);
	last = mmiod_window_last();
	mutex_unlock(&mmiod_lock);
	mmiod_command_close(device, reason != MMIOD_REASON_ERROR);
	mmiod_device_suspend_handles(device, true, last);
	if (first) {
		set_regions(device, true, last, owner);
		mmiod_interrupts_suspend(device, true);
	}
	return 0;
}

static void begin(struct mmiod_device *device, u32 reason)
{
	mmiod_device_begin(device, reason, 0, false, NULL);
}

/* COMMAND is put right, and interrupts come, before anybody else reaches the device. */
static void end(struct mmiod_device *device, u32 reasons)
{
	bool last_one = device->reasons & reasons && !(device->reasons & ~reasons);
	u64 last;

	if (last_one)
		mmiod_command_open(device);
	mutex_lock(&mmiod_lock);
	device->reasons &= ~reasons;
	device->changes++;
	last = mmiod_window_last();
	mutex_unlock(&mmiod_lock);
	if (!last_one)
		return;
	set_regions(device, false, last, 0);
	mmiod_interrupts_suspend(device, false);
	mmiod_device_suspend_handles(device, false, last);
}

/* The event that ends may have left the device silent. */
static void end_if_it_answers(struct mmiod_device *device, u32 ended, u32 others)
{
	device_lock_assert(&device->pdev->dev);
	if (mmiod_pci_answers(device->pdev, 0)) {
		end(device, ended | others);
		return;
	}
	pci_err(device->pdev, "does not answer: its windows stay suspended until a reset after "
			      "which it does\n");
	mutex_lock(&mmiod_lock);
	device->reasons = (device->reasons & ~ended) | MMIOD_REASON_ERROR;
	mutex_unlock(&mmiod_lock);
}

/*
 * A reset is over, and the configuration restored: @worked, as far as is known. Then it has ended
 * an error and D3hot as well, if the device answers, and it has forgotten the memory that it knew.
 */
void mmiod_device_end_reset(struct mmiod_device *device, bool worked)
{
	mmiod_power_up(device);
	if (worked && mmiod_pci_answers(device->pdev, 0))
		mmiod_forgotten(device);
	end_if_it_answers(device, MMIOD_REASON_RESET | MMIOD_REASON_POWER,
			  worked ? MMIOD_REASON_ERROR : 0);
	if (!(device->reasons & MMIOD_REASON_ERROR))
		cancel_delayed_work(&device->deadline);
}

/* D3hot is over, or was not reached. */
void mmiod_device_end_power(struct mmiod_device *device)
{
	mmiod_power_up(device);
	end_if_it_answers(device, MMIOD_REASON_POWER, 0);
}

/* ---- resets by the PCI core: state is saved after reset_prepare, restored before reset_done ---- */

#ifdef MMIOD_INJECT
static bool hold_resets;
module_param(hold_resets, bool, 0600);
MODULE_PARM_DESC(hold_resets, "Resets that have begun wait while this is set (test builds only)");

void mmiod_device_inject_wait(void)
{
	while (READ_ONCE(hold_resets))
		msleep(20);
}

static bool hold_recoveries;
module_param(hold_recoveries, bool, 0600);
MODULE_PARM_DESC(hold_recoveries,
		 "Recoveries from errors on the bus wait before devices are to say "
		 "whether they are well again, with nothing locked, while this is "
		 "set (test builds only)");

/* As if the PCI core had not come yet: it holds no device's lock between its callbacks. */
static void inject_recovery_wait(struct pci_dev *pdev)
{
	if (!READ_ONCE(hold_recoveries))
		return;
	device_unlock(&pdev->dev);
	while (READ_ONCE(hold_recoveries))
		msleep(20);
	device_lock(&pdev->dev);
}
#else
static void inject_recovery_wait(struct pci_dev *pdev)
{
}
#endif

/* By root, or by mmiod_reset_below_bridge(), on behalf of who has all functions there. */
static void reset_prepare(struct pci_dev *pdev)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);

	mmiod_device_begin(device, MMIOD_REASON_RESET, READ_ONCE(device->bus_owner), false, NULL);
	mmiod_device_inject_wait();
}

/* The core has restored what the last holder left. */
static void reset_done(struct pci_dev *pdev)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);

	if (READ_ONCE(device->bus_pristine) && !pci_load_saved_state(pdev, device->pristine))
		pci_restore_state(pdev);
	mmiod_device_end_reset(device, true);
}

/* ---- errors on the bus ---- */

static void start_deadline(struct mmiod_device *device)
{
	mod_delayed_work(mmiod_workers, &device->deadline,
			 (unsigned long)READ_ONCE(recovery_timeout) * HZ);
}

/* The device is lost for good. Bus mastering goes off, as far as the device still hears. */
static void give_up(struct mmiod_device *device)
{
	device_lock_assert(&device->pdev->dev);
	if (device->reasons & MMIOD_REASON_LOST)
		return;
	pci_err(device->pdev, "has not come back from an error on its bus: it counts as gone until "
			      "it is bound anew\n");
	mutex_lock(&mmiod_lock);
	device->reasons |= MMIOD_REASON_LOST;
	device->changes++;
	mmiod_device_begin_end(device);
	mutex_unlock(&mmiod_lock);
	mmiod_device_end_windows(device);
	mmiod_command_off(device);
}

/*
 * The body of device->deadline. It may not wait for the device lock: ->remove, which holds it,
 * waits for this work.
 */
void mmiod_device_deadline(struct work_struct *work)
{
	struct mmiod_device *device = container_of(work, struct mmiod_device, deadline.work);
	struct device *dev = &device->pdev->dev;

	/* Queued, not moved: the holder of the lock may have set a later time. */
	if (!device_trylock(dev)) {
		queue_delayed_work(mmiod_workers, &device->deadline, HZ);
		return;
	}
	if (device->reasons & MMIOD_REASON_ERROR)
		give_up(device);
	device_unlock(dev);
}

static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);

	begin(device, MMIOD_REASON_ERROR);
	if (state == pci_channel_io_perm_failure) {
		give_up(device);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	start_deadline(device);
	return PCI_ERS_RESULT_NEED_RESET;
}

/*
 * Back to the state at probe, without bus mastering: not to the one that the last reset or sleep
 * saved. Another driver below the same port may still fail this recovery. A reset meanwhile may have
 * ended the error: the function answered, where its link was none of the error's. It has to be left
 * alone again then, as it loses what COMMAND was.
 */
static pci_ers_result_t slot_reset(struct pci_dev *pdev)
{
	struct mmiod_device *device;

	inject_recovery_wait(pdev);
	device = pci_get_drvdata(pdev);
	if (!(device->reasons & MMIOD_REASON_ERROR))
		begin(device, MMIOD_REASON_ERROR);
	start_deadline(device);
	if (pci_load_saved_state(pdev, device->pristine))
		return PCI_ERS_RESULT_DISCONNECT;
	pci_restore_state(pdev);
	return mmiod_pci_responds(pdev, 0) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_DISCONNECT;
}

static void error_resume(struct pci_dev *pdev)
{
	struct mmiod_device *device = pci_get_drvdata(pdev);

	cancel_delayed_work(&device->deadline);
	end(device, MMIOD_REASON_ERROR);
}

const struct pci_error_handlers mmiod_error_handlers = {
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
	.error_detected = error_detected,
	.slot_reset = slot_reset,
	.resume = error_resume,
};

/* ---- sleep: the PCI core saves, powers down and restores ---- */

static int pm_suspend(struct device *dev)
{
	begin(dev_get_drvdata(dev), MMIOD_REASON_SLEEP);
	return 0;
}

static int pm_resume(struct device *dev)
{
	struct mmiod_device *device = dev_get_drvdata(dev);

	mmiod_power_up(device);
	end_if_it_answers(device, MMIOD_REASON_SLEEP | MMIOD_REASON_POWER, 0);
	return 0;
}

DEFINE_SIMPLE_DEV_PM_OPS(mmiod_pm_ops, pm_suspend, pm_resume);
