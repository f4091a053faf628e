// SPDX-License-Identifier: MIT
/*
 * Scatter windows: several extents of a region behind one file, one after the other in the order of
 * the list. Every way to the memory leads to the page that the list says, bounds and attribute hold
 * for each extent, and a revoke takes all of them.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define WC MMIOD_ATTR_WC
#define RW (PROT_READ | PROT_WRITE)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define MOST MMIOD_WINDOW_EXTENTS_MAX
#define COUNT(list) (sizeof(list) / sizeof(*(list)))

/* Six pages: of page 8, 9; 1; 20, 21, 22. */
#define PAGES 6
static const unsigned int where[PAGES] = { 8, 9, 1, 20, 21, 22 };

static struct mmiod_window_extent extent(uint64_t first, uint64_t pages)
{
	return (struct mmiod_window_extent){ .offset = first * page(), .length = pages * page() };
}

static struct mmiod_window_create wish(int control, const char *name,
				       const struct mmiod_window_extent *list, uint32_t count)
{
	struct mmiod_window_create create = {
		.region_id = region(control, name),
		.attr = UC,
		.nr_extents = count,
		.extents = (uintptr_t)list,
	};

	for (uint32_t i = 0; i < count; i++)
		create.length += list[i].length;
	return create;
}

static int scatter_as(int control, const char *name, const struct mmiod_window_extent *list,
		      uint32_t count, uint32_t attr, uint32_t flags)
{
	struct mmiod_window_create create = wish(control, name, list, count);
	int fd;

	create.attr = attr;
	create.flags = flags;
	fd = try_window(control, &create);
	if (fd < 0)
		FAIL("no window of %u extents: %s", count, strerror(errno));
	return fd;
}

/* The six pages. */
static int six(int control, uint32_t attr, uint32_t flags)
{
	const struct mmiod_window_extent list[] = { extent(8, 2), extent(1, 1), extent(20, 3) };

	return scatter_as(control, "shm", list, COUNT(list), attr, flags);
}

/* Every other page of the region from the highest on, so that no two follow each other. */
static int many(int control, uint32_t attr)
{
	static struct mmiod_window_extent list[MOST];

	for (unsigned int i = 0; i < MOST; i++)
		list[i] = extent(2 * (MOST - 1 - i), 1);
	return scatter_as(control, "shm", list, MOST, attr, 0);
}

/* All of the region, to look at what the others wrote. */
static volatile uint8_t *whole(int control, uint32_t attr)
{
	return map_window(window(control, "shm", 0, 32 * MIB, attr, 0), 32 * MIB, RW);
}

static void number_pages(int control)
{
	volatile uint8_t *all = whole(control, UC);

	for (unsigned int i = 0; i < 32; i++)
		all[i * page()] = 0x40 + i;
}

/* What each page begins with, from that page of the window on. */
static void expect_numbers(const volatile uint8_t *address, unsigned int first, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		EXPECT_EQ(address[i * page()], 0x40 + where[first + i]);
}

static void expect_phys(int control, const uint8_t *address, const char *name, uint64_t offset)
{
	EXPECT_EQ(translation(control, address).phys,
		  region_info(control, region(control, name)).phys + offset);
}

static void take_back(int control, int fd)
{
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
}

static void expect_gone(const uint8_t *address, size_t length)
{
	for (size_t at = 0; at < length; at += page())
		EXPECT_EQ(touch_read(address + at), SIGBUS);
}

/* ---- the right pages ---- */

TEST(a_window_of_several_extents_shows_their_pages_in_the_order_of_the_list)
{
	int control = open_control();
	int fd = six(control, UC, 0);
	uint8_t *address = map_window(fd, PAGES * page(), RW);

	number_pages(control);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), (off_t)(PAGES * page()));
	expect_numbers(address, 0, PAGES);
	for (unsigned int i = 0; i < PAGES; i++)
		expect_phys(control, address + i * page(), "shm", where[i] * page());
	EXPECT_EQ(window_info(control, fd).faults, PAGES);
}

