// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's vectors: set up, requested, handled, masked, and kept from taking too much time.
 *
 * The vectors of MSI and MSI-X are set up for the whole device with its first interrupt, since 6.1
 * cannot add one later, and freed when its last interrupt is gone; INTx is one vector that is
 * always there. How one is masked depends:
 *
 *	MMIOD_MASK_COMMAND	INTx, by the function's COMMAND, so that the line may be shared. A
 *				level: it is masked at each interrupt.
 *	MMIOD_MASK_LINE		by the kernel, at once (IRQ_DISABLE_UNLAZY): MSI-X, MSI with mask
 *				bits, and INTx that cannot be switched off, whose line is then ours
 *				alone from probe on. What an edge makes meanwhile, the device keeps.
 *	MMIOD_MASK_NONE		MSI without mask bits. Disabled by the kernel its messages would go
 *				on to cost time, and reach no handler that could see a storm. So the
 *				handler stays, of every vector that is set up, and notes that
 *				something came. A storm is ended by taking bus mastering away.
 *
 * What is masked, and why, are flags under device->command; mmiod_vector_apply() makes the hardware
 * follow them, unless the device is not reachable, as the table of MSI-X is memory of the device's.
 * Then it follows when the device is reachable again.
 *
 * Storms: in each 100 ms a vector may have so many interrupts, and the handlers of a device, and
 * those of all devices, may take so much time, waking and signalling who watches included: their
 * number is the client's affair. The vector that is over its budget, or the one of the device that
 * took most of the time, is masked, and cannot be unmasked for a while.
 *
 * The set-up, request_irq() and free_irq() are done with device->vectors held. A handler takes
 * device->command, lets go of it, and then wakes and signals, which may sleep with PREEMPT_RT. An
 * interrupt that a vector has lives until free_irq() or synchronize_irq() has returned after the
 * two were separated.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>

#include "internal.h"

static unsigned int max_vectors = 64;
module_param(max_vectors, uint, 0644);
MODULE_PARM_DESC(max_vectors, "Most vectors that are set up for one device (default 64); a "
			      "processor has about 200 for everybody");

static unsigned int interrupt_budget = 20000;
module_param(interrupt_budget, uint, 0644);
MODULE_PARM_DESC(interrupt_budget, "Interrupts of one vector in 100 ms that are no storm, unless "
				   "its creator says another number (default 20000)");

static unsigned int device_time = 10;
module_param(device_time, uint, 0644);
MODULE_PARM_DESC(device_time, "Milliseconds of each 100 that the interrupts of one device may take "
			      "(default 10)");

static unsigned int total_time = 20;
module_param(total_time, uint, 0644);
MODULE_PARM_DESC(total_time, "Milliseconds of each 100 that the interrupts of all devices may take "
			     "(default 20)");

#define PERIOD (HZ / 10)
#define FIRST_BACKOFF (HZ / 5)
#define LONGEST_BACKOFF HZ

/* Of all devices, in one period. Two that begin it at once may lose a little; it is a limit. */
static struct {
	atomic_long_t period;
	atomic64_t spent; /* ns */
	atomic_t devices; /* that had any */
} total;

static unsigned long this_period(void)
{
	return jiffies / PERIOD;
}

/* ---- masks; all of it with device->command held ---- */

/* Within the handler, which is short. */
static __always_inline bool is_masked(const struct mmiod_vector *vector)
{
	const struct mmiod_interrupt *interrupt = vector->interrupt;

	return !interrupt || interrupt->masked || vector->storm ||
	       test_bit(MMIOD_SUSPENDED_BY_DAEMON, &interrupt->state);
}

static void set_line(struct mmiod_vector *vector, bool open)
{
	if (vector->disabled != open)
		return;
	vector->disabled = !open;
	if (open)
		enable_irq(vector->irq);
	else
		disable_irq_nosync(vector->irq);
}

/*
 * Unmask INTx. False: it is asserted, and stays masked; or nobody answers. COMMAND and STATUS are
 * one access.
 */
static bool open_intx(struct mmiod_vector *vector, bool *asserted)
{
	struct pci_dev *pdev = vector->device->pdev;
	u32 both = 0;

	*asserted = false;
	if (pci_read_config_dword(pdev, PCI_COMMAND, &both) || PCI_POSSIBLE_ERROR(both))
		return false;
	*asserted = both >> 16 & PCI_STATUS_INTERRUPT;
	if (*asserted)
		return false;
	pci_write_config_word(pdev, PCI_COMMAND, both & ~PCI_COMMAND_INTX_DISABLE);
	return true;
}

