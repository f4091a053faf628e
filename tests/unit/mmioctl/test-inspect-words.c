/* SPDX-License-Identifier: MIT */
/*
 * The decoders of what the inspection verbs read: page-table
 * entries, page flags, and files of /proc and /sys.
 */
#include "system/paging.h"
#include "system/process.h"
#include "system/sysfs.h"

#include <criterion/criterion.h>
#include <linux/kernel-page-flags.h>
#include <string.h>

static void bits_are(uint64_t entry, unsigned int level, const char *expected)
{
	char bits[128];

	entry_bits(entry, level, bits, sizeof(bits));
	cr_assert_str_eq(bits, expected);
}

Test(paging, every_bit_of_a_pte_has_its_name)
{
	bits_are(1, 1, "present");
	bits_are(1ull | 1 << 1, 1, "present,write");
	bits_are(1ull | 1 << 2, 1, "present,user");
	bits_are(1ull | 1 << 3, 1, "present,pwt");
	bits_are(1ull | 1 << 4, 1, "present,pcd");
	bits_are(1ull | 1 << 5, 1, "present,accessed");
	bits_are(1ull | 1 << 6, 1, "present,dirty");
	bits_are(1ull | 1 << 7, 1, "present,pat");
	bits_are(1ull | 1 << 8, 1, "present,global");
	bits_are(1ull | 1ull << 63, 1, "present,nx");
}

Test(paging, bit_7_is_pat_in_a_pte_and_makes_a_large_leaf_above)
{
	bits_are(0x87, 1, "present,write,user,pat");
	bits_are(0x87, 2, "present,write,user,large");
	bits_are(0x87 | 1 << 12, 2, "present,write,user,pat,large");
	bits_are(0x67, 2, "present,write,user,accessed");
	cr_assert(entry_is_leaf(0x87, 3));
	cr_assert_not(entry_is_leaf(0x07, 3));
	cr_assert_not(entry_is_leaf(0x87, 5));
	cr_assert_not(entry_is_leaf(0x86, 1), "not present");
}

Test(paging, the_frame_of_a_large_leaf_is_without_its_pat_bit)
{
	cr_assert_eq(entry_frame(0x8000000012345067, 1), 0x12345000);
	cr_assert_eq(entry_frame(0x80000000402010e7, 2), 0x40200000);
	cr_assert_eq(entry_frame(0x0000000001003067, 2), 0x1003000);
}

Test(paging, what_is_not_present_says_so)
{
	bits_are(0, 1, "not present");
	bits_are(0x123456789abc0e, 1, "not present, the kernel's own");
}

Test(paging, levels_and_memory_types_have_names_and_unknown_ones_a_dash)
{
	cr_assert_str_eq(level_name(1), "PTE");
	cr_assert_str_eq(level_name(5), "PGD");
	cr_assert_str_eq(level_name(9), "-");
	cr_assert_str_eq(memtype_name(MMIOD_MEMTYPE_UC), "uncached (UC)");
	cr_assert_str_eq(memtype_name(MMIOD_MEMTYPE_UC_MINUS), "uncached (UC-)");
	cr_assert_str_eq(memtype_name(99), "-");
}

Test(paging, page_flags_are_named_and_unknown_ones_numbered)
{
	char names[512];

	page_flag_names(1ull << KPF_LRU | 1ull << KPF_ANON | 1ull << 63, names, sizeof(names));
	cr_assert_str_eq(names, "lru,anon,63");
	page_flag_names(0, names, sizeof(names));
	cr_assert_str_empty(names);
	page_flag_names(UINT64_MAX, names, sizeof(names));
	cr_assert_not_null(strstr(names, ",63"), "all fit: %s", names);
}

Test(paging, a_word_of_pagemap_has_a_frame_only_where_a_page_is_present)
{
	struct pagemap_entry entry;

	parse_pagemap(1ull << 63 | 1ull << 56 | 0x12345, &entry);
	cr_assert(entry.present && entry.exclusive && !entry.swapped);
	cr_assert_eq(entry.pfn, 0x12345);
	parse_pagemap(1ull << 62 | 0x777, &entry);
	cr_assert(entry.swapped && !entry.present);
	cr_assert_eq(entry.pfn, 0, "that is a place in swap");
	parse_pagemap(1ull << 63, &entry);
	cr_assert(entry.present);
	cr_assert_eq(entry.pfn, 0, "hidden");
}

/* ---- /proc/PID ---- */