TEST(a_mapping_may_begin_and_end_within_any_extent)
{
	int control = open_control();
	int fd = six(control, UC, 0);

	number_pages(control);
	for (unsigned int first = 0; first < PAGES; first++) {
		for (unsigned int pages = 1; pages <= PAGES - first; pages++) {
			uint8_t *address =
				mmap(NULL, pages * page(), RW, MAP_SHARED, fd, first * page());

			EXPECT(address != MAP_FAILED);
			expect_numbers(address, first, pages);
			EXPECT_EQ(munmap(address, pages * page()), 0);
		}
	}
	EXPECT(mmap(NULL, 2 * page(), RW, MAP_SHARED, fd, 5 * page()) == MAP_FAILED);
	EXPECT(mmap(NULL, page(), RW, MAP_SHARED, fd, PAGES * page()) == MAP_FAILED);
}

static void expect_populated(int (*fill)(int fd, void *address, size_t length))
{
	int control = open_control();
	int fd = six(control, WC, 0);
	uint8_t *address = map_window(fd, PAGES * page(), RW);

	EXPECT_EQ(fill(fd, address + page(), 3 * page()), 0);
	EXPECT_EQ(fill(fd, address, PAGES * page()), 0);
	for (unsigned int i = 0; i < PAGES; i++) {
		expect_phys(control, address + i * page(), "shm", where[i] * page());
		EXPECT_EQ(translation(control, address + i * page()).cache, MMIOD_ENTRY_WC);
	}
	EXPECT_EQ(window_info(control, fd).faults, 0);
}

TEST(populate_maps_all_extents_with_the_window_s_memory_type)
{
	expect_populated(populate);
}

TEST(remap_pfn_range_maps_all_extents_with_the_window_s_memory_type)
{
	expect_populated(populate_exactly);
}

TEST(mediated_access_crosses_from_one_extent_to_the_next)
{
	int control = open_control();
	int fd = six(control, UC, 0);
	const size_t length = PAGES * page();
	uint8_t *data = malloc(length), *back = malloc(length);
	volatile uint8_t *all = whole(control, UC);

	EXPECT(data && back);
	for (size_t i = 0; i < length; i++)
		data[i] = i * 7 + i / page();
	EXPECT_EQ(pwrite(fd, data, length, 0), (ssize_t)length);
	for (size_t i = 0; i < length; i++)
		EXPECT_EQ(all[where[i / page()] * page() + i % page()], data[i]);
	EXPECT_EQ(pread(fd, back, length - 8, 8), (ssize_t)length - 8);
	EXPECT(!memcmp(back, data + 8, length - 8));
	EXPECT_EQ(pread(fd, back, 2 * page(), length - page()), (ssize_t)page());
	free(data);
	free(back);
}

TEST(bulk_access_crosses_from_one_extent_to_the_next_and_touches_no_neighbour)
{
	int control = open_control();
	int fd = six(control, UC, 0);
	volatile uint8_t *all = whole(control, UC);
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = MMIOD_ACCESS_FILL,
					      .offset = 2 * page() - 5,
					      .count = page() + 10,
					      .value = 0x5a };

	for (size_t i = 0; i < 24 * page(); i++)
		all[i] = 0;
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_ACCESS, &access), 0);
	EXPECT_EQ(access.count, page() + 10);
	for (size_t i = 0; i < 24 * page(); i++)
		EXPECT_EQ(all[i], i / page() == 1 || (i >= 10 * page() - 5 && i < 10 * page()) ||
						  (i >= 20 * page() && i < 20 * page() + 5)
					  ? 0x5a
					  : 0);
	access.offset = PAGES * page() - 8;
	access.count = 9;
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_ACCESS, &access), EINVAL);
}