/* It is masked by the flags from then on, if it is a level or ONESHOT. */
static void count(struct mmiod_interrupt *interrupt)
{
	WRITE_ONCE(interrupt->count, interrupt->count + 1);
	if (interrupt->kind == MMIOD_INTERRUPT_INTX || interrupt->flags & MMIOD_INTERRUPT_ONESHOT)
		interrupt->masked = true;
}

static bool apply_intx(struct mmiod_vector *vector)
{
	struct mmiod_device *device = vector->device;
	bool asserted;

	if (!device->reachable)
		return false;
	if (is_masked(vector)) {
		pci_intx(device->pdev, 0);
		return false;
	}
	if (open_intx(vector, &asserted))
		return false;
	vector->interrupt->masked = true;
	WRITE_ONCE(vector->interrupt->count, vector->interrupt->count + asserted);
	return asserted;
}

/*
 * A function whose INTx cannot be switched off for sure may heed its bit nonetheless: the bit is
 * clear while somebody has the interrupt, whose mask is the line's.
 */
static void apply_stuck_intx(struct mmiod_vector *vector)
{
	bool on = vector->interrupt;

	if (!vector->device->reachable || vector->on == on)
		return;
	vector->on = on;
	pci_intx(vector->device->pdev, on);
}

/*
 * Make the hardware follow the flags. True: an interrupt was counted by that, because it had come
 * while it was masked; the caller notifies without the lock.
 */
bool mmiod_vector_apply(struct mmiod_vector *vector)
{
	bool due;

	lockdep_assert_held(&vector->device->command);
	if (vector->mask == MMIOD_MASK_COMMAND)
		return apply_intx(vector);
	due = vector->pending && !is_masked(vector);
	if (due) {
		vector->pending = false;
		count(vector->interrupt);
	}
	if (vector->mask != MMIOD_MASK_LINE)
		return due;
	if (vector == &vector->device->pin)
		apply_stuck_intx(vector);
	if (vector->device->reachable || vector == &vector->device->pin)
		set_line(vector, !is_masked(vector));
	return due;
}

/* What the vectors and their interrupts ask for, and hold off; see mmiod_assert_master(). */
void mmiod_vectors_update(struct mmiod_device *device)
{
	u32 asks = device->asks & ~MMIOD_ASKS_VECTORS, held = device->held & ~MMIOD_HELD_STORM;

	lockdep_assert_held(&device->command);
	for (unsigned int i = 0; i < device->nr_vectors; i++) {
		const struct mmiod_vector *vector = &device->vector_table[i];

		if (vector->interrupt)
			asks |= vector->interrupt->asks;
		if (vector->storm && vector->mask == MMIOD_MASK_NONE)
			held |= MMIOD_HELD_STORM;
	}
	device->asks = asks;
	device->held = held;
}

/* ---- storms; likewise ---- */

static void begin_period(struct mmiod_device *device, unsigned long period)
{
	if (device->period != period) {
		device->period = period;
		device->spent = 0;
		if (atomic_long_xchg(&total.period, period) != period) {
			atomic64_set(&total.spent, 0);
			atomic_set(&total.devices, 0);
		}
		atomic_inc(&total.devices);
	}
}

/* The one that took most of the device's time in this period. */
static struct mmiod_vector *greediest(struct mmiod_device *device)
{
	struct mmiod_vector *found = NULL;

	for (unsigned int i = 0; i < device->nr_vectors; i++) {
		struct mmiod_vector *vector = &device->vector_table[i];

		if (vector->period == device->period && !vector->storm &&
		    (!found || vector->spent > found->spent))
			found = vector;
	}
	return found;
}

static u64 time_limit(const unsigned int *milliseconds)
{
	return (u64)READ_ONCE(*milliseconds) * NSEC_PER_MSEC;
}

/*
 * Over the limit of all, a device that took less than its share of the time is left alone: one that
 * took more exists, and comes here with its next interrupt.
 */
static bool takes_too_long(struct mmiod_device *device)
{
	u64 all = time_limit(&total_time);
	int devices = max(atomic_read(&total.devices), 1);

	if (device->spent > time_limit(&device_time))
		return true;
	return atomic64_read(&total.spent) > all && device->spent > div_u64(all, devices);
}

static u32 budget_of(const struct mmiod_vector *vector)
{
	const struct mmiod_interrupt *interrupt = vector->interrupt;

	return (interrupt ? interrupt->budget : 0) ?: READ_ONCE(interrupt_budget);
}

