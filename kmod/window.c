// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows: their states, the ledger, and their end. They are made in create.c, their files are in
 * file.c, and their use is in mapping.c and access.c.
 */
#include <linux/io.h>
#include <linux/poll.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "internal.h"

/*
 * All of this is under mmiod_lock. Revoked windows stay in `windows` until their file goes, but not
 * in the trees by frame and region.
 */
static struct rb_root windows = RB_ROOT; /* by id: the ledger */
/* One tree for each attribute: a conflict is found without looking at windows that go together. */
static struct rb_root_cached extents_by_pfn[MMIOD_ATTR_WB + 1];
static u64 last_id; /* of windows and of what else has a file */
static unsigned int nr_windows;
static unsigned int nr_extents; /* of windows that have several, likewise */

/* Windows in the ledger. Needs no lock. */
unsigned int mmiod_window_count(void)
{
	return READ_ONCE(nr_windows);
}

/* Extents of the windows in the ledger that have several. Needs no lock. */
unsigned int mmiod_window_extent_count(void)
{
	return READ_ONCE(nr_extents);
}

/* ---- state ---- */

/* The name of an enum mmiod_window_state, as fdinfo has it. */
const char *mmiod_state_name(int state)
{
	static const char *const names[] = { "ok", "suspended", "revoked" };

	return names[state];
}

/*
 * An enum mmiod_window_state, by one read of the word. Reporting it needs no lock; to act on it,
 * hold window->lock for read, or do as io.c does.
 */
int mmiod_window_state(const struct mmiod_window *window)
{
	return mmiod_state_of(READ_ONCE(window->state));
}

/* 0, or -errno as an access answers it in this state. For locks see mmiod_window_state(). */
int mmiod_window_usable(const struct mmiod_window *window)
{
	switch (mmiod_window_state(window)) {
	case MMIOD_WINDOW_REVOKED:
		return -ENODEV;
	case MMIOD_WINDOW_SUSPENDED:
		return -EAGAIN;
	default:
		return 0;
	}
}

/* Whether the window was revoked and its entries zapped. It stays so. Needs no lock. */
bool mmiod_window_gone(const struct mmiod_window *window)
{
	return test_bit(MMIOD_GONE, &window->state);
}

/*
 * After this no CPU reaches the pages through the window's mappings, and a fault that comes later
 * sees the new state. A client's task gets here in ->release only, when there are no mappings, so
 * that looking for them, which may sleep, is left out.
 */
static void zap(struct mmiod_window *window)
{
	lockdep_assert_held_write(&window->lock);
	if (mapping_mapped(window->inode->i_mapping))
		unmap_mapping_range(window->inode->i_mapping, 0, 0, 1);
	if (window->ops->quiesce)
		window->ops->quiesce(window);
}

/*
 * The events of poll in a state (enum mmiod_window_state). In order, an access never waits, and
 * poll says so as for any regular file: io_uring, which asks before it reads from a file that has
 * poll at all, would wait for ever otherwise.
 */
__poll_t mmiod_window_poll_events(int state)
{
	switch (state) {
	case MMIOD_WINDOW_REVOKED:
		return EPOLLHUP | EPOLLERR;
	case MMIOD_WINDOW_SUSPENDED:
		return EPOLLPRI;
	default:
		return DEFAULT_POLLMASK;
	}
}

/* With window->lock held for write, so that events come in the order of what they tell. */
static void announce(struct mmiod_window *window, u32 state)
{
	lockdep_assert_held_write(&window->lock);
	mmiod_control_event(MMIOD_CONTROL_WINDOW_STATE, state, window->id);
	wake_up_poll(&window->poll, mmiod_window_poll_events(state));
}

/* Whether who has it may write registers of a device, and so start its DMA. */
bool mmiod_window_is_engine(const struct mmiod_window *window)
{
	return window->region && window->region->kind != MMIOD_REGION_RANGE &&
	       !(window->region->flags & MMIOD_REGION_NO_DMA) &&
	       !(window->flags & MMIOD_WINDOW_READONLY);
}

