/* SPDX-License-Identifier: MIT */
/*
 * The meaning of the bits of x86-64 page-table entries and of the kernel's page flags. Pure
 * functions.
 */
#ifndef MMIOCTL_PAGING_H
#define MMIOCTL_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of an entry; level as mmiod_translation_level() has it. */
bool entry_is_present(uint64_t entry);
bool entry_is_leaf(uint64_t entry, unsigned int level);
uint64_t entry_frame(uint64_t entry,
		     unsigned int level); /* physical address of what it points to */
void entry_bits(uint64_t entry, unsigned int level, char *out, size_t size); /* with commas */
const char *level_name(unsigned int level);
const char *memtype_name(unsigned int memtype); /* enum mmiod_memtype, in full */

void page_flag_names(uint64_t flags, char *out, size_t size); /* with commas */

/* Of /proc/PID/pagemap: one 64-bit word a page. */
struct pagemap_entry {
	bool present, swapped, shared, exclusive, soft_dirty;
	uint64_t pfn; /* 0: hidden, or not present */
};

void parse_pagemap(uint64_t word, struct pagemap_entry *entry);

#endif
