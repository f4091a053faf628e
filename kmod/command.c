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
 * reset that is lost or does harm. Who begins a reason therefore waits for what is under way.
 */
#include <linux/pci.h>

#include "internal.h"

/* Ones: nobody answered. A function that is virtual has no such bit: its physical one decodes. */
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
	if (pci_channel_offline(pdev) || !pci_device_is_present(pdev) || !decodes(pdev))
		return false;
	for (struct pci_dev *bridge = pci_upstream_bridge(pdev); bridge;
	     bridge = pci_upstream_bridge(bridge))
		if (!decodes(bridge))
			return false;
	return true;
}

/* The list of buffers is that of one moment: the caller holds mmiod_lock, or calls again. */
void mmiod_assert_master(struct mmiod_device *device)
{
	lockdep_assert_held(&mmiod_lock);
	mutex_lock(&device->command);
	if (device->reasons)
		; /* whoever ends the last one comes here */
	else if (list_empty(&device->buffers))
		pci_clear_master(device->pdev);
	else
		pci_set_master(device->pdev);
	mutex_unlock(&device->command);
}

/* Whatever stands: at the device's end, or when it is given up. */
void mmiod_command_off(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	pci_clear_master(device->pdev);
	mutex_unlock(&device->command);
}

/* After pci_enable_device(), which switches it on, and wherever COMMAND may have been restored. */
void mmiod_intx_off(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	pci_intx(device->pdev, 0);
	mutex_unlock(&device->command);
}

/* A reason has been set: what was begun before it is over when this returns. */
void mmiod_command_wait(struct mmiod_device *device)
{
	mutex_lock(&device->command);
	mutex_unlock(&device->command);
}
