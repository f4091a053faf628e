// SPDX-License-Identifier: MIT
/*
 * Cache attributes: what the page-table entries say, and that two windows never disagree on a page.
 */
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define WC MMIOD_ATTR_WC
#define RW (PROT_READ | PROT_WRITE)

/* x86: index into the PAT as Linux sets it up: WB, WC, UC-, UC. */
enum pat { PAT_WB, PAT_WC, PAT_UC_MINUS, PAT_UC };

static enum pat pat_of(const volatile void *address)
{
	uint64_t entry = ptewalk(address);

	EXPECT(entry & 1);
	EXPECT(!(entry & 1 << 7)); /* the upper half of the PAT is not in use */
	return (entry >> 3 & 1) | (entry >> 4 & 1) << 1;
}

static int attempt(int control, uint64_t offset, uint64_t length, uint32_t attr,
		   struct mmiod_window_create *create)
{
	*create = (struct mmiod_window_create){
		.region_id = region(control, "shm"),
		.offset = offset,
		.length = length,
		.attr = attr,
	};
	return try_window(control, create);
}

TEST(a_faulted_window_has_the_memory_type_it_asked_for)
{
	int control = open_control();
	int uc = window(control, "shm", 0, page(), UC, 0);
	int wc = window(control, "shm", 16 * page(), page(), WC, 0);
	uint8_t *uc_map = map_window(uc, page(), RW);
	uint8_t *wc_map = map_window(wc, page(), RW);

	EXPECT_EQ(touch_write(uc_map, 1), 0);
	EXPECT_EQ(touch_write(wc_map, 1), 0);
	EXPECT_EQ(pat_of(uc_map), PAT_UC_MINUS);
	EXPECT_EQ(pat_of(wc_map), PAT_WC);
}

static void expect_types(int (*fill)(int fd, void *address, size_t length))
{
	int control = open_control();
	int uc = window(control, "shm", 0, 4 * page(), UC, 0);
	int wc = window(control, "shm", 16 * page(), 4 * page(), WC, 0);
	uint8_t *uc_map = map_window(uc, 4 * page(), RW);
	uint8_t *wc_map = map_window(wc, 4 * page(), RW);

	EXPECT_EQ(fill(uc, uc_map, 4 * page()), 0);
	EXPECT_EQ(fill(wc, wc_map, 4 * page()), 0);
	for (size_t i = 0; i < 4; i++) {
		EXPECT_EQ(pat_of(uc_map + i * page()), PAT_UC_MINUS);
		EXPECT_EQ(pat_of(wc_map + i * page()), PAT_WC);
	}
}

TEST(a_populated_window_has_the_memory_type_it_asked_for)
{
	expect_types(populate);
}

TEST(a_window_populated_by_remap_pfn_range_has_the_memory_type_it_asked_for)
{
	expect_types(populate_exactly);
}

TEST(mediated_access_does_not_change_the_type_of_a_mapping)
{
	int control = open_control();
	int wc = window(control, "shm", 0, page(), WC, 0);
	int uc = window(control, "shm", page(), page(), UC, 0);
	uint8_t *wc_map, *uc_map;
	uint32_t value;

	EXPECT_EQ(pread(wc, &value, 4, 0), 4);
	EXPECT_EQ(pread(uc, &value, 4, 0), 4);
	wc_map = map_window(wc, page(), RW);
	uc_map = map_window(uc, page(), RW);
	EXPECT_EQ(touch_read(wc_map) | touch_read(uc_map), 0);
	EXPECT_EQ(pat_of(wc_map), PAT_WC);
	EXPECT_EQ(pat_of(uc_map), PAT_UC_MINUS);
}

TEST(another_attribute_on_the_same_page_is_refused_both_ways_and_names_the_window)
{
	int control = open_control();
	const uint32_t attrs[] = { UC, WC };

	for (int i = 0; i < 2; i++) {
		int held = window(control, "shm", 4 * page(), 4 * page(), attrs[i], 0);
		uint32_t other = attrs[!i];
		struct mmiod_window_create create;

		EXPECT_ERRNO(attempt(control, 4 * page(), page(), other, &create), EBUSY);
		EXPECT_EQ(create.conflict_id, window_id(held));
		EXPECT_ERRNO(attempt(control, 0, 16 * page(), other, &create), EBUSY);
		EXPECT_ERRNO(attempt(control, 7 * page() + 8, 8, other, &create), EBUSY);
		EXPECT(attempt(control, 0, 4 * page(), other, &create) >= 0);
		EXPECT(attempt(control, 8 * page(), page(), other, &create) >= 0);
		EXPECT(attempt(control, 5 * page(), page(), attrs[i], &create) >= 0);
		EXPECT_EQ(close(create.fd), 0);
		EXPECT_EQ(set_state(control, window_id(held), MMIOD_WINDOW_REVOKED), 0);
		close(held);
		for (int fd = 3; fd < 16; fd++)
			if (fd != control)
				close(fd);
	}
}

TEST(a_revoked_window_no_longer_holds_its_attribute)
{
	int control = open_control();
	int wc = window(control, "shm", 0, page(), WC, 0);
	uint8_t *old = map_window(wc, page(), RW), *new;
	struct mmiod_window_create create;

	EXPECT_EQ(touch_write(old, 1), 0);
	EXPECT_ERRNO(attempt(control, 0, page(), UC, &create), EBUSY);
	EXPECT_EQ(set_state(control, window_id(wc), MMIOD_WINDOW_REVOKED), 0);
	EXPECT(attempt(control, 0, page(), UC, &create) >= 0);
	new = map_window(create.fd, page(), RW);
	EXPECT_EQ(touch_write(new, 1), 0);
	EXPECT_EQ(pat_of(new), PAT_UC_MINUS);
}

TEST(a_revoked_window_leaves_no_page_table_entry)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 4 * page(), UC, 0);
	uint8_t *address = map_window(fd, 4 * page(), RW);

	EXPECT_EQ(populate(fd, address, 4 * page()), 0);
	EXPECT(ptewalk(address + page()) & 1);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	for (size_t i = 0; i < 4; i++)
		EXPECT_EQ(ptewalk(address + i * page()), 0);
}

TEST(write_back_is_refused_for_device_memory)
{
	int control = open_control();
	struct mmiod_window_create create;

	EXPECT_ERRNO(attempt(control, 0, page(), MMIOD_ATTR_WB, &create), EOPNOTSUPP);
	EXPECT_ERRNO(attempt(control, 0, page(), 0, &create), EINVAL);
	EXPECT_ERRNO(attempt(control, 0, page(), 4, &create), EINVAL);
}

static char *memtypes(void)
{
	return strdup(read_file("/sys/kernel/debug/x86/pat_memtype_list"));
}

TEST(the_memory_type_list_is_the_same_before_and_after)
{
	char *before = memtypes(), *after;
	int control = open_control();

	for (int round = 0; round < 3; round++) {
		int fd = window(control, "shm", 0, 8 * page(), WC, 0);
		uint8_t *address = map_window(fd, 8 * page(), RW);
		uint32_t value;

		EXPECT_EQ(populate(fd, address, 8 * page()), 0);
		EXPECT_EQ(pread(fd, &value, 4, 0), 4);
		EXPECT_EQ(munmap(address + 3 * page(), page()), 0);
		if (round == 1)
			EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
		munmap(address, 8 * page());
		close(fd);
	}
	after = memtypes();
	EXPECT(!strcmp(before, after));
	free(before);
	free(after);
}