static struct mmiod_vector *over_budget(struct mmiod_vector *vector)
{
	if (vector->runs > budget_of(vector))
		return vector->storm ? NULL : vector;
	return takes_too_long(vector->device) ? greediest(vector->device) : NULL;
}

static void back_off(struct mmiod_vector *vector)
{
	if (vector->backoff && time_before(jiffies, vector->calm_at))
		vector->backoff = clamp(2 * vector->backoff, (unsigned long)FIRST_BACKOFF,
					(unsigned long)LONGEST_BACKOFF);
	else
		vector->backoff = PERIOD - jiffies % PERIOD;
	vector->ready_at = jiffies + vector->backoff;
	vector->calm_at = vector->ready_at + HZ;
}

static void set_storm(struct mmiod_vector *vector, bool on)
{
	vector->storm = on;
	if (vector->interrupt)
		WRITE_ONCE(vector->interrupt->storm, on);
}

/* True: somebody is to be told. */
static bool silence(struct mmiod_vector *vector)
{
	if (!vector)
		return false;
	set_storm(vector, true);
	back_off(vector);
	if (vector->interrupt)
		vector->interrupt->storms++;
	mmiod_vector_apply(vector);
	mmiod_vectors_update(vector->device);
	mmiod_assert_master_locked(vector->device);
	return true;
}

/* End a storm, if it is time. False: it is too early. Under device->command. */
bool mmiod_vector_calm(struct mmiod_vector *vector)
{
	if (!vector->storm)
		return true;
	if (time_before(jiffies, vector->ready_at))
		return false;
	set_storm(vector, false);
	mmiod_vectors_update(vector->device);
	return true;
}

#define MOST_FRESH 63U
#define MOST_TICKS (U32_MAX / (MOST_FRESH + 1)) /* of a run: the sum of all fits */
#define LONG_NS (100 * NSEC_PER_USEC) /* a hundredth of a device's time */

/* What a vector's handler has gathered becomes part of the sums, and is silenced if it is too much. */
static void settle(struct mmiod_vector *vector, u64 ns)
{
	struct mmiod_device *device = vector->device;
	unsigned long irqs, period = this_period();
	bool tell;

	raw_spin_lock_irqsave(&device->command, irqs);
	begin_period(device, period);
	if (vector->period != period) {
		vector->period = period;
		vector->runs = 0;
		vector->spent = 0;
	}
	vector->runs += vector->fresh_runs;
	vector->spent += ns;
	device->spent += ns;
	atomic64_add(ns, &total.spent);
	if (vector->interrupt)
		vector->interrupt->busy_ns += ns;
	vector->quantum = min(budget_of(vector) / 16, MOST_FRESH);
	tell = silence(over_budget(vector));
	raw_spin_unlock_irqrestore(&device->command, irqs);
	if (tell)
		mmiod_tell(device);
}

/* ---- the cost of an interrupt: the handler's, without a lock ---- */

/*
 * A handler never runs beside itself, so it gathers what its runs cost in the vector. They are
 * counted in ticks of the processor's own counter, which is next to nothing to read. Now and then
 * one is measured by the clock as well, which says how long a tick is, and all that was gathered
 * goes into the sums: at the first run of each period, after a sixteenth of the budget, and after
 * what took long. A storm is seen that much later, and by one run at most.
 *
 * The ticks are read outside of the clock: should the machine be away in between, as a guest may be,
 * they are too many, and a tick seems shorter than it is; the other way round all runs would seem
 * longer than they were.
 */
struct run {
	u32 ticks; /* at its begin */
	u64 clock; /* likewise; 0: it is not measured */
};

static struct run begin_run(const struct mmiod_vector *vector)
{
	struct run run = { .ticks = mmiod_ticks() };

	if (vector->fresh_runs >= vector->quantum || vector->fresh_ticks > vector->enough ||
	    vector->looked_at != this_period())
		run.clock = local_clock();
	return run;
}

static noinline void look_at_runs(struct mmiod_vector *vector, u32 ns, u32 ticks)
{
	settle(vector, div_u64((u64)ns * vector->fresh_ticks, max(ticks, 1U)));
	vector->enough = min_t(u64, div_u64((u64)LONG_NS * ticks, max(ns, 1U)), U32_MAX);
	vector->fresh_runs = 0;
	vector->fresh_ticks = 0;
	vector->looked_at = this_period();
}

