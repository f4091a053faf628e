// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handles: the part of a device file that knows nothing of what its holder may do. They have their
 * ids from the counter of the windows', the same states, and a ledger; WINDOW_SET_STATE and the
 * events of windows speak of them as well.
 *
 * The file owns the first reference on the handle, and a handle one on its device's structure. It
 * ends once, by a revocation, the device's end or its file's: then it is REVOKED for ever, and its
 * kind is told, which undoes what it was for. None of that waits for a client.
 */
#include <linux/file.h>
#include <linux/poll.h>

#include "internal.h"

/* All handles by id, under mmiod_lock. */
static struct rb_root ledger = RB_ROOT;
static unsigned int nr_handles;

/* ---- the lists ---- */

static struct mmiod_handle *in_ledger(struct rb_node *node)
{
	return rb_entry(node, struct mmiod_handle, ledger);
}

static bool is_less(struct rb_node *a, const struct rb_node *b)
{
	return in_ledger(a)->id < rb_entry(b, struct mmiod_handle, ledger)->id;
}

/*
 * The first handle of that kind whose id is @id or higher, or NULL. Under mmiod_lock, for as long
 * as which it lasts. NULL for a kind: any.
 */
struct mmiod_handle *mmiod_handle_from(const struct mmiod_handle_kind *kind, u64 id)
{
	struct rb_node *node = ledger.rb_node, *found = NULL;

	lockdep_assert_held(&mmiod_lock);
	while (node) {
		bool too_low = in_ledger(node)->id < id;

		found = too_low ? found : node;
		node = too_low ? node->rb_right : node->rb_left;
	}
	while (found && kind && in_ledger(found)->kind != kind)
		found = rb_next(found);
	return found ? in_ledger(found) : NULL;
}

/* The handle with that id, with a reference, or NULL. Takes mmiod_lock. */
static struct mmiod_handle *find(u64 id)
{
	struct mmiod_handle *handle;

	mutex_lock(&mmiod_lock);
	handle = mmiod_handle_from(NULL, id);
	if (handle && handle->id != id)
		handle = NULL;
	if (handle)
		kref_get(&handle->ref);
	mutex_unlock(&mmiod_lock);
	return handle;
}

/*
 * A walk over a device's handles: the first with an id in [@from, @to], with a reference, or NULL.
 * They are listed by rising ids. Takes mmiod_lock.
 */
static struct mmiod_handle *of_device(struct mmiod_device *device, u64 from, u64 to)
{
	struct mmiod_handle *handle, *found = NULL;

	mutex_lock(&mmiod_lock);
	list_for_each_entry(handle, &device->handles, node) {
		if (handle->id < from)
			continue;
		if (handle->id <= to)
			found = handle;
		break;
	}
	if (found)
		kref_get(&found->ref);
	mutex_unlock(&mmiod_lock);
	return found;
}

/*
 * The handle's file, which owns it from here on, or an ERR_PTR; the handle is then in the ledger,
 * suspended if its device is. Under mmiod_lock, which has kept the device since it was found.
 */
struct file *mmiod_handle_open(struct mmiod_handle *handle, const char *name,
			       const struct file_operations *fops, u64 size, int flags)
{
	struct mmiod_device *device = handle->device;
	struct file *file;

	lockdep_assert_held(&mmiod_lock);
	if (nr_handles >= READ_ONCE(mmiod_max_windows))
		return ERR_PTR(-ENOSPC);
	file = mmiod_file_make(name, fops, handle, size, flags);
	if (IS_ERR(file))
		return file;
	handle->pinned = true;
	handle->id = mmiod_new_id();
	if (device->reasons)
		set_bit(MMIOD_SUSPENDED_BY_DEVICE, &handle->state);
	rb_add(&handle->ledger, &ledger, is_less);
	list_add_tail(&handle->node, &device->handles);
	nr_handles++;
	return file;
}

/*
 * The last step of a creation, or its undoing: 0, or -errno with the handle gone or going. With no
 * lock held.
 */
int mmiod_handle_hand_out(struct mmiod_call *call, struct mmiod_handle *handle, struct file *file,
			  __s32 *fd)
{
	if (!IS_ERR(file))
		return mmiod_hand_out(call, file, fd);
	mmiod_handle_put(handle);
	*fd = PTR_ERR(file);
	return *fd;
}

/* ---- states ---- */

/* An enum mmiod_window_state. To act on it, hold the handle's lock for read. */
int mmiod_handle_state(const struct mmiod_handle *handle)
{
	return mmiod_state_of(READ_ONCE(handle->state));
}

