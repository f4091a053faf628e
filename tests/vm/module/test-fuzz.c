// SPDX-License-Identifier: MIT
/*
 * Random calls with half-sensible arguments against control and window files, mappings and what
 * becomes of them. Nothing is expected of a single call; the kernel must survive them all, and be
 * left as it was. FUZZ_SEED repeats a run, FUZZ_SECONDS bounds it.
 *
 * Calls that would wreck the machine without the module's help are left out: physical addresses but
 * those around the memory set aside, the registers of a device that masters the bus, buffers of
 * most of the RAM.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/mempolicy.h>

#include "fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define LARGEST (96ULL << 20)

enum { FILES = 12, AREAS = 12, WORDS = 32, IDS = 16 };

static struct {
	uint64_t random;
	int control;
	int files[FILES];
	struct area {
		uint8_t *address;
		size_t length;
	} areas[AREAS];
	uint64_t regions[4];
	uint64_t ids[IDS];
	unsigned long calls;
} fuzz;

static uint32_t draw(uint32_t below)
{
	fuzz.random = fuzz.random * 6364136223846793005 + 1442695040888963407;
	return (fuzz.random >> 33) % below;
}

static bool one_in(uint32_t n)
{
	return !draw(n);
}

static struct area *some_area(void)
{
	return &fuzz.areas[draw(AREAS)];
}

static uint8_t *some_address(void)
{
	const struct area *area = some_area();

	switch (draw(8)) {
	case 0:
		return NULL;
	case 1:
		return (uint8_t *)(uintptr_t)(~0ULL << draw(48));
	case 2:
		return (uint8_t *)&fuzz.ids;
	default:
		return area->length ? area->address + draw(area->length / page() + 1) * page() +
					      (one_in(4) ? draw(page()) : 0)
				    : NULL;
	}
}

/* Numbers on which checks are wont to break. */
static uint64_t some_number(void)
{
	switch (draw(12)) {
	case 0:
		return 0;
	case 1:
		return draw(9);
	case 2:
		return ~0ULL - draw(3);
	case 3:
		return 1ULL << draw(64);
	case 4:
		return (1ULL << draw(64)) - 1;
	case 5:
		return fuzz.ids[draw(IDS)];
	case 6:
		return fuzz.regions[draw(4)];
	case 7:
		return (uintptr_t)some_address();
	case 8:
		return draw(page());
	default:
		return (uint64_t)draw(LARGEST / page()) * page();
	}
}

/* Of a window or an interrupt; 0: views have none, and O_PATH descriptors answer nothing. */
static uint64_t id_of(int fd)
{
	struct mmiod_interrupt_query interrupt = { .size = sizeof(interrupt) };
	struct mmiod_window_query window = { .size = sizeof(window) };

	if (!ioctl(fd, MMIOD_IOC_INTERRUPT_QUERY, &interrupt))
		return interrupt.id;
	return ioctl(fd, MMIOD_IOC_QUERY, &window) ? 0 : window.window_id;
}

static void remember(int fd)
{
	int *slot = &fuzz.files[draw(FILES)];

	if (fd < 0)
		return;
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
	if (id_of(fd))
		fuzz.ids[draw(IDS)] = id_of(fd);
}

static int some_file(void)
{
	return fuzz.files[draw(FILES)];
}

/* ---- calls as a daemon and its clients make them ---- */

static void create_window(void)
{
	struct mmiod_window_create create = {
		.region_id = fuzz.regions[draw(4)],
		.offset =
			(uint64_t)draw(LARGEST / page()) * page() + (one_in(3) ? draw(page()) : 0),
		.length = one_in(3) ? draw(2 * page()) : (uint64_t)draw(LARGEST / page()) * page(),
		.attr = 1 + draw(2),
		.width = one_in(3) ? 1u << draw(4) : 0,
		.flags = draw(4),
	};

	remember(try_window(fuzz.control, &create));
}

