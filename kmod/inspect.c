// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inspection: TRANSLATE says where a process's address leads, PAGE reads a page descriptor. Both
 * only look; nothing is referenced, faulted in or marked, so that looking changes nothing. They are
 * the control file's, called with no lock held, by a daemon that serves everybody: nothing here
 * waits for the process that is looked into.
 */
#include <linux/delay.h>
#include <linux/kernel-page-flags.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>

#include "internal.h"

/*
 * Times that a lock is tried while somebody holds it, before the caller is told to ask again:
 * enough for an mmap() that is under way, and less than a millisecond in all.
 */
#define LOCK_TRIES 8

/* ---- TRANSLATE ---- */

#ifdef CONFIG_X86_64

#define LARGE_PAT_BIT BIT_ULL(_PAGE_BIT_PAT_LARGE)

/* Indexed by the processor's numbers of the types; the missing ones are reserved. */
static u32 cache_of(const struct mmiod_translate *answer)
{
	static const u8 types[8] = {
		MMIOD_ENTRY_UC, MMIOD_ENTRY_WC,	     0, 0, MMIOD_ENTRY_WT, MMIOD_ENTRY_WP,
		MMIOD_ENTRY_WB, MMIOD_ENTRY_UC_MINUS
	};
	u64 entry = answer->entries[fls(answer->walked) - 1];
	u64 pat_bit = answer->leaf_size == PAGE_SIZE ? _PAGE_PAT : LARGE_PAT_BIT;
	unsigned int index = (entry & _PAGE_PWT ? 1 : 0) | (entry & _PAGE_PCD ? 2 : 0) |
			     (entry & pat_bit ? 4 : 0);

	return answer->leaf_size ? types[answer->pat >> (index * 8) & 7] : MMIOD_ENTRY_NONE;
}

static void describe_cache(struct mmiod_translate *answer)
{
	rdmsrq(MSR_IA32_CR_PAT, answer->pat);
	answer->cache = cache_of(answer);
}

#else

#ifndef TASK_SIZE_MAX
#define TASK_SIZE_MAX TASK_SIZE
#endif

static void describe_cache(struct mmiod_translate *answer)
{
}

#endif

static void translate(struct mm_struct *mm, struct mmiod_translate *answer)
{
	struct mmiod_walk walk = { .address = answer->address };

	mmiod_walk(mm, &walk);
	if (mm_p4d_folded(mm))
		answer->folded = BIT(MMIOD_LEVEL_P4D);
	memcpy(answer->entries, walk.entries, sizeof(answer->entries));
	answer->walked = walk.walked;
	answer->leaf_size = walk.leaf_size;
	if (walk.leaf_size)
		answer->phys = PFN_PHYS((u64)walk.pfn) | (answer->address & (walk.leaf_size - 1));
	describe_cache(answer);
}

static void describe_vma(const struct vm_area_struct *vma, struct mmiod_translate *answer)
{
	answer->vma_present = 1;
	answer->vma_start = vma->vm_start;
	answer->vma_end = vma->vm_end;
	answer->vma_flags = vma->vm_flags;
	answer->vma_pgoff = vma->vm_pgoff;
}

/*
 * Under the window's lock neither its state nor its entries change: the answer shows both as they
 * belong together. A change of state zaps under that lock, which takes as long as the client's
 * mappings make it: this does not wait for it.
 */
static int translate_window(struct mm_struct *mm, struct mmiod_window *window,
			    struct mmiod_translate *answer)
{
	if (!down_read_trylock(&window->lock))
		return -EAGAIN;
	answer->window_id = window->id;
	answer->window_attr = window->attr;
	answer->window_state = mmiod_window_state(window);
	translate(mm, answer);
	up_read(&window->lock);
	return 0;
}

/* Without a VMA there is no walk: nothing keeps the tables of a range that was just unmapped. */
static int translate_vma(struct mm_struct *mm, struct mmiod_translate *answer)
{
	struct vm_area_struct *vma = vma_lookup(mm, answer->address);
	struct mmiod_window *window = mmiod_vma_window(vma);

	if (!vma)
		return -EFAULT;
	describe_vma(vma, answer);
	if (window)
		return translate_window(mm, window, answer);
	translate(mm, answer);
	return 0;
}