TEST(a_window_of_as_many_extents_as_there_may_be_shows_each_of_them)
{
	int control = open_control();
	int fd = many(control, WC);
	uint8_t *address = map_window(fd, MOST * page(), RW);
	volatile uint8_t *all = whole(control, WC);

	EXPECT_EQ(populate(fd, address, MOST * page()), 0);
	for (unsigned int i = 0; i < MOST; i++)
		*(volatile uint32_t *)(address + i * page()) = i + 1;
	(void)address[0];
	for (unsigned int i = 0; i < MOST; i++)
		EXPECT_EQ(*(volatile uint32_t *)(all + 2 * (MOST - 1 - i) * page()), i + 1);
	EXPECT_EQ(window_info(control, fd).populated, MOST);
	take_back(control, fd);
	expect_gone(address, MOST * page());
}

/* Sorted by falling size, and each aligned to it; the third would do for a leaf but for its end. */
TEST(extents_have_leaves_as_large_as_fit_into_them)
{
	int control = open_control();
	const struct mmiod_window_extent list[] = { { .offset = 64 * MIB, .length = 4 * MIB },
						    { .offset = 8 * MIB, .length = 2 * MIB },
						    { .offset = 2 * MIB, .length = MIB },
						    { .offset = 1 * MIB, .length = MIB } };
	uint8_t *address;
	int fd;

	need_huge_leaves();
	fd = scatter_as(control, "bigshm", list, COUNT(list), UC, MMIOD_WINDOW_HUGE);
	address = map_window(fd, 8 * MIB, RW);
	for (size_t at = 0; at < 8 * MIB; at += page())
		EXPECT_EQ(touch_read(address + at), 0);
	EXPECT_EQ(translation(control, address + 2 * MIB).leaf_size, 2 * MIB);
	EXPECT_EQ(translation(control, address + 4 * MIB).leaf_size, 2 * MIB);
	EXPECT_EQ(translation(control, address + 6 * MIB).leaf_size, page());
	expect_phys(control, address + 4 * MIB - 1, "bigshm", 68 * MIB - 1);
	expect_phys(control, address + 4 * MIB, "bigshm", 8 * MIB);
	expect_phys(control, address + 7 * MIB - 1, "bigshm", 3 * MIB - 1);
	expect_phys(control, address + 7 * MIB, "bigshm", MIB);
	EXPECT_EQ(window_info(control, fd).fault_leaves[MMIOD_LEAF_PMD], 3);
	EXPECT_EQ(window_info(control, fd).fault_leaves[MMIOD_LEAF_PTE], 2 * MIB / page());
	take_back(control, fd);
	expect_gone(address, 8 * MIB);
}

TEST(an_extent_of_a_gigabyte_and_its_neighbour_survive_a_move_across_the_boundary)
{
	int control = open_control();
	const struct mmiod_window_extent list[] = { { .offset = GIB, .length = GIB },
						    { .offset = 2 * MIB, .length = 2 * MIB } };
	uint8_t *address, *moved;
	int fd;

	need_huge_leaves();
	if (sizeof(void *) < 8)
		tap_skip("a 32-bit program has no room for it");
	fd = scatter_as(control, "bigshm", list, COUNT(list), UC, 0);
	address = map_window(fd, GIB + 2 * MIB, RW);
	EXPECT_EQ(touch_read(address), 0);
	EXPECT_EQ(touch_read(address + GIB), 0);
	EXPECT_EQ(translation(control, address).leaf_size, GIB);
	expect_phys(control, address + GIB, "bigshm", 2 * MIB);
	moved = mremap(address + GIB - 2 * MIB, 4 * MIB, 4 * MIB, MREMAP_MAYMOVE);
	EXPECT(moved != MAP_FAILED);
	EXPECT_EQ(touch_read(moved), 0);
	EXPECT_EQ(touch_read(moved + 2 * MIB), 0);
	expect_phys(control, moved, "bigshm", 2 * GIB - 2 * MIB);
	expect_phys(control, moved + 2 * MIB, "bigshm", 2 * MIB);
	take_back(control, fd);
	expect_gone(moved, 4 * MIB);
	EXPECT_EQ(touch_read(address), SIGBUS);
}

/* ---- what is refused ---- */

