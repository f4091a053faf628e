// SPDX-License-Identifier: MIT
/* The control file: who may open it, its extensible structures, claims, the ledger and events. */
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define UC MMIOD_ATTR_UC

/* The same for programs of 32 and of 64 bits: this is compiled as both. */
_Static_assert(sizeof(struct mmiod_control_info) == 48, "ABI");
_Static_assert(offsetof(struct mmiod_control_info, max_extents) == 40, "ABI");
_Static_assert(sizeof(struct mmiod_window_create) == 152, "ABI");
_Static_assert(offsetof(struct mmiod_window_create, nr_extents) == 136, "ABI");
_Static_assert(offsetof(struct mmiod_window_create, extents) == 144, "ABI");
_Static_assert(sizeof(struct mmiod_window_info) == 232, "ABI");
_Static_assert(offsetof(struct mmiod_window_info, nr_extents) == 224, "ABI");
_Static_assert(sizeof(struct mmiod_window_extent) == 16, "ABI");
_Static_assert(sizeof(struct mmiod_window_extents) == 32, "ABI");
_Static_assert(offsetof(struct mmiod_window_extents, extents) == 24, "ABI");
_Static_assert(sizeof(struct mmiod_device_info) == 136, "ABI");
_Static_assert(offsetof(struct mmiod_device_info, device_file) == 88, "ABI");
_Static_assert(sizeof(struct mmiod_interrupt_create) == 128, "ABI");
_Static_assert(offsetof(struct mmiod_interrupt_create, fd) == 104, "ABI");
_Static_assert(sizeof(struct mmiod_interrupt_info) == 136, "ABI");
_Static_assert(offsetof(struct mmiod_interrupt_info, tag) == 72, "ABI");
_Static_assert(sizeof(struct mmiod_interrupt_query) == 48, "ABI");
_Static_assert(sizeof(struct mmiod_interrupt_eventfd) == 8, "ABI");
_Static_assert(sizeof(struct mmiod_interrupt_mask) == 8, "ABI");
_Static_assert(sizeof(struct mmiod_interrupt_trigger) == 8, "ABI");

TEST(opening_the_control_file_needs_more_than_its_mode)
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (setuid(1000))
			_exit(1);
		_exit(open("/dev/mmiod", O_RDWR) < 0 && errno == EACCES ? 0 : 1);
	}
	waitpid(child, &status, 0);
	EXPECT_EQ(status, 0);
}

static int raw_info(void *buffer)
{
	int control = open_control();
	int ret = ioctl(control, MMIOD_IOC_INFO, buffer);
	int saved = errno;

	close(control);
	errno = saved;
	return ret;
}

TEST(structures_grow_by_the_size_rule)
{
	struct {
		struct mmiod_control_info info;
		uint8_t tail[40];
	} longer = { .info.size = sizeof(longer) };
	struct mmiod_control_info info = { .size = sizeof(info) };

	EXPECT_EQ(raw_info(&info), 0);
	EXPECT_EQ(info.abi_version, MMIOD_ABI_VERSION);
	EXPECT_EQ(info.page_size, page());
	EXPECT(info.load);
	EXPECT_EQ(raw_info(&longer), 0);
	EXPECT_EQ(longer.info.load, info.load);
	longer.tail[39] = 1;
	EXPECT_ERRNO(raw_info(&longer), E2BIG);
	info.size = offsetof(struct mmiod_control_info, load) - 1;
	EXPECT_ERRNO(raw_info(&info), EINVAL);
	info.size++;
	info.load = 0;
	EXPECT_EQ(raw_info(&info), 0);
	EXPECT_EQ(info.load, 0);
	info.size = 0;
	EXPECT_ERRNO(raw_info(&info), EINVAL);
	info.size = UINT32_MAX;
	EXPECT_ERRNO(raw_info(&info), EINVAL);
	EXPECT_ERRNO(raw_info(NULL), EFAULT);
}