/*
 * The lock is the other process's, which may sleep with it for as long as it likes: a fork in a
 * cgroup over its memory.high holds it for writing for minutes. The caller serves everybody, so it
 * is told to come again.
 */
static int translate_in(struct mm_struct *mm, struct mmiod_translate *answer)
{
	int ret;

	for (unsigned int tries = LOCK_TRIES; !mmap_read_trylock(mm); usleep_range(10, 50))
		if (!--tries)
			return -EAGAIN;
	ret = translate_vma(mm, answer);
	mmap_read_unlock(mm);
	return ret;
}

/*
 * A reference on the memory of a process in the caller's pid namespace; NULL: there is no process,
 * or it has no memory.
 */
static struct mm_struct *mm_of(pid_t nr)
{
	struct pid *pid = find_get_pid(nr);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	struct mm_struct *mm = task ? get_task_mm(task) : NULL;

	if (task)
		put_task_struct(task);
	put_pid(pid);
	return mm;
}

/*
 * Disabled interrupts keep another process's tables only where the kernel frees tables after a
 * grace period. Otherwise it frees them after an interrupt to the processors that use them, so only
 * the caller's own are kept.
 */
static bool mm_keeps_tables(const struct mm_struct *mm)
{
	return IS_ENABLED(CONFIG_MMU_GATHER_RCU_TABLE_FREE) || mm == current->mm;
}

int mmiod_call_translate(struct mmiod_call *call)
{
	struct mmiod_translate *answer = call->arg;
	struct mm_struct *mm;
	int ret;

	if (!IS_ENABLED(CONFIG_X86_64))
		return -EOPNOTSUPP;
	*answer = (struct mmiod_translate){
		.size = answer->size,
		.pid = answer->pid,
		.address = answer->address,
	};
	if (answer->pid < 0 || answer->address >= TASK_SIZE_MAX)
		return -EINVAL;
	mm = answer->pid ? mm_of(answer->pid) : get_task_mm(current);
	if (!mm)
		return -ESRCH;
	ret = mm_keeps_tables(mm) ? translate_in(mm, answer) : -EOPNOTSUPP;
	/* Should the process have ended meanwhile, its memory is not the caller's to tear down. */
	mmput_async(mm);
	return ret;
}

/* ---- PAGE ---- */

static u64 copy_bit(unsigned long flags, unsigned int from, unsigned int to)
{
	return (u64)(flags >> from & 1) << to;
}

/*
 * The flags word is read once, and never through the checking accessors: the page may be anybody's,
 * and change under us.
 */
static u64 word_flags(unsigned long flags)
{
	u64 kpf = copy_bit(flags, PG_locked, KPF_LOCKED) |
		  copy_bit(flags, PG_referenced, KPF_REFERENCED) |
		  copy_bit(flags, PG_uptodate, KPF_UPTODATE) |
		  copy_bit(flags, PG_dirty, KPF_DIRTY) | copy_bit(flags, PG_lru, KPF_LRU) |
		  copy_bit(flags, PG_active, KPF_ACTIVE) |
		  copy_bit(flags, PG_writeback, KPF_WRITEBACK) |
		  copy_bit(flags, PG_reclaim, KPF_RECLAIM) |
		  copy_bit(flags, PG_swapbacked, KPF_SWAPBACKED) |
		  copy_bit(flags, PG_unevictable, KPF_UNEVICTABLE) |
		  copy_bit(flags, PG_mlocked, KPF_MLOCKED) |
		  copy_bit(flags, PG_reserved, KPF_RESERVED) |
		  copy_bit(flags, PG_private, KPF_PRIVATE) |
		  copy_bit(flags, PG_private_2, KPF_PRIVATE_2) |
		  copy_bit(flags, PG_owner_priv_1, KPF_OWNER_PRIVATE) |
		  copy_bit(flags, PG_arch_1, KPF_ARCH) |
		  copy_bit(flags, PG_anon_exclusive, KPF_OWNER_2);

#ifdef CONFIG_MEMORY_FAILURE
	kpf |= copy_bit(flags, PG_hwpoison, KPF_HWPOISON);
#endif
	if (flags & BIT(PG_swapcache) && flags & BIT(PG_swapbacked))
		kpf |= BIT_ULL(KPF_SWAPCACHE);
	return kpf;
}

