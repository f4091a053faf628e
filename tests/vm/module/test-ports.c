// SPDX-License-Identifier: MIT
/*
 * Regions of I/O ports. pci-testdev's BAR 1 has a structure that describes the test that was chosen
 * by a write to its first byte: where such a test counts writes, how many it has counted, and a name.
 */
#include <stddef.h>
#include <unistd.h>

#include "device.h"

#define UC MMIOD_ATTR_UC
#define BAR_LENGTH 256

struct chosen {
	uint8_t test, width, pad[2];
	uint32_t offset, data, count;
	char name[20];
};

static const char expected[] = "portio-no-eventfd";

static uint32_t testdev(void)
{
	return find_pci(0x1b36, 0x0005);
}

static struct mmiod_region_claim claim_of(const char *name)
{
	struct mmiod_region_claim claim = {
		.size = sizeof(claim), .kind = MMIOD_REGION_PORTS, .pci = testdev(), .bar = 1
	};

	snprintf(claim.name, sizeof(claim.name), "%s", name);
	return claim;
}

static int try_claim(int control, struct mmiod_region_claim *claim)
{
	return ioctl(control, MMIOD_IOC_REGION_CLAIM, claim);
}

static int release(int control, uint64_t id)
{
	struct mmiod_region_release arg = { .size = sizeof(arg), .region_id = id };

	return ioctl(control, MMIOD_IOC_REGION_RELEASE, &arg);
}

/* All of BAR 1, claimed anew by each test, as others claim parts of it. */
static uint64_t ports(int control)
{
	struct mmiod_region_claim claim = claim_of("ports");
	uint64_t id = find_region(control, "ports");

	if (id)
		return id;
	if (try_claim(control, &claim))
		FAIL("cannot claim the ports: %s", strerror(errno));
	return claim.region_id;
}

static struct mmiod_window_create all_ports(int control)
{
	return (struct mmiod_window_create){ .region_id = ports(control),
					     .length = BAR_LENGTH,
					     .attr = UC };
}

static int port_window(int control)
{
	struct mmiod_window_create create = all_ports(control);
	int fd = try_window(control, &create);

	if (fd < 0)
		FAIL("no window of ports: %s", strerror(errno));
	return fd;
}

static int touch(int fd, uint32_t op, uint32_t width, uint64_t offset, void *buffer, uint64_t count)
{
	struct mmiod_window_access access = { .size = sizeof(access),
					      .op = op,
					      .width = width,
					      .offset = offset,
					      .count = count,
					      .buffer = (uintptr_t)buffer };

	return ioctl(fd, MMIOD_IOC_ACCESS, &access);
}

/* A test that counts writes, from 0 on. */
static void choose(int fd)
{
	uint8_t test = 0;

	EXPECT_EQ(pwrite(fd, &test, 1, 0), 1);
}

static uint32_t read_word(int fd, size_t offset)
{
	uint32_t word;

	EXPECT_EQ(pread(fd, &word, sizeof(word), offset), (ssize_t)sizeof(word));
	return word;
}

TEST(ports_are_read_by_one_two_and_four_bytes)
{
	int control = open_control(), fd = port_window(control);
	uint64_t before;

	choose(fd);
	before = window_info(control, fd).reads;
	for (uint32_t width = 1; width <= 4; width *= 2) {
		char name[16];

		EXPECT_EQ(touch(fd, MMIOD_ACCESS_READ, width, offsetof(struct chosen, name), name,
				16 / width),
			  0);
		EXPECT(!memcmp(name, expected, sizeof(name)));
		before += 16 / width;
		EXPECT_EQ(window_info(control, fd).reads, before);
	}
}

TEST(ports_are_read_and_written_by_pread_and_pwrite)
{
	int control = open_control(), fd = port_window(control);
	char name[16] = "";
	uint32_t offset, word = 0xfafafafa; /* it counts a byte of that value */

	choose(fd);
	for (size_t i = 0; i < sizeof(name); i += 4)
		EXPECT_EQ(pread(fd, &name[i], 4, offsetof(struct chosen, name) + i), 4);
	EXPECT(!memcmp(name, expected, sizeof(name)));
	offset = read_word(fd, offsetof(struct chosen, offset));
	EXPECT_EQ(read_word(fd, offsetof(struct chosen, count)), 0);
	EXPECT_EQ(pwrite(fd, &word, 1, offset), 1);
	/* The port that counts is the last of these. */
	EXPECT_EQ(pwrite(fd, &word, 2, offset & ~1), 2);
	EXPECT_EQ(pwrite(fd, &word, 4, offset & ~3), 4);
	EXPECT_EQ(read_word(fd, offsetof(struct chosen, count)), 3);
	EXPECT_EQ(window_info(control, fd).writes, 4);
}

TEST(eight_bytes_of_ports_are_two_accesses)
{
	int control = open_control(), fd = port_window(control);
	uint64_t before, value;

	choose(fd);
	before = window_info(control, fd).reads;
	EXPECT_EQ(pread(fd, &value, 8, offsetof(struct chosen, name)), 8);
	EXPECT(!memcmp(&value, expected, 8));
	EXPECT_EQ(window_info(control, fd).reads, before + 2);
}

