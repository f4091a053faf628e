// SPDX-License-Identifier: MIT
/*
 * Leaves of page tables: as large as the kernel has them for device memory (2 MiB and 1 GiB from
 * 6.12 on), a page table at a time where they do not fit, always on the right bytes, and gone after
 * a revoke whatever was done to the mapping.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/mempolicy.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define TABLE (2 * MIB) /* what one page table maps, and a leaf in its place */

/* Off by default; a test below says why. */
static void set_pmd_leaves(const char *value)
{
	EXPECT_EQ(write_file("/sys/module/mmiod/parameters", "pmd_leaves", value), 0);
}

static int open_with_leaves(void)
{
	set_pmd_leaves("Y");
	return open_control();
}

/* Tests with GiB of address space are for 64-bit programs. */
static void need_space(void)
{
	if (sizeof(void *) < 8)
		tap_skip("a 32-bit program has no room for it");
}

static uint64_t leaf(int control, const volatile void *address)
{
	return translation(control, address).leaf_size;
}

static uint64_t phys(int control, const volatile void *address)
{
	return translation(control, address).phys;
}

static uint64_t bigshm_phys(int control)
{
	return region_info(control, region(control, "bigshm")).phys;
}

/*
 * Somewhere, or at an address of this remainder modulo 1 GiB (2 MiB for 32-bit programs), which is
 * kept free.
 */
