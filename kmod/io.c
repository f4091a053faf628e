// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows of regions: device memory stands behind them. Clients' mappings of them are made in
 * mapping.c and leaf.c; this file has the kernel's own mapping of them, for mediated access.
 *
 * The kernel's mapping is made on first use, and a piece of it only, because its page tables are
 * charged to nobody: at most 2 MiB for each window, around the offset that was asked for last and
 * within its extent, however many extents the window has. It is made for each window with the
 * window's own attribute: one ioremap of the whole region would give every window on it the same
 * type (x86 merges them). Ports are "mapped" likewise, to whatever the architecture makes of them.
 *
 * No lock is held while the bus is accessed: a card that does not answer makes the processor wait
 * for tens of milliseconds, on some architectures the kernel kills a task whose access the bus
 * refuses, and a revoke must wait for neither. Instead each access counts in piece->busy, and looks
 * at the state and at window->piece after it has counted itself; a caller that changes one of them
 * waits until no access counts. Barriers on both sides ensure that one sees the other. An access
 * cannot be preempted, so the wait is for the bus alone: for one access of each processor.
 *
 * Pieces are mapped and unmapped by a kernel thread, one at a time for each window, which alone
 * writes window->piece. The client waits for it: in its own context it could let a mapping, whose
 * cache attribute is in the way of the next window, last beyond a revoke. The work is queued with
 * window->lock held for read and the window in order, so that after a change of state and a flush
 * there is none, and the thread itself takes no lock.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "internal.h"

#define PIECE_SIZE (2UL << 20)

/* Bytes of a bulk operation that a revoke may have to wait for. */
#define BULK_STEP 64

/* A bus that takes longer will not answer at all. */
#define LONGEST_ACCESS_MS 2000

struct mmiod_piece {
	void __iomem *at;
	u64 offset; /* in the window */
	u64 length;
	atomic_t busy; /* accesses under way */
	struct rcu_head rcu;
};

#ifdef MMIOD_INJECT
static unsigned int access_delay;
module_param(access_delay, uint, 0600);
MODULE_PARM_DESC(access_delay, "Milliseconds that each bus access takes longer (test builds only)");

/*
 * This waits by the clock. mdelay() goes by a figure that each processor measures for itself when
 * it comes up, and that an emulated processor gets wrong, sometimes by a factor.
 */
static void inject_delay(void)
{
	u64 end = ktime_get_mono_fast_ns() + READ_ONCE(access_delay) * (u64)NSEC_PER_MSEC;

	while (ktime_get_mono_fast_ns() < end)
		cpu_relax();
}
#else
static void inject_delay(void)
{
}
#endif

/* ---- pieces ---- */

/* Pieces begin and end at multiples of their size in physical memory, but for an extent's ends. */
static u64 room_in_piece(const struct mmiod_window *window, u64 offset)
{
	u64 inside = mmiod_extent_phys(window, offset) & (PIECE_SIZE - 1);

	return min(PIECE_SIZE - inside, mmiod_extent_room(window, offset));
}

static bool covers(const struct mmiod_piece *piece, u64 offset)
{
	return piece && offset >= piece->offset && offset - piece->offset < piece->length;
}

static void __iomem *map_piece(const struct mmiod_window *window, phys_addr_t phys, u64 length)
{
	if (mmiod_window_is_ports(window))
		return mmiod_ioport_map(phys, length);
	return window->attr == MMIOD_ATTR_WC ? ioremap_wc(phys, length) : ioremap(phys, length);
}

static struct mmiod_piece *new_piece(const struct mmiod_window *window, u64 offset)
{
	const struct mmiod_extent *extent = mmiod_extent_at(window, offset);
	u64 inside = offset - extent->start;
	u64 before = (extent->phys + inside) & (PIECE_SIZE - 1);
	struct mmiod_piece *piece = kzalloc(sizeof(*piece), GFP_KERNEL);
	phys_addr_t phys;