/* Whether it is one of ports, which are in none of the trees by frame. */
bool mmiod_window_is_ports(const struct mmiod_window *window)
{
	return window->region && mmiod_region_is_ports(window->region);
}

/* ---- attribute: of the pages, so kept by the module and reserved before anything is mapped --- */

/*
 * x86 gives a fault-inserted page the type that the memtype tree has for it, UC- where it has none;
 * a WC window must be entered there first. The tree would silently hand a conflicting type to the
 * second comer, therefore conflicts are refused before, in find_conflict().
 */
static void release_first(struct mmiod_window *window, u32 count)
{
	for (u32 i = 0; window->attr == MMIOD_ATTR_WC && i < count; i++)
		arch_io_free_memtype_wc(window->extents[i].phys, window->extents[i].length);
}

/*
 * With window->lock held for write and the window zapped: no entry has the type any more. Thousands
 * of extents take a while, for which nobody else waits, as nobody has a use for the lock of a window
 * that is gone. A window of another type does not come before this one has left the trees.
 */
static void release_attr(struct mmiod_window *window)
{
	lockdep_assert_held_write(&window->lock);
	if (window->typed)
		release_first(window, window->nr_extents);
	window->typed = false;
}

/* All of the window or nothing. Under mmiod_lock, so that no other type comes in between. */
static int reserve_attr(struct mmiod_window *window)
{
	lockdep_assert_held(&mmiod_lock);
	for (u32 i = 0; window->attr == MMIOD_ATTR_WC && i < window->nr_extents; i++) {
		const struct mmiod_extent *extent = &window->extents[i];
		int ret = arch_io_reserve_memtype_wc(extent->phys, extent->length);

		if (ret) {
			release_first(window, i);
			return ret;
		}
	}
	return 0;
}

static u64 conflict_of(const struct mmiod_extent *extent, u32 own_attr)
{
	for (u32 attr = MMIOD_ATTR_UC; attr <= MMIOD_ATTR_WB; attr++) {
		struct interval_tree_node *node;

		if (attr == own_attr)
			continue;
		node = interval_tree_iter_first(&extents_by_pfn[attr], extent->pfns.start,
						extent->pfns.last);
		if (node)
			return container_of(node, struct mmiod_extent, pfns)->window->id;
	}
	return 0;
}

static u64 find_conflict(const struct mmiod_window *window)
{
	u64 id = 0;

	for (u32 i = 0; i < window->nr_extents && !id && !mmiod_window_is_ports(window); i++)
		id = conflict_of(&window->extents[i], window->attr);
	return id;
}

/* ---- the lists ---- */

static void enter_frames(struct mmiod_window *window)
{
	for (u32 i = 0; i < window->nr_extents && !mmiod_window_is_ports(window); i++)
		interval_tree_insert(&window->extents[i].pfns, &extents_by_pfn[window->attr]);
}

static void leave_frames(struct mmiod_window *window)
{
	for (u32 i = 0; i < window->nr_extents && !mmiod_window_is_ports(window); i++)
		interval_tree_remove(&window->extents[i].pfns, &extents_by_pfn[window->attr]);
}

static void leave_region(struct mmiod_window *window)
{
	if (mmiod_window_is_engine(window))
		mmiod_device_soil(window->region->device, window->owner);
	leave_frames(window);
	rb_erase(&window->node, &window->region->windows);
	window->region->nr_windows--;
}

/* After this its pages are free for a window with another attribute. */
static void unlist(struct mmiod_window *window)
{
	mutex_lock(&mmiod_lock);
	if (window->listed && window->region)
		leave_region(window);
	window->listed = false;
	mutex_unlock(&mmiod_lock);
}

/*
 * The whole of a revocation, whoever else is at it: when this returns, nothing of the window can be
 * reached, neither by mappings nor by mediated access. Its file goes on to exist. The event is sent
 * once, and not at all if the file's end is the reason.
 */