TEST(a_window_of_ports_ends_where_its_length_says)
{
	struct mmiod_window_create create;
	int control = open_control(), fd;
	uint32_t word;

	create = all_ports(control);
	create.offset = offsetof(struct chosen, name);
	create.length = 8;
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	EXPECT_EQ(pread(fd, &word, 4, 4), 4);
	EXPECT_EQ(pread(fd, &word, 4, 8), 0);
	EXPECT_EQ(pwrite(fd, &word, 4, 8), -1);
	EXPECT_EQ(errno, ENOSPC);
	EXPECT_EQ(touch(fd, MMIOD_ACCESS_READ, 4, 4, &word, 2), -1);
	EXPECT_EQ(errno, EINVAL);
	create.offset = BAR_LENGTH - 4;
	EXPECT_EQ(try_window(control, &create), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST(a_window_of_ports_is_never_mapped)
{
	int control = open_control(), fd = port_window(control);
	struct mmiod_window_query query = { .size = sizeof(query) };
	struct mmiod_view_create_part part = view_part(fd, 0, 0, page());

	EXPECT_EQ(ioctl(fd, MMIOD_IOC_QUERY, &query), 0);
	EXPECT_EQ(query.mmapable, 0);
	EXPECT(mmap(NULL, page(), PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	EXPECT_EQ(errno, ENODEV);
	EXPECT_EQ(try_view(MMIOD_VIEW_FORM_FILE, 0, &part, 1), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST(ports_have_no_memory_type_no_extents_and_no_bulk_operations)
{
	struct mmiod_window_extent extents[2] = { { 0, page() }, { page(), page() } };
	int control = open_control(), fd = port_window(control);
	struct mmiod_window_create create;
	uint32_t word = 0;

	for (uint32_t attr = MMIOD_ATTR_WC; attr <= MMIOD_ATTR_WB; attr++) {
		create = all_ports(control);
		create.attr = attr;
		EXPECT_EQ(try_window(control, &create), -1);
		EXPECT_EQ(errno, EOPNOTSUPP);
	}
	create = all_ports(control);
	create.length = 2 * page();
	create.nr_extents = 2;
	create.extents = (uintptr_t)extents;
	EXPECT_EQ(try_window(control, &create), -1);
	EXPECT_EQ(errno, EINVAL);
	for (uint32_t op = MMIOD_ACCESS_COPY_FROM; op <= MMIOD_ACCESS_FILL; op++) {
		EXPECT_EQ(touch(fd, op, 0, 0, &word, 4), -1);
		EXPECT_EQ(errno, EINVAL);
	}
}

TEST(no_access_to_ports_is_wider_than_four_bytes)
{
	struct mmiod_region_claim claim = claim_of("wide-ports");
	int control = open_control(), fd = port_window(control);
	struct mmiod_window_create create = all_ports(control);
	uint64_t value;

	EXPECT_EQ(touch(fd, MMIOD_ACCESS_READ, 8, 16, &value, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	create.width = 8;
	EXPECT_EQ(try_window(control, &create), -1);
	EXPECT_EQ(errno, EINVAL);
	claim.width = 8;
	EXPECT_EQ(try_claim(control, &claim), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST(a_width_that_is_declared_for_ports_is_the_only_one)
{
	struct mmiod_region_claim claim = claim_of("words");
	struct mmiod_window_create create = { .length = 32, .attr = UC };
	int control = open_control(), fd;
	uint32_t word;

	if (find_region(control, "ports"))
		EXPECT_EQ(release(control, find_region(control, "ports")), 0);
	claim.width = 2;
	claim.length = 32;
	EXPECT_EQ(try_claim(control, &claim), 0);
	create.region_id = claim.region_id;
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	EXPECT_EQ(touch(fd, MMIOD_ACCESS_READ, 2, 16, &word, 2), 0);
	EXPECT_EQ(touch(fd, MMIOD_ACCESS_READ, 4, 16, &word, 1), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(pread(fd, &word, 1, 16), -1);
	EXPECT_EQ(errno, EINVAL);
	close(fd);
	EXPECT_EQ(release(control, claim.region_id), 0);
}

TEST(a_claim_of_ports_is_for_an_io_bar_and_one_of_memory_is_not)
{
	struct mmiod_region_claim claim = claim_of("no-ports");
	int control = open_control();

	claim.bar = 0;
	EXPECT_EQ(try_claim(control, &claim), -1);
	EXPECT_EQ(errno, ENXIO);
	claim.bar = 3;
	EXPECT_EQ(try_claim(control, &claim), -1);
	EXPECT_EQ(errno, ENXIO);
	claim.bar = 1;
	claim.kind = MMIOD_REGION_PCI;
	EXPECT_EQ(try_claim(control, &claim), -1);
	EXPECT_EQ(errno, ENXIO);
	claim.kind = MMIOD_REGION_PORTS;
	claim.offset = BAR_LENGTH;
	EXPECT_EQ(try_claim(control, &claim), -1);
	EXPECT_EQ(errno, EINVAL);
}

TEST(ports_that_are_claimed_show_in_proc_and_are_claimed_once)
{
	struct mmiod_region_claim claim = claim_of("twice");
	int control = open_control();
	uint64_t id = ports(control);

	EXPECT(strstr(read_file("/proc/ioports"), "mmiod:ports\n"));
	EXPECT(!strstr(read_file("/proc/iomem"), "mmiod:ports\n"));
	claim.offset = 0x10;
	claim.length = 4;
	EXPECT_EQ(try_claim(control, &claim), -1);
	EXPECT_EQ(errno, EBUSY);
	EXPECT_EQ(claim.conflict_id, id);
	EXPECT_EQ(region_info(control, id).kind, MMIOD_REGION_PORTS);
	EXPECT_EQ(region_info(control, id).length, BAR_LENGTH);
	EXPECT_EQ(region_info(control, id).bar, 1);
}

/* The kernel gives ports to others by the same tree: what is bound has them. */
TEST(ports_of_a_function_that_is_unbound_are_nobodys)
{
	int control = open_control(), fd = port_window(control);
	uint64_t id = window_id(fd);
	uint32_t word;

	bind_driver(testdev(), "");
	EXPECT(!strstr(read_file("/proc/ioports"), "mmiod:ports"));
	EXPECT_EQ(pread(fd, &word, 4, 0), -1);
	EXPECT_EQ(errno, ENODEV);
	EXPECT(happens(control, MMIOD_CONTROL_WINDOW_STATE, MMIOD_WINDOW_REVOKED, id));
	bind_driver(testdev(), "mmiod");
	EXPECT(strstr(read_file("/proc/ioports"), "mmiod\n"));
	EXPECT(pci_command(testdev()) & 1);
}

TEST(windows_of_ports_are_suspended_resumed_and_revoked_as_others)
{
	int control = open_control(), fd = port_window(control);
	uint64_t id = window_id(fd);
	uint32_t word;

	choose(fd);
	EXPECT_EQ(pread(fd, &word, 4, 16), 4);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_SUSPENDED), 0);
	EXPECT_EQ(pread(fd, &word, 4, 16), -1);
	EXPECT_EQ(errno, EAGAIN);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_OK), 0);
	EXPECT_EQ(pread(fd, &word, 4, 16), 4);
	EXPECT_EQ(set_state(control, id, MMIOD_WINDOW_REVOKED), 0);
	EXPECT_EQ(pread(fd, &word, 4, 16), -1);
	EXPECT_EQ(errno, ENODEV);
}

TEST(a_read_only_window_of_ports_is_not_written)
{
	struct mmiod_window_create create;
	int control = open_control(), fd;
	uint8_t byte = 0;

	create = all_ports(control);
	create.flags = MMIOD_WINDOW_READONLY;
	fd = try_window(control, &create);
	EXPECT(fd >= 0);
	EXPECT_EQ(pread(fd, &byte, 1, 16), 1);
	EXPECT_EQ(pwrite(fd, &byte, 1, 0), -1);
	EXPECT_EQ(errno, EBADF);
	EXPECT_EQ(touch(fd, MMIOD_ACCESS_WRITE, 1, 0, &byte, 1), -1);
	EXPECT_EQ(errno, EBADF);
}

TEST(nobody_gets_a_window_of_ports_that_are_not_decoded)
{
	int control = open_control(), memory;
	struct mmiod_window_create create = all_ports(control);

	set_pci_command(testdev(), 1, false);
	EXPECT_EQ(try_window(control, &create), -1);
	EXPECT_EQ(errno, EIO);
	memory = window(control, "testdev", 0, page(), UC, 0);
	set_pci_command(testdev(), 1, true);
	EXPECT(try_window(control, &create) >= 0);
	close(memory);
}

TEST(who_may_write_ports_keeps_another_owner_from_mastering)
{
	struct mmiod_device_master master = { .size = sizeof(master), .on = 1 };
	uint32_t flags = MMIOD_OPERATE_NO_ENGINE | MMIOD_OPERATE_NEEDS_NO_RESET;
	int control = open_control(), fd, window;
	struct mmiod_window_create create = all_ports(control);

	create.owner = 2;
	window = try_window(control, &create);
	EXPECT(window >= 0);
	fd = operate_at_once(control, testdev(), READ | MMIOD_OPERATE_MASTER, flags, 3);
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_DEVICE_SET_MASTER, &master), -1);
	EXPECT_EQ(errno, EBUSY);
	EXPECT_EQ(master.conflict_id, create.window_id);
	close(window);
	EXPECT_EQ(ioctl(fd, MMIOD_IOC_DEVICE_SET_MASTER, &master), 0);
	EXPECT_EQ(try_window(control, &create), -1);
	EXPECT_EQ(errno, EBUSY);
}
