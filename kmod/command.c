// SPDX-License-Identifier: GPL-2.0-only
/*
 * The COMMAND register of a bound function, and whether the function answers at all.
 *
 * Bus mastering is on exactly while something asks for it and nothing holds it off; both are sets
 * of flags, MMIOD_ASKS_* and MMIOD_HELD_*. mmiod_assert_master() alone decides, and every path that
 * changes a flag asks it, interrupt handlers among them. INTx is off unless somebody has it as an
 * interrupt that is not masked: a window on the registers suffices to make the function raise its
 * line, nobody would handle it, and the kernel would then switch the line off for all the devices
 * that share it.
 *
 * COMMAND is read, changed and written by each of these functions: all of it under device->command,
 * a raw spinlock, as an interrupt between the reading and the writing would be undone. While the
 * device is not reachable nothing is written: in the middle of a reset that is lost or does harm.
 * The PCI core writes COMMAND as well when it sets vectors up and frees them; whoever calls it for
 * that holds device->vectors, has no handler requested, and so has all other writers excluded that
 * are not under it.
 */
#include <linux/pci.h>

#include "internal.h"

/* A virtual function has no bit for memory; its physical one has. */
static u16 bits_of(struct pci_dev *pdev, u16 decoding)
{
	return pdev->no_command_memory ? decoding & ~PCI_COMMAND_MEMORY : decoding;
}

/* All ones mean that nobody answered. */
static bool decodes(struct pci_dev *pdev, u16 decoding)
{
	u16 bits = bits_of(pdev, decoding), command = 0;

	if (pci_read_config_word(pdev, PCI_COMMAND, &command) || PCI_POSSIBLE_ERROR(command))
		return false;
	return (command & bits) == bits;
}

/* What a function is to decode whatever it is wanted for: memory, unless it has ports alone. */
static u16 decoding_of(struct pci_dev *pdev)
{
	bool ports = false;

	for (unsigned int i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (pci_resource_flags(pdev, i) & IORESOURCE_MEM)
			return PCI_COMMAND_MEMORY;
		ports |= pci_resource_flags(pdev, i) & IORESOURCE_IO;
	}
	return ports ? 0 : PCI_COMMAND_MEMORY;
}

/*
 * Whether an access by a CPU would come to the function and back. An access while memory decoding
 * is off, its own or that of a bridge above it, can be a fatal bus error on real hosts
 * (CVE-2020-12888). A function that does not answer costs a completion timeout for each read: never
 * called under mmiod_lock. The caller holds a reference on the function, which holds its bus, and
 * that the bridges above it. @decoding: bits of COMMAND that it is to have beside, for its ports.
 */
bool mmiod_pci_answers(struct pci_dev *pdev, u16 decoding)
{
	return !pci_channel_offline(pdev) && mmiod_pci_responds(pdev, decoding);
}

/* The same in the middle of a recovery, where the PCI core calls the function offline to the end. */
bool mmiod_pci_responds(struct pci_dev *pdev, u16 decoding)
{
	decoding |= decoding_of(pdev);
	if (!pci_device_is_present(pdev) || !decodes(pdev, decoding))
		return false;
	for (struct pci_dev *bridge = pci_upstream_bridge(pdev); bridge;
	     bridge = pci_upstream_bridge(bridge))
		if (!decodes(bridge, decoding))
			return false;
	return true;
}

/*
 * The function's earlier writes come before the answer to the read: they have arrived when it
 * returns.
 */
static void write_master(struct mmiod_device *device, bool on)
{
	u16 command;

	lockdep_assert_held(&device->command);
	if (on) {
		pci_set_master(device->pdev);
		return;
	}
	pci_clear_master(device->pdev);
	pci_read_config_word(device->pdev, PCI_COMMAND, &command);
}

/* Whether somebody is to be told: by mmiod_tell(), without the lock. */
static bool set_master(struct mmiod_device *device, bool on)
{
	bool changes = device->mastering != on;

	write_master(device, on);
	WRITE_ONCE(device->mastering, on);
	return changes;
}

