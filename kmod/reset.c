// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets and power states of a bound function, by who operates it.
 *
 * A reset takes 0.1 s to a minute, with the function's device lock held. So a kernel thread does
 * it, which no client can slow down, and the client waits for that; the daemon never does. The lock
 * is only tried for, with the function's access to its configuration: a thread that waited for it
 * would keep the module from being unbound, and might find that it is another driver's by then.
 *
 * It is not pci_try_reset_function(): between a look at the driver and that call's lock the
 * function may get another, and that call restores what the last holder has left.
 */
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "internal.h"

/* ---- the function, locked as the PCI core locks it for a reset ---- */

/*
 * A reset by the link is the bridge's affair, which must not be used by others meanwhile. False:
 * one of the two is busy. Never waits.
 */
bool mmiod_function_trylock(struct pci_dev *pdev)
{
	struct pci_dev *bridge = pci_upstream_bridge(pdev);

	if (bridge && !pci_dev_trylock(bridge))
		return false;
	if (pci_dev_trylock(pdev))
		return true;
	if (bridge)
		pci_dev_unlock(bridge);
	return false;
}

void mmiod_function_unlock(struct pci_dev *pdev)
{
	struct pci_dev *bridge = pci_upstream_bridge(pdev);

	pci_dev_unlock(pdev);
	if (bridge)
		pci_dev_unlock(bridge);
}

/* ---- the reset ---- */

#ifdef MMIOD_INJECT
static bool fail_resets;
module_param(fail_resets, bool, 0600);
MODULE_PARM_DESC(fail_resets,
		 "Resets of single functions fail, and nothing is reset, while this is "
		 "set (test builds only)");

static int inject_failure(void)
{
	return READ_ONCE(fail_resets) ? -EIO : 0;
}
#else
static int inject_failure(void)
{
	return 0;
}
#endif

/*
 * With everything suspended. COMMAND as the PCI core leaves it before a reset: nothing decoded,
 * nothing mastered, no INTx. What was saved is restored whether or not the reset worked.
 */