TEST(a_caller_of_version_1_is_told_of_a_region_what_version_1_told)
{
	int control = open_control();
	uint64_t id = region(control, "shm");
	struct mmiod_region_info info = { .size = offsetof(struct mmiod_region_info, flags),
					  .region_id = id - 1,
					  .flags = 0x5a5a5a5a };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_NEXT, &info), 0);
	EXPECT_EQ(info.region_id, id);
	EXPECT_EQ(info.flags, 0x5a5a5a5a);
	info.size--;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_NEXT, &info), EINVAL);
}

TEST(flags_of_a_claim_that_are_unknown_or_not_for_its_kind_are_refused)
{
	int control = open_control();
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_PCI,
					    .pci = find_pci(0x1af4, 0x1110),
					    .flags = 1u << 31,
					    .name = "flags" };

	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
	claim.kind = MMIOD_REGION_RANGE;
	claim.flags = MMIOD_REGION_REVOKE_ON_RESET;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
}

TEST(a_window_file_answers_no_call_of_the_control_file)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint64_t words[32] = { sizeof(words) };

	for (unsigned int nr = 0; nr < 0x20; nr++)
		for (unsigned int size = 0; size <= sizeof(words); size += 8)
			EXPECT_ERRNO(ioctl(fd, _IOC(3, MMIOD_IOC_TYPE, nr, size), words), ENOTTY);
}

TEST(unknown_calls_and_flags_are_refused)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	struct mmiod_window_create create = {
		.region_id = region(control, "shm"), .length = page(), .attr = UC, .flags = 1u << 31
	};
	struct mmiod_region_release release = { .size = sizeof(release), .flags = 1 };
	struct mmiod_window_query query = { .size = sizeof(query) };

	EXPECT_ERRNO(ioctl(control, _IO(MMIOD_IOC_TYPE, 0x1f), 0), ENOTTY);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_QUERY, &query), ENOTTY);
	EXPECT_ERRNO(ioctl(fd, MMIOD_IOC_INFO, &query), ENOTTY);
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create.flags = 0;
	create.reserved = 1;
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	create.reserved = 0;
	create.width = 3;
	EXPECT_ERRNO(try_window(control, &create), EINVAL);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_RELEASE, &release), EINVAL);
}

static int claim_range(int control, const char *name, uint64_t start, uint64_t length,
		       uint64_t *conflict)
{
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_RANGE, .offset = start, .length = length
	};
	int ret;

	snprintf(claim.name, sizeof(claim.name), "%s", name);
	ret = ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim);
	if (conflict)
		*conflict = claim.conflict_id;
	return ret;
}

static uint64_t system_ram(void)
{
	const char *line = strstr(read_file("/proc/iomem"), "00100000-");
	unsigned long long start, end;

	EXPECT(line && sscanf(line, "%llx-%llx", &start, &end) == 2);
	return start;
}

TEST(claims_of_ram_of_low_memory_and_of_bars_by_address_are_refused)
{
	int control = open_control();
	uint64_t bar = region_info(control, region(control, "edu")).phys;

	EXPECT_ERRNO(claim_range(control, "x", system_ram(), page(), NULL), EADDRINUSE);
	EXPECT_ERRNO(claim_range(control, "x", system_ram() - page(), 2 * page(), NULL), EPERM);
	EXPECT_ERRNO(claim_range(control, "x", 0, page(), NULL), EPERM);
	EXPECT_ERRNO(claim_range(control, "x", 0xa0000, page(), NULL), EPERM);
	EXPECT_ERRNO(claim_range(control, "x", bar, page(), NULL), EPERM);
	EXPECT_ERRNO(claim_range(control, "x", bar - page(), 1 << 21, NULL), EPERM);
}

TEST(claims_that_wrap_are_empty_or_leave_the_address_width_are_refused)
{
	int control = open_control();

	EXPECT_ERRNO(claim_range(control, "x", 0x30000000, 0, NULL), EINVAL);
	EXPECT_ERRNO(claim_range(control, "x", UINT64_MAX, 1, NULL), EINVAL);
	EXPECT_ERRNO(claim_range(control, "x", UINT64_MAX - page(), 2 * page(), NULL), EINVAL);
	EXPECT_ERRNO(claim_range(control, "x", 1ULL << 60, page(), NULL), EINVAL);
}