static void take_away(struct mmiod_window *window, bool closing)
{
	bool told, first;

	down_write(&window->lock);
	told = !closing || test_bit(MMIOD_REVOKED, &window->state);
	set_bit(MMIOD_REVOKED, &window->state);
	first = !mmiod_window_gone(window);
	if (first) {
		zap(window);
		release_attr(window);
		if (window->ops->revoke)
			window->ops->revoke(window);
		set_bit(MMIOD_GONE, &window->state);
		if (told)
			announce(window, MMIOD_WINDOW_REVOKED);
	}
	up_write(&window->lock);
	if (first)
		window->ops->dispose(window);
	unlist(window);
}

/*
 * For a caller with a reference, but neither mmiod_lock nor a window's lock, and not for a client's
 * task. Waits for the zap.
 */
void mmiod_window_revoke(struct mmiod_window *window)
{
	take_away(window, false);
}

static void revoke_later(struct work_struct *work)
{
	struct mmiod_window *window = container_of(work, struct mmiod_window, later);

	mmiod_window_revoke(window);
	mmiod_window_put(window);
}

/*
 * No access that is asked for from now on is done any more; accesses under way may end, and
 * mappings stay until a kernel thread takes them away. Waits for no lock, because another's zap
 * could hold it. True: the taking away is still to come, and its event with it.
 */
bool mmiod_window_revoke_later(struct mmiod_window *window)
{
	if (!test_and_set_bit(MMIOD_REVOKED, &window->state))
		wake_up_poll(&window->poll, mmiod_window_poll_events(MMIOD_WINDOW_REVOKED));
	if (mmiod_window_gone(window))
		return false;
	mmiod_window_get(window);
	if (!queue_work(mmiod_revokers, &window->later))
		mmiod_window_put(window);
	return true;
}

/*
 * Each reason is one bit: a window resumes when the last one ends. 0, or -ENODEV if the window was
 * revoked. For a caller with a reference, but neither mmiod_lock nor a window's lock.
 */
int mmiod_window_suspend(struct mmiod_window *window, enum mmiod_state_bit reason, bool suspend)
{
	bool before, after;

	down_write(&window->lock);
	if (test_bit(MMIOD_REVOKED, &window->state)) {
		up_write(&window->lock);
		return -ENODEV;
	}
	before = window->state & MMIOD_SUSPENDED_BITS;
	if (suspend)
		set_bit(reason, &window->state);
	else
		clear_bit(reason, &window->state);
	after = window->state & MMIOD_SUSPENDED_BITS;
	if (suspend)
		zap(window);
	if (before != after)
		announce(window, after ? MMIOD_WINDOW_SUSPENDED : MMIOD_WINDOW_OK);
	up_write(&window->lock);
	return 0;
}

static bool ledger_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mmiod_window, ledger)->id <
	       rb_entry(b, struct mmiod_window, ledger)->id;
}

static bool region_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mmiod_window, node)->id <
	       rb_entry(b, struct mmiod_window, node)->id;
}

static struct mmiod_window *in_ledger(struct rb_node *node)
{
	return rb_entry(node, struct mmiod_window, ledger);
}

static struct mmiod_window *in_region(struct rb_node *node)
{
	return rb_entry(node, struct mmiod_window, node);
}

/* The window with the lowest id from @id on, or NULL. */
static struct mmiod_window *find_from(const struct rb_root *root, u64 id,
				      struct mmiod_window *(*window_of)(struct rb_node *node))
{
	struct rb_node *node = root->rb_node;
	struct mmiod_window *found = NULL;