static int reset_saved(struct pci_dev *pdev)
{
	int ret;

	pci_write_config_word(pdev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
	ret = inject_failure() ?: __pci_reset_function_locked(pdev);
	pci_restore_state(pdev);
	return ret;
}

/*
 * Whether the function has a method for itself; a bound one has no virtual functions, which would
 * not survive. The kernel finds methods as it finds functions: the first of several still had the
 * bridge's.
 */
bool mmiod_reset_is_possible(const struct mmiod_device *device)
{
	const struct pci_dev *pdev = device->pdev;

	if (mmiod_resets_by_bridge(pdev) && !list_is_singular(&pdev->bus->devices))
		return false;
	return pdev->reset_methods[0];
}

/* As it was at binding. What the last holder has left of the configuration does not survive. */
int mmiod_reset_to_pristine(struct mmiod_device *device)
{
	pci_wait_for_pending_transaction(device->pdev);
	if (pci_load_saved_state(device->pdev, device->pristine))
		pci_save_state(device->pdev);
	return reset_saved(device->pdev);
}

static int reset_to_now(struct mmiod_device *device)
{
	pci_save_state(device->pdev);
	return reset_saved(device->pdev);
}

static void count(struct mmiod_device *device, int error, u64 took_us)
{
	mutex_lock(&mmiod_lock);
	device->resets++;
	if (error) {
		device->resets_failed++;
	} else {
		device->dirty = false;
		device->operated = false;
	}
	device->reset_error = error;
	device->reset_us += took_us;
	mutex_unlock(&mmiod_lock);
}

/* A function that does not answer was not reset, as far as anybody knows what it still does. */
static int result_of(struct pci_dev *pdev)
{
	return mmiod_pci_answers(pdev, 0) ? 0 : -EIO;
}

/*
 * After mmiod_device_begin(), whose end it is, with the function locked. @pristine: the
 * configuration of binding is restored, and not that of now. 0 or -errno.
 */
int mmiod_reset_begun(struct mmiod_device *device, bool pristine, u64 *took_us)
{
	u64 start = ktime_get_ns();
	int ret;

	mmiod_control_event(MMIOD_CONTROL_DEVICE_RESET, 1, device->number);
	mmiod_device_inject_wait();
	mmiod_power_up(device);
	ret = pristine ? mmiod_reset_to_pristine(device) : reset_to_now(device);
	ret = ret ?: result_of(device->pdev);
	*took_us = div_u64(ktime_get_ns() - start, NSEC_PER_USEC);
	count(device, ret, *took_us);
	mmiod_device_end_reset(device, !ret);
	mmiod_control_event(MMIOD_CONTROL_DEVICE_RESET, -ret, device->number);
	return ret;
}

/* ---- a reset of all that lies below a bridge, for functions that have no other ---- */

struct below {
	unsigned int functions;
	bool bridge; /* there is one among them, with more below it */
};

static int look_at(struct pci_dev *pdev, void *data)
{
	struct below *below = data;

	below->functions++;
	below->bridge |= pdev->hdr_type != PCI_HEADER_TYPE_NORMAL || pci_num_vf(pdev);
	return 0;
}

/* Whether the reset of another's function beside his would hit anybody but @owner. */
static bool is_in_the_way(struct mmiod_device *other, u64 owner)
{
	const struct mmiod_operation *operation = other->operation;

	if (operation && (operation->flags & MMIOD_OPERATE_NEVER_RESET ||
			  !mmiod_same_owner(operation->handle.owner, owner)))
		return true;
	return mmiod_device_other(other, owner);
}

static bool is_below_the_same(const struct mmiod_device *a, const struct mmiod_device *b)
{
	return a->pdev->bus == b->pdev->bus;
}

/*
 * Whether all these functions are bound here, and @owner's or nobody's: then none is reset under
 * somebody else. Who comes between this look and the reset goes through it as through root's. Under
 * mmiod_lock. 0, ENODEV, ENOTTY, or EAGAIN: one of them is busy already.
 */
static int admit_all(struct mmiod_device *device, u64 owner, unsigned int functions)
{
	struct mmiod_device *other;
	bool found = false;

	lockdep_assert_held(&mmiod_lock);
	for (other = mmiod_device_from(0); other; other = mmiod_device_from(other->number + 1)) {
		if (!is_below_the_same(device, other))
			continue;
		functions--;
		found |= other == device;
		if (other->marked || other->reasons & MMIOD_REASON_SLEEP)
			return -EAGAIN;
		if (other != device && is_in_the_way(other, owner))
			return -ENOTTY;
	}
	if (!found)
		return -ENODEV;
	return functions ? -ENOTTY : 0;
}

/* Under mmiod_lock. Who waits for the end of the marks is woken. */
static void mark_all(struct mmiod_device *device, u64 owner, bool marked)
{
	struct mmiod_device *other;

	lockdep_assert_held(&mmiod_lock);
	for (other = mmiod_device_from(0); other; other = mmiod_device_from(other->number + 1)) {
		if (!is_below_the_same(device, other))
			continue;
		WRITE_ONCE(other->bus_owner, owner);
		WRITE_ONCE(other->marked, marked);
		wake_up_var(&other->marked);
	}
}

/*
 * In ->remove, with mmiod_lock held, which is let go of meanwhile: nobody is unbound between the
 * look at the functions and their reset, which fails at once, as the device lock is taken.
 */
void mmiod_reset_wait_locked(struct mmiod_device *device)
{
	device_lock_assert(&device->pdev->dev);
	while (device->marked) {
		mutex_unlock(&mmiod_lock);
		wait_var_event(&device->marked, !READ_ONCE(device->marked));
		mutex_lock(&mmiod_lock);
	}
}

/* The PCI core locks, suspends and resumes all of them, by their drivers' callbacks. */
static int reset_marked(struct mmiod_device *device, bool pristine, u64 *took_us)
{
	u64 start = ktime_get_ns();
	int ret;

	mmiod_control_event(MMIOD_CONTROL_DEVICE_RESET, 1, device->number);
	WRITE_ONCE(device->bus_pristine, pristine);
	ret = pci_reset_bus(device->pdev);
	WRITE_ONCE(device->bus_pristine, false);
	ret = ret ?: result_of(device->pdev);
	*took_us = div_u64(ktime_get_ns() - start, NSEC_PER_USEC);
	if (ret != -EAGAIN)
		count(device, ret, *took_us);
	mmiod_control_event(MMIOD_CONTROL_DEVICE_RESET, -ret, device->number);
	return ret;
}

/*
 * A function that has no reset of its own is reset with all others below its bridge, if these are
 * @owner's or nobody's. For a kernel thread that has a reference, and no lock: the PCI core tries
 * for those of all the functions. 0; ENOTTY: others are in the way, or there is no bridge; EAGAIN: a
 * lock is taken; ENODEV: it is unbound.
 */
int mmiod_reset_below_bridge(struct mmiod_device *device, u64 owner, bool pristine, u64 *took_us)
{
	struct below below = { 0 };
	int ret;

	if (!device->pdev->bus->self)
		return -ENOTTY;
	pci_walk_bus(device->pdev->bus, look_at, &below);
	if (below.bridge)
		return -ENOTTY;
	mutex_lock(&mmiod_lock);
	ret = admit_all(device, owner, below.functions);
	if (!ret)
		mark_all(device, owner, true);
	mutex_unlock(&mmiod_lock);
	if (ret)
		return ret;
	ret = reset_marked(device, pristine, took_us);
	mutex_lock(&mmiod_lock);
	mark_all(device, 0, false);
	mutex_unlock(&mmiod_lock);
	return ret;
}

/* ---- power ---- */

/* With POWER begun. In D3hot the configuration space still answers, and may forget what is in it. */
static int power_down(struct mmiod_device *device)
{
	int ret;

	pci_save_state(device->pdev);
	device->awake = pci_store_saved_state(device->pdev);
	if (!device->awake)
		return -ENOMEM;
	ret = pci_set_power_state(device->pdev, PCI_D3hot);
	/* The core warns, and answers nothing, if the function did not go there. */
	return ret ?: device->pdev->current_state == PCI_D3hot ? 0 : -EIO;
}

/*
 * Into D0, with the configuration that it had, if it was in D3hot. With the function's lock held,
 * and a reason standing that keeps everybody away; that of D3hot is the caller's to end.
 */
void mmiod_power_up(struct mmiod_device *device)
{
	pci_set_power_state(device->pdev, PCI_D0);
	if (device->awake && !pci_load_and_free_saved_state(device->pdev, &device->awake))
		pci_restore_state(device->pdev);
}

/* ---- what clients ask for ---- */

/* What a client has asked a kernel thread for. */
struct errand {
	struct work_struct work;
	int (*run)(struct errand *errand); /* with the function locked, ours, and the file in use */
	struct completion done;
	struct kref ref; /* one for each of the two */
	struct mmiod_operation *operation; /* a reference */
	bool below_bridge; /* what is left to do with nothing locked: that reset */
	int result;
	u64 took_us;
	u64 conflict;
};

static bool is_revoked(const struct mmiod_operation *operation)
{
	return mmiod_handle_state(&operation->handle) == MMIOD_WINDOW_REVOKED;
}

/* Others who have something of the function are in the way, unless that is a right. */
static int begin(struct errand *errand, u32 reason)
{
	const struct mmiod_operation *operation = errand->operation;

	return mmiod_device_begin(operation->handle.device, reason, operation->handle.owner,
				  !(operation->rights & MMIOD_OPERATE_RESET_OTHERS),
				  &errand->conflict);
}

static int reset(struct errand *errand)
{
	struct mmiod_operation *operation = errand->operation;

	if (operation->flags & MMIOD_OPERATE_NEVER_RESET)
		return -ENOTTY;
	errand->below_bridge = !mmiod_reset_is_possible(operation->handle.device);
	if (errand->below_bridge)
		return 0;
	return begin(errand, MMIOD_REASON_RESET)
		       ?: mmiod_reset_begun(operation->handle.device, false, &errand->took_us);
}

static int sleep_deeply(struct errand *errand)
{
	struct mmiod_device *device = errand->operation->handle.device;
	int ret;

	if (!device->pdev->pm_cap)
		return -EOPNOTSUPP;
	if (device->reasons)
		return device->reasons & MMIOD_REASON_POWER ? 0 : -EAGAIN;
	ret = begin(errand, MMIOD_REASON_POWER);
	if (ret)
		return ret;
	ret = power_down(device);
	if (ret)
		mmiod_device_end_power(device);
	return ret;
}

static int wake(struct errand *errand)
{
	struct mmiod_device *device = errand->operation->handle.device;

	if (device->reasons & MMIOD_REASON_POWER)
		mmiod_device_end_power(device);
	return 0;
}

static int run_locked(struct errand *errand)
{
	struct mmiod_device *device = errand->operation->handle.device;
	int ret;

	if (!mmiod_device_is_bound(device) || is_revoked(errand->operation))
		return -ENODEV;
	/* The client that asked sleeps as well; the thread does not. */
	if (device->reasons & MMIOD_REASON_SLEEP)
		return -EAGAIN;
	ret = errand->run(errand);
	return !ret && is_revoked(errand->operation) ? -ENODEV : ret;
}

static void free_errand(struct kref *ref)
{
	kfree(container_of(ref, struct errand, ref));
}

/* The function was ours a moment ago; whether it is, is looked at once more. */
static int reset_below_bridge(struct errand *errand)
{
	struct mmiod_operation *operation = errand->operation;
	struct mmiod_device *device = operation->handle.device;
	u64 owner = operation->handle.owner;
	int ret;

	if (!(operation->rights & MMIOD_OPERATE_RESET_OTHERS)) {
		mutex_lock(&mmiod_lock);
		errand->conflict = mmiod_device_other(device, owner);
		mutex_unlock(&mmiod_lock);
		if (errand->conflict)
			return -EBUSY;
	}
	ret = mmiod_reset_below_bridge(device, owner, false, &errand->took_us);
	return !ret && is_revoked(operation) ? -ENODEV : ret;
}

static void run_errand(struct work_struct *work)
{
	struct errand *errand = container_of(work, struct errand, work);
	struct mmiod_operation *operation = errand->operation;
	struct pci_dev *pdev = operation->handle.device->pdev;

	errand->result = -EAGAIN;
	if (mmiod_function_trylock(pdev)) {
		errand->result = run_locked(errand);
		mmiod_function_unlock(pdev);
	}
	if (errand->below_bridge && !errand->result)
		errand->result = reset_below_bridge(errand);
	clear_bit(0, &operation->busy);
	mmiod_handle_put(&operation->handle);
	complete(&errand->done);
	kref_put(&errand->ref, free_errand);
}

/* Owns the errand. */
static int wait_for(struct errand *errand, u64 *took_us, u64 *conflict)
{
	int ret;

	queue_work(mmiod_workers, &errand->work);
	if (wait_for_completion_killable(&errand->done)) {
		kref_put(&errand->ref, free_errand);
		return -EINTR;
	}
	*took_us = errand->took_us;
	*conflict = errand->conflict;
	ret = errand->result;
	kref_put(&errand->ref, free_errand);
	return ret;
}

static int send(struct mmiod_operation *operation, int (*run)(struct errand *errand), u64 *took_us,
		u64 *conflict)
{
	struct errand *errand;

	if (test_and_set_bit(0, &operation->busy))
		return -EAGAIN;
	errand = kzalloc(sizeof(*errand), GFP_KERNEL_ACCOUNT);
	if (!errand) {
		clear_bit(0, &operation->busy);
		return -ENOMEM;
	}
	INIT_WORK(&errand->work, run_errand);
	init_completion(&errand->done);
	kref_init(&errand->ref);
	kref_get(&errand->ref);
	errand->run = run;
	errand->operation = operation;
	mmiod_handle_get(&operation->handle);
	return wait_for(errand, took_us, conflict);
}

/*
 * For the client's task, with no lock held. 0 or -errno, as RESET answers it; with EBUSY *@conflict
 * says who is in the way, or 0.
 */
int mmiod_operation_reset(struct mmiod_operation *operation, u64 *took_us, u64 *conflict)
{
	if (!(operation->rights & MMIOD_OPERATE_RESET))
		return -EPERM;
	return send(operation, reset, took_us, conflict);
}

/* Likewise, as SET_POWER answers it: @state is 0 for D0 and 3 for D3hot. */
int mmiod_operation_set_power(struct mmiod_operation *operation, u32 state, u64 *conflict)
{
	u64 took_us;

	if (!(operation->rights & MMIOD_OPERATE_POWER))
		return -EPERM;
	if (state != MMIOD_POWER_D0 && state != MMIOD_POWER_D3HOT)
		return -EINVAL;
	return send(operation, state ? sleep_deeply : wake, &took_us, conflict);
}