/* Whole pages, mostly apart from each other, in any order; sometimes none of that. */
static void create_scattered(void)
{
	enum { MOST = 8 };
	struct mmiod_window_extent list[MOST];
	struct mmiod_window_create create = {
		.region_id = fuzz.regions[draw(4)],
		.attr = 1 + draw(2),
		.flags = draw(4),
		.nr_extents = 2 + draw(MOST - 1),
		.extents = one_in(16) ? some_number() : (uintptr_t)list,
	};

	for (unsigned int i = 0; i < create.nr_extents; i++) {
		list[i].offset = (uint64_t)draw(LARGEST / page()) * page();
		list[i].length = one_in(16) ? some_number() : (1 + draw(8)) * page();
		create.length += list[i].length;
	}
	remember(try_window(fuzz.control, &create));
}

static void create_buffer(void)
{
	struct mmiod_buffer_create create = {
		.kind = 1 + draw(4),
		.flags = draw(8),
		.zone = draw(3),
		.node = -1,
		.length = 1 + draw(64 * page()),
		.pci = one_in(2) ? find_pci(0x1234, 0x11e8) : 0,
		.limit = one_in(3) ? ~0ULL >> draw(40) : 0,
	};

	remember(try_buffer(fuzz.control, create));
}

/* Of the devices that are bound, all of which are the rig's. */
static void create_interrupt(void)
{
	struct mmiod_device_info info = { .size = sizeof(info),
					  .cursor = one_in(2) ? 0 : draw(64) };
	struct mmiod_interrupt_create create = { .size = sizeof(create),
						 .kind = 1 + draw(3),
						 .vector = one_in(2) ? 0 : draw(8),
						 .vectors = one_in(2) ? 0 : draw(9),
						 .budget = one_in(2) ? 0 : draw(4),
						 .flags = one_in(2) ? 12 : draw(32) };

	if (ioctl(fuzz.control, MMIOD_IOC_DEVICE_NEXT, &info))
		return;
	create.device = info.device;
	if (!ioctl(fuzz.control, MMIOD_IOC_INTERRUPT_CREATE, &create))
		remember(create.fd);
}

static void map_area(void)
{
	struct area *area = some_area();
	size_t length = (1 + draw(LARGEST / page() / 4)) * page();
	bool fixed = area->length && one_in(3);
	void *address;

	address = mmap(fixed ? area->address : NULL, fixed ? area->length : length,
		       one_in(3) ? PROT_READ : RW,
		       (one_in(9) ? MAP_PRIVATE : MAP_SHARED) | (fixed ? MAP_FIXED : 0),
		       some_file(), one_in(3) ? (off_t)(draw(64) * page()) : 0);
	if (address == MAP_FAILED || fixed)
		return;
	if (area->length)
		munmap(area->address, area->length);
	*area = (struct area){ address, length };
}

static void change_area(void)
{
	struct area *area = some_area();
	size_t at = area->length ? draw(area->length / page()) * page() : 0;
	size_t length = (1 + draw(1 + (area->length - at) / page())) * page();
	unsigned long nodes = 1;
	void *moved;

	if (!area->length)
		return;
	if (length > area->length - at)
		length = area->length - at;
	switch (draw(6)) {
	case 0:
		munmap(area->address + at, length);
		break;
	case 1:
		mprotect(area->address + at, length, draw(4));
		break;
	case 2:
		syscall(SYS_mbind, area->address + at, length, MPOL_BIND, &nodes, 64,
			MPOL_MF_STRICT);
		break;
	case 3:
		madvise(area->address + at, length, draw(26));
		break;
	default:
		moved = mremap(area->address, area->length, area->length,
			       MREMAP_MAYMOVE | (one_in(2) ? MREMAP_DONTUNMAP : 0));
		if (moved != MAP_FAILED)
			area->address = moved;
	}
}

static void touch_area(void)
{
	const struct area *area = some_area();

	for (int i = 0; area->length && i < 8; i++) {
		uint8_t *at = area->address + draw(area->length);

		if (one_in(2))
			touch_read(at);
		else
			touch_write(at, i);
	}
}

static void populate_area(void)
{
	const struct area *area = some_area();
	size_t at = area->length ? draw(area->length / page()) * page() : 0;

	if (one_in(2))
		populate(some_file(), area->address + at, area->length - at);
	else
		populate_exactly(some_file(), area->address + at, area->length - at);
}