static void end_run(struct mmiod_vector *vector, const struct run *run)
{
	u64 ns = run->clock ? local_clock() - run->clock : 0;
	u32 ticks = min(mmiod_ticks() - run->ticks, MOST_TICKS);

	vector->fresh_runs++;
	vector->fresh_ticks += ticks;
	if (run->clock)
		look_at_runs(vector, min_t(u64, ns, NSEC_PER_SEC), ticks);
}

/* ---- the handler ---- */

/*
 * Whether the function raises its line, which it does not do any more after this. A neighbour's
 * interrupt comes here too: while the function is masked its STATUS says nothing of a handler that
 * is due, and all ones are no answer, or each of those would be a phantom.
 */
static noinline bool takes_intx(struct mmiod_vector *vector)
{
	struct pci_dev *pdev = vector->device->pdev;
	u32 both = 0;

	if (!vector->device->reachable || pci_channel_offline(pdev) ||
	    pci_read_config_dword(pdev, PCI_COMMAND, &both) || PCI_POSSIBLE_ERROR(both) ||
	    both & PCI_COMMAND_INTX_DISABLE || !(both >> 16 & PCI_STATUS_INTERRUPT))
		return false;
	pci_write_config_word(pdev, PCI_COMMAND, both | PCI_COMMAND_INTX_DISABLE);
	return true;
}

/* Who is to be notified, or NULL: it was masked, or nobody has it. */
static struct mmiod_interrupt *take(struct mmiod_vector *vector)
{
	struct mmiod_interrupt *interrupt = vector->interrupt;

	if (is_masked(vector)) {
		vector->pending = interrupt && interrupt->kind != MMIOD_INTERRUPT_INTX;
		interrupt = NULL;
	} else {
		count(interrupt);
		if (!interrupt->masked)
			return interrupt;
	}
	if (vector->mask == MMIOD_MASK_LINE)
		mmiod_vector_apply(vector);
	return interrupt;
}

static irqreturn_t handle(int irq, void *data)
{
	struct mmiod_vector *vector = data;
	struct mmiod_device *device = vector->device;
	struct mmiod_interrupt *interrupt = NULL;
	struct run run = begin_run(vector);
	unsigned long irqs;
	bool ours;

	raw_spin_lock_irqsave(&device->command, irqs);
	ours = vector->mask != MMIOD_MASK_COMMAND || takes_intx(vector);
	if (ours)
		interrupt = take(vector);
	raw_spin_unlock_irqrestore(&device->command, irqs);
	if (!ours)
		return IRQ_NONE;
	if (interrupt)
		mmiod_interrupt_notify(interrupt);
	end_run(vector, &run);
	return IRQ_HANDLED;
}

/* ---- set-up, with device->vectors held ---- */

static void init_vector(struct mmiod_device *device, struct mmiod_vector *vector,
			unsigned int index, unsigned int irq, enum mmiod_mask mask)
{
	struct pci_dev *pdev = device->pdev;

	vector->device = device;
	vector->index = index;
	vector->irq = irq;
	vector->mask = mask;
	snprintf(vector->name, sizeof(vector->name), "mmiod:%s#%u", pci_name(pdev), index);
}

/* Its interrupt, if it has one, is masked. 0 or -errno. */
static int request(struct mmiod_vector *vector)
{
	static const unsigned long flags[] = {
		[MMIOD_MASK_COMMAND] = IRQF_SHARED,
		[MMIOD_MASK_LINE] = IRQF_NO_AUTOEN,
		[MMIOD_MASK_NONE] = 0,
	};
	int ret;

	if (vector->requested)
		return 0;
	ret = request_irq(vector->irq, handle, flags[vector->mask], vector->name, vector);
	if (ret)
		return ret;
	vector->requested = true;
	vector->disabled = vector->mask == MMIOD_MASK_LINE;
	/* A level that is disabled lazily would be replayed as an edge. */
	if (vector->disabled)
		irq_set_status_flags(vector->irq, IRQ_DISABLE_UNLAZY);
	return 0;
}

static void release(struct mmiod_vector *vector)
{
	if (!vector->requested)
		return;
	free_irq(vector->irq, vector);
	if (vector->mask == MMIOD_MASK_LINE)
		irq_clear_status_flags(vector->irq, IRQ_DISABLE_UNLAZY);
	vector->requested = false;
}