static uint8_t *place(size_t length, size_t remainder)
{
	size_t unit = sizeof(void *) < 8 ? TABLE : GIB;
	uint8_t *address = mmap(NULL, length + 2 * unit, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	EXPECT(address != MAP_FAILED);
	return address + (-(uintptr_t)address & (unit - 1)) + remainder;
}

static uint8_t *map_at(int fd, uint8_t *address, size_t length)
{
	EXPECT(mmap(address, length, RW, MAP_SHARED | MAP_FIXED, fd, 0) == address);
	return address;
}

static long faults(void)
{
	struct rusage usage;

	EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt + usage.ru_majflt;
}

/*
 * Store a byte by the mapping, find it by mediated access to the whole region at the offset where
 * it must be.
 */
static void expect_at(int control, volatile uint8_t *address, uint64_t offset, uint8_t value)
{
	int all = window(control, "bigshm", offset, 1, UC, 0);
	uint8_t found = 0;

	*address = value;
	EXPECT_EQ(pread(all, &found, 1, 0), 1);
	EXPECT_EQ(found, value);
	close(all);
}

static void take_back(int control, int fd)
{
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
}

TEST(a_window_of_gigabytes_is_mapped_by_leaves_as_large_as_fit)
{
	int control = open_with_leaves();
	const uint64_t length = 2 * GIB + 4 * MIB + 0x3000;
	struct mmiod_window_info info;
	uint8_t *address;
	int fd;

	need_space();
	need_huge_leaves();
	fd = window(control, "bigshm", 0, length, UC, 0);
	address = map_window(fd, length, RW);
	EXPECT_EQ(((uintptr_t)address ^ bigshm_phys(control)) % GIB, 0);
	for (uint64_t at = 0; at < length; at += 16 * MIB)
		EXPECT_EQ(touch_write(address + at, 1), 0);
	EXPECT_EQ(touch_write(address + length - 1, 1), 0);
	EXPECT_EQ(leaf(control, address + GIB), GIB);
	EXPECT_EQ(leaf(control, address + 2 * GIB), TABLE);
	EXPECT_EQ(leaf(control, address + length - 1), page());
	info = window_info(control, fd);
	EXPECT_EQ(info.fault_leaves[MMIOD_LEAF_PUD], 2);
	EXPECT_EQ(info.fault_leaves[MMIOD_LEAF_PMD], 1);
	EXPECT_EQ(info.fault_leaves[MMIOD_LEAF_PTE], 3);
	EXPECT_EQ(info.faults, 2 * (GIB / page()) + TABLE / page() + 3);
	EXPECT_EQ(info.populated, 0);
}

/* Whatever the parameter says, and whoever else has the same pages without the word. */
TEST(a_window_that_may_have_huge_leaves_has_them_and_its_neighbour_on_the_same_pages_has_none)
{
	int control = open_control();
	const uint64_t length = 4 * TABLE;
	uint8_t *huge, *safe, *moved;

	need_space();
	need_huge_leaves();
	set_pmd_leaves("N");
	huge = map_window(window(control, "bigshm", 0, length, UC, MMIOD_WINDOW_HUGE), length, RW);
	safe = map_window(window(control, "bigshm", 0, length, UC, 0), length, RW);
	for (uint64_t at = 0; at < length; at += TABLE) {
		EXPECT_EQ(touch_write(huge + at, 1), 0);
		EXPECT_EQ(touch_write(safe + at, 1), 0);
		EXPECT_EQ(leaf(control, huge + at), TABLE);
		EXPECT_EQ(leaf(control, safe + at), page());
	}
	moved = mremap(safe, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, huge);
	EXPECT(moved == huge);
	for (uint64_t at = 0; at < length; at += TABLE) {
		EXPECT_EQ(touch_write(moved + at, 1), 0);
		EXPECT_EQ(leaf(control, moved + at), page());
	}
}

TEST(the_ledger_tells_which_windows_may_have_huge_leaves)
{
	int control = open_control();
	int huge = window(control, "bigshm", 0, TABLE, UC, MMIOD_WINDOW_HUGE);
	int safe = window(control, "bigshm", 0, TABLE, UC, 0);

	EXPECT_EQ(window_info(control, huge).flags & MMIOD_WINDOW_HUGE, MMIOD_WINDOW_HUGE);
	EXPECT_EQ(window_info(control, safe).flags & MMIOD_WINDOW_HUGE, 0);
}

TEST(populate_makes_the_same_leaves_and_no_fault_follows)
{
	int control = open_with_leaves();
	const uint64_t length = 2 * GIB + 4 * MIB + 0x3000;
	struct mmiod_window_info info;
	uint8_t *address;
	long before;
	int fd;

	need_space();
	need_huge_leaves();
	fd = window(control, "bigshm", 0, length, UC, 0);
	address = map_window(fd, length, RW);
	EXPECT_EQ(populate(fd, address, length), 0);
	faults();
	before = faults();
	for (uint64_t at = 0; at < length; at += 64 * MIB - page())
		address[at] = 1;
	EXPECT_EQ(faults() - before, 0);
	info = window_info(control, fd);
	EXPECT_EQ(info.populate_leaves[MMIOD_LEAF_PUD], 2);
	EXPECT_EQ(info.populate_leaves[MMIOD_LEAF_PMD], 2);
	EXPECT_EQ(info.populate_leaves[MMIOD_LEAF_PTE], 3);
	EXPECT_EQ(info.populated, length / page());
	EXPECT_EQ(info.faults, 0);
}

TEST(a_window_at_an_odd_offset_has_huge_leaves_in_its_middle_and_its_bytes_in_place)
{
	int control = open_with_leaves();
	const uint64_t offset = 0x40005000, length = 6 * MIB;
	int fd = window(control, "bigshm", offset, length, UC, 0);
	uint8_t *address = map_window(fd, length, RW);
	const uint64_t middle = TABLE - offset % TABLE;

	for (uint64_t at = 0; at < length; at += 0x3f000)
		expect_at(control, address + at, offset + at, at / 0x3f000 + 1);
	expect_at(control, address + length - 1, offset + length - 1, 0xee);
	EXPECT_EQ(phys(control, address + middle), bigshm_phys(control) + offset + middle);
	EXPECT_EQ(leaf(control, address), page());
	EXPECT_EQ(leaf(control, address + middle), has_huge_leaves() ? TABLE : page());
	EXPECT_EQ(leaf(control, address + length - 1), page());
}

/* tests/vm/check looks it up in the file behind the memory, outside the guest. */
TEST(a_text_across_the_border_of_two_leaves_is_left_for_the_host)
{
	const char text[] = "from small to huge";
	const uint64_t offset = 0xc0005000, border = TABLE - 0x5000;
	int control = open_with_leaves();
	int fd = window(control, "bigshm", offset, 6 * MIB, UC, 0);
	uint8_t *address = map_window(fd, 6 * MIB, RW);

	for (size_t i = 0; text[i]; i++)
		((volatile uint8_t *)address)[border - 10 + i] = text[i];
	EXPECT_EQ(leaf(control, address + border - 1), page());
	EXPECT_EQ(leaf(control, address + border), has_huge_leaves() ? TABLE : page());
}

TEST(a_map_offset_is_congruent_too)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0x7000, 16 * MIB, UC, 0);
	const uint64_t offset = 3 * MIB + 0x2000, length = 8 * MIB;
	uint8_t *address = mmap(NULL, length, RW, MAP_SHARED, fd, offset);
	const uint64_t middle = TABLE - (offset + 0x7000) % TABLE;

	EXPECT(address != MAP_FAILED);
	expect_at(control, address, 0x7000 + offset, 1);
	expect_at(control, address + middle + 5, 0x7000 + offset + middle + 5, 2);
	expect_at(control, address + length - 1, 0x7000 + offset + length - 1, 3);
	EXPECT_EQ(leaf(control, address + middle), has_huge_leaves() ? TABLE : page());
}

