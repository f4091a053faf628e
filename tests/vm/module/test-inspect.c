// SPDX-License-Identifier: MIT
/*
 * TRANSLATE and PAGE: page tables and page descriptors as they are, compared with what others say
 * of them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/kernel-page-flags.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC
#define WC MMIOD_ATTR_WC
#define RW (PROT_READ | PROT_WRITE)
#define HUGE_SIZE (2u << 20)
#define BIT(n) (1ULL << (n))
#define LEVELS_TO_PTE \
	(BIT(MMIOD_LEVEL_PGD) | BIT(MMIOD_LEVEL_PUD) | BIT(MMIOD_LEVEL_PMD) | BIT(MMIOD_LEVEL_PTE))

static uint64_t phys_of(int control, const char *name)
{
	return region_info(control, region(control, name)).phys;
}

static void *anonymous(size_t length)
{
	void *address = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(address != MAP_FAILED);
	return address;
}

/*
 * Aligned and touched, so that the kernel has given it one huge page; the test is skipped where it
 * has none to give.
 */
static uint8_t *huge_page(int control)
{
	uint8_t *address = anonymous(2 * HUGE_SIZE);

	address += -(uintptr_t)address & (HUGE_SIZE - 1);
	EXPECT_EQ(madvise(address, HUGE_SIZE, MADV_HUGEPAGE), 0);
	EXPECT_EQ(touch_write(address, 1), 0);
	if (translation(control, address).leaf_size == page())
		tap_skip("no huge page is free");
	return address;
}

TEST(translate_finds_the_entry_that_another_walker_finds_at_the_known_physical_address)
{
	int control = open_control();
	int fd = window(control, "shm", 0x5000, 4 * page(), UC, 0);
	uint8_t *address = map_window(fd, 4 * page(), RW);
	struct mmiod_translate found;

	EXPECT_EQ(touch_write(address + 2 * page(), 1), 0);
	found = translation(control, address + 2 * page() + 0x123);
	EXPECT_EQ(found.phys, phys_of(control, "shm") + 0x5000 + 2 * page() + 0x123);
	EXPECT_EQ(found.entries[MMIOD_LEVEL_PTE], ptewalk(address + 2 * page()));
	EXPECT_EQ(found.leaf_size, page());
	EXPECT_EQ(found.walked, LEVELS_TO_PTE);
	EXPECT_EQ(found.folded, BIT(MMIOD_LEVEL_P4D));
	EXPECT_EQ(found.vma_present, 1);
	EXPECT_EQ(found.vma_start, (uintptr_t)address);
	EXPECT_EQ(found.vma_end, (uintptr_t)address + 4 * page());
	EXPECT_EQ(found.vma_pgoff, 0);
	EXPECT_EQ(found.window_id, window_id(fd));
	EXPECT_EQ(found.window_attr, UC);
	EXPECT_EQ(found.window_state, MMIOD_WINDOW_OK);
}

TEST(uncached_write_combining_and_ram_windows_have_different_cache_types)
{
	int control = open_control();
	int uc = window(control, "shm", 0, page(), UC, 0);
	int wc = window(control, "shm", 16 * page(), page(), WC, 0);
	int ram = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_PAGES,
								    .length = page(),
								    .node = -1 });
	uint8_t *maps[] = { map_window(uc, page(), RW), map_window(wc, page(), RW),
			    map_window(ram, page(), RW) };
	const unsigned int expected[] = { MMIOD_ENTRY_UC_MINUS, MMIOD_ENTRY_WC, MMIOD_ENTRY_WB };

	for (size_t i = 0; i < 3; i++) {
		EXPECT_EQ(touch_write(maps[i], 1), 0);
		EXPECT_EQ(translation(control, maps[i]).cache, expected[i]);
	}
	/* The register as Linux sets it up: WB, WC, UC-, UC, and again WB, WP, UC-, WT. */
	EXPECT_EQ(translation(control, maps[0]).pat, 0x0407050600070106);
}

TEST(what_is_not_touched_yet_and_what_is_revoked_is_not_present)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = map_window(fd, page(), RW);
	struct mmiod_translate found = translation(control, address);

	EXPECT_EQ(found.leaf_size, 0);
	EXPECT_EQ(found.cache, MMIOD_ENTRY_NONE);
	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(translation(control, address).leaf_size, page());
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	found = translation(control, address);
	EXPECT_EQ(found.leaf_size, 0);
	EXPECT_EQ(found.phys, 0);
	EXPECT_EQ(found.window_state, MMIOD_WINDOW_REVOKED);
	EXPECT_EQ(found.window_id, window_id(fd));
}

