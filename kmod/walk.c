// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way from an address to its page-table leaf. Only a look: nothing is referenced, faulted in or
 * marked. For POPULATE, which asks what is mapped already, and for TRANSLATE (inspect.c).
 *
 * The walk is that of the kernel's own fast GUP. The kernel exports no walker of any address on all
 * versions, and mmap_lock alone does not keep page tables: munmap frees them with the lock
 * downgraded (so nobody walks where there is no VMA), and THP collapse without it. They are kept by
 * the contract for lockless walkers (mmu_gather.c): a table is freed only after an RCU grace
 * period, whose read side disabled interrupts are, or, without MMU_GATHER_RCU_TABLE_FREE, after an
 * interrupt on the processors that use that mm, which does for the caller's own only. Each level is
 * read once and the next one is found from that copy, so that a leaf that is split meanwhile is
 * seen as before or as after, never as a mixture.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "internal.h"

#ifdef MMIOD_CAN_WALK

/*
 * The processor looks at this bit alone; the kernel's pte_present() also takes PROT_NONE for
 * present.
 */
static bool present(u64 entry)
{
#ifdef CONFIG_X86_64
	return entry & _PAGE_PRESENT;
#else
	return entry & PTE_VALID;
#endif
}

static void note_entry(struct mmiod_walk *walk, enum mmiod_level level, u64 entry)
{
	walk->entries[level] = entry;
	walk->walked |= BIT(level);
}

static void note_leaf(struct mmiod_walk *walk, unsigned long leaf_size, unsigned long pfn)
{
	walk->leaf_size = leaf_size;
	walk->pfn = pfn;
}

static void walk_pmd(struct mmiod_walk *walk, pud_t *pudp, pud_t pud)
{
	pmd_t *pmdp = pmd_offset_lockless(pudp, pud, walk->address);
	pmd_t pmd = READ_ONCE(*pmdp);
	pte_t pte;

	note_entry(walk, MMIOD_LEVEL_PMD, pmd_val(pmd));
	if (!present(pmd_val(pmd)))
		return;
	if (pmd_leaf(pmd)) {
		note_leaf(walk, PMD_SIZE, pmd_pfn(pmd));
		return;
	}
	pte = READ_ONCE(*pte_offset_kernel(&pmd, walk->address));
	note_entry(walk, MMIOD_LEVEL_PTE, pte_val(pte));
	if (present(pte_val(pte)))
		note_leaf(walk, PAGE_SIZE, pte_pfn(pte));
}

static void walk_pud(struct mmiod_walk *walk, p4d_t *p4dp, p4d_t p4d)
{
	pud_t *pudp = pud_offset_lockless(p4dp, p4d, walk->address);
	pud_t pud = READ_ONCE(*pudp);

	note_entry(walk, MMIOD_LEVEL_PUD, pud_val(pud));
	if (!present(pud_val(pud)))
		return;
	if (pud_leaf(pud))
		note_leaf(walk, PUD_SIZE, pud_pfn(pud));
	else
		walk_pmd(walk, pudp, pud);
}

/* With four levels the P4D is folded into the PGD: reading it gives the PGD's entry. */
static void walk_pgd(struct mm_struct *mm, struct mmiod_walk *walk)
{
	pgd_t *pgdp = pgd_offset(mm, walk->address);
	pgd_t pgd = READ_ONCE(*pgdp);
	p4d_t *p4dp, p4d;

	note_entry(walk, MMIOD_LEVEL_PGD, pgd_val(pgd));
	if (!present(pgd_val(pgd)))
		return;
	p4dp = p4d_offset_lockless(pgdp, pgd, walk->address);
	p4d = READ_ONCE(*p4dp);
	if (!mm_p4d_folded(mm))
		note_entry(walk, MMIOD_LEVEL_P4D, p4d_val(p4d));
	if (present(p4d_val(p4d)))
		walk_pud(walk, p4dp, p4d);
}

/*
 * Walk to walk->address and fill in the rest, which was zero. The caller holds mmap_lock, or
 * another lock that keeps the VMA there. Does not sleep.
 */
void mmiod_walk(struct mm_struct *mm, struct mmiod_walk *walk)
{
	unsigned long flags;

	local_irq_save(flags);
	walk_pgd(mm, walk);
	local_irq_restore(flags);
}

#else

/* TRANSLATE says so (EOPNOTSUPP), and POPULATE goes page by page. */
void mmiod_walk(struct mm_struct *mm, struct mmiod_walk *walk)
{
}

#endif

/*
 * Bytes that the leaf at an address maps, 0: none is present. The caller holds a lock that keeps
 * the VMA; the leaf may change as soon as this returns, unless the caller keeps it, too.
 */
unsigned long mmiod_leaf_size(struct mm_struct *mm, unsigned long address)
{
	struct mmiod_walk walk = { .address = address };

	mmiod_walk(mm, &walk);
	return walk.leaf_size;
}