TEST(an_address_that_is_asked_for_is_given)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 4 * TABLE, UC, 0);
	uint8_t *wanted = place(8 * TABLE, 0) + page(), *address;

	EXPECT_EQ(munmap(wanted, 4 * TABLE), 0);
	address = mmap(wanted, 4 * TABLE, RW, MAP_SHARED, fd, 0);
	EXPECT(address == wanted);
	address = mmap(wanted, 4 * TABLE, RW, MAP_SHARED, fd, 0);
	EXPECT(address != MAP_FAILED && address != wanted);
	if (has_huge_leaves())
		EXPECT_EQ(((uintptr_t)address ^ bigshm_phys(control)) % TABLE, 0);
}

TEST(where_address_and_frame_do_not_agree_one_fault_maps_a_page_table)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 4 * TABLE, UC, 0);
	uint8_t *address = map_at(fd, place(4 * TABLE, 3 * page()), 4 * TABLE);
	const uint64_t first = TABLE / page() - 3;

	expect_at(control, address + 7 * page(), 7 * page(), 1);
	EXPECT_EQ(window_info(control, fd).faults, first);
	expect_at(control, address + TABLE, TABLE, 2);
	EXPECT_EQ(window_info(control, fd).faults, first + TABLE / page());
	EXPECT_EQ(window_info(control, fd).fault_leaves[MMIOD_LEAF_PMD], 0);
	for (uint64_t at = 0; at < 2 * TABLE - 3 * page(); at += page())
		EXPECT_EQ(phys(control, address + at), bigshm_phys(control) + at);
	EXPECT_EQ(leaf(control, address + 2 * TABLE), 0);
}

TEST(huge_leaves_have_the_cache_type_of_their_window)
{
	int control = open_with_leaves();
	const uint32_t attrs[] = { UC, MMIOD_ATTR_WC };
	const uint32_t types[] = { MMIOD_ENTRY_UC_MINUS, MMIOD_ENTRY_WC };

	for (size_t i = 0; i < 2; i++) {
		const uint64_t offset = i * 16 * MIB, length = 3 * TABLE;
		int fd = window(control, "bigshm", offset + page(), length, attrs[i], 0);
		uint8_t *address = map_window(fd, length, RW);

		EXPECT_EQ(populate(fd, address, length), 0);
		for (uint64_t at = 0; at < length; at += TABLE / 2)
			EXPECT_EQ(translation(control, address + at).cache, types[i]);
	}
}

TEST(gigabyte_leaves_are_write_combining_where_the_window_is)
{
	int control = open_with_leaves();
	uint8_t *address;
	int fd;

	need_space();
	need_huge_leaves();
	fd = window(control, "bigshm", 0, 2 * GIB, MMIOD_ATTR_WC, 0);
	address = map_window(fd, 2 * GIB, RW);
	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(leaf(control, address), GIB);
	EXPECT_EQ(translation(control, address).cache, MMIOD_ENTRY_WC);
}

TEST(remap_pfn_range_within_a_gigabyte_leaf_leaves_nothing_wrong_behind)
{
	int control = open_with_leaves();
	uint8_t *address, *place;
	int fd;

	need_space();
	need_huge_leaves();
	fd = window(control, "bigshm", 0, 2 * GIB, UC, 0);
	address = map_window(fd, 2 * GIB, RW);
	place = address + GIB / 2;
	EXPECT_EQ(touch_write(place, 0x5a), 0);
	EXPECT_EQ(leaf(control, place), GIB);
	EXPECT_EQ(populate_exactly(fd, place, 2 * page()), 0);
	EXPECT_EQ(leaf(control, place), page());
	EXPECT_EQ(leaf(control, place + 2 * page()), 0);
	EXPECT_EQ(place[0], 0x5a);
	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(touch_write(address + GIB, 2), 0);
	take_back(control, fd);
	EXPECT_EQ(touch_read(place), SIGBUS);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_EQ(touch_read(address + GIB), SIGBUS);
}