	if (!piece)
		return NULL;
	piece->offset = offset - min(inside, before);
	piece->length = room_in_piece(window, piece->offset);
	phys = mmiod_extent_phys(window, piece->offset);
	piece->at = map_piece(window, phys, piece->length);
	if (piece->at)
		return piece;
	kfree(piece);
	return NULL;
}

static void free_piece(const struct mmiod_window *window, struct mmiod_piece *piece)
{
	if (!piece)
		return;
	if (mmiod_window_is_ports(window))
		mmiod_ioport_unmap(piece->at);
	else
		iounmap(piece->at);
	kfree_rcu(piece, rcu);
}

/*
 * Called after a change of the state or of window->piece. Accesses that have not seen the change
 * end soon; if one does not, its task was killed in it or the bus is dead, and it counts for ever.
 */
static bool wait_until_idle(struct mmiod_piece *piece)
{
	ktime_t end = ktime_add_ms(ktime_get(), LONGEST_ACCESS_MS);

	smp_mb(); /* with the one in touch_once() */
	while (atomic_read(&piece->busy)) {
		if (ktime_after(ktime_get(), end))
			return false;
		usleep_range(10, 50);
	}
	return true;
}

static void unmap_or_leak(struct mmiod_window *window, struct mmiod_piece *piece)
{
	if (!piece || wait_until_idle(piece)) {
		free_piece(window, piece);
		return;
	}
	pr_warn("window %llu: an access does not end, its mapping at 0x%llx+0x%llx is left\n",
		window->id, window->offset + piece->offset, piece->length);
}

/* Runs in the kernel thread, which alone writes window->piece. */
static void map_wanted(struct work_struct *work)
{
	struct mmiod_window *window = container_of(work, struct mmiod_window, remap);
	struct mmiod_piece *piece = rcu_dereference_protected(window->piece, true);
	u64 offset = READ_ONCE(window->wanted);

	if (covers(piece, offset))
		return;
	RCU_INIT_POINTER(window->piece, NULL);
	unmap_or_leak(window, piece);
	rcu_assign_pointer(window->piece, new_piece(window, offset));
}

/* The caller holds window->preparing, so that the new piece lasts until its first access. */
static int prepare_locked(struct mmiod_window *window, u64 offset)
{
	int ret;

	down_read(&window->lock);
	ret = mmiod_window_usable(window);
	if (!ret) {
		WRITE_ONCE(window->wanted, offset);
		queue_work(mmiod_workers, &window->remap);
	}
	up_read(&window->lock);
	if (ret)
		return ret;
	flush_work(&window->remap);
	return rcu_access_pointer(window->piece) ? 0 : mmiod_window_usable(window) ?: -ENOMEM;
}

/* ---- access ---- */

/*
 * Of memory, or of ports by the instructions for these where there are such: on x86 one IN or OUT.
 * No port has 64 bits, and nothing but an element is read or written of them.
 */
static void read_element(void *to, const void __iomem *from, u32 width)
{
	switch (width) {
	case 1:
		*(u8 *)to = ioread8(from);
		break;
	case 2:
		*(u16 *)to = ioread16(from);
		break;
	case 4:
		*(u32 *)to = ioread32(from);
		break;
#ifdef CONFIG_64BIT
	case 8:
		*(u64 *)to = readq(from);
		break;
#endif
	}
}

static void write_element(void __iomem *to, const void *from, u32 width)
{
	switch (width) {
	case 1:
		iowrite8(*(const u8 *)from, to);
		break;
	case 2:
		iowrite16(*(const u16 *)from, to);
		break;
	case 4:
		iowrite32(*(const u32 *)from, to);
		break;
#ifdef CONFIG_64BIT
	case 8:
		writeq(*(const u64 *)from, to);
		break;
#endif
	}
}

static void touch_bus(const struct mmiod_transfer *transfer, void __iomem *io, void *bounce,
		      size_t length)
{
	inject_delay();
	switch (transfer->op) {
	case MMIOD_ACCESS_READ:
		read_element(bounce, io, length);
		break;
	case MMIOD_ACCESS_WRITE:
		write_element(io, bounce, length);
		break;
	case MMIOD_ACCESS_COPY_FROM:
		memcpy_fromio(bounce, io, length);
		break;
	case MMIOD_ACCESS_COPY_TO:
		memcpy_toio(io, bounce, length);
		break;
	case MMIOD_ACCESS_FILL:
		memset_io(io, transfer->fill, length);
		break;
	}
}

