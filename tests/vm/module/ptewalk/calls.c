// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests only: counts the calls of a kernel function that are for one PCI function, and how many
 * of these came at a bad time. Each open of /dev/calls counts for itself: a write of struct request
 * begins, a read of struct answer says what there was, and the close ends it.
 */
#include <linux/fs.h>
#include <linux/irq.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/* As tests/vm/module/calls.c has both. */
struct request {
	char symbol[56];
	u32 function; /* as MMIOD_PCI_ADDR() numbers it */
	u32 of_message; /* the first argument is the irq_data of a message of it; else it itself */
};

struct answer {
	u64 calls;
	u64 hidden; /* those with the function's memory off or the function asleep */
	u64 foreign; /* those with it bound to another driver than mmiod, or to none */
};

struct counter {
	struct kprobe probe;
	struct request request;
	struct pci_dev *pdev; /* a reference; NULL: not begun */
	atomic64_t calls, hidden, foreign;
};

static bool is_hidden(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return !(command & PCI_COMMAND_MEMORY) || pdev->current_state != PCI_D0;
}

static bool is_foreign(struct pci_dev *pdev)
{
	struct device_driver *driver = READ_ONCE(pdev->dev.driver);

	return !driver || strcmp(driver->name, "mmiod");
}

/* With preemption off. A probe that is a trap, and no call, is like an NMI: it may take no lock. */
static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	struct counter *counter = container_of(probe, struct counter, probe);
	void *argument = (void *)regs_get_kernel_argument(regs, 0);
	struct pci_dev *pdev = argument;

	if (counter->request.of_message)
		pdev = to_pci_dev(irq_data_get_msi_desc(argument)->dev);
	if (pdev != counter->pdev)
		return 0;
	atomic64_inc(&counter->calls);
	if (is_foreign(pdev))
		atomic64_inc(&counter->foreign);
	if (kprobe_ftrace(probe) && is_hidden(pdev))
		atomic64_inc(&counter->hidden);
	return 0;
}

static void end(struct counter *counter)
{
	unregister_kprobe(&counter->probe);
	pci_dev_put(counter->pdev);
	counter->pdev = NULL;
}

/* EOPNOTSUPP: this kernel has no probes, or none that may look at a function's configuration. */
static int begin(struct counter *counter)
{
	u32 function = counter->request.function;
	int ret;

	counter->pdev =
		pci_get_domain_bus_and_slot(function >> 16, function >> 8 & 0xff, function & 0xff);
	if (!counter->pdev)
		return -ENODEV;
	counter->request.symbol[sizeof(counter->request.symbol) - 1] = '\0';
	counter->probe.symbol_name = counter->request.symbol;
	counter->probe.pre_handler = on_call;
	ret = register_kprobe(&counter->probe);
	if (ret) {
		pci_dev_put(counter->pdev);
		counter->pdev = NULL;
		return ret == -ENOSYS ? -EOPNOTSUPP : ret;
	}
	if (!counter->request.of_message || kprobe_ftrace(&counter->probe))
		return 0;
	end(counter);
	return -EOPNOTSUPP;
}

static int calls_open(struct inode *inode, struct file *file)
{
	file->private_data = kzalloc(sizeof(struct counter), GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int calls_release(struct inode *inode, struct file *file)
{
	struct counter *counter = file->private_data;

	if (counter->pdev)
		end(counter);
	kfree(counter);
	return 0;
}

/* A test writes from one thread alone. */
static ssize_t calls_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct counter *counter = file->private_data;
	int ret;

	if (counter->pdev || count != sizeof(counter->request))
		return -EINVAL;
	if (copy_from_user(&counter->request, buf, count))
		return -EFAULT;
	ret = begin(counter);
	return ret ?: count;
}

static ssize_t calls_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct counter *counter = file->private_data;
	struct answer answer = { .calls = atomic64_read(&counter->calls),
				 .hidden = atomic64_read(&counter->hidden),
				 .foreign = atomic64_read(&counter->foreign) };

	if (count != sizeof(answer))
		return -EINVAL;
	return copy_to_user(buf, &answer, sizeof(answer)) ? -EFAULT : sizeof(answer);
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.open = calls_open,
	.release = calls_release,
	.write = calls_write,
	.read = calls_read,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "calls",
	.fops = &fops,
	.mode = 0600,
};

module_misc_device(device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Counts calls of kernel functions, for mmiod's tests");