TEST(a_read_only_window_has_read_only_huge_leaves)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 2 * TABLE, UC, MMIOD_WINDOW_READONLY);
	uint8_t *address = map_window(fd, 2 * TABLE, PROT_READ);

	EXPECT_EQ(populate(fd, address, 2 * TABLE), 0);
	EXPECT_EQ(touch_read(address + TABLE), 0);
	EXPECT_EQ(touch_write(address + TABLE, 1), SIGSEGV);
	EXPECT_ERRNO(mprotect(address, TABLE, RW), EACCES);
}

TEST(rights_taken_and_given_back_are_those_of_the_leaf)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 2 * TABLE, UC, 0);
	uint8_t *address = map_window(fd, 2 * TABLE, RW);

	EXPECT_EQ(populate(fd, address, 2 * TABLE), 0);
	EXPECT_EQ(mprotect(address, 2 * TABLE, PROT_READ), 0);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_write(address, 1), SIGSEGV);
	EXPECT_EQ(mprotect(address, 2 * TABLE, RW), 0);
	expect_at(control, address, 0, 0x17);
	expect_at(control, address + 2 * TABLE - 1, 2 * TABLE - 1, 0x18);
}

/* ---- mappings that are changed: with leaves of 2 MiB, and of 1 GiB ---- */

/* Something every 1/8 of a window, to be found again wherever it then is. */
enum { MARKS = 8 };

static void mark(uint8_t *address, uint64_t length)
{
	for (size_t i = 0; i < MARKS; i++)
		address[length / MARKS * i + i] = 0x51 + i;
}

static void expect_mark(int control, uint8_t *address, uint64_t length, size_t i)
{
	uint8_t *at = address + length / MARKS * i + i;

	EXPECT_EQ(*at, 0x51 + i);
	EXPECT_EQ(phys(control, at), bigshm_phys(control) + length / MARKS * i + i);
}

static void one_page_is_protected(int control, uint64_t length)
{
	int fd = window(control, "bigshm", 0, length, UC, 0);
	uint8_t *address = map_window(fd, length, RW);
	uint8_t *page_of = address + length / 2 + 3 * page();

	EXPECT_EQ(populate(fd, address, length), 0);
	mark(address, length);
	EXPECT_EQ(mprotect(page_of, page(), PROT_READ), 0);
	EXPECT_EQ(touch_write(page_of, 1), SIGSEGV);
	EXPECT_EQ(touch_read(page_of), 0);
	EXPECT_EQ(touch_write(page_of - 1, 0), 0);
	EXPECT_EQ(touch_write(page_of + page(), 0), 0);
	for (size_t i = 0; i < MARKS; i++)
		expect_mark(control, address, length, i);
	EXPECT_EQ(leaf(control, page_of), page());
	EXPECT_EQ(window_info(control, fd).mappings, 3);
	take_back(control, fd);
	for (uint64_t at = 0; at < length; at += length / 16)
		EXPECT_EQ(touch_read(address + at), SIGBUS);
	EXPECT_EQ(touch_read(page_of), SIGBUS);
	munmap(address, length);
	close(fd);
}

static void one_page_is_unmapped(int control, uint64_t length)
{
	int fd = window(control, "bigshm", 0, length, UC, 0);
	uint8_t *address = map_window(fd, length, RW);
	uint8_t *hole = address + length / 2 + 3 * page();

	EXPECT_EQ(populate(fd, address, length), 0);
	mark(address, length);
	EXPECT_EQ(munmap(hole, page()), 0);
	EXPECT_EQ(touch_read(hole), SIGSEGV);
	for (size_t i = 0; i < MARKS; i++)
		expect_mark(control, address, length, i);
	EXPECT_EQ(window_info(control, fd).mappings, 2);
	take_back(control, fd);
	EXPECT_EQ(touch_read(hole - 1), SIGBUS);
	EXPECT_EQ(touch_read(hole + page()), SIGBUS);
	munmap(address, length);
	EXPECT_EQ(window_info(control, fd).mappings, 0);
	close(fd);
}

/*
 * Move it to an address of that remainder; nothing may be left at the old one, not even in a TLB.
 */
static void it_is_moved(int control, uint64_t length, uint64_t remainder)
{
	int fd = window(control, "bigshm", 0, length, UC, 0);
	uint8_t *old = map_window(fd, length, RW);
	uint8_t *new = place(length, remainder);

	EXPECT_EQ(populate(fd, old, length), 0);
	mark(old, length);
	EXPECT(mremap(old, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, new) == new);
	for (size_t i = 0; i < MARKS; i++)
		EXPECT_EQ(touch_read(old + length / MARKS * i + i), SIGSEGV);
	for (size_t i = 0; i < MARKS; i++)
		expect_mark(control, new, length, i);
	take_back(control, fd);
	for (size_t i = 0; i < MARKS; i++)
		EXPECT_EQ(touch_read(new + length / MARKS *i), SIGBUS);
	munmap(new, length);
	close(fd);
}

