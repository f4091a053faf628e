// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extents: the parts of its region that a window is made of. Nearly every window is one of them,
 * and has it within itself; one of several (a scatter window) has an array. Either way they are set
 * before the window's file is visible, are constant from then on and are freed with the window, so
 * whoever may look at the window may look at them with no lock. Only the nodes that find conflicts
 * are under mmiod_lock; these are window.c's.
 *
 * The client sees one file, one after the other in the order of the array. An extent of a window of
 * several is whole pages, so that nothing smaller than a page crosses from one to the next.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "internal.h"

unsigned int mmiod_max_extents = 262144;
module_param_named(max_extents, mmiod_max_extents, uint, 0644);
MODULE_PARM_DESC(max_extents,
		 "Most extents that windows of several may have, all together (default "
		 "262144, about 80 bytes of kernel memory each)");

/*
 * The extent of an offset in the window; that of an offset behind the end is the last one. The same
 * for a buffer, whose one extent has no length and no address.
 */
const struct mmiod_extent *mmiod_extent_at(const struct mmiod_window *window, u64 offset)
{
	u32 low = 0, high = window->nr_extents;

	while (high - low > 1) {
		u32 middle = low + (high - low) / 2;

		if (window->extents[middle].start <= offset)
			low = middle;
		else
			high = middle;
	}
	return &window->extents[low];
}

/* The physical address, or the port, of an offset in the window. */
u64 mmiod_extent_phys(const struct mmiod_window *window, u64 offset)
{
	const struct mmiod_extent *extent = mmiod_extent_at(window, offset);

	return extent->phys + (offset - extent->start);
}

/* Bytes from an offset in the window to the end of its extent; 0 behind the window's end. */
u64 mmiod_extent_room(const struct mmiod_window *window, u64 offset)
{
	const struct mmiod_extent *extent = mmiod_extent_at(window, offset);
	u64 inside = offset - extent->start;

	return inside < extent->length ? extent->length - inside : 0;
}

/* ---- making them ---- */

static int take_list(struct mmiod_window *window, const struct mmiod_window_extent *list,
		     const struct mmiod_window_create *create)
{
	u64 start = 0;

	for (u32 i = 0; i < create->nr_extents; i++) {
		if (!list[i].length || list[i].length > create->length - start)
			return -EINVAL;
		window->extents[i] = (struct mmiod_extent){
			.window = window,
			.start = start,
			.length = list[i].length,
			.phys = list[i].offset, /* until they are placed */
		};
		start += list[i].length;
	}
	return start == create->length ? 0 : -EINVAL;
}

/*
 * Read the caller's list of extents, if there is one. Their number is checked already. 0 or -errno;
 * the array is the window's either way. No lock held, because user memory is touched.
 */
int mmiod_extents_take(struct mmiod_window *window, const struct mmiod_window_create *create)
{
	struct mmiod_window_extent *list;
	struct mmiod_extent *extents;
	int ret;

	if (!create->nr_extents)
		return 0;
	extents = kvcalloc(create->nr_extents, sizeof(*extents), GFP_KERNEL_ACCOUNT);
	if (!extents)
		return -ENOMEM;
	window->extents = extents;
	window->nr_extents = create->nr_extents;
	list = vmemdup_user(u64_to_user_ptr(create->extents),
			    array_size(create->nr_extents, sizeof(*list)));
	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = take_list(window, list, create);
	kvfree(list);
	return ret;
}

/* With the window. The caller holds no lock, as a large array is unmapped. */
void mmiod_extents_free(struct mmiod_window *window)
{
	if (window->extents != &window->whole)
		kvfree(window->extents);
}

static void set_frames(struct mmiod_extent *extent)
{
	extent->pfns.start = PHYS_PFN(extent->phys);
	extent->pfns.last = PHYS_PFN(extent->phys + extent->length - 1);
}

static int place_whole(struct mmiod_window *window, u64 offset, u64 length)
{
	const struct mmiod_region *region = window->region;

	if (offset >= region->length || length > region->length - offset)
		return -EINVAL;
	window->whole.phys = region->phys + offset;
	window->whole.length = length;
	if (mmiod_region_is_ports(region))
		return 0;
	set_frames(&window->whole);
	if (PAGE_ALIGNED(window->whole.phys) && PAGE_ALIGNED(length))
		window->pages = length >> PAGE_SHIFT;
	return 0;
}

/* In bounds, of whole pages, and apart from those of the tree, which it enters. */
static int place_one(const struct mmiod_region *region, struct mmiod_extent *extent,
		     struct rb_root_cached *tree)
{
	u64 offset = extent->phys;

	if (offset >= region->length || extent->length > region->length - offset)
		return -EINVAL;
	extent->phys = region->phys + offset;
	if (!PAGE_ALIGNED(extent->phys) || !PAGE_ALIGNED(extent->length))
		return -EINVAL;
	set_frames(extent);
	if (interval_tree_iter_first(tree, extent->pfns.start, extent->pfns.last))
		return -EINVAL;
	interval_tree_insert(&extent->pfns, tree);
	return 0;
}

/*
 * Give a new window its place in its region; once. 0, or -EINVAL. The caller holds mmiod_lock, and
 * nobody else sees the window: the nodes are in a tree of their own, and free again afterwards.
 */
int mmiod_extents_place(struct mmiod_window *window, u64 offset, u64 length)
{
	struct rb_root_cached tree = RB_ROOT_CACHED;

	window->offset = offset;
	window->length = length;
	if (window->nr_extents == 1)
		return place_whole(window, offset, length);
	for (u32 i = 0; i < window->nr_extents; i++) {
		int ret = place_one(window->region, &window->extents[i], &tree);

		if (ret)
			return ret;
	}
	window->pages = length >> PAGE_SHIFT;
	return 0;
}

/* ---- WINDOW_EXTENTS ---- */

static int copy_out(const struct mmiod_window *window, struct mmiod_window_extents *arg)
{
	struct mmiod_window_extent __user *user = u64_to_user_ptr(arg->extents);
	u32 left = window->nr_extents - min(arg->first, window->nr_extents);

	arg->count = min(arg->count, left);
	for (u32 i = 0; i < arg->count; i++) {
		const struct mmiod_extent *extent = &window->extents[arg->first + i];
		struct mmiod_window_extent one = {
			.offset = extent->phys - window->region->phys,
			.length = extent->length,
		};

		if (copy_to_user(&user[i], &one, sizeof(one)))
			return -EFAULT;
	}
	return 0;
}

int mmiod_call_window_extents(struct mmiod_call *call)
{
	struct mmiod_window_extents *arg = call->arg;
	struct mmiod_window *window = mmiod_window_find(arg->window_id);
	int ret;

	if (!window)
		return -ENOENT;
	arg->nr_extents = window->nr_extents;
	ret = window->region ? copy_out(window, arg) : -EINVAL;
	mmiod_window_put(window);
	return ret;
}
