// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmiod: reserves device regions and turns sub-ranges of them into windows, files that can be
 * mapped and revoked. This file brings the parts up and down; internal.h says what they are and how
 * they lock.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

DEFINE_MUTEX(mmiod_lock); /* see internal.h */
struct workqueue_struct *mmiod_workers;
struct workqueue_struct *mmiod_revokers;
struct kmem_cache *mmiod_region_cache;
struct kmem_cache *mmiod_window_cache;

unsigned int mmiod_max_windows = 65536;
module_param_named(max_windows, mmiod_max_windows, uint, 0644);
MODULE_PARM_DESC(max_windows, "Most windows that may live at once, in all regions (default 65536, "
			      "about 2 KiB of kernel memory each)");

static void destroy_caches(void)
{
	kmem_cache_destroy(mmiod_window_cache);
	kmem_cache_destroy(mmiod_region_cache);
}

static void destroy_queues(void)
{
	if (mmiod_revokers)
		destroy_workqueue(mmiod_revokers);
	if (mmiod_workers)
		destroy_workqueue(mmiod_workers);
}

static int create_queues(void)
{
	mmiod_workers = alloc_workqueue("mmiod", WQ_UNBOUND, 0);
	mmiod_revokers = alloc_workqueue("mmiod_revoke", WQ_UNBOUND, 0);
	if (mmiod_workers && mmiod_revokers)
		return 0;
	destroy_queues();
	return -ENOMEM;
}

static void construct_region(void *object)
{
	struct mmiod_region *region = object;

	region->windows = RB_ROOT;
}

static void construct_window(void *object)
{
	struct mmiod_window *window = object;

	init_rwsem(&window->lock);
	mutex_init(&window->preparing);
	init_waitqueue_head(&window->poll);
}

/*
 * Accounted: the daemon's memory cgroup pays for the objects that it makes the kernel keep. A cache
 * with a constructor is never merged with another, so that /proc/slabinfo names both.
 */
static int create_caches(void)
{
	const slab_flags_t flags = SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT;

	mmiod_region_cache = kmem_cache_create("mmiod_region", sizeof(struct mmiod_region), 0,
					       flags, construct_region);
	mmiod_window_cache = kmem_cache_create("mmiod_window", sizeof(struct mmiod_window), 0,
					       flags, construct_window);
	if (mmiod_region_cache && mmiod_window_cache)
		return 0;
	destroy_caches();
	return -ENOMEM;
}

/* The control file comes last: once it can be opened, nothing may fail any more. */
static int __init mmiod_init(void)
{
	int ret = create_caches();

	if (ret)
		return ret;
	ret = create_queues();
	if (ret)
		goto err_caches;
	ret = mmiod_pci_init();
	if (ret)
		goto err_queues;
	ret = mmiod_control_init();
	if (ret)
		goto err_pci;
	return 0;

err_pci:
	mmiod_pci_exit();
err_queues:
	destroy_queues();
err_caches:
	destroy_caches();
	return ret;
}

/*
 * No window and no open control file is left: both hold a reference on the module. But a worker may
 * just have put the last one, and still be about to return.
 */
static void __exit mmiod_exit(void)
{
	mmiod_control_exit();
	mmiod_pci_exit();
	destroy_queues();
	mmiod_interrupt_exit();
	mmiod_region_exit();
	destroy_caches();
}

module_init(mmiod_init);
module_exit(mmiod_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_AUTHOR("the mmiod developers");
MODULE_DESCRIPTION("Revocable windows on device memory, handed out by the mmiod daemon");