Test(process, a_line_of_maps_is_read_whole)
{
	struct segment segment;

	cr_assert(parse_segment("7f0000000000-7f0000004000 rw-s 00001000 00:0e 17   "
				"/mmiod:shm+0x1000-0x5fff\n",
				&segment));
	cr_assert_eq(segment.start, 0x7f0000000000);
	cr_assert_eq(segment.end, 0x7f0000004000);
	cr_assert_eq(segment.offset, 0x1000);
	cr_assert_str_eq(segment.mode, "rw-s");
	cr_assert_str_eq(segment.name, "/mmiod:shm+0x1000-0x5fff");
	cr_assert(parse_segment("00400000-00401000 r-xp 00000000 00:00 0 \n", &segment));
	cr_assert_str_empty(segment.name);
}

Test(process, lines_that_are_no_segment_are_not_taken_for_one)
{
	struct segment segment;

	cr_assert_not(parse_segment("Rss:                  12 kB\n", &segment));
	cr_assert_not(parse_segment("VmFlags: rd wr sh\n", &segment));
	cr_assert_not(parse_segment("", &segment));
	cr_assert_not(parse_segment("5000-4000 rw-s 0 00:00 0 x\n", &segment), "ends first");
}

Test(process, sizes_of_smaps_add_up)
{
	struct segment segment = { 0 };

	cr_assert(parse_segment_detail("Rss:                  12 kB\n", &segment));
	cr_assert(parse_segment_detail("Shared_Dirty:          4 kB\n", &segment));
	cr_assert(parse_segment_detail("Private_Dirty:         8 kB\n", &segment));
	cr_assert_not(parse_segment_detail("Rss\n", &segment));
	cr_assert_not(parse_segment_detail("Referenced:           99 kB\n", &segment));
	cr_assert_eq(segment.rss, 12 << 10);
	cr_assert_eq(segment.dirty, 12 << 10);
}

Test(process, the_name_of_a_windows_file_is_taken_apart)
{
	struct window_name name;

	cr_assert(parse_window_name("/mmiod:a+b.c-d+0x1000-0x5fff", &name));
	cr_assert_str_eq(name.origin, "a+b.c-d");
	cr_assert_eq(name.start, 0x1000);
	cr_assert_eq(name.end, 0x5fff);
	cr_assert_not(parse_window_name("/mmiod:shm", &name));
	cr_assert_not(parse_window_name("/mmiod:+0x0-0x1000", &name), "no origin");
	cr_assert_not(parse_window_name("/tmp/mmiod:shm+0x0-0x1000", &name));
	cr_assert_not(parse_window_name("", &name));
}

Test(process, segments_come_one_by_one_from_maps_and_from_smaps)
{
	static const char text[] = "1000-2000 r--p 00000000 00:00 0 a\n"
				   "Rss:  4 kB\nVmFlags: rd\n"
				   "3000-5000 rw-p 00000000 00:00 0 b\n"
				   "5000-6000 rw-p 00000000 00:00 0 c\nRss: 8 kB\n";
	struct segments segments = { .file = fmemopen((void *)text, strlen(text), "r") };
	struct segment segment;

	cr_assert(next_segment(&segments, &segment));
	cr_assert_str_eq(segment.name, "a");
	cr_assert_eq(segment.rss, 4096);
	cr_assert(next_segment(&segments, &segment));
	cr_assert_str_eq(segment.name, "b");
	cr_assert_eq(segment.rss, 0);
	cr_assert(next_segment(&segments, &segment));
	cr_assert_str_eq(segment.name, "c");
	cr_assert_eq(segment.rss, 8192);
	cr_assert_not(next_segment(&segments, &segment));
	fclose(segments.file);
}

/* ---- /sys ---- */

Test(sysfs, bars_have_size_and_kind)
{
	struct pci_bar bar;

	cr_assert(parse_bar("0x00000000fea00000 0x00000000feafffff 0x0000000000040200\n", &bar));
	cr_assert_eq(bar.start, 0xfea00000);
	cr_assert_eq(bar.size, 1 << 20);
	cr_assert(!bar.io && !bar.prefetchable && !bar.wide);
	cr_assert(parse_bar("0x000000e000000000 0x000000e003ffffff 0x000000000014220c\n", &bar));
	cr_assert(bar.prefetchable && bar.wide);
	cr_assert(parse_bar("0x000000000000c000 0x000000000000c01f 0x0000000000040101\n", &bar));
	cr_assert(bar.io);
	cr_assert(parse_bar("0x0000000000000000 0x0000000000000000 0x0000000000000000\n", &bar));
	cr_assert_eq(bar.size, 0, "there is none");
	cr_assert_not(parse_bar("nonsense", &bar));
}
