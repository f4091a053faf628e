// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows: their states, the ledger, and how they go. How they come is in create.c, their files are
 * in file.c, what can be done with one in mapping.c and access.c.
 */
#include <linux/io.h>
#include <linux/poll.h>
#include <linux/module.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "internal.h"

/*
 * All under mmiod_lock. Revoked windows stay in
 * `windows` until their file goes, but not in the tree.
 */
static struct rb_root windows = RB_ROOT; /* by id: the ledger */
/* One tree for each attribute: what conflicts is found without looking at what goes together. */
static struct rb_root_cached windows_by_pfn[MMIOD_ATTR_WB + 1];
static u64 last_window_id;
static unsigned int nr_windows;

unsigned int mmiod_window_count(void)
{
	return READ_ONCE(nr_windows);
}

/* ---- state: under window->lock, read to act on it, write to change it ---- */

int mmiod_window_state(const struct mmiod_window *window)
{
	if (window->revoked)
		return MMIOD_WINDOW_REVOKED;
	return window->suspended ? MMIOD_WINDOW_SUSPENDED : MMIOD_WINDOW_OK;
}

/* 0, or the errno that an access answers in this state. */
int mmiod_window_usable(const struct mmiod_window *window)
{
	if (window->revoked)
		return -ENODEV;
	return window->suspended ? -EAGAIN : 0;
}

int mmiod_window_locked_state(struct mmiod_window *window)
{
	int state;

	down_read(&window->lock);
	state = mmiod_window_state(window);
	up_read(&window->lock);
	return state;
}

int mmiod_window_locked_usable(struct mmiod_window *window)
{
	int ret;

	down_read(&window->lock);
	ret = mmiod_window_usable(window);
	up_read(&window->lock);
	return ret;
}

/*
 * After this no CPU reaches the pages through the window,
 * and a fault that comes later sees the new state.
 */
static void zap(struct mmiod_window *window)
{
	lockdep_assert_held_write(&window->lock);
	unmap_mapping_range(window->inode->i_mapping, 0, 0, 1);
}

/*
 * In order, an access never waits, and poll says so as for any regular file: io_uring, which asks
 * before it reads from a file that has poll at all, would wait for ever otherwise.
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

static void announce(struct mmiod_window *window, u32 state)
{
	mmiod_control_event(MMIOD_CONTROL_WINDOW_STATE, state, window->id);
	wake_up_poll(&window->poll, mmiod_window_poll_events(state));
}

/* ---- attribute: of the pages, so kept by the module and reserved before anything is mapped --- */

/*
 * x86 gives a fault-inserted page the type that the memtype tree has for it, UC- where it has none;
 * a WC window must be entered there first. The tree would silently hand a conflicting type to the
 * second comer, therefore conflicts are refused before, in find_conflict().
 */
static int reserve_attr(struct mmiod_window *window)
{
	if (window->attr != MMIOD_ATTR_WC)
		return 0;
	return arch_io_reserve_memtype_wc(window->phys, window->length);
}

static void release_attr(struct mmiod_window *window)
{
	if (window->attr == MMIOD_ATTR_WC)
		arch_io_free_memtype_wc(window->phys, window->length);
}

static u64 find_conflict(const struct mmiod_window *window)
{
	for (u32 attr = MMIOD_ATTR_UC; attr <= MMIOD_ATTR_WB; attr++) {
		struct interval_tree_node *node;

		if (attr == window->attr)
			continue;
		node = interval_tree_iter_first(&windows_by_pfn[attr], window->pfns.start,
						window->pfns.last);
		if (node)
			return container_of(node, struct mmiod_window, pfns)->id;
	}
	return 0;
}

/* ---- the lists ---- */

static void leave_region(struct mmiod_window *window)
{
	release_attr(window);
	interval_tree_remove(&window->pfns, &windows_by_pfn[window->attr]);
	list_del(&window->node);
	window->region->nr_windows--;
}

/*
 * Take the window out of what is live: nothing of it can be reached afterwards, neither by mappings
 * nor by mediated access, and its pages are free for a window with another attribute. Its file goes
 * on to exist.
 */
static void unlist(struct mmiod_window *window)
{
	lockdep_assert_held(&mmiod_lock);
	down_write(&window->lock);
	window->revoked = true;
	zap(window);
	if (window->io)
		iounmap(window->io);
	window->io = NULL;
	if (window->buffer)
		mmiod_buffer_revoke(window->buffer);
	up_write(&window->lock);
	window->listed = false;
	if (window->region)
		leave_region(window);
}