static void expect_refused(int control, const struct mmiod_window_extent *list, uint32_t count,
			   int error)
{
	struct mmiod_window_create create = wish(control, "shm", list, count);

	EXPECT_ERRNO(try_window(control, &create), error);
}

TEST(lists_of_extents_that_are_not_several_whole_pages_of_the_region_are_refused)
{
	int control = open_control();
	const uint64_t last = SHM_SIZE / page() - 1;
	const struct mmiod_window_extent bad[][2] = {
		{ extent(4, 2), extent(4, 2) }, /* the same, and overlapping */
		{ extent(4, 2), extent(5, 2) },
		{ extent(4, 1), extent(0, 8) },
		{ extent(0, 1), extent(last, 2) }, /* beyond the region, and wrapping */
		{ extent(0, 1), extent(last + 1, 1) },
		{ extent(0, 1), { .offset = -(uint64_t)page(), .length = page() } },
		{ extent(1, 1), { .offset = 2 * page(), .length = -(uint64_t)page() } },
		{ extent(1, 1), extent(3, 0) }, /* empty */
		{ extent(1, 1), { .offset = 3 * page() + 8, .length = page() } }, /* not whole */
		{ extent(1, 1), { .offset = 3 * page(), .length = page() - 8 } },
	};
	int fd;

	for (size_t i = 0; i < COUNT(bad); i++)
		expect_refused(control, bad[i], 2, EINVAL);
	fd = scatter_as(control, "shm",
			(struct mmiod_window_extent[]){ extent(last, 1), extent(last - 1, 1) }, 2,
			UC, 0);
	close(fd);
}

TEST(too_few_and_too_many_extents_are_refused)
{
	static struct mmiod_window_extent list[MOST + 1];
	int control = open_control();

	for (unsigned int i = 0; i < COUNT(list); i++)
		list[i] = extent(2 * i, 1);
	expect_refused(control, list, 1, EINVAL);
	expect_refused(control, list, MOST + 1, EINVAL);
	close(scatter_as(control, "shm", list, MOST, UC, 0));
}

TEST(a_list_that_says_something_else_than_its_window_is_refused)
{
	int control = open_control();
	const struct mmiod_window_extent list[] = { extent(0, 1), extent(4, 2) };
	const struct mmiod_window_create good = wish(control, "shm", list, 2);
	struct mmiod_window_create create = good;

	create.length += page();
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create.length = page();
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create = good;
	create.offset = page();
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create = good;
	create.reserved2 = 1;
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create = good;
	create.nr_extents = 0;
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create = good;
	create.extents = 0;
	EXPECT_ERRNO(try_window(control, &create), EFAULT);
	create.extents =
		(uintptr_t)mmap(NULL, page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_ERRNO(try_window(control, &create), EFAULT);
	create = good;
	close(try_window(control, &create));
}

TEST(a_caller_whose_structure_ends_before_the_extents_makes_windows_as_ever)
{
	int control = open_control();
	struct mmiod_window_create create = { .size = offsetof(struct mmiod_window_create, owner),
					      .region_id = region(control, "shm"),
					      .offset = page(),
					      .length = page(),
					      .attr = UC,
					      .nr_extents = 7 };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_WINDOW_CREATE, &create), 0);
	EXPECT_EQ(window_info(control, create.fd).offset, page());
	EXPECT_EQ(window_info(control, create.fd).nr_extents, 0);
}