/* Flags that no bit of the word says: the type of the page and of the compound page around it. */
static u64 kind_flags(struct page *page, struct page *head, unsigned long flags)
{
	unsigned long mapping = (unsigned long)READ_ONCE(head->mapping);
	bool compound = PageHead(head);
	u64 kpf = 0;

	if (compound)
		kpf |= page == head ? BIT_ULL(KPF_COMPOUND_HEAD) : BIT_ULL(KPF_COMPOUND_TAIL);
	if (PageSlab(head))
		return kpf | BIT_ULL(KPF_SLAB);
	if (PageOffline(page))
		kpf |= BIT_ULL(KPF_OFFLINE);
	if (PageTable(page))
		kpf |= BIT_ULL(KPF_PGTABLE);
	if (mapping & FOLIO_MAPPING_ANON) {
		kpf |= BIT_ULL(KPF_ANON);
		if ((mapping & FOLIO_MAPPING_FLAGS) == FOLIO_MAPPING_KSM)
			kpf |= BIT_ULL(KPF_KSM);
	}
	if (PageHuge(page))
		kpf |= BIT_ULL(KPF_HUGE);
	else if (compound && (flags & BIT(PG_lru) || mapping & FOLIO_MAPPING_ANON))
		kpf |= BIT_ULL(KPF_THP);
	if (is_zero_pfn(page_to_pfn(page)))
		kpf |= BIT_ULL(KPF_ZERO_PAGE);
	return kpf;
}

static u32 zone_of(const struct page *page)
{
	switch (page_zonenum(page)) {
#ifdef CONFIG_ZONE_DMA
	case ZONE_DMA:
		return MMIOD_ZONE_DMA;
#endif
#ifdef CONFIG_ZONE_DMA32
	case ZONE_DMA32:
		return MMIOD_ZONE_DMA32;
#endif
#ifdef CONFIG_HIGHMEM
	case ZONE_HIGHMEM:
		return MMIOD_ZONE_HIGHMEM;
#endif
#ifdef CONFIG_ZONE_DEVICE
	case ZONE_DEVICE:
		return MMIOD_ZONE_DEVICE;
#endif
	case ZONE_MOVABLE:
		return MMIOD_ZONE_MOVABLE;
	default:
		return MMIOD_ZONE_NORMAL;
	}
}

/*
 * The free block that a page lies in: only its first page is marked, its order is that page's
 * private field. The zone's lock is not taken, so an answer may be late by one allocation. A block
 * does not reach beyond its section, and a section is online whole.
 */
static struct page *free_block(struct page *page, unsigned int *order)
{
	unsigned long pfn = page_to_pfn(page);

	for (unsigned int i = 0; i <= MMIOD_LARGEST_ORDER; i++) {
		struct page *first = page - (pfn & ((1UL << i) - 1));

		if (!PageBuddy(first))
			continue;
		*order = READ_ONCE(first->private);
		if (*order >= i && *order <= MMIOD_LARGEST_ORDER)
			return first;
	}
	return NULL;
}

static void describe_page(struct page *page, struct mmiod_page *answer)
{
	struct page *head = compound_head(page), *block = NULL;
	unsigned long flags = mmiod_page_flags(head);

	answer->described = 1;
	answer->order = MMIOD_PAGE_ORDER_NONE;
	answer->flags = word_flags(flags) | kind_flags(page, head, flags);
	answer->refcount = page_ref_count(head);
	answer->mapcount = mmiod_page_mapcount(page, head);
	if (answer->mapcount)
		answer->flags |= BIT_ULL(KPF_MMAP);
	answer->zone = zone_of(page);
	answer->node = page_to_nid(page);
	if (PageHead(head))
		answer->order = compound_order(head);
	else if (!answer->refcount)
		block = free_block(page, &answer->order);
	if (block)
		answer->flags |= BIT_ULL(KPF_BUDDY);
	answer->head = page_to_pfn(block ?: head);
}

int mmiod_call_page(struct mmiod_call *call)
{
	struct mmiod_page *answer = call->arg;
	struct page *page = answer->pfn <= ULONG_MAX ? pfn_to_online_page(answer->pfn) : NULL;

	if (answer->reserved)
		return -EINVAL;
	*answer = (struct mmiod_page){
		.size = answer->size,
		.pfn = answer->pfn,
		.flags = BIT_ULL(KPF_NOPAGE),
	};
	if (page)
		describe_page(page, answer);
	return 0;
}