	lockdep_assert_held(&mmiod_lock);
	while (node) {
		struct mmiod_window *window = window_of(node);

		if (window->id >= id) {
			found = window;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/*
 * The window with that id, with a reference, or NULL. Takes mmiod_lock. A window in the ledger
 * still has its file's reference.
 */
struct mmiod_window *mmiod_window_find(u64 id)
{
	struct mmiod_window *window;

	mutex_lock(&mmiod_lock);
	window = find_from(&windows, id, in_ledger);
	if (window && window->id != id)
		window = NULL;
	if (window)
		mmiod_window_get(window);
	mutex_unlock(&mmiod_lock);
	return window;
}

/* A walk over a region's windows: the one with the lowest id in [@from, @to], likewise. */
struct mmiod_window *mmiod_window_of_region(struct mmiod_region *region, u64 from, u64 to)
{
	struct mmiod_window *window;

	mutex_lock(&mmiod_lock);
	window = find_from(&region->windows, from, in_region);
	if (window && window->id > to)
		window = NULL;
	if (window)
		mmiod_window_get(window);
	mutex_unlock(&mmiod_lock);
	return window;
}

/* The highest id so far: every window that is made later has a higher one. Under mmiod_lock. */
u64 mmiod_window_last(void)
{
	lockdep_assert_held(&mmiod_lock);
	return last_id;
}

/* An id that nothing ever had, for whatever has a file. Under mmiod_lock. */
u64 mmiod_new_id(void)
{
	lockdep_assert_held(&mmiod_lock);
	return ++last_id;
}

/* What the window adds to nr_extents: nothing if it has one, which is within it. */
static u32 own_extents(const struct mmiod_window *window)
{
	return window->nr_extents > 1 ? window->nr_extents : 0;
}

/* A tree of the windows' own nodes: an array of ids would allocate two of its own for a lone one. */
static int enter_ledger(struct mmiod_window *window)
{
	u32 own = own_extents(window);

	if (nr_windows >= READ_ONCE(mmiod_max_windows))
		return -ENOSPC;
	if (own && (u64)nr_extents + own > READ_ONCE(mmiod_max_extents))
		return -ENOSPC;
	window->id = mmiod_new_id();
	rb_add(&window->ledger, &windows, ledger_less);
	WRITE_ONCE(nr_windows, nr_windows + 1);
	WRITE_ONCE(nr_extents, nr_extents + own);
	window->listed = true;
	return 0;
}

/*
 * Enter the window in the lists, under mmiod_lock: from here on it is known by its id. 0 or -errno.
 * With a region *@conflict is the id of a window that is in its way (EBUSY), or 0; without one it
 * may be NULL.
 */
int mmiod_window_list(struct mmiod_window *window, u64 *conflict)
{
	int ret;

	lockdep_assert_held(&mmiod_lock);
	if (!window->region)
		return enter_ledger(window);
	*conflict = find_conflict(window);
	if (*conflict)
		return -EBUSY;
	ret = reserve_attr(window);
	if (ret)
		return ret;
	ret = enter_ledger(window);
	if (ret) {
		release_first(window, window->nr_extents);
		return ret;
	}
	window->typed = true;
	enter_frames(window);
	rb_add(&window->node, &window->region->windows, region_less);
	window->region->nr_windows++;
	return 0;
}

static void leave_ledger(struct mmiod_window *window)
{
	mutex_lock(&mmiod_lock);
	rb_erase(&window->ledger, &windows);
	WRITE_ONCE(nr_windows, nr_windows - 1);
	WRITE_ONCE(nr_extents, nr_extents - own_extents(window));
	mutex_unlock(&mmiod_lock);
	mmiod_control_event(MMIOD_CONTROL_WINDOW_RELEASED, 0, window->id);
}

/* ---- the object's life ---- */

/* Zero what the cache's constructor has not set; the caller gets the first reference. */
void mmiod_window_init(struct mmiod_window *window)
{
	memset_after(window, 0, poll);
	window->whole.window = window;
	window->extents = &window->whole;
	window->nr_extents = 1;
	kref_init(&window->ref);
	INIT_WORK(&window->later, revoke_later);
}

/* The caller holds mmiod_lock and has found the window in a list, or has a reference already. */
void mmiod_window_get(struct mmiod_window *window)
{
	kref_get(&window->ref);
}

static void free_window(struct kref *ref)
{
	struct mmiod_window *window = container_of(ref, struct mmiod_window, ref);

	window->ops->release(window);
	if (window->dummy)
		__free_page(window->dummy);
	if (window->inode)
		mmiod_window_close_inode(window->inode);
	mmiod_extents_free(window);
	kmem_cache_free(mmiod_window_cache, window);
}

/*
 * With neither mmiod_lock nor a window's lock held. The last reference frees the window, and with
 * it the buffer or the reference on the region behind it.
 */
void mmiod_window_put(struct mmiod_window *window)
{
	kref_put(&window->ref, free_window);
}

/*
 * The file's part ends: no descriptor, no mapping and no call is left. By ->release, no lock held.
 */
void mmiod_window_close(struct mmiod_window *window)
{
	take_away(window, true);
	if (!window->ops->close || window->ops->close(window))
		mmiod_window_end(window);
}

/*
 * Nobody has the memory behind the window any more: only now is its release told, and the file's
 * reference put. With neither mmiod_lock nor a window's lock held.
 */
void mmiod_window_end(struct mmiod_window *window)
{
	if (window->id)
		leave_ledger(window);
	mmiod_window_put(window);
}

/* ---- calls: state and ledger ---- */

static int set_state(struct mmiod_window *window, u32 state)
{
	if (state != MMIOD_WINDOW_REVOKED)
		return mmiod_window_suspend(window, MMIOD_SUSPENDED_BY_DAEMON,
					    state == MMIOD_WINDOW_SUSPENDED);
	mmiod_window_revoke(window);
	return 0;
}

int mmiod_call_window_set_state(struct mmiod_call *call)
{
	struct mmiod_window_set_state *arg = call->arg;
	struct mmiod_window *window;
	int ret = 0;

	if (arg->state > MMIOD_WINDOW_REVOKED || arg->flags & ~MMIOD_SET_STATE_LATER ||
	    arg->reserved || (arg->flags && arg->state != MMIOD_WINDOW_REVOKED))
		return -EINVAL;
	window = mmiod_window_find(arg->window_id);
	if (!window) {
		/* Of what else has a file the end is never left for later. */
		arg->flags = 0;
		ret = mmiod_handle_set_state(arg->window_id, arg->state);
		return ret != -ENOENT ? ret : mmiod_interrupt_set_state(arg->window_id, arg->state);
	}
	if (arg->flags)
		arg->flags = mmiod_window_revoke_later(window) ? MMIOD_SET_STATE_LATER : 0;
	else
		ret = set_state(window, arg->state);
	mmiod_window_put(window);
	return ret;
}

static void describe(struct mmiod_window *window, struct mmiod_window_info *info)
{
	info->flags = window->flags;
	info->window_id = window->id;
	info->region_id = window->region ? window->region->id : 0;
	info->offset = window->offset;
	info->length = window->length;
	info->attr = window->attr;
	info->width = window->width;
	info->state = mmiod_window_state(window);
	info->mappings = atomic_read(&window->mappings);
	info->faults = mmiod_leaf_pages(window, false);
	info->populated = mmiod_leaf_pages(window, true);
	info->reads = atomic64_read(&window->reads);
	info->writes = atomic64_read(&window->writes);
	memcpy(info->tag, window->tag, sizeof(info->tag));
	info->owner = window->owner;
	info->nr_extents = own_extents(window);
	info->iova = mmiod_buffer_iova(window, &info->device_file);
	for (unsigned int leaf = 0; leaf < MMIOD_LEAVES; leaf++) {
		info->fault_leaves[leaf] = mmiod_leaf_count(window, leaf, false);
		info->populate_leaves[leaf] = mmiod_leaf_count(window, leaf, true);
	}
}

int mmiod_call_window_next(struct mmiod_call *call)
{
	struct mmiod_window_info *info = call->arg;
	struct mmiod_window *window = NULL;

	mutex_lock(&mmiod_lock);
	if (info->window_id < U64_MAX)
		window = find_from(&windows, info->window_id + 1, in_ledger);
	if (window)
		describe(window, info);
	mutex_unlock(&mmiod_lock);
	return window ? 0 : -ENOENT;
}