TEST(a_conflict_on_the_last_extent_leaves_nothing_behind)
{
	int control = open_control();
	const struct mmiod_window_extent list[] = { extent(8, 2), extent(1, 1), extent(20, 3) };
	int held = window(control, "shm", 22 * page(), page(), UC, 0);
	struct mmiod_window_create create = wish(control, "shm", list, COUNT(list));
	int first;

	create.attr = WC;
	EXPECT_ERRNO(try_window(control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, window_id(held));
	first = window(control, "shm", 8 * page(), 2 * page(), UC, 0);
	EXPECT_EQ(touch_write(map_window(first, 2 * page(), RW), 1), 0);
	close(held);
	EXPECT_ERRNO(try_window(control, &create), EBUSY);
	EXPECT_EQ(create.conflict_id, window_id(first));
}

static int try_page(int control, unsigned int number, uint32_t attr)
{
	struct mmiod_window_create create = { .region_id = region(control, "shm"),
					      .offset = number * page(),
					      .length = page(),
					      .attr = attr };

	return try_window(control, &create);
}

TEST(each_extent_keeps_other_memory_types_away_and_the_pages_between_them_do_not)
{
	int control = open_control();
	int fd = six(control, WC, 0);

	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT_ERRNO(try_page(control, where[i], UC), EBUSY);
	EXPECT(try_page(control, 0, UC) >= 0 && try_page(control, 2, UC) >= 0);
	EXPECT(try_page(control, 10, UC) >= 0 && try_page(control, 19, UC) >= 0);
	take_back(control, fd);
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT(try_page(control, where[i], UC) >= 0);
}

TEST(all_extents_together_are_no_more_than_the_parameter_says)
{
	const char *parameters = "/sys/module/mmiod/parameters";
	int control = open_control();
	const struct mmiod_window_extent other[] = { extent(40, 1), extent(42, 1) };
	struct mmiod_window_create create = wish(control, "shm", other, 2);
	struct mmiod_control_info info = { .size = sizeof(info) };
	int fd, ret, saved;

	EXPECT_EQ(write_file(parameters, "max_extents", "4"), 0);
	fd = six(control, UC, 0);
	ret = try_window(control, &create);
	saved = errno;
	EXPECT_EQ(ioctl(control, MMIOD_IOC_INFO, &info), 0);
	close(window(control, "shm", 40 * page(), page(), UC, 0));
	close(fd);
	fd = try_window(control, &create);
	EXPECT_EQ(write_file(parameters, "max_extents", "262144"), 0);
	EXPECT(ret < 0);
	EXPECT_EQ(saved, ENOSPC);
	EXPECT_EQ(info.max_extents, 4);
	EXPECT(fd >= 0);
}

/* ---- revoke and suspend, whatever was done to the mapping ---- */

TEST(a_revoke_takes_all_extents_from_mappings_and_mediated_access)
{
	int control = open_control();
	int fd = six(control, UC, 0);
	uint8_t *address = map_window(fd, PAGES * page(), RW);
	uint32_t value;

	EXPECT_EQ(populate(fd, address, PAGES * page()), 0);
	take_back(control, fd);
	expect_gone(address, PAGES * page());
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT_ERRNO(pread(fd, &value, 4, i * page()), ENODEV);
	EXPECT_ERRNO(populate(fd, address, PAGES * page()), ENODEV);
}

TEST(a_revoked_window_of_several_extents_shows_ones_if_it_was_asked_to)
{
	int control = open_control();
	int fd = six(control, UC, MMIOD_WINDOW_DUMMY);
	uint8_t *address = map_window(fd, PAGES * page(), RW);

	EXPECT_EQ(populate(fd, address, PAGES * page()), 0);
	take_back(control, fd);
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT_EQ(address[i * page()], 0xff);
}

TEST(all_extents_are_suspended_and_come_back)
{
	int control = open_control();
	int fd = six(control, UC, 0);
	uint8_t *address = map_window(fd, PAGES * page(), RW);

	number_pages(control);
	expect_numbers(address, 0, PAGES);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_SUSPENDED), 0);
	expect_gone(address, PAGES * page());
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_OK), 0);
	expect_numbers(address, 0, PAGES);
}

