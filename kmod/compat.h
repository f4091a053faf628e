/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel API drift from 6.1 on, all of it. Everything else in the module is written for the newest kernel.
 */
#ifndef MMIOD_COMPAT_H
#define MMIOD_COMPAT_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/version.h>

/* 6.3: vm_flags became read-only but for accessors that assert the lock. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.3: inode operations take the mount's id mapping instead of its user namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define MMIOD_IDMAP struct user_namespace
#else
#define MMIOD_IDMAP struct mnt_idmap
#endif

/* 7.1: zap_vma_ptes() was renamed. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
#define zap_vma_ptes zap_special_vma_range
#endif

#endif