/* The vectors as they are seen by handlers, and by those who only look. */
static void publish(struct mmiod_device *device, u32 kind, struct mmiod_vector *table,
		    unsigned int count)
{
	unsigned long irqs;

	raw_spin_lock_irqsave(&device->command, irqs);
	device->vector_table = table;
	WRITE_ONCE(device->nr_vectors, count);
	WRITE_ONCE(device->interrupt_kind, kind);
	mmiod_vectors_update(device);
	raw_spin_unlock_irqrestore(&device->command, irqs);
}

/* Messages are freed by the core, which switches INTx on. */
static void tear_down(struct mmiod_device *device)
{
	struct mmiod_vector *table = device->vector_table;
	unsigned int count = device->nr_vectors;

	if (!device->interrupt_kind)
		return;
	for (unsigned int i = 0; i < count; i++)
		if (table[i].mask != MMIOD_MASK_LINE || table != &device->pin)
			release(&table[i]);
	publish(device, 0, NULL, 0);
	if (table != &device->pin) {
		pci_free_irq_vectors(device->pdev);
		kvfree(table);
		mmiod_intx_off(device);
	}
	mmiod_msix_end(device);
	mmiod_assert_master(device);
}

/* A function whose INTx cannot be switched off has its line from probe on. */
static int set_up_intx(struct mmiod_device *device)
{
	if (!device->intx_line)
		return -ENODEV;
	publish(device, MMIOD_INTERRUPT_INTX, &device->pin, 1);
	return 0;
}

static int request_all(struct mmiod_device *device)
{
	int ret = 0;

	for (unsigned int i = 0; i < device->nr_vectors && !ret; i++)
		ret = request(&device->vector_table[i]);
	return ret;
}

static int set_up_messages(struct mmiod_device *device, u32 kind, unsigned int count)
{
	bool msix = kind == MMIOD_INTERRUPT_MSIX;
	enum mmiod_mask mask = msix || device->msi_maskable ? MMIOD_MASK_LINE : MMIOD_MASK_NONE;
	struct mmiod_vector *table = kvcalloc(count, sizeof(*table), GFP_KERNEL_ACCOUNT);
	int got;

	if (!table)
		return -ENOMEM;
	got = pci_alloc_irq_vectors(device->pdev, 1, count, msix ? PCI_IRQ_MSIX : PCI_IRQ_MSI);
	if (got < 0) {
		kvfree(table);
		mmiod_intx_off(device);
		return got;
	}
	for (int i = 0; i < got; i++)
		init_vector(device, &table[i], i, pci_irq_vector(device->pdev, i), mask);
	publish(device, kind, table, got);
	return mask == MMIOD_MASK_NONE ? request_all(device) : 0;
}

/* How many are set up for who wants @wanted of them, one with that index among them; or -errno. */
static int choose_count(const struct mmiod_device *device, u32 kind, u32 wanted, u32 index)
{
	unsigned int most =
		kind == MMIOD_INTERRUPT_MSIX ? device->msix_vectors : device->msi_vectors;

	if (!most)
		return -ENODEV;
	most = min(most, max(READ_ONCE(max_vectors), 1u));
	if (index >= most || (wanted && index >= wanted))
		return -EINVAL;
	return min(wanted ?: index + 1, most);
}

static int set_up(struct mmiod_device *device, u32 kind, u32 wanted, u32 index, u64 *conflict)
{
	int count, ret;

	if (kind == MMIOD_INTERRUPT_INTX)
		return index ? -EINVAL : set_up_intx(device);
	count = choose_count(device, kind, wanted, index);
	if (count < 0)
		return count;
	ret = kind == MMIOD_INTERRUPT_MSIX ? mmiod_msix_begin(device, conflict) : 0;
	if (ret)
		return ret;
	ret = set_up_messages(device, kind, count);
	if (ret) {
		tear_down(device);
		mmiod_msix_end(device);
	}
	return ret;
}

/*
 * The vector with that index, requested; or an ERR_PTR. Sets vectors up if there are none. With
 * device->vectors held, and the device reachable. EBUSY: there are those of another kind, or the
 * vector has an interrupt, or a window is in the way; *@conflict says which, if it is known.
 */