TEST(a_mapping_survives_fork_mremap_mprotect_and_munmap_at_and_across_a_boundary)
{
	int control = open_control();
	int fd = six(control, UC, 0), status;
	uint8_t *address = map_window(fd, PAGES * page(), RW), *moved;
	pid_t child;

	number_pages(control);
	EXPECT_EQ(touch_read(address), 0);
	moved = mremap(address + page(), 3 * page(), 3 * page(), MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, 3 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	EXPECT(moved != MAP_FAILED);
	expect_numbers(moved, 1, 3);
	EXPECT_EQ(mprotect(moved, 2 * page(), PROT_READ), 0); /* across one boundary, to another */
	expect_numbers(moved, 1, 3);
	EXPECT(touch_write(moved + page(), 1) != 0);
	EXPECT_EQ(touch_write(moved + 2 * page(), 0x40 + where[3]), 0);
	EXPECT_EQ(mprotect(moved, 2 * page(), RW), 0);
	EXPECT_EQ(touch_write(moved + page(), 0x40 + where[2]), 0);
	EXPECT_EQ(munmap(moved + page(), page()), 0); /* exactly one extent */
	expect_numbers(moved, 1, 1);
	expect_numbers(moved + 2 * page(), 3, 1);
	expect_numbers(address + 4 * page(), 4, 2);
	child = fork();
	if (!child) {
		for (unsigned int i = 0; i < 2; i++)
			if (address[(4 + i) * page()] != 0x40 + where[4 + i])
				_exit(1);
		take_back(open_control(), fd);
		_exit(touch_read(address) == SIGBUS && touch_read(moved) == SIGBUS ? 0 : 2);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	expect_gone(moved, page());
	expect_gone(moved + 2 * page(), page());
	expect_gone(address + 4 * page(), 2 * page());
}

static struct {
	uint8_t *address;
	int fd;
	atomic_bool stop;
} torn;

static void *tear(void *unused __attribute__((unused)))
{
	uint32_t value;

	for (unsigned int i = 1; !torn.stop; i = i * 1103515245 + 12345) {
		uint8_t *at = torn.address + (i >> 8) % MOST * page();

		touch_write(at, i);
		mprotect(at, page(), i & 1 << 20 ? RW : PROT_READ);
		populate(torn.fd, at, page());
		if (pread(torn.fd, &value, sizeof(value), at - torn.address) < 0)
			sched_yield();
	}
	return NULL;
}

TEST(nothing_is_left_of_4096_extents_that_threads_tear_at_during_a_revoke)
{
	int control = open_control();
	pthread_t threads[3];

	for (int turn = 0; turn < tap_rounds(8); turn++) {
		torn.fd = many(control, turn & 1 ? WC : UC);
		torn.address = map_window(torn.fd, MOST * page(), RW);
		torn.stop = false;
		for (size_t i = 0; i < COUNT(threads); i++)
			EXPECT_EQ(pthread_create(&threads[i], NULL, tear, NULL), 0);
		while (window_info(control, torn.fd).reads < 50)
			sched_yield();
		take_back(control, torn.fd);
		for (unsigned int i = 0; i < MOST; i += 61)
			EXPECT_EQ(touch_read(torn.address + i * page()), SIGBUS);
		torn.stop = true;
		for (size_t i = 0; i < COUNT(threads); i++)
			EXPECT_EQ(pthread_join(threads[i], NULL), 0);
		expect_gone(torn.address, MOST * page());
		EXPECT_EQ(munmap(torn.address, MOST * page()), 0);
		close(torn.fd);
	}
}

/* ---- the ledger ---- */

static uint32_t extents_of(int control, int fd, uint32_t first, struct mmiod_window_extent *list,
			   uint32_t room)
{
	struct mmiod_window_extents arg = { .size = sizeof(arg),
					    .window_id = window_id(fd),
					    .first = first,
					    .count = room,
					    .extents = (uintptr_t)list };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_WINDOW_EXTENTS, &arg), 0);
	EXPECT_EQ(arg.nr_extents, window_info(control, fd).nr_extents ?: 1);
	return arg.count;
}