TEST(a_second_claim_fails_and_names_the_owner)
{
	int control = open_control();
	uint64_t id = region(control, "set-aside"), conflict;
	struct mmiod_region_info info = region_info(control, id);

	EXPECT_ERRNO(claim_range(control, "second", info.phys + page(), page(), &conflict), EBUSY);
	EXPECT_EQ(conflict, id);
	EXPECT_ERRNO(claim_range(control, "set-aside", info.phys, page(), NULL), EEXIST);
}

/* Start of the resource whose line in /proc/iomem has this name; 0 if there is none. */
static uint64_t iomem_start(const char *name)
{
	const char *text = read_file("/proc/iomem"), *line = strstr(text, name);
	unsigned long long start, end;

	if (!line)
		return 0;
	while (line > text && line[-1] != '\n')
		line--;
	EXPECT(sscanf(line, "%llx-%llx", &start, &end) == 2);
	return start;
}

TEST(a_claim_of_what_others_own_is_busy_even_if_they_did_not_mark_it)
{
	const char *const owners[] = { "HPET", "Local APIC", "IOAPIC", "PCI MMCONFIG" };
	int control = open_control(), found = 0;

	for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++) {
		uint64_t conflict = 1, start = iomem_start(owners[i]);

		if (!start)
			continue;
		found++;
		EXPECT_ERRNO(claim_range(control, "x", start, 256, &conflict), EBUSY);
		EXPECT_EQ(conflict, 0);
		EXPECT_ERRNO(claim_range(control, "x", start, page(), NULL), EBUSY);
	}
	EXPECT(found > 0);
}

TEST(region_names_are_checked)
{
	const char *const bad[] = { "", "a b", "a/b", "a\n", "\xc3\xa9" };
	int control = open_control();
	struct mmiod_region_claim claim = { .size = sizeof(claim),
					    .kind = MMIOD_REGION_RANGE,
					    .offset = 0x30000000,
					    .length = page() };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		EXPECT_ERRNO(claim_range(control, bad[i], 0x30000000, page(), NULL), EINVAL);
	memset(claim.name, 'a', sizeof(claim.name));
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
}

TEST(pci_claims_are_bounded_by_their_bar)
{
	int control = open_control();
	struct mmiod_region_info edu = region_info(control, region(control, "edu"));
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_PCI, .pci = edu.pci, .name = "part"
	};

	claim.bar = 1;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), ENXIO);
	claim.bar = 99;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), ENXIO);
	claim.bar = 0;
	claim.offset = 1 << 20;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
	claim.offset = page();
	claim.length = UINT64_MAX;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
	claim.length = page();
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EBUSY);
	EXPECT_EQ(claim.conflict_id, edu.region_id);
	claim.pci = 0xffff0000;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), ENODEV);
	claim.width = 16;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_CLAIM, &claim), EINVAL);
}

TEST(proc_iomem_names_the_regions)
{
	int control = open_control();
	const char *text;

	region(control, "shm");
	region(control, "set-aside");
	text = read_file("/proc/iomem");
	EXPECT(strstr(text, " : mmiod:shm\n"));
	EXPECT(strstr(text, " : mmiod:set-aside\n"));
}

TEST(a_region_with_a_live_window_cannot_be_released)
{
	int control = open_control();
	int fd = window(control, "set-aside", 0, page(), UC, 0);
	struct mmiod_region_release release = { .size = sizeof(release),
						.region_id = region(control, "set-aside") };

	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_RELEASE, &release), EBUSY);
	EXPECT_EQ(set_state(control, window_id(fd), MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(ioctl(control, MMIOD_IOC_REGION_RELEASE, &release), 0);
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_REGION_RELEASE, &release), ENOENT);
	EXPECT_EQ(window_info(control, fd).state, MMIOD_WINDOW_REVOKED);
	EXPECT(region(control, "set-aside") > release.region_id);
}

