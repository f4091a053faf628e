/* SPDX-License-Identifier: MIT */
/*
 * Decoders. The bits are the processor's (Intel SDM volume 3, 4.5) and the kernel's
 * (linux/kernel-page-flags.h, where bits above 31 are the kernel's own business and are shown by
 * number).
 */
#include "system/paging.h"

#include <linux/kernel-page-flags.h>
#include <mmiod/mmiod.h>
#include <stdio.h>
#include <string.h>

#define BIT(n) (1ull << (n))
#define FRAME_BITS 0x000ffffffffff000ull

bool entry_is_present(uint64_t entry)
{
	return entry & BIT(0);
}

/* The processor looks at bit 7 of a PMD or PUD; in a PTE that bit is PAT. */
bool entry_is_leaf(uint64_t entry, unsigned int level)
{
	return entry_is_present(entry) && (level == 1 || (level < 4 && entry & BIT(7)));
}

uint64_t entry_frame(uint64_t entry, unsigned int level)
{
	uint64_t low = level > 1 && entry_is_leaf(entry, level) ? BIT(12) : 0; /* PAT, no address */

	return entry & FRAME_BITS & ~low;
}

static void append(char *out, size_t size, const char *word)
{
	size_t length = strlen(out);

	snprintf(out + length, size - length, "%s%s", length ? "," : "", word);
}

void entry_bits(uint64_t entry, unsigned int level, char *out, size_t size)
{
	bool leaf = entry_is_leaf(entry, level);
	const struct {
		const char *name;
		uint64_t bit;
	} bits[] = {
		{ "present", BIT(0) },
		{ "write", BIT(1) },
		{ "user", BIT(2) },
		{ "pwt", BIT(3) },
		{ "pcd", BIT(4) },
		{ "accessed", BIT(5) },
		{ "dirty", leaf ? BIT(6) : 0 },
		{ "pat", !leaf	      ? 0
			 : level == 1 ? BIT(7)
				      : BIT(12) },
		{ "large", level > 1 && leaf ? BIT(7) : 0 },
		{ "global", leaf ? BIT(8) : 0 },
		{ "nx", BIT(63) },
	};

	out[0] = '\0';
	if (!entry_is_present(entry)) {
		append(out, size, entry ? "not present, the kernel's own" : "not present");
		return;
	}
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (entry & bits[i].bit)
			append(out, size, bits[i].name);
}

const char *level_name(unsigned int level)
{
	static const char *const names[] = { "-", "PTE", "PMD", "PUD", "P4D", "PGD" };

	return level < sizeof(names) / sizeof(names[0]) ? names[level] : "-";
}

const char *memtype_name(unsigned int memtype)
{
	static const char *const names[] = {
		[MMIOD_MEMTYPE_DEFAULT] = "-",
		[MMIOD_MEMTYPE_UC] = "uncached (UC)",
		[MMIOD_MEMTYPE_WC] = "write-combining (WC)",
		[MMIOD_MEMTYPE_WB] = "write-back (WB)",
		[MMIOD_MEMTYPE_WT] = "write-through (WT)",
		[MMIOD_MEMTYPE_WP] = "write-protected (WP)",
		[MMIOD_MEMTYPE_UC_MINUS] = "uncached (UC-)",
	};

	return memtype < sizeof(names) / sizeof(names[0]) ? names[memtype] : "-";
}

static const char *const flag_names[] = {
	[KPF_LOCKED] = "locked",
	[KPF_ERROR] = "error",
	[KPF_REFERENCED] = "referenced",
	[KPF_UPTODATE] = "uptodate",
	[KPF_DIRTY] = "dirty",
	[KPF_LRU] = "lru",
	[KPF_ACTIVE] = "active",
	[KPF_SLAB] = "slab",
	[KPF_WRITEBACK] = "writeback",
	[KPF_RECLAIM] = "reclaim",
	[KPF_BUDDY] = "buddy",
	[KPF_MMAP] = "mmap",
	[KPF_ANON] = "anon",
	[KPF_SWAPCACHE] = "swapcache",
	[KPF_SWAPBACKED] = "swapbacked",
	[KPF_COMPOUND_HEAD] = "compound_head",
	[KPF_COMPOUND_TAIL] = "compound_tail",
	[KPF_HUGE] = "huge",
	[KPF_UNEVICTABLE] = "unevictable",
	[KPF_HWPOISON] = "hwpoison",
	[KPF_NOPAGE] = "nopage",
	[KPF_KSM] = "ksm",
	[KPF_THP] = "thp",
	[KPF_OFFLINE] = "offline",
	[KPF_ZERO_PAGE] = "zero_page",
	[KPF_IDLE] = "idle",
	[KPF_PGTABLE] = "pgtable",
	/* From 32 on: not of the user's header, but these have been the same since 2.6.31. */
	[32] = "reserved",
	[33] = "mlocked",
	[34] = "mappedtodisk",
	[35] = "private",
	[36] = "private_2",
	[37] = "owner_private",
	[38] = "arch",
	[39] = "uncached",
	[40] = "softdirty",
	[41] = "arch_2",
};

void page_flag_names(uint64_t flags, char *out, size_t size)
{
	out[0] = '\0';
	for (unsigned int bit = 0; bit < 64; bit++) {
		char number[8];

		if (!(flags & BIT(bit)))
			continue;
		snprintf(number, sizeof(number), "%u", bit);
		append(out, size,
		       bit < sizeof(flag_names) / sizeof(flag_names[0]) && flag_names[bit]
			       ? flag_names[bit]
			       : number);
	}
}

/* Documentation/admin-guide/mm/pagemap.rst */
void parse_pagemap(uint64_t word, struct pagemap_entry *entry)
{
	*entry = (struct pagemap_entry){
		.present = word & BIT(63),
		.swapped = word & BIT(62),
		.shared = word & BIT(61),
		.exclusive = word & BIT(56),
		.soft_dirty = word & BIT(55),
	};
	if (entry->present)
		entry->pfn = word & (BIT(55) - 1);
}