static void it_is_inherited(int control, uint64_t length)
{
	int fd = window(control, "bigshm", 0, length, UC, 0), status;
	uint8_t *address = map_window(fd, length, RW);
	pid_t child;

	EXPECT_EQ(populate(fd, address, length), 0);
	mark(address, length);
	child = fork();
	if (!child) {
		for (size_t i = 0; i < MARKS; i++)
			expect_mark(control, address, length, i);
		raise(SIGSTOP);
		_exit(touch_read(address) == SIGBUS &&
				      touch_write(address + length - 1, 1) == SIGBUS
			      ? 0
			      : 1);
	}
	EXPECT_EQ(waitpid(child, &status, WUNTRACED), child);
	EXPECT(WIFSTOPPED(status));
	EXPECT_EQ(window_info(control, fd).mappings, 2);
	take_back(control, fd);
	EXPECT_EQ(kill(child, SIGCONT), 0);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	munmap(address, length);
	close(fd);
}

TEST(a_mapping_of_2_mib_leaves_survives_mprotect_munmap_mremap_and_fork)
{
	int control = open_with_leaves();

	one_page_is_protected(control, 4 * TABLE);
	one_page_is_unmapped(control, 4 * TABLE);
	it_is_moved(control, 4 * TABLE, 0);
	it_is_moved(control, 4 * TABLE, 5 * page());
	it_is_inherited(control, 4 * TABLE);
}

TEST_WITHIN(120, a_mapping_of_1_gib_leaves_survives_mprotect_munmap_mremap_and_fork)
{
	int control = open_with_leaves();

	need_space();
	need_huge_leaves();
	one_page_is_protected(control, 2 * GIB);
	one_page_is_unmapped(control, 2 * GIB);
	it_is_moved(control, 2 * GIB, 0);
	it_is_moved(control, 2 * GIB, TABLE);
	it_is_moved(control, 2 * GIB, 5 * page());
	it_is_inherited(control, 2 * GIB);
}

/*
 * In 6.12, mbind(MPOL_MF_STRICT) brings the kernel down when it meets a leaf of 2 MiB of device
 * memory. Therefore the module does not make such leaves by default; all other leaves must survive
 * the call.
 */
TEST(a_strict_memory_policy_meets_no_leaf_that_the_kernel_cannot_bear)
{
	const uint64_t length = sizeof(void *) < 8 ? 16 * MIB : 2 * GIB + 4 * TABLE;
	unsigned long nodes = 1;
	int control = open_control();
	uint8_t *address;
	int fd;

	set_pmd_leaves("N");
	fd = window(control, "bigshm", 0, length, UC, 0);
	address = map_window(fd, length, RW);
	EXPECT_EQ(populate(fd, address, length), 0);
	EXPECT_EQ(window_info(control, fd).populate_leaves[MMIOD_LEAF_PMD], 0);
	EXPECT_EQ(leaf(control, address + length - 1), page());
	syscall(SYS_mbind, address, length, MPOL_BIND, &nodes, 8 * sizeof(nodes), MPOL_MF_STRICT);
	expect_at(control, address, 0, 1);
	expect_at(control, address + length - 1, length - 1, 2);
}

TEST(populate_completes_page_tables_that_a_move_left_half_full)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 4 * TABLE, UC, 0);
	uint8_t *address = map_at(fd, place(4 * TABLE, 3 * page()), 4 * TABLE);
	uint8_t *new = place(4 * TABLE, 100 * page());
	long before;

	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT(mremap(address, 4 * TABLE, 4 * TABLE, MREMAP_MAYMOVE | MREMAP_FIXED, new) == new);
	EXPECT_EQ(populate(fd, new, 4 * TABLE), 0);
	faults();
	before = faults();
	for (uint64_t at = 0; at < 4 * TABLE; at += page())
		(void)*(volatile uint8_t *)(new + at);
	EXPECT_EQ(faults() - before, 0);
	for (uint64_t at = 0; at < 4 * TABLE; at += 37 * page())
		EXPECT_EQ(phys(control, new + at), bigshm_phys(control) + at);
}