TEST(another_daemon_learns_a_window_s_extents_from_the_ledger_a_part_at_a_time)
{
	int old = open_control(), control, fd;
	struct mmiod_window_extent list[PAGES] = {};

	fd = six(old, UC, 0);
	close(old);
	control = open_control();
	EXPECT_EQ(window_info(control, fd).nr_extents, 3);
	EXPECT_EQ(window_info(control, fd).offset, 0);
	EXPECT_EQ(window_info(control, fd).length, PAGES * page());
	EXPECT_EQ(extents_of(control, fd, 0, list, 2), 2);
	EXPECT_EQ(extents_of(control, fd, 2, list + 2, 2), 1);
	EXPECT_EQ(list[0].offset, 8 * page());
	EXPECT_EQ(list[0].length, 2 * page());
	EXPECT_EQ(list[1].offset, page());
	EXPECT_EQ(list[2].offset, 20 * page());
	EXPECT_EQ(list[2].length, 3 * page());
	EXPECT_EQ(list[3].length, 0);
	EXPECT_EQ(extents_of(control, fd, 3, list, 2), 0);
	EXPECT_EQ(extents_of(control, fd, UINT32_MAX, list, UINT32_MAX), 0);
	EXPECT_EQ(extents_of(control, fd, 0, NULL, 0), 0);
}

TEST(the_extents_of_a_window_of_one_are_that_one_and_a_buffer_has_none)
{
	int control = open_control();
	struct mmiod_window_extent one = {};
	struct mmiod_window_extents arg = { .size = sizeof(arg),
					    .count = 1,
					    .extents = (uintptr_t)&one };
	int fd, buffer;

	fd = window(control, "shm", 3 * page() + 8, 16, UC, 0);
	EXPECT_EQ(extents_of(control, fd, 0, &one, 1), 1);
	EXPECT_EQ(one.offset, 3 * page() + 8);
	EXPECT_EQ(one.length, 16);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_EXTENTS, &arg), ENOENT);
	arg.window_id = window_id(fd);
	arg.extents = 8;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_EXTENTS, &arg), EFAULT);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_WINDOW_EXTENTS, &arg), ENOTTY);
	buffer = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_PAGES,
								   .node = -1,
								   .length = page() });
	EXPECT(buffer >= 0);
	arg.window_id = window_id(buffer);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_EXTENTS, &arg), EINVAL);
}

TEST(a_killed_client_leaves_none_of_its_extents_occupied)
{
	int control = open_control();
	int fd = six(control, WC, 0);
	uint8_t *address = map_window(fd, PAGES * page(), RW);
	uint64_t id = window_id(fd);
	pid_t child = fork();

	if (!child) {
		populate(fd, address, PAGES * page());
		for (;;)
			touch_write(address + 2 * page(), 1);
	}
	EXPECT_EQ(munmap(address, PAGES * page()), 0);
	close(fd);
	EXPECT_ERRNO(try_page(control, 20, UC), EBUSY);
	EXPECT_EQ(kill(child, SIGKILL), 0);
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_RELEASED, 0, id));
	for (unsigned int i = 0; i < PAGES; i++)
		EXPECT(try_page(control, where[i], UC) >= 0);
}

TEST(fdinfo_says_how_many_extents_there_are_and_the_name_claims_no_range)
{
	int control = open_control();
	int fd = six(control, UC, 0);
	char path[64], name[128];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	EXPECT(strstr(read_file(path), "mmiod-extents:\t3\n"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, name, sizeof(name) - 1);
	EXPECT(length > 0);
	name[length] = '\0';
	EXPECT(strstr(name, "mmiod:shm+3-extents"));
}

TEST(a_view_shows_a_part_that_crosses_from_one_extent_to_the_next)
{
	int control = open_control();
	int fd = six(control, UC, 0), view;
	struct mmiod_view_create_part part = view_part(fd, 0, page(), 3 * page());
	uint8_t *address;

	number_pages(control);
	view = try_view(MMIOD_VIEW_FORM_FILE, 0, &part, 1);
	EXPECT(view >= 0);
	address = mmap(NULL, 3 * page(), RW, MAP_SHARED, view, 0);
	EXPECT(address != MAP_FAILED);
	expect_numbers(address, 1, 3);
	take_back(control, fd);
	expect_gone(address, 3 * page());
}