/* With handle->lock held for write, so that events come in the order of what they tell. */
static void announce(struct mmiod_handle *handle, u32 state)
{
	lockdep_assert_held_write(&handle->lock);
	mmiod_control_event(MMIOD_CONTROL_WINDOW_STATE, state, handle->id);
	wake_up_poll(&handle->poll, mmiod_window_poll_events(state));
}

/*
 * Each reason is one bit, as with windows. When this returns every call that saw the handle in
 * order is over, so also for a handle that is suspended already. 0, or -ENODEV if it was revoked.
 */
static int suspend(struct mmiod_handle *handle, enum mmiod_state_bit reason, bool suspended)
{
	int before, after, ret = 0;

	down_write(&handle->lock);
	before = mmiod_state_of(handle->state);
	if (before == MMIOD_WINDOW_REVOKED)
		ret = -ENODEV;
	else
		assign_bit(reason, &handle->state, suspended);
	after = mmiod_state_of(handle->state);
	if (before != after)
		announce(handle, after);
	up_write(&handle->lock);
	return ret;
}

/* The event is left out if the file's end is the reason. No lock held; waits for no client. */
static void revoke(struct mmiod_handle *handle, bool closing)
{
	bool first;

	down_write(&handle->lock);
	first = !test_and_set_bit(MMIOD_REVOKED, &handle->state);
	if (first && !closing)
		announce(handle, MMIOD_WINDOW_REVOKED);
	up_write(&handle->lock);
	if (first && handle->kind->end)
		handle->kind->end(handle);
}

/* Of all handles of a device with ids up to @last: later ones have seen the reason themselves. */
void mmiod_device_suspend_handles(struct mmiod_device *device, bool suspended, u64 last)
{
	struct mmiod_handle *handle;
	u64 id = 0;

	while ((handle = of_device(device, id, last))) {
		id = handle->id + 1;
		suspend(handle, MMIOD_SUSPENDED_BY_DEVICE, suspended);
		mmiod_handle_put(handle);
	}
}

/* No handle of the device is made any more. */
void mmiod_device_end_handles(struct mmiod_device *device)
{
	struct mmiod_handle *handle;
	u64 id = 0;

	while ((handle = of_device(device, id, U64_MAX))) {
		id = handle->id + 1;
		revoke(handle, false);
		mmiod_handle_put(handle);
	}
}

static int suspend_by_daemon(struct mmiod_handle *handle, bool suspended)
{
	int ret = suspend(handle, MMIOD_SUSPENDED_BY_DAEMON, suspended);

	if (!ret && handle->kind->suspended)
		handle->kind->suspended(handle);
	return ret;
}

/* WINDOW_SET_STATE, checked by then, for an id that is no window's. ENOENT: nor a handle's. */
int mmiod_handle_set_state(u64 id, u32 state)
{
	struct mmiod_handle *handle = find(id);
	int ret = 0;

	if (!handle)
		return -ENOENT;
	if (state == MMIOD_WINDOW_REVOKED)
		revoke(handle, false);
	else
		ret = suspend_by_daemon(handle, state == MMIOD_WINDOW_SUSPENDED);
	mmiod_handle_put(handle);
	return ret;
}

/* ---- the object's life ---- */

/* All members are zero. The caller has found the device under mmiod_lock, which it holds. */
void mmiod_handle_init(struct mmiod_handle *handle, const struct mmiod_handle_kind *kind, u64 owner,
		       const u8 *tag)
{
	handle->kind = kind;
	handle->owner = owner;
	memcpy(handle->tag, tag, sizeof(handle->tag));
	kref_init(&handle->ref);
	init_rwsem(&handle->lock);
	init_waitqueue_head(&handle->poll);
}

static void free_handle(struct kref *ref)
{
	struct mmiod_handle *handle = container_of(ref, struct mmiod_handle, ref);

	if (handle->pinned)
		mmiod_files_unpin();
	if (handle->device)
		mmiod_device_put(handle->device);
	handle->kind->free(handle);
}

/* The caller holds mmiod_lock and has found the handle in a list, or has a reference already. */
void mmiod_handle_get(struct mmiod_handle *handle)
{
	kref_get(&handle->ref);
}

/* With neither mmiod_lock nor a handle's lock held. */
void mmiod_handle_put(struct mmiod_handle *handle)
{
	kref_put(&handle->ref, free_handle);
}

/* By ->release: no descriptor and no call is left. */
void mmiod_handle_close(struct mmiod_handle *handle)
{
	revoke(handle, true);
	mutex_lock(&mmiod_lock);
	rb_erase(&handle->ledger, &ledger);
	list_del(&handle->node);
	nr_handles--;
	mutex_unlock(&mmiod_lock);
	mmiod_control_event(MMIOD_CONTROL_WINDOW_RELEASED, 0, handle->id);
	mmiod_handle_put(handle);
}