TEST(memory_set_aside_at_boot_can_be_mapped_and_written)
{
	int control = open_control();
	int fd = window(control, "set-aside", 0, 16 << 20, UC, 0);
	uint8_t *address = map_window(fd, 16 << 20, PROT_READ | PROT_WRITE);
	uint8_t byte;

	address[(16 << 20) - 1] = 0x42;
	EXPECT_EQ(pread(fd, &byte, 1, (16 << 20) - 1), 1);
	EXPECT_EQ(byte, 0x42);
}

TEST(the_ledger_keeps_tags_and_ids_are_never_used_again)
{
	int control = open_control();
	struct mmiod_window_create create = { .region_id = region(control, "shm"),
					      .length = page(),
					      .attr = UC,
					      .tag = "a tag of the daemon's" };
	int fd = try_window(control, &create);
	uint64_t id = create.window_id;
	struct mmiod_window_info info = window_info(control, fd);

	EXPECT_EQ(info.window_id, id);
	EXPECT(!memcmp(info.tag, create.tag, sizeof(info.tag)));
	EXPECT_EQ(info.length, page());
	close(fd);
	info = (struct mmiod_window_info){ .size = sizeof(info), .window_id = id - 1 };
	EXPECT(ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info) || info.window_id != id);
	EXPECT(window_id(window(control, "shm", 0, page(), UC, 0)) > id);
	info.window_id = UINT64_MAX;
	EXPECT_ERRNO(ioctl(control, MMIOD_IOC_WINDOW_NEXT, &info), ENOENT);
}

static bool next_event(int control, uint32_t type, uint64_t id)
{
	struct mmiod_control_event event;
	struct pollfd waiting = { .fd = control, .events = POLLIN };

	while (poll(&waiting, 1, 60000) == 1 && read(control, &event, sizeof(event)) > 0)
		if (event.type == type && event.id == id)
			return true;
	return false;
}

TEST(events_tell_of_revocation_and_release)
{
	int control = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	uint64_t id = window_id(fd);
	void *address = map_window(fd, page(), PROT_READ);

	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT(next_event(control, MMIOD_CONTROL_WINDOW_STATE, id));
	close(fd);
	munmap(address, page());
	EXPECT(next_event(control, MMIOD_CONTROL_WINDOW_RELEASED, id));
}

TEST(events_that_nobody_reads_overflow_into_one)
{
	int control = open_control();
	int other = open_control();
	int fd = window(control, "shm", 0, page(), UC, 0);
	struct mmiod_control_event events[300];
	uint64_t id = window_id(fd);
	ssize_t got;

	for (int i = 0; i < 200; i++) {
		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
		EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	}
	EXPECT_ERRNO(read(other, events, sizeof(*events) - 1), EINVAL);
	got = read(other, events, sizeof(events));
	EXPECT_EQ(got / sizeof(*events), 257);
	EXPECT_EQ(events[256].type, MMIOD_CONTROL_OVERFLOW);
	fcntl(other, F_SETFL, O_NONBLOCK);
	EXPECT_ERRNO(read(other, events, sizeof(events)), EAGAIN);
}

TEST(a_full_descriptor_table_leaves_nothing_behind)
{
	int control = open_control();
	struct mmiod_control_info before = { .size = sizeof(before) }, after = before;
	struct mmiod_window_create create = { .region_id = region(control, "shm"),
					      .length = page(),
					      .attr = UC };

	EXPECT_EQ(ioctl(control, MMIOD_IOC_INFO, &before), 0);
	while (dup(control) >= 0)
		;
	EXPECT_ERRNO(try_window(control, &create), EMFILE);
	EXPECT_EQ(ioctl(control, MMIOD_IOC_INFO, &after), 0);
	EXPECT_EQ(after.windows, before.windows);
}

TEST(slabinfo_names_the_modules_caches)
{
	const char *text = read_file("/proc/slabinfo");

	EXPECT(strstr(text, "\nmmiod_window "));
	EXPECT(strstr(text, "\nmmiod_region "));
}