TEST(memory_that_must_not_be_touched_is_not_present_although_its_entry_stays)
{
	int control = open_control();
	uint8_t *address = anonymous(page());

	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(mprotect(address, page(), PROT_NONE), 0);
	EXPECT_EQ(translation(control, address).leaf_size, 0);
	EXPECT(translation(control, address).entries[MMIOD_LEVEL_PTE] != 0);
}

TEST(a_huge_page_of_anonymous_memory_is_one_leaf)
{
	int control = open_control();
	uint8_t *address = huge_page(control);
	struct mmiod_translate found = translation(control, address + 0x12345);
	struct mmiod_page head = page_info(control, found.phys / HUGE_SIZE * HUGE_SIZE / page());
	struct mmiod_page tail = page_info(control, found.phys / page());

	EXPECT_EQ(found.leaf_size, HUGE_SIZE);
	EXPECT_EQ(found.phys % HUGE_SIZE, 0x12345);
	EXPECT_EQ(found.cache, MMIOD_ENTRY_WB);
	EXPECT_EQ(found.walked, LEVELS_TO_PTE & ~BIT(MMIOD_LEVEL_PTE));
	EXPECT_EQ(found.window_id, 0);
	EXPECT_EQ(head.order, 9);
	EXPECT_EQ(tail.order, 9);
	EXPECT_EQ(tail.head, head.pfn);
	EXPECT_EQ(tail.mapcount, 1);
	EXPECT(head.flags & BIT(KPF_COMPOUND_HEAD) && head.flags & BIT(KPF_THP));
	EXPECT(tail.flags & BIT(KPF_COMPOUND_TAIL) && tail.flags & BIT(KPF_ANON));
}

TEST(another_process_is_translated_by_its_pid)
{
	int control = open_control();
	int fd = window(control, "shm", 0, 2 * page(), UC, 0);
	uint8_t *address = map_window(fd, 2 * page(), RW);
	struct mmiod_translate found;
	pid_t child;

	child = fork();
	if (!child) {
		EXPECT_EQ(touch_write(address + page(), 1), 0);
		raise(SIGSTOP);
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, NULL, WUNTRACED), child);
	EXPECT_EQ(translate(control, child, address + page(), &found), 0);
	EXPECT_EQ(found.phys, phys_of(control, "shm") + page());
	EXPECT_EQ(translation(control, address + page()).leaf_size, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_ERRNO(translate(control, child, address + page(), &found), ESRCH);
}

TEST(translate_refuses_what_no_process_has)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint8_t *address = anonymous(page());
	struct mmiod_translate found;

	EXPECT_ERRNO(translate(control, 0x3ffffff, address, &found), ESRCH);
	EXPECT_ERRNO(translate(control, 2, address, &found), ESRCH); /* a kernel thread */
	EXPECT_ERRNO(translate(control, -1, address, &found), EINVAL);
	EXPECT_ERRNO(translate(fd, 0, address, &found), ENOTTY);
	found = (struct mmiod_translate){ .size = sizeof(found), .address = 1ULL << 63 };
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_TRANSLATE, &found), EINVAL);
	found = (struct mmiod_translate){ .size = sizeof(found) - 8,
					  .address = (uintptr_t)address };
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_TRANSLATE, &found), EINVAL);
}

TEST(an_address_where_nothing_is_mapped_is_answered_with_efault)
{
	int control = open_control();
	uint8_t *address = anonymous(page());
	struct mmiod_translate found;

	EXPECT_EQ(touch_write(address, 1), 0);
	munmap(address, page());
	EXPECT_ERRNO(translate(control, 0, address, &found), EFAULT);
	EXPECT_EQ(found.vma_present, 0);
	EXPECT_EQ(found.leaf_size, 0);
	EXPECT_EQ(found.walked, 0); /* nothing keeps the tables of what was just unmapped */
}

/* ---- a process that holds its own mmap_lock ---- */

#define CGROUP "/sys/fs/cgroup/mmiod-test-sleeper"
#define TABLES (2ULL << 30) /* bytes of addresses, with a page and a page table for each 2 MiB */

/*
 * Forks for ever: each copies a thousand page tables, mmap_lock held for writing, and sleeps
 * meanwhile for being over its memory.high.
 */