/*
 * Switch bus mastering on or off, as the flags of this moment say. With device->command held, in
 * any context. True: the caller calls mmiod_tell() when it has let go of the lock.
 */
bool mmiod_assert_master_locked(struct mmiod_device *device)
{
	u32 asks = device->asks;

	lockdep_assert_held(&device->command);
	if (!device->blocked)
		asks &= ~MMIOD_ASKS_ISOLATED;
	return device->reachable && set_master(device, asks && !device->held);
}

/* The same for who holds no lock, or only such as are taken before device->command. */
void mmiod_assert_master(struct mmiod_device *device)
{
	unsigned long irqs;
	bool changed;

	raw_spin_lock_irqsave(&device->command, irqs);
	changed = mmiod_assert_master_locked(device);
	raw_spin_unlock_irqrestore(&device->command, irqs);
	if (changed)
		mmiod_tell(device);
}

/*
 * What asks for bus mastering (MMIOD_ASKS_*) changes: @flags are set or cleared. Asking for DMA is
 * done with device->vectors held, so that it never begins while memory is freed that the device
 * knows.
 */
static void ask_master(struct mmiod_device *device, u32 flags, bool set)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&device->command, irqs);
	device->asks = set ? device->asks | flags : device->asks & ~flags;
	raw_spin_unlock_irqrestore(&device->command, irqs);
	mmiod_assert_master(device);
}

/*
 * The operator wishes to master the bus, or does so no more. Under mmiod_lock, with which operators
 * change: so a wish ends before the next operator's begins, and COMMAND is written afterwards. Bus
 * mastering goes on by mmiod_settle(), and off by that or at once by mmiod_assert_master().
 */
void mmiod_wish_master(struct mmiod_device *device, bool wish)
{
	unsigned long irqs;

	lockdep_assert_held(&mmiod_lock);
	raw_spin_lock_irqsave(&device->command, irqs);
	device->wish = wish;
	if (!wish)
		device->asks &= ~MMIOD_ASKS_OPERATOR;
	raw_spin_unlock_irqrestore(&device->command, irqs);
}

/*
 * Something (MMIOD_HELD_*) holds bus mastering off, or does so no more. In any context; the caller
 * has mmiod_assert_master() write COMMAND.
 */
void mmiod_hold_master(struct mmiod_device *device, u32 flags, bool set)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&device->command, irqs);
	device->held = set ? device->held | flags : device->held & ~flags;
	raw_spin_unlock_irqrestore(&device->command, irqs);
}

/* With device->vectors held, as it may be DMA that is asked for. */
static void grant_wish(struct mmiod_device *device)
{
	unsigned long irqs;

	lockdep_assert_held(&device->vectors);
	raw_spin_lock_irqsave(&device->command, irqs);
	if (device->wish)
		device->asks |= MMIOD_ASKS_OPERATOR;
	raw_spin_unlock_irqrestore(&device->command, irqs);
	mmiod_assert_master(device);
}

/* DEVICE_MASTER is sent, and who waits for interrupts is woken, by a kernel thread. Any context. */
void mmiod_tell(struct mmiod_device *device)
{
	queue_work(mmiod_workers, &device->tell);
}

/* The body of device->tell. Two changes that come at once may look like none. */
void mmiod_tell_work(struct work_struct *work)
{
	struct mmiod_device *device = container_of(work, struct mmiod_device, tell);
	bool mastering = READ_ONCE(device->mastering);

	if (device->told_mastering != mastering)
		mmiod_control_event(MMIOD_CONTROL_DEVICE_MASTER, mastering, device->number);
	device->told_mastering = mastering;
	mmiod_interrupts_tell(device);
}

/*
 * Buffers ask for bus mastering while there are any, the operator while he wishes it; the memory
 * that waits for the end of it is freed once none does, as what is mastered for interrupts alone
 * reaches nothing. With device->vectors held; takes mmiod_lock. Never in a client's task.
 */