/*
 * One element, or one step of a bulk operation, within one piece. ENXIO: it is not mapped. Not
 * preemptible, which also keeps the piece's memory (it is freed by RCU).
 */
static int touch_once(const struct mmiod_transfer *transfer, u64 offset, void *bounce,
		      size_t length)
{
	struct mmiod_window *window = transfer->window;
	struct mmiod_piece *piece;
	int ret = mmiod_window_usable(window) ?: -ENXIO;

	preempt_disable();
	piece = rcu_dereference_sched(window->piece);
	if (covers(piece, offset)) {
		atomic_inc(&piece->busy);
		smp_mb__after_atomic(); /* with the one in wait_until_idle() */
		ret = mmiod_window_usable(window);
		if (!ret && rcu_access_pointer(window->piece) != piece)
			ret = -ENXIO;
		if (!ret)
			touch_bus(transfer, piece->at + (offset - piece->offset), bounce, length);
		smp_mb__before_atomic(); /* the access has ended before it no longer counts */
		atomic_dec(&piece->busy);
	}
	preempt_enable();
	return ret;
}

/* The first access to a piece is made before another caller can want another one. */
static int touch_unmapped(const struct mmiod_transfer *transfer, u64 offset, void *bounce,
			  size_t length)
{
	struct mmiod_window *window = transfer->window;
	int ret;

	if (mutex_lock_killable(&window->preparing))
		return -EINTR;
	ret = prepare_locked(window, offset) ?: touch_once(transfer, offset, bounce, length);
	mutex_unlock(&window->preparing);
	return ret;
}

static ssize_t touch(const struct mmiod_transfer *transfer, void *bounce, size_t length)
{
	size_t step = transfer->width ?: BULK_STEP, done = 0;

	while (done < length) {
		u64 offset = transfer->offset + done;
		size_t part = min_t(u64, min(step, length - done),
				    room_in_piece(transfer->window, offset));
		int ret = touch_once(transfer, offset, bounce + done, part);

		if (ret == -ENXIO)
			ret = touch_unmapped(transfer, offset, bounce + done, part);
		if (ret)
			return done ?: ret;
		done += part;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

/* ---- the window's life ---- */

static int map(struct mmiod_window *window, struct vm_area_struct *vma)
{
	pgprot_t prot = vma->vm_page_prot;

	prot = window->attr == MMIOD_ATTR_WC ? pgprot_writecombine(prot) : pgprot_device(prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP);
	vma->vm_page_prot = pgprot_decrypted(prot);
	return 0;
}

static void quiesce(struct mmiod_window *window)
{
	struct mmiod_piece *piece;

	flush_work(&window->remap);
	piece = rcu_dereference_protected(window->piece, true);
	if (piece)
		wait_until_idle(piece);
}

static void dispose(struct mmiod_window *window)
{
	struct mmiod_piece *piece = rcu_dereference_protected(window->piece, true);

	RCU_INIT_POINTER(window->piece, NULL);
	unmap_or_leak(window, piece);
}

static const char *origin(const struct mmiod_window *window)
{
	return mmiod_region_name(window->region);
}

static void release(struct mmiod_window *window)
{
	if (window->region)
		mmiod_region_put(window->region);
}

static const struct mmiod_window_ops ops = {
	.kind = "region",
	.origin = origin,
	.map = map,
	.fault = mmiod_leaf_insert,
	.fill = mmiod_leaf_insert_table,
	.remap = mmiod_leaf_remap,
	.touch = touch,
	.quiesce = quiesce,
	.dispose = dispose,
	.release = release,
};

/* Make it a window of device memory. Nobody sees the window yet, so no lock is needed. */
void mmiod_io_init_window(struct mmiod_window *window)
{
	INIT_WORK(&window->remap, map_wanted);
	window->ops = &ops;
}