static void sleep_in_fork(uint8_t *address, int ready)
{
	EXPECT_EQ(write_file(CGROUP, "cgroup.procs", "0"), 0);
	for (uint64_t at = 0; at < TABLES; at += HUGE_SIZE)
		address[at] = 1;
	EXPECT_EQ(write_file(CGROUP, "memory.high", "1M"), 0);
	EXPECT_EQ(write(ready, "x", 1), 1);
	for (;;)
		if (!fork())
			_exit(0);
}

static bool is_alive(pid_t child)
{
	return waitpid(child, NULL, WNOHANG) == 0;
}

TEST_WITHIN(120, translate_waits_for_no_process_that_sleeps_with_its_mmap_lock)
{
	int control = open_control(), ready[2], answer = 0;
	uint8_t *address =
		mmap(NULL, TABLES, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct mmiod_translate found;
	pid_t child;
	char byte;

	EXPECT(address != MAP_FAILED);
	madvise(address, TABLES, MADV_NOHUGEPAGE);
	write_file("/sys/fs/cgroup", "cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	if (write_file(CGROUP, "memory.high", "max"))
		tap_skip("no memory controller: %s", strerror(errno));
	EXPECT_EQ(pipe(ready), 0);
	child = fork();
	if (!child)
		sleep_in_fork(address, ready[1]);
	EXPECT_EQ(read(ready[0], &byte, 1), 1);
	while (answer != EAGAIN && is_alive(child))
		answer = try_translate(control, child, address, &found) ? errno : 0;
	kill(child, SIGKILL);
	write_file(CGROUP, "memory.high", "max");
	EXPECT_EQ(answer, EAGAIN);
}

/* ---- the walk races with everything that takes page tables away ---- */

static atomic_bool over;

static void *churn(void *argument)
{
	uint8_t *address = argument;

	while (!atomic_load(&over)) {
		madvise(address, HUGE_SIZE, MADV_HUGEPAGE);
		*address = 1;
		mprotect(address + 8 * page(), page(), PROT_READ); /* splits the leaf */
		mprotect(address + 8 * page(), page(), RW);
		address[HUGE_SIZE - 1] = 1;
		mmap(address, HUGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		munmap(address, HUGE_SIZE); /* with its page tables */
		mmap(address, HUGE_SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return NULL;
}

TEST_WITHIN(300, translate_is_safe_while_page_tables_come_and_go)
{
	int control = open_control();
	uint8_t *address = anonymous(2 * HUGE_SIZE);
	struct mmiod_translate found;
	pthread_t thread;

	address += -(uintptr_t)address & (HUGE_SIZE - 1);
	EXPECT_EQ(pthread_create(&thread, NULL, churn, address), 0);
	for (size_t i = 0; i < 20000; i++) {
		int ret = translate(control, 0, address + i % 512 * page(), &found);

		EXPECT(!ret || errno == EFAULT);
		EXPECT(found.leaf_size == 0 || found.leaf_size == page() ||
		       found.leaf_size == HUGE_SIZE);
		EXPECT_EQ(found.phys % page(), 0);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
}

TEST_WITHIN(120, translate_is_safe_while_the_process_dies)
{
	int control = open_control();
	struct mmiod_translate found;

	for (int round = 0; round < tap_rounds(50); round++) {
		uint8_t *address = anonymous(HUGE_SIZE);
		pid_t child = fork();

		if (!child) {
			memset(address, 1, HUGE_SIZE);
			_exit(0);
		}
		while (waitpid(child, NULL, WNOHANG) == 0)
			translate(control, child, address, &found);
		munmap(address, HUGE_SIZE);
	}
}

/* ---- PAGE ---- */

/* A frame's entry in a file of the kernel's own. */
static uint64_t proc_page(const char *file, uint64_t pfn)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint64_t value = 0;

	EXPECT(fd >= 0);
	EXPECT_EQ(pread(fd, &value, sizeof(value), pfn * sizeof(value)), sizeof(value));
	close(fd);
	return value;
}

/*
 * Flags that come and go by themselves, or that /proc gets wrong: 6.12 shows KSM for every
 * anonymous page.
 */
#define VOLATILE_FLAGS                                                                            \
	(BIT(KPF_LRU) | BIT(KPF_ACTIVE) | BIT(KPF_REFERENCED) | BIT(KPF_IDLE) | BIT(KPF_LOCKED) | \
	 BIT(KPF_KSM))

static void expect_as_in_proc(int control, uint64_t pfn, uint64_t ignored)
{
	struct mmiod_page found = page_info(control, pfn);
	uint64_t flags = proc_page("/proc/kpageflags", pfn);

	EXPECT_EQ(found.flags & ~ignored, flags & ~ignored);
	EXPECT_EQ(found.mapcount, proc_page("/proc/kpagecount", pfn));
}

TEST(pages_of_every_sort_have_the_flags_and_map_counts_that_proc_shows)
{
	static uint8_t image[1] = { 1 };
	int control = open_control();
	uint8_t *address = anonymous(page());
	uint8_t *huge = huge_page(control);

	EXPECT_EQ(touch_write(address, 1), 0);
	EXPECT_EQ(touch_write(image, 1), 0);
	expect_as_in_proc(control, translation(control, address).phys / page(), VOLATILE_FLAGS);
	expect_as_in_proc(control, translation(control, image).phys / page(), VOLATILE_FLAGS);
	expect_as_in_proc(control, translation(control, huge).phys / page(), VOLATILE_FLAGS);
	/* Of a tail, 6.1 shows but what its own descriptor says. */
	expect_as_in_proc(control, translation(control, huge + 5 * page()).phys / page(),
			  ~(BIT(KPF_ANON) | BIT(KPF_MMAP) | BIT(KPF_THP) | BIT(KPF_COMPOUND_TAIL)));
}

TEST(the_map_count_of_a_buffers_page_rises_with_a_second_process)
{
	int control = open_control();
	int fd = try_buffer(control, (struct mmiod_buffer_create){ .kind = MMIOD_BUFFER_PAGES,
								   .length = 2 * page(),
								   .zone = MMIOD_ZONE_DMA32,
								   .node = -1 });
	uint8_t *address = map_window(fd, 2 * page(), RW);
	uint64_t pfn = buffer_info(control, fd, 1).phys / page();
	pid_t child;

	EXPECT_EQ(page_info(control, pfn).mapcount, 0);
	EXPECT_EQ(touch_write(address + page(), 1), 0);
	EXPECT_EQ(translation(control, address + page()).phys, pfn * page());
	EXPECT_EQ(page_info(control, pfn).mapcount, 1);
	EXPECT_EQ(page_info(control, pfn).refcount, 2); /* the buffer's, and that of the entry */
	EXPECT(page_info(control, pfn).flags & BIT(KPF_MMAP));
	expect_as_in_proc(control, pfn, VOLATILE_FLAGS);
	child = fork();
	if (!child) {
		EXPECT_EQ(touch_write(address + page(), 1), 0);
		raise(SIGSTOP);
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, NULL, WUNTRACED), child);
	EXPECT_EQ(page_info(control, pfn).mapcount, 2);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(page_info(control, pfn).mapcount, 1);
	EXPECT_EQ(page_info(control, pfn).order, MMIOD_PAGE_ORDER_NONE);
	EXPECT(page_info(control, pfn).zone == MMIOD_ZONE_DMA32 ||
	       page_info(control, pfn).zone == MMIOD_ZONE_DMA);
}

TEST(frames_without_a_descriptor_are_told_and_never_touched)
{
	int control = open_control();
	const uint64_t frames[] = { phys_of(control, "shm") / page(),
				    phys_of(control, "edu") / page(), 1ULL << 40, 1ULL << 52,
				    ~0ULL };

	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		struct mmiod_page found = page_info(control, frames[i]);

		EXPECT_EQ(found.described, 0);
		EXPECT_EQ(found.flags, BIT(KPF_NOPAGE));
		EXPECT_EQ(found.refcount, 0);
	}
}

TEST(page_knows_the_free_block_that_a_page_lies_in)
{
	int control = open_control();
	size_t blocks = 0;

	for (uint64_t pfn = 0x1000; pfn < 0x30000; pfn++) {
		struct mmiod_page found = page_info(control, pfn);

		if (!(found.flags & BIT(KPF_BUDDY)))
			continue;
		EXPECT(found.order <= 10);
		EXPECT(found.head <= pfn && pfn < found.head + (1ULL << found.order));
		EXPECT_EQ(found.head & ((1ULL << found.order) - 1), 0);
		EXPECT_EQ(found.mapcount, 0);
		pfn = found.head + (1ULL << found.order) - 1;
		blocks++;
	}
	EXPECT(blocks > 10);
}

TEST(page_refuses_what_it_does_not_know)
{
	int control = open_control();
	struct mmiod_page arg = { .size = sizeof(arg), .reserved = 1 };

	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_PAGE, &arg), EINVAL);
	arg = (struct mmiod_page){ .size = 8 };
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_PAGE, &arg), EINVAL);
}