static void access_file(void)
{
	static uint8_t bytes[1 << 16];
	void *buffer = one_in(3) ? some_address() : bytes;
	off_t at = one_in(4) ? (off_t)some_number() : (off_t)draw(1 << 20);
	size_t length = draw(one_in(2) ? 9 : 5000);

	if (one_in(2))
		pread(some_file(), buffer, buffer == bytes ? length : draw(64), at);
	else if (one_in(4))
		write(some_file(), buffer, buffer == bytes ? length : draw(64));
	else
		pwrite(some_file(), buffer, buffer == bytes ? length : draw(64), at);
}

static void change_state(void)
{
	set_state(fuzz.control, fuzz.ids[draw(IDS)], draw(4));
}

static void close_one(void)
{
	int *slot = &fuzz.files[draw(FILES)];

	if (*slot >= 0)
		close(*slot);
	*slot = -1;
}

static void fork_one(void)
{
	pid_t child = fork();

	if (!child) {
		touch_area();
		change_area();
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void read_events(void)
{
	struct mmiod_control_event events[64];
	struct pollfd ready[2] = { { .fd = fuzz.control, .events = POLLIN },
				   { .fd = some_file() } };

	if (poll(ready, 2, 0) > 0 && ready[0].revents)
		read(fuzz.control, events, sizeof(events));
}

/* ---- calls that nobody makes ---- */

/*
 * A claim by address: only where nothing can be harmed. A buffer: little, or absurdly much. An
 * access: into memory that is not our own program.
 */
static void tame(unsigned int nr, uint64_t *words)
{
	static uint8_t scratch[1 << 20];
	struct mmiod_region_claim *claim = (void *)words;
	struct mmiod_buffer_create *create = (void *)words;
	struct mmiod_window_access *access = (void *)words;

	if (nr == _IOC_NR(MMIOD_IOC_REGION_CLAIM)) {
		claim->kind = one_in(2) ? MMIOD_REGION_RANGE : draw(4);
		claim->pci = one_in(2) ? find_pci(0x1af4, 0x1110) : MMIOD_PCI_ADDR(0, 0, 0x1d, 0);
		if (claim->kind == MMIOD_REGION_RANGE)
			claim->offset = 0x30000000 + ((claim->offset & 0x1ffffff) ^ 0x800000);
	}
	if (nr == _IOC_NR(MMIOD_IOC_BUFFER_CREATE) && create->length < 1ULL << 40)
		create->length &= 0xfffff;
	if (nr == _IOC_NR(MMIOD_IOC_ACCESS)) {
		if (access->count < 1ULL << 40)
			access->count &= sizeof(scratch) / 8 - 1;
		access->buffer = (uintptr_t)(one_in(2) ? scratch : some_area()->address);
	}
}

/* Files that are views may be among the parts, which is refused. */
static void create_view(void)
{
	struct mmiod_view_create_part parts[3];
	struct mmiod_view_create create = { .form = 1 + draw(3),
					    .flags = draw(4),
					    .count = 1 + draw(3),
					    .length = one_in(4) ? some_number() : 0,
					    .irq = one_in(8) ? some_file() : -1 };

	for (size_t i = 0; i < 3; i++)
		parts[i] = view_part(some_file(), create.form == 3 ? 0 : draw(64) * page(),
				     one_in(2) ? 0 : draw(16) * page(), (1 + draw(32)) * page());
	remember(try_view_as(create, parts));
}

static void open_anew(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_PATH };
	int fd = some_file();

	if (fd >= 0)
		remember(reopen(fd, modes[draw(5)]));
}

/* Of any number and size, filled with numbers of 32 and of 64 bits. */
static void any_ioctl(void)
{
	uint64_t words[WORDS];
	unsigned int nr = one_in(8)   ? draw(256)
			  : one_in(3) ? 0x40 + draw(4)
			  : draw(2)   ? draw(16)
				      : 0x20 + draw(5);
	int file = one_in(2) ? fuzz.control : some_file();
	unsigned int size = one_in(3) ? draw(sizeof(words)) : 8 * (1 + draw(WORDS - 1));
	uint32_t half[2];

	for (size_t i = 0; i < WORDS; i++) {
		words[i] = one_in(2) ? 0 : some_number();
		half[0] = one_in(2) ? draw(5) : some_number();
		half[1] = one_in(2) ? draw(5) : some_number();
		if (one_in(2))
			memcpy(&words[i], half, sizeof(half));
	}
	half[0] = one_in(8) ? (uint32_t)some_number() : size;
	memcpy(words, half, sizeof(half[0]));
	tame(nr, words);
	ioctl(file, _IOC(_IOC_READ | _IOC_WRITE, MMIOD_IOC_TYPE, nr, size),
	      one_in(16) ? (void *)some_address() : words);
	/*
	 * A descriptor that it made, if it did, is in the ledger, but not in ours: find it and
	 * close it.
	 */
	for (int fd = fuzz.control + 1; fd < 64; fd++) {
		bool known = false;

		for (size_t i = 0; i < FILES; i++)
			known |= fuzz.files[i] == fd;
		if (!known && fcntl(fd, F_GETFD) >= 0)
			remember(fd);
	}
}

static void claim_regions(void)
{
	fuzz.regions[0] = region(fuzz.control, "shm");
	fuzz.regions[1] = region(fuzz.control, "bigshm");
	fuzz.regions[2] = region(fuzz.control, "set-aside");
	fuzz.regions[3] = region(fuzz.control, "testdev");
}

static void one_call(void)
{
	static void (*const calls[])(void) = {
		create_window, create_scattered, create_buffer, create_interrupt, map_area,
		map_area,      change_area,	 change_area,	touch_area,	  touch_area,
		populate_area, access_file,	 change_state,	close_one,	  create_view,
		open_anew,     read_events,	 any_ioctl,	any_ioctl,	  any_ioctl,
		any_ioctl,     any_ioctl,
	};

	if (one_in(200))
		fork_one();
	else
		calls[draw(sizeof(calls) / sizeof(*calls))]();
	fuzz.calls++;
}

/* Regions that the fuzzer claimed itself, and edu, whose registers it must not have. */
static void release_regions(bool all)
{
	struct mmiod_region_info info = { .size = sizeof(info) };

	while (!ioctl(fuzz.control, MMIOD_IOC_REGION_NEXT, &info)) {
		struct mmiod_region_release release = { .size = sizeof(release),
							.region_id = info.region_id };

		if (all || !strcmp(info.name, "edu"))
			ioctl(fuzz.control, MMIOD_IOC_REGION_RELEASE, &release);
	}
}

static void give_back(void)
{
	struct mmiod_control_info info = { .size = sizeof(info) };

	for (size_t i = 0; i < AREAS; i++)
		if (fuzz.areas[i].length)
			munmap(fuzz.areas[i].address, fuzz.areas[i].length);
	for (size_t i = 0; i < FILES; i++)
		if (fuzz.files[i] >= 0)
			close(fuzz.files[i]);
	EXPECT_EQ(ioctl(fuzz.control, MMIOD_IOC_INFO, &info), 0);
	EXPECT_EQ(info.windows, 0);
	release_regions(true);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

TEST_WITHIN(300, random_calls_leave_the_kernel_as_it_was)
{
	bool sanitizing = !access("/sys/kernel/debug/kmemleak", F_OK);
	time_t end = time(NULL) + from_environment("FUZZ_SECONDS", sanitizing ? 60 : 5);

	fuzz.random = from_environment("FUZZ_SEED", time(NULL) ^ (uint64_t)getpid() << 32);
	printf("# FUZZ_SEED=0x%llx\n", (unsigned long long)fuzz.random);
	fflush(stdout);
	if (!access("/sys/module/mmiod/parameters/pmd_leaves", W_OK))
		write_file("/sys/module/mmiod/parameters", "pmd_leaves", "N");
	memset(fuzz.files, -1, sizeof(fuzz.files));
	fuzz.control = open_control();
	release_regions(false);
	claim_regions();
	while (time(NULL) < end) {
		for (int i = 0; i < 100; i++)
			one_call();
		if (one_in(20))
			claim_regions();
	}
	printf("# %lu calls\n", fuzz.calls);
	fflush(stdout);
	give_back();
}