TEST(a_revoked_window_with_a_dummy_page_reads_ones_where_huge_leaves_were)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 2 * TABLE, UC, MMIOD_WINDOW_DUMMY);
	volatile uint8_t *address = map_window(fd, 2 * TABLE, RW);

	EXPECT_EQ(populate(fd, (void *)address, 2 * TABLE), 0);
	address[TABLE] = 1;
	take_back(control, fd);
	EXPECT_EQ(address[0], 0xff);
	EXPECT_EQ(address[TABLE], 0xff);
	EXPECT_EQ(leaf(control, address), page());
}

TEST(a_suspended_window_comes_back_with_its_huge_leaves)
{
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, 2 * TABLE, UC, 0);
	volatile uint8_t *address = map_window(fd, 2 * TABLE, RW);

	address[0] = 0x5a;
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(touch_read(address), SIGBUS);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_OK), 0);
	EXPECT_EQ(address[0], 0x5a);
	EXPECT_EQ(leaf(control, address), has_huge_leaves() ? TABLE : page());
}

/* ---- the ledger's structure grew: a caller of its first version gets that, and no more ---- */

TEST(the_ledger_answers_a_caller_that_knows_no_leaves)
{
	struct {
		struct mmiod_window_info info;
		uint64_t behind;
	} old = { .info.size = offsetof(struct mmiod_window_info, fault_leaves) };
	int control = open_with_leaves();
	int fd = window(control, "bigshm", 0, page(), UC, 0);

	EXPECT_EQ(touch_write(map_window(fd, page(), RW), 1), 0);
	memset(old.info.fault_leaves, 0x77, sizeof(old.info.fault_leaves));
	old.info.window_id = window_id(fd) - 1;
	EXPECT_EQ(ioctl(control, MMIOD_IOC_WINDOW_NEXT, &old.info), 0);
	EXPECT_EQ(old.info.faults, 1);
	EXPECT_EQ(old.info.fault_leaves[0], 0x7777777777777777);
	old.info.size -= 8;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_NEXT, &old.info), EINVAL);
}

/* ---- races: no leaf of any size survives a revoke ---- */

struct race {
	int fd;
	uint8_t *address;
	uint64_t length, step;
	bool populates, moves;
	atomic_bool go;
};

static void *map_in_a_race(void *argument)
{
	struct race *race = argument;

	while (!atomic_load(&race->go))
		sched_yield();
	if (race->populates)
		return (void *)(intptr_t)populate(race->fd, race->address, race->length);
	for (uint64_t at = 0; at < race->length; at += race->step)
		if (touch_write(race->address + at, 1))
			return NULL;
	return NULL;
}

static void race_once(int control, struct race *race, unsigned int round)
{
	pthread_t threads[2];

	race->fd = window(control, "bigshm", 0, race->length, UC, 0);
	race->address = race->moves ? map_at(race->fd, race->address, race->length)
				    : map_window(race->fd, race->length, RW);
	atomic_store(&race->go, false);
	for (size_t i = 0; i < 2; i++)
		EXPECT_EQ(pthread_create(&threads[i], NULL, map_in_a_race, race), 0);
	atomic_store(&race->go, true);
	for (unsigned int i = 0; i < round % 20; i++)
		sched_yield();
	take_back(control, race->fd);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (uint64_t at = 0; at < race->length; at += race->step) {
		EXPECT_EQ(leaf(control, race->address + at), 0);
		EXPECT_EQ(touch_read(race->address + at), SIGBUS);
	}
	if (!race->moves)
		munmap(race->address, race->length);
	close(race->fd);
}

static void race_often(struct race race)
{
	int control = open_with_leaves();

	for (int round = 0; round < tap_rounds(60); round++) {
		race_once(control, &race, round);
		race.populates = !race.populates;
	}
}

TEST_WITHIN(300, no_leaf_of_2_mib_survives_a_revoke_that_races_with_faults_and_populate)
{
	race_often((struct race){ .length = 64 * MIB, .step = TABLE / 2 });
}

TEST_WITHIN(300, no_page_table_survives_a_revoke_that_races_with_faults_and_populate)
{
	race_often((struct race){ .length = 32 * MIB,
				  .step = TABLE / 2,
				  .moves = true,
				  .address = place(32 * MIB, page()) });
}

TEST_WITHIN(300, no_leaf_of_1_gib_survives_a_revoke_that_races_with_faults_and_populate)
{
	need_space();
	need_huge_leaves();
	race_often((struct race){ .length = 4 * GIB, .step = GIB / 2 });
}
