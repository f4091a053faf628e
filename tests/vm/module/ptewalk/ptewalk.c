// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests only: shows the page-table entry of an address of the process that asks, so that the
 * cache type of a mapping is checked where the processor reads it. Reading /dev/ptewalk replaces an
 * address in the buffer with its entry: that of the last level, 0 when nothing is mapped.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/uaccess.h>

static u64 walk(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return 0;
	p4d = p4d_offset(pgd, address);
	if (p4d_none(*p4d))
		return 0;
	pud = pud_offset(p4d, address);
	if (pud_none(*pud) || pud_leaf(*pud))
		return pud_val(*pud);
	pmd = pmd_offset(pud, address);
	if (pmd_none(*pmd) || pmd_leaf(*pmd))
		return pmd_val(*pmd);
	return pte_val(*pte_offset_kernel(pmd, address));
}

/* Answered where it is asked: no state between processes. */
static ssize_t ptewalk_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	u64 address, entry;

	if (count != sizeof(entry) || copy_from_user(&address, buf, sizeof(address)))
		return -EINVAL;
	mmap_write_lock(current->mm);
	entry = address < TASK_SIZE ? walk(current->mm, address) : 0;
	mmap_write_unlock(current->mm);
	return copy_to_user(buf, &entry, sizeof(entry)) ? -EFAULT : sizeof(entry);
}

static const struct file_operations fops = {
	.owner = THIS_MODULE,
	.read = ptewalk_read,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ptewalk",
	.fops = &fops,
	.mode = 0600,
};

module_misc_device(device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Page-table entries of the caller, for mmiod's tests");
