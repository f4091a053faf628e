// SPDX-License-Identifier: GPL-2.0-only
/*
 * The COMMAND register of a bound function, and whether the function answers at all.
 *
 * Bus mastering is off from probe on, whoever left it on, and on while the function has a buffer to
 * write to: mmiod_assert_master() alone decides, and every path asks it. INTx is off for good: a
 * window on the registers suffices to make the function raise its line, nobody handles it, and the
 * kernel then switches the line off for all the devices that share it.
 *
 * COMMAND is read, changed and written by each of these functions: all of it under device->command.
 * While a reason to keep everybody away stands (suspend.c) nothing is written: in the middle of a
 * reset that is lost or does harm. A caller that sets a reason therefore waits for the write that
 * is under way.
 */
#include <linux/pci.h>

#include "internal.h"

/* All ones mean that nobody answered. A virtual function has no such bit; its physical one has. */
static bool decodes(struct pci_dev *pdev)
{
	u16 command = 0;

	if (pci_read_config_word(pdev, PCI_COMMAND, &command) || PCI_POSSIBLE_ERROR(command))
		return false;
	return pdev->no_command_memory || command & PCI_COMMAND_MEMORY;
}

/*
 * Whether an access by a CPU would come to the function and back. An access while memory decoding
 * is off, its own or that of a bridge above it, can be a fatal bus error on real hosts
 * (CVE-2020-12888). A function that does not answer costs a completion timeout for each read: never
 * called under mmiod_lock. The caller holds a reference on the function, which holds its bus, and
 * that the bridges above it.
 */
bool mmiod_pci_answers(struct pci_dev *pdev)
{
	return !pci_channel_offline(pdev) && mmiod_pci_responds(pdev);
}

/* The same in the middle of a recovery, where the PCI core calls the function offline to the end. */
bool mmiod_pci_responds(struct pci_dev *pdev)
{
	if (!pci_device_is_present(pdev) || !decodes(pdev))
		return false;
	for (struct pci_dev *bridge = pci_upstream_bridge(pdev); bridge;
	     bridge = pci_upstream_bridge(bridge))
		if (!decodes(bridge))
			return false;
	return true;
}

/*
 * The function's earlier writes come before the answer to the read: they have arrived when it
 * returns.
 */
static void stop_mastering(struct pci_dev *pdev)
{
	u16 command;

	pci_clear_master(pdev);
	pci_read_config_word(pdev, PCI_COMMAND, &command);
}

/*
 * Switch bus mastering on or off, as the listed buffers and the reasons of this moment ask for. A
 * caller that changes either of them comes here afterwards, or leaves it to mmiod_settle(). If it
 * goes off, the memory that waits for the end of bus mastering is freed. Takes device->command and,
 * under it, mmiod_lock; never in a client's task.
 */
void mmiod_assert_master(struct mmiod_device *device)
{
	bool stands, wanted;

	mutex_lock(&device->command);
	mutex_lock(&mmiod_lock);
	stands = device->reasons;
	wanted = !list_empty(&device->buffers);
	mutex_unlock(&mmiod_lock);
	if (!stands && wanted) {
		pci_set_master(device->pdev);
	} else if (!stands) {
		stop_mastering(device->pdev);
		mmiod_quarantine_free(device);
	}
	mutex_unlock(&device->command);
}

/* The body of device->settle, in a kernel thread. */
void mmiod_settle_work(struct work_struct *work)
{
	mmiod_assert_master(container_of(work, struct mmiod_device, settle));
}

/*
 * For a client's task, which must not be stopped with device->command held: a kernel thread does
 * it, and the client waits. The caller has a reference on the device and holds no lock of ours.
 */
void mmiod_settle(struct mmiod_device *device)
{
	queue_work(mmiod_workers, &device->settle);
	flush_work(&device->settle);
}

/*
 * Bus mastering goes off whatever the reasons are: at the device's end, or when it is given up.
 * Takes device->command.
 */
void mmiod_command_off(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	stop_mastering(device->pdev);
	mutex_unlock(&device->command);
}

/*
 * After a reset that worked, or at the end: the device no longer writes to any memory that it was
 * given, so what waits is freed. Takes device->command; never in a client's task.
 */
void mmiod_forgotten(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	mmiod_quarantine_free(device);
	mutex_unlock(&device->command);
}

/*
 * Switch INTx off: after pci_enable_device(), which switches it on, and wherever COMMAND may have
 * been restored. Takes device->command.
 */
void mmiod_intx_off(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	pci_intx(device->pdev, 0);
	mutex_unlock(&device->command);
}

/*
 * A reason has been set: a write to COMMAND that was begun before is over when this returns. Takes
 * device->command.
 */
void mmiod_command_wait(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	mutex_unlock(&device->command);
}