void mmiod_window_revoke(struct mmiod_window *window)
{
	unlist(window);
	announce(window, MMIOD_WINDOW_REVOKED);
}

void mmiod_window_suspend(struct mmiod_window *window, u32 reason, bool suspend)
{
	int before, after;

	lockdep_assert_held(&mmiod_lock);
	down_write(&window->lock);
	before = mmiod_window_state(window);
	window->suspended = suspend ? window->suspended | reason : window->suspended & ~reason;
	after = mmiod_window_state(window);
	if (suspend)
		zap(window);
	up_write(&window->lock);
	if (before != after)
		announce(window, after);
}

static bool has_lower_id(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mmiod_window, ledger)->id <
	       rb_entry(b, struct mmiod_window, ledger)->id;
}

/* The window with the lowest id from @id on, or NULL. */
static struct mmiod_window *find_from(u64 id)
{
	struct rb_node *node = windows.rb_node;
	struct mmiod_window *found = NULL;

	lockdep_assert_held(&mmiod_lock);
	while (node) {
		struct mmiod_window *window = rb_entry(node, struct mmiod_window, ledger);

		if (window->id >= id) {
			found = window;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

static struct mmiod_window *find_window(u64 id)
{
	struct mmiod_window *window = find_from(id);

	return window && window->id == id ? window : NULL;
}

/* A tree of the windows' own nodes: an array of ids would allocate two of its own for a lone one. */
static int enter_ledger(struct mmiod_window *window)
{
	if (nr_windows >= READ_ONCE(mmiod_max_windows))
		return -ENOSPC;
	window->id = ++last_window_id;
	rb_add(&window->ledger, &windows, has_lower_id);
	WRITE_ONCE(nr_windows, nr_windows + 1);
	window->listed = true;
	return 0;
}

/* From here on the window is known by its id; *@conflict is another's that is in its way, or 0. */
int mmiod_window_list(struct mmiod_window *window, u64 *conflict)
{
	int ret;

	lockdep_assert_held(&mmiod_lock);
	if (window->buffer)
		return enter_ledger(window);
	*conflict = find_conflict(window);
	if (*conflict)
		return -EBUSY;
	ret = reserve_attr(window);
	if (ret)
		return ret;
	ret = enter_ledger(window);
	if (ret) {
		release_attr(window);
		return ret;
	}
	interval_tree_insert(&window->pfns, &windows_by_pfn[window->attr]);
	list_add_tail(&window->node, &window->region->windows);
	window->region->nr_windows++;
	return 0;
}

static void drop_from_ledger(struct mmiod_window *window)
{
	mutex_lock(&mmiod_lock);
	if (window->listed)
		unlist(window);
	if (window->buffer)
		mmiod_pci_detach_buffer(window->buffer);
	rb_erase(&window->ledger, &windows);
	WRITE_ONCE(nr_windows, nr_windows - 1);
	mutex_unlock(&mmiod_lock);
	mmiod_control_event(MMIOD_CONTROL_WINDOW_RELEASED, 0, window->id);
}

/*
 * Called by the file that owned it, or by who could
 * not make that file. Nothing can reach it any more.
 */
void mmiod_window_free(struct mmiod_window *window)
{
	if (window->id)
		drop_from_ledger(window);
	if (window->region)
		mmiod_region_put(window->region);
	if (window->buffer)
		mmiod_buffer_free(window->buffer);
	if (window->dummy)
		__free_page(window->dummy);
	kmem_cache_free(mmiod_window_cache, window);
}

const char *mmiod_window_origin(const struct mmiod_window *window)
{
	static const char *const kinds[] = { "", "pages", "kmalloc", "vmalloc", "dma" };

	return window->buffer ? kinds[window->buffer->kind] : mmiod_region_name(window->region);
}

/* If a revoke has come in between, what was allocated is given back. */
static int publish_memory(struct mmiod_window *window)
{
	int ret;

	down_write(&window->lock);
	WRITE_ONCE(window->buffer->allocated, true);
	if (window->revoked)
		mmiod_buffer_revoke(window->buffer);
	ret = mmiod_window_usable(window);
	up_write(&window->lock);
	return ret;
}

/*
 * A client can make the allocator take its time. That is not spent with window->lock held: a
 * revoke, and with it the daemon, would wait for it.
 */
static int prepare_memory(struct mmiod_window *window)
{
	struct mmiod_buffer *buffer = window->buffer;
	int ret;

	if (mutex_lock_killable(&buffer->allocating))
		return -EINTR;
	ret = mmiod_window_locked_usable(window);
	if (!ret && !READ_ONCE(buffer->allocated))
		ret = mmiod_buffer_allocate(buffer) ?: publish_memory(window);
	mutex_unlock(&buffer->allocating);
	return ret;
}

/* Under the lock: the device must not go meanwhile. What is contiguous is there soon, or not. */
static int prepare_dma(struct mmiod_buffer *buffer)
{
	int ret = buffer->allocated ? 0 : mmiod_buffer_allocate(buffer);

	buffer->allocated = !ret;
	return ret;
}

/*
 * What the first use of a window costs, in the user's context: the memory of a buffer, or the
 * kernel's mapping of device memory for mediated access. That one is made for each window with the
 * window's own attribute: one ioremap of the whole region would give every window on it the same
 * type (x86 merges them), and cost page tables for nothing.
 */
int mmiod_window_prepare(struct mmiod_window *window)
{
	int ret;

	if (window->buffer && window->buffer->kind != MMIOD_BUFFER_DMA)
		return prepare_memory(window);
	down_write(&window->lock);
	ret = mmiod_window_usable(window);
	if (!ret && window->buffer) {
		ret = prepare_dma(window->buffer);
	} else if (!ret && !window->io) {
		window->io = window->attr == MMIOD_ATTR_WC
				     ? ioremap_wc(window->phys, window->length)
				     : ioremap(window->phys, window->length);
		ret = window->io ? 0 : -ENOMEM;
	}
	up_write(&window->lock);
	return ret;
}

/* ---- calls: a buffer's memory, state and ledger ---- */

int mmiod_call_allocate(struct mmiod_call *call)
{
	const struct mmiod_buffer_allocate *allocate = call->arg;
	struct mmiod_window *window = call->file->private_data;

	if (allocate->flags || !window->buffer)
		return -EINVAL;
	return mmiod_window_prepare(window);
}

int mmiod_call_buffer_info(struct mmiod_call *call)
{
	struct mmiod_buffer_info *info = call->arg;
	struct mmiod_window *window;
	int ret = -ENOENT;

	mutex_lock(&mmiod_lock);
	window = find_window(info->window_id);
	if (window && window->buffer) {
		down_read(&window->lock);
		ret = mmiod_buffer_describe(window->buffer, info);
		up_read(&window->lock);
	}
	mutex_unlock(&mmiod_lock);
	return ret;
}

static int set_state(struct mmiod_window *window, u32 state)
{
	if (!window->listed)
		return state == MMIOD_WINDOW_REVOKED ? 0 : -ENODEV;
	if (state == MMIOD_WINDOW_REVOKED)
		mmiod_window_revoke(window);
	else
		mmiod_window_suspend(window, MMIOD_SUSPENDED_BY_DAEMON,
				     state == MMIOD_WINDOW_SUSPENDED);
	return 0;
}

int mmiod_call_window_set_state(struct mmiod_call *call)
{
	struct mmiod_window_set_state *arg = call->arg;
	struct mmiod_window *window;
	int ret = -ENOENT;

	if (arg->state > MMIOD_WINDOW_REVOKED || arg->flags || arg->reserved)
		return -EINVAL;
	mutex_lock(&mmiod_lock);
	window = find_window(arg->window_id);
	if (window)
		ret = set_state(window, arg->state);
	mutex_unlock(&mmiod_lock);
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
	info->state = mmiod_window_locked_state(window);
	info->mappings = atomic_read(&window->mappings);
	info->faults = mmiod_leaf_pages(window, false);
	info->populated = mmiod_leaf_pages(window, true);
	info->reads = atomic64_read(&window->reads);
	info->writes = atomic64_read(&window->writes);
	memcpy(info->tag, window->tag, sizeof(info->tag));
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
		window = find_from(info->window_id + 1);
	if (window)
		describe(window, info);
	mutex_unlock(&mmiod_lock);
	return window ? 0 : -ENOENT;
}