static void settle_locked(struct mmiod_device *device)
{
	bool buffers;

	lockdep_assert_held(&device->vectors);
	mutex_lock(&mmiod_lock);
	buffers = mmiod_pci_plain_buffer(device);
	mutex_unlock(&mmiod_lock);
	ask_master(device, MMIOD_ASKS_BUFFERS, buffers);
	grant_wish(device);
	if (!device->reachable || READ_ONCE(device->asks) & MMIOD_ASKS_DMA)
		return;
	mmiod_quarantine_free(device, false);
	mmiod_group_take_back(device);
}

/* The body of device->settle, in a kernel thread. It was queued with a reference. */
void mmiod_settle_work(struct work_struct *work)
{
	struct mmiod_device *device = container_of(work, struct mmiod_device, settle);

	mutex_lock(&device->vectors);
	mmiod_vectors_reap(device);
	settle_locked(device);
	mutex_unlock(&device->vectors);
	mmiod_device_put(device);
}

/*
 * Buffers or interrupts have come or gone: a kernel thread looks what is to be done. The caller has
 * a reference on the device. In any context but a handler's.
 */
void mmiod_settle_later(struct mmiod_device *device)
{
	mmiod_device_get(device);
	if (!queue_work(mmiod_workers, &device->settle))
		mmiod_device_put(device);
}

/*
 * For a client's task, which must not be stopped with device->vectors held: a kernel thread does
 * it, and the client waits. The caller has a reference on the device and holds no lock of ours.
 */
void mmiod_settle(struct mmiod_device *device)
{
	mmiod_settle_later(device);
	flush_work(&device->settle);
}

/*
 * A reason to keep everybody away has been set: a write to COMMAND that was begun before is over
 * when this returns, and no other is begun. @touch: bus mastering goes off before, if the device
 * was reachable. Takes device->vectors.
 */
void mmiod_command_close(struct mmiod_device *device, bool touch)
{
	unsigned long irqs;
	bool changed = false;

	mutex_lock(&device->vectors);
	raw_spin_lock_irqsave(&device->command, irqs);
	if (touch && device->reachable)
		changed = set_master(device, false);
	WRITE_ONCE(device->reachable, false);
	raw_spin_unlock_irqrestore(&device->command, irqs);
	mutex_unlock(&device->vectors);
	if (changed)
		mmiod_tell(device);
}

/*
 * The last reason has ended, and the device answers. COMMAND is as somebody has saved it: INTx goes
 * off before anything else. Takes device->vectors and mmiod_lock.
 */
void mmiod_command_open(struct mmiod_device *device)
{
	unsigned long irqs;

	mutex_lock(&device->vectors);
	raw_spin_lock_irqsave(&device->command, irqs);
	pci_intx(device->pdev, 0);
	device->pin.on = false;
	WRITE_ONCE(device->reachable, true);
	raw_spin_unlock_irqrestore(&device->command, irqs);
	mmiod_vectors_restore(device);
	settle_locked(device);
	mutex_unlock(&device->vectors);
}

/*
 * Bus mastering goes off though the device is not reachable: at its end, or when it is given up. It
 * is not switched on again.
 */
void mmiod_command_off(struct mmiod_device *device)
{
	unsigned long irqs;
	bool changed;

	raw_spin_lock_irqsave(&device->command, irqs);
	changed = set_master(device, false);
	raw_spin_unlock_irqrestore(&device->command, irqs);
	if (changed)
		mmiod_tell(device);
}

/*
 * After a reset that worked, or at the end: the device no longer writes to any memory that it was
 * given, so what waits is freed. Takes device->vectors; never in a client's task.
 */
void mmiod_forgotten(struct mmiod_device *device)
{
	mutex_lock(&device->vectors);
	mmiod_quarantine_free(device, true);
	mutex_unlock(&device->vectors);
}

/*
 * Switch INTx off: after pci_enable_device(), which switches it on, as does the end of MSI, and
 * wherever COMMAND may have been restored. Takes device->command.
 */
void mmiod_intx_off(struct mmiod_device *device)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&device->command, irqs);
	pci_intx(device->pdev, 0);
	device->pin.on = false;
	raw_spin_unlock_irqrestore(&device->command, irqs);
}