struct mmiod_vector *mmiod_vector_get(struct mmiod_device *device, u32 kind, u32 wanted, u32 index,
				      u64 *conflict)
{
	struct mmiod_vector *vector;
	int ret;

	lockdep_assert_held(&device->vectors);
	mmiod_vectors_reap(device);
	ret = device->interrupt_kind ? 0 : set_up(device, kind, wanted, index, conflict);
	if (ret)
		return ERR_PTR(ret);
	if (device->interrupt_kind != kind) {
		*conflict = mmiod_interrupt_of_device(device);
		return ERR_PTR(-EBUSY);
	}
	if (index >= device->nr_vectors) {
		ret = device->nr_vectors < wanted ? -ENOSPC : -EINVAL;
		mmiod_vectors_reap(device);
		return ERR_PTR(ret);
	}
	vector = &device->vector_table[index];
	if (vector->interrupt) {
		*conflict = vector->interrupt->id;
		return ERR_PTR(-EBUSY);
	}
	ret = request(vector);
	if (!ret)
		return vector;
	mmiod_vectors_reap(device);
	return ERR_PTR(ret);
}

/*
 * Give back the vectors that nobody has. Those of MSI and MSI-X stay set up while one is left, and
 * requested, too, if they cannot be masked. Waits for handlers. With device->vectors held; nothing
 * while the device is not reachable: it is done when it is.
 */
void mmiod_vectors_reap(struct mmiod_device *device)
{
	bool any = false;

	lockdep_assert_held(&device->vectors);
	if (!device->reachable)
		return;
	for (unsigned int i = 0; i < device->nr_vectors; i++) {
		struct mmiod_vector *vector = &device->vector_table[i];

		if (vector->interrupt)
			any = true;
		else if (vector->mask == MMIOD_MASK_LINE && vector != &device->pin)
			release(vector);
	}
	if (!any)
		tear_down(device);
}

/*
 * The device is reachable again, whatever was changed meanwhile; its INTx is off. With
 * device->vectors held.
 */
void mmiod_vectors_restore(struct mmiod_device *device)
{
	lockdep_assert_held(&device->vectors);
	mmiod_vectors_reap(device);
	for (unsigned int i = 0; i < device->nr_vectors; i++)
		mmiod_vector_restore(&device->vector_table[i]);
}

/* Apply, and notify who has it. No lock held but device->vectors. */
void mmiod_vector_restore(struct mmiod_vector *vector)
{
	struct mmiod_device *device = vector->device;
	struct mmiod_interrupt *interrupt = NULL;
	unsigned long irqs;

	raw_spin_lock_irqsave(&device->command, irqs);
	if (mmiod_vector_apply(vector)) {
		interrupt = vector->interrupt;
		mmiod_interrupt_get(interrupt);
	}
	raw_spin_unlock_irqrestore(&device->command, irqs);
	if (!interrupt)
		return;
	mmiod_interrupt_notify(interrupt);
	mmiod_interrupt_put(interrupt);
}

/* As the device goes: no interrupt has a vector any more. With device->vectors held. */
void mmiod_vectors_end(struct mmiod_device *device)
{
	lockdep_assert_held(&device->vectors);
	tear_down(device);
}

/* ---- INTx ---- */

#ifdef MMIOD_INJECT
static bool stuck_intx;
module_param(stuck_intx, bool, 0600);
MODULE_PARM_DESC(stuck_intx, "Functions that are bound while this is set count as such whose INTx "
			     "cannot be switched off (test builds only)");

static bool is_stuck(struct pci_dev *pdev)
{
	return READ_ONCE(stuck_intx) || !pci_intx_mask_supported(pdev);
}
#else
static bool is_stuck(struct pci_dev *pdev)
{
	return !pci_intx_mask_supported(pdev);
}
#endif

/*
 * In probe. A function whose INTx cannot be switched off must have its line to itself: requested so
 * that nobody else comes, and not enabled, so that what it raises reaches no CPU. 0 or -errno.
 */
int mmiod_intx_take_line(struct mmiod_device *device)
{
	struct pci_dev *pdev = device->pdev;
	int ret;

	if (!pdev->pin || !pdev->irq || pdev->irq == IRQ_NOTCONNECTED)
		return 0;
	device->intx_line = pdev->irq;
	device->intx_exclusive = is_stuck(pdev);
	init_vector(device, &device->pin, 0, pdev->irq,
		    device->intx_exclusive ? MMIOD_MASK_LINE : MMIOD_MASK_COMMAND);
	if (!device->intx_exclusive)
		return 0;
	ret = request(&device->pin);
	if (ret)
		pci_err(pdev,
			"its INTx cannot be switched off, and others use line %u, see "
			"/proc/interrupts\n",
			pdev->irq);
	return ret;
}

void mmiod_intx_give_line(struct mmiod_device *device)
{
	release(&device->pin);
}
